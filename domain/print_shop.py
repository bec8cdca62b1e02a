"""Print shops: handing a letter over exactly once, and what they tell about it afterwards (rules P2, B5; I11)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.directory import Address
from domain.letters import Letterhead, require_opaque


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Consignment:
    """One printed letter on its way to a print shop. `mailing_on` is the date printed on it."""

    letter_id: str
    pdf: bytes
    person: str
    organization: str
    address: Address
    sender: Letterhead
    mailing_on: date

    def __post_init__(self) -> None:
        require_opaque(self.letter_id)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.pdf).hexdigest()

    def __repr__(self) -> str:
        return f"Consignment({self.letter_id})"


@dataclass(frozen=True, slots=True)
class HandOver:
    """A print shop's receipt: its own reference of the letter and the day it expects to mail it."""

    letter_id: str
    reference: str
    mailing_on: date


class PrintShopUnavailable(Exception):
    """The shop can't be reached or won't take letters now; trying again with the same letter id is right and never makes two letters."""

    def __init__(self, code: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class LetterRefused(Exception):
    """The shop refused this letter for good, by a stable code; a person has to look at it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class LetterConflict(LetterRefused):
    """Another content was handed over under this letter id; that one stays. `existing` is its receipt."""

    def __init__(self, existing: HandOver) -> None:
        super().__init__("letter_id_used")
        self.existing = existing


class PrintShop(Protocol):
    """Where letters are printed and mailed: exactly one letter per letter id, however often a call is killed and repeated (I11)."""

    async def hand_over(self, consignment: Consignment) -> HandOver:
        """Have it printed and mailed. The same consignment again gives the same receipt and no second letter.

        Raises `LetterConflict` for another content under an id handed over before, `LetterRefused` for good,
        `PrintShopUnavailable` for now.
        """
        ...

    async def find(self, letter_id: str) -> HandOver | None:
        """The receipt of a letter that was handed over, otherwise None. Raises `PrintShopUnavailable`."""
        ...


class DeliveryKind(StrEnum):
    """What became of a letter, as shops tell it. The first MAILED starts the PIN's clock; shops may tell it again, with another time."""

    MAILED = "mailed"
    DELIVERED = "delivered"
    RETURNED = "returned"
    UNDELIVERABLE = "undeliverable"  # the post has given it up and doesn't bring it back
    CANCELLED = "cancelled"  # the shop will not mail it


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One thing that happened to a letter, with the time the shop gives. Told more than once it has the same `event_id`."""

    letter_id: str
    kind: DeliveryKind
    at: datetime

    def __post_init__(self) -> None:
        require_opaque(self.letter_id)
        if self.at.tzinfo is None:
            raise ValueError("an event's time needs an offset")

    @property
    def event_id(self) -> str:
        text = f"{self.letter_id}|{self.kind}|{self.at.timestamp():.3f}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class SetAsideLine:
    """A line of a shop's report that can't be used: its number and a stable code of the reason. Holds nothing of the line."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One file of events from a shop; `sha256` says which bytes were read."""

    name: str
    sha256: str
    events: tuple[DeliveryEvent, ...]
    set_aside: tuple[SetAsideLine, ...]


class DeliveryReports(Protocol):
    """Events that come back as files. Tell every event on, then settle: what is repeated after a crash has the same event ids (B5)."""

    async def unread(self) -> Sequence[DeliveryReport]:
        """The reports not settled yet, oldest name first; those still being written wait. Raises `PrintShopUnavailable`."""
        ...

    async def settle(self, report: DeliveryReport) -> None:
        """Put the report away with the lines set aside. Again, or for a file that has changed meanwhile, nothing happens."""
        ...


class WebhookForged(Exception):
    """A webhook's signature is missing, wrong or too old: it says nothing."""


class WebhookUnreadable(Exception):
    """A genuine webhook whose form isn't known."""


class DeliveryWebhook(Protocol):
    """Events that come back as signed calls of the shop's."""

    def events(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[DeliveryEvent, ...]:
        """The events a call tells; empty for what doesn't matter here. Raises `WebhookForged` or `WebhookUnreadable`."""
        ...
