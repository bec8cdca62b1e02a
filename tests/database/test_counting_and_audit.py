"""Counting and the audit's chain on both databases: windows, parallel tries, and every kind of change found (I13, I17)."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Executable, delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit
from db.audit import AuditEntry, AuditHead
from db.counting import FOREVER, Tally, count, give_back
from db.database import Database
from db.schema import migrate

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    migrate(database_url)
    opened = Database(database_url)
    yield opened
    await opened.close()


async def counted(database: Database, *, at: datetime = AT, window: timedelta | None = HOUR, key: str = "k") -> Tally:
    async with database.write() as session:
        return await count(session, "scope", key, at=at, window=window)


async def test_a_window_starts_with_its_first_try_and_doesnt_move(database: Database):
    assert await counted(database) == Tally(1, AT + HOUR)
    assert await counted(database, at=AT + timedelta(minutes=59)) == Tally(2, AT + HOUR)
    assert await counted(database, at=AT + HOUR - timedelta(microseconds=1)) == Tally(3, AT + HOUR)
    assert await counted(database, at=AT + HOUR) == Tally(1, AT + 2 * HOUR)
    assert await counted(database, key="other") == Tally(1, AT + HOUR)
    assert await counted(database, window=None, key="for ever") == Tally(1, FOREVER)


async def test_I13_parallel_tries_each_get_a_count_of_their_own(database: Database):
    tallies = await asyncio.gather(*(counted(database) for _ in range(25)))
    assert sorted(tally.count for tally in tallies) == list(range(1, 26))


async def test_a_try_that_is_given_back_isnt_counted_and_never_falls_below_none(database: Database):
    await counted(database)
    async with database.write() as session:
        for _ in range(3):
            await give_back(session, "scope", "k")
    assert (await counted(database)).count == 1


async def test_I17_a_change_that_isnt_kept_leaves_no_entry(database: Database):
    async def lost() -> None:
        async with database.write() as session:
            await audit.append(session, at=AT, actor="system", action="test", subject="s")
            raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        await lost()
    async with database.read() as session:
        assert (await session.get_one(AuditHead, 1)).position == 0


async def chain(database: Database, length: int = 5) -> None:
    async def one(number: int) -> None:
        async with database.write() as session:
            await audit.append(
                session, at=AT, actor="registrant", action="test.done", subject=f"s/{number}", number=number
            )

    await asyncio.gather(*(one(number) for number in range(length)))


async def broken_at(database: Database) -> int | None:
    async with database.read() as session:
        return await audit.broken_at(session)


async def test_I17_parallel_writers_make_one_whole_chain(database: Database):
    await chain(database, 12)
    assert await broken_at(database) is None


async def broken_after(database: Database, *statements: Executable) -> int | None:
    """Where the chain is found broken after these statements, which aren't kept."""
    async with AsyncSession(database.engine) as session:
        await session.connection(execution_options={"gatehouse_writes": True})
        for statement in statements:
            await session.execute(statement)
        found = await audit.broken_at(session)
        await session.rollback()
    return found


async def test_I17_any_changed_field_and_any_removed_entry_is_found(database: Database):
    await chain(database)
    changes: list[dict[str, object]] = [
        {"at": AT + timedelta(microseconds=1)}, {"actor": "system"}, {"action": "test.undone"}, {"subject": "s/9"},
        {"details": "{}"}, {"previous": "1" * 64}, {"hash": "1" * 64}, {"id": uuid.uuid4()},
    ]  # fmt: skip
    for changed in changes:
        for position in (1, 3, 5):
            statement = update(AuditEntry).where(col(AuditEntry.position) == position).values(**changed)
            found = await broken_after(database, statement)
            assert found is not None, changed
            assert position <= found <= position + 1
    for position in range(1, 6):
        removed = delete(AuditEntry).where(col(AuditEntry.position) == position)
        assert await broken_after(database, removed) is not None, position
    swapped = update(AuditEntry).where(col(AuditEntry.position) == 5).values(position=6)
    assert await broken_after(database, swapped) == 5
    assert await broken_at(database) is None


async def test_I17_a_removed_head_and_an_emptied_audit_are_found(database: Database):
    await chain(database)
    assert await broken_after(database, delete(AuditEntry)) == 1
    assert await broken_after(database, delete(AuditHead)) == 6
    assert await broken_after(database, delete(AuditEntry), delete(AuditHead)) == 1
