"""Colleagues of an organization: their roles, who may manage whom, and the changes that an administrator can make."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.recording import Outcome, Payload, RecordCommand


class Role(StrEnum):
    """What a person may do for an organization besides seeing it."""

    ADMINISTRATOR = "administrator"  # invites and removes colleagues, changes roles
    MEMBER = "member"


class Code(StrEnum):
    """What became of a change, as clients see it; stable."""

    OK = "ok"
    NOT_ADMINISTRATOR = "not_administrator"
    COLLEAGUE_GONE = "colleague_gone"
    LAST_ADMINISTRATOR = "last_administrator"
    LAST_ACCOUNT = "last_account"
    NEWCOMER_WAITS = "newcomer_waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One open access row of an organization. `npi` None: all of its Tax ID."""

    access_id: UUID
    account_id: UUID
    npi: str | None
    role: Role

    @property
    def is_administrator(self) -> bool:
        return self.role is Role.ADMINISTRATOR

    def covers(self, npi: str | None) -> bool:
        """Whether what this row opens includes that scope: all of a Tax ID includes each of its NPIs."""
        return self.npi is None or self.npi == npi


def administers(holdings: Iterable[Holding], account_id: UUID, npi: str | None) -> bool:
    """Whether this account is an administrator of that scope of the organization."""
    return any(
        holding.account_id == account_id and holding.is_administrator and holding.covers(npi) for holding in holdings
    )


def managed(holdings: Iterable[Holding], *, by: UUID, account_id: UUID) -> tuple[Holding, ...]:
    """The rows of an account that `by` may change: those that an administrator's row of theirs covers; all of one's own."""
    known = tuple(holdings)
    return tuple(
        holding
        for holding in known
        if holding.account_id == account_id and (account_id == by or administers(known, by, holding.npi))
    )


def refusal_of(before: Iterable[Holding], after: Iterable[Holding]) -> Code | None:
    """Why a change can't be made: somebody who has an administrator would be left without one, or nobody would be left.

    The reason is about what the change does: a scope that had no administrator before doesn't hold it up.
    """
    then, now = tuple(before), tuple(after)
    if then and not now:
        return Code.LAST_ACCOUNT
    if _without_administrator(now) - _without_administrator(then):
        return Code.LAST_ADMINISTRATOR
    return None


def _without_administrator(holdings: tuple[Holding, ...]) -> set[UUID]:
    leading = [holding for holding in holdings if holding.is_administrator]
    return {holding.access_id for holding in holdings if not any(leader.covers(holding.npi) for leader in leading)}


class ChangeColleague(Payload):
    """Somebody changes a colleague's role, or removes a colleague or themselves (`role` None)."""

    change_id: str
    organization_id: str
    account_id: str
    actor_id: str
    role: Role | None = None


class AskChange(Payload):
    """A message that carries nothing but that it's genuine: only who holds the keys can seal one for this change."""

    change_id: str


class ChangeResult(Payload):
    """What became of a change."""

    accepted: bool
    code: Code
    retry_at: datetime | None = None  # when the same change could be made, where that's known


class RecordColleagueChange(RecordCommand):
    """Look at the rows as they are now, and make the change or refuse it."""

    change: ChangeColleague


class ColleagueChanged(Outcome):
    """What a change came to. `invitations` are open ones whose inviter can't invite any more."""

    accepted: bool = True
    code: Code = Code.OK
    retry_at: datetime | None = None
    invitations: tuple[str, ...] = ()


class ColleagueRecords(Protocol):
    """The transaction of a change: access rows, sessions, messages, audit entry and the mails now due, once."""

    async def change(self, cmd: RecordColleagueChange) -> ColleagueChanged: ...
