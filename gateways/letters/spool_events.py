"""What the print shop of a spool folder reports: `events/*.csv` with letter id, event and time, read as often as need be.

A report is a file that ends with a line break (the shop writes it under another name and renames it, or finishes it in
one go). Its lines are `letter_id,event,at`, the time in ISO 8601 with an offset; a header line is optional.
A settled report goes to `events/settled/`, its lines that can't be used also to `events/set_aside/` with the reason.
"""

import asyncio
import csv
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from domain.print_shop import DeliveryEvent, DeliveryKind, DeliveryReport, PrintShopUnavailable, SetAsideLine

_LARGEST: Final = 20_000_000
_EARLY: Final = timedelta(hours=24)
_HEADER: Final = ["letter_id", "event", "at"]


def _now() -> datetime:
    return datetime.now(UTC)


class SpoolEvents:
    """The `DeliveryReports` port on the folder of a `SpoolFolder`."""

    def __init__(self, root: Path, *, now: Callable[[], datetime] = _now) -> None:
        self._folder = root / "events"
        self._claims = root / "claims"
        self._now = now

    async def unread(self) -> Sequence[DeliveryReport]:
        return await asyncio.to_thread(self._unread)

    async def settle(self, report: DeliveryReport) -> None:
        await asyncio.to_thread(self._settle, report)

    def _unread(self) -> list[DeliveryReport]:
        try:
            contents = [(path, path.read_bytes()) for path in sorted(self._folder.glob("*.csv"))]
        except OSError:
            raise PrintShopUnavailable("spool_unreadable") from None
        return [self._read(path.name, content) for path, content in contents if content.endswith(b"\n")]

    def _read(self, name: str, content: bytes) -> DeliveryReport:
        events: list[DeliveryEvent] = []
        set_aside: list[SetAsideLine] = []
        if len(content) > _LARGEST:
            set_aside.append(SetAsideLine(0, "file_too_large"))
            content = b""
        for number, line in _lines(content):
            found = self._event(line)
            if isinstance(found, DeliveryEvent):
                events.append(found)
            elif found:
                set_aside.append(SetAsideLine(number, found))
        return DeliveryReport(name, hashlib.sha256(content).hexdigest(), tuple(events), tuple(set_aside))

    def _event(self, line: str) -> DeliveryEvent | str:
        """The event of a line, the reason why there is none, or an empty string for a line to skip."""
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], strict=True), [])]
        except csv.Error:
            return "not_csv"
        if not any(cells) or [cell.lower() for cell in cells] == _HEADER:
            return ""
        if len(cells) != len(_HEADER):
            return "columns"
        letter_id, event, at = cells
        try:
            kind = DeliveryKind(event.lower())
        except ValueError:
            return "event_unknown"
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            return "time_invalid"
        if moment.tzinfo is None:
            return "time_without_offset"
        if moment > self._now() + _EARLY:
            # It would let a PIN live longer.
            return "time_in_future"
        with suppress(ValueError):
            told = DeliveryEvent(letter_id, kind, moment)
            if (self._claims / f"{letter_id}.json").is_file():
                return told
        return "letter_unknown"

    def _settle(self, report: DeliveryReport) -> None:
        path = self._folder / report.name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError:
            raise PrintShopUnavailable("spool_unreadable") from None
        if len(content) <= _LARGEST and hashlib.sha256(content).hexdigest() != report.sha256:
            return
        # The digest in the name: a shop may use a name again.
        kept = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}.csv"
        try:
            if report.set_aside:
                _write(self._folder / "set_aside" / kept, _with_reasons(content, report.set_aside))
            settled = self._folder / "settled"
            settled.mkdir(mode=0o750, exist_ok=True)
            path.replace(settled / kept)
        except OSError:
            raise PrintShopUnavailable("spool_unwritable") from None


def _lines(content: bytes) -> list[tuple[int, str]]:
    return list(enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), 1))


def _with_reasons(content: bytes, set_aside: Sequence[SetAsideLine]) -> str:
    lines = dict(_lines(content))
    return "".join(f"{aside.reason},{aside.line},{lines.get(aside.line, '')}\n" for aside in set_aside)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o750, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
