"""Nothing but an update: what Temporal itself takes, to hold our own times against."""

from temporalio import workflow


@workflow.defn(name="Bare")
class Bare:
    """Waits for ever; its update gives back what it was sent."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def touch(self, text: str) -> str:
        return text
