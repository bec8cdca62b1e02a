"""What stands in the way of a request, and what is to be thought of its contact; looked up under the billing service's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Account
from db.authorizations import AuthorizationRow, GrantRow
from db.billing import BillingService
from db.colleagues import holdings_of
from db.counting import count
from db.directory import Organization
from domain.authorization import OPEN, AuthorizationRecorded, Code, State
from domain.independence import Judgement, Verdict, judge, same_mailbox_key
from domain.limits import Limits
from domain.people import limit_key, mailbox_key
from domain.ports import Vault

_DAY: Final = timedelta(days=1)
_REFUSALS: Final = {"T2.own_person": Code.CONTACT_OWN_PERSON, "T2.own_domain": Code.CONTACT_OWN_DOMAIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many requests of a billing service are open, and how many may be at one time."""

    limit: int
    open: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.open)


async def room_of(session: AsyncSession, limits: Limits, billing_id: UUID) -> Room:
    """What staff have allowed this billing service counts before the setting."""
    service = await session.get(BillingService, billing_id)
    opened = await session.scalar(
        select(func.count()).where(
            col(AuthorizationRow.billing_id) == billing_id, col(AuthorizationRow.state).in_(OPEN)
        )
    )
    return Room(limit=(service.open_limit if service else None) or limits.authorizations_open, open=opened or 0)


class Asking:
    """Looks at one request before anything of it is done."""

    def __init__(
        self, session: AsyncSession, vault: Vault, limits: Limits, row: AuthorizationRow, *, at: datetime
    ) -> None:
        self._session = session
        self._vault = vault
        self._limits = limits
        self._row = row
        self._at = at

    async def people(self) -> Sequence[str]:
        """The addresses of everyone who has access for the billing service now."""
        found = []
        for account_id in {holding.account_id for holding in await holdings_of(self._session, self._row.billing_id)}:
            account = await self._session.get_one(Account, account_id)
            found.append(self._vault.unseal("email", account.email_sealed))
        return found

    async def is_of_service(self, account_id: UUID) -> bool:
        """Whether the account is one of the billing service's people."""
        return any(
            holding.account_id == account_id for holding in await holdings_of(self._session, self._row.billing_id)
        )

    async def judgement(self, contact: str, *, review_wanted: bool) -> Judgement:
        """Whether the contact is independent of the billing service, as it is now (T2)."""
        return judge(contact, people=await self.people(), review_wanted=review_wanted)

    async def refusal(self) -> AuthorizationRecorded | None:
        """Why this can't be asked for now: the Tax ID is one's own, it is asked for or granted already, was declined
        lately, or too much is open."""
        if await self._is_own_tin():
            return self._refused(Code.OWN_TIN)
        standing = await self._open_one()
        if standing is not None:
            return self._refused(Code.ALREADY_OPEN, standing_id=str(standing))
        granted = await self._granted()
        if granted is not None:
            return self._refused(Code.ALREADY_GRANTED, standing_id=str(granted))
        declined = await self._declined_lately()
        if declined is not None and declined.ended_at is not None:
            again_at = declined.ended_at + self._limits.authorization_cool_down
            return self._refused(Code.COOL_DOWN, standing_id=str(declined.id), retry_at=again_at)
        room = await room_of(self._session, self._limits, self._row.billing_id)
        return None if room.left else self._refused(Code.OPEN_LIMIT)

    async def often_refusal(self) -> AuthorizationRecorded | None:
        """Asked again and again: each request is a mail to its contact and to the provider's people, cancelled or not."""
        pair = f"{self._row.billing_id}:{self._row.tin_digest[:32]}"
        tally = await count(self._session, "authorization-pair", pair, at=self._at, window=_DAY)
        if tally.count > self._limits.authorizations_per_provider:
            return self._refused(Code.REQUESTS_LIMIT, retry_at=tally.window_ends_at)
        return None

    async def contact_refusal(self, contact: str, judged: Judgement) -> AuthorizationRecorded | None:
        """Why this contact gets no mail: not independent, asked already, or asked too often today, whoever asked."""
        if judged.verdict is Verdict.REFUSED:
            return self._refused(_REFUSALS[judged.rule])
        if self._row.state in OPEN and self._is_asked_already(contact):
            return self._refused(Code.CONTACT_UNCHANGED)
        key = self._vault.digest("email", limit_key(contact))
        tally = await count(self._session, "authorization-contact", key, at=self._at, window=_DAY)
        if tally.count > self._limits.authorizations_per_contact:
            return self._refused(Code.CONTACT_LIMIT, retry_at=tally.window_ends_at)
        return None

    async def previous(self) -> AuthorizationRow | None:
        """The newest earlier request of this billing service for the same TIN and NPI."""
        found: AuthorizationRow | None = await self._session.scalar(
            self._same_pair()
            .where(col(AuthorizationRow.scope) == self._row.scope, col(AuthorizationRow.is_newest).is_(True))
            .order_by(col(AuthorizationRow.requested_at).desc())
            .limit(1)
        )
        return found

    async def _is_own_tin(self) -> bool:
        """Only the billing service's own record is looked at, nothing of the directory's (I16)."""
        service = await self._session.get(Organization, self._row.billing_id)
        # Its own digest has another purpose than a provider's, so that no look-up of a provider finds it.
        return service is not None and self._row.tin_digest == self._vault.digest(
            "tin", self._vault.unseal("tin", service.tin_sealed)
        )

    def _is_asked_already(self, contact: str) -> bool:
        """Whether a correction names the mailbox that stands. One whose mail came back may differ by a dot or tag alone."""
        key = mailbox_key if self._row.state == State.UNDELIVERABLE else same_mailbox_key
        return key(contact) == key(self._vault.unseal("email", self._row.contact_sealed))

    def _same_pair(self) -> Select[AuthorizationRow]:
        return select(AuthorizationRow).where(
            col(AuthorizationRow.billing_id) == self._row.billing_id,
            col(AuthorizationRow.tin_digest) == self._row.tin_digest,
            col(AuthorizationRow.id) != self._row.id,
        )

    async def _open_one(self) -> UUID | None:
        found: AuthorizationRow | None = await self._session.scalar(
            self._same_pair()
            .where(col(AuthorizationRow.scope) == self._row.scope, col(AuthorizationRow.state).in_(OPEN))
            .limit(1)
        )
        return found.id if found else None

    async def _granted(self) -> UUID | None:
        """Who sees all of a Tax ID sees each NPI of it."""
        found: UUID | None = await self._session.scalar(
            select(col(AuthorizationRow.id))
            .join(GrantRow, col(GrantRow.authorization_id) == col(AuthorizationRow.id))
            .where(
                col(AuthorizationRow.billing_id) == self._row.billing_id,
                col(AuthorizationRow.tin_digest) == self._row.tin_digest,
                col(AuthorizationRow.scope).in_({self._row.scope, ""}),
                col(GrantRow.status).in_(["open", "held"]),
            )
            .limit(1)
        )
        return found

    async def _declined_lately(self) -> AuthorizationRow | None:
        """A no to the whole Tax ID is a no to each NPI of it."""
        found: AuthorizationRow | None = await self._session.scalar(
            self._same_pair()
            .where(
                col(AuthorizationRow.scope).in_({self._row.scope, ""}),
                col(AuthorizationRow.state) == State.DECLINED,
                col(AuthorizationRow.ended_at) > self._at - self._limits.authorization_cool_down,
            )
            .order_by(col(AuthorizationRow.ended_at).desc())
            .limit(1)
        )
        return found

    def _refused(self, code: Code, **answer: object) -> AuthorizationRecorded:
        return AuthorizationRecorded.model_validate(
            {"accepted": False, "code": code, "state": State.CANCELLED, **answer}
        )
