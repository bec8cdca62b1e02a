"""I10: every mail that is due is accepted by SMTP or its failure can be seen; copies are identical; SMTP holds up nobody."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities.mail import MailActivities
from db.audit import AuditEntry
from db.mails import SqlOutbox
from db.registrations import MailRow, OneTimeSecret
from domain.recording import SendMail
from domain.registration import State
from ops.mailbox import Fault
from portal import registering
from portal.registration_view import RegistrationView, view_registration
from tests.house import House, code_in, key
from worker import build_mailer


def raw(house: House, to: str) -> list[bytes]:
    """The mails to this address as they arrived, without the lines that the mailbox adds."""
    files = sorted(house.sink.folder.glob("[!.]*.eml"))
    contents = [path.read_bytes() for path in map(Path, files)]
    return [content.split(b"\r\n", 2)[2] for content in contents if f"X-Envelope-To: {to}\r\n".encode() in content]


async def view_when(house: House, registration_id: UUID, holds) -> RegistrationView:
    async with asyncio.timeout(30):
        while not holds(view := await view_registration(house.gate, registration_id)):
            await asyncio.sleep(0.05)
    return view


async def mail_states(house: House, registration_id: UUID) -> list[tuple[str, str]]:
    async with house.database.read() as session:
        rows = await session.scalars(
            select(MailRow).where(col(MailRow.subject) == f"registration/{registration_id}").order_by(col(MailRow.id))
        )
        return [(row.id.partition(":")[2], row.state) for row in rows]


async def test_B5_an_address_with_an_internationalized_domain_gets_its_mail(house: House):
    """In the form that every relay takes: development's takes no other either."""
    name = f"jo.{uuid4().hex[:8]}"
    started = await house.start(email=f"{name}@klinik-bücher.example.org")
    mail = await house.mail(to=f"{name}@xn--klinik-bcher-klb.example.org", subject="code")
    confirmed = await registering.confirm_email(house.gate, started.registration_id, code=code_in(mail), key=key())
    assert confirmed.accepted


async def test_I10_a_451_is_tried_again_and_the_codes_ten_minutes_start_when_it_left(house: House):
    house.sink.fault = Fault.TEMPORARY
    email = f"later-{key()}@clinic.example.org"
    started = await house.start(email=email)
    assert (await view_registration(house.gate, started.registration_id)).code_expires_at is None
    house.sink.fault = Fault.NONE
    mail = await house.mail(to=email, subject="code")
    view = await view_when(house, started.registration_id, lambda view: view.code_expires_at is not None)
    assert view.code_expires_at is not None
    assert view.code_expires_at >= mail.received_at + timedelta(minutes=10)
    code = code_in(mail)
    assert (await registering.confirm_email(house.gate, started.registration_id, code=code, key=key())).accepted


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.SILENCE])
async def test_I10_a_connection_that_breaks_around_the_250_may_send_twice_but_identical(house: House, fault: Fault):
    house.sink.fault = fault
    email = f"twice-{key()}@clinic.example.org"
    started = await house.start(email=email)
    await house.mail(to=email)
    house.sink.fault = Fault.NONE
    await house.quiet(started.registration_id)
    copies = raw(house, email)
    assert len(set(copies)) == 1
    if fault is Fault.SILENCE:
        assert len(copies) >= 2
        assert len({mail.message_id for mail in house.mails(to=email)}) == 1


async def test_I10_copies_of_one_mail_are_identical_and_other_mails_differ(house: House):
    email = f"copies-{key()}@clinic.example.org"
    started = await house.start(email=email)
    await house.mail(to=email)
    await house.quiet(started.registration_id)
    mailer = build_mailer(house.settings)
    outbox = SqlOutbox(house.database, house.vault, message_id_domain="localhost")
    sent = raw(house, email)
    assert len(sent) == 1
    assert await outbox.take(f"registration/{started.registration_id}:code:1") is None  # sent is sent
    await registering.send_code(house.gate, started.registration_id, key=key())
    await house.mail(to=email, after=1)
    assert len({mail.message_id for mail in house.mails(to=email)}) == 2
    assert mailer is not None


async def test_I10_an_address_that_refuses_its_mail_is_shown_and_a_resend_takes_it_back(house: House):
    house.sink.fault = Fault.PERMANENT
    email = f"gone-{key()}@clinic.example.org"
    started = await house.start(email=email)
    view = await view_when(house, started.registration_id, lambda view: view.mail_failed)
    assert (view.state, view.code_expires_at) == (State.CONFIRMING_EMAIL, None)
    house.sink.fault = Fault.NONE
    assert (await registering.send_code(house.gate, started.registration_id, key=key())).accepted
    await house.mail(to=email, subject="code")
    view = await view_when(house, started.registration_id, lambda view: view.code_expires_at is not None)
    assert not view.mail_failed
    assert await mail_states(house, started.registration_id) == [("code:1", "refused"), ("code:2", "sent")]


async def test_I10_a_refusal_is_still_one_when_the_worker_died_before_it_could_tell(house: House):
    """The activity is tried again after its outcome was noted: the answer mustn't turn into an acceptance."""
    house.sink.fault = Fault.PERMANENT
    started = await house.start()
    await view_when(house, started.registration_id, lambda view: view.mail_failed)
    outbox = SqlOutbox(house.database, house.vault, message_id_domain="localhost")
    activities = MailActivities(outbox, build_mailer(house.settings))
    again = await activities.send(SendMail(mail_id=f"registration/{started.registration_id}:code:1"))
    assert not again.accepted


async def test_other_steps_go_on_while_smtp_is_away(house: House):
    house.sink.fault = Fault.NONE
    started = await house.confirmed()
    house.sink.fault = Fault.HANG
    other = await house.start()
    clinic = await house.new_clinic()
    async with asyncio.timeout(8):
        assert (await house.prove(started, clinic)).accepted
        await house.secured(started)
        assert (await registering.withdraw(house.gate, other.registration_id, key=key())).state is State.WITHDRAWN
    house.sink.fault = Fault.NONE
    house.sink.released.set()
    house.sink.released.clear()


async def test_a_resend_takes_the_place_of_a_code_that_hasnt_left(house: House):
    house.sink.fault = Fault.TEMPORARY
    email = f"slow-{key()}@clinic.example.org"
    started = await house.start(email=email)
    assert (await registering.send_code(house.gate, started.registration_id, key=key())).accepted
    house.sink.fault = Fault.NONE
    await house.mail(to=email, subject="code")
    await house.quiet(started.registration_id)
    assert len(house.mails(to=email)) == 1
    assert await mail_states(house, started.registration_id) == [("code:1", "dropped"), ("code:2", "sent")]
    async with house.database.read() as session:
        secrets = await session.scalars(
            select(OneTimeSecret).where(col(OneTimeSecret.subject) == f"registration/{started.registration_id}")
        )
        assert [secret.sealed for secret in secrets] == [None, None]


async def test_B10_a_code_can_no_longer_be_read_once_it_was_sent(house: House):
    started = await house.confirmed()
    await house.quiet(started.registration_id)
    async with house.database.read() as session:
        secret = await session.get_one(OneTimeSecret, (f"registration/{started.registration_id}", "code", 1))
    assert secret.sealed is None
    assert secret.used_at is not None


async def test_B9_each_mail_that_left_or_was_refused_has_one_entry(house: House):
    started = await house.confirmed()
    await house.quiet(started.registration_id)
    async with house.database.read() as session:
        entries = await session.scalars(
            select(AuditEntry).where(
                col(AuditEntry.subject) == f"registration/{started.registration_id}",
                col(AuditEntry.action).startswith("mail."),
            )
        )
        assert [(entry.action, entry.actor) for entry in entries] == [("mail.sent", "system")]


async def test_I12_subjects_are_fixed_words(house: House):
    email, newcomer = f"sub-{key()}@clinic.example.org", f"new-{key()}@clinic.example.org"
    clinic = await house.new_clinic()
    await house.registered(clinic, email=email)
    started = await house.confirmed(email=newcomer, name="Marker Personname")
    await house.prove_notice(started, clinic)
    await house.secured(started, name="Marker Personname")
    await house.handle(started.registration_id).result()
    known = {
        "Your code to confirm this e-mail address", "Your account is ready", "Someone registered for your organization",
    }  # fmt: skip
    assert {mail.subject for mail in (*house.mails(to=email), *house.mails(to=newcomer))} == known
