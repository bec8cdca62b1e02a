"""What requests and answers look like. Requests know their fields and no others; nothing typed is said back in errors."""

from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.registration import State
from portal.account import AccessView, AccountView, MessageView
from portal.registering import Started
from portal.registration_view import RegistrationView
from portal.sessions import OpenSession, Principal


def _request(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, json_schema_extra={"examples": [example]})


def _answer(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


OPEN_STEPS: Final[dict[State, tuple[str, ...]]] = {
    State.CONFIRMING_EMAIL: ("email-confirmation", "email-code", "withdrawal"),
    State.PROVING: ("payment-proof", "letter-addresses", "letters", "billing-service", "withdrawal"),
    State.AWAITING_PIN: ("pin", "payment-proof", "letter-addresses", "letters", "billing-service", "withdrawal"),
    State.SETTING_UP_ACCOUNT: ("account", "reconsider", "withdrawal"),
    State.SECURING_ACCOUNT: ("second-factor", "account", "reconsider", "withdrawal"),
    State.COMPLETED: ("recovery-codes", "recovery-codes/saved"),
    State.EXPIRED: (),
    State.LOCKED: (),
    State.REJECTED: (),
    State.WITHDRAWN: (),
}
"""The steps that are open in each state, the best first, as the last part of their addresses."""

_BY_LETTER: Final = frozenset({"letter-addresses", "letters", "pin"})


def open_steps(state: State, *, letters_over: bool) -> list[str]:
    """The steps that are open; once its PINs were tried too often no letter proves a registration any more."""
    return [step for step in OPEN_STEPS[state] if not (letters_over and step in _BY_LETTER)]


_ID = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"
_MESSAGE_ID = "0b6f2c51-7d3e-4a55-9c7e-2f4f0f8f3a10"
_AT = "2026-11-23T15:04:05Z"
_TOKEN = "q5mZk0Yc9b1rXv3T7wQy2LhN8sPd4GfJ6aEuVtRiOoM"  # noqa: S105 - an example

OpenSteps = Annotated[
    list[str], Field(description="Steps that are open now, the best first: the last part of their addresses.")
]


# --- registering


class RegistrationRequest(BaseModel):
    """Who wants an account."""

    model_config = _request(name="Jo Example", email="jo@clinic.example.org", attested=True)

    name: str = Field(max_length=200, description="Your own full name.")
    email: str = Field(max_length=320, description="Your own e-mail address; a code is sent to it.")
    attested: bool = Field(description="That the account is for yourself and nobody else will use it.")


class RegistrationStarted(BaseModel):
    """A registration has begun."""

    model_config = _answer(
        id=_ID, reference="R-7K3M-9QXW", token=_TOKEN, state="confirming_email", open_steps=["email-confirmation", "email-code", "withdrawal"]
    )  # fmt: skip

    id: UUID
    reference: str = Field(description="How to name this registration on the telephone.")
    token: str = Field(description="Bearer token for this registration's other routes.")
    state: State
    open_steps: OpenSteps

    @classmethod
    def of(cls, started: Started) -> Self:
        state = started.result.state
        return cls(
            id=started.registration_id, reference=started.reference, token=started.token, state=state, open_steps=list(OPEN_STEPS[state])
        )  # fmt: skip


class RegistrationAnswer(BaseModel):
    """Where a registration stands."""

    model_config = _answer(
        id=_ID, reference="R-7K3M-9QXW", state="setting_up_account", open_steps=["account", "reconsider", "withdrawal"], name="Jo Example",
        email="jo@clinic.example.org", started_at=_AT, deadline="2026-12-23T15:04:05Z", code_expires_at=None, mail_failed=False,
        paused_until=None, organization="Northfield Clinic", tin_masked="•••••0001", npi=None, is_billing=False, closing_code=None,
    )  # fmt: skip

    id: UUID
    reference: str
    state: State
    open_steps: OpenSteps
    name: str
    email: str
    started_at: datetime
    deadline: datetime = Field(description="When the registration closes if nothing more is done.")
    code_expires_at: datetime | None = Field(description="Until when the newest e-mailed code works, once it has left.")
    mail_failed: bool = Field(description="That the address refused our mail for good.")
    paused_until: datetime | None = Field(description="Until when proving with a payment is paused.")
    organization: str | None = Field(
        description="The organization once it's proved, or the billing service once it's accepted."
    )
    tin_masked: str | None
    npi: str | None
    is_billing: bool = Field(description="That a billing service registers; no provider is proved then.")
    closing_code: str | None = Field(description="Why the registration ended, if it did without an account.")

    @classmethod
    def of(cls, view: RegistrationView) -> Self:
        return cls(
            id=view.id, reference=view.reference, state=view.state,
            open_steps=open_steps(view.state, letters_over=view.letters_over), name=view.name, email=view.email, started_at=view.started_at, deadline=view.deadline, code_expires_at=view.code_expires_at,
            mail_failed=view.mail_failed, paused_until=view.paused_until, organization=view.organization,
            tin_masked=view.tin_masked, npi=view.npi, is_billing=view.is_billing, closing_code=view.closing_code,
        )  # fmt: skip


class StepDone(BaseModel):
    """A step was accepted."""

    model_config = _answer(state="setting_up_account", open_steps=["account", "reconsider", "withdrawal"])

    state: State = Field(description="Where the registration stands now.")
    open_steps: OpenSteps

    @classmethod
    def of(cls, state: State) -> Self:
        return cls(state=state, open_steps=list(OPEN_STEPS[state]))


class CodeRequest(BaseModel):
    """The code from the newest e-mail."""

    model_config = _request(code="123 456")

    code: str = Field(max_length=40, description="Six digits; spaces and dashes don't matter.")


class PaymentProofRequest(BaseModel):
    """A payment or a non-payment notice, as it's printed."""

    model_config = _request(tin="00-1234567", vendor="V1234", document="0012345", amount="1,234.56")

    tin: str = Field(max_length=40, description="The organization's Tax ID.")
    vendor: str = Field("", max_length=60, description="The vendor number from the check; either this or `npi`.")
    npi: str = Field("", max_length=40, description="The Type 2 NPI; either this or `vendor`. A notice needs it.")
    document: str = Field(
        max_length=80, description="Number of the check, EFT trace or notice (notices begin with NP)."
    )
    amount: str = Field("", max_length=40, description="The payment's amount; not for a notice.")


class BillingServiceRequest(BaseModel):
    """A billing service, as it calls itself. No NPI: it sees no provider until one says yes."""

    model_config = _request(name="Harbor Billing", tin="00-7654321")

    name: str = Field(max_length=400, description="The name that the billing service goes by.")
    tin: str = Field(max_length=40, description="The billing service's own Tax ID, never a client's.")


class AccountRequest(BaseModel):
    """Name and password of the account to be."""

    model_config = _request(name="Jo Example", password="seven quiet harbour lanterns", attests_own_name=False)  # noqa: S106 - an example

    name: str = Field(max_length=200, description="Your own full name.")
    password: str = Field(max_length=1000, description="A password of at least 8 characters that isn't easy to guess.")
    attests_own_name: bool = Field(
        False, description="That you are the practitioner of this organization who has this name."
    )


class SecondFactorAnswer(BaseModel):
    """What an authenticator app needs."""

    model_config = _answer(
        secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",  # noqa: S106 - an example
        uri="otpauth://totp/Northwind:jo%40clinic.example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Northwind",
    )

    secret: str = Field(description="The key to type into the app.")
    uri: str = Field(description="The same as an address, for a QR code.")


class RecoveryCodesAnswer(BaseModel):
    """Codes that stand in for the second factor, each once."""

    model_config = _answer(codes=["k3m9q-x7w2p", "4hr8t-vn6zc"])

    codes: list[str]


# --- going on elsewhere


class ResumeLinkRequest(BaseModel):
    """Whose registrations are to be gone on with."""

    model_config = _request(email="jo@clinic.example.org") | {
        "json_schema_extra": {"examples": [{"email": "jo@clinic.example.org"}, {"email": "R-7K3M-9QXW-2B4C"}]}
    }

    email: str = Field(
        max_length=320,
        description="The address that was registered with, or in its place the registration's reference, however it's typed.",
    )


class ResumeLinkAnswer(BaseModel):
    """The request was taken; if there is such an open registration, a link is mailed to its own address."""

    model_config = _answer(accepted=True)

    accepted: bool = True


class ResumeRequest(BaseModel):
    """The token of a followed link."""

    model_config = _request(token=_TOKEN)

    token: str = Field(min_length=1, max_length=200, description="What stands behind the last slash or # of the link.")


class Resumed(BaseModel):
    """A session of the registration that the link was for."""

    model_config = _answer(id=_ID, token=_TOKEN)

    id: UUID
    token: str = Field(description="Bearer token for this registration's routes.")


# --- signing in


class SignInRequest(BaseModel):
    """Address and password."""

    model_config = _request(email="jo@clinic.example.org", password="seven quiet harbour lanterns")  # noqa: S106 - an example

    email: str = Field(max_length=320)
    password: str = Field(max_length=1000)


class PendingSession(BaseModel):
    """The password was right; the second factor is still to come."""

    model_config = _answer(token=_TOKEN)

    token: str = Field(description="Bearer token for `POST /sessions/second-factor`; good for ten minutes.")


class SecondFactorRequest(BaseModel):
    """A code of the authenticator app, or a recovery code."""

    model_config = _request(code="123456")

    code: str = Field(max_length=60)


class SignedInAnswer(BaseModel):
    """A full session."""

    model_config = _answer(token=_TOKEN)

    token: str = Field(description="Bearer token for everything of the account; ends after 15 minutes without use.")


class SessionAnswer(BaseModel):
    """A browser or program that is signed in."""

    model_config = _answer(id=_ID, client="Firefox on Windows", created_at=_AT, used_at=_AT, current=True)

    id: UUID
    client: str = Field(description="Browser or program in words.")
    created_at: datetime
    used_at: datetime
    current: bool = Field(description="That this request came with it.")

    @classmethod
    def of(cls, session: OpenSession, principal: Principal) -> Self:
        return cls(
            id=session.id, client=session.client, created_at=session.created_at, used_at=session.used_at,
            current=session.id == principal.session_id,
        )  # fmt: skip


class SessionsAnswer(BaseModel):
    """The account's sessions, the most recently used first."""

    model_config = _answer(
        sessions=[{"id": _ID, "client": "Firefox on Windows", "created_at": _AT, "used_at": _AT, "current": True}]
    )

    sessions: list[SessionAnswer]


# --- the account


class AccountAnswer(BaseModel):
    """The signed-in person's own account."""

    model_config = _answer(
        id=_ID,
        name="Jo Example",
        email="jo@clinic.example.org",
        created_at=_AT,
        recovery_codes_left=10,
        unread_messages=1,
    )

    id: UUID
    name: str
    email: str
    created_at: datetime
    recovery_codes_left: int
    unread_messages: int

    @classmethod
    def of(cls, view: AccountView) -> Self:
        return cls(
            id=view.id, name=view.name, email=view.email, created_at=view.created_at,
            recovery_codes_left=view.recovery_codes_left, unread_messages=view.unread_messages,
        )  # fmt: skip


class AccessRow(BaseModel):
    """The right to see one Tax ID, or one Type 2 NPI of it."""

    model_config = _answer(
        id=_ID, kind="provider", organization="Northfield Clinic", tin_masked="•••••0001", npi=None, via="payment", status="open", opened_at=_AT,
        ended_at=None,
    )  # fmt: skip

    id: UUID
    kind: str = Field(description="`provider`, or `billing` for a billing service, which opens no provider by itself.")
    organization: str
    tin_masked: str
    npi: str | None = Field(description="Null: all of the Tax ID.")
    via: str = Field(
        description="What it was proved with: `payment`, `notice`, `letter`, `invitation`, `staff`, or `billing` for a billing service's own word."
    )
    status: str = Field(description="`open` or `ended`.")
    opened_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, view: AccessView) -> Self:
        return cls(
            id=view.id, kind=view.kind, organization=view.organization, tin_masked=view.tin_masked, npi=view.npi, via=view.via,
            status=view.status, opened_at=view.opened_at, ended_at=view.ended_at,
        )  # fmt: skip


class AccessAnswer(BaseModel):
    """The account's access rows."""

    model_config = _answer(
        access=[
            {
                "id": _ID, "kind": "provider", "organization": "Northfield Clinic", "tin_masked": "•••••0001", "npi": None, "via": "payment",
                "status": "open", "opened_at": _AT, "ended_at": None,
            }
        ]
    )  # fmt: skip

    access: list[AccessRow]


class MessageAnswer(BaseModel):
    """A message in the message center."""

    model_config = _answer(
        id=_MESSAGE_ID,
        kind="access_opened",
        subject="Your access is open",
        paragraphs=["You can see Northfield Clinic now."],
        at=_AT,
        read_at=None,
    )

    id: UUID
    kind: str = Field(description="Stable name of what happened.")
    subject: str
    paragraphs: list[str] = Field(description="The message in words.")
    at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, view: MessageView) -> Self:
        return cls(
            id=view.id,
            kind=view.kind,
            subject=view.subject,
            paragraphs=list(view.paragraphs),
            at=view.at,
            read_at=view.read_at,
        )


class MessagesAnswer(BaseModel):
    """The account's messages, the newest first."""

    model_config = _answer(
        messages=[
            {"id": _MESSAGE_ID, "kind": "access_opened", "subject": "Your access is open", "paragraphs": ["You can see Northfield Clinic now."], "at": _AT, "read_at": None}
        ]
    )  # fmt: skip

    messages: list[MessageAnswer]
