"""The counter of provider support in tests: people with cases, and staff who are really set up."""

import asyncio
import itertools
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import create_engine, select
from sqlmodel import Session, col
from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper

from db.audit import AuditEntry
from db.cases import CaseRow
from db.directory import Organization
from db.registrations import RegistrationRow
from db.schema import sync_url
from domain.cases import CaseKind, CaseResult, CaseState, CaseStatus, StaffAction
from portal import case_desk, cases, staff
from portal.cases import CaseParty, OpenedCase
from portal.staff import StaffMember, StaffRole
from tests.accounts import with_account
from tests.house import PASSWORD, Clinic, House, key
from workflows.support_case import SupportCase

_people = itertools.count(1)
_tins = itertools.count(1)

FORM = {
    "organization": "Harbour Clinic",
    "address": "12 Quay Street\nSpringfield, IL 62701",
    "telephone_number": "217-555-0142",
    "best_time": "mornings",
    "note": "We opened in October.",
}


def unlisted_tin() -> str:
    """A Tax ID that no clinic of a test has."""
    return f"07{next(_tins):07}"


@dataclass(frozen=True)
class Person:
    """Somebody who turns to provider support."""

    email: str
    party: CaseParty

    @property
    def id(self) -> UUID:
        """The registration's or account's id."""
        found = self.party.registration_id or self.party.account_id
        assert found is not None
        return found


@dataclass(frozen=True)
class Clerk:
    """A member of staff, with what they sign in with."""

    email: str
    secret: str
    member: StaffMember
    token: str


class Counter:
    """Everything that happens at the counter, through the portal and real workflows."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.gate = house.gate

    async def registrant(self) -> Person:
        """Somebody registering, whose address is confirmed and whose organization isn't proved."""
        email = f"case{next(_people)}@clinic.example.org"
        started = await self.house.confirmed(email=email)
        return Person(email, CaseParty(registration_id=started.registration_id))

    async def account(self, clinic: Clinic | None = None) -> Person:
        """Somebody with an account."""
        email = f"case{next(_people)}@clinic.example.org"
        started, _ = await with_account(self.house, clinic or await self.house.new_clinic(), email=email)
        async with self.house.database.read() as session:
            row = await session.get_one(RegistrationRow, started.registration_id)
        return Person(email, CaseParty(account_id=row.account_id))

    async def open(
        self, person: Person, *, kind: CaseKind = CaseKind.NOT_LISTED, tin: str | None = None, **changes: str
    ) -> OpenedCase:
        form = {**FORM, "tin": unlisted_tin() if tin is None else tin, "key": key(), **changes}
        return await cases.open_case(self.gate, person.party, kind=kind, **form)

    async def clerk(self, *, role: StaffRole = StaffRole.AGENT, name: str = "Sam Desk Example") -> Clerk:
        """A member of staff who has set the account up and is signed in."""
        email = f"sam{next(_people)}@payer.example.org"
        link = await staff.add_staff(self.gate, name=name, email=email, role=role)
        token = await staff.choose_password(self.gate, link_token=link, password=PASSWORD, key=key(), client="test")
        pending = await staff.pending_staff(self.gate, token)
        secret = (await staff.factor_to_set_up(self.gate, pending)).secret
        token = await staff.finish_set_up(self.gate, pending, code=pyotp.TOTP(secret).now(), client="test")
        return Clerk(email, secret, await staff.authenticate(self.gate, token), token)

    async def act(self, clerk: Clerk, case: OpenedCase, action: StaffAction, text: str = "", **more: str):
        return await case_desk.act(self.gate, clerk.member, case.case_id, action, text=text, **{"key": key(), **more})

    def handle(self, case: OpenedCase) -> WorkflowHandle:
        return self.house.client.get_workflow_handle_for(SupportCase.run, f"case/{case.case_id}")

    async def skip(self, case: OpenedCase, duration: timedelta) -> None:
        """Let time go by for this case alone."""
        await TimeSkipper(self.house.client).fast_forward(self.handle(case), duration)

    async def status(self, case: OpenedCase) -> CaseStatus:
        return await self.handle(case).query(SupportCase.status)

    async def row(self, case: OpenedCase) -> CaseRow:
        async with self.house.database.read() as session:
            return await session.get_one(CaseRow, case.case_id)

    async def ends(self, case: OpenedCase) -> CaseState:
        """The case's final state, once its workflow is over."""
        result: CaseResult = await self.handle(case).result()
        return result.state

    async def looked(self, case: OpenedCase) -> None:
        """Wait until a case that did nothing but open has looked whether the world moved on, once."""
        async with asyncio.timeout(20):
            while True:
                history = await self.handle(case).fetch_history()
                markers = [event for event in history.events if event.HasField("marker_recorded_event_attributes")]
                if len(markers) >= 2:  # the opening, the look
                    return
                await asyncio.sleep(0.05)

    async def waits_until(self, case: OpenedCase) -> tuple[datetime, datetime, datetime]:
        """Since when the case waits for staff, when they are reminded, and when it's due."""
        row = await self.row(case)
        assert row.remind_at is not None
        assert row.due_at is not None
        return row.waiting_since, row.remind_at, row.due_at

    async def audit(self, subject: str) -> list[AuditEntry]:
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(AuditEntry).where(col(AuditEntry.subject) == subject).order_by(col(AuditEntry.position))
            )
            return list(found)

    async def import_lists(self, tin: str, name: str = "Harbour Clinic") -> UUID:
        """What an import does: the directory has the organization from now on."""
        organization_id = uuid.uuid4()

        def write() -> None:
            engine = create_engine(sync_url(self.house.url))
            with Session(engine) as session:
                session.add(
                    Organization(
                        id=organization_id,
                        tin_digest=self.house.vault.digest("tin", tin),
                        tin_sealed=self.house.vault.seal("tin", tin),
                        name=name,
                        updated_at=datetime.now(UTC),
                    )
                )
                session.commit()
            engine.dispose()

        await asyncio.to_thread(write)
        return organization_id
