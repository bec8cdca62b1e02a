"""What a review's workflow records, and the letter to the address of record; thin calls of ports.

Each is safe to try again: the command's revision makes a repeated step answer as the first did, and a letter's id makes it one letter.
"""

from temporalio import activity

from activities.letters import PrintShopActivities
from domain.departure import (
    DepartureRecords,
    FindNewcomerDue,
    NewcomerDesk,
    NewcomerDue,
    RecordAnswer,
    RecordAnswerCode,
    RecordAnswerCodeSent,
    RecordClaimWithdrawn,
    RecordDecision,
    RecordReviewOpened,
    RecordWindowOver,
    ReviewRecorded,
)
from domain.letter_route import HandOverLetter, LetterOutcome


class DepartureActivities:
    """The recorded steps of a review."""

    def __init__(self, records: DepartureRecords) -> None:
        self._records = records

    @activity.defn(name="departure.open")
    async def open(self, cmd: RecordReviewOpened) -> ReviewRecorded:
        return await self._records.open(cmd)

    @activity.defn(name="departure.answer")
    async def answer(self, cmd: RecordAnswer) -> ReviewRecorded:
        return await self._records.answer(cmd)

    @activity.defn(name="departure.issue_code")
    async def issue_code(self, cmd: RecordAnswerCode) -> ReviewRecorded:
        return await self._records.issue_code(cmd)

    @activity.defn(name="departure.code_sent")
    async def code_sent(self, cmd: RecordAnswerCodeSent) -> ReviewRecorded:
        return await self._records.code_sent(cmd)

    @activity.defn(name="departure.window_over")
    async def window_over(self, cmd: RecordWindowOver) -> ReviewRecorded:
        return await self._records.window_over(cmd)

    @activity.defn(name="departure.decide")
    async def decide(self, cmd: RecordDecision) -> ReviewRecorded:
        return await self._records.decide(cmd)

    @activity.defn(name="departure.withdraw")
    async def withdraw(self, cmd: RecordClaimWithdrawn) -> ReviewRecorded:
        return await self._records.withdraw(cmd)


class NewcomerActivities:
    """What a newcomer's completion made due, and its letter: the way of every letter, with a desk of its own."""

    def __init__(self, desk: NewcomerDesk, printing: PrintShopActivities) -> None:
        self._desk = desk
        self._printing = printing

    @activity.defn(name="newcomer.due")
    async def due(self, cmd: FindNewcomerDue) -> NewcomerDue:
        return await self._desk.due(cmd)

    @activity.defn(name="notice_letter.hand_over")
    async def hand_over(self, cmd: HandOverLetter) -> LetterOutcome:
        return await self._printing.hand_over(cmd)
