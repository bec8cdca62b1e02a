"""What kind of file this is, told by its content and never by its name."""

from typing import Final

from domain.directory import FileKind
from intake.nppes import DEACTIVATIONS, OTHER_NAMES, PROVIDERS
from intake.register import REGISTER
from intake.source import Source, SourceError
from intake.table import TableLayout, find_header
from intake.vendors import VENDORS

# In this order: a file that has the columns of two is the earlier one.
LAYOUTS: Final = (PROVIDERS, OTHER_NAMES, DEACTIVATIONS, REGISTER, VENDORS)
TITLES: Final = {FileKind.REMITTANCE: "X12 835 remittance"} | {layout.kind: layout.title for layout in LAYOUTS}
REJECTS_HEADER: Final = ("position", "element", "reason", "what to do")

_EXPECTED: Final = "expected an X12 835 remittance file, or a CSV file: check register, vendor file, NPPES providers, other names or deactivations"
_MARK: Final = b"\xef\xbb\xbf"


class OwnRejectsError(Exception):
    """The file is a list of rejects that an import wrote itself."""


def kind_of(source: Source) -> FileKind:
    """The kind of the file. Raises `SourceError` with one line: what is missing, or what was expected; `OwnRejectsError`."""
    head = source.head().removeprefix(_MARK)
    if head.lstrip()[:3] == b"ISA" and len(head.lstrip()) > 3 and not head.lstrip()[3:4].isalnum():
        return FileKind.REMITTANCE
    path = source.path
    if head[:2] == b"PK":
        raise SourceError(f"{path}: is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV")
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise SourceError(f"{path}: is UTF-16 text; save it as CSV UTF-8")
    lines = head.decode(errors="replace").splitlines(keepends=True)
    if lines and lines[0].strip().casefold() == ",".join(REJECTS_HEADER):
        raise OwnRejectsError
    nearest: tuple[float, TableLayout, list[str]] | None = None
    for layout in LAYOUTS:
        header = find_header(lines, layout)
        if header is None:
            continue
        missing = header.missing(layout)
        if not missing:
            return layout.kind
        share = 1 - len(missing) / sum(column.required for column in layout.columns)
        if nearest is None or share > nearest[0]:
            nearest = (share, layout, missing)
    if nearest and nearest[0] >= 0.5:
        _, layout, missing = nearest
        columns = ", ".join(missing)
        raise SourceError(f"{path}: looks like a {layout.title} but has no column for {columns}")
    raise SourceError(f"{path}: unknown kind of file; {_EXPECTED}")
