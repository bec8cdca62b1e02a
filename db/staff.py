"""Tables of staff: who works for the payer, and what each decided about access."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class StaffAccount(SQLModel, table=True):
    """One member of staff. Made by the command line, set up by the person with a one-time link; one open account per address."""

    __tablename__ = "staff_account"
    __table_args__ = (
        Index(
            "staff_account_one_per_address", "email_digest", unique=True,
            sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    email_digest: str = Field(max_length=64)
    email_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    role: str = Field(max_length=10)  # agent, supervisor
    password_hash: str | None = Field(default=None, max_length=200)
    second_factor_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    second_factor_step: int = 0  # the last time step that was used; a code works once
    link_generation: int = 0  # of the newest set-up link; older ones are void
    created_at: datetime = Field(sa_type=UtcDateTime)
    ready_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # password and second factor are confirmed
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class StaffRecoveryCode(SQLModel, table=True):
    """A code that stands in once for the second factor of a member of staff."""

    __tablename__ = "staff_recovery_code"

    staff_id: UUID = Field(primary_key=True, foreign_key="staff_account.id")
    digest: str = Field(primary_key=True, max_length=64)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class StaffDecision(SQLModel, table=True):
    """One person's word on whether a case gets access, written under that person's session before any workflow is told (I3)."""

    __tablename__ = "staff_decision"
    __table_args__ = (UniqueConstraint("case_id", "staff_id", "cause"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    case_id: UUID = Field(foreign_key="support_case.id", index=True)
    staff_id: UUID = Field(foreign_key="staff_account.id")
    kind: str = Field(max_length=8)  # propose, confirm, reject
    # The proposal that a confirmation or rejection is about, as it stood when the person decided.
    proposal_id: UUID | None = Field(default=None, foreign_key="staff_decision.id")
    cause: str = Field(max_length=64)  # digest of the request's key: sent twice, it's one decision
    at: datetime = Field(sa_type=UtcDateTime)
    spent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # used, refused or void: it counts once
