"""A support case: staff look after what the directory can't answer, by a due date, until it's resolved."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypedDict, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from workflows import names, policies
from workflows.recording import WRONG_STATE, Recorder

with workflow.unsafe.imports_passed_through():
    from activities.cases import CaseActivities
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
        ACTION_STATES,
        OPEN,
        ActOnCase,
        AnswerQuestion,
        AskCase,
        CaseCode,
        CaseEvidence,
        CaseKind,
        CaseResult,
        CaseState,
        CaseStatus,
        StartCase,
    )
    from domain.recording import MailDue, MailOutcome

Command = TypeVar("Command", bound=CaseStep)


class CaseStepKeys(TypedDict):
    """What every recorded step of a case carries."""

    revision: int
    at: datetime
    case_id: str


_ENDED: Final = {
    CaseState.LISTED: "Resolved: the organization is in the directory.",
    CaseState.DECLINED: "Resolved: declined, with the reason.",
    CaseState.ANSWERED: "Resolved: answered.",
    CaseState.ACCESS_GIVEN: "Resolved: two people of staff gave the access.",
    CaseState.WITHDRAWN: "Withdrawn: the person doesn't need it any more.",
    CaseState.UNREACHABLE: "Closed: the person didn't answer in time and was told so.",
}

# What a registration is told when its case ends; those of another ending or kind go on by themselves.
_TOLD: Final = {
    (CaseKind.NOT_LISTED, CaseState.LISTED): names.CASE_LISTED,
    (CaseKind.NOT_LISTED, CaseState.DECLINED): names.CASE_DECLINED,
    (CaseKind.NOT_LISTED, CaseState.WITHDRAWN): names.CASE_DECLINED,
    (CaseKind.NOT_LISTED, CaseState.UNREACHABLE): names.CASE_DECLINED,
    (CaseKind.HELP, CaseState.ACCESS_GIVEN): names.CASE_ACCESS_GIVEN,
}


@workflow.defn(name=names.SUPPORT_CASE)
class SupportCase:
    """One request to staff. Ends as listed, declined, answered, access given, withdrawn or unreachable."""

    @workflow.init
    def __init__(self, cmd: StartCase) -> None:
        self._start = cmd
        self._recorder = Recorder()
        self._stands: CaseRecorded | None = None  # None until the opening is recorded
        self._look_at = workflow.now() + cmd.look_every
        self._looks_now = False
        self._shown: tuple[object, ...] = ()

    @workflow.run
    async def run(self, cmd: StartCase) -> CaseResult:
        sending = asyncio.create_task(self._recorder.send_mails(self._mail_sent))
        try:
            await self._open(cmd)
            while not self._is_over:
                await self._something_is_due()
                await self._look_whether_it_settled_itself()
                await self._remind_escalate_or_give_up()
        except asyncio.CancelledError:
            # Cancelled from Temporal's side: the case ends like one that was withdrawn.
            await self._note(lambda: CaseEvent.CANCELLED)
        await self._tell_the_registration()
        await self._have_siblings_look()
        await self._recorder.mails_sent()
        sending.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._answer

    # The process, step by step.

    async def _open(self, cmd: StartCase) -> None:
        async with self._recorder.turn:
            await self._record(CaseActivities.open, RecordCaseOpened(**self._next(), start=cmd))

    async def _something_is_due(self) -> None:
        """Wait for the next timer, or until another step has changed what is due."""
        wake_at = self._wake_at
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._is_over or self._looks_now or self._wake_at != wake_at,
                timeout=max(wake_at - workflow.now(), timedelta(0)),
                timeout_summary="Next reminder, deadline or look at the directory",
            )

    async def _look_whether_it_settled_itself(self) -> None:
        """Once a day, and whenever somebody says so: an import may have listed the organization meanwhile (P8)."""
        if self._is_over or not (self._looks_now or workflow.now() >= self._look_at):
            return
        self._looks_now = False
        self._look_at = workflow.now() + self._start.look_every
        seen = await self._look()
        if seen.listed or seen.subject_ended:
            await self._note(lambda: CaseEvent.FOUND_LISTED if seen.listed else CaseEvent.SUBJECT_ENDED)

    async def _look(self) -> CaseLook:
        cmd = LookAtCase(case_id=self._start.case_id)
        try:
            return await workflow.execute_local_activity_method(CaseActivities.look, cmd, **policies.DATABASE_NOW)
        except FailureError:
            return await workflow.execute_activity_method(CaseActivities.look, cmd, **policies.DATABASE)

    async def _remind_escalate_or_give_up(self) -> None:
        await self._note(self._due_event)

    async def _tell_the_registration(self) -> None:
        """An external signal: the registration may have ended long ago, which is no failure of this case."""
        signal = _TOLD.get((self._start.kind, self._answer.state))
        if signal is None or self._start.registration_id is None or self._stands is None:
            return
        evidence_id = self._stands.evidence_id or self._start.case_id
        await self._signal(
            names.registration_id(self._start.registration_id), signal, CaseEvidence(evidence_id=evidence_id)
        )

    async def _have_siblings_look(self) -> None:
        """Other cases of the same Tax ID needn't wait a day to find that it's listed."""
        for sibling in self._stands.siblings if self._stands else ():
            await self._signal(names.case_id(sibling), names.LOOK_AGAIN, AskCase(case_id=sibling))

    async def _signal(self, workflow_id: str, signal: str, message: CaseEvidence | AskCase) -> None:
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(signal, message)
        except FailureError:
            workflow.logger.info("the workflow to be told is gone")

    async def _mail_sent(self, due: MailDue, outcome: MailOutcome) -> None:
        """A mailbox that refuses mail is something staff have to know (B5); mails to staff themselves are not."""
        if not outcome.accepted and due.purpose.startswith("case_"):
            await self._note(lambda: CaseEvent.MAIL_FAILED)

    # Messages. Updates: a person waits for the answer, and can repeat the same update id. Validators refuse on state
    # only; whether staff may do it, and whether the evidence is there, is judged in the recorded step.

    @workflow.update(name=names.OPENED)
    async def opened(self, cmd: AskCase) -> CaseResult:
        """Answers once the case is recorded; sent together with the start."""
        await workflow.wait_condition(lambda: self._stands is not None)
        return self._answer

    @workflow.update(name=names.STAFF_ACTION)
    async def staff_action(self, cmd: ActOnCase) -> CaseResult:
        return await self._step(
            ACTION_STATES[cmd.action], lambda: (CaseActivities.act, RecordCaseAction(**self._next(), cmd=cmd))
        )

    @staff_action.validator
    def _may_act(self, cmd: ActOnCase) -> None:
        self._require(ACTION_STATES[cmd.action])

    @workflow.update(name=names.ANSWER_QUESTION)
    async def answer_question(self, cmd: AnswerQuestion) -> CaseResult:
        return await self._step(OPEN, lambda: (CaseActivities.answer, RecordCaseAnswer(**self._next(), cmd=cmd)))

    @answer_question.validator
    def _may_answer(self, cmd: AnswerQuestion) -> None:
        self._require(OPEN)

    @workflow.update(name=names.WITHDRAW)
    async def withdraw(self, cmd: AskCase) -> CaseResult:
        return await self._step(OPEN, lambda: (CaseActivities.withdraw, RecordCaseWithdrawn(**self._next())))

    @withdraw.validator
    def _may_withdraw(self, cmd: AskCase) -> None:
        self._require(OPEN)

    # A signal: an import or a registration that ends says "look again" and can't wait for an answer. What is
    # found is read from the database, so a forged one moves nothing.
    @workflow.signal(name=names.LOOK_AGAIN)
    def look_again(self, cmd: AskCase) -> None:
        self._looks_now = True

    @workflow.query(name=names.STATUS)
    def status(self) -> CaseStatus:
        return CaseStatus(
            state=self._answer.state,
            revision=self._recorder.revision,
            overdue=bool(self._stands and self._stands.overdue),
            mails_pending=len(self._recorder.mails),
        )

    # What the steps share.

    async def _step(
        self,
        states: frozenset[CaseState],
        recorded_by: Callable[[], tuple[Callable[[CaseActivities, Command], Awaitable[CaseRecorded]], Command]],
    ) -> CaseResult:
        """Take a turn: steps run one at a time, so the state is looked at again once the turn has come."""
        async with self._recorder.turn:
            self._require(states)
            method, cmd = recorded_by()
            return (await self._record(method, cmd)).result()

    async def _note(self, event_now: Callable[[], CaseEvent | None]) -> None:
        """Record what happened by itself; what it is, is decided when its turn has come."""
        async with self._recorder.turn:
            event = None if self._is_over else event_now()
            if event is not None:
                await self._record(CaseActivities.note, RecordCaseEvent(**self._next(), event=event))

    async def _record(
        self, method: Callable[[CaseActivities, Command], Awaitable[CaseRecorded]], cmd: Command
    ) -> CaseRecorded:
        self._stands = await self._recorder.record(method, cmd)
        self._show()
        return self._stands

    def _next(self) -> CaseStepKeys:
        return {"case_id": self._start.case_id, **self._recorder.next()}

    def _require(self, states: frozenset[CaseState]) -> None:
        state = self._stands.state if self._stands else None
        if state not in states:
            raise ApplicationError("The case stands elsewhere.", state, type=WRONG_STATE, non_retryable=True)

    def _due_event(self) -> CaseEvent | None:
        """What the clock asks for now."""
        stands, now = self._stands, workflow.now()
        if stands is None:
            return None
        if stands.answer_by is not None and now >= stands.answer_by:
            return CaseEvent.GIVEN_UP
        if stands.due_at is not None and not stands.overdue and now >= stands.due_at:
            return CaseEvent.ESCALATED
        if stands.remind_at is not None and now >= stands.remind_at:
            waits = stands.state is CaseState.WAITING_FOR_REGISTRANT
            return CaseEvent.REGISTRANT_REMINDED if waits else CaseEvent.STAFF_REMINDED
        return None

    @property
    def _wake_at(self) -> datetime:
        stands = self._stands
        times = [self._look_at]
        if stands is not None:
            times += [time for time in (stands.answer_by, stands.remind_at) if time is not None]
            if stands.due_at is not None and not stands.overdue:
                times.append(stands.due_at)
        return min(times)

    @property
    def _is_over(self) -> bool:
        return self._stands is not None and self._stands.state.is_final

    @property
    def _answer(self) -> CaseResult:
        state = self._stands.state if self._stands else CaseState.NEW
        return CaseResult(accepted=True, code=CaseCode.OK, state=state)

    def _show(self) -> None:
        """Tell staff in Temporal's UI, in plain words, where this stands; opaque values only in what is searchable."""
        stands = self._stands
        if stands is None:
            return
        state, until = stands.state, stands.answer_by or stands.due_at
        waits_for = (
            "nobody" if state.is_final else "registrant" if state is CaseState.WAITING_FOR_REGISTRANT else "staff"
        )
        shown = (state, until, stands.overdue)
        if shown != self._shown:
            self._shown = shown
            workflow.upsert_search_attributes(
                [
                    names.STATE.value_set(state),
                    names.WAITS_FOR.value_set(waits_for),
                    names.DEADLINE.value_unset() if until is None else names.DEADLINE.value_set(until),
                    names.OVERDUE.value_set("yes" if stands.overdue and not state.is_final else "no"),
                ]
            )
        workflow.set_current_details(f"{self._in_words(stands, until)}\n\nCase: `{self._start.number}`")

    def _in_words(self, stands: CaseRecorded, until: datetime | None) -> str:
        if stands.state.is_final:
            return _ENDED[stands.state]
        if stands.state is CaseState.WAITING_FOR_REGISTRANT:
            who = "the person to answer a question of staff"
        elif stands.has_proposal:
            who = "a second person of staff to confirm or reject the access"
        elif stands.has_owner:
            who = "its owner in staff"
        else:
            who = "anyone of staff to take it"
        late = "**Overdue.** " if stands.overdue else ""
        return f"{late}Waits for **{who}**" + (f", until {until:%d %B %Y, %H:%M} UTC." if until else ".")
