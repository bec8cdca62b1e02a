"""Scripted ways through the workflows beside registrations, one good way each, with updates and timers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from db.authorizations import DecisionRow
from db.invitations import ColleagueChangeRow
from domain.authorization import AskDecisionCode, AuthorizationResult, ByPerson, CorrectContact, DecisionGiven
from domain.cases import StaffAction
from domain.departure import State
from portal import cases, colleagues, granting, inviting
from portal.cases import OpenedCase
from tests.authorization.scenes import decision, new_billing_service, requested
from tests.authorization.test_decisions import quiet as asked_quiet
from tests.authorization.test_time import days_later
from tests.cases.counter import Counter
from tests.colleagues.office import Office, new_address
from tests.departures.conftest import Practice
from tests.grants.scenes import Provider, later
from tests.house import House, key
from workflows import names


async def _at_rest(house: House, workflow_id: str) -> None:
    """Wait until every mail has left and is noted: then the commands come in one order."""
    handle = house.client.get_workflow_handle(workflow_id)
    async with asyncio.timeout(20):
        while True:
            tasks = (await handle.describe()).raw_description
            busy = tasks.pending_activities or tasks.HasField("pending_workflow_task")
            if not busy and (await handle.query(names.STATUS))["mails_pending"] == 0:
                return
            await asyncio.sleep(0.05)


async def invitation_accepted(house: House) -> str:
    """A reminder, the link once more, and the colleague accepts."""
    office = Office(house)
    administrator, email = await office.administrator(), new_address()
    invitation_id = await office.invited(administrator, email)
    await office.quiet(invitation_id)
    await TimeSkipper(house.client).fast_forward(office.handle(invitation_id), timedelta(days=4, seconds=5))
    await house.mail(to=email, after=1)
    await office.quiet(invitation_id)
    await inviting.resend(office.gate, administrator.principal, invitation_id, key=key())
    await office.quiet(invitation_id)
    _, principal, secret, _ = await office.prepared(email)
    await office.confirm(invitation_id, principal, secret)
    await office.handle(invitation_id).result()
    return f"invitation/{invitation_id}"


async def invitation_expired(house: House) -> str:
    """Nobody answers in seven days."""
    office = Office(house)
    invitation_id = await office.invited(await office.administrator(), new_address())
    for days in (4, 2, 1):  # two reminders, the end
        await office.quiet(invitation_id)
        await TimeSkipper(house.client).fast_forward(office.handle(invitation_id), timedelta(days=days, seconds=5))
    await office.handle(invitation_id).result()
    return f"invitation/{invitation_id}"


async def colleague_changed(house: House) -> str:
    """A colleague becomes an administrator."""
    office = Office(house)
    administrator = await office.administrator()
    colleague = await office.colleague(administrator)
    access = (await office.access(colleague))[0]
    await colleagues.change_role(office.gate, administrator.principal, access.id, role="administrator", key=key())
    async with house.database.read() as session:
        changed = await session.scalar(
            select(col(ColleagueChangeRow.id)).where(col(ColleagueChangeRow.account_id) == colleague.account_id)
        )
    workflow_id = f"colleague-change/{changed}"
    await house.client.get_workflow_handle(workflow_id).result()
    return workflow_id


async def _review_opened(house: House):
    practice = Practice(house)
    departed = await practice.administrator(clinic := await house.new_clinic())
    await practice.successor(clinic)
    return practice, departed, (await practice.review(departed)).id


async def departure_confirmed(house: House) -> str:
    """Nobody objects in time."""
    practice, _, review_id = await _review_opened(house)
    await practice.skip_to(review_id, before=timedelta(seconds=-5))
    await practice.review_over(review_id)
    return f"departure/{review_id}"


async def departure_kept(house: House) -> str:
    """A code, an objection with it, and staff keep the access."""
    practice, departed, review_id = await _review_opened(house)
    link = await practice.notice_link(departed)
    await _at_rest(house, f"departure/{review_id}")
    await practice.code(departed, link)
    await _at_rest(house, f"departure/{review_id}")
    await practice.says(departed, "object")
    await practice.stands(review_id, State.CONTESTED)
    await _at_rest(house, f"departure/{review_id}")
    await practice.decide(review_id, "keep")
    await practice.review_over(review_id)
    return f"departure/{review_id}"


async def _case_quiet(counter: Counter, case: OpenedCase) -> None:
    await _at_rest(counter.house, f"case/{case.case_id}")


async def case_declined(house: House) -> str:
    """Staff take it, ask, get an answer, are reminded, overdue, and decline."""
    counter = Counter(house)
    clerk, person = await counter.clerk(), await counter.registrant()
    case = await counter.open(person)
    await _case_quiet(counter, case)
    await counter.act(clerk, case, StaffAction.TAKE)
    await counter.act(clerk, case, StaffAction.ASK_MORE, "Which address?")
    await _case_quiet(counter, case)
    await cases.answer(counter.gate, person.party, case.case_id, text="Quay Street.", key=key())
    await _case_quiet(counter, case)
    await counter.act(clerk, case, StaffAction.DECLINE, "It is not in the plan.")
    await counter.ends(case)
    return f"case/{case.case_id}"


async def case_given_up(house: House) -> str:
    """The person is asked, reminded after seven days, and given up after fourteen."""
    counter = Counter(house)
    clerk, person = await counter.clerk(), await counter.registrant()
    case = await counter.open(person)
    await counter.act(clerk, case, StaffAction.ASK_MORE, "Which address?")
    await house.mail(to=person.email, subject="something more")
    for _ in range(2):
        await counter.skip(case, timedelta(days=7, seconds=5))
    await counter.ends(case)
    return f"case/{case.case_id}"


async def authorization_approved(house: House) -> str:
    """A reminder, the mail once more, another contact, a code, and the new contact approves."""
    service = await new_billing_service(house)
    request = await requested(house, service)
    await asked_quiet(house, request)
    await days_later(house, request, 7.01)
    await asked_quiet(house, request)
    by = ByPerson(authorization_id=str(request.id), account_id=str(service.lead.account_id))
    await request.handle.execute_update(names.RESEND, by, result_type=AuthorizationResult)
    await asked_quiet(house, request)
    corrected = CorrectContact(
        authorization_id=str(request.id), account_id=str(service.lead.account_id), contact=new_address()
    )
    await request.handle.execute_update(names.CORRECT_CONTACT, corrected, result_type=AuthorizationResult)
    await asked_quiet(house, request)
    decision_id = await decision(house, request, is_confirmed=False)
    async with house.database.write() as session:
        drafted = await session.get_one(DecisionRow, decision_id)
        sitting = AskDecisionCode(authorization_id=str(request.id), sitting_id=str(drafted.sitting_id))
    await request.handle.execute_update(names.SEND_CODE, sitting, result_type=AuthorizationResult)
    await asked_quiet(house, request)
    async with house.database.write() as session:
        (await session.get_one(DecisionRow, decision_id)).confirmed_at = datetime.now(UTC)
    await request.handle.signal(names.DECIDE, DecisionGiven(decision_id=str(decision_id)))
    await request.handle.result()
    return request.handle.id


async def authorization_expired(house: House) -> str:
    """Three reminders to the contact, three to the requester, and the end after thirty days."""
    request = await requested(house, await new_billing_service(house))
    for day in (7.01, 14.01, 25.01, 29.01, 30.01):
        await asked_quiet(house, request)
        await days_later(house, request, day)
    await request.handle.result()
    return request.handle.id


async def access_revoked(house: House) -> str:
    """An access is put on hold, resumed, given an end date, and revoked."""
    provider = Provider(house)
    clinic = await house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    await provider.settled(granted)
    for change in (granting.hold, granting.resume):
        await change(provider.gate, boss.principal, granted.id, key=key())
        await provider.settled(granted)
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(10), key=key())
    await provider.settled(granted)
    await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    await provider.over(granted)
    return f"access-review/{granted.id}"


OTHER_PATHS: dict[str, Callable[[House], Awaitable[str]]] = {
    path.__name__: path
    for path in (
        invitation_accepted,
        invitation_expired,
        colleague_changed,
        departure_confirmed,
        departure_kept,
        case_declined,
        authorization_approved,
        authorization_expired,
        access_revoked,
        # `case_given_up` is saved, too, but its looks at the directory and its reminders come in no fixed order.
    )
}
