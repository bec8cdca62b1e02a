"""What a request opened, as staff see it: its state and who can change it, and what is on hold after an objection (B7, B11).

Staff change nothing of it: an access is the provider's to hold, resume and end.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Account
from db.audit import AuditEntry
from db.authorizations import DecisionRow, GrantObjection, GrantRow
from db.colleagues import administrators, holdings_of
from db.directory import Organization
from db.grant_telling import subject_of
from domain.grant_rights import touches
from domain.grants import Action, Code, Ending, HeldBy, State, effective, last_day
from portal.gate import Gate
from portal.staff import StaffMember

PAGE_SIZE: Final = 25


class HeldOrder(StrEnum):
    """What the accesses on hold can be sorted by."""

    SINCE = "since"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """Somebody of the provider who can put the access on hold, and more as `Rights` has it.

    `npis` are theirs where they administer only these of what's open; they can't resume it.
    """

    name: str
    email: str
    npis: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessView:
    """The access that an approved request opened. `objected_by` is the name given with the objection that it's on hold for."""

    state: State
    held_by: HeldBy | None
    held_since: datetime | None
    objected_by: str
    organization: str
    npi: str | None
    opened_at: datetime
    decided_by: str
    decided_as: str
    via: str  # code: the business contact; account: an administrator
    last_day: date | None
    ended_at: datetime | None
    ending: Ending | None
    administrators: tuple[Administrator, ...]  # of all that's open
    partial: tuple[Administrator, ...]  # of a part of it
    has_accounts: bool  # whether anybody of the provider has an account


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLine:
    """An access that is on hold after an objection. `id` is the request's."""

    id: UUID
    reference: str
    service: str
    organization: str
    npi: str | None
    objected_by: str
    held_since: datetime
    has_administrator: bool  # whether anybody of the provider can resume or end it
    may_resume: bool  # whether anybody can resume it: an administrator of a part of what's open can only end it


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPage:
    """One page of the accesses that are on hold after an objection."""

    rows: tuple[HeldLine, ...]
    page: int
    pages: int
    total: int


async def view_access(gate: Gate, session: AsyncSession, authorization_id: UUID) -> AccessView | None:
    """The access that this request opened; None where it opened none."""
    row = await session.scalar(select(GrantRow).where(col(GrantRow.authorization_id) == authorization_id))
    if row is None:
        return None
    unseal = gate.vault.unseal
    organization = await session.get_one(Organization, row.organization_id)
    decision = await session.get_one(DecisionRow, row.decision_id)
    holdings = await holdings_of(session, row.organization_id)
    leading = administrators(holdings, row.npi)
    partial: dict[UUID, list[str]] = {}
    for one in holdings:
        if one.is_administrator and one.npi and touches(one, row.npi) and one.account_id not in leading:
            partial.setdefault(one.account_id, []).append(one.npi)
    state = effective(State(row.status), row.ends_at, gate.now())
    held_by = HeldBy(row.held_by) if row.held_by and not state.is_final else None
    objection = (await _standing(session, [row])).get(row.id) if held_by is HeldBy.OBJECTION else None
    held = await _last(session, [row], Action.HOLD) if held_by is HeldBy.PROVIDER else {}
    has_lapsed = state.is_final and row.closing_code is None
    return AccessView(
        state=state,
        held_by=held_by,
        held_since=objection.at if objection else held.get(row.id),
        objected_by=unseal("name", objection.name_sealed) if objection else "",
        organization=organization.name,
        npi=row.npi,
        opened_at=row.opened_at,
        decided_by=unseal("name", decision.name_sealed),
        decided_as=unseal("role", decision.role_sealed),
        via=decision.via,
        last_day=last_day(row.ends_at, gate.zone) if row.ends_at else None,
        ended_at=row.ends_at if has_lapsed else row.ended_at,
        ending=Ending.LAPSED if has_lapsed else Ending(row.closing_code) if row.closing_code else None,
        administrators=tuple([await _administrator(gate, session, one) for one in leading]),
        partial=tuple([await _administrator(gate, session, one, npis) for one, npis in partial.items()]),
        has_accounts=bool(holdings),
    )


async def _administrator(
    gate: Gate, session: AsyncSession, account_id: UUID, npis: Sequence[str] = ()
) -> Administrator:
    account = await session.get_one(Account, account_id)
    return Administrator(
        name=gate.vault.unseal("name", account.name_sealed),
        email=gate.vault.unseal("email", account.email_sealed),
        npis=tuple(sorted(npis)),
    )


async def list_held(
    gate: Gate, _staff: StaffMember, *, order: HeldOrder = HeldOrder.SINCE, descending: bool = False, page: int = 1
) -> HeldPage:
    """One page of the accesses that are on hold after an objection."""
    async with gate.database.read() as session:
        found = (
            await session.execute(
                select(GrantRow, col(Organization.name))
                .join(Organization, col(Organization.id) == col(GrantRow.billing_id))
                .where(
                    col(GrantRow.status) == State.HELD,
                    col(GrantRow.held_by) == HeldBy.OBJECTION,
                    or_(col(GrantRow.ends_at).is_(None), col(GrantRow.ends_at) > gate.now()),
                )
            )
        ).all()
        standing = await _standing(session, [row for row, _ in found])
        since = {row.id: standing[row.id].at for row, _ in found}
        by_name = order is HeldOrder.SERVICE
        found = sorted(
            found,
            key=lambda one: (one[1].casefold() if by_name else "", since[one[0].id], one[0].id),
            reverse=descending,
        )
        pages = max(1, -(-len(found) // PAGE_SIZE))
        page = min(max(1, page), pages)
        lines = []
        for row, service in found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]:
            organization = await session.get_one(Organization, row.organization_id)
            holdings = await holdings_of(session, row.organization_id)
            lines.append(
                HeldLine(
                    id=row.authorization_id,
                    reference=row.reference,
                    service=service,
                    organization=organization.name,
                    npi=row.npi,
                    objected_by=gate.vault.unseal("name", standing[row.id].name_sealed),
                    held_since=since[row.id],
                    has_administrator=any(one.is_administrator and touches(one, row.npi) for one in holdings),
                    may_resume=bool(administrators(holdings, row.npi)),
                )
            )
    return HeldPage(rows=tuple(lines), page=page, pages=pages, total=len(found))


async def _standing(session: AsyncSession, rows: Sequence[GrantRow]) -> dict[UUID, GrantObjection]:
    """The objection that each of these is on hold for: the first one since it was resumed last."""
    resumed = await _last(session, rows, Action.RESUME)
    objections = await session.scalars(
        select(GrantObjection)
        .where(col(GrantObjection.grant_id).in_([row.id for row in rows]))
        .order_by(col(GrantObjection.at).desc(), col(GrantObjection.id))
    )
    standing: dict[UUID, GrantObjection] = {}
    for one in objections:  # the newest first: the last one that is put down is the oldest that counts
        assert one.grant_id is not None  # noqa: S101 - found by it
        since = resumed.get(one.grant_id)
        if one.grant_id not in standing or since is None or one.at > since:
            standing[one.grant_id] = one
    return standing


async def _last(session: AsyncSession, rows: Sequence[GrantRow], action: Action) -> dict[UUID, datetime]:
    """When this was done to each of them the last time."""
    subjects = {subject_of(row.id): row.id for row in rows}
    entries = await session.scalars(
        select(AuditEntry)
        .where(col(AuditEntry.subject).in_(subjects), col(AuditEntry.action) == f"grant.{action}")
        .order_by(col(AuditEntry.position))
    )
    return {subjects[one.subject]: one.at for one in entries if json.loads(one.details).get("code") == Code.OK}
