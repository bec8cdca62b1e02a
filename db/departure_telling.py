"""Who is told of a review's turns: the person it's about, the newcomers, and the organization's administrators."""

from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import tell
from db.accounts import Account
from db.colleagues import administrators, holdings_of
from db.departures import DepartureClaim, DepartureReviewRow
from db.directory import Organization
from db.registrations import RegistrationRow
from domain.departure import ReviewStep
from domain.people import masked_name
from domain.ports import Vault
from domain.recording import MailDue

_TO_THE_PERSON: Final = {"departure_contested": "departure_contested_you", "departure_kept": "departure_kept_you"}
"""Messages that others get as well, in words for the person whom the review is about."""


@dataclass(frozen=True, slots=True)
class DepartureTelling:
    """Tells about one review; `values` are what its words may name."""

    vault: Vault
    row: DepartureReviewRow
    values: dict[str, str]

    @classmethod
    async def about(cls, session: AsyncSession, vault: Vault, row: DepartureReviewRow) -> Self:
        organization = await session.get_one(Organization, row.organization_id)
        account = await session.get_one(Account, row.account_id)
        colleague = masked_name(vault.unseal("name", account.name_sealed))
        return cls(vault, row, {"organization": organization.name, "colleague": colleague, "reference": row.reference})

    def message(self, session: AsyncSession, cmd: ReviewStep, *, account_id: UUID, kind: str) -> None:
        """A message; each turn of a review makes at most one for each account."""
        cause = f"departure/{self.row.id}:{kind}"
        if account_id == self.row.account_id:
            kind = _TO_THE_PERSON.get(kind, kind)
        tell(session, self.vault, account_id=account_id, cause=cause, kind=kind, values=self.values, at=cmd.at)

    async def tell_departed(self, session: AsyncSession, cmd: ReviewStep, kind: str) -> tuple[MailDue, ...]:
        """A message and a mail to the person the review is about."""
        return await self._tell(session, cmd, account_id=self.row.account_id, kind=kind)

    async def tell_newcomers(self, session: AsyncSession, cmd: ReviewStep, *, purpose: str) -> tuple[MailDue, ...]:
        """A message and a mail to each newcomer who stands by what they said."""
        found = await session.scalars(
            select(col(RegistrationRow.account_id))
            .join(DepartureClaim, col(DepartureClaim.registration_id) == col(RegistrationRow.id))
            .where(col(DepartureClaim.review_id) == self.row.id, col(DepartureClaim.withdrawn_at).is_(None))
            .order_by(col(DepartureClaim.at), col(DepartureClaim.id))
        )
        due: list[MailDue] = []
        for account_id in dict.fromkeys(found.all()):
            if account_id is not None:
                due += await self._tell(session, cmd, account_id=account_id, kind=purpose)
        return tuple(due)

    async def tell_both(
        self, session: AsyncSession, cmd: ReviewStep, *, purpose: str, departed: str
    ) -> tuple[MailDue, ...]:
        """Both sides, each in words of its own."""
        return (
            *await self.tell_departed(session, cmd, departed),
            *await self.tell_newcomers(session, cmd, purpose=purpose),
        )

    async def tell_administrators(self, session: AsyncSession, cmd: ReviewStep, *, kind: str) -> None:
        """A message to each other administrator of the organization; newcomers have theirs already."""
        told = set(
            await session.scalars(
                select(col(RegistrationRow.account_id))
                .join(DepartureClaim, col(DepartureClaim.registration_id) == col(RegistrationRow.id))
                .where(col(DepartureClaim.review_id) == self.row.id, col(DepartureClaim.withdrawn_at).is_(None))
            )
        )
        for account_id in administrators(await holdings_of(session, self.row.organization_id), None):
            if account_id not in told:
                self.message(session, cmd, account_id=account_id, kind=kind)

    async def _tell(
        self, session: AsyncSession, cmd: ReviewStep, *, account_id: UUID, kind: str
    ) -> tuple[MailDue, ...]:
        account = await session.get_one(Account, account_id)
        self.message(session, cmd, account_id=account_id, kind=kind)
        return (
            mails.make_due(
                session,
                self.vault,
                subject=f"departure/{self.row.id}",
                purpose=kind,
                generation=str(account_id),
                recipient=self.vault.unseal("email", account.email_sealed),
                values={
                    **self.values,
                    "name": self.vault.unseal("name", account.name_sealed),
                    "you": "yes" if account_id == self.row.account_id else "",
                },
                at=cmd.at,
            ),
        )
