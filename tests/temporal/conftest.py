"""The shared house, and the scripted paths walked once for all tests of this folder."""

import pytest
from temporalio.client import WorkflowHistory

from tests.house import House
from tests.temporal.paths import walk


@pytest.fixture
def house(sqlite_house: House) -> House:
    return sqlite_house


@pytest.fixture(scope="session")
async def walked(sqlite_house: House) -> dict[str, WorkflowHistory]:
    return await walk(sqlite_house)
