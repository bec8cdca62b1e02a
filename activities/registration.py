"""What a registration's workflow records: thin calls of the `RegistrationRecords` port, one transaction each.

Each is safe to try again: the command's revision makes a repeated step answer as the first did.
"""

from temporalio import activity

from domain.ports import RegistrationRecords
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


class RegistrationActivities:
    """The recorded steps of a registration."""

    def __init__(self, records: RegistrationRecords) -> None:
        self._records = records

    @activity.defn(name="registration.open")
    async def open(self, cmd: RecordOpened) -> Recorded:
        return await self._records.open(cmd)

    @activity.defn(name="registration.issue_code")
    async def issue_code(self, cmd: RecordCodeIssued) -> Recorded:
        return await self._records.issue_code(cmd)

    @activity.defn(name="registration.code_sent")
    async def code_sent(self, cmd: RecordCodeSent) -> Recorded:
        return await self._records.code_sent(cmd)

    @activity.defn(name="registration.mail_failed")
    async def mail_failed(self, cmd: RecordMailFailed) -> Recorded:
        return await self._records.mail_failed(cmd)

    @activity.defn(name="registration.judge_code")
    async def judge_code(self, cmd: JudgeCode) -> Recorded:
        return await self._records.judge_code(cmd)

    @activity.defn(name="registration.judge_payment")
    async def judge_payment(self, cmd: JudgePayment) -> Recorded:
        return await self._records.judge_payment(cmd)

    @activity.defn(name="registration.judge_billing_service")
    async def judge_billing_service(self, cmd: JudgeBillingService) -> Recorded:
        return await self._records.judge_billing_service(cmd)

    @activity.defn(name="registration.reconsider")
    async def reconsider(self, cmd: RecordReconsidered) -> Recorded:
        return await self._records.reconsider(cmd)

    @activity.defn(name="registration.set_up_account")
    async def set_up_account(self, cmd: RecordAccount) -> Recorded:
        return await self._records.set_up_account(cmd)

    @activity.defn(name="registration.complete")
    async def complete(self, cmd: RecordCompleted) -> Recorded:
        return await self._records.complete(cmd)

    @activity.defn(name="registration.close")
    async def close(self, cmd: RecordClosed) -> Recorded:
        return await self._records.close(cmd)

    @activity.defn(name="registration.issue_resume_link")
    async def issue_resume_link(self, cmd: RecordResumeLink) -> Recorded:
        return await self._records.issue_resume_link(cmd)

    @activity.defn(name="registration.case_outcome")
    async def case_outcome(self, cmd: RecordCaseOutcome) -> Recorded:
        return await self._records.case_outcome(cmd)
