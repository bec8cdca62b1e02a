"""Nothing but an update, or a signal and an activity: what Temporal itself takes, to hold our own times against."""

from datetime import timedelta

from temporalio import activity, workflow


@workflow.defn(name="Bare")
class Bare:
    """Waits for ever; its update gives back what it was sent."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def touch(self, text: str) -> str:
        return text


@activity.defn(name="nothing")
async def nothing() -> None:
    """Does nothing."""


@workflow.defn(name="BareDecision")
class BareDecision:
    """Waits for a signal, does nothing in one local activity, and ends."""

    def __init__(self) -> None:
        self._is_decided = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._is_decided)
        await workflow.execute_local_activity(nothing, start_to_close_timeout=timedelta(seconds=5))

    @workflow.signal
    def decide(self) -> None:
        self._is_decided = True
