"""An invitation of a colleague: its states, which may follow which, and the messages that move it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from domain.colleagues import Role
from domain.recording import Outcome, Payload, RecordCommand


class State(StrEnum):
    """Where an invitation stands. All but the first are final."""

    SENT = "sent"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return not LEGAL[self]


LEGAL: Final[dict[State, frozenset[State]]] = {
    State.SENT: frozenset({State.ACCEPTED, State.EXPIRED, State.CANCELLED}),
    State.ACCEPTED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}


class IllegalTransition(Exception):
    """A step that the table of legal transitions doesn't have: a defect, never a person's doing."""

    def __init__(self, current: State, wanted: State) -> None:
        super().__init__(f"an invitation can't go from {current} to {wanted}")


def require_legal(current: State, wanted: State) -> None:
    """Raise `IllegalTransition` unless `wanted` is `current` or may follow it."""
    if wanted is not current and wanted not in LEGAL[current]:
        raise IllegalTransition(current, wanted)


class Code(StrEnum):
    """What became of a step, as clients see it; stable."""

    OK = "ok"
    NOT_ADMINISTRATOR = "not_administrator"
    ALREADY_COLLEAGUE = "already_colleague"
    INVITATION_OPEN = "invitation_open"
    INVITEE_BILLS = "invitee_bills"
    INVITATIONS_LIMIT = "invitations_limit"
    INVITATIONS_OPEN_LIMIT = "invitations_open_limit"
    RESEND_LIMIT = "invitation_resend_limit"
    RESEND_PAUSE = "invitation_resend_pause"
    NAME_IS_ORGANIZATION = "name_is_organization"
    NAME_NEEDS_ATTESTATION = "name_needs_attestation"
    SECOND_FACTOR_UNCONFIRMED = "second_factor_unconfirmed"
    EMAIL_TAKEN = "invitation_has_account"
    OTHER_ADDRESS = "invitation_other_address"
    INVITER_LEFT = "invitation_inviter_left"
    CANCELLED = "invitation_cancelled"
    EXPIRED = "invitation_expired"


NEVER_SENT: Final = frozenset(
    {
        Code.NOT_ADMINISTRATOR,
        Code.ALREADY_COLLEAGUE,
        Code.INVITATION_OPEN,
        Code.INVITEE_BILLS,
        Code.INVITATIONS_LIMIT,
        Code.INVITATIONS_OPEN_LIMIT,
    }
)
"""Why an invitation ended before its first mail: refused, so that nobody but its inviter heard of it."""


class InvitationTerms(Payload):
    """The business waits of one invitation, fixed when it begins."""

    life: timedelta = timedelta(days=7)
    reminders: tuple[timedelta, ...] = (timedelta(days=4), timedelta(days=6))


class StartInvitation(Payload):
    """An administrator invites a colleague to an organization, or to one NPI of it."""

    invitation_id: str
    reference: str
    organization_id: str
    npi: str | None = None
    inviter_id: str
    email: str
    role: Role
    terms: InvitationTerms = InvitationTerms()


class InvitationResult(Payload):
    """The answer to a step. `accepted` is false for a refusal that was looked at; `code` says which."""

    accepted: bool
    code: Code
    state: State
    retry_at: datetime | None = None


class AskInvitation(Payload):
    """A message that carries nothing but that it's genuine: only who holds the keys can seal one for this invitation."""

    invitation_id: str


class ByAdministrator(Payload):
    """An administrator of the organization sends the invitation again, or cancels it."""

    account_id: str


class NameInvitee(Payload):
    """The account's name, and the credential row that already holds the hashed password."""

    credential_id: str
    name: str
    attestation_version: str
    attests_own_name: bool = False


class AcceptInvitation(Payload):
    """The row that shows who accepts: a credential with its second factor confirmed, or the consent of an account.

    `session_id` is the session of the invitation that goes on; others of it end.
    """

    credential_id: str | None = None
    consent_id: str | None = None
    session_id: str | None = None


class InvitationStep(RecordCommand):
    """What every recorded step of an invitation carries."""

    invitation_id: str


class RecordInvited(InvitationStep):
    """Record a new invitation; its link is due to the address. Or refuse it, as the rows are now."""

    start: StartInvitation
    deadline: datetime


class RecordResent(InvitationStep):
    """Record that another link is due; earlier ones still work (I9)."""

    generation: int
    account_id: str


class RecordReminder(InvitationStep):
    """Record that a reminder with a link of its own is due."""

    generation: int


class RecordBounced(InvitationStep):
    """Record that the address refused its mail for good."""

    generation: int


class RecordInvitee(InvitationStep):
    """Record name and credential of the account to be."""

    invitee: NameInvitee


class RecordAcceptance(InvitationStep):
    """Re-read the evidence and open the access."""

    acceptance: AcceptInvitation


class RecordInvitationClosed(InvitationStep):
    """Record a final state without access. `account_id` is the administrator who cancels."""

    state: State
    account_id: str | None = None


class RecordInviterCheck(InvitationStep):
    """Look whether the inviter still may invite; if not, the invitation is cancelled."""


class InvitationRecorded(Outcome):
    """What a recorded step came to, the same however often it's tried."""

    state: State
    accepted: bool = True
    code: Code = Code.OK
    retry_at: datetime | None = None

    def result(self) -> InvitationResult:
        return InvitationResult(accepted=self.accepted, code=self.code, state=self.state, retry_at=self.retry_at)


class InvitationStatus(Payload):
    """What the workflow knows of itself; for staff and tests. Pages read the database."""

    state: State
    revision: int
    deadline: datetime
    mails_pending: int


class InvitationRecords(Protocol):
    """The transactional heart of invitations: each method is one transaction, and the same command twice is one change."""

    async def open(self, cmd: RecordInvited) -> InvitationRecorded: ...
    async def resend(self, cmd: RecordResent) -> InvitationRecorded: ...
    async def remind(self, cmd: RecordReminder) -> InvitationRecorded: ...
    async def bounced(self, cmd: RecordBounced) -> InvitationRecorded: ...
    async def name_invitee(self, cmd: RecordInvitee) -> InvitationRecorded: ...
    async def accept(self, cmd: RecordAcceptance) -> InvitationRecorded: ...
    async def close(self, cmd: RecordInvitationClosed) -> InvitationRecorded: ...
    async def check_inviter(self, cmd: RecordInviterCheck) -> InvitationRecorded: ...
