"""What a case's workflow records: thin calls of the `CaseRecords` port, one transaction each.

Each is safe to try again: the command's revision makes a repeated step answer as the first did.
"""

from temporalio import activity

from domain.case_records import (
    CaseLook,
    CaseRecorded,
    CaseRecords,
    LookAtCase,
    RecordCaseAction,
    RecordCaseAnswer,
    RecordCaseEvent,
    RecordCaseOpened,
    RecordCaseWithdrawn,
)


class CaseActivities:
    """The recorded steps of a case, and the look at what changed without it."""

    def __init__(self, records: CaseRecords) -> None:
        self._records = records

    @activity.defn(name="case.open")
    async def open(self, cmd: RecordCaseOpened) -> CaseRecorded:
        return await self._records.open(cmd)

    @activity.defn(name="case.act")
    async def act(self, cmd: RecordCaseAction) -> CaseRecorded:
        return await self._records.act(cmd)

    @activity.defn(name="case.answer")
    async def answer(self, cmd: RecordCaseAnswer) -> CaseRecorded:
        return await self._records.answer(cmd)

    @activity.defn(name="case.withdraw")
    async def withdraw(self, cmd: RecordCaseWithdrawn) -> CaseRecorded:
        return await self._records.withdraw(cmd)

    @activity.defn(name="case.note")
    async def note(self, cmd: RecordCaseEvent) -> CaseRecorded:
        return await self._records.note(cmd)

    @activity.defn(name="case.look")
    async def look(self, cmd: LookAtCase) -> CaseLook:
        return await self._records.look(cmd)
