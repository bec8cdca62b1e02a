"""Child processes that belong to one parent: started, watched, restarted, and stopped in order.

Whatever happens to the parent, none of its children outlives it.
"""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

_LOG_LIMIT: Final = 10_000_000
_LONGEST_PAUSE_S: Final = 15.0
_SETTLED_S: Final = 60.0

_PR_SET_PDEATHSIG: Final = 1
# Found before the first fork: nothing may be imported or looked up between fork and exec.
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class ProcessFailedError(Exception):
    """A process or step failed; the text is for people: what, how, and the last lines of its log."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process to keep running."""

    name: str  # names its log file
    title: str  # names it to people
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)  # beside the parent's own
    ready: Callable[[], Awaitable[bool]]
    before: Callable[[], None] | None = None  # called before each start, to forget that an earlier one was ready
    after_death: Literal["restart", "stop everything"] = "restart"
    stop_rank: int = 0  # lower stops earlier
    patience_s: float = 60.0  # how long it may take to get ready
    grace_s: float = 15.0  # how long it may take to stop after SIGTERM


@dataclass
class _Child:
    process: Process
    handle: asyncio.subprocess.Process
    log_start: int
    since: float
    watcher: asyncio.Task[None] | None = None


def last_lines(log: Path, *, start: int = 0, most: int = 8) -> str:
    """The end of a log file as indented lines for people."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - 20_000))
            lines = [line for line in file.read().decode("utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return "\n".join(f"    | {line[:400]}" for line in lines[-most:])


class Supervisor:
    """Starts processes and steps, watches them, and stops them in order.

    `ended` is set when everything has to stop because of a child; `reason` then says why.
    """

    def __init__(self, *, log_folder: Path, say: Callable[[str], None], folder: Path) -> None:
        self.ended = asyncio.Event()
        self.reason: str | None = None
        self._log_folder = log_folder
        self._folder = folder
        self._say = say
        self._children: list[_Child] = []
        self._steps: set[asyncio.subprocess.Process] = set()
        self._stopping = False

    async def start(self, process: Process) -> None:
        """Start the process and wait until it is ready. Raises `ProcessFailedError`."""
        began = time.monotonic()
        child = await self._spawn(process)
        self._children.append(child)
        await self._until_ready(child)
        child.watcher = asyncio.create_task(self._watch(child))
        self._say(f"  {process.title} … ready in {time.monotonic() - began:.1f} s")

    async def step(
        self, name: str, title: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Run a command to its end. Raises `ProcessFailedError` when it fails."""
        log = self._log_folder / f"{name}.log"
        handle, start = await self._execute(log, command, environment or {})
        self._steps.add(handle)
        try:
            code = await handle.wait()
        finally:
            if handle.returncode is not None:
                self._steps.discard(handle)
        if code != 0:
            raise ProcessFailedError(
                f"{title} failed ({_ending(code)}). Its last lines, from {log}:\n{last_lines(log, start=start)}"
            )

    async def stop(self) -> None:
        """Stop everything: steps first, then the processes by rank, each with SIGTERM and, after its grace, by force."""
        self._stopping = True
        for child in self._children:
            if child.watcher is not None:
                child.watcher.cancel()
        for handle in list(self._steps):
            await _terminate(handle, 5.0)
        for rank in sorted({child.process.stop_rank for child in self._children}):
            ranked = [
                child for child in self._children if child.process.stop_rank == rank and child.handle.returncode is None
            ]
            await asyncio.gather(*(_terminate(child.handle, child.process.grace_s) for child in ranked))
            for child in ranked:
                self._say(f"  {child.process.title} … stopped")

    def kill(self) -> None:
        """End everything at once, by force."""
        for handle in [*self._steps, *(child.handle for child in self._children)]:
            _signal_group(handle, signal.SIGKILL)

    async def _spawn(self, process: Process) -> _Child:
        log = self._log_folder / f"{process.name}.log"
        if process.before is not None:
            process.before()
        handle, start = await self._execute(log, process.command, process.environment)
        return _Child(process, handle, start, time.monotonic())

    async def _execute(
        self, log: Path, command: Sequence[str], environment: Mapping[str, str]
    ) -> tuple[asyncio.subprocess.Process, int]:
        output, start = _open_log(log)
        try:
            handle = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                env={**os.environ, **environment},
                # A session of its own: Ctrl-C in the terminal reaches the parent only, which stops all in order.
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),
            )
        except OSError as error:
            raise ProcessFailedError(f"{command[0]} can't be started: {error.strerror}") from None
        finally:
            os.close(output)
        return handle, start

    async def _until_ready(self, child: _Child) -> None:
        """Return when the child is ready. Raises `ProcessFailedError` when it dies first or takes too long."""
        process = child.process
        log = self._log_folder / f"{process.name}.log"
        deadline = time.monotonic() + process.patience_s
        while True:
            if child.handle.returncode is not None:
                how = f"ended before it was ready ({_ending(child.handle.returncode)})"
                break
            if await process.ready():
                return
            if time.monotonic() > deadline:
                how = f"was not ready within {process.patience_s:.0f} s"
                break
            await asyncio.sleep(0.03)
        raise ProcessFailedError(
            f"{process.title} {how}. Its last lines, from {log}:\n{last_lines(log, start=child.log_start)}"
        )

    async def _watch(self, child: _Child) -> None:
        process = child.process
        log = self._log_folder / f"{process.name}.log"
        failures = 0
        told = False
        while True:
            code = await child.handle.wait()
            if self._stopping:
                return
            if not told:
                lines = last_lines(log, start=child.log_start)
                self._say(f"{process.title} ended unexpectedly ({_ending(code)}). Its last lines, from {log}:\n{lines}")
            if process.after_death == "stop everything":
                self._end(f"{process.title} is needed by everything else; stopping.")
                return
            failures = 0 if time.monotonic() - child.since > _SETTLED_S else failures + 1
            pause = min(0.25 * 2**failures, _LONGEST_PAUSE_S)
            self._say(f"{process.title} is started again in {pause:g} s.")
            await asyncio.sleep(pause)
            try:
                again = await self._spawn(process)
                child.handle, child.log_start, child.since = again.handle, again.log_start, again.since
                await self._until_ready(child)
            except ProcessFailedError as error:
                told = True
                self._say(str(error))
                _signal_group(child.handle, signal.SIGKILL)
            else:
                told = False
                self._say(f"{process.title} is running again.")

    def _end(self, reason: str) -> None:
        self.reason = reason
        self.ended.set()


def _open_log(log: Path) -> tuple[int, int]:
    """A descriptor that appends to the log, and where it starts; a log that has grown large is put aside first."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return output, os.fstat(output).st_size


def _end_with_parent(parent: int) -> Callable[[], None]:
    """What a new child does before it becomes the program: ask the kernel to end it when its parent ends."""

    def ask() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # The parent ended before the kernel was asked.
                os._exit(1)

    return ask


async def _terminate(handle: asyncio.subprocess.Process, grace_s: float) -> None:
    if handle.returncode is not None:
        return
    _signal_group(handle, signal.SIGTERM)
    try:
        async with asyncio.timeout(grace_s):
            await handle.wait()
    except TimeoutError:
        _signal_group(handle, signal.SIGKILL)
        await handle.wait()


def _signal_group(handle: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if handle.returncode is not None:
        return
    try:
        os.killpg(handle.pid, number)
    except ProcessLookupError:
        return


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
