"""Tables of registrations: the projection of each workflow, its evidence, credentials to be, and counters."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class RegistrationRow(SQLModel, table=True):
    """What a registration's workflow has recorded of itself; only its records write here. `revision` is the workflow's."""

    __tablename__ = "registration"

    id: UUID = Field(primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    revision: int
    state: str = Field(max_length=20, index=True)
    email_digest: str = Field(max_length=64, index=True)
    email_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    attestation_version: str = Field(max_length=20)
    started_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    deadline: datetime = Field(sa_type=UtcDateTime)
    code_generation: int = 1
    code_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mail_failed: bool = False
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    organization_id: UUID | None = Field(default=None, foreign_key="organization.id")
    npi: str | None = Field(default=None, max_length=10)
    # Whose addresses a letter may go to: the identifiers fit together, but nothing is proved by that.
    identified_id: UUID | None = Field(default=None, foreign_key="organization.id")
    identified_npi: str | None = Field(default=None, max_length=10)
    # The billing service that registers, in place of an organization that is proved; its row is made at the end (T3).
    billing_tin_digest: str | None = Field(default=None, max_length=64)  # Vault.digest("billing-tin", nine digits)
    billing_tin_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    billing_name: str | None = Field(default=None, max_length=200)
    for_account_id: UUID | None = Field(default=None, foreign_key="account.id", index=True)  # adds to this account
    account_id: UUID | None = Field(default=None, foreign_key="account.id")  # once completed
    attests_own_name: bool = False
    credential_id: UUID | None = None  # of the last account set-up that was accepted
    closing_code: str | None = Field(default=None, max_length=40)


class AppliedCommand(SQLModel, table=True):
    """The outcome of each recorded step, so that a repeated one changes nothing and answers the same."""

    __tablename__ = "applied_command"

    subject: str = Field(primary_key=True, max_length=80)
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    command: str = Field(max_length=60)  # its class; a step that isn't the recorded one gets no answer of it
    outcome: str = Field(sa_type=Text)  # what the step came to, as JSON


class Evidence(SQLModel, table=True):
    """What proves that a person belongs to an organization; access opens on nothing else (I3).

    A payment that isn't released can't be used by another registration (P1, I7). `source_id` names the letter,
    invitation or staff decision where there is no payment; for a billing service the registration in which it named itself.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        Index(
            "evidence_one_per_payment", "payment_id", unique=True,
            sqlite_where=text("released_at IS NULL"), postgresql_where=text("released_at IS NULL"),
        ),
    )  # fmt: skip

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    registration_id: UUID | None = Field(default=None, foreign_key="registration.id", index=True)
    kind: str = Field(max_length=10)  # payment, notice, letter, invitation, staff, billing
    payment_id: UUID | None = Field(default=None, foreign_key="payment.id")
    source_id: UUID | None = None
    organization_id: UUID = Field(foreign_key="organization.id")
    npi: str | None = Field(default=None, max_length=10)
    matched_at: datetime = Field(sa_type=UtcDateTime)
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Credential(SQLModel, table=True):
    """A password (hashed) and a second factor that become an account's when its registration completes."""

    __tablename__ = "credential"

    id: UUID = Field(primary_key=True)
    registration_id: UUID = Field(index=True)
    password_hash: str = Field(max_length=200)
    second_factor_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    second_factor_step: int | None = None  # the time step of the code that confirmed it
    recovery_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    created_at: datetime = Field(sa_type=UtcDateTime)


class Counter(SQLModel, table=True):
    """How often something was tried in the current window; counted before it's evaluated (I13)."""

    __tablename__ = "counter"

    scope: str = Field(primary_key=True, max_length=40)
    key: str = Field(primary_key=True, max_length=80)
    count: int
    window_ends_at: datetime = Field(sa_type=UtcDateTime)


class OneTimeSecret(SQLModel, table=True):
    """An e-mailed code or link: a digest to compare, and until it's sent its ciphertext."""

    __tablename__ = "one_time_secret"

    subject: str = Field(primary_key=True, max_length=80)
    purpose: str = Field(primary_key=True, max_length=20)  # code, resume
    generation: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str = Field(max_length=64, index=True)
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MailRow(SQLModel, table=True):
    """A mail that a recorded step made due. Its id is `subject:purpose:generation`, never a run's id."""

    __tablename__ = "mail"

    id: str = Field(primary_key=True, max_length=140)
    subject: str = Field(max_length=80, index=True)
    purpose: str = Field(max_length=40)
    recipient_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    values_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # JSON of str to str
    secret_purpose: str | None = Field(default=None, max_length=20)
    secret_generation: int | None = None
    # The left side of its Message-ID: how a delivery report that comes later names it. Mails of the first release have none.
    message_key: str | None = Field(default=None, max_length=32, index=True)
    state: str = Field(default="due", max_length=8)  # due, sent, refused
    due_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class IdempotencyKey(SQLModel, table=True):
    """The digest of the body that came with a caller's key; another body under the same key is refused (I2)."""

    __tablename__ = "idempotency_key"

    scope: str = Field(primary_key=True, max_length=120)
    key: str = Field(primary_key=True, max_length=80)
    body_digest: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)


class Draft(SQLModel, table=True):
    """What a registrant typed about the organization, kept so that nothing is typed twice. Proves nothing."""

    __tablename__ = "draft"

    registration_id: UUID = Field(primary_key=True)
    values_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # JSON of str to str
    at: datetime = Field(sa_type=UtcDateTime)
