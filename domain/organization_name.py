"""The name of an organization as somebody typed it: of a billing service that registers, of a provider it asks for."""

import unicodedata
from typing import Final

from domain.identifiers import IdentifierError
from domain.people import holds_hidden_characters, holds_link, passes_for_another

_LONGEST: Final = 200
_SYMBOLS: Final = frozenset("+™®℠°№")  # beside punctuation, what names of clinics have


def organization_name(text: str) -> str:
    """The name, white space tidied, NFC: 1 to 200 characters of any script, starting with a letter, digit or quote.

    It stands in mails to people who never heard of the one who typed it (T1), so nothing in it may act, hide, pass for
    something else or lead elsewhere. Raises `IdentifierError` (`organization_name_missing`, `organization_name_length`,
    `organization_name_characters`, `organization_name_link`).
    """
    if holds_hidden_characters(text):
        raise IdentifierError(
            "organization_name_characters",
            "An organization's name can't hold control or invisible characters. Type it again.",
        )
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise IdentifierError("organization_name_missing", "Enter the organization's name.")
    if len(name) > _LONGEST:
        raise IdentifierError("organization_name_length", f"A name has at most {_LONGEST} characters here.")
    if holds_link(name):
        raise IdentifierError(
            "organization_name_link", "Enter the organization's name only, without a web or e-mail address."
        )
    if not _is_written_as_name(name):
        raise IdentifierError(
            "organization_name_characters",
            "An organization's name has letters, digits, spaces and punctuation, and starts with a letter or digit.",
        )
    return name


def _is_written_as_name(name: str) -> bool:
    kinds = [unicodedata.category(character) for character in name]
    if not any(kind[0] in "LN" for kind in kinds):
        return False
    # A sign at the start would be a formula to a spreadsheet; a mark there has nothing to stand on.
    if kinds[0][0] not in "LN" and name[0] not in "'’‘\"“«(#¡¿":
        return False
    return all(
        kind[0] in "LMNPZ" or character in _SYMBOLS for kind, character in zip(kinds, name, strict=True)
    ) and not passes_for_another(name)
