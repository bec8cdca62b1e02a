"""A word to another workflow, which may be gone."""

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows import names

with workflow.unsafe.imports_passed_through():
    from domain.cases import AskCase
    from domain.recording import Payload


async def tell(workflow_id: str, signal: str, word: Payload) -> None:
    """Signal a workflow; one that has ended needs no telling."""
    try:
        await workflow.get_external_workflow_handle(workflow_id).signal(signal, word)
    except FailureError:
        workflow.logger.info("what was to be told has ended already")


async def have_cases_look(case_ids: tuple[str, ...]) -> None:
    """Have support cases look whether they are still needed: what they were for is over."""
    for case_id in case_ids:
        await tell(names.case_id(case_id), names.LOOK_AGAIN, AskCase(case_id=case_id))
