"""What makes a password good enough: length and not being guessable, no composition rules (NIST SP 800-63B-4)."""

import unicodedata
from collections.abc import Iterable
from typing import Final

from zxcvbn import zxcvbn

from domain.identifiers import IdentifierError

# Above this length every mix of look-alike symbols would be tried, for seconds; below it, they take a tenth of one.
_LENGTH_FOR_ALL_LOOK_ALIKES: Final = 24
_LOOK_ALIKES: Final = str.maketrans("@({[<$+|%!", "accccstlxi")

# Passwords that fall to fewer guesses are on every attacker's list.
_LEAST_GUESSES: Final = 10**7


class PasswordError(IdentifierError):
    """A password that can't be accepted: `password_short`, `password_long`, `password_characters`, `password_guessable`."""


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
    if any("\ud800" <= character <= "\udfff" for character in password):
        raise PasswordError("password_characters", "One of these characters can't be used. Type the password again.")
    about = tuple(about)
    words = [word for phrase in about for word in phrase.replace("@", " ").replace(".", " ").split() if len(word) > 2]
    judged = password if len(password) <= _LENGTH_FOR_ALL_LOOK_ALIKES else password.translate(_LOOK_ALIKES)
    known = [*about, *words, "gatehouse"]
    known += [word.translate(_LOOK_ALIKES) for word in known]
    if zxcvbn(judged, user_inputs=known, max_length=most)["guesses"] < _LEAST_GUESSES:
        raise PasswordError("password_guessable", "This password is easy to guess. A few random words work well.")
    return password
