"""Answering the notice that a newcomer registered: with a code to the mailbox, or signed in (P9, B2). The link only identifies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio.service import RPCError, RPCStatusCode

from db import audit
from db.accounts import Access, Account
from db.counting import count
from db.departure_records import notice_subject
from db.departures import DepartureClaim, DepartureReviewRow, NewcomerAnswer, NewcomerNotice, NewcomerRuling
from db.directory import Organization
from db.mails import secret_digest
from db.newcomers import LINK
from db.registrations import OneTimeSecret, RegistrationRow
from domain.departure import AnswerGiven, AskAnswerCode, Choice, State, last_day
from domain.identifiers import Tin
from domain.people import masked_address, masked_name
from domain.rulings import Ruling
from portal.departures import send_review_update
from portal.fields import Fields
from portal.gate import Gate, remember_key, unavailable
from portal.refusals import Refusal
from portal.sessions import Principal
from workflows import names

_OPEN: Final = (State.OPEN, State.CONTESTED)


class Outcome(StrEnum):
    """What became of a notice, for the one who was told."""

    OPEN = "open"  # nobody objected so far, and there is time
    WITH_STAFF = "with_staff"
    YOU_STAY = "you_stay"
    YOU_ENDED = "you_ended"
    COLLEAGUE_STAYS = "colleague_stays"  # of whom the newcomer said that they have left
    COLLEAGUE_ENDED = "colleague_ended"
    NEWCOMER_STAYS = "newcomer_stays"
    NEWCOMER_ENDED = "newcomer_ended"
    OVER = "over"  # nobody objected in time


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """A notice as the one who was told sees it. `until`: the end of the time to object; `last_day`: in words.

    `newcomer` is the full name for who is signed in, masked for who has only the link (I15).
    """

    id: UUID
    organization: str
    tin_masked: str
    newcomer: str
    reference: str
    told_at: datetime
    until: datetime
    last_day: str
    says_you_left: bool
    says_colleague_left: bool  # another one than the reader
    review: State | None  # of one's own access, where the newcomer said that one has left
    outcome: Outcome
    answered: Choice | None
    may_answer: bool
    may_answer_by_code: bool  # else one has to be signed in
    email_masked: str


@dataclass(frozen=True, slots=True)
class _Standing:
    """What an answer to a notice would count for."""

    own: DepartureReviewRow | None
    others: tuple[State, ...]  # of colleagues whom this newcomer said to have left
    open: tuple[DepartureReviewRow, ...]
    is_open: bool


# Looking.


async def follow_link(gate: Gate, link_token: str) -> NoticeView:
    """The notice that a mailed link leads to; changes nothing (I14). Raises `Refusal` (`notice_link_dead`)."""
    return await _view(gate, await _linked(gate, link_token), signed_in=False)


async def list_notices(gate: Gate, principal: Principal) -> list[NoticeView]:
    """The signed-in person's notices, the newest first."""
    async with gate.database.read() as session:
        rows = await session.scalars(
            select(NewcomerNotice)
            .where(col(NewcomerNotice.account_id) == principal.subject_id)
            .order_by(col(NewcomerNotice.at).desc(), col(NewcomerNotice.id))
        )
        found = rows.all()
    return [await _view(gate, row, signed_in=True) for row in found]


async def view_notice(gate: Gate, principal: Principal, notice_id: UUID) -> NoticeView:
    """One of the person's own notices. Raises `Refusal` (`not_found`) for an unknown or foreign one (I15)."""
    return await _view(gate, await _own(gate, principal, notice_id), signed_in=True)


async def _linked(gate: Gate, link_token: str) -> NewcomerNotice:
    digest = secret_digest(gate.vault, subject="", purpose="notice", text=link_token[:200])
    async with gate.database.read() as session:
        secret = await session.scalar(
            select(OneTimeSecret).where(col(OneTimeSecret.purpose) == LINK, col(OneTimeSecret.digest) == digest)
        )
        if secret is None:
            raise Refusal("notice_link_dead")
        row: NewcomerNotice | None = await session.scalar(
            select(NewcomerNotice).where(
                col(NewcomerNotice.registration_id) == UUID(secret.subject.removeprefix("registration/")),
                col(NewcomerNotice.number) == secret.generation,
            )
        )
    if row is None:
        raise Refusal("notice_link_dead")
    return row


async def _own(gate: Gate, principal: Principal, notice_id: UUID) -> NewcomerNotice:
    async with gate.database.read() as session:
        row = await session.get(NewcomerNotice, notice_id)
    if row is None or row.account_id != principal.subject_id:
        raise Refusal("not_found")
    return row


async def _standing(session: AsyncSession, gate: Gate, notice: NewcomerNotice) -> _Standing:
    """The reviews of whom this newcomer said to have left, and the open one of the account itself whoever said it."""
    claimed = select(col(DepartureClaim.review_id)).where(col(DepartureClaim.registration_id) == notice.registration_id)
    rows: Sequence[DepartureReviewRow] = (
        await session.scalars(
            select(DepartureReviewRow).where(
                col(DepartureReviewRow.organization_id) == notice.organization_id,
                col(DepartureReviewRow.id).in_(claimed)
                | (
                    (col(DepartureReviewRow.account_id) == notice.account_id) & col(DepartureReviewRow.state).in_(_OPEN)
                ),
            )
        )
    ).all()
    own = next((row for row in rows if row.account_id == notice.account_id), None)
    others = tuple(State(row.state) for row in rows if row is not own)
    has_access = await session.scalar(
        select(col(Access.id))
        .where(
            col(Access.account_id) == notice.account_id,
            col(Access.organization_id) == notice.organization_id,
            col(Access.status) == "open",
        )
        .limit(1)
    )
    if has_access is None:  # who has no access there any more has no word in it either (I20)
        return _Standing(own, others, (), False)
    # The review of oneself first: its workflow is the one that sends the code.
    still = sorted((row for row in rows if row.state in _OPEN), key=lambda row: row.account_id != notice.account_id)
    return _Standing(own, others, tuple(still), bool(still) if rows else gate.now() < notice.until)


async def _ruling(session: AsyncSession, notice: NewcomerNotice) -> Ruling | None:
    """What staff ruled of the newcomer, unless this very reader has objected since."""
    query = (
        select(col(NewcomerRuling.verdict))
        .where(
            col(NewcomerRuling.registration_id) == notice.registration_id,
            col(NewcomerRuling.applied_at).is_not(None),
            ~select(NewcomerAnswer.id)  # type: ignore[call-overload]
            .where(
                col(NewcomerAnswer.notice_id) == notice.id,
                col(NewcomerAnswer.choice) == Choice.OBJECT,
                col(NewcomerAnswer.at) >= col(NewcomerRuling.applied_at),
            )
            .exists(),
        )
        # An end and a proposal of it that was overruled are applied at one moment: the last word is the newest.
        .order_by(col(NewcomerRuling.applied_at).desc(), col(NewcomerRuling.at).desc())
    )
    found = await session.scalar(query)
    return Ruling(found) if found else None


_OF_ONESELF: Final = {
    State.OPEN: Outcome.OPEN,
    State.CONTESTED: Outcome.WITH_STAFF,
    State.CONFIRMED: Outcome.YOU_ENDED,
    State.KEPT: Outcome.YOU_STAY,
    State.WITHDRAWN: Outcome.YOU_STAY,
}


def _outcome(standing: _Standing, ruling: Ruling | None, answered: Choice | None) -> Outcome:
    if standing.own is not None:
        return _OF_ONESELF[State(standing.own.state)]
    if standing.others:
        if State.CONTESTED in standing.others:
            return Outcome.WITH_STAFF
        if State.OPEN in standing.others:
            return Outcome.OPEN
        return Outcome.COLLEAGUE_ENDED if State.CONFIRMED in standing.others else Outcome.COLLEAGUE_STAYS
    if ruling is not None:
        return Outcome.NEWCOMER_ENDED if ruling is Ruling.END else Outcome.NEWCOMER_STAYS
    if answered is Choice.OBJECT:
        return Outcome.WITH_STAFF
    return Outcome.OPEN if standing.is_open else Outcome.OVER


async def _view(gate: Gate, row: NewcomerNotice, *, signed_in: bool) -> NoticeView:
    async with gate.database.read() as session:
        organization = await session.get_one(Organization, row.organization_id)
        registration = await session.get_one(RegistrationRow, row.registration_id)
        account = await session.get_one(Account, row.account_id)
        choices = set(
            await session.scalars(select(col(NewcomerAnswer.choice)).where(col(NewcomerAnswer.notice_id) == row.id))
        )
        standing = await _standing(session, gate, row)
        ruling = await _ruling(session, row)
    name = gate.vault.unseal("name", registration.name_sealed)
    until = standing.own.deadline if standing.own else row.until
    answered = Choice.OBJECT if Choice.OBJECT in choices else Choice.RIGHT if choices else None
    return NoticeView(
        id=row.id,
        organization=organization.name,
        tin_masked=Tin(gate.vault.unseal("tin", organization.tin_sealed)).masked,
        newcomer=name if signed_in else masked_name(name),
        reference=registration.reference,
        told_at=row.at,
        until=until,
        last_day=last_day(until.astimezone(gate.zone)),
        says_you_left=standing.own is not None,
        says_colleague_left=bool(standing.others),
        review=State(standing.own.state) if standing.own else None,
        outcome=_outcome(standing, ruling, answered),
        answered=answered,
        may_answer=standing.is_open and answered is not Choice.OBJECT,
        may_answer_by_code=bool(standing.open),
        email_masked=masked_address(gate.vault.unseal("email", account.email_sealed)),
    )


# Answering.


async def send_code(gate: Gate, link_token: str, *, key: str) -> None:
    """Have a code e-mailed to the mailbox that the notice went to; it takes the place of the one before.

    Raises `Refusal`: `notice_link_dead`, `notice_sign_in` (answer with the account instead), `departure_over`,
    `codes_limit`, `key_reused`, `unavailable`.
    """
    notice = await _linked(gate, link_token)
    async with gate.database.read() as session:
        standing = await _standing(session, gate, notice)
    _require_open(standing)
    if not standing.open:
        raise Refusal("notice_sign_in")
    cmd = AskAnswerCode(notice_id=str(notice.id))
    await send_review_update(gate, standing.open[0].id, names.SEND_CODE, cmd, by=str(notice.id), key=key)


async def answer_by_code(gate: Gate, link_token: str, *, choice: str, code: str, key: str) -> NoticeView:
    """Answer from the notice's page, with the code that was e-mailed.

    Raises `Refusal`: `invalid_fields`, `notice_link_dead`, `notice_sign_in`, `departure_over`, `code_wrong`,
    `code_expired`, `code_tries_used`, `key_reused`, `unavailable`.
    """
    notice = await _linked(gate, link_token)
    fields = Fields()
    chosen = _read_choice(fields, choice)
    digits = "".join(character for character in code if character not in " -\t\u00a0")
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        fields.add("code", "code_format", "The code has six digits.")
    fields.check()
    assert chosen is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    answered = await _answered(gate, notice, chosen, key=key, body=f"{chosen}\0{digits}")
    if answered is None:
        async with gate.database.read() as session:
            standing = await _standing(session, gate, notice)
        _require_open(standing)
        if not standing.open:
            raise Refusal("notice_sign_in")
        await _judge_code(gate, notice, digits)
        answered = await _keep(gate, notice, chosen, via="code")
    await _tell(gate, notice, answered)
    return await _view(gate, notice, signed_in=False)


async def answer(gate: Gate, principal: Principal, notice_id: UUID, *, choice: str, key: str) -> NoticeView:
    """Answer one's own notice with the account that one is signed in with.

    Raises `Refusal`: `invalid_fields`, `not_found`, `departure_over`, `key_reused`, `unavailable`.
    """
    notice = await _own(gate, principal, notice_id)
    fields = Fields()
    chosen = _read_choice(fields, choice)
    fields.check()
    assert chosen is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    answered = await _answered(gate, notice, chosen, key=key, body=chosen)
    if answered is None:
        async with gate.database.read() as session:
            _require_open(await _standing(session, gate, notice))
        answered = await _keep(gate, notice, chosen, via="session")
    await _tell(gate, notice, answered)
    return await _view(gate, notice, signed_in=True)


def _read_choice(fields: Fields, choice: str) -> Choice | None:
    try:
        return Choice(choice)
    except ValueError:
        fields.add("choice", "choice_missing", "Choose one of the two answers.")
        return None


def _require_open(standing: _Standing) -> None:
    if not standing.is_open:
        raise Refusal("departure_over")


async def _answered(gate: Gate, notice: NewcomerNotice, choice: Choice, *, key: str, body: str) -> UUID | None:
    """The answer that this very request gave before (I2). Raises `Refusal` (`key_reused`)."""
    if await remember_key(gate, scope=f"newcomer/{notice.id}", key=key, body=body):
        return None
    async with gate.database.read() as session:
        found: UUID | None = await session.scalar(
            select(col(NewcomerAnswer.id)).where(
                col(NewcomerAnswer.notice_id) == notice.id, col(NewcomerAnswer.choice) == choice
            )
        )
    return found


async def _judge_code(gate: Gate, notice: NewcomerNotice, digits: str) -> None:
    """Count a try, then compare; a right code is used up (I7, I13)."""
    now, subject, limits = gate.now(), notice_subject(notice.id), gate.limits
    async with gate.database.write() as session:
        current = await session.get_one(NewcomerNotice, notice.id)
        generation = current.code_generation
        tally = await count(session, "newcomer-code", f"{notice.id}:{generation}", at=now)
    left = max(0, limits.code_tries - tally.count)
    if tally.count > limits.code_tries:
        raise Refusal("code_tries_used", tries_left=0)
    async with gate.database.write() as session:
        secret = await session.get(OneTimeSecret, (subject, "code", generation), with_for_update=True)
        digest = secret_digest(gate.vault, subject=subject, purpose="code", text=digits)
        if secret is None or secret.used_at is not None or secret.digest != digest:
            raise Refusal("code_wrong", tries_left=left)
        if secret.expires_at is not None and now >= secret.expires_at:
            raise Refusal("code_expired", tries_left=left)
        secret.used_at = now


async def _keep(gate: Gate, notice: NewcomerNotice, choice: Choice, *, via: str) -> UUID:
    """Write the answer before any workflow is told of it, with its audit entry."""
    now, insert = gate.now(), sqlite_insert if gate.database.is_sqlite else postgresql_insert
    async with gate.database.write() as session:
        made: UUID | None = await session.scalar(
            insert(NewcomerAnswer)
            .values(id=uuid4(), notice_id=notice.id, choice=choice, via=via, at=now)
            .on_conflict_do_nothing()
            .returning(col(NewcomerAnswer.id))
        )
        if made is not None:
            await audit.append(
                session, at=now, actor=f"account/{notice.account_id}", action="newcomer.answered",
                subject=f"registration/{notice.registration_id}", choice=str(choice), via=via,
            )  # fmt: skip
            return made
        return (
            await session.scalars(
                select(col(NewcomerAnswer.id)).where(
                    col(NewcomerAnswer.notice_id) == notice.id, col(NewcomerAnswer.choice) == choice
                )
            )
        ).one()


async def _tell(gate: Gate, notice: NewcomerNotice, answer_id: UUID) -> None:
    """Tell the reviews it concerns. One that isn't started yet reads the answer when it opens, a deadline reads it, too."""
    async with gate.database.read() as session:
        standing = await _standing(session, gate, notice)
    for review in standing.open:
        handle = gate.client.get_workflow_handle(names.departure_id(str(review.id)))
        try:
            await handle.signal(names.ANSWER_GIVEN, AnswerGiven(answer_id=str(answer_id)))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise unavailable(error) from error
