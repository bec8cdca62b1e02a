"""Outgoing mail: rendered from a folder per purpose, handed to SMTP so that copies of one mail are identical."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import aiosmtplib
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.people import relayed_address
from domain.ports import MailDelayed, MailRefused, OutgoingMail

_TEMPLATES: Final = Path(__file__).parent / "templates" / "email"


@dataclass(frozen=True, kw_only=True)
class SmtpRelay:
    """Where mail is handed over, and as whom."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    security: Literal["none", "starttls", "tls"] = "none"
    sender: str = "portal@example.org"


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """What every mail shows of the payer. `site_url` has no slash at its end."""

    name: str
    phone: str
    hours: str
    email: str
    colour: str
    site_url: str


class SmtpMailer:
    """The `Mailer` port on aiosmtplib.

    SMTP can't be exactly-once: a worker that dies after the relay's 250 sends again. Message-ID, Date and
    MIME boundary depend on the mail alone, so that copies are identical and recognised as one.
    """

    def __init__(self, relay: SmtpRelay, letterhead: Letterhead) -> None:
        self._relay = relay
        self._letterhead = letterhead
        self._text = _environment(autoescape=False)
        self._html = _environment(autoescape=True)

    async def send(self, mail: OutgoingMail) -> None:
        if relayed_address(mail.recipient) is None:
            raise MailRefused
        try:
            await aiosmtplib.send(
                self.render(mail),
                hostname=self._relay.host,
                port=self._relay.port,
                username=self._relay.username,
                password=self._relay.password,
                use_tls=self._relay.security == "tls",
                start_tls=self._relay.security == "starttls",
                timeout=20,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            # One recipient a mail; the same exception carries 450 and 550 (branch on the code).
            raise _by_code(error.recipients[0].code) from None
        except aiosmtplib.SMTPAuthenticationError:
            # Our own credentials are wrong: the mail is fine and leaves once they are mended.
            raise MailDelayed from None
        except aiosmtplib.SMTPResponseException as error:
            raise _by_code(error.code) from None
        except (aiosmtplib.SMTPException, OSError):
            raise MailDelayed from None

    def render(self, mail: OutgoingMail) -> EmailMessage:
        """The mail as it goes out. The subject is fixed text: no name, number or code in it (I12)."""
        values = {**mail.values, "payer": self._letterhead}
        message = EmailMessage(policy=SMTP_POLICY)
        message["Subject"] = self._render(self._text, mail.purpose, "subject.txt", values).strip()
        local, _, domain = self._relay.sender.partition("@")
        message["From"] = Address(f"{self._letterhead.name} Provider Portal", local, domain)
        message["To"] = relayed_address(mail.recipient) or mail.recipient
        message["Date"] = format_datetime(mail.due_at)
        message["Message-ID"] = mail.message_id
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._render(self._text, mail.purpose, "body.txt", values), cte="quoted-printable")
        message.add_alternative(
            self._render(self._html, mail.purpose, "body.html", values), subtype="html", cte="quoted-printable"
        )
        message.set_boundary(f"=_{sha256(mail.message_id.encode()).hexdigest()[:32]}")
        return message

    def _render(self, environment: Environment, purpose: str, part: str, values: Mapping[str, object]) -> str:
        return environment.get_template(f"{purpose}/{part}").render(values)


def _environment(*, autoescape: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=autoescape,  # noqa: S701 - plain text is not HTML; the HTML part is escaped
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _by_code(code: int) -> Exception:
    return MailRefused() if 500 <= code < 600 else MailDelayed()
