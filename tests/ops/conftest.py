"""The all-in-one system with stand-ins for its programs, as a process to start, listen to and stop."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ops.loopback import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
STANDINS = Path(__file__).parent / "standins"


class Running:
    """One `up`: its output so far, its data folder, and ways to wait and to end it."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.output = ""

    async def until(self, text: str, *, timeout_s: float = 20) -> None:
        """Read on until the text has been printed. Fails with the output when it isn't in time."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                while text not in self.output:
                    line = await self.process.stdout.readline()
                    if not line:
                        pytest.fail(f"ended without {text!r}:\n{self.output}")
                    self.output += line.decode()
        except TimeoutError:
            pytest.fail(f"no {text!r} in time:\n{self.output}")

    async def end(self, number: signal.Signals | None = None) -> int:
        """Send the signal, if any, and wait for the exit code."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(20):
            rest, _ = await self.process.communicate()
        self.output += rest.decode()
        assert self.process.returncode is not None
        return self.process.returncode

    def notes(self) -> list[str]:
        """What the stand-ins did, in order, without process ids."""
        file = self.folder / "notes.txt"
        return [re.sub(r" \d+$", "", line) for line in file.read_text().splitlines()] if file.exists() else []

    def pid_of(self, name: str) -> int:
        """The process id of the stand-in that started last under this name."""
        return int(re.findall(rf"^{name} started (\d+)$", (self.folder / "notes.txt").read_text(), re.MULTILINE)[-1])


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts the system in a folder of this test. With `embedded`, with a Temporal server of its own."""
    started: list[Running] = []
    ports = {
        f"GATEHOUSE_{name}_PORT": str(free_port())
        for name in ("LISTEN", "SMTP", "CODEC_SERVER", "TEMPORAL", "TEMPORAL_UI", "WORKER_METRICS")
    }

    async def start(*, embedded: bool = False, folder: Path = tmp_path / "data", **changes: str) -> Running:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("GATEHOUSE_", "TEMPORAL_"))
        }
        environment |= ports | {"GATEHOUSE_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
        if not embedded:
            environment["TEMPORAL_ADDRESS"] = "127.0.0.1:9"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(STANDINS / "up.py"),
            env=environment | changes,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        started.append(Running(process, folder))
        return started[-1]

    yield start
    for running in started:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.communicate()
