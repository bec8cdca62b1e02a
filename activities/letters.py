"""Proving by US Mail: recorded steps, and handing letters to the print shop."""

import asyncio

from temporalio import activity

from domain.letter_route import (
    HandOverLetter,
    JudgeIdentity,
    JudgePin,
    LetterOutcome,
    RecordLetterEvent,
    RecordLetterRequested,
    RecordPinReminder,
)
from domain.ports import LetterDesk, LetterPrinter, LetterRecords
from domain.print_shop import Consignment, LetterConflict, LetterRefused, PrintShop
from domain.registration import Recorded


class LetterActivities:
    """The recorded steps of the letter's way; each is one transaction and safe to try again."""

    def __init__(self, records: LetterRecords) -> None:
        self._records = records

    @activity.defn(name="letter.identify")
    async def identify(self, cmd: JudgeIdentity) -> Recorded:
        return await self._records.identify(cmd)

    @activity.defn(name="letter.request")
    async def request(self, cmd: RecordLetterRequested) -> Recorded:
        return await self._records.request_letter(cmd)

    @activity.defn(name="letter.event")
    async def event(self, cmd: RecordLetterEvent) -> Recorded:
        return await self._records.letter_event(cmd)

    @activity.defn(name="letter.remind")
    async def remind(self, cmd: RecordPinReminder) -> Recorded:
        return await self._records.remind(cmd)

    @activity.defn(name="letter.judge_pin")
    async def judge_pin(self, cmd: JudgePin) -> Recorded:
        return await self._records.judge_pin(cmd)


class PrintShopActivities:
    """Prints letters and hands them over: exactly one letter per letter id, however often it's tried (I11)."""

    def __init__(self, desk: LetterDesk, printer: LetterPrinter, shop: PrintShop) -> None:
        self._desk = desk
        self._printer = printer
        self._shop = shop

    @activity.defn(name="letter.hand_over")
    async def hand_over(self, cmd: HandOverLetter) -> LetterOutcome:
        """Hand the letter over unless the shop has it. A refusal for good is an outcome; the shop being away is raised."""
        letter = await self._desk.take(cmd.letter_id)
        if letter is None:
            return LetterOutcome(accepted=True)
        try:
            pdf = await asyncio.to_thread(self._printer.render, letter)
            receipt = await self._shop.hand_over(
                Consignment(
                    letter_id=letter.letter_id,
                    pdf=pdf,
                    person=letter.person,
                    organization=letter.organization,
                    address=letter.address,
                    sender=letter.letterhead,
                    mailing_on=letter.dated,
                )
            )
        except LetterConflict as conflict:
            receipt = conflict.existing  # the shop has a letter of this id: that one is the letter
        except (LetterRefused, ValueError):
            await self._desk.settle(cmd.letter_id, shop_reference=None)
            return LetterOutcome(accepted=False)
        await self._desk.settle(cmd.letter_id, shop_reference=receipt.reference)
        return LetterOutcome(accepted=True)
