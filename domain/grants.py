"""A billing service's access to a provider after its approval: held, resumed, revoked, ended by its date, objected to (B7)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final, Protocol

from domain.recording import Outcome, Payload, RecordCommand


class State(StrEnum):
    """Where a grant stands; only an open one opens anything. The last is final."""

    OPEN = "open"
    HELD = "held"
    ENDED = "ended"

    @property
    def is_final(self) -> bool:
        return not LEGAL[self]


LEGAL: Final[dict[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.HELD, State.ENDED}),
    State.HELD: frozenset({State.OPEN, State.ENDED}),
    State.ENDED: frozenset(),
}


class IllegalTransition(Exception):
    """A step that the table of legal transitions doesn't have: a defect, never a person's doing."""

    def __init__(self, current: State, wanted: State) -> None:
        super().__init__(f"a grant can't go from {current} to {wanted}")


def require_legal(current: State, wanted: State) -> None:
    """Raise `IllegalTransition` unless `wanted` is `current` or may follow it."""
    if wanted is not current and wanted not in LEGAL[current]:
        raise IllegalTransition(current, wanted)


class HeldBy(StrEnum):
    """Why a grant is on hold."""

    PROVIDER = "provider"
    OBJECTION = "objection"


class Ending(StrEnum):
    """How a grant ended."""

    REVOKED = "revoked"
    LAPSED = "lapsed"


class Action(StrEnum):
    """What an administrator of the provider does to a grant."""

    HOLD = "hold"
    RESUME = "resume"
    REVOKE = "revoke"
    SET_END = "set_end"
    CLEAR_END = "clear_end"


class Code(StrEnum):
    """What became of a step, as clients see it; stable."""

    OK = "ok"
    NOT_ADMINISTRATOR = "not_administrator"
    NEWCOMER_WAITS = "newcomer_waits"
    UNCHANGED = "grant_unchanged"  # it stands like that already
    ENDED = "grant_ended"
    END_DATE = "grant_end_date"  # a date that has passed, or one too far away
    UNKNOWN = "not_found"  # the evidence that the message names isn't there


def effective(state: State, ends_at: datetime | None, at: datetime) -> State:
    """What a grant opens at this moment: from its end date on nothing, even while no worker is up to record it."""
    return State.ENDED if ends_at is not None and at >= ends_at else state


def end_of(day: date, zone: tzinfo) -> datetime:
    """The first moment after this day in the payer's zone: a grant that ends on a day is good all day."""
    return datetime.combine(day + timedelta(days=1), time(), zone)


def last_day(ends_at: datetime, zone: tzinfo) -> date:
    """The last day on which a grant is good; the reverse of `end_of`."""
    return (ends_at.astimezone(zone) - timedelta(microseconds=1)).date()


def is_wider(ends_at: datetime | None, wanted: datetime | None) -> bool:
    """Whether another end date leaves the billing service access for longer than the one that stands."""
    return ends_at is not None and (wanted is None or wanted > ends_at)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LetterWords:
    """What a letter to an address of record says; `action` stands over the address of the page where one answers."""

    reference: str
    heading: str
    paragraphs: tuple[str, ...]
    action: str


# Messages.


class StartAccessReview(Payload):
    """An approval opened the access; everything else about it is in the database. `revision` counts on in a later run."""

    grant_id: str
    reference: str
    revision: int = 0


class ChangeGrant(Payload):
    """An administrator of the provider changes the access. `ends_at` goes with a set end date."""

    grant_id: str
    account_id: str
    action: Action
    ends_at: datetime | None = None


class ObjectionRaised(Payload):
    """Somebody said "I did not ask for this". The objection is in the database, written where it was made."""

    objection_id: str


class GrantResult(Payload):
    """What became of a step."""

    accepted: bool
    code: Code
    state: State
    ends_at: datetime | None = None
    retry_at: datetime | None = None


class GrantStatus(Payload):
    """What the workflow knows of itself; for staff and tests. Pages read the database."""

    state: State
    revision: int
    ends_at: datetime | None
    mails_pending: int


# Recorded steps.


class GrantStep(RecordCommand):
    """What every recorded step of a grant carries."""

    grant_id: str


class RecordReviewOpened(GrantStep):
    """Record that the access has a workflow that keeps it; answers how it stands and which letter is due."""


class RecordGrantChange(GrantStep):
    """Look at who asks as the rows are now, and make the change or refuse it."""

    change: ChangeGrant


class RecordObjection(GrantStep):
    """Look at an objection and put the access on hold."""

    objection_id: str


class RecordGrantEnded(GrantStep):
    """Record the end: the end date has come, or the workflow was cancelled from Temporal's side."""

    ending: Ending


class GrantRecorded(Outcome):
    """What a recorded step came to, the same however often it's tried."""

    state: State
    accepted: bool = True
    code: Code = Code.OK
    held_by: HeldBy | None = None
    ends_at: datetime | None = None
    retry_at: datetime | None = None
    letter_id: str | None = None  # due to the provider's address of record
    objections: tuple[str, ...] = ()  # made before the workflow began

    def result(self) -> GrantResult:
        return GrantResult(
            accepted=self.accepted, code=self.code, state=self.state, ends_at=self.ends_at, retry_at=self.retry_at
        )


class GrantRecords(Protocol):
    """The transactional heart of grants: each method is one transaction, and the same command twice is one change."""

    async def open(self, cmd: RecordReviewOpened) -> GrantRecorded: ...
    async def change(self, cmd: RecordGrantChange) -> GrantRecorded: ...
    async def objected(self, cmd: RecordObjection) -> GrantRecorded: ...
    async def ended(self, cmd: RecordGrantEnded) -> GrantRecorded: ...
