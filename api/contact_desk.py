"""Business contacts for staff: the queue, verdicts, the mail sent again. Without a staff session there is nothing here (404).

Not in the public description; `docs/authorizations.md` has it.
"""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.dependencies import GateDep, Key, NoBody, Staff
from api.models import _answer, _request
from domain.authorization import AuthorizationResult, State
from domain.grants import Ending, HeldBy
from domain.grants import State as AccessState
from portal import contact_access, contact_desk, contact_review
from portal.contact_access import AccessView, Administrator, HeldLine, HeldOrder
from portal.contact_desk import DeskAction, DeskLine, DeskRequest, QueueOrder, Said, Verdict

router = APIRouter(prefix="/api/v1/staff", include_in_schema=False)

RequestId = Annotated[UUID, Path()]
PageNumber = Annotated[int, Query(ge=1, le=100_000)]


class ContactLineAnswer(BaseModel):
    """A request whose contact is to be looked at."""

    id: UUID
    reference: str
    service: str
    provider: str
    contact: str
    rule: str
    why: str
    waiting_since: datetime
    due_at: datetime
    is_overdue: bool
    given_by: list[str]

    @classmethod
    def of(cls, line: DeskLine) -> Self:
        return cls(
            id=line.id, reference=line.reference, service=line.service, provider=line.provider, contact=line.contact,
            rule=line.rule, why=line.why, waiting_since=line.waiting_since, due_at=line.due_at, is_overdue=line.is_overdue,
            given_by=list(line.given_by),
        )  # fmt: skip


class ContactQueueAnswer(BaseModel):
    """One page of the contacts to look at."""

    requests: list[ContactLineAnswer]
    page: int
    pages: int
    total: int


class HeldAccessAnswer(BaseModel):
    """An access on hold after an objection. `id` is the request's; `objected_by` the name given with the objection."""

    id: UUID
    reference: str
    service: str
    organization: str
    npi: str | None
    objected_by: str
    held_since: datetime
    has_administrator: bool
    may_resume: bool

    @classmethod
    def of(cls, line: HeldLine) -> Self:
        return cls(
            id=line.id, reference=line.reference, service=line.service, organization=line.organization, npi=line.npi,
            objected_by=line.objected_by, held_since=line.held_since, has_administrator=line.has_administrator,
            may_resume=line.may_resume,
        )  # fmt: skip


class HeldAccessesAnswer(BaseModel):
    """One page of the accesses on hold after an objection."""

    accesses: list[HeldAccessAnswer]
    page: int
    pages: int
    total: int


class AdministratorAnswer(BaseModel):
    """Somebody of the provider who can change the access; of `npis` only, where they administer no more of it."""

    name: str
    email: str
    npis: tuple[str, ...]

    @classmethod
    def of(cls, one: Administrator) -> Self:
        return cls(name=one.name, email=one.email, npis=one.npis)


class StaffAccessAnswer(BaseModel):
    """The access that an approved request opened."""

    state: AccessState
    held_by: HeldBy | None
    held_since: datetime | None
    objected_by: str
    organization: str
    npi: str | None
    opened_at: datetime
    decided_by: str
    decided_as: str
    via: str
    last_day: date | None
    ended_at: datetime | None
    ending: Ending | None
    administrators: list[AdministratorAnswer]
    partial: list[AdministratorAnswer]

    @classmethod
    def of(cls, view: AccessView) -> Self:
        return cls(
            state=view.state, held_by=view.held_by, held_since=view.held_since, objected_by=view.objected_by,
            organization=view.organization, npi=view.npi, opened_at=view.opened_at, decided_by=view.decided_by,
            decided_as=view.decided_as, via=view.via, last_day=view.last_day, ended_at=view.ended_at, ending=view.ending,
            administrators=[AdministratorAnswer.of(one) for one in view.administrators],
            partial=[AdministratorAnswer.of(one) for one in view.partial],
        )  # fmt: skip


class VerdictAnswer(BaseModel):
    """What a member of staff said of the contact."""

    who: str
    verdict: Verdict
    reason: str
    at: datetime


class DeskRequestAnswer(BaseModel):
    """A request with all that staff need to look at its contact."""

    request: ContactLineAnswer
    state: State
    contact_version: int
    billing_service_id: UUID
    service_tin_masked: str
    service_domains: list[str]
    open_now: int
    open_limit: int
    requester: str
    requester_email: str
    requester_reason: str
    provider_tin_masked: str
    npi: str | None
    requested_at: datetime
    deadline: datetime
    delivery: str
    delivery_at: datetime | None
    resends: int
    verdicts: list[VerdictAnswer]
    actions: list[DeskAction]
    access: StaffAccessAnswer | None

    @classmethod
    def of(cls, view: DeskRequest) -> Self:
        return cls(
            request=ContactLineAnswer.of(view.line), state=view.state, contact_version=view.contact_version,
            billing_service_id=view.service_id, service_tin_masked=view.service_tin_masked,
            service_domains=list(view.service_domains), open_now=view.open_now, open_limit=view.open_limit,
            requester=view.requester, requester_email=view.requester_email, requester_reason=view.requester_reason,
            provider_tin_masked=view.provider_tin_masked, npi=view.npi, requested_at=view.requested_at,
            deadline=view.deadline, delivery=view.delivery, delivery_at=view.delivery_at, resends=view.resends,
            verdicts=[VerdictAnswer(who=one.who, verdict=one.verdict, reason=one.reason, at=one.at) for one in view.verdicts],
            actions=list(view.actions), access=StaffAccessAnswer.of(view.access) if view.access else None,
        )  # fmt: skip


class VerdictRequest(BaseModel):
    """What you say of the contact that you saw."""

    model_config = _request(verdict="send", reason="Called the office.", contact_version=1)

    verdict: str = Field(max_length=10)
    reason: str = Field(max_length=5000)
    contact_version: int = Field(ge=1, le=100_000)


class StaffCorrectionRequest(BaseModel):
    """Whom to ask instead."""

    model_config = _request(contact="kim@clinic.example.org", reason="")

    contact: str = Field(max_length=400)
    reason: str = Field("", max_length=5000)


class DeskStepDone(BaseModel):
    """A step was accepted."""

    model_config = _answer(state="sent")

    state: State

    @classmethod
    def of(cls, result: AuthorizationResult) -> Self:
        return cls(state=result.state)


@router.get("/contacts")
async def list_contacts(
    *,
    member: Staff,
    gate: GateDep,
    said: Said | None = None,
    sort: QueueOrder = QueueOrder.WAITING,
    descending: bool = False,
    page: PageNumber = 1,
) -> ContactQueueAnswer:
    """Those to look at; without more those that wait the longest first."""
    found = await contact_desk.list_queue(gate, member, said=said, order=sort, descending=descending, page=page)
    lines = [ContactLineAnswer.of(one) for one in found.rows]
    return ContactQueueAnswer(requests=lines, page=found.page, pages=found.pages, total=found.total)


@router.get("/contacts/objected")
async def list_held(
    *,
    member: Staff,
    gate: GateDep,
    sort: HeldOrder = HeldOrder.SINCE,
    descending: bool = False,
    page: PageNumber = 1,
) -> HeldAccessesAnswer:
    """Accesses on hold after an objection; without more the longest first."""
    found = await contact_access.list_held(gate, member, order=sort, descending=descending, page=page)
    lines = [HeldAccessAnswer.of(one) for one in found.rows]
    return HeldAccessesAnswer(accesses=lines, page=found.page, pages=found.pages, total=found.total)


@router.get("/contacts/found")
async def find_contact(
    member: Staff, gate: GateDep, reference: Annotated[str, Query(max_length=40)]
) -> DeskRequestAnswer:
    """Any request, by its reference, however it's typed."""
    found = await contact_desk.find(gate, member, reference)
    return DeskRequestAnswer.of(await contact_desk.view_request(gate, member, found))


@router.get("/contacts/{request_id}")
async def show_contact(request_id: RequestId, member: Staff, gate: GateDep) -> DeskRequestAnswer:
    """All there is to a request, and what this member of staff can do with it now."""
    return DeskRequestAnswer.of(await contact_desk.view_request(gate, member, request_id))


@router.post("/contacts/{request_id}/verdict")
async def give_verdict(
    request_id: RequestId, body: VerdictRequest, member: Staff, gate: GateDep, key: Key
) -> DeskStepDone:
    """`send` or `refuse`; sending takes two different people."""
    result = await contact_review.give_verdict(
        gate,
        member,
        request_id,
        contact_version=body.contact_version,
        verdict=body.verdict,
        reason=body.reason,
        key=key,
    )
    return DeskStepDone.of(result)


@router.post("/contacts/{request_id}/resend", dependencies=[NoBody])
async def resend(request_id: RequestId, member: Staff, gate: GateDep, key: Key) -> DeskStepDone:
    """As often as it takes; the deadline stays."""
    return DeskStepDone.of(await contact_review.resend(gate, member, request_id, key=key))


@router.post("/contacts/{request_id}/contact")
async def correct(
    request_id: RequestId, body: StaffCorrectionRequest, member: Staff, gate: GateDep, key: Key
) -> DeskStepDone:
    """Another address, judged like any other; links to the old one are dead."""
    result = await contact_review.correct_contact(
        gate, member, request_id, contact=body.contact, reason=body.reason, key=key
    )
    return DeskStepDone.of(result)
