"""The database's schema: bring it up to date, take it back, tell how old it is. Alembic does the work."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class NewerSchema(Exception):
    """The database was made by a newer version of this software than the one that runs."""


def sync_url(url: str) -> str:
    """The same database for a blocking driver."""
    return url.replace("sqlite+aiosqlite:", "sqlite:", 1)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """The revision that this code expects."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101 - there is always a first migration
    return head


def current_revision(url: str) -> str | None:
    """The revision that the database is at; None when it's empty."""
    engine = create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def migrate(url: str, *, revision: str = "head") -> None:
    """Bring the database to a revision: forwards, or back if it's older (`base` empties it). Again is the same as once.

    Raises `NewerSchema` for a revision that this code doesn't know, and SQLAlchemy's errors when it can't be reached.
    """
    engine = create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            connection.rollback()
            config = _config(connection)
            known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
            if current is not None and current not in known:
                raise NewerSchema(current)
            back = revision == "base" or (
                revision in known and current in known and known.index(revision) > known.index(current)
            )
            (command.downgrade if back else command.upgrade)(config, revision)
            connection.commit()
    finally:
        engine.dispose()


def write_revision(url: str, message: str, *, revision: str) -> None:
    """Write a migration from the difference between the tables in code and the database; for developers."""
    engine = create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            command.revision(_config(connection), message=message, autogenerate=True, rev_id=revision)
    finally:
        engine.dispose()
