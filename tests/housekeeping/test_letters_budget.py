"""P2: a day's letters near their budget are told to the supervisors, once."""

import itertools
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlmodel import col

from db.directory import Location
from db.letters import LetterRow
from portal.staff import StaffRole
from tests.cases.counter import Counter
from tests.house import House
from tests.housekeeping.test_orphans import round_of

_days = itertools.count(3)


async def plan_letters(house: House, day: date, number: int) -> None:
    clinic = await house.new_clinic()
    started = await house.confirmed()
    async with house.database.write() as session:
        place = (await session.scalars(select(Location).where(col(Location.organization_id) == clinic.id))).one()
        for generation in range(number):
            session.add(
                LetterRow(
                    id=uuid4(), registration_id=started.registration_id, generation=generation + 1,
                    organization_id=clinic.id, location_id=place.id, pin_digest="x", pin_days=30,
                    requested_at=datetime.now(UTC), planned_on=day,
                )
            )  # fmt: skip


async def test_P2_supervisors_are_told_once_that_a_day_is_near_its_budget_of_letters(house: House):
    counter = Counter(house)
    supervisor = await counter.clerk(role=StaffRole.SUPERVISOR)
    agent = await counter.clerk()
    day = datetime.now(UTC).date() + timedelta(days=next(_days))  # of its own: the houses share one Temporal
    await plan_letters(house, day, 3)
    await round_of(house)
    assert not house.mails(to=supervisor.email, subject="daily budget")
    await plan_letters(house, day, 1)  # four of five: 80 %
    await round_of(house)
    mail = await house.mail(to=supervisor.email, subject="daily budget")
    assert "4 letters are planned" in (mail.text or "")
    await plan_letters(house, day, 1)
    await round_of(house)
    handle = house.client.get_workflow_handle(f"staff-alert/letters_budget/{day}")
    await handle.result()
    assert len(house.mails(to=supervisor.email, subject="daily budget")) == 1
    assert not house.mails(to=agent.email, subject="daily budget")
