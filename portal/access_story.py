"""What happened to a billing service's access, for the provider's people and for staff: who did what, and when (B7, B9)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import authorization_telling, grant_telling
from db.accounts import Account
from db.audit import AuditEntry
from db.authorizations import AuthorizationRow, DecisionRow, GrantObjection, GrantRow
from db.colleagues import holdings_of
from db.grant_telling import day_in_words
from db.staff import StaffAccount
from domain import client_words
from domain.authorization import Code as RequestCode
from domain.authorization import State as RequestState
from domain.client_words import ClientLine
from domain.grant_rights import Rights, concerned, touches
from domain.grants import Code, HeldBy, State, effective
from portal.gate import Gate
from portal.refusals import Refusal
from portal.sessions import Principal

_OBJECTION: Final = "grant.objection_made"
_WORDS: Final[Mapping[str, str]] = {
    "grant.hold": "The access was put on hold.",
    "grant.resume": "The access was resumed.",
    "grant.clear_end": "The end date was taken away.",
    "grant.revoke": "The access was revoked.",
    "grant.revoked": "Our staff ended the access.",
    "grant.lapsed": "The end date has come: the access has ended.",
    _OBJECTION: "Somebody objected: this access wasn’t asked for.",
}
_PROVIDERS: Final[Mapping[str, str]] = {
    "authorization.requested": "The billing service asked for access.",
    "authorization.decided": "The request was approved: the access is open.",
}
_SET_ASIDE: Final[Mapping[object, str]] = {
    RequestCode.SUPERSEDED: "Another answer came when the request had ended. It changed nothing.",
    RequestCode.LATE: "An answer came after the deadline. It changed nothing.",
    # As the portal says it where the request's workflow is over.
    "superseded": "Another answer came when the request had ended. It changed nothing.",
    "late": "An answer came after the deadline. It changed nothing.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessStory:
    """What happened, the oldest first. `held` is why it's on hold now, `dated` who set the end date that stands."""

    lines: Sequence[ClientLine]
    held: ClientLine | None
    dated: ClientLine | None


async def provider_story(gate: Gate, principal: Principal, grant_id: UUID) -> AccessStory:
    """What happened to an access, for somebody who sees something of what it shows.

    Names are for the administrators of what's open, and for whoever is told of it where there are none: a member
    doesn't see who their colleagues are (I15). Raises `Refusal` (`not_found`) for an unknown or foreign one.
    """
    async with gate.database.read() as session:
        row = await session.get(GrantRow, grant_id)
        holdings = await holdings_of(session, row.organization_id) if row else ()
        own = [one for one in holdings if row and one.account_id == principal.subject_id and touches(one, row.npi)]
        if row is None or not own:
            raise Refusal("not_found")
        account_id = principal.subject_id
        is_told = account_id in concerned(holdings, row.npi) or Rights.of(holdings, account_id, row.npi).may_hold
        request = await session.get_one(AuthorizationRow, row.authorization_id)
        telling = _Telling(gate, session, request, row, names_people=is_told)
        return await telling.story()


async def staff_story(gate: Gate, session: AsyncSession, request: AuthorizationRow) -> Sequence[ClientLine]:
    """What happened in a request and to the access that it opened, with everybody's name."""
    row = await session.scalar(select(GrantRow).where(col(GrantRow.authorization_id) == request.id))
    return (await _Telling(gate, session, request, row, names_people=True, for_staff=True).story()).lines


@dataclass(slots=True, kw_only=True)
class _Found:
    """What the lines leave standing: the newest of each."""

    lines: list[ClientLine] = field(default_factory=list)
    hold: ClientLine | None = None
    objection: ClientLine | None = None
    resumed_since: bool = False
    dated: ClientLine | None = None

    def add(self, action: str, line: ClientLine) -> None:
        self.lines.append(line)
        match action:
            case "grant.hold":
                self.hold = line
            case "grant.resume":
                self.resumed_since = True
            case "grant.set_end":
                self.dated = line
            case "grant.objection_made" if self.objection is None or self.resumed_since:
                self.objection, self.resumed_since = line, False  # a further one holds nothing that isn't on hold


class _Telling:
    """Tells one request's and access's story to one reader, out of the audit."""

    def __init__(
        self,
        gate: Gate,
        session: AsyncSession,
        request: AuthorizationRow,
        row: GrantRow | None,
        *,
        names_people: bool,
        for_staff: bool = False,
    ) -> None:
        self._gate = gate
        self._session = session
        self._request = request
        self._row = row
        self._names_people = names_people
        self._for_staff = for_staff

    async def story(self) -> AccessStory:
        subjects = [authorization_telling.subject_of(self._request.id)]
        if self._row is not None:
            subjects.append(grant_telling.subject_of(self._row.id))
        entries = await self._session.scalars(
            select(AuditEntry).where(col(AuditEntry.subject).in_(subjects)).order_by(col(AuditEntry.position))
        )
        found = _Found()
        for entry in entries:
            details = json.loads(entry.details)
            if words := self._words(entry.action, details):
                line = ClientLine(at=self._at(entry), words=words, who=await self._who(entry, details))
                found.add(entry.action, line)
        lines = sorted(found.lines, key=lambda line: line.at)  # two at one moment are chained in either order
        return AccessStory(lines=lines, held=self._held(found), dated=found.dated if self._is_dated else None)

    @property
    def _is_dated(self) -> bool:
        return self._row is not None and self._row.ends_at is not None

    def _held(self, found: _Found) -> ClientLine | None:
        row = self._row
        if row is None or effective(State(row.status), row.ends_at, self._gate.now()) is not State.HELD:
            return None
        return found.objection if row.held_by == HeldBy.OBJECTION else found.hold

    def _at(self, entry: AuditEntry) -> datetime:
        """When it happened: an end date's coming can be recorded late, where no worker was up."""
        if entry.action == "grant.lapsed" and self._row is not None and self._row.ended_at is not None:
            return self._row.ended_at
        return entry.at

    # The words.

    def _words(self, action: str, details: Mapping[str, object]) -> str | None:
        code = details.get("code")
        if action.startswith("grant."):
            return self._of_access(action, details) if code in {None, Code.OK} else None
        if self._for_staff:
            set_aside = code if action == "authorization.decided" else details.get("outcome")
            return _SET_ASIDE.get(set_aside) or client_words.words_of(action, details, self._gate.zone)
        # What's between a request and its answer is the billing service's and our staff's.
        if action == "authorization.requested" or details.get("state") == RequestState.APPROVED:
            return _PROVIDERS.get(action) if code in {None, RequestCode.OK} else None
        return None

    def _of_access(self, action: str, details: Mapping[str, object]) -> str | None:
        if action == "grant.set_end":
            day = day_in_words(datetime.fromisoformat(str(details["ends_at"])), self._gate.zone)
            return f"An end date was set: the access ends after {day}."
        return _WORDS.get(action)

    # Who it was.

    async def _who(self, entry: AuditEntry, details: Mapping[str, object]) -> str:
        kind, _, opaque = entry.actor.partition("/")
        unseal = self._gate.vault.unseal
        if entry.action == _OBJECTION:
            objection = await self._session.get(GrantObjection, UUID(str(details["objection"])))
            if objection is None or not self._names_people:
                return ""
            return f"{unseal('name', objection.name_sealed)} (name given with the objection)"
        if kind == "account":
            if entry.action.startswith("grant.") and not self._names_people:
                return "An administrator of your organization"
            account = await self._session.get(Account, UUID(opaque))
            return unseal("name", account.name_sealed) if account else ""
        if kind == "staff" and opaque:
            staff = await self._session.get(StaffAccount, UUID(opaque))
            return unseal("name", staff.name_sealed) if staff else ""
        if kind == "decider" and "decision" in details:
            decision = await self._session.get(DecisionRow, UUID(str(details["decision"])))
            return f"{unseal('name', decision.name_sealed)}, {unseal('role', decision.role_sealed)}" if decision else ""
        return ""
