"""What the link in a request's mail leads to: the request, and others that wait for the same mailbox. Looking changes nothing (I14)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Account
from db.authorizations import AuthorizationRow
from db.directory import Organization
from db.mails import secret_digest
from db.registrations import OneTimeSecret
from domain.authorization import State
from domain.client_words import ClientStatus, status_of_request
from domain.identifiers import Tin
from domain.people import masked_address
from portal.gate import Gate
from portal.refusals import Refusal

_WAITING: Final = (State.SENT, State.UNDELIVERABLE)
_MOST_OTHERS: Final = 49  # on one page; the rest follows when these are answered


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestToAnswer:
    """A request as its business contact sees it: what its requester said, and nothing of the directory's (I16)."""

    id: UUID
    reference: str
    service: str
    service_tin_masked: str
    requester: str  # the name given by the requester
    provider: str  # as the requester named it
    provider_tin_masked: str
    npi: str | None  # None: all of its Tax ID
    requested_at: datetime
    until: datetime
    contact_masked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSheet:
    """The request of the link that was followed, and others that can be answered in the same sitting."""

    linked: RequestToAnswer
    others: tuple[RequestToAnswer, ...]

    @property
    def requests(self) -> tuple[RequestToAnswer, ...]:
        return (self.linked, *self.others)


async def follow_link(gate: Gate, link_token: str) -> AnswerSheet:
    """What a mailed link leads to; changes nothing (I14).

    Raises `Refusal`: `decision_link_dead` (an unknown one looks the same), `authorization_contact_changed` when another
    contact is asked now, `authorization_…` with how the request ended.
    """
    row = await linked_row(gate, link_token)
    async with gate.database.read() as session:
        waiting = await session.scalars(
            select(AuthorizationRow)
            .where(
                col(AuthorizationRow.contact_digest) == row.contact_digest,
                col(AuthorizationRow.state).in_(_WAITING),
                col(AuthorizationRow.deadline) > gate.now(),
                col(AuthorizationRow.id) != row.id,
            )
            .order_by(col(AuthorizationRow.requested_at), col(AuthorizationRow.id))
            .limit(_MOST_OTHERS)
        )
        linked = await shown(session, gate, row)
        return AnswerSheet(linked=linked, others=tuple([await shown(session, gate, one) for one in waiting.all()]))


async def linked_row(gate: Gate, link_token: str) -> AuthorizationRow:
    """The open request that a link leads to. Raises as `follow_link`."""
    async with gate.database.read() as session:
        secret, row = await _identified(session, gate, link_token)
    state, now = State(row.state), gate.now()
    if state.is_final:
        raise over(state, row.closing_code)
    if now >= row.deadline:
        raise over(State.EXPIRED)  # the workflow is about to say so
    if state not in _WAITING or (secret.expires_at is not None and now >= secret.expires_at):
        raise Refusal("authorization_contact_changed")
    return row


async def ended_request(gate: Gate, link_token: str) -> RequestToAnswer:
    """The request that a link names, however it ended: a dead link opens nothing, but it still identifies (B2, B6).

    Raises `Refusal` (`decision_link_dead`) for an unknown one.
    """
    async with gate.database.read() as session:
        _, row = await _identified(session, gate, link_token)
        return await shown(session, gate, row)


async def _identified(session: AsyncSession, gate: Gate, link_token: str) -> tuple[OneTimeSecret, AuthorizationRow]:
    digest = secret_digest(gate.vault, subject="", purpose="decision", text=link_token[:200])
    secret = await session.scalar(
        select(OneTimeSecret).where(col(OneTimeSecret.purpose) == "decision", col(OneTimeSecret.digest) == digest)
    )
    row = await session.get(AuthorizationRow, UUID(secret.subject.removeprefix("authorization/"))) if secret else None
    if secret is None or row is None:
        raise Refusal("decision_link_dead")
    return secret, row


def over(state: State, closing_code: str | None = None) -> Refusal:
    """The refusal of an answer to a request that has ended. `closing_code` tells one that was stopped from one that was cancelled."""
    return Refusal(f"authorization_{'stopped' if is_stopped(state, closing_code) else state}")


def is_stopped(state: State, closing_code: str | None) -> bool:
    """Whether it ended though nobody of the billing service cancelled it, and nobody of the provider said no."""
    return state.is_final and status_of_request(state, closing_code) is ClientStatus.STOPPED


async def shown(session: AsyncSession, gate: Gate, row: AuthorizationRow) -> RequestToAnswer:
    """The request as its contact sees it."""
    vault = gate.vault
    service = await session.get_one(Organization, row.billing_id)
    requester = await session.get_one(Account, row.requester_id)
    return RequestToAnswer(
        id=row.id,
        reference=row.reference,
        service=service.name,
        service_tin_masked=Tin(vault.unseal("tin", service.tin_sealed)).masked,
        requester=vault.unseal("name", requester.name_sealed),
        provider=row.provider_name,
        provider_tin_masked=Tin(vault.unseal("tin", row.tin_sealed)).masked,
        npi=row.npi,
        requested_at=row.requested_at,
        until=row.deadline,
        contact_masked=masked_address(vault.unseal("email", row.contact_sealed)),
    )
