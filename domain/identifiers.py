"""What people type to say which organization and which payment: TIN, NPI, vendor number, document number, amount.

Each type forgives how people type (spaces, dashes, full-width digits, lower case, leading zeros) and
refuses what can't be meant, with one stable code per defect. Refusing costs no attempt (rules P1, P3, P4).
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

_SEPARATORS: Final = re.compile(r"[\s\-\u2010-\u2015\u2212.]+")
# Ways of drawing the same character. Superscripts, fractions and ligatures aren't: "10⁵⁰" isn't 1050.
_SAME_CHARACTER: Final = ("<wide>", "<narrow>", "<small>", "<font>", "<noBreak>")
# What a spreadsheet makes of a number. Dropping the point would turn it into ten or a hundred times as much.
_DECIMALS: Final = re.compile(r"\d\.0{1,2}\s*$")


class IdentifierError(ValueError):
    """A typed identifier that can't be meant. `code` is stable for clients, `message` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _plain(text: str) -> str:
    """The text with full-width and styled letters and digits as ordinary ones."""
    if text.isascii():
        return text
    return "".join(
        unicodedata.normalize("NFKC", character)
        if unicodedata.decomposition(character).startswith(_SAME_CHARACTER)
        else character
        for character in text
    )


def _folded(text: str) -> str:
    """The text as one run of upper-case characters without separators; what can't be meant stays in it, to be refused."""
    plain = _plain(text)
    if "." in plain and _DECIMALS.search(plain):
        return plain
    folded = _SEPARATORS.sub("", plain)
    return folded.upper() if folded.isascii() else folded  # "ß" in upper case would be the letters SS


def _digits(text: str, *, code: str, name: str, length: int) -> str:
    folded = _folded(text)
    if not folded:
        raise IdentifierError(f"{code}_missing", f"Enter the {name}.")
    if not (folded.isascii() and folded.isdigit()):
        raise IdentifierError(f"{code}_not_digits", f"The {name} has digits only; something else was typed.")
    if len(folded) != length:
        raise IdentifierError(
            f"{code}_length",
            f"The {name} has {length} digits; {len(folded)} {'was' if len(folded) == 1 else 'were'} typed.",
        )
    return folded


# First two digits that the IRS has never given to an employer. A sole proprietor's SSN may start
# with any of them, so this only ever warns.
_UNASSIGNED_EIN_PREFIXES: Final = frozenset(
    "00 07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97".split()  # noqa: SIM905 - a table of prefixes reads best as one line
)


@dataclass(frozen=True, slots=True, repr=False)
class Tin:
    """A Tax ID: nine digits (an EIN, or a sole proprietor's SSN). Never printed in clear: `repr` shows none of them."""

    digits: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person typed. Raises `IdentifierError` (`tin_missing`, `tin_not_digits`, `tin_length`, `tin_impossible`)."""
        digits = _digits(text, code="tin", name="Tax ID", length=9)
        if len(set(digits)) == 1:
            raise IdentifierError("tin_impossible", "This Tax ID can't exist: all its digits are the same.")
        return cls(digits)

    @property
    def masked(self) -> str:
        return f"•••••{self.digits[-4:]}"

    @property
    def has_unassigned_prefix(self) -> bool:
        """Whether no EIN starts like this: a reason to ask again, never to refuse (rule T3)."""
        return self.digits[:2] in _UNASSIGNED_EIN_PREFIXES

    def __repr__(self) -> str:
        return "Tin(•••••••••)"


@dataclass(frozen=True, slots=True, repr=False)
class Npi:
    """A National Provider Identifier: ten digits, the last one a Luhn check digit over `80840` + NPI."""

    digits: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person typed. Raises `IdentifierError` (`npi_missing`, `npi_not_digits`, `npi_length`, `npi_first_digit`, `npi_check_digit`)."""
        digits = _digits(text, code="npi", name="NPI", length=10)
        if digits[0] not in "12":
            raise IdentifierError("npi_first_digit", "An NPI starts with 1 or 2. Please check the number.")
        if not _luhn_valid("80840" + digits):
            raise IdentifierError("npi_check_digit", "This NPI has a typing error: its check digit doesn't fit.")
        return cls(digits)

    @property
    def masked(self) -> str:
        return f"••••••{self.digits[-4:]}"

    def __repr__(self) -> str:
        return f"Npi({self.masked})"


def _luhn_valid(digits: str) -> bool:
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def npi_with_check_digit(first_nine: str) -> Npi:
    """The NPI that starts with these nine digits; for generators of example data."""
    return next(Npi(first_nine + digit) for digit in "0123456789" if _luhn_valid("80840" + first_nine + digit))


@dataclass(frozen=True, slots=True)
class VendorNumber:
    """The payer's own number of a payee, as printed on its checks; up to 15 letters and digits, leading zeros don't count."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person typed. Raises `IdentifierError` (`vendor_missing`, `vendor_characters`, `vendor_length`)."""
        folded = _folded(text)
        if not folded:
            raise IdentifierError("vendor_missing", "Enter the vendor number.")
        if not (folded.isascii() and folded.isalnum()):
            raise IdentifierError("vendor_characters", "A vendor number has letters and digits only.")
        if len(folded) > 15:
            raise IdentifierError("vendor_length", "A vendor number has at most 15 characters.")
        return cls(folded.lstrip("0") or "0")


class Ledger(StrEnum):
    """Where a document number is looked up: the `NP` prefix selects the notices (rule P3)."""

    PAYMENT = "payment"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class DocumentNumber:
    """The number of a check, an EFT trace or a non-payment notice, as one field of the form takes it.

    `NP123`, `np 123` and `NP-00123` are one notice; `123` is a check or trace and never that notice.
    """

    ledger: Ledger
    number: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person typed. Raises `IdentifierError` (`document_missing`, `document_characters`, `document_length`, `document_np_alone`)."""
        folded = _folded(text).removeprefix("#")
        if not folded:
            raise IdentifierError("document_missing", "Enter the number of the check, payment or notice.")
        if not (folded.isascii() and folded.isalnum()):
            raise IdentifierError(
                "document_characters", "A check, payment or notice number has letters and digits only."
            )
        if len(folded) > 50:
            raise IdentifierError("document_length", "A check, payment or notice number has at most 50 characters.")
        if folded.startswith("NP"):
            digits = folded[2:]
            if not digits.isdigit():
                raise IdentifierError(
                    "document_np_alone", "A notice number is NP followed by digits, such as NP123456."
                )
            return cls(Ledger.NOTICE, digits.lstrip("0") or "0")
        number = folded.lstrip("0") or "0"
        if number.startswith("NP"):  # "0NP123" would print like the notice NP123 and be a payment
            raise IdentifierError("document_np_alone", "A notice number starts with NP, such as NP123456.")
        return cls(Ledger.PAYMENT, number)

    def __str__(self) -> str:
        return f"NP{self.number}" if self.ledger is Ledger.NOTICE else self.number


# Spaces only where they group thousands or stand beside a sign: "12 50" may be meant as 12.50.
_AMOUNT: Final = re.compile(
    r"\$? ?(\d{1,3}(?: ?, ?\d{3})+|\d{1,3}(?: \d{3})+|\d+) ?(?:\. ?(\d{0,2}))? ?(?:USD)?", re.ASCII | re.IGNORECASE
)
_AMOUNT_DIGITS: Final = 40  # more are never an amount, and reading thousands of digits costs time


@dataclass(frozen=True, slots=True, order=True)
class Amount:
    """An amount of US dollars, held in whole cents."""

    cents: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1,234.56`, `$1234.5`, `1234`. Raises `IdentifierError` (`amount_missing`, `amount_format`, `amount_too_large`)."""
        typed = " ".join(_plain(text).split())
        if not typed:
            raise IdentifierError("amount_missing", "Enter the amount of the payment.")
        matched = _AMOUNT.fullmatch(typed)
        if not matched:
            raise IdentifierError("amount_format", "Enter the amount in dollars and cents, such as 1,234.56.")
        dollars = re.sub(r"[ ,]", "", matched[1]).lstrip("0")[:_AMOUNT_DIGITS]
        cents = int(dollars or "0") * 100 + int((matched[2] or "").ljust(2, "0"))
        if cents > 99_999_999_999:
            raise IdentifierError("amount_too_large", "This amount is larger than any payment. Please check it.")
        return cls(cents)

    def __str__(self) -> str:
        return f"${self.cents // 100:,}.{self.cents % 100:02}"
