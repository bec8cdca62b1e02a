"""Answering a billing service's request as the provider's business contact: link, answers, code, outcome (T1, B2)."""

from typing import Final

from fastapi import APIRouter, status

from api.answer_models import AnswerLinkRequest, AnswersAnswer, AnswersBegun, AnswerSheetAnswer, AnswersRequest
from api.dependencies import ClientName, GateDep, Key, NoBody, OwnSitting
from api.models import CodeRequest
from api.problems import problems
from api.registrations import POSTED
from portal import answer_sheet, deciding
from portal.gate import remember_key
from portal.sitting import view_sitting

router = APIRouter(prefix="/api/v1/answers", tags=["Answering"])

_OVER: Final = (
    "authorization_approved", "authorization_declined", "authorization_expired", "authorization_cancelled",
    "authorization_stopped",
)  # fmt: skip
_DEAD: Final = ("decision_link_dead", "authorization_contact_changed")
_STEP: Final = (*POSTED, "signed_out", "cross_site")


@router.post("/link", summary="See what a mailed link asks", responses=problems(*POSTED, *_OVER, *_DEAD))
async def show_request_to_answer(body: AnswerLinkRequest, gate: GateDep, key: Key) -> AnswerSheetAnswer:
    """Changes nothing. The token is in the body because addresses end up in logs."""
    await remember_key(gate, scope="answer-links", key=key, body=body.token)
    return AnswerSheetAnswer.of(await answer_sheet.follow_link(gate, body.token))


@router.post(
    "", summary="Answer, and have a code mailed that confirms it", status_code=status.HTTP_201_CREATED,
    responses=problems(*POSTED, *_OVER, *_DEAD, "codes_limit"),
)  # fmt: skip
async def begin_answers(body: AnswersRequest, gate: GateDep, key: Key, client: ClientName) -> AnswersBegun:
    """Decides nothing yet. Requests that wait for the same mailbox may be answered together, each on its own."""
    token = await deciding.begin_sitting(
        gate,
        body.token,
        answers={one.id: one.choice for one in body.answers},
        name=body.name,
        role=body.role,
        attested=body.attested,
        client=client,
        key=key,
    )
    return AnswersBegun(token=token)


@router.get("", summary="See your answers and what became of them", responses=problems("signed_out", "not_found"))
async def show_answers(sitting: OwnSitting, gate: GateDep) -> AnswersAnswer:
    """As the database has it."""
    return AnswersAnswer.of(await view_sitting(gate, sitting))


@router.post(
    "/code", summary="Have another code mailed", status_code=status.HTTP_204_NO_CONTENT, dependencies=[NoBody],
    responses=problems(*_STEP, *_OVER, *_DEAD, "codes_limit"),
)  # fmt: skip
async def send_answer_code(sitting: OwnSitting, gate: GateDep, key: Key) -> None:
    """It takes the place of the one before."""
    await deciding.send_code_again(gate, sitting, key=key)


@router.post(
    "/confirmation", summary="Confirm your answers with the mailed code",
    responses=problems(*_STEP, "authorization_expired", "code_wrong", "code_expired", "code_tries_used", "decision_tries_used", "not_found"),
)  # fmt: skip
async def confirm_answers(sitting: OwnSitting, body: CodeRequest, gate: GateDep, key: Key) -> AnswersAnswer:
    """They count from now on, also while nothing of ours is at work: `is_settled` is false until they are applied."""
    return AnswersAnswer.of(await deciding.confirm(gate, sitting, code=body.code, key=key))
