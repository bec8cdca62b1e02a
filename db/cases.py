"""Tables of support cases: the projection of each workflow, and its timeline."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class CaseRow(SQLModel, table=True):
    """What a case's workflow has recorded of itself; only its records write here. `revision` is the workflow's.

    The case belongs to a registration or to an account. The Tax ID is kept as a digest (to find that it's listed
    meanwhile) and within the sealed form.
    """

    __tablename__ = "support_case"

    id: UUID = Field(primary_key=True)
    number: str = Field(max_length=20, unique=True)
    revision: int
    kind: str = Field(max_length=12)
    state: str = Field(max_length=24, index=True)
    registration_id: UUID | None = Field(default=None, foreign_key="registration.id", index=True)
    account_id: UUID | None = Field(default=None, foreign_key="account.id", index=True)
    form_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # CaseForm, as JSON
    tin_digest: str | None = Field(default=None, max_length=64, index=True)
    known_at_opening: bool = False  # the directory had the TIN already: staff look, nothing happens by itself (I16)
    linked_case_id: UUID | None = Field(default=None, foreign_key="support_case.id")  # an older open one for the TIN
    organization_id: UUID | None = Field(default=None, foreign_key="organization.id")  # once listed, or access given
    owner_id: UUID | None = Field(default=None, foreign_key="staff_account.id", index=True)
    proposal_id: UUID | None = None  # the staff decision that waits for a second person
    opened_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    waiting_since: datetime = Field(sa_type=UtcDateTime)  # for whom it waits now
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # None while the person is asked
    remind_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer_by: datetime | None = Field(default=None, sa_type=UtcDateTime)
    overdue: bool = False
    mail_failed: bool = False
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CaseEntry(SQLModel, table=True):
    """One line of a case's timeline, made by one recorded step. `what` selects the words."""

    __tablename__ = "case_entry"
    __table_args__ = (UniqueConstraint("case_id", "revision"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    case_id: UUID = Field(foreign_key="support_case.id", index=True)
    revision: int
    at: datetime = Field(sa_type=UtcDateTime)
    what: str = Field(max_length=24)
    staff_id: UUID | None = Field(default=None, foreign_key="staff_account.id")
    text_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    internal: bool = False  # for staff only
