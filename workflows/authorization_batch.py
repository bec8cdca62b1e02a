"""A list of requests for access is gone through, twenty lines at a time, until each line has its result (T5)."""

from typing import Final

from temporalio import workflow

from workflows import names, policies

with workflow.unsafe.imports_passed_through():
    from activities.request_lists import RequestListActivities
    from domain.authorization_batch import GoThroughLines, LinesGoneThrough, StartAuthorizationBatch

_AT_ONCE: Final = 20


@workflow.defn(name=names.AUTHORIZATION_BATCH)
class AuthorizationBatch:
    """One list. Each request has a workflow of its own, which the activity begins; this one only sees to it that all do."""

    @workflow.run
    async def run(self, cmd: StartAuthorizationBatch) -> LinesGoneThrough:
        done = 0
        while True:
            gone: LinesGoneThrough = await workflow.execute_activity_method(
                RequestListActivities.go_through,
                GoThroughLines(batch_id=cmd.batch_id, most=_AT_ONCE),
                summary=f"Lines from {done + 1} of {cmd.lines}",
                **policies.REQUEST_LINES,
            )
            done += gone.done
            workflow.set_current_details(f"{done} of {cmd.lines} lines have their result.")
            if not gone.left:
                return LinesGoneThrough(done=done, left=0)
