"""What a grant's workflow records, and its letter; thin calls of ports.

Each is safe to try again: the command's revision makes a repeated step answer as the first did, and a letter's id makes it one letter.
"""

from temporalio import activity

from domain.grants import (
    GrantRecorded,
    GrantRecords,
    RecordGrantChange,
    RecordGrantEnded,
    RecordObjection,
    RecordReviewOpened,
)


class GrantActivities:
    """The recorded steps of a grant."""

    def __init__(self, records: GrantRecords) -> None:
        self._records = records

    @activity.defn(name="grant.open")
    async def open(self, cmd: RecordReviewOpened) -> GrantRecorded:
        return await self._records.open(cmd)

    @activity.defn(name="grant.change")
    async def change(self, cmd: RecordGrantChange) -> GrantRecorded:
        return await self._records.change(cmd)

    @activity.defn(name="grant.objected")
    async def objected(self, cmd: RecordObjection) -> GrantRecorded:
        return await self._records.objected(cmd)

    @activity.defn(name="grant.ended")
    async def ended(self, cmd: RecordGrantEnded) -> GrantRecorded:
        return await self._records.ended(cmd)
