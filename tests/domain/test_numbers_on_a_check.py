"""Vendor numbers, document numbers and amounts: what is printed on a check, an EFT advice or a notice."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import Amount, DocumentNumber, IdentifierError, Ledger, VendorNumber
from tests.domain.typing_habits import INTRUDERS, outcome, typed

LETTERS_AND_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
significant = st.text("0123456789", min_size=1, max_size=12).map(lambda digits: digits.lstrip("0") or "0")
zeros = st.integers(0, 9).map("0".__mul__)
traces = (
    st.text(LETTERS_AND_DIGITS, min_size=1, max_size=15)
    .map(lambda text: text.lstrip("0") or "0")
    .filter(lambda text: not text.startswith("NP"))
)


def refused(parse, text: str) -> str:
    with pytest.raises(IdentifierError) as caught:
        parse(text)
    return caught.value.code


def notice(number: str) -> DocumentNumber:
    return DocumentNumber(Ledger.NOTICE, number)


def payment(number: str) -> DocumentNumber:
    return DocumentNumber(Ledger.PAYMENT, number)


@given(st.data(), traces, zeros)
def test_P4_a_vendor_number_is_the_same_however_it_is_typed(data: st.DataObject, number: str, padding: str):
    if len(padding + number) <= 15:
        assert VendorNumber.parse(data.draw(typed(padding + number))) == VendorNumber(number)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "vendor_missing"),
        (" -- ", "vendor_missing"),
        ("1" * 16, "vendor_length"),
        ("1" * 40_000, "vendor_length"),
        ("V#12", "vendor_characters"),
        ("12/34", "vendor_characters"),
        ("123456.0", "vendor_characters"),
        ("ß1", "vendor_characters"),
        ("ı1", "vendor_characters"),
        ("12\x00", "vendor_characters"),
        ("1\u202e2", "vendor_characters"),
    ],
)
def test_P4_each_defect_of_a_vendor_number_has_its_code(text: str, code: str):
    assert refused(VendorNumber.parse, text) == code


@given(st.data(), significant, zeros)
def test_P3_a_notice_is_one_number_however_it_is_typed(data: st.DataObject, number: str, padding: str):
    assert DocumentNumber.parse(data.draw(typed(f"NP{padding}{number}"))) == notice(number)


@pytest.mark.parametrize(
    "text", ["NP123", "np123", "NP 123", "NP-123", "Np–00123", "N.P. 123", "#NP123", "ＮＰ１２３", " np\u00a0123 "]
)
def test_P3_np_with_and_without_separators_is_one_number(text: str):
    assert DocumentNumber.parse(text) == notice("123")


@given(st.data(), traces, zeros)
def test_P1_a_check_or_trace_is_one_number_however_it_is_typed(data: st.DataObject, number: str, padding: str):
    assert DocumentNumber.parse(data.draw(typed(padding + number))) == payment(number)


@given(st.data(), significant, significant)
def test_P3_a_notice_is_never_a_payment(data: st.DataObject, one: str, other: str):
    with_prefix = DocumentNumber.parse(data.draw(typed("NP" + one)))
    without = DocumentNumber.parse(data.draw(typed(other)))
    assert with_prefix != without
    assert hash(with_prefix) != hash(without)
    assert str(with_prefix) != str(without)


@given(st.text(max_size=60))
def test_P3_any_text_is_a_document_number_or_a_refusal(text: str):
    document = outcome(DocumentNumber.parse, text)
    if isinstance(document, IdentifierError):
        assert document.code.startswith("document_")
    else:
        assert re.fullmatch("[0-9A-Z]{1,50}", document.number)
        assert DocumentNumber.parse(str(document)) == document


@given(st.text(LETTERS_AND_DIGITS + "#-. ", max_size=20))
def test_P3_what_is_printed_reads_back_as_the_same_document(text: str):
    document = outcome(DocumentNumber.parse, text)
    if isinstance(document, DocumentNumber):
        assert DocumentNumber.parse(str(document)) == document


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "document_missing"),
        ("#", "document_missing"),
        (" - ", "document_missing"),
        ("1" * 51, "document_length"),
        ("x" * 40_000, "document_length"),
        ("NP", "document_np_alone"),
        ("np-", "document_np_alone"),
        ("NPNP123", "document_np_alone"),
        ("NP12A", "document_np_alone"),
        ("0NP123", "document_np_alone"),
        ("00 np 123", "document_np_alone"),
        ("12#34", "document_characters"),
        ("NP#123", "document_characters"),
        ("NР123", "document_characters"),  # the P is Cyrillic
        ("=1+1", "document_characters"),
        ("123456.0", "document_characters"),
        ("123456.00", "document_characters"),
        ("1.23E+11", "document_characters"),
        ("123²", "document_characters"),
        ("ß12", "document_characters"),
        ("' OR 1=1 --", "document_characters"),
        ("12\x00", "document_characters"),
        ("\u202d12\u202c", "document_characters"),
    ],
)
def test_P3_each_defect_of_a_document_number_has_its_code(text: str, code: str):
    assert refused(DocumentNumber.parse, text) == code


@given(traces, st.integers(0, 15), st.sampled_from(INTRUDERS))
def test_P1_a_stray_character_never_becomes_another_number(number: str, place: int, intruder: str):
    assert refused(DocumentNumber.parse, number[:place] + intruder + number[place:]) == "document_characters"
    assert refused(VendorNumber.parse, number[:place] + intruder + number[place:]) == "vendor_characters"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0012345678", "12345678"),
        ("91000012345678T", "91000012345678T"),
        ("EFT-0098-a7", "EFT0098A7"),
        ("# 4455", "4455"),
        ("000", "0"),
        ("N0P1", "N0P1"),
    ],
)
def test_P1_checks_and_traces_as_they_are_printed(text: str, number: str):
    assert DocumentNumber.parse(text) == payment(number)


cents = st.integers(0, 99_999_999_999)


@given(cents)
def test_P1_an_amount_reads_back_to_the_cent(value: int):
    assert Amount.parse(str(Amount(value))) == Amount(value)
    assert Amount.parse(f"{value // 100}.{value % 100:02}") == Amount(value)


@given(cents, cents)
def test_P1_two_amounts_are_never_taken_for_one_another(one: int, other: int):
    assert (Amount.parse(str(Amount(one))) == Amount.parse(str(Amount(other)))) == (one == other)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.56", 123456),
        ("1,234.56", 123456),
        ("$1,234.56", 123456),
        ("$ 1,234.56 USD", 123456),
        ("1 234.56", 123456),
        ("1\u202f234.56", 123456),
        ("1, 234 .56", 123456),
        ("1234", 123400),
        ("1234.", 123400),
        ("1234.5", 123450),
        ("００１２．５０", 1250),
        ("0", 0),
        ("0.07", 7),
        ("0000000000000000000000000000000000000000000000000000000000012.30", 1230),
        ("999,999,999.99", 99_999_999_999),
    ],
)
def test_P1_amounts_as_people_write_them(text: str, value: int):
    assert Amount.parse(text) == Amount(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "amount_missing"),
        ("\u00a0 ", "amount_missing"),
        ("$", "amount_format"),
        ("-5.00", "amount_format"),
        ("−5.00", "amount_format"),
        ("(5.00)", "amount_format"),
        ("5.001", "amount_format"),
        ("1,23", "amount_format"),
        ("1234,567", "amount_format"),
        ("1.234,56", "amount_format"),
        ("12 50", "amount_format"),  # 12.50 or 1250?
        ("1 2 3", "amount_format"),
        ("$10⁵⁰", "amount_format"),  # as checks print $10.50
        ("12½", "amount_format"),
        ("1e5", "amount_format"),
        ("0x10", "amount_format"),
        ("1_000", "amount_format"),
        ("NaN", "amount_format"),
        ("inf", "amount_format"),
        ("١٢٫٥٠", "amount_format"),
        ("१२", "amount_format"),
        ("€5", "amount_format"),
        ("5\x00", "amount_format"),
        ("\u202e5", "amount_format"),
        ("1,000,000,000", "amount_too_large"),
        ("9" * 5_000, "amount_too_large"),
        ("9" * 40_000, "amount_too_large"),
        ("1," + "000," * 9_000 + "000", "amount_too_large"),
    ],
)
def test_P1_each_defect_of_an_amount_has_its_code(text: str, code: str):
    assert refused(Amount.parse, text) == code


@given(st.text("0123456789.,$ -()eEUSD\u0660\u00b2\x00", max_size=30))
def test_P1_any_text_is_an_amount_or_a_refusal(text: str):
    amount = outcome(Amount.parse, text)
    if isinstance(amount, IdentifierError):
        assert amount.code.startswith("amount_")
    else:
        assert 0 <= amount.cents <= 99_999_999_999
        assert Amount.parse(str(amount)) == amount
