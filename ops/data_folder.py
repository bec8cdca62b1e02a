"""The folder in which the all-in-one system keeps everything: checked, locked, and with secrets of its own."""

import base64
import fcntl
import os
import re
import secrets
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from ops.settings import DEVELOPMENT_FILE

DATABASE_FILE: Final = "gatehouse.db"
TEMPORAL_FILE: Final = "temporal.db"

_HEADER: Final = """\
# Written by `gatehouse up` at each start, so that other commands find the same system.
# GATEHOUSE_KEYS opens everything that the database and Temporal hold: without it they are lost.
# To change a setting, set the variable in the environment of `gatehouse up`.
"""
_LINE: Final = re.compile(r"([A-Z][A-Z0-9_]*)='((?:[^'\\]|\\.)*)'")


class DataFolderError(Exception):
    """The data folder can't be used; the text is one line for people that says why and what to do."""


class DataFolder:
    """The folder, while this process has it to itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @classmethod
    def claim(cls, path: Path) -> Self:
        """Make the folder if needed and lock it. Raises `DataFolderError`: not a folder, not writable, in use, broken."""
        folder = cls(path.absolute())
        try:
            folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in ("logs", "mailbox", "run"):
                (folder.path / part).mkdir(mode=0o700, exist_ok=True)
            folder._keep_to_owner()
            folder._take_lock()
        except (FileExistsError, NotADirectoryError) as error:
            wanted = Path(error.filename or path)
            no_folder = next((part for part in (wanted, *wanted.parents) if part.exists()), path)
            raise DataFolderError(
                f"{no_folder} is not a folder; move it away or set GATEHOUSE_DATA_DIR to another place"
            ) from None
        except OSError as error:
            raise DataFolderError(
                f"the data folder {path} can't be written: {error.strerror}; set GATEHOUSE_DATA_DIR to another place"
            ) from None
        for name in (DATABASE_FILE, TEMPORAL_FILE):
            folder._check_database(name)
        return folder

    def _keep_to_owner(self) -> None:
        """Take from everybody else what an earlier start, a copy or another hand has given them."""
        kept = [self.path, *(self.path / part for part in ("logs", "mailbox", "run")), self.path / DEVELOPMENT_FILE]
        for name in (DATABASE_FILE, TEMPORAL_FILE):
            kept += self.path.glob(f"{name}*")
        for path in kept:
            if path.exists() and (mode := path.stat().st_mode) & 0o077:
                path.chmod(mode & 0o700)

    def _take_lock(self) -> None:
        lock = os.open(self.path / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode("ascii", errors="replace").strip()
            os.close(lock)
            raise DataFolderError(
                f"another `gatehouse up`{f' (process {owner})' if owner.isdigit() else ''} uses {self.path}; "
                "stop it or set GATEHOUSE_DATA_DIR to another place"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """Let others use the folder. Ending the process does the same."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _check_database(self, name: str) -> None:
        file = self.path / name
        if not file.exists():
            return
        try:
            with file.open("rb") as opened:
                start = opened.read(16)
            if start and start != b"SQLite format 3\0":
                raise sqlite3.DatabaseError
            connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            finally:
                connection.close()
        except OSError as error:
            raise DataFolderError(f"{file} can't be read: {error.strerror}") from None
        except sqlite3.OperationalError as error:
            raise DataFolderError(f"{file} can't be opened ({error}); is another program using it?") from None
        except sqlite3.DatabaseError:
            raise DataFolderError(
                f"{file} is damaged; restore it from a copy, or move {self.path} away to start anew"
            ) from None

    def is_migrated(self, migrations: Path) -> bool:
        """Whether the database is at the newest revision, so that there is nothing to migrate.

        Raises `DataFolderError` when it was upgraded by a version of Gatehouse newer than this one. Read from the
        files, because asking Alembic takes a second or two of every start.
        """
        known, superseded = set[str](), set[str]()
        for file in migrations.glob("*.py"):
            text = file.read_text(encoding="utf-8")
            known |= set(re.findall(r"^revision\b[^=\n]*=\s*[\"']([^\"']+)", text, re.MULTILINE))
            for earlier in re.findall(r"^down_revision\b[^=\n]*=(.*)$", text, re.MULTILINE):
                superseded |= set(re.findall(r"[\"']([^\"']+)", earlier))
        at = self._revisions()
        if known and not at <= known:
            raise DataFolderError(
                f"{self.path / DATABASE_FILE} was written by a newer version of Gatehouse; "
                "use that version, or set GATEHOUSE_DATA_DIR to another place"
            )
        return bool(at) and at == known - superseded

    def _revisions(self) -> set[str]:
        file = self.path / DATABASE_FILE
        if not file.exists():
            return set()
        connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}
        except sqlite3.OperationalError:  # A database without the table has not been migrated yet.
            return set()
        finally:
            connection.close()

    def secrets(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The secrets of this folder, made the first time; those of the environment come first.

        Raises `DataFolderError` when there is a database but its key is gone.
        """
        kept = self.read_environment()
        wanted = {}
        for name, make in (("GATEHOUSE_KEYS", _new_keyring), ("GATEHOUSE_CODEC_SERVER_TOKEN", _new_token)):
            value = environ.get(name) or kept.get(name)
            if not value and name == "GATEHOUSE_KEYS" and (self.path / DATABASE_FILE).exists():
                raise DataFolderError(
                    f"{self.path / DEVELOPMENT_FILE} with the key of the database is missing; restore it, set GATEHOUSE_KEYS, "
                    f"or move {self.path} away to start anew"
                )
            wanted[name] = value or make()
        return wanted

    def read_environment(self) -> dict[str, str]:
        """The variables that the last start left."""
        try:
            text = (self.path / DEVELOPMENT_FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError):
            raise DataFolderError(
                f"{self.path / DEVELOPMENT_FILE} can't be read; restore it or move {self.path} away"
            ) from None
        return {
            found[1]: re.sub(r"\\(.)", r"\1", found[2])
            for line in text.splitlines()
            if (found := _LINE.fullmatch(line))
        }

    def write_environment(self, values: Mapping[str, str]) -> None:
        """Leave these variables for other commands, readable by the owner only, whole or not at all."""
        lines = [f"{name}={_quoted(value)}\n" for name, value in sorted(values.items()) if value.isprintable()]
        unfinished = self.path / f".{DEVELOPMENT_FILE}.part"
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(_HEADER + "".join(lines))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path / DEVELOPMENT_FILE)


def _quoted(value: str) -> str:
    escaped = re.sub(r"(['\\])", r"\\\1", value)
    return f"'{escaped}'"


def _new_keyring() -> str:
    return f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _new_token() -> str:
    return secrets.token_hex(32)
