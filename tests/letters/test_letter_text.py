"""A letter's words read back without a PDF library are those that a real reader finds."""

import re

import pypdfium2
import pytest

from domain.letters import Pin
from gateways.letters.pdf import LetterPdf
from ops.letter_text import letter_text
from tests.letters.samples import letter


def words(text: str) -> list[str]:
    return sorted(re.findall(r"\w[\w-]*", text))


@pytest.mark.parametrize("changes", [{}, {"pin": Pin("0123456789")}, {"person": "Ångström Žižek-Őry (Jr.) \\ 3"}])
def test_the_same_words_as_a_real_reader(changes: dict[str, object]):
    pdf = LetterPdf().render(letter(**changes))
    document = pypdfium2.PdfDocument(pdf)
    expected = document[0].get_textpage().get_text_range()
    document.close()
    assert words(letter_text(pdf)) == words(expected)


def test_the_pin_stands_on_a_line_of_its_own():
    pdf = LetterPdf().render(letter(pin=Pin("7K3M9QXW4T")))
    assert "7K3M9-QXW4T" in letter_text(pdf).splitlines()


@pytest.mark.parametrize(
    "content", [b"", b"not a PDF", b"%PDF-1.4\n1 0 obj\n<</Filter /FlateDecode>>\nstream\nx\nendstream\nendobj"]
)
def test_another_file_has_no_words(content: bytes):
    assert letter_text(content) == ""
