"""The transactional heart of reviews: each step is one transaction, and the same step twice is one change (P9)."""

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta, tzinfo
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.accounts import Access, Account
from db.counting import count
from db.database import Database
from db.departure_ending import end_access
from db.departure_telling import DepartureTelling
from db.departures import (
    DepartureClaim,
    DepartureDecision,
    DepartureReviewRow,
    NewcomerAnswer,
    NewcomerNotice,
)
from db.recording import Change, once
from db.registrations import MailRow, OneTimeSecret, RegistrationRow
from db.staff import StaffAccount
from domain.departure import (
    Choice,
    Code,
    RecordAnswer,
    RecordAnswerCode,
    RecordAnswerCodeSent,
    RecordClaimWithdrawn,
    RecordDecision,
    RecordReviewOpened,
    RecordWindowOver,
    ReviewRecorded,
    ReviewStep,
    State,
    Verdict,
    objection_deadline,
    require_legal,
)
from domain.limits import Limits
from domain.ports import Vault

Step = Callable[[AsyncSession, DepartureReviewRow], Awaitable[ReviewRecorded]]

_HOUR: Final = timedelta(hours=1)
CODE_MAIL: Final = "newcomer_code"


def subject_of(review_id: UUID | str) -> str:
    """How audit and mails name a review; also its workflow id."""
    return f"departure/{review_id}"


def notice_subject(notice_id: UUID | str) -> str:
    """How the code to a notice's mailbox is named."""
    return f"newcomer/{notice_id}"


async def claims_of(session: AsyncSession, review_id: UUID) -> Collection[DepartureClaim]:
    """The claims that nobody has taken back, the first one first."""
    found = await session.scalars(
        select(DepartureClaim)
        .where(col(DepartureClaim.review_id) == review_id, col(DepartureClaim.withdrawn_at).is_(None))
        .order_by(col(DepartureClaim.at), col(DepartureClaim.id))
    )
    return found.all()


async def concerns(session: AsyncSession, row: DepartureReviewRow, notice: NewcomerNotice) -> bool:
    """Whether what is said to this notice counts in this review: the person's own word, or a word on one of its newcomers."""
    if notice.organization_id != row.organization_id:
        return False
    claims = await claims_of(session, row.id)
    return notice.account_id == row.account_id or any(
        claim.registration_id == notice.registration_id for claim in claims
    )


class SqlDepartureRecords:
    """The `DepartureRecords` port on SQLite and PostgreSQL. `zone` is the payer's: it decides which day it is."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, *, zone: tzinfo) -> None:
        self._database = database
        self._vault = vault
        self._limits = limits
        self._zone = zone

    async def open(self, cmd: RecordReviewOpened) -> ReviewRecorded:
        async def step(session: AsyncSession, row: DepartureReviewRow) -> ReviewRecorded:
            # Nobody has less time than was announced, nor less than the full days from the moment the review began.
            deadline = objection_deadline(
                cmd.at.astimezone(self._zone), business_days=self._limits.objection_business_days
            )
            row.deadline = max(row.deadline, deadline)
            answers = await self._answers(session, row)
            return ReviewRecorded(
                state=State(row.state), deadline=row.deadline, answers=tuple(str(one.id) for one in answers)
            )

        return await self._once(cmd, "departure.opened", step)

    async def answer(self, cmd: RecordAnswer) -> ReviewRecorded:
        async def step(session: AsyncSession, row: DepartureReviewRow) -> ReviewRecorded:
            answer = await session.get(NewcomerAnswer, UUID(cmd.answer_id))
            notice = await session.get(NewcomerNotice, answer.notice_id) if answer else None
            if answer is None or notice is None or not await concerns(session, row, notice):
                return self._refused(row, Code.UNKNOWN)
            if State(row.state).is_final:
                return self._refused(row, Code.OVER)
            if answer.choice == Choice.OBJECT:
                return await self._contested(session, row, cmd)
            # Only the person themselves can say that they have left; what colleagues say of it is kept, not applied.
            is_own = notice.account_id == row.account_id
            if is_own and row.state == State.OPEN:
                return await self._confirmed(session, row, cmd)
            return ReviewRecorded(state=State(row.state))

        return await self._once(cmd, "departure.answered", step)

    async def issue_code(self, cmd: RecordAnswerCode) -> ReviewRecorded:
        async def step(session: AsyncSession, row: DepartureReviewRow) -> ReviewRecorded:
            notice = await session.get(NewcomerNotice, UUID(cmd.notice_id), with_for_update=True)
            if notice is None or not await concerns(session, row, notice):
                return self._refused(row, Code.UNKNOWN)
            tally = await count(session, "codes", cmd.notice_id, at=cmd.at, window=_HOUR)
            if tally.count > self._limits.codes_per_hour:
                return self._refused(row, Code.CODES_LIMIT).model_copy(update={"retry_at": tally.window_ends_at})
            subject = notice_subject(notice.id)
            await mails.drop_unsent(session, subject=subject, purpose=CODE_MAIL)
            notice.code_generation += 1
            secret = mails.issue_secret(
                session, self._vault, subject=subject, purpose="code", generation=notice.code_generation
            )
            account = await session.get_one(Account, notice.account_id)
            telling = await DepartureTelling.about(session, self._vault, row)
            due = mails.make_due(
                session,
                self._vault,
                subject=subject,
                purpose=CODE_MAIL,
                generation=notice.code_generation,
                recipient=self._vault.unseal("email", account.email_sealed),
                values={**telling.values, "name": self._vault.unseal("name", account.name_sealed)},
                at=cmd.at,
                secret=secret,
            )
            return ReviewRecorded(state=State(row.state), mails=(due,))

        return await self._once(cmd, "departure.code_issued", step)

    async def code_sent(self, cmd: RecordAnswerCodeSent) -> ReviewRecorded:
        async def step(session: AsyncSession, row: DepartureReviewRow) -> ReviewRecorded:
            mail = await session.get(MailRow, cmd.mail_id)
            if mail is not None and mail.secret_generation is not None:
                secret = await session.get(OneTimeSecret, (mail.subject, "code", mail.secret_generation))
                if secret is not None:
                    secret.expires_at = cmd.at + self._limits.code_life
            return ReviewRecorded(state=State(row.state))

        return await self._once(cmd, "departure.code_sent", step)

    async def window_over(self, cmd: RecordWindowOver) -> ReviewRecorded:
        async def step(session: AsyncSession, row: DepartureReviewRow) -> ReviewRecorded:
            if State(row.state) is not State.OPEN:
                return ReviewRecorded(state=State(row.state))
            row.mail_failed = await self._notice_came_back(session, row)
            # An objection that was proved counts, also where its message to the workflow was lost with whoever sent it.
            if any(one.choice == Choice.OBJECT for one in await self._answers(session, row)):
                return await self._contested(session, row, cmd)
            return await self._confirmed(session, row, cmd)

        return await self._once(cmd, "departure.window_over", step)

    async def decide(self, cmd: RecordDecision) -> ReviewRecorded:
        async def step(session: AsyncSession, row: DepartureReviewRow) -> ReviewRecorded:
            decision = await session.get(DepartureDecision, UUID(cmd.decision_id))
            staff = await session.get(StaffAccount, decision.staff_id) if decision else None
            if decision is None or decision.review_id != row.id or staff is None or staff.closed_at is not None:
                return self._refused(row, Code.UNKNOWN)
            if State(row.state) is not State.CONTESTED:
                return self._refused(row, Code.OVER)
            if decision.verdict == Verdict.CONFIRM:
                return await self._confirmed(session, row, cmd)
            telling = await DepartureTelling.about(session, self._vault, row)
            due = await telling.tell_both(session, cmd, purpose="departure_kept", departed="departure_kept")
            return ReviewRecorded(state=State.KEPT, mails=due)

        return await self._once(cmd, "departure.decided", step)

    async def withdraw(self, cmd: RecordClaimWithdrawn) -> ReviewRecorded:
        async def step(session: AsyncSession, row: DepartureReviewRow) -> ReviewRecorded:
            if State(row.state).is_final:
                return self._refused(row, Code.OVER)
            claims = await claims_of(session, row.id)
            taken_back = [one for one in claims if cmd.registration_id in (None, str(one.registration_id))]
            for claim in taken_back:
                claim.withdrawn_at = cmd.at
            if len(taken_back) < len(claims):
                return ReviewRecorded(state=State(row.state))
            return await self._withdrawn(session, row, cmd, code="withdrawn")

        return await self._once(cmd, "departure.withdrawn", step)

    # What steps come to.

    async def _contested(self, session: AsyncSession, row: DepartureReviewRow, cmd: ReviewStep) -> ReviewRecorded:
        if State(row.state) is State.CONTESTED:
            return ReviewRecorded(state=State.CONTESTED)
        row.contested_at = cmd.at
        telling = await DepartureTelling.about(session, self._vault, row)
        due = await telling.tell_newcomers(session, cmd, purpose="departure_contested")
        telling.message(session, cmd, account_id=row.account_id, kind="departure_contested")
        return ReviewRecorded(state=State.CONTESTED, mails=due)

    async def _confirmed(self, session: AsyncSession, row: DepartureReviewRow, cmd: ReviewStep) -> ReviewRecorded:
        if not await self._newcomer_has_access(session, row):
            # Whoever said it has no access any more: their word ends nobody else's.
            return await self._withdrawn(session, row, cmd, code="newcomer_gone")
        telling = await DepartureTelling.about(session, self._vault, row)
        ended = await end_access(session, row, at=cmd.at)
        due = await telling.tell_both(session, cmd, purpose="departure_confirmed", departed="departure_ended")
        await telling.tell_administrators(session, cmd, kind="departure_confirmed")
        return ReviewRecorded(
            state=State.CONFIRMED,
            mails=due,
            invitations=ended.invitations,
            registrations=ended.registrations,
            cases=ended.cases,
        )

    async def _withdrawn(
        self, session: AsyncSession, row: DepartureReviewRow, cmd: ReviewStep, *, code: str
    ) -> ReviewRecorded:
        row.closing_code = code
        telling = await DepartureTelling.about(session, self._vault, row)
        return ReviewRecorded(
            state=State.WITHDRAWN, mails=await telling.tell_departed(session, cmd, "departure_withdrawn")
        )

    @staticmethod
    def _refused(row: DepartureReviewRow, code: Code) -> ReviewRecorded:
        return ReviewRecorded(accepted=False, code=code, state=State(row.state))

    # What steps look at.

    async def _answers(self, session: AsyncSession, row: DepartureReviewRow) -> list[NewcomerAnswer]:
        """The answers that count in this review, the first one first."""
        found = await session.execute(
            select(NewcomerAnswer, NewcomerNotice)
            .join(NewcomerNotice, col(NewcomerNotice.id) == col(NewcomerAnswer.notice_id))
            .where(
                col(NewcomerNotice.organization_id) == row.organization_id, col(NewcomerAnswer.at) >= row.announced_at
            )
            .order_by(col(NewcomerAnswer.at), col(NewcomerAnswer.id))
        )
        return [answer for answer, notice in found.all() if await concerns(session, row, notice)]

    async def _notice_came_back(self, session: AsyncSession, row: DepartureReviewRow) -> bool:
        """Whether the mailbox refused our notice for good: that's no objection, but it's noted (B5)."""
        ids = [
            f"registration/{claim.registration_id}:departure_claimed:{row.account_id}"
            for claim in await claims_of(session, row.id)
        ]
        states = (await session.scalars(select(col(MailRow.state)).where(col(MailRow.id).in_(ids)))).all()
        return bool(states) and all(state == "refused" for state in states)

    async def _newcomer_has_access(self, session: AsyncSession, row: DepartureReviewRow) -> bool:
        registrations = [claim.registration_id for claim in await claims_of(session, row.id)]
        found = await session.scalar(
            select(col(Access.id))
            .join(RegistrationRow, col(RegistrationRow.account_id) == col(Access.account_id))
            .join(Account, col(Account.id) == col(Access.account_id))
            .where(
                col(RegistrationRow.id).in_(registrations),
                col(Access.organization_id) == row.organization_id,
                col(Access.status) == "open",
                col(Account.closed_at).is_(None),
            )
            .limit(1)
        )
        return found is not None

    async def _once(self, cmd: ReviewStep, action: str, step: Step) -> ReviewRecorded:
        """Run the step once, within the table of legal transitions."""

        async def lock(session: AsyncSession) -> DepartureReviewRow | None:
            return await session.get(DepartureReviewRow, UUID(cmd.review_id), with_for_update=True)

        async def change(session: AsyncSession, row: DepartureReviewRow) -> tuple[ReviewRecorded, Change]:
            before = State(row.state)
            recorded = await step(session, row)
            require_legal(before, recorded.state)
            row.state, row.updated_at = recorded.state, cmd.at
            if recorded.state.is_final and row.closed_at is None:
                row.closed_at = cmd.at
                await self._scrub_codes(session, row)
            details: dict[str, str | int | bool | None] = {"state": str(recorded.state), "code": str(recorded.code)}
            if isinstance(cmd, RecordWindowOver):
                details["mail_failed"] = row.mail_failed
            return recorded, Change(actor=await self._actor(session, cmd), action=action, details=details)

        return await once(
            self._database, cmd, subject=subject_of(cmd.review_id), result=ReviewRecorded, lock=lock, step=change
        )

    async def _scrub_codes(self, session: AsyncSession, row: DepartureReviewRow) -> None:
        """The review is over: a code that is still on its way is worth nothing."""
        notices = select(col(NewcomerNotice.id)).where(col(NewcomerNotice.account_id) == row.account_id)
        subjects = [notice_subject(one) for one in (await session.scalars(notices)).all()]
        await session.execute(update(OneTimeSecret).where(col(OneTimeSecret.subject).in_(subjects)).values(sealed=None))

    async def _actor(self, session: AsyncSession, cmd: ReviewStep) -> str:
        match cmd:
            case RecordAnswer(answer_id=answer_id):
                answer = await session.get(NewcomerAnswer, UUID(answer_id))
                notice = await session.get(NewcomerNotice, answer.notice_id) if answer else None
                return f"account/{notice.account_id}" if notice else "unknown"
            case RecordDecision(decision_id=decision_id):
                decision = await session.get(DepartureDecision, UUID(decision_id))
                return f"staff/{decision.staff_id}" if decision else "unknown"
            case RecordClaimWithdrawn(registration_id=str(registration_id)):
                return f"registration/{registration_id}"
            case RecordWindowOver():
                return "clock"
            case _:
                return "system"
