"""What the workflow of a ruling records: one call of the `RulingRecords` port, one transaction."""

from temporalio import activity

from domain.rulings import RecordRuling, RulingApplied, RulingRecords


class RulingActivities:
    """The recorded step of a ruling."""

    def __init__(self, records: RulingRecords) -> None:
        self._records = records

    @activity.defn(name="newcomer.rule")
    async def apply(self, cmd: RecordRuling) -> RulingApplied:
        return await self._records.apply(cmd)
