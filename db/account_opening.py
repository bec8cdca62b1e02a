"""Opening an account and its access, on evidence that is read again in the same transaction (I3)."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.accounts import Access, Account, Message, RecoveryCode
from db.cases import CaseRow
from db.directory import NpiRecord, Organization, OrganizationNpi, Payment, Practitioner
from db.letters import LetterRow
from db.registrations import Credential, Evidence, RegistrationRow
from domain.cases import CaseState
from domain.matching import PaymentStatus
from domain.ports import Vault
from domain.recording import MailDue


@dataclass(frozen=True, slots=True)
class OrganizationNames:
    """The names that a person's own name is held against (P7)."""

    organization: tuple[str, ...]
    practitioners: tuple[str, ...]
    is_sole_proprietor: bool


async def organization_names(session: AsyncSession, organization_id: UUID) -> OrganizationNames:
    """All names the directory has for an organization, and those of its practitioners.

    An organization that bills under Type 1 NPIs alone is a person: its name may be the registrant's own. A group
    practice is paid under its doctors' Type 1 NPIs, too, but has a Type 2 NPI.
    """
    name = await session.scalar(select(col(Organization.name)).where(col(Organization.id) == organization_id))
    records = (
        await session.scalars(
            select(NpiRecord)
            .join(OrganizationNpi, col(OrganizationNpi.npi) == col(NpiRecord.npi))
            .where(col(OrganizationNpi.organization_id) == organization_id)
        )
    ).all()
    practitioners = await session.scalars(
        select(col(Practitioner.name)).where(col(Practitioner.organization_id) == organization_id)
    )
    others = [other for record in records for other in (record.name, *record.other_names.splitlines()) if other]
    return OrganizationNames(
        organization=(name or "", *others),
        practitioners=tuple(practitioners),
        is_sole_proprietor={record.entity_type for record in records if record.entity_type} == {"1"},
    )


async def names_of_registering(session: AsyncSession, row: RegistrationRow) -> OrganizationNames | None:
    """The names of what somebody registers for: the organization that is proved, or the billing service; None before that."""
    if row.billing_name is not None:
        return OrganizationNames(organization=(row.billing_name,), practitioners=(), is_sole_proprietor=False)
    return await organization_names(session, row.organization_id) if row.organization_id else None


async def still_good(session: AsyncSession, evidence: Evidence) -> bool:
    """Whether the evidence still proves what it proved: the payment not voided or reissued since, the letter used by this registration."""
    if evidence.released_at is not None:
        return False
    if evidence.kind == "billing":
        registration = await session.get(RegistrationRow, evidence.source_id)
        service = await session.get(Organization, evidence.organization_id)
        named = registration.billing_tin_digest if registration else None
        return service is not None and service.kind == "billing" and service.tin_digest == named
    if evidence.kind == "staff":
        case = await session.get(CaseRow, evidence.source_id)
        return case is not None and case.state == CaseState.ACCESS_GIVEN
    if evidence.kind == "letter":
        letter = await session.get(LetterRow, evidence.source_id)
        return letter is not None and letter.state == "used" and letter.registration_id == evidence.registration_id
    payment = await session.get(Payment, evidence.payment_id)
    return (
        payment is not None
        and payment.status == PaymentStatus.ISSUED
        and payment.organization_id == evidence.organization_id
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Newcomer:
    """Whose account is made: a confirmed address, and what the person attested."""

    name: str
    address: str
    email_digest: str
    attestation_version: str
    attested_at: datetime
    attests_own_name: bool


async def make_account(
    session: AsyncSession, vault: Vault, *, newcomer: Newcomer, credential: Credential, at: datetime
) -> Account:
    """The account with its password, second factor and recovery codes; it opens nothing yet."""
    account = Account(
        email_digest=newcomer.email_digest,
        email_sealed=vault.seal("email", newcomer.address),
        name_sealed=vault.seal("name", newcomer.name),
        password_hash=credential.password_hash,
        second_factor_sealed=credential.second_factor_sealed,
        second_factor_step=credential.second_factor_step or 0,
        attestation_version=newcomer.attestation_version,
        attested_at=newcomer.attested_at,
        attests_own_name=newcomer.attests_own_name,
        created_at=at,
    )
    session.add(account)
    await session.flush()
    for code in json.loads(vault.unseal("recovery", credential.recovery_sealed or b"")):
        session.add(RecoveryCode(account_id=account.id, digest=vault.digest("recovery", f"{account.id}\0{code}")))
    return account


async def open_account(
    session: AsyncSession,
    vault: Vault,
    *,
    row: RegistrationRow,
    credential: Credential,
    evidence: Evidence,
    at: datetime,
) -> tuple[MailDue, ...]:
    """Make the account and its access, and tell its owner. Returns the mails due."""
    account = await make_account(
        session,
        vault,
        newcomer=Newcomer(
            name=vault.unseal("name", row.name_sealed),
            address=vault.unseal("email", row.email_sealed),
            email_digest=row.email_digest,
            attestation_version=row.attestation_version,
            attested_at=row.started_at,
            attests_own_name=row.attests_own_name,
        ),
        credential=credential,
        at=at,
    )
    row.account_id = account.id
    words = ("billing_registered", "billing_welcome") if evidence.kind == "billing" else ("access_opened", "welcome")
    return await _open_access(session, vault, account=account, row=row, evidence=evidence, words=words, at=at)


async def add_access(
    session: AsyncSession, vault: Vault, *, row: RegistrationRow, account: Account, evidence: Evidence, at: datetime
) -> tuple[MailDue, ...]:
    """Open another TIN or NPI, or a billing service, for an account that there is already (P10, T4). Returns the mails due."""
    row.account_id = account.id
    words = ("billing_added", "billing_added") if evidence.kind == "billing" else ("access_added", "access_added")
    return await _open_access(session, vault, account=account, row=row, evidence=evidence, words=words, at=at)


async def has_access(session: AsyncSession, account_id: UUID, organization_id: UUID, npi: str | None) -> bool:
    """Whether the account sees this TIN, or this NPI of it, already."""
    rows = await session.scalars(
        select(col(Access.npi)).where(
            col(Access.account_id) == account_id,
            col(Access.organization_id) == organization_id,
            col(Access.status) == "open",
        )
    )
    return any(opened is None or opened == npi for opened in rows)


async def _open_access(
    session: AsyncSession,
    vault: Vault,
    *,
    account: Account,
    row: RegistrationRow,
    evidence: Evidence,
    words: tuple[str, str],
    at: datetime,
) -> tuple[MailDue, ...]:
    """The access row, and its owner told of it (message and mail as `words` say). Those who have access already: `db.newcomers`."""
    name, address = vault.unseal("name", account.name_sealed), vault.unseal("email", account.email_sealed)
    organization = await session.get_one(Organization, evidence.organization_id)
    session.add(
        Access(
            account_id=account.id,
            organization_id=organization.id,
            npi=evidence.npi,
            evidence_id=evidence.id,
            via=evidence.kind,
            opened_at=at,
        )
    )
    subject = f"registration/{row.id}"
    kind, purpose = words
    values = {"name": name, "organization": organization.name, "reference": row.reference}
    tell(session, vault, account_id=account.id, cause=f"{subject}:opened", kind=kind, values=values, at=at)
    due = [
        mails.make_due(
            session, vault, subject=subject, purpose=purpose, generation=1, recipient=address, values=values, at=at
        )
    ]
    return tuple(due)


def tell(
    session: AsyncSession,
    vault: Vault,
    *,
    account_id: UUID,
    cause: str,
    kind: str,
    values: dict[str, str],
    at: datetime,
) -> None:
    """Put a message into an account's message center; `cause` names the step, so that a repeated one can't make two."""
    session.add(
        Message(
            account_id=account_id,
            cause=cause,
            kind=kind,
            values_sealed=vault.seal("message", json.dumps(values)),
            at=at,
        )
    )
