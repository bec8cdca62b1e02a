"""Judging a decision: its evidence is read again, and the first that counts opens the access or ends the request (I3–I5)."""

from datetime import tzinfo
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Account
from db.authorization_asking import Asking
from db.authorization_telling import Telling
from db.authorizations import AuthorizationRow, DecisionRow, GrantRow
from db.colleagues import holdings_of
from db.directory import Organization, OrganizationNpi
from db.provider_telling import tell_provider_of_grant
from domain.authorization import AuthorizationRecorded, Code, RecordDecision, State
from domain.colleagues import administers
from domain.ports import Vault
from domain.recording import MailDue


class Deciding:
    """Judges one decision of one request, within the transaction of its step."""

    def __init__(
        self,
        session: AsyncSession,
        vault: Vault,
        row: AuthorizationRow,
        cmd: RecordDecision,
        *,
        asking: Asking,
        zone: tzinfo,
    ) -> None:
        self._session = session
        self._vault = vault
        self._row = row
        self._cmd = cmd
        self._asking = asking
        self._zone = zone
        self._telling = Telling(session, vault, row, cmd, zone=zone)

    async def judge(self) -> AuthorizationRecorded:
        row = self._row
        decision = await self._session.get(DecisionRow, UUID(self._cmd.decision_id), with_for_update=True)
        if decision is None or decision.authorization_id != row.id or decision.confirmed_at is None:
            return self._no(Code.VOID)  # nothing that the portal wrote: forged, or of another request
        if decision.outcome is not None:  # told twice
            return self._no(Code.SUPERSEDED if row.decision_id != decision.id else Code.OK)
        if State(row.state).is_final:
            is_late = row.decision_id is None and decision.confirmed_at >= self._cmd.deadline
            return self._set_aside(decision, Code.LATE if is_late else Code.SUPERSEDED)
        if decision.confirmed_at >= self._cmd.deadline:
            return self._set_aside(decision, Code.LATE)
        provider = await self._provider()
        if not await self._may_decide(decision, provider):
            return self._set_aside(decision, Code.VOID)
        row.decision_id = decision.id
        decision.outcome = "applied"
        await self._telling.kill_links()
        if decision.choice == "decline":
            return await self._declined(decision)
        return await self._approved(decision, provider)

    async def _may_decide(self, decision: DecisionRow, provider: Organization | None) -> bool:
        """Whether whoever decided may still do so, as the rows are now: independent, and for this provider (T2, I4)."""
        row = self._row
        if decision.via == "code":
            if decision.contact_version != row.contact_version or row.state == State.IN_REVIEW:
                return False
            contact = self._vault.unseal("email", row.contact_sealed)
            # Somebody of the service by now? A shared domain was looked at by staff before the link was sent.
            return (await self._asking.judgement(contact, review_wanted=True)).rule != "T2.own_person"
        if decision.account_id is None or provider is None:
            return False
        account = await self._session.get(Account, decision.account_id)
        if account is None or account.closed_at is not None or await self._asking.is_of_service(account.id):
            return False
        return administers(await holdings_of(self._session, provider.id), account.id, row.npi)

    async def _provider(self) -> Organization | None:
        """The provider as the directory knows it at this moment; it may have been listed since the request."""
        provider: Organization | None = await self._session.scalar(
            select(Organization).where(
                col(Organization.tin_digest) == self._row.tin_digest, col(Organization.kind) == "provider"
            )
        )
        if provider is None or self._row.npi is None:
            return provider
        known = await self._session.get(OrganizationNpi, (provider.id, self._row.npi))
        return provider if known is not None else None

    async def _approved(self, decision: DecisionRow, provider: Organization | None) -> AuthorizationRecorded:
        row, at = self._row, self._cmd.at
        if provider is None:
            return AuthorizationRecorded(
                state=State.CANCELLED,
                code=Code.PROVIDER_UNKNOWN,
                mails=await self._telling.stopped(Code.PROVIDER_UNKNOWN),
            )
        if not await holdings_of(self._session, row.billing_id):
            return AuthorizationRecorded(
                state=State.CANCELLED, code=Code.SERVICE_GONE, mails=await self._telling.stopped(Code.SERVICE_GONE)
            )
        row.organization_id = provider.id
        grant = GrantRow(
            reference=row.reference, authorization_id=row.id, decision_id=decision.id, billing_id=row.billing_id,
            organization_id=provider.id, npi=row.npi, scope=row.scope, opened_at=at, changed_at=at,
        )  # fmt: skip
        self._session.add(grant)
        await self._session.flush()
        decided_by = self._name(decision)
        mails = (
            *await self._telling.tell_requester("authorization_approved", decided_by=decided_by),
            *await self._tell_contact(decision, "approved"),
            *await tell_provider_of_grant(self._session, self._vault, row=row, grant=grant, at=at, zone=self._zone),
        )
        return AuthorizationRecorded(state=State.APPROVED, grant_id=str(grant.id), mails=mails)

    async def _declined(self, decision: DecisionRow) -> AuthorizationRecorded:
        mails = (
            *await self._telling.tell_requester("authorization_declined"),
            *await self._tell_contact(decision, "declined"),
        )
        return AuthorizationRecorded(state=State.DECLINED, mails=mails)

    async def _tell_contact(self, decision: DecisionRow, how: str) -> tuple[MailDue, ...]:
        if decision.via == "code":
            return await self._telling.confirm_to_contact(how, decided_by=self._name(decision))
        return await self._telling.tell_contact_it_is_over(how)

    def _name(self, decision: DecisionRow) -> str:
        return self._vault.unseal("name", decision.name_sealed)

    def _set_aside(self, decision: DecisionRow, code: Code) -> AuthorizationRecorded:
        decision.outcome = code.removeprefix("decision_")
        return self._no(code)

    def _no(self, code: Code) -> AuthorizationRecorded:
        return AuthorizationRecorded(state=State(self._row.state), accepted=code is Code.OK, code=code)
