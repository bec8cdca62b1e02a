"""Who has access to an organization, looked up under a lock where something depends on it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Access, Account
from db.directory import Organization
from db.invitations import InvitationRow
from domain.colleagues import Holding, Role, administers
from domain.invitation import State


async def lock_organization(session: AsyncSession, organization_id: UUID) -> Organization:
    """The organization's row, locked until the commit: whoever changes its colleagues does so one after another.

    Rows that refer to it can still be added meanwhile.
    """
    return await session.get_one(
        Organization, organization_id, with_for_update={"key_share": True}, populate_existing=True
    )


async def holdings_of(session: AsyncSession, organization_id: UUID) -> tuple[Holding, ...]:
    """The open access rows of an organization whose accounts are open, the oldest first."""
    rows = await session.scalars(
        select(Access)
        .join(Account, col(Account.id) == col(Access.account_id))
        .where(
            col(Access.organization_id) == organization_id,
            col(Access.status) == "open",
            col(Account.closed_at).is_(None),
        )
        .order_by(col(Access.opened_at), col(Access.id))
        .execution_options(populate_existing=True)
    )
    return tuple(Holding(access_id=row.id, account_id=row.account_id, npi=row.npi, role=Role(row.role)) for row in rows)


def administrators(holdings: Collection[Holding], npi: str | None) -> list[UUID]:
    """The accounts that administrate this scope, the longest-serving first."""
    found = [holding.account_id for holding in holdings if holding.is_administrator and holding.covers(npi)]
    return list(dict.fromkeys(found))


async def orphaned_invitations(
    session: AsyncSession, organization_id: UUID, account_id: UUID, holdings: Collection[Holding]
) -> tuple[str, ...]:
    """Open invitations of an account for scopes that it doesn't administrate, given the holdings as they are now."""
    rows = await session.scalars(
        select(InvitationRow)
        .where(
            col(InvitationRow.organization_id) == organization_id,
            col(InvitationRow.inviter_id) == account_id,
            col(InvitationRow.state) == State.SENT,
        )
        .order_by(col(InvitationRow.started_at), col(InvitationRow.id))
    )
    return tuple(str(row.id) for row in rows if not administers(holdings, account_id, row.npi))
