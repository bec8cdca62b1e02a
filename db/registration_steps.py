"""What every recorded step of a registration shares: doing it once, refusing, counting, mails and evidence."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import add_access, has_access
from db.accounts import Account
from db.cases import CaseRow
from db.counting import count, give_back
from db.database import Database
from db.departures import ColleagueAnswer
from db.letters import void_letters
from db.newcomers import tell_existing_accounts
from db.recording import Change, once
from db.registrations import Evidence, OneTimeSecret, RegistrationRow
from domain.letter_route import RecordLetterEvent, RecordPinReminder
from domain.limits import Limits
from domain.people import limit_key, mailbox_key
from domain.ports import Vault
from domain.recording import MailDue
from domain.registration import (
    Code,
    RecordClosed,
    RecordCodeSent,
    Recorded,
    RecordMailFailed,
    RecordOpened,
    RegistrationStep,
    State,
    require_legal,
)

Step = Callable[[AsyncSession, RegistrationRow], Awaitable[Recorded]]


def subject_of(registration_id: str) -> str:
    """How audit, mails and secrets name a registration; also its workflow id."""
    return f"registration/{registration_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofTry:
    """A counted try at a proof: how many are left for now, and how many this registration has had in its life."""

    left: int
    life: int
    caller_key: str
    target_key: str

    async def give_back(self, session: AsyncSession) -> None:
        """It was right: it doesn't use up what others may try."""
        await give_back(session, "payment-caller", self.caller_key)
        await give_back(session, "payment-tin", self.target_key)


class RegistrationSteps:
    """Base of the records of a registration, on SQLite and PostgreSQL."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, zone: tzinfo = UTC) -> None:
        self._database = database
        self._vault = vault
        self._limits = limits
        self._zone = zone  # the payer's: it decides which day it is

    async def _once(
        self, cmd: RegistrationStep, action: str, step: Step, opened: RecordOpened | None = None
    ) -> Recorded:
        """Run the step once, within the table of legal transitions, and tell the workflow where it moved the deadline."""

        async def lock(session: AsyncSession) -> RegistrationRow | None:
            return await session.get(RegistrationRow, UUID(cmd.registration_id), with_for_update=True)

        async def change(session: AsyncSession, row: RegistrationRow) -> tuple[Recorded, Change]:
            before, deadline = State(row.state), row.deadline
            recorded = await step(session, row)
            require_legal(before, recorded.state)
            row.state, row.updated_at = recorded.state, cmd.at
            if recorded.state.is_final:
                recorded = recorded.model_copy(update={"cases": await self._open_cases(session, row)})
            if row.deadline != deadline:
                recorded = recorded.model_copy(update={"deadline": row.deadline})
            details = {"state": str(recorded.state), "code": str(recorded.code)}
            return recorded, Change(actor=_actor(cmd), action=action, details=details)

        return await once(
            self._database,
            cmd,
            subject=subject_of(cmd.registration_id),
            result=Recorded,
            lock=lock,
            step=change,
            create=(lambda: self._new_row(opened)) if opened else None,
        )

    @staticmethod
    async def _open_cases(session: AsyncSession, row: RegistrationRow) -> tuple[str, ...]:
        """Support cases that wait for staff though the registration that they are for is over."""
        found = await session.scalars(
            select(col(CaseRow.id))
            .where(col(CaseRow.registration_id) == row.id, col(CaseRow.closed_at).is_(None))
            .order_by(col(CaseRow.id))
        )
        return tuple(str(one) for one in found)

    def _new_row(self, cmd: RecordOpened) -> RegistrationRow:
        return RegistrationRow(
            id=UUID(cmd.registration_id),
            reference=cmd.start.reference,
            revision=0,
            # Whoever is signed in has shown the mailbox before.
            state=State.PROVING if cmd.start.account_id else State.CONFIRMING_EMAIL,
            for_account_id=UUID(cmd.start.account_id) if cmd.start.account_id else None,
            email_digest=self._vault.digest("email", mailbox_key(cmd.start.email)),
            email_sealed=self._vault.seal("email", cmd.start.email),
            name_sealed=self._vault.seal("name", cmd.start.name),
            attestation_version=cmd.start.attestation_version,
            started_at=cmd.at,
            updated_at=cmd.at,
            deadline=cmd.deadline,
        )

    async def _proved(
        self, session: AsyncSession, row: RegistrationRow, cmd: RegistrationStep, *, deadline: datetime
    ) -> Recorded:
        """The organization is proved: on to the account's set-up, or, for an account that there is, its access opens now."""
        row.paused_until = None
        if row.for_account_id is None:
            row.deadline = deadline
            return Recorded(state=State.SETTING_UP_ACCOUNT)
        account = await session.get(Account, row.for_account_id)
        evidence = await self._evidence(session, row)
        if account is None or account.closed_at is not None or evidence is None:
            await self._release(session, row, cmd)
            return self._closed(row, State.REJECTED, Code.ACCOUNT_CLOSED)
        due = await add_access(session, self._vault, row=row, account=account, evidence=evidence, at=cmd.at)
        return await self._completed(session, row, cmd, due)

    async def _completed(
        self, session: AsyncSession, row: RegistrationRow, cmd: RegistrationStep, due: tuple[MailDue, ...]
    ) -> Recorded:
        """The access is open: those who have some already are told of the newcomer."""
        told = await tell_existing_accounts(session, self._vault, self._limits, row=row, at=cmd.at, zone=self._zone)
        # Which mails, reviews and letter are due is looked up: an outcome has no room for a large organization's.
        return Recorded(state=State.COMPLETED, mails=due, has_colleagues=told)

    async def _has_it(
        self, session: AsyncSession, row: RegistrationRow, organization_id: UUID, npi: str | None
    ) -> bool:
        """Whether the account that this adds to has the access already (P10): then no payment is used up for it."""
        return row.for_account_id is not None and await has_access(session, row.for_account_id, organization_id, npi)

    async def _count_proof(
        self, session: AsyncSession, row: RegistrationRow, cmd: RegistrationStep, *, tin: str, caller_digest: str
    ) -> ProofTry | Recorded:
        """Count a try before anything is looked up (I13); a refusal when there were too many.

        Always in this order, so that two transactions can't wait for each other.
        """
        limits = self._limits
        own = await count(session, "payment", cmd.registration_id, at=cmd.at, window=limits.payment_tries_window)
        if own.count > limits.payment_tries:
            row.paused_until = own.window_ends_at
            return self._refused(row, Code.PAYMENT_PAUSED, tries_left=0, retry_at=own.window_ends_at)
        life = await count(session, "registration", cmd.registration_id, at=cmd.at)
        caller = await count(session, "payment-caller", caller_digest, at=cmd.at, window=timedelta(days=1))
        if caller.count > limits.payment_tries_per_caller:
            row.paused_until = caller.window_ends_at
            return self._refused(row, Code.PAYMENT_PAUSED, tries_left=0, retry_at=caller.window_ends_at)
        target_key = self._vault.digest("tin", tin)
        target = await count(session, "payment-tin", target_key, at=cmd.at, window=limits.payment_tin_window)
        if target.count > limits.payment_tries_per_tin:
            return self._refused(row, Code.PAYMENT_LETTER_ONLY, tries_left=0, retry_at=target.window_ends_at)
        left = limits.payment_tries - own.count
        if left == 0:
            row.paused_until = own.window_ends_at
        return ProofTry(left=left, life=life.count, caller_key=caller_digest, target_key=target_key)

    def _limit_key(self, row: RegistrationRow) -> str:
        """What limits per address count this registration's mails by."""
        return self._vault.digest("email", limit_key(self._vault.unseal("email", row.email_sealed)))

    def _refused(self, row: RegistrationRow, code: Code, **answer: object) -> Recorded:
        return Recorded.model_validate({"accepted": False, "code": code, "state": row.state, **answer})

    def _closed(self, row: RegistrationRow, state: State, code: Code) -> Recorded:
        row.closing_code = code
        return Recorded(accepted=False, code=code, state=state, tries_left=0)

    async def _counted(
        self, session: AsyncSession, row: RegistrationRow, cmd: RegistrationStep, code: Code, *, left: int, life: int
    ) -> Recorded:
        """A counted refusal; the last one of a registration's life locks it."""
        if life >= self._limits.registration_tries:
            await self._release(session, row, cmd)
            return self._closed(row, State.LOCKED, Code.LOCKED)
        return self._refused(row, code, tries_left=left, retry_at=row.paused_until if left == 0 else None)

    async def _evidence(self, session: AsyncSession, row: RegistrationRow) -> Evidence | None:
        held = select(Evidence).where(col(Evidence.registration_id) == row.id, col(Evidence.released_at).is_(None))
        return await session.scalar(held)

    async def _release(self, session: AsyncSession, row: RegistrationRow, cmd: RegistrationStep) -> None:
        """Let go of what proves the registration: a payment can prove another one, letters are void, a TIN is forgotten."""
        await void_letters(session, row.id)
        evidence = await self._evidence(session, row)
        if evidence is not None:
            evidence.released_at = cmd.at
        row.billing_tin_digest = row.billing_tin_sealed = row.billing_name = None

    async def _back_to_proving(
        self,
        session: AsyncSession,
        row: RegistrationRow,
        cmd: RegistrationStep,
        *,
        deadline: datetime,
        code: Code = Code.OK,
    ) -> Recorded:
        """The organization is to be proved once more, or another one; name, address and its confirmation stay."""
        await self._release(session, row, cmd)
        row.organization_id, row.npi, row.deadline = None, None, deadline
        # What was said of this organization's accounts must not be taken for another's.
        await session.execute(delete(ColleagueAnswer).where(col(ColleagueAnswer.registration_id) == row.id))
        return Recorded(accepted=code is Code.OK, code=code, state=State.PROVING)

    def _code_mail(
        self, session: AsyncSession, row: RegistrationRow, cmd: RegistrationStep, generation: int
    ) -> MailDue:
        subject = subject_of(cmd.registration_id)
        secret = mails.issue_secret(session, self._vault, subject=subject, purpose="code", generation=generation)
        return self._mail(session, row, cmd, purpose="code", generation=generation, secret=secret)

    def _mail(
        self,
        session: AsyncSession,
        row: RegistrationRow,
        cmd: RegistrationStep,
        *,
        purpose: str,
        generation: int | str,
        secret: OneTimeSecret | None = None,
    ) -> MailDue:
        return mails.make_due(
            session,
            self._vault,
            subject=subject_of(cmd.registration_id),
            purpose=purpose,
            generation=generation,
            recipient=self._vault.unseal("email", row.email_sealed),
            values={"name": self._vault.unseal("name", row.name_sealed), "reference": row.reference},
            at=cmd.at,
            secret=secret,
        )


def _actor(cmd: RegistrationStep) -> str:
    match cmd:
        case RecordCodeSent() | RecordMailFailed() | RecordLetterEvent() | RecordClosed(by_system=True):
            return "system"
        case RecordClosed(state=State.EXPIRED) | RecordPinReminder():
            return "clock"
        case _:
            return "registrant"
