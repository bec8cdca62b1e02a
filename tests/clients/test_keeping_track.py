"""Keeping track of a request: status words, one message a change, resend, corrected contact, asking again."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

import gateways.mail
from db.registrations import OneTimeSecret
from domain.authorization import AuthorizationTerms, State
from domain.client_words import STOPPED_BECAUSE, WORDS, ClientStatus, NextStep, meaning_of, status_of_request, words_of
from domain.notices import NOTICES
from ops.keys import Keyring
from ops.mailbox import Fault
from ops.temporal_client import connect
from portal import account, authorizing, clients
from portal.refusals import Refusal
from tests.authorization.scenes import decided, requested, state_of
from tests.clients.biller import Desk, new_contact
from tests.house import key

_KINDS = tuple(
    f"authorization_{kind}"
    for kind in (
        *("waiting", "undeliverable", "approved", "declined", "expired", "stopped", "requested", "cancelled"),
        *("waiting_in_review", "waiting_undelivered", "expired_in_review", "expired_undelivered"),
    )
)


async def resend(desk: Desk, authorization_id, **options: str):
    return await authorizing.resend(desk.house.gate, desk.me, authorization_id, **{"key": key(), **options})


async def correct(desk: Desk, authorization_id, contact: str, reason: str = ""):
    return await authorizing.correct_contact(
        desk.house.gate, desk.me, authorization_id, contact=contact, review_reason=reason, key=key()
    )


async def again(desk: Desk, authorization_id, **options: str):
    return await authorizing.request_again(desk.house.gate, desk.me, authorization_id, **{"key": key(), **options})


async def make_older(desk: Desk, authorization_id, by: timedelta) -> None:
    """Have the request, or its end, lie further back than it does: pauses are counted from there."""
    async with desk.house.database.write() as session:
        row = await session.get_one(type(await desk.row(authorization_id)), authorization_id)
        row.requested_at -= by
        if row.resent_at is not None:
            row.resent_at -= by
        if row.ended_at is not None:
            row.ended_at -= by


async def test_T6_each_status_has_words_of_its_own():
    assert set(WORDS) == set(ClientStatus)
    assert len({words.label for words in WORDS.values()}) == len(WORDS)
    assert len({words.meaning for words in WORDS.values()}) == len(WORDS)


def test_B5_T6_what_expired_without_a_mail_doesnt_say_that_nobody_answered_it():
    told = {
        delivery: meaning_of(ClientStatus.EXPIRED, closing_code="expired", delivery=delivery)
        for delivery in ("none", "sent", "bounced")
    }
    assert told["sent"] == WORDS[ClientStatus.EXPIRED].meaning
    assert "nothing was mailed" in told["none"]
    assert "came back" in told["bounced"]
    assert "link" not in told["none"] + told["bounced"]


def test_B9_the_timeline_says_of_what_the_requester_was_reminded():
    told = {
        state: words_of("authorization.requester_reminded", {"state": state, "code": "ok"}, UTC)
        for state in ("in_review", "sent", "undeliverable")
    }
    assert told["sent"] == "The requester was told that nobody has answered yet."
    assert told["in_review"] == "The requester was told that our staff haven’t decided yet."
    assert told["undeliverable"] == "The requester was told that the mail had come back."
    assert "link" not in (words_of("authorization.closed", {"state": "expired", "code": "ok"}, UTC) or "")


async def test_T6_each_change_makes_exactly_one_message(desk: Desk):
    approved, declined = await desk.asked(), await desk.asked()
    await desk.decided(approved)
    await desk.decided(declined, choice="decline")
    await authorizing.cancel(desk.house.gate, desk.me, await desk.asked(), key=key())
    assert sorted(await desk.messages()) == sorted(
        ["authorization_requested"] * 3
        + ["authorization_approved", "authorization_declined", "authorization_cancelled"]
    )
    assert await desk.colleague().messages() == []  # who asked is told, once


async def test_T6_the_list_is_readable_while_temporal_is_down(desk: Desk, keyring: Keyring):
    asked = await desk.asked()
    nowhere = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    away = await connect(keyring=keyring, process="api", lazy=True, environ=nowhere)
    gate = replace(desk.house.gate, client=away)
    assert [row.id for row in (await clients.list_clients(gate, desk.me)).rows] == [asked]
    assert (await clients.view_client(gate, desk.me, asked)).client.status is ClientStatus.SENT
    with pytest.raises(Refusal, match="unavailable"):  # and what can't be done says so
        await authorizing.cancel(gate, desk.me, asked, key=key())


async def test_T7_the_row_shows_what_became_of_the_mail(desk: Desk):
    desk.house.sink.fault = Fault.PERMANENT
    asked = await desk.asked()
    await state_of(desk.house, desk.request(asked), wanted="undeliverable")
    view = (await desk.view(asked)).client
    assert (view.status, view.delivery, view.next_step) == (ClientStatus.UNDELIVERABLE, "bounced", NextStep.CORRECT)
    desk.house.sink.fault = Fault.NONE
    right = new_contact()
    assert (await correct(desk, asked, right)).accepted
    await desk.house.mail(to=right)
    await desk.quiet(asked)
    view = (await desk.view(asked)).client
    assert (view.status, view.delivery, view.corrections_left) == (ClientStatus.SENT, "sent", 2)
    words = [line.words for line in (await desk.view(asked)).timeline]
    assert any("came back" in line for line in words)
    assert any("corrected" in line for line in words)


async def test_T7_a_resend_moves_no_deadline_and_keeps_earlier_links(desk: Desk):
    contact = new_contact()
    asked = await desk.asked(contact=contact)
    first = re.search(r"/answer/([\w-]{43})", (await desk.house.mail(to=contact)).text or "")
    await desk.quiet(asked)
    early = await resend(desk, asked)
    assert (early.code, early.retry_at is not None) == ("authorization_resend_pause", True)
    before = await desk.row(asked)
    await make_older(desk, asked, timedelta(days=2))
    assert (await desk.view(asked)).client.resend_at is None
    again_key = key()
    twice = [await resend(desk, asked, key=again_key) for _ in range(2)]  # clicked twice
    assert [one.accepted for one in twice] == [True, True]
    second = re.search(r"/answer/([\w-]{43})", (await desk.house.mail(to=contact, after=1)).text or "")
    await desk.quiet(asked)
    row = await desk.row(asked)
    assert (row.deadline, row.resends, len(desk.house.mails(to=contact))) == (before.deadline, 1, 2)
    assert first is not None
    assert second is not None
    assert first[1] != second[1]
    async with desk.house.database.read() as session:
        for generation in (1, 2):
            secret = await session.get_one(OneTimeSecret, (f"authorization/{asked}", "decision", generation))
            assert secret.expires_at == row.deadline


async def test_T7_a_colleague_may_resend_and_three_times_are_enough(desk: Desk):
    asked = await desk.asked()
    for _ in range(3):
        await make_older(desk, asked, timedelta(days=2))
        assert (await resend(desk.colleague(), asked)).accepted
    await make_older(desk, asked, timedelta(days=2))
    assert (await resend(desk, asked)).code == "authorization_resend_limit"
    assert (await desk.view(asked)).client.resends_left == 0


async def test_T7_a_resend_at_the_last_minute_doesnt_move_the_deadline(desk: Desk):
    life = timedelta(seconds=3)
    terms = AuthorizationTerms(life=life, contact_reminders=(), requester_reminders=())
    asked = await requested(desk.house, desk.service, terms=terms)
    await make_older(desk, asked.id, timedelta(days=2))
    before = (await desk.row(asked.id)).deadline
    assert (await resend(desk, asked.id)).accepted
    assert (await desk.row(asked.id)).deadline == before
    await state_of(desk.house, asked, wanted="expired")
    with pytest.raises(Refusal, match="authorization_expired"):
        await resend(desk, asked.id)
    view = (await desk.view(asked.id)).client
    assert (view.status, view.next_step, view.days_left) == (ClientStatus.EXPIRED, NextStep.AGAIN, None)

    # After it expired at once, linked to the old one.
    anew = await again(desk, asked.id)
    assert anew.result.accepted
    details = await desk.view(anew.authorization_id)
    assert details.client.previous_id == asked.id
    assert [one.id for one in details.others] == [asked.id]
    assert [row.id for row in (await desk.page()).rows] == [anew.authorization_id]  # the newest stands for the provider
    assert (await desk.view(asked.id)).client.next_step is NextStep.NONE
    open_one = await again(desk, asked.id)
    assert (open_one.result.code, open_one.result.standing_id) == (
        "authorization_open",
        str(anew.authorization_id),
    )


@pytest.mark.parametrize("choice", ["approve", "decline"])
async def test_T7_after_a_decision_nothing_can_be_sent_corrected_or_cancelled(desk: Desk, choice: str):
    asked = await desk.asked()
    await desk.decided(asked, choice=choice)
    with pytest.raises(Refusal, match="authorization_decided"):
        await resend(desk, asked)
    with pytest.raises(Refusal, match="authorization_decided"):
        await correct(desk, asked, new_contact())
    with pytest.raises(Refusal, match="authorization_decided"):
        await authorizing.cancel(desk.house.gate, desk.me, asked, key=key())


async def test_T7_a_corrected_address_kills_the_old_link(desk: Desk):
    old, right = new_contact(), new_contact()
    asked = await desk.asked(contact=old)
    await desk.house.mail(to=old)
    await desk.quiet(asked)
    deadline = (await desk.row(asked)).deadline
    assert (await correct(desk, asked, right)).accepted
    await desk.house.mail(to=right)
    row = await desk.row(asked)
    assert (row.deadline, row.contact_version) == (deadline, 2)
    async with desk.house.database.read() as session:
        secret = await session.get_one(OneTimeSecret, (f"authorization/{asked}", "decision", 1))
    assert secret.expires_at is not None
    assert secret.expires_at < deadline
    # Judged again: one's own people are refused here as well.
    assert (await correct(desk, asked, desk.service.people[1].email)).code == "contact_own_person"
    for _ in range(2):
        assert (await correct(desk, asked, new_contact())).accepted
    assert (await correct(desk, asked, new_contact())).code == "authorization_corrections_limit"


async def test_T7_I9_a_contact_is_not_corrected_to_the_mailbox_that_is_asked_already(desk: Desk):
    number = new_contact().removeprefix("office").partition("@")[0]
    contact = f"kim.contact{number}@maple.example.org"
    asked = await desk.asked(contact=contact)
    await desk.house.mail(to=contact)
    await desk.quiet(asked)
    for same in (contact, contact.upper(), contact.replace("@", "+again@"), contact.replace("kim.", "kim")):
        refused = await correct(desk, asked, same)
        assert (refused.accepted, refused.code) == (False, "contact_unchanged"), same
    row = await desk.row(asked)
    assert (row.corrections, row.contact_version) == (0, 1)  # it cost nothing, and the links live
    assert len(desk.house.mails(to=contact)) == 1
    # Sent twice, a correction that was made answers as it did.
    right, same_key = new_contact(), key()
    for _ in range(2):
        made = await authorizing.correct_contact(
            desk.house.gate, desk.me, asked, contact=right, review_reason="", key=same_key
        )
        assert made.accepted
    assert (await desk.row(asked)).corrections == 1


async def test_B5_after_a_mail_came_back_a_dot_may_be_the_correction(desk: Desk):
    number = new_contact().removeprefix("office").partition("@")[0]
    contact = f"kim.returned{number}@maple.example.org"
    desk.house.sink.fault = Fault.PERMANENT
    asked = await desk.asked(contact=contact)
    await state_of(desk.house, desk.request(asked), wanted="undeliverable")
    desk.house.sink.fault = Fault.NONE
    assert (await correct(desk, asked, contact.upper())).code == "contact_unchanged"
    right = contact.replace("kim.", "kim")
    assert (await correct(desk, asked, right)).accepted
    await desk.house.mail(to=right)


async def test_T6_a_stopped_request_says_why_and_what_to_do_in_message_and_mail(desk: Desk):
    asked = await desk.asked(tin="001230077", provider_name="Nowhere Clinic")
    request = desk.request(asked)
    await decided(desk.house, request)
    await state_of(desk.house, request, wanted="cancelled")
    [message] = [one for one in await account.list_messages(desk.house.gate, desk.me) if "stopped" in one.subject]
    told = " ".join(message.paragraphs)
    assert "our records have no such provider" in told
    assert "Check the Tax ID and NPI with the contact, then ask again" in told


async def test_T6_messages_and_mails_lead_to_the_request(desk: Desk):
    asked = await desk.asked()
    await desk.decided(asked, choice="decline")
    [declined, *_] = await account.list_messages(desk.house.gate, desk.me)
    assert (declined.kind, declined.page) == ("authorization_declined", f"clients/{asked}")
    mail = await desk.house.mail(to=desk.service.lead.email)
    for text in (mail.text or "", mail.html or ""):
        assert f"/clients/{asked}" in text
        assert "Tax ID and NPI access" not in text


def test_T6_no_words_to_a_billing_service_lead_to_the_wrong_page():
    """Its clients stand under Clients; under “Tax ID & NPI access” is its own row."""
    to_service = (
        *_KINDS,
        "grant_held",
        "grant_resumed",
        "grant_ended",
        "grant_end_date",
        "billing_added",
        "billing_welcome",
    )
    templates = Path(gateways.mail.__file__).parent / "templates" / "email"
    for kind in to_service:
        words = "".join(NOTICES[kind].paragraphs) if kind in NOTICES else ""
        mails = [part.read_text() for part in (templates / kind).glob("body.*")]
        for text in (words, *mails):
            assert "NPI access" not in " ".join(text.split()), kind
            assert "/access" not in text, kind
        for text in mails:
            assert "/{{ page }}" in text or "/clients" in text, kind


@pytest.mark.parametrize(
    ("state", "code", "wanted"),
    [
        ("cancelled", "cancelled", ClientStatus.CANCELLED),
        *[("cancelled", code, ClientStatus.STOPPED) for code in STOPPED_BECAUSE],
        ("approved", None, ClientStatus.ACCESS),
        ("expired", "expired", ClientStatus.EXPIRED),
    ],
)
def test_T6_a_request_that_nobody_cancelled_is_stopped_for_everybody(
    state: str, code: str | None, wanted: ClientStatus
):
    assert status_of_request(State(state), code) is wanted


async def test_T7_a_decline_cools_down_for_seven_days(desk: Desk):
    asked = await desk.asked()
    await desk.decided(asked, choice="decline")
    refused = await again(desk, asked)
    assert refused.result.code == "authorization_cool_down"
    view = (await desk.view(asked)).client
    assert view.again_at == refused.result.retry_at
    assert view.again_at is not None
    assert view.ended_at is not None
    assert view.again_at - view.ended_at == timedelta(days=7)
    await make_older(desk, asked, timedelta(days=7))
    assert (await desk.view(asked)).client.again_at is None
    anew = await again(desk, asked, contact=new_contact())
    assert anew.result.accepted
    assert (await desk.view(anew.authorization_id)).client.previous_id == asked


async def test_T7_a_cancelled_request_is_asked_for_again_with_the_same_data(desk: Desk):
    clinic = await desk.house.new_clinic()
    asked = await desk.asked(clinic, npi=clinic.npi)
    cancelled = await asyncio.gather(
        *(authorizing.cancel(desk.house.gate, desk.me, asked, key=same) for same in [key()] * 2)
    )
    assert [one.state for one in cancelled] == ["cancelled"] * 2
    anew = await again(desk, asked)
    assert anew.result.accepted
    old, new = await desk.row(asked), await desk.row(anew.authorization_id)
    assert (new.tin_digest, new.npi, new.contact_digest) == (old.tin_digest, old.npi, old.contact_digest)


async def test_B9_the_timeline_names_colleagues_only(desk: Desk):
    asked = await desk.asked()
    await desk.quiet(asked)
    await desk.decided(asked)
    lines = (await desk.view(asked)).timeline
    assert [(line.words, line.who) for line in lines] == [
        ("Access was asked for.", "Bo Biller"),
        ("The mail has left for the contact.", ""),
        ("The provider said yes: the access is open.", ""),
    ]
