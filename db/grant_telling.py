"""Who is told of a change to a billing service's access: the service's people, the provider's administrators, staff (T6, B7)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import tell
from db.accounts import Account, Message
from db.authorizations import AuthorizationRow, GrantRow
from db.colleagues import administrators, holdings_of
from db.directory import Organization
from db.staff import StaffAccount
from domain import time_words
from domain.colleagues import Holding
from domain.grant_rights import Rights, concerned, touches, ways_after_change, ways_after_objection
from domain.grants import State, last_day
from domain.identifiers import Tin
from domain.ports import Vault
from domain.recording import MailDue

OPENED: Final = "provider_grant_opened"
OBJECTED: Final = "grant_objected"
WHOLE_TIN: Final = "all of its Tax ID"


def subject_of(grant_id: UUID | str) -> str:
    """How audit, mails and secrets name a grant."""
    return f"grant/{grant_id}"


def scope_in_words(npi: str | None) -> str:
    """What is open, as messages and mails say it."""
    return f"NPI {npi}" if npi else WHOLE_TIN


def day_in_words(ends_at: datetime, zone: tzinfo) -> str:
    """The last day on which an access is good, in the payer's zone."""
    return time_words.day_in_words(last_day(ends_at, zone))


@dataclass(frozen=True, slots=True)
class GrantTelling:
    """Tells about one grant; `values` are what its words may name. `step` makes each step's messages and mails its own."""

    session: AsyncSession
    vault: Vault
    row: GrantRow
    values: dict[str, str]
    step: int
    at: datetime

    @classmethod
    async def about(
        cls, session: AsyncSession, vault: Vault, row: GrantRow, *, step: int, at: datetime, zone: tzinfo
    ) -> Self:
        organization = await session.get_one(Organization, row.organization_id)
        service = await session.get_one(Organization, row.billing_id)
        values = {
            "organization": organization.name,
            "organization_tin": Tin(vault.unseal("tin", organization.tin_sealed)).masked,
            "service": service.name,
            "scope": scope_in_words(row.npi),
            "reference": row.reference,
            "until": day_in_words(row.ends_at, zone) if row.ends_at else "",
        }
        return cls(session, vault, row, values, step, at)

    async def tell_service(self, kind: str, more: Mapping[str, str] | None = None) -> tuple[MailDue, ...]:
        """A message and a mail to each administrator of the billing service, and to who had asked if they are still there."""
        holdings = await holdings_of(self.session, self.row.billing_id)
        request = await self.session.get_one(AuthorizationRow, self.row.authorization_id)
        told = administrators(holdings, None)
        if request.requester_id not in told and any(one.account_id == request.requester_id for one in holdings):
            told.append(request.requester_id)
        return await self._tell(told, kind, more)

    async def tell_provider(
        self, kind: str, more: Mapping[str, str] | None = None, *, actor: UUID | None = None
    ) -> tuple[MailDue, ...]:
        """A message to whom it concerns at the provider, and a mail to all of them but the one who did it.

        Whoever was told that the access was opened hears what becomes of it, as long as they see it.
        """
        npi = self.row.npi
        holdings = await holdings_of(self.session, self.row.organization_id)
        told = concerned(holdings, npi)
        told += [one for one in await self._told_of_opening(holdings) if one not in told]

        def ways(account_id: UUID) -> dict[str, str]:
            rights = Rights.of(holdings, account_id, npi)
            if kind == OBJECTED:
                return ways_after_objection(rights, npi)
            return ways_after_change(rights, State(self.row.status))

        more = {"page": f"billing-services/{self.row.id}", **(more or {})}
        return await self._tell(told, kind, more, unmailed=actor, ways=ways)

    async def _told_of_opening(self, holdings: tuple[Holding, ...]) -> list[UUID]:
        seeing = dict.fromkeys(one.account_id for one in holdings if touches(one, self.row.npi))
        cause = f"{subject_of(self.row.id)}:{OPENED}"
        told = set(
            await self.session.scalars(
                select(col(Message.account_id)).where(col(Message.account_id).in_(seeing), col(Message.cause) == cause)
            )
        )
        return [one for one in seeing if one in told]

    async def tell_staff(self, kind: str) -> tuple[MailDue, ...]:
        """A mail to everybody of staff, with a link to their page of the request."""
        staff = await self.session.scalars(
            select(StaffAccount)
            .where(col(StaffAccount.closed_at).is_(None), col(StaffAccount.ready_at).is_not(None))
            .order_by(col(StaffAccount.created_at), col(StaffAccount.id))
        )
        return tuple(
            self._mail(kind, one.id, self.vault.unseal("email", one.email_sealed), {
                **self.values, "name": self.vault.unseal("name", one.name_sealed),
                "page": f"staff/contacts/{self.row.authorization_id}",
            })
            for one in staff
        )  # fmt: skip

    async def _tell(
        self,
        told: list[UUID],
        kind: str,
        more: Mapping[str, str] | None,
        *,
        unmailed: UUID | None = None,
        ways: Callable[[UUID], Mapping[str, str]] = lambda _: {},
    ) -> tuple[MailDue, ...]:
        due = []
        cause = f"{subject_of(self.row.id)}:{self.step}:{kind}"
        for account_id in told:
            values = {**self.values, **(more or {}), **ways(account_id)}
            tell(
                self.session, self.vault, account_id=account_id, cause=cause, kind=kind, values=values, at=self.at
            )  # fmt: skip
            if account_id == unmailed:
                continue
            account = await self.session.get_one(Account, account_id)
            name, address = (
                self.vault.unseal("name", account.name_sealed),
                self.vault.unseal("email", account.email_sealed),
            )
            due.append(self._mail(kind, account_id, address, {**values, "name": name}))
        return tuple(due)

    def _mail(self, purpose: str, to: UUID, address: str, values: Mapping[str, str]) -> MailDue:
        return mails.make_due(
            self.session, self.vault, subject=subject_of(self.row.id), purpose=purpose, generation=f"{self.step}.{to}",
            recipient=address, values=values, at=self.at,
        )  # fmt: skip
