"""Sending the mails that recorded steps made due."""

from temporalio import activity

from domain.ports import Mailer, MailRefused, Outbox
from domain.recording import MailOutcome, SendMail


class MailActivities:
    """Hands mails to SMTP: at least once, every copy identical and under one Message-ID (I10)."""

    def __init__(self, outbox: Outbox, mailer: Mailer) -> None:
        self._outbox = outbox
        self._mailer = mailer

    @activity.defn(name="mail.send")
    async def send(self, cmd: SendMail) -> MailOutcome:
        """Send the mail unless it went out before. A refusal for good is an outcome; a delay is raised and tried again."""
        mail = await self._outbox.take(cmd.mail_id)
        if mail is None:
            # Settled by an earlier try whose answer was lost: a refusal stays one.
            return MailOutcome(accepted=not await self._outbox.was_refused(cmd.mail_id))
        try:
            await self._mailer.send(mail)
        except MailRefused:
            await self._outbox.settle(cmd.mail_id, accepted=False)
            return MailOutcome(accepted=False)
        await self._outbox.settle(cmd.mail_id, accepted=True)
        return MailOutcome(accepted=True)
