"""What staff say of a newcomer to whom somebody objected though nobody was said to have left (P9)."""

from enum import StrEnum
from typing import Protocol

from domain.recording import Outcome, Payload, RecordCommand


class Ruling(StrEnum):
    """Whether the newcomer's access stays."""

    KEEP = "keep"
    END = "end"  # by two people


class ApplyRuling(Payload):
    """Apply a ruling that was written down; the step reads it, and for an end the other person's, again."""

    ruling_id: str
    reference: str


class RecordRuling(RecordCommand):
    """Keep or end the newcomer's access, as staff have ruled."""

    ruling_id: str


class RulingApplied(Outcome):
    """What it came to. The ids are what the newcomer left open and has to be ended elsewhere."""

    accepted: bool
    invitations: tuple[str, ...] = ()
    registrations: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


class RulingRecords(Protocol):
    """One transaction; the same command twice is one change. Raises `RecordsUnavailable` while the database is away."""

    async def apply(self, cmd: RecordRuling) -> RulingApplied: ...
