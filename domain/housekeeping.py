"""Housekeeping: what was left open in the database though its workflow is gone, and rows that nobody needs any more (I18)."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.recording import Outcome, Payload, RecordCommand


class OpenRow(Payload):
    """A row that is open in the database, and the workflow that keeps it. `kind` names its projection."""

    kind: str
    row_id: str
    workflow_id: str
    revision: int
    started_by: tuple[
        str, ...
    ] = ()  # workflows that still have to start this one; while one of them runs, it's not gone


class Orphans(Payload):
    """Open rows whose workflow is gone. `withheld` are as many that nothing is done: something else is wrong then."""

    found: tuple[OpenRow, ...] = ()
    withheld: int = 0


class OrphanEnd(RecordCommand):
    """End a row for its workflow that can't. `revision` is the one after the row's: a row that moved on is left alone."""

    orphan: OpenRow


class OrphanEnded(Outcome):
    """What ending a row came to. The ids are of workflows that have to hear of it."""

    ended: bool
    cases: tuple[str, ...] = ()  # support cases of a registration that ended
    declined_in: str | None = None  # the registration of a case that ended


class AlertKind(StrEnum):
    """What staff are told of that no case stands for."""

    LETTERS_BUDGET = "letters_budget"  # to the supervisors
    DEPARTURE_DUE = "departure_due"  # to everybody


class Alert(Payload):
    """Something staff are told once. `key` says which; `values` are numbers and references, nothing of anyone."""

    kind: AlertKind
    key: str
    values: dict[str, str]


class Alerts(Payload):
    """What staff are to hear now; some of it may have been told before."""

    due: tuple[Alert, ...] = ()


class RecordAlert(RecordCommand):
    """Make the mails of an alert due, once."""

    alert: Alert


class AlertRecorded(Outcome):
    """The mails that are due for it."""


class Purged(Payload):
    """How many rows went, by table."""

    rows: dict[str, int]


class HouseRecords(Protocol):
    """What housekeeping reads and changes in the database.

    All raise `RecordsUnavailable` while it's away. `end` and `alert` are one transaction each, and safe to try again.
    """

    async def open_rows(self, *, before: datetime) -> list[OpenRow]: ...
    async def end(self, cmd: OrphanEnd) -> OrphanEnded: ...
    async def alerts(self, *, now: datetime) -> list[Alert]: ...
    async def alert(self, cmd: RecordAlert) -> AlertRecorded: ...
    async def purge(self, *, now: datetime) -> Purged: ...
