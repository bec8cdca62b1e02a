"""What a completed registration starts beside itself: the letter to the address of record, and the reviews of people who left."""

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows import names, policies
from workflows.recording import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.departure import NewcomerActivities
    from domain.departure import FindNewcomerDue, StartDepartureReview
    from domain.letter_route import HandOverLetter


async def tell_of_newcomer(registration_id: str, recorder: Recorder) -> None:
    """Start what the completion made due. The registration's history holds that it did, so no crash can lose it.

    Reviews outlive the registration. A print shop that is away is waited for.
    """
    due = await workflow.execute_activity_method(
        NewcomerActivities.due,
        FindNewcomerDue(registration_id=registration_id),
        summary="Whom to tell of the newcomer",
        **policies.DATABASE,
    )
    recorder.mails.extend(due.mails)
    for review in due.reviews:
        await _start_review(review)
    if due.letter_id is not None:
        await workflow.execute_activity_method(
            NewcomerActivities.hand_over,
            HandOverLetter(letter_id=due.letter_id),
            summary="Letter to the address of record",
            **policies.PRINT_SHOP,
        )


async def _start_review(review: StartDepartureReview) -> None:
    try:
        await workflow.start_child_workflow(
            names.DEPARTURE_REVIEW,
            review,
            id=names.departure_id(review.review_id),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"Departure, told in {review.reference}",
            search_attributes=TypedSearchAttributes([SearchAttributePair(names.REFERENCE, review.reference)]),
        )
    except WorkflowAlreadyStartedError:
        workflow.logger.info("the review was started before")  # by another newcomer, or a run that was reset
