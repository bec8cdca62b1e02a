"""What an authorization's workflow records: thin calls of the `AuthorizationRecords` port, one transaction each.

Each is safe to try again: the command's revision makes a repeated step answer as the first did.
"""

from temporalio import activity

from domain.authorization import (
    AuthorizationRecorded,
    AuthorizationRecords,
    RecordAuthorizationClosed,
    RecordContactReminder,
    RecordCorrected,
    RecordDecision,
    RecordDecisionCode,
    RecordDecisionCodeSent,
    RecordMailReport,
    RecordRequested,
    RecordRequesterReminder,
    RecordResent,
    RecordVerdict,
)


class AuthorizationActivities:
    """The recorded steps of an authorization."""

    def __init__(self, records: AuthorizationRecords) -> None:
        self._records = records

    @activity.defn(name="authorization.open")
    async def open(self, cmd: RecordRequested) -> AuthorizationRecorded:
        return await self._records.open(cmd)

    @activity.defn(name="authorization.resend")
    async def resend(self, cmd: RecordResent) -> AuthorizationRecorded:
        return await self._records.resend(cmd)

    @activity.defn(name="authorization.correct")
    async def correct(self, cmd: RecordCorrected) -> AuthorizationRecorded:
        return await self._records.correct(cmd)

    @activity.defn(name="authorization.verdict")
    async def verdict(self, cmd: RecordVerdict) -> AuthorizationRecorded:
        return await self._records.verdict(cmd)

    @activity.defn(name="authorization.remind_contact")
    async def remind_contact(self, cmd: RecordContactReminder) -> AuthorizationRecorded:
        return await self._records.remind_contact(cmd)

    @activity.defn(name="authorization.remind_requester")
    async def remind_requester(self, cmd: RecordRequesterReminder) -> AuthorizationRecorded:
        return await self._records.remind_requester(cmd)

    @activity.defn(name="authorization.mail_report")
    async def mail_report(self, cmd: RecordMailReport) -> AuthorizationRecorded:
        return await self._records.mail_report(cmd)

    @activity.defn(name="authorization.issue_code")
    async def issue_code(self, cmd: RecordDecisionCode) -> AuthorizationRecorded:
        return await self._records.issue_code(cmd)

    @activity.defn(name="authorization.code_sent")
    async def code_sent(self, cmd: RecordDecisionCodeSent) -> AuthorizationRecorded:
        return await self._records.code_sent(cmd)

    @activity.defn(name="authorization.decide")
    async def decide(self, cmd: RecordDecision) -> AuthorizationRecorded:
        return await self._records.decide(cmd)

    @activity.defn(name="authorization.close")
    async def close(self, cmd: RecordAuthorizationClosed) -> AuthorizationRecorded:
        return await self._records.close(cmd)
