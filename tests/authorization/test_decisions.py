"""Which decision counts: the first that was in time and of this request's contact; every other is recorded as what it was."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from db.accounts import Access, Message
from db.audit import AuditEntry
from db.authorizations import DecisionRow, GrantRow
from domain.authorization import DecisionGiven
from tests.authorization.scenes import (
    Request,
    decided,
    decision,
    new_billing_service,
    requested,
    row_of,
    state_of,
)
from tests.house import House
from workflows import names


async def outcome_of(house: House, decision_id: UUID) -> str:
    """What became of a decision, as soon as something has."""
    async with asyncio.timeout(20):
        while True:
            async with house.database.read() as session:
                row = await session.get_one(DecisionRow, decision_id)
            if row.outcome is not None:
                return row.outcome
            await asyncio.sleep(0.05)


async def grants_of(house: House, request: Request) -> list[GrantRow]:
    async with house.database.read() as session:
        return list(await session.scalars(select(GrantRow).where(col(GrantRow.authorization_id) == request.id)))


async def test_T1_approval_opens_the_access_at_once(house_on_both: House):
    house = house_on_both
    service, clinic = await new_billing_service(house), await house.new_clinic()
    request = await requested(house, service, clinic)
    assert (await row_of(house, request)).state == "sent"
    decision_id = await decided(house, request)
    row = await state_of(house, request, wanted="approved")
    [grant] = await grants_of(house, request)
    assert (grant.status, grant.billing_id, grant.organization_id) == ("open", service.id, clinic.id)
    assert row.decision_id == grant.decision_id == decision_id
    assert await outcome_of(house, decision_id) == "applied"


async def test_I4_a_decision_that_nobody_wrote_opens_nothing(house: House):
    request = await requested(house, await new_billing_service(house))
    await request.handle.signal(names.DECIDE, DecisionGiven(decision_id=str(uuid4())))
    unconfirmed = await decided(house, request, is_confirmed=False)
    declined = await decided(house, request, choice="decline")
    await state_of(house, request, wanted="declined")
    assert await grants_of(house, request) == []
    assert await outcome_of(house, declined) == "applied"
    async with house.database.read() as session:
        assert (await session.get_one(DecisionRow, unconfirmed)).outcome is None


async def test_I4_a_decision_about_another_request_counts_for_nothing_here(house: House):
    service = await new_billing_service(house)
    one, other = await requested(house, service), await requested(house, service)
    decision_id = await decision(house, other)
    await one.handle.signal(names.DECIDE, DecisionGiven(decision_id=str(decision_id)))
    await decided(house, one, choice="decline")
    await state_of(house, one, wanted="declined")
    assert (await row_of(house, other)).state == "sent"


async def test_I4_who_belongs_to_the_service_by_now_does_not_decide(house: House):
    service = await new_billing_service(house)
    other = await new_billing_service(house, domain="southfield.example.org")
    request = await requested(house, service, contact=other.lead.email)
    async with house.database.write() as session:
        own = await session.scalar(select(Access).where(col(Access.account_id) == service.lead.account_id))
        assert own is not None
        session.add(
            Access(
                account_id=other.lead.account_id, organization_id=service.id, evidence_id=own.evidence_id,
                via="invitation", role="member", opened_at=own.opened_at,
            )
        )  # fmt: skip
    decision_id = await decided(house, request)
    assert await outcome_of(house, decision_id) == "void"
    assert (await row_of(house, request)).state == "sent"
    assert await grants_of(house, request) == []


async def test_T1_two_clicks_are_one_approval(house: House):
    request = await requested(house, await new_billing_service(house))
    first = await decision(house, request)
    second = await decision(house, request)
    for decision_id in (first, first, second):
        await request.handle.signal(names.DECIDE, DecisionGiven(decision_id=str(decision_id)))
    await state_of(house, request, wanted="approved")
    assert await outcome_of(house, second) == "superseded"
    assert await outcome_of(house, first) == "applied"
    assert len(await grants_of(house, request)) == 1


async def test_T1_decline_after_approval_is_superseded(house: House):
    request = await requested(house, await new_billing_service(house))
    approval = await decision(house, request)
    decline = await decision(house, request, choice="decline")
    for decision_id in (approval, decline):
        await request.handle.signal(names.DECIDE, DecisionGiven(decision_id=str(decision_id)))
    assert await outcome_of(house, decline) == "superseded"
    assert (await row_of(house, request)).state == "approved"


async def test_I5_fifty_contradictory_decisions_give_one_outcome(house_on_both: House):
    house = house_on_both
    request = await requested(house, await new_billing_service(house))
    decisions = [await decision(house, request, choice="approve" if number % 2 else "decline") for number in range(50)]
    await asyncio.gather(
        *(request.handle.signal(names.DECIDE, DecisionGiven(decision_id=str(decision_id))) for decision_id in decisions)
    )
    outcomes = [await outcome_of(house, decision_id) for decision_id in decisions]
    assert sorted(set(outcomes)) == ["applied", "superseded"]
    assert outcomes.count("applied") == 1
    row = await row_of(house, request)
    async with house.database.read() as session:
        winner = await session.get_one(DecisionRow, row.decision_id)
        told = await session.scalars(
            select(col(Message.kind)).where(col(Message.cause).startswith(f"authorization/{request.id}:"))
        )
        kinds = sorted(told)
    assert row.state == {"approve": "approved", "decline": "declined"}[winner.choice]
    assert len(await grants_of(house, request)) == (1 if winner.choice == "approve" else 0)
    assert kinds.count(f"authorization_{row.state}") == 1  # T6: exactly one message


async def test_B1_a_decision_confirmed_at_the_deadline_is_late(house: House):
    request = await requested(house, await new_billing_service(house))
    deadline = (await row_of(house, request)).deadline
    at_deadline = await decided(house, request, confirmed_at=deadline)
    assert await outcome_of(house, at_deadline) == "late"
    assert (await row_of(house, request)).state == "sent"
    just_before = await decided(house, request, confirmed_at=deadline - timedelta(microseconds=1))
    assert await outcome_of(house, just_before) == "applied"


async def test_T1_an_approval_for_a_provider_that_the_directory_does_not_know_says_so_to_both(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service, tin="000999999")
    assert request.result.accepted  # like any other: nobody learns here what the directory holds (I16)
    await house.mail(to=request.contact)
    await decided(house, request)
    row = await state_of(house, request, wanted="cancelled")
    assert row.closing_code == "authorization_provider_unknown"
    await house.mail(to=service.lead.email)
    await house.mail(to=request.contact, after=1)


async def test_T1_a_provider_that_was_listed_meanwhile_is_found_by_the_approval(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service, tin="000888777")
    clinic = await house.new_clinic(tin="000888777")
    await decided(house, request)
    await state_of(house, request, wanted="approved")
    [grant] = await grants_of(house, request)
    assert grant.organization_id == clinic.id


async def test_T1_an_npi_of_another_provider_opens_nothing(house: House):
    other, clinic = await house.new_clinic(), await house.new_clinic()
    request = await requested(house, await new_billing_service(house), clinic, npi=other.npi)
    await decided(house, request)
    assert (await state_of(house, request, wanted="cancelled")).closing_code == "authorization_provider_unknown"
    assert await grants_of(house, request) == []


async def test_T1_access_is_the_services_also_when_the_requester_has_left_meanwhile(house: House):
    service = await new_billing_service(house, people=2)
    member = service.people[1]
    request = await requested(house, service, by=member)
    async with house.database.write() as session:
        access = await session.scalar(select(Access).where(col(Access.account_id) == member.account_id))
        assert access is not None
        access.status = "ended"
    await decided(house, request)
    await state_of(house, request, wanted="approved")
    async with house.database.read() as session:
        told = await session.scalars(
            select(col(Message.account_id)).where(
                col(Message.cause).startswith(f"authorization/{request.id}:"),
                col(Message.kind) == "authorization_approved",
            )
        )
        assert list(told) == [service.lead.account_id]


async def test_T1_nobody_is_left_at_the_service_so_nothing_opens(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    async with house.database.write() as session:
        access = await session.scalar(select(Access).where(col(Access.account_id) == service.lead.account_id))
        assert access is not None
        access.status = "ended"
    await decided(house, request)
    assert (await state_of(house, request, wanted="cancelled")).closing_code == "authorization_service_gone"
    assert await grants_of(house, request) == []


async def test_I9_a_decision_by_the_former_contact_is_void(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    version = (await row_of(house, request)).contact_version
    async with house.database.write() as session:
        row = await session.get_one(type(await row_of(house, request)), request.id)
        row.contact_version = version + 1
    old = await decided(house, request, contact_version=version)
    assert await outcome_of(house, old) == "void"
    assert (await row_of(house, request)).state == "sent"


async def test_B9_each_decision_is_one_audit_entry_that_names_its_evidence(house: House):
    request = await requested(house, await new_billing_service(house))
    decision_id = await decided(house, request)
    await state_of(house, request, wanted="approved")
    async with house.database.read() as session:
        entries = await session.scalars(
            select(AuditEntry).where(
                col(AuditEntry.subject) == f"authorization/{request.id}",
                col(AuditEntry.action) == "authorization.decided",
            )
        )
        [entry] = entries
    assert str(decision_id) in entry.details


@pytest.mark.parametrize("moment", [timedelta(seconds=-1), timedelta(0), timedelta(seconds=1)], ids=str)
async def test_B1_T7_a_decision_around_the_deadline(house: House, moment: timedelta):
    """By the workflow's own clock: one second before counts, the deadline itself and a second later don't."""
    request = await requested(house, await new_billing_service(house))
    await house.mail(to=request.contact)
    await quiet(house, request)
    skipper = TimeSkipper(house.client)
    left = (await request.status()).deadline - await skipper.get_current_time(request.handle)
    await skipper.fast_forward(request.handle, left + moment)
    if moment >= timedelta(0):
        await state_of(house, request, wanted="expired")
        assert await grants_of(house, request) == []
        return
    await decided(house, request)
    await state_of(house, request, wanted="approved")


async def quiet(house: House, request: Request) -> None:
    """Wait until every mail has left and is noted, and the workflow waits for a person."""
    async with asyncio.timeout(20):
        while True:
            raw = (await request.handle.describe()).raw_description
            status = await request.status()
            if status.mails_pending == 0 and not raw.pending_activities and not raw.HasField("pending_workflow_task"):
                return
            await asyncio.sleep(0.05)
