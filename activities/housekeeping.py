"""Housekeeping's looks at both sides: what is open in the database, and what Temporal knows of it."""

from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.housekeeping import (
    AlertRecorded,
    Alerts,
    HouseRecords,
    OpenRow,
    OrphanEnd,
    OrphanEnded,
    Orphans,
    Purged,
    RecordAlert,
)


class HousekeepingActivities:
    """Finds what lost its workflow, and ends it; each safe to try again.

    `grace`: nothing that changed more recently is looked at. `at_once`: with more orphans than this none is ended,
    because a wrong namespace or a lost server makes everything look like one.
    """

    def __init__(self, records: HouseRecords, client: Client, *, grace: timedelta, at_once: int) -> None:
        self._records = records
        self._client = client
        self._grace = grace
        self._at_once = at_once

    @activity.defn(name="housekeeping.find_orphans")
    async def find_orphans(self) -> Orphans:
        """Open rows whose workflow has closed without closing them, or is unknown to Temporal."""
        opened = await self._records.open_rows(before=datetime.now(UTC) - self._grace)
        # One list says of nearly all that they are well; it may lag behind, so of the others each is asked for itself.
        well = {one.id async for one in self._client.list_workflows('ExecutionStatus = "Running"', page_size=1000)}
        found: list[OpenRow] = []
        for row in opened:
            if row.workflow_id in well or await self._runs(row.workflow_id):
                continue
            if not any([await self._runs(starter) for starter in row.started_by]):
                found.append(row)
        if len(found) > self._at_once:
            activity.logger.error("too many rows without a workflow: none is ended", extra={"count": len(found)})
            return Orphans(withheld=len(found))
        return Orphans(found=tuple(found))

    async def _runs(self, workflow_id: str) -> bool:
        try:
            described = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return described.status in {
            WorkflowExecutionStatus.RUNNING,
            WorkflowExecutionStatus.CONTINUED_AS_NEW,
            None,
        }

    @activity.defn(name="housekeeping.end")
    async def end(self, cmd: OrphanEnd) -> OrphanEnded:
        return await self._records.end(cmd)

    @activity.defn(name="housekeeping.find_alerts")
    async def find_alerts(self) -> Alerts:
        return Alerts(due=tuple(await self._records.alerts(now=datetime.now(UTC))))

    @activity.defn(name="housekeeping.alert")
    async def alert(self, cmd: RecordAlert) -> AlertRecorded:
        return await self._records.alert(cmd)

    @activity.defn(name="housekeeping.purge")
    async def purge(self) -> Purged:
        return await self._records.purge(now=datetime.now(UTC))
