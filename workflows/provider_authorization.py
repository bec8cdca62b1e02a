"""A billing service asks a provider's business contact for access by e-mail, and waits for the answer until its deadline."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows import names
from workflows.access_review import AccessReview
from workflows.recording import Recorder, Step, only_at, stands_elsewhere

with workflow.unsafe.imports_passed_through():
    from activities.authorization import AuthorizationActivities
    from domain.authorization import (
        OPEN,
        AskAuthorization,
        AskDecisionCode,
        AuthorizationRecorded,
        AuthorizationResult,
        AuthorizationStatus,
        AuthorizationStep,
        ByPerson,
        Code,
        CorrectContact,
        DecisionGiven,
        GiveVerdict,
        MailReported,
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
        StartAuthorization,
        State,
    )
    from domain.grants import StartAccessReview
    from domain.recording import MailDue, MailOutcome

Command = TypeVar("Command", bound=AuthorizationStep)
Recording = Callable[[AuthorizationActivities, Command], Awaitable[AuthorizationRecorded]]


class AuthorizationStepKeys(Step):
    """What every recorded step of a request carries."""

    authorization_id: str


class Reminder(NamedTuple):
    """When somebody is reminded, and the how-manieth time it is."""

    at: datetime
    whom: Literal["contact", "requester"]
    number: int


LINK_MAILS: Final = frozenset({"authorization_request", "authorization_reminder"})
"""Mails that carry the link; one of them that comes back means that the contact can't answer (B5)."""

_WAITS_FOR: Final = {State.IN_REVIEW: "staff", State.SENT: "business contact", State.UNDELIVERABLE: "requester"}
_SHOWN: Final = {
    State.IN_REVIEW: "Waits for **staff to look at the business contact**; nothing was mailed yet. Open until {until}.",
    State.SENT: "Waits for **the business contact to decide**, until {until}.",
    State.UNDELIVERABLE: "The business contact's mail came back. Waits for **the requester to correct it**, until {until}.",
    State.APPROVED: "Approved: the billing service's access is open.",
    State.DECLINED: "Declined.",
    State.EXPIRED: "Expired: the deadline passed without an answer.",
    State.CANCELLED: "Cancelled: by the requester, by staff, or because it could not be carried out.",
}


@workflow.defn(name=names.PROVIDER_AUTHORIZATION)
class ProviderAuthorization:
    """One request. Ends as approved, declined, expired or cancelled."""

    @workflow.init
    def __init__(self, cmd: StartAuthorization) -> None:
        self._start = cmd
        self._state: State | None = None  # None until the request is recorded
        self._opening = AuthorizationResult(accepted=True, code=Code.OK, state=State.SENT)
        self._recorder = Recorder()
        self._deadline = workflow.now() + cmd.terms.life
        self._reminders = self._plan()
        self._decisions: list[str] = []
        self._reports: list[MailReported] = []
        self._grant_id: str | None = None
        self._shown: State | None = None

    @workflow.run
    async def run(self, cmd: StartAuthorization) -> AuthorizationResult:
        sending = asyncio.create_task(self._recorder.send_mails(self._mail_sent))
        process = asyncio.create_task(self._process())
        try:
            await asyncio.shield(process)
        except asyncio.CancelledError:
            # Cancelled from Temporal's side: the request ends like one that its requester cancelled. The shield lets a
            # step that is under way finish first, and the loop sees the end.
            await self._close(State.CANCELLED)
            await process
        await self._hand_over_grant()
        await self._recorder.mails_sent()
        sending.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        # Whoever decided after the end is told that it was too late: no decision is left without an outcome.
        await self._judge_decisions()
        return self._answer

    # The process, step by step.

    async def _process(self) -> None:
        await self._open()
        while not self._is_over:
            await self._something_is_due()
            # Decisions first: one that arrived in time counts, however long everything stood still after it (B1).
            await self._judge_decisions()
            await self._take_reports()
            if self._is_late and not self._decisions:
                await self._close(State.EXPIRED)
            await self._remind()
        await self._judge_decisions()

    async def _open(self) -> None:
        async with self._recorder.turn:
            recorded = await self._record(
                AuthorizationActivities.open,
                RecordRequested(**self._next(), start=self._start, deadline=self._deadline),
            )
            self._opening = recorded.result()

    async def _something_is_due(self) -> None:
        """Wait for a decision, a delivery report or an end; or until a reminder is due or the deadline has come."""
        reminder = self._reminders[0] if self._reminders else None
        due = reminder.at if reminder else self._deadline
        try:
            await workflow.wait_condition(
                lambda: bool(self._decisions or self._reports) or self._is_over,
                timeout=max(due - workflow.now(), timedelta(0)),
                timeout_summary=f"Reminder to the {reminder.whom}" if reminder else "The request expires",
            )
        except TimeoutError:
            return

    async def _judge_decisions(self) -> None:
        """In the order of arrival: the first that counts ends the request, the others are recorded as superseded (I5)."""
        while self._decisions:
            decision_id = self._decisions.pop(0)
            async with self._recorder.turn:
                await self._record(
                    AuthorizationActivities.decide,
                    RecordDecision(**self._next(), decision_id=decision_id, deadline=self._deadline),
                )

    async def _take_reports(self) -> None:
        while self._reports and not self._is_over:
            report = self._reports.pop(0)
            await self._report(report.mail_id, report.event)

    async def _remind(self) -> None:
        """One reminder to each for all moments that have passed: after a long standstill nobody gets two at once (B4)."""
        passed = [reminder for reminder in self._reminders if reminder.at <= workflow.now()]
        self._reminders = self._reminders[len(passed) :]
        for reminder in {reminder.whom: reminder for reminder in passed}.values():
            async with self._recorder.turn:
                if self._is_over:
                    return
                if reminder.whom == "contact":
                    await self._record(
                        AuthorizationActivities.remind_contact,
                        RecordContactReminder(**self._next(), number=reminder.number),
                    )
                else:
                    await self._record(
                        AuthorizationActivities.remind_requester,
                        RecordRequesterReminder(**self._next(), number=reminder.number),
                    )

    async def _close(self, state: State) -> None:
        async with self._recorder.turn:
            # A step that had its turn when the timer fired may have ended the request, or a decision have come meanwhile.
            is_decided = self._is_over or (state is State.EXPIRED and bool(self._decisions))
            if self._state is not None and not is_decided:
                recorded = await self._record(
                    AuthorizationActivities.close, RecordAuthorizationClosed(**self._next(), state=state)
                )
                self._decisions.extend(recorded.unheard)

    async def _hand_over_grant(self) -> None:
        """The access that was opened has a workflow of its own, which outlives this one."""
        if self._grant_id is None:
            return
        reference = SearchAttributePair(names.REFERENCE, self._start.reference)
        # Whoever of the provider was faster with a change has started it already.
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                AccessReview.run,
                StartAccessReview(grant_id=self._grant_id, reference=self._start.reference),
                id=names.access_review_id(self._grant_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"Access {self._start.reference}",
                search_attributes=TypedSearchAttributes([reference]),
            )

    async def _mail_sent(self, due: MailDue, outcome: MailOutcome) -> None:
        """A link that was taken or refused is shown to the requester; a code's minutes start when it has left."""
        if due.purpose in LINK_MAILS:
            await self._report(due.mail_id, "sent" if outcome.accepted else "bounced")
        elif due.purpose == "authorization_code" and outcome.accepted:
            async with self._recorder.turn:
                expires_at = workflow.now() + self._start.terms.code_life
                await self._record(
                    AuthorizationActivities.code_sent,
                    RecordDecisionCodeSent(**self._next(), mail_id=due.mail_id, expires_at=expires_at),
                )

    async def _report(self, mail_id: str, event: Literal["sent", "delivered", "bounced"]) -> None:
        async with self._recorder.turn:
            if not self._is_over:
                await self._record(
                    AuthorizationActivities.mail_report, RecordMailReport(**self._next(), mail_id=mail_id, event=event)
                )

    # Messages. Signals: a decision must not depend on a worker being up, and whoever clicked can't be asked to try
    # again; a delivery report isn't sent twice. Both open nothing by themselves: the steps read their evidence.

    @workflow.signal(name=names.DECIDE)
    def decide(self, cmd: DecisionGiven) -> None:
        self._decisions.append(cmd.decision_id)

    @workflow.signal(name=names.MAIL_REPORTED)
    def mail_reported(self, cmd: MailReported) -> None:
        self._reports.append(cmd)

    # Updates: a person waits for the answer, and can repeat the same update id. Validators refuse on state and time
    # only; who may do it is looked up in the step.

    @workflow.update(name=names.OPENED)
    async def opened(self, cmd: AskAuthorization) -> AuthorizationResult:
        """Answers once the request is recorded or refused; sent together with the start."""
        await workflow.wait_condition(lambda: self._state is not None)
        return self._opening

    @only_at(*OPEN)
    @workflow.update(name=names.RESEND)
    async def resend(self, cmd: ByPerson) -> AuthorizationResult:
        return await self._step(lambda: (AuthorizationActivities.resend, RecordResent(**self._next(), by=cmd)))

    @only_at(*OPEN)
    @workflow.update(name=names.CORRECT_CONTACT)
    async def correct_contact(self, cmd: CorrectContact) -> AuthorizationResult:
        return await self._step(
            lambda: (AuthorizationActivities.correct, RecordCorrected(**self._next(), correction=cmd))
        )

    @only_at(*OPEN)
    @workflow.update(name=names.GIVE_VERDICT)
    async def give_verdict(self, cmd: GiveVerdict) -> AuthorizationResult:
        return await self._step(
            lambda: (AuthorizationActivities.verdict, RecordVerdict(**self._next(), verdict_id=cmd.verdict_id))
        )

    @only_at(*OPEN)
    @workflow.update(name=names.SEND_CODE)
    async def send_code(self, cmd: AskDecisionCode) -> AuthorizationResult:
        return await self._step(
            lambda: (
                AuthorizationActivities.issue_code,
                RecordDecisionCode(**self._next(), sitting_id=cmd.sitting_id),
            )
        )

    @only_at(*OPEN)
    @workflow.update(name=names.CANCEL)
    async def cancel(self, cmd: ByPerson) -> AuthorizationResult:
        return await self._step(
            lambda: (
                AuthorizationActivities.close,
                RecordAuthorizationClosed(**self._next(), state=State.CANCELLED, by=cmd),
            )
        )

    @workflow.query(name=names.STATUS)
    def status(self) -> AuthorizationStatus:
        return AuthorizationStatus(
            state=self._answer.state,
            revision=self._recorder.revision,
            deadline=self._deadline,
            mails_pending=len(self._recorder.mails),
        )

    # What the steps share.

    async def _step(self, judged: Callable[[], tuple[Recording[Command], Command]]) -> AuthorizationResult:
        await workflow.wait_condition(lambda: self._state is not None)
        return (await self._recorder.step(lambda: self.require(OPEN), judged, self._record)).result()

    async def _record(self, method: Recording[Command], cmd: Command) -> AuthorizationRecorded:
        recorded = await self._recorder.record(method, cmd)
        self._state = recorded.state
        self._grant_id = self._grant_id or recorded.grant_id
        self._show()
        return recorded

    def _next(self) -> AuthorizationStepKeys:
        return {"authorization_id": self._start.authorization_id, **self._recorder.next()}

    def _plan(self) -> list[Reminder]:
        """All reminders before the deadline, the earliest first."""
        terms, now = self._start.terms, workflow.now()
        planned = [
            *(Reminder(now + after, "contact", number) for number, after in enumerate(terms.contact_reminders, 1)),
            *(Reminder(now + after, "requester", number) for number, after in enumerate(terms.requester_reminders, 1)),
        ]
        return sorted(reminder for reminder in planned if reminder.at < self._deadline)

    def require(self, states: Collection[str]) -> None:
        """Refuse a message that comes after the end, or after the deadline even if its timer is still to be handled (B1)."""
        if self._is_late and not self._is_over:
            raise stands_elsewhere("The request has expired.", State.EXPIRED)
        if self._state is not None and self._state not in states:
            raise stands_elsewhere("The request has ended.", self._state)

    @property
    def _is_over(self) -> bool:
        return self._state is not None and self._state.is_final

    @property
    def _is_late(self) -> bool:
        return workflow.now() >= self._deadline

    @property
    def _answer(self) -> AuthorizationResult:
        state = self._state or State.SENT
        return AuthorizationResult(accepted=state is State.APPROVED, code=Code.OK, state=state)

    def _show(self) -> None:
        """Tell staff in Temporal's UI, in plain words, where this stands; opaque values only in what is searchable."""
        state = self._state
        if state is None or state is self._shown:
            return
        self._shown = state
        deadline = names.DEADLINE.value_unset() if state.is_final else names.DEADLINE.value_set(self._deadline)
        waits_for = names.WAITS_FOR.value_set(_WAITS_FOR.get(state, "nobody"))
        workflow.upsert_search_attributes([names.STATE.value_set(state), waits_for, deadline])
        details = _SHOWN[state].format(until=f"{self._deadline:%d %B %Y, %H:%M} UTC")
        workflow.set_current_details(f"{details}\n\nReference: `{self._start.reference}`")
