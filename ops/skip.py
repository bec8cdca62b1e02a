"""`./gatehouse skip`: how far to go, and whether the server is the development server that `up` started here."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from ops.data_folder import DataFolder, DataFolderError
from ops.loopback import port_is_taken
from ops.settings import Settings

_DURATION: Final = re.compile(r"([1-9]\d{0,4})([dhms])", re.ASCII)
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_MOST: Final = timedelta(days=400)


class SkipRefused(Exception):
    """Why no time is skipped; the text is a line for people."""


def duration_of(text: str) -> timedelta:
    """`31d`, `12h`, `90m` or `45s`. Raises `SkipRefused`."""
    found = _DURATION.fullmatch(text.strip().lower())
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
    if not timedelta(0) < length <= _MOST:
        raise SkipRefused(f"`{text}` is no length of time; write it like 31d, 12h, 90m or 45s, and at most 400d")
    return length


def require_development_server(settings: Settings, environ: Mapping[str, str] | None = None) -> None:
    """Raise `SkipRefused` unless the commands of this data folder reach the server that `up` started for it.

    `up` gives that server a configuration file of its own, in its folder; one that the environment names has none.
    """
    environ = os.environ if environ is None else environ
    only = "time is skipped on the development server that `./gatehouse up` starts, and nowhere else"
    if settings.environment != "development":
        raise SkipRefused(f"{only}: this is {settings.environment}")
    folder = settings.data_dir.absolute()
    try:
        kept = DataFolder(folder).read_environment()
    except DataFolderError as error:
        raise SkipRefused(str(error)) from None
    address = kept.get("TEMPORAL_ADDRESS", "")
    if kept.get("TEMPORAL_CONFIG_FILE") != str(folder / "run" / "temporal.toml"):
        raise SkipRefused(f"{only}: here TEMPORAL_ADDRESS names another one")
    if environ.get("TEMPORAL_ADDRESS") != address:
        raise SkipRefused(f"{only}: TEMPORAL_ADDRESS in the environment names another one, or none")
    host, _, port = address.rpartition(":")
    if host != "127.0.0.1" or not port.isdigit() or not port_is_taken(int(port)):
        raise SkipRefused("the development server isn't running; start it first: ./gatehouse up")


async def fast_forward(client: Client, workflow_id: str, length: timedelta) -> bool:
    """Let time go by for this workflow alone; false when it ended before all of it had gone by. Raises `SkipRefused`."""
    try:
        return await TimeSkipper(client).fast_forward(client.get_workflow_handle(workflow_id), length)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise SkipRefused("its workflow has ended; there is no time to skip any more") from None
        raise SkipRefused("this server can't skip time, or it doesn't answer") from error
