"""What the print shop reports as files reaches the registrations, whatever is killed or away meanwhile (B3, B5)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from composition import print_shop_of
from db.letters import LetterRow
from domain.cases import CaseState
from domain.print_shop import DeliveryKind, DeliveryReport, DeliveryReports
from domain.registration import State
from gateways.letters.spool_desk import SpoolDesk
from ops.keys import Keyring
from ops.loopback import free_port
from ops.temporal_client import connect
from portal.delivery_reports import DeliveryReading
from portal.letter_plans import no_address_left
from portal.letter_support import ask_about_letters
from portal.letters import LetterView, list_letters
from portal.refusals import Refusal
from portal.registering import Started, keep_organization, kept_organization
from portal.registration_view import view_registration
from serve import delivery_reading
from tests.by_mail.conftest import PostOffice, until
from tests.house import key
from tests.web.letter_route import add_location


class Killed(BaseException):
    """The process ended here."""


class KilledBeforeSettling:
    """Reports whose reader is killed between telling and settling."""

    def __init__(self, reports: DeliveryReports) -> None:
        self._reports = reports

    async def unread(self) -> Sequence[DeliveryReport]:
        return await self._reports.unread()

    async def settle(self, _report: DeliveryReport) -> None:
        raise Killed


def desk_of(post: PostOffice) -> SpoolDesk:
    return SpoolDesk(print_shop_of(post.house.settings).folder)


def reading_of(post: PostOffice) -> DeliveryReading:
    reading = delivery_reading(post.house.settings, post.house.gate)
    assert reading is not None
    return reading


async def report(post: PostOffice, view: LetterView, kind: DeliveryKind, *, at: datetime | None = None) -> None:
    desk = desk_of(post)
    letter = desk.find(str(view.id))
    assert letter is not None
    desk.tell(letter, kind, at=at or datetime.now(UTC))


async def seen(post: PostOffice, started: Started, state: str) -> LetterView:
    async def look() -> LetterView | None:
        views = await list_letters(post.house.gate, started.registration_id)
        return next((view for view in views if view.state == state), None)

    return await until(look)


async def test_B3_a_report_starts_the_pins_clock_at_the_time_of_mailing(post: PostOffice):
    started = await post.house.confirmed()
    await post.ask(started, await post.house.new_clinic())
    view, _ = await post.letter(started)
    mailed_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    await report(post, view, DeliveryKind.MAILED, at=mailed_at)
    await reading_of(post).once()
    view = await seen(post, started, "mailed")
    assert view.mailed_at == mailed_at
    assert view.expires_at == mailed_at + timedelta(days=30)


async def test_B10_a_mailed_letters_pdf_is_taken_away(post: PostOffice):
    started = await post.house.confirmed()
    await post.ask(started, await post.house.new_clinic())
    view, _ = await post.letter(started)
    letter = desk_of(post).find(str(view.id))
    assert letter is not None
    assert letter.pdf is not None
    await report(post, view, DeliveryKind.MAILED)
    await reading_of(post).once()
    assert not letter.pdf.exists()
    gone = desk_of(post).find(str(view.id))
    assert gone is not None
    assert (gone.pdf, gone.state) == (None, "mailed"), "the manifest keeps what was mailed"


async def test_B5_killed_between_telling_and_settling_it_is_told_again_and_changes_nothing(post: PostOffice):
    email = f"twice-{key()}@clinic.example.org"
    started = await post.house.confirmed(email=email)
    await post.ask(started, await post.house.new_clinic())
    view, _ = await post.letter(started)
    await report(post, view, DeliveryKind.MAILED)
    choice = print_shop_of(post.house.settings)
    reports, spool = choice.reports(), choice.spool()
    assert reports is not None
    assert spool is not None
    with pytest.raises(Killed):
        await DeliveryReading(post.house.gate, KilledBeforeSettling(reports), scrub=spool.scrub).once()
    first = await seen(post, started, "mailed")
    assert await reports.unread(), "the report is still there"
    await reading_of(post).once()
    assert await reports.unread() == []
    await post.house.quiet(started.registration_id)
    assert await seen(post, started, "mailed") == first
    assert len(post.house.mails(to=email, subject="on its way")) == 1


async def test_while_temporal_is_away_the_report_waits(post: PostOffice, keyring: Keyring):
    started = await post.house.confirmed()
    await post.ask(started, await post.house.new_clinic())
    view, _ = await post.letter(started)
    await report(post, view, DeliveryKind.MAILED)
    environ = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    client = await connect(keyring=keyring, process="api", environ=environ, lazy=True)
    away = replace(post.house.gate, client=client)
    choice = print_shop_of(post.house.settings)
    reports, spool = choice.reports(), choice.spool()
    assert reports is not None
    assert spool is not None
    with pytest.raises(Refusal, match="unavailable"):
        async with asyncio.timeout(60):
            await DeliveryReading(away, reports, scrub=spool.scrub).once()
    assert len(await reports.unread()) == 1
    letter = desk_of(post).find(str(view.id))
    assert letter is not None
    assert letter.pdf is not None, "nothing was taken away for a report that wasn't told"
    await reading_of(post).once()
    await seen(post, started, "mailed")


async def test_B5_what_cannot_be_used_is_set_aside_and_the_rest_is_told(post: PostOffice):
    started = await post.house.confirmed()
    await post.ask(started, await post.house.new_clinic())
    view, _ = await post.letter(started)
    folder = print_shop_of(post.house.settings).folder / "events"
    folder.mkdir(exist_ok=True)
    lines = (
        f"{view.id},lost,2026-11-23T10:00:00+00:00",
        "nothing",
        f"{view.id},returned,{datetime.now(UTC).isoformat()}",
    )
    (folder / f"report-{uuid4().hex}.csv").write_text("\n".join(lines) + "\n")
    await reading_of(post).once()
    await seen(post, started, "returned")
    aside = await asyncio.to_thread(lambda: [path.read_text() for path in (folder / "set_aside").glob("report-*")])
    assert any("lost" in text for text in aside)


async def test_reading_goes_on_until_it_is_cancelled(post: PostOffice):
    task = asyncio.create_task(reading_of(post).for_ever(every_s=0.05))
    started = await post.house.confirmed()
    await post.ask(started, await post.house.new_clinic())
    view, _ = await post.letter(started)
    await report(post, view, DeliveryKind.MAILED)
    await seen(post, started, "mailed")
    await report(post, view, DeliveryKind.RETURNED)
    await seen(post, started, "returned")
    task.cancel()
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)


async def test_a_registration_that_is_over_gets_no_word(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    view, pin = await post.letter(started)
    await post.enter(started, pin)
    await post.house.secured(started)
    await report(post, view, DeliveryKind.RETURNED)
    assert await reading_of(post).once() >= 1
    assert (await view_registration(post.house.gate, started.registration_id)).state == "completed"
    async with post.house.database.read() as session:
        assert (await session.scalars(select(col(LetterRow.state)).where(col(LetterRow.id) == view.id))).one() == "used"


async def test_B5_without_an_address_left_nobody_is_told_to_choose_another(post_on_both: PostOffice):
    """Seen without a look-up: nothing is counted, and of another Tax ID nothing is told (I16)."""
    post = post_on_both
    gate, clinic, other = post.house.gate, await post.house.new_clinic(), await post.house.new_clinic()
    await add_location(post.house, clinic, "22 OAK AVE")
    started = await post.house.confirmed()
    rid = started.registration_id
    await keep_organization(gate, rid, tin=clinic.tin, vendor=clinic.vendor, npi="")
    for generation in (1, 2):
        await post.ask(started, clinic)
        view, _ = await post.letter(started, generation=generation)
        assert not await no_address_left(gate, rid, tin=clinic.tin), "a letter is on its way"
        await post.tell(view, DeliveryKind.RETURNED)
        await post.house.quiet(rid)
        assert await no_address_left(gate, rid, tin=clinic.tin) == (generation == 2)
        await TimeSkipper(post.house.client).fast_forward(post.house.handle(rid), timedelta(hours=25))
    assert not await no_address_left(gate, rid, tin=other.tin)
    assert (await view_registration(gate, rid)).state is State.AWAITING_PIN
    opened = await ask_about_letters(gate, rid, telephone="217-555-0142", key=key())
    assert opened.state is CaseState.NEW
    assert (await kept_organization(gate, rid)).vendor == clinic.vendor
