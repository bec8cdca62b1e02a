"""Tables of the directory: the payer's own record of organizations, NPIs, vendor numbers, addresses and payments.

Only `intake/` writes providers here. TINs are kept as a keyed digest (to look up) and sealed (to show masked).
"""

from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class Organization(SQLModel, table=True):
    """A provider organization, known by its TIN; or a billing service, which the directory's TINs never lead to.

    A billing service's `tin_digest` has a purpose of its own ("billing-tin"): looking a provider up by its TIN can't find
    one, and an import that lists the same TIN makes another row.
    """

    __tablename__ = "organization"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    kind: str = Field(default="provider", max_length=8, sa_column_kwargs={"server_default": "provider"})  # or billing
    tin_digest: str = Field(unique=True, max_length=64)  # Vault.digest("tin" or "billing-tin", nine digits)
    tin_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name: str = Field(max_length=200)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class OrganizationNpi(SQLModel, table=True):
    """An NPI that the payer has seen with a TIN, in a payment, the vendor file or the check register."""

    __tablename__ = "organization_npi"

    organization_id: UUID = Field(sa_column=Column(ForeignKey("organization.id"), primary_key=True))
    npi: str = Field(primary_key=True, max_length=10, index=True)


class NpiRecord(SQLModel, table=True):
    """What NPPES says of an NPI: entity type (1 person, 2 organization), name, deactivation. NPPES never proves a TIN."""

    __tablename__ = "npi_record"

    npi: str = Field(primary_key=True, max_length=10)
    entity_type: str | None = Field(default=None, max_length=1)
    name: str = Field(default="", max_length=200)
    other_names: str = Field(default="", max_length=2000)  # one a line
    deactivated_on: date | None = None  # None also when it was reactivated since
    reactivated_on: date | None = None  # so that an older deactivation report can't deactivate it again


class Vendor(SQLModel, table=True):
    """A payee's vendor number. Closed ones prove nothing (rule P4)."""

    __tablename__ = "vendor"

    number: str = Field(primary_key=True, max_length=15)  # as VendorNumber.parse gives it
    organization_id: UUID = Field(sa_column=Column(ForeignKey("organization.id"), nullable=False, index=True))
    closed_on: date | None = None


class Practitioner(SQLModel, table=True):
    """A person who practises at an organization, from the vendor file; for the doctor's-name rule (P7)."""

    __tablename__ = "practitioner"

    organization_id: UUID = Field(sa_column=Column(ForeignKey("organization.id"), primary_key=True))
    name: str = Field(primary_key=True, max_length=200)


class Location(SQLModel, table=True):
    """A postal address of an organization, as structured fields (USPS Publication 28, upper case)."""

    __tablename__ = "location"
    __table_args__ = (UniqueConstraint("organization_id", "line1", "line2", "city", "state", "zip"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organization_id: UUID = Field(sa_column=Column(ForeignKey("organization.id"), nullable=False, index=True))
    line1: str = Field(max_length=100)
    line2: str = Field(default="", max_length=100)
    city: str = Field(max_length=60)
    state: str = Field(max_length=2)
    zip: str = Field(max_length=10)
    first_seen_at: datetime = Field(sa_type=UtcDateTime)


class Payment(SQLModel, table=True):
    """A check, an EFT payment or a non-payment notice that the payer issued."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("ledger", "number", "organization_id"),
        Index("payment_by_number", "ledger", "number"),
        Index(
            "payment_by_replaced",
            "organization_id",
            "replaces",
            sqlite_where=text("replaces IS NOT NULL"),
            postgresql_where=text("replaces IS NOT NULL"),
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    ledger: str = Field(max_length=7)  # Ledger
    number: str = Field(max_length=50)  # as DocumentNumber.parse gives it: no NP, no leading zeros
    method: str = Field(max_length=3)  # BPR04: CHK ACH FWT BOP NON
    amount_cents: int
    issued_on: date
    organization_id: UUID = Field(sa_column=Column(ForeignKey("organization.id"), nullable=False, index=True))
    npi: str | None = Field(default=None, max_length=10)  # None: issued at TIN level
    vendor_number: str | None = Field(default=None, max_length=15)
    status: str = Field(default="issued", max_length=8)  # issued, voided, reissued
    replaces: str | None = Field(
        default=None, max_length=50
    )  # number of the payment that this one was issued for again
    source: str = Field(default="", max_length=300)  # file name and transaction


class IntakeFile(SQLModel, table=True):
    """One file of the payer's that was read, by the SHA-256 of its bytes; a finished one is not read again."""

    __tablename__ = "intake_file"

    sha256: str = Field(primary_key=True, max_length=64)
    name: str = Field(max_length=300)
    kind: str = Field(max_length=20)
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    loaded: int = 0
    unchanged: int = 0
    set_aside: int = 0


class IntakeReject(SQLModel, table=True):
    """A record that was set aside: where it stood, which element, and why. Holds no value from the file."""

    __tablename__ = "intake_reject"

    sha256: str = Field(primary_key=True, max_length=64)
    position: str = Field(primary_key=True, max_length=60)  # transaction control number or line
    reason: str = Field(primary_key=True, max_length=60)  # stable code
    element: str = Field(max_length=30)
