"""The houses in which providers look after their billing services' access."""

from collections.abc import Iterator

import pytest

from ops.mailbox import Fault
from tests.grants.scenes import Provider
from tests.house import House


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture
def provider(house: House) -> Provider:
    return Provider(house)


@pytest.fixture(params=["sqlite", "postgresql"])
def provider_on_both(request: pytest.FixtureRequest) -> Provider:
    return Provider(request.getfixturevalue(f"{request.param}_house"))
