"""Counting tries: one upsert that gives back the count, the same on both databases (I13)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import case, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.registrations import Counter

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many tries the current window has seen, this one included, and when it ends."""

    count: int
    window_ends_at: datetime


async def count(session: AsyncSession, scope: str, key: str, *, at: datetime, window: timedelta | None = None) -> Tally:
    """Count one more try. A window starts with its first try and doesn't move; without one, tries count for ever.

    The row stays locked until the commit: callers count in one fixed order of scopes.
    """
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    ends_at = at + window if window else FOREVER
    over = col(Counter.window_ends_at) <= at
    statement = (
        insert(Counter)
        .values(scope=scope, key=key, count=1, window_ends_at=ends_at)
        .on_conflict_do_update(
            index_elements=["scope", "key"],
            set_={
                "count": case((over, 1), else_=col(Counter.count) + 1),
                "window_ends_at": case((over, ends_at), else_=col(Counter.window_ends_at)),
            },
        )
        .returning(col(Counter.count), col(Counter.window_ends_at))
    )
    counted, window_ends_at = (await session.execute(statement)).one()
    return Tally(counted, window_ends_at)


async def give_back(session: AsyncSession, scope: str, key: str) -> None:
    """Take one try back that turned out to be right, so that successes don't use up what others may try."""
    await session.execute(
        update(Counter)
        .where(col(Counter.scope) == scope, col(Counter.key) == key, col(Counter.count) > 0)
        .values(count=Counter.count - 1)
    )
