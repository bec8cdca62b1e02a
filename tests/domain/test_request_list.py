"""A billing service's list of requests: forgiving about the file, exact about each line (T5)."""

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identifiers import npi_with_check_digit
from domain.request_list import (
    RejectedLine,
    RequestLine,
    RequestList,
    RequestListError,
    read_request_list,
    rejected_csv,
)

unhurried = settings(deadline=None)  # a busy machine is no defect


NPI = npi_with_check_digit("198765432").digits
HEADER = "Tax ID,NPI,Provider name,Contact e-mail"
GOOD = f"70-0001234,{NPI},Example Clinic,office@clinic.example.org"
LINE = RequestLine(2, "700001234", NPI, "Example Clinic", "office@clinic.example.org")


def read(*lines: str, end: str = "\r\n") -> RequestList:
    return read_request_list(end.join([*lines, ""]).encode())


def refused(file: bytes) -> str:
    with pytest.raises(RequestListError) as caught:
        read_request_list(file)
    assert caught.value.message.endswith(".")
    return caught.value.code


def outcome(file: bytes) -> str:
    try:
        read_request_list(file)
    except RequestListError as error:
        return error.code
    return "read"


def rejected(line: str) -> RejectedLine:
    found = read(HEADER, line)
    assert found.lines == ()
    return found.rejected[0]


def test_T5_a_list_is_read_line_by_line():
    found = read(HEADER, GOOD, "700005678,,Other Clinic,jane@other.example.org")
    assert found.rejected == ()
    assert found.lines == (LINE, RequestLine(3, "700005678", None, "Other Clinic", "jane@other.example.org"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=ascii)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=ascii)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "mark"])
def test_T5_a_file_of_any_program_is_read(end: str, delimiter: str, mark: bytes):
    text = end.join([HEADER, GOOD]).replace(",", delimiter)
    assert read_request_list(mark + text.encode()).lines == (LINE,)


@pytest.mark.parametrize(
    "header",
    [
        "TIN,NPI,Provider name,Contact", "tax id,npi,PROVIDER NAME,contact e-mail", "Tax-ID,Type 2 NPI,Provider,E-Mail", " TIN ,NPI (optional),provider_name,contact_email",
        '"Tax ID (TIN)","NPI number","Provider-Name:","Contact e-mail address"', "EIN,npi,Organization name,Business contact", "ＴＩＮ,NPI,Name,email",
    ],
)  # fmt: skip
def test_T5_titles_are_forgiving(header: str):
    assert read(header, GOOD).lines == (LINE,)


def test_T5_columns_come_in_any_order_and_others_are_left_alone():
    found = read(
        "Contact,Phone,Contact e-mail,Provider,TIN", "Jane,555-0100,office@clinic.example.org,Example Clinic,700001234"
    )
    assert found.lines == (RequestLine(2, "700001234", None, "Example Clinic", "office@clinic.example.org"),)
    assert found.header == ("Contact", "Phone", "Contact e-mail", "Provider", "TIN")


def test_T5_quoted_cells_hold_commas_quotes_and_spaces():
    found = read(HEADER, '"700001234","", "Smith, ""Doe"" & Co., Inc." ,"office@clinic.example.org"')
    assert found.lines[0].provider_name == 'Smith, "Doe" & Co., Inc.'


def test_T5_blank_lines_do_not_count_but_are_numbered_as_a_spreadsheet_does():
    found = read("", HEADER, "", ",,,", GOOD, '""')
    assert [line.number for line in found.lines] == [5]
    assert found.rejected == ()


def test_T5_a_name_may_be_in_any_language():
    assert (
        read(HEADER, "700001234,,Clínica San José 中央,office@clinic.example.org").lines[0].provider_name
        == "Clínica San José 中央"
    )


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        (",,Example Clinic,a@example.org", "tin", "tin_missing"),
        ("12345678,,Example Clinic,a@example.org", "tin", "tin_length"),
        ("70000123X,,Example Clinic,a@example.org", "tin", "tin_not_digits"),
        ("000000000,,Example Clinic,a@example.org", "tin", "tin_impossible"),
        ("7.00E+08,,Example Clinic,a@example.org", "tin", "tin_not_digits"),
        ("700001234,1234567890,Example Clinic,a@example.org", "npi", "npi_check_digit"),
        ("700001234,none,Example Clinic,a@example.org", "npi", "npi_not_digits"),
        ("700001234,,,a@example.org", "provider_name", "organization_name_missing"),
        ("700001234,,see www.example.org,a@example.org", "provider_name", "organization_name_link"),
        (f"700001234,,{'x' * 201},a@example.org", "provider_name", "organization_name_length"),
        ("700001234,,Example\u202eClinic,a@example.org", "provider_name", "organization_name_characters"),
        ('700001234,,"Example\nClinic",a@example.org', "provider_name", "organization_name_characters"),
        ("700001234,,Example Clinic,", "contact", "email_missing"),
        ("700001234,,Example Clinic", "contact", "email_missing"),
        ("700001234,,Example Clinic,Jane Doe", "contact", "email_invalid"),
        ("700001234,,Example Clinic, Inc.,a@example.org", "line", "cells_too_many"),
        ("x,y,,", "tin", "tin_not_digits"),
    ],
)
def test_T5_a_line_with_a_defect_is_rejected_with_one_reason(line: str, field: str, code: str):
    found = rejected(line)
    assert (found.number, found.field, found.code) == (2, field, code)
    assert found.message.endswith(".")


def test_T5_a_mailbox_of_an_office_may_be_a_business_contact():
    assert read(HEADER, "700001234,,Example Clinic,billing@clinic.example.org").rejected == ()


def test_T5_the_same_provider_twice_is_one_request():
    found = read(
        HEADER,
        "bad,,Example Clinic,a@example.org",
        GOOD,
        f"700001234,{NPI},Another Name,other@example.org",
        "700001234,,Example Clinic,a@example.org",
        GOOD,
    )
    assert [line.number for line in found.lines] == [3, 5]
    assert [(line.number, line.field, line.code) for line in found.rejected[1:]] == [
        (4, "line", "duplicate_line"),
        (6, "line", "duplicate_line"),
    ]
    assert "Line 3" in found.rejected[1].message


def test_T5_a_file_has_at_most_a_thousand_lines():
    lines = [f"7{number:08},,Example Clinic,a@example.org" for number in range(1_001)]
    assert len(read(HEADER, *lines[:1000]).lines) == 1_000
    assert refused("\n".join([HEADER, *lines]).encode()) == "too_many_lines"
    assert refused("\n".join([HEADER, *["x"] * 1_001]).encode()) == "too_many_lines"
    with pytest.raises(RequestListError):
        read_request_list("\n".join([HEADER, *lines[:4]]).encode(), most_lines=3)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\r\n,,,\n", "empty_file"),
        (HEADER.encode(), "empty_file"),
        (f"{HEADER}\n,,,\n".encode(), "empty_file"),
        (f"{HEADER}\n700001234,,Clínica,a@example.org".encode("cp1252"), "not_utf8"),
        (f"{HEADER}\n{GOOD}".encode("utf-16"), "not_utf8"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xff\xfe", "not_utf8"),
        (GOOD.encode(), "columns_missing"),
        (b"TIN,Provider\n1,2", "columns_missing"),
        (f"{HEADER},npi\n{GOOD},".encode(), "columns_repeated"),
    ],
)
def test_T5_a_file_that_cannot_be_read_is_refused_as_a_whole(file: bytes, code: str):
    assert refused(file) == code


def test_T5_what_is_missing_is_named():
    with pytest.raises(RequestListError, match="“Contact e-mail”"):
        read("Tax ID,Provider name", "x,y")


def test_T5_a_quotation_mark_nobody_closes_spoils_its_line_only():
    found = read(HEADER, '700005678,,"Other Clinic,other@example.org', GOOD)
    assert [(line.number, line.code) for line in found.rejected] == [(2, "quotation_open")]
    assert [line.number for line in found.lines] == [3]


def test_I14_nothing_of_a_line_is_printed():
    found = read(HEADER, GOOD, "x,,Secret Clinic,a@example.org")
    for shown in (repr(found.lines), repr(found.rejected), str(found.rejected)):
        assert not any(word in shown for word in ("700001234", "Clinic", "example.org", NPI))


def corrected(found: RequestList, correct: Callable[[str], str] = str) -> RequestList:
    return read_request_list(b"\xef\xbb\xbf" + correct(rejected_csv(found.header, found.rejected)).encode())


def told(found: RequestList) -> list[tuple[tuple[str, ...], str, str]]:
    return [(line.cells, line.field, line.code) for line in found.rejected]


def test_T5_the_rejected_lines_can_be_corrected_and_sent_again():
    found = read(
        HEADER + ",Note",
        f"{GOOD},fine",
        "70-000999,,=Cmd Clinic,a@example.org,+1 555-0100",
        "700008888,,Other Clinic,-,@x",
    )
    file = rejected_csv(found.header, found.rejected)
    assert file.splitlines()[0] == '"line","reason","Tax ID","NPI","Provider name","Contact e-mail","Note"'
    assert file.splitlines()[1].startswith(
        '"3","The Tax ID has 9 digits; 8 were typed.","70-000999","","\'=Cmd Clinic","a@example.org","\'+1'
    )
    assert told(corrected(found)) == told(found)
    again = corrected(
        found,
        lambda text: text.replace("70-000999", "70-0009990").replace("'=Cmd", "Cmd").replace("'-", "b@example.org"),
    )
    assert [(line.tin, line.contact) for line in again.lines] == [
        ("700009990", "a@example.org"),
        ("700008888", "b@example.org"),
    ]


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "  =", "'=", "''+", "＝", "＠", "\u00a0-"], ids=ascii
)
def test_T5_a_cell_that_a_spreadsheet_would_calculate_is_guarded(start: str):
    line = RejectedLine(2, (f"{start}1+1",), "tin", "tin_not_digits", "Reason.")
    cell = list(csv.reader(io.StringIO(rejected_csv(["TIN"], [line]), newline="")))[1][2]
    assert cell == f"'{start}1+1"


CELLS = st.text(st.characters(codec="utf-8") | st.sampled_from("'\"=+-@,;\t\r\n "), max_size=12)
ROWS = st.lists(
    st.lists(CELLS, min_size=1, max_size=6).filter(lambda row: any(cell.strip() for cell in row)),
    min_size=1,
    max_size=5,
)


def written(rows: list[list[str]]) -> bytes:
    return "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows).encode()


@unhurried
@given(ROWS)
def test_T5_what_is_rejected_comes_back_as_it_was_sent(rows: list[list[str]]):
    found = read_request_list(written([HEADER.split(","), *rows]))
    if found.rejected:
        again = corrected(found)
        assert again.lines == ()
        assert told(again) == told(found)
        assert told(corrected(again)) == told(found)


@unhurried
@given(ROWS)
def test_T5_every_line_is_either_taken_or_rejected(rows: list[list[str]]):
    found = read_request_list(written([HEADER.split(","), *rows]))
    assert sorted([line.number for line in found.lines] + [line.number for line in found.rejected]) == [
        *range(2, len(rows) + 2)
    ]


@unhurried
@given(ROWS)
def test_T5_no_cell_of_the_rejected_file_is_a_formula(rows: list[list[str]]):
    found = read_request_list(written([HEADER.split(","), *rows]))
    for row in csv.reader(io.StringIO(rejected_csv(found.header, found.rejected), newline="")):
        assert not any(cell.strip()[:1] in {*"=+-@＝＋－＠"} or cell[:1] in {*"\t\r\n"} for cell in row if cell.strip())


@unhurried
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: f"{HEADER}\n{text}".encode("utf-8", "surrogatepass"))
)
def test_T5_any_file_is_a_list_or_a_refusal(file: bytes):
    assert outcome(file) in {"read", "empty_file", "not_utf8", "columns_missing", "columns_repeated", "too_many_lines"}


@unhurried
@given(st.lists(st.text('",;\t\r\n a', max_size=8), max_size=6))
def test_T5_a_wild_file_gives_what_the_standard_library_reads(cells: list[str]):
    # Well-formed cells only: what the two make of quotation marks out of place differs on purpose.
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER.split(","), ["x", *cells]])
    (line,) = read_request_list(text.getvalue().encode()).rejected
    assert line.cells == ("x", *cells)
