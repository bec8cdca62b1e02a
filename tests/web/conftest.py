"""The whole site on a real server over the shared house, and people who visit it with a real Chromium."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser

from ops.mailbox import Fault
from tests.house import House
from tests.web.person import Person
from tests.web.site import Site, open_site

_callers = itertools.count(1)

NewPerson = Callable[..., Awaitable[Person]]


def new_caller() -> str:
    """A network address that nobody had before, so that no test uses up another one's tries."""
    number = next(_callers)
    return f"198.18.{number // 250}.{number % 250 + 1}"


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    """The house on SQLite; its mail server is left well behaved."""
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture(scope="session")
async def site(sqlite_house: House) -> AsyncIterator[Site]:
    async with open_site(sqlite_house.settings, sqlite_house.gate) as running:
        yield running


@pytest.fixture
async def people(browser: Browser) -> AsyncIterator[list[Person]]:
    """Everyone who visits in this test. Nobody's browser may have complained of anything."""
    visiting: list[Person] = []
    yield visiting
    for person in visiting:
        await person.page.context.close()
    for person in visiting:
        assert person.complaints == []


@pytest.fixture
def new_person(people: list[Person], browser: Browser, house: House, site: Site) -> NewPerson:
    """Opens a browser of someone's own: own cookies, own network address."""

    async def open_browser(*, at: Site | None = None, **options: Any) -> Person:
        person = await Person.with_browser(browser, house, at or site, caller=new_caller(), **options)
        people.append(person)
        return person

    return open_browser


@pytest.fixture
async def person(new_person: NewPerson) -> Person:
    return await new_person()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """A program instead of a browser; it follows no redirects."""
    async with httpx2.AsyncClient(base_url=site.address, headers={"X-Forwarded-For": new_caller()}) as one:
        yield one
