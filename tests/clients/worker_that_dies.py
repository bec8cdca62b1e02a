"""A worker that makes the request of a list's third line and is gone before its result is written. Run as a process."""

import asyncio
import os
import sys
from datetime import datetime
from uuid import UUID

from db.authorizations import AuthorizationBatch
from db.database import Database
from domain.request_list import RequestLine
from ops.keys import KeyedVault, Keyring
from ops.settings import Settings
from ops.temporal_client import connect
from portal.request_lists import ListedRequests
from worker import build_mailer, build_worker

_DIES_AT = 4  # the titles are line 1

_ask = ListedRequests._ask


async def ask_and_die(
    self: ListedRequests, batch: AuthorizationBatch, line: RequestLine
) -> tuple[str, UUID | None, datetime | None]:
    asked = await _ask(self, batch, line)
    if line.number == _DIES_AT:
        os._exit(9)
    return asked


async def run(settings: Settings) -> None:
    keyring = Keyring.parse(settings.keys.get_secret_value())
    client = await connect(keyring=keyring, process="worker")
    database, vault = Database(settings.database_url), KeyedVault(keyring)
    async with build_worker(settings, client=client, database=database, vault=vault, mailer=build_mailer(settings)):
        await asyncio.sleep(60)


if __name__ == "__main__":
    ListedRequests._ask = ask_and_die  # type: ignore[method-assign]
    asyncio.run(run(Settings.model_validate_json(sys.stdin.read())))
