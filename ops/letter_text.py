"""The words of one of our own letters, read back from its PDF with nothing but the standard library.

Not a reader of PDFs in general: it knows the files that reportlab writes with embedded TrueType fonts, where a text
is a row of glyph numbers and each font carries a table from those to characters (`ToUnicode`).
"""

import base64
import re
import zlib
from typing import Final

_OBJECT: Final = re.compile(rb"(\d+) 0 obj(.*?)endobj", re.DOTALL)
_STREAM: Final = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_SHOWN: Final = re.compile(rb"/(\S+) [\d.]+ Tf|\(((?:\\.|[^\\()])*)\) Tj", re.DOTALL)
_FONT: Final = re.compile(rb"/(F\d+\+\d+) (\d+) 0 R")
_RANGE: Final = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*\[(.*?)\]", re.DOTALL)
_PAIR: Final = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?=[\r\n])")
_ESCAPED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def letter_text(pdf: bytes) -> str:
    """The page's texts, one a line, in the order in which they are drawn. Empty for a file of another kind."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    fonts = {
        name: _characters(_unpacked(objects.get(int(reference[1]), b"")))
        for body in objects.values()
        for name, number in _FONT.findall(body)
        if (reference := re.search(rb"/ToUnicode (\d+) 0 R", objects.get(int(number), b"")))
    }
    lines = []
    for body in objects.values():
        content = _unpacked(body)
        table: dict[int, str] = {}
        for font, shown in _SHOWN.findall(content):
            if font:
                table = fonts.get(font, {})
            elif table:
                lines.append("".join(table.get(code, "") for code in _unescaped(shown)))
    return "\n".join(lines)


def _unpacked(body: bytes) -> bytes:
    stream = _STREAM.search(body)
    if stream is None:
        return b""
    content = stream[1]
    try:
        if b"/ASCII85Decode" in body:
            content = base64.a85decode(content.strip().removesuffix(b"~>"))
        return zlib.decompress(content) if b"/FlateDecode" in body else content
    except (ValueError, zlib.error):
        return b""


def _characters(table: bytes) -> dict[int, str]:
    found: dict[int, str] = {}
    for first, _, texts in _RANGE.findall(table):
        for place, text in enumerate(re.findall(rb"<([0-9A-Fa-f]+)>", texts)):
            found[int(first, 16) + place] = _text(text)
    return found or {int(code, 16): _text(text) for code, text in _PAIR.findall(table)}


def _text(hexadecimal: bytes) -> str:
    return bytes.fromhex(hexadecimal.decode()).decode("utf-16-be", errors="replace")


def _unescaped(text: bytes) -> bytes:
    def meant(found: re.Match[bytes]) -> bytes:
        escaped = found[1]
        return bytes([int(escaped, 8) & 255]) if escaped.isdigit() else _ESCAPED.get(escaped, escaped)

    return re.sub(rb"\\([0-7]{1,3}|.)", meant, text, flags=re.DOTALL)
