"""Recorded steps of a billing service that registers: it names itself, may take another path, and is made at the end (T3, T4)."""

from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.account_opening import add_access
from db.accounts import Account
from db.billing import BillingService
from db.directory import Organization
from db.letters import void_letters
from db.registration_steps import RegistrationSteps
from db.registrations import Evidence, RegistrationRow
from domain.people import same_name
from domain.registration import Code, JudgeBillingService, Recorded, RecordReconsidered, RegistrationStep, State


class BillingRegistrationSteps(RegistrationSteps):
    """The part of the `RegistrationRecords` port that is about billing services.

    Nothing is looked up before the try is counted, in the same limits as a payment proof (I13): that a provider's TIN is
    refused tells that the directory knows it, and T3 leaves no choice. That a TIN is accepted tells as much, and proves
    nothing; so the try isn't given back.
    """

    async def judge_billing_service(self, cmd: JudgeBillingService) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            billing = cmd.billing
            if same_name(self._vault.unseal("name", row.name_sealed), billing.name):
                return self._refused(row, Code.NAME_IS_ORGANIZATION)
            tried = await self._count_proof(session, row, cmd, tin=billing.tin, caller_digest=billing.caller_digest)
            if isinstance(tried, Recorded):
                # A pause of payments would send them to the post, which proves no billing service.
                return tried.model_copy(update={"code": Code.TOO_MANY_TRIES})
            digest = self._vault.digest("billing-tin", billing.tin)
            code, registered_id = await self._taken(session, tin=billing.tin, billing_digest=digest)
            if registered_id is not None and await self._has_it(session, row, registered_id, None):
                return self._refused(row, Code.ACCESS_OPEN_ALREADY)
            if code is not None:
                return await self._counted(session, row, cmd, code, left=tried.left, life=tried.life)
            await void_letters(session, row.id)
            row.billing_tin_digest, row.billing_name = digest, billing.name
            row.billing_tin_sealed = self._vault.seal("tin", billing.tin)
            if row.for_account_id is None:
                row.deadline = cmd.deadline
                return Recorded(state=State.SETTING_UP_ACCOUNT)
            return await self._add_billing_service(session, row, cmd)

        return await self._once(cmd, "registration.billing_service_judged", step)

    async def reconsider(self, cmd: RecordReconsidered) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            return await self._back_to_proving(session, row, cmd, deadline=cmd.deadline)

        return await self._once(cmd, "registration.reconsidered", step)

    async def _add_billing_service(
        self, session: AsyncSession, row: RegistrationRow, cmd: JudgeBillingService
    ) -> Recorded:
        """Somebody with an account registers a billing service besides: one person with both kinds of role (T4)."""
        account = await session.get(Account, row.for_account_id)
        if account is None or account.closed_at is not None:
            await self._release(session, row, cmd)
            return self._closed(row, State.REJECTED, Code.ACCOUNT_CLOSED)
        evidence = await self._make_billing_service(session, row, cmd)
        if evidence is None:
            return await self._back_to_proving(
                session, row, cmd, deadline=row.deadline, code=Code.BILLING_SERVICE_REGISTERED
            )
        due = await add_access(session, self._vault, row=row, account=account, evidence=evidence, at=cmd.at)
        return await self._completed(session, row, cmd, due)

    async def _billing_refusal(self, session: AsyncSession, row: RegistrationRow) -> Code | None:
        """Why the billing service can't be made after all: its TIN was listed as a provider's, or registered, meanwhile."""
        if row.billing_tin_digest is None or row.billing_tin_sealed is None:
            return Code.PROOF_NO_LONGER_GOOD
        tin = self._vault.unseal("tin", row.billing_tin_sealed)
        code, _ = await self._taken(session, tin=tin, billing_digest=row.billing_tin_digest)
        return code

    async def _taken(self, session: AsyncSession, *, tin: str, billing_digest: str) -> tuple[Code | None, UUID | None]:
        """Why a TIN can't be a new billing service's, and the one that has it. The same query whatever is known (I16)."""
        provider_digest = self._vault.digest("tin", tin)
        rows = await session.execute(
            select(col(Organization.tin_digest), col(Organization.id)).where(
                col(Organization.tin_digest).in_([provider_digest, billing_digest])
            )
        )
        known = {row.tin_digest: row.id for row in rows}
        if billing_digest in known:
            return Code.BILLING_SERVICE_REGISTERED, known[billing_digest]
        return (Code.TIN_IS_PROVIDER if provider_digest in known else None), None

    async def _make_billing_service(
        self, session: AsyncSession, row: RegistrationRow, cmd: RegistrationStep
    ) -> Evidence | None:
        """Make the organization and what its first access rests on; None when another registration was first."""
        insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
        organization_id = await session.scalar(
            insert(Organization)
            .values(
                id=uuid4(),
                kind="billing",
                tin_digest=row.billing_tin_digest,
                tin_sealed=row.billing_tin_sealed,
                name=row.billing_name,
                updated_at=cmd.at,
            )
            .on_conflict_do_nothing(index_elements=["tin_digest"])
            .returning(col(Organization.id))
        )
        if organization_id is None:
            return None
        row.organization_id, row.npi = organization_id, None
        session.add(BillingService(organization_id=organization_id, registration_id=row.id, registered_at=cmd.at))
        evidence = Evidence(
            registration_id=row.id,
            kind="billing",
            source_id=row.id,
            organization_id=organization_id,
            matched_at=cmd.at,
        )
        session.add(evidence)
        await session.flush()
        return evidence
