"""Many requests in one file: a result for each line, a file of those to correct, and no request twice whatever is killed."""

import asyncio
import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlmodel import col
from temporalio.client import Client

from db.authorizations import AuthorizationRow
from domain.time_words import moment_in_words
from ops.dev_server import DevServer
from ops.keys import Keyring
from ops.temporal_client import connect
from portal import authorizing, request_lists
from portal.refusals import Refusal
from portal.request_lists import ListPage
from tests.clients.biller import Desk, new_contact
from tests.house import House, key, patient_worker
from tests.worker_that_dies import DyingWorker

TITLES = ("Tax ID", "NPI", "Provider name", "Contact e-mail")
Row = tuple[str, str, str, str]


def tin(number: int) -> str:
    return f"0012{number:05}"


def file_of(rows: list[Row], titles: tuple[str, ...] = TITLES) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([titles, *rows])
    return text.getvalue().encode()


def clients(count: int, *, first: int = 1) -> list[Row]:
    return [(tin(first + place), "", f"Clinic {first + place}", new_contact()) for place in range(count)]


async def send(desk: Desk, rows: list[Row], **options: str) -> UUID:
    return await request_lists.send_list(
        desk.house.gate, desk.me, billing_id=None, file=file_of(rows), **{"key": key(), **options}
    )


async def finished(desk: Desk, batch_id: UUID, *, wait_s: float = 60) -> ListPage:
    async with asyncio.timeout(wait_s):
        while True:
            page = await request_lists.view_list(desk.house.gate, desk.me, batch_id)
            if page.view.finished_at is not None:
                return page
            await asyncio.sleep(0.05)


async def requests_of(desk: Desk) -> int:
    async with desk.house.database.read() as session:
        found = await session.scalar(
            select(func.count())
            .select_from(AuthorizationRow)
            .where(col(AuthorizationRow.billing_id) == desk.service.id, col(AuthorizationRow.is_newest).is_(True))
        )
    return found or 0


async def test_T5_each_line_of_a_file_has_its_result(desk_on_both: Desk):
    desk = desk_on_both
    clinic = await desk.house.new_clinic()
    open_one = await desk.asked(clinic)
    own = desk.service.people[1].email
    good = clients(45, first=100)
    rows = [
        *good,
        ("12345678", "", "Short Clinic", new_contact()),  # line 47
        (clinic.tin, "", "Asked Clinic", new_contact()),  # 48
        (tin(900), "", "Own Clinic", own),  # 49
        (tin(901), "", "", new_contact()),  # 50
        good[0],  # 51
    ]
    page = await finished(desk, await send(desk, rows))
    view = page.view
    assert (view.lines, view.made, view.standing, view.rejected, view.waiting) == (50, 45, 1, 4, 0)
    lines = {line.number: line for line in page.rows}
    assert all(lines[number].is_made for number in range(2, 47))
    assert (lines[47].code, lines[47].field) == ("tin_length", "tin")
    assert (lines[48].code, lines[48].authorization_id) == ("authorization_open", open_one)
    assert (lines[49].code, lines[49].field) == ("contact_own_person", "")
    assert lines[50].code == "organization_name_missing"
    assert lines[51].code == "duplicate_line"
    assert await requests_of(desk) == 46
    rejected = await request_lists.view_list(desk.house.gate, desk.me, view.id, rejected_only=True)
    assert [line.number for line in rejected.rows] == [47, 49, 50, 51]

    # The rejected lines come back as a file; corrected, it's sent again as it is.
    text = await request_lists.rejected_file(desk.house.gate, desk.colleague().me, view.id)
    [titles, *back] = csv.reader(io.StringIO(text))
    assert titles == ["line", "reason", *TITLES]
    assert [row[0] for row in back] == ["47", "49", "50", "51"]
    assert all(row[1] for row in back)
    assert back[1][2:] == [tin(900), "", "Own Clinic", own]
    back[1][5] = new_contact()
    again = file_of([tuple(back[1])], tuple(titles))  # type: ignore[list-item]
    batch_id = await request_lists.send_list(desk.house.gate, desk.me, billing_id=None, file=again, key=key())
    assert (await finished(desk, batch_id)).view.made == 1


async def test_I2_the_same_file_and_key_are_one_list(desk: Desk):
    rows, again = clients(3, first=200), key()
    assert await send(desk, rows, key=again) == await send(desk, rows, key=again)
    with pytest.raises(Refusal, match="key_reused"):
        await send(desk, rows[:2], key=again)
    batch_id = await send(desk, rows, key=again)
    await finished(desk, batch_id)
    await request_lists.go_on(desk.house.gate, desk.me, batch_id)  # there is nothing left to do
    assert await requests_of(desk) == 3


async def test_T5_two_files_at_once_ask_once_for_each_provider(desk: Desk):
    rows = clients(10, first=300)
    sent = await asyncio.gather(send(desk, rows), send(desk.colleague(), [*reversed(rows)]))
    pages = [await finished(desk, batch_id) for batch_id in sent]
    assert sum(page.view.made for page in pages) == 10
    assert sum(page.view.standing for page in pages) == 10
    assert await requests_of(desk) == 10


async def test_T5_beyond_the_cap_each_line_says_so(desk: Desk):
    limited = await Desk.open(desk.house, open_limit=2)
    page = await finished(limited, await send(limited, clients(4, first=400)))
    assert [line.code for line in page.rows] == ["ok", "ok", "authorizations_open_limit", "authorizations_open_limit"]


async def test_B6_a_line_names_the_limit_the_own_tax_id_and_when_to_ask_again(desk: Desk):
    limited = await Desk.open(desk.house, open_limit=4)
    house, clinic = desk.house, await desk.house.new_clinic()
    await limited.decided(await limited.asked(clinic), choice="decline")
    for _ in range(3):
        await authorizing.cancel(house.gate, limited.me, await limited.asked(tin=tin(420)), key=key())
    rows = [
        (clinic.tin, "", "Declined Clinic", new_contact()),
        (tin(420), "", "Often Clinic", new_contact()),
        (limited.service.tin, "", "Own Billing", new_contact()),
        *clients(5, first=430),
    ]
    page = await finished(limited, await send(limited, rows))
    declined, often, own, *_, beyond = page.rows
    [row] = (await limited.page(search="Declined Clinic")).rows or (await limited.page(search=clinic.tin)).rows
    assert row.again_at is not None
    assert f"You can ask again from {moment_in_words(row.again_at, house.gate.zone)} on." in declined.message
    assert re.search(r"too often today\. You can ask again from .+ on\.", often.message)
    assert (own.code, "own billing service" in own.message) == ("authorization_own_tin", True)
    assert (beyond.code, "Support can raise the limit" in beyond.message) == ("authorizations_open_limit", True)
    # The same words stand in the file of the lines to correct, and its cells are the ones that were sent.
    text = await request_lists.rejected_file(house.gate, limited.me, page.view.id)
    [_, first, *_] = csv.reader(io.StringIO(text))
    assert first == ["2", declined.message, *rows[0]]
    # Once the time has come, it says so.
    later = replace(house.gate, now=lambda: house.gate.now() + timedelta(days=8))
    read_later = await request_lists.view_list(later, limited.me, page.view.id)
    assert "You can ask again now." in read_later.rows[0].message


async def test_I15_a_foreign_list_looks_unknown(desk: Desk):
    batch_id, stranger = await send(desk, clients(1, first=500)), await Desk.open(desk.house)
    gate = desk.house.gate
    for wanted in (batch_id, uuid4()):
        with pytest.raises(Refusal, match="not_found"):
            await request_lists.view_list(gate, stranger.me, wanted)
        with pytest.raises(Refusal, match="not_found"):
            await request_lists.rejected_file(gate, stranger.me, wanted)
        with pytest.raises(Refusal, match="not_found"):
            await request_lists.go_on(gate, stranger.me, wanted)
    assert await request_lists.list_lists(gate, stranger.me) == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "empty_file"),
        (b"\xff\xfe\x00", "not_utf8"),
        (b"Name,Phone\r\nA,1\r\n", "columns_missing"),
        (file_of(clients(1) * 1001), "too_many_lines"),
    ],
)
async def test_T5_a_file_that_cant_be_read_is_refused_as_a_whole(desk: Desk, file: bytes, code: str):
    with pytest.raises(Refusal) as refused:
        await request_lists.send_list(desk.house.gate, desk.me, billing_id=None, file=file, key=key())
    assert [(defect.field, defect.code) for defect in refused.value.fields] == [("file", code)]
    assert await request_lists.list_lists(desk.house.gate, desk.me) == []


async def test_T5_a_list_outlives_temporal_being_away_when_it_was_sent(desk: Desk, keyring: Keyring):
    rows, again = clients(2, first=600), key()
    nowhere = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    away = replace(desk.house.gate, client=await connect(keyring=keyring, process="api", lazy=True, environ=nowhere))
    file = file_of(rows)
    with pytest.raises(Refusal, match="unavailable"):
        await request_lists.send_list(away, desk.me, billing_id=None, file=file, key=again)
    [kept] = await request_lists.list_lists(desk.house.gate, desk.me)
    assert (kept.lines, kept.waiting) == (2, 2)
    await request_lists.go_on(desk.house.gate, desk.colleague().me, kept.id)
    assert (await finished(desk, kept.id)).view.made == 2


async def test_T5_a_killed_worker_makes_no_request_twice(
    desk: Desk, house: House, temporal: Client, dev_server: DevServer
):
    settings = house.settings.model_copy(update={"task_queue": f"test-{key()}"})
    gate = replace(house.gate, task_queue=settings.task_queue)
    dying = DyingWorker("third request made", settings=settings, server=dev_server)
    file = file_of(clients(6, first=700))
    batch_id = await request_lists.send_list(gate, desk.me, billing_id=None, file=file, key=key())
    await dying.died()
    half = (await request_lists.view_list(gate, desk.me, batch_id)).view
    assert (half.made, half.waiting) == (2, 4)
    assert await requests_of(desk) == 3  # the third is made, and its result isn't written
    async with patient_worker(settings, client=temporal, database=house.database, vault=house.vault):
        assert (await finished(desk, batch_id)).view.made == 6
        assert await requests_of(desk) == 6
