"""A recorded step: one transaction that holds the change, its outcome and its audit entry, and happens once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from db import audit
from db.database import Database
from db.registrations import AppliedCommand
from domain.recording import Outcome, RecordCommand


class SupersededCommand(Exception):
    """A step older than what is recorded already, and without an outcome of its own: nothing is changed by it."""


class Revised(Protocol):
    """A projection: the row in which a workflow keeps what it has recorded of itself."""

    revision: int


Row = TypeVar("Row", bound=Revised)
Result = TypeVar("Result", bound=Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the audit says of a step: who did what. Details are codes and internal ids only."""

    actor: str
    action: str
    details: Mapping[str, str | int | bool | None] = field(default_factory=dict)


async def once(
    database: Database,
    cmd: RecordCommand,
    *,
    subject: str,
    result: type[Result],
    lock: Callable[[AsyncSession], Awaitable[Row | None]],
    step: Callable[[AsyncSession, Row], Awaitable[tuple[Result, Change]]],
    create: Callable[[], Row] | None = None,
) -> Result:
    """Run the step unless it has been; tried again, it answers as it did the first time.

    `lock` loads the projection and keeps it locked, `create` makes it in a workflow's first step. The workflow's
    revision guards it: an old step that comes late raises `SupersededCommand` and changes nothing.
    """
    async with database.write() as session:
        row = await lock(session)
        applied = await session.get(AppliedCommand, (subject, cmd.revision))
        if applied is not None:
            # A workflow that was reset or started again by hand counts from one again: its steps are others.
            if applied.command != type(cmd).__name__:
                raise SupersededCommand
            return result.model_validate_json(applied.outcome)
        if row is None and create is not None:
            row = create()
            session.add(row)
            await session.flush()
        elif row is None or row.revision >= cmd.revision:
            raise SupersededCommand
        outcome, change = await step(session, row)
        row.revision = cmd.revision
        session.add(
            AppliedCommand(
                subject=subject,
                revision=cmd.revision,
                command=type(cmd).__name__,
                outcome=outcome.model_dump_json(),
            )
        )
        await audit.append(
            session, at=cmd.at, actor=change.actor, action=change.action, subject=subject,
            revision=cmd.revision, **change.details,
        )  # fmt: skip
        return outcome
