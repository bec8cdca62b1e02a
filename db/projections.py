"""What is open in the database while a workflow keeps it: each projection, how its workflow is called, and how it ends without one.

A new kind of workflow with a row of its own joins by one more entry in `all_projections`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from db.authorization_records import SqlAuthorizationRecords
from db.authorization_telling import subject_of as authorization_subject
from db.authorizations import AuthorizationRow
from db.case_records import SqlCaseRecords
from db.case_telling import subject_of as case_subject
from db.cases import CaseRow
from db.database import Database
from db.departure_records import SqlDepartureRecords
from db.departure_records import subject_of as departure_subject
from db.departures import DepartureClaim, DepartureReviewRow
from db.invitation_records import SqlInvitationRecords
from db.invitation_steps import subject_of as invitation_subject
from db.invitations import InvitationRow
from db.registration_records import SqlRegistrationRecords
from db.registration_steps import subject_of as registration_subject
from db.registrations import RegistrationRow
from domain import authorization, cases, departure, invitation, registration
from domain.authorization import RecordAuthorizationClosed
from domain.case_records import CaseEvent, RecordCaseEvent
from domain.departure import RecordClaimWithdrawn
from domain.housekeeping import OrphanEnd, OrphanEnded
from domain.invitation import RecordInvitationClosed
from domain.limits import Limits
from domain.ports import Vault
from domain.registration import RecordClosed

Row = Any  # a table with `id`, `revision` and `updated_at`; SQLModel's tables share no such base


async def _nobody(_session: AsyncSession, _row: Row) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """One kind of row that a workflow keeps.

    `end` records, by the steps of its own records, that it's over; a step that came first makes it raise `SupersededCommand`.
    `started_by` names workflows that still have to start the one of this row.
    """

    kind: str
    table: type[SQLModel]
    is_open: ColumnElement[bool]
    workflow_id: Callable[[Row], str]
    end: Callable[[OrphanEnd], Awaitable[OrphanEnded]]
    started_by: Callable[[AsyncSession, Row], Awaitable[tuple[str, ...]]] = _nobody

    async def open_rows(self, session: AsyncSession, *, before: datetime) -> Sequence[Row]:
        """The rows that are open and haven't changed since `before`."""
        table: Row = self.table
        found = await session.scalars(select(table).where(self.is_open, table.updated_at < before).order_by(table.id))
        return found.all()


def all_projections(database: Database, vault: Vault, limits: Limits, *, zone: ZoneInfo) -> tuple[Projection, ...]:
    """Every projection there is."""
    registrations = SqlRegistrationRecords(database, vault, limits, zone)
    invitations = SqlInvitationRecords(database, vault, limits, zone=zone)
    support = SqlCaseRecords(database, vault, limits, zone=zone)
    departures = SqlDepartureRecords(database, vault, limits, zone=zone)
    authorizations = SqlAuthorizationRecords(database, vault, limits, zone)

    async def end_registration(cmd: OrphanEnd) -> OrphanEnded:
        done = await registrations.close(
            RecordClosed(
                registration_id=cmd.orphan.row_id, revision=cmd.revision, at=cmd.at,
                state=registration.State.WITHDRAWN, by_system=True,
            )
        )  # fmt: skip
        return OrphanEnded(ended=done.accepted, mails=done.mails, cases=done.cases)

    async def end_invitation(cmd: OrphanEnd) -> OrphanEnded:
        done = await invitations.close(
            RecordInvitationClosed(
                invitation_id=cmd.orphan.row_id, revision=cmd.revision, at=cmd.at, state=invitation.State.CANCELLED
            )
        )
        return OrphanEnded(ended=done.accepted, mails=done.mails)

    async def end_case(cmd: OrphanEnd) -> OrphanEnded:
        done = await support.note(
            RecordCaseEvent(
                case_id=cmd.orphan.row_id, revision=cmd.revision, at=cmd.at, event=CaseEvent.CANCELLED
            )
        )  # fmt: skip
        async with database.read() as session:
            row = await session.get_one(CaseRow, UUID(cmd.orphan.row_id))
        waits = row.kind == cases.CaseKind.NOT_LISTED and row.registration_id is not None
        return OrphanEnded(
            ended=done.accepted, mails=done.mails, declined_in=str(row.registration_id) if waits else None
        )

    async def end_departure(cmd: OrphanEnd) -> OrphanEnded:
        done = await departures.withdraw(
            RecordClaimWithdrawn(review_id=cmd.orphan.row_id, revision=cmd.revision, at=cmd.at)
        )
        return OrphanEnded(ended=done.accepted, mails=done.mails)

    async def end_authorization(cmd: OrphanEnd) -> OrphanEnded:
        done = await authorizations.close(
            RecordAuthorizationClosed(
                authorization_id=cmd.orphan.row_id, revision=cmd.revision, at=cmd.at,
                state=authorization.State.CANCELLED,
            )
        )  # fmt: skip
        return OrphanEnded(ended=done.accepted, mails=done.mails)

    async def newcomers_of(session: AsyncSession, row: Row) -> tuple[str, ...]:
        if row.revision:
            return ()
        found = await session.scalars(
            select(col(DepartureClaim.registration_id)).where(col(DepartureClaim.review_id) == row.id)
        )
        return tuple(registration_subject(str(one)) for one in found)

    return (
        Projection(
            kind="registration",
            table=RegistrationRow,
            is_open=col(RegistrationRow.state).in_([one for one in registration.State if not one.is_final]),
            workflow_id=lambda row: registration_subject(str(row.id)),
            end=end_registration,
        ),
        Projection(
            kind="invitation",
            table=InvitationRow,
            is_open=col(InvitationRow.state).in_([one for one in invitation.State if not one.is_final]),
            workflow_id=lambda row: invitation_subject(str(row.id)),
            end=end_invitation,
        ),
        Projection(
            kind="case",
            table=CaseRow,
            is_open=col(CaseRow.state).in_(cases.OPEN),
            workflow_id=lambda row: case_subject(row.id),
            end=end_case,
        ),
        Projection(
            kind="authorization",
            table=AuthorizationRow,
            is_open=col(AuthorizationRow.state).in_(authorization.OPEN),
            workflow_id=lambda row: authorization_subject(row.id),
            end=end_authorization,
        ),
        Projection(
            kind="departure",
            table=DepartureReviewRow,
            is_open=col(DepartureReviewRow.state).in_([one for one in departure.State if not one.is_final]),
            workflow_id=lambda row: departure_subject(row.id),
            end=end_departure,
            # Its row is there before its workflow: the newcomer's registration starts it.
            started_by=newcomers_of,
        ),
    )
