"""The shared houses, and an office in one of them: people who invite, accept and manage one another."""

from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.types import ASGIApp

from ops.mailbox import Fault
from serve import build_app
from tests.api.visitor import Visitor, visiting
from tests.colleagues.office import Office
from tests.house import House
from tests.web.site import Site, open_site


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    """A house on SQLite; its mail server is left well behaved."""
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture
def office(house: House) -> Office:
    return Office(house)


@pytest.fixture(params=["sqlite", "postgresql"])
def office_on_both(request: pytest.FixtureRequest) -> Iterator[Office]:
    """Like `office`, once on SQLite and once on PostgreSQL."""
    running: House = request.getfixturevalue(f"{request.param}_house")
    yield Office(running)
    running.sink.fault = Fault.NONE


@pytest.fixture(scope="session")
async def site(sqlite_house: House) -> AsyncIterator[Site]:
    """The whole site on a real server over the shared house."""
    async with open_site(sqlite_house.settings, sqlite_house.gate) as running:
        yield running


@pytest.fixture(scope="session")
def app(sqlite_house: House) -> ASGIApp:
    return build_app(sqlite_house.settings, sqlite_house.gate)


@pytest.fixture
async def visitor(app: ASGIApp) -> AsyncIterator[Visitor]:
    async with visiting(app) as one:
        yield one


@pytest.fixture
async def other(app: ASGIApp) -> AsyncIterator[Visitor]:
    """Somebody else."""
    async with visiting(app) as one:
        yield one
