"""A billing service's request for access to a provider: its states, which may follow which, and the messages that move it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, Protocol

from domain.recording import Outcome, Payload, RecordCommand

ATTESTATION_VERSION: Final = "2026-11"
"""The text that the deciding person agrees to; a changed text gets a new version (T2)."""


class State(StrEnum):
    """Where a request stands. The last four are final."""

    IN_REVIEW = "in_review"  # staff look at the contact before anything is sent (T2)
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"  # the contact's mail came back; the requester has a way on (B5)
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return not LEGAL[self]


_ENDS: Final = frozenset({State.APPROVED, State.DECLINED, State.EXPIRED, State.CANCELLED})

LEGAL: Final[dict[State, frozenset[State]]] = {
    # A provider's administrator may decide while staff still look at the contact.
    State.IN_REVIEW: _ENDS | {State.SENT},
    State.SENT: _ENDS | {State.IN_REVIEW, State.UNDELIVERABLE},
    State.UNDELIVERABLE: _ENDS | {State.IN_REVIEW, State.SENT},
    **{state: frozenset() for state in _ENDS},
}

OPEN: Final = frozenset(state for state in State if not state.is_final)


class IllegalTransition(Exception):
    """A step that the table of legal transitions doesn't have: a defect, never a person's doing."""

    def __init__(self, current: State, wanted: State) -> None:
        super().__init__(f"an authorization can't go from {current} to {wanted}")


def require_legal(current: State, wanted: State) -> None:
    """Raise `IllegalTransition` unless `wanted` is `current` or may follow it."""
    if wanted is not current and wanted not in LEGAL[current]:
        raise IllegalTransition(current, wanted)


class Code(StrEnum):
    """What became of a step, as clients see it; stable."""

    OK = "ok"
    NOT_BILLING = "not_billing_service"
    ALREADY_OPEN = "authorization_open"
    ALREADY_GRANTED = "authorization_granted"
    COOL_DOWN = "authorization_cool_down"
    OPEN_LIMIT = "authorizations_open_limit"
    REQUESTS_LIMIT = "authorizations_limit"
    CONTACT_LIMIT = "authorization_contact_limit"
    CONTACT_OWN_PERSON = "contact_own_person"
    CONTACT_OWN_DOMAIN = "contact_own_domain"
    CONTACT_UNCHANGED = "contact_unchanged"  # a correction to the mailbox that is asked already
    OWN_TIN = "authorization_own_tin"  # the billing service's own, named as a provider's
    RESEND_LIMIT = "authorization_resend_limit"
    RESEND_PAUSE = "authorization_resend_pause"
    CORRECTIONS_LIMIT = "authorization_corrections_limit"
    CODES_LIMIT = "codes_limit"
    IN_REVIEW = "authorization_in_review"
    NOT_IN_REVIEW = "authorization_not_in_review"
    # Why a request ended.
    CONTACT_REFUSED = "authorization_contact_refused"  # by staff
    PROVIDER_UNKNOWN = "authorization_provider_unknown"  # approved, but the directory has no such provider
    SERVICE_GONE = "authorization_service_gone"  # nobody of the billing service has access any more
    # What became of a decision.
    SUPERSEDED = "decision_superseded"
    LATE = "decision_late"
    VOID = "decision_void"


NEVER_SENT: Final = frozenset(
    {
        Code.NOT_BILLING,
        Code.ALREADY_OPEN,
        Code.ALREADY_GRANTED,
        Code.COOL_DOWN,
        Code.OPEN_LIMIT,
        Code.REQUESTS_LIMIT,
        Code.CONTACT_LIMIT,
        Code.CONTACT_OWN_PERSON,
        Code.CONTACT_OWN_DOMAIN,
        Code.OWN_TIN,
    }
)
"""Why a request ended before anything was sent: refused, so that nobody but its requester heard of it."""


class AuthorizationTerms(Payload):
    """The business waits of one request, fixed when it begins."""

    life: timedelta = timedelta(days=30)
    contact_reminders: tuple[timedelta, ...] = (timedelta(days=7), timedelta(days=14), timedelta(days=25))
    requester_reminders: tuple[timedelta, ...] = (timedelta(days=14), timedelta(days=25), timedelta(days=29))
    code_life: timedelta = timedelta(minutes=10)


class StartAuthorization(Payload):
    """A person of a billing service asks for access to a provider: its TIN, or one Type 2 NPI of it (T1).

    `review_reason` asks staff to look at a contact whose domain is the service's own (a health system that shares one).
    """

    authorization_id: str
    reference: str
    billing_id: str
    requester_id: str
    tin: str
    npi: str | None = None
    provider_name: str
    contact: str
    review_reason: str | None = None
    terms: AuthorizationTerms = AuthorizationTerms()


class AuthorizationResult(Payload):
    """The answer to a step. `accepted` is false for a refusal that was looked at; `code` says which.

    `standing_id` is the request or access that stands in the way, where there is one: the same billing service's.
    """

    accepted: bool
    code: Code
    state: State
    standing_id: str | None = None
    retry_at: datetime | None = None


class AskAuthorization(Payload):
    """A message that carries nothing but that it's genuine: only who holds the keys can seal one for this request."""

    authorization_id: str


class ByPerson(Payload):
    """Somebody of the billing service, or of staff, sends the mail again or ends the request."""

    authorization_id: str
    account_id: str | None = None
    staff_id: str | None = None


class CorrectContact(Payload):
    """Another address for the contact; it's judged again, and links to the old one are dead (I9)."""

    authorization_id: str
    account_id: str | None = None
    staff_id: str | None = None
    contact: str
    review_reason: str | None = None


class GiveVerdict(Payload):
    """Staff looked at the contact. What they say is in the database, written under their session."""

    authorization_id: str
    verdict_id: str


class AskDecisionCode(Payload):
    """The contact has filled the form and wants the code that confirms what it says."""

    authorization_id: str
    sitting_id: str


class DecisionGiven(Payload):
    """Somebody decided. The decision is in the database, written where it was proved who gave it."""

    decision_id: str


class MailReported(Payload):
    """What the receiving side told later of a mail that it had taken."""

    mail_id: str
    event: Literal["delivered", "bounced"]


class AuthorizationStep(RecordCommand):
    """What every recorded step of a request carries."""

    authorization_id: str


class RecordRequested(AuthorizationStep):
    """Record a new request: refuse it, have staff look at its contact, or have the link sent."""

    start: StartAuthorization
    deadline: datetime


class RecordResent(AuthorizationStep):
    """Record that another link is due; earlier ones still work and the deadline stays (I9)."""

    by: ByPerson


class RecordCorrected(AuthorizationStep):
    """Judge another contact, and have the link sent to it."""

    correction: CorrectContact


class RecordVerdict(AuthorizationStep):
    """Look at a verdict of staff and take it on."""

    verdict_id: str


class RecordContactReminder(AuthorizationStep):
    """Record that a reminder with a link of its own is due to the contact. `number` counts from 1."""

    number: int


class RecordRequesterReminder(AuthorizationStep):
    """Record that the requester is told that nobody has answered yet. `number` counts from 1."""

    number: int


class RecordMailReport(AuthorizationStep):
    """Record what became of a mail with a link: taken over by the receiving side, delivered, or come back."""

    mail_id: str
    event: Literal["sent", "delivered", "bounced"]


class RecordDecisionCode(AuthorizationStep):
    """Record that a code for a sitting of decisions is due to the contact; earlier ones of the sitting are void."""

    sitting_id: str


class RecordDecisionCodeSent(AuthorizationStep):
    """Record when a code left: its minutes start then."""

    mail_id: str
    expires_at: datetime


class RecordDecision(AuthorizationStep):
    """Judge a decision: its evidence, its time against the deadline, and whether one came before it (B1, I4, I5)."""

    decision_id: str
    deadline: datetime


class RecordAuthorizationClosed(AuthorizationStep):
    """Record an end without a decision: expired, or cancelled by `by`."""

    state: State
    by: ByPerson | None = None


class AuthorizationRecorded(Outcome):
    """What a recorded step came to, the same however often it's tried."""

    state: State
    accepted: bool = True
    code: Code = Code.OK
    standing_id: str | None = None
    retry_at: datetime | None = None
    grant_id: str | None = None  # the access that an approval opened; it has a workflow of its own
    unheard: tuple[str, ...] = ()  # decisions in time that have to be judged before the request can expire

    def result(self) -> AuthorizationResult:
        return AuthorizationResult(
            accepted=self.accepted,
            code=self.code,
            state=self.state,
            standing_id=self.standing_id,
            retry_at=self.retry_at,
        )


class AuthorizationStatus(Payload):
    """What the workflow knows of itself; for staff and tests. Pages read the database."""

    state: State
    revision: int
    deadline: datetime
    mails_pending: int


class AuthorizationRecords(Protocol):
    """The transactional heart of requests: each method is one transaction, and the same command twice is one change."""

    async def open(self, cmd: RecordRequested) -> AuthorizationRecorded: ...
    async def resend(self, cmd: RecordResent) -> AuthorizationRecorded: ...
    async def correct(self, cmd: RecordCorrected) -> AuthorizationRecorded: ...
    async def verdict(self, cmd: RecordVerdict) -> AuthorizationRecorded: ...
    async def remind_contact(self, cmd: RecordContactReminder) -> AuthorizationRecorded: ...
    async def remind_requester(self, cmd: RecordRequesterReminder) -> AuthorizationRecorded: ...
    async def mail_report(self, cmd: RecordMailReport) -> AuthorizationRecorded: ...
    async def issue_code(self, cmd: RecordDecisionCode) -> AuthorizationRecorded: ...
    async def code_sent(self, cmd: RecordDecisionCodeSent) -> AuthorizationRecorded: ...
    async def decide(self, cmd: RecordDecision) -> AuthorizationRecorded: ...
    async def close(self, cmd: RecordAuthorizationClosed) -> AuthorizationRecorded: ...
