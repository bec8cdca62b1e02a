"""The house whose mails come back, and reports of mail servers about them."""

from pathlib import Path

import pytest

from ops.mailbox import Mail
from tests.house import House

_MAILS = Path(__file__).parent / "mails"


@pytest.fixture
def house(sqlite_house: House) -> House:
    return sqlite_house


def report_on(mail: Mail | str, kind: str = "postfix_bounce") -> bytes:
    """A report of a real server's form about one of our mails, or about this Message-ID."""
    text = (_MAILS / f"{kind}.eml").read_text()
    message_id = mail if isinstance(mail, str) else mail.message_id
    return text.replace(f"<{kind.replace('_', '-')}@portal.example.org>", message_id).encode()


def as_mbox(*mails: bytes) -> bytes:
    """The mails as a delivery agent appends them to an mbox file."""
    return b"".join(b"From MAILER-DAEMON Tue Nov 24 18:30:05 2026\n" + mail.rstrip(b"\n") + b"\n\n" for mail in mails)
