"""A mailbox for development and tests: takes every mail over SMTP on loopback and keeps it as a file to read."""

import asyncio
import contextlib
import email
import email.policy
import itertools
import os
import signal
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

MOST_BYTES: Final = 1_000_000
"""A larger mail is refused: nothing that Gatehouse sends comes near."""

_HEADERS: Final = (
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Language",
)


class Fault(StrEnum):
    """How the mailbox misbehaves, so that tests see what a real mail server may do."""

    NONE = "none"
    TEMPORARY = "temporary"  # 451 after the data: try again later
    PERMANENT = "permanent"  # 550 at the recipient: never
    HANG = "hang"  # takes the data and never answers
    DROP = "drop"  # keeps the mail, answers 250, and the connection is gone
    SILENCE = "silence"  # keeps the mail, and the connection is gone before the answer


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail as it arrived. `id` is its file's name without the ending and sorts by arrival."""

    id: str
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str | None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def message_id(self) -> str:
        """The Message-ID: two mails with the same one are copies."""
        return self.headers.get("Message-ID", "")


def read_mailbox(folder: Path, *, most: int = 200) -> list[Mail]:
    """The newest `most` mails of the folder, newest first. A folder that isn't there is an empty mailbox."""
    try:
        names = sorted((entry.name for entry in os.scandir(folder) if entry.name.endswith(".eml")), reverse=True)
    except FileNotFoundError:
        return []
    return [mail for name in names[:most] if (mail := read_mail(folder, name.removesuffix(".eml"))) is not None]


def read_mail(folder: Path, mail_id: str) -> Mail | None:
    """One mail of the folder, or None when there is none of this id."""
    if not mail_id or not all(character.isalnum() or character in "-_" for character in mail_id):
        return None
    try:
        with (folder / f"{mail_id}.eml").open("rb") as file:
            return _parse(mail_id, file.read(MOST_BYTES + 10_000))
    except (FileNotFoundError, ValueError):
        return None


def _parse(mail_id: str, content: bytes) -> Mail:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what the default policy makes; for the type checker
    stamp = mail_id.split("-", 1)[0]
    return Mail(
        id=mail_id,
        received_at=datetime.strptime(stamp, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC),
        sender=str(message.get("X-Envelope-From", "")),
        recipients=tuple(filter(None, (part.strip() for part in str(message.get("X-Envelope-To", "")).split(",")))),
        subject=str(message.get("Subject", "")),
        text=_body(message, "plain") or "",
        html=_body(message, "html"),
        headers={name: str(message[name]) for name in _HEADERS if name in message},
    )


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    try:
        content = part.get_content()
    except (LookupError, ValueError):  # A charset nobody knows: the bytes as far as they can be read.
        raw = part.get_payload(decode=True)
        content = raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else ""
    return content if isinstance(content, str) else None


class _Handler:
    """What aiosmtpd asks for each mail. Its method names and signatures are aiosmtpd's."""

    def __init__(self, sink: "MailSink") -> None:
        self._sink = sink

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self._sink.fault is Fault.PERMANENT:
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        fault = self._sink.fault
        if fault is Fault.TEMPORARY:
            return "451 4.3.0 Try again later"
        if fault is Fault.HANG:
            await self._sink.released.wait()
            return "451 4.3.0 Try again later"
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        self._sink.keep(envelope.mail_from or "", [str(address) for address in envelope.rcpt_tos], content)
        if fault is Fault.DROP:
            await server.push("250 2.0.0 Kept")
        if fault in {Fault.DROP, Fault.SILENCE} and server.transport is not None:
            server.transport.close()
        return "250 2.0.0 Kept"


class MailSink:
    """An SMTP server on loopback that keeps every mail in `folder`; a context manager.

    `fault` may be changed while it runs. `port` 0 takes a free one.
    """

    def __init__(self, folder: Path, *, port: int = 0, host: str = "127.0.0.1", fault: Fault = Fault.NONE) -> None:
        self.folder = folder
        self.host = host
        self.port = port
        self.fault = fault
        self.released = asyncio.Event()
        self._arrived = asyncio.Condition()
        self._numbers = itertools.count()
        self._server: asyncio.Server | None = None
        self._announcing: set[asyncio.Task[None]] = set()
        self._open: weakref.WeakSet[SMTP] = weakref.WeakSet()

    async def start(self) -> Self:
        """Listen. Raises OSError when the port is taken or the folder can't be made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = await asyncio.get_running_loop().create_server(self._connection, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def _connection(self) -> SMTP:
        connection = SMTP(
            _Handler(self), hostname="mailbox.localhost", ident="Gatehouse mailbox", data_size_limit=MOST_BYTES
        )
        self._open.add(connection)
        return connection

    async def stop(self) -> None:
        """Stop listening and end what hangs. Stopping twice is harmless."""
        self.released.set()
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in self._open:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
        self._open.clear()
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def keep(self, sender: str, recipients: list[str], content: bytes) -> None:
        """Write one mail as a file that is either there as a whole or not at all."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        name = f"{stamp}-{os.getpid():07d}-{next(self._numbers):06d}.eml"
        envelope = f"X-Envelope-From: {_one_line(sender)}\r\nX-Envelope-To: {_one_line(', '.join(recipients))}\r\n"
        unfinished = self.folder / f".{name}.part"
        unfinished.write_bytes(envelope.encode() + content)
        unfinished.rename(self.folder / name)
        announcing = asyncio.get_running_loop().create_task(self._announce())
        self._announcing.add(announcing)
        announcing.add_done_callback(self._announcing.discard)

    async def _announce(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    def mails(self) -> list[Mail]:
        """All mails kept so far, oldest first."""
        return read_mailbox(self.folder, most=100_000)[::-1]

    async def wait_for(self, predicate: Callable[[Mail], bool], *, timeout_s: float = 10.0) -> Mail:
        """The first mail that satisfies `predicate`, as soon as it is there. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._arrived:
            while True:
                for mail in self.mails():
                    if predicate(mail):
                        return mail
                await self._arrived.wait()


def _one_line(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:2000]


async def _serve(folder: Path, host: str, port: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with MailSink(folder, host=host, port=port):
        await stopping.wait()


def main(arguments: list[str]) -> int:
    """`python -m ops.mailbox FOLDER HOST PORT`: serve until SIGTERM. 1 when the port is taken."""
    folder, host, port = arguments
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(Path(folder), host, int(port)))
    except OSError as error:
        print(f"the mailbox can't listen on port {port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
