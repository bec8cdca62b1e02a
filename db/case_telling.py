"""Who is told of a case's step: the person (message and mail), staff (mail), and the timeline of both."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.accounts import Access, Account, Message
from db.cases import CaseEntry, CaseRow
from db.directory import Organization
from db.registrations import RegistrationRow
from db.staff import StaffAccount
from domain.people import masked_name
from domain.ports import Vault
from domain.recording import MailDue


def subject_of(case_id: UUID | str) -> str:
    """How audit, mails and applied commands name a case; also its workflow id."""
    return f"case/{case_id}"


@dataclass(frozen=True, slots=True, repr=False)
class CasePerson:
    """Whom a case is for. `account_id` is None for somebody who is still registering."""

    name: str
    email: str
    account_id: UUID | None

    @property
    def pages(self) -> str:
        """Where this person's cases are on the site."""
        return "cases" if self.account_id else "register/cases"


async def person_of(session: AsyncSession, vault: Vault, row: CaseRow) -> CasePerson:
    """The person, as registration or account have them now."""
    if row.account_id is not None:
        account = await session.get_one(Account, row.account_id)
        name, email = account.name_sealed, account.email_sealed
    else:
        registration = await session.get_one(RegistrationRow, row.registration_id)
        name, email = registration.name_sealed, registration.email_sealed
    return CasePerson(vault.unseal("name", name), vault.unseal("email", email), row.account_id)


async def tell_person(
    session: AsyncSession, vault: Vault, row: CaseRow, *, kind: str, revision: int, at: datetime, text: str = ""
) -> tuple[MailDue, ...]:
    """One message and one mail of this kind. The words of staff stand in the message and on the page, never in a mail."""
    person = await person_of(session, vault, row)
    values = {"name": person.name, "number": row.number}
    if person.account_id is not None:
        session.add(
            Message(
                account_id=person.account_id,
                cause=f"{subject_of(row.id)}:{revision}",
                kind=kind,
                values_sealed=vault.seal("message", json.dumps({**values, "text": text})),
                at=at,
            )
        )
    due = mails.make_due(
        session, vault, subject=subject_of(row.id), purpose=kind, generation=revision, recipient=person.email,
        values={**values, "page": f"{person.pages}/{row.id}"}, at=at,
    )  # fmt: skip
    return (due,)


async def tell_staff(
    session: AsyncSession, vault: Vault, row: CaseRow, *, kind: str, revision: int, at: datetime, supervisors: bool
) -> tuple[MailDue, ...]:
    """One mail to the case's owner, or to everybody where nobody has taken it; `supervisors` are told in any case."""
    staff = (
        await session.scalars(
            select(StaffAccount)
            .where(col(StaffAccount.closed_at).is_(None), col(StaffAccount.ready_at).is_not(None))
            .order_by(col(StaffAccount.created_at), col(StaffAccount.id))
        )
    ).all()
    owned = any(one.id == row.owner_id for one in staff)
    told: Iterable[StaffAccount] = (
        one for one in staff if not owned or one.id == row.owner_id or (supervisors and one.role == "supervisor")
    )
    return tuple(
        mails.make_due(
            session, vault, subject=subject_of(row.id), purpose=kind, generation=f"{revision}.{one.id}",
            recipient=vault.unseal("email", one.email_sealed),
            values={
                "name": vault.unseal("name", one.name_sealed), "number": row.number, "page": f"staff/cases/{row.id}",
            },
            at=at,
        )
        for one in told
    )  # fmt: skip


async def tell_colleagues(
    session: AsyncSession, vault: Vault, row: CaseRow, *, revision: int, at: datetime
) -> tuple[MailDue, ...]:
    """Tell the accounts that see the organization already that an account got access to it: they may not expect it.

    The message names the person, for who is signed in has to judge it; the mail masks the name.
    A registration tells them itself when its account is made.
    """
    if row.account_id is None or row.organization_id is None:
        return ()
    organization = await session.get_one(Organization, row.organization_id)
    newcomer = await person_of(session, vault, row)
    holders = select(col(Access.account_id)).where(
        col(Access.organization_id) == organization.id, col(Access.status) == "open"
    )
    colleagues = await session.scalars(
        select(Account)
        .where(col(Account.id).in_(holders), col(Account.id) != row.account_id, col(Account.closed_at).is_(None))
        .order_by(col(Account.created_at), col(Account.id))
    )
    due = []
    for colleague in colleagues:
        values = {
            "name": vault.unseal("name", colleague.name_sealed),
            "organization": organization.name,
            "newcomer": masked_name(newcomer.name),
            "reference": row.number,
        }
        session.add(
            Message(
                account_id=colleague.id, cause=f"{subject_of(row.id)}:{revision}", kind="access_by_staff",
                values_sealed=vault.seal("message", json.dumps({**values, "newcomer": newcomer.name})), at=at,
            )
        )  # fmt: skip
        due.append(
            mails.make_due(
                session, vault, subject=subject_of(row.id), purpose="access_by_staff",
                generation=f"{revision}.{colleague.id}", recipient=vault.unseal("email", colleague.email_sealed),
                values=values, at=at,
            )
        )  # fmt: skip
    return tuple(due)


def write_entry(
    session: AsyncSession,
    vault: Vault,
    row: CaseRow,
    *,
    revision: int,
    at: datetime,
    what: str,
    staff_id: UUID | None = None,
    text: str = "",
    internal: bool = False,
) -> None:
    """Add the step's line to the timeline."""
    session.add(
        CaseEntry(
            case_id=row.id, revision=revision, at=at, what=what, staff_id=staff_id, internal=internal,
            text_sealed=vault.seal("case.text", text) if text else None,
        )
    )  # fmt: skip
