"""Temporal's real development server as a process: on a file, fast, on loopback, ready for Gatehouse.

`up` and the tests start it the same way. Production uses a cluster or Temporal Cloud instead (`TEMPORAL_*`).
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from domain.search_attributes import SEARCH_ATTRIBUTES
from ops.loopback import free_port, http_answer

# The server polls its own queues 20 times a second by default, so that each workflow turn waits up to
# 50 ms. These change nothing else and make a turn three times faster.
_DYNAMIC_CONFIG: Final = (
    *(f"history.{queue}ProcessorMaxPollRPS=2000" for queue in ("transfer", "timer", "visibility", "outbound")),
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # Lets tests, demos and staff move one workflow forward in time.
    "frontend.WorkflowTimeSkippingEnabled=true",
)

# A command of this server listens to nobody's configuration for other servers.
_ALONE: Final = ("--disable-config-file", "--disable-config-env")

_PRESET: Final = "gatehouse"  # names our part of the file that `--env-file` is

_LEAST_VERSION: Final = (1, 9)  # The first command whose server skips time for one workflow.


class DevServerError(Exception):
    """The server could not be started; the text is a line for people, without data of anyone."""


@dataclass(frozen=True, kw_only=True)
class DevServerPlan:
    """How the server is to run. `plan.with_ports()` fills in every port that is 0."""

    file: Path | None = None  # None: in memory, gone with the process
    port: int = 0
    ui_port: int | None = 0  # None: no UI
    http_port: int = 0
    metrics_port: int = 0
    codec_endpoint: str | None = (
        None  # its address carries a secret: it goes into `codec_file`, which only the owner reads
    )
    codec_file: Path | None = None
    search_attributes: Mapping[str, str] = field(default_factory=lambda: SEARCH_ATTRIBUTES)
    namespace: str = "default"
    # Workflow ids are unique for as long as closed workflows are kept: the default namespace's 24 hours are too short for that.
    retention: timedelta = timedelta(days=90)
    # NORMAL keeps everything when a process is killed and can lose the last moments when the power fails;
    # FULL doesn't, and makes every turn 1.2 to 1.3 times slower. A development machine gets the speed.
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"

    def with_ports(self) -> "DevServerPlan":
        """The same plan with free ports instead of 0."""
        return replace(
            self,
            port=self.port or free_port(),
            ui_port=None if self.ui_port is None else self.ui_port or free_port(),
            http_port=self.http_port or free_port(),
            metrics_port=self.metrics_port or free_port(),
        )

    @property
    def address(self) -> str:
        """Where clients connect, as `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui_address(self) -> str | None:
        """Where the UI is, as an address for a browser; None without UI."""
        return None if self.ui_port is None else f"http://localhost:{self.ui_port}"

    def command(self) -> list[str]:
        """The command line that starts the server. Raises `DevServerError` when there is no `temporal` command."""
        command = [
            str(temporal_command()), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port),
            "--http-port", str(self.http_port), "--metrics-port", str(self.metrics_port),
            "--log-level", "warn", "--log-format", "json", *_ALONE,
        ]  # fmt: skip
        if self.namespace != "default":
            command += ["--namespace", self.namespace]
        if self.ui_port is None:
            command.append("--headless")
        else:
            # Nothing on this machine asks the internet for news on behalf of the user.
            command += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
            if self.codec_endpoint and self.codec_file:
                command += ["--env", _PRESET, "--env-file", str(self.codec_file)]
        if self.file is not None:
            command += ["--db-filename", str(self.file)]
            for pragma in (
                "journal_mode=WAL",
                "locking_mode=EXCLUSIVE",
                "cache_size=-65536",
                "wal_autocheckpoint=4000",
            ):
                command += ["--sqlite-pragma", pragma]
            command += ["--sqlite-pragma", f"synchronous={self.synchronous}"]
        for value in _DYNAMIC_CONFIG:
            command += ["--dynamic-config-value", value]
        for name, kind in self.search_attributes.items():
            command += ["--search-attribute", f"{name}={kind}"]
        return command

    def prepare(self) -> None:
        """Write what isn't for the command line, where everybody on this machine can read it. Before each start."""
        if self.codec_endpoint and self.codec_file:
            preset = {"env": {_PRESET: {"ui-codec-endpoint": self.codec_endpoint}}}
            self.codec_file.unlink(missing_ok=True)
            with os.fdopen(os.open(self.codec_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(preset, file)  # what the command reads is YAML, of which JSON is a part

    async def is_ready(self) -> bool:
        """Whether the server answers for the namespace, with the wanted retention and search attributes.

        Brings both about where they are missing: the command sets attributes only on a new file, and retention never.
        """
        path = f"/api/v1/namespaces/{self.namespace}"
        answer = await http_answer(self.http_port, path)
        if answer is None or answer[0] != 200:
            return False
        config = json.loads(answer[1])["config"]
        missing = set(self.search_attributes) - set(config.get("customSearchAttributeAliases", {}).values())
        if missing:
            await self._register(sorted(missing))
            return False
        retention = f"{int(self.retention.total_seconds())}s"
        if config.get("workflowExecutionRetentionTtl") == retention:
            return True
        wanted = {"config": {"workflowExecutionRetentionTtl": retention}}
        changed = await http_answer(self.http_port, f"{path}/update", post=json.dumps(wanted).encode())
        return changed is not None and changed[0] == 200

    async def _register(self, names: list[str]) -> None:
        command = [
            str(temporal_command()),
            "operator",
            "search-attribute",
            "create",
            "--address",
            self.address,
            *_ALONE,
        ]
        command += ["--namespace", self.namespace]
        for name in names:
            command += ["--name", name, "--type", self.search_attributes[name]]
        registering = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await registering.wait()  # A failure shows as attributes still missing, and it is tried again.


def temporal_command() -> Path:
    """The `temporal` command: one on the path if it is recent enough, or the one installed beside Python.

    Raises `DevServerError` when there is neither.
    """
    installed = Path(sys.executable).parent / "temporal"
    elsewhere = os.pathsep.join(
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if folder and Path(folder) != installed.parent
    )
    found = shutil.which("temporal", path=elsewhere)
    if found is not None and _version(found) >= _LEAST_VERSION:
        return Path(found)
    if installed.exists():
        return installed
    raise DevServerError(
        "there is no `temporal` command; install requirements.lock, or set TEMPORAL_ADDRESS to a running server"
    )


def _version(command: str) -> tuple[int, int]:
    try:
        text = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.search(r"version (\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class DevServer:
    """A running development server; a context manager that starts and stops it.

    `async with DevServer(DevServerPlan(), log_file=path) as server: Client.connect(server.address)`
    """

    def __init__(self, plan: DevServerPlan, *, log_file: Path | None = None) -> None:
        self._asked = plan
        self.plan = plan
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where clients connect, as `host:port`."""
        return self.plan.address

    @property
    def ui_address(self) -> str | None:
        """Where the UI is, as an address for a browser; None without UI."""
        return self.plan.ui_address

    @property
    def pid(self) -> int | None:
        """The process id of the running server, so that tests can kill it."""
        return None if self._process is None else self._process.pid

    async def start(self, *, timeout_s: float = 30.0) -> Self:
        """Start the server and wait until it answers. Raises `DevServerError` when it doesn't."""
        for attempt in range(3):
            # A port that was free a moment ago may be taken when the server gets to it: other ports then.
            self.plan = self._asked.with_ports()
            if await self._attempt(timeout_s):
                return self
            await self.stop()
            if self._asked.port and attempt:
                break
        raise DevServerError(
            "Temporal's development server does not start" + (f"; see {self._log_file}" if self._log_file else "")
        )

    async def _attempt(self, timeout_s: float) -> bool:
        self.plan.prepare()
        log = os.open(self._log_file or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.plan.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(log)
        try:
            async with asyncio.timeout(timeout_s):
                while self._process.returncode is None:
                    if await self.plan.is_ready():
                        return True
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
        return False

    async def stop(self) -> None:
        """Stop the server in order, or by force after ten seconds. Stopping twice is harmless."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
