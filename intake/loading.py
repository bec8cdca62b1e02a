"""Files into the directory: each told apart, streamed in batches, its rejects written to a list, and the rest loaded."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, Self, assert_never

from domain.directory import DirectoryWriter, Fact, FileKind, FileTotals, SetAside
from domain.ports import RecordsUnavailable
from intake.detect import REJECTS_HEADER, OwnRejectsError, kind_of
from intake.nppes import read_deactivations, read_other_names, read_providers
from intake.reasons import BREAKS_OFF, WHAT_TO_DO
from intake.register import read_register
from intake.remittance import read_remittances
from intake.source import Source, SourceError, sha256_of
from intake.vendors import read_vendors

BATCH: Final = 1000


class Outcome(StrEnum):
    """What became of a file."""

    LOADED = "loaded"
    KNOWN = "known"  # these bytes were loaded before; they are only read for the list of what was set aside
    IGNORED = "ignored"  # a list of rejects that an import wrote
    FAILED = "failed"  # it couldn't be read, or not to its end; `problem` says why


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    path: Path
    outcome: Outcome
    kind: FileKind | None = None
    totals: FileTotals = field(default_factory=FileTotals)
    rejects: Path | None = None  # where the list of what was set aside is
    problem: str = ""  # one line for people

    @property
    def breaks_off(self) -> bool:
        """Whether the file ends before its end: what came before is loaded, and what is missing nobody knows."""
        return not BREAKS_OFF.isdisjoint(self.totals.set_aside)


class ImportReport(Protocol):
    """Who is told how an import goes."""

    def started(self, path: Path, kind: FileKind) -> None: ...

    def progressed(self, *, done: int, total: int, loaded: int, unchanged: int) -> None:
        """`done` of `total` bytes are read; called after every batch."""
        ...

    def finished(self, result: FileResult) -> None: ...


def import_files(
    paths: Iterable[Path], *, writer: DirectoryWriter, report: ImportReport, rejects_folder: Path | None = None
) -> list[FileResult]:
    """Load the files, one after the other; what is wrong with one doesn't stop the next.

    What is set aside is listed in `<file>.rejects.csv` beside the file, or in `rejects_folder`. The same
    bytes are loaded once, and importing them again writes only that list again; a file whose import was
    interrupted is simply imported again. If the
    database goes away the import ends with the file at hand: its result says so and none follow.
    """
    results: list[FileResult] = []
    for path in paths:
        is_database_away = False
        try:
            result = _import_file(path, writer=writer, report=report, rejects_folder=rejects_folder)
        except SourceError as error:
            result = FileResult(path, Outcome.FAILED, problem=str(error))
        except OwnRejectsError:
            result = FileResult(path, Outcome.IGNORED)
        except RecordsUnavailable as error:
            is_database_away = True
            result = FileResult(
                path, Outcome.FAILED, problem=f"{path}: stopped, {error}; import it again, nothing is lost"
            )
        results.append(result)
        report.finished(result)
        if is_database_away:
            break
    return results


def exit_status(results: Sequence[FileResult]) -> int:
    """0 if every file was loaded whole, now or before; 1 if one couldn't be read, or not to its end. Records set aside don't count."""
    return int(any(result.outcome is Outcome.FAILED or result.breaks_off for result in results))


def _import_file(
    path: Path, *, writer: DirectoryWriter, report: ImportReport, rejects_folder: Path | None
) -> FileResult:
    with Source(path) as source:
        kind = kind_of(source)
        report.started(path, kind)
        before = path.stat()
        sha256 = sha256_of(path)
        is_new = writer.begin(sha256=sha256, name=path.name, kind=kind)
        with _Rejects(_rejects_path(path, sha256, rejects_folder)) as rejects:
            totals = _load(source, kind, sha256, writer=writer if is_new else None, report=report, rejects=rejects)
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise SourceError(f"{path}: changed while it was read; import it again")
        if is_new:
            writer.finish(sha256, totals)
    outcome = Outcome.LOADED if is_new else Outcome.KNOWN
    return FileResult(path, outcome, kind, totals, rejects.path if totals.set_aside else None, rejects.problem)


def _load(
    source: Source,
    kind: FileKind,
    sha256: str,
    *,
    writer: DirectoryWriter | None,
    report: ImportReport,
    rejects: "_Rejects",
) -> FileTotals:
    """Without a writer only what is set aside is listed: the facts are in the directory."""
    loaded = unchanged = 0
    reasons: Counter[str] = Counter()
    for facts, defects in _batches(_records(source, kind)):
        if writer is not None:
            written = writer.write(facts)
            loaded += written.loaded
            unchanged += written.unchanged
            writer.set_aside(sha256, defects)
        rejects.add(defects)
        reasons.update(defect.reason for defect in defects)
        report.progressed(done=source.done, total=source.total, loaded=loaded, unchanged=unchanged)
    return FileTotals(loaded, unchanged, dict(reasons.most_common()))


def _records(source: Source, kind: FileKind) -> Iterator[Fact | SetAside]:
    name = source.path.name
    match kind:
        case FileKind.REMITTANCE:
            return read_remittances(source.chunks(), name=name)
        case FileKind.REGISTER:
            return read_register(source.lines(), name=name)
        case FileKind.VENDORS:
            return read_vendors(source.lines())
        case FileKind.NPPES:
            return read_providers(source.lines())
        case FileKind.NPPES_DEACTIVATIONS:
            return read_deactivations(source.lines())
        case FileKind.NPPES_OTHER_NAMES:
            return read_other_names(source.lines())
        case _:
            assert_never(kind)


def _batches(records: Iterator[Fact | SetAside]) -> Iterator[tuple[list[Fact], list[SetAside]]]:
    facts: list[Fact] = []
    defects: list[SetAside] = []
    for record in records:
        if isinstance(record, SetAside):
            defects.append(record)
        else:
            facts.append(record)
        if len(facts) >= BATCH or len(defects) >= BATCH:
            yield facts, defects
            facts, defects = [], []
    yield facts, defects


def _rejects_path(path: Path, sha256: str, folder: Path | None) -> Path:
    # In a folder for all, two files of the same name must not overwrite each other's list.
    return folder / f"{path.name}.{sha256[:8]}.rejects.csv" if folder else path.with_name(f"{path.name}.rejects.csv")


class _Rejects:
    """The list of what was set aside, written as it comes; there is no file while there is nothing to list."""

    def __init__(self, path: Path) -> None:
        self.path: Path | None = path
        self.problem = ""
        self._stack = ExitStack()
        self._writer: Any = None  # csv's writer type has no public name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, defects: Sequence[SetAside]) -> None:
        if not defects or self.path is None:
            return
        try:
            if self._writer is None:
                self._writer = csv.writer(self._stack.enter_context(self.path.open("w", newline="", encoding="utf-8")))
                self._writer.writerow(REJECTS_HEADER)
            self._writer.writerows(_guarded(defect) for defect in defects)
        except OSError as error:
            self.problem = f"{self.path}: the list of what was set aside can't be written ({error.strerror})"
            self.path = None


def _guarded(defect: SetAside) -> list[str]:
    """The cells, none of which a spreadsheet would take for a formula."""
    cells = (defect.position, defect.element, defect.reason, WHAT_TO_DO.get(defect.reason, ""))
    return [f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in cells]


def summary_of(reasons: Mapping[str, int]) -> str:
    """`npi_check_digit 2, date_impossible 1`, the most frequent first."""
    return ", ".join(
        f"{reason} {count:,}" for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    )
