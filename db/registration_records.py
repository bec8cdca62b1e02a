"""The transactional heart of registrations: each step is one transaction, and the same step twice is one change."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import names_of_registering, open_account, still_good
from db.accounts import Account
from db.cases import CaseRow
from db.counting import count
from db.letters import void_letters
from db.newcomers import has_answered
from db.proofs import claim_payment, find_match
from db.registration_billing import BillingRegistrationSteps
from db.registration_steps import subject_of
from db.registrations import Credential, Evidence, OneTimeSecret, RegistrationRow
from domain.people import same_name
from domain.registration import (
    Code,
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
    RecordResumeLink,
    State,
)

_HOUR: Final = timedelta(hours=1)


class SqlRegistrationRecords(BillingRegistrationSteps):
    """The `RegistrationRecords` port on SQLite and PostgreSQL."""

    async def open(self, cmd: RecordOpened) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            if row.for_account_id is not None:
                if await self._adds_too_many(session, row.for_account_id):
                    return self._closed(row, State.REJECTED, Code.TOO_MANY_OPEN)
                return Recorded(state=State.PROVING)
            account = await session.scalar(
                select(Account).where(col(Account.email_digest) == row.email_digest, col(Account.closed_at).is_(None))
            )
            await count(session, "codes", cmd.registration_id, at=cmd.at, window=_HOUR)
            # Never refused here: how many registrations an address begins has a limit of its own.
            await count(session, "codes-address", self._limit_key(row), at=cmd.at, window=_HOUR)
            if account is not None:
                # The page answers as for anyone; only the mailbox's owner learns that there is an account (I16).
                return Recorded(
                    state=State.CONFIRMING_EMAIL,
                    mails=(self._mail(session, row, cmd, purpose="account_exists", generation=1),),
                )
            return Recorded(state=State.CONFIRMING_EMAIL, mails=(self._code_mail(session, row, cmd, 1),))

        return await self._once(cmd, "registration.opened", step, opened=cmd)

    async def _adds_too_many(self, session: AsyncSession, account_id: UUID) -> bool:
        """Whether this one is more than an account may be adding at a time (P10); counted by one transaction after another."""
        # Not FOR UPDATE: this row's foreign key has locked the account's key for others as well, and two would wait for each other.
        account = select(col(Account.id)).where(col(Account.id) == account_id).with_for_update(key_share=True)
        await session.execute(account)
        opened = await session.scalar(
            select(func.count()).where(
                col(RegistrationRow.for_account_id) == account_id,
                col(RegistrationRow.state).in_([state for state in State if not state.is_final]),
            )
        )
        return (opened or 0) > self._limits.additions_open

    async def issue_code(self, cmd: RecordCodeIssued) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            tally = await count(session, "codes", cmd.registration_id, at=cmd.at, window=_HOUR)
            if tally.count > self._limits.codes_per_hour:
                return self._refused(row, Code.CODES_LIMIT, retry_at=tally.window_ends_at)
            to_address = await count(session, "codes-address", self._limit_key(row), at=cmd.at, window=_HOUR)
            if to_address.count > self._limits.codes_per_address_per_hour:
                return self._refused(row, Code.CODES_LIMIT, retry_at=to_address.window_ends_at)
            await mails.drop_unsent(session, subject=subject_of(cmd.registration_id), purpose="code")
            row.code_generation = cmd.generation
            row.code_expires_at = None
            row.mail_failed = False
            first = await session.get(OneTimeSecret, (subject_of(cmd.registration_id), "code", 1))
            if first is None:
                mail = self._mail(session, row, cmd, purpose="account_exists", generation=cmd.generation)
            else:
                mail = self._code_mail(session, row, cmd, cmd.generation)
            return Recorded(state=State(row.state), mails=(mail,))

        return await self._once(cmd, "registration.code_issued", step)

    async def code_sent(self, cmd: RecordCodeSent) -> Recorded:
        async def step(_session: AsyncSession, row: RegistrationRow) -> Recorded:
            if row.code_generation == cmd.generation:
                row.code_expires_at = cmd.code_expires_at
            return Recorded(state=State(row.state))

        return await self._once(cmd, "registration.code_sent", step)

    async def mail_failed(self, cmd: RecordMailFailed) -> Recorded:
        async def step(_session: AsyncSession, row: RegistrationRow) -> Recorded:
            row.mail_failed = True
            return Recorded(state=State(row.state))

        return await self._once(cmd, "registration.mail_failed", step)

    async def judge_code(self, cmd: JudgeCode) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            life = await count(session, "registration", cmd.registration_id, at=cmd.at)
            tally = await count(session, "code", f"{cmd.registration_id}:{cmd.generation}", at=cmd.at)
            left = max(0, self._limits.code_tries - tally.count)
            if tally.count > self._limits.code_tries:
                return await self._counted(session, row, cmd, Code.CODE_TRIES_USED, left=0, life=life.count)
            if cmd.code_expires_at is not None and cmd.at >= cmd.code_expires_at:
                return await self._counted(session, row, cmd, Code.CODE_EXPIRED, left=left, life=life.count)
            secret = await session.get(OneTimeSecret, (subject_of(cmd.registration_id), "code", cmd.generation))
            if secret is None or secret.used_at is not None or secret.digest != cmd.code_digest:
                return await self._counted(session, row, cmd, Code.CODE_WRONG, left=left, life=life.count)
            secret.used_at = cmd.at
            row.deadline = cmd.deadline
            return Recorded(state=State.PROVING)

        return await self._once(cmd, "registration.code_judged", step)

    async def judge_payment(self, cmd: JudgePayment) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            tried = await self._count_proof(session, row, cmd, tin=cmd.proof.tin, caller_digest=cmd.proof.caller_digest)
            if isinstance(tried, Recorded):
                return tried
            payment = await find_match(session, self._vault, self._limits, cmd)
            if payment is not None and await self._has_it(session, row, payment.organization_id, cmd.proof.npi):
                return self._refused(row, Code.ACCESS_OPEN_ALREADY)
            if payment is None or not await claim_payment(session, payment, cmd):
                return await self._counted(session, row, cmd, Code.PAYMENT_NO_MATCH, left=tried.left, life=tried.life)
            await tried.give_back(session)
            await void_letters(session, row.id)
            row.organization_id, row.npi = payment.organization_id, cmd.proof.npi
            return await self._proved(session, row, cmd, deadline=cmd.deadline)

        return await self._once(cmd, "registration.payment_judged", step)

    async def set_up_account(self, cmd: RecordAccount) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            credential = await session.get(Credential, UUID(cmd.account.credential_id))
            names = await names_of_registering(session, row)
            if credential is None or credential.registration_id != row.id or names is None:
                return self._refused(row, Code.SECOND_FACTOR_UNCONFIRMED)
            is_practitioner = any(same_name(cmd.account.name, name) for name in names.practitioners)
            is_organization = any(same_name(cmd.account.name, name) for name in names.organization)
            if is_practitioner or (is_organization and names.is_sole_proprietor):
                if not cmd.account.attests_own_name:
                    return self._refused(row, Code.NAME_NEEDS_ATTESTATION)
            elif is_organization:
                return self._refused(row, Code.NAME_IS_ORGANIZATION)
            if row.organization_id is not None and not await has_answered(session, row):
                return self._refused(row, Code.COLLEAGUES_UNANSWERED)
            row.name_sealed = self._vault.seal("name", cmd.account.name)
            row.attests_own_name = cmd.account.attests_own_name
            row.credential_id = credential.id
            row.deadline = cmd.deadline
            return Recorded(state=State.SECURING_ACCOUNT)

        return await self._once(cmd, "registration.account_set_up", step)

    async def complete(self, cmd: RecordCompleted) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            credential = await session.get(Credential, UUID(cmd.credential_id))
            if credential is None or credential.registration_id != row.id or credential.second_factor_step is None:
                return self._refused(row, Code.SECOND_FACTOR_UNCONFIRMED)
            evidence = await self._evidence(session, row)
            is_proved = evidence is not None and await still_good(session, evidence)
            refusal = None if is_proved else await self._billing_refusal(session, row)
            if refusal is not None:
                return await self._back_to_proving(session, row, cmd, deadline=cmd.deadline, code=refusal)
            taken = await session.scalar(
                select(col(Account.id)).where(
                    col(Account.email_digest) == row.email_digest, col(Account.closed_at).is_(None)
                )
            )
            if taken is not None:
                await self._release(session, row, cmd)
                return self._closed(row, State.REJECTED, Code.EMAIL_TAKEN)
            evidence = evidence or await self._make_billing_service(session, row, cmd)
            if evidence is None:
                code = Code.BILLING_SERVICE_REGISTERED
                return await self._back_to_proving(session, row, cmd, deadline=cmd.deadline, code=code)
            due = await open_account(session, self._vault, row=row, credential=credential, evidence=evidence, at=cmd.at)
            return await self._completed(session, row, cmd, due)

        return await self._once(cmd, "registration.completed", step)

    async def close(self, cmd: RecordClosed) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            was_confirmed = State(row.state) is not State.CONFIRMING_EMAIL
            await self._release(session, row, cmd)
            row.closing_code = cmd.state
            told = was_confirmed and (cmd.state is State.EXPIRED or cmd.by_system)
            purpose = "registration_stopped" if cmd.by_system else "expired"
            return Recorded(
                state=cmd.state, mails=(self._mail(session, row, cmd, purpose=purpose, generation=1),) if told else ()
            )

        return await self._once(cmd, "registration.closed", step)

    async def issue_resume_link(self, cmd: RecordResumeLink) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            tally = await count(session, "resume-links", self._limit_key(row), at=cmd.at, window=_HOUR)
            if tally.count > self._limits.resume_links_per_hour:
                return self._refused(row, Code.CODES_LIMIT, retry_at=tally.window_ends_at)
            secret = mails.issue_secret(
                session, self._vault, subject=subject_of(cmd.registration_id), purpose="resume",
                generation=cmd.generation, expires_at=cmd.expires_at,
            )  # fmt: skip
            return Recorded(
                state=State(row.state),
                mails=(self._mail(session, row, cmd, purpose="resume", generation=cmd.generation, secret=secret),),
            )

        return await self._once(cmd, "registration.resume_link_issued", step)

    async def case_outcome(self, cmd: RecordCaseOutcome) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            state = State(row.state)
            if state not in {State.PROVING, State.AWAITING_PIN}:
                return Recorded(accepted=False, state=state)
            if cmd.outcome != "access_given":
                # Being listed proves nothing of the person: they go on with the numbers they typed, and have time for it.
                case = await session.get(CaseRow, UUID(cmd.evidence_id))
                if case is not None and case.registration_id == row.id:
                    row.deadline = max(row.deadline, cmd.deadline)
                return Recorded(state=state)
            evidence = await session.get(Evidence, UUID(cmd.evidence_id))
            if evidence is None or evidence.registration_id != row.id or not await still_good(session, evidence):
                return Recorded(accepted=False, state=state)
            await void_letters(session, row.id)
            row.organization_id, row.npi = evidence.organization_id, evidence.npi
            return await self._proved(session, row, cmd, deadline=cmd.deadline)

        return await self._once(cmd, f"registration.case_{cmd.outcome}", step)
