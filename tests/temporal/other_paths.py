"""Scripted ways through the workflows beside registrations, one good way each, with updates and timers."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from db.invitations import ColleagueChangeRow
from domain.cases import StaffAction
from domain.departure import State
from portal import cases, colleagues, inviting
from tests.cases.counter import Counter
from tests.colleagues.office import Office, new_address
from tests.departures.conftest import Practice
from tests.house import House, key


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
    await practice.code(departed, link)
    await practice.says(departed, "object")
    await practice.stands(review_id, State.CONTESTED)
    await practice.decide(review_id, "keep")
    await practice.review_over(review_id)
    return f"departure/{review_id}"


async def case_declined(house: House) -> str:
    """Staff take it, ask, get an answer, are reminded, overdue, and decline."""
    counter = Counter(house)
    clerk, person = await counter.clerk(), await counter.registrant()
    case = await counter.open(person)
    await counter.act(clerk, case, StaffAction.TAKE)
    await counter.act(clerk, case, StaffAction.ASK_MORE, "Which address?")
    await house.mail(to=person.email, subject="something more")
    await cases.answer(counter.gate, person.party, case.case_id, text="Quay Street.", key=key())
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


OTHER_PATHS: dict[str, Callable[[House], Awaitable[str]]] = {
    path.__name__: path
    for path in (
        invitation_accepted,
        invitation_expired,
        colleague_changed,
        departure_confirmed,
        departure_kept,
        case_declined,
        # `case_given_up` is saved, too, but its looks at the directory and its reminders come in no fixed order.
    )
}
