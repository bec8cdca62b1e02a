"""A provider that bills for others, as a billing service besides: one member of staff proposes it, another one decides (T3, B11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit
from db.account_opening import tell
from db.accounts import Access, Account
from db.billing import BillingService
from db.billing_desk import BillingProposal
from db.directory import Organization
from db.registrations import Evidence
from db.staff import StaffAccount
from domain.cases import some_text
from domain.identifiers import IdentifierError, Tin
from domain.organization_name import organization_name
from domain.people import business_address, mailbox_key
from portal.contact_desk import SEALED_REASON
from portal.fields import Fields
from portal.gate import Gate, remember_key
from portal.refusals import Refusal
from portal.registering import reference_of
from portal.staff import StaffMember
from portal.staff import subject_of as staff_subject

_REASON_LENGTH: Final = 1000


class Choice(StrEnum):
    """What the second person says; the first one can only take it back."""

    CONFIRM = "confirm"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal that waits for a second person."""

    id: UUID
    name: str
    tin_masked: str
    administrator: str
    administrator_email: str
    proposed_by: str
    reason: str
    at: datetime
    may_confirm: bool


async def list_proposals(gate: Gate, staff: StaffMember) -> Sequence[ProposalView]:
    """The proposals that wait, the oldest first."""
    unseal = gate.vault.unseal
    async with gate.database.read() as session:
        rows = await session.execute(
            select(BillingProposal, Account, StaffAccount)
            .join(Account, col(Account.id) == col(BillingProposal.account_id))
            .join(StaffAccount, col(StaffAccount.id) == col(BillingProposal.proposed_by))
            .where(col(BillingProposal.decided_at).is_(None))
            .order_by(col(BillingProposal.at), col(BillingProposal.id))
            .limit(200)
        )
        return [
            ProposalView(
                id=row.id,
                name=row.name,
                tin_masked=Tin(unseal("tin", row.tin_sealed)).masked,
                administrator=unseal("name", account.name_sealed),
                administrator_email=unseal("email", account.email_sealed),
                proposed_by=unseal("name", proposer.name_sealed),
                reason=unseal(SEALED_REASON, row.reason_sealed),
                at=row.at,
                may_confirm=proposer.id != staff.id,
            )
            for row, account, proposer in rows.all()
        ]


async def propose(gate: Gate, staff: StaffMember, *, tin: str, name: str, email: str, reason: str, key: str) -> UUID:
    """Propose that a provider is a billing service, too, with an account that there is as its administrator.

    Raises `Refusal`: `invalid_fields`, `case_not_in_directory` (no provider has this Tax ID; whoever isn't one registers
    by themselves), `billing_service_registered`, `billing_proposal_waiting`, `key_reused`.
    """
    fields = Fields()
    parsed_tin = fields.read("tin", tin, Tin.parse)
    parsed_name = fields.read("name", name, organization_name)
    address = fields.read("email", email, _address)
    why = fields.read("reason", reason, lambda text: _reason(text, "Write how you know that they bill for others."))
    account = await _account(gate, address) if address else None
    if address and account is None:
        fields.add("email", "account_unknown", "No open account has this address. Its person registers first.")
    fields.check()
    assert parsed_tin is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert account is not None  # noqa: S101 - as above
    vault, now = gate.vault, gate.now()
    body = f"{parsed_tin.digits}\0{parsed_name}\0{account.id}\0{why}"
    proposal_id = UUID(hex=vault.digest("billing-proposal", f"{staff.id}\0{key}")[:32])
    digest = vault.digest("billing-tin", parsed_tin.digits)
    await remember_key(gate, scope=f"{staff.id.hex}/billing-proposal", key=key, body=body)
    try:
        async with gate.database.write() as session:
            if await session.get(BillingProposal, proposal_id) is not None:
                return proposal_id
            await _require_possible(gate, session, tin=parsed_tin.digits, billing_digest=digest)
            session.add(
                BillingProposal(
                    id=proposal_id, tin_digest=digest, tin_sealed=vault.seal("tin", parsed_tin.digits),
                    name=parsed_name or "", account_id=account.id, proposed_by=staff.id,
                    reason_sealed=vault.seal(SEALED_REASON, why or ""), at=now,
                )
            )  # fmt: skip
            await session.flush()
            await audit.append(
                session, at=now, actor=staff_subject(staff.id), action="billing.proposed",
                subject=_subject(proposal_id), account=str(account.id),
            )  # fmt: skip
    except IntegrityError:
        raise Refusal("billing_proposal_waiting") from None
    return proposal_id


async def decide(
    gate: Gate, staff: StaffMember, proposal_id: UUID, *, choice: str, reason: str, key: str
) -> UUID | None:
    """Confirm as a second person, or reject; returns the billing service that a confirmation made.

    Organization, evidence and the administrator's access are one transaction; everything is looked up again in it. The
    same person's repeated decision gets the same answer. No workflow has a part in it: nothing of any provider opens.
    Raises `Refusal`: `invalid_fields`, `not_found`, `case_same_person`, `billing_proposal_over`, `account_closed`,
    `case_not_in_directory`, `billing_service_registered`, `key_reused`.
    """
    fields = Fields()
    if choice not in {one.value for one in Choice}:
        fields.add("choice", "choice_missing", "Choose whether the billing service is made.")
    why = fields.read("reason", reason, lambda text: _reason(text, "Write what you found out."))
    fields.check()
    await remember_key(gate, scope=f"{proposal_id}/{staff.id.hex}/decision", key=key, body=f"{choice}\0{why}")
    now = gate.now()
    async with gate.database.write() as session:
        row = await session.get(BillingProposal, proposal_id, with_for_update=True)
        if row is None:
            raise Refusal("not_found")
        if row.decided_at is not None:
            if (row.decided_by, row.decision) == (staff.id, choice):
                return row.organization_id
            raise Refusal("billing_proposal_over")
        if choice == Choice.CONFIRM:
            if row.proposed_by == staff.id:
                raise Refusal("case_same_person")
            row.organization_id = await _make(gate, session, row, at=now)
        row.decision, row.decided_by, row.decided_at = choice, staff.id, now
        row.decided_reason_sealed = gate.vault.seal(SEALED_REASON, why or "")
        await audit.append(
            session, at=now, actor=staff_subject(staff.id), action="billing.proposal_decided",
            subject=_subject(row.id), choice=choice, organization=str(row.organization_id or ""),
        )  # fmt: skip
        return row.organization_id


async def _make(gate: Gate, session: AsyncSession, row: BillingProposal, *, at: datetime) -> UUID:
    vault = gate.vault
    tin = vault.unseal("tin", row.tin_sealed)
    await _require_possible(gate, session, tin=tin, billing_digest=row.tin_digest)
    account = await session.get(Account, row.account_id, with_for_update=True)
    if account is None or account.closed_at is not None:
        raise Refusal("account_closed")
    organization = Organization(
        id=uuid4(), kind="billing", tin_digest=row.tin_digest, tin_sealed=vault.seal("tin", tin), name=row.name,
        updated_at=at,
    )  # fmt: skip
    session.add(organization)
    await session.flush()
    session.add(BillingService(organization_id=organization.id, registered_at=at))
    evidence = Evidence(kind="staff", source_id=row.id, organization_id=organization.id, matched_at=at)
    session.add(evidence)
    await session.flush()
    session.add(
        Access(
            account_id=account.id, organization_id=organization.id, evidence_id=evidence.id, via="staff",
            role="administrator", opened_at=at,
        )
    )  # fmt: skip
    name = vault.unseal("name", account.name_sealed)
    values = {"name": name, "organization": row.name, "reference": reference_of(row.id, letter="B")}
    tell(
        session,
        vault,
        account_id=account.id,
        cause=f"{_subject(row.id)}:made",
        kind="billing_added",
        values=values,
        at=at,
    )
    return organization.id


async def _require_possible(gate: Gate, session: AsyncSession, *, tin: str, billing_digest: str) -> None:
    """A provider's Tax ID that no billing service has yet."""
    digest = gate.vault.digest("tin", tin)
    known = set(
        await session.scalars(
            select(col(Organization.tin_digest)).where(col(Organization.tin_digest).in_([digest, billing_digest]))
        )
    )
    if billing_digest in known:
        raise Refusal("billing_service_registered")
    if digest not in known:
        raise Refusal("case_not_in_directory")


async def _account(gate: Gate, address: str) -> Account | None:
    async with gate.database.read() as session:
        found: Account | None = await session.scalar(
            select(Account).where(
                col(Account.email_digest) == gate.vault.digest("email", mailbox_key(address)),
                col(Account.closed_at).is_(None),
            )
        )
    return found


def _address(text: str) -> str:
    """Somebody else's address; that it's one person's own is known from their account."""
    if not text.strip():
        raise IdentifierError("email_missing", "Enter their e-mail address.")
    return business_address(text)


def _reason(text: str, missing: str) -> str:
    return some_text(text, missing=missing, most=_REASON_LENGTH)


def _subject(proposal_id: UUID) -> str:
    return f"billing-proposal/{proposal_id}"
