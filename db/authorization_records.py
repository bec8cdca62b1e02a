"""The transactional heart of authorizations: each step is one transaction, and the same step twice is one change."""

from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta, tzinfo
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.authorization_asking import Asking
from db.authorization_deciding import Deciding
from db.authorization_telling import Telling, of_standing, subject_of
from db.authorizations import AuthorizationRow, DecisionRow, ReviewVerdict
from db.colleagues import lock_organization
from db.counting import count
from db.database import Database
from db.provider_telling import tell_provider_of_request
from db.recording import Change, once
from db.registrations import OneTimeSecret
from db.staff import StaffAccount
from domain.authorization import (
    AuthorizationRecorded,
    AuthorizationStep,
    ByPerson,
    Code,
    RecordAuthorizationClosed,
    RecordContactReminder,
    RecordCorrected,
    RecordDecision,
    RecordDecisionCode,
    RecordDecisionCodeSent,
    RecordMailReport,
    RecordRequested,
    RecordRequesterReminder,
    RecordResent,
    RecordVerdict,
    State,
    require_legal,
)
from domain.independence import Judgement, Verdict
from domain.limits import Limits
from domain.people import mailbox_key, search_key
from domain.ports import Vault
from domain.recording import MailDue

Step = Callable[[AsyncSession, AuthorizationRow], Awaitable[AuthorizationRecorded]]

_HOUR: Final = timedelta(hours=1)
_NEW: Final = "new"  # a row whose first step hasn't decided yet
_SEALED_REASON: Final = "review-reason"
_VERDICTS_TO_SEND: Final = 2  # people of staff, before a mail goes to a contact that a rule has doubts about (B11)


class SqlAuthorizationRecords:
    """The `AuthorizationRecords` port on SQLite and PostgreSQL. `zone` is the payer's: it decides which day it is."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, zone: tzinfo = UTC) -> None:
        self._database = database
        self._vault = vault
        self._limits = limits
        self._zone = zone

    async def open(self, cmd: RecordRequested) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            # Two of one service at one moment come after one another: the second finds the first one's request (T5).
            await lock_organization(session, row.billing_id)
            asking, telling = self._asking(session, row, cmd), self._telling(session, row, cmd)
            row.is_newest = False  # until it's clear that it's a request at all
            refusal = await asking.refusal()
            if refusal is None and not await asking.is_of_service(row.requester_id):
                refusal = self._no(row, Code.NOT_BILLING, State.CANCELLED)
            judged = await asking.judgement(cmd.start.contact, review_wanted=bool(cmd.start.review_reason))
            row.contact_rule = judged.rule
            refusal = refusal or await asking.contact_refusal(cmd.start.contact, judged)
            refusal = refusal or await asking.often_refusal()
            if refusal is not None:
                row.state, row.closing_code = State.CANCELLED, refusal.code
                return refusal
            previous = await asking.previous()
            if previous is not None:
                row.previous_id, previous.is_newest = previous.id, False
            row.is_newest = True
            row.state = State.IN_REVIEW if judged.verdict is Verdict.REVIEW else State.SENT
            # The index that allows one open request of a pair is asked before anything else is written.
            await session.flush()
            if judged.verdict is Verdict.REVIEW:
                await telling.tell_requester("authorization_in_review", mailed=False)
                return AuthorizationRecorded(state=State.IN_REVIEW)
            await telling.tell_requester("authorization_requested", mailed=False)
            return AuthorizationRecorded(state=State.SENT, mails=await self._send(session, row, cmd, telling))

        return await self._once(cmd, "authorization.requested", step, opened=cmd)

    async def resend(self, cmd: RecordResent) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            refusal = await self._refusal_by(session, row, cmd, cmd.by) or self._resend_refusal(row, cmd)
            if refusal is not None:
                return refusal
            if cmd.by.account_id is not None:
                row.resends += 1
                row.resent_at = cmd.at
            telling = self._telling(session, row, cmd)
            mail = await telling.send_link(purpose="authorization_request")
            await telling.tell_requester("authorization_resent", mailed=False)
            return AuthorizationRecorded(state=State.SENT, mails=(mail,))

        return await self._once(cmd, "authorization.resent", step)

    async def correct(self, cmd: RecordCorrected) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            correction = cmd.correction
            by = ByPerson(
                authorization_id=cmd.authorization_id, account_id=correction.account_id, staff_id=correction.staff_id
            )
            refusal = await self._refusal_by(session, row, cmd, by)
            if refusal is None and by.account_id and row.corrections >= self._limits.authorization_corrections:
                refusal = self._no(row, Code.CORRECTIONS_LIMIT)
            if refusal is not None:
                return refusal
            asking, telling = self._asking(session, row, cmd), self._telling(session, row, cmd)
            judged = await asking.judgement(correction.contact, review_wanted=bool(correction.review_reason))
            refusal = await asking.contact_refusal(correction.contact, judged)
            if refusal is not None:
                return refusal.model_copy(update={"state": State(row.state)})
            await telling.kill_links()
            self._set_contact(row, correction.contact, judged, reason=correction.review_reason)
            row.contact_version += 1
            row.corrections += 1 if by.account_id else 0
            row.delivery, row.delivery_at = "none", None
            await telling.tell_requester("authorization_corrected", mailed=False)
            if judged.verdict is Verdict.REVIEW:
                return AuthorizationRecorded(state=State.IN_REVIEW)
            return AuthorizationRecorded(
                state=State.SENT, mails=(await telling.send_link(purpose="authorization_request"),)
            )

        return await self._once(cmd, "authorization.contact_corrected", step)

    async def verdict(self, cmd: RecordVerdict) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            given = await session.get(ReviewVerdict, UUID(cmd.verdict_id))
            is_about_this = given is not None and given.authorization_id == row.id
            if given is None or not is_about_this or given.contact_version != row.contact_version:
                return self._no(row, Code.VOID)
            if row.state != State.IN_REVIEW:
                return self._no(row, Code.NOT_IN_REVIEW)
            telling = self._telling(session, row, cmd)
            if given.verdict == "refuse":
                return AuthorizationRecorded(
                    state=State.CANCELLED,
                    code=Code.CONTACT_REFUSED,
                    mails=await telling.stopped(Code.CONTACT_REFUSED),
                )
            # Whoever doesn't work here any more has no word in it.
            people = await session.scalar(
                select(func.count(col(ReviewVerdict.staff_id).distinct()))
                .join(StaffAccount, col(StaffAccount.id) == col(ReviewVerdict.staff_id))
                .where(
                    col(StaffAccount.closed_at).is_(None),
                    col(ReviewVerdict.authorization_id) == row.id,
                    col(ReviewVerdict.contact_version) == row.contact_version,
                    col(ReviewVerdict.verdict) == "send",
                )
            )
            if (people or 0) < _VERDICTS_TO_SEND:
                return AuthorizationRecorded(state=State.IN_REVIEW)
            await telling.tell_requester("authorization_sent", mailed=False)
            return AuthorizationRecorded(state=State.SENT, mails=await self._send(session, row, cmd, telling))

        return await self._once(cmd, "authorization.contact_reviewed", step)

    async def remind_contact(self, cmd: RecordContactReminder) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            state = State(row.state)
            if state is not State.SENT:  # nobody was asked yet, or the address takes no mail
                return AuthorizationRecorded(state=state)
            row.reminders, row.reminded_at = row.reminders + 1, cmd.at
            telling = self._telling(session, row, cmd)
            mail = await telling.send_link(purpose="authorization_reminder", number=str(cmd.number))
            return AuthorizationRecorded(state=state, mails=(mail,))

        return await self._once(cmd, "authorization.contact_reminded", step)

    async def remind_requester(self, cmd: RecordRequesterReminder) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            telling = self._telling(session, row, cmd)
            kind = of_standing("authorization_waiting", row)
            due = await telling.tell_requester(kind, number=str(cmd.number))
            return AuthorizationRecorded(state=State(row.state), mails=due)

        return await self._once(cmd, "authorization.requester_reminded", step)

    async def mail_report(self, cmd: RecordMailReport) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            state = State(row.state)
            subject, _, generation = cmd.mail_id.rpartition(":")
            is_newest = subject.startswith(f"{subject_of(row.id)}:") and generation == str(row.link_generation)
            if state is State.IN_REVIEW:  # it's of a contact who isn't asked any more
                return AuthorizationRecorded(state=state)
            if not is_newest or row.delivery == "bounced" or (row.delivery == "delivered" and cmd.event == "sent"):
                return AuthorizationRecorded(state=state)
            row.delivery, row.delivery_at = cmd.event, cmd.at
            if cmd.event != "bounced" or state is not State.SENT:
                return AuthorizationRecorded(state=state)
            due = await self._telling(session, row, cmd).tell_requester("authorization_undeliverable")
            return AuthorizationRecorded(state=State.UNDELIVERABLE, mails=due)

        return await self._once(cmd, f"authorization.mail_{cmd.event}", step)

    async def issue_code(self, cmd: RecordDecisionCode) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            sitting_id = UUID(cmd.sitting_id)
            tally = await count(session, "decision-codes", str(row.id), at=cmd.at, window=_HOUR)
            if tally.count > self._limits.decision_codes_per_hour:
                return self._no(row, Code.CODES_LIMIT, retry_at=tally.window_ends_at)
            drafted = await session.scalar(
                select(func.count()).where(
                    col(DecisionRow.sitting_id) == sitting_id,
                    col(DecisionRow.authorization_id) == row.id,
                    col(DecisionRow.contact_version) == row.contact_version,
                    col(DecisionRow.confirmed_at).is_(None),
                )
            )
            # A code goes to the mailbox that the link went to, once it was asked something.
            if not drafted or row.state == State.IN_REVIEW:
                return self._no(row, Code.VOID)
            mail = await self._telling(session, row, cmd).send_code(sitting_id)
            return AuthorizationRecorded(state=State(row.state), mails=(mail,))

        return await self._once(cmd, "authorization.code_issued", step)

    async def code_sent(self, cmd: RecordDecisionCodeSent) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            subject, _, generation = cmd.mail_id.rpartition(":")
            await session.execute(
                update(OneTimeSecret)
                .where(
                    col(OneTimeSecret.subject) == subject.rpartition(":")[0],
                    col(OneTimeSecret.purpose) == "code",
                    col(OneTimeSecret.generation) == int(generation),
                )
                .values(expires_at=cmd.expires_at)
            )
            return AuthorizationRecorded(state=State(row.state))

        return await self._once(cmd, "authorization.code_sent", step)

    async def decide(self, cmd: RecordDecision) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            # Nobody joins or leaves the service between looking at its people and opening its access.
            await lock_organization(session, row.billing_id)
            asking = self._asking(session, row, cmd)
            return await Deciding(session, self._vault, row, cmd, asking=asking, zone=self._zone).judge()

        return await self._once(cmd, "authorization.decided", step)

    async def close(self, cmd: RecordAuthorizationClosed) -> AuthorizationRecorded:
        async def step(session: AsyncSession, row: AuthorizationRow) -> AuthorizationRecorded:
            if cmd.by is not None and (refusal := await self._refusal_by(session, row, cmd, cmd.by)) is not None:
                return refusal
            if cmd.state is State.EXPIRED and (unheard := await self._unheard(session, row)) is not None:
                return AuthorizationRecorded(state=State(row.state), unheard=unheard)
            telling = self._telling(session, row, cmd)
            row.closing_code = cmd.state
            await telling.kill_links()
            kind = f"authorization_{cmd.state}"
            if cmd.state is State.EXPIRED:
                kind = of_standing(kind, row)
            due = (
                *await telling.tell_requester(kind, mailed=cmd.state is State.EXPIRED),
                *await telling.tell_contact_it_is_over(cmd.state),
            )
            return AuthorizationRecorded(state=cmd.state, mails=due)

        return await self._once(cmd, "authorization.closed", step)

    @staticmethod
    async def _unheard(session: AsyncSession, row: AuthorizationRow) -> tuple[str, ...] | None:
        """Decisions confirmed in time of which the workflow was never told, because Temporal was away when they came."""
        found = await session.scalars(
            select(DecisionRow)
            .where(
                col(DecisionRow.authorization_id) == row.id,
                col(DecisionRow.confirmed_at) < row.deadline,
                col(DecisionRow.outcome).is_(None),
            )
            .order_by(col(DecisionRow.confirmed_at), col(DecisionRow.id))
        )
        return tuple(str(one.id) for one in found) or None

    # What the steps share.

    async def _send(
        self, session: AsyncSession, row: AuthorizationRow, cmd: AuthorizationStep, telling: Telling
    ) -> tuple[MailDue, ...]:
        """The link to the contact; the provider's own people are told as well that somebody asks (B7)."""
        link = await telling.send_link(purpose="authorization_request")
        return (link, *await tell_provider_of_request(session, self._vault, row=row, at=cmd.at, zone=self._zone))

    def _telling(self, session: AsyncSession, row: AuthorizationRow, cmd: AuthorizationStep) -> Telling:
        return Telling(session, self._vault, row, cmd, zone=self._zone)

    def _asking(self, session: AsyncSession, row: AuthorizationRow, cmd: AuthorizationStep) -> Asking:
        return Asking(session, self._vault, self._limits, row, at=cmd.at)

    async def _refusal_by(
        self, session: AsyncSession, row: AuthorizationRow, cmd: AuthorizationStep, by: ByPerson
    ) -> AuthorizationRecorded | None:
        """A person of the billing service acts for it only as long as they have access there."""
        if by.account_id is None or await self._asking(session, row, cmd).is_of_service(UUID(by.account_id)):
            return None
        return self._no(row, Code.NOT_BILLING)

    def _resend_refusal(self, row: AuthorizationRow, cmd: RecordResent) -> AuthorizationRecorded | None:
        """A requester has the mail sent again a few times only, with a day between; staff as often as it takes (T7)."""
        if row.state == State.IN_REVIEW:
            return self._no(row, Code.IN_REVIEW)
        if cmd.by.account_id is None:
            return None
        if row.resends >= self._limits.authorization_resends:
            return self._no(row, Code.RESEND_LIMIT)
        again_at = (row.resent_at or row.requested_at) + self._limits.authorization_resend_gap
        if cmd.at < again_at and row.delivery != "bounced":
            return self._no(row, Code.RESEND_PAUSE, retry_at=again_at)
        return None

    @staticmethod
    def _no(row: AuthorizationRow, code: Code, state: State | None = None, **answer: object) -> AuthorizationRecorded:
        return AuthorizationRecorded.model_validate(
            {"accepted": False, "code": code, "state": state or row.state, **answer}
        )

    def _set_contact(self, row: AuthorizationRow, contact: str, judged: Judgement, *, reason: str | None) -> None:
        row.contact_digest = self._vault.digest("email", mailbox_key(contact))
        row.contact_sealed = self._vault.seal("email", contact)
        row.contact_rule = judged.rule
        row.review_reason_sealed = self._vault.seal(_SEALED_REASON, reason) if reason else None

    async def _once(
        self, cmd: AuthorizationStep, action: str, step: Step, opened: RecordRequested | None = None
    ) -> AuthorizationRecorded:
        """Run the step once, within the table of legal transitions."""

        async def lock(session: AsyncSession) -> AuthorizationRow | None:
            return await session.get(AuthorizationRow, UUID(cmd.authorization_id), with_for_update=True)

        async def change(session: AsyncSession, row: AuthorizationRow) -> tuple[AuthorizationRecorded, Change]:
            before = State.SENT if row.state == _NEW else State(row.state)
            recorded = await step(session, row)
            require_legal(before, recorded.state)
            row.state, row.updated_at = recorded.state, cmd.at
            if recorded.state.is_final and row.ended_at is None:
                row.ended_at = cmd.at
            details = {"state": str(recorded.state), "code": str(recorded.code), **_details(cmd, row)}
            return recorded, Change(actor=_actor(cmd), action=action, details=details)

        return await once(
            self._database,
            cmd,
            subject=subject_of(cmd.authorization_id),
            result=AuthorizationRecorded,
            lock=lock,
            step=change,
            create=(lambda: self._new_row(opened)) if opened else None,
        )

    def _new_row(self, cmd: RecordRequested) -> AuthorizationRow:
        start = cmd.start
        reason = start.review_reason
        return AuthorizationRow(
            id=UUID(cmd.authorization_id),
            reference=start.reference,
            revision=0,
            state=_NEW,
            billing_id=UUID(start.billing_id),
            requester_id=UUID(start.requester_id),
            tin_digest=self._vault.digest("tin", start.tin),
            tin_sealed=self._vault.seal("tin", start.tin),
            npi=start.npi,
            scope=start.npi or "",
            provider_name=start.provider_name,
            provider_key=search_key(start.provider_name)[:200],
            contact_digest=self._vault.digest("email", mailbox_key(start.contact)),
            contact_sealed=self._vault.seal("email", start.contact),
            contact_rule="",
            review_reason_sealed=self._vault.seal(_SEALED_REASON, reason) if reason else None,
            requested_at=cmd.at,
            updated_at=cmd.at,
            deadline=cmd.deadline,
        )


def _details(cmd: AuthorizationStep, row: AuthorizationRow) -> dict[str, str]:
    """What the audit keeps besides: the rule that decided on the contact (T2), and the evidence."""
    match cmd:
        case RecordRequested() | RecordCorrected():
            return {"contact_rule": row.contact_rule}
        case RecordDecision(decision_id=decision_id):
            return {"decision": decision_id}
        case RecordVerdict(verdict_id=verdict_id):
            return {"verdict": verdict_id}
        case _:
            return {}


def _actor(cmd: AuthorizationStep) -> str:
    match cmd:
        case RecordRequested(start=start):
            return f"account/{start.requester_id}"
        case RecordResent(by=by) | RecordAuthorizationClosed(by=ByPerson() as by):
            return _person(by.account_id, by.staff_id)
        case RecordCorrected(correction=correction):
            return _person(correction.account_id, correction.staff_id)
        case RecordAuthorizationClosed(state=State.EXPIRED) | RecordContactReminder() | RecordRequesterReminder():
            return "clock"
        case RecordDecision() | RecordDecisionCode():
            return "decider"  # who that is, the decision's own row says
        case RecordVerdict():
            return "staff"  # as above, the verdict's
        case _:
            return "system"


def _person(account_id: str | None, staff_id: str | None) -> str:
    return f"account/{account_id}" if account_id else f"staff/{staff_id}"
