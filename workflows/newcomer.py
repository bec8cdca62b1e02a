"""What a completed registration starts beside itself: the letter to the address of record, and the reviews of people who left."""

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows import names, policies

with workflow.unsafe.imports_passed_through():
    from activities.departure import NoticeLetterActivities
    from domain.departure import StartDepartureReview
    from domain.letter_route import HandOverLetter
    from domain.registration import Recorded


async def tell_of_newcomer(completed: Recorded, *, reference: str) -> None:
    """Start what the completion made due. The registration's history holds it, so no crash can lose it.

    Reviews outlive the registration. A print shop that is away is waited for.
    """
    for review_id in completed.reviews:
        await _start_review(review_id, reference)
    if completed.notice_letter_id is not None:
        await workflow.execute_activity_method(
            NoticeLetterActivities.hand_over,
            HandOverLetter(letter_id=completed.notice_letter_id),
            summary="Letter to the address of record",
            **policies.PRINT_SHOP,
        )


async def _start_review(review_id: str, reference: str) -> None:
    try:
        await workflow.start_child_workflow(
            names.DEPARTURE_REVIEW,
            StartDepartureReview(review_id=review_id, reference=reference),
            id=names.departure_id(review_id),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"Departure, told in {reference}",
            search_attributes=TypedSearchAttributes([SearchAttributePair(names.REFERENCE, reference)]),
        )
    except WorkflowAlreadyStartedError:
        workflow.logger.info("the review was started before")  # by a run that was reset
