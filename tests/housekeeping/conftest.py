"""A house of its own: housekeeping looks at everything that is open, and other tests' things are none of its business."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from domain.limits import Limits
from ops.keys import Keyring
from ops.mailbox import MailSink
from tests.house import House, open_house

LIMITS = Limits(orphan_grace=timedelta(0), letters_per_day=5, orphans_at_once=5)


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(  # noqa: PLR0917 - pytest gives fixtures by position or name alike
    request: pytest.FixtureRequest,
    temporal: Client,
    keyring: Keyring,
    keyring_text: str,
    tmp_path: Path,
    sink: MailSink,
) -> AsyncIterator[House]:
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    async with open_house(
        client=temporal, keyring=keyring, keyring_text=keyring_text, url=url, sink=sink, folder=tmp_path, limits=LIMITS
    ) as house:
        yield house
