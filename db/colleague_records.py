"""A change among colleagues as one transaction: looked at under the organization's lock, made or refused, told."""

from collections.abc import Collection
from dataclasses import replace
from datetime import tzinfo
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import tell
from db.accounts import Access, Account, SessionRow
from db.colleagues import administrators, holdings_of, lock_organization, orphaned_invitations
from db.database import Database
from db.directory import Organization
from db.invitations import ColleagueChangeRow
from db.newcomer_standing import Standing
from db.recording import Change, once
from domain.colleagues import (
    ChangeColleague,
    Code,
    ColleagueChanged,
    Holding,
    RecordColleagueChange,
    Role,
    managed,
    refusal_of,
)
from domain.limits import Limits
from domain.people import masked_name
from domain.ports import Vault
from domain.recording import MailDue


class SqlColleagueRecords:
    """The `ColleagueRecords` port on SQLite and PostgreSQL. `zone` is the payer's: it decides which day it is."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, *, zone: tzinfo) -> None:
        self._database = database
        self._vault = vault
        self._limits = limits
        self._zone = zone

    async def change(self, cmd: RecordColleagueChange) -> ColleagueChanged:
        change = cmd.change
        subject = f"colleague-change/{change.change_id}"

        async def lock(session: AsyncSession) -> ColleagueChangeRow | None:
            return await session.get(ColleagueChangeRow, UUID(change.change_id), with_for_update=True)

        async def step(session: AsyncSession, row: ColleagueChangeRow) -> tuple[ColleagueChanged, Change]:
            organization = await lock_organization(session, row.organization_id)
            changed = await self._judge(session, cmd, organization)
            row.accepted, row.code, row.retry_at = changed.accepted, changed.code, changed.retry_at
            details = {
                "organization": str(row.organization_id),
                "account": str(row.account_id),
                "role": row.role,
                "code": str(changed.code),
            }
            action = "colleague.removed" if row.role is None else "colleague.role_changed"
            return changed, Change(actor=f"account/{row.actor_id}", action=action, details=details)

        return await once(
            self._database,
            cmd,
            subject=subject,
            result=ColleagueChanged,
            lock=lock,
            step=step,
            create=lambda: ColleagueChangeRow(
                id=UUID(change.change_id),
                revision=0,
                organization_id=UUID(change.organization_id),
                account_id=UUID(change.account_id),
                actor_id=UUID(change.actor_id),
                role=change.role,
                at=cmd.at,
            ),
        )

    async def _judge(
        self, session: AsyncSession, cmd: RecordColleagueChange, organization: Organization
    ) -> ColleagueChanged:
        change = cmd.change
        account_id, actor_id = UUID(change.account_id), UUID(change.actor_id)
        before = await holdings_of(session, organization.id)
        rows = managed(before, by=actor_id, account_id=account_id)
        refusal = _refusal(change, before, rows)
        if refusal is not None:
            return ColleagueChanged(accepted=False, code=refusal)
        if change.role is not None and all(row.role is change.role for row in rows):
            return ColleagueChanged()  # as it is already: nobody is told
        if actor_id != account_id:
            standing = Standing(session, organization.id, self._limits, at=cmd.at, zone=self._zone)
            wait = await standing.wait_for(actor_id, rows)
            if wait is not None:
                return ColleagueChanged(accepted=False, code=Code.NEWCOMER_WAITS, retry_at=wait.until)
        after = _applied(change, before, rows)
        refusal = refusal_of(before, after)
        if refusal is not None:
            return ColleagueChanged(accepted=False, code=refusal)
        which = col(Access.id).in_([row.access_id for row in rows])
        if change.role is None:
            await session.execute(update(Access).where(which).values(status="ended", ended_at=cmd.at))
            await self._end_sessions(session, account_id, cmd)
        else:
            await session.execute(update(Access).where(which).values(role=change.role))
        due = await self._tell(session, cmd, organization, after, npi=rows[0].npi)
        invitations = await orphaned_invitations(session, organization.id, account_id, after)
        return ColleagueChanged(mails=due, invitations=invitations)

    async def _end_sessions(self, session: AsyncSession, account_id: UUID, cmd: RecordColleagueChange) -> None:
        """Sign the person out everywhere when no access is left anywhere (I20)."""
        left = await session.scalar(
            select(func.count()).where(col(Access.account_id) == account_id, col(Access.status) == "open")
        )
        if not left:
            await session.execute(
                update(SessionRow)
                .where(
                    col(SessionRow.kind).in_(["account", "second_factor"]),
                    col(SessionRow.subject_id) == account_id,
                    col(SessionRow.revoked_at).is_(None),
                )
                .values(revoked_at=cmd.at)
            )

    async def _tell(
        self,
        session: AsyncSession,
        cmd: RecordColleagueChange,
        organization: Organization,
        after: Collection[Holding],
        *,
        npi: str | None,
    ) -> tuple[MailDue, ...]:
        """A message and a mail to the person, a message to each administrator who is left."""
        change = cmd.change
        subject = f"colleague-change/{change.change_id}"
        account_id = UUID(change.account_id)
        account = await session.get_one(Account, account_id)
        actor = await session.get_one(Account, UUID(change.actor_id))
        name = self._vault.unseal("name", account.name_sealed)
        values = {
            "name": name,
            "organization": organization.name,
            "actor": self._vault.unseal("name", actor.name_sealed),
            "role": change.role or "none",
            "colleague": masked_name(name),
        }
        kind = "access_removed" if change.role is None else "role_changed"
        tell(
            session, self._vault, account_id=account_id, cause=f"{subject}:{kind}", kind=kind, values=values, at=cmd.at
        )
        told = "colleague_removed" if change.role is None else "colleague_role_changed"
        for other in administrators(after, npi):
            if other != account_id:
                tell(
                    session, self._vault, account_id=other, cause=f"{subject}:{told}", kind=told, values=values,
                    at=cmd.at,
                )  # fmt: skip
        return (
            mails.make_due(
                session,
                self._vault,
                subject=subject,
                purpose=kind,
                generation=1,
                recipient=self._vault.unseal("email", account.email_sealed),
                values=values,
                at=cmd.at,
            ),
        )


def _refusal(change: ChangeColleague, before: Collection[Holding], rows: Collection[Holding]) -> Code | None:
    """Why this person may not make this change at all."""
    if not any(str(holding.account_id) == change.actor_id for holding in before):
        return Code.NOT_ADMINISTRATOR
    if change.actor_id == change.account_id:
        # Leaving and stepping down are one's own to do; raising oneself isn't.
        raises = change.role is Role.ADMINISTRATOR and not all(row.is_administrator for row in rows)
        return Code.NOT_ADMINISTRATOR if raises else None
    if not any(str(holding.account_id) == change.actor_id and holding.is_administrator for holding in before):
        return Code.NOT_ADMINISTRATOR
    return None if rows else Code.COLLEAGUE_GONE


def _applied(change: ChangeColleague, before: Collection[Holding], rows: Collection[Holding]) -> list[Holding]:
    changed = {row.access_id for row in rows}
    if change.role is None:
        return [holding for holding in before if holding.access_id not in changed]
    return [replace(holding, role=change.role) if holding.access_id in changed else holding for holding in before]
