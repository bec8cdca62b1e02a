"""The shared houses, and a billing service's desk in one of them."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser
from starlette.types import ASGIApp

from ops.mailbox import Fault
from serve import build_app
from tests.api.visitor import Visitor, visiting
from tests.clients.biller import Desk
from tests.clients.visitors import Visitors
from tests.house import House
from tests.web.site import Site, open_site


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    """A house on SQLite; its mail server is left well behaved."""
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture
async def desk(house: House) -> Desk:
    return await Desk.open(house)


@pytest.fixture(params=["sqlite", "postgresql"])
def house_on_both(request: pytest.FixtureRequest) -> House:
    running: House = request.getfixturevalue(f"{request.param}_house")
    return running


@pytest.fixture
async def desk_on_both(house_on_both: House) -> Desk:
    """Like `desk`, once on SQLite and once on PostgreSQL."""
    return await Desk.open(house_on_both)


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
async def visitors(browser: Browser, house: House, site: Site) -> AsyncIterator[Visitors]:
    found = Visitors(browser, house, site)
    yield found
    for person in found.opened:
        await person.page.context.close()
    for person in found.opened:
        assert person.complaints == []
