"""Rows that nobody needs any more: spent keys, sessions, codes and counters. Audit and evidence are never among them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from db.accounts import SessionRow
from db.database import Database
from db.registrations import Counter, IdempotencyKey, OneTimeSecret, RegistrationRow
from domain.registration import State

_AT_ONCE: Final = 500  # rows in one transaction: SQLite has one writer, and people wait for it

# Of links that lead to something that can end, the digest stays: a late click is told that it's over (410), not that
# there never was anything (I8). Codes, resume links and set-up links say the same either way.
SPENT_PURPOSES: Final = ("code", "resume", "staff_setup")


async def purge(database: Database, *, before: datetime) -> dict[str, int]:
    """Delete what was spent before this moment, in small transactions. Returns the number of rows by table."""
    gone: dict[str, int] = {}
    rules: tuple[tuple[type[SQLModel], ColumnElement[bool]], ...] = (
        (IdempotencyKey, col(IdempotencyKey.at) < before),
        (SessionRow, or_(col(SessionRow.expires_at) < before, col(SessionRow.revoked_at) < before)),
        (Counter, col(Counter.window_ends_at) < before),
        (
            OneTimeSecret,
            and_(
                col(OneTimeSecret.purpose).in_(SPENT_PURPOSES),
                or_(col(OneTimeSecret.used_at) < before, col(OneTimeSecret.expires_at) < before),
            ),
        ),
    )
    for table, is_spent in rules:
        gone[str(table.__tablename__)] = await _delete(database, table, is_spent)
    gone[str(OneTimeSecret.__tablename__)] += await _delete_unused_codes(database, before=before)
    return gone


async def _delete(database: Database, table: type[SQLModel], is_spent: ColumnElement[bool]) -> int:
    gone, key = 0, tuple_(*table.__table__.primary_key.columns)  # type: ignore[attr-defined]
    while True:
        async with database.write() as session:
            rows = (await session.execute(select(*_columns(table)).where(is_spent).limit(_AT_ONCE))).all()
            if not rows:
                return gone
            await session.execute(delete(table).where(key.in_([tuple(row) for row in rows])))
            gone += len(rows)


def _columns(table: Any) -> tuple[Any, ...]:
    return tuple(table.__table__.primary_key.columns)


async def _delete_unused_codes(database: Database, *, before: datetime) -> int:
    """Codes that nobody entered: they have no end of their own, but their registration has one."""
    gone, after = 0, ("", 0)
    key = tuple_(col(OneTimeSecret.subject), col(OneTimeSecret.generation))
    while True:
        async with database.write() as session:
            found = await session.scalars(
                select(OneTimeSecret)
                .where(
                    col(OneTimeSecret.purpose) == "code",
                    col(OneTimeSecret.used_at).is_(None),
                    col(OneTimeSecret.expires_at).is_(None),
                    col(OneTimeSecret.subject).startswith("registration/"),
                    key > after,
                )
                .order_by(col(OneTimeSecret.subject), col(OneTimeSecret.generation))
                .limit(_AT_ONCE)
            )
            codes = found.all()
            if not codes:
                return gone
            after = (codes[-1].subject, codes[-1].generation)
            ended = await _ended(session, {UUID(one.subject.removeprefix("registration/")) for one in codes}, before)
            for one in codes:
                if UUID(one.subject.removeprefix("registration/")) in ended:
                    await session.delete(one)
                    gone += 1


async def _ended(session: AsyncSession, ids: set[UUID], before: datetime) -> set[UUID]:
    return set(
        await session.scalars(
            select(col(RegistrationRow.id)).where(
                col(RegistrationRow.id).in_(ids),
                col(RegistrationRow.state).in_([state for state in State if state.is_final]),
                col(RegistrationRow.updated_at) < before,
            )
        )
    )
