"""Departures for staff: what was contested, what was objected to, and the decision (P9, B11)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit
from db.accounts import Account
from db.audit import AuditEntry
from db.departures import (
    ColleagueAnswer,
    DepartureClaim,
    DepartureDecision,
    DepartureReviewRow,
    NewcomerAnswer,
    NewcomerNotice,
    NewcomerRuling,
)
from db.directory import Organization
from db.newcomers import EVERYONE
from db.registrations import MailRow, RegistrationRow
from db.ruling_records import standing_ends
from db.staff_duties import LettersPlanned, contested_reviews, decision_due_at, letters_near_budget
from domain.cases import some_text
from domain.departure import Choice, Code, DecideReview, ReviewResult, State, Verdict
from portal.departures import SEALED_REASON, send_review_update
from portal.fields import Fields
from portal.gate import Gate, remember_key
from portal.refusals import Refusal
from portal.staff import StaffMember
from workflows import names

_SEALED_DECISION = "departure-decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewcomerLine:
    """A newcomer who said that the person has left."""

    name: str
    reference: str
    text: str
    is_withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskReview:
    """A review as staff see it."""

    id: UUID
    reference: str
    state: State
    organization: str
    person: str
    email: str
    announced_at: datetime
    until: datetime
    due_at: datetime | None  # once contested: until when staff owe a decision
    closed_at: datetime | None
    mail_failed: bool
    newcomers: tuple[NewcomerLine, ...]
    decision: str  # the reason that staff gave, if they decided


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionLine:
    """Somebody who has access objected to a newcomer of whom no review is under way: staff look at the newcomer."""

    registration_id: UUID  # of the newcomer
    reference: str
    organization: str
    by: str
    newcomer: str
    at: datetime
    end_proposed: bool  # one person of staff wants to end the newcomer's access; a second one has to agree


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What waits for staff beside cases. `letters`: days near their budget of letters, or over it."""

    contested: int
    overdue: int
    objections: int
    letters: tuple[LettersPlanned, ...]


async def list_duties(gate: Gate, staff: StaffMember) -> Duties:
    """How much waits, for the head of the queue."""
    now = gate.now().astimezone(gate.zone)
    async with gate.database.read() as session:
        contested = await contested_reviews(session, gate.limits, now=now)
        letters = await letters_near_budget(session, gate.limits, today=now.date())
    return Duties(
        contested=len(contested),
        overdue=sum(one.reminders > 0 for one in contested),
        objections=len(await list_objections(gate, staff)),
        letters=tuple(letters),
    )


async def list_reviews(gate: Gate, _staff: StaffMember, *, state: State | None = State.CONTESTED) -> list[DeskReview]:
    """The reviews in this state (or all), those that wait the longest first."""
    query = select(DepartureReviewRow).order_by(col(DepartureReviewRow.updated_at), col(DepartureReviewRow.id))
    if state is not None:
        query = query.where(col(DepartureReviewRow.state) == state)
    async with gate.database.read() as session:
        rows = (await session.scalars(query.limit(200))).all()
    return [await _view(gate, row) for row in rows]


async def view_review(gate: Gate, _staff: StaffMember, review_id: UUID) -> DeskReview:
    """One review. Raises `Refusal` (`not_found`)."""
    async with gate.database.read() as session:
        row = await session.get(DepartureReviewRow, review_id)
    if row is None:
        raise Refusal("not_found")
    return await _view(gate, row)


async def list_objections(gate: Gate, _staff: StaffMember) -> list[ObjectionLine]:
    """Objections to newcomers that no review settles, the newest first.

    These said of nobody that they have left; or staff kept the access of whoever was said to, which leaves open who the
    newcomer is.
    """
    reviews = select(col(DepartureClaim.registration_id)).join(
        DepartureReviewRow, col(DepartureReviewRow.id) == col(DepartureClaim.review_id)
    )
    reviewed = select(col(DepartureClaim.registration_id))
    under_way = reviews.where(col(DepartureReviewRow.closed_at).is_(None))
    kept = reviews.where(
        col(DepartureReviewRow.state) == State.KEPT, col(DepartureReviewRow.closed_at) > col(NewcomerAnswer.at)
    ).correlate(NewcomerAnswer)
    async with gate.database.read() as session:
        rows = await session.execute(
            select(NewcomerAnswer, RegistrationRow, Organization, Account)
            .join(NewcomerNotice, col(NewcomerNotice.id) == col(NewcomerAnswer.notice_id))
            .join(RegistrationRow, col(RegistrationRow.id) == col(NewcomerNotice.registration_id))
            .join(Organization, col(Organization.id) == col(NewcomerNotice.organization_id))
            .join(Account, col(Account.id) == col(NewcomerNotice.account_id))
            .where(
                col(NewcomerAnswer.choice) == Choice.OBJECT,
                or_(
                    col(NewcomerNotice.registration_id).not_in(reviewed),
                    and_(
                        col(NewcomerNotice.registration_id).in_(kept),
                        col(NewcomerNotice.registration_id).not_in(under_way),
                    ),
                ),
                ~select(NewcomerRuling.id)  # type: ignore[call-overload]
                .where(
                    col(NewcomerRuling.registration_id) == col(NewcomerNotice.registration_id),
                    col(NewcomerRuling.applied_at) > col(NewcomerAnswer.at),
                )
                .exists(),
            )
            .order_by(col(NewcomerAnswer.at).desc())
            .limit(200)
        )
        found = rows.all()
        proposed = {registration.id for _, registration, _, _ in found if await standing_ends(session, registration.id)}
        return [
            ObjectionLine(
                registration_id=registration.id,
                end_proposed=registration.id in proposed,
                reference=registration.reference,
                organization=organization.name,
                by=gate.vault.unseal("name", account.name_sealed),
                newcomer=gate.vault.unseal("name", registration.name_sealed),
                at=answer.at,
            )
            for answer, registration, organization, account in found
        ]


async def decide(
    gate: Gate, staff: StaffMember, review_id: UUID, *, verdict: str, reason: str, key: str
) -> ReviewResult:
    """Decide a contested review: keep the access, or end it. The decision is written first, then the workflow is told.

    Raises `Refusal`: `invalid_fields`, `not_found`, `departure_open` (nobody has objected), `departure_over`,
    `key_reused`, `unavailable`.
    """
    fields = Fields()
    if verdict not in {one.value for one in Verdict}:
        fields.add("verdict", "verdict_missing", "Choose whether the access is kept or ends.")
    why = fields.read("reason", reason, lambda text: some_text(text, missing="Write what you found out.", most=1000))
    fields.check()
    async with gate.database.read() as session:
        row = await session.get(DepartureReviewRow, review_id)
    if row is None:
        raise Refusal("not_found")
    if row.state == State.OPEN:
        raise Refusal("departure_open")
    cause = gate.vault.digest("departure-decision", f"{review_id}\0{staff.id}\0{key}")
    decision_id, now = UUID(hex=cause[:32]), gate.now()
    await remember_key(gate, scope=f"departure/{review_id}/staff", key=key, body=f"{verdict}\0{why}")
    insert = sqlite_insert if gate.database.is_sqlite else postgresql_insert
    async with gate.database.write() as session:
        made: UUID | None = await session.scalar(
            insert(DepartureDecision)
            .values(
                id=decision_id, review_id=review_id, staff_id=staff.id, verdict=verdict,
                reason_sealed=gate.vault.seal(_SEALED_DECISION, why or ""), cause=cause, at=now,
            )
            .on_conflict_do_nothing()
            .returning(col(DepartureDecision.id))
        )  # fmt: skip
        if made is not None:
            await audit.append(
                session, at=now, actor=f"staff/{staff.id}", action="departure.decision_written",
                subject=f"departure/{review_id}", verdict=verdict,
            )  # fmt: skip
    decided = State.CONFIRMED if verdict == Verdict.CONFIRM else State.KEPT
    if made is None and row.state == decided:  # the request came before, and its answer may have been lost
        return ReviewResult(accepted=True, code=Code.OK, state=decided)
    cmd = DecideReview(decision_id=str(decision_id))
    return await send_review_update(gate, review_id, names.DECIDE_DEPARTURE, cmd, by=str(staff.id), key=key)


async def _applied_decision(session: AsyncSession, row: DepartureReviewRow) -> DepartureDecision | None:
    """The decision that the review came to. One that came too late is written as well, and changed nothing (I5)."""
    entries = await session.scalars(
        select(AuditEntry)
        .where(col(AuditEntry.subject) == f"departure/{row.id}", col(AuditEntry.action) == "departure.decided")
        .order_by(col(AuditEntry.position))
    )
    entry = next((one for one in entries if json.loads(one.details)["code"] == Code.OK), None)
    if entry is None:
        return None
    decision: DepartureDecision | None = await session.scalar(
        select(DepartureDecision)
        .where(
            col(DepartureDecision.review_id) == row.id,
            col(DepartureDecision.staff_id) == UUID(entry.actor.removeprefix("staff/")),
            # A confirmation of somebody whose word is worth nothing any more withdraws the review.
            col(DepartureDecision.verdict) == (Verdict.KEEP if row.state == State.KEPT else Verdict.CONFIRM),
        )
        .order_by(col(DepartureDecision.at))
        .limit(1)
    )
    return decision


async def _view(gate: Gate, row: DepartureReviewRow) -> DeskReview:
    async with gate.database.read() as session:
        organization = await session.get_one(Organization, row.organization_id)
        account = await session.get_one(Account, row.account_id)
        claims = (
            await session.execute(
                select(DepartureClaim, RegistrationRow)
                .join(RegistrationRow, col(RegistrationRow.id) == col(DepartureClaim.registration_id))
                .where(col(DepartureClaim.review_id) == row.id)
                .order_by(col(DepartureClaim.at), col(DepartureClaim.id))
            )
        ).all()
        answers = await session.scalars(
            select(ColleagueAnswer).where(
                col(ColleagueAnswer.registration_id).in_([claim.registration_id for claim, _ in claims]),
                col(ColleagueAnswer.whom).in_([EVERYONE, str(row.account_id)]),
            )
        )
        texts = {
            answer.registration_id: gate.vault.unseal(SEALED_REASON, answer.text_sealed)
            for answer in answers
            if answer.text_sealed
        }
        notices = [f"registration/{claim.registration_id}:departure_claimed:{row.account_id}" for claim, _ in claims]
        states = (await session.scalars(select(col(MailRow.state)).where(col(MailRow.id).in_(notices)))).all()
        decision = await _applied_decision(session, row)
    return DeskReview(
        id=row.id,
        reference=row.reference,
        state=State(row.state),
        organization=organization.name,
        person=gate.vault.unseal("name", account.name_sealed),
        email=gate.vault.unseal("email", account.email_sealed),
        announced_at=row.announced_at,
        until=row.deadline,
        due_at=decision_due_at(row, gate.limits, zone_of=gate.now().astimezone(gate.zone)).astimezone(UTC)
        if row.state == State.CONTESTED
        else None,
        closed_at=row.closed_at,
        mail_failed=row.mail_failed or (bool(states) and all(state == "refused" for state in states)),
        newcomers=tuple(
            NewcomerLine(
                name=gate.vault.unseal("name", registration.name_sealed),
                reference=registration.reference,
                text=texts.get(registration.id, ""),
                is_withdrawn=claim.withdrawn_at is not None,
            )
            for claim, registration in claims
        ),
        decision=gate.vault.unseal(_SEALED_DECISION, decision.reason_sealed) if decision else "",
    )
