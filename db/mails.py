"""Mails in the database: made due in a step's transaction, taken to be sent, settled; and the secrets they carry."""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit
from db.database import Database
from db.registrations import MailRow, OneTimeSecret
from domain.ports import OutgoingMail, Vault
from domain.recording import MailDue

SecretPurpose = Literal["code", "resume", "invitation", "notice", "decision", "objection"]

_SEALED_VALUES: Final = "mail.values"
_SEALED_RECIPIENT: Final = "mail.recipient"


def make_due(
    session: AsyncSession,
    vault: Vault,
    *,
    subject: str,
    purpose: str,
    generation: int | str,
    recipient: str,
    values: Mapping[str, str],
    at: datetime,
    secret: OneTimeSecret | None = None,
) -> MailDue:
    """Add a mail to this transaction. Its id, and with it its Message-ID, depends on nothing that a retry changes."""
    mail_id = f"{subject}:{purpose}:{generation}"
    row = MailRow(
        id=mail_id,
        message_key=message_key(vault, mail_id),
        subject=subject,
        purpose=purpose,
        recipient_sealed=vault.seal(_SEALED_RECIPIENT, recipient),
        values_sealed=vault.seal(_SEALED_VALUES, json.dumps(dict(values))),
        secret_purpose=secret.purpose if secret else None,
        secret_generation=secret.generation if secret else None,
        due_at=at,
    )
    session.add(row)
    return MailDue(mail_id=row.id, purpose=purpose)


def message_key(vault: Vault, mail_id: str) -> str:
    """The left side of a mail's Message-ID; the same however often it's sent (I10)."""
    return vault.digest("message-id", mail_id)[:32]


def issue_secret(
    session: AsyncSession,
    vault: Vault,
    *,
    subject: str,
    purpose: SecretPurpose,
    generation: int,
    expires_at: datetime | None = None,
) -> OneTimeSecret:
    """Make a six-digit code or a 256-bit link token: a digest to compare, a ciphertext until it's sent (B10)."""
    text = f"{secrets.randbelow(10**6):06}" if purpose == "code" else secrets.token_urlsafe(32)
    row = OneTimeSecret(
        subject=subject,
        purpose=purpose,
        generation=generation,
        digest=secret_digest(vault, subject=subject, purpose=purpose, text=text),
        sealed=vault.seal(f"secret.{purpose}", text),
        expires_at=expires_at,
    )
    session.add(row)
    return row


def secret_digest(vault: Vault, *, subject: str, purpose: SecretPurpose, text: str) -> str:
    """How a typed code or a followed link is compared. A code is bound to its subject; a link is looked up by its digest alone."""
    return vault.digest(purpose, f"{subject}\0{text}" if purpose == "code" else text)


async def drop_unsent(session: AsyncSession, *, subject: str, purpose: str) -> None:
    """Drop earlier mails of this purpose that haven't left, and scrub their secrets: a newer one takes their place."""
    await session.execute(
        update(OneTimeSecret)
        .where(col(OneTimeSecret.subject) == subject, col(OneTimeSecret.purpose) == purpose)
        .values(sealed=None)
    )
    await session.execute(
        update(MailRow)
        .where(col(MailRow.subject) == subject, col(MailRow.purpose) == purpose, col(MailRow.state) == "due")
        .values(state="dropped")
    )


class SqlOutbox:
    """The `Outbox` port."""

    def __init__(self, database: Database, vault: Vault, *, message_id_domain: str) -> None:
        self._database = database
        self._vault = vault
        self._domain = message_id_domain

    async def take(self, mail_id: str) -> OutgoingMail | None:
        async with self._database.read() as session:
            row = await session.get(MailRow, mail_id)
            if row is None or row.state != "due":
                return None
            values: dict[str, str] = json.loads(self._vault.unseal(_SEALED_VALUES, row.values_sealed))
            if row.secret_purpose:
                secret = await session.get(OneTimeSecret, (row.subject, row.secret_purpose, row.secret_generation))
                if secret is None or secret.sealed is None:
                    return None
                values[row.secret_purpose] = self._vault.unseal(f"secret.{row.secret_purpose}", secret.sealed)
            return OutgoingMail(
                message_id=f"<{message_key(self._vault, row.id)}@{self._domain}>",
                purpose=row.purpose,
                recipient=self._vault.unseal(_SEALED_RECIPIENT, row.recipient_sealed),
                values=values,
                due_at=row.due_at,
            )

    async def was_refused(self, mail_id: str) -> bool:
        async with self._database.read() as session:
            row = await session.get(MailRow, mail_id)
        return row is not None and row.state == "refused"

    async def settle(self, mail_id: str, *, accepted: bool) -> None:
        async with self._database.write() as session:
            row = await session.get(MailRow, mail_id, with_for_update=True)
            if row is None or row.state != "due":
                return
            row.state = "sent" if accepted else "refused"
            row.settled_at = datetime.now(UTC)
            if row.secret_purpose:
                secret = await session.get(OneTimeSecret, (row.subject, row.secret_purpose, row.secret_generation))
                if secret is not None:
                    secret.sealed = None
            await audit.append(
                session,
                at=row.settled_at,
                actor="system",
                action=f"mail.{row.state}",
                subject=row.subject,
                purpose=row.purpose,
            )
