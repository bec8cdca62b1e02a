"""A worker in a process of its own that kills itself at a named point, between two steps of somebody's."""

import asyncio
import inspect
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, NoReturn

from sqlalchemy import event
from sqlalchemy.orm import Session

from db.database import Database
from db.letter_desk import SqlLetterDesk
from db.letter_records import SqlLetterRecords
from db.registration_records import SqlRegistrationRecords
from domain.request_list import RequestLine
from gateways.letters.spool import SpoolFolder
from ops.dev_server import DevServer
from ops.keys import KeyedVault, Keyring
from ops.settings import Settings
from ops.temporal_client import connect
from portal.request_lists import ListedRequests
from tests.house import patient_worker

_PATIENCE_S: Final = 60.0


def _die(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


def _in_transaction(owner: type, name: str) -> None:
    """Die when everything is written and nothing committed."""
    method = getattr(owner, name)

    def step(*args: Any, **kwargs: Any) -> Any:
        event.listen(Session, "before_commit", _die)
        return method(*args, **kwargs)

    setattr(owner, name, step)


def _after(owner: type, name: str, *, when: Callable[..., bool] = lambda *_args: True) -> None:
    """Die as soon as it's done, before anybody hears of it."""
    method = getattr(owner, name)

    def step(*args: Any, **kwargs: Any) -> Any:
        done = method(*args, **kwargs)
        if inspect.isawaitable(done):
            return awaited(done, *args)
        return _die() if when(*args) else done

    async def awaited(done: Awaitable[Any], *args: Any) -> Any:
        outcome = await done
        return _die() if when(*args) else outcome

    setattr(owner, name, step)


def _is_pdf(_spool: SpoolFolder, path: Path, _content: bytes) -> bool:
    return path.suffix == ".pdf"


def _is_third_line(_requests: ListedRequests, _batch: object, line: RequestLine) -> bool:
    return line.number == 4  # the titles are line 1


LETTER_POINTS: Final[Mapping[str, Callable[[], None]]] = {
    "asked, not committed": partial(_in_transaction, SqlLetterRecords, "request_letter"),
    "asked, not answered": partial(_after, SqlLetterRecords, "request_letter"),
    "taken, not printed": partial(_after, SqlLetterDesk, "take"),
    "printed, not listed": partial(_after, SpoolFolder, "_put", when=_is_pdf),
    "listed, not settled": partial(_in_transaction, SqlLetterDesk, "settle"),
    "settled, not told": partial(_after, SqlLetterDesk, "settle"),
    "mailed, not committed": partial(_in_transaction, SqlLetterRecords, "letter_event"),
    "mailed, not told": partial(_after, SqlLetterRecords, "letter_event"),
}
_POINTS: Final[Mapping[str, Callable[[], None]]] = {
    **LETTER_POINTS,
    "registration completed": partial(_after, SqlRegistrationRecords, "complete"),
    "third request made": partial(_after, ListedRequests, "_ask", when=_is_third_line),
}


class DyingWorker:
    """A worker for these settings that is gone at `point`, and at the latest after a minute."""

    def __init__(self, point: str, *, settings: Settings, server: DevServer) -> None:
        # Processes are forked off one that has imported everything.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._process: BaseProcess = context.Process(target=_work, args=(point, settings, server.address), daemon=True)
        self._process.start()

    async def died(self) -> None:
        """Wait until it was killed. Raises AssertionError when it ended in another way."""
        async with asyncio.timeout(_PATIENCE_S):
            while self._process.exitcode is None:
                await asyncio.sleep(0.05)
        assert self._process.exitcode == -signal.SIGKILL, self._process.exitcode


def _work(point: str, settings: Settings, address: str) -> None:
    _POINTS[point]()
    asyncio.run(_run(settings, address))


async def _run(settings: Settings, address: str) -> None:
    keyring = Keyring.parse(settings.keys.get_secret_value())
    client = await connect(keyring=keyring, process="worker", environ={"TEMPORAL_ADDRESS": address})
    database, vault = Database(settings.database_url), KeyedVault(keyring)
    async with patient_worker(settings, client=client, database=database, vault=vault):
        await asyncio.sleep(_PATIENCE_S)
