"""The API over the shared house: in this process for most tests, on a real server where the network matters."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp

from ops.connections import BoundedConnection
from ops.mailbox import Fault
from serve import build_app
from tests.api.visitor import Visitor, visiting
from tests.house import House


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    """The house on SQLite; its mail server is left well behaved."""
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


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


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a real server; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, http=BoundedConnection, ws="none", lifespan="off", log_config=None, access_log=False)
    )
    running = asyncio.create_task(server._serve(sockets=[listener]))  # without uvicorn's signal handlers
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.fixture(scope="session")
async def address(app: ASGIApp) -> AsyncIterator[str]:
    """The API on a real server."""
    async with serving(app) as url:
        yield url
