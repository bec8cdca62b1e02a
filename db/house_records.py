"""What housekeeping reads and changes in the database, by the list of projections."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit, mails, purging
from db.database import Database
from db.projections import all_projections
from db.recording import SupersededCommand
from db.registrations import MailRow
from db.staff import StaffAccount
from db.staff_duties import contested_reviews, letters_near_budget
from domain.housekeeping import (
    Alert,
    AlertKind,
    AlertRecorded,
    OpenRow,
    OrphanEnd,
    OrphanEnded,
    Purged,
    RecordAlert,
)
from domain.limits import Limits
from domain.ports import Vault
from domain.recording import MailDue


async def open_staff(session: AsyncSession, *, supervisors: bool) -> list[StaffAccount]:
    """Who is told: everybody who works here, or the supervisors only; the oldest account first."""
    query = select(StaffAccount).where(col(StaffAccount.closed_at).is_(None), col(StaffAccount.ready_at).is_not(None))
    if supervisors:
        query = query.where(col(StaffAccount.role) == "supervisor")
    found = await session.scalars(query.order_by(col(StaffAccount.created_at), col(StaffAccount.id)))
    return list(found)


class SqlHouseRecords:
    """The `HouseRecords` port on SQLite and PostgreSQL. `zone` is the payer's: it decides which day it is."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, *, zone: ZoneInfo) -> None:
        self._database = database
        self._vault = vault
        self._limits = limits
        self._zone = zone
        self._projections = {one.kind: one for one in all_projections(database, vault, limits, zone=zone)}

    async def open_rows(self, *, before: datetime) -> list[OpenRow]:
        found: list[OpenRow] = []
        async with self._database.read() as session:
            for projection in self._projections.values():
                found += [
                    OpenRow(
                        kind=projection.kind,
                        row_id=str(row.id),
                        workflow_id=projection.workflow_id(row),
                        revision=row.revision,
                        started_by=await projection.started_by(session, row),
                    )
                    for row in await projection.open_rows(session, before=before)
                ]
        return found

    async def end(self, cmd: OrphanEnd) -> OrphanEnded:
        try:
            return await self._projections[cmd.orphan.kind].end(cmd)
        except SupersededCommand:  # it moved on meanwhile, so it wasn't gone
            return OrphanEnded(ended=False)

    async def alerts(self, *, now: datetime) -> list[Alert]:
        local = now.astimezone(self._zone)
        async with self._database.read() as session:
            days = await letters_near_budget(session, self._limits, today=local.date())
            contested = await contested_reviews(session, self._limits, now=local)
        return [
            Alert(
                kind=AlertKind.LETTERS_BUDGET,
                key=one.day.isoformat(),
                values={
                    "day": f"{one.day:%B} {one.day.day}, {one.day.year}",
                    "planned": str(one.planned),
                    "budget": str(one.budget),
                },
            )
            for one in days
        ] + [
            Alert(
                kind=AlertKind.DEPARTURE_DUE,
                key=f"{one.review_id}/{one.reminders}",
                values={"reference": one.reference},
            )
            for one in contested
            if one.reminders
        ]

    async def alert(self, cmd: RecordAlert) -> AlertRecorded:
        alert = cmd.alert
        subject = f"{alert.kind}/{alert.key}"
        async with self._database.write() as session:
            told = await session.scalars(
                select(MailRow).where(col(MailRow.subject) == subject).order_by(col(MailRow.id))
            )
            again = tuple(MailDue(mail_id=one.id, purpose=one.purpose) for one in told)
            if again:  # an earlier try whose answer was lost
                return AlertRecorded(mails=again)
            due = tuple(
                mails.make_due(
                    session,
                    self._vault,
                    subject=subject,
                    purpose=f"staff_{alert.kind}",
                    generation=str(one.id),
                    recipient=self._vault.unseal("email", one.email_sealed),
                    values={"name": self._vault.unseal("name", one.name_sealed), **alert.values},
                    at=cmd.at,
                )
                for one in await open_staff(session, supervisors=alert.kind is AlertKind.LETTERS_BUDGET)
            )
            if due:
                await audit.append(session, at=cmd.at, actor="system", action=f"staff.{alert.kind}", subject=subject)
            return AlertRecorded(mails=due)

    async def purge(self, *, now: datetime) -> Purged:
        before: datetime = now - max(self._limits.spent_kept, timedelta(days=1))
        return Purged(rows=await purging.purge(self._database, before=before))
