"""Tables of what staff do for billing services: raised limits, and ones that bill for others and are a provider, too (T3)."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime

_WAITING = "decided_at IS NULL"


class OpenLimitChange(SQLModel, table=True):
    """A member of staff lets a billing service have more open requests than the setting says, and says why."""

    __tablename__ = "billing_limit_change"

    id: UUID = Field(primary_key=True)  # from the request's key: sent twice, it's one change
    billing_id: UUID = Field(foreign_key="organization.id", index=True)
    staff_id: UUID = Field(foreign_key="staff_account.id")
    before: int
    after: int
    reason_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)


class BillingProposal(SQLModel, table=True):
    """A provider that bills for others shall be a billing service besides: one of staff proposes it, another one decides."""

    __tablename__ = "billing_proposal"
    __table_args__ = (
        Index(
            "billing_proposal_one_waiting", "tin_digest", unique=True,
            sqlite_where=text(_WAITING), postgresql_where=text(_WAITING),
        ),
    )  # fmt: skip

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tin_digest: str = Field(max_length=64)  # Vault.digest("billing-tin", nine digits)
    tin_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name: str = Field(max_length=200)
    account_id: UUID = Field(foreign_key="account.id")  # who will administer it
    proposed_by: UUID = Field(foreign_key="staff_account.id")
    reason_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)
    decision: str | None = Field(default=None, max_length=7)  # confirm, reject
    decided_by: UUID | None = Field(default=None, foreign_key="staff_account.id")
    decided_reason_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    organization_id: UUID | None = Field(default=None, foreign_key="organization.id")  # what a confirmation made
