"""What a case's workflow records: the commands, their outcome, and the port that keeps them."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.cases import ActOnCase, AnswerQuestion, CaseCode, CaseResult, CaseState, StartCase
from domain.recording import Outcome, Payload, RecordCommand


class CaseEvent(StrEnum):
    """What happens to a case without anybody's doing."""

    STAFF_REMINDED = "staff_reminded"
    ESCALATED = "escalated"
    REGISTRANT_REMINDED = "registrant_reminded"
    GIVEN_UP = "given_up"  # nobody reachable: closed with notice
    FOUND_LISTED = "found_listed"  # an import put the organization into the directory
    SUBJECT_ENDED = "subject_ended"  # the registration or account that the case is for is over
    MAIL_FAILED = "mail_failed"
    CANCELLED = "cancelled"


class CaseStep(RecordCommand):
    """What every recorded step of a case carries."""

    case_id: str


class RecordCaseOpened(CaseStep):
    """Record a new case; a receipt is due to the person."""

    start: StartCase


class RecordCaseAction(CaseStep):
    """Record what a member of staff did, if it's allowed."""

    cmd: ActOnCase


class RecordCaseAnswer(CaseStep):
    """Record what the person answered; the case waits for staff again."""

    cmd: AnswerQuestion


class RecordCaseWithdrawn(CaseStep):
    """Record that the person doesn't need the case any more."""


class RecordCaseEvent(CaseStep):
    """Record something that happened by the clock or by itself."""

    event: CaseEvent


class CaseRecorded(Outcome):
    """What a recorded step came to, and what the case waits for from now on. Times are those of the next timers."""

    state: CaseState
    accepted: bool = True
    code: CaseCode = CaseCode.OK
    due_at: datetime | None = None
    remind_at: datetime | None = None
    answer_by: datetime | None = None
    overdue: bool = False
    has_owner: bool = False
    has_proposal: bool = False
    evidence_id: str | None = None  # what the registration is told, once the case is over
    siblings: tuple[str, ...] = ()  # other open cases that this ending may end, too

    def result(self) -> CaseResult:
        return CaseResult(accepted=self.accepted, code=self.code, state=self.state)


class LookAtCase(Payload):
    """Look whether the world has moved on without the case."""

    case_id: str


class CaseLook(Payload):
    """What was seen; changes nothing by itself."""

    listed: bool = False
    subject_ended: bool = False


class CaseRecords(Protocol):
    """The transactional heart: each method but `look` is one database transaction, and the same command twice is one change.

    A transaction holds the projection, the timeline, evidence and access, messages, audit entry and the mails now due.
    All raise `RecordsUnavailable` while the database is away; nothing has happened then.
    """

    async def open(self, cmd: RecordCaseOpened) -> CaseRecorded: ...
    async def act(self, cmd: RecordCaseAction) -> CaseRecorded: ...
    async def answer(self, cmd: RecordCaseAnswer) -> CaseRecorded: ...
    async def withdraw(self, cmd: RecordCaseWithdrawn) -> CaseRecorded: ...
    async def note(self, cmd: RecordCaseEvent) -> CaseRecorded: ...
    async def look(self, cmd: LookAtCase) -> CaseLook: ...
