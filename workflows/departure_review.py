"""Somebody is said to have left: their access ends unless they or a colleague object in time; then staff decide (P9)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows import names
from workflows.recording import Recorder, Step, only_at, stands_elsewhere

with workflow.unsafe.imports_passed_through():
    from activities.departure import DepartureActivities
    from domain.departure import (
        AnswerGiven,
        AskAnswerCode,
        Code,
        DecideReview,
        RecordAnswer,
        RecordAnswerCode,
        RecordAnswerCodeSent,
        RecordClaimWithdrawn,
        RecordDecision,
        RecordReviewOpened,
        RecordWindowOver,
        ReviewRecorded,
        ReviewResult,
        ReviewStatus,
        ReviewStep,
        StartDepartureReview,
        State,
        WithdrawClaim,
    )
    from domain.invitation import AskInvitation
    from domain.recording import MailDue, MailOutcome

Command = TypeVar("Command", bound=ReviewStep)


class ReviewStepKeys(Step):
    """What every recorded step of a review carries."""

    review_id: str


_OPEN: Final = frozenset({State.OPEN, State.CONTESTED})

_ENDED: Final = {
    State.CONFIRMED: "Confirmed: the access of the person who left has ended.",
    State.KEPT: "Kept: staff decided that the access stays.",
    State.WITHDRAWN: "Withdrawn: nobody says any more that the person has left.",
}


@workflow.defn(name=names.DEPARTURE_REVIEW)
class DepartureReview:
    """One account of one organization. Ends as confirmed, kept or withdrawn; contested on the way there waits for staff."""

    @workflow.init
    def __init__(self, cmd: StartDepartureReview) -> None:
        self._start = cmd
        self._state: State | None = None  # None until the opening is recorded
        self._recorder = Recorder()
        self._deadline: datetime | None = None
        self._answers: list[str] = []
        self._left_open: list[ReviewRecorded] = []
        self._shown: State | None = None

    @workflow.run
    async def run(self, cmd: StartDepartureReview) -> ReviewResult:
        sending = asyncio.create_task(self._recorder.send_mails(self._mail_sent))
        process = asyncio.create_task(self._process())
        try:
            await asyncio.shield(process)
        except asyncio.CancelledError:
            # Cancelled from Temporal's side: the review ends like one that was a mistake, and nothing ends. The shield
            # lets a step that is under way finish first, and the loop sees the end.
            await self._withdraw_all()
            await process
        await self._end_what_was_left_open()
        await self._recorder.mails_sent()
        sending.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._answer

    # The process, step by step.

    async def _process(self) -> None:
        await self._open()
        while not self._is_over:
            await self._something_is_due()
            # Answers first: where everything stood still past the deadline, an objection costs nobody their access.
            await self._take_answers()
            await self._end_window()

    async def _open(self) -> None:
        async with self._recorder.turn:
            recorded = await self._record(DepartureActivities.open, RecordReviewOpened(**self._next()))
            self._answers.extend(recorded.answers)

    async def _something_is_due(self) -> None:
        """Wait for an answer or the deadline; once contested, for staff as long as it takes."""
        waits_for_answer = self._state is State.OPEN and self._deadline is not None
        timeout = self._time_left if waits_for_answer else None
        try:
            await workflow.wait_condition(
                lambda: bool(self._answers) or self._is_over or (waits_for_answer and self._state is not State.OPEN),
                timeout=timeout,
                timeout_summary="The time to object is over",
            )
        except TimeoutError:
            return

    async def _take_answers(self) -> None:
        while self._answers and not self._is_over:
            answer_id = self._answers.pop(0)
            async with self._recorder.turn:
                if not self._is_over:
                    await self._record(DepartureActivities.answer, RecordAnswer(**self._next(), answer_id=answer_id))

    async def _end_window(self) -> None:
        async with self._recorder.turn:
            if self._state is State.OPEN and self._time_left == timedelta(0) and not self._answers:
                await self._record(DepartureActivities.window_over, RecordWindowOver(**self._next()))

    async def _withdraw_all(self) -> None:
        async with self._recorder.turn:
            if not self._is_over:
                await self._record(DepartureActivities.withdraw, RecordClaimWithdrawn(**self._next()))

    async def _end_what_was_left_open(self) -> None:
        """Open invitations and requests of somebody who has no access any more: their own workflows end them, with notice."""
        for left in self._left_open:
            for invitation_id in left.invitations:
                invitation = workflow.get_external_workflow_handle(names.invitation_id(invitation_id))
                await self._unless_gone(
                    invitation.signal(names.INVITER_LEFT, AskInvitation(invitation_id=invitation_id))
                )
            for registration_id in left.registrations:
                registration = workflow.get_external_workflow_handle(names.registration_id(registration_id))
                await self._unless_gone(registration.cancel())
            for case_id in left.cases:
                await self._unless_gone(workflow.get_external_workflow_handle(names.case_id(case_id)).cancel())

    @staticmethod
    async def _unless_gone(told: Awaitable[None]) -> None:
        try:
            await told
        except FailureError:
            workflow.logger.info("what was left open had ended already")

    async def _mail_sent(self, due: MailDue, outcome: MailOutcome) -> None:
        """A code's minutes start when it has left, however long the mail server was away."""
        if due.purpose != "newcomer_code" or not outcome.accepted:
            return
        async with self._recorder.turn:
            await self._record(DepartureActivities.code_sent, RecordAnswerCodeSent(**self._next(), mail_id=due.mail_id))

    # A signal: an objection must not depend on a worker being up. It opens and ends nothing by itself: the step reads the
    # answer, which was written where it was proved who gave it, so a forged one moves nothing.
    @workflow.signal(name=names.ANSWER_GIVEN)
    def answer_given(self, cmd: AnswerGiven) -> None:
        self._answers.append(cmd.answer_id)

    # Updates: a person waits for the answer, and can repeat the same update id. Validators refuse on state only.

    @only_at(*_OPEN)
    @workflow.update(name=names.SEND_CODE)
    async def send_code(self, cmd: AskAnswerCode) -> ReviewResult:
        return await self._step(
            _OPEN,
            lambda: (DepartureActivities.issue_code, RecordAnswerCode(**self._next(), notice_id=cmd.notice_id)),
        )

    @only_at(State.CONTESTED)
    @workflow.update(name=names.DECIDE_DEPARTURE)
    async def decide(self, cmd: DecideReview) -> ReviewResult:
        return await self._step(
            {State.CONTESTED},
            lambda: (DepartureActivities.decide, RecordDecision(**self._next(), decision_id=cmd.decision_id)),
        )

    @only_at(*_OPEN)
    @workflow.update(name=names.WITHDRAW)
    async def withdraw(self, cmd: WithdrawClaim) -> ReviewResult:
        return await self._step(
            _OPEN,
            lambda: (
                DepartureActivities.withdraw,
                RecordClaimWithdrawn(**self._next(), registration_id=cmd.registration_id),
            ),
        )

    @workflow.query(name=names.STATUS)
    def status(self) -> ReviewStatus:
        return ReviewStatus(
            state=self._answer.state,
            revision=self._recorder.revision,
            deadline=self._deadline,
            mails_pending=len(self._recorder.mails),
        )

    # What the steps share.

    async def _step(
        self,
        states: Collection[State],
        recorded_by: Callable[[], tuple[Callable[[Any, Command], Awaitable[ReviewRecorded]], Command]],
    ) -> ReviewResult:
        await workflow.wait_condition(lambda: self._state is not None)
        return (await self._recorder.step(lambda: self.require(states), recorded_by, self._record)).result()

    async def _record(
        self, method: Callable[[Any, Command], Awaitable[ReviewRecorded]], cmd: Command
    ) -> ReviewRecorded:
        """Record a step, take on what it came to, and show it."""
        recorded = await self._recorder.record(method, cmd)
        if recorded.deadline is not None:
            self._deadline = recorded.deadline
        if recorded.invitations or recorded.registrations or recorded.cases:
            self._left_open.append(recorded)
        self._state = recorded.state
        self._show()
        return recorded

    def _next(self) -> ReviewStepKeys:
        return {"review_id": self._start.review_id, **self._recorder.next()}

    def require(self, states: Collection[str]) -> None:
        if self._state is not None and self._state not in states:
            raise stands_elsewhere("The review stands elsewhere.", self._state)

    @property
    def _is_over(self) -> bool:
        return self._state is not None and self._state.is_final

    @property
    def _time_left(self) -> timedelta:
        assert self._deadline is not None  # noqa: S101 - narrows the type; the opening has set it
        return max(self._deadline - workflow.now(), timedelta(0))

    @property
    def _answer(self) -> ReviewResult:
        return ReviewResult(accepted=True, code=Code.OK, state=self._state or State.OPEN)

    def _show(self) -> None:
        """Tell staff in Temporal's UI, in plain words, where this stands; opaque values only in what is searchable."""
        state = self._state
        if state is None or state is self._shown or self._deadline is None:
            return
        self._shown = state
        waits_for = {State.OPEN: "colleague", State.CONTESTED: "staff"}.get(state, "nobody")
        deadline = names.DEADLINE.value_set(self._deadline) if state is State.OPEN else names.DEADLINE.value_unset()
        workflow.upsert_search_attributes(
            [names.STATE.value_set(state), names.WAITS_FOR.value_set(waits_for), deadline]
        )
        until = f"{self._deadline:%d %B %Y, %H:%M} UTC"
        details = {
            State.OPEN: f"Waits for **the person or a colleague to object**, until {until}. Then the access ends.",
            State.CONTESTED: "Somebody objected. Waits for **staff to decide** whether the access ends.",
        }.get(state) or _ENDED[state]
        workflow.set_current_details(f"{details}\n\nReference: `{self._start.reference}`")
