"""Proving by US Mail: the messages that choose an address, ask for a letter, tell what became of it and enter its PIN (P2)."""

from datetime import datetime

from domain.print_shop import DeliveryKind
from domain.recording import Payload
from domain.registration import RegistrationStep


class Identify(Payload):
    """What the person typed of the organization, well formed; a match lists the addresses a letter may go to."""

    tin: str
    vendor: str | None = None
    npi: str | None = None
    caller_digest: str


class RequestLetter(Payload):
    """The chosen one of the listed addresses; never one that was typed."""

    location_id: str


class EnterPin(Payload):
    """The PIN that was typed, as its keyed digest; the PIN itself stays outside Temporal (B10)."""

    pin_digest: str


class LetterEvent(Payload):
    """What the print shop tells of a letter; told twice, it's the same event."""

    letter_id: str
    kind: DeliveryKind
    at: datetime


class JudgeIdentity(RegistrationStep):
    """Count a try, then look whether the identifiers belong together."""

    identity: Identify


class RecordLetterRequested(RegistrationStep):
    """Record that a letter with a new PIN is due to this address."""

    letter_id: str
    generation: int
    location_id: str


class RecordLetterEvent(RegistrationStep):
    """Record what became of a letter; mailing starts its PIN's clock."""

    event: LetterEvent


class RecordPinReminder(RegistrationStep):
    """Record that the person is reminded of the letter."""

    letter_id: str
    number: int


class JudgePin(RegistrationStep):
    """Count a try, then compare the PIN with the registration's letters; a right one proves the organization."""

    pin_digest: str
    deadline: datetime


class HandOverLetter(Payload):
    """Print the letter with this id and hand it to the print shop, or do nothing if that was done."""

    letter_id: str


class LetterOutcome(Payload):
    """Whether the print shop took the letter; false is final and needs a person."""

    accepted: bool
