"""What all workflows share when they record: payloads, the step's revision, and the mails that a step makes due.

Everything here crosses Temporal (encrypted there): frozen, tolerant of fields it doesn't know, new fields with
defaults, and never printing a value in an error.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """Base of everything that crosses Temporal."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class RecordCommand(Payload):
    """What every recorded step carries. `revision` is the workflow's own counter and makes the step idempotent."""

    revision: int
    at: datetime


class MailDue(Payload):
    """A mail that a recorded step made due; it's sent in an activity of its own."""

    mail_id: str
    purpose: str


class Outcome(Payload):
    """What a recorded step came to, the same however often it's tried."""

    deadline: datetime | None = None  # set where this step moved it
    mails: tuple[MailDue, ...] = ()


class SendMail(Payload):
    """Send the mail with this id, or do nothing if it went out already."""

    mail_id: str


class MailOutcome(Payload):
    """Whether the mail was accepted by the receiving side; false is final (SMTP 5xx)."""

    accepted: bool
