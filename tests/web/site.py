"""The site as `serve.py` runs it, on a real server in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network

import uvicorn

from ops.connections import BoundedConnection
from ops.settings import Settings
from portal.gate import Gate
from serve import build_app, build_pages


@dataclass(frozen=True)
class Site:
    """A running site; `port` lets the same address be taken again after a restart."""

    address: str
    port: int


@asynccontextmanager
async def open_site(settings: Settings, gate: Gate, *, port: int = 0) -> AsyncIterator[Site]:
    """Serve API and pages. Tests say with `X-Forwarded-For` who calls, as a reverse proxy does."""
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    settings = settings.model_copy(update={"site_url": address, "trusted_proxies": (ip_network("127.0.0.1/32"),)})
    app = build_app(settings, gate, build_pages(settings, gate))
    server = uvicorn.Server(
        uvicorn.Config(app, http=BoundedConnection, ws="none", lifespan="off", log_config=None, access_log=False)
    )
    running = asyncio.create_task(server._serve(sockets=[listener]))  # without uvicorn's signal handlers
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.05)
    try:
        yield Site(address, port)
    finally:
        server.should_exit = True
        server.force_exit = True  # a browser keeps its connections open
        await running
