"""People of an organization as tests need them: an administrator, colleagues who were invited and accepted."""

import asyncio
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pyotp
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import WorkflowHandle

from db.accounts import Access, Account, Message
from db.audit import AuditEntry
from db.invitations import InvitationRow
from domain.invitation import InvitationResult, InvitationStatus
from portal import accepting, inviting, sessions
from portal.inviting import Invited
from portal.registration_view import view_registration
from portal.sessions import Principal, SessionKind
from tests.accounts import with_account
from tests.house import PASSWORD, Clinic, House, key
from workflows.delegate_invitation import DelegateInvitation

_people = itertools.count(1)


def new_address() -> str:
    return f"colleague{next(_people)}@clinic.example.org"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account, signed in."""

    account_id: UUID
    email: str
    principal: Principal
    token: str
    secret: str


class Office:
    """What people of a clinic do, through the portal."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.gate = house.gate
        self.skipped: dict[UUID, timedelta] = {}

    async def signed_in(self, account_id: UUID, *, email: str, secret: str) -> Person:
        token = await sessions.begin(self.gate, SessionKind.ACCOUNT, account_id, client="test")
        principal = await sessions.authenticate(self.gate, token, SessionKind.ACCOUNT)
        return Person(account_id=account_id, email=email, principal=principal, token=token, secret=secret)

    async def administrator(self, clinic: Clinic | None = None, *, email: str | None = None) -> Person:
        """Somebody who proved the organization."""
        email = email or new_address()
        started, secret = await with_account(self.house, clinic or await self.house.new_clinic(), email=email)
        view = await view_registration(self.gate, started.registration_id)
        assert view.account_id is not None
        return await self.signed_in(view.account_id, email=email, secret=secret)

    async def access(self, person: Person, *, status: str = "open") -> list[Access]:
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(Access)
                .where(col(Access.account_id) == person.account_id, col(Access.status) == status)
                .order_by(col(Access.opened_at))
            )
            return list(found)

    async def invite(self, person: Person, email: str, *, role: str = "member", **changes: Any) -> Invited:
        access_id = changes.pop("access_id", None) or (await self.access(person))[0].id
        return await inviting.invite(
            self.gate, person.principal, access_id=access_id, email=email, role=role, key=changes.get("key", key())
        )

    async def invited(self, person: Person, email: str, *, role: str = "member", **changes: Any) -> UUID:
        invited = await self.invite(person, email, role=role, **changes)
        assert invited.result.accepted, invited
        return invited.invitation_id

    async def link(self, email: str, *, after: int = 0, subject: str = "You are invited") -> str:
        """The token of the newest mailed link."""
        mail = await self.house.mail(to=email, subject=subject, after=after)
        found = re.search(r"/invitation/([\w-]{43})\b", mail.text or "")
        assert found, mail.text
        return found[1]

    async def followed(self, email: str, *, after: int = 0) -> tuple[UUID, Principal]:
        """Follow the mailed link; returns the invitation and the session of it."""
        link = await self.link(email, after=after)
        invitation_id, token = await accepting.follow_link(self.gate, link_token=link, client="test")
        return invitation_id, await sessions.authenticate(self.gate, token, SessionKind.INVITATION)

    async def prepared(
        self, email: str, *, name: str = "Kim Colleague", **changes: Any
    ) -> tuple[UUID, Principal, str, InvitationResult]:
        """Follow the link and choose name and password; returns besides the second factor's secret."""
        invitation_id, principal = await self.followed(email)
        result = await accepting.set_up_account(
            self.gate,
            invitation_id,
            name=name,
            password=PASSWORD,
            attested=True,
            key=key(),
            **changes,
        )
        secret = (await accepting.second_factor(self.gate, invitation_id)).secret
        return invitation_id, principal, secret, result

    async def confirm(self, invitation_id: UUID, principal: Principal, secret: str, **changes: str) -> InvitationResult:
        return await accepting.confirm_second_factor(
            self.gate,
            invitation_id,
            code=pyotp.TOTP(secret).now(),
            session_id=principal.session_id,
            key=changes.get("key", key()),
        )

    async def accepted(self, person: Person, *, after: int = 0) -> InvitationResult:
        """Accept the newest invitation with the account that the person has."""
        invitation_id, _ = await self.followed(person.email, after=after)
        return await accepting.accept_with_account(self.gate, person.principal, invitation_id, attested=True, key=key())

    async def joined(self, email: str, *, name: str = "Kim Colleague") -> Person:
        """Accept the newest invitation with a new account."""
        invitation_id, principal, secret, result = await self.prepared(email, name=name)
        assert result.accepted, result
        result = await self.confirm(invitation_id, principal, secret)
        assert result.accepted, result
        row = await self.row(invitation_id)
        assert row.account_id is not None
        return await self.signed_in(row.account_id, email=email, secret=secret)

    async def colleague(self, person: Person, *, role: str = "member", name: str = "Kim Colleague") -> Person:
        """Invite somebody new, who accepts."""
        email = new_address()
        await self.invited(person, email, role=role)
        return await self.joined(email, name=name)

    async def row(self, invitation_id: UUID) -> InvitationRow:
        async with self.house.database.read() as session:
            return await session.get_one(InvitationRow, invitation_id)

    async def ended(self, invitation_id: UUID) -> InvitationRow:
        """The invitation's row once its workflow has ended."""
        await asyncio.wait_for(self.handle(invitation_id).result(), 20)
        return await self.row(invitation_id)

    def handle(self, invitation_id: UUID) -> WorkflowHandle:
        return self.house.client.get_workflow_handle_for(DelegateInvitation.run, f"invitation/{invitation_id}")

    async def quiet(self, invitation_id: UUID) -> InvitationStatus:
        """Wait until nothing is under way: every mail has left, and the workflow waits for a person."""
        handle = self.handle(invitation_id)
        async with asyncio.timeout(20):
            while True:
                tasks = (await handle.describe()).raw_description
                status = await handle.query(DelegateInvitation.status)
                busy = tasks.pending_activities or tasks.HasField("pending_workflow_task")
                if status.mails_pending == 0 and not busy:
                    return status
                await asyncio.sleep(0.05)

    async def account(self, email: str) -> Account | None:
        digest = self.house.vault.digest("email", email)
        async with self.house.database.read() as session:
            found: Account | None = await session.scalar(select(Account).where(col(Account.email_digest) == digest))
        return found

    async def messages(self, person: Person) -> list[str]:
        """The kinds of the person's messages, the oldest first."""
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(Message).where(col(Message.account_id) == person.account_id).order_by(col(Message.at))
            )
            return [message.kind for message in found]

    async def audit(self, subject: str) -> Sequence[AuditEntry]:
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(AuditEntry).where(col(AuditEntry.subject) == subject).order_by(col(AuditEntry.position))
            )
            return found.all()

    def mails(self, email: str, subject: str = "") -> int:
        return len(self.house.mails(to=email, subject=subject))
