"""Whom a request's steps tell, and with what: its contact by mail, its requester by message and mail."""

from datetime import tzinfo
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import tell
from db.accounts import Account
from db.authorizations import AuthorizationRow
from db.colleagues import administrators, holdings_of
from db.directory import Organization
from db.registrations import MailRow, OneTimeSecret
from domain.authorization import AuthorizationStep, Code, State
from domain.client_words import STOPPED_BECAUSE
from domain.identifiers import Tin
from domain.people import masked_address
from domain.ports import Vault
from domain.recording import MailDue
from domain.time_words import moment_in_words

LINK_MAILS = ("authorization_request", "authorization_reminder")


def subject_of(authorization_id: UUID | str) -> str:
    """How audit, mails and secrets name a request; also its workflow id."""
    return f"authorization/{authorization_id}"


def sitting_subject(sitting_id: UUID | str) -> str:
    """How the code of a sitting of decisions, and its mail, are named."""
    return f"sitting/{sitting_id}"


def of_standing(kind: str, row: AuthorizationRow) -> str:
    """The kind of message and mail that fits a request to which nobody has answered: its contact may have no mail of ours."""
    unmailed = {State.IN_REVIEW: "_in_review", State.UNDELIVERABLE: "_undelivered"}
    return f"{kind}{unmailed.get(State(row.state), '')}"


class Telling:
    """Tells both sides of one request, within the transaction of one step. Times are told in the payer's `zone`."""

    def __init__(
        self, session: AsyncSession, vault: Vault, row: AuthorizationRow, cmd: AuthorizationStep, *, zone: tzinfo
    ) -> None:
        self._session = session
        self._vault = vault
        self._row = row
        self._cmd = cmd
        self._zone = zone

    async def values(self) -> dict[str, str]:
        """What the words of this request's mails and messages may name: nothing of the directory's."""
        row, vault = self._row, self._vault
        service = await self._session.get_one(Organization, row.billing_id)
        requester = await self._session.get_one(Account, row.requester_id)
        return {
            "service": service.name,
            "service_tin": Tin(vault.unseal("tin", service.tin_sealed)).masked,
            "requester": vault.unseal("name", requester.name_sealed),
            "provider": row.provider_name,
            "provider_tin": Tin(vault.unseal("tin", row.tin_sealed)).masked,
            "scope": f"NPI {row.npi}" if row.npi else "all of its Tax ID",
            "reference": row.reference,
            "until": moment_in_words(row.deadline, self._zone),
            "contact": masked_address(vault.unseal("email", row.contact_sealed)),
        }

    # The contact.

    async def send_link(self, *, purpose: str, **more: str) -> MailDue:
        """A mail with a link of its own; earlier links to the same address still work (I9)."""
        row, subject = self._row, subject_of(self._row.id)
        row.link_generation += 1
        row.link_due_at = row.delivery_at = self._cmd.at
        row.delivery = "due"
        secret = mails.issue_secret(
            self._session, self._vault, subject=subject, purpose="decision",
            generation=row.link_generation, expires_at=row.deadline,
        )  # fmt: skip
        return await self._mail_contact(purpose, generation=row.link_generation, secret=secret, **more)

    async def kill_links(self) -> None:
        """Links that were mailed until now are dead, and what hasn't left isn't sent."""
        subject = subject_of(self._row.id)
        for purpose in LINK_MAILS:
            await mails.drop_unsent(self._session, subject=subject, purpose=purpose)
        await self._session.execute(
            update(OneTimeSecret)
            .where(col(OneTimeSecret.subject) == subject, col(OneTimeSecret.purpose) == "decision")
            .values(expires_at=self._cmd.at, sealed=None)
        )

    async def send_code(self, sitting_id: UUID) -> MailDue:
        """The code that confirms a sitting; it takes the place of the ones before, and has no end until it has left."""
        subject, generation = sitting_subject(sitting_id), self._cmd.revision
        await mails.drop_unsent(self._session, subject=subject, purpose="authorization_code")
        secret = mails.issue_secret(self._session, self._vault, subject=subject, purpose="code", generation=generation)
        return await self._mail_contact("authorization_code", generation=generation, subject=subject, secret=secret)

    async def tell_contact_it_is_over(self, how: str) -> tuple[MailDue, ...]:
        """Whoever has the link hears that nothing is waited for any more; whoever never got it doesn't."""
        sent = await self._session.scalar(
            select(func.count()).where(
                col(MailRow.subject) == subject_of(self._row.id),
                col(MailRow.purpose).in_(LINK_MAILS),
                col(MailRow.state) == "sent",
            )
        )
        if not sent or self._row.delivery == "bounced":
            return ()
        return (await self._mail_contact("authorization_closed", generation=1, how=how),)

    async def confirm_to_contact(self, how: str, *, decided_by: str) -> tuple[MailDue, ...]:
        """Whoever decided has it in writing, with what to do if it wasn't them (B7)."""
        return (await self._mail_contact("authorization_decided", generation=1, how=how, decided_by=decided_by),)

    async def _mail_contact(
        self,
        purpose: str,
        *,
        generation: int,
        subject: str | None = None,
        secret: OneTimeSecret | None = None,
        **more: str,
    ) -> MailDue:
        return mails.make_due(
            self._session, self._vault, subject=subject or subject_of(self._row.id), purpose=purpose,
            generation=generation, recipient=self._vault.unseal("email", self._row.contact_sealed),
            values={**await self.values(), **more}, at=self._cmd.at, secret=secret,
        )  # fmt: skip

    # The requester.

    async def tell_requester(self, kind: str, *, mailed: bool = True, **more: str) -> tuple[MailDue, ...]:
        """A message, and a mail unless it was their own doing. Where the requester has left: those who lead the service.

        Both lead to the request's own page.
        """
        subject, page, due = subject_of(self._row.id), f"clients/{self._row.id}", []
        values = {**await self.values(), "page": page, **more}
        for account in await self._requesters():
            told = {**values, "name": self._vault.unseal("name", account.name_sealed)}
            tell(
                self._session, self._vault, account_id=account.id, cause=f"{subject}:{kind}:{self._cmd.revision}",
                kind=kind, values=told, at=self._cmd.at,
            )  # fmt: skip
            if mailed:
                due.append(
                    mails.make_due(
                        self._session, self._vault, subject=subject, purpose=kind,
                        generation=f"{self._cmd.revision}-{account.id}",
                        recipient=self._vault.unseal("email", account.email_sealed), values=told, at=self._cmd.at,
                    )
                )  # fmt: skip
        return tuple(due)

    async def _requesters(self) -> list[Account]:
        holdings = await holdings_of(self._session, self._row.billing_id)
        if any(holding.account_id == self._row.requester_id for holding in holdings):
            told = [self._row.requester_id]
        else:
            told = administrators(holdings, None)
        return [await self._session.get_one(Account, account_id) for account_id in told]

    async def stopped(self, code: Code) -> tuple[MailDue, ...]:
        """It ended though nobody said no: both sides are told, the requester with the way on."""
        self._row.closing_code = code
        await self.kill_links()
        return (
            *await self.tell_requester("authorization_stopped", code=code, why=STOPPED_BECAUSE[code]),
            *await self.tell_contact_it_is_over("stopped"),
        )
