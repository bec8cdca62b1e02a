"""The shared houses, under the names that say on which database a test runs."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import pytest

from ops.mailbox import Fault
from portal import registering
from tests.house import House, key
from tests.registration.desk import Desk


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    """A house on SQLite. A test that makes its mail server misbehave leaves it well behaved."""
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture(params=["sqlite", "postgresql"])
def house_on_both(request: pytest.FixtureRequest) -> Iterator[House]:
    """Like `house`, once on SQLite and once on PostgreSQL."""
    running: House = request.getfixturevalue(f"{request.param}_house")
    yield running
    running.sink.fault = Fault.NONE


@pytest.fixture
def desk(house: House) -> Desk:
    """The records without Temporal, at a time that the test sets."""
    return Desk(house)


@pytest.fixture
def desk_on_both(house_on_both: House) -> Desk:
    return Desk(house_on_both)


@dataclass(frozen=True)
class Ended:
    """A registration that was withdrawn, and the form that began it."""

    registration_id: UUID
    form: Mapping[str, str]


@pytest.fixture(scope="session", autouse=True)
async def being_forgotten(sqlite_house: House) -> Ended:
    """Temporal takes some fifteen seconds to forget a workflow; it does so while other tests run."""
    gate = sqlite_house.gate
    form = {"email": f"forgotten-{key()}@clinic.example.org", "key": key()}
    started = await registering.start(gate, name="Jo Example", attested=True, client="test", caller=key(), **form)
    await registering.withdraw(gate, started.registration_id, key=key())
    await sqlite_house.handle(started.registration_id).result()
    await sqlite_house.forget(started.registration_id)
    return Ended(started.registration_id, form)


@pytest.fixture
async def forgotten(sqlite_house: House, being_forgotten: Ended) -> Ended:
    """A registration that has ended and that Temporal doesn't know any more."""
    async with asyncio.timeout(60):
        while await sqlite_house.exists(being_forgotten.registration_id):
            await asyncio.sleep(0.05)
    return being_forgotten
