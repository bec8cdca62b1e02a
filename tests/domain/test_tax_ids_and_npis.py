"""Tax IDs and NPIs: however they are typed, the same value; what can't be meant, one code per defect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import IdentifierError, Npi, Tin, npi_with_check_digit
from tests.domain.typing_habits import INTRUDERS, outcome, typed

tin_digits = st.text("0123456789", min_size=9, max_size=9).filter(lambda digits: len(set(digits)) > 1)
npi_digits = st.builds(
    lambda first, rest: npi_with_check_digit(first + rest).digits,
    st.sampled_from("12"),
    st.text("0123456789", min_size=8, max_size=8),
)


def refused(parse, text: str) -> str:
    with pytest.raises(IdentifierError) as caught:
        parse(text)
    return caught.value.code


def checks_out(npi: str) -> bool:
    """CMS's description of the check digit, written without a look at the one under test."""
    # Double every other digit from the right of the first nine, sum the digits of the products, add the rest and 24.
    doubled = [int(digit) * 2 for digit in npi[8::-2]]
    total = 24 + sum(product // 10 + product % 10 for product in doubled) + sum(int(digit) for digit in npi[7::-2])
    return (total + int(npi[9])) % 10 == 0


@given(st.data(), tin_digits)
def test_P1_a_tax_id_is_the_same_however_it_is_typed(data: st.DataObject, digits: str):
    assert Tin.parse(data.draw(typed(digits))) == Tin(digits)


@given(tin_digits, tin_digits)
def test_P1_two_tax_ids_are_never_taken_for_one_another(one: str, other: str):
    assert (Tin.parse(one) == Tin.parse(other)) == (one == other)


@pytest.mark.parametrize(
    "text",
    ["12-3456789", "12 345 6789", "123-45-6789", "12.3456789", " 123456789\r\n", "１２３４５６７８９", "12–3456789"],
)
def test_P1_tax_ids_as_clerks_write_them(text: str):
    assert Tin.parse(text) == Tin("123456789")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "tin_missing"),
        (" - . ", "tin_missing"),
        ("12345678", "tin_length"),
        ("1234567890", "tin_length"),
        ("9" * 40_000, "tin_length"),
        ("12345678O", "tin_not_digits"),
        ("١٢٣٤٥٦٧٨٩", "tin_not_digits"),
        ("12345678²", "tin_not_digits"),
        ("000000000", "tin_impossible"),
        ("999-99-9999", "tin_impossible"),
        ("EIN 123456789", "tin_not_digits"),
        ("TIN", "tin_not_digits"),
    ],
)
def test_P1_each_defect_of_a_tax_id_has_its_code(text: str, code: str):
    assert refused(Tin.parse, text) == code


@pytest.mark.parametrize(("text", "end"), [("1", "; 1 was typed."), ("12", "; 2 were typed.")])
def test_P1_a_wrong_length_is_counted_as_people_count(text: str, end: str):
    for parse in (Tin.parse, Npi.parse):
        with pytest.raises(IdentifierError) as caught:
            parse(text)
        assert caught.value.message.endswith(end)


def test_P1_a_spreadsheets_decimals_never_make_another_tax_id():
    # 011234567 lost its zero and gained ".0" in a spreadsheet; its digits alone would be somebody else's Tax ID.
    assert refused(Tin.parse, "11234567.0") == "tin_not_digits"


@given(tin_digits, st.integers(0, 9), st.sampled_from(INTRUDERS))
def test_P1_a_stray_character_is_refused_and_never_dropped(digits: str, place: int, intruder: str):
    assert refused(Tin.parse, digits[:place] + intruder + digits[place:]) == "tin_not_digits"


@given(st.text(max_size=60))
def test_P1_any_text_is_a_tax_id_or_a_refusal(text: str):
    tin = outcome(Tin.parse, text)
    if isinstance(tin, IdentifierError):
        assert tin.code.startswith("tin_")
        assert tin.message.endswith(".")
    else:
        digits = tin.digits
        assert len(digits) == 9
        assert digits.isascii()
        assert digits.isdigit()
        assert Tin.parse(digits).digits == digits


@given(tin_digits)
def test_B10_a_tax_id_never_prints_its_digits(digits: str):
    tin = Tin(digits)
    for printed in (repr(tin), str(tin), f"{tin}", repr([tin]), repr({"tin": tin})):
        assert not any(character.isdigit() for character in printed)


@given(tin_digits)
def test_B10_a_masked_tax_id_shows_its_last_four_digits_only(digits: str):
    assert Tin(digits).masked == "•••••" + digits[5:]


@given(st.text("0123456789ABC", min_size=5, max_size=30))
def test_B10_a_refusal_never_repeats_what_was_typed(text: str):
    for parse in (Tin.parse, Npi.parse):
        read = outcome(parse, text)
        if isinstance(read, IdentifierError):
            assert text not in f"{read} {read!r} {read.message}"


@pytest.mark.parametrize(
    ("digits", "unassigned"), [("070000001", True), ("000000001", True), ("410000001", False), ("990000001", False)]
)
def test_T3_an_unassigned_prefix_is_told_and_never_refused(digits: str, unassigned: bool):
    assert Tin.parse(digits).has_unassigned_prefix is unassigned


def test_P4_the_example_of_cms_is_an_npi():
    assert Npi.parse("1234567893") == Npi("1234567893")


@given(st.sampled_from("12"), st.text("0123456789", min_size=9, max_size=9))
def test_P4_the_check_digit_is_the_one_that_cms_describes(first: str, rest: str):
    if checks_out(first + rest):
        assert Npi.parse(first + rest).digits == first + rest
    else:
        assert refused(Npi.parse, first + rest) == "npi_check_digit"


@given(npi_digits, st.integers(1, 9), st.integers(1, 9))
def test_P4_one_mistyped_digit_is_always_caught(npi: str, place: int, shift: int):
    wrong = npi[:place] + str((int(npi[place]) + shift) % 10) + npi[place + 1 :]
    assert refused(Npi.parse, wrong) == "npi_check_digit"


@given(npi_digits, st.integers(1, 8))
def test_P4_two_digits_the_wrong_way_round_are_caught(npi: str, place: int):
    swapped = npi[:place] + npi[place + 1] + npi[place] + npi[place + 2 :]
    if swapped == npi or {npi[place], npi[place + 1]} == {"0", "9"}:  # the one pair that the Luhn formula can't tell
        assert Npi.parse(swapped).digits == swapped
    else:
        assert refused(Npi.parse, swapped) == "npi_check_digit"


@given(st.data(), npi_digits)
def test_P4_an_npi_is_the_same_however_it_is_typed(data: st.DataObject, digits: str):
    assert Npi.parse(data.draw(typed(digits))) == Npi(digits)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "npi_missing"),
        ("\u3000", "npi_missing"),
        ("123456789", "npi_length"),
        ("12345678933", "npi_length"),
        ("1234567893.0", "npi_not_digits"),
        ("NPI1234567893", "npi_not_digits"),
        ("12345678l3", "npi_not_digits"),
        ("0234567893", "npi_first_digit"),
        ("3234567893", "npi_first_digit"),
        ("1234567890", "npi_check_digit"),
        ("808401234567893", "npi_length"),
        ("\x001234567893", "npi_not_digits"),
    ],
)
def test_P4_each_defect_of_an_npi_has_its_code(text: str, code: str):
    assert refused(Npi.parse, text) == code


@given(npi_digits)
def test_B10_an_npi_prints_its_last_four_digits_only(digits: str):
    assert repr(Npi(digits)) == f"Npi(••••••{digits[6:]})"
