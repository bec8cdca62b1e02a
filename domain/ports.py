"""What the rules and activities need from the world; adapters in `db`, `gateways` and `ops` provide it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.letter_route import (
    JudgeIdentity,
    JudgePin,
    RecordLetterEvent,
    RecordLetterRequested,
    RecordPinReminder,
)
from domain.letters import Letter, Notice
from domain.registration import (
    JudgeBillingService,
    JudgeCode,
    JudgePayment,
    RecordAccount,
    RecordCaseOutcome,
    RecordClosed,
    RecordCodeIssued,
    RecordCodeSent,
    RecordCompleted,
    Recorded,
    RecordMailFailed,
    RecordOpened,
    RecordReconsidered,
    RecordResumeLink,
)


class Vault(Protocol):
    """Keyed digests and sealing, so that no table holds a secret or a Tax ID in clear."""

    def digest(self, purpose: str, value: str) -> str:
        """A keyed SHA-256 as 64 hex digits: equal for equal values of one purpose, useless without the key."""
        ...

    def seal(self, purpose: str, text: str) -> bytes:
        """The text encrypted (AES-256-GCM, random nonce), bound to its purpose."""
        ...

    def unseal(self, purpose: str, sealed: bytes) -> str:
        """The text that was sealed for this purpose with the current or an older key. Raises ValueError if it wasn't."""
        ...


class RegistrationRecords(Protocol):
    """The transactional heart: each method is one database transaction, and the same command twice is one change.

    A transaction holds the projection, the accounts and access it opens, messages, audit entry and the mails now
    due. All raise `RecordsUnavailable` while the database is away; nothing has happened then.
    """

    async def open(self, cmd: RecordOpened) -> Recorded: ...
    async def issue_code(self, cmd: RecordCodeIssued) -> Recorded: ...
    async def code_sent(self, cmd: RecordCodeSent) -> Recorded: ...
    async def mail_failed(self, cmd: RecordMailFailed) -> Recorded: ...
    async def judge_code(self, cmd: JudgeCode) -> Recorded: ...
    async def judge_payment(self, cmd: JudgePayment) -> Recorded: ...
    async def judge_billing_service(self, cmd: JudgeBillingService) -> Recorded: ...
    async def reconsider(self, cmd: RecordReconsidered) -> Recorded: ...
    async def set_up_account(self, cmd: RecordAccount) -> Recorded: ...
    async def complete(self, cmd: RecordCompleted) -> Recorded: ...
    async def close(self, cmd: RecordClosed) -> Recorded: ...
    async def issue_resume_link(self, cmd: RecordResumeLink) -> Recorded: ...
    async def case_outcome(self, cmd: RecordCaseOutcome) -> Recorded: ...


class RecordsUnavailable(Exception):
    """The database can't be reached or is locked; trying again later is right."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OutgoingMail:
    """A mail ready to be rendered: everything that makes two copies of it identical (I10)."""

    message_id: str
    purpose: str
    recipient: str
    values: Mapping[str, str]
    due_at: datetime


class Outbox(Protocol):
    """Mails that recorded steps made due."""

    async def take(self, mail_id: str) -> OutgoingMail | None:
        """The mail, or None when it has been sent or given up already."""
        ...

    async def was_refused(self, mail_id: str) -> bool:
        """Whether the receiving side has refused it for good."""
        ...

    async def settle(self, mail_id: str, *, accepted: bool) -> None:
        """Note that it was accepted or refused for good, and scrub the secret it carried."""
        ...


class MailRefused(Exception):
    """The receiving side refused the mail for good (SMTP 5xx)."""


class MailDelayed(Exception):
    """The mail couldn't be handed over now (SMTP 4xx, no connection); trying again is right."""


class Mailer(Protocol):
    """Hands one mail to SMTP. Raises `MailRefused` or `MailDelayed`."""

    async def send(self, mail: OutgoingMail) -> None: ...


class LetterRecords(Protocol):
    """Recorded steps of proving by US Mail; like `RegistrationRecords`, each one transaction and once."""

    async def identify(self, cmd: JudgeIdentity) -> Recorded: ...
    async def request_letter(self, cmd: RecordLetterRequested) -> Recorded: ...
    async def letter_event(self, cmd: RecordLetterEvent) -> Recorded: ...
    async def remind(self, cmd: RecordPinReminder) -> Recorded: ...
    async def judge_pin(self, cmd: JudgePin) -> Recorded: ...


class LetterDesk(Protocol):
    """Letters that recorded steps made due."""

    async def take(self, letter_id: str) -> Letter | Notice | None:
        """The letter, with its PIN if it has one, or None when the print shop has it already or it isn't needed any more."""
        ...

    async def settle(self, letter_id: str, *, shop_reference: str | None) -> None:
        """Note that the shop has it (None: refused it for good), and scrub its PIN."""
        ...


class LetterPrinter(Protocol):
    """Makes a letter's PDF; the same letter gives the same bytes. Raises ValueError for one that can't be printed."""

    def render(self, letter: Letter | Notice) -> bytes: ...
