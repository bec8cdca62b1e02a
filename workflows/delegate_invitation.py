"""An administrator invites a colleague: a link by e-mail, reminders, and an answer before the deadline or none."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow

from workflows import names
from workflows.recording import Recorder, Step, only_at, stands_elsewhere

with workflow.unsafe.imports_passed_through():
    from activities.invitation import InvitationActivities
    from domain.invitation import (
        AcceptInvitation,
        AskInvitation,
        ByAdministrator,
        Code,
        InvitationRecorded,
        InvitationResult,
        InvitationStatus,
        InvitationStep,
        NameInvitee,
        RecordAcceptance,
        RecordBounced,
        RecordInvitationClosed,
        RecordInvited,
        RecordInvitee,
        RecordInviterCheck,
        RecordReminder,
        RecordResent,
        StartInvitation,
        State,
    )
    from domain.recording import MailDue, MailOutcome

Command = TypeVar("Command", bound=InvitationStep)


class InvitationStepKeys(Step):
    """What every recorded step of an invitation carries."""

    invitation_id: str


_ENDED: Final = {
    State.ACCEPTED: "Accepted: the colleague's access is open.",
    State.EXPIRED: "Expired: the deadline passed without an answer.",
    State.CANCELLED: "Cancelled: by an administrator, or because the inviter can't invite any more.",
}
_LINK_MAILS: Final = frozenset({"invitation", "invitation_reminder"})


@workflow.defn(name=names.DELEGATE_INVITATION)
class DelegateInvitation:
    """One invitation. Ends as accepted, expired or cancelled."""

    @workflow.init
    def __init__(self, cmd: StartInvitation) -> None:
        self._start = cmd
        self._state: State | None = None  # None until the invitation is recorded
        self._opening = InvitationResult(accepted=True, code=Code.OK, state=State.SENT)
        self._recorder = Recorder()
        self._deadline = workflow.now() + cmd.terms.life
        moments = (workflow.now() + after for after in sorted(cmd.terms.reminders))
        self._reminders = [moment for moment in moments if moment < self._deadline]
        self._generation = 1
        self._inviter_checks = 0
        self._shown: State | None = None

    @workflow.run
    async def run(self, cmd: StartInvitation) -> InvitationResult:
        sending = asyncio.create_task(self._recorder.send_mails(self._mail_sent))
        try:
            await self._open(cmd)
            while not self._is_over:
                if await self._time_passed():
                    await (self._expire() if self._is_late else self._remind())
                await self._check_inviter()
        except asyncio.CancelledError:
            # Cancelled from Temporal's side: the invitation ends like one that an administrator cancelled.
            await self._close(State.CANCELLED)
        await self._recorder.mails_sent()
        sending.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._answer

    # The process, step by step.

    async def _open(self, cmd: StartInvitation) -> None:
        async with self._recorder.turn:
            recorded = await self._record(
                InvitationActivities.open, RecordInvited(**self._next(), start=cmd, deadline=self._deadline)
            )
            self._opening = recorded.result()

    async def _time_passed(self) -> bool:
        """Wait until a reminder is due or the deadline has come, or until something else is to be done; true for time."""
        is_reminder = bool(self._reminders)
        due = self._reminders[0] if is_reminder else self._deadline
        try:
            await workflow.wait_condition(
                lambda: self._inviter_checks > 0 or self._is_over,
                timeout=max(due - workflow.now(), timedelta(0)),
                timeout_summary="Reminder" if is_reminder else "Invitation expires",
            )
        except TimeoutError:
            return True
        return False

    async def _expire(self) -> None:
        await self._close(State.EXPIRED)

    async def _remind(self) -> None:
        """One reminder for all moments that have passed: after a long standstill nobody gets two at once."""
        self._reminders = [moment for moment in self._reminders if moment > workflow.now()]
        async with self._recorder.turn:
            if self._is_over:
                return
            self._generation += 1
            await self._record(InvitationActivities.remind, RecordReminder(**self._next(), generation=self._generation))

    async def _check_inviter(self) -> None:
        while self._inviter_checks and not self._is_over:
            self._inviter_checks -= 1
            async with self._recorder.turn:
                if not self._is_over:
                    await self._record(InvitationActivities.check_inviter, RecordInviterCheck(**self._next()))

    async def _close(self, state: State) -> None:
        async with self._recorder.turn:
            # A step that had its turn when the timer fired may have ended the invitation.
            if self._state is not None and not self._is_over:
                await self._record(InvitationActivities.close, RecordInvitationClosed(**self._next(), state=state))

    async def _mail_sent(self, due: MailDue, outcome: MailOutcome) -> None:
        """A link that the address refused for good is told to the inviter, who can correct the address (B5)."""
        if outcome.accepted or due.purpose not in _LINK_MAILS:
            return
        async with self._recorder.turn:
            if not self._is_over:
                generation = int(due.mail_id.rpartition(":")[2])
                await self._record(InvitationActivities.bounced, RecordBounced(**self._next(), generation=generation))

    # Messages. Updates: a person waits for the answer, and the browser can repeat the same update id. Validators
    # refuse on state and time only; who may do it is looked up in the handler.

    @workflow.update(name=names.OPENED)
    async def opened(self, cmd: AskInvitation) -> InvitationResult:
        """Answers once the invitation is recorded or refused; sent together with the start."""
        await workflow.wait_condition(lambda: self._state is not None)
        return self._opening

    @only_at(State.SENT)
    @workflow.update(name=names.RESEND)
    async def resend(self, cmd: ByAdministrator) -> InvitationResult:
        recorded = await self._step(
            lambda: (
                InvitationActivities.resend,
                RecordResent(**self._next(), generation=self._next_generation(), account_id=cmd.account_id),
            )
        )
        return recorded.result()

    @only_at(State.SENT)
    @workflow.update(name=names.CANCEL)
    async def cancel(self, cmd: ByAdministrator) -> InvitationResult:
        recorded = await self._step(
            lambda: (
                InvitationActivities.close,
                RecordInvitationClosed(**self._next(), state=State.CANCELLED, account_id=cmd.account_id),
            )
        )
        return recorded.result()

    @only_at(State.SENT)
    @workflow.update(name=names.NAME_INVITEE)
    async def name_invitee(self, cmd: NameInvitee) -> InvitationResult:
        recorded = await self._step(
            lambda: (InvitationActivities.name_invitee, RecordInvitee(**self._next(), invitee=cmd))
        )
        return recorded.result()

    @only_at(State.SENT)
    @workflow.update(name=names.ACCEPT)
    async def accept(self, cmd: AcceptInvitation) -> InvitationResult:
        recorded = await self._step(
            lambda: (InvitationActivities.accept, RecordAcceptance(**self._next(), acceptance=cmd))
        )
        return recorded.result()

    # A signal: it comes from the workflow that ended the inviter's access, which must not depend on this one being
    # well. It opens nothing: the step looks for itself whether the inviter still may invite.
    @workflow.signal(name=names.INVITER_LEFT)
    def inviter_left(self, cmd: AskInvitation) -> None:
        self._inviter_checks = min(self._inviter_checks + 1, 3)

    @workflow.query(name=names.STATUS)
    def status(self) -> InvitationStatus:
        return InvitationStatus(
            state=self._answer.state,
            revision=self._recorder.revision,
            deadline=self._deadline,
            mails_pending=len(self._recorder.mails),
        )

    # What the steps share.

    async def _step(
        self,
        judged: Callable[[], tuple[Callable[[InvitationActivities, Command], Awaitable[InvitationRecorded]], Command]],
    ) -> InvitationRecorded:
        await workflow.wait_condition(lambda: self._state is not None)
        return await self._recorder.step(lambda: self.require({State.SENT}), judged, self._record)

    async def _record(
        self, method: Callable[[InvitationActivities, Command], Awaitable[InvitationRecorded]], cmd: Command
    ) -> InvitationRecorded:
        recorded = await self._recorder.record(method, cmd)
        self._state = recorded.state
        self._show()
        return recorded

    def _next(self) -> InvitationStepKeys:
        return {"invitation_id": self._start.invitation_id, **self._recorder.next()}

    def _next_generation(self) -> int:
        self._generation += 1
        return self._generation

    def require(self, states: Collection[str]) -> None:
        """Refuse a message that comes after the end, or after the deadline even if its timer is still to be handled (B1)."""
        if self._is_late and not self._is_over:
            raise stands_elsewhere("The invitation has expired.", State.EXPIRED)
        if self._answer.state not in states:
            raise stands_elsewhere("The invitation has ended.", self._state)

    @property
    def _is_over(self) -> bool:
        return self._state is not None and self._state.is_final

    @property
    def _is_late(self) -> bool:
        return workflow.now() >= self._deadline

    @property
    def _answer(self) -> InvitationResult:
        state = self._state or State.SENT
        return InvitationResult(accepted=state is not State.EXPIRED, code=Code.OK, state=state)

    def _show(self) -> None:
        """Tell staff in Temporal's UI, in plain words, where this stands; opaque values only in what is searchable."""
        state = self._state
        if state is None or state is self._shown:
            return
        self._shown = state
        deadline = names.DEADLINE.value_unset() if state.is_final else names.DEADLINE.value_set(self._deadline)
        who = "nobody" if state.is_final else "colleague"
        workflow.upsert_search_attributes([names.STATE.value_set(state), names.WAITS_FOR.value_set(who), deadline])
        until = f"{self._deadline:%d %B %Y, %H:%M} UTC"
        details = _ENDED[state] if state.is_final else f"Waits for **the colleague to accept**, until {until}."
        workflow.set_current_details(f"{details}\n\nReference: `{self._start.reference}`")
