"""Proving with a payment: look up what the directory says, let the matcher decide, claim the payment."""

from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.directory import NpiRecord, Organization, OrganizationNpi, Payment, Vendor
from db.registrations import Evidence
from domain.identifiers import Amount, DocumentNumber, Ledger, Npi, Tin, VendorNumber
from domain.limits import Limits
from domain.matching import PaymentClaim, PaymentFacts, PaymentStatus, matches
from domain.ports import Vault
from domain.registration import JudgePayment, ProvePayment


async def find_match(session: AsyncSession, vault: Vault, limits: Limits, cmd: JudgePayment) -> Payment | None:
    """The payment that the claim proves, or None.

    The same queries run whatever the claim holds, so that the time doesn't tell what is known (I16).
    """
    claim = _claim(cmd.proof)
    payee_id = await session.scalar(
        select(col(Organization.id)).where(col(Organization.tin_digest) == vault.digest("tin", claim.tin.digits))
    )
    candidates = (
        await session.execute(
            select(Payment, col(Organization.tin_sealed))
            .join(Organization, col(Organization.id) == col(Payment.organization_id))
            .where(col(Payment.ledger) == claim.document.ledger, col(Payment.number) == claim.document.number)
        )
    ).all()
    # A payee that isn't known is looked up like one that is.
    vendors, npis = await _payee_numbers(session, payee_id or uuid4())
    for payment, tin_sealed in candidates:
        facts = PaymentFacts(
            payee_tin=Tin(vault.unseal("tin", tin_sealed)),
            payee_vendors=vendors,
            payee_npis=npis,
            ledger=Ledger(payment.ledger),
            number=payment.number,
            amount=Amount(payment.amount_cents),
            issued_on=payment.issued_on,
            status=PaymentStatus(payment.status),
            vendor=payment.vendor_number,
            npi=payment.npi,
        )
        if matches(claim, facts, today=cmd.at.date(), max_age=limits.payment_max_age):
            return payment
    return None


def _claim(proof: ProvePayment) -> PaymentClaim:
    return PaymentClaim(
        tin=Tin(proof.tin),
        vendor=VendorNumber(proof.vendor) if proof.vendor else None,
        npi=Npi(proof.npi) if proof.npi else None,
        document=DocumentNumber(Ledger(proof.ledger), proof.number),
        amount=None if proof.amount_cents is None else Amount(proof.amount_cents),
    )


async def _payee_numbers(session: AsyncSession, payee_id: UUID) -> tuple[frozenset[str], frozenset[str]]:
    """The open vendor numbers and the active Type 2 NPIs of a payee. An NPI that NPPES doesn't list counts as Type 2."""
    vendors = await session.scalars(
        select(col(Vendor.number)).where(col(Vendor.organization_id) == payee_id, col(Vendor.closed_on).is_(None))
    )
    npis = await session.scalars(
        select(col(OrganizationNpi.npi))
        .outerjoin(NpiRecord, col(NpiRecord.npi) == col(OrganizationNpi.npi))
        .where(
            col(OrganizationNpi.organization_id) == payee_id,
            col(NpiRecord.deactivated_on).is_(None),
            col(NpiRecord.entity_type).is_distinct_from("1"),
        )
    )
    return frozenset(vendors), frozenset(npis)


async def claim_payment(session: AsyncSession, payment: Payment, cmd: JudgePayment) -> bool:
    """Tie the payment to the registration; False when another one holds it (two people using one check, P1)."""
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = (
        insert(Evidence)
        .values(
            id=uuid4(),
            registration_id=UUID(cmd.registration_id),
            kind=payment.ledger,
            payment_id=payment.id,
            organization_id=payment.organization_id,
            npi=cmd.proof.npi,
            matched_at=cmd.at,
        )
        .on_conflict_do_nothing()
        .returning(col(Evidence.id))
    )
    return (await session.execute(statement)).scalar_one_or_none() is not None


async def payee_of(
    session: AsyncSession, vault: Vault, *, tin: str, vendor: str | None, npi: str | None
) -> UUID | None:
    """The organization whose TIN and vendor number or Type 2 NPI these are, or None (P2). The same queries for any claim."""
    payee_id = await session.scalar(
        select(col(Organization.id)).where(col(Organization.tin_digest) == vault.digest("tin", tin))
    )
    vendors, npis = await _payee_numbers(session, payee_id or uuid4())
    belongs = (npi in npis) if vendor is None else (npi is None and vendor in vendors)
    return payee_id if belongs else None
