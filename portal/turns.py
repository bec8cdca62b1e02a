"""Only so many steps of one workflow at once: of more, Temporal refuses some and drops those that it had taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from weakref import WeakValueDictionary

from portal.refusals import Refusal

AT_ONCE: Final = 4  # Temporal takes ten by default, and this isn't the only process of the site
_PATIENCE: Final = timedelta(seconds=5)


class Turns:
    """Whose turn it is, by workflow id; kept in this process only."""

    def __init__(self, *, patience: timedelta = _PATIENCE) -> None:
        self._patience = patience
        self._slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()  # gone with the last who waits

    @asynccontextmanager
    async def turn(self, workflow_id: str) -> AsyncIterator[None]:
        """Wait until fewer than `AT_ONCE` are under way for this workflow. Raises `Refusal` (`unavailable`) after a while."""
        slots = self._slots.get(workflow_id)
        if slots is None:
            slots = self._slots[workflow_id] = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await slots.acquire()
        except TimeoutError:
            raise Refusal("unavailable") from None
        try:
            yield
        finally:
            slots.release()
