"""The shared houses and the counter of provider support over them."""

from collections.abc import Iterator

import pytest

from ops.mailbox import Fault
from tests.cases.counter import Counter
from tests.house import House


@pytest.fixture
def counter(sqlite_house: House) -> Iterator[Counter]:
    """The counter on SQLite; the mail server is left well behaved."""
    yield Counter(sqlite_house)
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture(params=["sqlite", "postgresql"])
def counter_on_both(request: pytest.FixtureRequest) -> Iterator[Counter]:
    """Like `counter`, once on SQLite and once on PostgreSQL."""
    house: House = request.getfixturevalue(f"{request.param}_house")
    yield Counter(house)
    house.sink.fault = Fault.NONE
