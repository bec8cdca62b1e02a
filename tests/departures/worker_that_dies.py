"""A worker that commits the completion of a registration and is gone before Temporal hears of it. Run as a process."""

import asyncio
import os
import sys
from typing import NoReturn

from db.database import Database
from db.registration_records import SqlRegistrationRecords
from domain.registration import RecordCompleted
from ops.keys import KeyedVault, Keyring
from ops.settings import Settings
from ops.temporal_client import connect
from worker import build_mailer, build_worker

_complete = SqlRegistrationRecords.complete


async def complete_and_die(self: SqlRegistrationRecords, cmd: RecordCompleted) -> NoReturn:
    await _complete(self, cmd)
    os._exit(9)


async def run(settings: Settings) -> None:
    keyring = Keyring.parse(settings.keys.get_secret_value())
    client = await connect(keyring=keyring, process="worker")
    database, vault = Database(settings.database_url), KeyedVault(keyring)
    async with build_worker(settings, client=client, database=database, vault=vault, mailer=build_mailer(settings)):
        await asyncio.sleep(60)


if __name__ == "__main__":
    SqlRegistrationRecords.complete = complete_and_die  # type: ignore[method-assign]
    asyncio.run(run(Settings.model_validate_json(sys.stdin.read())))
