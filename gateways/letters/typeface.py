"""The typeface of letters: Open Sans from files that ship with the code, embedded in every PDF, and what it can draw."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR: Final = "OpenSans"
SEMIBOLD: Final = "OpenSans-Semibold"
BOLD: Final = "OpenSans-Bold"

_FILES: Final = {
    REGULAR: "OpenSans-Regular.ttf",
    SEMIBOLD: "OpenSans-Semibold.ttf",
    BOLD: "OpenSans-Bold.ttf",
}
_FOLDER: Final = Path(__file__).parent / "fonts"

_ELLIPSIS: Final = "…"


@cache
def load() -> frozenset[int]:
    """Make the typeface known to reportlab, once a process; the code points that all its weights can draw."""
    faces = [TTFont(name, str(_FOLDER / file)) for name, file in _FILES.items()]
    for face in faces:
        pdfmetrics.registerFont(face)
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=SEMIBOLD, italic=REGULAR, boldItalic=SEMIBOLD)
    return frozenset.intersection(*(frozenset(face.face.charToGlyph) for face in faces))


def drawable(text: str) -> str:
    """The text as the typeface can draw it, or an empty string if too much of it would be lost.

    Latin with any diacritics, Greek and Cyrillic are drawn as they are. Another character becomes its base
    letters where Unicode knows them and is left out otherwise; when a letter has to be left out, nothing is
    drawn: half a name is not a name, and the caller has other words for it.
    """
    known = load()
    drawn: list[str] = []
    for character in unicodedata.normalize("NFKC", text):
        parts = character if ord(character) in known else unicodedata.normalize("NFKD", character)
        kept = "".join(part for part in parts if ord(part) in known and part.isprintable())
        if not kept and unicodedata.category(character)[0] in "LMN" and not unicodedata.combining(character):
            return ""
        drawn.append(kept)
    return " ".join("".join(drawn).split())


def drawable_prose(text: str) -> str:
    """Running text as the typeface can draw it; a word that it can't becomes an ellipsis."""
    return " ".join(drawable(word) or _ELLIPSIS for word in text.split())


def width(text: str, font: str, size: float) -> float:
    """The width of the text in points."""
    load()
    return float(pdfmetrics.stringWidth(text, font, size))


def shortened(text: str, font: str, *, size: float, room: float) -> str:
    """The text if it fits in `room` points, otherwise its beginning with an ellipsis, cut between words where one is near."""
    if width(text, font, size) <= room:
        return text
    kept = text
    while kept and width(kept.rstrip(" ,;-") + _ELLIPSIS, font, size) > room:
        kept = kept[:-1]
    at_word = kept.rpartition(" ")[0]
    if len(at_word) >= 0.7 * len(kept):
        kept = at_word
    return kept.rstrip(" ,;-") + _ELLIPSIS


def wrapped(text: str, font: str, *, size: float, room: float) -> list[str]:
    """The text broken between words into lines of at most `room` points; a word that is wider is broken inside."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        rest = word
        if line and width(f"{line} {rest}", font, size) <= room:
            line = f"{line} {rest}"
            continue
        if line:
            lines.append(line)
        while width(rest, font, size) > room:
            fitting = next(end for end in range(len(rest) - 1, 0, -1) if width(rest[:end], font, size) <= room)
            lines.append(rest[:fitting])
            rest = rest[fitting:]
        line = rest
    return [*lines, line] if line else lines
