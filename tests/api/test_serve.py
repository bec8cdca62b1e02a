"""The site as a process: it starts without Temporal, says when it's ready, drains on SIGTERM and ends with 0."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from db.schema import migrate
from ops.loopback import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path, keyring_text: str) -> dict[str, str]:
    port = free_port()
    migrate(f"sqlite+aiosqlite:///{tmp_path / 'gatehouse.db'}")
    return {
        "PATH": os.environ["PATH"],
        "GATEHOUSE_ENVIRONMENT": "development",
        "GATEHOUSE_KEYS": keyring_text,
        "GATEHOUSE_DATA_DIR": str(tmp_path),
        "GATEHOUSE_LISTEN_PORT": str(port),
        "GATEHOUSE_SITE_URL": f"http://localhost:{port}",
        "GATEHOUSE_READY_FILE": str(tmp_path / "site.ready"),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }


@asynccontextmanager
async def site(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "serve.py", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_ready(environment: dict[str, str]) -> None:
    async with asyncio.timeout(20):
        while not Path(environment["GATEHOUSE_READY_FILE"]).exists():  # noqa: ASYNC240 - another process makes it
            await asyncio.sleep(0.05)


@pytest.mark.system
async def test_the_site_starts_without_temporal_and_drains_on_sigterm(environment: dict[str, str]):
    async with site(environment) as process:
        await until_ready(environment)
        address = environment["GATEHOUSE_SITE_URL"].replace("localhost", "127.0.0.1")
        async with httpx2.AsyncClient(base_url=address) as client:
            assert (await client.get("/livez")).status_code == 200
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]) == (503, {"database": "ok", "temporal": "unreachable"})
            assert "server" not in ready.headers
            body = {"name": "Jo Example", "email": "jo@clinic.example.org", "attested": True}
            begin = asyncio.create_task(
                client.post("/api/v1/registrations", json=body, headers={"Idempotency-Key": "k" * 20}, timeout=20)
            )
            assert process.stderr is not None
            await asyncio.sleep(0.1)  # the request is under way: Temporal is waited for
            process.send_signal(signal.SIGTERM)
            response = await begin
            assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert await asyncio.wait_for(process.wait(), 20) == 0
        log = (await process.stderr.read()).decode()
    assert '"event": "site has stopped"' in log
    assert "jo@clinic" not in log
    assert "127.0.0.1" not in log


@pytest.mark.system
async def test_a_port_in_use_is_one_clear_line(environment: dict[str, str]):
    async def nobody(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    taken = await asyncio.start_server(nobody, "127.0.0.1", int(environment["GATEHOUSE_LISTEN_PORT"]))
    async with taken, site(environment) as process:
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors.decode().splitlines() == [
        f"Can't listen on 127.0.0.1:{environment['GATEHOUSE_LISTEN_PORT']}: Address already in use."
    ]


@pytest.mark.system
async def test_a_wrong_setting_is_one_clear_line(environment: dict[str, str]):
    async with site({**environment, "GATEHOUSE_LISTEN_PORT": "many"}) as process:
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().startswith("GATEHOUSE_LISTEN_PORT ")
