"""What the workflow of a colleague's change records: one call of the `ColleagueRecords` port, one transaction."""

from temporalio import activity

from domain.colleagues import ColleagueChanged, ColleagueRecords, RecordColleagueChange


class ColleagueActivities:
    """The recorded step of a change among colleagues."""

    def __init__(self, records: ColleagueRecords) -> None:
        self._records = records

    @activity.defn(name="colleague.change")
    async def change(self, cmd: RecordColleagueChange) -> ColleagueChanged:
        return await self._records.change(cmd)
