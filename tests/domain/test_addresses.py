"""E-mail addresses: a person's own mailbox in its normal form, never one that several people read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import IdentifierError
from domain.people import PersonError, mailbox_key, masked_address, personal_address, relayed_address
from tests.domain.typing_habits import outcome


def refused(text: str) -> str:
    with pytest.raises(PersonError) as caught:
        personal_address(text)
    return caught.value.code


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("jane@example.org", "jane@example.org"),
        ("  Jane.Doe@EXAMPLE.ORG\r\n", "Jane.Doe@example.org"),
        ("jane+portal@example.org", "jane+portal@example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("jane@bücher.example.org", "jane@bücher.example.org"),
        ("jane@BÜCHER.example.org", "jane@bücher.example.org"),
        ("jane@xn--bcher-kva.example.org", "jane@bücher.example.org"),
        ("jane@ｅｘａｍｐｌｅ.org", "jane@example.org"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
    ],
)
def test_P6_an_address_comes_in_its_normal_form(typed: str, normal: str):
    assert personal_address(typed) == normal
    assert personal_address(normal) == normal


@pytest.mark.parametrize("text", ["josé@example.org", "jose\u0301@example.org", "j\u0131ll@bücher.example.org"])
def test_P6_an_address_that_our_mail_cannot_reach_is_refused_with_the_reason(text: str):
    with pytest.raises(PersonError, match="before the @"):
        personal_address(text)


@pytest.mark.parametrize(
    ("address", "relayed"),
    [
        ("jane@example.org", "jane@example.org"),
        ("jane@bücher.example.org", "jane@xn--bcher-kva.example.org"),
        ("jane@newbr\u043e\u043ek.example.org", "jane@xn--newbrk-0qfa.example.org"),
        ("josé@example.org", None),
    ],
)
def test_B5_every_relay_takes_the_address_that_is_handed_over(address: str, relayed: str | None):
    assert relayed_address(address) == relayed


@pytest.mark.parametrize("text", ["", "  ", "\u00a0\n"])
def test_P6_a_missing_address_says_so(text: str):
    assert refused(text) == "email_missing"


@pytest.mark.parametrize(
    "text",
    [
        "jane", "jane@", "@example.org", "jane@@example.org", "jane@example", "jane@localhost", "jane@example.test", "jane doe@example.org", "jane@exa mple.org",
        "jane.@example.org", ".jane@example.org", "ja..ne@example.org", "jane@-example.org", "jane@example..org", "jane@example.org.", "jane@example.org,joe@example.org",
        "Jane <jane@example.org>", "<jane@example.org>", "mailto:jane@example.org?bcc=x", '"jane doe"@example.org', '"billing"@example.org', '"a\\"@b"@example.org',
        "jane@[192.0.2.1]", "jane@[IPv6:2001:db8::1]", "jane@192.0.2.1", "jane@example.org\nBcc: joe@example.org", "jane@example.org\r\n\r\nHello", "ja\x00ne@example.org",
        "\u200bjane@example.org", "jane\u202e@example.org", "jane\u00ad@example.org", "\ud800@example.org", "jane@exam\u200bple.org", "jane@xn--a.example.org\x00",
        "x" * 65 + "@example.org", "jane@" + "x" * 64 + ".org", "jane@" + "x." * 130 + "org", "x" * 40_000, "@" * 40_000, "x" * 40_000 + "@example.org", "jane@" + "ü" * 10_000 + ".org",
    ],
    ids=lambda text: ascii(text[:40]),
)  # fmt: skip
def test_P6_what_is_no_address_is_refused(text: str):
    assert refused(text) == "email_invalid"


SHARED = [
    "billing", "info", "frontdesk", "front.desk", "front-desk", "front_desk", "Front.Desk", "BILLING", "b.i.l.l.i.n.g", "billing+jane", "Info+jane.doe", "billing2",
    "billing-dept", "billing.office", "clinic-billing", "info_clinic", "office", "officemanager", "office.manager", "accounts.payable", "ap", "ar", "hr", "it", "support",
    "no-reply", "noreply", "do-not-reply", "postmaster", "webmaster", "medical-records", "bílling", "ｂｉｌｌｉｎｇ", "bill\u0131ng",
]  # fmt: skip


@pytest.mark.parametrize("local", SHARED)
def test_P6_a_shared_mailbox_is_refused_however_it_is_written(local: str):
    assert refused(f"{local}@example.org") == "email_shared"


OWN = [
    "jane",
    "jane.billing",
    "bill",
    "billy.ng",
    "infante",
    "a.r",
    "i.t",
    "jane+billing",
    "j.office",
    "front",
    "case",
    "grace.case",
    "helen.office",
    "mail2jane",
    "armando",
    "itzel",
    "7",
]


@pytest.mark.parametrize("local", OWN)
def test_P6_a_persons_own_mailbox_is_accepted(local: str):
    assert personal_address(f"{local}@example.org") == f"{local}@example.org"


@given(st.text(max_size=80))
def test_P6_any_text_is_an_address_or_a_refusal(text: str):
    for candidate in (text, f"{text}@example.org", f"jane@{text}.example.org"):
        address = outcome(personal_address, candidate)
        if isinstance(address, IdentifierError):
            assert address.code in {"email_missing", "email_invalid", "email_shared"}
        else:
            assert personal_address(address) == address
            assert not any(character.isspace() or ord(character) < 32 for character in address)
            assert mailbox_key(address) == mailbox_key(mailbox_key(address))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jane@Example.org", "jane@example.org"),
        ("JOSÉ@example.org", "jose\u0301@example.org"),
        ("ｊａｎｅ@example.org", "jane@example.org"),
        ("ﬁona@example.org", "fiona@example.org"),
    ],
)
def test_P6_one_mailbox_has_one_key(one: str, other: str):
    assert mailbox_key(one) == mailbox_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jane@example.org", "john@example.org"),
        ("jane@example.org", "jane@example.com"),
        ("jane@example.org", "jane+2@example.org"),
        ("ja.ne@example.org", "jane@example.org"),
        ("jane@example.org", "jаne@example.org"),  # Cyrillic
    ],
)
def test_P6_two_mailboxes_have_two_keys(one: str, other: str):
    assert mailbox_key(one) != mailbox_key(other)


@pytest.mark.parametrize(
    ("address", "mask"),
    [
        ("jane@example.org", "j•••@example.org"),
        ("j@example.org", "j•••@example.org"),
        ("李@example.org", "李•••@example.org"),
        ("not an address", "•••"),
        ("", "•••"),
    ],
)
def test_I12_a_masked_address_shows_one_letter_and_the_domain(address: str, mask: str):
    assert masked_address(address) == mask


@given(st.text("abcdefg.+'", min_size=2, max_size=64))
def test_I12_a_masked_address_is_as_long_for_every_mailbox(local: str):
    assert masked_address(f"{local}@example.org") == f"{local[0]}•••@example.org"
