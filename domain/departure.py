"""The person who registered has left (P9): why colleagues can't help, and the review of an account said to be left behind."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final, Protocol

from domain.calendar import add_business_days
from domain.recording import MailDue, Outcome, Payload, RecordCommand


class Reason(StrEnum):
    """Why somebody who has an account can't help a newcomer."""

    LEFT = "left"
    ON_LEAVE = "on_leave"
    OTHER_ROLE = "other_role"
    NOT_RESPONDING = "not_responding"
    UNKNOWN = "unknown"
    OTHER = "other"  # and what, in words


class State(StrEnum):
    """Where a review stands. The last three are final."""

    OPEN = "open"
    CONTESTED = "contested"
    CONFIRMED = "confirmed"
    KEPT = "kept"
    WITHDRAWN = "withdrawn"

    @property
    def is_final(self) -> bool:
        return not LEGAL[self]


LEGAL: Final[dict[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.CONTESTED, State.CONFIRMED, State.WITHDRAWN}),
    State.CONTESTED: frozenset({State.CONFIRMED, State.KEPT, State.WITHDRAWN}),
    State.CONFIRMED: frozenset(),
    State.KEPT: frozenset(),
    State.WITHDRAWN: frozenset(),
}


class IllegalTransition(Exception):
    """A step that the table of legal transitions doesn't have: a defect, never a person's doing."""

    def __init__(self, current: State, wanted: State) -> None:
        super().__init__(f"a review can't go from {current} to {wanted}")


def require_legal(current: State, wanted: State) -> None:
    """Raise `IllegalTransition` unless `wanted` is `current` or may follow it."""
    if wanted is not current and wanted not in LEGAL[current]:
        raise IllegalTransition(current, wanted)


class Choice(StrEnum):
    """What somebody says to the notice that a newcomer registered."""

    RIGHT = "right"  # said by the person themselves: yes, I have left
    OBJECT = "object"


class Verdict(StrEnum):
    """What staff decide about a contested review."""

    KEEP = "keep"
    CONFIRM = "confirm"


class Code(StrEnum):
    """What became of a step, as clients see it; stable."""

    OK = "ok"
    CODES_LIMIT = "codes_limit"
    OVER = "departure_over"
    UNKNOWN = "not_found"  # the evidence that the message names isn't there


def objection_deadline(told_at: datetime, *, business_days: int) -> datetime:
    """The first moment at which it's too late to object: the end of the given business day after `told_at`.

    The day of the notice isn't counted, so that nobody has less time than the full days. `told_at` is aware and in the
    payer's zone, which decides which day it is; so is the answer.
    """
    last = add_business_days(told_at.date(), business_days)
    return datetime.combine(last + timedelta(days=1), time(), told_at.tzinfo)


def last_day(deadline: datetime) -> str:
    """The deadline, in the payer's zone, as letters and mails say it: the last day on which one can object."""
    day = (deadline - timedelta(seconds=1)).date()
    return f"{day:%B} {day.day}, {day.year}"


# Messages of a review.


class StartDepartureReview(Payload):
    """A newcomer said that somebody has left. Who, is in the database: the row was made when the newcomer's account was."""

    review_id: str
    reference: str


class FindNewcomerDue(Payload):
    """Look up what a completed registration made due for those who had accounts already."""

    registration_id: str


class NewcomerDue(Payload):
    """Mails to be sent, reviews to be started, and a letter to be printed."""

    mails: tuple[MailDue, ...] = ()
    reviews: tuple[StartDepartureReview, ...] = ()
    letter_id: str | None = None


class AnswerGiven(Payload):
    """Somebody answered the notice. The answer itself is in the database, written where it was proved who gave it."""

    answer_id: str


class AskAnswerCode(Payload):
    """Somebody wants a code to their mailbox, to answer a notice with."""

    notice_id: str


class DecideReview(Payload):
    """Staff decided. The decision is in the database, written under the session of the person of staff."""

    decision_id: str


class WithdrawClaim(Payload):
    """The newcomer says that it was a mistake."""

    registration_id: str


class ReviewResult(Payload):
    """What became of a step."""

    accepted: bool
    code: Code
    state: State
    retry_at: datetime | None = None


class ReviewStatus(Payload):
    """What the workflow knows of itself; for staff and tests. Pages read the database."""

    state: State
    revision: int
    deadline: datetime | None
    mails_pending: int


# Recorded steps of a review.


class ReviewStep(RecordCommand):
    """What every recorded step of a review carries."""

    review_id: str


class RecordReviewOpened(ReviewStep):
    """Record that the window for objections is open."""


class RecordAnswer(ReviewStep):
    """Look at an answer and take it on."""

    answer_id: str


class RecordAnswerCode(ReviewStep):
    """Record that a code is due to the mailbox of a notice."""

    notice_id: str


class RecordAnswerCodeSent(ReviewStep):
    """Record when a code left: its minutes start then."""

    mail_id: str


class RecordWindowOver(ReviewStep):
    """The time to object is over: end the access, unless an objection is in the database."""


class RecordDecision(ReviewStep):
    """Look at a decision of staff and take it on."""

    decision_id: str


class RecordClaimWithdrawn(ReviewStep):
    """Take a newcomer's claim back; without any the review is over. None takes all of them back."""

    registration_id: str | None = None


class ReviewRecorded(Outcome):
    """What a recorded step came to. The ids are what the departed person left open and has to be ended elsewhere."""

    state: State
    accepted: bool = True
    code: Code = Code.OK
    retry_at: datetime | None = None
    answers: tuple[str, ...] = ()  # given before the review was opened
    invitations: tuple[str, ...] = ()
    registrations: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()

    def result(self) -> ReviewResult:
        return ReviewResult(accepted=self.accepted, code=self.code, state=self.state, retry_at=self.retry_at)


class DepartureRecords(Protocol):
    """The transactional heart of reviews: each method is one transaction, and the same command twice is one change."""

    async def open(self, cmd: RecordReviewOpened) -> ReviewRecorded: ...
    async def answer(self, cmd: RecordAnswer) -> ReviewRecorded: ...
    async def issue_code(self, cmd: RecordAnswerCode) -> ReviewRecorded: ...
    async def code_sent(self, cmd: RecordAnswerCodeSent) -> ReviewRecorded: ...
    async def window_over(self, cmd: RecordWindowOver) -> ReviewRecorded: ...
    async def decide(self, cmd: RecordDecision) -> ReviewRecorded: ...
    async def withdraw(self, cmd: RecordClaimWithdrawn) -> ReviewRecorded: ...


class NewcomerDesk(Protocol):
    """What completions made due beside themselves; looking changes nothing."""

    async def due(self, cmd: FindNewcomerDue) -> NewcomerDue: ...
