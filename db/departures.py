"""Tables of departures: what newcomers say of those who have accounts, who was told, what they answer, and each review."""

from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime

_IS_OPEN = "state IN ('open', 'contested')"


class ColleagueAnswer(SQLModel, table=True):
    """Why an existing account, or all of them, can't help a registrant. Opens and ends nothing by itself."""

    __tablename__ = "colleague_answer"
    __table_args__ = (UniqueConstraint("registration_id", "whom"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    registration_id: UUID = Field(foreign_key="registration.id", index=True)
    whom: str = Field(max_length=36)  # an account's id, or nothing for all
    reason: str = Field(max_length=14)
    text_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    at: datetime = Field(sa_type=UtcDateTime)


class DepartureReviewRow(SQLModel, table=True):
    """What a review's workflow has recorded of itself; made, at revision 0, with the newcomer's account.

    One open review per account and organization, however many newcomers say that the person has left.
    """

    __tablename__ = "departure_review"
    __table_args__ = (
        Index(
            "departure_review_one_open", "organization_id", "account_id", unique=True,
            sqlite_where=text(_IS_OPEN), postgresql_where=text(_IS_OPEN),
        ),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    reference: str = Field(max_length=20)  # of the first newcomer's registration
    revision: int
    state: str = Field(max_length=10, index=True)
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    announced_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    deadline: datetime = Field(sa_type=UtcDateTime)
    contested_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # from here on staff owe a decision
    mail_failed: bool = False  # the notice came back: nobody read it there
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closing_code: str | None = Field(default=None, max_length=40)


class DepartureClaim(SQLModel, table=True):
    """A newcomer's word that the person under review has left."""

    __tablename__ = "departure_claim"
    __table_args__ = (UniqueConstraint("review_id", "registration_id"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    review_id: UUID = Field(foreign_key="departure_review.id", index=True)
    registration_id: UUID = Field(foreign_key="registration.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class NewcomerNotice(SQLModel, table=True):
    """An existing account was told of a newcomer. `number` is the generation of the link in its mail."""

    __tablename__ = "newcomer_notice"
    __table_args__ = (UniqueConstraint("registration_id", "account_id"), UniqueConstraint("registration_id", "number"))

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    registration_id: UUID = Field(foreign_key="registration.id", index=True)
    number: int
    account_id: UUID = Field(foreign_key="account.id", index=True)
    organization_id: UUID = Field(foreign_key="organization.id")
    at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    code_generation: int = 0


class NewcomerAnswer(SQLModel, table=True):
    """What somebody answered to their notice: written once it's proved who they are, before any workflow is told."""

    __tablename__ = "newcomer_answer"
    __table_args__ = (UniqueConstraint("notice_id", "choice"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    notice_id: UUID = Field(foreign_key="newcomer_notice.id", index=True)
    choice: str = Field(max_length=6)
    via: str = Field(max_length=7)  # code, session
    at: datetime = Field(sa_type=UtcDateTime)


class DepartureDecision(SQLModel, table=True):
    """What one person of staff decided, written under that person's session before the workflow is told (I3)."""

    __tablename__ = "departure_decision"
    __table_args__ = (UniqueConstraint("review_id", "staff_id", "cause"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    review_id: UUID = Field(foreign_key="departure_review.id", index=True)
    staff_id: UUID = Field(foreign_key="staff_account.id")
    verdict: str = Field(max_length=7)
    reason_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    cause: str = Field(max_length=64)  # digest of the request's key: sent twice, it's one decision
    at: datetime = Field(sa_type=UtcDateTime)


class NewcomerRuling(SQLModel, table=True):
    """What one person of staff says of a newcomer to whom somebody objected, written under that person's session (I3).

    Keeping the access needs one of them, ending it two people's.
    """

    __tablename__ = "newcomer_ruling"
    __table_args__ = (UniqueConstraint("registration_id", "staff_id", "cause"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    revision: int = 0  # of the workflow that applies it
    registration_id: UUID = Field(foreign_key="registration.id", index=True)
    staff_id: UUID = Field(foreign_key="staff_account.id")
    verdict: str = Field(max_length=4)  # keep, end
    reason_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    cause: str = Field(max_length=64)  # digest of the request's key: sent twice, it's one ruling
    at: datetime = Field(sa_type=UtcDateTime)
    applied_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class NoticeLetterRow(SQLModel, table=True):
    """A letter to the address of record: about a newcomer, one for each registration that had colleagues to tell, or about
    a billing service's access to a provider of whom nobody has an account."""

    __tablename__ = "notice_letter"
    __table_args__ = (Index("notice_letter_by_grant", "grant_id", unique=True),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    registration_id: UUID | None = Field(default=None, foreign_key="registration.id", unique=True)
    grant_id: UUID | None = Field(
        default=None, sa_column_args=[ForeignKey("billing_grant.id", name="notice_letter_grant")]
    )
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    location_id: UUID = Field(foreign_key="location.id")
    names_departed: bool = False
    state: str = Field(default="due", max_length=12)  # due, handed_over, refused, returned
    planned_on: date
    until: datetime | None = Field(
        default=None, sa_type=UtcDateTime
    )  # of the time to object, where there is an end to it
    handed_over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    returned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    shop_reference: str = Field(default="", max_length=100)
