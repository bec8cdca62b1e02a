"""The database away while a step waits, a worker killed in the middle: every step happens once, nothing is wedged (I1, I17)."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import create_engine, make_url, text
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from db.schema import sync_url
from domain.ports import RecordsUnavailable
from domain.registration import Ask, State, StepResult
from ops.dev_server import DevServer
from ops.loopback import free_port
from portal import registering
from portal.registration_view import view_registration
from tests.house import House, key
from tests.registration.desk import Desk
from workflows import names


@asynccontextmanager
async def sqlite_locked(house: House) -> AsyncIterator[None]:
    """Somebody else holds SQLite's write lock."""
    path = make_url(sync_url(house.url)).database
    assert path is not None

    def lock() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
        return connection

    connection = await asyncio.to_thread(lock)
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@asynccontextmanager
async def postgresql_closed(house: House) -> AsyncIterator[None]:
    """The database takes no connections, and those there were are gone."""
    url = make_url(house.url)
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")

    def run(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    await asyncio.to_thread(
        run,
        f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'",  # noqa: S608 - our own name
    )
    try:
        yield
    finally:
        await asyncio.to_thread(run, f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true")
        engine.dispose()


def away(house: House):
    return sqlite_locked(house) if house.database.is_sqlite else postgresql_closed(house)


async def scheduled(handle: WorkflowHandle, activity: str) -> None:
    """Wait until the step goes on as an ordinary activity."""
    async with asyncio.timeout(20):
        while True:
            async for event in handle.fetch_history_events():
                attributes = event.activity_task_scheduled_event_attributes
                if attributes.activity_type.name == activity:
                    return
            await asyncio.sleep(0.05)


async def no_task_failed(handle: WorkflowHandle) -> bool:
    history = await handle.fetch_history()
    failures = {EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT}
    return not failures & {event.event_type for event in history.events}


async def test_I1_a_step_goes_on_while_the_database_is_away_and_happens_once(house_on_both: House):
    house = house_on_both
    started = await house.confirmed()
    rid = started.registration_id
    await house.quiet(rid)
    handle = house.handle(rid)
    async with away(house):
        step = asyncio.create_task(
            handle.execute_update(names.WITHDRAW, Ask(registration_id=str(rid)), result_type=StepResult)
        )
        await scheduled(handle, "registration.close")
    async with asyncio.timeout(25):
        assert (await step).state is State.WITHDRAWN
        await handle.result()
    assert await no_task_failed(handle)
    closed = [entry for entry in await Desk(house).audit(rid) if entry.action == "registration.closed"]
    assert len(closed) == 1
    # And the house is well again: nothing holds a lock or a broken connection.
    assert (await view_registration(house.gate, (await house.confirmed()).registration_id)).state is State.PROVING


async def test_I1_cancelled_while_the_database_is_away_it_is_withdrawn_when_its_back(house: House):
    """The cancellation must not be swallowed by the step that is under way, nor overtake it."""
    clinic = await house.new_clinic()
    started = await house.proved(clinic)
    rid = started.registration_id
    await house.quiet(rid)
    handle = house.handle(rid)
    async with away(house):
        await handle.signal(names.SEND_RESUME_LINK, Ask(registration_id=str(rid)))
        await scheduled(handle, "registration.issue_resume_link")
        await handle.cancel()
    async with asyncio.timeout(25):
        assert (await handle.result()).state is State.WITHDRAWN
    assert (await view_registration(house.gate, rid)).state is State.WITHDRAWN
    assert await no_task_failed(handle)


async def test_a_locked_database_is_told_and_nothing_is_half_done(house: House):
    started = await house.confirmed()
    clinic, same = await house.new_clinic(), key()
    async with sqlite_locked(house):
        with pytest.raises(RecordsUnavailable):
            await house.prove(started, clinic, key=same)
        assert (await view_registration(house.gate, started.registration_id)).state is State.PROVING
    assert (await house.prove(started, clinic, key=same)).accepted


@contextmanager
def worker_process(house: House, address: str, keyring_text: str, queue: str, ready: Path):
    """A worker as a process of its own, which can be killed."""
    environ = os.environ | {
        "TEMPORAL_ADDRESS": address, "GATEHOUSE_ENVIRONMENT": "development", "GATEHOUSE_KEYS": keyring_text,
        "GATEHOUSE_DATABASE_URL": house.url, "GATEHOUSE_SMTP_PORT": str(house.sink.port), "GATEHOUSE_TASK_QUEUE": queue,
        "GATEHOUSE_DATA_DIR": str(ready.parent), "GATEHOUSE_READY_FILE": str(ready),
        "GATEHOUSE_WORKER_METRICS_PORT": str(free_port()),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "worker"], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.05)


async def test_I1_a_worker_killed_in_the_middle_of_a_step_leaves_it_done_once(
    house: House, dev_server: DevServer, keyring_text: str, tmp_path: Path
):
    """The step is begun, its transaction waits, the worker is killed, another one finishes it."""
    queue = f"killed-{key()}"
    gate = replace(house.gate, task_queue=queue)
    email = f"killed-{key()}@clinic.example.org"
    ready = tmp_path / "first"
    with worker_process(house, dev_server.address, keyring_text, queue, ready) as first:
        await until(ready.exists)
        started = await registering.start(
            gate, name="Jo Example", email=email, attested=True, key=key(), caller=key(), client="test"
        )
        rid: UUID = started.registration_id
        await house.mail(to=email)
        await house.quiet(rid)
        handle = house.handle(rid)
        async with sqlite_locked(house):
            step = asyncio.create_task(
                handle.execute_update(names.WITHDRAW, Ask(registration_id=str(rid)), result_type=StepResult)
            )
            await asyncio.sleep(0.3)  # the update has reached the worker; its transaction waits for the lock
            first.kill()
            first.wait()
    second = tmp_path / "second"
    with worker_process(house, dev_server.address, keyring_text, queue, second):
        async with asyncio.timeout(40):
            assert (await step).state is State.WITHDRAWN
            await handle.result()
    closed = [entry for entry in await Desk(house).audit(rid) if entry.action == "registration.closed"]
    assert len(closed) == 1
    assert (await view_registration(house.gate, rid)).state is State.WITHDRAWN
