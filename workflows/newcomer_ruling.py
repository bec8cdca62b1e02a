"""Staff have ruled of a newcomer: the access stays or ends, both sides are told, and what was left open ends as well."""

import asyncio
from collections.abc import Awaitable

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows import names
from workflows.recording import Recorder
from workflows.telling import tell

with workflow.unsafe.imports_passed_through():
    from activities.rulings import RulingActivities
    from domain.invitation import AskInvitation
    from domain.rulings import ApplyRuling, RecordRuling, RulingApplied


@workflow.defn(name=names.NEWCOMER_RULING)
class NewcomerRuling:
    """Applies one ruling; nothing here waits for anybody."""

    @workflow.init
    def __init__(self, cmd: ApplyRuling) -> None:
        self._recorder = Recorder()
        self._applied: RulingApplied | None = None

    @workflow.run
    async def run(self, cmd: ApplyRuling) -> RulingApplied:
        sending = asyncio.create_task(self._recorder.send_mails())
        step = RecordRuling(**self._recorder.next(), ruling_id=cmd.ruling_id)
        self._applied = applied = await self._recorder.record(RulingActivities.apply, step)
        for one in applied.invitations:
            await tell(names.invitation_id(one), names.INVITER_LEFT, AskInvitation(invitation_id=one))
        for one in applied.registrations:
            await self._unless_gone(workflow.get_external_workflow_handle(names.registration_id(one)).cancel())
        for one in applied.cases:
            await self._unless_gone(workflow.get_external_workflow_handle(names.case_id(one)).cancel())
        await self._recorder.mails_sent()
        sending.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return applied

    # An update: staff wait for the answer, and not for the mails.
    @workflow.update(name=names.OPENED)
    async def opened(self, cmd: ApplyRuling) -> RulingApplied:
        """Answers once the ruling is applied or refused; sent together with the start."""
        await workflow.wait_condition(lambda: self._applied is not None)
        assert self._applied is not None  # noqa: S101 - narrows the type
        return self._applied

    @staticmethod
    async def _unless_gone(told: Awaitable[None]) -> None:
        try:
            await told
        except FailureError:
            workflow.logger.info("what was left open had ended already")
