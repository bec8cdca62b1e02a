"""A house per test, on the database that the test asks for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from ops.keys import Keyring
from ops.mailbox import MailSink
from tests.house import House, open_house


@pytest.fixture
async def house(
    temporal: Client, keyring: Keyring, keyring_text: str, sqlite_url: str, sink: MailSink, tmp_path: Path
) -> AsyncIterator[House]:
    async with open_house(
        client=temporal, keyring=keyring, keyring_text=keyring_text, url=sqlite_url, sink=sink, folder=tmp_path
    ) as running:
        yield running


@pytest.fixture
async def house_on_both(
    temporal: Client, keyring: Keyring, keyring_text: str, database_url: str, sink: MailSink, tmp_path: Path
) -> AsyncIterator[House]:
    """Like `house`, once on SQLite and once on PostgreSQL."""
    async with open_house(
        client=temporal, keyring=keyring, keyring_text=keyring_text, url=database_url, sink=sink, folder=tmp_path
    ) as running:
        yield running
