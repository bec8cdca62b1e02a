"""What the payer's files say of organizations, payments, vendor numbers and NPIs, and the port through which intake writes it."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, Protocol, Self

from domain.identifiers import DocumentNumber, Ledger, Npi, Tin, VendorNumber
from domain.matching import PaymentStatus


class PaymentMethod(StrEnum):
    """How a payment was made, in the codes of BPR04; NON is a notice that nothing was paid."""

    CHECK = "CHK"
    ACH = "ACH"
    WIRE = "FWT"
    BANK_OPTION = "BOP"
    NON_PAYMENT = "NON"


class FileKind(StrEnum):
    """What a file of the payer's is, by its content."""

    REMITTANCE = "remittance"
    REGISTER = "register"
    VENDORS = "vendors"
    NPPES = "nppes"
    NPPES_DEACTIVATIONS = "nppes_deactivations"
    NPPES_OTHER_NAMES = "nppes_other_names"


_STATES: Final = frozenset(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "  # noqa: SIM905 - a table of codes reads best as text
    "RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI UM FM MH PW AA AE AP".split()
)
_ZIP: Final = re.compile(r"(\d{5})-?(\d{4})?")
_COUNTRY: Final = frozenset({"", "US", "USA"})


def cleaned_name(text: str, *, limit: int = 200) -> str:
    """The name on one line: NFC, without control, format or private characters, single spaces, at most `limit` characters."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            " " if character.isspace() else character
            for character in unicodedata.normalize("NFC", text)
            if character.isspace() or unicodedata.category(character)[0] != "C"
        )
    return " ".join(text.split())[:limit].rstrip()


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address in the United States that a letter can be sent to, upper case without periods and commas (USPS Publication 28)."""

    line1: str
    line2: str
    city: str
    state: str
    zip: str

    @classmethod
    def usable(
        cls, *, line1: str, line2: str = "", city: str, state: str, zip_code: str, country: str = ""
    ) -> Self | None:
        """The address if street, city, a US state and a ZIP code (five or nine digits) are all there, otherwise None."""
        first, second, town = (_postal(line1, 100), _postal(line2, 100), _postal(city, 60))
        state = state.strip().upper()
        matched = _ZIP.fullmatch(zip_code.strip())
        if not first:
            first, second = second, ""
        if not (first and town and matched and state in _STATES and country.strip().upper() in _COUNTRY):
            return None
        five, four = matched.groups()
        return cls(first, second, town, state, f"{five}-{four}" if four and four != "0000" else five)


def _postal(text: str, limit: int) -> str:
    return cleaned_name(text.replace(".", " ").replace(",", " "), limit=limit).upper()


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """One check, EFT payment or notice, as a remittance file or the check register tells it."""

    document: DocumentNumber
    method: PaymentMethod
    amount_cents: int
    issued_on: date
    tin: Tin
    payee: str
    npi: Npi | None = None  # None: issued at TIN level
    vendor_number: VendorNumber | None = None
    address: Address | None = None
    status: PaymentStatus = PaymentStatus.ISSUED
    replaces: DocumentNumber | None = None  # the payment of this TIN that this one was issued for again
    source: str = ""


def unfit_document(document: DocumentNumber, *, method: PaymentMethod, amount_cents: int) -> str:
    """Why number, method and amount don't go together, as a reason code; empty if they do.

    A notice (NON) has an NP number and no amount; a payment has neither an NP number nor the amount zero,
    which anyone could guess.
    """
    if method is PaymentMethod.NON_PAYMENT:
        if document.ledger is not Ledger.NOTICE:
            return "notice_without_np"
        return "notice_with_amount" if amount_cents else ""
    if document.ledger is Ledger.NOTICE:
        return "np_without_notice"
    return "" if amount_cents else "amount_zero"


@dataclass(frozen=True, slots=True)
class VendorFact:
    """One line of the vendor file: a payee's number with the organization behind it."""

    number: VendorNumber
    tin: Tin
    name: str
    address: Address | None = None
    closed_on: date | None = None
    npis: tuple[Npi, ...] = ()
    practitioners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NpiFact:
    """What one line of NPPES says of an NPI; what the line doesn't say is None or empty and takes nothing away."""

    npi: Npi
    entity_type: str | None = None  # 1 person, 2 organization
    name: str = ""
    other_names: tuple[str, ...] = ()
    deactivated_on: date | None = None
    reactivated_on: date | None = None


Fact = PaymentFact | VendorFact | NpiFact


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that was not loaded: where it stands, which element, and a stable code of the reason. Holds no value of the file."""

    position: str
    element: str
    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """How many facts of a batch changed the directory and how many it knew already."""

    loaded: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class FileTotals:
    """What became of the records of one file."""

    loaded: int = 0
    unchanged: int = 0
    set_aside: Mapping[str, int] = field(default_factory=dict)  # reason code: how many


class DirectoryWriter(Protocol):
    """Where intake puts its facts. Every call is one short transaction; all of them may be repeated.

    Facts are merged, so that a file read again after an interruption ends in the same directory. Every
    call may raise `domain.ports.RecordsUnavailable`, whose text holds no value of a file.
    """

    def begin(self, *, sha256: str, name: str, kind: FileKind) -> bool:
        """Note that this file is being read. False if these bytes were read to their end before: then there is nothing to do."""
        ...

    def write(self, facts: Sequence[Fact]) -> Written:
        """Merge the facts into the directory, in their order.

        A payment is known by ledger, number and TIN. A fact with an older issue date never overwrites
        a newer one; with the same date it adds what was unknown, and a voided or reissued payment stays so.
        """
        ...

    def set_aside(self, sha256: str, records: Sequence[SetAside]) -> None:
        """Note the records of this file that were not loaded."""
        ...

    def finish(self, sha256: str, totals: FileTotals) -> None:
        """Note that this file was read to its end."""
        ...
