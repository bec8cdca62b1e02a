"""Engines and transactions for SQLite (WAL) and PostgreSQL."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from domain.ports import RecordsUnavailable


class Database:
    """One engine. `write` is one transaction that commits at its end; `read` never changes anything.

    Both raise `RecordsUnavailable` when the database is away, locked for too long or has no connection free.
    """

    def __init__(self, url: str) -> None:
        self.is_sqlite = url.startswith("sqlite")
        # Statements' parameters are about people and organizations: they never go into an error's text.
        self.engine: AsyncEngine = (
            create_async_engine(url, hide_parameters=True, connect_args={"timeout": 5.0})
            if self.is_sqlite
            else create_async_engine(
                url, hide_parameters=True, pool_size=10, max_overflow=10, pool_timeout=5, pool_pre_ping=True
            )
        )
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction. SQLite takes its write lock at once, so that two writers wait instead of failing half-way."""
        async with _outages(), AsyncSession(self.engine, expire_on_commit=False) as session:
            await session.connection(execution_options={"gatehouse_writes": True})
            yield session
            await session.commit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A consistent view; nothing that happens in it is kept."""
        async with _outages(), AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    async def close(self) -> None:
        await self.engine.dispose()


@asynccontextmanager
async def _outages() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, OSError) as error:
        raise RecordsUnavailable(type(error).__name__) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise RecordsUnavailable(type(error).__name__) from error
        raise


def prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    """Set a new SQLite connection up: foreign keys on, write-ahead log."""
    # The driver's own BEGIN comes too late (at the first write); ours is sent when a transaction begins.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # The log is the file's, not the connection's. SQLite doesn't wait here when another connection is about to switch
    # to it; a file that is locked for good is met again, and reported, at the first statement.
    with suppress(sqlite3.OperationalError):
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("gatehouse_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
