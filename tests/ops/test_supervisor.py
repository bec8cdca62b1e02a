"""The all-in-one `up`: order, failures, signals, and what it leaves behind."""

import asyncio
import os
import signal
import socket
import sqlite3
import stat
from pathlib import Path

import pytest

from db.schema import migrate
from ops.data_folder import DataFolder, DataFolderError

ROOT = Path(__file__).resolve().parent.parent.parent


def _runs(pid: int) -> bool:
    """Whether the process still does anything; a zombie that nobody has waited for doesn't."""
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return False


async def _gone(pid: int) -> bool:
    for _ in range(500):
        if not _runs(pid):
            return True
        await asyncio.sleep(0.05)
    return False


def _children_called(name: str, parent: int) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _parent_and_name(entry) == (parent, name)]


async def test_everything_starts_and_stops_in_order_with_exit_code_0(up):
    running = await up(embedded=True)
    await running.until("Ctrl-C stops everything")
    for line in (
        "Temporal … ready",
        "Mailbox … ready",
        "Worker … ready",
        "A payment to register with (made-up numbers: the page asks you to confirm the Tax ID):",
        "00-1234567",
        "/api/docs",
    ):
        assert line in running.output
    assert await running.end(signal.SIGINT) == 0
    stopped = [
        line.strip().removesuffix(" … stopped") for line in running.output.splitlines() if line.endswith("… stopped")
    ]
    assert stopped == ["Site and API", "Worker", "Codec server", "Mailbox", "Temporal"]
    assert running.notes()[-2:] == ["site stopped", "worker stopped"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_other_signals_stop_it_the_same_way(up, number):
    running = await up()
    await running.until("Ctrl-C stops everything")
    assert await running.end(number) == 0
    assert running.notes()[-2:] == ["site stopped", "worker stopped"]


async def test_a_terminal_that_is_gone_does_not_change_the_exit_code(up):
    running = await up()
    await running.until("Ctrl-C stops everything")
    running.process.stdout._transport.close()
    running.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(20):
        assert await running.process.wait() == 0
    assert running.notes()[-2:] == ["site stopped", "worker stopped"]


async def test_a_restart_keeps_keys_and_demo_data(up):
    first = await up()
    await first.until("Ctrl-C stops everything")
    assert await first.end(signal.SIGTERM) == 0
    kept = first.folder / "development.env"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    secrets = [line for line in kept.read_text().splitlines() if "KEYS=" in line or "TOKEN=" in line]
    assert len(secrets) == 2
    second = await up()
    await second.until("Ctrl-C stops everything")
    assert await second.end(signal.SIGTERM) == 0
    assert [line for line in kept.read_text().splitlines() if "KEYS=" in line or "TOKEN=" in line] == secrets
    assert second.notes().count("import") == 1
    assert second.notes().count("migrate") == 2


async def test_an_interrupted_import_is_done_again(up, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "import-must-fail").touch()
    first = await up()
    assert await first.end() == 1
    assert "Importing demo data failed (exit code 1)" in first.output
    assert "the import stand-in can't read that" in first.output
    (folder / "import-must-fail").unlink()
    second = await up()
    await second.until("Ctrl-C stops everything")
    assert await second.end(signal.SIGTERM) == 0
    assert second.notes().count("import") == 2


async def test_a_port_in_use_is_one_line_and_leaves_nothing_running(up):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        running = await up(GATEHOUSE_LISTEN_PORT=str(port))
        assert await running.end() == 1
    assert running.output == (
        f"gatehouse: port {port} is in use by another program; stop it or set GATEHOUSE_LISTEN_PORT to another one.\n"
    )
    assert running.notes() == []


async def test_several_ports_in_use_are_one_line(up):
    with socket.socket() as one, socket.socket() as two:
        ports = []
        for other in (one, two):
            other.bind(("127.0.0.1", 0))
            other.listen()
            ports.append(str(other.getsockname()[1]))
        running = await up(GATEHOUSE_LISTEN_PORT=ports[0], GATEHOUSE_SMTP_PORT=ports[1])
        assert await running.end() == 1
    assert running.output == (
        f"gatehouse: ports {ports[0]}, {ports[1]} are in use (by another `gatehouse up`?); "
        "stop what uses them or set GATEHOUSE_LISTEN_PORT, GATEHOUSE_SMTP_PORT to others.\n"
    )


async def test_two_settings_with_one_port_are_one_line(up):
    port = "18080"
    running = await up(GATEHOUSE_LISTEN_PORT=port, GATEHOUSE_SMTP_PORT=port)
    assert await running.end() == 1
    assert "port 18080 is wanted twice" in running.output


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("GATEHOUSE_LISTEN_PORT", "eighty", "GATEHOUSE_LISTEN_PORT must be a port"),
        ("GATEHOUSE_PAYER__COLOUR_PRIMARY", "#ffffff", "GATEHOUSE_PAYER__COLOUR_PRIMARY is too light"),
        ("GATEHOUSE_KEYS", "k1:tooshort", "GATEHOUSE_KEYS can't be read"),
    ],
)
async def test_a_wrong_setting_is_one_line(up, name, value, says):
    running = await up(**{name: value})
    assert await running.end() == 1
    assert says in running.output
    assert len(running.output.splitlines()) == 1
    assert "tooshort" not in running.output


async def test_a_data_folder_that_is_a_file_is_one_line(up, tmp_path):
    (tmp_path / "data").write_text("")
    running = await up()
    assert await running.end() == 1
    assert "is not a folder; move it away or set GATEHOUSE_DATA_DIR" in running.output
    assert len(running.output.splitlines()) == 1


async def test_a_data_folder_that_cannot_be_written_is_one_line(up):
    running = await up(folder=Path("/proc/gatehouse"))
    assert await running.end() == 1
    assert "can't be written" in running.output
    assert len(running.output.splitlines()) == 1


@pytest.mark.parametrize("name", ["gatehouse.db", "temporal.db"])
async def test_a_damaged_database_is_one_line(up, tmp_path, name):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / name).write_bytes(b"this has never been a database" * 100)
    running = await up()
    assert await running.end() == 1
    assert f"{name} is damaged" in running.output
    assert len(running.output.splitlines()) == 1


async def test_a_database_without_its_key_is_one_line(up, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    sqlite3.connect(folder / "gatehouse.db").close()
    running = await up()
    assert await running.end() == 1
    assert "the key of the database is missing" in running.output


def _database_of_version(folder: Path, version: str) -> None:
    connection = sqlite3.connect(folder / "gatehouse.db")
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.execute("INSERT INTO alembic_version VALUES (?)", (version,))
    connection.commit()
    connection.close()


@pytest.fixture
def migrations(tmp_path):
    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / "a.py").write_text("revision = '0001'\ndown_revision = None\n")
    (folder / "b.py").write_text('revision: str = "0002"\ndown_revision: str | None = "0001"\n')
    return folder


@pytest.mark.parametrize(("version", "migrated"), [(None, False), ("0001", False), ("0002", True)])
def test_only_a_database_at_the_newest_revision_needs_no_migration(tmp_path, migrations, version, migrated):
    folder = DataFolder.claim(tmp_path / "data")
    if version:
        _database_of_version(folder.path, version)
    assert folder.is_migrated(migrations) is migrated
    folder.release()


def test_a_database_of_a_newer_version_is_refused(tmp_path, migrations):
    folder = DataFolder.claim(tmp_path / "data")
    _database_of_version(folder.path, "0003")
    with pytest.raises(DataFolderError, match="newer version"):
        folder.is_migrated(migrations)
    folder.release()


def test_a_database_that_alembic_migrated_is_seen_as_migrated(tmp_path):
    folder = DataFolder.claim(tmp_path / "data")
    migrate(f"sqlite+aiosqlite:///{folder.path / 'gatehouse.db'}")
    assert folder.is_migrated(ROOT / "db" / "migrations" / "versions")
    folder.release()


async def test_a_second_up_on_one_data_folder_says_so(up):
    first = await up()
    await first.until("Ctrl-C stops everything")
    second = await up()
    assert await second.end() == 1
    assert f"another `gatehouse up` (process {first.process.pid}) uses" in second.output
    assert len(second.output.splitlines()) == 1
    assert await first.end(signal.SIGTERM) == 0


async def test_a_worker_that_dies_is_reported_and_started_again(up):
    running = await up()
    await running.until("Ctrl-C stops everything")
    os.kill(running.pid_of("worker"), signal.SIGKILL)
    await running.until("Worker ended unexpectedly (killed by SIGKILL)")
    await running.until("Worker is running again.")
    (running.folder / "worker-must-die").touch()
    os.kill(running.pid_of("worker"), signal.SIGKILL)
    await running.until("Worker ended before it was ready (exit code 3)")
    await running.until("    | the worker stand-in can't go on")
    (running.folder / "worker-must-die").unlink()
    await running.until("Worker is running again.")
    assert await running.end(signal.SIGTERM) == 0


async def test_a_program_that_dies_at_the_start_stops_everything(up, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "worker-must-die").touch()
    running = await up()
    assert await running.end() == 1
    assert "    | the worker stand-in can't go on" in running.output
    assert running.output.endswith("Stopped after a failure.\n")


async def test_without_temporal_everything_stops(up):
    running = await up(embedded=True)
    await running.until("Ctrl-C stops everything")
    temporal = _children_called("temporal", running.process.pid)
    os.kill(temporal[0], signal.SIGKILL)
    assert await running.end() == 1
    assert "Temporal ended unexpectedly (killed by SIGKILL)" in running.output
    assert running.notes()[-2:] == ["site stopped", "worker stopped"]


def _parent_and_name(entry: Path) -> tuple[int, str]:
    try:
        status = dict(line.split(":\t", 1) for line in (entry / "status").read_text().splitlines() if ":\t" in line)
    except (FileNotFoundError, ProcessLookupError):
        return (0, "")
    return (int(status["PPid"]), status["Name"])


async def test_no_child_outlives_a_killed_supervisor(up):
    running = await up()
    await running.until("Ctrl-C stops everything")
    children = [running.pid_of("site"), running.pid_of("worker")]
    await running.end(signal.SIGKILL)
    assert [await _gone(pid) for pid in children] == [True, True]


async def test_a_signal_during_the_start_stops_it_with_exit_code_0(up, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "worker-hangs").touch()
    running = await up()
    await running.until("Site and API … ready")
    assert await running.end(signal.SIGTERM) == 0
    assert "Gatehouse is ready" not in running.output


async def test_a_second_ctrl_c_ends_everything_at_once(up, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "worker-is-deaf").touch()
    running = await up()
    await running.until("Ctrl-C stops everything")
    running.process.send_signal(signal.SIGINT)
    await running.until("Site and API … stopped")
    assert await running.end(signal.SIGINT) == 130
    assert await _gone(running.pid_of("worker"))


async def test_what_the_environment_names_is_not_started(up):
    running = await up(
        GATEHOUSE_SMTP_HOST="127.0.0.1", GATEHOUSE_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:9/none"
    )
    await running.until("Ctrl-C stops everything")
    assert await running.end(signal.SIGTERM) == 0
    assert "Mailbox" not in running.output
    assert "Temporal …" not in running.output
    assert not {"demo-data", "import"} & set(running.notes())
