"""The shared houses, and billing services that register in them; each has a mail domain of its own, because domains count (T4)."""

import itertools
from dataclasses import dataclass

import pytest

from domain.registration import StepResult
from portal import registering, sessions
from portal.registering import Started
from portal.registration_view import view_registration
from portal.sessions import Principal, SessionKind
from tests.house import House, key

_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A made-up billing service that isn't registered yet."""

    name: str
    tin: str
    domain: str

    @property
    def email(self) -> str:
        return f"jo@{self.domain}"


def new_service() -> Service:
    number = next(_numbers)
    return Service(name=f"Harbor Billing {number} & Sons", tin=f"0091{number:05}", domain=f"harbor{number}.example.org")


async def register_as(
    house: House, started: Started, service: Service, *, caller: str | None = None, **changes: str
) -> StepResult:
    """Say that one registers this billing service."""
    told = {"name": service.name, "tin": service.tin, "key": key(), **changes}
    return await registering.register_billing_service(
        house.gate, started.registration_id, caller=caller or key(), **told
    )


async def account_of(house: House, started: Started) -> Principal:
    """A session of the account that the registration came to."""
    view = await view_registration(house.gate, started.registration_id)
    assert view.account_id is not None
    token = await sessions.begin(house.gate, SessionKind.ACCOUNT, view.account_id, client="test")
    return await sessions.authenticate(house.gate, token, SessionKind.ACCOUNT)


async def registered(house: House, service: Service, *, email: str | None = None) -> tuple[Started, Principal]:
    """Somebody who has registered this billing service, signed in."""
    started = await house.confirmed(email=email or service.email)
    result = await register_as(house, started, service)
    assert result.accepted, result
    await house.secured(started)
    return started, await account_of(house, started)


@pytest.fixture
def house(sqlite_house: House) -> House:
    return sqlite_house


@pytest.fixture(params=["sqlite", "postgresql"])
def house_on_both(request: pytest.FixtureRequest) -> House:
    """Like `house`, once on SQLite and once on PostgreSQL."""
    running: House = request.getfixturevalue(f"{request.param}_house")
    return running


@pytest.fixture
def service() -> Service:
    return new_service()
