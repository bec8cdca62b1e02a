"""The audit: one entry a change, in the change's own transaction, each chained to the one before by hash (B9)."""

import hashlib
import json
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from db.columns import UtcDateTime

GENESIS = "0" * 64
"""What the first entry is chained to; the migration that makes the tables puts it into the head."""


class AuditEntry(SQLModel, table=True):
    """What changed, who did it and when. `details` is JSON and holds no personal data, only codes and internal ids."""

    __tablename__ = "audit_entry"

    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    id: UUID = Field(default_factory=uuid4)
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(max_length=60)  # registrant, clock, account:<id>, system
    action: str = Field(max_length=60)
    subject: str = Field(max_length=80, index=True)  # registration/<id>, account/<id>
    details: str = Field(default="{}", max_length=2000)
    previous: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class AuditHead(SQLModel, table=True):
    """The end of the chain; the one row that every writer locks, so that entries have one order."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True)
    position: int
    hash: str = Field(max_length=64)


def _hash(entry: AuditEntry) -> str:
    content = [
        entry.position,
        str(entry.id),
        entry.at.isoformat(),
        entry.actor,
        entry.action,
        entry.subject,
        entry.details,
    ]
    return hashlib.sha256(f"{entry.previous}{json.dumps(content)}".encode()).hexdigest()


async def append(
    session: AsyncSession, *, at: datetime, actor: str, action: str, subject: str, **details: str | int | bool | None
) -> None:
    """Add the entry of the change that this transaction makes.

    The head's row stays locked until the commit: call it last, so that writers wait for one another briefly.
    """
    position, previous = (
        await session.execute(
            update(AuditHead)
            .where(col(AuditHead.id) == 1)
            .values(position=AuditHead.position + 1)
            .returning(col(AuditHead.position), col(AuditHead.hash))
        )
    ).one()
    entry = AuditEntry(
        position=position, at=at, actor=actor, action=action, subject=subject, details=json.dumps(details, sort_keys=True),
        previous=previous, hash="",
    )  # fmt: skip
    entry.hash = _hash(entry)
    session.add(entry)
    await session.execute(update(AuditHead).where(col(AuditHead.id) == 1).values(hash=entry.hash))


async def broken_at(session: AsyncSession) -> int | None:
    """The position of the first entry that doesn't fit its predecessor or its content, or None for a whole chain."""
    previous, expected = GENESIS, 1
    stream = await session.stream_scalars(select(AuditEntry).order_by(col(AuditEntry.position)))
    async for entry in stream:
        if entry.position != expected or entry.previous != previous or entry.hash != _hash(entry):
            return expected
        previous, expected = entry.hash, expected + 1
    head = await session.get(AuditHead, 1)
    if head is None or head.hash != previous or head.position != expected - 1:
        return expected
    return None
