"""Billing services with access to one's organizations: who they are, and holding, resuming, ending their access (B7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.service import RPCError

from db.accounts import Access
from db.authorizations import AuthorizationRow, DecisionRow, GrantRow
from db.colleagues import holdings_of
from db.directory import Organization
from domain.colleagues import Holding
from domain.grant_rights import Rights, partial_npis, touches
from domain.grants import (
    Action,
    ChangeGrant,
    Ending,
    GrantResult,
    HeldBy,
    StartAccessReview,
    State,
    effective,
    end_of,
    last_day,
)
from domain.identifiers import Tin
from domain.people import masked_address
from portal.fields import Fields
from portal.gate import Gate, StandsElsewhere, UnknownWorkflow, send_update, unavailable
from portal.refusals import Refusal
from portal.sessions import Principal
from workflows import names
from workflows.access_review import AccessReview


class GrantOrder(StrEnum):
    """What the list can be sorted by."""

    SERVICE = "service"
    ORGANIZATION = "organization"
    OPENED = "opened"
    ENDS = "ends"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantView:
    """A billing service's access as the provider's people see it. `npi` None: all of the Tax ID.

    `last_day` is the last day on which it is good, in the payer's zone. `decided_by` and `decided_as` are the name and role
    that were given with the approval; `via` is `code` for the business contact, `account` for an administrator.
    `own_npis` are the person's own where an access to all of the Tax ID shows these and more than they see themselves.
    Who `may_change` it may do everything; an administrator of a part of what's open may hold it, and perhaps end it.
    `is_led`: somebody of the provider may change it. Otherwise nobody can resume it yet.
    """

    id: UUID
    reference: str
    service: str
    service_tin_masked: str
    organization: str
    tin_masked: str
    npi: str | None
    state: State
    held_by: HeldBy | None
    ending: Ending | None
    opened_at: datetime
    ended_at: datetime | None
    last_day: date | None
    decided_by: str
    decided_as: str
    via: str
    contact_masked: str
    own_npis: tuple[str, ...]
    may_hold: bool
    may_end: bool
    may_change: bool
    is_led: bool


# Looking.


async def list_grants(
    gate: Gate,
    principal: Principal,
    *,
    search: str = "",
    state: str = "",
    order: GrantOrder = GrantOrder.SERVICE,
    descending: bool = False,
) -> list[GrantView]:
    """Every access of a billing service that shows something of what the person sees themselves (I15), ended ones included."""
    async with gate.database.read() as session:
        found = await session.scalars(
            select(GrantRow).where(col(GrantRow.organization_id).in_(_own_organizations(principal)))
        )
        views = await _views(session, gate, principal, found.all())
    wanted = search.strip().casefold()
    shown = [
        view
        for view in views
        if (not state or view.state == state)
        and (not wanted or any(wanted in text.casefold() for text in (view.service, view.organization, view.reference, view.npi or "")))
    ]  # fmt: skip
    return sorted(shown, key=lambda view: (_key(view, order), view.service, view.id), reverse=descending)


async def view_grant(gate: Gate, principal: Principal, grant_id: UUID) -> GrantView:
    """One access. Raises `Refusal` (`not_found`) for an unknown or foreign one (I15)."""
    async with gate.database.read() as session:
        row = await session.get(GrantRow, grant_id)
        views = await _views(session, gate, principal, [row] if row else [])
    if not views:
        raise Refusal("not_found")
    return views[0]


def _own_organizations(principal: Principal) -> Select[UUID]:
    return (
        select(col(Access.organization_id))
        .join(Organization, col(Organization.id) == col(Access.organization_id))
        .where(
            col(Access.account_id) == principal.subject_id,
            col(Access.status) == "open",
            col(Organization.kind) == "provider",
        )
    )


def _key(view: GrantView, order: GrantOrder) -> str:
    match order:
        case GrantOrder.SERVICE:
            return view.service.casefold()
        case GrantOrder.ORGANIZATION:
            return view.organization.casefold()
        case GrantOrder.OPENED:
            return view.opened_at.isoformat()
        case GrantOrder.ENDS:
            return view.last_day.isoformat() if view.last_day else "9999"
        case GrantOrder.STATUS:
            return str(list(State).index(view.state))


async def _views(session: AsyncSession, gate: Gate, principal: Principal, rows: Iterable[GrantRow]) -> list[GrantView]:
    holdings: dict[UUID, tuple[Holding, ...]] = {}
    views = []
    for row in rows:
        if row.organization_id not in holdings:
            holdings[row.organization_id] = await holdings_of(session, row.organization_id)
        colleagues = holdings[row.organization_id]
        own = [one for one in colleagues if one.account_id == principal.subject_id and touches(one, row.npi)]
        if own:
            rights = Rights.of(colleagues, principal.subject_id, row.npi)
            views.append(await _view(session, gate, row, own, rights))
    return views


async def _view(session: AsyncSession, gate: Gate, row: GrantRow, own: list[Holding], rights: Rights) -> GrantView:
    vault = gate.vault
    organization = await session.get_one(Organization, row.organization_id)
    service = await session.get_one(Organization, row.billing_id)
    request = await session.get_one(AuthorizationRow, row.authorization_id)
    decision = await session.get_one(DecisionRow, row.decision_id)
    state = effective(State(row.status), row.ends_at, gate.now())
    has_lapsed = state.is_final and row.closing_code is None
    return GrantView(
        id=row.id,
        reference=row.reference,
        service=service.name,
        service_tin_masked=Tin(vault.unseal("tin", service.tin_sealed)).masked,
        organization=organization.name,
        tin_masked=Tin(vault.unseal("tin", organization.tin_sealed)).masked,
        npi=row.npi,
        state=state,
        held_by=HeldBy(row.held_by) if row.held_by and not state.is_final else None,
        ending=Ending.LAPSED if has_lapsed else Ending(row.closing_code) if row.closing_code else None,
        opened_at=row.opened_at,
        ended_at=row.ends_at if has_lapsed else row.ended_at,
        last_day=last_day(row.ends_at, gate.zone) if row.ends_at else None,
        decided_by=vault.unseal("name", decision.name_sealed),
        decided_as=vault.unseal("role", decision.role_sealed),
        via=decision.via,
        contact_masked=masked_address(vault.unseal("email", request.contact_sealed)),
        own_npis=partial_npis(own, row.npi),
        may_hold=rights.may_hold and not state.is_final,
        may_end=rights.may_end and not state.is_final,
        may_change=rights.may_open and not state.is_final,
        is_led=rights.is_led,
    )


# Changing. All of it is effective at once: what a billing service sees is read from the row (I20).


async def hold(gate: Gate, principal: Principal, grant_id: UUID, *, key: str) -> GrantResult:
    """Nobody of the billing service sees the provider until it's resumed. Raises as `_change`."""
    return await _change(gate, principal, grant_id, Action.HOLD, key=key)


async def resume(gate: Gate, principal: Principal, grant_id: UUID, *, key: str) -> GrantResult:
    """Open it again, also after an objection. Raises as `_change`, and `newcomer_waits`."""
    return await _change(gate, principal, grant_id, Action.RESUME, key=key)


async def revoke(gate: Gate, principal: Principal, grant_id: UUID, *, key: str) -> GrantResult:
    """End it for good. Raises as `_change`."""
    return await _change(gate, principal, grant_id, Action.REVOKE, key=key)


async def set_end_date(gate: Gate, principal: Principal, grant_id: UUID, *, ends_on: str, key: str) -> GrantResult:
    """Have it end after a day, `YYYY-MM-DD` in the payer's zone; with an empty text, have it go on without an end.

    Raises as `_change`, and `invalid_fields` (`ends_on`), `grant_end_date`, `newcomer_waits` for a later date than before.
    """
    if not ends_on.strip():
        return await _change(gate, principal, grant_id, Action.CLEAR_END, key=key)
    return await _change(gate, principal, grant_id, Action.SET_END, key=key, ends_at=_end(gate, ends_on))


def _end(gate: Gate, text: str) -> datetime:
    fields = Fields()
    try:
        ends_at = end_of(date.fromisoformat(text.strip()), gate.zone)
    except (ValueError, OverflowError):
        fields.add("ends_on", "date_format", "Enter a whole date: month, day and year.")
        fields.check()
        raise
    if ends_at <= gate.now():
        fields.add(
            "ends_on", "date_past", "This day is over. Enter today or a later day, or revoke the access instead."
        )
    fields.check()
    return ends_at


async def _change(
    gate: Gate, principal: Principal, grant_id: UUID, action: Action, *, key: str, ends_at: datetime | None = None
) -> GrantResult:
    """Raises `Refusal`: `not_found` for an unknown or foreign one (I15), `not_administrator`, `grant_unchanged`,
    `grant_ended`, `key_reused`, `unavailable`."""
    await view_grant(gate, principal, grant_id)
    cmd = ChangeGrant(grant_id=str(grant_id), account_id=str(principal.subject_id), action=action, ends_at=ends_at)
    try:
        result = await _send(gate, principal, cmd, key=key)
    except UnknownWorkflow:
        await take_up_again(gate, grant_id)
        result = await _send(gate, principal, cmd, key=key)
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at)
    return result


async def _send(gate: Gate, principal: Principal, cmd: ChangeGrant, *, key: str) -> GrantResult:
    try:
        return await send_update(
            gate, names.access_review_id(cmd.grant_id), names.CHANGE_GRANT, cmd,
            scope=f"grant/{cmd.grant_id}/{principal.subject_id}", key=key, body=cmd.model_dump_json(),
            result_type=GrantResult,
        )  # fmt: skip
    except StandsElsewhere:
        raise Refusal("grant_ended") from None


async def take_up_again(gate: Gate, grant_id: UUID) -> None:
    """Begin the workflow of an access that stands though its workflow is gone: ended by hand in Temporal, or not begun yet.

    Raises `Refusal`: `not_found`, `grant_ended`, `unavailable`.
    """
    async with gate.database.read() as session:
        row = await session.get(GrantRow, grant_id)
    if row is None:
        raise Refusal("not_found")
    if State(row.status).is_final:
        raise Refusal("grant_ended")
    try:
        await gate.client.start_workflow(
            AccessReview.run,
            StartAccessReview(grant_id=str(grant_id), reference=row.reference, revision=row.revision),
            id=names.access_review_id(str(grant_id)),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_queue=gate.task_queue,
            static_summary=f"Access {row.reference}",
            search_attributes=TypedSearchAttributes([SearchAttributePair(names.REFERENCE, row.reference)]),
        )
    except RPCError as error:
        raise unavailable(error) from error
