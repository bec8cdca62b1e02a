"""What makes a password good enough: length and not being guessable, no composition rules (NIST SP 800-63B-4)."""

import unicodedata
from collections.abc import Iterable

from zxcvbn import zxcvbn

from domain.identifiers import IdentifierError

# Passwords that fall to fewer guesses are on every attacker's list.
_LEAST_GUESSES = 10**7


class PasswordError(IdentifierError):
    """A password that can't be accepted: `password_short`, `password_long`, `password_guessable`."""


def acceptable_password(text: str, *, least: int, most: int, about: Iterable[str]) -> str:
    """The password in its normal form (NFC), ready to be hashed.

    `about` are words that an attacker would try first: the person's name and address, the payer's name. Counts
    characters, not bytes.
    """
    password = unicodedata.normalize("NFC", text)
    if len(password) < least:
        raise PasswordError("password_short", f"Use at least {least} characters. A few random words work well.")
    if len(password) > most:
        raise PasswordError("password_long", f"Use at most {most} characters.")
    words = [word for phrase in about for word in phrase.replace("@", " ").replace(".", " ").split() if len(word) > 2]
    if zxcvbn(password, user_inputs=[*words, "gatehouse"], max_length=most)["guesses"] < _LEAST_GUESSES:
        raise PasswordError("password_guessable", "This password is easy to guess. A few random words work well.")
    return password
