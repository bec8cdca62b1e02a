"""P9: a contested departure has a due date, and staff are reminded of it like of a case."""

from datetime import UTC, datetime, timedelta

from db.departures import DepartureReviewRow
from domain.departure import State
from portal import account, departure_desk
from tests.cases.counter import Counter
from tests.departures.conftest import Practice
from tests.house import House
from tests.housekeeping.test_orphans import round_of


async def test_P9_staff_are_reminded_of_a_contested_departure_when_its_due_date_has_passed(house: House):
    practice, counter = Practice(house), Counter(house)
    clerk = await counter.clerk()
    first = await practice.administrator(clinic := await house.new_clinic())
    await practice.successor(clinic)
    review = await practice.review(first)
    await practice.says(first, "object")
    row = await practice.stands(review.id, State.CONTESTED)
    shown = await departure_desk.view_review(house.gate, clerk.member, review.id)
    assert shown.due_at is not None
    assert timedelta(days=3) <= shown.due_at - row.updated_at <= timedelta(days=8)
    await round_of(house)
    async with house.database.write() as session:
        (await session.get_one(DepartureReviewRow, review.id)).contested_at = datetime.now(UTC) - timedelta(days=9)
    for _ in range(2):
        await round_of(house)
    mail = await house.mail(to=clerk.email, subject="departure waits")
    assert review.reference in (mail.text or "")
    duties = await departure_desk.list_duties(house.gate, clerk.member)
    assert (duties.contested, duties.overdue) == (1, 1)


async def test_P9_newcomers_are_in_the_navigation_of_those_who_have_some(house: House):
    practice = Practice(house)
    first = await practice.administrator(clinic := await house.new_clinic())
    assert not (await account.view_account(house.gate, first.principal)).has_notices
    second = await practice.successor(clinic)
    assert (await account.view_account(house.gate, first.principal)).has_notices
    assert (await account.view_account(house.gate, second.person.principal)).has_notices
