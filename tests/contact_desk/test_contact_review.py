"""Two people of staff look at a contact that a rule has doubts about; one alone sends nothing (T2, T7, B11)."""

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from db.audit import AuditEntry
from db.authorizations import AuthorizationRow, ReviewVerdict
from db.billing import BillingService
from db.billing_desk import OpenLimitChange
from domain.authorization import AuthorizationResult, State
from domain.calendar import add_business_days
from ops.keys import Keyring
from ops.loopback import free_port
from ops.temporal_client import connect
from portal import billing_desk, contact_desk, contact_review
from portal.contact_desk import DeskAction, DeskRequest
from portal.refusals import Refusal
from tests.authorization.scenes import Request, decided, new_billing_service, requested, row_of, state_of
from tests.cases.counter import Clerk, Counter
from tests.house import House, key

_numbers = itertools.count(1)


def free_mail() -> str:
    return f"office.of.the.clinic{next(_numbers)}@gmail.com"


async def in_review(house: House) -> Request:
    request = await requested(house, await new_billing_service(house), contact=free_mail())
    assert request.result.state == "in_review", request.result
    return request


async def say(
    house: House, clerk: Clerk, request: Request, verdict: str = "send", *, version: int = 1, **changes: str
) -> AuthorizationResult:
    typed = {"reason": "I called the office.", "key": key(), **changes}
    return await contact_review.give_verdict(
        house.gate, clerk.member, request.id, contact_version=version, verdict=verdict, **typed
    )


async def refused(house: House, clerk: Clerk, request: Request, verdict: str = "send", **options: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        await say(house, clerk, request, verdict, **options)
    return refusal.value.code


async def view(house: House, clerk: Clerk, request: Request) -> DeskRequest:
    return await contact_desk.view_request(house.gate, clerk.member, request.id)


async def audit_of(house: House, subject: str, action: str) -> list[AuditEntry]:
    async with house.database.read() as session:
        found = await session.scalars(
            select(AuditEntry)
            .where(col(AuditEntry.subject) == subject, col(AuditEntry.action) == action)
            .order_by(col(AuditEntry.position))
        )
        return list(found)


async def test_T2_two_different_people_have_the_mail_sent(counter_on_both: Counter):
    house = counter_on_both.house
    request = await in_review(house)
    sam, lou = (
        await counter_on_both.clerk(name="Sam Desk Example"),
        await counter_on_both.clerk(name="Lou Desk Example"),
    )
    assert (await say(house, sam, request)).state == State.IN_REVIEW
    assert house.mails(to=request.contact) == []
    assert (await view(house, lou, request)).line.given_by == ("Sam Desk Example",)
    assert (await say(house, lou, request)).state == State.SENT
    await house.mail(to=request.contact)
    written = await audit_of(house, f"authorization/{request.id}", "authorization.verdict_written")
    assert [entry.actor for entry in written] == [f"staff/{sam.member.id}", f"staff/{lou.member.id}"]
    assert len(await audit_of(house, f"authorization/{request.id}", "authorization.contact_reviewed")) == 2


async def test_T2_the_same_person_twice_is_refused_with_words_and_sends_nothing(house: House, counter: Counter):
    request, sam = await in_review(house), await counter.clerk()
    await say(house, sam, request)
    assert await refused(house, sam, request) == "contact_review_same_person"
    assert await refused(house, sam, request, "refuse") == "contact_review_same_person"
    assert (await row_of(house, request)).state == "in_review"
    assert house.mails(to=request.contact) == []
    assert len(await audit_of(house, f"authorization/{request.id}", "authorization.verdict_written")) == 1
    assert (await view(house, sam, request)).actions == (DeskAction.CORRECT,)


async def test_B11_one_person_at_the_same_moment_in_many_tabs_is_one_person(counter_on_both: Counter):
    house = counter_on_both.house
    request, sam = await in_review(house), await counter_on_both.clerk()
    found = await asyncio.gather(*(say(house, sam, request) for _ in range(6)), return_exceptions=True)
    codes = [
        one.code if isinstance(one, Refusal) else one.state
        for one in found
        if isinstance(one, Refusal | AuthorizationResult)
    ]
    assert sorted(codes) == ["contact_review_same_person"] * 5 + ["in_review"]
    assert (await row_of(house, request)).state == "in_review"


async def test_T2_one_person_can_refuse_and_the_requester_is_told(house: House, counter: Counter):
    service = await new_billing_service(house)
    request = await requested(house, service, contact=free_mail())
    assert (
        await say(house, await counter.clerk(), request, "refuse", reason="Nobody there knows of it.")
    ).state == "cancelled"
    row = await row_of(house, request)
    assert row.closing_code == "authorization_contact_refused"
    told = await house.mail(to=service.lead.email, subject="")
    assert "Nobody there knows of it." not in (told.text or "")
    assert house.mails(to=request.contact) == []


async def test_B11_a_request_sent_twice_is_one_verdict_and_gets_the_same_answer(house: House, counter: Counter):
    request, sam, once = await in_review(house), await counter.clerk(), key()
    first = await say(house, sam, request, key=once)
    assert await say(house, sam, request, key=once) == first
    assert await refused(house, sam, request, key=once, reason="Another one.") == "key_reused"
    lou, twice = await counter.clerk(), key()
    await say(house, lou, request, key=twice)
    assert (await say(house, lou, request, key=twice)).state == "sent"
    async with house.database.read() as session:
        count = await session.scalar(select(func.count()).where(col(ReviewVerdict.authorization_id) == request.id))
    assert count == 2


async def test_B11_a_verdict_that_was_written_while_temporal_was_away_is_told_with_the_next_try(
    house: House, counter: Counter, keyring: Keyring
):
    request, sam, lou = await in_review(house), await counter.clerk(), await counter.clerk()
    await say(house, sam, request)
    nowhere = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    away = replace(house.gate, client=await connect(keyring=keyring, process="api", lazy=True, environ=nowhere))
    with pytest.raises(Refusal) as refusal:
        await contact_review.give_verdict(
            away, lou.member, request.id, contact_version=1, verdict="send", reason="Called.", key=key()
        )
    assert refusal.value.code == "unavailable"
    assert (await row_of(house, request)).state == "in_review"
    assert (await say(house, lou, request, reason="Called, as I said.")).state == "sent"  # another tab, another key


async def test_B11_a_verdict_is_of_the_contact_that_was_seen(house: House, counter: Counter):
    request, sam, lou = await in_review(house), await counter.clerk(), await counter.clerk()
    await say(house, sam, request)
    another = free_mail()
    await contact_review.correct_contact(house.gate, sam.member, request.id, contact=another, reason="", key=key())
    assert await refused(house, lou, request) == "contact_review_changed"
    seen = await view(house, lou, request)
    assert (seen.contact_version, seen.line.contact, seen.line.given_by, seen.verdicts) == (2, another, (), ())
    assert (await say(house, lou, request, version=2)).state == "in_review"  # Sam's was of the other one
    assert (await say(house, sam, request, version=2)).state == "sent"
    await house.mail(to=another)
    assert house.mails(to=request.contact) == []


async def test_B6_what_a_verdict_is_refused_for(house: House, counter: Counter):
    sam = await counter.clerk()
    sent = await requested(house, await new_billing_service(house))
    assert await refused(house, sam, sent) == "authorization_not_in_review"
    request = await in_review(house)
    assert await refused(house, sam, request, "perhaps") == "invalid_fields"
    assert await refused(house, sam, request, reason="  ") == "invalid_fields"
    assert await refused(house, sam, replace(request, id=uuid4())) == "not_found"
    await say(house, await counter.clerk(), request, "refuse")
    assert await refused(house, sam, request) == "authorization_stopped"  # nobody cancelled it


async def test_T2_the_queue_has_the_longest_waiting_first_with_all_that_staff_need(house: House, counter: Counter):
    sam = await counter.clerk()
    service = await new_billing_service(house, domain="shared-health.example.org")
    reason = "We share one domain with the clinic."
    shared = await requested(house, service, contact="front@shared-health.example.org", review_reason=reason)
    later = await in_review(house)
    rows = (await contact_desk.list_queue(house.gate, sam.member)).rows
    ids = [row.id for row in rows]
    assert ids.index(shared.id) < ids.index(later.id)
    assert [row.waiting_since for row in rows] == sorted(row.waiting_since for row in rows)
    seen = await view(house, sam, shared)
    assert (seen.line.rule, seen.requester_reason, seen.line.contact) == ("T2.own_domain", reason, shared.contact)
    assert seen.service_domains == ("shared-health.example.org",)
    assert seen.requester_email == service.lead.email
    local = seen.requested_at.astimezone(house.gate.zone).date()
    assert seen.line.due_at.astimezone(house.gate.zone).date() == add_business_days(local, 3)
    assert not seen.line.is_overdue
    late = replace(house.gate, now=lambda: datetime.now(UTC) + timedelta(days=9))
    assert next(row for row in (await contact_desk.list_queue(late, sam.member)).rows if row.id == shared.id).is_overdue


# Any open request: found by its reference, sent again, corrected.


async def test_T7_staff_send_again_without_a_cap_and_the_deadline_stays(house: House, counter: Counter):
    sam = await counter.clerk()
    request = await requested(house, await new_billing_service(house))
    deadline = (await row_of(house, request)).deadline
    assert await contact_desk.find(house.gate, sam.member, f" {request.reference.lower()} ") == request.id
    for number in range(1, 6):
        await contact_review.resend(house.gate, sam.member, request.id, key=key())
        await house.mail(to=request.contact, after=number)
    row = await row_of(house, request)
    assert (row.deadline, row.resends) == (deadline, 0)
    resent = await audit_of(house, f"authorization/{request.id}", "authorization.resent")
    assert {entry.actor for entry in resent} == {f"staff/{sam.member.id}"}
    assert len(resent) == 5


async def test_T7_staff_correct_a_contact_and_it_is_judged_again(house: House, counter: Counter):
    sam, service = await counter.clerk(), await new_billing_service(house, people=2)
    request = await requested(house, service)
    with pytest.raises(Refusal) as refusal:
        await contact_review.correct_contact(
            house.gate, sam.member, request.id, contact=service.people[1].email, reason="", key=key()
        )
    assert refusal.value.code == "contact_own_person"
    result = await contact_review.correct_contact(
        house.gate, sam.member, request.id, contact=free_mail(), reason="", key=key()
    )
    assert result.state == "in_review"
    right = f"kim{next(_numbers)}@elsewhere.example.org"
    result = await contact_review.correct_contact(
        house.gate, sam.member, request.id, contact=right, reason="", key=key()
    )
    assert result.state == "sent"
    await house.mail(to=right)
    corrected = await audit_of(house, f"authorization/{request.id}", "authorization.contact_corrected")
    assert {entry.actor for entry in corrected} == {f"staff/{sam.member.id}"}


async def test_T7_after_the_end_nothing_can_be_sent_or_corrected(house: House, counter: Counter):
    sam, request = await counter.clerk(), await requested(house, await new_billing_service(house))
    await decided(house, request, choice="decline")
    await state_of(house, request, wanted="declined")
    for step in (
        contact_review.resend(house.gate, sam.member, request.id, key=key()),
        contact_review.correct_contact(
            house.gate, sam.member, request.id, contact="kim@clinic.example.org", reason="", key=key()
        ),
    ):
        with pytest.raises(Refusal) as refusal:
            await step
        assert refusal.value.code == "authorization_decided"


# More open requests for one billing service.


async def test_T5_staff_allow_more_open_requests_with_a_reason(house: House, counter: Counter):
    sam, service = await counter.clerk(), await new_billing_service(house, open_limit=1)
    await requested(house, service)
    assert (await requested(house, service)).result.code == "authorizations_open_limit"
    for limit, reason in (("0", "x"), ("5001", "x"), ("many", "x"), ("12.5", "x"), ("10", " ")):
        with pytest.raises(Refusal) as refusal:
            await billing_desk.raise_limit(house.gate, sam.member, service.id, limit=limit, reason=reason, key=key())
        assert refusal.value.code == "invalid_fields"
    once, why = key(), "They bill for 400 clinics."
    for _ in range(2):
        assert (
            await billing_desk.raise_limit(house.gate, sam.member, service.id, limit="5,000", reason=why, key=once)
            == 5000
        )
    assert (await requested(house, service)).result.accepted
    async with house.database.read() as session:
        [change] = (
            await session.scalars(select(OpenLimitChange).where(col(OpenLimitChange.billing_id) == service.id))
        ).all()
        assert (await session.get_one(BillingService, service.id)).open_limit == 5000
    assert (change.before, change.after, house.vault.unseal("reason", change.reason_sealed)) == (1, 5000, why)
    [entry] = await audit_of(house, f"billing/{service.id}", "billing.open_limit_set")
    assert entry.actor == f"staff/{sam.member.id}"
    assert why not in entry.details
    with pytest.raises(Refusal) as refusal:
        await billing_desk.raise_limit(house.gate, sam.member, uuid4(), limit="10", reason="x", key=key())
    assert refusal.value.code == "not_found"


async def test_B10_reasons_are_sealed(house: House, counter: Counter):
    request = await in_review(house)
    await say(house, await counter.clerk(), request, reason="A marker that nobody else writes.")
    async with house.database.read() as session:
        [verdict] = (
            await session.scalars(select(ReviewVerdict).where(col(ReviewVerdict.authorization_id) == request.id))
        ).all()
        assert await session.get(AuthorizationRow, request.id) is not None
    assert b"marker" not in verdict.reason_sealed
    assert house.vault.unseal("reason", verdict.reason_sealed) == "A marker that nobody else writes."
