"""Beginning a workflow and waiting for its first answer, in one call: the same for whatever a person begins with a form."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.recording import Payload
from portal.gate import Gate, unavailable, unwatched
from workflows import names

Result = TypeVar("Result", bound=Payload)


async def start_and_ask(
    gate: Gate,
    workflow: str,
    start: Payload,
    *,
    workflow_id: str,
    ask: Payload,
    result_type: type[Result],
    summary: str,
    reference: str,
    state: str,
    made: Callable[[], Awaitable[Result | None]],
) -> Result:
    """Start the workflow and wait for its update `opened`; the same id begins one, and answers the same.

    `made` reads in the database how it was answered, for one that has ended already. Raises `Refusal` (`unavailable`).
    """
    begin: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
        workflow,
        start,
        id=workflow_id,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        task_queue=gate.task_queue,
        static_summary=summary,
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(names.REFERENCE, reference), SearchAttributePair(names.STATE, state)]
        ),
    )
    try:
        result: Result = await gate.client.execute_update_with_start_workflow(
            names.OPENED, ask, start_workflow_operation=unwatched(begin), id="opened", result_type=result_type
        )
        return result
    except (WorkflowAlreadyStartedError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as error:
        if not isinstance(error, RPCError) or error.status in {RPCStatusCode.ALREADY_EXISTS, RPCStatusCode.NOT_FOUND}:
            answered = await made()
            if answered is not None:
                return answered
        raise unavailable(error) from error
