"""The mailbox: what it keeps, how it is read, and how it misbehaves on request."""

import asyncio
import signal
import sys
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from ops.loopback import free_port
from ops.mailbox import Fault, MailSink, read_mail, read_mailbox

ROOT = Path(__file__).resolve().parent.parent.parent


def _message(subject: str = "Your code", *, message_id: str = "<one@example.org>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "portal@example.org"
    message["To"] = "Zoë Ünal <zoe@example.org>"
    message["Subject"] = subject
    message["Message-ID"] = message_id
    message.set_content("Your code is 123456.\n.\nA line with a lone dot above.\n")
    message.add_alternative("<p>Your code is <b>123456</b>.</p>", subtype="html")
    return message


async def _send(sink: MailSink, message: EmailMessage | None = None, *, patience_s: float = 5) -> None:
    await aiosmtplib.send(
        message or _message(),
        hostname=sink.host,
        port=sink.port,
        sender="bounce@example.org",
        recipients=["zoe@example.org", "ann@example.org"],
        timeout=patience_s,
    )


async def test_a_mail_is_kept_as_it_was_sent(tmp_path):
    async with MailSink(tmp_path / "mailbox") as sink:
        await _send(sink, _message("Größe, naïve — ✓"))
        mail = await sink.wait_for(lambda mail: True)
    assert mail.subject == "Größe, naïve — ✓"
    assert mail.sender == "bounce@example.org"
    assert mail.recipients == ("zoe@example.org", "ann@example.org")
    assert mail.message_id == "<one@example.org>"
    assert mail.headers["To"] == "Zoë Ünal <zoe@example.org>"
    assert mail.text.replace("\r\n", "\n") == "Your code is 123456.\n.\nA line with a lone dot above.\n"
    assert mail.html is not None
    assert "<b>123456</b>" in mail.html
    assert read_mail(tmp_path / "mailbox", mail.id) == mail
    assert [path.suffix for path in (tmp_path / "mailbox").iterdir()] == [".eml"]


async def test_mails_are_listed_newest_first_and_only_so_many(tmp_path):
    async with MailSink(tmp_path) as sink:
        for number in range(4):
            await _send(sink, _message(f"Mail {number}"))
        assert [mail.subject for mail in sink.mails()] == ["Mail 0", "Mail 1", "Mail 2", "Mail 3"]
    assert [mail.subject for mail in read_mailbox(tmp_path, most=3)] == ["Mail 3", "Mail 2", "Mail 1"]


def test_a_folder_that_is_not_there_is_an_empty_mailbox(tmp_path):
    assert read_mailbox(tmp_path / "none") == []


@pytest.mark.parametrize("mail_id", ["", "..", "../secret", "a/b", "x" * 5, "20261123T000000000000Z"])
def test_an_id_of_no_mail_reads_nothing(tmp_path, mail_id):
    (tmp_path / "secret.eml").write_text("Subject: no\n\nno")
    folder = tmp_path / "mailbox"
    folder.mkdir()
    assert read_mail(folder, mail_id) is None


def test_foreign_and_odd_files_are_no_reason_to_fail(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "not-a-stamp.eml").write_text("Subject: x\n\nx")
    (tmp_path / "20261123T000000000000Z-1-1.eml").write_bytes(b"Content-Type: text/plain; charset=nonsense\n\n\xff\xfe")
    (mail,) = read_mailbox(tmp_path)
    assert (mail.subject, mail.html) == ("", None)


async def test_waiting_sees_a_mail_that_comes_later_and_gives_up_in_time(tmp_path):
    async with MailSink(tmp_path) as sink:
        waiting = asyncio.create_task(sink.wait_for(lambda mail: mail.subject == "Second"))
        await _send(sink, _message("First"))
        assert not waiting.done()
        await _send(sink, _message("Second"))
        assert (await waiting).subject == "Second"
        with pytest.raises(TimeoutError):
            await sink.wait_for(lambda mail: mail.subject == "Third", timeout_s=0.05)


@pytest.mark.parametrize(("fault", "code", "kept"), [(Fault.TEMPORARY, 451, 0), (Fault.PERMANENT, 550, 0)])
async def test_a_refusal_has_its_code_and_keeps_nothing(tmp_path, fault, code, kept):
    async with MailSink(tmp_path, fault=fault) as sink:
        with pytest.raises((aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused)) as raised:
            await _send(sink)
        error = raised.value
        assert isinstance(error, aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused)
        codes = (
            {each.code for each in error.recipients}
            if isinstance(error, aiosmtplib.SMTPRecipientsRefused)
            else {error.code}
        )
        assert codes == {code}
        assert len(sink.mails()) == kept
        sink.fault = Fault.NONE
        await _send(sink)
        assert len(sink.mails()) == 1


async def test_a_hanging_server_keeps_nothing(tmp_path):
    async with MailSink(tmp_path, fault=Fault.HANG) as sink:
        with pytest.raises(aiosmtplib.SMTPTimeoutError):
            await _send(sink, patience_s=0.3)
        assert sink.mails() == []


async def test_a_connection_dropped_after_the_answer_has_kept_the_mail(tmp_path):
    async with MailSink(tmp_path, fault=Fault.DROP) as sink:
        client = aiosmtplib.SMTP(hostname=sink.host, port=sink.port, timeout=5)
        await client.connect()
        _, answer = await client.sendmail("bounce@example.org", ["zoe@example.org"], _message().as_bytes())
        assert answer.startswith("2.0.0")
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await client.noop()
        client.close()
        assert len(sink.mails()) == 1


async def test_a_lost_answer_has_kept_the_mail_and_the_sender_does_not_know(tmp_path):
    async with MailSink(tmp_path, fault=Fault.SILENCE) as sink:
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await _send(sink)
        assert len(sink.mails()) == 1


async def test_a_mail_that_is_too_large_is_refused(tmp_path):
    message = EmailMessage()
    message["Subject"] = "large"
    message.set_content("line\n" * 250_000)
    async with MailSink(tmp_path) as sink:
        with pytest.raises(aiosmtplib.SMTPResponseException):
            await _send(sink, message)
        assert sink.mails() == []


async def test_the_process_serves_until_sigterm_and_leaves_with_0(tmp_path):
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ops.mailbox", str(tmp_path), "127.0.0.1", str(port), cwd=ROOT
    )
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    await aiosmtplib.send(
                        _message(),
                        hostname="127.0.0.1",
                        port=port,
                        sender="a@example.org",
                        recipients=["b@example.org"],
                    )
                    break
                except aiosmtplib.SMTPConnectError:
                    await asyncio.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
    assert len(read_mailbox(tmp_path)) == 1
