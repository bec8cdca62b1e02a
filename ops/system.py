"""What the all-in-one system consists of: its settings, its processes, and the ports they need."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_settings import SettingsError

from ops.data_folder import TEMPORAL_FILE, DataFolder
from ops.dev_server import DevServerPlan
from ops.loopback import http_status, port_is_taken
from ops.processes import Process
from ops.settings import PREFIX, Settings, describe_error

ROOT: Final = Path(__file__).resolve().parent.parent

# The order of stopping: nobody new comes in, what is begun is finished, and Temporal has the last word.
_SITE, _WORKER, _CODEC, _MAILBOX, _TEMPORAL = range(5)

# What the processes run; each after the Python that runs this one.
PROGRAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "site": ("serve.py",),
    "worker": ("worker.py",),
    "codec": ("-m", "ops.codec_server"),
    "command": ("cli.py",),
}

_TRIES_PER_CALLER: Final = "GATEHOUSE_LIMITS__PAYMENT_TRIES_PER_CALLER"

# The limit is higher for this `up` alone: another process with this data folder may be production.
_NOT_KEPT: Final = frozenset(
    {"GATEHOUSE_SMTP_PASSWORD", "GATEHOUSE_READY_FILE", "GATEHOUSE_DATA_DIR", "GATEHOUSE_VENV", _TRIES_PER_CALLER}
)


class CannotStartError(Exception):
    """Why the system can't start, as lines for people."""


@dataclass(frozen=True, kw_only=True)
class System:
    """What runs: the settings of all processes, and the programs (tests put stand-ins there)."""

    settings: Settings
    folder: DataFolder
    temporal: DevServerPlan | None  # None: the environment names one
    own_mailbox: bool
    own_database: bool
    migrated: bool  # the own database is at the newest revision already
    root: Path = ROOT
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: PROGRAMS)

    def python(self, program: str, *arguments: str) -> tuple[str, ...]:
        """The command line of one of the programs."""
        return (sys.executable, *self.programs[program], *arguments)

    def processes(self) -> dict[str, Process]:
        """Everything that is to be running, by name."""
        settings, run = self.settings, self.folder.path / "run"
        ready_file = run / "worker.ready"
        site_host = _reachable(settings.listen_host)

        async def answers(host: str, port: int, path: str) -> bool:
            return await http_status(port, path, host=host) == 200

        async def accepts(host: str, port: int) -> bool:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                return False
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return True

        async def worker_is_ready() -> bool:
            return ready_file.exists()

        found = {
            "site": Process(
                name="site",
                title="Site and API",
                command=self.python("site"),
                ready=lambda: answers(site_host, settings.listen_port, "/readyz"),
                stop_rank=_SITE,
            ),
            "worker": Process(
                name="worker",
                title="Worker",
                command=self.python("worker"),
                environment={"GATEHOUSE_READY_FILE": str(ready_file)},
                ready=worker_is_ready,
                grace_s=25,  # longer than it lets running activities finish
                before=lambda: ready_file.unlink(missing_ok=True),
                stop_rank=_WORKER,
            ),
            "codec": Process(
                name="codec",
                title="Codec server",
                command=self.python("codec"),
                ready=lambda: answers(_reachable(settings.codec_server_host), settings.codec_server_port, "/livez"),
                stop_rank=_CODEC,
            ),
        }
        if self.own_mailbox and settings.mailbox_dir is not None:
            found["mailbox"] = Process(
                name="mailbox",
                title="Mailbox",
                command=(
                    sys.executable,
                    "-m",
                    "ops.mailbox",
                    str(settings.mailbox_dir),
                    "127.0.0.1",
                    str(settings.smtp_port),
                ),
                ready=lambda: accepts("127.0.0.1", settings.smtp_port),
                stop_rank=_MAILBOX,
            )
        if self.temporal is not None:
            found["temporal"] = Process(
                name="temporal",
                title="Temporal",
                command=self.temporal.command(),
                before=self.temporal.prepare,
                ready=self.temporal.is_ready,
                after_death="stop everything",
                stop_rank=_TEMPORAL,
            )
        return found

    def ports(self) -> dict[str, tuple[str, int]]:
        """Every port that has to be free, by the variable that moves it."""
        settings = self.settings
        wanted = {
            "GATEHOUSE_LISTEN_PORT": (settings.listen_host, settings.listen_port),
            "GATEHOUSE_CODEC_SERVER_PORT": (settings.codec_server_host, settings.codec_server_port),
        }
        if settings.worker_metrics_port:
            wanted["GATEHOUSE_WORKER_METRICS_PORT"] = (settings.worker_metrics_host, settings.worker_metrics_port)
        if self.own_mailbox:
            wanted["GATEHOUSE_SMTP_PORT"] = ("127.0.0.1", settings.smtp_port)
        if self.temporal is not None:
            wanted["GATEHOUSE_TEMPORAL_PORT"] = ("127.0.0.1", self.temporal.port)
            wanted["GATEHOUSE_TEMPORAL_UI_PORT"] = ("127.0.0.1", self.temporal.ui_port or 0)
        return wanted


def compose(
    folder: DataFolder, *, migrated: bool = False, root: Path = ROOT, programs: Mapping[str, tuple[str, ...]] = PROGRAMS
) -> System:
    """Decide what is started here and what the environment names.

    The settings of all processes are put into this process's environment, which they inherit. Raises `CannotStartError` and `DataFolderError`.
    """
    environ = os.environ
    own_temporal = not environ.get("TEMPORAL_ADDRESS")
    own_mailbox = not environ.get("GATEHOUSE_SMTP_HOST")
    own_database = not environ.get("GATEHOUSE_DATABASE_URL")
    temporal_port, ui_port = (
        _port(environ, "GATEHOUSE_TEMPORAL_PORT", 7233),
        _port(environ, "GATEHOUSE_TEMPORAL_UI_PORT", 8233),
    )
    site_port = _port(environ, "GATEHOUSE_LISTEN_PORT", 8080)
    defaults = {
        "GATEHOUSE_ENVIRONMENT": "development",
        "GATEHOUSE_LISTEN_PORT": str(site_port),
        "GATEHOUSE_SITE_URL": f"http://localhost:{site_port}",
        "GATEHOUSE_CODEC_SERVER_PORT": "8234",
        **folder.secrets(environ),
    }
    if environ.get("GATEHOUSE_ENVIRONMENT") in {None, "", "development"}:
        # Everybody on this machine has one network address: demonstrations must not use up its failed proofs of the day.
        defaults[_TRIES_PER_CALLER] = "1000"
    if own_mailbox:
        defaults |= {"GATEHOUSE_SMTP_PORT": "1025", "GATEHOUSE_MAILBOX_DIR": str(folder.path / "mailbox")}
    for name, value in defaults.items():
        if not environ.get(name):
            environ[name] = value
    environ["GATEHOUSE_DATA_DIR"] = str(folder.path)
    if own_mailbox:
        environ["GATEHOUSE_SMTP_HOST"] = "127.0.0.1"
    if own_temporal:
        # A profile or key meant for another server must not be sent to this one.
        for name in [name for name in environ if name.startswith("TEMPORAL_")]:
            del environ[name]
        environ |= {
            "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal_port}",
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_CONFIG_FILE": str(folder.path / "run" / "temporal.toml"),
            "GATEHOUSE_TEMPORAL_UI_URL": f"http://localhost:{ui_port}",
        }
        (folder.path / "run" / "temporal.toml").touch()
    try:
        settings = Settings(_env_file=None)
    except (ValidationError, SettingsError) as error:
        raise CannotStartError(describe_error(error)) from None
    token = settings.codec_server_token
    temporal = DevServerPlan(
        file=folder.path / TEMPORAL_FILE,
        port=temporal_port,
        ui_port=ui_port,
        # The development server's UI can't show a token by itself, so its address for the codec carries one.
        codec_endpoint=f"http://localhost:{settings.codec_server_port}/ui/{token.get_secret_value()}"
        if token
        else None,
        codec_file=folder.path / "run" / "temporal-ui.yaml",
    ).with_ports()
    kept = {
        name: value
        for name, value in environ.items()
        if name.startswith((PREFIX, "TEMPORAL_")) and name not in _NOT_KEPT
    }
    folder.write_environment(kept)
    return System(
        settings=settings,
        folder=folder,
        temporal=temporal if own_temporal else None,
        own_mailbox=own_mailbox,
        own_database=own_database,
        migrated=migrated,
        root=root,
        programs=programs,
    )


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise CannotStartError(f"{name} must be a port: a number from 1 to 65535.")
    return int(text)


def _reachable(host: str) -> str:
    """The address at which a server listening on `host` answers from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)  # noqa: S104 - looked up, not bound


def check_ports(system: System) -> None:
    """Raise `CannotStartError` with one line when ports are used by other programs, or one is wanted twice."""
    taken: dict[str, int] = {}
    seen: dict[int, str] = {}
    for variable, (host, port) in system.ports().items():
        if port in seen:
            raise CannotStartError(f"port {port} is wanted twice; set {variable} or {seen[port]} to another one.")
        if port_is_taken(port, host):
            taken[variable] = port
        seen[port] = variable
    if len(taken) == 1:
        ((variable, port),) = taken.items()
        raise CannotStartError(f"port {port} is in use by another program; stop it or set {variable} to another one.")
    if taken:
        ports, variables = ", ".join(map(str, taken.values())), ", ".join(taken)
        raise CannotStartError(
            f"ports {ports} are in use (by another `gatehouse up`?); stop what uses them or set {variables} to others."
        )
