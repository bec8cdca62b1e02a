"""The all-in-one system: everything Gatehouse needs, started, watched and stopped by one command.

What the environment names (`TEMPORAL_ADDRESS`, `GATEHOUSE_DATABASE_URL`, `GATEHOUSE_SMTP_HOST`) is used;
the rest is started here on loopback, with its state in the data folder.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ops.data_folder import DataFolder, DataFolderError
from ops.demo_checks import free_checks
from ops.dev_server import DevServerError
from ops.leaving import leave
from ops.processes import Process, ProcessFailedError, Supervisor
from ops.settings import Settings
from ops.system import PROGRAMS, ROOT, CannotStartError, System, check_ports, compose


async def bring_up(system: System, supervisor: Supervisor, *, say: "Say") -> None:
    """Start everything, in parallel where it can be. Raises `ProcessFailedError`."""
    processes = system.processes()
    migrated, temporal_ready = asyncio.Event(), asyncio.Event()

    async def temporal() -> None:
        if "temporal" in processes:
            await supervisor.start(processes["temporal"])
        temporal_ready.set()

    async def database() -> None:
        if not (system.own_database and system.migrated):
            began = time.monotonic()
            await supervisor.step("migrate", "Preparing the database", system.python("command", "migrate"))
            say(f"  Database … ready in {time.monotonic() - began:.1f} s")
        migrated.set()

    async def after(process: Process, *events: asyncio.Event) -> None:
        for event in events:
            await event.wait()
        await supervisor.start(process)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(temporal())
            group.create_task(database())
            group.create_task(after(processes["site"], migrated))
            group.create_task(after(processes["worker"], migrated, temporal_ready))
            group.create_task(after(processes["codec"]))
            if "mailbox" in processes:
                group.create_task(after(processes["mailbox"]))
            group.create_task(load_demo_data(system, supervisor, migrated, say=say))
    except* ProcessFailedError as failures:
        raise failures.exceptions[0] from None


async def load_demo_data(system: System, supervisor: Supervisor, migrated: asyncio.Event, *, say: "Say") -> None:
    """Generate demo files and import them, once per data folder; what was interrupted is done again."""
    demo = system.folder.path / "demo"
    done = demo / ".imported"
    if done.exists() or not system.own_database:
        return
    began = time.monotonic()
    say("  Demo data … being made and imported")
    await supervisor.step("demo-data", "Making demo data", system.python("command", "demo-data", str(demo)))
    await migrated.wait()
    names = _described(demo).get("files")
    files = [str(demo / name) for name in names if isinstance(name, str)] if isinstance(names, list) else []
    await supervisor.step("import", "Importing demo data", system.python("command", "import", *files))
    done.touch()
    say(f"  Demo data … imported in {time.monotonic() - began:.1f} s")


def summary(system: System, *, took_s: float) -> str:
    """What people need to know once everything runs."""
    settings = system.settings
    rows = {"Site": settings.site_url, "API documentation": f"{settings.site_url}/api/docs"}
    if settings.mailbox_dir is not None:
        rows["Mailbox"] = f"{settings.site_url}/mailbox"
    if settings.temporal_ui_url:
        rows["Temporal's UI"] = settings.temporal_ui_url
    lines = ["", f"Gatehouse is ready ({took_s:.1f} s).", "", *_table(rows)]
    if system.own_database:
        lines += _payment_to_use(settings)
    return "\n".join(
        [
            *lines,
            "",
            f"Logs are in {system.folder.path / 'logs'}. Ctrl-C stops everything; what was entered is kept.",
            "",
        ]
    )


def _table(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows))
    return [f"  {name:<{width}}  {value}" for name, value in rows.items()]


def _described(demo: Path) -> dict[str, object]:
    """What the generator wrote about the demo files: `files` in the order to import, and payments by case."""
    try:
        found = json.loads((demo / "example.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _payment_to_use(settings: Settings) -> list[str]:
    """A payment of the demo data that nobody has registered with; none where there is no demo data."""
    try:
        free = free_checks(settings)
    except LookupError:
        return []
    if not free:
        return ["", "Every payment of the demo data has been used; move the data folder away to begin again."]
    names = {
        "organization": "Organization",
        "tin": "Tax ID",
        "vendor_number": "Vendor number",
        "npi": "or Type 2 NPI",
        "document_number": "Check number",
        "amount": "Amount",
    }
    shown = {name: str(value) for name, value in free[0].items() if name in names and value}
    if len(shown.get("tin", "")) == 9:
        shown["tin"] = f"{shown['tin'][:2]}-{shown['tin'][2:]}"
    return [
        "",
        "A payment to register with (made-up numbers: the page asks you to confirm the Tax ID):",
        "",
        *_table({title: shown[name] for name, title in names.items() if name in shown}),
    ]


class Say:
    """Prints lines for people, and goes on silently when nobody listens any more."""

    def __call__(self, text: str) -> None:
        try:
            print(text, flush=True)
        except OSError:  # The terminal or the reader of the pipe is gone; stopping in order matters more.
            return


async def run(system: System, *, say: Say) -> int:
    """Start, watch until a signal or a failure, stop in order. The exit code: 0 after a signal, 1 after a failure."""
    began = time.monotonic()
    supervisor = Supervisor(log_folder=system.folder.path / "logs", say=say, folder=system.root)
    asked = asyncio.Event()

    def on_signal() -> None:
        if asked.is_set():
            supervisor.kill()
            os._exit(130)
        asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)

    starting = asyncio.create_task(bring_up(system, supervisor, say=say))
    waiting = [asyncio.create_task(asked.wait()), asyncio.create_task(supervisor.ended.wait())]
    await asyncio.wait([starting, *waiting], return_when=asyncio.FIRST_COMPLETED)
    code = 0
    if starting.done() and (failure := starting.exception()) is not None:
        if not isinstance(failure, ProcessFailedError):
            raise failure
        say(str(failure))
        code = 1
    elif starting.done():
        say(summary(system, took_s=time.monotonic() - began))
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    else:
        starting.cancel()
        await asyncio.wait([starting])
    if supervisor.ended.is_set():
        say(supervisor.reason or "")
        code = 1
    say("Stopping …")
    await supervisor.stop()
    for task in waiting:
        task.cancel()
    say("Stopped." if code == 0 else "Stopped after a failure.")
    return code


def main(*, root: Path = ROOT, programs: Mapping[str, tuple[str, ...]] = PROGRAMS) -> int:
    """Run the all-in-one system until Ctrl-C. 0 after a stop that was asked for, 1 when it can't start or breaks."""
    say = Say()
    os.umask(0o077)  # also of all processes that are started: databases, logs and letters are for their owner
    path = Path(os.environ.get("GATEHOUSE_DATA_DIR") or root / "data")
    folder: DataFolder | None = None
    try:
        folder = DataFolder.claim(path)
        migrated = folder.is_migrated(root / "db" / "migrations" / "versions")
        system = compose(folder, migrated=migrated, root=root, programs=programs)
        check_ports(system)
        say(f"Starting Gatehouse in {folder.path}")
        return asyncio.run(run(system, say=say))
    except (CannotStartError, DataFolderError, DevServerError) as error:
        for line in str(error).splitlines():
            print(f"gatehouse: {line}", file=sys.stderr)
        return 1
    finally:
        if folder is not None:
            folder.release()


if __name__ == "__main__":
    # A reader of the output that is gone by now must not change the exit code.
    leave(main())
