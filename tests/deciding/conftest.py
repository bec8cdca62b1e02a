"""A billing service, a request of it, and the contact who was asked; each on both databases where it says so."""

import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from ops.mailbox import Fault
from tests.authorization.scenes import Request, Service, new_billing_service, requested
from tests.deciding.contact import Contact
from tests.house import House

_numbers = itertools.count(1)

Asked = Callable[..., Awaitable[tuple[Request, Contact]]]


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    """The house on SQLite; its mail server is left well behaved."""
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture(params=["sqlite", "postgresql"])
def house_on_both(request: pytest.FixtureRequest) -> House:
    """Each test that takes this runs on both databases."""
    found: House = request.getfixturevalue(f"{request.param}_house")
    return found


@pytest.fixture
async def service(house: House) -> Service:
    return await new_billing_service(house)


async def asked(house: House, service: Service, **changes: Any) -> tuple[Request, Contact]:
    """A request, and who was asked."""
    email = changes.pop("contact", None) or f"contact{next(_numbers)}@office{next(_numbers)}.example.org"
    request = await requested(house, service, contact=email, **changes)
    assert request.result.accepted, request.result
    return request, Contact(house=house, email=email)
