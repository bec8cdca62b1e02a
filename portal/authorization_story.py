"""What became of one request so far, for an operator who watches it: its state, what happened, who was mailed what."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from db.accounts import Message
from db.audit import AuditEntry
from db.authorization_telling import subject_of
from db.authorizations import AuthorizationRow
from db.registrations import MailRow
from domain.authorization import State
from domain.client_words import WORDS, ClientStatus, words_of
from domain.notices import NOTICES
from domain.people import masked_address
from portal.gate import Gate
from portal.refusals import Refusal
from workflows import names

_MAILS: Final = {
    "authorization_request": "the request with a link",
    "authorization_reminder": "a reminder with a link",
    "authorization_code": "a code",
    "authorization_decided": "what was decided in their name",
    "authorization_closed": "that it's over",
    "authorization_waiting": "that nobody has answered yet",
    "authorization_waiting_in_review": "that our staff haven't decided yet",
    "authorization_waiting_undelivered": "that the contact's mail had come back",
    "authorization_undeliverable": "that the contact's mail came back",
    "authorization_approved": "that the contact said yes",
    "authorization_declined": "that the contact said no",
    "authorization_expired": "that it has expired",
    "authorization_expired_in_review": "that it has expired before it was mailed",
    "authorization_expired_undelivered": "that it has expired undelivered",
    "authorization_stopped": "that it couldn't be carried out",
}
_PATIENCE_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Somebody was told something."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How a request stands. `seen` counts what was told so far."""

    id: UUID
    reference: str
    workflow_id: str
    state: State
    in_words: str
    deadline: datetime
    happened: Sequence[Told]
    told: Sequence[Told]


async def tell(gate: Gate, reference: str) -> Story:
    """The request of this reference. Raises `Refusal` (`not_found`)."""
    async with gate.database.read() as session:
        row = await session.scalar(
            select(AuthorizationRow).where(col(AuthorizationRow.reference) == reference.strip().upper()[:20])
        )
        if row is None:
            raise Refusal("not_found")
        subject = subject_of(row.id)
        entries = await session.scalars(
            select(AuditEntry).where(col(AuditEntry.subject) == subject).order_by(col(AuditEntry.position))
        )
        mails = await session.scalars(
            select(MailRow).where(col(MailRow.subject) == subject).order_by(col(MailRow.due_at), col(MailRow.id))
        )
        messages = await session.scalars(
            select(Message)
            .where(col(Message.cause).startswith(f"{subject}:"))
            .order_by(col(Message.at), col(Message.id))
        )
        told = [
            *(Told(at=one.due_at, words=_mail_in_words(gate, one)) for one in mails),
            *(Told(at=one.at, words=f"message center: {NOTICES[one.kind].subject}") for one in messages),
        ]
        happened = [
            Told(at=entry.at, words=words)
            for entry in entries
            if (words := words_of(entry.action, json.loads(entry.details), gate.zone))
        ]
    state = State(row.state)
    return Story(
        id=row.id,
        reference=row.reference,
        workflow_id=names.authorization_id(str(row.id)),
        state=state,
        in_words="Approved" if state is State.APPROVED else WORDS[ClientStatus(state)].label,
        deadline=row.deadline,
        happened=happened,
        told=sorted(told, key=lambda one: one.at),
    )


def _mail_in_words(gate: Gate, mail: MailRow) -> str:
    to = masked_address(gate.vault.unseal("mail.recipient", mail.recipient_sealed))
    state = "" if mail.state == "sent" else f" ({mail.state})"
    return f"mail to {to}: {_MAILS.get(mail.purpose, mail.purpose)}{state}"


async def quiet(gate: Gate, workflow_id: str) -> None:
    """Wait until the workflow has nothing under way: its timers are handled and its mails have left; some seconds at most."""
    handle = gate.client.get_workflow_handle(workflow_id)
    calm = 0
    async with asyncio.timeout(_PATIENCE_S):
        while calm < 2:  # twice: a task that has just ended may have made the next thing due
            told = (await handle.describe()).raw_description
            is_busy = bool(told.pending_activities) or told.HasField("pending_workflow_task")
            calm = 0 if is_busy else calm + 1
            await asyncio.sleep(0.1)
