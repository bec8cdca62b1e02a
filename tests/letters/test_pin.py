"""The PIN: what is drawn, what may be typed, and that nothing prints it."""

import os
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import IdentifierError
from domain.letters import PIN_ALPHABET, Pin, spells_rude_word
from tests.letters.samples import letter

pins = st.binary(min_size=7, max_size=7).map(
    lambda drawn: "".join(PIN_ALPHABET[int.from_bytes(drawn, "big") >> 5 * place & 31] for place in range(10))
)


def test_P2_pin_is_fifty_bits_in_crockfords_alphabet():
    assert len(PIN_ALPHABET) == len(set(PIN_ALPHABET)) == 32
    assert not set("ILOU") & set(PIN_ALPHABET)
    drawn = {Pin.generate(os.urandom).characters for _ in range(500)}
    assert len(drawn) == 500
    assert all(len({characters[place] for characters in drawn}) == 32 for place in range(10))


def _bit(place: int, count: int) -> bytes:
    return (1 << place).to_bytes(count, "big")


def test_P2_every_bit_counts():
    assert Pin.generate(bytes).characters == "0" * 10
    seen = {Pin.generate(partial(_bit, n)).characters for n in range(50)}
    assert len(seen) == 50


def test_P2_pin_is_shown_in_two_groups():
    assert Pin("7K2M9QX4DT").shown == "7K2M9-QX4DT"


@pytest.mark.parametrize(
    "typed",
    [
        "7K2M0-1X4DT",
        "7k2m0-1x4dt",
        " 7K2M0 1X4DT ",
        "7K2MO-IX4DT",
        "7k2mo-lx4dt",
        "7K2Mo–iX4DT",
        "7 K 2 M 0 L X 4 D T",
        "7K2M0.1X4DT",
        "７Ｋ２Ｍ０－１Ｘ４ＤＴ",
    ],
)
def test_P2_typing_is_forgiving(typed):
    assert Pin.parse(typed) == Pin("7K2M01X4DT")


@given(pins, st.randoms())
def test_P2_any_pin_is_read_however_it_is_typed(characters, random):
    spelled = "".join(
        random.choice({"0": "0oO", "1": "1iIlL"}.get(character, character + character.lower()))
        + random.choice(["", "", "-", " ", "\u2011"])
        for character in characters
    )
    assert Pin.parse(spelled).characters == characters


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "pin_missing"),
        (" - ", "pin_missing"),
        ("7K2M9-QX4D", "pin_length"),
        ("7K2M9-QX4DTT", "pin_length"),
        ("7K2M9-QX4DU", "pin_characters"),
        ("7K2M9-QX4D!", "pin_characters"),
        ("7K2M9-QX4Dé", "pin_characters"),
        ("٣K2M9-QX4DT", "pin_characters"),
    ],
)
def test_P2_each_typing_error_has_its_code(typed, code):
    with pytest.raises(IdentifierError) as refused:
        Pin.parse(typed)
    assert refused.value.code == code


def test_P2_one_character_was_typed_and_two_were():
    for typed, words in (("7", "1 was typed"), ("7K", "2 were typed")):
        with pytest.raises(IdentifierError, match=words):
            Pin.parse(typed)


def test_P2_a_letter_u_is_explained():
    with pytest.raises(IdentifierError, match="V"):
        Pin.parse("7K2M9-QX4DU")


@pytest.mark.parametrize(
    "word", ["FVCKXYZW23", "23F0CKC0CK", "A55XYZW234", "SH1TSH1T23", "5H17XYZW23", "XYZWN4Z123", "7K2MC0CK9Q"]
)
def test_P2_rude_words_are_seen_through_look_alikes(word):
    assert spells_rude_word(word)


def test_P2_rude_pins_are_never_drawn():
    rude, fine = Pin("5H1T5H1T23"), Pin("7K2M9QX4DT")

    def packed(pin):
        return sum(PIN_ALPHABET.index(c) << 5 * n for n, c in enumerate(pin.characters)).to_bytes(7, "big")

    draws = iter([packed(rude), packed(rude), packed(fine)])
    assert Pin.generate(lambda _: next(draws)) == fine


def test_P2_a_stuck_source_of_randomness_is_an_error_not_a_loop():
    rude = sum(PIN_ALPHABET.index(c) << 5 * n for n, c in enumerate("5H1T5H1T23")).to_bytes(7, "big")
    with pytest.raises(ValueError, match="randomness"):
        Pin.generate(lambda _: rude)


def test_B10_nothing_prints_a_pin():
    pin = Pin("7K2M9QX4DT")
    shown = f"{pin!r} {pin} {letter(pin=pin)!r} {letter(pin=pin)} {[pin]}"
    assert "7K2M9" not in shown
    assert "QX4DT" not in shown
    with pytest.raises(ValueError, match="not a PIN") as refused:
        Pin("7K2M9QX4DU")
    assert "7K2M9" not in str(refused.value)


def test_P2_the_pages_address_may_not_carry_the_pin():
    with pytest.raises(ValueError, match="PIN"):
        letter(page_address="https://portal.example.org/mail?pin=7K2M9-QX4DT")
