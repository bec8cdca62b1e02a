"""The journeys of providers by keyboard alone, each from its beginning to its end (P2, P6, P8, P9, P10)."""

import pyotp
import pytest

from domain.departure import State
from tests.by_mail.conftest import pin_on
from tests.cases.counter import unlisted_tin
from tests.colleagues.office import Office, new_address
from tests.colleagues.office import Person as Colleague
from tests.departures.conftest import Practice
from tests.house import PASSWORD, House
from tests.web.conftest import NewPerson
from tests.web.keys import Keys
from tests.web.letter_route import add_location, newest_letter
from tests.web.person import Person

pytestmark = pytest.mark.browser


async def signed_in(person: Person, colleague: Colleague) -> Keys:
    """Somebody with an account, at a browser that has their session."""
    person.email = colleague.email
    await person.page.context.add_cookies(
        [{"name": "gatehouse_session", "value": colleague.token, "url": person.site.address}]
    )
    return Keys(person)


async def sets_up_second_factor(keys: Keys, button: str) -> None:
    """From the page with the key to the end."""
    secret = (await keys.person.page.locator(".secret").inner_text()).replace(" ", "")
    await keys.types("Six digits from the app", pyotp.TOTP(secret).now())
    await keys.presses(button)
    await keys.ticks("I have saved or printed these codes")
    await keys.presses("Continue", key="Space")
    assert await keys.person.heading() == "You have access"


async def test_P2_us_mail_by_keyboard_alone(person: Person, house: House):
    clinic = await house.new_clinic()
    await add_location(house, clinic, "22 OAK AVE")
    keys = Keys(person)
    await person.go("/")
    await keys.follows("Register with US Mail")
    await keys.types("Your full name", person.name)
    await keys.types("Your e-mail address at work", person.email)
    await keys.ticks("This account is for myself")
    await keys.presses("Continue")
    await keys.types("Code from the e-mail", await person.code())
    await keys.presses("Confirm")
    await keys.types("Tax ID of the organization", clinic.tin)
    await keys.types("Vendor number", clinic.vendor)
    await keys.presses("Use US Mail instead")
    await keys.ticks("I have checked the Tax ID")
    await keys.presses("Use US Mail instead")
    await keys.presses("Show the addresses on record")
    await keys.chooses("2•• O••• Ave, Peoria, IL 616••")
    await keys.presses("Mail the letter", key="Space")
    assert person.path == "/register/pin?said=letter-asked"
    _, pdf = await newest_letter(house, person)
    await keys.types("PIN", pin_on(pdf))
    await keys.sends()
    assert person.path == "/register/account"
    await keys.types("Password", PASSWORD)
    await keys.presses("Continue")
    await sets_up_second_factor(keys, "Finish registration")
    await keys.follows("Go to the portal")
    assert await person.reads(clinic.name)


async def test_P8_not_listed_by_keyboard_alone(person: Person, house: House):
    await person.confirmed()
    keys = Keys(person)
    await person.go("/register/organization")
    await keys.opens("My provider is not listed")
    await keys.follows("Tell us about the organization")
    await keys.types("Name of the organization", "Harbour Clinic")
    await keys.types("Address", "12 Quay Street\nSpringfield, IL 62701")
    await keys.types("Telephone", "217-555-0142")
    await keys.types("Tax ID of the organization", "12", key="Shift+Tab")
    await keys.presses("Send to provider support")
    assert (await keys.focus()).words.startswith("Please correct one entry")
    assert (await keys.jumps((await person.field_errors())["tin"])).words == "Tax ID of the organization"
    await keys.types("Telephone", "217-555-0143")
    await keys.types("Tax ID of the organization", unlisted_tin(), key="Shift+Tab")
    await keys.sends()
    assert (await person.heading()).startswith("Case C-")
    await keys.types("What we should know as well", "We opened in October.")
    await keys.presses("Send")
    assert "We opened in October." in await person.page.locator(".timeline").inner_text()
    await keys.presses("I don’t need this any more")
    assert await person.reads("it isn't needed any more")


async def test_P9_what_is_said_of_a_colleague_by_keyboard_alone(person: Person, house: House):
    practice, clinic = Practice(house), await house.new_clinic()
    departed = await practice.administrator(clinic)
    stays = await practice.colleague(departed)
    started = await practice.house.confirmed(email=person.email)
    await practice.house.prove_notice(started, clinic)
    await person.goes_on_with(started)
    keys = Keys(person)
    await person.go("/register/account")
    await keys.chooses("K•••")
    await keys.chooses("Both of them")
    await keys.chooses("J•••")
    await keys.chooses("They have left")
    await keys.types("Password", PASSWORD)
    await keys.presses("Continue")
    await sets_up_second_factor(keys, "Finish registration")
    assert (await practice.review(departed)).state == State.OPEN
    assert await practice.reviews(stays) == []


async def test_P9_the_objection_by_keyboard_alone(new_person: NewPerson, house: House):
    practice, clinic = Practice(house), await house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    reader = await new_person(email=departed.email)
    keys = Keys(reader)
    await reader.go(f"/newcomer/{await practice.notice_link(departed)}")
    await keys.presses("Send me a code")
    await keys.chooses("I object")
    await keys.types("Code from our e-mail", await reader.code())
    await keys.presses("Send my answer")
    assert await reader.reads("We have your objection")
    await practice.stands(review.id, State.CONTESTED)


async def test_P9_the_objection_of_the_signed_in_by_keyboard_alone(person: Person, house: House):
    practice, clinic = Practice(house), await house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    keys = await signed_in(person, departed)
    await person.go("/access")
    await keys.follows("Newcomers")
    await keys.follows("Jo Example")
    await keys.chooses("I object")
    await keys.presses("Send my answer", key="Space")
    assert await person.reads("We have your objection")
    await practice.stands(review.id, State.CONTESTED)


async def test_P6_colleagues_by_keyboard_alone(new_person: NewPerson, house: House):
    office = Office(house)
    mistyped, email = new_address(), new_address()
    inviter = await signed_in(await new_person(), await office.administrator())
    await inviter.person.go("/access")
    await inviter.follows("Colleagues")
    for address in (mistyped, email):
        await inviter.follows("Invite a colleague")
        await inviter.types("Your colleague’s e-mail address", address)
        await inviter.picks("Role", "Administrator")
        await inviter.presses("Send the invitation")
        assert await inviter.person.reads("The invitation is on its way")
    await inviter.presses(f"Cancel {mistyped}")
    assert await inviter.person.reads("The invitation is cancelled")

    invited = Keys(await new_person(email=email))
    await invited.person.go(f"/invitation/{await office.link(email)}")
    await invited.presses("See the invitation")
    await invited.types("Your full name", "Kim Colleague")
    await invited.types("Password", PASSWORD)
    await invited.ticks("This account is for myself")
    await invited.presses("Continue")
    await sets_up_second_factor(invited, "Accept the invitation")

    await inviter.follows("Colleagues")
    await inviter.follows("Change or remove – Kim Colleague")
    await inviter.presses("End the access")
    assert await inviter.person.reads("The access has ended")
    assert not await inviter.person.reads("Kim Colleague")


async def test_P10_access_is_added_by_keyboard_alone(person: Person, house: House):
    first, second = await house.new_clinic(), await house.new_clinic()
    await person.registered(first)
    keys = Keys(person)
    await person.go("/access")
    await keys.follows("Add a Tax ID or NPI")
    await keys.presses("Begin")
    await keys.types("Tax ID of the organization", second.tin)
    await keys.chooses("Type 2 NPI")
    await keys.types("Type 2 NPI", second.npi)
    await keys.presses("Continue")
    await keys.ticks("I have checked the Tax ID")
    await keys.presses("Continue")
    await keys.types("Check number", second.check)
    await keys.types("Amount of the payment", second.amount)
    await keys.presses("Check and continue")
    assert person.path == "/access?said=added"
    assert await person.reads(second.name)


async def test_P10_contact_us_by_keyboard_alone(person: Person, house: House):
    await person.registered(await house.new_clinic())
    asked_for = await house.new_clinic()
    keys = Keys(person)
    await person.go("/access")
    await keys.follows("Contact us")
    await keys.types("What can we do for you?", "We have no check number.")
    await keys.types("Tax ID that you need access to", asked_for.tin)
    await keys.types("Telephone", "217-555-0142")
    await keys.presses("Send to provider support")
    assert (await person.heading()).startswith("Case C-")
