"""The transactional heart of support cases: each step is one transaction, and the same step twice is one change."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Account
from db.case_access import give_access, may_be_given, open_staff, organization_of, reject_proposal, spend_decision
from db.case_telling import subject_of, tell_colleagues, tell_person, tell_staff, write_entry
from db.cases import CaseRow
from db.database import Database
from db.recording import Change, once
from db.registrations import RegistrationRow
from db.staff import StaffAccount, StaffDecision
from domain.calendar import add_business_days
from domain.case_records import (
    CaseEvent,
    CaseLook,
    CaseRecorded,
    CaseStep,
    LookAtCase,
    RecordCaseAction,
    RecordCaseAnswer,
    RecordCaseEvent,
    RecordCaseOpened,
    RecordCaseWithdrawn,
)
from domain.cases import (
    ACTION_KINDS,
    OPEN,
    ActOnCase,
    CaseCode,
    CaseForm,
    CaseKind,
    CaseState,
    StaffAction,
    require_legal,
)
from domain.limits import Limits
from domain.ports import Vault
from domain.recording import MailDue
from domain.registration import State

SEALED_FORM: Final = "case.form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a step comes to, before it's put on record. `what` names its line of the timeline."""

    state: CaseState
    what: str
    mails: tuple[MailDue, ...] = ()
    code: CaseCode = CaseCode.OK
    text: str = ""
    internal: bool = False
    evidence_id: str | None = None


Step = Callable[[AsyncSession, CaseRow], Awaitable[Told]]


class SqlCaseRecords:
    """The `CaseRecords` port on SQLite and PostgreSQL. Business days are counted in the payer's `zone`."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, *, zone: ZoneInfo) -> None:
        self._database = database
        self._vault = vault
        self._limits = limits
        self._zone = zone

    async def open(self, cmd: RecordCaseOpened) -> CaseRecorded:
        async def step(session: AsyncSession, row: CaseRow) -> Told:
            # Both are looked up for every case, so that the answer takes as long for a Tax ID that is known (I16).
            row.known_at_opening = await organization_of(session, row) is not None
            older = await self._open_for_same_tin(session, row)
            row.linked_case_id = older[0].id if older else None
            self._waits_for_staff(row, cmd.at)
            due = await self._tell(session, row, cmd, "case_opened")
            return Told(state=CaseState.NEW, what="opened", mails=due)

        return await self._once(cmd, step, opened=cmd)

    async def act(self, cmd: RecordCaseAction) -> CaseRecorded:
        act = cmd.cmd

        async def step(session: AsyncSession, row: CaseRow) -> Told:
            decision = await spend_decision(session, row, act, at=cmd.at)
            staff = await open_staff(session, UUID(act.staff_id))
            if staff is None:
                return self._refused(row, act, CaseCode.STAFF_UNKNOWN)
            if CaseKind(row.kind) not in ACTION_KINDS[act.action]:
                return self._refused(row, act, CaseCode.WRONG_KIND)
            told = await self._acted(session, row, cmd, staff, decision)
            if told.code is CaseCode.OK and row.owner_id is None and act.action is not StaffAction.REASSIGN:
                row.owner_id = staff.id  # whoever acts on a case that nobody has taken, takes it
            return told

        return await self._once(cmd, step, actor=f"staff/{act.staff_id}", staff_id=UUID(act.staff_id))

    async def answer(self, cmd: RecordCaseAnswer) -> CaseRecorded:
        async def step(_session: AsyncSession, row: CaseRow) -> Told:
            state = CaseState(row.state)
            if state is CaseState.WAITING_FOR_REGISTRANT:
                self._waits_for_staff(row, cmd.at)
                state = CaseState.CONTACTED
            return Told(state=state, what="person_answered", text=cmd.cmd.text)

        return await self._once(cmd, step)

    async def withdraw(self, cmd: RecordCaseWithdrawn) -> CaseRecorded:
        async def step(session: AsyncSession, row: CaseRow) -> Told:
            due = await self._tell(session, row, cmd, "case_withdrawn")
            return Told(state=CaseState.WITHDRAWN, what="withdrawn", mails=due)

        return await self._once(cmd, step)

    async def note(self, cmd: RecordCaseEvent) -> CaseRecorded:
        async def step(session: AsyncSession, row: CaseRow) -> Told:
            return await self._happened(session, row, cmd)

        by_clock = {
            CaseEvent.STAFF_REMINDED, CaseEvent.ESCALATED, CaseEvent.REGISTRANT_REMINDED, CaseEvent.GIVEN_UP,
        }  # fmt: skip
        return await self._once(cmd, step, actor="clock" if cmd.event in by_clock else "system")

    async def look(self, cmd: LookAtCase) -> CaseLook:
        async with self._database.read() as session:
            row = await session.get(CaseRow, UUID(cmd.case_id))
            if row is None or CaseState(row.state).is_final:
                return CaseLook()
            listed = CaseKind(row.kind) is CaseKind.NOT_LISTED and not row.known_at_opening
            return CaseLook(
                listed=listed and await organization_of(session, row) is not None,
                subject_ended=await self._subject_ended(session, row),
            )

    # What staff do.

    async def _acted(
        self, session: AsyncSession, row: CaseRow, cmd: RecordCaseAction, staff: StaffAccount,
        decision: StaffDecision | None,
    ) -> Told:  # fmt: skip
        act, state = cmd.cmd, CaseState(row.state)
        match act.action:
            case StaffAction.TAKE:
                row.owner_id = staff.id
                return Told(state=state, what="taken", internal=True)
            case StaffAction.REASSIGN:
                return await self._reassigned(session, row, act, staff)
            case StaffAction.CONTACTED:
                due = await self._tell(session, row, cmd, "case_contacted")
                return Told(state=CaseState.CONTACTED, what="contacted", text=act.text, mails=due)
            case StaffAction.ASK_MORE:
                self._waits_for_person(row, cmd.at)
                due = await self._tell(session, row, cmd, "case_question", act.text)
                return Told(state=CaseState.WAITING_FOR_REGISTRANT, what="asked", text=act.text, mails=due)
            case StaffAction.LISTED:
                return await self._listed(session, row, cmd) or self._refused(row, act, CaseCode.NOT_IN_DIRECTORY)
            case StaffAction.DECLINE:
                due = await self._tell(session, row, cmd, "case_declined", act.text)
                return Told(state=CaseState.DECLINED, what="declined", text=act.text, mails=due)
            case StaffAction.ANSWER:
                due = await self._tell(session, row, cmd, "case_answered", act.text)
                return Told(state=CaseState.ANSWERED, what="answered", text=act.text, mails=due)
            case StaffAction.PROPOSE_ACCESS | StaffAction.CONFIRM_ACCESS | StaffAction.REJECT_ACCESS:
                return await self._access(session, row, cmd, decision)
            case _:
                assert_never(act.action)

    async def _reassigned(self, session: AsyncSession, row: CaseRow, act: ActOnCase, staff: StaffAccount) -> Told:
        if staff.role != "supervisor" and row.owner_id not in {None, staff.id}:
            return self._refused(row, act, CaseCode.NOT_YOURS)
        assignee = await open_staff(session, UUID(act.assignee_id) if act.assignee_id else None)
        if assignee is None:
            return self._refused(row, act, CaseCode.STAFF_UNKNOWN)
        row.owner_id = assignee.id
        text = f"To {self._vault.unseal('name', assignee.name_sealed)}. {act.text}".strip()
        return Told(state=CaseState(row.state), what="reassigned", text=text, internal=True)

    async def _access(
        self, session: AsyncSession, row: CaseRow, cmd: RecordCaseAction, decision: StaffDecision | None
    ) -> Told:
        """The first of staff proposes, another one confirms or rejects; each has left a row of their own before (I3)."""
        act, state = cmd.cmd, CaseState(row.state)
        form = self.form_of(row)
        if act.action is StaffAction.REJECT_ACCESS:
            code = await reject_proposal(session, row, rejection=decision, at=cmd.at)
            if code is not CaseCode.OK:
                return self._refused(row, act, code)
            return Told(state=state, what="access_rejected", text=act.text, internal=True)
        if decision is None:
            return self._refused(row, act, CaseCode.EVIDENCE_MISSING)
        if act.action is StaffAction.PROPOSE_ACCESS:
            possible = await may_be_given(session, row, form)
            if isinstance(possible, CaseCode):
                return self._refused(row, act, possible)
            row.proposal_id = decision.id
            return Told(state=state, what="access_proposed", text=act.text, internal=True)
        evidence = await give_access(session, row, form, confirmation=decision, at=cmd.at)
        if isinstance(evidence, CaseCode):
            return self._refused(row, act, evidence)
        due = await self._tell(session, row, cmd, "case_access_given")
        due += await tell_colleagues(session, self._vault, row, revision=cmd.revision, at=cmd.at)
        return Told(state=CaseState.ACCESS_GIVEN, what="access_given", mails=due, evidence_id=str(evidence.id))

    async def _listed(self, session: AsyncSession, row: CaseRow, cmd: CaseStep) -> Told | None:
        """Listed is only what the directory has, whoever says so."""
        organization = await organization_of(session, row)
        if organization is None:
            return None
        row.organization_id = organization.id
        due = await self._tell(session, row, cmd, "case_listed")
        return Told(state=CaseState.LISTED, what="listed", mails=due)

    # What happens by itself.

    async def _happened(self, session: AsyncSession, row: CaseRow, cmd: RecordCaseEvent) -> Told:
        state = CaseState(row.state)
        match cmd.event:
            case CaseEvent.STAFF_REMINDED:
                row.remind_at = self._overdue_reminder(cmd.at) if row.overdue else None
                due = await self._tell_staff(session, row, cmd, "staff_case_reminder", supervisors=row.overdue)
                return Told(state=state, what="staff_reminded", mails=due, internal=True)
            case CaseEvent.ESCALATED:
                row.overdue, row.remind_at = True, self._overdue_reminder(cmd.at)
                due = await self._tell_staff(session, row, cmd, "staff_case_overdue", supervisors=True)
                return Told(state=state, what="escalated", mails=due, internal=True)
            case CaseEvent.REGISTRANT_REMINDED:
                row.remind_at = None
                return Told(state=state, what="reminded", mails=await self._tell(session, row, cmd, "case_reminder"))
            case CaseEvent.GIVEN_UP:
                due = await self._tell(session, row, cmd, "case_unreachable")
                return Told(state=CaseState.UNREACHABLE, what="unreachable", mails=due)
            case CaseEvent.FOUND_LISTED:
                return await self._listed(session, row, cmd) or Told(state=state, what="looked", internal=True)
            case CaseEvent.SUBJECT_ENDED:
                if not await self._subject_ended(session, row):
                    return Told(state=state, what="looked", internal=True)
                due = await self._tell(session, row, cmd, "case_withdrawn")
                return Told(state=CaseState.WITHDRAWN, what="subject_ended", mails=due)
            case CaseEvent.CANCELLED:
                due = await self._tell(session, row, cmd, "case_withdrawn")
                return Told(state=CaseState.WITHDRAWN, what="cancelled", mails=due)
            case CaseEvent.MAIL_FAILED:
                row.mail_failed = True
                return Told(state=state, what="mail_failed", internal=True)
            case _:
                assert_never(cmd.event)

    async def _subject_ended(self, session: AsyncSession, row: CaseRow) -> bool:
        if row.account_id is not None:
            account = await session.get(Account, row.account_id)
            return account is None or account.closed_at is not None
        registration = await session.get(RegistrationRow, row.registration_id)
        return registration is None or State(registration.state).is_final

    # Whom it waits for, until when.

    def _waits_for_staff(self, row: CaseRow, at: datetime) -> None:
        days = self._limits.case_due_business_days
        row.waiting_since, row.answer_by, row.overdue = at, None, False
        row.due_at = self._business_days_later(at, days)
        row.remind_at = self._business_days_later(at, days - 1) if days > 1 else None

    def _waits_for_person(self, row: CaseRow, at: datetime) -> None:
        row.waiting_since, row.due_at, row.overdue = at, None, False
        row.remind_at, row.answer_by = at + self._limits.case_answer_reminder, at + self._limits.case_answer_life

    def _overdue_reminder(self, at: datetime) -> datetime:
        return self._business_days_later(at, self._limits.case_overdue_reminder_business_days)

    def _business_days_later(self, at: datetime, days: int) -> datetime:
        """The same time of day, that many business days later where the payer works."""
        local = at.astimezone(self._zone)
        return at + timedelta(days=(add_business_days(local.date(), days) - local.date()).days)

    # What every step shares.

    async def _once(
        self,
        cmd: CaseStep,
        step: Step,
        *,
        actor: str = "",
        staff_id: UUID | None = None,
        opened: RecordCaseOpened | None = None,
    ) -> CaseRecorded:
        """Run the step once, within the table of legal transitions; its line of the timeline is written with it.

        Without an `actor` it's the person whose case it is.
        """

        async def lock(session: AsyncSession) -> CaseRow | None:
            return await session.get(CaseRow, UUID(cmd.case_id), with_for_update=True)

        async def change(session: AsyncSession, row: CaseRow) -> tuple[CaseRecorded, Change]:
            told = await step(session, row)
            require_legal(CaseState(row.state), told.state)
            row.state, row.updated_at = told.state, cmd.at
            if told.state.is_final:
                row.due_at = row.remind_at = row.answer_by = row.proposal_id = None
                row.closed_at = row.waiting_since = cmd.at
            write_entry(
                session, self._vault, row, revision=cmd.revision, at=cmd.at, what=told.what, staff_id=staff_id,
                text=told.text, internal=told.internal,
            )  # fmt: skip
            details = {"state": str(told.state), "code": str(told.code)}
            who = actor or (f"account/{row.account_id}" if row.account_id else "registrant")
            return await self._recorded(session, row, told), Change(
                actor=who, action=f"case.{told.what}", details=details
            )

        return await once(
            self._database,
            cmd,
            subject=subject_of(cmd.case_id),
            result=CaseRecorded,
            lock=lock,
            step=change,
            create=(lambda: self._new_row(opened)) if opened else None,
        )

    async def _recorded(self, session: AsyncSession, row: CaseRow, told: Told) -> CaseRecorded:
        siblings = await self._open_for_same_tin(session, row) if told.state is CaseState.LISTED else []
        return CaseRecorded(
            state=told.state,
            accepted=told.code is CaseCode.OK,
            code=told.code,
            mails=told.mails,
            due_at=row.due_at,
            remind_at=row.remind_at,
            answer_by=row.answer_by,
            overdue=row.overdue,
            has_owner=row.owner_id is not None,
            has_proposal=row.proposal_id is not None,
            evidence_id=told.evidence_id,
            siblings=tuple(str(sibling.id) for sibling in siblings),
        )

    async def _open_for_same_tin(self, session: AsyncSession, row: CaseRow) -> list[CaseRow]:
        """Other open cases of this kind for the same Tax ID, the oldest first."""
        if row.tin_digest is None:
            return []
        found = await session.scalars(
            select(CaseRow)
            .where(
                col(CaseRow.tin_digest) == row.tin_digest,
                col(CaseRow.kind) == row.kind,
                col(CaseRow.id) != row.id,
                col(CaseRow.state).in_(OPEN),
            )
            .order_by(col(CaseRow.opened_at), col(CaseRow.id))
        )
        return list(found)

    def form_of(self, row: CaseRow) -> CaseForm:
        """What the person wrote."""
        return CaseForm.model_validate_json(self._vault.unseal(SEALED_FORM, row.form_sealed))

    def _new_row(self, cmd: RecordCaseOpened) -> CaseRow:
        start = cmd.start
        return CaseRow(
            id=UUID(start.case_id),
            number=start.number,
            revision=0,
            kind=start.kind,
            state=CaseState.NEW,
            registration_id=UUID(start.registration_id) if start.registration_id else None,
            account_id=UUID(start.account_id) if start.account_id else None,
            form_sealed=self._vault.seal(SEALED_FORM, start.form.model_dump_json()),
            tin_digest=self._vault.digest("tin", start.form.tin) if start.form.tin else None,
            opened_at=cmd.at,
            updated_at=cmd.at,
            waiting_since=cmd.at,
        )

    @staticmethod
    def _refused(row: CaseRow, act: ActOnCase, code: CaseCode) -> Told:
        """A refusal that is on record, too: who tried what, for staff's eyes."""
        return Told(state=CaseState(row.state), what=f"refused_{act.action}"[:24], code=code, internal=True)

    async def _tell(
        self, session: AsyncSession, row: CaseRow, cmd: CaseStep, kind: str, text: str = ""
    ) -> tuple[MailDue, ...]:
        return await tell_person(session, self._vault, row, kind=kind, revision=cmd.revision, at=cmd.at, text=text)

    async def _tell_staff(
        self, session: AsyncSession, row: CaseRow, cmd: CaseStep, kind: str, *, supervisors: bool
    ) -> tuple[MailDue, ...]:
        return await tell_staff(
            session, self._vault, row, kind=kind, revision=cmd.revision, at=cmd.at, supervisors=supervisors
        )
