"""The clients of a billing service: each provider it asked for, how far that is and what to do next; all from the database."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Account
from db.audit import AuditEntry
from db.authorization_telling import subject_of
from db.authorizations import AuthorizationRow, GrantRow
from db.grant_telling import subject_of as grant_subject
from domain import client_words
from domain.authorization import NEVER_SENT, OPEN, State
from domain.client_words import ClientLine, ClientStatus, NextStep
from domain.grants import HeldBy
from domain.identifiers import IdentifierError, Npi, Tin
from domain.people import mailbox_key, masked_address, search_key
from domain.references import read_reference
from portal.authorizing import BillingServiceView, own_row, require_services
from portal.gate import Gate
from portal.sessions import Principal

PAGE_SIZE: Final = 50
_REFERENCE: Final = re.compile(r"A-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")
_DAY: Final = timedelta(days=1)
_AT_ONCE: Final = 500  # ids in one statement


class ClientOrder(StrEnum):
    """What the list can be sorted by."""

    REQUESTED = "requested"
    PROVIDER = "provider"
    STATUS = "status"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientView:
    """One provider as its billing service sees it: the newest request for it and the access that came of it.

    The provider's name is the one that was typed and its TIN is masked: whether the directory has it stays unknown until
    somebody approves (I16). Times are UTC. `access_until` is the first moment without the access.
    """

    id: UUID
    reference: str
    status: ClientStatus
    next_step: NextStep
    service: BillingServiceView
    provider_name: str
    tin_masked: str
    npi: str | None
    contact_masked: str
    requester: str
    is_own: bool
    requested_at: datetime
    deadline: datetime
    days_left: int | None
    ended_at: datetime | None
    link_sent_at: datetime | None
    delivery: str  # none, due, sent, delivered, bounced
    delivery_at: datetime | None
    reminders: int
    reminded_at: datetime | None
    resends_left: int
    resend_at: datetime | None  # when it can be sent again, if that's later than now
    corrections_left: int
    again_at: datetime | None  # when it can be asked for again, if that's later than now
    closing_code: str | None
    is_contested: bool  # the access is on hold because somebody of the provider objected
    access_since: datetime | None
    access_until: datetime | None
    previous_id: UUID | None
    is_newest: bool

    @property
    def is_open(self) -> bool:
        return self.status in client_words.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRequest:
    """A request for the same provider, earlier or later than the one that is looked at."""

    id: UUID
    reference: str
    status: ClientStatus
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPage:
    """A page of clients. `counts` says how many there are of each status, within the search and over all pages."""

    rows: Sequence[ClientView]
    counts: Mapping[ClientStatus, int]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDetails:
    """One request with what happened in it, and the other requests for the same provider, the newest first."""

    client: ClientView
    timeline: Sequence[ClientLine]
    others: Sequence[EarlierRequest]


async def list_clients(
    gate: Gate,
    principal: Principal,
    *,
    search: str = "",
    status: ClientStatus | None = None,
    order: ClientOrder = ClientOrder.REQUESTED,
    descending: bool = False,
    page: int = 1,
) -> ClientPage:
    """The clients of the person's billing services, one row for each TIN or NPI: its newest request. Fifty a page.

    `search` is looked for in the provider's name, and is the whole of a reference, Tax ID, NPI or contact's address.
    Raises `Refusal` (`not_billing_service`).
    """
    services = {service.id: service for service in await require_services(gate, principal.subject_id)}
    now = gate.now()
    shown = and_(_of_services(services), col(AuthorizationRow.is_newest).is_(True), _matching(gate, search))
    async with gate.database.read() as session:
        counts = await _counts(session, list(services), shown, now)
        total = sum(number for one, number in counts.items() if status in {None, one})
        pages = max(1, math.ceil(total / PAGE_SIZE))
        page = min(max(1, page), pages)
        # The ids first: what is sealed isn't carried through the sorting.
        listed = select(col(AuthorizationRow.id)).where(shown)
        if status is not None:
            listed = listed.where(_stands_at(status, now))
            if status in _OF_GRANTS:
                listed = listed.outerjoin(GrantRow, _ITS_GRANT)
        listed = listed.order_by(*_sorting(order, descending=descending))
        ids = (await session.scalars(listed.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE))).all()
        found = await _read(session, list(ids))
    views = {row[0].id: _view(gate, principal, services, row, now) for row in found}
    return ClientPage(
        rows=[views[one] for one in ids if one in views], counts=counts, total=total, page=page, pages=pages
    )


async def count_clients(gate: Gate, principal: Principal) -> Mapping[ClientStatus, int]:
    """How many clients stand where, of all the person's billing services. Raises `Refusal` (`not_billing_service`)."""
    services = {service.id: service for service in await require_services(gate, principal.subject_id)}
    shown = and_(_of_services(services), col(AuthorizationRow.is_newest).is_(True))
    async with gate.database.read() as session:
        return await _counts(session, list(services), shown, gate.now())


async def view_client(gate: Gate, principal: Principal, authorization_id: UUID) -> ClientDetails:
    """One request with its timeline. Raises `Refusal` (`not_found`) unless it's of the person's billing service (I15)."""
    row = await own_row(gate, principal, authorization_id)
    services = {service.id: service for service in await require_services(gate, principal.subject_id)}
    now = gate.now()
    async with gate.database.read() as session:
        [found] = await _read(session, [row.id])
        others = await session.execute(
            select(AuthorizationRow, _status(now))
            .outerjoin(GrantRow, _ITS_GRANT)
            .where(
                col(AuthorizationRow.billing_id) == row.billing_id,
                col(AuthorizationRow.tin_digest) == row.tin_digest,
                col(AuthorizationRow.scope) == row.scope,
                col(AuthorizationRow.id) != row.id,
                col(AuthorizationRow.closing_code).is_(None)
                | col(AuthorizationRow.closing_code).not_in(sorted(NEVER_SENT)),
            )
            .order_by(col(AuthorizationRow.requested_at).desc(), col(AuthorizationRow.id))
        )
        earlier = [
            EarlierRequest(id=one.id, reference=one.reference, status=ClientStatus(stands), requested_at=one.requested_at)
            for one, stands in others.all()
        ]  # fmt: skip
        timeline = await _timeline(gate, session, row)
    return ClientDetails(client=_view(gate, principal, services, found, now), timeline=timeline, others=earlier)


# Where a request stands, in one word for the list: its own state, or that of the access it opened.

_ITS_GRANT: Final = col(GrantRow.authorization_id) == col(AuthorizationRow.id)


def _status(now: datetime) -> ColumnElement[str]:
    has_ended = or_(col(GrantRow.status) == "ended", col(GrantRow.ends_at) <= now)
    is_approved = col(AuthorizationRow.state) == State.APPROVED
    stopped = and_(
        col(AuthorizationRow.state) == State.CANCELLED,
        col(AuthorizationRow.closing_code).in_([str(code) for code in client_words.STOPPED_BECAUSE]),
    )
    return case(
        (and_(is_approved, has_ended), ClientStatus.ENDED.value),
        (and_(is_approved, col(GrantRow.status) == "held"), ClientStatus.ON_HOLD.value),
        (is_approved, ClientStatus.ACCESS.value),
        (stopped, ClientStatus.STOPPED.value),
        else_=col(AuthorizationRow.state),
    )


_OF_GRANTS: Final = frozenset({ClientStatus.ACCESS, ClientStatus.ON_HOLD, ClientStatus.ENDED})


def _of_services(services: Mapping[UUID, BillingServiceView]) -> ColumnElement[bool]:
    [first, *others] = services
    if others:
        return col(AuthorizationRow.billing_id).in_(list(services))
    return col(AuthorizationRow.billing_id) == first  # of one, so that an index gives the order


def _stands_at(status: ClientStatus, now: datetime) -> ColumnElement[bool]:
    """The state says most of it by an index; only what an approval opened has to be looked up."""
    stopped = (ClientStatus.STOPPED, ClientStatus.CANCELLED)
    state = State.APPROVED if status in _OF_GRANTS else State.CANCELLED if status in stopped else State(status)
    is_at = col(AuthorizationRow.state) == state
    return and_(is_at, _status(now) == status) if status in {*_OF_GRANTS, *stopped} else is_at


async def _counts(
    session: AsyncSession, billing_ids: Sequence[UUID], shown: ColumnElement[bool], now: datetime
) -> Mapping[ClientStatus, int]:
    """How many stand where: counted by state, and of those approved the few whose access isn't open."""
    state, code = col(AuthorizationRow.state), col(AuthorizationRow.closing_code)
    counted: Counter[ClientStatus] = Counter()
    for one, why, number in await session.execute(select(state, code, func.count()).where(shown).group_by(state, code)):
        counted[_status_of(one, why, None, now)] += number
    # Few, and found from the grants' side: joined the other way round each client would be looked up.
    others = await session.execute(
        select(col(GrantRow.authorization_id), col(GrantRow.status), col(GrantRow.ends_at)).where(
            col(GrantRow.billing_id).in_(billing_ids), or_(col(GrantRow.status) != "open", col(GrantRow.ends_at) <= now)
        )
    )
    standing = {
        one: ClientStatus.ON_HOLD if status == "held" and (until is None or until > now) else ClientStatus.ENDED
        for one, status, until in others.all()
    }
    for start in range(0, len(standing), _AT_ONCE):
        some = list(standing)[start : start + _AT_ONCE]
        for authorization_id in await session.scalars(
            select(col(AuthorizationRow.id)).where(shown, col(AuthorizationRow.id).in_(some))
        ):
            counted[standing[authorization_id]] += 1
            counted[ClientStatus.ACCESS] -= 1
    return {status: number for status, number in counted.items() if number}


def _sorting(order: ClientOrder, *, descending: bool) -> Sequence[ColumnElement[object]]:
    """The columns to sort by, all in one direction: an index then gives the order either way."""
    columns: Sequence[object]
    match order:
        case ClientOrder.REQUESTED:
            columns = (col(AuthorizationRow.requested_at), col(AuthorizationRow.id))
        case ClientOrder.PROVIDER:
            columns = (col(AuthorizationRow.provider_key), col(AuthorizationRow.id))
        case ClientOrder.STATUS:
            columns = (
                col(AuthorizationRow.state),
                col(AuthorizationRow.closing_code),
                col(AuthorizationRow.provider_key),
            )
        case ClientOrder.DEADLINE:
            columns = (col(AuthorizationRow.deadline), col(AuthorizationRow.id))
    typed = [cast("ColumnElement[object]", column) for column in columns]
    sorted_by = [column.desc() if descending else column.asc() for column in typed]
    if order is ClientOrder.DEADLINE:
        # What is over has no deadline any more: it comes last.
        return [cast("ColumnElement[object]", col(AuthorizationRow.state).not_in(sorted(OPEN))), *sorted_by]
    return sorted_by


def _matching(gate: Gate, search: str) -> ColumnElement[bool]:
    """What a search finds. Sealed values are found by their digests, so only whole."""
    text = search.strip()
    if not text:
        return true()
    if "@" in text:
        return col(AuthorizationRow.contact_digest) == gate.vault.digest("email", mailbox_key(text))
    with suppress(IdentifierError):
        return col(AuthorizationRow.tin_digest) == gate.vault.digest("tin", Tin.parse(text).digits)
    with suppress(IdentifierError):
        return col(AuthorizationRow.npi) == Npi.parse(text).digits
    meant = read_reference(text, letter="A")
    if meant and _REFERENCE.fullmatch(text.upper()):
        return col(AuthorizationRow.reference) == meant
    named = col(AuthorizationRow.provider_key).contains(search_key(text), autoescape=True)
    # Without its dashes a reference may as well be a name: “Cedars Clinic” reads like one.
    return or_(named, col(AuthorizationRow.reference) == meant) if meant else named


_Found = tuple[AuthorizationRow, GrantRow | None, Account]


async def _read(session: AsyncSession, ids: Sequence[UUID]) -> Sequence[_Found]:
    found = await session.execute(
        select(AuthorizationRow, GrantRow, Account)
        .outerjoin(GrantRow, _ITS_GRANT)
        .join(Account, col(Account.id) == col(AuthorizationRow.requester_id))
        .where(col(AuthorizationRow.id).in_(ids))
    )
    return [(row, grant, requester) for row, grant, requester in found.all()]


def _view(
    gate: Gate, principal: Principal, services: Mapping[UUID, BillingServiceView], found: _Found, now: datetime
) -> ClientView:
    row, grant, requester = found
    state, limits = State(row.state), gate.limits
    status = _status_of(row.state, row.closing_code, grant, now)
    resends_left = max(0, limits.authorization_resends - row.resends)
    resend_at = (row.resent_at or row.requested_at) + limits.authorization_resend_gap
    again_at = None
    if state is State.DECLINED and row.ended_at is not None:
        again_at = row.ended_at + limits.authorization_cool_down
    resend_later = resend_at if state in OPEN and resend_at > now and row.delivery != "bounced" else None
    return ClientView(
        id=row.id,
        reference=row.reference,
        status=status,
        next_step=client_words.next_step(status, is_late=now >= row.deadline, is_newest=row.is_newest),
        service=services[row.billing_id],
        provider_name=row.provider_name,
        tin_masked=Tin(gate.vault.unseal("tin", row.tin_sealed)).masked,
        npi=row.npi,
        contact_masked=masked_address(gate.vault.unseal("email", row.contact_sealed)),
        requester=gate.vault.unseal("name", requester.name_sealed),
        is_own=row.requester_id == principal.subject_id,
        requested_at=row.requested_at,
        deadline=row.deadline,
        days_left=max(0, math.ceil((row.deadline - now) / _DAY)) if state in OPEN else None,
        ended_at=row.ended_at,
        link_sent_at=row.link_due_at,
        delivery=row.delivery,
        delivery_at=row.delivery_at,
        reminders=row.reminders,
        reminded_at=row.reminded_at,
        resends_left=resends_left,
        resend_at=resend_later,
        corrections_left=max(0, limits.authorization_corrections - row.corrections),
        again_at=again_at if again_at is not None and again_at > now else None,
        closing_code=row.closing_code,
        is_contested=grant is not None and grant.held_by == HeldBy.OBJECTION,
        access_since=grant.opened_at if grant else None,
        access_until=(grant.ended_at or grant.ends_at) if grant else None,
        previous_id=row.previous_id,
        is_newest=row.is_newest,
    )


def _status_of(state: str, closing_code: str | None, grant: GrantRow | None, now: datetime) -> ClientStatus:
    """`_status`, of values in hand; without a grant an approved one counts as open."""
    if state != State.APPROVED:
        return client_words.status_of_request(State(state), closing_code)
    if grant is not None and (grant.status == "ended" or (grant.ends_at is not None and grant.ends_at <= now)):
        return ClientStatus.ENDED
    return ClientStatus.ON_HOLD if grant is not None and grant.status == "held" else ClientStatus.ACCESS


async def _timeline(gate: Gate, session: AsyncSession, row: AuthorizationRow) -> Sequence[ClientLine]:
    """What happened, in the words of the people in it; what they needn't know isn't in it."""
    grant_id = await session.scalar(select(col(GrantRow.id)).where(col(GrantRow.authorization_id) == row.id))
    subjects = [subject_of(row.id), *([grant_subject(grant_id)] if grant_id else [])]
    entries = await session.scalars(
        select(AuditEntry).where(col(AuditEntry.subject).in_(subjects)).order_by(col(AuditEntry.position))
    )
    names: dict[str, str] = {}
    lines = []
    for entry in entries:
        words = client_words.words_of(entry.action, json.loads(entry.details), gate.zone)
        if words is None:
            continue
        if entry.actor not in names:
            names[entry.actor] = await _who(gate, session, entry.actor, of_grant=entry.subject != subjects[0])
        lines.append(ClientLine(at=entry.at, words=words, who=names[entry.actor]))
    return lines


async def _who(gate: Gate, session: AsyncSession, actor: str, *, of_grant: bool) -> str:
    """The colleague's name; nobody of the provider or of staff is named to a billing service."""
    kind, _, opaque = actor.partition("/")
    if kind == "account" and not of_grant:
        account = await session.get(Account, UUID(opaque))
        return gate.vault.unseal("name", account.name_sealed) if account else ""
    return {"staff": "Provider support", "account": "The provider"}.get(kind, "")
