"""What staff rule of a newcomer to whom somebody objected: applied once, and for an end by two people only (P9, B11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import tell
from db.accounts import Account
from db.database import Database
from db.departure_ending import LeftOpen, end_access
from db.departures import NewcomerAnswer, NewcomerNotice, NewcomerRuling
from db.directory import Organization
from db.recording import Change, once
from db.registrations import RegistrationRow
from db.staff import StaffAccount
from domain.departure import Choice
from domain.people import masked_name
from domain.ports import Vault
from domain.recording import MailDue
from domain.rulings import RecordRuling, Ruling, RulingApplied


def subject_of(ruling_id: UUID | str) -> str:
    """How audit and mails name a ruling; also its workflow id."""
    return f"newcomer-ruling/{ruling_id}"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Whose access is in question."""

    organization_id: UUID
    account_id: UUID


async def objectors(session: AsyncSession, registration_id: UUID) -> Sequence[UUID]:
    """The accounts that objected to this newcomer."""
    found = await session.scalars(
        select(col(NewcomerNotice.account_id))
        .join(NewcomerAnswer, col(NewcomerAnswer.notice_id) == col(NewcomerNotice.id))
        .where(col(NewcomerNotice.registration_id) == registration_id, col(NewcomerAnswer.choice) == Choice.OBJECT)
        .order_by(col(NewcomerNotice.number))
    )
    return found.all()


async def standing_ends(session: AsyncSession, registration_id: UUID) -> list[NewcomerRuling]:
    """Rulings to end this newcomer's access that wait for a second person, by people who still work here."""
    found = await session.scalars(
        select(NewcomerRuling)
        .join(StaffAccount, col(StaffAccount.id) == col(NewcomerRuling.staff_id))
        .where(
            col(NewcomerRuling.registration_id) == registration_id,
            col(NewcomerRuling.verdict) == Ruling.END,
            col(NewcomerRuling.applied_at).is_(None),
            col(StaffAccount.closed_at).is_(None),
        )
        .order_by(col(NewcomerRuling.at), col(NewcomerRuling.id))
    )
    return list(found)


class SqlRulingRecords:
    """The `RulingRecords` port on SQLite and PostgreSQL."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def apply(self, cmd: RecordRuling) -> RulingApplied:
        async def lock(session: AsyncSession) -> NewcomerRuling | None:
            return await session.get(NewcomerRuling, UUID(cmd.ruling_id), with_for_update=True)

        async def step(session: AsyncSession, row: NewcomerRuling) -> tuple[RulingApplied, Change]:
            applied = await self._applied(session, row, cmd)
            details: dict[str, str | int | bool | None] = {"verdict": row.verdict, "accepted": applied.accepted}
            return applied, Change(actor=f"staff/{row.staff_id}", action="newcomer.ruled", details=details)

        return await once(
            self._database, cmd, subject=subject_of(cmd.ruling_id), result=RulingApplied, lock=lock, step=step
        )

    async def _applied(self, session: AsyncSession, row: NewcomerRuling, cmd: RecordRuling) -> RulingApplied:
        registration = await session.get_one(RegistrationRow, row.registration_id, with_for_update=True)
        staff = await session.get_one(StaffAccount, row.staff_id)
        if registration.account_id is None or registration.organization_id is None or staff.closed_at is not None:
            return RulingApplied(accepted=False)
        left = LeftOpen((), (), ())
        ends = await standing_ends(session, row.registration_id)
        if row.verdict == Ruling.END:
            if len({one.staff_id for one in ends}) < 2:
                return RulingApplied(accepted=False)
            left = await end_access(session, Newcomer(registration.organization_id, registration.account_id), at=cmd.at)
        for one in {row.id: row, **{one.id: one for one in ends}}.values():
            one.applied_at = cmd.at  # a proposal to end is over as well when the access is kept
        due = await self._told(session, registration, row, cmd)
        return RulingApplied(
            accepted=True, mails=due, invitations=left.invitations, registrations=left.registrations, cases=left.cases
        )

    async def _told(
        self, session: AsyncSession, registration: RegistrationRow, row: NewcomerRuling, cmd: RecordRuling
    ) -> tuple[MailDue, ...]:
        organization = await session.get_one(Organization, registration.organization_id)
        newcomer = await session.get_one(Account, registration.account_id)
        kind = "newcomer_ended" if row.verdict == Ruling.END else "newcomer_kept"
        name = self._vault.unseal("name", newcomer.name_sealed)
        values = {"organization": organization.name, "newcomer": name, "reference": registration.reference}
        due = []
        for account_id in dict.fromkeys((newcomer.id, *await objectors(session, registration.id))):
            account = await session.get_one(Account, account_id)
            subject = subject_of(row.id)
            is_newcomer = account_id == newcomer.id
            words = f"{kind}_you" if is_newcomer else kind
            tell(session, self._vault, account_id=account_id, cause=subject, kind=words, values=values, at=cmd.at)
            due.append(
                mails.make_due(
                    session,
                    self._vault,
                    subject=subject,
                    purpose=kind,
                    generation=str(account_id),
                    recipient=self._vault.unseal("email", account.email_sealed),
                    values={
                        **values,
                        "newcomer": masked_name(name),  # who is signed in reads it in full, a mailbox doesn't
                        "name": self._vault.unseal("name", account.name_sealed),
                        "you": "yes" if is_newcomer else "",
                    },
                    at=cmd.at,
                )
            )
        return tuple(due)
