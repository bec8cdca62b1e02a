"""A workflow that uses every way a value can get into Temporal: the codec's tests drive it on a real server."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

ONCE = RetryPolicy(maximum_attempts=1)
SHORT = timedelta(seconds=20)
QUEUE = "codec-tests"


class Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    text: str


@activity.defn(name="repeat")
async def repeat(words: Words) -> Words:
    activity.logger.debug("repeating")
    return Words(text=f"{words.text} {words.text}")


@activity.defn(name="nothing")
async def nothing() -> None:
    """No argument and no result: both are payloads of their own kind."""


@activity.defn(name="fail")
async def fail(words: Words) -> None:
    activity.heartbeat(words)
    try:
        raise LookupError(f"cause {words.text}")
    except LookupError as cause:
        raise ApplicationError(f"message {words.text}", words, type="SampleRefusal", non_retryable=True) from cause


@workflow.defn(name="echo")
class Echo:
    @workflow.run
    async def run(self, words: Words) -> Words:
        return words


@workflow.defn(name="sample")
class Sample:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.finished = False

    @workflow.run
    async def run(self, words: Words) -> Words:
        workflow.set_current_details(f"details {words.text}")
        workflow.upsert_memo({"current": words.text})
        await workflow.execute_local_activity(
            repeat, words, start_to_close_timeout=SHORT, retry_policy=ONCE, summary=words.text
        )
        await workflow.execute_activity(
            repeat, words, start_to_close_timeout=SHORT, retry_policy=ONCE, summary=words.text
        )
        await workflow.execute_activity(nothing, start_to_close_timeout=SHORT)
        await workflow.execute_child_workflow(Echo.run, words, id=f"{workflow.info().workflow_id}/child")
        try:
            await workflow.execute_activity(fail, words, start_to_close_timeout=SHORT, heartbeat_timeout=SHORT)
        except ActivityError as failure:
            cause = failure.cause
            assert isinstance(cause, ApplicationError)
            self.heard.append(f"failed: {cause.message} {cause.type} {cause.details[0]['text']}")
        await workflow.wait_condition(lambda: self.finished)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Words(text=" ".join(self.heard))

    @workflow.signal(name="decide")
    async def decide(self, words: Words) -> None:
        self.heard.append(words.text)

    @workflow.signal(name="finish")
    def finish(self, words: Words) -> None:
        self.finished = bool(words.text)

    @workflow.update(name="prove")
    async def prove(self, words: Words) -> Words:
        if words.text.startswith("wrong"):
            raise ApplicationError(f"refused {words.text}", type="SampleRefusal")
        self.heard.append(words.text)
        return words

    @prove.validator
    def _provable(self, words: Words) -> None:
        if words.text.startswith("never"):
            raise ApplicationError(f"invalid {words.text}", type="SampleRefusal")

    @workflow.update(name="note")
    async def note(self, words: Words) -> Words:
        """Without a validator: what the SDK does with a bad argument is then up to the handler."""
        self.heard.append(words.text)
        return words

    @workflow.query(name="heard")
    def what_was_heard(self) -> list[str]:
        return self.heard
