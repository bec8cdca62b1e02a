"""Whether a newcomer still waits for the word of those who were there before; until then they manage none of these (P9)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Access, Account
from db.departures import DepartureClaim, DepartureReviewRow, NewcomerAnswer, NewcomerNotice, NewcomerRuling
from db.invitations import InvitationRow
from db.registrations import Evidence
from domain.colleagues import Holding, Role
from domain.departure import Choice, State, objection_deadline
from domain.limits import Limits
from domain.rulings import Ruling


@dataclass(frozen=True, slots=True)
class Wait:
    """A newcomer has to wait. `until` is None while an objection stands: nobody knows when it's settled."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Newness:
    """What somebody has to wait with in one organization, by each row with which they administrate it.

    `rows` are those that still wait: NPI, since when the row's holder is known, and the wait. `settled` are the NPIs of
    the others. `first` says since when each account is known: whoever was invited, as long as whoever invited them.
    """

    rows: tuple[tuple[str | None, datetime, Wait], ...]
    settled: tuple[str | None, ...]
    first: Mapping[UUID, datetime]

    def wait_to_read(self, account_id: UUID, npis: Collection[str | None]) -> Wait | None:
        """Why a colleague's name is masked still: no row that has to do with these NPIs of theirs (None: all) is known well enough."""
        return self._wait(account_id, lambda own: any(own is None or npi is None or own == npi for npi in npis))

    def wait_to_manage(self, inviter_id: UUID, npi: str | None) -> Wait | None:
        """Why an invitation of somebody else's can't be read in full or changed yet."""
        return self._wait(inviter_id, lambda own: own is None or own == npi)

    def _wait(self, account_id: UUID, concerns: Callable[[str | None], bool]) -> Wait | None:
        if any(concerns(npi) for npi in self.settled):
            return None
        waits = [(known_since, wait) for npi, known_since, wait in self.rows if concerns(npi)]
        since = self.first.get(account_id)
        if since is None or not waits or any(known_since <= since for known_since, _ in waits):
            return None
        return _shortest([wait for _, wait in waits])


def _shortest(waits: Collection[Wait]) -> Wait:
    """The wait that is over first; one without an end comes last."""
    return min(waits, key=lambda wait: (wait.until is None, wait.until or datetime.min.replace(tzinfo=UTC)))


class Standing:
    """What the access rows of one organization let their holders do to those who were there before."""

    def __init__(
        self, session: AsyncSession, organization_id: UUID, limits: Limits, *, at: datetime, zone: tzinfo
    ) -> None:
        self._session = session
        self._organization_id = organization_id
        self._limits = limits
        self._at = at
        self._zone = zone

    async def wait_for(self, actor_id: UUID, rows: Collection[Holding]) -> Wait | None:
        """Why the actor can't change these rows of a colleague yet; None if each is managed by a row that waits for nobody."""
        own = [row for row in await self._rows_of(actor_id) if row.status == "open" and row.role == Role.ADMINISTRATOR]
        [account_id] = {row.account_id for row in rows}
        # Whoever was there first stays that, also for what they were given later; and so do those whom they invite.
        theirs = [await self._proved_by(row) for row in await self._rows_of(account_id) if row.status == "open"]
        since = min(root.opened_at for root, _ in theirs)
        for row in rows:
            waits = [await self._wait_of(one, since) for one in own if one.npi is None or one.npi == row.npi]
            if waits and None not in waits:
                return _shortest([wait for wait in waits if wait])
        return None

    async def wait_among_others(self, actor_id: UUID, npi: str | None) -> Wait | None:
        """Why the actor can't decide for the organization yet; None once an administrator's row of theirs waits for nobody.

        Who has no colleagues waits for nobody: there is no one who could object.
        """
        since = await self._session.scalar(
            select(func.min(col(Access.opened_at)))
            .join(Account, col(Account.id) == col(Access.account_id))
            .where(
                col(Access.organization_id) == self._organization_id,
                col(Access.account_id) != actor_id,
                col(Access.status) == "open",
                col(Account.closed_at).is_(None),
            )
        )
        own = [row for row in await self._rows_of(actor_id) if row.status == "open" and row.role == Role.ADMINISTRATOR]
        waits = [await self._wait_of(one, since) for one in own if one.npi is None or one.npi == npi] if since else []
        if not waits or None in waits:
            return None
        return _shortest([wait for wait in waits if wait])

    async def newness_of(self, actor_id: UUID) -> Newness:
        """What the actor has to wait with, for many colleagues at once."""
        rows, settled = [], []
        for row in await self._rows_of(actor_id):
            if row.status != "open" or row.role != Role.ADMINISTRATOR:
                continue
            root, evidence = await self._proved_by(row)
            wait = await self._wait_from(root, evidence)
            if wait is None:
                settled.append(row.npi)
            else:
                rows.append((row.npi, root.opened_at, wait))
        return Newness(rows=tuple(rows), settled=tuple(settled), first=await self._first() if rows else {})

    async def _first(self) -> dict[UUID, datetime]:
        """Since when each account is known, of those who are there and of those who were: their invitations are listed still."""
        first: dict[UUID, datetime] = {}
        everyone = select(Access).where(col(Access.organization_id) == self._organization_id)
        for row in (await self._session.scalars(everyone)).all():
            root, _ = await self._proved_by(row)
            first[row.account_id] = min(root.opened_at, first.get(row.account_id, root.opened_at))
        return first

    async def _rows_of(self, account_id: UUID) -> list[Access]:
        found = await self._session.scalars(
            select(Access)
            .where(col(Access.organization_id) == self._organization_id, col(Access.account_id) == account_id)
            .order_by(col(Access.opened_at), col(Access.id))
        )
        return list(found)

    async def _wait_of(self, row: Access, since: datetime) -> Wait | None:
        root, evidence = await self._proved_by(row)
        return None if root.opened_at <= since else await self._wait_from(root, evidence)

    async def _wait_from(self, root: Access, evidence: Evidence) -> Wait | None:
        if evidence.registration_id is not None and await self._objected(evidence.registration_id):
            return Wait(until=None)
        until = await self._window_of(root, evidence)
        return Wait(until=until) if self._at < until else None

    async def _proved_by(self, row: Access) -> tuple[Access, Evidence]:
        """The row on which this one rests: who was invited is as new here as whoever invited them was."""
        while True:
            evidence = await self._session.get_one(Evidence, row.evidence_id)
            invitation = await self._session.get(InvitationRow, evidence.source_id) if row.via == "invitation" else None
            if invitation is None:
                return row, evidence
            inviting = [one for one in await self._rows_of(invitation.inviter_id) if one.opened_at < row.opened_at]
            # By the row with which they could invite; the oldest one, whose holder is known best.
            inviting = [one for one in inviting if one.role == Role.ADMINISTRATOR] or inviting
            if not inviting:
                return row, evidence
            row = inviting[0]

    async def _window_of(self, row: Access, evidence: Evidence) -> datetime:
        """The end of the time to object: as those who were told read it, else the full days from the opening."""
        told = await self._session.scalars(
            select(col(NewcomerNotice.until)).where(
                col(NewcomerNotice.registration_id) == evidence.registration_id,
                col(NewcomerNotice.organization_id) == self._organization_id,
            )
        )
        days = self._limits.objection_business_days
        return max(told.all(), default=objection_deadline(row.opened_at.astimezone(self._zone), business_days=days))

    async def _objected(self, registration_id: UUID) -> bool:
        """Whether somebody objected to this newcomer, and staff haven't decided for the newcomer since."""
        objected = await self._session.scalars(
            select(col(NewcomerAnswer.at))
            .join(NewcomerNotice, col(NewcomerNotice.id) == col(NewcomerAnswer.notice_id))
            .where(col(NewcomerNotice.registration_id) == registration_id, col(NewcomerAnswer.choice) == Choice.OBJECT)
        )
        reviews = (
            await self._session.scalars(
                select(DepartureReviewRow)
                .join(DepartureClaim, col(DepartureClaim.review_id) == col(DepartureReviewRow.id))
                .where(col(DepartureClaim.registration_id) == registration_id)
            )
        ).all()
        kept_at = await self._session.scalar(
            select(func.max(col(NewcomerRuling.applied_at))).where(
                col(NewcomerRuling.registration_id) == registration_id, col(NewcomerRuling.verdict) == Ruling.KEEP
            )
        )
        for at in objected:
            if kept_at is not None and kept_at > at:
                continue
            settling = [one.state for one in reviews if one.closed_at is None or one.closed_at > at]
            if not settling or any(state != State.CONFIRMED for state in settling):
                return True
        return False
