"""X12 interchanges as a stream of segments: delimiters from each ISA, bounded memory, and a fast way past what must not be read.

Nothing here knows what a remittance is; `remittance.py` does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from intake.source import DamagedSourceError

LONGEST_SEGMENT: Final = 1 << 14
_ISA_LENGTH: Final = 106
_ISA_LONGEST: Final = 140
# Where the element separator stands in a fixed-width ISA.
_ISA_SEPARATORS: Final = (3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103)
_WHITESPACE: Final = b"\r\n\t "
# Kept back at the end of the buffer while skipping: an ISA that isn't complete yet, and line breaks before an SE.
_TAIL: Final = 256
_LOOK_BACK: Final = 64


class SegmentError(Exception):
    """The stream can't be read on as segments from here. `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The three delimiters of an interchange, one byte each."""

    element: bytes
    component: bytes
    segment: bytes


def delimiters_of(isa: bytes) -> Delimiters | None:
    """The delimiters of the ISA that these bytes start with, or None if it isn't one.

    The segment terminator is character 106. Some senders drop the padding of the fixed-width fields:
    then the sixteenth element separator says where the last element stands.
    """
    if not isa.startswith(b"ISA") or len(isa) < _ISA_LENGTH - 60:
        return None
    element = isa[3:4]
    if _is_fixed_width(isa):
        at = 103
    else:
        at = 3
        for _ in range(15):
            at = isa.find(element, at + 1, _ISA_LONGEST)
            if at < 0:
                return None
    component, segment = isa[at + 1 : at + 2], isa[at + 2 : at + 3]
    distinct = {element, component, segment}
    if (
        len(distinct) != 3
        or b"" in distinct
        or any(character.isalnum() for character in distinct)
        or element in b" \r\n"
        or segment == b" "
    ):
        return None
    return Delimiters(element, component, segment)


def _is_fixed_width(isa: bytes) -> bool:
    element = isa[3:4]
    return len(isa) >= _ISA_LENGTH and all(isa[at : at + 1] == element for at in _ISA_SEPARATORS)


class SegmentStream:
    """Segments of any number of interchanges, one after the other, from chunks of bytes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0
        self._ended = False
        self._delimiters: Delimiters | None = None
        self.damage = ""  # why the file broke off, where its compression says so

    @property
    def delimiters(self) -> Delimiters:
        if self._delimiters is None:
            raise SegmentError("isa_missing")
        return self._delimiters

    def _fill(self) -> bool:
        """Append one chunk, dropping what lies far behind. False at the end of the file."""
        if self._ended:
            return False
        try:
            chunk = next(self._chunks, b"")
        except DamagedSourceError as error:
            self.damage, chunk = error.reason, b""
        if not chunk:
            self._ended = True
            return False
        drop = max(0, self._at - _LOOK_BACK)
        self._buffer = self._buffer[drop:] + chunk
        self._at -= drop
        return True

    def _pass_whitespace(self) -> None:
        whitespace = _WHITESPACE + b"\x1a\x00"  # some systems pad the last record
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in whitespace:
                self._at += 1
            if self._at < len(self._buffer) or not self._fill():
                return

    def _to_segment(self) -> None:
        """Stand at the first byte of the next segment, with enough in the buffer to read an ISA."""
        self._pass_whitespace()
        while len(self._buffer) - self._at < _ISA_LONGEST and self._fill():
            pass
        if self._buffer.startswith(b"\xef\xbb\xbf", self._at):  # a byte order mark, also of a file appended to another
            self._at += 3
            self._pass_whitespace()

    def segment(self) -> bytes | None:
        """The next segment without its terminator and the line breaks around it; None at the end of the file.

        An ISA sets the delimiters for what follows. Raises `SegmentError` where no segment can be made out
        (`isa_malformed`, `segment_too_long`, `file_truncated`); `recover` finds the next place to go on.
        """
        self._to_segment()
        start = self._at
        if start >= len(self._buffer):
            return None
        if self._buffer.startswith(b"ISA", start):
            found = delimiters_of(self._buffer[start : start + _ISA_LONGEST])
            if found is None:
                raise SegmentError("isa_malformed")
            self._delimiters = found
        terminator = self.delimiters.segment
        searched = start
        while (end := self._buffer.find(terminator, searched)) < 0:
            if len(self._buffer) - self._at > LONGEST_SEGMENT:
                raise SegmentError("segment_too_long")
            before = self._at
            searched = len(self._buffer)
            if not self._fill():
                # Broken off; another interchange, with another terminator, may have been appended.
                raise SegmentError(
                    "segment_broken" if self._isa_in(self._at + 1, len(self._buffer)) >= 0 else "file_truncated"
                )
            searched -= before - self._at
        start = self._at
        if end - start > LONGEST_SEGMENT:
            raise SegmentError("segment_too_long")
        if end - start > _ISA_LENGTH and self._isa_in(start + 1, end + 1) >= 0:
            raise SegmentError("segment_broken")
        self._at = end + 1
        return self._buffer[start:end].rstrip(_WHITESPACE)

    def recover(self) -> bool:
        """After `SegmentError`: move on to the next ISA, ST or SE, whichever comes first. False at the end of the file."""
        if (
            self._buffer.startswith(b"ISA", self._at)
            and delimiters_of(self._buffer[self._at : self._at + _ISA_LONGEST]) is None
        ):
            self._delimiters = None
        self._at += 1  # whatever starts here is broken; never come back to it
        if self._delimiters is None:
            return self._to_isa()
        return self.skip_to_transaction_edge()[0]

    def _to_isa(self) -> bool:
        while True:
            found = self._isa_in(self._at, len(self._buffer))
            if found >= 0:
                self._at = found
                return True
            self._at = max(self._at, len(self._buffer) - _TAIL)
            if not self._fill():
                self._at = len(self._buffer)
                return False

    def skip_to_transaction_edge(self) -> tuple[bool, int]:
        """Go to the next SE, ST or ISA without reading what lies between: whether there is one, and the segments passed.

        What is passed isn't copied, split or kept. An ISA counts only in its fixed-width form, so that the
        letters within a name are never taken for one.
        """
        delimiters = self.delimiters
        end_tag, start_tag = b"SE" + delimiters.element, b"ST" + delimiters.element
        passed = 0
        while True:
            edge = self._tag_in(end_tag, self._at, len(self._buffer))
            limit = edge if edge >= 0 else len(self._buffer)
            # A transaction that breaks off shows as an ST or ISA before the next SE.
            for found in (self._tag_in(start_tag, self._at, limit), self._isa_in(self._at, limit)):
                if found >= 0:
                    edge = limit = found
            if edge >= 0:
                passed += self._buffer.count(delimiters.segment, self._at, edge)
                self._at = edge
                return True, passed
            onward = max(self._at, len(self._buffer) - _TAIL)
            passed += self._buffer.count(delimiters.segment, self._at, onward)
            self._at = onward
            if not self._fill():
                self._at = len(self._buffer)
                return False, passed

    def _tag_in(self, tag: bytes, start: int, end: int) -> int:
        """Where a segment with this tag starts in the buffer, or -1: the tag counts only right after a terminator."""
        found = self._buffer.find(tag, start, end)
        while found >= 0:
            if self._follows_terminator(found):
                return found
            found = self._buffer.find(tag, found + 1, end)
        return -1

    def _follows_terminator(self, at: int) -> bool:
        terminator = self.delimiters.segment[0]
        while at > 0:
            at -= 1
            if self._buffer[at] == terminator:
                return True
            if self._buffer[at] not in _WHITESPACE:
                return False
        return False

    def _isa_in(self, start: int, end: int) -> int:
        found = self._buffer.find(b"ISA", start, end)
        while found >= 0:
            isa = self._buffer[found : found + _ISA_LENGTH]
            if _is_fixed_width(isa) and delimiters_of(isa) is not None:
                return found
            found = self._buffer.find(b"ISA", found + 1, end)
        return -1
