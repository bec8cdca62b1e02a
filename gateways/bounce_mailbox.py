"""The mailbox that the mail relay delivers bounces to: an mbox file or a maildir, read again when it has changed (B5).

Nothing in it is moved or deleted: it's the relay's, and whoever looks after the mail server clears it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from gateways.delivery_status import ReadReports, read_mailbox, read_mails

_FOLDERS = ("new", "cur")  # of a maildir; in `tmp` mails are still being written


class BounceMailbox:
    """One mailbox. Raises OSError when it's there and can't be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: object = None

    def unread(self) -> tuple[ReadReports, object] | None:
        """All reports in it and a mark for `settle`, or None when nothing has come since what was settled."""
        mark = self._mark()
        if mark == self._seen:
            return None
        return read_bounces(self._path), mark

    def settle(self, mark: object) -> None:
        """What was in it at this mark needn't be read again by this process."""
        self._seen = mark

    def _mark(self) -> object:
        if self._path.is_dir():
            return tuple(sorted(file.name.partition(":")[0] for file in _files(self._path)))
        try:
            told = self._path.stat()
        except FileNotFoundError:
            return None
        return told.st_ino, told.st_size, told.st_mtime_ns


def read_bounces(path: Path) -> ReadReports:
    """Everything in an mbox file or a maildir. Without it there's no mail yet."""
    if not path.is_dir():
        return read_mailbox(path)
    return read_mails(file.read_bytes() for file in sorted(_files(path), key=lambda file: file.name))


def _files(maildir: Path) -> Iterator[Path]:
    for name in _FOLDERS:
        folder = maildir / name
        if folder.is_dir():
            with os.scandir(folder) as entries:
                yield from (Path(entry.path) for entry in entries if entry.is_file() and not entry.name.startswith("."))
