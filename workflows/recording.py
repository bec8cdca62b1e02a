"""How a workflow records: one step at a time, each one transaction, and its mails sent beside everything else."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypedDict, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.mail import MailActivities
    from domain.recording import MailDue, MailOutcome, Outcome, RecordCommand, SendMail

Command = TypeVar("Command", bound=RecordCommand)
Result = TypeVar("Result", bound=Outcome)


class Step(TypedDict):
    """What every recorded step carries."""

    revision: int
    at: datetime


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
