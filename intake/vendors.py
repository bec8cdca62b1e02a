"""The vendor file: a CSV file of the payer's with one line for each vendor number and the organization behind it."""

from collections.abc import Iterator
from typing import Final

from domain.directory import FileKind, SetAside, VendorFact, cleaned_name
from domain.identifiers import IdentifierError, Npi
from intake.register import ADDRESS_COLUMNS, row_address, row_tin, row_vendor_number
from intake.table import Column, Row, RowError, TableLayout, day, read_rows

VENDORS: Final = TableLayout(
    FileKind.VENDORS,
    "vendor file",
    (
        Column("vendor number", ("vendor", "vendorno", "vendorid", "payeenumber", "number"), required=True),
        Column("TIN", ("taxid", "vendortin", "taxidnumber", "ein", "federaltaxid"), required=True),
        Column("name", ("vendorname", "organizationname", "organization", "payee", "payeename"), required=True),
        *ADDRESS_COLUMNS,
        Column("NPIs", ("npi", "npinumbers", "npilist", "type2npis")),
        Column("practitioners", ("practitioner", "practitionernames", "providers", "providernames")),
        Column("closed date", ("closed", "closedon", "dateclosed", "enddate", "terminationdate")),
    ),
)


def read_vendors(lines: Iterator[str]) -> Iterator[VendorFact | SetAside]:
    """The vendors of the file.

    An NPI that can't be one is set aside by itself and the rest of its line is loaded: the line may
    be the one that says that the vendor number is closed.
    """
    for row in read_rows(lines, VENDORS):
        if isinstance(row, SetAside):
            yield row
            continue
        try:
            yield from _vendor(row)
        except RowError as error:
            yield SetAside(row.position, error.element, error.reason)


def _vendor(row: Row) -> Iterator[VendorFact | SetAside]:
    number, tin = row_vendor_number(row), row_tin(row)
    name = cleaned_name(row["name"])
    if not name:
        raise RowError("name", "name_missing")
    closed_on = day(row["closed date"], "closed date")
    npis: list[Npi] = []
    for text in filter(None, (part.strip() for part in row["NPIs"].split(";"))):
        try:
            npis.append(Npi.parse(text))
        except IdentifierError as error:
            yield SetAside(row.position, "NPIs", error.code)
    practitioners = tuple(filter(None, (cleaned_name(part) for part in row["practitioners"].split(";"))))
    yield VendorFact(
        number=number,
        tin=tin,
        name=name,
        address=row_address(row),
        closed_on=closed_on,
        npis=tuple(dict.fromkeys(npis)),
        practitioners=tuple(dict.fromkeys(practitioners)),
    )
