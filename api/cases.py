"""Support cases of the person who calls: a registrant's or a signed-in person's own."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response, status

from api.case_models import CaseAnswer, CaseOpened, CaseRequest, CasesAnswer, CaseStepDone, CaseTextRequest
from api.dependencies import CaseOwner, GateDep, Key, NoBody
from api.problems import problems
from api.registrations import POSTED
from domain.cases import CaseKind
from portal import cases

router = APIRouter(prefix="/api/v1/cases", tags=["Support"])


CaseId = Annotated[UUID, Path(description="The case's id.")]

_STEP = (*POSTED, "signed_out", "cross_site", "not_found", "case_over", "case_wrong_state")


@router.post(
    "", summary="Ask provider support", status_code=status.HTTP_201_CREATED,
    responses=problems(*POSTED, "signed_out", "cross_site", "case_open", "too_many_tries", "wrong_state"),
)  # fmt: skip
async def open_case(party: CaseOwner, body: CaseRequest, response: Response, gate: GateDep, key: Key) -> CaseOpened:
    """A person of ours looks after it. Only the form of what was typed is looked at: the answer tells nothing of our records."""
    opened = await cases.open_case(
        gate, party, kind=CaseKind(body.kind), key=key, organization=body.organization, tin=body.tin, npi=body.npi,
        address=body.address, telephone_number=body.telephone, best_time=body.best_time, note=body.note,
    )  # fmt: skip
    response.headers["Location"] = f"{router.prefix}/{opened.case_id}"
    return CaseOpened.of(opened)


@router.get("", summary="List your cases", responses=problems("signed_out"))
async def list_cases(party: CaseOwner, gate: GateDep) -> CasesAnswer:
    """The newest first."""
    return CasesAnswer(cases=[CaseAnswer.of(view) for view in await cases.list_cases(gate, party)])


@router.get("/{case_id}", summary="See where a case stands", responses=problems("signed_out", "not_found"))
async def show_case(case_id: CaseId, party: CaseOwner, gate: GateDep) -> CaseAnswer:
    """With what happened so far, in plain words."""
    return CaseAnswer.of(await cases.view_case(gate, party, case_id))


@router.post("/{case_id}/answer", summary="Answer a question, or add something", responses=problems(*_STEP))
async def answer_case(
    case_id: CaseId, party: CaseOwner, body: CaseTextRequest, gate: GateDep, key: Key
) -> CaseStepDone:
    """The case waits for staff again."""
    return CaseStepDone.of(await cases.answer(gate, party, case_id, text=body.text, key=key))


@router.post(
    "/{case_id}/withdrawal", summary="Close a case that isn't needed any more", responses=problems(*_STEP), dependencies=[NoBody],
)  # fmt: skip
async def withdraw_case(case_id: CaseId, party: CaseOwner, gate: GateDep, key: Key) -> CaseStepDone:
    """It can't be opened again; a new one can."""
    return CaseStepDone.of(await cases.withdraw(gate, party, case_id, key=key))
