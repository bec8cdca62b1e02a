"""A departure is confirmed, or staff end a newcomer's access: what the person had in the organization ends, at once and in the same transaction (I20)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Access, Account, SessionRow
from db.cases import CaseRow
from db.colleagues import holdings_of, lock_organization, orphaned_invitations
from db.registrations import RegistrationRow
from domain.registration import State as RegistrationState


class Holding(Protocol):
    """Whose access ends, and to what."""

    @property
    def organization_id(self) -> UUID: ...
    @property
    def account_id(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """What the person left open, to be ended by the workflows of each."""

    invitations: tuple[str, ...]
    registrations: tuple[str, ...]
    cases: tuple[str, ...]


async def end_access(session: AsyncSession, row: Holding, *, at: datetime) -> LeftOpen:
    """End the account's access to the organization and its sessions; close the account if no access is left anywhere."""
    await lock_organization(session, row.organization_id)
    account = await session.get_one(Account, row.account_id, with_for_update=True)
    await session.execute(
        update(Access)
        .where(
            col(Access.account_id) == account.id,
            col(Access.organization_id) == row.organization_id,
            col(Access.status) == "open",
        )
        .values(status="ended", ended_at=at)
    )
    await session.execute(
        update(SessionRow)
        .where(
            col(SessionRow.kind).in_(["account", "second_factor"]),
            col(SessionRow.subject_id) == account.id,
            col(SessionRow.revoked_at).is_(None),
        )
        .values(revoked_at=at)
    )
    left = await session.scalar(
        select(func.count()).where(col(Access.account_id) == account.id, col(Access.status) == "open")
    )
    if not left and account.closed_at is None:
        account.closed_at = at
    await session.flush()
    holdings = await holdings_of(session, row.organization_id)
    return LeftOpen(
        invitations=await orphaned_invitations(session, row.organization_id, account.id, holdings),
        registrations=await _registrations(session, row, is_closed=not left),
        cases=await _cases(session, row) if not left else (),
    )


async def _registrations(session: AsyncSession, row: Holding, *, is_closed: bool) -> tuple[str, ...]:
    """Open requests to add a TIN or NPI to this account: all of them if it's closed, else those of this organization."""
    query = select(col(RegistrationRow.id)).where(
        col(RegistrationRow.for_account_id) == row.account_id,
        col(RegistrationRow.state).in_([state for state in RegistrationState if not state.is_final]),
    )
    if not is_closed:
        query = query.where(
            or_(
                col(RegistrationRow.organization_id) == row.organization_id,
                col(RegistrationRow.identified_id) == row.organization_id,
            )
        )
    return tuple(str(one) for one in (await session.scalars(query.order_by(col(RegistrationRow.id)))).all())


async def _cases(session: AsyncSession, row: Holding) -> tuple[str, ...]:
    query = select(col(CaseRow.id)).where(col(CaseRow.account_id) == row.account_id, col(CaseRow.closed_at).is_(None))
    return tuple(str(one) for one in (await session.scalars(query.order_by(col(CaseRow.id)))).all())
