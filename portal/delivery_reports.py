"""Reading what the print shop reports as files: every event is told on, the PDFs of its letters are scrubbed, the file is settled."""

import asyncio
from collections.abc import Awaitable, Callable

from domain.ports import RecordsUnavailable
from domain.print_shop import DeliveryReports, PrintShopUnavailable
from ops.logs import logger
from portal.gate import Gate
from portal.letters import tell_delivery
from portal.refusals import Refusal


class DeliveryReading:
    """Reads reports again and again. In this order a kill between any two steps only makes the same report be told again (B5)."""

    def __init__(self, gate: Gate, reports: DeliveryReports, *, scrub: Callable[[str], Awaitable[None]]) -> None:
        self._gate = gate
        self._reports = reports
        self._scrub = scrub
        self._log = logger("portal.delivery_reports")
        self._away = False

    async def once(self) -> int:
        """Read what is there now; returns how many reports were settled.

        Raises `Refusal` (`unavailable`), `RecordsUnavailable` or `PrintShopUnavailable`: later; nothing is lost.
        """
        settled = 0
        for report in await self._reports.unread():
            told = await tell_delivery(self._gate, report.events)
            # The shop has printed what it reports on: its PDF is the last place with the PIN, and nobody needs it any more.
            for letter_id in {event.letter_id for event in report.events}:
                await self._scrub(letter_id)
            await self._reports.settle(report)
            settled += 1
            self._log.info("delivery report read", rows=len(report.events), count=told)
            if report.set_aside:
                reasons = sorted({aside.reason for aside in report.set_aside})
                self._log.warning(
                    "lines of a delivery report set aside", rows=len(report.set_aside), reason=",".join(reasons)
                )
        return settled

    async def for_ever(self, *, every_s: float) -> None:
        """Read until cancelled. While Temporal, the database or the folder is away, it's tried again later."""
        while True:
            try:
                await self.once()
                self._away = False
            except (Refusal, RecordsUnavailable, PrintShopUnavailable) as error:
                if not self._away:  # one line an outage, not one every few seconds
                    self._log.warning("delivery reports have to wait", reason=type(error).__name__)
                self._away = True
            except Exception:  # noqa: BLE001 - a defect in one report must not end the reading of all later ones
                self._log.error("unexpected exception", exc_info=True)
            await asyncio.sleep(every_s)
