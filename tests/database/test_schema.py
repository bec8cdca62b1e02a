"""The schema on both databases: forwards, back, equal to the tables in code, and refusing what is newer."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlmodel import SQLModel

from db import accounts, audit, directory, registrations
from db.schema import NewerSchema, current_revision, migrate, newest_revision, sync_url

assert all((accounts, audit, directory, registrations))  # imported for their tables


def table_names(url: str) -> set[str]:
    engine = create_engine(sync_url(url))
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_migrations_go_forwards_and_back_and_forwards_again(database_url: str):
    assert current_revision(database_url) is None
    migrate(database_url)
    assert current_revision(database_url) == newest_revision()
    made = table_names(database_url)
    assert {"registration", "account", "payment", "audit_entry"} <= made
    migrate(database_url, revision="base")
    assert table_names(database_url) == set()
    migrate(database_url)
    migrate(database_url)
    assert table_names(database_url) == made


def test_migrated_tables_equal_the_tables_in_code(database_url: str):
    migrate(database_url)
    engine = create_engine(sync_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, SQLModel.metadata)
    engine.dispose()
    assert differences == []


def test_a_database_of_a_newer_version_is_refused_untouched(database_url: str):
    migrate(database_url)
    before = table_names(database_url)
    engine = create_engine(sync_url(database_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_tomorrow'"))
    engine.dispose()
    for revision in ("head", "base"):
        with pytest.raises(NewerSchema):
            migrate(database_url, revision=revision)
    assert table_names(database_url) == before


def test_the_chain_of_the_audit_has_its_head_from_the_beginning(database_url: str):
    migrate(database_url)
    engine = create_engine(sync_url(database_url))
    with engine.connect() as connection:
        heads = connection.execute(text("SELECT id, position, hash FROM audit_head")).all()
    engine.dispose()
    assert [tuple(head) for head in heads] == [(1, 0, audit.GENESIS)]
