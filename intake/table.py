"""CSV tables of any origin: columns found by name, rows as a stream, and what can't be a row set aside by its line."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice
from typing import Final

from domain.directory import FileKind, SetAside
from intake.source import DamagedSourceError

# Some reports have a title above their header.
_HEADER_WITHIN: Final = 5
_SEPARATORS: Final = ",;\t|"
_US_DATE: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_ISO_DATE: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ][\d:.]+)?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a kind of file has, the names it goes by, and whether the file makes sense without it."""

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class TableLayout:
    """What a kind of CSV file is called and which columns it has."""

    kind: FileKind
    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """Where the columns of a layout stand in one file."""

    separator: str
    line: int  # the first line is 1
    width: int
    positions: Mapping[str, int]

    def missing(self, layout: TableLayout) -> list[str]:
        return [column.name for column in layout.columns if column.required and column.name not in self.positions]


class Row:
    """One record: cells by the layout's column names, trimmed; a column that the file doesn't have is empty."""

    __slots__ = ("_cells", "_positions", "position")

    def __init__(self, position: str, cells: list[str], positions: Mapping[str, int]) -> None:
        self.position = position
        self._cells = cells
        self._positions = positions

    def __getitem__(self, column: str) -> str:
        at = self._positions.get(column)
        return "" if at is None else self._cells[at].strip()


class RowError(Exception):
    """A cell that can't be meant: the column's name and a reason code, never the cell."""

    def __init__(self, element: str, reason: str) -> None:
        super().__init__(reason)
        self.element = element
        self.reason = reason


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def find_header(lines: Iterable[str], layout: TableLayout) -> Header | None:
    """The header among the first lines: the one with most of the layout's columns; None if it has none of them."""
    best: Header | None = None
    for number, line in enumerate(islice(lines, _HEADER_WITHIN), start=1):
        for separator in _SEPARATORS:
            cells = [_folded(cell) for cell in _cells(line, separator, strict=False) or ()]
            positions: dict[str, int] = {}
            for column in layout.columns:
                for alias in (_folded(column.name), *column.aliases):
                    if alias in cells and cells.index(alias) not in positions.values():
                        positions[column.name] = cells.index(alias)
                        break
            if positions and (best is None or len(positions) > len(best.positions)):
                best = Header(separator, number, len(cells), positions)
    return best


def read_rows(lines: Iterator[str], layout: TableLayout) -> Iterator[Row | SetAside]:
    """The records below the header, one a line. Raises nothing for what the file holds: a line that isn't a record is set aside by its number."""
    damage: list[SetAside] = []
    lines = _until_damaged(lines, damage)
    first = list(islice(lines, _HEADER_WITHIN))
    header = find_header(first, layout)
    if header is None or header.missing(layout):
        yield SetAside("line 1", "", "columns_missing")
        return
    for number, line in enumerate(chain(first[header.line :], lines), start=header.line + 1):
        position = f"line {number}"
        cells = _cells(line, header.separator, strict=True)
        if cells is None:
            yield SetAside(position, "", "row_malformed")
        elif len(cells) == header.width or (len(cells) > header.width and not any(cells[header.width :])):
            if any(cells):
                yield Row(position, cells, header.positions)
        elif any(cell.strip() for cell in cells):
            yield SetAside(position, "", "row_too_short" if len(cells) < header.width else "row_too_long")
    yield from damage


def _until_damaged(lines: Iterator[str], damage: list[SetAside]) -> Iterator[str]:
    try:
        yield from lines
    except DamagedSourceError as error:
        damage.append(SetAside("file", "", error.reason))


def _cells(line: str, separator: str, *, strict: bool) -> list[str] | None:
    """The cells of one line, None if it can't be read.

    Each line is read by itself: no field of the payer's files spans lines, and a quotation mark that is never closed
    must not take the lines after it, with other organizations' Tax IDs, into its field.
    """
    try:
        return next(csv.reader((line,), delimiter=separator, strict=strict), [])
    except csv.Error:
        return None


def day(text: str, column: str) -> date | None:
    """`2026-01-31`, `20260131` or `1/31/2026`; None for an empty cell. Raises `RowError` (`date_impossible`)."""
    if not text:
        return None
    if matched := _ISO_DATE.fullmatch(text):
        year, month, day_of_month = matched.groups()
    elif matched := _US_DATE.fullmatch(text):
        month, day_of_month, year = matched.groups()
    else:
        raise RowError(column, "date_impossible")
    try:
        found = date(int(year), int(month), int(day_of_month))
    except ValueError:
        raise RowError(column, "date_impossible") from None
    if not 1900 <= found.year <= 2099:
        raise RowError(column, "date_impossible")
    return found
