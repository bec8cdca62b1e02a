"""CSV files: columns by name in any order, forgiving reading, and lines set aside with their reason."""

import gzip
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.directory import Address, FileKind, NpiFact, PaymentFact, PaymentMethod, SetAside, VendorFact, cleaned_name
from domain.identifiers import Ledger, Npi, Tin, VendorNumber
from domain.matching import PaymentStatus
from intake.detect import OwnRejectsError, kind_of
from intake.nppes import read_deactivations, read_other_names, read_providers
from intake.register import read_register
from intake.source import Source, SourceError
from intake.vendors import read_vendors
from tests.intake.samples import ISA, NPI, OTHER_NPI, TIN

REGISTER = "Check Number,Method,Date,Amount,TIN"


def lines(text: str) -> Iterator[str]:
    return iter(text.splitlines(keepends=True))


def register(*rows: str, header: str = REGISTER) -> list[Any]:
    return list(read_register(lines("\n".join((header, *rows)) + "\n"), name="register.csv"))


def kind_in(tmp_path: Path, content: str | bytes) -> FileKind:
    path = tmp_path / "file.bin"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with Source(path) as source:
        return kind_of(source)


def test_a_register_is_read_by_column_name_whatever_the_order():
    header = "zip;STATE;City;address_line2;Address Line 1;payee;npi;Tax ID;vendor no;AMOUNT;issue date;Payment Method;check number;status;replaces"
    row = f"43901;oh;Fairhaven;;12 Main St.;Northfield Clinic;{NPI};07-0000123;0012345;$1,250.40;1/5/2026;check;#00778899;Issued;00778800"
    (found,) = register(row, header=header)
    assert found == PaymentFact(
        document=found.document,
        method=PaymentMethod.CHECK,
        amount_cents=125_040,
        issued_on=date(2026, 1, 5),
        tin=Tin(TIN),
        payee="Northfield Clinic",
        npi=Npi(NPI),
        vendor_number=VendorNumber("12345"),
        address=Address("12 MAIN ST", "", "FAIRHAVEN", "OH", "43901"),
        replaces=found.replaces,
        source="register.csv, line 2",
    )
    assert (found.document.number, found.replaces.number) == ("778899", "778800")


def test_P3_a_register_s_notices_need_np_and_no_amount():
    found = register(
        f"NP77,NON,2026-01-05,0.00,{TIN}",
        f"77,NON,2026-01-05,0.00,{TIN}",
        f"NP77,NON,2026-01-05,1.00,{TIN}",
        f"NP77,CHK,2026-01-05,1.00,{TIN}",
    )
    assert found[0].document.ledger is Ledger.NOTICE
    assert [(defect.element, defect.reason) for defect in found[1:]] == [
        ("number", "notice_without_np"),
        ("amount", "notice_with_amount"),
        ("number", "np_without_notice"),
    ]


def test_a_voided_check_may_have_the_amount_zero_and_an_issued_one_not():
    header = f"{REGISTER},Status"
    voided, issued = register(f"1,CHK,2026-01-05,0.00,{TIN},void", f"2,CHK,2026-01-05,0.00,{TIN},issued", header=header)
    assert voided.status is PaymentStatus.VOIDED
    assert issued == SetAside("line 3", "amount", "amount_zero")


@pytest.mark.parametrize(
    ("row", "element", "reason"),
    [
        (f",CHK,2026-01-05,10,{TIN}", "number", "number_missing"),
        (f"1 2/3,CHK,2026-01-05,10,{TIN}", "number", "document_characters"),
        (f"1,CASH,2026-01-05,10,{TIN}", "method", "method_unknown"),
        (f"1,CHK,2026-02-30,10,{TIN}", "date", "date_impossible"),
        (f"1,CHK,5.1.2026,10,{TIN}", "date", "date_impossible"),
        (f"1,CHK,,10,{TIN}", "date", "date_missing"),
        (f"1,CHK,2026-01-05,ten,{TIN}", "amount", "amount_format"),
        (f"1,CHK,2026-01-05,-10,{TIN}", "amount", "amount_negative"),
        (f"1,CHK,2026-01-05,(10),{TIN}", "amount", "amount_negative"),
        ("1,CHK,2026-01-05,10,1234567", "TIN", "tin_length"),
        (f"1,CHK,2026-01-05,1,250.00,{TIN}", "", "row_too_long"),
        ("1,CHK,2026-01-05", "", "row_too_short"),
    ],
)
def test_a_bad_line_is_set_aside_by_its_number_and_the_rest_is_loaded(row: str, element: str, reason: str):
    good = f"8,CHK,2026-01-05,10,{TIN}"
    found = register(good, row, "", good)
    assert isinstance(found[0], PaymentFact)
    assert found[1] == SetAside("line 3", element, reason)
    assert isinstance(found[2], PaymentFact)
    assert found[2].source == "register.csv, line 5"


def test_optional_columns_are_checked_when_they_are_filled():
    header = f"{REGISTER},NPI,Vendor Number,Status,Replaces"
    base = f"1,CHK,2026-01-05,10,{TIN}"
    found = register(
        f"{base},2123456788,,,", f"{base},,12345678901234567,,", f"{base},,,lost,", f"{base},,,,01", header=header
    )
    assert [(defect.element, defect.reason) for defect in found] == [
        ("NPI", "npi_check_digit"),
        ("vendor number", "vendor_length"),
        ("status", "status_unknown"),
        ("replaces", "replaces_itself"),
    ]


GOOD_LINES = {
    read_vendors: ("Vendor Number,TIN,Name", f"V{{at}},{TIN},Clinic {{at}}"),
    partial(read_register, name="r"): (REGISTER, f"{{at}},CHK,2026-01-05,10,{TIN}"),
    read_providers: (
        "NPI,Entity Type Code,Provider Organization Name (Legal Business Name),NPI Deactivation Date,NPI Reactivation Date",
        f"{NPI},2,CLINIC {{at}},,",
    ),
    read_deactivations: ("NPI,NPPES Deactivation Date", f"{NPI},01/09/2026"),
    read_other_names: (
        "NPI,Provider Other Organization Name,Provider Other Organization Name Type Code",
        f"{NPI},CLINIC {{at}},3",
    ),
}


@pytest.mark.parametrize("reader", GOOD_LINES, ids=["vendors", "register", "providers", "deactivations", "other-names"])
def test_a_quotation_mark_that_is_never_closed_costs_its_own_line_only(reader: Callable[..., Iterator[Any]]):
    header, good = GOOD_LINES[reader]
    wanted = [good.format(at=at) for at in range(50)]
    first, _, rest = wanted[10].partition(",")
    broken = [*wanted[:10], f'{first},"{rest}', *wanted[11:]]
    found = list(reader(lines("\n".join((header, *broken)) + "\n")))
    assert found[10] == SetAside("line 12", "", "row_malformed")
    alone = list(reader(lines("\n".join((header, *wanted)) + "\n")))
    assert found[:10] + found[11:] == alone[:10] + alone[11:]


# What a line of a vendor file may be, good or broken; a quotation mark anywhere, and never a line end.
vendor_names = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1, max_size=12)
raw_lines = st.text(st.sampled_from('"",;ab1 \t|\u2028'), max_size=20)


@st.composite
def vendor_lines(draw: st.DrawFn) -> str:
    name = draw(vendor_names)
    quoted = '"' + name.replace('"', '""') + '"'
    return f"V{draw(st.integers(1, 99))},{TIN},{draw(st.sampled_from([quoted, name, quoted[:-1], quoted + name]))}"


@given(st.lists(vendor_lines() | raw_lines, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_a_line_holds_it_is_read_as_if_it_were_alone(written: list[str], line_end: str, is_compressed: bool):
    header = f"Vendor Number,TIN,Name{line_end}"
    content = b"\xef\xbb\xbf" + (header + "".join(line + line_end for line in written)).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vendors.csv"
        path.write_bytes(gzip.compress(content) if is_compressed else content)
        with Source(path) as source:
            found = list(read_vendors(source.lines()))
    alone: list[Any] = []
    for at, line in enumerate(written, start=2):
        alone += [
            replace(one, position=f"line {at}") if isinstance(one, SetAside) else one
            for one in read_vendors(iter((header, line + line_end)))
        ]
    assert found == alone


@given(vendor_names, st.sampled_from(["\n", "\r\n"]))
def test_a_quoted_name_keeps_its_commas_and_its_doubled_quotation_marks(name: str, line_end: str):
    quoted = '"' + name.replace('"', '""') + '"'
    found = list(read_vendors(iter((f"Vendor Number,TIN,Name{line_end}", f"7,{TIN},{quoted}{line_end}"))))
    kept = cleaned_name(name.strip())
    assert found == [
        VendorFact(number=VendorNumber("7"), tin=Tin(TIN), name=kept)
        if kept
        else SetAside("line 2", "name", "name_missing")
    ]


def test_a_file_with_the_line_ends_of_old_macs_or_an_endless_line_is_told(tmp_path: Path):
    for content in (f"Vendor Number,TIN,Name\r7,{TIN},Clinic\r", "Vendor Number,TIN,Name," + "x" * 200_000):
        path = tmp_path / "vendors.csv"
        path.write_text(content, newline="")
        with Source(path) as source:
            assert list(read_vendors(source.lines())) == [SetAside("line 1", "", "columns_missing")]


def test_a_short_compressed_file_that_breaks_off_keeps_what_came_before(tmp_path: Path):
    path = tmp_path / "vendors.csv"
    path.write_bytes(gzip.compress(f"Vendor Number,TIN,Name\n7,{TIN},Clinic\n".encode())[:-6])
    with Source(path) as source:
        assert list(read_vendors(source.lines())) == [
            VendorFact(number=VendorNumber("7"), tin=Tin(TIN), name="Clinic"),
            SetAside("file", "", "file_truncated"),
        ]


def test_P4_a_vendor_file_tells_closed_numbers_npis_and_practitioners():
    text = (
        "Vendor Number,TIN,Name,Address Line 1,City,State,ZIP,NPIs,Practitioners,Closed Date\n"
        f'00A77,{TIN},"Northfield, Inc.",12 Main St,Fairhaven,OH,43901-0000,{NPI}; {OTHER_NPI};,Dr. Avery Holloway;Quinn Okonjo,12/31/2025\n'
        f"78,{TIN},Northfield,,,,,{NPI};123,,\n"
        f"79,{TIN},,,,,,,,\n"
    )
    found = list(read_vendors(lines(text)))
    assert found == [
        VendorFact(
            number=VendorNumber("A77"),
            tin=Tin(TIN),
            name="Northfield, Inc.",
            address=Address("12 MAIN ST", "", "FAIRHAVEN", "OH", "43901"),
            closed_on=date(2025, 12, 31),
            npis=(Npi(NPI), Npi(OTHER_NPI)),
            practitioners=("Dr. Avery Holloway", "Quinn Okonjo"),
        ),
        # The NPI that can't be one is set aside, the line itself is not lost.
        SetAside("line 3", "NPIs", "npi_length"),
        VendorFact(number=VendorNumber("78"), tin=Tin(TIN), name="Northfield", npis=(Npi(NPI),)),
        SetAside("line 4", "name", "name_missing"),
    ]


PFILE = (
    '"NPI","Entity Type Code","Employer Identification Number (EIN)","Provider Organization Name (Legal Business Name)",'
    '"Provider Last Name (Legal Name)","Provider Other Organization Name","NPI Deactivation Date","NPI Reactivation Date"\n'
)


def test_P4_nppes_tells_type_1_from_type_2_and_keeps_no_person_s_name():
    text = (
        f'{PFILE}"{NPI}","2","<UNAVAIL>","NORTHFIELD CLINIC","","NORTHFIELD WALK-IN","01/02/2020","03/04/2021"\n'
        f'"{OTHER_NPI}","1","","","MUSTERMANN","","",""\n'
        f'"{NPI}","","","","","","05/06/2024",""\n'
        f'"2123456788","2","","X","","","",""\n'
        f'"{NPI}","3","","X","","","",""\n'
        f'"{NPI}","2","","X","","","13/01/2020",""\n'
    )
    found = list(read_providers(lines(text)))
    assert found == [
        NpiFact(Npi(NPI), "2", "NORTHFIELD CLINIC", ("NORTHFIELD WALK-IN",), date(2020, 1, 2), date(2021, 3, 4)),
        NpiFact(Npi(OTHER_NPI), "1"),
        NpiFact(Npi(NPI), deactivated_on=date(2024, 5, 6)),
        SetAside("line 5", "NPI", "npi_check_digit"),
        SetAside("line 6", "Entity Type Code", "entity_type_unknown"),
        SetAside("line 7", "NPI Deactivation Date", "date_impossible"),
    ]
    assert "MUSTERMANN" not in repr(found)


def test_deactivations_are_read_below_their_title_and_other_names_by_column():
    report = f"NPPES Deactivated Records as of Jan 12 2026,\nNPI,NPPES Deactivation Date\n{NPI},01/09/2026\n{NPI},\n"
    assert list(read_deactivations(lines(report))) == [
        NpiFact(Npi(NPI), deactivated_on=date(2026, 1, 9)),
        SetAside("line 4", "NPPES Deactivation Date", "date_missing"),
    ]
    names = f'"NPI","Provider Other Organization Name","Provider Other Organization Name Type Code"\n"{NPI}","NORTHFIELD","3"\n'
    assert list(read_other_names(lines(names))) == [NpiFact(Npi(NPI), other_names=("NORTHFIELD",))]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ISA, FileKind.REMITTANCE),
        ("\ufeff\r\n" + ISA.replace("*", "|"), FileKind.REMITTANCE),
        (REGISTER + "\n", FileKind.REGISTER),
        ("\ufeffTIN\tvendor number\tName\n", FileKind.VENDORS),
        (PFILE, FileKind.NPPES),
        ("NPPES Deactivated Records as of Jan 12 2026,\nNPI,NPPES Deactivation Date\n", FileKind.NPPES_DEACTIVATIONS),
        (
            '"NPI","Provider Other Organization Name","Provider Other Organization Name Type Code"\n',
            FileKind.NPPES_OTHER_NAMES,
        ),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_content(tmp_path: Path, content: str, kind: FileKind):
    assert kind_in(tmp_path, content) is kind


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Check Number,Date,Amount,Payee\n", "looks like a check register but has no column for method, TIN"),
        ("hello\n", "unknown kind of file; expected an X12 835"),
        (b"PK\x03\x04rest", "zip archive or an Excel workbook"),
        ("NPI,x\n".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08broken", "damaged gzip"),
        ("ISABELLA,was,here\n", "unknown kind of file"),
        (bytes(range(256)) * 20, "unknown kind of file"),
    ],
)
def test_an_unknown_file_gets_one_clear_line(tmp_path: Path, content: str | bytes, words: str):
    with pytest.raises(SourceError) as refused:
        kind_in(tmp_path, content)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_list_of_rejects_is_recognised(tmp_path: Path):
    with pytest.raises(OwnRejectsError):
        kind_in(tmp_path, "position,element,reason,what to do\r\n")


def test_a_line_that_is_not_utf_8_is_read_as_windows_1252(tmp_path: Path):
    path = tmp_path / "names.csv"
    path.write_bytes("\ufeffNIÑO\n".encode() + "CLÍNICA – 1\n".encode("cp1252"))
    with Source(path) as source:
        assert list(source.lines()) == ["NIÑO\n", "CLÍNICA – 1\n"]
