"""Delivery status notifications: what became of a mail, read from the reports that mail servers send back (B5).

Reports are RFC 3464 as real servers write it, and come from anyone who can write to the mailbox: nothing in them
counts but the id of a mail, which names one of ours or nothing. Addresses are neither kept nor logged.
"""

import mailbox
import quopri
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Final, Literal, TypeAlias

DeliveryEvent: TypeAlias = Literal["delivered", "bounced", "delayed"]

EVENTS: Final[tuple[DeliveryEvent, ...]] = ("delivered", "bounced", "delayed")
# An id as mails carry it, the form that every reader of reports gives it in.
MESSAGE_ID: Final = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>", re.ASCII)
# An enhanced status code (RFC 3463), not part of a longer number such as an address of a host.
STATUS: Final = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)", re.ASCII)

_REPLY: Final = re.compile(r"(?<![\d.])[245]\d\d(?!\.?\d)", re.ASCII)
_EVENT_OF_ACTION: Final[dict[str, DeliveryEvent]] = {
    "delivered": "delivered",
    "failed": "bounced",
    "delayed": "delayed",
}
# The mail went on to a server or a list that tells nothing more: no news of it.
_NO_NEWS: Final = frozenset(["relayed", "expanded"])
_EVENT_OF_CLASS: Final[dict[str, DeliveryEvent]] = {"2": "delivered", "4": "delayed", "5": "bounced"}
# A server that gave up after many tries reports a failure with the status of the last one, 4.x.x.
_CLASSES: Final[dict[DeliveryEvent, str]] = {"delivered": "2", "bounced": "54", "delayed": "4"}

_REPORT: Final = frozenset(["message/delivery-status", "message/global-delivery-status"])
_RETURNED: Final = frozenset(
    ["message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers"]
)
_BLANK_LINES: Final = re.compile(rb"(?:\r?\n[ \t]*){2,}")


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a server tells of one mail: its `Message-ID` with the angle brackets, and an enhanced status code such as `5.1.1`.

    Told again, it's equal.
    """

    message_id: str
    event: DeliveryEvent
    status: str


@dataclass(frozen=True, slots=True)
class ReadReports:
    """The reports found, and how many mails weren't reports that can be read: for somebody to look at."""

    reports: tuple[DeliveryReport, ...]
    unreadable: int


def read_mail(mail: bytes) -> ReadReports:
    """Read one mail. Never raises: what is no report, or a broken one, counts as unreadable."""
    return read_mails([mail])


def read_mails(mails: Iterable[bytes]) -> ReadReports:
    """Read mails one after the other. A mail gives several reports when several of its recipients differ."""
    reports: list[DeliveryReport] = []
    unreadable = 0
    for mail in mails:
        found = _reports_in(mail)
        if found is None:
            unreadable += 1
        else:
            reports.extend(found)
    return ReadReports(tuple(reports), unreadable)


def read_mailbox(path: Path) -> ReadReports:
    """Read a mailbox file (mbox). It's left as it is, and read again it tells the same and what has come since.

    Without the file there's no mail yet. A mail that is still being written is unreadable this time. Raises OSError.
    """
    if not path.exists():
        return ReadReports((), 0)
    with closing(mailbox.mbox(path, create=False)) as box:
        read = read_mails(box.get_bytes(key) for key in box.iterkeys())
    if not read.reports and not read.unreadable and path.stat().st_size:
        return ReadReports((), 1)
    return read


def status_of(event: DeliveryEvent, *texts: str) -> str:
    """The first enhanced status code in the texts that can belong to the event, from an SMTP reply if need be, or `5.0.0` and the like."""
    for pattern in (STATUS, _REPLY):
        for text in texts:
            for code in pattern.findall(text):
                if code[0] in _CLASSES[event]:
                    return str(code) if "." in code else f"{code[0]}.0.0"
    return f"{_CLASSES[event][0]}.0.0"


def _reports_in(mail: bytes) -> list[DeliveryReport] | None:
    """None if it can't be read; empty if it tells nothing that matters here."""
    try:
        return _told_by(message_from_bytes(mail))
    except Exception:  # noqa: BLE001 - the standard library's parser raises almost anything on a broken mail, and its text may hold an address
        return None


def _told_by(mail: Message) -> list[DeliveryReport] | None:
    parts = list(_parts(mail))
    groups = [group for part in parts if part.get_content_type() in _REPORT for group in _groups(part)]
    returned = [message_from_bytes(_body(part)) for part in parts if part.get_content_type() in _RETURNED]
    message_id = _message_id(mail, groups, returned)
    if not groups or message_id is None:
        return None
    told: list[DeliveryReport] = []
    no_news = False
    for group in groups:
        action = re.search("[a-z]+", _field(group, "Action").lower())
        if action and action[0] in _NO_NEWS:
            no_news = True
            continue
        texts = _field(group, "Status"), _field(group, "Diagnostic-Code")
        event = _event(action[0] if action else "", texts[0])
        if event is not None:
            told.append(DeliveryReport(message_id, event, status_of(event, *texts)))
    return list(dict.fromkeys(told)) if told or no_news else None


def _event(action: str, status: str) -> DeliveryEvent | None:
    code = STATUS.search(status)
    return _EVENT_OF_ACTION.get(action) or (_EVENT_OF_CLASS[code[0][0]] if code else None)


def _parts(mail: Message) -> Iterator[Message]:
    """The parts of the mail itself. What was returned isn't looked into: it may be a report too, of another mail."""
    payload = mail.get_payload()
    if mail.get_content_maintype() == "multipart" and isinstance(payload, list):
        for part in payload:
            if isinstance(part, Message):
                yield from _parts(part)
    else:
        yield mail


def _groups(report: Message) -> list[Message]:
    """The groups of fields of a report: of the mail, then of each recipient. Servers put more blank lines than they should."""
    return [message_from_bytes(group + b"\n") for group in _BLANK_LINES.split(_body(report).strip()) if group]


def _body(part: Message) -> bytes:
    """What stands below the part's header, decoded even where the standard forbids encoding it."""
    body = re.split(rb"\r?\n\r?\n", part.as_bytes(), maxsplit=1)[1]
    match _field(part, "Content-Transfer-Encoding").strip().lower():
        case "base64":
            return b64decode(b"".join(body.split()))
        case "quoted-printable":
            return quopri.decodestring(body)
        case _:
            return body


def _message_id(mail: Message, groups: list[Message], returned: list[Message]) -> str | None:
    """The id of the mail that is reported on: told by the report, in what was returned, or what the report answers to."""
    told = [_field(group, name) for group in groups for name in ("Original-Message-ID", "X-Original-Message-ID")]
    sent_back = [_field(original, "Message-ID") for original in returned]
    for text in (*told, *sent_back, _field(mail, "In-Reply-To"), _field(mail, "References")):
        found = MESSAGE_ID.findall(text)
        if found:
            return str(found[-1])
    return None


def _field(mail: Message, name: str) -> str:
    return str(mail.get(name, ""))
