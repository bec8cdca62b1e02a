"""The check register: a CSV file of the payer's with one line for each payment, and what became of it."""

from collections.abc import Iterator
from typing import Final

from domain.directory import (
    Address,
    FileKind,
    PaymentFact,
    PaymentMethod,
    SetAside,
    cleaned_name,
    unfit_document,
)
from domain.identifiers import Amount, DocumentNumber, IdentifierError, Npi, Tin, VendorNumber
from domain.matching import PaymentStatus
from intake.table import Column, Row, RowError, TableLayout, day, read_rows

ADDRESS_COLUMNS: Final = (
    Column("address line 1", ("address1", "addressline", "address", "line1", "street", "mailingaddress")),
    Column("address line 2", ("address2", "line2", "suite")),
    Column("city", ("town",)),
    Column("state", ("statecode",)),
    Column("ZIP", ("zipcode", "postalcode")),
)

REGISTER: Final = TableLayout(
    FileKind.REGISTER,
    "check register",
    (
        Column(
            "number",
            ("checknumber", "checkno", "paymentnumber", "documentnumber", "tracenumber", "checkeftnumber"),
            required=True,
        ),
        Column("method", ("paymentmethod", "paymenttype", "type"), required=True),
        Column("date", ("issuedate", "checkdate", "paymentdate", "issuedon", "dateissued"), required=True),
        Column("amount", ("checkamount", "paymentamount", "netamount"), required=True),
        Column("TIN", ("taxid", "payeetin", "taxidnumber", "ein", "federaltaxid"), required=True),
        Column("vendor number", ("vendor", "vendorno", "vendorid", "payeenumber")),
        Column("NPI", ("payeenpi", "type2npi", "npinumber")),
        Column("payee", ("payeename", "name", "vendorname")),
        *ADDRESS_COLUMNS,
        Column("status", ("paymentstatus", "checkstatus")),
        Column("replaces", ("replacesnumber", "replacesnumberof", "replacementfor")),
    ),
)

_METHODS: Final = {
    "CHK": PaymentMethod.CHECK,
    "CHECK": PaymentMethod.CHECK,
    "ACH": PaymentMethod.ACH,
    "EFT": PaymentMethod.ACH,
    "FWT": PaymentMethod.WIRE,
    "WIRE": PaymentMethod.WIRE,
    "BOP": PaymentMethod.BANK_OPTION,
    "NON": PaymentMethod.NON_PAYMENT,
    "NOTICE": PaymentMethod.NON_PAYMENT,
}
_STATUSES: Final = {
    "": PaymentStatus.ISSUED,
    "ISSUED": PaymentStatus.ISSUED,
    "VOID": PaymentStatus.VOIDED,
    "VOIDED": PaymentStatus.VOIDED,
    "REISSUED": PaymentStatus.REISSUED,
}


def read_register(lines: Iterator[str], *, name: str) -> Iterator[PaymentFact | SetAside]:
    """The payments of a check register; `name` goes into their `source`."""
    for row in read_rows(lines, REGISTER):
        if isinstance(row, SetAside):
            yield row
            continue
        try:
            yield _payment(row, name=name)
        except RowError as error:
            yield SetAside(row.position, error.element, error.reason)


def row_address(row: Row) -> Address | None:
    """The address of a row with `ADDRESS_COLUMNS`; None if no letter could be sent there."""
    return Address.usable(
        line1=row["address line 1"],
        line2=row["address line 2"],
        city=row["city"],
        state=row["state"],
        zip_code=row["ZIP"],
    )


def row_tin(row: Row) -> Tin:
    try:
        return Tin.parse(row["TIN"])
    except IdentifierError as error:
        raise RowError("TIN", error.code) from None


def row_vendor_number(row: Row) -> VendorNumber:
    try:
        return VendorNumber.parse(row["vendor number"])
    except IdentifierError as error:
        raise RowError("vendor number", error.code) from None


def _payment(row: Row, *, name: str) -> PaymentFact:
    status = _STATUSES.get(row["status"].upper())
    if status is None:
        raise RowError("status", "status_unknown")
    method = _METHODS.get(row["method"].upper())
    if method is None:
        raise RowError("method", "method_unknown")
    amount_cents = _cents(row["amount"])
    issued_on = day(row["date"], "date")
    if issued_on is None:
        raise RowError("date", "date_missing")
    document = _document(row, "number")
    reason = unfit_document(document, method=method, amount_cents=amount_cents)
    # Registers often set the amount of a voided check to zero; it proves nothing any more anyway.
    if reason and not (reason == "amount_zero" and status is not PaymentStatus.ISSUED):
        raise RowError("number" if "np" in reason.split("_") else "amount", reason)
    replaces = _document(row, "replaces") if row["replaces"] else None
    if replaces == document:
        raise RowError("replaces", "replaces_itself")
    return PaymentFact(
        document=document,
        method=method,
        amount_cents=amount_cents,
        issued_on=issued_on,
        tin=row_tin(row),
        payee=cleaned_name(row["payee"]),
        npi=_npi(row["NPI"]) if row["NPI"] else None,
        vendor_number=row_vendor_number(row) if row["vendor number"] else None,
        address=row_address(row),
        status=status,
        replaces=replaces,
        source=f"{name}, {row.position}"[:300],
    )


def _cents(text: str) -> int:
    if text.startswith(("-", "(", "$-", "-$")):
        raise RowError("amount", "amount_negative")
    try:
        return Amount.parse(text).cents
    except IdentifierError as error:
        raise RowError("amount", error.code) from None


def _document(row: Row, column: str) -> DocumentNumber:
    if not row[column]:
        raise RowError(column, "number_missing")
    try:
        return DocumentNumber.parse(row[column])
    except IdentifierError as error:
        raise RowError(column, error.code) from None


def _npi(text: str) -> Npi:
    try:
        return Npi.parse(text)
    except IdentifierError as error:
        raise RowError("NPI", error.code) from None
