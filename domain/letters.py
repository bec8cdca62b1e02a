"""Registration by US Mail: the PIN, where a letter may go, how long and how often (rule P2).

Numbers come in as arguments; they are settings (`domain.limits`). Times are aware datetimes; a PIN's clock
starts when its letter is mailed (rule B3).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, Self

from domain.calendar import next_business_day
from domain.directory import Address
from domain.identifiers import IdentifierError

PIN_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without I, L and O, which read like digits, and without U."""

_PIN_LENGTH: Final = 10
_SEPARATORS: Final = re.compile(r"[\s\-_.\u00ad\u2010-\u2015\u2212]+")
_MEANT: Final = str.maketrans("OIL", "011")

# Characters that a reader takes for one another, each mapped to one of them.
_LOOK_ALIKE: Final = str.maketrans("OIL5347862VU", "011SEATBGZUU")
# Not complete, only what would be a complaint on the payer's letterhead. Compared after folding look-alikes,
# so that F0CK-like spellings with digits are caught too.
_RUDE: Final = frozenset(
    "ANAL ANUS ARSE ASS BITCH BOOB BUTT CLIT COCK COON CRAP CUM CUNT DAMN DICK DIE DYKE FAG FAT FUC FUK FUCK HELL HOMO "
    "JIZZ KILL KKK NAZI NIGG PENIS PISS POOP PORN PRICK PUSSY RAPE RETARD SEX SHIT SLUT SPIC SUCK TIT TURD TWAT WANK "
    "WHORE XXX".translate(_LOOK_ALIKE).split()
)


@dataclass(frozen=True, slots=True, repr=False)
class Pin:
    """The secret of one letter: ten characters of `PIN_ALPHABET`, 50 bits. `repr` and `str` never show it."""

    characters: str

    def __post_init__(self) -> None:
        if len(self.characters) != _PIN_LENGTH or not set(self.characters) <= set(PIN_ALPHABET):
            # No value in the text: it could end in a log.
            raise ValueError("not a PIN")

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> Self:
        """A PIN of 50 random bits that spells no rude word; `random_bytes` gives that many unguessable bytes."""
        # One PIN in about 130 is drawn again; a hundred in a row mean that the source isn't random.
        for _ in range(100):
            number = int.from_bytes(random_bytes(7), "big")
            characters = "".join(PIN_ALPHABET[number >> 5 * place & 31] for place in range(_PIN_LENGTH))
            if not spells_rude_word(characters):
                return cls(characters)
        raise ValueError("the source of randomness repeats itself")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person typed: any case, with or without dash and spaces, O for 0, I and L for 1.

        Raises `IdentifierError` (`pin_missing`, `pin_characters`, `pin_length`); refusing costs no try.
        """
        folded = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper().translate(_MEANT)
        if not folded:
            raise IdentifierError("pin_missing", "Enter the PIN from the letter.")
        if "U" in folded:
            raise IdentifierError("pin_characters", "A PIN never has the letter U. Look again: it may be a V.")
        if not set(folded) <= set(PIN_ALPHABET):
            raise IdentifierError("pin_characters", "A PIN has letters and digits only; something else was typed.")
        if len(folded) != _PIN_LENGTH:
            raise IdentifierError(
                "pin_length",
                f"A PIN has {_PIN_LENGTH} letters and digits; {len(folded)} {'was' if len(folded) == 1 else 'were'} typed.",
            )
        return cls(folded)

    @property
    def shown(self) -> str:
        """`XXXXX-XXXXX`, as the letter prints it. For the letter only."""
        return f"{self.characters[:5]}-{self.characters[5:]}"

    def __repr__(self) -> str:
        return "Pin(•••••-•••••)"


def spells_rude_word(characters: str) -> bool:
    """Whether a rude word can be read in these characters, digits that look like letters included."""
    read = characters.upper().translate(_LOOK_ALIKE)
    return any(word in read for word in _RUDE)


ON_THEIR_WAY: Final = ("due", "handed_over", "mailed")
"""The states of a letter that may still arrive; whether a mailed one's PIN is over, its time tells."""

FAILED: Final = ("returned", "refused")
"""The states of a letter that never reached anybody."""


class AddressDefect(StrEnum):
    """Why no letter can go to a location of the directory; staff see it with the case (P2)."""

    FOREIGN = "foreign"
    STREET_MISSING = "street_missing"
    CITY_MISSING = "city_missing"
    STATE_UNKNOWN = "state_unknown"
    ZIP_INVALID = "zip_invalid"
    TOO_LONG = "too_long"


# Two lines of the window take this much; the longest real delivery lines have about 60 characters.
_LONGEST_DELIVERY: Final = 72
_LONGEST_CITY: Final = 36


def mailing_address(
    *, line1: str, line2: str = "", city: str, state: str, zip_code: str, country: str = ""
) -> Address | AddressDefect:
    """The address a letter can be sent to, or the first reason why not. A PO box is as good as a street."""
    address = Address.usable(line1=line1, line2=line2, city=city, state=state, zip_code=zip_code, country=country)
    if address is not None:
        return address if fits_window(address) else AddressDefect.TOO_LONG
    if country.strip().upper() not in {"", "US", "USA"}:
        return AddressDefect.FOREIGN
    if not (line1 + line2).strip(" .,"):
        return AddressDefect.STREET_MISSING
    if not city.strip(" .,"):
        return AddressDefect.CITY_MISSING
    known = Address.usable(line1="1 A ST", city="A", state=state, zip_code="00000")
    return AddressDefect.STATE_UNKNOWN if known is None else AddressDefect.ZIP_INVALID


def fits_window(address: Address) -> bool:
    """Whether its delivery lines fit the envelope's window without being shortened."""
    return _room(f"{address.line1} {address.line2}") <= _LONGEST_DELIVERY and _room(address.city) <= _LONGEST_CITY


def _room(text: str) -> float:
    # M and W are half as wide again as the other capitals.
    return len(text.strip()) + 0.45 * sum(text.count(wide) for wide in "MW")


# Alaska, Hawaii, the territories, freely associated states and military post offices are the others.
_NOT_CONTIGUOUS: Final = frozenset({"AK", "HI", "AS", "GU", "MP", "PR", "VI", "UM", "FM", "MH", "PW", "AA", "AE", "AP"})


def is_contiguous_us(state: str) -> bool:
    """Whether a state (two letters, as in `Address`) is one of the 48 contiguous ones or the District of Columbia."""
    return state not in _NOT_CONTIGUOUS


_KEPT_WORDS: Final = frozenset(
    "ST AVE RD BLVD DR LN CT PL WAY PKWY HWY CIR TER SQ PLZ TRL N S E W NE NW SE SW PO BOX STE APT UNIT FL RM BLDG RR HC #".split()  # noqa: SIM905 - a table of abbreviations reads best as text
)


def masked_address(address: Address) -> str:
    """`1•• M••• St, Springfield, IL 627••`: enough for its people to recognise, not enough to learn it (I16)."""
    lines = [_masked_line(line) for line in (address.line1, address.line2) if line]
    return f"{', '.join(lines)}, {address.city.title()}, {address.state} {address.zip[:3]}••"


def masked_choices(addresses: Sequence[Address]) -> tuple[str, ...]:
    """The masked form of each, in order; those that look alike get a number, so that each can be named."""
    masked = [masked_address(address) for address in addresses]
    alike, seen = Counter(masked), Counter[str]()
    numbered = []
    for text in masked:
        seen[text] += 1
        numbered.append(f"{text} ({seen[text]})" if alike[text] > 1 else text)
    return tuple(numbered)


def _masked_line(line: str) -> str:
    return " ".join(_masked_word(word) for word in line.split())


def _masked_word(word: str) -> str:
    if word in _KEPT_WORDS:
        return (
            word
            if len(word) <= 2 and word not in {"ST", "RD", "DR", "LN", "CT", "PL", "SQ", "FL", "RM"}
            else word.title()
        )
    return word[0] + ("••" if any(character.isdigit() for character in word) else "•••")


def pin_life(state: str, *, life: timedelta, strict_life: timedelta, strict: bool) -> timedelta:
    """How long a PIN mailed to this state works: `strict_life` for contiguous addresses when `strict` (NIST SP 800-63A-4 §3.8)."""
    return strict_life if strict and is_contiguous_us(state) else life


def pin_deadline(mailed_at: datetime, life: timedelta) -> datetime:
    """The first moment at which the PIN no longer works: 30 × 24 h after mailing, whatever clocks were changed between (B3)."""
    return mailed_at + life


def pin_is_open(now: datetime, deadline: datetime) -> bool:
    """Whether a PIN entered now is in time: one second before the deadline yes, at the deadline no."""
    return now < deadline


def reminder_times(
    mailed_at: datetime, *, life: timedelta, after: timedelta, before_end: timedelta
) -> tuple[datetime, ...]:
    """When to remind of a letter on its way: `after` mailing and `before_end`, in their order, only within its life."""
    end = pin_deadline(mailed_at, life)
    return tuple(sorted({moment for moment in (mailed_at + after, end - before_end) if mailed_at < moment < end}))


def next_letter_at(
    asked: Sequence[datetime], *, now: datetime, gap: timedelta, most: int, window: timedelta
) -> datetime | None:
    """When another letter may be asked for; None if now. `asked` are the times of the letters so far, in any order.

    Two letters are at least `gap` apart and there are at most `most` in any `window`. Use it once with the
    letters of the registration and once with those of the TIN, and take the later answer (I11).
    """
    recent = sorted(moment for moment in asked if moment > now - max(gap, window))
    if not recent:
        return None
    free_at = recent[-1] + gap
    within = [moment for moment in recent if moment > now - window]
    if len(within) >= most:
        free_at = max(free_at, within[-most] + window)
    return free_at if free_at > now else None


def mailing_day(asked_at: datetime, *, cut_off: time, planned: Mapping[date, int], daily_budget: int) -> date:
    """The business day on which a letter asked for at `asked_at` (the payer's local time) is mailed; the letter is dated so.

    Today until `cut_off`, otherwise the next business day, and later while the day's budget is used up:
    `planned` says how many letters each day has already. Waiting costs no validity: the clock starts at mailing.
    """
    if daily_budget < 1:
        raise ValueError("a daily budget of letters is at least 1")
    day = next_business_day(asked_at.date() + timedelta(days=asked_at.time() >= cut_off))
    while planned.get(day, 0) >= daily_budget:
        day = next_business_day(day + timedelta(days=1))
    return day


def budget_needs_alert(planned: int, *, daily_budget: int, percent: int) -> bool:
    """Whether a day's letters have reached that percentage of its budget, which staff are told once a day."""
    return planned * 100 >= daily_budget * percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What a letter shows of the payer.

    `lines` are printed under the name, `address` is where letters come back to; `colour` is `#rrggbb`, dark enough
    for text on white.
    """

    name: str
    lines: tuple[str, ...]
    address: Address
    phone: str
    hours: str
    colour: str

    @classmethod
    def of(cls, *, name: str, postal_lines: Sequence[str], phone: str, hours: str, colour: str) -> Self:
        """From the lines of a postal address: names, then street or PO box, then city, state and ZIP code.

        Raises ValueError when the last two lines are no address that mail can come back to.
        """
        matched = (
            re.fullmatch(r"(.+?),?\s+([A-Za-z]{2})\s+(\d{5}(?:-?\d{4})?)", postal_lines[-1].strip())
            if postal_lines
            else None
        )
        address = (
            matched
            and len(postal_lines) > 1
            and Address.usable(line1=postal_lines[-2], city=matched[1], state=matched[2], zip_code=matched[3])
        )
        if not address:
            raise ValueError("the payer's postal address must end with a street or PO box and 'City, ST 12345'")
        lines = tuple(line.strip() for line in postal_lines if line.strip() != name)
        return cls(name=name, lines=lines, address=address, phone=phone, hours=hours, colour=colour)


_OPAQUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}")


def require_opaque(letter_id: str) -> None:
    """Raise ValueError unless this can be a letter's id: opaque, and safe as a file's name and a header's value."""
    if not _OPAQUE.fullmatch(letter_id):
        raise ValueError("a letter id has 8 to 64 letters, digits, dashes and underscores")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Letter:
    """Everything one letter with a PIN says; the same letter is the same PDF, byte for byte.

    `dated` is the day it is planned to be mailed, `pin_days` how long the PIN works from mailing, `page_address`
    where it is entered (never with the PIN in it).
    """

    letter_id: str
    reference: str
    person: str
    organization: str
    address: Address
    pin: Pin
    dated: date
    pin_days: int
    page_address: str
    letterhead: Letterhead

    def __post_init__(self) -> None:
        require_opaque(self.letter_id)
        typed = {self.pin.characters, self.pin.shown, self.pin.shown.lower(), self.pin.characters.lower()}
        if any(form in self.page_address for form in typed):
            raise ValueError("the page's address must not carry the PIN")

    @property
    def use_by(self) -> date:
        """The last whole day on which the PIN works for sure if the letter is mailed on the day it is dated."""
        return self.dated + timedelta(days=self.pin_days - 1)

    def __repr__(self) -> str:
        return f"Letter({self.letter_id})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Notice:
    """A letter without a secret to an organization's address of record: what happened and what can be done about it (P9).

    `person` is empty when it is for whoever is in charge. Paragraphs are plain text. With `page_address` the letter
    shows where to answer, under the words of `action`.
    """

    letter_id: str
    reference: str
    person: str
    organization: str
    address: Address
    dated: date
    heading: str
    paragraphs: tuple[str, ...]
    letterhead: Letterhead
    action: str = ""
    page_address: str = ""

    def __post_init__(self) -> None:
        require_opaque(self.letter_id)

    def __repr__(self) -> str:
        return f"Notice({self.letter_id})"
