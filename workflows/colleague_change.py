"""A colleague's role changes, or somebody leaves: one transaction, then what it made due."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows import names
from workflows.recording import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.colleagues import ColleagueActivities
    from domain.colleagues import AskChange, ChangeColleague, ChangeResult, RecordColleagueChange
    from domain.invitation import AskInvitation


@workflow.defn(name=names.COLLEAGUE_CHANGE)
class ColleagueChange:
    """One change. It waits for nobody; it's a workflow so that mails and open invitations are seen to, whatever crashes."""

    @workflow.init
    def __init__(self, cmd: ChangeColleague) -> None:
        self._recorder = Recorder()
        self._result: ChangeResult | None = None

    @workflow.run
    async def run(self, cmd: ChangeColleague) -> ChangeResult:
        sending = asyncio.create_task(self._recorder.send_mails())
        changed = await self._recorder.record(
            ColleagueActivities.change, RecordColleagueChange(**self._recorder.next(), change=cmd)
        )
        self._result = ChangeResult(accepted=changed.accepted, code=changed.code, retry_at=changed.retry_at)
        for invitation_id in changed.invitations:
            await self._tell_invitation(invitation_id)
        await self._recorder.mails_sent()
        sending.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._result

    async def _tell_invitation(self, invitation_id: str) -> None:
        """Have an open invitation of somebody who can't invite any more cancelled."""
        invitation = workflow.get_external_workflow_handle(names.invitation_id(invitation_id))
        try:
            await invitation.signal(names.INVITER_LEFT, AskInvitation(invitation_id=invitation_id))
        except FailureError:
            workflow.logger.info("an invitation had ended already")

    # An update, because a person waits for the answer; sent together with the start.
    @workflow.update(name=names.OPENED)
    async def opened(self, cmd: AskChange) -> ChangeResult:
        await workflow.wait_condition(lambda: self._result is not None)
        assert self._result is not None  # noqa: S101 - narrows the type; the wait has ended
        return self._result
