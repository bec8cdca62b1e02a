"""What requests and answers about support cases look like, for the person and for staff."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from api.models import _answer, _request
from domain.case_words import PERSON_STATES
from domain.cases import CaseKind, CaseResult, CaseState, StaffAction
from portal.case_desk import DeskCase, Queue, QueueRow
from portal.cases import CaseLine, CaseView, OpenedCase
from portal.staff import StaffRole, StaffView

_ID = "3f2b8c55-6a34-4b0e-9a53-0c1f5e6d7a80"
_STAFF = "9d1f0a77-2c5e-4d3f-8b21-5a6c7d8e9f10"
_AT = "2026-11-23T15:04:05Z"
_LINE = {"at": _AT, "words": "You sent us your request.", "text": ""}


class CaseRequest(BaseModel):
    """What staff shall look after."""

    model_config = _request(
        kind="not_listed", organization="Harbour Clinic", tin="00-1234567", address="12 Quay Street\nSpringfield, IL 62701",
        telephone="217-555-0142", best_time="mornings", note="We opened in October.",
    )  # fmt: skip

    kind: str = Field(
        pattern="^(not_listed|help)$",
        description="`not_listed`: the organization isn't in the records. `help`: access without a check number, or anything else.",
    )
    organization: str = Field("", max_length=400, description="The organization's name; needed for `not_listed`.")
    tin: str = Field("", max_length=40, description="Its Tax ID; needed for `not_listed`.")
    npi: str = Field("", max_length=40, description="One Type 2 NPI of it, if the request is about that one only.")
    address: str = Field("", max_length=1000, description="Its address; needed for `not_listed`.")
    telephone: str = Field(max_length=80, description="A number at which a person of ours can reach you.")
    best_time: str = Field("", max_length=400, description="When it's best to call.")
    note: str = Field("", max_length=5000, description="What else we should know; needed for `help`.")


class CaseOpened(BaseModel):
    """Staff look after it. The answer is the same whether the records hold the Tax ID or not."""

    model_config = _answer(id=_ID, number="C-7K3M-9QXW", state="new")

    id: UUID
    number: str = Field(description="How to name this case on the telephone.")
    state: CaseState

    @classmethod
    def of(cls, opened: OpenedCase) -> Self:
        return cls(id=opened.case_id, number=opened.number, state=opened.state)


class CaseLineAnswer(BaseModel):
    """One thing that happened."""

    model_config = _answer(**_LINE)

    at: datetime
    words: str = Field(description="What happened, in plain words.")
    text: str = Field(description="What was written or asked with it.")

    @classmethod
    def of(cls, line: CaseLine) -> Self:
        return cls(at=line.at, words=line.words, text=line.text)


class CaseAnswer(BaseModel):
    """A case of yours."""

    model_config = _answer(
        id=_ID, number="C-7K3M-9QXW", kind="not_listed", state="new", in_words=PERSON_STATES[CaseState.NEW], opened_at=_AT,
        due_at="2026-11-27T15:04:05Z", answer_by=None, closed_at=None, organization="Harbour Clinic",
        tin_masked="•••••4567", timeline=[_LINE],
    )  # fmt: skip

    id: UUID
    number: str
    kind: CaseKind
    state: CaseState
    in_words: str = Field(description="Where it stands, in plain words.")
    opened_at: datetime
    due_at: datetime | None = Field(description="When staff owe the next step.")
    answer_by: datetime | None = Field(description="Until when an answer of yours is waited for.")
    closed_at: datetime | None
    organization: str
    tin_masked: str | None
    timeline: list[CaseLineAnswer] = Field(description="What happened, the oldest first; left empty in lists.")

    @classmethod
    def of(cls, view: CaseView) -> Self:
        return cls(
            id=view.id, number=view.number, kind=view.kind, state=view.state, in_words=PERSON_STATES[view.state],
            opened_at=view.opened_at, due_at=view.due_at, answer_by=view.answer_by, closed_at=view.closed_at,
            organization=view.organization, tin_masked=view.tin_masked,
            timeline=[CaseLineAnswer.of(line) for line in view.timeline],
        )  # fmt: skip


class CasesAnswer(BaseModel):
    """Your cases."""

    model_config = _answer(cases=[])

    cases: list[CaseAnswer]


class CaseTextRequest(BaseModel):
    """What you want to say."""

    model_config = _request(text="The address on our W-9 is 12 Quay Street.")

    text: str = Field(max_length=5000, description="Your answer, or something to add.")


class CaseStepDone(BaseModel):
    """A step was accepted."""

    model_config = _answer(state="contacted")

    state: CaseState

    @classmethod
    def of(cls, result: CaseResult) -> Self:
        return cls(state=result.state)


# --- staff


class StaffPending(BaseModel):
    """The password was right."""

    model_config = _answer(token="q5mZk0Yc9b1rXv3T7wQy2LhN8sPd4GfJ6aEuVtRiOoM")  # noqa: S106 - an example

    token: str = Field(description="Bearer token that only lets you enter the second factor.")


class StaffSignedIn(BaseModel):
    """Signed in."""

    model_config = _answer(token="q5mZk0Yc9b1rXv3T7wQy2LhN8sPd4GfJ6aEuVtRiOoM")  # noqa: S106 - an example

    token: str = Field(description="Bearer token of the staff session.")


class QueueRowAnswer(BaseModel):
    """One line of the queue."""

    model_config = _answer(
        id=_ID, number="C-7K3M-9QXW", kind="not_listed", state="new", waiting_since=_AT, due_at=_AT, overdue=False,
        owner_id=None, owner=None, mail_failed=False,
    )  # fmt: skip

    id: UUID
    number: str
    kind: CaseKind
    state: CaseState
    waiting_since: datetime
    due_at: datetime | None
    overdue: bool
    owner_id: UUID | None
    owner: str | None
    mail_failed: bool

    @classmethod
    def of(cls, row: QueueRow) -> Self:
        return cls(
            id=row.id, number=row.number, kind=row.kind, state=row.state, waiting_since=row.waiting_since, due_at=row.due_at,
            overdue=row.overdue, owner_id=row.owner_id, owner=row.owner, mail_failed=row.mail_failed,
        )  # fmt: skip


class QueueAnswer(BaseModel):
    """One page of the queue."""

    model_config = _answer(cases=[], page=1, pages=1, total=0)

    cases: list[QueueRowAnswer]
    page: int
    pages: int
    total: int

    @classmethod
    def of(cls, queue: Queue) -> Self:
        return cls(
            cases=[QueueRowAnswer.of(row) for row in queue.rows], page=queue.page, pages=queue.pages, total=queue.total
        )


class DeskLineAnswer(CaseLineAnswer):
    """One thing that happened, with whose doing it was."""

    model_config = _answer(**_LINE, who="Sam Desk Example", internal=False)

    who: str
    internal: bool = Field(description="For staff only; the person doesn't see this line.")

    @classmethod
    def of(cls, line: CaseLine) -> Self:
        return cls(at=line.at, words=line.words, text=line.text, who=line.who, internal=line.internal)


class DeskCaseAnswer(BaseModel):
    """A case with all there is to it."""

    model_config = _answer(
        case=QueueRowAnswer.model_config["json_schema_extra"]["examples"][0], person="Jo Example",  # type: ignore[index]  # set right above
        email="jo@clinic.example.org", has_account=False, registration="R-7K3M-9QXW", organization="Harbour Clinic",
        tin="001234567", npi="", address="12 Quay Street", telephone="217-555-0142", best_time="mornings", note="",
        in_directory=False, linked=[], opened_at=_AT, answer_by=None, closed_at=None, proposed_by=None,
        actions=["take", "contacted"], timeline=[],
    )  # fmt: skip

    case: QueueRowAnswer
    person: str
    email: str
    has_account: bool
    registration: str | None
    organization: str
    tin: str
    npi: str
    address: str
    telephone: str
    best_time: str
    note: str
    in_directory: bool
    linked: list[UUID]
    opened_at: datetime
    answer_by: datetime | None
    closed_at: datetime | None
    proposed_by: UUID | None
    actions: list[StaffAction]
    timeline: list[DeskLineAnswer]

    @classmethod
    def of(cls, view: DeskCase) -> Self:
        form = view.form
        return cls(
            case=QueueRowAnswer.of(view.row), person=view.person, email=view.email, has_account=view.has_account,
            registration=view.registration, organization=form.organization, tin=form.tin, npi=form.npi, address=form.address,
            telephone=form.telephone, best_time=form.best_time, note=form.note, in_directory=view.in_directory,
            linked=[case_id for case_id, _ in view.linked], opened_at=view.opened_at, answer_by=view.answer_by,
            closed_at=view.closed_at, proposed_by=view.proposed_by, actions=list(view.actions),
            timeline=[DeskLineAnswer.of(line) for line in view.timeline],
        )  # fmt: skip


class ActionRequest(BaseModel):
    """What to do with a case."""

    model_config = _request(action="ask_more", text="Which address is on your W-9?")

    action: str = Field(max_length=20, description="One of the case's `actions`.")
    text: str = Field("", max_length=5000, description="The question, the answer, the reason, or a note.")
    assignee_id: str = Field("", max_length=40, description="To whom the case goes, with `reassign`.")


class StaffMemberAnswer(BaseModel):
    """A member of staff to whom a case can be given."""

    model_config = _answer(id=_STAFF, name="Sam Desk Example", role="agent")

    id: UUID
    name: str
    role: StaffRole

    @classmethod
    def of(cls, view: StaffView) -> Self:
        return cls(id=view.id, name=view.name, role=view.role)


class StaffMembersAnswer(BaseModel):
    """Staff who can have cases."""

    model_config = _answer(members=[])

    members: list[StaffMemberAnswer]
