"""How a workflow records: one step at a time, each one transaction, and its mails sent beside everything else."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any, Final, Protocol, TypedDict, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.mail import MailActivities
    from domain.recording import MailDue, MailOutcome, Outcome, RecordCommand, SendMail

Command = TypeVar("Command", bound=RecordCommand)
Result = TypeVar("Result", bound=Outcome)
Update = TypeVar("Update", bound=workflow.UpdateMethodMultiParam[..., Any])

WRONG_STATE: Final = "wrong_state"
"""The type of an update's refusal when its workflow stands elsewhere; the detail is the workflow's state."""


class Step(TypedDict):
    """What every recorded step carries."""

    revision: int
    at: datetime


class Standing(Protocol):
    """A workflow whose messages are refused by state."""

    def require(self, states: Collection[str]) -> None:
        """Raise `stands_elsewhere` unless it stands at one of these, and in time."""
        ...


def stands_elsewhere(why: str, state: str | None) -> ApplicationError:
    """The refusal of a message that comes at another state than it's for."""
    return ApplicationError(why, state, type=WRONG_STATE, non_retryable=True)


def only_at(*states: str) -> Callable[[Update], Update]:
    """An update that is refused at any other state. What it holds is judged, and counted, in its handler."""

    def refusing(update: Update) -> Update:
        def validate(self: Standing, cmd: object) -> None:  # noqa: ARG001 - the handler's parameters
            self.require(states)

        # Temporal holds a validator's parameters against the handler's.
        validate.__annotations__ = {"cmd": update.__annotations__["cmd"]}
        update.validator(validate)
        return update

    return refusing


class Recorder:
    """The revision of what a workflow has recorded, the turn that its steps take, and the mails still to be sent."""

    def __init__(self) -> None:
        self.revision = 0
        self.mails: list[MailDue] = []
        self.turn = asyncio.Lock()  # steps run one at a time, in the order of arrival

    def next(self) -> Step:
        """Revision and time of the next step."""
        self.revision += 1
        return {"revision": self.revision, "at": workflow.now()}

    async def record(self, method: Callable[[Any, Command], Awaitable[Result]], cmd: Command) -> Result:
        """One transaction, at once; with the database away, the same step goes on as an ordinary activity."""
        try:
            outcome = await workflow.execute_local_activity_method(method, cmd, **policies.DATABASE_NOW)
        except FailureError:
            # A local activity that used up its tries fails with its own error, one that ran out of time with an ActivityError.
            outcome = await workflow.execute_activity_method(method, cmd, **policies.DATABASE)
        self.mails.extend(outcome.mails)
        return outcome

    async def step(
        self,
        require: Callable[[], None],
        judged: Callable[[], tuple[Callable[[Any, Command], Awaitable[Result]], Command]],
        record: Callable[[Callable[[Any, Command], Awaitable[Result]], Command], Awaitable[Result]],
    ) -> Result:
        """Take a turn and record what a message asks for.

        Steps run one at a time, so `require` looks at the state again once the turn has come, and `judged` makes the
        command with the revision of then.
        """
        async with self.turn:
            require()
            return await record(*judged())

    async def send_mails(self, sent: Callable[[MailDue, MailOutcome], Awaitable[None]] | None = None) -> None:
        """Send what is due, one after another, for ever: a mail server that is away holds up no step.

        `sent` is called after each. Meant to run as a task beside the workflow's own process.
        """
        while True:
            await workflow.wait_condition(lambda: bool(self.mails))
            due = self.mails[0]
            outcome = await workflow.execute_activity_method(
                MailActivities.send,
                SendMail(mail_id=due.mail_id),
                summary=f"Mail: {due.purpose.replace('_', ' ')}",
                **policies.SMTP,
            )
            if sent is not None:
                await sent(due, outcome)
            self.mails.pop(0)

    async def mails_sent(self) -> None:
        """Wait until nothing is left to be sent."""
        await workflow.wait_condition(lambda: not self.mails)
