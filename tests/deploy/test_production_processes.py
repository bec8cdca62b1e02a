"""The composition for production without Docker: PostgreSQL, migrations, worker and site as processes of their own."""

import asyncio
import base64
import os
import re
import secrets
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pyotp
import pytest

from ops.dev_server import DevServer
from ops.keys import KeyedVault, Keyring
from ops.loopback import free_port
from ops.mailbox import MailSink
from tests.house import Clinic, add_clinic

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.system


@asynccontextmanager
async def process(program: str, *arguments: str, env: dict[str, str], ready: Path) -> AsyncIterator[None]:
    """A process that says by a file that it's ready; told to stop it ends with 0, and it has drained."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        program,
        *arguments,
        cwd=ROOT,
        env={**env, "GATEHOUSE_READY_FILE": str(ready)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(30):
            while not ready.exists():  # noqa: ASYNC240 - another process makes it
                if running.returncode is not None:
                    assert running.stderr is not None
                    pytest.fail(f"{program} ended: {(await running.stderr.read()).decode()}")
                await asyncio.sleep(0.05)
        yield
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            _, log = await running.communicate()
        assert running.returncode == 0, log.decode()
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


class Client:
    """A registrant's client of the API."""

    def __init__(self, http: httpx2.AsyncClient, sink: MailSink) -> None:
        self._http = http
        self._sink = sink

    async def post(self, path: str, body: Mapping[str, object]) -> dict[str, str]:
        answer = await self._http.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        assert answer.is_success, answer.text
        return answer.json()

    async def register(self, clinic: Clinic, email: str) -> str:
        started = await self.post("/registrations", {"name": "Jo Example", "email": email, "attested": True})
        self._http.headers["Authorization"] = f"Bearer {started['token']}"
        home = f"/registrations/{started['id']}"
        mail = await self._sink.wait_for(lambda mail: email in mail.recipients)
        found = re.search(r"\b\d{6}\b", mail.text or "")
        assert found
        await self.post(f"{home}/email-confirmation", {"code": found[0]})
        proof = {"tin": clinic.tin, "vendor": clinic.vendor, "document": clinic.check, "amount": clinic.amount}
        await self.post(f"{home}/payment-proof", proof)
        await self.post(f"{home}/account", {"name": "Jo Example", "password": "seven quiet harbour lanterns"})
        secret = (await self._http.get(f"{home}/second-factor")).json()["secret"]
        return (await self.post(f"{home}/second-factor", {"code": pyotp.TOTP(secret).now()}))["state"]


async def test_production_composition_registers_and_drains(
    dev_server: DevServer, postgres_url: str, sink: MailSink, tmp_path: Path
):
    keys = "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "GATEHOUSE_ENVIRONMENT": "production",
        "GATEHOUSE_KEYS": keys,
        "GATEHOUSE_DATABASE_URL": postgres_url,
        "GATEHOUSE_DATA_DIR": str(tmp_path),
        "GATEHOUSE_SITE_URL": f"http://localhost:{port}",
        "GATEHOUSE_LISTEN_PORT": str(port),
        "GATEHOUSE_SMTP_HOST": "127.0.0.1",
        "GATEHOUSE_SMTP_PORT": str(sink.port),
        "GATEHOUSE_TASK_QUEUE": f"production-{uuid.uuid4().hex[:8]}",
        "GATEHOUSE_WORKER_METRICS_PORT": str(free_port()),
        "TEMPORAL_ADDRESS": dev_server.address,
    }
    migration = await asyncio.create_subprocess_exec(sys.executable, "cli.py", "migrate", cwd=ROOT, env=env)
    assert await migration.wait() == 0
    clinic = await asyncio.to_thread(add_clinic, postgres_url, KeyedVault(Keyring.parse(keys)))
    async with (
        process("worker.py", env=env, ready=tmp_path / "worker.ready"),
        process("serve.py", env=env, ready=tmp_path / "serve.ready"),
        httpx2.AsyncClient(base_url=f"http://localhost:{port}", timeout=20) as probe,
        httpx2.AsyncClient(base_url=f"http://localhost:{port}/api/v1", timeout=20) as http,
    ):
        assert (await probe.get("/livez")).status_code == 200
        assert (await probe.get("/readyz")).status_code == 200
        assert (await probe.get("/mailbox")).status_code == 404, "the mailbox is for development only"
        assert await Client(http, sink).register(clinic, "jo@clinic.example.org") == "completed"
        metrics = await probe.get(f"http://localhost:{env['GATEHOUSE_WORKER_METRICS_PORT']}/metrics")
        assert "temporal_activity_execution_latency" in metrics.text
