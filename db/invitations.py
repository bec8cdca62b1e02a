"""Tables of colleagues: the projection of each invitation, an account's consent to one, and each change made."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class InvitationRow(SQLModel, table=True):
    """What an invitation's workflow has recorded of itself; only its records write here. `revision` is the workflow's."""

    __tablename__ = "invitation"
    __table_args__ = (
        # One open invitation per mailbox and scope, whoever invites.
        Index(
            "invitation_one_open", "organization_id", "scope", "email_digest", unique=True,
            sqlite_where=text("state = 'sent'"), postgresql_where=text("state = 'sent'"),
        ),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    revision: int
    state: str = Field(max_length=10, index=True)
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    npi: str | None = Field(default=None, max_length=10)
    scope: str = Field(max_length=10)  # the NPI, or nothing: an index takes two nulls for different ones
    role: str = Field(max_length=13)  # administrator, member
    inviter_id: UUID = Field(foreign_key="account.id", index=True)
    email_digest: str = Field(max_length=64, index=True)
    email_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    started_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    deadline: datetime = Field(sa_type=UtcDateTime)
    generation: int = 1  # of the newest link
    resends: int = 0
    link_due_at: datetime = Field(sa_type=UtcDateTime)
    mail_failed: bool = False
    # What the invited colleague entered.
    name_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    attestation_version: str | None = Field(default=None, max_length=20)
    attested_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attests_own_name: bool = False
    account_id: UUID | None = Field(default=None, foreign_key="account.id")  # once accepted
    closing_code: str | None = Field(default=None, max_length=40)


class InvitationConsent(SQLModel, table=True):
    """A signed-in account's word that it accepts an invitation; written before the workflow is told, and read again there."""

    __tablename__ = "invitation_consent"

    id: UUID = Field(primary_key=True)
    invitation_id: UUID = Field(foreign_key="invitation.id", index=True)
    account_id: UUID = Field(foreign_key="account.id")
    attestation_version: str = Field(max_length=20)
    at: datetime = Field(sa_type=UtcDateTime)


class ColleagueChangeRow(SQLModel, table=True):
    """A change among colleagues: who did what to whom, and whether it was made."""

    __tablename__ = "colleague_change"

    id: UUID = Field(primary_key=True)
    revision: int
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    account_id: UUID = Field(foreign_key="account.id")
    actor_id: UUID = Field(foreign_key="account.id")
    role: str | None = Field(default=None, max_length=13)  # None: removed
    accepted: bool = False
    code: str = Field(default="", max_length=40)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime)
