"""A print shop behind a folder: PDFs in a batch a day, and a manifest that makes each letter count exactly once.

    batches/2026-11-24/<letter id>.pdf      the letters to be mailed on that day
    batches/2026-11-24/manifest.jsonl       the batch's counts, then one line a letter with size and SHA-256
    claims/<letter id>.json                 ours: in which batch a letter is or will be
    events/*.csv                            the shop's reports (`gateways.letters.spool_events`)

A letter is handed over when the manifest lists it, and at no other moment. The shop prints what a manifest lists,
each letter id once, and leaves manifests where they are; it may take the PDFs away. All writing happens under one
lock, in an order in which a kill between any two steps leaves nothing that a repetition doesn't mend.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final, Self

from domain.letters import require_opaque
from domain.print_shop import Consignment, HandOver, LetterConflict, PrintShopUnavailable

MANIFEST: Final = "manifest.jsonl"

_LOCK_PATIENCE: Final = 15.0
_LOCK_POLL: Final = 0.02


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """One letter of a batch, as the shop reads it."""

    letter_id: str
    file: str
    sha256: str
    bytes: int
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one batch holds. Its first line counts the others and hashes them, so that a cut-off file is noticed."""

    mailing_on: date
    lines: tuple[ManifestLine, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """The manifest of this text. Raises ValueError when counts or hash don't fit its lines."""
        first, _, rest = text.partition("\n")
        try:
            head = json.loads(first)
            lines = tuple(ManifestLine(**json.loads(line)) for line in rest.splitlines())
            manifest = cls(date.fromisoformat(head["mailing_on"]), lines)
        except (KeyError, TypeError, ValueError):
            raise ValueError("not a manifest") from None
        if text != manifest.text:
            raise ValueError("the manifest's counts or hash don't fit its lines")
        return manifest

    @property
    def text(self) -> str:
        rest = "".join(json.dumps(asdict(line), sort_keys=True) + "\n" for line in self.lines)
        head = {
            "bytes": sum(line.bytes for line in self.lines),
            "letters": len(self.lines),
            "mailing_on": self.mailing_on.isoformat(),
            "pages": sum(line.pages for line in self.lines),
            "sha256": hashlib.sha256(rest.encode()).hexdigest(),
        }
        return json.dumps(head, sort_keys=True) + "\n" + rest

    def line_of(self, letter_id: str) -> ManifestLine | None:
        return next((line for line in self.lines if line.letter_id == letter_id), None)


def _pass(_step: str) -> None:
    """Nothing happens between two steps."""


class SpoolFolder:
    """The `PrintShop` port on a folder. `between` is called by name between any two steps, for tests that stop there."""

    def __init__(self, root: Path, *, between: Callable[[str], None] = _pass) -> None:
        self._root = root
        self._between = between

    async def hand_over(self, consignment: Consignment) -> HandOver:
        return await asyncio.to_thread(self._hand_over, consignment)

    async def find(self, letter_id: str) -> HandOver | None:
        return await asyncio.to_thread(self._find, letter_id)

    async def scrub(self, letter_id: str) -> None:
        """Remove the PDF of a letter that the shop has mailed: the last place that has its PIN. Again, nothing happens."""
        await asyncio.to_thread(self._scrub, letter_id)

    def _hand_over(self, consignment: Consignment) -> HandOver:
        with _as_unavailable(), self._locked():
            existing = self._listed(consignment.letter_id)
            if existing is not None:
                handed_over, line = existing
                if line.sha256 != consignment.sha256:
                    raise LetterConflict(handed_over)
                return handed_over
            # Not listed anywhere: an earlier attempt may have left a claim or a PDF, which nobody prints.
            self._remove_unlisted(consignment.letter_id)
            return self._write(consignment)

    def _write(self, consignment: Consignment) -> HandOver:
        letter_id, batch = consignment.letter_id, self._batch(consignment.mailing_on)
        self._between("before_claim")
        # The claim comes first: whatever a manifest lists can be found by its id.
        self._put(self._claim(letter_id), json.dumps({"mailing_on": consignment.mailing_on.isoformat()}).encode())
        self._between("claimed")
        pdf = batch / f"{letter_id}.pdf"
        self._put(pdf, consignment.pdf)
        self._between("pdf_in_place")
        manifest = self._manifest(consignment.mailing_on)
        line = ManifestLine(letter_id, pdf.name, consignment.sha256, len(consignment.pdf))
        listed = Manifest(manifest.mailing_on, (*manifest.lines, line))
        self._put(batch / MANIFEST, listed.text.encode())
        self._between("listed")
        return HandOver(letter_id, _reference(consignment.mailing_on, letter_id), consignment.mailing_on)

    def _find(self, letter_id: str) -> HandOver | None:
        require_opaque(letter_id)
        with _as_unavailable():
            existing = self._listed(letter_id)
        return existing[0] if existing else None

    def _scrub(self, letter_id: str) -> None:
        require_opaque(letter_id)
        with _as_unavailable(), self._locked():
            existing = self._listed(letter_id)
            if existing:
                (self._batch(existing[0].mailing_on) / existing[1].file).unlink(missing_ok=True)

    def _listed(self, letter_id: str) -> tuple[HandOver, ManifestLine] | None:
        mailing_on = self._claimed(letter_id)
        line = self._manifest(mailing_on).line_of(letter_id) if mailing_on else None
        if mailing_on is None or line is None:
            return None
        return HandOver(letter_id, _reference(mailing_on, letter_id), mailing_on), line

    def _remove_unlisted(self, letter_id: str) -> None:
        mailing_on = self._claimed(letter_id)
        if mailing_on:
            (self._batch(mailing_on) / f"{letter_id}.pdf").unlink(missing_ok=True)

    def _claimed(self, letter_id: str) -> date | None:
        try:
            text = self._claim(letter_id).read_text()
        except FileNotFoundError:
            return None
        return date.fromisoformat(json.loads(text)["mailing_on"])

    def _manifest(self, mailing_on: date) -> Manifest:
        try:
            text = (self._batch(mailing_on) / MANIFEST).read_text()
        except FileNotFoundError:
            return Manifest(mailing_on)
        return Manifest.read(text)

    def _claim(self, letter_id: str) -> Path:
        return self._root / "claims" / f"{letter_id}.json"

    def _batch(self, mailing_on: date) -> Path:
        return self._root / "batches" / mailing_on.isoformat()

    def _put(self, path: Path, content: bytes) -> None:
        """Put a whole file in place: a reader sees the old one or the new one, also after a power cut."""
        _make_folder(path.parent)
        # Under the lock nobody else writes this name, and the next attempt overwrites what a kill left here.
        part = path.with_name(f".{path.name}.part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._between(f"written:{path.suffix}")
        part.replace(path)
        self._between(f"renamed:{path.suffix}")
        _sync_folder(path.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone in the spool, among all processes; a killed holder lets go by itself."""
        _make_folder(self._root)
        deadline = time.monotonic() + _LOCK_PATIENCE
        with (self._root / ".lock").open("wb") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise PrintShopUnavailable("spool_busy") from None
                    time.sleep(_LOCK_POLL)
            yield


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise PrintShopUnavailable("spool_unwritable") from None
    except ValueError:
        # A claim or manifest that someone has changed by hand: printing on would be guessing.
        raise PrintShopUnavailable("spool_damaged") from None


def _reference(mailing_on: date, letter_id: str) -> str:
    return f"{mailing_on.isoformat()}/{letter_id}"


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    # The PDFs hold PINs: for the owner and the shop's group only.
    folder.mkdir(mode=0o750, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
