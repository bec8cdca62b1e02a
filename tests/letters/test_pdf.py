"""The letter as it is printed: measured on the rendered page, not read from the code."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium  # it ships no types
import pytest
import zxingcpp
from PIL import Image, ImageChops
from pypdf import PdfReader

from domain.directory import Address
from domain.letters import AddressDefect, Notice, Pin, mailing_address
from gateways.letters.address_block import ADDRESS_BOX, FIRST_FOLD, WINDOW_REACH, Box, LetterUnprintable, address_block
from gateways.letters.pdf import LetterPdf
from gateways.letters.typeface import drawable
from tests.letters.samples import letter

DPI = 200
SCALE = DPI / 72

LONG: dict[str, Any] = {
    "person": "Dr. Maximiliana Wolfeschlegelsteinhausenbergerdorff-Nguyễn de la Fuente y Campos III " * 2,
    "organization": "Springfield Regional Orthopedics & Sports Medicine Associates of Greater Sangamon County " * 2,
    "address": Address(
        "12345 NORTHWEST MARTIN LUTHER KING JR BOULEVARD",
        "BUILDING 4 SUITE 1200",
        "SAINT AUGUSTINE BEACH",
        "FL",
        "32080-1234",
    ),
    "page_address": "https://provider-portal.northwind-health-plan.example.org/en/registration/us-mail/enter-pin",
}
STACKED = {"person": "Ấẵ Ǘ Ṩ Ấẵ", "organization": "ẤẪẴ ǺÅ ŐŰ jgpqyÇŞ"}


def picture(pdf):
    document = pdfium.PdfDocument(pdf)
    try:
        return document[0].render(scale=SCALE).to_pil().convert("L")
    finally:
        document.close()


def render(**changes):
    return LetterPdf().render(letter(**changes))


def pixels(box: Box, *, margin: int = 0) -> tuple[int, int, int, int]:
    return (
        round(box.left * SCALE) - margin, round(box.top * SCALE) - margin,
        round(box.right * SCALE) + margin, round(box.bottom * SCALE) + margin,
    )  # fmt: skip


def ink(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The rectangle that holds everything not white."""
    return ImageChops.invert(image).getbbox()


def changed(one: bytes, two: bytes) -> tuple[int, int, int, int] | None:
    return ImageChops.difference(picture(one), picture(two)).getbbox()


def within(inner, outer):
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def text_of(pdf: bytes) -> str:
    return " ".join(PdfReader(BytesIO(pdf)).pages[0].extract_text().split())


def without_address(pdf):
    """The page with the text objects of the address taken out, as the window would show it without a recipient."""
    document = pdfium.PdfDocument(pdf)
    page = document[0]
    low, high = 792 - ADDRESS_BOX.bottom - 1, 792 - ADDRESS_BOX.top + 1
    taken = 0
    for thing in list(page.get_objects()):
        _, bottom, _, top = thing.get_bounds()
        if low <= bottom and top <= high and thing.type == pdfium.raw.FPDF_PAGEOBJ_TEXT:
            page.remove_obj(thing)
            taken += 1
    assert taken in {3, 4}
    page.gen_content()
    image = page.render(scale=SCALE).to_pil().convert("L")
    document.close()
    return image


@pytest.mark.parametrize(
    "changes", [{}, LONG, STACKED, {"person": "王秀英"}], ids=["plain", "long", "stacked", "unknown"]
)
def test_P2_only_the_address_shows_in_the_window(changes):
    pdf = render(**changes)
    reach = picture(pdf).crop(pixels(WINDOW_REACH))
    inked = ink(reach)
    left, top, *_ = pixels(WINDOW_REACH)
    box = pixels(ADDRESS_BOX)
    assert inked is not None
    assert within(inked, (box[0] - left, box[1] - top, box[2] - left, box[3] - top))
    assert ink(without_address(pdf).crop(pixels(WINDOW_REACH))) is None


def test_P2_another_address_changes_nothing_outside_the_window():
    other = Address("9 OAK ST", "", "PEORIA", "IL", "61601")
    difference = changed(render(), render(address=other))
    assert difference is not None
    assert within(difference, pixels(ADDRESS_BOX))


def test_P2_another_pin_changes_nothing_above_the_first_fold():
    difference = changed(render(), render(pin=Pin("ZZZZZ88888")))
    assert difference is not None
    assert difference[1] > FIRST_FOLD * SCALE


def test_P2_the_measurement_notices_ink_in_the_window():
    page = picture(LetterPdf(fold_lines=True).render(letter()))
    assert ink(page.crop(pixels(WINDOW_REACH, margin=2))) != ink(picture(render()).crop(pixels(WINDOW_REACH, margin=2)))


def test_P2_one_page_of_us_letter_with_margins_that_any_printer_can_print():
    for changes in ({}, LONG, STACKED):
        pdf = render(**changes)
        pages = PdfReader(BytesIO(pdf)).pages
        assert len(pages) == 1
        assert (float(pages[0].mediabox.width), float(pages[0].mediabox.height)) == (612, 792)
        quarter = 0.25 * DPI
        page = picture(pdf)
        assert within(ink(page), (quarter, quarter, page.width - quarter, page.height - quarter))


def test_P2_all_fonts_are_embedded():
    page: Any = PdfReader(BytesIO(render())).pages[0]
    fonts = page["/Resources"]["/Font"]
    assert fonts
    for font in fonts.values():
        described = font.get_object()
        if "/DescendantFonts" in described:
            described = described["/DescendantFonts"][0].get_object()
        assert "/FontFile2" in described["/FontDescriptor"], described["/BaseFont"]


def test_P2_the_letter_says_what_is_needed():
    text = text_of(render())
    for part in (
        "Northwind Health Plan", "P.O. Box 1400", "November 24, 2026", "Dear Thảo Nguyễn,", "R-7K2M-9QXD",
        "Prairie Señora & Őry Orthopedics, PLLC", "7K2M9-QX4DT", "https://portal.example.org/register/mail",
        "You did not ask for this letter?", "800-555-0142", "8 a.m. to 6 p.m.",
    ):  # fmt: skip
        assert part in text, part


def test_B3_the_letter_counts_from_its_printed_date():
    assert "Use it by December 23, 2026. Later, ask for a new letter on the same page." in text_of(render())
    strict = text_of(render(pin_days=21, dated=date(2026, 12, 31)))
    assert "December 31, 2026" in strict
    assert "Use it by January 20, 2027. Later" in strict


def test_P2_the_code_to_scan_is_the_pages_address_and_never_the_pin():
    for changes in ({}, LONG):
        sample = letter(**changes)
        codes = zxingcpp.read_barcodes(picture(LetterPdf().render(sample)))
        assert [code.text for code in codes] == [sample.page_address]


def test_B10_no_pin_outside_the_page_itself():
    pdf = render()
    reader = PdfReader(BytesIO(pdf))
    assert reader.metadata is not None
    assert reader.metadata.subject == "Provider portal"
    told = f"{reader.metadata} {reader.xmp_metadata} {reader.trailer['/Root']}"
    for secret in ("7K2M9", "QX4DT"):
        assert secret not in told
        assert secret.encode() not in pdf
    for name in ("Nguyễn", "Prairie", "LAKESHORE"):
        assert name not in told


def test_I11_the_same_letter_is_the_same_bytes_in_any_process():
    code = (
        "import hashlib; from gateways.letters.pdf import LetterPdf; from tests.letters.samples import letter;"
        "print(hashlib.sha256(LetterPdf().render(letter())).hexdigest())"
    )
    root = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout.strip()
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }  # fmt: skip
    assert digests == {hashlib.sha256(render()).hexdigest()}
    assert render() == render()
    assert render() != render(reference="R-7K2M-9QXE")


def test_P2_names_are_text_and_never_markup():
    text = text_of(render(organization="<b>Fay & Sons</b> <font size=90>", person="A <br/> B"))
    assert "<b>Fay & Sons</b> <font size=90>" in text
    assert "Dear A <br/> B," in text


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("José Ñúñez", "José Ñúñez"),
        ("Őry Łukasz Žižek", "Őry Łukasz Žižek"),
        ("Nguyễn Thị Minh", "Nguyễn Thị Minh"),
        ("Иван Ωmega", "Иван Ωmega"),
        ("ﬁnn Ｏｌｅ", "finn Ole"),
        ("Ana 😀 Ruiz", "Ana Ruiz"),
        ("王秀英", ""),
        ("Ana 王", ""),
        ("عمر", ""),
    ],
)
def test_P7_names_are_drawn_whole_or_not_at_all(name, drawn):
    assert drawable(name) == drawn


def test_P7_a_name_that_cannot_be_drawn_is_still_greeted():
    text = text_of(render(person="王秀英", organization="東京"))
    assert "Dear provider portal registrant," in text
    assert "register your organization with" in text
    block = address_block(person="王秀英", organization="Prairie", address=letter().address)
    assert block.lines[0] == "PRAIRIE"


def test_P2_names_give_way_to_the_delivery_address_never_the_other_way_round():
    block = address_block(person=LONG["person"], organization=LONG["organization"], address=LONG["address"])
    assert len(block.lines) == 4
    assert "…" in block.lines[0]
    assert " ".join(block.lines[1:3]) == f"{LONG['address'].line1} {LONG['address'].line2}"
    assert block.lines[3] == "SAINT AUGUSTINE BEACH FL  32080-1234"


@pytest.mark.parametrize("word", ["W", "M", "A", "I", "WWWWWWWWWW", "MARTIN", "Å"])
def test_P2_every_address_that_is_usable_fits_the_window(word):
    words = " ".join([word] * 80)
    usable = 0
    for length in range(12, 80, 4):
        address = mailing_address(
            line1=words[:length], line2="STE 1", city=words[: length // 2], state="IL", zip_code="62701-1234"
        )
        if address is AddressDefect.TOO_LONG:
            continue
        assert isinstance(address, Address)
        usable += 1
        block = address_block(person=LONG["person"], organization=LONG["organization"], address=address)
        assert len(block.lines) <= 4
        printed = "".join(block.lines[:-1]).replace(" ", "")
        assert printed.endswith((f"{address.line1}STE1".replace(" ", ""), f"STE1{address.line1}".replace(" ", "")))
    assert usable > 5


def test_P2_an_address_that_cannot_be_printed_is_refused_without_telling_it():
    with pytest.raises(LetterUnprintable) as refused:
        render(address=Address("東京 1", "", "SPRINGFIELD", "IL", "62701"))
    assert str(refused.value) == "address"


NOTICE = Notice(
    letter_id="notice-0001",
    reference="D-4T7P-2WXN",
    person="",
    organization=letter().organization,
    address=letter().address,
    dated=date(2026, 11, 24),
    heading="Someone registered for your organization",
    paragraphs=(
        "A person who says that they took over from an account holder of Prairie Orthopedics has registered for it.",
        "If you agree, you need not do anything. If you don’t, object by December 2, 2026.",
    ),
    action="To object",
    page_address="https://portal.example.org/objection",
    letterhead=letter().letterhead,
)


def test_P9_a_notice_is_a_letter_to_the_address_of_record_without_a_secret():
    pdf = LetterPdf().render(NOTICE)
    text = text_of(pdf)
    for part in (
        "Someone registered for your organization", "To the person in charge", "object by December 2, 2026",
        "To object Open https://portal.example.org/objection", "D-4T7P-2WXN", "800-555-0142",
    ):  # fmt: skip
        assert part in text, part
    assert [code.text for code in zxingcpp.read_barcodes(picture(pdf))] == [NOTICE.page_address]
    assert ink(without_address(pdf).crop(pixels(WINDOW_REACH))) is None
    assert "Prairie" not in repr(NOTICE)


def test_P9_a_notice_without_a_page_or_too_long_for_one():
    told = "王秀英 has registered."
    bare = LetterPdf().render(replace(NOTICE, page_address="", person="Ana Ruiz", paragraphs=(told,)))
    assert "… has registered." in text_of(bare)
    assert "Dear Ana Ruiz," in text_of(bare)
    assert zxingcpp.read_barcodes(picture(bare)) == []
    with pytest.raises(LetterUnprintable) as refused:
        LetterPdf().render(replace(NOTICE, paragraphs=("Words and more words. " * 60,) * 4))
    assert str(refused.value) == "body"
