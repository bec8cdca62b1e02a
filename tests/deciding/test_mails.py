"""Mails and messages about requests: every purpose renders, says what to do, and shows nothing of anyone in its subject (I12, B6)."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import gateways.mail
from domain.notices import NOTICES
from domain.ports import OutgoingMail
from tests.house import House
from worker import build_mailer

TEMPLATES = Path(gateways.mail.__file__).parent / "templates" / "email"
VALUES = {
    "service": "Harbor <b>Billing</b>", "service_tin": "•••••4321", "requester": "Bo Biller", "provider": "Northfield Clinic & Sons",
    "provider_tin": "•••••0001", "scope": "NPI 1234567893", "reference": "A-7K3M-9QXW", "until": "December 23, 2026, 15:04 UTC",
    "contact": "k•••@northfield.example.org", "name": "Bo Biller", "page": "clients/5f0c", "why": "Its Tax ID is unknown.",
}  # fmt: skip
STOPS = ("authorization_contact_refused", "authorization_provider_unknown", "authorization_service_gone")
CASES: list[tuple[str, dict[str, str]]] = [
    ("authorization_request", {"decision": "t" * 43}),
    ("authorization_reminder", {"decision": "t" * 43, "number": "2"}),
    ("authorization_code", {"code": "123456"}),
    *[("authorization_decided", {"how": how, "decided_by": "Kim Contact"}) for how in ("approved", "declined")],
    *[("authorization_closed", {"how": how}) for how in ("approved", "declined", "expired", "cancelled", "stopped")],
    *[(f"authorization_waiting{standing}", {"number": "1"}) for standing in ("", "_in_review", "_undelivered")],
    ("authorization_undeliverable", {}),
    ("authorization_approved", {"decided_by": "Kim Contact"}),
    ("authorization_declined", {}),
    *[(f"authorization_expired{standing}", {}) for standing in ("", "_in_review", "_undelivered")],
    *[("authorization_stopped", {"code": code}) for code in STOPS],
]
TO_CONTACT = {"authorization_request", "authorization_reminder", "authorization_code", "authorization_decided", "authorization_closed"}  # fmt: skip


@pytest.mark.parametrize(("purpose", "more"), CASES, ids=lambda one: one if isinstance(one, str) else "-".join(one))
def test_I12_each_mail_renders_and_its_subject_is_fixed(sqlite_house: House, purpose: str, more: dict[str, str]):
    mail = OutgoingMail(
        message_id="<1@example.org>", purpose=purpose, recipient="kim@northfield.example.org", values={**VALUES, **more},
        due_at=datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip
    message = build_mailer(sqlite_house.settings).render(mail)
    plain, html = (part.get_content() for part in message.iter_parts())
    subject = (TEMPLATES / purpose / "subject.txt").read_text().strip()
    assert message["Subject"] == subject
    assert "{" not in subject
    assert "A-7K3M-9QXW" in plain
    assert "A-7K3M-9QXW" in html
    assert "<b>Billing" not in html
    assert max(map(len, plain.splitlines())) < 400
    # Nothing from elsewhere, nothing that tells that it was opened.
    assert not re.search(r"<(img|script|link|iframe)|background=|url\(", html)
    addresses = re.findall(r"https?://[^\s\"'<]+", plain + html)
    assert all(one.startswith(sqlite_house.settings.site_url) for one in addresses)
    assert ("name given by the requester" in plain) == (purpose in TO_CONTACT - {"authorization_code"})
    assert "I did not" in plain
    assert "I did not" in html
    if purpose not in TO_CONTACT:
        assert "Northfield Clinic & Sons" in plain
    if "decision" in more:
        assert f"/answer/{more['decision']}" in plain
        assert f"/answer/{more['decision']}" in html
        for words in (
            "patients' protected health information",
            VALUES["until"],
            "I don't know them",
            "Opening the link",
        ):
            assert words in " ".join(plain.split())


@pytest.mark.parametrize(
    ("purpose", "more"),
    [
        ("grant_held", {"why": "An administrator did it."}),
        ("grant_resumed", {}),
        ("grant_ended", {"how": "The provider ended it."}),
        ("grant_end_date", {"when": "It ends on May 1."}),
    ],
)
def test_B7_each_mail_about_an_access_says_what_to_do_if_it_was_not_asked_for(
    sqlite_house: House, purpose: str, more: dict[str, str]
):
    values = {**VALUES, "organization": "Northfield Clinic", "organization_tin": "•••••0001", **more}
    mail = OutgoingMail(
        message_id="<1@example.org>", purpose=purpose, recipient="bo@billers.example.org", values=values,
        due_at=datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip
    for part in build_mailer(sqlite_house.settings).render(mail).iter_parts():
        assert "I did not ask for this:" in part.get_content()


@pytest.mark.parametrize("purpose", ["authorization_waiting", "authorization_expired"])
def test_B6_who_was_sent_no_mail_is_not_said_to_have_overlooked_it(sqlite_house: House, purpose: str):
    for standing, reason in (("_in_review", "our staff"), ("_undelivered", "came back")):
        mail = OutgoingMail(
            message_id="<1@example.org>", purpose=purpose + standing, recipient="bo@billers.example.org",
            values={**VALUES, "number": "1"}, due_at=datetime(2026, 11, 23, tzinfo=UTC),
        )  # fmt: skip
        notice = " ".join(NOTICES[purpose + standing].filled(VALUES).paragraphs)
        for part in (*build_mailer(sqlite_house.settings).render(mail).iter_parts(), None):
            words = " ".join((part.get_content() if part else notice).split())
            assert reason in words.replace("Our staff", "our staff")
            assert "overlooked" not in words
            assert ("all us" in words) or standing == "_undelivered"


def test_B6_a_stopped_request_says_for_each_reason_what_to_do(sqlite_house: House):
    told = set()
    for code in STOPS:
        mail = OutgoingMail(
            message_id="<1@example.org>", purpose="authorization_stopped", recipient="bo@billers.example.org",
            values={**VALUES, "code": code}, due_at=datetime(2026, 11, 23, tzinfo=UTC),
        )  # fmt: skip
        told.add(next(build_mailer(sqlite_house.settings).render(mail).iter_parts()).get_content())
    assert len(told) == len(STOPS)


def test_T6_each_message_has_its_own_words_and_no_values_in_its_subject():
    kinds = {
        "requested", "in_review", "sent", "resent", "corrected", "undeliverable", "waiting", "approved", "declined", "expired",
        "cancelled", "stopped", "waiting_in_review", "waiting_undelivered", "expired_in_review", "expired_undelivered",
    }  # fmt: skip
    filled = [
        NOTICES[f"authorization_{kind}"].filled(
            {**VALUES, "number": "1", "decided_by": "Kim Contact", "code": STOPS[0]}
        )
        for kind in kinds
    ]
    assert len({notice.subject for notice in filled}) == len({notice.paragraphs for notice in filled}) == len(kinds)
    for kind in kinds:
        assert "{" not in NOTICES[f"authorization_{kind}"].subject
    for notice in filled:
        assert "A-7K3M-9QXW" in " ".join(notice.paragraphs)
