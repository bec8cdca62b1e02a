"""What an invitation's workflow records: thin calls of the `InvitationRecords` port, one transaction each.

Each is safe to try again: the command's revision makes a repeated step answer as the first did.
"""

from temporalio import activity

from domain.invitation import (
    InvitationRecorded,
    InvitationRecords,
    RecordAcceptance,
    RecordBounced,
    RecordInvitationClosed,
    RecordInvited,
    RecordInvitee,
    RecordInviterCheck,
    RecordReminder,
    RecordResent,
)


class InvitationActivities:
    """The recorded steps of an invitation."""

    def __init__(self, records: InvitationRecords) -> None:
        self._records = records

    @activity.defn(name="invitation.open")
    async def open(self, cmd: RecordInvited) -> InvitationRecorded:
        return await self._records.open(cmd)

    @activity.defn(name="invitation.resend")
    async def resend(self, cmd: RecordResent) -> InvitationRecorded:
        return await self._records.resend(cmd)

    @activity.defn(name="invitation.remind")
    async def remind(self, cmd: RecordReminder) -> InvitationRecorded:
        return await self._records.remind(cmd)

    @activity.defn(name="invitation.bounced")
    async def bounced(self, cmd: RecordBounced) -> InvitationRecorded:
        return await self._records.bounced(cmd)

    @activity.defn(name="invitation.name_invitee")
    async def name_invitee(self, cmd: RecordInvitee) -> InvitationRecorded:
        return await self._records.name_invitee(cmd)

    @activity.defn(name="invitation.accept")
    async def accept(self, cmd: RecordAcceptance) -> InvitationRecorded:
        return await self._records.accept(cmd)

    @activity.defn(name="invitation.close")
    async def close(self, cmd: RecordInvitationClosed) -> InvitationRecorded:
        return await self._records.close(cmd)

    @activity.defn(name="invitation.check_inviter")
    async def check_inviter(self, cmd: RecordInviterCheck) -> InvitationRecorded:
        return await self._records.check_inviter(cmd)
