"""Directories with their tables, on both databases, and stores that are closed after the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from db.directory_store import DirectoryStore
from tests.intake.samples import DIRECTORY_TABLES, VAULT, sync_address


def with_tables(url: str) -> str:
    engine = create_engine(sync_address(url))
    SQLModel.metadata.create_all(engine, tables=[SQLModel.metadata.tables[name] for name in DIRECTORY_TABLES])
    engine.dispose()
    return url


@pytest.fixture
def database_url(database_url: str) -> str:
    return with_tables(database_url)


@pytest.fixture
def sqlite_url(sqlite_url: str) -> str:
    return with_tables(sqlite_url)


@pytest.fixture
def other_url(tmp_path: Path) -> str:
    """A second directory, to compare with."""
    return with_tables(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")


@pytest.fixture
def opened() -> Iterator[Callable[[str], DirectoryStore]]:
    """Opens stores and closes them after the test."""
    stores: list[DirectoryStore] = []

    def open_store(url: str) -> DirectoryStore:
        stores.append(DirectoryStore(url, VAULT))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def store(database_url: str, opened: Callable[[str], DirectoryStore]) -> DirectoryStore:
    return opened(database_url)
