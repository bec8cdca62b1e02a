"""Requests of billing services as the asked provider's own people see them, and an administrator's answer (B7, I4)."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit
from db.accounts import Access, Account
from db.authorization_telling import subject_of
from db.authorizations import AuthorizationRow, DecisionRow
from db.colleagues import holdings_of
from db.directory import Organization
from db.newcomer_standing import Standing
from domain.authorization import ATTESTATION_VERSION, NEVER_SENT, OPEN, State
from domain.colleagues import administers
from domain.grant_rights import partial_npis, touches
from domain.identifiers import Tin
from domain.people import masked_address
from portal.answer_sheet import over
from portal.deciding import read_work, tell_workflows
from portal.fields import Fields
from portal.gate import Gate, remember_key_in
from portal.refusals import Refusal
from portal.sessions import Principal

_PATIENCE_S: Final = 2.0  # that whoever answers waits for the outcome; a page that comes earlier says "in a moment"
_CHOICES: Final = frozenset({"approve", "decline"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswer:
    """What the signed-in administrator answered, and what became of it: None as long as it isn't applied yet."""

    choice: str
    at: datetime
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """A request for access to one's organization. `own_npis` as in `GrantView`."""

    id: UUID
    reference: str
    state: State
    service: str
    service_tin_masked: str
    requester: str
    organization: str
    tin_masked: str
    npi: str | None
    own_npis: tuple[str, ...]
    contact_masked: str
    requested_at: datetime
    until: datetime
    closing_code: str | None
    may_decide: bool
    answer: OwnAnswer | None


@dataclass(frozen=True, slots=True)
class _Found:
    row: AuthorizationRow
    organization: Organization
    own_npis: tuple[str, ...]
    may_decide: bool


async def list_requests(gate: Gate, principal: Principal) -> list[ProviderRequest]:
    """The open requests for something of what the person sees themselves (I15), those with the nearest deadline first."""
    async with gate.database.read() as session:
        organizations = await _own_organizations(session, principal)
        rows = await session.scalars(
            select(AuthorizationRow)
            .where(
                col(AuthorizationRow.tin_digest).in_(organizations),
                col(AuthorizationRow.state).in_(sorted(OPEN)),
                col(AuthorizationRow.deadline) > gate.now(),
            )
            .order_by(col(AuthorizationRow.deadline), col(AuthorizationRow.id))
            .limit(500)
        )
        found = await _seen(session, principal, rows.all(), organizations)
        return [await _view(session, gate, principal, one) for one in found]


async def view_request(gate: Gate, principal: Principal, authorization_id: UUID) -> ProviderRequest:
    """One request, also after its end. Raises `Refusal` (`not_found`) for an unknown or foreign one (I15)."""
    async with gate.database.read() as session:
        found = await _found(session, principal, authorization_id)
        return await _view(session, gate, principal, found)


async def decide_as_administrator(
    gate: Gate, principal: Principal, authorization_id: UUID, *, choice: str, role: str, attested: bool, key: str
) -> ProviderRequest:
    """Approve or decline for the provider, with the account that one is signed in with.

    The decision is written as evidence, then the request's workflow is told; acknowledged it counts, also while every
    worker is down, and shows as pending until one is back. Raises `Refusal`: `invalid_fields`, `not_found`,
    `not_administrator`, `decision_own_request` (I4), `newcomer_waits`, `authorization_…` with how the request ended,
    `key_reused`, `unavailable`.
    """
    async with gate.database.read() as session:
        found = await _found(session, principal, authorization_id)
    fields = Fields()
    if choice not in _CHOICES:
        fields.add("choice", "choice_missing", "Choose whether you approve or decline this request.")
    work = fields.read("role", role, read_work)
    if not attested:
        fields.add("attested", "attestation_missing", "Confirm that you may decide this for the provider.")
    fields.check()
    assert work is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    decision_id = UUID(hex=gate.vault.digest("decision-id", f"{authorization_id}\0{principal.subject_id}\0{key}")[:32])
    await _keep(gate, principal, found, decision_id, choice=choice, work=work, key=key)
    await tell_workflows(gate, decision_id)
    patience_ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < patience_ends:
        async with gate.database.read() as session:
            decision = await session.get_one(DecisionRow, decision_id)
        if decision.outcome is not None:
            break
        await asyncio.sleep(0.03)
    view = await view_request(gate, principal, authorization_id)
    if decision.outcome in {"superseded", "late"}:
        raise over(State.EXPIRED if decision.outcome == "late" else view.state, view.closing_code)
    return view


async def _keep(
    gate: Gate, principal: Principal, found: _Found, decision_id: UUID, *, choice: str, work: str, key: str
) -> None:
    """Look at who decides as the rows are now, and write what they decided; once for a request that comes twice."""
    now, account_id = gate.now(), principal.subject_id
    async with gate.database.write() as session:
        scope, body = f"{subject_of(found.row.id)}/{account_id}", f"{choice}\0{work}"
        if not await remember_key_in(session, gate, scope=scope, key=key, body=body):
            return
        row = await session.get_one(AuthorizationRow, found.row.id, populate_existing=True)
        if State(row.state).is_final:
            raise over(State(row.state), row.closing_code)
        if now >= row.deadline:
            raise over(State.EXPIRED)
        if not administers(await holdings_of(session, found.organization.id), account_id, row.npi):
            raise Refusal("not_administrator")
        if any(one.account_id == account_id for one in await holdings_of(session, row.billing_id)):
            raise Refusal("decision_own_request")
        standing = Standing(session, found.organization.id, gate.limits, at=now, zone=gate.zone)
        wait = await standing.wait_among_others(account_id, row.npi)
        if wait is not None:
            raise Refusal("newcomer_waits", retry_at=wait.until)
        account = await session.get_one(Account, account_id)
        session.add(
            DecisionRow(
                id=decision_id,
                authorization_id=row.id,
                sitting_id=decision_id,
                choice=choice,
                via="account",
                account_id=account_id,
                name_sealed=account.name_sealed,
                role_sealed=gate.vault.seal("role", work),
                attestation_version=ATTESTATION_VERSION,
                contact_version=row.contact_version,
                at=now,
                confirmed_at=now,
            )
        )
        await session.flush()
        await audit.append(
            session, at=now, actor=f"account/{account_id}", action="authorization.decision_given", subject=subject_of(row.id),
            decision=str(decision_id), choice=choice, via="account",
        )  # fmt: skip


# What these share.


async def _own_organizations(session: AsyncSession, principal: Principal) -> dict[str, Organization]:
    """The providers that the person has open access to, by the digest of their TIN."""
    found = await session.scalars(
        select(Organization)
        .join(Access, col(Access.organization_id) == col(Organization.id))
        .where(
            col(Access.account_id) == principal.subject_id,
            col(Access.status) == "open",
            col(Organization.kind) == "provider",
        )
    )
    return {organization.tin_digest: organization for organization in found.unique()}


async def _found(session: AsyncSession, principal: Principal, authorization_id: UUID) -> _Found:
    row = await session.get(AuthorizationRow, authorization_id)
    # One that was refused before anything was sent is nobody's business but its requester's.
    if row is None or row.closing_code in NEVER_SENT:
        raise Refusal("not_found")
    seen = await _seen(session, principal, [row], await _own_organizations(session, principal))
    if not seen:
        raise Refusal("not_found")
    return seen[0]


async def _seen(
    session: AsyncSession,
    principal: Principal,
    rows: Iterable[AuthorizationRow],
    organizations: dict[str, Organization],
) -> list[_Found]:
    seen = []
    for row in rows:
        organization = organizations.get(row.tin_digest)
        if organization is None:
            continue
        holdings = await holdings_of(session, organization.id)
        own = [one for one in holdings if one.account_id == principal.subject_id and touches(one, row.npi)]
        if own:
            may_decide = administers(holdings, principal.subject_id, row.npi)
            seen.append(_Found(row, organization, partial_npis(own, row.npi), may_decide))
    return seen


async def _view(session: AsyncSession, gate: Gate, principal: Principal, found: _Found) -> ProviderRequest:
    row, vault = found.row, gate.vault
    service = await session.get_one(Organization, row.billing_id)
    requester = await session.get_one(Account, row.requester_id)
    answer = await session.scalar(
        select(DecisionRow)
        .where(col(DecisionRow.authorization_id) == row.id, col(DecisionRow.account_id) == principal.subject_id)
        .order_by(col(DecisionRow.at).desc())
        .limit(1)
    )
    state = State(row.state)
    is_open = not state.is_final and gate.now() < row.deadline
    is_pending = answer is not None and answer.outcome is None
    return ProviderRequest(
        id=row.id,
        reference=row.reference,
        state=state,
        service=service.name,
        service_tin_masked=Tin(vault.unseal("tin", service.tin_sealed)).masked,
        requester=vault.unseal("name", requester.name_sealed),
        organization=found.organization.name,
        tin_masked=Tin(vault.unseal("tin", found.organization.tin_sealed)).masked,
        npi=row.npi,
        own_npis=found.own_npis,
        contact_masked=masked_address(vault.unseal("email", row.contact_sealed)),
        requested_at=row.requested_at,
        until=row.deadline,
        closing_code=row.closing_code,
        may_decide=found.may_decide and is_open and not is_pending,
        answer=OwnAnswer(choice=answer.choice, at=answer.at, outcome=answer.outcome) if answer else None,
    )
