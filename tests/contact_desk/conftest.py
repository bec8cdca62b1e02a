"""The desk where staff look at business contacts, on the shared houses."""

from collections.abc import Iterator

import pytest

from ops.mailbox import Fault
from tests.cases.counter import Counter
from tests.house import House


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture
def counter(house: House) -> Counter:
    return Counter(house)


@pytest.fixture(params=["sqlite", "postgresql"])
def counter_on_both(request: pytest.FixtureRequest) -> Counter:
    return Counter(request.getfixturevalue(f"{request.param}_house"))
