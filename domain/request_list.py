"""A list of requests for access, as a billing service sends it: a CSV file of up to 1,000 lines, read line by line (rule T5).

A line is well-formed or has one defect; the defective ones go back as a file that can be corrected and sent again.
Nothing is looked up here.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from domain.identifiers import IdentifierError, Npi, Tin
from domain.organization_name import organization_name
from domain.people import business_address

MOST_LINES: Final = 1_000

# How the columns are called, in letters and digits only; where several fit, the first one written here is taken.
_COLUMNS: Final = {
    "tin": (
        "tin", "taxid", "taxidtin", "tintaxid", "taxidnumber", "providertin", "providertaxid", "taxidentificationnumber", "federaltaxid",
        "taxnumber", "ein",
    ),
    "npi": ("npi", "type2npi", "npitype2", "npinumber", "npioptional", "providernpi", "nationalprovideridentifier"),
    "provider_name": (
        "providername", "provider", "providerorganization", "organizationname", "organization", "practicename", "practice", "clinicname",
        "clinic", "name",
    ),
    "contact": (
        "contactemail", "contactemailaddress", "contactsemail", "businesscontactemail", "businesscontact", "contactaddress", "emailaddress", "email",
        "contact",
    ),
}  # fmt: skip
_REQUIRED: Final = {"tin": "Tax ID", "provider_name": "Provider name", "contact": "Contact e-mail"}
# What `rejected_csv` puts before the cells, and reading leaves out.
_ADDED: Final = ("line", "reason")


class RequestListError(ValueError):
    """The file as a whole can't be read; nothing was asked for. `code` is stable, `message` says what to do.

    Codes: `empty_file`, `not_utf8`, `columns_missing`, `columns_repeated`, `too_many_lines`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, repr=False)
class RequestLine:
    """A well-formed line. `number` is the row as a spreadsheet counts it, `tin` and `npi` are digits, `contact` is in its normal form."""

    number: int
    tin: str
    npi: str | None
    provider_name: str
    contact: str

    def __repr__(self) -> str:
        return f"RequestLine({self.number})"


@dataclass(frozen=True, slots=True, repr=False)
class RejectedLine:
    """A line with its first defect. `cells` are as they were sent; `field` is `tin`, `npi`, `provider_name`, `contact` or `line`.

    Codes are those of the field's own rules, `duplicate_line`, `cells_too_many` and `quotation_open`.
    """

    number: int
    cells: tuple[str, ...]
    field: str
    code: str
    message: str

    def __repr__(self) -> str:
        return f"RejectedLine({self.number}, {self.code})"


@dataclass(frozen=True, slots=True)
class RequestList:
    """What a file holds. `header` is the one that was sent, for the file of the rejected lines."""

    header: tuple[str, ...]
    lines: tuple[RequestLine, ...]
    rejected: tuple[RejectedLine, ...]


def read_request_list(file: bytes, *, most_lines: int = MOST_LINES) -> RequestList:
    """Read a CSV file: UTF-8 with or without a byte order mark, comma, semicolon or tab, any order of columns.

    Blank lines don't count. Of several lines for one Tax ID and NPI the first well-formed one stands. The marks and
    columns that `rejected_csv` adds are taken off. Raises `RequestListError`.
    """
    rows = _rows(_text(file))
    header = next(rows, None)
    if header is None:
        raise RequestListError("empty_file", "This file is empty. Choose the file with your requests.")
    kept = [place for place, title in enumerate(header[1]) if _plain_title(title) not in _ADDED]
    titles = tuple(header[1][place] for place in kept)
    columns = _columns(titles)
    lines: list[RequestLine] = []
    rejected: list[RejectedLine] = []
    first_lines: dict[tuple[str, str | None], int] = {}
    for count, (number, row) in enumerate(rows, start=1):
        if count > most_lines:
            raise RequestListError(
                "too_many_lines",
                f"A file has at most {most_lines:,} lines. Send it in several parts; nothing was sent.",
            )
        cells = tuple(row[place] for place in kept if place < len(row)) + row[len(header[1]) :]
        line = _judged(number, cells, titles, columns, first_lines)
        if isinstance(line, RejectedLine):
            rejected.append(line)
        else:
            first_lines[line.tin, line.npi] = number
            lines.append(line)
    if not lines and not rejected:
        raise RequestListError("empty_file", "This file has a line of titles only. Add a line for each provider.")
    return RequestList(titles, tuple(lines), tuple(rejected))


def rejected_csv(header: Iterable[str], lines: Iterable[RejectedLine]) -> str:
    """The rejected lines as a CSV file to correct and send again: `line`, `reason`, then the cells as they were sent.

    A cell that a spreadsheet would take for a formula starts with an apostrophe (OWASP, CSV Injection). To be
    written as UTF-8 with a byte order mark, which Excel needs.
    """
    rows: list[tuple[str, ...]] = [(*_ADDED, *header)]
    rows += [(str(line.number), line.message, *line.cells) for line in lines]
    return "".join(",".join(map(_quoted, row)) + "\r\n" for row in rows)


def rejected_later(header: tuple[str, ...], line: RequestLine, *, code: str, message: str) -> RejectedLine:
    """A well-formed line that was refused when it was asked for, for the same file: its values below the titles they had."""
    values = {"tin": line.tin, "npi": line.npi or "", "provider_name": line.provider_name, "contact": line.contact}
    fields = {place: field for field, place in _columns(header).items()}
    cells = tuple(values[fields[place]] if place in fields else "" for place in range(len(header)))
    return RejectedLine(line.number, cells, "line", code, message)


def _judged(
    number: int,
    cells: tuple[str, ...],
    titles: tuple[str, ...],
    columns: dict[str, int],
    first_lines: dict[tuple[str, str | None], int],
) -> RequestLine | RejectedLine:
    def rejected(field: str, code: str, message: str) -> RejectedLine:
        return RejectedLine(number, cells, field, code, message)

    def read(field: str, reader: Callable[[str], str]) -> str:
        place = columns.get(field, len(cells))
        try:
            return reader(cells[place].strip() if place < len(cells) else "")
        except IdentifierError as error:
            raise _Defect(field, error) from None

    if any(cell.strip() for cell in cells[len(titles) :]):
        return rejected(
            "line",
            "cells_too_many",
            "This line has more cells than titles. Put quotation marks around names with a comma.",
        )
    if any(cell.startswith('"') and cell.count('"') % 2 for cell in cells):
        return rejected(
            "line", "quotation_open", "A quotation mark in this line has no second one. Remove it or close it."
        )
    try:
        tin = read("tin", lambda text: Tin.parse(text).digits)
        npi = read("npi", lambda text: Npi.parse(text).digits if text else "") or None
        name = read("provider_name", organization_name)
        contact = read("contact", business_address)
    except _Defect as defect:
        return rejected(defect.field, defect.error.code, defect.error.message)
    if (tin, npi) in first_lines:
        return rejected(
            "line", "duplicate_line", f"Line {first_lines[tin, npi]} asks for the same provider. One request is enough."
        )
    return RequestLine(number, tin, npi, name, contact)


class _Defect(Exception):
    def __init__(self, field: str, error: IdentifierError) -> None:
        super().__init__(field)
        self.field = field
        self.error = error


def _text(file: bytes) -> str:
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RequestListError(
            "not_utf8", "This file can't be read as text. In your spreadsheet, save it as “CSV UTF-8”."
        ) from None


def _columns(titles: tuple[str, ...]) -> dict[str, int]:
    plain = [_plain_title(title) for title in titles]
    found: dict[str, int] = {}
    for field, names in _COLUMNS.items():
        for name in names:
            if plain.count(name) > 1:
                raise RequestListError(
                    "columns_repeated",
                    f"The column “{titles[plain.index(name)].strip()[:40]}” is there twice. Remove one.",
                )
            if name in plain:
                found[field] = plain.index(name)
                break
    missing = [title for field, title in _REQUIRED.items() if field not in found]
    if missing:
        raise RequestListError(
            "columns_missing",
            f"The first line has no column {', '.join(f'“{title}”' for title in missing)}. It needs Tax ID, Provider name and Contact e-mail; NPI is optional.",
        )
    return found


def _plain_title(title: str) -> str:
    """A title as its letters and digits: `Contact e-mail:` and `CONTACT_EMAIL` are one."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", title).casefold()))


# A quoted cell, which may hold delimiters and line ends, or a plain one. A quotation mark that nobody closes is part
# of its cell, so that it spoils one line and not all that follow. Possessive, so that no file takes long.
_CELL: Final = {
    delimiter: re.compile(rf'[ ]*"((?:[^"]++|"")*+)"([^{delimiter}\r\n]*)|([^{delimiter}\r\n]*)')
    for delimiter in ",;\t"
}
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
# What a spreadsheet calculates, and what it might after dropping white space or a mark in front.
_FORMULA: Final = re.compile(r"'*(?:\s*[=+\-@＝＋－＠]|[\t\r\n])")


def _rows(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The rows that aren't blank with their numbers, the title row first."""
    start = _LINE_END.split(text.lstrip("\r\n"), maxsplit=1)[0]
    delimiter = max(",;\t", key=start.count)
    number, place = 0, 0
    while place < len(text):
        number += 1
        cells: list[str] = []
        while True:
            place, cell = _cell_at(text, place, delimiter)
            cells.append(cell)
            if not text.startswith(delimiter, place):
                break
            place += 1
        end = _LINE_END.match(text, place)
        place = end.end() if end else len(text)
        if any(cell.strip() for cell in cells):
            yield number, tuple(cells)


def _cell_at(text: str, place: int, delimiter: str) -> tuple[int, str]:
    matched = _CELL[delimiter].match(text, place)
    if matched is None:  # the pattern fits the empty cell too
        raise AssertionError
    quoted, rest, plain = matched.groups()
    cell = plain if quoted is None else quoted.replace('""', '"') + rest.rstrip(" ")
    return matched.end(), cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _quoted(cell: str) -> str:
    guarded = f"'{cell}" if _FORMULA.match(cell) else cell
    return '"' + guarded.replace('"', '""') + '"'
