"""A file of the payer's as a stream: gzip or plain, counted for the progress line, never in memory as a whole."""

import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK: Final = 1 << 18
_LONGEST_LINE: Final = 1 << 18
_GZIP: Final = b"\x1f\x8b"


class SourceError(Exception):
    """A file can't be read at all. The message is one line for people and names the file."""


class DamagedSourceError(Exception):
    """A compressed file ends early or is damaged: what came before was read. `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sha256_of(path: Path) -> str:
    """The SHA-256 of the file's bytes as they lie on disk. Raises `SourceError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: can't be read ({error.strerror})") from None


class _Gunzip(io.RawIOBase):
    """Gzip members as one stream. Unlike `gzip.GzipFile` it gives out all there is before it says that the file breaks off."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._compressed = raw
        self._waiting = b""
        self._member: zlib._Decompress | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Raises EOFError where the file breaks off within a member, zlib.error where it is damaged."""
        space = memoryview(buffer).cast("B")
        while True:
            self._waiting = self._waiting or self._compressed.read(CHUNK)
            if self._member is None:
                had_any, self._waiting = bool(self._waiting), self._waiting.lstrip(b"\0")  # tapes pad with zeros
                if not had_any:
                    return 0
                if not self._waiting:
                    continue
                self._member = zlib.decompressobj(wbits=31)
            is_last = not self._waiting
            content = self._member.decompress(self._waiting, len(space))
            if self._member.eof:
                self._waiting, self._member = self._member.unused_data, None
            else:
                self._waiting = self._member.unconsumed_tail
                if is_last and not content:
                    raise EOFError
            if content:
                space[: len(content)] = content
                return len(content)


class Source:
    """An open file; `total` and `done` count the bytes on disk, whether they are compressed or not."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises `SourceError` in words: missing, a folder, not readable, empty."""
        self.path = path
        try:
            if path.is_dir():
                raise SourceError(f"{path}: is a folder; give the files in it")
            self._raw = path.open("rb")
        except FileNotFoundError:
            raise SourceError(f"{path}: there is no such file") from None
        except OSError as error:
            raise SourceError(f"{path}: can't be read ({error.strerror})") from None
        self.total = path.stat().st_size
        head = self._raw.read(2)
        self._raw.seek(0)
        if not head:
            self._raw.close()
            raise SourceError(f"{path}: is empty")
        self._is_compressed = head == _GZIP
        self._file = self._opened()

    def _opened(self) -> io.BufferedReader:
        self._raw.seek(0)
        return io.BufferedReader(_Gunzip(self._raw), CHUNK) if self._is_compressed else self._raw

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._raw.close()

    @property
    def done(self) -> int:
        return self._raw.tell()

    def head(self, size: int = 1 << 16) -> bytes:
        """The first bytes, uncompressed; afterwards the source stands at its beginning again."""
        parts: list[bytes] = []
        try:
            while size > 0 and (part := self._file.read1(size)):
                parts.append(part)
                size -= len(part)
        except (EOFError, OSError, zlib.error):
            if not parts:
                raise SourceError(f"{self.path}: is a damaged gzip file") from None
        self._file = self._opened()
        return b"".join(parts)

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The bytes, uncompressed. Raises `DamagedSourceError` where a compressed file breaks off."""
        while chunk := self._read(size):
            yield chunk

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read1(size)
        except EOFError:
            raise DamagedSourceError("file_truncated") from None
        except (OSError, zlib.error):
            raise DamagedSourceError("file_damaged") from None

    def lines(self) -> Iterator[str]:
        """The lines as text with their line ends: UTF-8, and a line that isn't is read as Windows-1252. A byte order mark is dropped.

        A line without an end is cut after 256 KiB, so that memory stays flat whatever the file is.
        """
        first = True
        while line := self._line():
            if first:
                line, first = line.removeprefix(b"\xef\xbb\xbf"), False
            try:
                yield line.decode()
            except UnicodeDecodeError:
                yield line.decode("cp1252", errors="replace")

    def _line(self) -> bytes:
        try:
            return self._file.readline(_LONGEST_LINE)
        except EOFError:
            raise DamagedSourceError("file_truncated") from None
        except (OSError, zlib.error):
            raise DamagedSourceError("file_damaged") from None
