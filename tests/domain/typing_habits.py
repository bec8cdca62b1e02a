"""How people type: the same number spaced, dashed, in full-width characters; and what became of it."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

from domain.identifiers import IdentifierError

Value = TypeVar("Value")

SEPARATORS = [
    " ",
    "-",
    ".",
    "\t",
    "\n",
    "\u00a0",
    "\u2003",
    "\u202f",
    "\u3000",
    "\u2010",
    "\u2011",
    "\u2012",
    "\u2013",
    "\u2014",
    "\u2212",
    "\uff0d",
]

_FULL_WIDTH = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
_MATHEMATICAL = {str(digit): chr(0x1D7CE + digit) for digit in range(10)}


@st.composite
def typed(draw: st.DrawFn, text: str) -> str:
    """`text` as somebody may type or paste it. Between its characters there may be separators; none becomes a decimal tail."""
    parts = []
    for character in text:
        form = draw(
            st.sampled_from(
                [
                    character,
                    character.lower(),
                    character.upper(),
                    _FULL_WIDTH[character],
                    _MATHEMATICAL.get(character, character),
                ]
            )
        )
        parts.append(form + draw(st.sampled_from(["", "", "", *SEPARATORS])))
    # ".0" and ".00" at the end are a spreadsheet's, and are refused.
    return draw(st.sampled_from(["", " ", "\u00a0"])) + "".join(parts[:-3]) + "".join(parts[-3:]).replace(".", " ")


# Text that nobody could mean as a number: signs, controls, invisible and bidirectional characters, other digits.
INTRUDERS = [
    "\x00", "\x07", "\x1b", "\u200b", "\u200d", "\u200e", "\u202e", "\u2066", "\ufeff", "\u00ad",
    "\u0661", "\u06f1", "\u0967", "\u00b2", "\u2460", "\u00bd", "\u0410", "ß", "ı", "ﬁ", "é", "€", "/", "\\", "'", '"', ";", "<", "=", "+", "*", "_", "%", "\ud800", "😀",
]  # fmt: skip


def outcome(parse: Callable[[str], Value], text: str) -> Value | IdentifierError:
    """What was read, or the refusal; any other exception is a defect."""
    try:
        return parse(text)
    except IdentifierError as error:
        return error
