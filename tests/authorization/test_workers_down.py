"""What is said while every worker is down: accepted, kept, and applied when one is back."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from domain.authorization import AuthorizationTerms, DecisionGiven
from tests.authorization.scenes import (
    decided,
    decision,
    new_billing_service,
    requested,
    row_of,
    state_of,
    worker_on,
)
from tests.authorization.test_decisions import outcome_of, quiet
from tests.authorization.test_time import mailed, purposes
from tests.house import House
from workflows import names

SECOND = timedelta(seconds=1)


async def passed(moment: datetime) -> None:
    """Wait until the clock has passed this moment: no time is skipped for a workflow whose worker is down."""
    while (left := (moment - datetime.now(UTC)).total_seconds()) > -0.05:
        await asyncio.sleep(max(left, 0) + 0.06)


async def test_T1_a_decision_given_while_every_worker_is_down_is_applied_when_one_is_back(house: House):
    queue = f"test-{uuid4().hex}"
    async with worker_on(house, queue):
        request = await requested(house, await new_billing_service(house), task_queue=queue)
        await house.mail(to=request.contact)
        await quiet(house, request)
    approval = await decided(house, request)  # acknowledged by the server alone
    decline = await decided(house, request, choice="decline")
    assert (await row_of(house, request)).state == "sent"
    async with worker_on(house, queue):
        await state_of(house, request, wanted="approved")
        assert await outcome_of(house, approval) == "applied"
        assert await outcome_of(house, decline) == "superseded"


async def test_B1_a_decision_in_time_counts_though_workers_came_back_after_the_deadline(house: House):
    queue, terms = f"test-{uuid4().hex}", AuthorizationTerms(life=8 * SECOND)
    async with worker_on(house, queue):
        request = await requested(house, await new_billing_service(house), task_queue=queue, terms=terms)
        await quiet(house, request)
    decision_id = await decided(house, request)
    row = await row_of(house, request)
    assert datetime.now(UTC) < row.deadline, "the machine stalled"
    await passed(row.deadline)
    async with worker_on(house, queue):
        await state_of(house, request, wanted="approved")
        assert await outcome_of(house, decision_id) == "applied"


async def test_B1_a_decision_after_the_deadline_does_not_count_though_no_worker_has_closed_it(house: House):
    queue, terms = f"test-{uuid4().hex}", AuthorizationTerms(life=3 * SECOND)
    async with worker_on(house, queue):
        request = await requested(house, await new_billing_service(house), task_queue=queue, terms=terms)
        await quiet(house, request)
    await passed((await row_of(house, request)).deadline)
    decision_id = await decision(house, request)
    await request.handle.signal(names.DECIDE, DecisionGiven(decision_id=str(decision_id)))
    async with worker_on(house, queue):
        await state_of(house, request, wanted="expired")
        assert await outcome_of(house, decision_id) == "late"


async def test_B4_after_a_long_standstill_nobody_is_reminded_twice_at_once(house: House):
    moments = (2 * SECOND, 2.2 * SECOND, 2.4 * SECOND)
    terms = AuthorizationTerms(contact_reminders=moments, requester_reminders=moments)
    queue = f"test-{uuid4().hex}"
    async with worker_on(house, queue):
        request = await requested(house, await new_billing_service(house), task_queue=queue, terms=terms)
        await mailed(house, request, 1)
    await passed((await row_of(house, request)).requested_at + moments[-1])
    async with worker_on(house, queue):
        assert sorted(await mailed(house, request, 3)) == ["reminder", "request", "waiting"]
        await quiet(house, request)
        assert len(await purposes(house, request)) == 3
