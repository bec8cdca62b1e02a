"""Adding a Tax ID or NPI to an account in a real browser (P10): the same proofs, no new registration."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from db.audit import AuditEntry
from db.registrations import RegistrationRow
from serve import delivery_reading
from tests.by_mail.conftest import pin_on
from tests.house import House, key
from tests.web.conftest import NewPerson
from tests.web.letter_route import newest_letter_of, plays_the_shop
from tests.web.person import Person

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
async def reading(house: House) -> AsyncIterator[None]:
    reading = delivery_reading(house.settings, house.gate)
    assert reading is not None
    task = asyncio.create_task(reading.for_ever(every_s=0.1))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def begin(person: Person) -> None:
    await person.go("/access")
    await person.page.get_by_role("link", name="Add a Tax ID or NPI").click()
    await person.page.wait_for_url("**/access/add")
    await person.send("Begin")
    assert person.path == "/register/organization"


async def test_P10_a_tax_id_is_added_with_a_check(person: Person, house: House):
    first, second = await house.new_clinic(), await house.new_clinic()
    await person.registered(first)
    await begin(person)
    assert await person.page.locator(".steps").count() == 0, "an addition has no step indicator"
    assert await person.reads("Signed in as")
    await person.judge()
    await person.choose(second)
    await person.judge()
    await person.prove(second.check, second.amount)
    assert person.path == "/access?said=added"
    assert await person.reads("It was added: you have access now.")
    assert await person.reads(first.name)
    assert await person.reads(second.name)
    await person.judge()


async def test_P10_a_tax_id_is_added_with_a_letter_and_waits_among_the_access(person: Person, house: House):
    first, second = await house.new_clinic(), await house.new_clinic()
    await person.registered(first)
    await begin(person)
    await person.fill(tin=second.tin, vendor_number=second.vendor)
    await person.send("Use US Mail instead")
    await person.page.check("#tin_confirmed")
    await person.send("Use US Mail instead")
    await person.judge()
    await person.send("Show the addresses on record")
    await person.page.get_by_role("radio").first.check()
    await person.judge()
    await person.send("Mail the letter")
    assert person.path == "/register/pin?said=letter-asked"
    await person.judge()
    await person.go("/access")
    row = person.page.get_by_role("row").filter(has_text=second.name)
    assert "Waiting for the PIN" in await row.inner_text()
    assert await person.page.get_by_role("row").filter(has_text=first.name).count() == 1
    await person.judge()
    letter_id, pdf = await newest_letter_of(house, second)
    pin = pin_on(pdf)
    await plays_the_shop(person, letter_id, "Mailed")
    await person.page.context.clear_cookies(name="gatehouse_registration")
    # The letter's address leads to what is waiting, and on.
    await person.go("/register/pin")
    await person.judge()
    await person.send("Enter the PIN")
    assert person.path == "/register/pin"
    await person.fill(pin=pin)
    await person.send("Continue")
    assert person.path == "/access?said=added"
    assert "Open" in await person.page.get_by_role("row").filter(has_text=second.name).inner_text()
    await person.go("/access?status=adding")
    assert await person.reads("Nothing matches")


async def test_P10_going_on_from_the_access_and_stopping(person: Person, house: House):
    await person.registered(await house.new_clinic())
    await begin(person)
    await person.go("/access")
    row = person.page.get_by_role("row").filter(has_text="Being added")
    assert re.search(r"Begun \w{3} \d+, \d{4}, \d+:\d\d", await row.inner_text())
    await person.judge()
    await person.send("Go on")
    assert person.path == "/register/organization"
    await person.page.get_by_role("link", name="Stop adding this").click()
    await person.page.wait_for_url("**/register/withdraw")
    await person.judge()
    await person.send("Stop adding it")
    assert await person.heading() == "You have stopped adding this"
    await person.judge()
    await person.go("/access")
    assert not await person.reads("Being added Reference")


async def test_P10_what_the_account_has_already_is_told_and_uses_up_nothing(person: Person, house: House):
    clinic = await house.new_clinic()
    await person.registered(clinic)
    await begin(person)
    await person.choose(clinic)
    await person.page.get_by_role("link", name="Use US Mail").click()
    await person.page.wait_for_url("**/register/letter")
    await person.send("Show the addresses on record")
    assert await person.problem() == "You have this access already"
    assert await person.page.get_by_role("link", name="Look at Tax ID & NPI access").count() == 1
    await person.judge()


async def test_P10_only_so_many_are_open_and_the_page_lists_them(person: Person, house: House):
    await person.registered(await house.new_clinic())
    for _ in range(house.gate.limits.additions_open):
        await person.go("/access/add")
        await person.send("Begin")
    await person.go("/access/add")
    response = await person.send("Begin")
    assert (response.status, await person.problem()) == (409, "You are adding several Tax IDs already")
    assert await person.page.get_by_role("button", name="Go on").count() == house.gate.limits.additions_open
    await person.judge()


async def test_I15_nobody_goes_on_with_anothers_addition(person: Person, new_person: NewPerson, house: House):
    await person.registered(await house.new_clinic())
    await begin(person)
    async with house.database.read() as session:
        addition = (
            await session.scalars(
                select(col(RegistrationRow.id))
                .where(col(RegistrationRow.for_account_id).is_not(None))
                .order_by(col(RegistrationRow.started_at).desc())
            )
        ).first()
    stranger = await new_person()
    await stranger.registered(await house.new_clinic())
    for identifier in (addition, "00000000-0000-4000-8000-000000000000", "x"):
        response = await stranger.page.context.request.post(
            f"{stranger.site.address}/access/additions/{identifier}",
            form={"idempotency_key": key()},
            headers={"Origin": stranger.site.address},
        )
        assert response.status == 404


async def test_I14_looking_at_the_page_begins_nothing(person: Person, house: House):
    await person.registered(await house.new_clinic())

    async def counted() -> list[object]:
        async with house.database.read() as session:
            return [
                await session.scalar(select(func.count()).select_from(table)) for table in (RegistrationRow, AuditEntry)
            ]

    before = await counted()
    await person.go("/access/add")
    await person.judge()
    await person.go("/register/pin")
    assert await counted() == before


async def test_signed_out_adding_leads_to_signing_in_and_back(person: Person):
    await person.go("/access/add")
    assert person.path == "/sign-in?said=sign-in-first&next=%2Faccess%2Fadd"
