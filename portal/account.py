"""What a signed-in person sees: the account, its access and its messages; all from the database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlmodel import col

from db import audit
from db.account_opening import tell
from db.accounts import Access, Account, Message, RecoveryCode
from db.departures import DepartureClaim, NewcomerNotice
from db.directory import Organization
from db.registrations import RegistrationRow
from domain.identifiers import Tin
from domain.notices import NOTICES
from portal.account_setup import make_recovery_codes
from portal.gate import Gate
from portal.refusals import Refusal
from portal.sessions import Principal
from portal.signing_in import count_second_factor, spend_second_factor


@dataclass(frozen=True, slots=True)
class AccountView:
    """The signed-in person's own account."""

    id: UUID
    name: str
    email: str
    created_at: datetime
    recovery_codes_left: int
    unread_messages: int
    sides: frozenset[str]  # the kinds of organizations that it has open access to: provider, billing
    has_notices: bool  # it was told of newcomers, or has told of colleagues who left


@dataclass(frozen=True, slots=True)
class AccessView:
    """One row of "Tax ID & NPI access". `npi` None: all of the TIN. `kind` is the organization's: provider or billing."""

    id: UUID
    kind: str
    organization: str
    tin_masked: str
    npi: str | None
    via: str
    status: str
    opened_at: datetime
    ended_at: datetime | None


class AccessOrder(StrEnum):
    """What the access table can be sorted by; a leading minus turns it round."""

    ORGANIZATION = "organization"
    OPENED = "opened"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message in the message center, in words. `kind` is stable for clients; `page` is where what it tells of stands."""

    id: UUID
    kind: str
    subject: str
    paragraphs: tuple[str, ...]
    at: datetime
    read_at: datetime | None
    page: str = ""


async def view_account(gate: Gate, principal: Principal) -> AccountView:
    """The account. Raises `Refusal` (`signed_out`) when it was closed meanwhile."""
    async with gate.database.read() as session:
        row = await session.get(Account, principal.subject_id)
        if row is None or row.closed_at is not None:
            raise Refusal("signed_out")
        codes = await session.scalar(
            select(func.count()).where(col(RecoveryCode.account_id) == row.id, col(RecoveryCode.used_at).is_(None))
        )
        unread = await session.scalar(
            select(func.count()).where(col(Message.account_id) == row.id, col(Message.read_at).is_(None))
        )
        sides = await session.scalars(
            select(col(Organization.kind))
            .join(Access, col(Access.organization_id) == col(Organization.id))
            .where(col(Access.account_id) == row.id, col(Access.status) == "open")
            .distinct()
        )
        kinds = frozenset(sides)
        notice = await session.scalar(
            select(col(NewcomerNotice.id)).where(col(NewcomerNotice.account_id) == row.id).limit(1)
        ) or await session.scalar(
            select(col(DepartureClaim.id))
            .join(RegistrationRow, col(RegistrationRow.id) == col(DepartureClaim.registration_id))
            .where(col(RegistrationRow.account_id) == row.id)
            .limit(1)
        )
    return AccountView(
        id=row.id,
        name=gate.vault.unseal("name", row.name_sealed),
        email=gate.vault.unseal("email", row.email_sealed),
        created_at=row.created_at,
        recovery_codes_left=codes or 0,
        unread_messages=unread or 0,
        sides=kinds,
        has_notices=notice is not None,
    )


async def new_recovery_codes(gate: Gate, principal: Principal, *, code: str) -> list[str]:
    """Make new recovery codes in place of all old ones and return them; only their digests are kept.

    A session alone isn't enough for what outlives it: `code` is one of the authenticator app, or an old recovery
    code, counted as in signing in. A message tells the owner. Raises `Refusal`: `invalid_fields`,
    `second_factor_wrong`, `too_many_tries`, `signed_out`.
    """
    counted = await count_second_factor(gate, principal.subject_id, code=code)
    codes = make_recovery_codes(gate)
    now = gate.now()
    async with gate.database.write() as session:
        await spend_second_factor(session, gate, principal.subject_id, counted)
        await session.execute(delete(RecoveryCode).where(col(RecoveryCode.account_id) == principal.subject_id))
        for made in codes:
            digest = gate.vault.digest("recovery", f"{principal.subject_id}\0{made}")
            session.add(RecoveryCode(account_id=principal.subject_id, digest=digest))
        subject = f"account/{principal.subject_id}"
        await audit.append(session, at=now, actor=subject, action="account.recovery_codes_made", subject=subject)
        tell(
            session, gate.vault, account_id=principal.subject_id, cause=f"{subject}/recovery-codes/{now.isoformat()}",
            kind="recovery_codes_made", values={}, at=now,
        )  # fmt: skip
    return codes


async def list_access(
    gate: Gate,
    principal: Principal,
    *,
    search: str = "",
    status: str = "",
    order: AccessOrder = AccessOrder.ORGANIZATION,
    descending: bool = False,
) -> list[AccessView]:
    """The person's own access rows; `search` is looked for in organization and NPI, and as the Tax ID's last digits."""
    async with gate.database.read() as session:
        rows = (
            await session.execute(
                select(Access, Organization)
                .join(Organization, col(Organization.id) == col(Access.organization_id))
                .where(col(Access.account_id) == principal.subject_id)
            )
        ).all()
    views = [
        AccessView(
            id=access.id,
            kind=organization.kind,
            organization=organization.name,
            tin_masked=Tin(gate.vault.unseal("tin", organization.tin_sealed)).masked,
            npi=access.npi,
            via=access.via,
            status=access.status,
            opened_at=access.opened_at,
            ended_at=access.ended_at,
        )
        for access, organization in rows
        if not status or access.status == status
    ]
    wanted = search.strip().casefold()
    found = [
        view
        for view in views
        if wanted in view.organization.casefold() or wanted in (view.npi or "") or view.tin_masked.endswith(wanted)
    ]
    match order:
        case AccessOrder.ORGANIZATION:
            found.sort(key=lambda view: (view.organization.casefold(), view.npi or ""), reverse=descending)
        case AccessOrder.OPENED:
            found.sort(key=lambda view: view.opened_at, reverse=descending)
        case AccessOrder.STATUS:
            found.sort(key=lambda view: (view.status, view.organization.casefold()), reverse=descending)
    return found


async def list_messages(gate: Gate, principal: Principal, *, unread_only: bool = False) -> Sequence[MessageView]:
    """The person's own messages, the newest first."""
    query = select(Message).where(col(Message.account_id) == principal.subject_id)
    if unread_only:
        query = query.where(col(Message.read_at).is_(None))
    async with gate.database.read() as session:
        rows = (await session.scalars(query.order_by(col(Message.at).desc(), col(Message.id)))).all()
    return [_message(gate, row) for row in rows]


async def view_message(gate: Gate, principal: Principal, message_id: UUID) -> MessageView:
    """One of the person's own messages. Raises `Refusal` (`not_found`) for an unknown or foreign one (I15)."""
    async with gate.database.read() as session:
        row = await session.get(Message, message_id)
    if row is None or row.account_id != principal.subject_id:
        raise Refusal("not_found")
    return _message(gate, row)


async def mark_read(gate: Gate, principal: Principal, message_id: UUID) -> None:
    """Note that a message was read; again is the same as once. Raises `Refusal` (`not_found`)."""
    await view_message(gate, principal, message_id)
    async with gate.database.write() as session:
        await session.execute(
            update(Message)
            .where(col(Message.id) == message_id, col(Message.read_at).is_(None))
            .values(read_at=gate.now())
        )


def _message(gate: Gate, row: Message) -> MessageView:
    values: dict[str, str] = json.loads(gate.vault.unseal("message", row.values_sealed))
    words = NOTICES[row.kind].filled(values)
    return MessageView(row.id, row.kind, words.subject, words.paragraphs, row.at, row.read_at, values.get("page", ""))
