"""A house whose letters can be looked at, mailed and returned."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pypdfium2
import pytest

from domain.print_shop import DeliveryEvent, DeliveryKind
from domain.registration import StepResult
from ops.mailbox import Fault
from portal import letters
from portal.letters import LetterView
from portal.registering import Started
from tests.house import Clinic, House, key

Found = TypeVar("Found")


@dataclass(frozen=True)
class PostOffice:
    """The print shop's side, and the registrant's hands."""

    house: House

    async def identify(self, started: Started, clinic: Clinic, **changes: str) -> StepResult:
        typed = {"tin": clinic.tin, "vendor": clinic.vendor, "npi": "", "key": key(), "caller": key(), **changes}
        return await letters.identify(self.house.gate, started.registration_id, **typed)

    async def ask(self, started: Started, clinic: Clinic) -> StepResult:
        """Choose the first address and ask for a letter."""
        listed = await self.identify(started, clinic)
        assert listed.locations, listed
        return await letters.request_letter(
            self.house.gate, started.registration_id, location_id=listed.locations[0].location_id, key=key()
        )

    async def letter(self, started: Started, *, generation: int = 1) -> tuple[LetterView, str]:
        """A letter that the print shop has, and the PIN that's printed on it."""
        folder = Path(self.house.settings.data_dir) / "letters" / "batches"

        async def printed() -> tuple[LetterView, str] | None:
            views = await letters.list_letters(self.house.gate, started.registration_id)
            view = views[len(views) - generation]
            found = list(folder.glob(f"*/{view.id}.pdf"))
            if view.state == "due" or not found:
                return None
            return view, pin_on(found[0])

        return await until(printed)

    async def tell(self, view: LetterView, kind: DeliveryKind, *, at: datetime | None = None) -> None:
        event = DeliveryEvent(letter_id=str(view.id), kind=kind, at=at or datetime.now(UTC))
        assert await letters.tell_delivery(self.house.gate, [event]) == 1

    async def mailed(self, started: Started, view: LetterView) -> LetterView:
        """The shop says that it was mailed just now; the letter as the registrant then sees it."""
        await self.tell(view, DeliveryKind.MAILED)

        async def known() -> LetterView | None:
            views = await letters.list_letters(self.house.gate, started.registration_id)
            return next((one for one in views if one.id == view.id and one.mailed_at is not None), None)

        return await until(known)

    async def enter(self, started: Started, pin: str) -> StepResult:
        return await letters.enter_pin(self.house.gate, started.registration_id, pin=pin, key=key())


async def until(look: Callable[[], Awaitable[Found | None]], *, patience_s: float = 40) -> Found:
    """What `look` finds, as soon as it's there."""
    async with asyncio.timeout(patience_s):
        while (found := await look()) is None:
            await asyncio.sleep(0.05)
        return found


def pin_on(pdf: Path) -> str:
    document = pypdfium2.PdfDocument(pdf)
    text = document[0].get_textpage().get_text_range()
    document.close()
    found = re.search(r"\b[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}\b", text)
    assert found, "no PIN on the letter"
    return found[0]


def wrong(pin: str) -> str:
    """A PIN that differs in one place."""
    return pin[:-1] + ("0" if pin[-1] != "0" else "1")


@pytest.fixture
def house(sqlite_house: House) -> Iterator[House]:
    yield sqlite_house
    sqlite_house.sink.fault = Fault.NONE


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


@pytest.fixture(params=["sqlite", "postgresql"])
def post_on_both(request: pytest.FixtureRequest) -> PostOffice:
    return PostOffice(request.getfixturevalue(f"{request.param}_house"))


DAY = timedelta(days=1)
