"""Composition root of the command line: `./gatehouse COMMAND` for everything that isn't `up` or `test`."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import OperationalError

from ops.settings import Settings, describe_error


def main(arguments: list[str]) -> int:
    """Run one command. 0: done; 1: it failed, and a line says why; 2: the call itself is wrong."""
    parser = argparse.ArgumentParser(prog="gatehouse", description="The gate of a provider portal.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="bring the database up to date")
    demo_data = commands.add_parser("demo-data", help="write made-up payer files into a folder")
    demo_data.add_argument("folder", type=Path)
    importing = commands.add_parser("import", help="load the payer's files into the directory")
    importing.add_argument("files", type=Path, nargs="+", metavar="FILE")
    commands.add_parser("demo", help="play a registration against the running system")
    commands.add_parser("verify-audit", help="check the audit's hash chain")
    given = parser.parse_args(arguments)
    try:
        if given.command == "demo-data":
            return _demo_data(given.folder)
        settings = Settings.load()
        match given.command:
            case "migrate":
                return _migrate(settings)
            case "import":
                return _import(settings, given.files)
            case "demo":
                return _demo(settings)
            case "verify-audit":
                return _verify_audit(settings)
    except (ValidationError, SettingsError) as error:
        print(describe_error(error), file=sys.stderr)
        return 2
    return 2


def _migrate(settings: Settings) -> int:
    from db.schema import NewerSchema, migrate

    try:
        migrate(settings.database_url)
    except NewerSchema:
        print("The database was made by a newer version of Gatehouse; run that version.", file=sys.stderr)
        return 1
    except OperationalError:
        print("The database can't be reached or isn't one of ours; check GATEHOUSE_DATABASE_URL.", file=sys.stderr)
        return 1
    return 0


def _demo_data(folder: Path) -> int:
    from intake.demo import generate

    made = generate(folder, today=datetime.now(UTC).date())
    print(f"{len(made.files)} files written to {folder}.")
    return 0


def _import(settings: Settings, files: list[Path]) -> int:
    from db.directory_store import DirectoryStore
    from intake.command import main as load
    from ops.keys import KeyedVault, Keyring

    vault = KeyedVault(Keyring.parse(settings.keys.get_secret_value()))
    return load(files, writer=DirectoryStore(settings.database_url, vault))


def _demo(settings: Settings) -> int:
    from ops.demo import play

    return play(settings)


def _verify_audit(settings: Settings) -> int:
    import asyncio

    from db.audit import broken_at
    from db.database import Database

    async def look() -> int | None:
        database = Database(settings.database_url)
        try:
            async with database.read() as session:
                return await broken_at(session)
        finally:
            await database.close()

    broken = asyncio.run(look())
    if broken is None:
        print("The audit is whole.")
        return 0
    print(f"The audit is broken at entry {broken}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
