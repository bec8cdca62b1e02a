"""Remittance texts made by hand for the intake tests, facts, and the contents of a directory in a form that can be compared."""

from datetime import date
from typing import Any

from sqlalchemy import URL, create_engine, make_url, select
from sqlmodel import SQLModel

import db.directory  # noqa: F401 - registers the tables
from domain.directory import PaymentFact, PaymentMethod
from domain.identifiers import DocumentNumber, Npi, Tin, VendorNumber
from intake.remittance import read_remittances
from ops.keys import KeyedVault, Keyring

DIRECTORY_TABLES = (
    "organization",
    "organization_npi",
    "npi_record",
    "vendor",
    "practitioner",
    "location",
    "payment",
    "intake_file",
    "intake_reject",
)
VAULT = KeyedVault(Keyring({"t": bytes(range(32))}, "t"))
ISA = "ISA*00*          *00*          *ZZ*PAYER          *ZZ*RECEIVER       *260105*0930*^*00501*000000001*0*P*:~"
NPI, OTHER_NPI, TIN = "2123456784", "1234567893", "070000123"


def transaction(
    *,
    control: str = "0001",
    bpr: str = "BPR*I*1250.4*C*CHK************20260105",
    trn: str = "TRN*1*00778899*1070000001",
    payee: str = f"N1*PE*NORTHFIELD FAMILY CLINIC*XX*{NPI}",
    more: str = f"N3*12 MAIN ST*SUITE 4~N4*FAIRHAVEN*OH*439011234~REF*PQ*0012345~REF*TJ*{TIN}",
    claims: str = "LX*1~CLP*A1*1*200*100**12*9*11~NM1*QC*1*SECRETPATIENT*A****MI*W1",
    kind: str = "835",
    count: int | None = None,
) -> str:
    """One ST…SE; empty parts are left out and the segment count is right unless given."""
    payer = "N1*PR*MEADOWLARK HEALTH PLAN~N3*100 EXAMPLE PLAZA~N4*FAIRHAVEN*OH*43901~REF*EO*99"
    body = "~".join(part for part in (bpr, trn, "REF*EV*X", payer, payee, more, claims) if part)
    segments = body.count("~") + 3 if count is None else count
    return f"ST*{kind}*{control}~{body}~SE*{segments}*{control}~"


def interchange(*transactions: str, isa: str = ISA) -> str:
    return f"{isa}GS*HP*PAYER*RECEIVER*20260105*0930*1*X*005010X221A1~{''.join(transactions)}GE*{len(transactions)}*1~IEA*1*000000001~"


def read(text: str | bytes, *, chunk: int = 64) -> list[Any]:
    content = text if isinstance(text, bytes) else text.encode()
    chunks = (content[at : at + chunk] for at in range(0, len(content), chunk))
    return list(read_remittances(chunks, name="test.835"))


def read_one(text: str | bytes) -> Any:
    (only,) = read(text)
    return only


def payment(number: str = "778899", **changes: Any) -> PaymentFact:
    values: dict[str, Any] = {
        "document": DocumentNumber.parse(number),
        "method": PaymentMethod.CHECK,
        "amount_cents": 125_040,
        "issued_on": date(2026, 1, 5),
        "tin": Tin(TIN),
        "payee": "Northfield Family Clinic",
        "npi": Npi(NPI),
        "vendor_number": VendorNumber("12345"),
        "source": "test",
    }
    return PaymentFact(**(values | changes))


def sync_address(url: str) -> URL:
    address = make_url(url)
    return address.set(drivername="sqlite") if address.get_backend_name() == "sqlite" else address


def rows(url: str, table: str) -> list[dict[str, Any]]:
    """The rows of a table, in no order."""
    engine = create_engine(sync_address(url))
    try:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(SQLModel.metadata.tables[table])).mappings()]
    finally:
        engine.dispose()


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the directory says, without what differs from run to run: ids, times, random bytes of sealing."""
    owners = {row["id"]: row["tin_digest"] for row in rows(url, "organization")}
    dropped = {"id", "tin_sealed", "updated_at", "first_seen_at", "started_at", "finished_at", "loaded", "unchanged"}
    result: dict[str, list[tuple[Any, ...]]] = {}
    for table in DIRECTORY_TABLES:
        result[table] = sorted(
            (
                tuple(
                    str(owners[value] if name == "organization_id" else value)
                    for name, value in row.items()
                    if name not in dropped
                )
                for row in rows(url, table)
            ),
        )
    return result
