"""Reports of the spool's print shop: read as often as need be, settled once, broken lines set aside (B5)."""

from datetime import UTC, datetime

import pytest

from domain.print_shop import DeliveryKind
from gateways.letters.spool import SpoolFolder
from gateways.letters.spool_events import SpoolEvents
from tests.letters.samples import consignment

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MAILED = "letter-0001,mailed,2026-11-24T18:30:00-06:00\n"


@pytest.fixture
async def spool(tmp_path):
    folder = SpoolFolder(tmp_path)
    for number in (1, 2):
        await folder.hand_over(consignment(letter_id=f"letter-000{number}"))
    (tmp_path / "events").mkdir()
    return tmp_path


@pytest.fixture
def events(spool):
    return SpoolEvents(spool, now=lambda: NOW)


def put(spool, text, name="2026-11-24.csv"):
    (spool / "events" / name).write_bytes(text.encode() if isinstance(text, str) else text)


async def test_B3_mailed_comes_back_with_its_time(spool, events):
    put(spool, "letter_id,event,at\n" + MAILED + "letter-0002,Returned,2026-11-25T10:00:00Z\n")
    (report,) = await events.unread()
    assert [(event.letter_id, event.kind, event.at) for event in report.events] == [
        ("letter-0001", DeliveryKind.MAILED, datetime(2026, 11, 25, 0, 30, tzinfo=UTC)),
        ("letter-0002", DeliveryKind.RETURNED, datetime(2026, 11, 25, 10, 0, tzinfo=UTC)),
    ]
    assert report.set_aside == ()


async def test_B5_a_report_is_read_again_until_it_is_settled(spool, events):
    put(spool, MAILED)
    first = await events.unread()
    assert await events.unread() == first
    await events.settle(first[0])
    assert await events.unread() == []
    await events.settle(first[0])
    # The same told again under the same name is the same event.
    put(spool, MAILED)
    (again,) = await events.unread()
    assert again.events[0].event_id == first[0].events[0].event_id
    await events.settle(again)
    assert await events.unread() == []


async def test_B5_a_report_that_grew_after_reading_is_not_settled(spool, events):
    put(spool, MAILED)
    (short,) = await events.unread()
    put(spool, MAILED + "letter-0002,mailed,2026-11-24T18:31:00-06:00\n")
    await events.settle(short)
    (whole,) = await events.unread()
    assert len(whole.events) == 2


async def test_B5_a_report_still_being_written_waits(spool, events):
    put(spool, MAILED.rstrip("\n"))
    put(spool, MAILED, name="other.csv.part")
    assert await events.unread() == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("letter-0001,mailed", "columns"),
        ("letter-0001,mailed,2026-11-24T18:30:00Z,extra", "columns"),
        ("letter-0001,eaten by a dog,2026-11-24T18:30:00Z", "event_unknown"),
        ("letter-0001,mailed,yesterday", "time_invalid"),
        ("letter-0001,mailed,2026-11-24T18:30:00", "time_without_offset"),
        ("letter-0001,mailed,2026-12-24T18:30:00Z", "time_in_future"),
        ("letter-0003,mailed,2026-11-24T18:30:00Z", "letter_unknown"),
        ("../../etc/passwd,mailed,2026-11-24T18:30:00Z", "letter_unknown"),
        ('"letter-0001,mailed,2026-11-24T18:30:00Z', "not_csv"),
        ("\ufffd\ufffd,mailed,2026-11-24T18:30:00Z", "letter_unknown"),
    ],
)
async def test_B5_a_broken_line_is_set_aside_with_its_reason_and_the_others_count(spool, events, line, reason):
    put(spool, f"\n{line}\n{MAILED}")
    (report,) = await events.unread()
    assert [event.letter_id for event in report.events] == ["letter-0001"]
    assert [(aside.line, aside.reason) for aside in report.set_aside] == [(2, reason)]
    await events.settle(report)
    (kept,) = (spool / "events" / "set_aside").iterdir()
    assert kept.read_text() == f"{reason},2,{line}\n"
    assert len(list((spool / "events" / "settled").iterdir())) == 1


async def test_B5_bytes_that_are_no_text_do_not_stop_the_report(spool, events):
    put(spool, b"\xff\xfe\x00,mailed,now\r\n" + MAILED.encode())
    (report,) = await events.unread()
    assert len(report.events) == len(report.set_aside) == 1


async def test_B5_an_empty_folder_has_no_reports(tmp_path):
    assert await SpoolEvents(tmp_path).unread() == []
