"""The transactional heart of registrations: each step is one transaction, and the same step twice is one change."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.account_opening import open_account, organization_names, still_good
from db.accounts import Account
from db.cases import CaseRow
from db.counting import count
from db.letters import void_letters
from db.newcomers import has_answered
from db.proofs import claim_payment, find_match
from db.registration_steps import RegistrationSteps, subject_of
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


class SqlRegistrationRecords(RegistrationSteps):
    """The `RegistrationRecords` port on SQLite and PostgreSQL."""

    async def open(self, cmd: RecordOpened) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            if row.for_account_id is not None:
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
            if credential is None or credential.registration_id != row.id or row.organization_id is None:
                return self._refused(row, Code.SECOND_FACTOR_UNCONFIRMED)
            names = await organization_names(session, row.organization_id)
            is_practitioner = any(same_name(cmd.account.name, name) for name in names.practitioners)
            is_organization = any(same_name(cmd.account.name, name) for name in names.organization)
            if is_practitioner or (is_organization and names.is_sole_proprietor):
                if not cmd.account.attests_own_name:
                    return self._refused(row, Code.NAME_NEEDS_ATTESTATION)
            elif is_organization:
                return self._refused(row, Code.NAME_IS_ORGANIZATION)
            if not await has_answered(session, row):
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
            if evidence is None or not await still_good(session, evidence):
                await self._release(session, row, cmd)
                row.organization_id, row.npi, row.deadline = None, None, cmd.deadline
                return Recorded(accepted=False, code=Code.PROOF_NO_LONGER_GOOD, state=State.PROVING)
            taken = await session.scalar(
                select(col(Account.id)).where(
                    col(Account.email_digest) == row.email_digest, col(Account.closed_at).is_(None)
                )
            )
            if taken is not None:
                await self._release(session, row, cmd)
                return self._closed(row, State.REJECTED, Code.EMAIL_TAKEN)
            due = await open_account(session, self._vault, row=row, credential=credential, evidence=evidence, at=cmd.at)
            return await self._completed(session, row, cmd, due)

        return await self._once(cmd, "registration.completed", step)

    async def close(self, cmd: RecordClosed) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            was_confirmed = State(row.state) is not State.CONFIRMING_EMAIL
            await self._release(session, row, cmd)
            row.closing_code = cmd.state
            told = cmd.state is State.EXPIRED and was_confirmed
            return Recorded(
                state=cmd.state, mails=(self._mail(session, row, cmd, purpose="expired", generation=1),) if told else ()
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
