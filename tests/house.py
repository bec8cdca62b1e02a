"""A whole gatehouse in one process, on real servers: directory, worker, portal and mailbox."""

import asyncio
import itertools
import os
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyotp
from sqlalchemy import create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Session, col
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from db.accounts import Message
from db.database import Database
from db.departures import ColleagueAnswer
from db.directory import Location, NpiRecord, Organization, OrganizationNpi, Payment, Practitioner, Vendor
from db.schema import migrate, sync_url
from domain.identifiers import npi_with_check_digit
from domain.limits import Limits
from domain.registration import RegistrationStatus, StepResult
from ops.keys import KeyedVault, Keyring
from ops.mailbox import Mail, MailSink, read_mail
from ops.settings import Settings
from portal import account_setup, departures, registering, sessions
from portal.departures import ColleagueWord
from portal.gate import Gate
from portal.registering import Started
from portal.sessions import SessionKind
from worker import build_mailer, build_worker
from workflows.registration import Registration

_numbers = itertools.count(1)
PASSWORD = "seven quiet harbour lanterns"
CAREFUL_HASHER = account_setup.PASSWORD_HASHER  # how passwords are hashed outside the tests' processes


def key() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """An organization in the directory with one payment of each sort."""

    id: UUID
    tin: str
    name: str
    vendor: str
    npi: str
    other_npi: str
    check: str
    amount: str
    notice: str


def add_clinic(
    url: str,
    vault: KeyedVault,
    *,
    name: str | None = None,
    tin: str | None = None,
    practitioner: str = "Ada Example",
    **payment: Any,
) -> Clinic:
    """Put a made-up clinic into the directory; `payment` changes the check's row."""
    number = next(_numbers)
    npis = [npi_with_check_digit(f"2{number:07}{place}").digits for place in (1, 2)]
    clinic = Clinic(
        id=uuid.uuid4(),
        tin=tin or f"00{number:07}",
        name=name or f"Northfield Clinic {number}",
        vendor=f"V{number}",
        npi=npis[0],
        other_npi=npis[1],
        check=f"10{number:05}",
        amount="1,234.56",
        notice=f"NP9{number:05}",
    )
    now = datetime.now(UTC)
    engine = create_engine(sync_url(url))
    with Session(engine) as session:
        session.add(
            Organization(
                id=clinic.id,
                tin_digest=vault.digest("tin", clinic.tin),
                tin_sealed=vault.seal("tin", clinic.tin),
                name=clinic.name,
                updated_at=now,
            )
        )
        session.flush()
        for npi in npis:
            session.add(NpiRecord(npi=npi, entity_type="2", name=clinic.name.upper()))
            session.add(OrganizationNpi(organization_id=clinic.id, npi=npi))
        session.add(Vendor(number=clinic.vendor, organization_id=clinic.id))
        session.add(Practitioner(organization_id=clinic.id, name=practitioner))
        session.add(
            Location(
                organization_id=clinic.id,
                line1="1 MAIN ST",
                city="SPRINGFIELD",
                state="IL",
                zip="62701",
                first_seen_at=now,
            )
        )
        facts: dict[str, Any] = {
            "ledger": "payment",
            "number": clinic.check,
            "method": "CHK",
            "amount_cents": 123456,
            "issued_on": datetime.now(UTC).date() - timedelta(days=20),
            "organization_id": clinic.id,
            "npi": clinic.npi,
            "vendor_number": clinic.vendor,
            "status": "issued",
        }
        session.add(Payment(**{**facts, **payment}))
        session.add(
            Payment(
                **{
                    **facts,
                    "ledger": "notice",
                    "number": clinic.notice.removeprefix("NP"),
                    "method": "NON",
                    "amount_cents": 0,
                }
            )
        )
        session.commit()
    engine.dispose()
    return clinic


@dataclass(frozen=True, kw_only=True)
class House:
    """Everything running; what a person can do is in `portal`, called with `gate`."""

    gate: Gate
    client: Client
    database: Database
    url: str
    vault: KeyedVault
    sink: MailSink
    settings: Settings
    worker: Worker
    read: dict[str, Mail] = field(default_factory=dict)  # every mail is parsed once, however often it's looked for

    def clinic(self, **changes: Any) -> Clinic:
        return add_clinic(self.url, self.vault, **changes)

    async def new_clinic(self, **changes: Any) -> Clinic:
        """Like `clinic`, while the house is at work: a blocked event loop would keep SQLite's lock from being let go."""
        return await asyncio.to_thread(add_clinic, self.url, self.vault, **changes)

    def handle(self, registration_id: UUID) -> WorkflowHandle:
        return self.client.get_workflow_handle_for(Registration.run, f"registration/{registration_id}")

    async def start(self, *, email: str | None = None, name: str = "Jo Example", caller: str | None = None) -> Started:
        return await registering.start(
            self.gate,
            name=name,
            email=email or f"jo{next(_numbers)}@clinic.example.org",
            attested=True,
            key=key(),
            caller=caller or key(),
            client="test",
        )

    def mails(self, *, to: str, subject: str = "") -> list[Mail]:
        """The mails to this address so far, the oldest first."""
        with os.scandir(self.sink.folder) as entries:
            names = {entry.name.removesuffix(".eml") for entry in entries if not entry.name.startswith(".")}
        for name in sorted(names - self.read.keys()):
            if (mail := read_mail(self.sink.folder, name)) is not None:
                self.read[name] = mail
        return [mail for mail in self.read.values() if to in mail.recipients and subject in mail.subject]

    async def mail(self, *, to: str, subject: str = "", after: int = 0) -> Mail:
        """The newest mail to this address, as soon as there are more than `after`."""
        async with asyncio.timeout(20):
            while len(found := self.mails(to=to, subject=subject)) <= after:
                await asyncio.sleep(0.05)
        return found[-1]

    async def mail_for(self, email: str, subject: str) -> Mail:
        """The mail with this subject to this address, however its letters are written."""
        async with asyncio.timeout(20):
            while True:
                self.mails(to="")
                for mail in self.read.values():
                    if subject in mail.subject and any(email.lower() == to.lower() for to in mail.recipients):
                        return mail
                await asyncio.sleep(0.05)

    async def status(self, registration_id: UUID) -> RegistrationStatus:
        """What the workflow knows of itself."""
        return await self.handle(registration_id).query(Registration.status)

    async def quiet(self, registration_id: UUID) -> None:
        """Wait until nothing is under way: every mail has left and is noted, and the workflow waits for a person."""
        handle = self.handle(registration_id)
        async with asyncio.timeout(20):
            while True:
                description = await handle.describe()
                tasks = description.raw_description
                status = await self.status(registration_id)
                if (
                    status.mails_pending == 0
                    and not tasks.pending_activities
                    and not tasks.HasField("pending_workflow_task")
                ):
                    return
                await asyncio.sleep(0.05)

    async def forget(self, registration_id: UUID) -> None:
        """Have Temporal forget a registration, as it does some time after the end; it takes its time (see `exists`)."""
        execution = WorkflowExecution(workflow_id=f"registration/{registration_id}")
        await self.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace=self.client.namespace, workflow_execution=execution)
        )

    async def exists(self, registration_id: UUID) -> bool:
        """Whether Temporal knows the registration."""
        try:
            await self.handle(registration_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    async def messages(self, session: AsyncSession, accounts: Sequence[UUID]) -> list[str]:
        """The kinds of the messages in these accounts' message centers."""
        found = await session.scalars(select(Message).where(col(Message.account_id).in_(accounts)))
        return [message.kind for message in found]

    async def confirmed(
        self, *, email: str | None = None, name: str = "Jo Example", caller: str | None = None
    ) -> Started:
        email = email or f"jo{next(_numbers)}@clinic.example.org"
        started = await self.start(email=email, name=name, caller=caller)
        code = code_in(await self.mail(to=email, subject="code"))
        result = await registering.confirm_email(self.gate, started.registration_id, code=code, key=key())
        assert result.accepted, result
        return started

    async def proved(self, clinic: Clinic, **person: str) -> Started:
        started = await self.confirmed(**person)
        result = await self.prove(started, clinic)
        assert result.accepted, result
        return started

    async def prove(self, started: Started, clinic: Clinic, **changes: str):
        claim = {
            "tin": clinic.tin,
            "vendor": clinic.vendor,
            "npi": "",
            "document": clinic.check,
            "amount": clinic.amount,
            "caller": key(),
            "key": key(),
        }
        return await registering.prove_payment(self.gate, started.registration_id, **{**claim, **changes})

    async def prove_notice(self, started: Started, clinic: Clinic, **changes: str):
        return await self.prove(
            started, clinic, **{"vendor": "", "npi": clinic.npi, "document": clinic.notice, "amount": "", **changes}
        )

    async def answer_for_colleagues(self, started: Started) -> None:
        """Say something of the organization's accounts, if it has any and nothing was said yet: without it nobody goes on."""
        gate, rid = self.gate, started.registration_id
        async with self.database.read() as session:
            said = await session.scalar(select(ColleagueAnswer).where(col(ColleagueAnswer.registration_id) == rid))
        if said is None and await departures.existing_accounts(gate, rid):
            words = [ColleagueWord(reason="unknown")]
            await departures.answer_for_colleagues(gate, rid, words=words, key=key())

    async def try_to_secure(
        self, started: Started, *, name: str = "Jo Example", password: str = PASSWORD, attests_own_name: bool = False
    ) -> StepResult:
        """Set the account up and confirm its second factor; returns the answer to that."""
        rid = started.registration_id
        await self.answer_for_colleagues(started)
        result = await account_setup.set_up_account(
            self.gate, rid, name=name, password=password, attests_own_name=attests_own_name, key=key()
        )
        assert result.accepted, result
        secret = (await account_setup.second_factor(self.gate, rid)).secret
        own = await sessions.authenticate(self.gate, started.token, SessionKind.REGISTRATION)
        return await account_setup.confirm_second_factor(
            self.gate, rid, code=pyotp.TOTP(secret).now(), key=key(), session_id=own.session_id
        )

    async def secured(self, started: Started, *, name: str = "Jo Example", password: str = PASSWORD) -> str:
        """Set the account up; returns the second factor's secret."""
        rid = started.registration_id
        await self.answer_for_colleagues(started)
        result = await account_setup.set_up_account(
            self.gate, rid, name=name, password=password, attests_own_name=False, key=key()
        )
        assert result.accepted, result
        secret = (await account_setup.second_factor(self.gate, rid)).secret
        own = await sessions.authenticate(self.gate, started.token, SessionKind.REGISTRATION)
        result = await account_setup.confirm_second_factor(
            self.gate, rid, code=pyotp.TOTP(secret).now(), key=key(), session_id=own.session_id
        )
        assert result.accepted, result
        return secret

    async def registered(self, clinic: Clinic, *, email: str | None = None) -> tuple[Started, str]:
        started = await self.proved(clinic, **({"email": email} if email else {}))
        return started, await self.secured(started)


def code_in(mail: Mail) -> str:
    found = re.search(r"\b(\d{6})\b", mail.text or "")
    assert found, mail.text
    return found[1]


def patient_worker(settings: Settings, *, client: Client, database: Database, vault: KeyedVault) -> Worker:
    """The worker as in production, but for the two seconds after which the SDK calls a workflow deadlocked.

    Tests share processors with servers and browsers: there two seconds say more about the neighbours than about the code, and
    the interruption may hit anything that this process does at the moment. The SDK has no setting for it but one that turns
    the sandbox off too.
    """
    worker = build_worker(settings, client=client, database=database, vault=vault, mailer=build_mailer(settings))
    assert worker._workflow_worker is not None
    worker._workflow_worker._deadlock_timeout_seconds = 30
    return worker


@asynccontextmanager
async def open_house(
    *,
    client: Client,
    keyring: Keyring,
    keyring_text: str,
    url: str,
    sink: MailSink,
    folder: Path,
    limits: Limits | None = None,
) -> AsyncIterator[House]:
    """Migrate the database, run a worker of its own queue, and close it all."""
    migrate(url)
    settings = Settings(
        environment="development", keys=keyring_text, database_url=url, data_dir=folder, smtp_port=sink.port,
        task_queue=f"test-{key()}", mailbox_dir=sink.folder, limits=limits or Limits(),
    )  # fmt: skip
    database = Database(url)
    vault = KeyedVault(keyring)
    gate = Gate(
        client=client,
        database=database,
        vault=vault,
        limits=settings.limits,
        task_queue=settings.task_queue,
        payer_name=settings.payer.name,
        zone=ZoneInfo(settings.payer.time_zone),
    )
    worker = patient_worker(settings, client=client, database=database, vault=vault)
    async with worker:
        yield House(
            gate=gate,
            client=client,
            database=database,
            url=url,
            vault=vault,
            sink=sink,
            settings=settings,
            worker=worker,
        )
    await database.close()
