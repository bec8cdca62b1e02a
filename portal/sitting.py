"""What one person answered in one sitting, and what became of each answer; read from the database alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.authorization_telling import sitting_subject
from db.authorizations import AuthorizationRow, DecisionRow
from db.registrations import OneTimeSecret
from domain.authorization import OPEN, State
from portal.answer_sheet import RequestToAnswer, is_stopped, shown
from portal.gate import Gate
from portal.refusals import Refusal
from portal.sessions import Principal


class Outcome(StrEnum):
    """What became of one answer."""

    UNCONFIRMED = "unconfirmed"  # the code is still to be entered
    PENDING = "pending"  # it is in; it will be applied in a moment
    APPROVED = "approved"
    DECLINED = "declined"
    STOPPED = "stopped"  # approved, but it can't be carried out
    SUPERSEDED = "superseded"  # the request was over first; its state says how
    LATE = "late"
    VOID = "void"  # the contact was corrected meanwhile, or isn't independent any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a sitting, and what became of it."""

    request: RequestToAnswer
    choice: str
    outcome: Outcome
    state: State
    is_stopped: bool  # the request ended though nobody cancelled it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """What one person answered together. `code_expires_at` is None until the code has left."""

    answers: tuple[Answer, ...]
    is_confirmed: bool
    contact_masked: str
    code_expires_at: datetime | None

    @property
    def is_settled(self) -> bool:
        return all(answer.outcome is not Outcome.PENDING for answer in self.answers)


async def view_sitting(gate: Gate, principal: Principal) -> Sitting:
    """The answers of this sitting as the database has them. Raises `Refusal` (`not_found`)."""
    sitting_id = principal.subject_id
    async with gate.database.read() as session:
        decisions = await decisions_of(session, sitting_id)
        rows = {row.id: row for row in await requests_of(session, sitting_id)}
        requests = {row.id: await shown(session, gate, row) for row in rows.values()}
        secret = await session.scalar(
            select(OneTimeSecret)
            .where(col(OneTimeSecret.subject) == sitting_subject(sitting_id), col(OneTimeSecret.purpose) == "code")
            .order_by(col(OneTimeSecret.generation).desc())
            .limit(1)
        )
    if not decisions:
        raise Refusal("not_found")
    decisions = sorted(decisions, key=lambda one: (one.id != sitting_id, rows[one.authorization_id].requested_at))
    return Sitting(
        answers=tuple(
            Answer(
                request=requests[one.authorization_id],
                choice=one.choice,
                outcome=_outcome(one, rows[one.authorization_id]),
                state=State(rows[one.authorization_id].state),
                is_stopped=is_stopped(State(rows[one.authorization_id].state), rows[one.authorization_id].closing_code),
            )
            for one in decisions
        ),
        is_confirmed=all(one.confirmed_at is not None for one in decisions),
        contact_masked=requests[decisions[0].authorization_id].contact_masked,
        code_expires_at=secret.expires_at if secret else None,
    )


def _outcome(decision: DecisionRow, row: AuthorizationRow) -> Outcome:
    state = State(row.state)
    if decision.confirmed_at is None:
        return Outcome.UNCONFIRMED
    match decision.outcome:
        case "applied":
            return {State.APPROVED: Outcome.APPROVED, State.DECLINED: Outcome.DECLINED}.get(state, Outcome.STOPPED)
        case None:
            return Outcome.SUPERSEDED if state.is_final and row.decision_id != decision.id else Outcome.PENDING
        case told:
            return Outcome(told)


async def decisions_of(session: AsyncSession, sitting_id: UUID) -> Sequence[DecisionRow]:
    found = await session.scalars(
        select(DecisionRow).where(col(DecisionRow.sitting_id) == sitting_id).order_by(col(DecisionRow.id))
    )
    return found.all()


async def is_confirmed(session: AsyncSession, sitting_id: UUID) -> bool:
    return all(one.confirmed_at is not None for one in await decisions_of(session, sitting_id))


async def is_settled(session: AsyncSession, sitting_id: UUID) -> bool:
    """Whether every decision has an outcome, or its request is over; one small query, asked often."""
    pending = await session.scalar(
        select(col(DecisionRow.id))
        .join(AuthorizationRow, col(DecisionRow.authorization_id) == col(AuthorizationRow.id))
        .where(
            col(DecisionRow.sitting_id) == sitting_id,
            col(DecisionRow.outcome).is_(None),
            col(AuthorizationRow.state).in_(OPEN),
        )
        .limit(1)
    )
    return pending is None


async def requests_of(session: AsyncSession, sitting_id: UUID) -> Sequence[AuthorizationRow]:
    found = await session.scalars(
        select(AuthorizationRow)
        .join(DecisionRow, col(DecisionRow.authorization_id) == col(AuthorizationRow.id))
        .where(col(DecisionRow.sitting_id) == sitting_id)
    )
    return found.all()
