"""A spool folder as a person sees it who plays or replaces the print shop: what is in it, and telling what became of a letter."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import uuid4

from domain.letters import require_opaque
from domain.print_shop import DeliveryKind, PrintShopUnavailable
from gateways.letters.spool import MANIFEST, Manifest


class SpoolState(StrEnum):
    """What the folder knows of a letter."""

    WAITING = "waiting"
    MAILED = "mailed"
    RETURNED = "returned"


_STATES: Final = {
    DeliveryKind.MAILED: SpoolState.MAILED,
    DeliveryKind.DELIVERED: SpoolState.MAILED,
    DeliveryKind.RETURNED: SpoolState.RETURNED,
    DeliveryKind.UNDELIVERABLE: SpoolState.RETURNED,
    DeliveryKind.CANCELLED: SpoolState.RETURNED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledLetter:
    """One letter of the folder. `pdf` is None once the site has taken it away, which it does after the letter was mailed."""

    letter_id: str
    mailing_on: date
    state: SpoolState
    pdf: Path | None


class SpoolDesk:
    """Works on the files alone. With `arrivals`, a letter that is told to be mailed is kept there to be read.

    `arrivals` is the addressee's letter box: for development only, since whoever reads it has the PINs.
    """

    def __init__(self, root: Path, *, arrivals: Path | None = None) -> None:
        self._root = root
        self._arrivals = arrivals

    def letters(self) -> list[SpooledLetter]:
        """Every letter that a manifest lists, by mailing day, the newest day last. Raises `PrintShopUnavailable`."""
        try:
            return self._letters()
        except OSError:
            raise PrintShopUnavailable("spool_unreadable") from None
        except ValueError:
            raise PrintShopUnavailable("spool_damaged") from None

    def _letters(self) -> list[SpooledLetter]:
        told = dict(self._told())
        found = []
        for path in sorted((self._root / "batches").glob(f"*/{MANIFEST}")):
            manifest = Manifest.read(path.read_text())
            for line in manifest.lines:
                places = [path.with_name(line.file)]
                if self._arrivals is not None:
                    places.append(self._arrivals / line.file)
                found.append(
                    SpooledLetter(
                        letter_id=line.letter_id,
                        mailing_on=manifest.mailing_on,
                        state=told.get(line.letter_id, SpoolState.WAITING),
                        pdf=next((place for place in places if place.is_file()), None),
                    )
                )
        return found

    def find(self, letter_id: str) -> SpooledLetter | None:
        """The letter with this id, or None. Raises `PrintShopUnavailable`."""
        return next((letter for letter in self.letters() if letter.letter_id == letter_id), None)

    def tell(self, letter: SpooledLetter, kind: DeliveryKind, *, at: datetime) -> None:
        """Report what became of the letter, as a print shop does: in a file of its own. Raises `PrintShopUnavailable`."""
        require_opaque(letter.letter_id)
        try:
            if kind is DeliveryKind.MAILED and letter.pdf is not None and self._arrivals is not None:
                _write(self._arrivals / letter.pdf.name, letter.pdf.read_bytes())
            line = f"letter_id,event,at\n{letter.letter_id},{kind},{at.isoformat(timespec='milliseconds')}\n"
            _write(self._root / "events" / f"{at:%Y%m%dT%H%M%S%f}-{uuid4().hex[:8]}.csv", line.encode())
        except OSError:
            raise PrintShopUnavailable("spool_unwritable") from None

    def _told(self) -> Iterator[tuple[str, SpoolState]]:
        """What the reports say of each letter, settled or not, in the order in which they are named."""
        events = self._root / "events"
        paths = sorted([*events.glob("*.csv"), *events.glob("settled/*.csv")], key=lambda path: path.name)
        for path in paths:
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
                for cells in csv.reader(file):
                    if len(cells) == 3 and cells[1].strip().lower() in set(DeliveryKind):
                        yield cells[0].strip(), _STATES[DeliveryKind(cells[1].strip().lower())]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
