"""What a registrant is told before asking for a letter: the day it's mailed, and from when another one may be asked for."""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo

from sqlalchemy import func, select
from sqlmodel import col

from db.letters import LetterRow
from domain.letters import mailing_day, next_letter_at
from portal.gate import Gate
from portal.letters import LetterView


async def expected_mailing_day(gate: Gate, *, zone: tzinfo) -> date:
    """The business day on which a letter asked for now is mailed, as far as the day's budget tells; the letter's own day counts."""
    limits = gate.limits
    local = gate.now().astimezone(zone)
    async with gate.database.read() as session:
        planned = await session.execute(
            select(col(LetterRow.planned_on), func.count())
            .where(col(LetterRow.planned_on) >= local.date())
            .group_by(col(LetterRow.planned_on))
        )
        counts = {row[0]: row[1] for row in planned}
    return mailing_day(
        local,
        cut_off=local.time().replace(hour=limits.letters_cut_off_hour, minute=0, second=0, microsecond=0),
        planned=counts,
        daily_budget=limits.letters_per_day,
    )


def another_letter_at(gate: Gate, letters: Sequence[LetterView]) -> datetime | None:
    """From when a registration with these letters may ask for another one; None for now.

    The caps of the organization as a whole aren't looked at: what others asked for is told to nobody beforehand (I16).
    """
    limits = gate.limits
    return next_letter_at(
        [letter.requested_at for letter in letters],
        now=gate.now(),
        gap=limits.letters_gap,
        most=limits.letters_in_window,
        window=limits.letters_window,
    )
