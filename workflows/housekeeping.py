"""Housekeeping: a schedule has it look for what lost its workflow, and what staff are to hear; another one purges.

Neither takes input: a schedule's payloads belong to no workflow, so nothing could be sealed for one.
"""

import asyncio

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows import names, policies
from workflows.recording import Recorder
from workflows.telling import have_cases_look, tell

with workflow.unsafe.imports_passed_through():
    from activities.housekeeping import HousekeepingActivities
    from domain.cases import CaseEvidence
    from domain.housekeeping import Alert, OpenRow, OrphanEnd, OrphanEnded, Orphans, Purged, RecordAlert


@workflow.defn(name=names.HOUSEKEEPING)
class Housekeeping:
    """One round. What it finds is dealt with by workflows of its own, so that a mail server that is away holds up no round."""

    @workflow.run
    async def run(self) -> Orphans:
        orphans = await workflow.execute_activity_method(
            HousekeepingActivities.find_orphans, summary="Open rows without a workflow", **policies.HOUSEKEEPING
        )
        for orphan in orphans.found:
            await self._start(names.ORPHAN, orphan, names.orphan_id(orphan.workflow_id), again=True)
        alerts = await workflow.execute_activity_method(
            HousekeepingActivities.find_alerts, summary="What staff are to hear", **policies.DATABASE
        )
        for alert in alerts.due:
            await self._start(names.STAFF_ALERT, alert, names.staff_alert_id(alert.kind, alert.key), again=False)
        if orphans.withheld:
            workflow.set_current_details(
                f"**{orphans.withheld} open rows have no workflow.** That many at once are not ended: is this the right "
                "namespace? See docs/operating.md."
            )
        return orphans

    async def _start(self, name: str, arg: OpenRow | Alert, workflow_id: str, *, again: bool) -> None:
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.REJECT_DUPLICATE
        try:
            await workflow.start_child_workflow(
                name,
                arg,
                id=workflow_id,
                id_reuse_policy=reuse,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("an earlier round has started it")


@workflow.defn(name=names.PURGING)
class Purging:
    """Deletes spent keys, sessions and codes."""

    @workflow.run
    async def run(self) -> Purged:
        return await workflow.execute_activity_method(HousekeepingActivities.purge, **policies.HOUSEKEEPING)


@workflow.defn(name=names.ORPHAN)
class Orphan:
    """Ends one row for its workflow that is gone: the record, the notices, and whoever waits for it."""

    def __init__(self) -> None:
        self._recorder = Recorder()

    @workflow.run
    async def run(self, orphan: OpenRow) -> OrphanEnded:
        sending = asyncio.create_task(self._recorder.send_mails())
        cmd = OrphanEnd(revision=orphan.revision + 1, at=workflow.now(), orphan=orphan)
        ended = await self._recorder.record(HousekeepingActivities.end, cmd)
        await have_cases_look(ended.cases)
        if ended.declined_in is not None:
            registration_id = names.registration_id(ended.declined_in)
            await tell(registration_id, names.CASE_DECLINED, CaseEvidence(evidence_id=orphan.row_id))
        await self._recorder.mails_sent()
        sending.cancel()
        return ended


@workflow.defn(name=names.STAFF_ALERT)
class StaffAlert:
    """Tells staff something, once."""

    def __init__(self) -> None:
        self._recorder = Recorder()

    @workflow.run
    async def run(self, alert: Alert) -> None:
        sending = asyncio.create_task(self._recorder.send_mails())
        await self._recorder.record(HousekeepingActivities.alert, RecordAlert(**self._recorder.next(), alert=alert))
        await self._recorder.mails_sent()
        sending.cancel()
