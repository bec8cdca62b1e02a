"""The matcher: whether what a person knows of a payment is what the directory says. Pure; it never tells which part failed."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from domain.identifiers import Amount, DocumentNumber, Ledger, Npi, Tin, VendorNumber


class PaymentStatus(StrEnum):
    """What became of a payment after it was issued."""

    ISSUED = "issued"
    VOIDED = "voided"
    REISSUED = "reissued"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PaymentClaim:
    """What the registrant typed. Exactly one of vendor number and NPI; a notice has an NPI and no amount (P3, P4). Never printed."""

    tin: Tin
    vendor: VendorNumber | None
    npi: Npi | None
    document: DocumentNumber
    amount: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PaymentFacts:
    """What the directory says of one payment and its payee, as far as the matcher needs it.

    `payee_vendors` are the payee's open vendor numbers, `payee_npis` its active Type 2 NPIs. Never printed.
    """

    payee_tin: Tin
    payee_vendors: frozenset[str]
    payee_npis: frozenset[str]
    ledger: Ledger
    number: str
    amount: Amount
    issued_on: date
    status: PaymentStatus
    vendor: str | None
    npi: str | None


def matches(claim: PaymentClaim, facts: PaymentFacts, *, today: date, max_age: timedelta) -> bool:
    """Whether the claim proves that the person holds this payment (P1, P3, P4, P5).

    The payment must be the claimed one, of the claimed TIN, still good, not older than `max_age`; a check or EFT
    needs its amount. A vendor number must be an open one of the payee and, where the payment names one, that
    one; likewise the NPI. A payment issued at TIN level names no NPI: any Type 2 NPI of the payee will do.
    """
    return all(
        (
            claim.document.ledger is facts.ledger,
            claim.document.number == facts.number,
            claim.tin == facts.payee_tin,
            facts.status is PaymentStatus.ISSUED,
            timedelta(0) <= today - facts.issued_on + timedelta(days=1),  # a payer east of here may date it tomorrow
            today - facts.issued_on <= max_age,
            facts.ledger is Ledger.NOTICE or claim.amount == facts.amount,
            _payee_matches(claim, facts),
        )
    )


def _payee_matches(claim: PaymentClaim, facts: PaymentFacts) -> bool:
    if claim.npi is not None and claim.vendor is None:
        return claim.npi.digits in facts.payee_npis and facts.npi in {None, claim.npi.digits}
    if claim.vendor is not None and claim.npi is None and facts.ledger is not Ledger.NOTICE:
        return claim.vendor.value in facts.payee_vendors and facts.vendor in {None, claim.vendor.value}
    return False
