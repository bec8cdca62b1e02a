"""Reports of mail servers, as they write them: what they tell, and that nothing in them can stop the reader (B5)."""

import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.delivery_status import DeliveryReport, ReadReports, read_mail, read_mailbox, read_mails, status_of

unhurried = settings(deadline=None)  # a busy machine is no defect


FOLDER = Path(__file__).parent / "mails"
MAILS = {file.stem: file.read_bytes() for file in sorted(FOLDER.glob("*.eml"))}

TOLD = {
    "postfix_bounce": DeliveryReport("<postfix-bounce@portal.example.org>", "bounced", "5.1.1"),
    "postfix_delayed": DeliveryReport("<postfix-delayed@portal.example.org>", "delayed", "4.4.1"),
    "postfix_delivered": DeliveryReport("<postfix-delivered@portal.example.org>", "delivered", "2.1.5"),
    "exchange_bounce": DeliveryReport("<exchange-bounce@portal.example.org>", "bounced", "5.1.10"),
    "gmail_like_bounce": DeliveryReport("<gmail-bounce@portal.example.org>", "bounced", "5.1.1"),
    "gave_up_after_days": DeliveryReport("<gave-up@portal.example.org>", "bounced", "4.4.7"),
    "encoded_report": DeliveryReport("<encoded@portal.example.org>", "bounced", "5.7.1"),
    "international_bounce": DeliveryReport("<international@portal.example.org>", "bounced", "5.2.2"),
}
UNREADABLE = ["qmail_like_bounce", "answer_of_a_person", "bounce_of_a_bounce"]


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_B5_a_report_tells_what_became_of_the_mail(name: str, end: bytes):
    assert read_mail(MAILS[name].replace(b"\n", end)) == ReadReports((TOLD[name],), 0)


@pytest.mark.parametrize("name", UNREADABLE)
def test_B5_what_is_no_report_is_counted_for_somebody_to_look_at(name: str):
    assert read_mail(MAILS[name]) == ReadReports((), 1)


def test_B5_a_mail_on_its_way_to_a_server_that_tells_nothing_more_is_no_news():
    assert read_mail(MAILS["relayed"]) == ReadReports((), 0)


def test_B5_recipients_that_differ_are_told_once_each():
    assert [(report.event, report.status) for report in read_mail(MAILS["two_recipients"]).reports] == [
        ("bounced", "5.1.1"),
        ("delayed", "4.2.2"),
    ]


def test_B5_every_example_is_part_of_a_test():
    assert set(MAILS) == {*TOLD, *UNREADABLE, "relayed", "two_recipients"}


@pytest.mark.parametrize(
    "header",
    [b"Message-ID: <postfix-bounce@portal.example.org>\n", b"message-id:\n  <postfix-bounce@portal.example.org>\n"],
)
def test_B5_the_id_in_the_returned_mail_is_found(header: bytes):
    mail = MAILS["postfix_bounce"].replace(b"Message-ID: <postfix-bounce@portal.example.org>\n", header)
    assert read_mail(mail).reports == (TOLD["postfix_bounce"],)


def test_B5_without_what_was_returned_the_mail_that_is_answered_counts():
    bare = MAILS["exchange_bounce"].replace(b"\nMessage-ID: <exchange-bounce@portal.example.org>", b"")
    assert read_mail(bare).reports == (TOLD["exchange_bounce"],)
    assert read_mail(bare.replace(b"In-Reply-To", b"X-Other")).reports == (TOLD["exchange_bounce"],)
    assert read_mail(bare.replace(b"In-Reply-To", b"X-Other").replace(b"References", b"X-More")) == ReadReports((), 1)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (b"Action: failed\n", b"", ("bounced", "5.1.1")),
        (b"Action: failed\n", b"Action: FAILED (no such user)\n", ("bounced", "5.1.1")),
        (b"Action: failed\n", b"Action: unheard-of\n", ("bounced", "5.1.1")),
        (b"Action: failed\nStatus: 5.1.1\n", b"Status: 4.2.2\n", ("delayed", "4.2.2")),
        (b"\nStatus: 5.1.1\n", b"\n", ("bounced", "5.1.1")),
        (b"\nStatus: 5.1.1\n", b"\nStatus: 5.1.1 (no such user)\n", ("bounced", "5.1.1")),
        (b"\nStatus: 5.1.1\n", b"\nStatus: 2.0.0\n", ("bounced", "5.1.1")),
    ],
)
def test_B5_fields_that_are_missing_or_odd_are_made_up_from_the_others(
    before: bytes, after: bytes, told: tuple[str, str]
):
    mail = MAILS["postfix_bounce"]
    assert before in mail
    (report,) = read_mail(mail.replace(before, after)).reports
    assert (report.event, report.status) == told


def test_B5_a_report_that_says_nothing_is_unreadable():
    mail = MAILS["postfix_bounce"].replace(b"Action: failed\nStatus: 5.1.1\n", b"")
    assert read_mail(mail) == ReadReports((), 1)


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        (("5.1.1",), "5.1.1"), (("", "smtp; 550 5.7.26 no"), "5.7.26"), (("", "smtp; 552 full"), "5.0.0"), (("", "host 192.5.1.1 said 554-Transaction"), "5.0.0"),
        (("", "see 5.1.1.example"), "5.1.1"), (("", "v5.1.1.2"), "5.0.0"), (("x" * 9,), "5.0.0"), ((), "5.0.0"),
    ],
)  # fmt: skip
def test_B5_a_status_is_a_code_and_nothing_else(texts: tuple[str, ...], status: str):
    assert status_of("bounced", *texts) == status


def mbox(path: Path, *mails: bytes) -> Path:
    stamp = b"From MAILER-DAEMON Tue Nov 24 18:30:05 2026\n"
    with path.open("ab") as file:
        file.writelines(stamp + mail.replace(b"\nFrom ", b"\n>From ") + b"\n" for mail in mails)
    return path


def test_B5_a_mailbox_file_is_read_to_its_end_whatever_stands_between(tmp_path: Path):
    path = mbox(
        tmp_path / "reports",
        MAILS["postfix_bounce"],
        MAILS["qmail_like_bounce"],
        b"\xff\xfe\x00",
        *(MAILS[name] for name in TOLD),
    )
    before = path.read_bytes()
    assert read_mailbox(path) == ReadReports((TOLD["postfix_bounce"], *TOLD.values()), 2)
    assert path.read_bytes() == before
    mbox(path, MAILS["postfix_delayed"])
    assert len(read_mailbox(path).reports) == len(TOLD) + 2
    assert [file.name for file in tmp_path.iterdir()] == ["reports"]


def test_B5_no_mailbox_file_is_no_mail_yet(tmp_path: Path):
    assert read_mailbox(tmp_path / "reports") == ReadReports((), 0)
    (tmp_path / "reports").touch()
    assert read_mailbox(tmp_path / "reports") == ReadReports((), 0)


def test_B5_a_file_that_is_no_mailbox_is_told(tmp_path: Path):
    (tmp_path / "reports").write_bytes(MAILS["postfix_bounce"])
    assert read_mailbox(tmp_path / "reports") == ReadReports((), 1)


def test_B5_a_half_written_mail_is_read_the_next_time(tmp_path: Path):
    whole = MAILS["postfix_bounce"]
    path = mbox(tmp_path / "reports", whole[: whole.index(b"Content-Description: Delivery")])
    assert read_mailbox(path) == ReadReports((), 1)
    path.unlink()
    assert read_mailbox(mbox(path, whole)).reports == (TOLD["postfix_bounce"],)


@pytest.mark.parametrize("name", MAILS)
def test_B10_no_address_is_kept_or_logged(
    name: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    shown = repr(read_mail(MAILS[name])) + caplog.text + "".join(capsys.readouterr())
    assert not any(address in shown for address in ("clinic", "hospital", "klinik", "dr.doe", "gone.example"))


PIECES = [
    b"\n", b"\r\n\r\n", b"--b1", b"Content-Type: message/delivery-status\n\n", b"Content-Type: multipart/mixed; boundary=\"\"\n", b"Content-Type: message/rfc822\n", b"Message-ID: <",
    b"Content-Transfer-Encoding: base64\n", b"Action: failed\n", b"Status: 5.", b"\xff", b"\x00", b"=?utf-8?q?=80?=", b"Content-Type: ;;;=\n", b"From x\n", b": \n",
]  # fmt: skip


@unhurried
@given(st.sampled_from(sorted(MAILS)), st.data())
def test_B5_no_broken_mail_stops_the_reader(name: str, data: st.DataObject):
    mail = MAILS[name]
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted(data.draw(st.tuples(st.integers(0, len(mail)), st.integers(0, len(mail)))))
        mail = (
            mail[:start]
            + data.draw(st.sampled_from([b"", *PIECES]) | st.binary(max_size=20))
            + mail[end if data.draw(st.booleans()) else start :]
        )
    found = read_mails([mail, MAILS["postfix_bounce"]])
    assert found.reports[-1] == TOLD["postfix_bounce"]
    assert all(status_of(report.event, report.status) == report.status for report in found.reports)


@unhurried
@given(st.binary(max_size=300))
def test_B5_no_bytes_stop_the_reader(mail: bytes):
    assert read_mail(mail) == ReadReports((), 1)


def test_B5_a_mail_of_boxes_in_boxes_stops_nothing():
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (depth, depth) for depth in range(3_000)
    )
    assert read_mails([deep, MAILS["postfix_bounce"]]).reports == (TOLD["postfix_bounce"],)
