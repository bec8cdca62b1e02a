"""Reading what was typed: every field is looked at, and all defects are told at once. Nothing is counted for them."""

from collections.abc import Callable
from typing import TypeVar

from domain.identifiers import Amount, DocumentNumber, IdentifierError, Ledger, Npi, Tin, VendorNumber
from domain.registration import ProvePayment
from portal.refusals import FieldDefect, Refusal

Value = TypeVar("Value")


class Fields:
    """Collects the defects of one form."""

    def __init__(self) -> None:
        self._defects: list[FieldDefect] = []

    def read(self, field: str, text: str, parse: Callable[[str], Value]) -> Value | None:
        """What `parse` makes of the text, or None with the defect noted."""
        try:
            return parse(text)
        except IdentifierError as error:
            self.add(field, error.code, error.message)
            return None

    def add(self, field: str, code: str, message: str) -> None:
        self._defects.append(FieldDefect(field, code, message))

    def check(self) -> None:
        """Raise `Refusal` (`invalid_fields`) if anything was wrong."""
        if self._defects:
            raise Refusal("invalid_fields", fields=tuple(self._defects))


def read_organization(
    fields: Fields, *, tin: str, vendor: str, npi: str
) -> tuple[Tin | None, VendorNumber | None, Npi | None]:
    """The Tax ID, and exactly one of vendor number and Type 2 NPI (P4)."""
    parsed_tin = fields.read("tin", tin, Tin.parse)
    if vendor.strip() and npi.strip():
        fields.add("vendor", "payee_both", "Enter the vendor number or the NPI, not both.")
        return parsed_tin, None, None
    if not vendor.strip() and not npi.strip():
        fields.add("vendor", "payee_missing", "Enter the vendor number or the Type 2 NPI.")
        return parsed_tin, None, None
    if npi.strip():
        return parsed_tin, None, fields.read("npi", npi, Npi.parse)
    return parsed_tin, fields.read("vendor", vendor, VendorNumber.parse), None


def read_proof(*, tin: str, vendor: str, npi: str, document: str, amount: str, caller_digest: str) -> ProvePayment:
    """A whole proof, well formed. Raises `Refusal` (`invalid_fields`); that costs no attempt (P1, P3, P4)."""
    fields = Fields()
    parsed_tin, parsed_vendor, parsed_npi = read_organization(fields, tin=tin, vendor=vendor, npi=npi)
    parsed_document = fields.read("document", document, DocumentNumber.parse)
    is_notice = parsed_document is not None and parsed_document.ledger is Ledger.NOTICE
    parsed_amount = None
    if is_notice:
        if parsed_vendor is not None:
            fields.add(
                "npi",
                "notice_needs_npi",
                "A non-payment notice is proved with the Type 2 NPI. Enter it instead of the vendor number.",
            )
    else:
        parsed_amount = fields.read("amount", amount, Amount.parse)
        if parsed_amount and not parsed_amount.cents:
            # Intake sets payments of nothing aside: no look-up can match, so none is counted.
            fields.add(
                "amount",
                "amount_zero",
                "A payment of $0.00 proves nothing. Enter the amount of the payment; for a non-payment notice, its number with NP.",
            )
    fields.check()
    # A check that passed left every field of a proof in place.
    assert parsed_tin is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert parsed_document is not None  # noqa: S101 - as above
    return ProvePayment(
        tin=parsed_tin.digits,
        vendor=parsed_vendor.value if parsed_vendor else None,
        npi=parsed_npi.digits if parsed_npi else None,
        ledger=parsed_document.ledger.value,
        number=parsed_document.number,
        amount_cents=parsed_amount.cents if parsed_amount else None,
        caller_digest=caller_digest,
    )
