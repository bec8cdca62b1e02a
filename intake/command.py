"""The import as a command for people: what each file is, how far it is, and a summary."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from domain.directory import DirectoryWriter, FileKind
from intake.detect import TITLES
from intake.loading import FileResult, Outcome, exit_status, import_files, summary_of

_INTERRUPTED: Final = 130
_TERMINAL_EVERY: Final = 0.1
_PLAIN_EVERY: Final = 10.0


def main(
    paths: Sequence[str | Path],
    *,
    writer: DirectoryWriter,
    out: TextIO = sys.stdout,
    err: TextIO = sys.stderr,
    rejects_folder: Path | None = None,
) -> int:
    """Import the files and tell about it: on a terminal with a live line, otherwise in plain lines. Returns the exit status.

    0: every file is in the directory. 1: one couldn't be read, or not to its end. 2: no file was named. 130: interrupted.
    """
    if not paths:
        print("Name the files to import: remittances (X12 835), check register, vendor file, NPPES files.", file=err)
        return 2
    report = _Printed(out, err)
    try:
        results = import_files(
            [Path(path) for path in paths], writer=writer, report=report, rejects_folder=rejects_folder
        )
    except KeyboardInterrupt:
        report.clear()
        print("Interrupted. What was read so far is loaded; import the same files again to go on.", file=err)
        return _INTERRUPTED
    report.summary(results, named=len(paths))
    return exit_status(results)


def _shown(path: Path) -> str:
    """The path without characters that would move the cursor."""
    return "".join(character if character.isprintable() else "?" for character in str(path))


class _Printed:
    """The `ImportReport` that prints."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._err = err
        self._is_terminal = out.isatty()
        self._started = self._told = 0.0
        self._has_line = False

    def clear(self) -> None:
        if self._has_line:
            self._out.write("\r\x1b[K")
            self._has_line = False

    def started(self, path: Path, kind: FileKind) -> None:
        self._started = self._told = time.monotonic()
        print(f"{_shown(path)}: {TITLES[kind]}", file=self._out, flush=True)

    def progressed(self, *, done: int, total: int, loaded: int, unchanged: int) -> None:
        now = time.monotonic()
        if now - self._told < (_TERMINAL_EVERY if self._is_terminal else _PLAIN_EVERY):
            return
        self._told = now
        line = f"  {100 * done // max(total, 1)} % of {total / 1e6:,.1f} MB, {loaded:,} loaded, {unchanged:,} unchanged"
        if self._is_terminal:
            self._out.write(f"\r\x1b[K{line}")
            self._out.flush()
            self._has_line = True
        else:
            print(line, file=self._out, flush=True)

    def finished(self, result: FileResult) -> None:
        self.clear()
        match result.outcome:
            case Outcome.FAILED:
                print("".join(c if c.isprintable() else "?" for c in result.problem), file=self._err, flush=True)
                return
            case Outcome.IGNORED:
                print(f"{_shown(result.path)}: a list of rejects that an import wrote; left alone", file=self._out)
            case Outcome.KNOWN:
                aside = f"; {_aside(result)}" if result.totals.set_aside else ""
                print(f"  loaded before, nothing to do{aside}", file=self._out)
                self._rejects(result)
            case Outcome.LOADED:
                totals, seconds = result.totals, time.monotonic() - self._started
                counts = f"{totals.loaded:,} loaded, {totals.unchanged:,} unchanged, {_aside(result)}"
                print(f"  {counts} ({seconds:.1f} s)", file=self._out)
                self._rejects(result)
        self._out.flush()

    def _rejects(self, result: FileResult) -> None:
        if result.rejects:
            print(f"  what to do about them: {_shown(result.rejects)}", file=self._out)
        if result.problem:
            print(result.problem, file=self._err)

    def summary(self, results: Sequence[FileResult], *, named: int) -> None:
        self.clear()
        loaded = sum(result.totals.loaded for result in results)
        unchanged = sum(result.totals.unchanged for result in results)
        aside = sum(sum(result.totals.set_aside.values()) for result in results)
        files = [f"{count} {words}" for words, count in (
            ("loaded", _count(results, Outcome.LOADED)),
            ("loaded before", _count(results, Outcome.KNOWN)),
            ("left alone", _count(results, Outcome.IGNORED)),
            ("of them not to the end", sum(result.breaks_off for result in results)),
            ("not read", _count(results, Outcome.FAILED) + named - len(results)),
        ) if count]  # fmt: skip
        print(f"{named} file{'' if named == 1 else 's'}: {', '.join(files)}", file=self._out)
        print(f"Records: {loaded:,} loaded, {unchanged:,} unchanged, {aside:,} set aside", file=self._out, flush=True)


def _aside(result: FileResult) -> str:
    reasons = result.totals.set_aside
    return f"{sum(reasons.values()):,} set aside" + (f": {summary_of(reasons)}" if reasons else "")


def _count(results: Sequence[FileResult], outcome: Outcome) -> int:
    return sum(result.outcome is outcome for result in results)
