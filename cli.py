"""Composition root of the command line: `./gatehouse COMMAND` for everything that isn't `up` or `test`."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import OperationalError

from ops.leaving import leave
from ops.settings import Settings, describe_error

if TYPE_CHECKING:
    from gateways.letters.spool_desk import SpoolDesk
    from portal.gate import Gate

Result = TypeVar("Result")

# What `./gatehouse` does before it comes here.
_OF_THE_SHELL: Final = ("up", "test", "help")


def main(arguments: list[str]) -> int:
    """Run one command. 0: done; 1: it failed, and a line says why; 2: the call itself is wrong."""
    parser = argparse.ArgumentParser(
        prog="gatehouse", description="The gate of a provider portal.", epilog=f"Besides: {', '.join(_OF_THE_SHELL)}."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="bring the database up to date")
    demo_data = commands.add_parser("demo-data", help="write made-up payer files into a folder")
    demo_data.add_argument("folder", type=Path)
    importing = commands.add_parser("import", help="load the payer's files into the directory")
    importing.add_argument("files", type=Path, nargs="+", metavar="FILE")
    demo = commands.add_parser("demo", help="play a registration against the running system")
    demo.add_argument(
        "route", nargs="?", choices=["check", "mail", "authorization"], default="check",
        help="a registration with a check, or by US Mail; or a billing service that gets a provider's yes",
    )  # fmt: skip
    skipping = commands.add_parser("skip", help="let time go by for one request, on the development server only")
    skipping.add_argument("authorization", metavar="AUTHORIZATION", help="its reference, A-…")
    skipping.add_argument("length", metavar="LENGTH", help="31d, 12h, 90m or 45s")
    _add_letter_commands(
        commands.add_parser("letters", help="what the print shop's folder holds; tell what became of a letter")
    )
    bounces = commands.add_parser(
        "bounces", help="read a mailbox of bounces once, and tell on what became of our mails"
    )
    bounces.add_argument(
        "file", type=Path, nargs="?", help="an mbox file or a maildir; default: GATEHOUSE_BOUNCE_MAILBOX"
    )
    commands.add_parser("verify-audit", help="check the audit's hash chain")
    commands.add_parser("match-listed", help="have open cases look whether their organization is in the directory now")
    _add_staff_commands(commands.add_parser("staff", help="make, list and close staff accounts"))
    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands.choices:
        known = ", ".join([*_OF_THE_SHELL, *commands.choices])
        print(f"gatehouse: there is no command `{arguments[0]}`. The commands are: {known}.", file=sys.stderr)
        return 2
    given = parser.parse_args(arguments)
    try:
        if given.command == "demo-data":
            return _demo_data(given.folder)
        settings = Settings.load()
        return _run(settings, given)
    except (ValidationError, SettingsError) as error:
        print(describe_error(error), file=sys.stderr)
        if "GATEHOUSE_KEYS is missing" in describe_error(error):
            print("Run ./gatehouse up first (it makes the keys), or set GATEHOUSE_KEYS.", file=sys.stderr)
        return 2


def _run(settings: Settings, given: argparse.Namespace) -> int:
    match given.command:
        case "migrate":
            return _migrate(settings)
        case "import":
            return _import(settings, given.files)
        case "demo":
            return _demo(settings, given.route)
        case "letters":
            return _letters(settings, given)
        case "bounces":
            return _bounces(settings, given.file)
        case "skip":
            return _skip(settings, given.authorization, given.length)
        case "verify-audit":
            return _verify_audit(settings)
        case "match-listed":
            return _match_listed(settings)
        case "staff":
            return _staff(settings, given)
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
    status = load(files, writer=DirectoryStore(settings.database_url, vault))
    _match_listed(settings)
    return status


def _demo(settings: Settings, route: str) -> int:
    if route == "mail":
        from ops.demo_mail import play as play_mail

        desk = _spool_desk(settings)
        return 1 if desk is None else play_mail(settings, desk)
    if route == "authorization":
        from ops.demo_authorization import play as play_authorization

        return play_authorization(settings)
    from ops.demo import play

    return play(settings)


def _skip(settings: Settings, reference: str, length: str) -> int:
    """Say how the request stands, let the time go by for its workflow, and say what that came to."""
    from domain.ports import RecordsUnavailable
    from ops.skip import SkipRefused, duration_of, fast_forward, require_development_server
    from portal.authorization_story import quiet, tell
    from portal.refusals import Refusal

    async def skip(gate: "Gate") -> None:
        duration = duration_of(length)
        require_development_server(settings)
        before = await tell(gate, reference)
        until = "" if before.state.is_final else f" It is open until {before.deadline:%B %d, %Y, %H:%M} UTC."
        print(f"{before.reference} stands at: {before.in_words}.{until}")
        if not await fast_forward(gate.client, before.workflow_id, duration):
            print("Its workflow ended before all of that time had gone by.")
        await quiet(gate, before.workflow_id)
        after = await tell(gate, reference)
        print(f"{length} later, by its own clock, it stands at: {after.in_words}.")
        for title, earlier, now in (
            ("happened", before.happened, after.happened),
            ("was told", before.told, after.told),
        ):
            new = now[len(earlier) :]
            print(f"What {title} meanwhile:" if new else f"Nothing {title} meanwhile.")
            for one in new:
                print(f"  {one.at:%B %d, %H:%M}  {one.words}")
        if settings.temporal_ui_url:
            place = before.workflow_id.replace("/", "%2F")
            print(f"Its workflow: {settings.temporal_ui_url}/namespaces/default/workflows/{place}")

    try:
        _with_gate(settings, skip)
    except SkipRefused as refused:
        print(f"Nothing was skipped: {refused}.", file=sys.stderr)
        return 1
    except Refusal:
        is_other = not reference.strip().upper().startswith("A-")
        why = (
            "skip takes requests for access (A-…); registrations, invitations and cases aren't skipped"
            if is_other
            else f"there is no request {reference}"
        )
        print(f"Nothing was skipped: {why}.", file=sys.stderr)
        return 1
    except (RecordsUnavailable, TimeoutError):
        print("The database or the worker doesn't answer; is the system running?", file=sys.stderr)
        return 1
    return 0


def _add_letter_commands(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("mailed", help="report letters as mailed: their PINs' clocks start").add_argument(
        "letter", metavar="LETTER|all"
    )
    actions.add_parser("returned", help="report a letter as come back").add_argument("letter", metavar="LETTER")


def _letters(settings: Settings, given: argparse.Namespace) -> int:
    from domain.print_shop import DeliveryKind, PrintShopUnavailable
    from gateways.letters.spool_desk import SpoolState

    desk = _spool_desk(settings)
    if desk is None:
        return 1
    try:
        letters = desk.letters()
        if given.action is None:
            for letter in letters:
                print(f"{letter.letter_id}  {letter.mailing_on}  {letter.state:<8}  {letter.pdf or '(PDF taken away)'}")
            print(f"{len(letters)} {'letter' if len(letters) == 1 else 'letters'}.")
            return 0
        kind = DeliveryKind(given.action)
        everything = given.letter == "all" and kind is DeliveryKind.MAILED
        chosen = [
            letter for letter in letters
            if (letter.state is SpoolState.WAITING if everything else letter.letter_id == given.letter)
        ]  # fmt: skip
        if not chosen and not everything:
            print("There is no letter with this id; `gatehouse letters` lists them.", file=sys.stderr)
            return 1
        for letter in chosen:
            desk.tell(letter, kind, at=datetime.now(UTC))
            print(f"{letter.letter_id}  reported as {kind}")
    except PrintShopUnavailable as error:
        print(f"The print shop's folder can't be used ({error.code}).", file=sys.stderr)
        return 1
    print(f"{len(chosen)} reported. The running site reads it within seconds.")
    return 0


def _bounces(settings: Settings, file: Path | None) -> int:
    from domain.ports import RecordsUnavailable
    from gateways.bounce_mailbox import read_bounces
    from portal.mail_reports import take
    from portal.refusals import Refusal

    mailbox = file or settings.bounce_mailbox
    if mailbox is None:
        print("Name a mailbox, or set GATEHOUSE_BOUNCE_MAILBOX.", file=sys.stderr)
        return 2
    if not mailbox.exists():
        print(f"There is no mailbox {mailbox}.", file=sys.stderr)
        return 1
    try:
        read = read_bounces(mailbox)
        taken = _with_gate(settings, lambda gate: take(gate, read.reports))
    except OSError as error:
        print(f"{mailbox} can't be read: {error.strerror}.", file=sys.stderr)
        return 1
    except (Refusal, RecordsUnavailable):
        print(
            "Temporal or the database is away; read it again later, what was told on isn't told twice.", file=sys.stderr
        )
        return 1
    print(
        f"{taken.told} told on, {taken.known} known or no news, {taken.foreign} of mails that aren't ours, {read.unreadable} unreadable."
    )
    return 0


def _spool_desk(settings: Settings) -> "SpoolDesk | None":
    from composition import print_shop_of
    from gateways.letters.spool_desk import SpoolDesk

    if settings.print_shop != "spool":
        print(f"Letters go to {settings.print_shop}, which tells by itself what became of them.", file=sys.stderr)
        return None
    arrivals = settings.mailbox_dir / "letters" if settings.mailbox_dir else None
    return SpoolDesk(print_shop_of(settings).folder, arrivals=arrivals)


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


def _match_listed(settings: Settings) -> int:
    """Without a case whose organization has come Temporal isn't asked; while it's away, the cases look by themselves."""
    from domain.ports import RecordsUnavailable
    from portal.cases import listed_by_import
    from portal.refusals import Refusal

    try:
        told = _with_gate(settings, listed_by_import)
    except (Refusal, RecordsUnavailable):
        print("Cases that wait for an organization can't be told now; they look by themselves once a day.")
        return 1
    if told:
        whose = "1 case was" if told == 1 else f"{told} cases were"
        print(f"{whose} waiting for an organization that is listed now. Each is told, and looks at it once more.")
    return 0


def _add_staff_commands(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="make an account; prints a link for the person to set it up")
    adding.add_argument("name")
    adding.add_argument("email")
    adding.add_argument("--role", choices=["agent", "supervisor"], default="agent")
    actions.add_parser("list", help="show all staff accounts")
    actions.add_parser("close", help="close an account; its sessions end at once").add_argument("email")


def _staff(settings: Settings, given: argparse.Namespace) -> int:
    from portal.gate import Gate
    from portal.refusals import Refusal
    from portal.staff import StaffRole, add_staff, close_staff, list_staff

    async def act(gate: Gate) -> None:
        match given.action:
            case "add":
                token = await add_staff(gate, name=given.name, email=given.email, role=StaffRole(given.role))
                hours = settings.limits.staff_set_up_life.total_seconds() / 3600
                print(f"Send this link to the person, and to nobody else. It works once, for {hours:g} hours:")
                print(f"{settings.site_url}/staff/set-up/{token}")
            case "list":
                for one in await list_staff(gate):
                    state = "closed" if one.closed_at else "ready" if one.ready else "not set up"
                    print(f"{one.email}  {one.name}  {one.role}  {state}")
            case _:
                await close_staff(gate, email=given.email)
                print("Closed. The person is signed out everywhere.")

    try:
        _with_gate(settings, act)
    except Refusal as refusal:
        told = [defect.message for defect in refusal.fields] or [f"{refusal.answer.title}. {refusal.answer.detail}"]
        print(
            "There is no open staff account with this address." if refusal.code == "not_found" else "\n".join(told),
            file=sys.stderr,
        )
        return 1
    return 0


def _with_gate(settings: Settings, act: "Callable[[Gate], Awaitable[Result]]") -> Result:
    """Run what needs the portal; Temporal is contacted only if `act` does."""
    import asyncio

    from db.database import Database
    from ops.keys import KeyedVault, Keyring
    from ops.temporal_client import connect
    from portal.gate import Gate

    async def run() -> Result:
        keyring = Keyring.parse(settings.keys.get_secret_value())
        database = Database(settings.database_url)
        try:
            return await act(
                Gate(
                    client=await connect(keyring=keyring, process="command", lazy=True),
                    database=database,
                    vault=KeyedVault(keyring),
                    limits=settings.limits,
                    task_queue=settings.task_queue,
                    payer_name=settings.payer.name,
                )
            )
        finally:
            await database.close()

    return asyncio.run(run())


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
