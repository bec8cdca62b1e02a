"""The spool as a person sees it who plays the print shop: what is in it, and telling what became of a letter."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.print_shop import DeliveryKind, PrintShopUnavailable
from gateways.letters.spool import SpoolFolder
from gateways.letters.spool_desk import SpoolDesk, SpoolState
from gateways.letters.spool_events import SpoolEvents
from tests.letters.samples import consignment

DAY = date(2026, 11, 24)


async def test_letters_are_listed_by_mailing_day_with_what_was_told(tmp_path: Path):
    spool, desk = SpoolFolder(tmp_path), SpoolDesk(tmp_path)
    assert desk.letters() == []
    for letter_id, day in (("letter-0002", date(2026, 11, 25)), ("letter-0001", DAY)):
        await spool.hand_over(consignment(letter_id=letter_id, mailing_on=day))
    assert [(one.letter_id, one.mailing_on, one.state) for one in desk.letters()] == [
        ("letter-0001", DAY, SpoolState.WAITING),
        ("letter-0002", date(2026, 11, 25), SpoolState.WAITING),
    ]
    first = desk.letters()[0]
    desk.tell(first, DeliveryKind.MAILED, at=datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert desk.letters()[0].state is SpoolState.MAILED
    desk.tell(first, DeliveryKind.RETURNED, at=datetime(2026, 11, 30, 12, tzinfo=UTC))
    assert [one.state for one in desk.letters()] == [SpoolState.RETURNED, SpoolState.WAITING]
    assert desk.find("letter-0003") is None


async def test_what_is_told_is_a_report_like_the_shops_own(tmp_path: Path):
    await SpoolFolder(tmp_path).hand_over(consignment(letter_id="letter-0001", mailing_on=DAY))
    at = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    desk = SpoolDesk(tmp_path)
    desk.tell(desk.letters()[0], DeliveryKind.MAILED, at=at)
    events = SpoolEvents(tmp_path, now=lambda: at)
    (report,) = await events.unread()
    assert report.set_aside == ()
    assert [(event.letter_id, event.kind, event.at) for event in report.events] == [
        ("letter-0001", DeliveryKind.MAILED, at)
    ]
    await events.settle(report)
    assert desk.letters()[0].state is SpoolState.MAILED, "what is settled isn't forgotten"


async def test_a_mailed_letter_arrives_in_the_letter_box_and_only_there(tmp_path: Path):
    spool = SpoolFolder(tmp_path / "spool")
    letter = consignment(letter_id="letter-0001", mailing_on=DAY)
    await spool.hand_over(letter)
    plain, desk = SpoolDesk(tmp_path / "spool"), SpoolDesk(tmp_path / "spool", arrivals=tmp_path / "box")
    desk.tell(desk.letters()[0], DeliveryKind.MAILED, at=datetime.now(UTC))
    await spool.scrub("letter-0001")
    assert plain.letters()[0].pdf is None
    arrived = desk.letters()[0].pdf
    assert arrived is not None
    assert arrived.read_bytes() == letter.pdf


async def test_a_damaged_manifest_is_said(tmp_path: Path):
    await SpoolFolder(tmp_path).hand_over(consignment(letter_id="letter-0001", mailing_on=DAY))
    (tmp_path / "batches" / "2026-11-24" / "manifest.jsonl").write_text("{}\n")
    with pytest.raises(PrintShopUnavailable, match="spool_damaged"):
        SpoolDesk(tmp_path).letters()
