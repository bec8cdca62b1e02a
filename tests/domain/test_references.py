"""References as people name them: typed in any way they are read as the one that was made (T7)."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.references import read_reference
from portal.registering import reference_of

_ids = st.uuids()


@given(_ids, st.sampled_from(["", " ", "-", "\u2013", " - "]), st.booleans(), st.booleans())
def test_T7_a_reference_is_read_however_it_is_typed(opaque: UUID, between: str, is_lower: bool, has_letter: bool):
    reference = reference_of(opaque, letter="A")
    parts = reference.split("-") if has_letter else reference.split("-")[1:]
    typed = between.join(parts)
    assert read_reference(f" {typed.lower() if is_lower else typed} ", letter="A") == reference


@given(_ids)
def test_T7_letters_that_look_like_digits_are_read_as_those(opaque: UUID):
    reference = reference_of(opaque, letter="A")
    typed = "A-" + reference[2:].replace("0", "O").replace("1", "l")
    assert read_reference(typed, letter="A") == reference


@pytest.mark.parametrize(
    "text", ["", "A", "A-2DJP-MD62", "R-2DJP-MD62-29MD", "A-2DJP-MD62-29MD-9", "2DJP-MD62-29MU", "Harbour Clinic"]
)
def test_T7_what_cannot_be_a_reference_is_none(text: str):
    assert read_reference(text, letter="A") is None
