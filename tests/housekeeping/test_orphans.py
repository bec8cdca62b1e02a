"""I1, I18: what lost its workflow doesn't stay open for ever, and what has one is left alone."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow

import worker
from db.audit import AuditEntry, broken_at
from db.cases import CaseRow
from db.departures import DepartureClaim, DepartureReviewRow
from db.invitations import InvitationRow
from db.registrations import RegistrationRow
from domain.housekeeping import Orphans
from portal import registering
from tests.by_mail.conftest import until
from tests.cases.counter import Counter
from tests.colleagues.office import new_address
from tests.departures.conftest import Practice
from tests.house import House, key
from workflows.housekeeping import Housekeeping


async def round_of(house: House) -> Orphans:
    """One round, with everything that it begins."""
    found: Orphans = await house.client.execute_workflow(
        Housekeeping.run, id=f"housekeeping-{key()}", task_queue=house.settings.task_queue
    )
    for orphan in found.found:
        await house.client.get_workflow_handle(f"orphan/{orphan.workflow_id}").result()
    return found


async def audited(house: House, subject: str) -> AuditEntry:
    async with house.database.read() as session:
        assert await broken_at(session) is None
        entries = await session.scalars(
            select(AuditEntry).where(col(AuditEntry.subject) == subject).order_by(col(AuditEntry.position))
        )
        return [one for one in entries if not one.action.startswith("mail.")][-1]


async def terminated(house: House, workflow_id: str) -> None:
    await house.client.get_workflow_handle(workflow_id).terminate("by hand, in Temporal's UI")


async def test_I1_a_registration_whose_workflow_was_terminated_ends_and_its_payment_is_free_again(house: House):
    clinic, email = await house.new_clinic(), new_address()
    started = await house.proved(clinic, email=email)
    rid = started.registration_id
    await terminated(house, f"registration/{rid}")
    found = await round_of(house)
    assert [one.row_id for one in found.found] == [str(rid)]
    async with house.database.read() as session:
        row = await session.get_one(RegistrationRow, rid)
    assert row.state == "withdrawn"
    entry = await audited(house, f"registration/{rid}")
    assert (entry.actor, entry.action) == ("system", "registration.closed")
    await house.mail(to=email, subject="was closed")
    assert await round_of(house) == Orphans()
    assert len(house.mails(to=email, subject="was closed")) == 1
    other = await house.confirmed()
    assert (await house.prove(other, clinic)).accepted


async def test_I18_a_registration_that_temporal_has_forgotten_ends(house: House):
    started = await house.confirmed()
    rid = started.registration_id
    await terminated(house, f"registration/{rid}")
    await house.forget(rid)
    while await house.exists(rid):
        await asyncio.sleep(0.05)
    assert [one.row_id for one in (await round_of(house)).found] == [str(rid)]


async def test_I18_what_has_a_workflow_is_left_alone(house: House):
    started = await house.confirmed()
    counter, practice = Counter(house), Practice(house)
    case = await counter.open(await counter.registrant())
    first = await practice.administrator(clinic := await house.new_clinic())
    await practice.successor(clinic)
    review = await practice.review(first)
    assert await round_of(house) == Orphans()
    assert (await house.status(started.registration_id)).state == "proving"
    assert (await counter.row(case)).state == "new"
    assert (await practice.reviews(first))[0].state == "open"
    assert review.revision


async def test_I1_an_invitation_a_case_and_a_review_without_a_workflow_end_with_notice(house: House):
    counter, practice = Counter(house), Practice(house)
    first = await practice.administrator(clinic := await house.new_clinic())
    invited = await practice.invited(first, new_address())
    person = await counter.registrant()
    case = await counter.open(person)
    await practice.successor(clinic)
    review = await practice.review(first)
    ids = [f"invitation/{invited}", f"case/{case.case_id}", f"departure/{review.id}"]
    for workflow_id in ids:
        await terminated(house, workflow_id)
    assert sorted(one.workflow_id for one in (await round_of(house)).found) == sorted(ids)
    async with house.database.read() as session:
        assert (await session.get_one(InvitationRow, invited)).state == "cancelled"
        assert (await session.get_one(CaseRow, case.case_id)).state == "withdrawn"
        assert (await session.get_one(DepartureReviewRow, review.id)).state == "withdrawn"
    assert {(await audited(house, one)).actor for one in ids} == {"system"}
    await house.mail(to=person.email, subject="Your request is closed")
    assert set(await practice.access_of(first)) == {"open"}


async def test_I1_the_case_of_a_registration_that_lost_its_workflow_ends_with_it(house: House):
    counter = Counter(house)
    person = await counter.registrant()
    case = await counter.open(person)
    await terminated(house, f"registration/{person.id}")
    await round_of(house)
    assert await counter.ends(case) == "withdrawn"


async def test_I18_a_review_that_its_registration_still_has_to_start_is_left_alone(house: House):
    practice = Practice(house)
    first = await practice.administrator(clinic := await house.new_clinic())
    await practice.successor(clinic)
    review = await practice.review(first)
    await terminated(house, f"departure/{review.id}")
    waiting = await house.confirmed()
    async with house.database.write() as session:
        row = await session.get_one(DepartureReviewRow, review.id)
        row.revision = 0
        claim = await session.scalar(select(DepartureClaim).where(col(DepartureClaim.review_id) == review.id))
        assert claim is not None
        claim.registration_id = waiting.registration_id
    assert await round_of(house) == Orphans()
    await terminated(house, f"registration/{waiting.registration_id}")
    assert len((await round_of(house)).found) == 2


async def test_I18_with_too_many_at_once_none_is_ended(house: House):
    """A wrong namespace makes everything look as if it had lost its workflow."""
    started = await asyncio.gather(*(house.confirmed() for _ in range(6)))
    for one in started:
        await terminated(house, f"registration/{one.registration_id}")
    assert await round_of(house) == Orphans(withheld=6)
    async with house.database.read() as session:
        states = await session.scalars(select(col(RegistrationRow.state)))
        assert set(states) == {"proving"}


async def test_I18_workers_that_start_keep_one_schedule_and_it_runs(house: House, caplog: pytest.LogCaptureFixture):
    started = await house.confirmed()
    await terminated(house, f"registration/{started.registration_id}")
    client: Client = house.client
    queue = house.settings.task_queue
    await asyncio.gather(*(worker.keep_schedules(client, task_queue=queue) for _ in range(3)))
    handle = client.get_schedule_handle(f"housekeeping/{queue}")
    await handle.trigger()

    async def ended() -> bool | None:
        async with house.database.read() as session:
            return (await session.get_one(RegistrationRow, started.registration_id)).state == "withdrawn" or None

    await until(ended)
    described = await handle.describe()
    assert described.info.num_actions == 1
    assert described.schedule.spec.intervals[0].every == worker._HOUSEKEEPING_EVERY

    async def newest_of(rounds: int) -> str | None:
        actions = [one.action for one in (await handle.describe()).info.recent_actions]
        ids = [one.workflow_id for one in actions if isinstance(one, ScheduleActionExecutionStartWorkflow)]
        return ids[-1] if len(ids) == rounds else None

    # The second round gets what the first has returned, and can read it.
    first = await until(partial(newest_of, 1))
    await asyncio.wait_for(client.get_workflow_handle(first).result(), 15)
    while f"{datetime.now(UTC):%H:%M:%SZ}" == first[-9:]:  # a round is named for its second
        await asyncio.sleep(0.05)
    await handle.trigger()
    await asyncio.wait_for(client.get_workflow_handle(await until(partial(newest_of, 2))).result(), 15)
    assert [record.message for record in caplog.records if "refused" in record.message] == []
    await handle.delete()
    await client.get_schedule_handle(f"purging/{queue}").delete()


async def test_P8_a_case_ends_when_its_registration_does_so_that_staff_work_for_nobody_gone(house: House):
    counter = Counter(house)
    person = await counter.registrant()
    case = await counter.open(person)
    await registering.withdraw(house.gate, person.id, key=key())
    assert await asyncio.wait_for(counter.ends(case), 15) == "withdrawn"
