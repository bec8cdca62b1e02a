"""What keeps one billing service's access to one provider: held, resumed, ended by date or word, put on hold by an objection (B7).

Named for what else belongs here: whether the access is still wanted is asked in the workflow that knows how it stands.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow

from workflows import names, policies
from workflows.recording import Recorder, Step, only_at, stands_elsewhere

with workflow.unsafe.imports_passed_through():
    from activities.departure import NewcomerActivities
    from activities.grants import GrantActivities
    from domain.grants import (
        ChangeGrant,
        Code,
        Ending,
        GrantRecorded,
        GrantResult,
        GrantStatus,
        GrantStep,
        HeldBy,
        ObjectionRaised,
        RecordGrantChange,
        RecordGrantEnded,
        RecordObjection,
        RecordReviewOpened,
        StartAccessReview,
        State,
    )
    from domain.letter_route import HandOverLetter

Command = TypeVar("Command", bound=GrantStep)

_STANDING: Final = frozenset({State.OPEN, State.HELD})


class GrantStepKeys(Step):
    """What every recorded step of a grant carries."""

    grant_id: str


@workflow.defn(name=names.ACCESS_REVIEW)
class AccessReview:
    """One access. Ends as revoked or lapsed, perhaps after years: a long history goes on in another run."""

    @workflow.init
    def __init__(self, cmd: StartAccessReview) -> None:
        self._start = cmd
        self._state: State | None = None  # None until the opening is recorded
        self._held_by: HeldBy | None = None
        self._ends_at: datetime | None = None
        self._recorder = Recorder()
        self._recorder.revision = cmd.revision
        self._objections: list[str] = []
        self._letter_id: str | None = None
        self._shown: tuple[State, HeldBy | None, datetime | None] | None = None

    @workflow.run
    async def run(self, cmd: StartAccessReview) -> GrantResult:
        sending = asyncio.create_task(self._recorder.send_mails())
        handing_over = asyncio.create_task(self._hand_over_letter())
        process = asyncio.create_task(self._process())
        try:
            await asyncio.shield(process)
        except asyncio.CancelledError:
            # Cancelled from Temporal's side: what nobody keeps any more must not stay open. The shield lets a step that is
            # under way finish first, and the loop sees the end.
            await self._end(Ending.REVOKED)
            await process
        await handing_over
        # A change that came last makes mails due, too.
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() and not self._recorder.mails)
        sending.cancel()
        if not self._is_over:
            workflow.continue_as_new(cmd.model_copy(update={"revision": self._recorder.revision}))
        return self._answer

    # The process, step by step.

    async def _process(self) -> None:
        await self._open()
        while not self._is_over and not self._goes_on_elsewhere:
            await self._something_is_due()
            await self._take_objections()
            if self._is_late:
                await self._end(Ending.LAPSED)

    async def _open(self) -> None:
        async with self._recorder.turn:
            recorded = await self._record(GrantActivities.open, RecordReviewOpened(**self._next()))
            # Those that a signal brought meanwhile may be among them; the second look at one changes nothing.
            self._objections.extend(recorded.objections)
            self._letter_id = recorded.letter_id

    async def _something_is_due(self) -> None:
        """Wait for an objection or the end date, or until either can't come any more."""
        ends_at = self._ends_at
        try:
            await workflow.wait_condition(
                lambda: bool(self._objections) or self._is_over or self._ends_at != ends_at or self._goes_on_elsewhere,
                timeout=None if ends_at is None else max(ends_at - workflow.now(), timedelta(0)),
                timeout_summary="The access ends",
            )
        except TimeoutError:
            return

    async def _take_objections(self) -> None:
        while self._objections and not self._is_over and not self._is_late:
            objection_id = self._objections.pop(0)
            async with self._recorder.turn:
                if not self._is_over:
                    await self._record(
                        GrantActivities.objected, RecordObjection(**self._next(), objection_id=objection_id)
                    )

    async def _end(self, ending: Ending) -> None:
        async with self._recorder.turn:
            # A step that had its turn before may have moved the end date, or ended the access.
            if not self._is_over and (ending is Ending.REVOKED or self._is_late):
                await self._record(GrantActivities.ended, RecordGrantEnded(**self._next(), ending=ending))

    async def _hand_over_letter(self) -> None:
        """The letter to the provider's address of record. A print shop that is away is waited for, beside everything else."""
        await workflow.wait_condition(lambda: self._state is not None)
        if self._letter_id is None:
            return
        await workflow.execute_activity_method(
            NewcomerActivities.hand_over,
            HandOverLetter(letter_id=self._letter_id),
            summary="Letter to the address of record",
            **policies.PRINT_SHOP,
        )
        self._letter_id = None

    # A signal: an objection must not depend on a worker being up. It ends nothing by itself: the step reads the objection,
    # which was written where it was made, so a forged one moves nothing.
    @workflow.signal(name=names.OBJECTED)
    def objected(self, cmd: ObjectionRaised) -> None:
        self._objections.append(cmd.objection_id)

    # An update: a person waits for the answer, and can repeat the same update id. Its validator refuses on state and time
    # only; who may do it is looked up in the step.
    @only_at(*_STANDING)
    @workflow.update(name=names.CHANGE_GRANT)
    async def change(self, cmd: ChangeGrant) -> GrantResult:
        await workflow.wait_condition(lambda: self._state is not None)
        recorded = await self._recorder.step(
            lambda: self.require(_STANDING),
            lambda: (GrantActivities.change, RecordGrantChange(**self._next(), change=cmd)),
            self._record,
        )
        return recorded.result()

    @workflow.query(name=names.STATUS)
    def status(self) -> GrantStatus:
        return GrantStatus(
            state=self._answer.state,
            revision=self._recorder.revision,
            ends_at=self._ends_at,
            mails_pending=len(self._recorder.mails),
        )

    # What the steps share.

    async def _record(self, method: Callable[[Any, Command], Awaitable[GrantRecorded]], cmd: Command) -> GrantRecorded:
        """Record a step, take on what it came to, and show it."""
        recorded = await self._recorder.record(method, cmd)
        self._held_by, self._ends_at = recorded.held_by, recorded.ends_at
        self._state = recorded.state
        self._show()
        return recorded

    def _next(self) -> GrantStepKeys:
        return {"grant_id": self._start.grant_id, **self._recorder.next()}

    def require(self, states: Collection[str]) -> None:
        """Refuse a message that comes after the end, or after the end date even if its timer is still to be handled."""
        if self._is_late or (self._state is not None and self._state not in states):
            raise stands_elsewhere("The access has ended.", State.ENDED)

    @property
    def _is_over(self) -> bool:
        return self._state is not None and self._state.is_final

    @property
    def _is_late(self) -> bool:
        return self._ends_at is not None and workflow.now() >= self._ends_at

    @property
    def _goes_on_elsewhere(self) -> bool:
        """Whether another run takes over: the history has become long, and nothing is under way."""
        is_quiet = not self._recorder.mails and self._letter_id is None and not self._objections
        return is_quiet and self._state is not None and workflow.info().is_continue_as_new_suggested()

    @property
    def _answer(self) -> GrantResult:
        return GrantResult(accepted=True, code=Code.OK, state=self._state or State.OPEN, ends_at=self._ends_at)

    def _show(self) -> None:
        """Tell staff in Temporal's UI, in plain words, where this stands; opaque values only in what is searchable."""
        state = self._state
        shown = None if state is None else (state, self._held_by, self._ends_at)
        if state is None or shown == self._shown:
            return
        self._shown = shown
        has_end = self._ends_at is not None and not state.is_final
        deadline = (
            names.DEADLINE.value_set(self._ends_at) if has_end and self._ends_at else names.DEADLINE.value_unset()
        )
        is_contested = self._held_by is HeldBy.OBJECTION
        waits_for = "provider" if is_contested else "nobody"
        workflow.upsert_search_attributes(
            [names.STATE.value_set(state), names.WAITS_FOR.value_set(waits_for), deadline]
        )
        match state:
            case State.OPEN:
                words = "The access is **open**."
            case State.HELD if is_contested:
                words = "Somebody of the provider objected: on hold. Waits for **the provider to resume or revoke it**."
            case State.HELD:
                words = "The provider put the access **on hold**. It waits for nobody."
            case _:
                words = "The access has **ended**."
        until = f" It ends on {self._ends_at:%d %B %Y, %H:%M} UTC." if has_end else ""
        workflow.set_current_details(f"{words}{until}\n\nReference: `{self._start.reference}`")
