"""Deadlines, by the workflow's own clock on the real server: B1, I8 and the waits of a registration."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from db.audit import AuditEntry
from domain.registration import Ask, Code, State
from portal import registering
from portal.refusals import Refusal
from portal.registration_view import view_registration
from tests.house import House, code_in, key
from workflows import names

LIFE = timedelta(days=30)


async def left(house: House, registration_id: UUID) -> timedelta:
    """How long until the deadline, by the workflow's clock."""
    handle = house.handle(registration_id)
    now = await TimeSkipper(house.client).get_current_time(handle)
    return (await house.status(registration_id)).deadline - now


async def skip(house: House, registration_id: UUID, duration: timedelta) -> None:
    await TimeSkipper(house.client).fast_forward(house.handle(registration_id), duration)


async def entries(house: House, registration_id: UUID, action: str) -> list[AuditEntry]:
    async with house.database.read() as session:
        found = await session.scalars(
            select(AuditEntry).where(
                col(AuditEntry.subject) == f"registration/{registration_id}", col(AuditEntry.action) == action
            )
        )
        return list(found)


async def test_B1_a_step_just_before_the_deadline_counts(house: House):
    clinic = await house.new_clinic()
    for _ in range(3):  # on a machine that stalled for more than the last seconds, once more
        started = await house.confirmed()
        rid = started.registration_id
        await house.quiet(rid)
        deadline = (await house.status(rid)).deadline
        await skip(house, rid, await left(house, rid) - timedelta(seconds=1))
        try:
            result = await house.prove(started, clinic)
        except Refusal:
            continue
        entry = (await entries(house, rid, "registration.payment_judged"))[0]
        assert result.accepted
        assert timedelta(0) < deadline - entry.at <= timedelta(seconds=1)
        assert (await house.status(rid)).deadline == entry.at + LIFE
        return
    pytest.fail("no step arrived within the last second before the deadline")


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1)])
async def test_B1_at_the_deadline_and_after_it_a_step_is_refused_as_expired(house: House, late: timedelta):
    clinic = await house.new_clinic()
    started = await house.confirmed()
    rid = started.registration_id
    await house.quiet(rid)
    await skip(house, rid, await left(house, rid) + late)
    with pytest.raises(Refusal) as refused:
        await house.prove(started, clinic)
    assert (refused.value.code, refused.value.state) == ("registration_expired", State.EXPIRED)
    await house.handle(rid).result()
    assert (await view_registration(house.gate, rid)).state is State.EXPIRED


async def test_B1_of_the_deadline_and_a_step_at_the_same_moment_exactly_one_ends_it(house: House):
    started = await house.confirmed()
    rid = started.registration_id
    await house.quiet(rid)
    handle = house.handle(rid)
    waiting = asyncio.gather(
        skip(house, rid, await left(house, rid)),
        handle.execute_update(names.WITHDRAW, Ask(registration_id=str(rid))),
        return_exceptions=True,
    )
    await waiting
    result = await handle.result()
    actors = [entry.actor for entry in await entries(house, rid, "registration.closed")]
    # Whichever came first, exactly one of them ended it, and the database says the same.
    assert actors in (["clock"], ["registrant"])
    assert (await view_registration(house.gate, rid)).state is State(result.state)


async def test_I8_thirty_days_after_the_last_proof_it_expires_with_one_mail_and_lets_go_of_the_payment(house: House):
    clinic, email = await house.new_clinic(), f"late-{key()}@clinic.example.org"
    started = await house.proved(clinic, email=email)
    rid = started.registration_id
    await house.quiet(rid)
    await skip(house, rid, LIFE + timedelta(seconds=1))
    assert (await house.handle(rid).result()).state is State.EXPIRED
    mail = await house.mail(to=email, subject="expired")
    assert started.reference in mail.text
    assert len(house.mails(to=email, subject="expired")) == 1
    assert [entry.actor for entry in await entries(house, rid, "registration.closed")] == ["clock"]
    assert (await house.prove(await house.confirmed(), clinic)).accepted


async def test_an_address_that_was_never_confirmed_gets_no_mail_about_the_end(house: House):
    email = f"never-{key()}@clinic.example.org"
    started = await house.start(email=email)
    await house.quiet(started.registration_id)
    await skip(house, started.registration_id, LIFE + timedelta(seconds=1))
    assert (await house.handle(started.registration_id).result()).state is State.EXPIRED
    assert [mail.subject for mail in house.mails(to=email)] == ["Your code to confirm this e-mail address"]


async def test_each_step_forward_moves_the_deadline_and_a_failed_one_doesnt(house: House):
    clinic, email = await house.new_clinic(), f"moves-{key()}@clinic.example.org"
    started = await house.start(email=email)
    rid = started.registration_id
    await house.quiet(rid)
    opened = (await house.status(rid)).deadline
    await skip(house, rid, timedelta(days=20))
    await registering.send_code(house.gate, rid, key=key())
    code = code_in(await house.mail(to=email, subject="code", after=1))
    assert (await house.status(rid)).deadline == opened
    await registering.confirm_email(house.gate, rid, code=code, key=key())
    confirmed = (await house.status(rid)).deadline
    assert confirmed - opened >= timedelta(days=20)
    await skip(house, rid, timedelta(days=20))
    await house.prove(started, clinic, amount="1")
    assert (await house.status(rid)).deadline == confirmed
    view = await view_registration(house.gate, rid)
    assert view.deadline == confirmed
    assert view.state is State.PROVING


async def test_a_code_expires_ten_minutes_after_it_was_sent(house: House):
    email = f"slow-{key()}@clinic.example.org"
    started = await house.start(email=email)
    rid = started.registration_id
    code = code_in(await house.mail(to=email, subject="code"))
    await house.quiet(rid)
    await skip(house, rid, timedelta(minutes=10))
    late = await registering.confirm_email(house.gate, rid, code=code, key=key())
    assert (late.accepted, late.code) == (False, Code.CODE_EXPIRED)
    await registering.send_code(house.gate, rid, key=key())
    new = code_in(await house.mail(to=email, subject="code", after=1))
    await house.quiet(rid)
    await skip(house, rid, timedelta(minutes=9, seconds=30))
    assert (await registering.confirm_email(house.gate, rid, code=new, key=key())).accepted
