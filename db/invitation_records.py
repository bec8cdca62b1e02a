"""The transactional heart of invitations: each step is one transaction, and the same step twice is one change."""

from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import Newcomer, make_account, organization_names, tell
from db.accounts import Access, Account
from db.billing import belongs_to_billing_service
from db.colleagues import holdings_of, lock_organization
from db.counting import count
from db.directory import Organization
from db.invitation_steps import DAY, InvitationSteps, subject_of
from db.invitations import InvitationConsent, InvitationRow
from db.registrations import Credential, Evidence
from domain.colleagues import Role, administers
from domain.invitation import (
    Code,
    InvitationRecorded,
    RecordAcceptance,
    RecordBounced,
    RecordInvitationClosed,
    RecordInvited,
    RecordInvitee,
    RecordInviterCheck,
    RecordReminder,
    RecordResent,
    State,
)
from domain.people import same_name
from domain.recording import MailDue


class SqlInvitationRecords(InvitationSteps):
    """The `InvitationRecords` port on SQLite and PostgreSQL."""

    async def open(self, cmd: RecordInvited) -> InvitationRecorded:
        async def step(session: AsyncSession, row: InvitationRow) -> InvitationRecorded:
            await lock_organization(session, row.organization_id)
            refusal = await self._refusal_to_invite(session, row, cmd)
            if refusal is not None:
                row.closing_code = refusal.code
                return refusal
            # The index that allows one open invitation of a mailbox is asked before anything else is written.
            row.state = State.SENT
            await session.flush()
            mail = await self._link_mail(session, row, cmd, purpose="invitation", generation=1)
            return InvitationRecorded(state=State.SENT, mails=(mail,))

        return await self._once(cmd, "invitation.opened", step, opened=cmd)

    async def _refusal_to_invite(
        self, session: AsyncSession, row: InvitationRow, cmd: RecordInvited
    ) -> InvitationRecorded | None:
        """Why this invitation isn't sent.

        Whether the address is a billing service's person's is looked up last (T4): only an administrator gets there, and
        every such question has been counted for the organization and for the address (I16).
        """
        row.state = State.CANCELLED
        holdings = await holdings_of(session, row.organization_id)
        if not administers(holdings, row.inviter_id, row.npi):
            return self._refused(row, Code.NOT_ADMINISTRATOR)
        code = await invited_already(session, row.organization_id, row.npi, row.email_digest)
        if code is not None:
            return self._refused(row, code)
        opened = await session.scalar(
            select(func.count()).where(
                col(InvitationRow.organization_id) == row.organization_id, col(InvitationRow.state) == State.SENT
            )
        )
        if (opened or 0) >= self._limits.invitations_open:
            return self._refused(row, Code.INVITATIONS_OPEN_LIMIT)
        of_organization = await count(session, "invitations", str(row.organization_id), at=cmd.at, window=DAY)
        if of_organization.count > self._limits.invitations_per_day:
            return self._refused(row, Code.INVITATIONS_LIMIT, retry_at=of_organization.window_ends_at)
        of_address = await count(session, "invitations-address", row.email_digest, at=cmd.at, window=DAY)
        if of_address.count > self._limits.invitations_per_address:
            return self._refused(row, Code.INVITATIONS_LIMIT, retry_at=of_address.window_ends_at)
        return self._refused(row, Code.INVITEE_BILLS) if await self._bills(session, row) else None

    async def _bills(self, session: AsyncSession, row: InvitationRow) -> bool:
        """Whether a provider invites somebody of a billing service who isn't their colleague already, for another NPI (T4)."""
        organization = await session.get_one(Organization, row.organization_id)
        if organization.kind != "provider":
            return False
        account_id = await open_account_of(session, row.email_digest)
        if account_id is not None and account_id in {
            one.account_id for one in await holdings_of(session, organization.id)
        }:
            return False
        return await belongs_to_billing_service(session, self._vault, self._vault.unseal("email", row.email_sealed))

    async def resend(self, cmd: RecordResent) -> InvitationRecorded:
        async def step(session: AsyncSession, row: InvitationRow) -> InvitationRecorded:
            holdings = await holdings_of(session, row.organization_id)
            if not administers(holdings, UUID(cmd.account_id), row.npi):
                return self._refused(row, Code.NOT_ADMINISTRATOR)
            if not administers(holdings, row.inviter_id, row.npi):
                return await self._inviter_left(session, row, cmd)
            refusal = self._resend_refusal(row, cmd)
            if refusal is not None:
                return refusal
            row.resends, row.mail_failed = row.resends + 1, False
            mail = await self._link_mail(session, row, cmd, purpose="invitation", generation=cmd.generation)
            return InvitationRecorded(state=State.SENT, mails=(mail,))

        return await self._once(cmd, "invitation.resent", step)

    async def remind(self, cmd: RecordReminder) -> InvitationRecorded:
        async def step(session: AsyncSession, row: InvitationRow) -> InvitationRecorded:
            if not await self._still_may_invite(session, row):
                return await self._inviter_left(session, row, cmd)
            if row.mail_failed:  # the address takes no mail; the inviter knows
                return InvitationRecorded(state=State.SENT)
            mail = await self._link_mail(session, row, cmd, purpose="invitation_reminder", generation=cmd.generation)
            return InvitationRecorded(state=State.SENT, mails=(mail,))

        return await self._once(cmd, "invitation.reminded", step)

    async def bounced(self, cmd: RecordBounced) -> InvitationRecorded:
        async def step(session: AsyncSession, row: InvitationRow) -> InvitationRecorded:
            if cmd.generation != row.generation:  # a newer link is on its way
                return InvitationRecorded(state=State.SENT)
            row.mail_failed = True
            due = await self._tell_inviter(
                session, row, cmd, kind="invitation_undeliverable", cause=f":{cmd.generation}"
            )
            return InvitationRecorded(state=State.SENT, mails=due)

        return await self._once(cmd, "invitation.bounced", step)

    async def name_invitee(self, cmd: RecordInvitee) -> InvitationRecorded:
        async def step(session: AsyncSession, row: InvitationRow) -> InvitationRecorded:
            if not await self._still_may_invite(session, row):
                return await self._inviter_left(session, row, cmd)
            if await open_account_of(session, row.email_digest) is not None:
                return self._refused(row, Code.EMAIL_TAKEN)
            invitee = cmd.invitee
            credential = await session.get(Credential, UUID(invitee.credential_id))
            if credential is None or credential.registration_id != row.id:
                return self._refused(row, Code.SECOND_FACTOR_UNCONFIRMED)
            names = await organization_names(session, row.organization_id)
            is_practitioner = any(same_name(invitee.name, name) for name in names.practitioners)
            is_organization = any(same_name(invitee.name, name) for name in names.organization)
            if is_practitioner or (is_organization and names.is_sole_proprietor):
                if not invitee.attests_own_name:
                    return self._refused(row, Code.NAME_NEEDS_ATTESTATION)
            elif is_organization:
                return self._refused(row, Code.NAME_IS_ORGANIZATION)
            row.name_sealed = self._vault.seal("name", invitee.name)
            row.attestation_version, row.attested_at = invitee.attestation_version, cmd.at
            row.attests_own_name = invitee.attests_own_name
            return InvitationRecorded(state=State.SENT)

        return await self._once(cmd, "invitation.invitee_named", step)

    async def accept(self, cmd: RecordAcceptance) -> InvitationRecorded:
        async def step(session: AsyncSession, row: InvitationRow) -> InvitationRecorded:
            # Nobody's role or access changes between looking at the inviter's and opening the colleague's.
            await lock_organization(session, row.organization_id)
            if not await self._still_may_invite(session, row):
                return await self._inviter_left(session, row, cmd)
            if cmd.acceptance.consent_id is not None:
                account = await self._consenting(session, row, UUID(cmd.acceptance.consent_id))
                if account is None:
                    return self._refused(row, Code.OTHER_ADDRESS)
            else:
                if await open_account_of(session, row.email_digest) is not None:
                    return self._refused(row, Code.EMAIL_TAKEN)
                made = await self._new_account(session, row, cmd)
                if made is None:
                    return self._refused(row, Code.SECOND_FACTOR_UNCONFIRMED)
                account = made
            return InvitationRecorded(state=State.ACCEPTED, mails=await self._open_access(session, row, cmd, account))

        return await self._once(cmd, "invitation.accepted", step)

    async def _consenting(self, session: AsyncSession, row: InvitationRow, consent_id: UUID) -> Account | None:
        """The account that accepts: signed in, open, and of the very mailbox that was invited (I6)."""
        consent = await session.get(InvitationConsent, consent_id)
        if consent is None or consent.invitation_id != row.id:
            return None
        account = await session.get(Account, consent.account_id)
        if account is None or account.closed_at is not None or account.email_digest != row.email_digest:
            return None
        row.attestation_version, row.attested_at = consent.attestation_version, consent.at
        return account

    async def _new_account(self, session: AsyncSession, row: InvitationRow, cmd: RecordAcceptance) -> Account | None:
        """The account of a newcomer, once the second factor is confirmed; the link has confirmed the address."""
        credential = await session.get(Credential, UUID(cmd.acceptance.credential_id or row.id.hex))
        if credential is None or credential.registration_id != row.id or credential.second_factor_step is None:
            return None
        if row.name_sealed is None or row.attestation_version is None or row.attested_at is None:
            return None
        newcomer = Newcomer(
            name=self._vault.unseal("name", row.name_sealed),
            address=self._vault.unseal("email", row.email_sealed),
            email_digest=row.email_digest,
            attestation_version=row.attestation_version,
            attested_at=row.attested_at,
            attests_own_name=row.attests_own_name,
        )
        return await make_account(session, self._vault, newcomer=newcomer, credential=credential, at=cmd.at)

    async def _open_access(
        self, session: AsyncSession, row: InvitationRow, cmd: RecordAcceptance, account: Account
    ) -> tuple[MailDue, ...]:
        """Evidence, access, the end of other sessions of the invitation, and both sides told."""
        row.account_id = account.id
        evidence = Evidence(
            id=uuid4(),
            kind="invitation",
            source_id=row.id,
            organization_id=row.organization_id,
            npi=row.npi,
            matched_at=cmd.at,
        )
        session.add(evidence)
        await session.flush()
        held = await session.scalar(
            select(Access).where(
                col(Access.account_id) == account.id,
                col(Access.organization_id) == row.organization_id,
                col(Access.npi).is_not_distinct_from(row.npi),
                col(Access.status) == "open",
            )
        )
        if held is None:
            session.add(
                Access(
                    account_id=account.id,
                    organization_id=row.organization_id,
                    npi=row.npi,
                    evidence_id=evidence.id,
                    via="invitation",
                    role=row.role,
                    opened_at=cmd.at,
                )
            )
        elif row.role == Role.ADMINISTRATOR:
            held.role = Role.ADMINISTRATOR  # they proved the organization themselves meanwhile
        subject = subject_of(cmd.invitation_id)
        for purpose in ("invitation", "invitation_reminder"):
            await mails.drop_unsent(session, subject=subject, purpose=purpose)
        session_id = cmd.acceptance.session_id
        await self._end_sessions(session, row, cmd, but=UUID(session_id) if session_id else None)
        name = self._vault.unseal("name", account.name_sealed)
        values = {**await self._values(session, row), "name": name}
        tell(
            session, self._vault, account_id=account.id, cause=f"{subject}:joined", kind="invitation_joined",
            values=values, at=cmd.at,
        )  # fmt: skip
        welcome = mails.make_due(
            session,
            self._vault,
            subject=subject,
            purpose="invitation_joined",
            generation=1,
            recipient=self._vault.unseal("email", account.email_sealed),
            values=values,
            at=cmd.at,
        )
        return (welcome, *await self._tell_inviter(session, row, cmd, kind="invitation_accepted"))

    async def close(self, cmd: RecordInvitationClosed) -> InvitationRecorded:
        async def step(session: AsyncSession, row: InvitationRow) -> InvitationRecorded:
            if cmd.account_id is not None:
                holdings = await holdings_of(session, row.organization_id)
                if not administers(holdings, UUID(cmd.account_id), row.npi):
                    return self._refused(row, Code.NOT_ADMINISTRATOR)
            code = Code.EXPIRED if cmd.state is State.EXPIRED else Code.CANCELLED
            return InvitationRecorded(state=cmd.state, mails=await self._closed(session, row, cmd, cmd.state, code))

        return await self._once(cmd, "invitation.closed", step)

    async def check_inviter(self, cmd: RecordInviterCheck) -> InvitationRecorded:
        async def step(session: AsyncSession, row: InvitationRow) -> InvitationRecorded:
            if await self._still_may_invite(session, row):
                return InvitationRecorded(state=State.SENT)
            recorded = await self._inviter_left(session, row, cmd)
            return recorded.model_copy(update={"accepted": True})

        return await self._once(cmd, "invitation.inviter_checked", step)

    async def _inviter_left(
        self,
        session: AsyncSession,
        row: InvitationRow,
        cmd: RecordResent | RecordReminder | RecordInvitee | RecordAcceptance | RecordInviterCheck,
    ) -> InvitationRecorded:
        due = await self._closed(session, row, cmd, State.CANCELLED, Code.INVITER_LEFT)
        return InvitationRecorded(accepted=False, code=Code.INVITER_LEFT, state=State.CANCELLED, mails=due)


async def open_account_of(session: AsyncSession, email_digest: str) -> UUID | None:
    """The open account of this mailbox, if there is one."""
    account_id: UUID | None = await session.scalar(
        select(col(Account.id)).where(col(Account.email_digest) == email_digest, col(Account.closed_at).is_(None))
    )
    return account_id


async def invited_already(
    session: AsyncSession, organization_id: UUID, npi: str | None, email_digest: str
) -> Code | None:
    """Whether this mailbox has what it would be invited to, or an open invitation to it.

    Tells only of the organization's own colleagues and invitations, never of accounts elsewhere (I16).
    """
    holdings = await holdings_of(session, organization_id)
    held = {holding.account_id for holding in holdings if holding.covers(npi)}
    account_id = await open_account_of(session, email_digest)
    invitation = await session.scalar(
        select(col(InvitationRow.id)).where(
            col(InvitationRow.organization_id) == organization_id,
            col(InvitationRow.scope) == (npi or ""),
            col(InvitationRow.email_digest) == email_digest,
            col(InvitationRow.state) == State.SENT,
        )
    )
    if account_id is not None and account_id in held:
        return Code.ALREADY_COLLEAGUE
    return Code.INVITATION_OPEN if invitation is not None else None
