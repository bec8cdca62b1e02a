"""Registering by US Mail in a real browser, the development mailbox playing the print shop (P2, B3, B5)."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from db.counting import count
from db.directory import Location
from db.letters import LetterRow
from db.registrations import Counter
from portal.delivery_reports import DeliveryReading
from portal.registration_view import view_registration
from serve import delivery_reading
from tests.by_mail.conftest import pin_on, until, wrong
from tests.house import House, key
from tests.web.conftest import NewPerson
from tests.web.letter_route import (
    add_location,
    asks_for_a_letter,
    house_draft,
    newest_letter,
    plays_the_shop,
)
from tests.web.person import Person

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
async def reading(house: House) -> AsyncIterator[DeliveryReading]:
    """The print shop's reports are read, as by `serve.py`."""
    reading = delivery_reading(house.settings, house.gate)
    assert reading is not None
    task = asyncio.create_task(reading.for_ever(every_s=0.1))
    yield reading
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_P2_the_whole_route_by_letter(person: Person, house: House):
    clinic = await house.new_clinic()
    await add_location(house, clinic, "22 OAK AVE")
    await person.go("/")
    await person.page.get_by_role("link", name="Register with US Mail").click()
    await person.page.wait_for_url("**/register?said=by-mail")
    await person.fill(name=person.name, email=person.email)
    await person.page.check("#attestation")
    await person.send("Continue")
    await person.confirm()
    await person.choose(clinic)
    assert person.path == "/register/payment"
    await person.page.get_by_role("link", name="Register with US Mail").click()
    await person.page.wait_for_url("**/register/letter")
    await person.judge()
    assert await person.reads(f"•••••{clinic.tin[-4:]}"), "what was entered is kept"
    await person.send("Show the addresses on record")
    await person.judge()
    assert await person.page.get_by_role("radio").count() == 2
    assert "main st" not in (await person.page.content()).lower(), "addresses are masked"
    await person.send("Mail the letter")
    assert await person.field_errors() == {"location": "Choose the address that the letter goes to."}
    await person.judge()
    await person.page.get_by_label("2•• O••• Ave, Peoria, IL 616••").check()
    await person.send("Mail the letter")
    assert person.path == "/register/pin?said=letter-asked"
    assert await person.reads("it will be mailed on")
    await person.judge()
    letter_id, pdf = await newest_letter(house, person)
    pin = pin_on(pdf)
    await plays_the_shop(person, letter_id, "Mailed")
    await person.until("/register/pin?said=letter-asked", "Its PIN works until")
    assert not await person.reads("Your letter is being printed"), "loaded again it says what is so by now"
    await person.judge()
    assert await until(_gone(pdf)), "the spool's PDF was the last place with the PIN"
    await person.fill(pin=pin.lower().replace("-", " "))
    await person.send("Continue")
    assert person.path == "/register/account"
    assert await person.reads("Your organization is proved.")
    assert not await person.reads("numbers match")
    await person.set_up_account()
    await person.finish()
    await person.go("/access")
    assert await person.reads(clinic.name)
    assert await person.reads("US Mail")
    await person.judge()


def _gone(pdf: Path):
    async def look() -> bool | None:
        return None if await asyncio.to_thread(pdf.exists) else True

    return look


async def test_P2_without_scripts_on_a_narrow_screen(new_person: NewPerson, house: House):
    person = await new_person(java_script_enabled=False, viewport={"width": 320, "height": 640})
    clinic = await house.new_clinic()
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    _, pdf = await newest_letter(house, person)
    await person.fill(pin=pin_on(pdf))
    await person.send("Continue")
    assert person.path == "/register/account"


async def test_B5_a_letter_that_came_back_from_the_only_address_has_a_way_on(person: Person, house: House):
    clinic = await house.new_clinic()
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    letter_id, _ = await newest_letter(house, person)
    await plays_the_shop(person, letter_id, "Mailed")
    await person.until("/register/pin", "Its PIN works until")
    await plays_the_shop(person, letter_id, "Came back")
    await person.until("/register/pin", "Came back")
    mail = await house.mail(to=person.email, subject="came back")
    assert "another address, if our records have one" in " ".join((mail.text or "").split())
    for path in ("/register/pin", "/register/letter", "/register/letter?told=pin_letters_locked"):
        await person.go(path)
        assert person.path.startswith("/register/letter")
        assert await person.problem() == "We have no address we can mail a letter to"
        assert await person.heading() == "No letter can be mailed"
        for words in ("another letter", "another address", "Enter its PIN", "How it works"):
            assert not await person.reads(words), words
        assert await person.page.get_by_role("button", name="Show the addresses").count() == 0
        await person.judge()
    await person.send("Send to provider support")
    assert "telephone" in await person.field_errors()
    await person.fill(telephone="217-555-0142")
    await person.send("Send to provider support")
    assert person.path.startswith("/register/cases/")
    await person.go("/register/letter")
    assert await person.reads("is with our staff")
    assert not await person.page.get_by_label("Telephone").count()
    await person.judge()
    await person.go("/register/payment")
    await person.prove(clinic.check, clinic.amount)
    assert person.path == "/register/account"


async def test_B5_a_letter_that_came_back_is_followed_by_one_to_another_address(person: Person, house: House):
    clinic = await house.new_clinic()
    await add_location(house, clinic, "22 OAK AVE")
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    letter_id, _ = await newest_letter(house, person)
    await plays_the_shop(person, letter_id, "Came back")
    await person.until("/register/pin", "Came back")
    assert await person.heading() == "Your letter can’t be used any more"
    assert await person.page.locator("#pin").count() == 0
    assert await person.reads("You can ask for another letter from")
    await person.judge()
    await person.go("/register/letter")
    assert await person.heading() == "Another letter"
    assert not await person.reads("Enter its PIN"), "no letter is to be waited for"
    await person.go("/register/pin")
    await person.page.get_by_role("link", name="I found a check or notice").click()
    await person.page.wait_for_url("**/register/payment")


async def test_P2_a_check_turns_up_while_the_letter_travels(person: Person, house: House):
    clinic = await house.new_clinic()
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    letter_id, _ = await newest_letter(house, person)
    await person.page.get_by_role("link", name="I found a check or notice").click()
    await person.page.wait_for_url("**/register/payment")
    assert await person.reads(f"•••••{clinic.tin[-4:]}"), "nothing is typed again"
    await person.judge()
    await person.prove(clinic.check, clinic.amount)
    assert person.path == "/register/account"
    await person.go("/register/pin")
    assert person.path == "/register/account", "the PIN is void"
    async with house.database.read() as session:
        assert (await session.get_one(LetterRow, UUID(letter_id))).state == "void"


async def test_P2_a_wrong_pin_is_counted_and_paused_and_another_letter_has_its_time(person: Person, house: House):
    clinic = await house.new_clinic()
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    letter_id, pdf = await newest_letter(house, person)
    pin = pin_on(pdf)
    await person.fill(pin="12345")
    await person.send("Continue")
    assert "10 letters and digits" in (await person.field_errors())["pin"]
    for left in (4, 3, 2, 1, 0):
        await person.fill(pin=wrong(pin))
        response = await person.send("Continue")
        assert (response.status, await person.problem()) == (422, "That PIN isn't right")
        if left:
            assert await person.reads(f"You have {left} {'try' if left == 1 else 'tries'} left")
            assert await person.page.locator("#pin").input_value() == "", "a PIN is never sent back to the page"
    await person.go("/register/pin")
    assert await person.problem() == "Too many tries for now"
    assert await person.reads("You can try again at")
    assert await person.page.locator("#pin").count() == 0, "loaded again, there is no field either"
    await person.judge()
    # Sent from a page that was open before.
    form: dict[str, str | float | bool] = {"idempotency_key": key(), "pin": pin}
    paused = await person.page.context.request.post(
        person.site.address + "/register/pin", form=form, headers={"Origin": person.site.address}
    )
    assert paused.status == 429
    await person.judge()
    await person.go("/register/letter")
    assert await person.reads("You can ask for another letter from")
    await person.judge()
    async with house.database.write() as session:  # the ten minutes pass
        (await session.get_one(Counter, ("pin", letter_id))).window_ends_at = house.gate.now()
    await person.go("/register/pin")
    await person.fill(pin=pin)
    await person.send("Continue")
    assert person.path == "/register/account"


async def test_P2_locked_letters_are_explained_and_lock_nobody(person: Person, house: House):
    clinic = await house.new_clinic()
    started = await person.confirmed()
    await asks_for_a_letter(person, clinic)
    letter_id, _ = await newest_letter(house, person)
    async with house.database.write() as session:
        (await session.get_one(LetterRow, UUID(letter_id))).state = "void"
    await person.go("/register/pin")
    assert await person.reads("Your letter can’t be used any more")
    # Sent from a page that was open before.
    tab = await person.another_tab()
    form: dict[str, str | float | bool] = {"idempotency_key": key(), "pin": "00000-00000"}
    response = await tab.page.context.request.post(
        person.site.address + "/register/pin", form=form, headers={"Origin": person.site.address}, max_redirects=0
    )
    assert response.headers["location"] == "/register/letter?told=pin_letters_locked"
    await person.go(response.headers["location"])
    assert await person.problem() == "The letters of this registration no longer work"
    assert await person.page.get_by_role("link", name="Ask for another letter").count() == 0, (
        "this is where it's asked for"
    )
    await person.judge()
    await person.go("/register/pin")
    assert person.path == "/register/letter?told=pin_letters_locked", "the address on the letter says why"
    assert (await house.prove(started, clinic)).accepted


async def test_P2_letters_that_can_never_work_are_not_offered(person: Person, house: House):
    clinic = await house.new_clinic()
    started = await person.confirmed()
    await asks_for_a_letter(person, clinic)
    _, pdf = await newest_letter(house, person)
    async with house.database.write() as session:
        tries = house.gate.limits.pin_tries_in_life - 1
        await count(session, "pin-life", str(started.registration_id), at=house.gate.now())
        (await session.get_one(Counter, ("pin-life", str(started.registration_id)))).count = tries
    await person.go("/register/pin")
    await person.fill(pin=wrong(pin_on(pdf)))
    await person.send("Continue")
    assert person.path.startswith("/register/letter")
    for path in ("/register/letter", "/register/pin"):
        await person.go(path)
        assert await person.problem() == "Letters no longer work for this registration"
        assert await person.page.get_by_role("button", name="Show the addresses").count() == 0
        assert await person.page.get_by_role("link", name="another letter").count() == 0
        for words in ("Another letter", "We mail a letter with a PIN", "How it works"):
            assert not await person.reads(words), words
        await person.judge()
    await person.go("/register/payment")
    assert await person.page.get_by_role("link", name="US Mail").count() == 0
    await person.prove(clinic.check, "1.00")
    assert await person.page.get_by_role("link", name="US Mail").count() == 0
    await person.go("/register/letter")
    await person.fill(telephone="217-555-0142")
    await person.send("Send to provider support")
    assert person.path.startswith("/register/cases/")


async def test_P2_before_a_letter_was_asked_for_its_address_says_so(person: Person):
    await person.confirmed()
    await person.go("/register/pin")
    assert person.path == "/register/organization?said=no-letter-yet"
    assert await person.reads("No letter was asked for yet")


async def test_P2_while_look_ups_are_paused_the_page_leads_nowhere_in_vain(person: Person, house: House):
    clinic, other = await house.new_clinic(), await house.new_clinic()
    started = await person.confirmed()
    await house_draft(house, person, tin=clinic.tin, vendor=clinic.vendor)
    await person.go("/register/letter")
    await house_draft(house, person, tin=clinic.tin, vendor=other.vendor)
    for _ in range(4):
        await person.send("Show the addresses on record")
    response = await person.send("Show the addresses on record")
    assert (response.status, await person.problem()) == (422, "We couldn't match this to our records")
    await house_draft(house, person, tin=clinic.tin, vendor=clinic.vendor)
    for reason in ("We couldn't match this", "Too many tries for now", "Too many tries for now"):
        assert (await person.problem()).startswith(reason)
        assert await person.reads("You can try again on")
        assert not await person.reads("Check the Tax ID")
        assert await person.reads("Call provider support")
        assert await person.page.get_by_role("link", name="Contact us: we look into it").count() == 1
        assert await person.page.locator("main").get_by_role("link", name="payment or notice").count() == 2
        assert await person.page.locator("main").get_by_role("link", name="US Mail").count() == 0
        assert await person.page.get_by_role("button", name="Show the addresses").count() == 0
        await person.judge()
        await person.go("/register/letter")
    for _ in range(5):
        await house.prove(started, clinic, amount="1.00")
    await person.go("/register/letter")
    assert await person.page.locator("main").get_by_role("link", name="payment or notice").count() == 0
    await person.page.get_by_role("link", name="Contact us: we look into it").click()
    assert await person.page.get_by_label("Telephone").count() == 1


async def test_P2_while_payments_are_paused_the_letter_that_is_offered_can_be_had(person: Person, house: House):
    clinic = await house.new_clinic()
    started = await person.confirmed()
    await house_draft(house, person, tin=clinic.tin, vendor=clinic.vendor)
    for _ in range(4):
        await house.prove(started, clinic, amount="1.00")
    await person.go("/register/payment")
    await person.prove(clinic.check, "1.00")
    for reason in ("We couldn't match this to our records", "Too many tries for now"):
        assert await person.problem() == reason
        assert not await person.reads("Check the Tax ID"), "there is no form to correct"
        assert await person.reads("Try again at the time shown")
        await person.judge()
        await person.go("/register/payment")
    await person.page.get_by_role("link", name="Register with US Mail instead.").click()
    assert await person.page.get_by_role("alert").count() == 0
    assert await person.page.locator("main").get_by_role("link", name="payment or notice").count() == 0
    await person.judge()
    await person.send("Show the addresses on record")
    await person.page.get_by_role("radio").first.check()
    await person.send("Mail the letter")
    assert person.path == "/register/pin?said=letter-asked"


async def test_B5_an_address_where_mail_came_back_is_marked_and_not_offered(person: Person, house: House):
    clinic = await house.new_clinic()
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    await add_location(house, clinic, "22 OAK AVE")
    letter_id, _ = await newest_letter(house, person)
    await plays_the_shop(person, letter_id, "Mailed")
    await plays_the_shop(person, letter_id, "Came back")
    await person.until("/register/pin", "Came back")
    async with house.database.write() as session:  # a day later another letter may be asked for
        (await session.get_one(LetterRow, UUID(letter_id))).requested_at -= timedelta(hours=25)
    await person.go("/register/letter")
    await person.send("Show the addresses on record")
    assert await person.page.get_by_role("radio").count() == 1
    assert not await person.page.get_by_role("radio").first.is_checked()
    assert await person.page.get_by_label("2•• O••• Ave, Peoria, IL 616••").count() == 1
    assert await person.reads("1•• M••• St, Springfield, IL 627•• Mail sent here came back on")
    await person.judge()


async def test_P2_a_mismatch_and_no_usable_address_are_told_with_a_way_on(person: Person, house: House):
    clinic, other = await house.new_clinic(), await house.new_clinic()
    async with house.database.write() as session:
        for location in await session.scalars(select(Location).where(col(Location.organization_id) == other.id)):
            location.zip = "0"
    await person.confirmed()
    await house_draft(house, person, tin=clinic.tin, vendor=other.vendor)
    await person.go("/register/letter")
    response = await person.send("Show the addresses on record")
    assert (response.status, await person.problem()) == (422, "We couldn't match this to our records")
    assert await person.reads("You have 4 tries left")
    assert await person.page.get_by_role("link", name="My provider is not listed").count() == 1
    await person.judge()
    await house_draft(house, person, tin=other.tin, vendor=other.vendor)
    await person.go("/register/letter")
    await person.send("Show the addresses on record")
    assert await person.problem() == "We have no address we can mail a letter to"
    await person.judge()
    await person.send("Send to provider support")
    assert "telephone" in await person.field_errors()
    await person.fill(telephone="217-555-0142")
    await person.send("Send to provider support")
    assert person.path.startswith("/register/cases/"), "a case for staff, with nothing typed again"
    assert await person.reads(f"•••••{other.tin[-4:]}")
    await person.go("/register/letter")
    await person.send("Show the addresses on record")
    await person.page.get_by_role("link", name="payment or notice instead").click()
    await person.page.wait_for_url("**/register/payment")


async def test_P2_weeks_later_on_another_device(person: Person, new_person: NewPerson, house: House):
    """The letter's address explains itself there; the link by e-mail leads back, and the PIN is the only thing to type."""
    clinic = await house.new_clinic()
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    _, pdf = await newest_letter(house, person)
    phone = await new_person(viewport={"width": 320, "height": 640})
    phone.email = person.email
    await phone.go("/register/pin")
    assert phone.path == "/register/pin"
    assert await phone.heading() == "You have a letter with a PIN?"
    await phone.judge()
    await phone.go("/register/letter")
    assert await phone.heading() == "You have a letter with a PIN?"
    reference = (await view_registration(house.gate, await person.registration_id())).reference
    await phone.fill(email="R-12")
    await phone.send("Send the link")
    assert "such as R-7K3M-9QXW-2B4C" in (await phone.field_errors())["email"]
    await phone.fill(email=reference.lower().replace("-", " "))  # as printed on the letter
    await phone.send("Send the link")
    assert await phone.reads(f"If registration {reference} is open")
    await phone.judge()
    mail = await house.mail(to=person.email, subject="Go on with")
    link = re.search(r"/resume/\S+", mail.text)
    assert link
    await phone.go(link[0])
    await phone.send("Continue my registration")
    assert phone.path == "/register/pin"
    await phone.fill(pin=pin_on(pdf))
    await phone.send("Continue")
    assert phone.path == "/register/account"
