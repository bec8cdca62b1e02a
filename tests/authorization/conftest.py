"""The houses in which requests are made: on SQLite for most, on both databases for what the database decides."""

import pytest

from tests.house import House


@pytest.fixture
def house(sqlite_house: House) -> House:
    return sqlite_house


@pytest.fixture(params=["sqlite", "postgresql"])
def house_on_both(request: pytest.FixtureRequest) -> House:
    return request.getfixturevalue(f"{request.param}_house")
