"""Newcomers where there are accounts: why colleagues can't help, answering the notice, and taking a mistake back."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, status

from api.departure_models import (
    ClaimAnswer,
    ClaimsAnswer,
    ColleagueWordsRequest,
    ExistingAccountAnswer,
    ExistingAccountsAnswer,
    NoticeAnswer,
    NoticeAnswerRequest,
    NoticesAnswer,
    ReviewDone,
)
from api.dependencies import GateDep, Key, NoBody, OwnRegistration, SignedIn
from api.problems import problems
from api.registrations import POSTED
from portal import departures, newcomers
from portal.departures import ColleagueWord

router = APIRouter(prefix="/api/v1")

_POSTED: Final = (*POSTED, "signed_out", "cross_site", "not_found")
_ELSEWHERE: Final = (
    "wrong_state", "registration_completed", "registration_expired", "registration_locked", "registration_rejected",
    "registration_withdrawn",
)  # fmt: skip

NoticeId = Annotated[UUID, Path(description="The notice's id.")]
ReviewId = Annotated[UUID, Path(description="The review's id.")]


@router.get(
    "/registrations/{registration_id}/existing-accounts", summary="See who has an account already",
    tags=["Registering"], responses=problems("signed_out", "not_found", *_ELSEWHERE),
)  # fmt: skip
async def list_existing_accounts(registration_id: OwnRegistration, gate: GateDep) -> ExistingAccountsAnswer:
    """Masked, once the organization is proved. If there are any, say why they can't help before the account is set up."""
    found = await departures.existing_accounts(gate, registration_id)
    return ExistingAccountsAnswer(accounts=[ExistingAccountAnswer.of(one) for one in found])


@router.post(
    "/registrations/{registration_id}/existing-accounts/answers", summary="Say why those who have an account can't help",
    tags=["Registering"], status_code=status.HTTP_204_NO_CONTENT, responses=problems(*_POSTED, *_ELSEWHERE),
)  # fmt: skip
async def answer_for_colleagues(
    registration_id: OwnRegistration, body: ColleagueWordsRequest, gate: GateDep, key: Key
) -> None:
    """For one of them or for all; takes the place of what was said before. Nothing of theirs passes on to you."""
    words = [ColleagueWord(reason=one.reason, about=one.about, text=one.text) for one in body.answers]
    await departures.answer_for_colleagues(gate, registration_id, words=words, key=key)


@router.get(
    "/newcomers", tags=["Account"], summary="List the newcomers you were told of", responses=problems("signed_out")
)
async def list_newcomers(principal: SignedIn, gate: GateDep) -> NoticesAnswer:
    """The newest first."""
    return NoticesAnswer(notices=[NoticeAnswer.of(one) for one in await newcomers.list_notices(gate, principal)])


@router.get(
    "/newcomers/{notice_id}", tags=["Account"], summary="See one notice", responses=problems("signed_out", "not_found")
)
async def show_newcomer(notice_id: NoticeId, principal: SignedIn, gate: GateDep) -> NoticeAnswer:
    """Looking at it answers nothing."""
    return NoticeAnswer.of(await newcomers.view_notice(gate, principal, notice_id))


@router.post(
    "/newcomers/{notice_id}/answer", summary="Object to a newcomer, or say that it's right",
    tags=["Account"],
    responses=problems(*_POSTED, "departure_over"),
)  # fmt: skip
async def answer_newcomer(
    notice_id: NoticeId, body: NoticeAnswerRequest, principal: SignedIn, gate: GateDep, key: Key
) -> NoticeAnswer:
    """An objection keeps your access until staff have looked at it. "Right", where it's said that you left, ends it."""
    return NoticeAnswer.of(await newcomers.answer(gate, principal, notice_id, choice=body.choice, key=key))


@router.get(
    "/departures",
    tags=["Account"],
    summary="List what you said of colleagues who left",
    responses=problems("signed_out"),
)
async def list_departures(principal: SignedIn, gate: GateDep) -> ClaimsAnswer:
    """With the state of each review."""
    return ClaimsAnswer(departures=[ClaimAnswer.of(one) for one in await departures.list_claims(gate, principal)])


@router.post(
    "/departures/{review_id}/withdrawal", summary="Say that it was a mistake", tags=["Account"], dependencies=[NoBody],
    responses=problems(*_POSTED, "departure_over"),
)  # fmt: skip
async def withdraw_departure(review_id: ReviewId, principal: SignedIn, gate: GateDep, key: Key) -> ReviewDone:
    """The review is over unless another newcomer said the same."""
    result = await departures.withdraw_claim(gate, principal, review_id, key=key)
    return ReviewDone(state=result.state)
