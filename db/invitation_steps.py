"""What every recorded step of an invitation shares: doing it once, its mails, and telling both sides."""

from collections.abc import Awaitable, Callable
from datetime import timedelta, tzinfo
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import tell
from db.accounts import Account, SessionRow
from db.colleagues import administrators, holdings_of
from db.database import Database
from db.directory import Organization
from db.invitations import InvitationRow
from db.recording import Change, once
from db.registrations import MailRow
from domain.colleagues import administers
from domain.invitation import (
    Code,
    InvitationRecorded,
    InvitationStep,
    RecordBounced,
    RecordInvitationClosed,
    RecordInvited,
    RecordInviterCheck,
    RecordReminder,
    RecordResent,
    State,
    require_legal,
)
from domain.limits import Limits
from domain.people import mailbox_key, masked_address
from domain.ports import Vault
from domain.recording import MailDue
from domain.time_words import moment_in_words

Step = Callable[[AsyncSession, InvitationRow], Awaitable[InvitationRecorded]]

_NEW: Final = "new"  # a row whose first step hasn't decided yet
LINK_MAILS: Final = ("invitation", "invitation_reminder")


def subject_of(invitation_id: str) -> str:
    """How audit, mails and secrets name an invitation; also its workflow id."""
    return f"invitation/{invitation_id}"


class InvitationSteps:
    """Base of the records of an invitation, on SQLite and PostgreSQL. Times are told in the payer's `zone`."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, *, zone: tzinfo) -> None:
        self._database = database
        self._vault = vault
        self._limits = limits
        self._zone = zone

    async def _once(
        self, cmd: InvitationStep, action: str, step: Step, opened: RecordInvited | None = None
    ) -> InvitationRecorded:
        """Run the step once, within the table of legal transitions."""

        async def lock(session: AsyncSession) -> InvitationRow | None:
            return await session.get(InvitationRow, UUID(cmd.invitation_id), with_for_update=True)

        async def change(session: AsyncSession, row: InvitationRow) -> tuple[InvitationRecorded, Change]:
            before = State.SENT if row.state == _NEW else State(row.state)
            recorded = await step(session, row)
            require_legal(before, recorded.state)
            row.state, row.updated_at = recorded.state, cmd.at
            details = {"state": str(recorded.state), "code": str(recorded.code)}
            return recorded, Change(actor=_actor(cmd), action=action, details=details)

        return await once(
            self._database,
            cmd,
            subject=subject_of(cmd.invitation_id),
            result=InvitationRecorded,
            lock=lock,
            step=change,
            create=(lambda: self._new_row(opened)) if opened else None,
        )

    def _new_row(self, cmd: RecordInvited) -> InvitationRow:
        start = cmd.start
        return InvitationRow(
            id=UUID(cmd.invitation_id),
            reference=start.reference,
            revision=0,
            state=_NEW,
            organization_id=UUID(start.organization_id),
            npi=start.npi,
            scope=start.npi or "",
            role=start.role,
            inviter_id=UUID(start.inviter_id),
            email_digest=self._vault.digest("email", mailbox_key(start.email)),
            email_sealed=self._vault.seal("email", start.email),
            started_at=cmd.at,
            updated_at=cmd.at,
            deadline=cmd.deadline,
            link_due_at=cmd.at,
        )

    @staticmethod
    def _refused(row: InvitationRow, code: Code, **answer: object) -> InvitationRecorded:
        return InvitationRecorded.model_validate({"accepted": False, "code": code, "state": row.state, **answer})

    async def _still_may_invite(self, session: AsyncSession, row: InvitationRow) -> bool:
        return administers(await holdings_of(session, row.organization_id), row.inviter_id, row.npi)

    async def _values(self, session: AsyncSession, row: InvitationRow) -> dict[str, str]:
        """What the words of this invitation's mails and messages may name."""
        organization = await session.get_one(Organization, row.organization_id)
        inviter = await session.get_one(Account, row.inviter_id)
        address = self._vault.unseal("email", row.email_sealed)
        return {
            "organization": organization.name,
            "scope": f"NPI {row.npi}" if row.npi else "all of its Tax ID",
            "inviter": self._vault.unseal("name", inviter.name_sealed),
            "invitee": masked_address(address),
            "role": row.role,
            "reference": row.reference,
            "until": moment_in_words(row.deadline, self._zone),
        }

    async def _link_mail(
        self, session: AsyncSession, row: InvitationRow, cmd: InvitationStep, *, purpose: str, generation: int
    ) -> MailDue:
        """A mail with a link of its own; earlier links still work (I9)."""
        subject = subject_of(cmd.invitation_id)
        row.generation, row.link_due_at = generation, cmd.at
        secret = mails.issue_secret(
            session, self._vault, subject=subject, purpose="invitation", generation=generation, expires_at=row.deadline
        )
        return mails.make_due(
            session,
            self._vault,
            subject=subject,
            purpose=purpose,
            generation=generation,
            recipient=self._vault.unseal("email", row.email_sealed),
            values=await self._values(session, row),
            at=cmd.at,
            secret=secret,
        )

    async def _tell_inviter(
        self, session: AsyncSession, row: InvitationRow, cmd: InvitationStep, *, kind: str, cause: str = ""
    ) -> tuple[MailDue, ...]:
        """A message and a mail to the inviter; if they can't invite any more, a message to each administrator."""
        holdings = await holdings_of(session, row.organization_id)
        is_in = administers(holdings, row.inviter_id, row.npi)
        told = [row.inviter_id] if is_in else administrators(holdings, row.npi)
        subject, values = subject_of(cmd.invitation_id), await self._values(session, row)
        cause = f"{subject}:{kind}{cause}"
        for account_id in told:
            tell(session, self._vault, account_id=account_id, cause=cause, kind=kind, values=values, at=cmd.at)
        if not is_in:
            return ()
        inviter = await session.get_one(Account, row.inviter_id)
        return (
            mails.make_due(
                session,
                self._vault,
                subject=subject,
                purpose=kind,
                generation=cmd.revision,
                recipient=self._vault.unseal("email", inviter.email_sealed),
                values={"name": values["inviter"], **values},
                at=cmd.at,
            ),
        )

    async def _closed(
        self, session: AsyncSession, row: InvitationRow, cmd: InvitationStep, state: State, code: Code
    ) -> tuple[MailDue, ...]:
        """End without access: links and sessions are dead, and both sides are told."""
        row.closing_code = code
        subject = subject_of(cmd.invitation_id)
        for purpose in LINK_MAILS:
            await mails.drop_unsent(session, subject=subject, purpose=purpose)
        await self._end_sessions(session, row, cmd)
        due = await self._tell_inviter(session, row, cmd, kind=f"invitation_{state}")
        if not await self._was_mailed(session, subject):
            return due
        # Whoever never got the invitation doesn't hear of its end.
        to_invitee = mails.make_due(
            session,
            self._vault,
            subject=subject,
            purpose="invitation_closed",
            generation=1,
            recipient=self._vault.unseal("email", row.email_sealed),
            values={**await self._values(session, row), "how": state},
            at=cmd.at,
        )
        return (*due, to_invitee)

    @staticmethod
    async def _was_mailed(session: AsyncSession, subject: str) -> bool:
        sent = await session.scalar(
            select(func.count()).where(
                col(MailRow.subject) == subject, col(MailRow.purpose).in_(LINK_MAILS), col(MailRow.state) == "sent"
            )
        )
        return bool(sent)

    @staticmethod
    async def _end_sessions(
        session: AsyncSession, row: InvitationRow, cmd: InvitationStep, *, but: UUID | None = None
    ) -> None:
        await session.execute(
            update(SessionRow)
            .where(
                col(SessionRow.kind) == "invitation",
                col(SessionRow.subject_id) == row.id,
                col(SessionRow.revoked_at).is_(None),
                col(SessionRow.id).is_distinct_from(but),
            )
            .values(revoked_at=cmd.at)
        )

    def _resend_refusal(self, row: InvitationRow, cmd: InvitationStep) -> InvitationRecorded | None:
        """A link goes again a few times only, with a pause between; a reminder counts for the pause."""
        if row.resends >= self._limits.invitation_resends:
            return self._refused(row, Code.RESEND_LIMIT)
        again_at = row.link_due_at + self._limits.invitation_resend_gap
        if cmd.at < again_at and not row.mail_failed:
            return self._refused(row, Code.RESEND_PAUSE, retry_at=again_at)
        return None


def _actor(cmd: InvitationStep) -> str:
    match cmd:
        case RecordInvited(start=start):
            return f"account/{start.inviter_id}"
        case RecordResent(account_id=account_id):
            return f"account/{account_id}"
        case RecordInvitationClosed(account_id=str(account_id)):
            return f"account/{account_id}"
        case RecordInvitationClosed(state=State.EXPIRED) | RecordReminder():
            return "clock"
        case RecordBounced() | RecordInviterCheck() | RecordInvitationClosed():
            return "system"
        case _:
            return "invitee"


DAY: Final = timedelta(days=1)
