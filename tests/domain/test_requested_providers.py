"""What a billing service types about a provider: its name and its contact's address (T1, T5)."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identifiers import IdentifierError
from domain.organization_name import organization_name
from domain.people import business_address, personal_address
from tests.domain.typing_habits import outcome

unhurried = settings(deadline=None)  # a busy machine is no defect


def refused(text: str) -> str:
    with pytest.raises(IdentifierError) as caught:
        organization_name(text)
    return caught.value.code


NAMES = [
    "Example Clinic", "Smith & Co. Clinic, Inc.", "U.S. Renal Care", "St.Mary Hospital", "Drs. Lee & Li, P.C.", "3rd Street Dental", "#1 Smiles",
    "Ob/Gyn of TX", "H&R L.L.C.", "Clínica San José", "'t Hooft Praktijk", "“Smiles” Dental", "Health+ Clinic", "Smile™ Dental", "中央医院", "Клиника №1",
    "مستشفى", "A", "7", "Family Practice (North)", "Doe: Eye Care!",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_T1_names_of_organizations_are_kept_as_they_are_written(name: str):
    assert organization_name(name) == unicodedata.normalize("NFC", name)
    assert organization_name(f"  {unicodedata.normalize('NFD', name)}\u00a0\n") == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("text", ["", "  ", "\n\t", "\u00a0"])
def test_T1_a_missing_name_says_so(text: str):
    assert refused(text) == "organization_name_missing"


def test_T1_a_name_has_a_length():
    assert len(organization_name("x" * 200)) == 200
    assert refused("x" * 201) == "organization_name_length"


@pytest.mark.parametrize(
    "text",
    ["Clinic www.example.org", "https://example.org", "Clinic example.com", "office@clinic", "Amazon.com", "bit.ly", "Call portal.health"],
)  # fmt: skip
def test_T1_a_name_leads_nowhere(text: str):
    assert refused(text) == "organization_name_link"


@pytest.mark.parametrize(
    "text",
    [
        "Ex\u202eample", "Ex\u200bample", "Ex\x00ample", "Ex\nample", "Ex\u2066ample", "\u3164", "Exаmple Clinic", "Z\u0351\u036b\u0353\u0351\u036b\u0353",
        "=1+1", "+Clinic", "-Clinic", "*Clinic", "<b>Clinic</b>", "...", "😀 Clinic", "\u0301Clinic", "Clinic\ue000", "$5 Clinic",
    ],
    ids=ascii,
)  # fmt: skip
def test_T1_a_name_hides_and_does_nothing(text: str):
    assert refused(text) == "organization_name_characters"


@unhurried
@given(st.text(max_size=220))
def test_T1_any_text_is_a_name_or_a_refusal(text: str):
    name = outcome(organization_name, text)
    if isinstance(name, IdentifierError):
        assert name.code.startswith("organization_name_")
        assert name.message.endswith(".")
    else:
        assert organization_name(name) == name
        assert 1 <= len(name) <= 200
        assert name[0] not in "=+-@\t\r"
        assert not any(unicodedata.category(character)[0] == "C" for character in name)


@pytest.mark.parametrize("local", ["office", "billing", "front.desk", "office.manager", "jane.doe"])
def test_T1_an_offices_mailbox_may_be_a_business_contact(local: str):
    assert business_address(f" {local}@Clinic.Example.ORG ") == f"{local}@clinic.example.org"


@pytest.mark.parametrize(("text", "code"), [("", "email_missing"), (" ", "email_missing"), ("jane", "email_invalid"), ("a@b@c.org", "email_invalid"), ("a@example", "email_invalid")])  # fmt: skip
def test_T1_what_is_no_address_is_refused(text: str, code: str):
    refusal = outcome(business_address, text)
    assert isinstance(refusal, IdentifierError)
    assert refusal.code == code


@unhurried
@given(st.text(max_size=40) | st.emails())
def test_T1_a_business_address_is_checked_like_a_persons_but_for_the_mailbox(text: str):
    business, personal = outcome(business_address, text), outcome(personal_address, text)
    if isinstance(personal, IdentifierError) and personal.code != "email_shared":
        assert isinstance(business, IdentifierError)
        assert business.code == personal.code
    else:
        assert isinstance(business, str)
        assert personal in {business, *([personal] if isinstance(personal, IdentifierError) else [])}
