"""Tables of authorizations: each request, the decisions given to it, staff's verdicts, and the access that it opened."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime

_OPEN = "state IN ('in_review', 'sent', 'undeliverable')"
_STANDING = "status IN ('open', 'held')"


class AuthorizationRow(SQLModel, table=True):
    """What an authorization's workflow has recorded of itself; only its records write here. `revision` is the workflow's."""

    __tablename__ = "provider_authorization"
    __table_args__ = (
        # One open request per billing service, provider's TIN and NPI, whoever of the service asks (T5, I6).
        Index(
            "authorization_one_open", "billing_id", "tin_digest", "scope", unique=True,
            sqlite_where=text(_OPEN), postgresql_where=text(_OPEN),
        ),
        # The list of clients: each order and the counts by status are read from an index alone, without the sealed columns.
        Index("authorization_newest", "billing_id", "is_newest", "requested_at", "id"),
        Index("authorization_by_name", "billing_id", "is_newest", "provider_key", "id"),
        Index("authorization_by_status", "billing_id", "is_newest", "state", "closing_code", "provider_key", "deadline", "id"),
        Index("authorization_by_contact", "contact_digest", "state"),
        Index("authorization_by_provider", "tin_digest", "state"),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    revision: int
    state: str = Field(max_length=13)
    billing_id: UUID = Field(foreign_key="organization.id", index=True)
    requester_id: UUID = Field(foreign_key="account.id", index=True)
    # The provider as the requester named it. Whether the directory knows it isn't looked at before somebody approves (I16).
    tin_digest: str = Field(max_length=64)  # Vault.digest("tin", nine digits)
    tin_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    npi: str | None = Field(default=None, max_length=10)
    scope: str = Field(max_length=10)  # the NPI, or nothing: an index takes two nulls for different ones
    provider_name: str = Field(max_length=200)
    provider_key: str = Field(max_length=200)  # the name in lower case without accents, to search and sort by
    contact_digest: str = Field(max_length=64)
    contact_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    contact_version: int = 1  # rises with each corrected address; links and decisions of older ones are void (I9)
    contact_rule: str = Field(max_length=40)  # id of the rule that decided on the contact's independence (T2)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    deadline: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    link_generation: int = 0
    link_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    delivery: str = Field(default="none", max_length=10)  # none, due, sent, delivered, bounced: of the newest link
    delivery_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    resends: int = 0
    resent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    corrections: int = 0
    reminders: int = 0  # sent to the contact
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    review_reason_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    previous_id: UUID | None = Field(default=None, foreign_key="provider_authorization.id")
    is_newest: bool = True  # of the requests of one billing service for one TIN and NPI
    organization_id: UUID | None = Field(default=None, foreign_key="organization.id", index=True)  # once approved
    decision_id: UUID | None = None  # the one that counted
    closing_code: str | None = Field(default=None, max_length=40)


class DecisionRow(SQLModel, table=True):
    """A decision as somebody gave it: evidence, written by the portal before the workflow is told (I3, I4).

    It can count once it's confirmed: the code mailed to the contact's mailbox was entered, or the account that gave it
    was signed in as an administrator of the provider.
    """

    __tablename__ = "authorization_decision"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    authorization_id: UUID = Field(foreign_key="provider_authorization.id", index=True)
    sitting_id: UUID = Field(index=True)  # decisions that one code confirms
    choice: str = Field(max_length=7)  # approve, decline
    via: str = Field(max_length=7)  # code, account
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    name_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    role_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # what they do at the provider
    attestation_version: str = Field(max_length=20)
    contact_version: int
    at: datetime = Field(sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = Field(default=None, max_length=10)  # applied, superseded, late, void; by the workflow's step


class ReviewVerdict(SQLModel, table=True):
    """What a member of staff says of a contact that a rule has doubts about; sending needs two of them (T2, B11)."""

    __tablename__ = "authorization_verdict"
    __table_args__ = (UniqueConstraint("authorization_id", "contact_version", "staff_id"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    authorization_id: UUID = Field(foreign_key="provider_authorization.id", index=True)
    contact_version: int
    staff_id: UUID = Field(foreign_key="staff_account.id")
    verdict: str = Field(max_length=6)  # send, refuse
    reason_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)


class GrantRow(SQLModel, table=True):
    """What a billing service may see of a provider: its TIN, or one NPI of it. Opened by an approval, never otherwise (I3)."""

    __tablename__ = "billing_grant"
    __table_args__ = (
        Index(
            "grant_one_standing", "billing_id", "organization_id", "scope", unique=True,
            sqlite_where=text(_STANDING), postgresql_where=text(_STANDING),
        ),
    )  # fmt: skip

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    reference: str = Field(max_length=20)  # the authorization's
    revision: int = 0
    authorization_id: UUID = Field(foreign_key="provider_authorization.id", unique=True)
    decision_id: UUID = Field(foreign_key="authorization_decision.id")
    billing_id: UUID = Field(foreign_key="organization.id", index=True)
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    npi: str | None = Field(default=None, max_length=10)
    scope: str = Field(max_length=10)
    status: str = Field(default="open", max_length=5)  # open, held, ended
    held_by: str | None = Field(default=None, max_length=9)  # provider, objection
    opened_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closing_code: str | None = Field(default=None, max_length=20)  # revoked, lapsed


class GrantObjection(SQLModel, table=True):
    """ "I did not ask for this": evidence, written by the portal before the workflow is told."""

    __tablename__ = "grant_objection"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    authorization_id: UUID = Field(foreign_key="provider_authorization.id", index=True)
    grant_id: UUID | None = Field(default=None, foreign_key="billing_grant.id")
    name_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)


class AuthorizationBatch(SQLModel, table=True):
    """A list of requests that came in one file; its workflow goes through the lines."""

    __tablename__ = "authorization_batch"

    id: UUID = Field(primary_key=True)
    billing_id: UUID = Field(foreign_key="organization.id", index=True)
    requester_id: UUID = Field(foreign_key="account.id")
    lines: int
    at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class BatchLine(SQLModel, table=True):
    """One line of a list and what became of it. `code` is empty until it was gone through, `ok` for a request made."""

    __tablename__ = "authorization_batch_line"

    batch_id: UUID = Field(primary_key=True, foreign_key="authorization_batch.id")
    number: int = Field(
        primary_key=True, sa_column_kwargs={"autoincrement": False}
    )  # as in the file; 0 keeps its titles
    line_sealed: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False)
    )  # JSON list: its values; of a malformed one why, and its cells
    code: str = Field(default="", max_length=40)
    field: str = Field(default="", max_length=20)  # what the defect is in
    authorization_id: UUID | None = Field(default=None)  # the request made, or the one that stands
