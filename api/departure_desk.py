"""Departures for staff: the queue of contested ones, and the decision. Without a staff session there is nothing here (404).

Not in the public description; `docs/departures.md` has it.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from api.departure_models import (
    DecisionRequest,
    DeskReviewAnswer,
    DeskReviewsAnswer,
    ObjectionAnswer,
    ObjectionsAnswer,
    ObjectionSettled,
    ReviewDone,
)
from api.dependencies import GateDep, Key, Staff
from domain.departure import State
from portal import departure_desk, objection_desk

router = APIRouter(prefix="/api/v1/staff", include_in_schema=False)

ReviewId = Annotated[UUID, Path()]


@router.get("/departures")
async def list_reviews(member: Staff, gate: GateDep, state: State = State.CONTESTED) -> DeskReviewsAnswer:
    """Those that wait the longest first; without a state the contested ones."""
    found = await departure_desk.list_reviews(gate, member, state=state)
    return DeskReviewsAnswer(reviews=[DeskReviewAnswer.of(one) for one in found])


@router.get("/departures/{review_id}")
async def show_review(review_id: ReviewId, member: Staff, gate: GateDep) -> DeskReviewAnswer:
    return DeskReviewAnswer.of(await departure_desk.view_review(gate, member, review_id))


@router.post("/departures/{review_id}/decision")
async def decide(review_id: ReviewId, body: DecisionRequest, member: Staff, gate: GateDep, key: Key) -> ReviewDone:
    """Once, and only where somebody has objected."""
    result = await departure_desk.decide(gate, member, review_id, verdict=body.verdict, reason=body.reason, key=key)
    return ReviewDone(state=result.state)


@router.get("/objections")
async def list_objections(member: Staff, gate: GateDep) -> ObjectionsAnswer:
    """Objections to newcomers of whom no review is under way, the newest first."""
    found = await departure_desk.list_objections(gate, member)
    return ObjectionsAnswer(objections=[ObjectionAnswer.of(one) for one in found])


@router.post("/objections/{registration_id}/decision")
async def settle_objection(
    registration_id: Annotated[UUID, Path()], body: DecisionRequest, member: Staff, gate: GateDep, key: Key
) -> ObjectionSettled:
    """Keep the newcomer's access, or end it: that takes a second person."""
    return ObjectionSettled(
        outcome=await objection_desk.settle(
            gate, member, registration_id, verdict=body.verdict, reason=body.reason, key=key
        )
    )
