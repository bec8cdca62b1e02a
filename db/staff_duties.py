"""What waits for staff beside cases: contested departures with their due dates, and days near their budget of letters."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.departures import DepartureReviewRow
from db.letters import LetterRow
from domain.calendar import add_business_days
from domain.departure import State
from domain.letters import budget_needs_alert
from domain.limits import Limits


@dataclass(frozen=True, slots=True)
class LettersPlanned:
    """How many letters a business day has, where that has reached the share of its budget that staff are told of."""

    day: date
    planned: int
    budget: int


@dataclass(frozen=True, slots=True)
class ContestedReview:
    """A review that waits for staff. `reminders`: how many of them are due by now."""

    review_id: UUID
    reference: str
    due_at: datetime
    reminders: int


async def letters_near_budget(session: AsyncSession, limits: Limits, *, today: date) -> list[LettersPlanned]:
    """The days from today on whose letters are near their budget, or over it."""
    planned = await session.execute(
        select(col(LetterRow.planned_on), func.count())
        .where(col(LetterRow.planned_on) >= today)
        .group_by(col(LetterRow.planned_on))
        .order_by(col(LetterRow.planned_on))
    )
    budget, percent = limits.letters_per_day, limits.letters_alert_percent
    return [
        LettersPlanned(day, number, budget)
        for day, number in planned.all()
        if budget_needs_alert(number, daily_budget=budget, percent=percent)
    ]


async def contested_reviews(session: AsyncSession, limits: Limits, *, now: datetime) -> list[ContestedReview]:
    """The reviews that staff have to decide, with their due date; `now` is in the payer's zone.

    Due like the next step of a case, and reminded of as often.
    """
    rows = await session.scalars(
        select(DepartureReviewRow)
        .where(col(DepartureReviewRow.state) == State.CONTESTED)
        .order_by(col(DepartureReviewRow.contested_at), col(DepartureReviewRow.id))
    )
    found = []
    for row in rows:
        due_at = decision_due_at(row, limits, zone_of=now)
        reminders, moment = 0, due_at
        while moment <= now and reminders < _MOST:
            reminders += 1
            moment = _later(moment, limits.case_overdue_reminder_business_days)
        found.append(ContestedReview(row.id, row.reference, due_at, reminders))
    return found


def decision_due_at(row: DepartureReviewRow, limits: Limits, *, zone_of: datetime) -> datetime:
    """Until when staff owe a contested review their decision; `zone_of` is any moment in the payer's zone."""
    return _later((row.contested_at or row.updated_at).astimezone(zone_of.tzinfo), limits.case_due_business_days)


def _later(moment: datetime, business_days: int) -> datetime:
    return moment + timedelta(days=(add_business_days(moment.date(), business_days) - moment.date()).days)


_MOST = 100  # reminders; after half a year nobody is helped by another one
