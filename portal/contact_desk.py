"""Business contacts for staff: the queue of those that a rule has doubts about, and one request with all there is to it (T2, B11)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Account
from db.audit import AuditEntry
from db.authorization_telling import subject_of
from db.authorizations import AuthorizationRow, ReviewVerdict
from db.billing import BillingService
from db.colleagues import holdings_of
from db.directory import Organization
from db.staff import StaffAccount
from domain.authorization import NEVER_SENT, OPEN, Code, State
from domain.calendar import add_business_days
from domain.client_words import ClientLine
from domain.contact_words import rule_in_words
from domain.identifiers import Tin
from domain.mail_domains import domain_of
from domain.references import read_reference
from portal.access_story import staff_story
from portal.contact_access import PAGE_SIZE, AccessView, view_access
from portal.gate import Gate
from portal.refusals import FieldDefect, Refusal
from portal.staff import StaffMember

SEALED_REASON: Final = "reason"
_REQUESTERS_REASON: Final = "review-reason"


class Verdict(StrEnum):
    """What a member of staff says of a contact."""

    SEND = "send"
    REFUSE = "refuse"


class DeskAction(StrEnum):
    """What a member of staff could do with a request now."""

    SEND = "send"
    REFUSE = "refuse"
    RESEND = "resend"
    CORRECT = "correct"


class Said(StrEnum):
    """What was said so far of a contact that waits to be looked at."""

    NOTHING = "nothing"
    SEND = "send"  # by one person; it waits for a second one


class QueueOrder(StrEnum):
    """What the queue can be sorted by."""

    WAITING = "waiting"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictLine:
    """A verdict on the contact that is looked at now; earlier contacts' verdicts count for nothing."""

    who: str
    verdict: Verdict
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLine:
    """A request in the queue of contacts to look at."""

    id: UUID
    reference: str
    service: str
    provider: str
    contact: str
    rule: str
    why: str  # the rule in words
    waiting_since: datetime
    due_at: datetime
    is_overdue: bool
    given_by: tuple[str, ...]  # who said "send" already


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRequest:
    """One request with all that staff need to look at its contact."""

    line: DeskLine
    state: State
    closing_code: str | None
    contact_version: int  # a verdict names the contact that it's about
    service_id: UUID
    service_tin_masked: str
    service_domains: tuple[str, ...]  # of its people's addresses, to compare the contact's with
    open_now: int
    open_limit: int
    requester: str
    requester_email: str
    requester_reason: str
    provider_tin_masked: str
    npi: str | None
    requested_at: datetime
    deadline: datetime
    delivery: str  # none, due, sent, delivered, bounced: of the newest mail with a link
    delivery_at: datetime | None
    resends: int
    verdicts: tuple[VerdictLine, ...]
    actions: tuple[DeskAction, ...]
    access: AccessView | None  # once it was approved
    happened: tuple[ClientLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One page of the queue."""

    rows: tuple[DeskLine, ...]
    page: int
    pages: int
    total: int


async def list_queue(
    gate: Gate,
    _staff: StaffMember,
    *,
    said: Said | None = None,
    order: QueueOrder = QueueOrder.WAITING,
    descending: bool = False,
    page: int = 1,
) -> Queue:
    """One page of the requests whose contact staff have to look at; without more those that wait the longest first."""
    one_says_send = exists().where(
        col(ReviewVerdict.authorization_id) == col(AuthorizationRow.id),
        col(ReviewVerdict.contact_version) == col(AuthorizationRow.contact_version),
        col(ReviewVerdict.verdict) == Verdict.SEND,
    )
    waiting = (
        select(
            col(AuthorizationRow.id),
            col(AuthorizationRow.requested_at),
            col(AuthorizationRow.contact_version),
            col(Organization.name),
        )
        .join(Organization, col(Organization.id) == col(AuthorizationRow.billing_id))
        .where(col(AuthorizationRow.state) == State.IN_REVIEW)
    )
    if said is not None:
        waiting = waiting.where(one_says_send if said is Said.SEND else ~one_says_send)
    async with gate.database.read() as session:
        # What a contact waits since is in the audit: all of them are sorted here, and only one page is read whole.
        found = (await session.execute(waiting)).all()
        since = await _waiting_since(session, [(one, asked_at, version) for one, asked_at, version, _ in found])
        service = {one: name.casefold() if order is QueueOrder.SERVICE else "" for one, _, _, name in found}
        ids = sorted(since, key=lambda one: (service[one], since[one], one), reverse=descending)
        pages = max(1, -(-len(ids) // PAGE_SIZE))
        page = min(max(1, page), pages)
        shown = ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        rows = (await session.scalars(select(AuthorizationRow).where(col(AuthorizationRow.id).in_(shown)))).all()
        lines = {line.id: line for line in await _lines(gate, session, rows)}
    return Queue(rows=tuple(lines[one] for one in shown), page=page, pages=pages, total=len(ids))


async def find(gate: Gate, _staff: StaffMember, reference: str) -> UUID:
    """The request that somebody names on the telephone, however it was typed. Raises `Refusal` (`invalid_fields`)."""
    meant = read_reference(reference, letter="A")
    async with gate.database.read() as session:
        row = await session.scalar(select(AuthorizationRow).where(col(AuthorizationRow.reference) == meant))
    if row is None or row.closing_code in NEVER_SENT:
        words = (
            "No request has this reference. Ask for it again, letter by letter."
            if meant
            else "A request’s reference reads like A-2DJP-MD62-29MD: an A, then twelve letters and digits."
        )
        raise Refusal("invalid_fields", fields=(FieldDefect("reference", "reference_unknown", words),))
    return row.id


async def view_request(gate: Gate, staff: StaffMember, authorization_id: UUID) -> DeskRequest:
    """One request for the member of staff who looks at it. Raises `Refusal` (`not_found`)."""
    row = await request_row(gate, authorization_id)
    async with gate.database.read() as session:
        [line] = await _lines(gate, session, [row])
        service = await session.get_one(Organization, row.billing_id)
        requester = await session.get_one(Account, row.requester_id)
        given = await _verdicts(session, [row])
        staff_names = await _names(gate, session, [one.staff_id for one in given])
        domains = []
        for holding in await holdings_of(session, row.billing_id):
            account = await session.get_one(Account, holding.account_id)
            domains.append(domain_of(gate.vault.unseal("email", account.email_sealed)))
        open_now = await session.scalar(
            select(func.count()).where(
                col(AuthorizationRow.billing_id) == row.billing_id, col(AuthorizationRow.state).in_(OPEN)
            )
        )
        limit = await open_limit_of(gate, session, row.billing_id)
        access = await view_access(gate, session, row.id)
        happened = await staff_story(gate, session, row)
    reason = row.review_reason_sealed
    return DeskRequest(
        line=line,
        state=State(row.state),
        closing_code=row.closing_code,
        contact_version=row.contact_version,
        service_id=row.billing_id,
        service_tin_masked=Tin(gate.vault.unseal("tin", service.tin_sealed)).masked,
        service_domains=tuple(sorted(set(domains))),
        open_now=open_now or 0,
        open_limit=limit,
        requester=gate.vault.unseal("name", requester.name_sealed),
        requester_email=gate.vault.unseal("email", requester.email_sealed),
        requester_reason=gate.vault.unseal(_REQUESTERS_REASON, reason) if reason else "",
        provider_tin_masked=Tin(gate.vault.unseal("tin", row.tin_sealed)).masked,
        npi=row.npi,
        requested_at=row.requested_at,
        deadline=row.deadline,
        delivery=row.delivery,
        delivery_at=row.delivery_at,
        resends=row.resends,
        verdicts=tuple(
            VerdictLine(
                who=staff_names[one.staff_id],
                verdict=Verdict(one.verdict),
                reason=gate.vault.unseal(SEALED_REASON, one.reason_sealed),
                at=one.at,
            )
            for one in given
        ),
        actions=_possible(row, staff, given),
        access=access,
        happened=tuple(happened),
    )


def _possible(row: AuthorizationRow, staff: StaffMember, given: Sequence[ReviewVerdict]) -> tuple[DeskAction, ...]:
    """What this member of staff could do now; the recorded step has the last word."""
    match State(row.state):
        case State.IN_REVIEW if any(one.staff_id == staff.id for one in given):
            return (DeskAction.CORRECT,)
        case State.IN_REVIEW:
            return (DeskAction.SEND, DeskAction.REFUSE, DeskAction.CORRECT)
        case State.SENT | State.UNDELIVERABLE:
            return (DeskAction.RESEND, DeskAction.CORRECT)
        case _:
            return ()


# What these share.


async def request_row(gate: Gate, authorization_id: UUID) -> AuthorizationRow:
    """A request. Raises `Refusal` (`not_found`), also for one that was refused before it was a request."""
    async with gate.database.read() as session:
        row = await session.get(AuthorizationRow, authorization_id)
    if row is None or row.closing_code in NEVER_SENT:
        raise Refusal("not_found")
    return row


async def open_limit_of(gate: Gate, session: AsyncSession, billing_id: UUID) -> int:
    """How many open requests a billing service can have."""
    service = await session.get(BillingService, billing_id)
    return (service.open_limit if service else None) or gate.limits.authorizations_open


async def _lines(gate: Gate, session: AsyncSession, rows: Sequence[AuthorizationRow]) -> list[DeskLine]:
    services = {
        one.id: one.name
        for one in await session.scalars(
            select(Organization).where(col(Organization.id).in_({row.billing_id for row in rows}))
        )
    }
    given = await _verdicts(session, rows)
    staff_names = await _names(gate, session, [one.staff_id for one in given])
    asked = [(row.id, row.requested_at, row.contact_version) for row in rows]
    since, now = await _waiting_since(session, asked), gate.now()
    lines = []
    for row in rows:
        due_at = _due(gate, since[row.id])
        lines.append(
            DeskLine(
                id=row.id,
                reference=row.reference,
                service=services[row.billing_id],
                provider=row.provider_name,
                contact=gate.vault.unseal("email", row.contact_sealed),
                rule=row.contact_rule,
                why=rule_in_words(row.contact_rule),
                waiting_since=since[row.id],
                due_at=due_at,
                is_overdue=row.state == State.IN_REVIEW and now > due_at,
                given_by=tuple(
                    staff_names[one.staff_id]
                    for one in given
                    if one.authorization_id == row.id and one.verdict == Verdict.SEND
                ),
            )
        )
    return lines


async def _verdicts(session: AsyncSession, rows: Sequence[AuthorizationRow]) -> list[ReviewVerdict]:
    """The verdicts on the contacts as they are now."""
    versions = {row.id: row.contact_version for row in rows}
    found = await session.scalars(
        select(ReviewVerdict)
        .where(col(ReviewVerdict.authorization_id).in_(versions))
        .order_by(col(ReviewVerdict.at), col(ReviewVerdict.id))
    )
    return [one for one in found if one.contact_version == versions[one.authorization_id]]


async def _waiting_since(
    session: AsyncSession, requests: Iterable[tuple[UUID, datetime, int]]
) -> Mapping[UUID, datetime]:
    """Since when each contact waits to be looked at: since the request, or since the contact was corrected last.

    A request is its id, when it was made, and the version of its contact.
    """
    since, corrected = {}, {}
    for one, requested_at, contact_version in requests:
        since[one] = requested_at
        if contact_version > 1:
            corrected[subject_of(one)] = one
    entries = await session.scalars(
        select(AuditEntry)
        .where(col(AuditEntry.subject).in_(corrected), col(AuditEntry.action) == "authorization.contact_corrected")
        .order_by(col(AuditEntry.position))
    )
    for entry in entries:
        if json.loads(entry.details).get("code") == Code.OK:
            since[corrected[entry.subject]] = entry.at
    return since


def _due(gate: Gate, at: datetime) -> datetime:
    """The same time of day, as many business days later as staff have for a case, where the payer works."""
    day = at.astimezone(gate.zone).date()
    days = (add_business_days(day, gate.limits.case_due_business_days) - day).days
    return at + timedelta(days=days)


async def _names(gate: Gate, session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = await session.scalars(select(StaffAccount).where(col(StaffAccount.id).in_(set(ids))))
    return {row.id: gate.vault.unseal("name", row.name_sealed) for row in rows}
