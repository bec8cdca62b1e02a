"""A person registers: confirm the e-mail address, prove the organization, set the account up."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar

from temporalio import workflow

from workflows import names
from workflows.letters import Letters
from workflows.newcomer import tell_of_newcomer
from workflows.recording import Recorder, Step, only_at, stands_elsewhere
from workflows.registration_display import WAITS_FOR, Display
from workflows.telling import have_cases_look

with workflow.unsafe.imports_passed_through():
    from activities.letters import LetterActivities
    from activities.registration import RegistrationActivities
    from domain.cases import CaseEvidence
    from domain.letter_route import (
        EnterPin,
        Identify,
        JudgeIdentity,
        JudgePin,
        LetterEvent,
        RecordLetterEvent,
        RecordLetterRequested,
        RecordPinReminder,
        RequestLetter,
    )
    from domain.recording import MailDue, MailOutcome
    from domain.registration import (
        Ask,
        Code,
        ConfirmEmail,
        JudgeBillingService,
        JudgeCode,
        JudgePayment,
        ProvePayment,
        RecordAccount,
        RecordCaseOutcome,
        RecordClosed,
        RecordCodeIssued,
        RecordCodeSent,
        RecordCompleted,
        Recorded,
        RecordMailFailed,
        RecordOpened,
        RecordReconsidered,
        RecordResumeLink,
        RegisterBillingService,
        RegistrationStatus,
        RegistrationStep,
        SecureAccount,
        SetUpAccount,
        StartRegistration,
        State,
        StepResult,
    )

Command = TypeVar("Command", bound=RegistrationStep)


class RegistrationStepKeys(Step):
    """What every recorded step of a registration carries."""

    registration_id: str


_PROVING: Final = frozenset({State.PROVING, State.AWAITING_PIN})
_SETTING_UP: Final = frozenset({State.SETTING_UP_ACCOUNT, State.SECURING_ACCOUNT})
_OPEN: Final = frozenset(WAITS_FOR)

CaseOutcome = Literal["listed", "declined", "access_given"]


@workflow.defn(name=names.REGISTRATION)
class Registration:
    """One person's way to an account. Ends as completed, expired, locked, rejected or withdrawn."""

    @workflow.init
    def __init__(self, cmd: StartRegistration) -> None:
        self._start = cmd
        self._state: State | None = None  # None until the opening is recorded
        self._recorder = Recorder()
        self._deadline = workflow.now() + cmd.terms.life
        self._code_generation = 1
        self._code_expires_at: datetime | None = None
        self._resume_generation = 0
        self._waiting: list[Callable[[], Awaitable[None]]] = []  # what signals have asked for, in the order of arrival
        self._letters = Letters(cmd.terms, tell=self.letter_event)
        self._cases: tuple[str, ...] = ()  # that staff would work on for nobody, once this is over
        self._has_colleagues = False  # completed where there were accounts already
        self._display = Display(cmd.reference)

    @workflow.run
    async def run(self, cmd: StartRegistration) -> StepResult:
        sending = asyncio.create_task(self._recorder.send_mails(self._mail_sent))
        printing = asyncio.create_task(self._letters.print_for_ever())
        process = asyncio.create_task(self._process(cmd))
        try:
            await asyncio.shield(process)
        except asyncio.CancelledError:
            # Cancelled from Temporal's side: the registration ends like one that was withdrawn. The shield lets a step
            # that is under way finish first, and the loop sees the end.
            await self._close(State.WITHDRAWN)
            await process
        await self._recorder.mails_sent()
        sending.cancel()
        printing.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._answer

    # The process, step by step.

    async def _process(self, cmd: StartRegistration) -> None:
        await self._open(cmd)
        while not self._is_over:
            await self._wait()
            if self._is_late:
                await self._close(State.EXPIRED)
            while self._waiting and not self._is_over:
                await self._waiting.pop(0)()
            await self._remind()
        if self._has_colleagues:
            await tell_of_newcomer(cmd.registration_id, self._recorder)
        await have_cases_look(self._cases)

    async def _open(self, cmd: StartRegistration) -> None:
        async with self._recorder.turn:
            await self._record(
                RegistrationActivities.open, RecordOpened(**self._next(), start=cmd, deadline=self._deadline)
            )

    async def _wait(self) -> None:
        """Wait until the deadline or a reminder is due, or until something else is to be done."""
        deadline, reminder = self._deadline, self._letters.next_reminder_at
        alarm = deadline if reminder is None else min(deadline, reminder)
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: (
                    bool(self._waiting)
                    or self._is_over
                    or (self._deadline, self._letters.next_reminder_at) != (deadline, reminder)
                ),
                timeout=max(alarm - workflow.now(), timedelta(0)),
                timeout_summary="Registration closes" if alarm == deadline else "Reminder of the letter",
            )

    async def _close(self, state: State) -> None:
        async with self._recorder.turn:
            # A step that had its turn when the timer fired may have moved the deadline or ended the registration.
            if self._is_over or (state is State.EXPIRED and not self._is_late):
                return
            await self._record(RegistrationActivities.close, RecordClosed(**self._next(), state=state))

    async def _mail_sent(self, due: MailDue, outcome: MailOutcome) -> None:
        """The code's ten minutes start when it has left, however long the mail server was away.

        A mail that says "you have an account" stands in for a code: whoever watches sees the same (I16).
        """
        if due.purpose not in {"code", "account_exists"}:
            return
        generation = int(due.mail_id.rpartition(":")[2])
        async with self._recorder.turn:
            if self._is_over or generation != self._code_generation:
                return
            if not outcome.accepted:
                await self._record(RegistrationActivities.mail_failed, RecordMailFailed(**self._next()))
                return
            self._code_expires_at = workflow.now() + self._start.terms.code_life
            await self._record(
                RegistrationActivities.code_sent,
                RecordCodeSent(**self._next(), generation=generation, code_expires_at=self._code_expires_at),
            )

    async def _record_letter_event(self, event: LetterEvent) -> None:
        async with self._recorder.turn:
            recorded = await self._record(LetterActivities.event, RecordLetterEvent(**self._next(), event=event))
        if recorded.accepted and self._state is State.AWAITING_PIN:
            self._letters.told(event)

    async def _record_case(self, outcome: CaseOutcome, told: CaseEvidence) -> None:
        async with self._recorder.turn:
            cmd = RecordCaseOutcome(
                **self._next(), outcome=outcome, evidence_id=told.evidence_id, deadline=self._prolonged
            )
            await self._record(RegistrationActivities.case_outcome, cmd)

    async def _remind(self) -> None:
        reminder = self._letters.take_reminder(workflow.now())
        if reminder is None or self._state is not State.AWAITING_PIN:
            return
        async with self._recorder.turn:
            await self._record(
                LetterActivities.remind,
                RecordPinReminder(**self._next(), letter_id=reminder.letter_id, number=reminder.number),
            )

    async def _issue_resume_link(self) -> None:
        async with self._recorder.turn:
            self._resume_generation += 1
            expires_at = workflow.now() + self._start.terms.resume_link_life
            cmd = RecordResumeLink(**self._next(), generation=self._resume_generation, expires_at=expires_at)
            await self._record(RegistrationActivities.issue_resume_link, cmd)

    # Messages. Updates: a person waits for the answer, and the browser can repeat the same update id. Validators
    # refuse on state only; whether a code or payment is right is judged, and counted, in the handler.

    @workflow.update(name=names.OPENED)
    async def opened(self, cmd: Ask) -> StepResult:
        """Answers once the registration is recorded; sent together with the start."""
        await workflow.wait_condition(lambda: self._state is not None)
        return self._answer

    @only_at(State.CONFIRMING_EMAIL)
    @workflow.update(name=names.CONFIRM_EMAIL)
    async def confirm_email(self, cmd: ConfirmEmail) -> StepResult:
        return await self._step(
            {State.CONFIRMING_EMAIL},
            lambda: (
                RegistrationActivities.judge_code,
                JudgeCode(
                    **self._next(),
                    generation=self._code_generation,
                    code_digest=cmd.code_digest,
                    code_expires_at=self._code_expires_at,
                    deadline=self._prolonged,
                ),
            ),
        )

    @only_at(State.CONFIRMING_EMAIL)
    @workflow.update(name=names.SEND_CODE)
    async def send_code(self, cmd: Ask) -> StepResult:
        return await self._step(
            {State.CONFIRMING_EMAIL},
            lambda: (
                RegistrationActivities.issue_code,
                RecordCodeIssued(**self._next(), generation=self._code_generation + 1),
            ),
        )

    @only_at(*_PROVING)
    @workflow.update(name=names.PROVE_PAYMENT)
    async def prove_payment(self, cmd: ProvePayment) -> StepResult:
        # Also while a letter travels: a check that turns up is the faster way, and voids the PIN.
        return await self._step(
            _PROVING,
            lambda: (
                RegistrationActivities.judge_payment,
                JudgePayment(**self._next(), proof=cmd, deadline=self._prolonged),
            ),
        )

    @only_at(*_PROVING)
    @workflow.update(name=names.REGISTER_BILLING_SERVICE)
    async def register_billing_service(self, cmd: RegisterBillingService) -> StepResult:
        return await self._step(
            _PROVING,
            lambda: (
                RegistrationActivities.judge_billing_service,
                JudgeBillingService(**self._next(), billing=cmd, deadline=self._prolonged),
            ),
        )

    @only_at(*_SETTING_UP)
    @workflow.update(name=names.RECONSIDER)
    async def reconsider(self, cmd: Ask) -> StepResult:
        # The wrong path was taken: name, address and its confirmation stay, so that nobody starts again (T4).
        return await self._step(
            _SETTING_UP,
            lambda: (
                RegistrationActivities.reconsider,
                RecordReconsidered(**self._next(), deadline=self._prolonged),
            ),
        )

    @only_at(*_PROVING)
    @workflow.update(name=names.IDENTIFY)
    async def identify(self, cmd: Identify) -> StepResult:
        return await self._step(
            _PROVING, lambda: (LetterActivities.identify, JudgeIdentity(**self._next(), identity=cmd))
        )

    @only_at(*_PROVING)
    @workflow.update(name=names.REQUEST_LETTER)
    async def request_letter(self, cmd: RequestLetter) -> StepResult:
        return await self._step(
            _PROVING,
            lambda: (
                LetterActivities.request,
                RecordLetterRequested(
                    **self._next(),
                    letter_id=str(workflow.uuid4()),
                    generation=self._letters.generation + 1,
                    location_id=cmd.location_id,
                ),
            ),
        )

    @only_at(State.AWAITING_PIN)
    @workflow.update(name=names.ENTER_PIN)
    async def enter_pin(self, cmd: EnterPin) -> StepResult:
        return await self._step(
            {State.AWAITING_PIN},
            lambda: (
                LetterActivities.judge_pin,
                JudgePin(**self._next(), pin_digest=cmd.pin_digest, deadline=self._prolonged),
            ),
        )

    @only_at(*_SETTING_UP)
    @workflow.update(name=names.SET_UP_ACCOUNT)
    async def set_up_account(self, cmd: SetUpAccount) -> StepResult:
        # Again while securing: a person may go back and choose another password.
        return await self._step(
            _SETTING_UP,
            lambda: (
                RegistrationActivities.set_up_account,
                RecordAccount(**self._next(), account=cmd, deadline=self._prolonged),
            ),
        )

    @only_at(State.SECURING_ACCOUNT)
    @workflow.update(name=names.SECURE_ACCOUNT)
    async def secure_account(self, cmd: SecureAccount) -> StepResult:
        return await self._step(
            {State.SECURING_ACCOUNT},
            lambda: (
                RegistrationActivities.complete,
                RecordCompleted(**self._next(), credential_id=cmd.credential_id, deadline=self._prolonged),
            ),
        )

    @only_at(*_OPEN)
    @workflow.update(name=names.WITHDRAW)
    async def withdraw(self, cmd: Ask) -> StepResult:
        return await self._step(
            _OPEN,
            lambda: (RegistrationActivities.close, RecordClosed(**self._next(), state=State.WITHDRAWN)),
        )

    # A signal: whoever asks gets the same answer at once, whether there is such a registration or not (I16).
    @workflow.signal(name=names.SEND_RESUME_LINK)
    def send_resume_link(self, cmd: Ask) -> None:
        if self._waiting.count(self._issue_resume_link) < 3:
            self._waiting.append(self._issue_resume_link)

    # Signals: a case ends whether or not a worker is up here, and it doesn't wait for an answer.
    @workflow.signal(name=names.CASE_LISTED)
    def case_listed(self, cmd: CaseEvidence) -> None:
        self._waiting.append(lambda: self._record_case("listed", cmd))

    @workflow.signal(name=names.CASE_DECLINED)
    def case_declined(self, cmd: CaseEvidence) -> None:
        self._waiting.append(lambda: self._record_case("declined", cmd))

    @workflow.signal(name=names.CASE_ACCESS_GIVEN)
    def case_access_given(self, cmd: CaseEvidence) -> None:
        self._waiting.append(lambda: self._record_case("access_given", cmd))

    # A signal: the print shop's word must not be lost while no worker is up, and it isn't said again.
    @workflow.signal(name=names.LETTER_EVENT)
    def letter_event(self, event: LetterEvent) -> None:
        self._waiting.append(lambda: self._record_letter_event(event))

    @workflow.query(name=names.STATUS)
    def status(self) -> RegistrationStatus:
        return RegistrationStatus(
            state=self._answer.state,
            revision=self._recorder.revision,
            deadline=self._deadline,
            mails_pending=len(self._recorder.mails),
        )

    # What the steps share.

    async def _step(
        self,
        states: Collection[State],
        judged: Callable[[], tuple[Callable[[Any, Command], Awaitable[Recorded]], Command]],
    ) -> StepResult:
        recorded = await self._recorder.step(lambda: self.require(states), judged, self._record)
        return recorded.step_result()

    async def _record(self, method: Callable[[Any, Command], Awaitable[Recorded]], cmd: Command) -> Recorded:
        """Record a step, take on what it came to, and show it."""
        recorded = await self._recorder.record(method, cmd)
        if recorded.deadline is not None:
            self._deadline = recorded.deadline
        if recorded.letter_id is not None:
            self._letters.requested(recorded.letter_id)
        if isinstance(cmd, RecordCodeIssued) and recorded.accepted:
            self._code_generation, self._code_expires_at = cmd.generation, None
        self._has_colleagues = self._has_colleagues or recorded.has_colleagues
        self._cases = recorded.cases or self._cases
        self._state = recorded.state
        if self._state is not State.AWAITING_PIN:
            self._letters.no_more()
        self._display.show(recorded.state, self._deadline)
        return recorded

    def _next(self) -> RegistrationStepKeys:
        return {"registration_id": self._start.registration_id, **self._recorder.next()}

    def require(self, states: Collection[str]) -> None:
        """Refuse a message that comes at another state, or after the deadline even if its timer is still to be handled (B1)."""
        if self._is_late and not self._is_over:
            raise stands_elsewhere("The registration has expired.", State.EXPIRED)
        if self._state not in states:
            raise stands_elsewhere("The registration stands elsewhere.", self._answer.state)

    @property
    def _is_over(self) -> bool:
        return self._state is not None and self._state.is_final

    @property
    def _is_late(self) -> bool:
        return workflow.now() >= self._deadline

    @property
    def _prolonged(self) -> datetime:
        """The deadline after another proof: a registration closes a set time after its last one."""
        return workflow.now() + self._start.terms.life

    @property
    def _answer(self) -> StepResult:
        state = self._state or State.CONFIRMING_EMAIL
        return StepResult(accepted=not state.is_final or state is State.COMPLETED, code=Code.OK, state=state)
