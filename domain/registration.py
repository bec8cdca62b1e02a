"""A registration: its states, which may follow which, and the messages that move it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from domain.recording import Outcome, Payload, RecordCommand

ATTESTATION_VERSION: Final = "2026-11"
"""The text a person agrees to on the first page; a changed text gets a new version (P6)."""


class State(StrEnum):
    """Where a registration stands. The last five are final."""

    CONFIRMING_EMAIL = "confirming_email"
    PROVING = "proving"
    AWAITING_PIN = "awaiting_pin"
    SETTING_UP_ACCOUNT = "setting_up_account"
    SECURING_ACCOUNT = "securing_account"
    COMPLETED = "completed"
    EXPIRED = "expired"
    LOCKED = "locked"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"

    @property
    def is_final(self) -> bool:
        return not LEGAL[self]


_ALWAYS: Final = frozenset({State.EXPIRED, State.WITHDRAWN, State.LOCKED})

LEGAL: Final[dict[State, frozenset[State]]] = {
    State.CONFIRMING_EMAIL: _ALWAYS | {State.PROVING},
    # Straight to the end, where an account that there is gets another TIN or NPI (P10).
    State.PROVING: _ALWAYS | {State.AWAITING_PIN, State.SETTING_UP_ACCOUNT, State.COMPLETED, State.REJECTED},
    # A payment may turn up while the letter travels; and back when its letters can't be used any more.
    State.AWAITING_PIN: _ALWAYS | {State.SETTING_UP_ACCOUNT, State.PROVING, State.COMPLETED, State.REJECTED},
    # Back to PROVING when the payment that proved it is voided or reissued before the account is made, when somebody else
    # registers the same billing service first, and when the person was on the wrong path (T4).
    State.SETTING_UP_ACCOUNT: _ALWAYS | {State.SECURING_ACCOUNT, State.PROVING},
    State.SECURING_ACCOUNT: _ALWAYS | {State.SETTING_UP_ACCOUNT, State.COMPLETED, State.PROVING, State.REJECTED},
    State.COMPLETED: frozenset(),
    State.EXPIRED: frozenset(),
    State.LOCKED: frozenset(),
    State.REJECTED: frozenset(),
    State.WITHDRAWN: frozenset(),
}


class IllegalTransition(Exception):
    """A step that the table of legal transitions doesn't have: a defect, never a person's doing."""

    def __init__(self, current: State, wanted: State) -> None:
        super().__init__(f"a registration can't go from {current} to {wanted}")


def require_legal(current: State, wanted: State) -> None:
    """Raise `IllegalTransition` unless `wanted` is `current` or may follow it."""
    if wanted is not current and wanted not in LEGAL[current]:
        raise IllegalTransition(current, wanted)


class Code(StrEnum):
    """What became of a step, as clients see it; stable."""

    OK = "ok"
    CODE_WRONG = "code_wrong"
    CODE_EXPIRED = "code_expired"
    CODE_TRIES_USED = "code_tries_used"
    CODES_LIMIT = "codes_limit"
    PAYMENT_NO_MATCH = "payment_no_match"
    PAYMENT_PAUSED = "payment_paused"
    PAYMENT_LETTER_ONLY = "payment_letter_only"
    LOOK_UP_PAUSED = "look_up_paused"
    NAME_IS_ORGANIZATION = "name_is_organization"
    NAME_NEEDS_ATTESTATION = "name_needs_attestation"
    PROOF_NO_LONGER_GOOD = "proof_no_longer_good"
    EMAIL_TAKEN = "email_taken"
    SECOND_FACTOR_UNCONFIRMED = "second_factor_unconfirmed"
    LOCKED = "registration_locked"
    ORGANIZATION_NO_MATCH = "organization_no_match"
    NO_USABLE_ADDRESS = "no_usable_address"
    LETTERS_LIMIT = "letters_limit"
    PIN_WRONG = "pin_wrong"
    PIN_EXPIRED = "pin_expired"
    PIN_PAUSED = "pin_paused"
    PIN_LETTERS_LOCKED = "pin_letters_locked"
    PIN_TRIES_USED = "pin_tries_used"
    ACCESS_OPEN_ALREADY = "access_open_already"
    ACCOUNT_CLOSED = "account_closed"
    COLLEAGUES_UNANSWERED = "colleagues_unanswered"
    TIN_IS_PROVIDER = "tin_is_provider"
    BILLING_SERVICE_REGISTERED = "billing_service_registered"
    TOO_MANY_TRIES = "too_many_tries"
    TOO_MANY_OPEN = "too_many_open"


class RegistrationTerms(Payload):
    """The business waits of one registration, fixed when it begins."""

    code_life: timedelta = timedelta(minutes=10)
    life: timedelta = timedelta(days=30)
    resume_link_life: timedelta = timedelta(hours=24)
    pin_life: timedelta = timedelta(days=30)
    letter_reminder_after: timedelta = timedelta(days=14)
    letter_reminder_before_end: timedelta = timedelta(days=5)


class StartRegistration(Payload):
    """A person asks for an account: opens a registration that waits for the e-mail address to be confirmed."""

    registration_id: str
    reference: str
    name: str
    email: str
    attestation_version: str
    account_id: str | None = None  # a signed-in person adds a TIN or NPI to this account (P10)
    terms: RegistrationTerms = RegistrationTerms()


class LocationChoice(Payload):
    """An address of the directory that a letter may go to, masked so that only its people recognise it."""

    location_id: str
    masked: str


class StepResult(Payload):
    """The answer to a step. `accepted` is false for a refusal that counted or told; `code` says which."""

    accepted: bool
    code: Code
    state: State
    tries_left: int | None = None
    retry_at: datetime | None = None
    locations: tuple[LocationChoice, ...] = ()


class Ask(Payload):
    """A message that carries nothing but that it's genuine: only who holds the keys can seal one for this registration."""

    registration_id: str


class ConfirmEmail(Payload):
    """The code that was typed, as its keyed digest; the code itself stays outside Temporal (B10)."""

    code_digest: str


class ProvePayment(Payload):
    """What the person typed about a payment, already parsed: well-formed values only (P1, P3, P4)."""

    tin: str
    vendor: str | None = None
    npi: str | None = None
    ledger: Literal["payment", "notice"]
    number: str
    amount_cents: int | None = None
    caller_digest: str


class RegisterBillingService(Payload):
    """A billing service's own TIN and name, well formed (T3). Nothing proves them: it sees no provider until one says yes."""

    tin: str
    name: str
    caller_digest: str


class SetUpAccount(Payload):
    """The account's name, and the credential row that already holds the hashed password."""

    credential_id: str
    name: str
    attests_own_name: bool = False


class SecureAccount(Payload):
    """The credential row whose second factor the person has just confirmed."""

    credential_id: str


class RegistrationStep(RecordCommand):
    """What every recorded step of a registration carries."""

    registration_id: str


class RecordOpened(RegistrationStep):
    """Record a new registration; a code is due to its address."""

    start: StartRegistration
    deadline: datetime


class RecordCodeIssued(RegistrationStep):
    """Record that another code is due; earlier ones are void."""

    generation: int


class RecordCodeSent(RegistrationStep):
    """Record when the current code left, so that pages can say until when it works."""

    generation: int
    code_expires_at: datetime


class RecordMailFailed(RegistrationStep):
    """Record that the address refused its mail for good."""


class JudgeCode(RegistrationStep):
    """Count a try, then compare the code; a right one confirms the address."""

    generation: int
    code_digest: str
    code_expires_at: datetime | None
    deadline: datetime


class JudgePayment(RegistrationStep):
    """Count a try, then match the payment; a match claims it for this registration."""

    proof: ProvePayment
    deadline: datetime


class JudgeBillingService(RegistrationStep):
    """Count a try, then look whether the TIN is a provider's, or a billing service has it already."""

    billing: RegisterBillingService
    deadline: datetime


class RecordReconsidered(RegistrationStep):
    """Go back to proving: what was proved or claimed is let go, so that another path can be taken (T4)."""

    deadline: datetime


class RecordAccount(RegistrationStep):
    """Record name and credential of the account to be."""

    account: SetUpAccount
    deadline: datetime


class RecordCompleted(RegistrationStep):
    """Re-read the evidence and open account and access."""

    credential_id: str
    deadline: datetime


class RecordClosed(RegistrationStep):
    """Record a final state without access."""

    state: State
    by_system: bool = False  # its workflow is gone and can't end it itself: the person is told


class RecordCaseOutcome(RegistrationStep):
    """Record what a case of staff's came to; what it says is read again in the database."""

    outcome: Literal["listed", "declined", "access_given"]
    evidence_id: str
    deadline: datetime


class RecordResumeLink(RegistrationStep):
    """Record that a link to go on elsewhere is due."""

    generation: int
    expires_at: datetime


class Recorded(Outcome):
    """What a recorded step came to, the same however often it's tried."""

    state: State
    accepted: bool = True
    code: Code = Code.OK
    tries_left: int | None = None
    retry_at: datetime | None = None
    locations: tuple[LocationChoice, ...] = ()
    letter_id: str | None = None  # a letter that's now due
    has_colleagues: bool = False  # completed where there were accounts: they are told (`NewcomerDesk`)
    cases: tuple[str, ...] = ()  # open support cases of a registration that is over: they look again

    def step_result(self) -> StepResult:
        return StepResult(
            accepted=self.accepted,
            code=self.code,
            state=self.state,
            tries_left=self.tries_left,
            retry_at=self.retry_at,
            locations=self.locations,
        )


class RegistrationStatus(Payload):
    """What the workflow knows of itself; for staff and tests. Pages read the database."""

    state: State
    revision: int
    deadline: datetime
    mails_pending: int
