"""The staff API: signing in, the queue, and what staff do with a case. Without a staff session there is nothing here (404).

Not in the public description; `docs/cases.md` has it.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, status

from api.case_models import (
    ActionRequest,
    CaseStepDone,
    DeskCaseAnswer,
    QueueAnswer,
    StaffMemberAnswer,
    StaffMembersAnswer,
    StaffPending,
    StaffSignedIn,
)
from api.dependencies import Caller, ClientName, GateDep, Key, PendingStaff, Staff
from api.models import SecondFactorRequest, SignInRequest
from domain.cases import CaseKind, CaseState, StaffAction
from portal import case_desk, sessions, staff
from portal.case_desk import CaseFilter, CaseOrder
from portal.refusals import FieldDefect, Refusal
from portal.repeating import confirm_staff_sign_in_once, sign_staff_in_once

router = APIRouter(prefix="/api/v1/staff", include_in_schema=False)


CaseId = Annotated[UUID, Path()]


@router.post("/sessions", status_code=status.HTTP_201_CREATED)
async def sign_in(body: SignInRequest, gate: GateDep, key: Key, caller: Caller, client: ClientName) -> StaffPending:
    """Address and password; every request counts as a try."""
    token = await sign_staff_in_once(
        gate, email=body.email, password=body.password, key=key, caller=caller, client=client
    )
    return StaffPending(token=token)


@router.post("/sessions/second-factor", status_code=status.HTTP_201_CREATED)
async def confirm_sign_in(
    body: SecondFactorRequest, pending_token: PendingStaff, gate: GateDep, key: Key, client: ClientName
) -> StaffSignedIn:
    """A code of the authenticator app, or a recovery code; each works once, and the same request gets the same token."""
    return StaffSignedIn(
        token=await confirm_staff_sign_in_once(
            gate, pending_token=pending_token, code=body.code, key=key, client=client
        )
    )


@router.delete("/sessions/current", status_code=status.HTTP_204_NO_CONTENT)
async def sign_out(member: Staff, gate: GateDep) -> None:
    """Ends the session that this request came with."""
    await sessions.end(gate, member.principal)


@router.get("/members")
async def list_members(member: Staff, gate: GateDep) -> StaffMembersAnswer:  # noqa: ARG001 - only for staff
    """To whom a case can be given."""
    members = await staff.list_staff(gate, with_closed=False)
    return StaffMembersAnswer(members=[StaffMemberAnswer.of(one) for one in members if one.ready])


@router.get("/cases")
async def list_cases(
    *,
    member: Staff,
    gate: GateDep,
    state: CaseState | None = None,
    closed: bool = False,
    kind: CaseKind | None = None,
    overdue: bool = False,
    owner: Annotated[str, Query(max_length=40, description="A staff id, `me`, `none`, or empty for all.")] = "",
    sort: CaseOrder = CaseOrder.DUE,
    descending: bool = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> QueueAnswer:
    """One page of the queue; without a state all open cases."""
    which = CaseFilter(
        state=state, closed=closed, kind=kind, overdue=overdue, owner=str(member.id) if owner == "me" else owner
    )
    return QueueAnswer.of(await case_desk.list_queue(gate, which, order=sort, descending=descending, page=page))


@router.get("/cases/{case_id}")
async def show_case(case_id: CaseId, member: Staff, gate: GateDep) -> DeskCaseAnswer:
    """All there is to a case, and what this member of staff can do with it now."""
    return DeskCaseAnswer.of(await case_desk.view_desk_case(gate, member, case_id))


@router.post("/cases/{case_id}/actions")
async def act(case_id: CaseId, member: Staff, body: ActionRequest, gate: GateDep, key: Key) -> CaseStepDone:
    """Do something with a case."""
    try:
        action = StaffAction(body.action)
    except ValueError:
        defect = FieldDefect("action", "unknown_value", "This isn't one of the possible values.")
        raise Refusal("invalid_fields", fields=(defect,)) from None
    return CaseStepDone.of(
        await case_desk.act(gate, member, case_id, action, text=body.text, assignee_id=body.assignee_id, key=key)
    )
