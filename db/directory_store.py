"""The bulk writer of the directory: facts merged in batches, each in one short transaction, on SQLite and PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine, Table, create_engine, delete, event, make_url, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

import db.directory  # noqa: F401 - registers the tables
from db.database import prepare_sqlite
from db.directory_merge import DirectoryMerge
from domain.directory import Fact, FileKind, FileTotals, NpiFact, PaymentFact, SetAside, VendorFact, Written
from domain.ports import RecordsUnavailable, Vault

# Writers of the directory wait for each other on PostgreSQL, because a merge reads before it writes. Any fixed number will do.
_ADVISORY_LOCK: Final = 8_352_010
_BUSY_SECONDS: Final = 10


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[name]


class DirectoryStore:
    """The `DirectoryWriter` port on a database. Use it from one thread, and `close` it.

    The running system goes on meanwhile: each call is one transaction of at most a batch, SQLite is in WAL mode and
    waits up to ten seconds for its write lock.
    """

    def __init__(self, url: str, vault: Vault) -> None:
        """Open the database that also an asynchronous URL (`sqlite+aiosqlite:`) names. The tables must be there."""
        self._vault = vault
        address = make_url(url)
        self._is_sqlite = address.get_backend_name() == "sqlite"
        if self._is_sqlite:
            address = address.set(drivername="sqlite")
        # Statements' parameters are names and numbers of real organizations: they never go into an error's text.
        self._engine: Engine = create_engine(
            address, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS} if self._is_sqlite else {}
        )
        if self._is_sqlite:
            event.listen(self._engine, "connect", prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                if not self._is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
                yield connection
        except DBAPIError as error:
            # Only the kind of error: a database's own words may quote the row.
            raise RecordsUnavailable(f"the database refused to write ({type(error.orig).__name__})") from None

    def begin(self, *, sha256: str, name: str, kind: FileKind) -> bool:
        files, rejects = _table("intake_file"), _table("intake_reject")
        with self._transaction() as connection:
            finished = connection.execute(select(files.c.finished_at).where(files.c.sha256 == sha256)).first()
            if finished is not None and finished.finished_at is not None:
                return False
            connection.execute(delete(rejects).where(rejects.c.sha256 == sha256))
            connection.execute(delete(files).where(files.c.sha256 == sha256))
            row = {
                "sha256": sha256,
                "name": name[:300],
                "kind": kind.value,
                "started_at": datetime.now(UTC),
                "finished_at": None,
            }
            connection.execute(files.insert(), row | {"loaded": 0, "unchanged": 0, "set_aside": 0})
        return True

    def write(self, facts: Sequence[Fact]) -> Written:
        if not facts:
            return Written()
        with self._transaction() as connection:
            merge = DirectoryMerge(connection, self._vault, now=datetime.now(UTC))
            loaded = 0
            loaded += merge.payments([fact for fact in facts if isinstance(fact, PaymentFact)])
            loaded += merge.vendors([fact for fact in facts if isinstance(fact, VendorFact)])
            loaded += merge.npis([fact for fact in facts if isinstance(fact, NpiFact)])
        return Written(loaded=loaded, unchanged=len(facts) - loaded)

    def set_aside(self, sha256: str, records: Sequence[SetAside]) -> None:
        if not records:
            return
        rejects = _table("intake_reject")
        insert = sqlite.insert if self._is_sqlite else postgresql.insert
        rows: list[dict[str, Any]] = [
            {
                "sha256": sha256,
                "position": record.position[:60],
                "reason": record.reason[:60],
                "element": record.element[:30],
            }
            for record in records
        ]
        with self._transaction() as connection:
            connection.execute(insert(rejects).on_conflict_do_nothing(), rows)

    def finish(self, sha256: str, totals: FileTotals) -> None:
        files = _table("intake_file")
        with self._transaction() as connection:
            connection.execute(
                update(files)
                .where(files.c.sha256 == sha256)
                .values(
                    finished_at=datetime.now(UTC),
                    loaded=totals.loaded,
                    unchanged=totals.unchanged,
                    set_aside=sum(totals.set_aside.values()),
                )
            )


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
