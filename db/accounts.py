"""Tables of accounts: who has one, what it opens, its sessions and its messages."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class Account(SQLModel, table=True):
    """One person's account. One active account per e-mail address (I6)."""

    __tablename__ = "account"
    __table_args__ = (
        Index(
            "account_one_per_address", "email_digest", unique=True,
            sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    email_digest: str = Field(max_length=64)
    email_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    password_hash: str = Field(max_length=200)
    second_factor_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    second_factor_step: int = 0  # the last time step that was used; a code works once
    attestation_version: str = Field(max_length=20)
    attested_at: datetime = Field(sa_type=UtcDateTime)
    attests_own_name: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RecoveryCode(SQLModel, table=True):
    """A code that stands in once for the second factor."""

    __tablename__ = "recovery_code"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    digest: str = Field(primary_key=True, max_length=64)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Access(SQLModel, table=True):
    """The right of an account to see one TIN, or one Type 2 NPI of it where `npi` is named; opened on evidence (I3)."""

    __tablename__ = "access"
    __table_args__ = (UniqueConstraint("account_id", "evidence_id"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    npi: str | None = Field(default=None, max_length=10)
    evidence_id: UUID = Field(foreign_key="evidence.id")
    via: str = Field(max_length=10)  # the evidence's kind
    role: str = Field(
        default="administrator", max_length=13
    )  # administrator, member; whoever proved the TIN is the first
    status: str = Field(default="open", max_length=10)  # open, ended
    opened_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SessionRow(SQLModel, table=True):
    """A signed-in browser or client, or one that goes on with a registration. Only a digest of its token is kept."""

    __tablename__ = "session"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    token_digest: str = Field(max_length=64, unique=True)
    kind: str = Field(max_length=14)  # account, second_factor, registration
    subject_id: UUID = Field(index=True)  # the account's or registration's id
    client: str = Field(default="", max_length=80)  # browser or program, in words
    created_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Message(SQLModel, table=True):
    """A message in an account's message center; each change makes exactly one (T6). `kind` selects the words."""

    __tablename__ = "message"
    __table_args__ = (UniqueConstraint("account_id", "cause"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    cause: str = Field(max_length=140)  # the step that made it, so that a repeated step can't make two
    kind: str = Field(max_length=40)
    values_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # JSON of str to str
    at: datetime = Field(sa_type=UtcDateTime)
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
