"""Leaving and coming back: sign-in, links, other devices, other tabs, the back button, withdrawal."""

import asyncio

import pyotp
import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from db.directory import Payment
from db.registrations import OneTimeSecret, RegistrationRow
from ops.mailbox import Mail
from tests.house import PASSWORD, House
from tests.web.conftest import NewPerson
from tests.web.person import NUMBER, WRONG_APP_CODE, Person

pytestmark = pytest.mark.browser


def link_in(mail: Mail) -> str:
    """The path of the link in a mail, on whichever address the site is."""
    line = next(line for line in mail.text.splitlines() if "/resume/" in line)
    return line[line.index("/resume/") :].strip()


async def test_the_pages_that_anyone_may_open_know_who_is_signed_in(house: House, person: Person):
    await person.registered(await house.new_clinic())
    for path in ("/mailbox", "/resume", "/resume/nonsense"):
        await person.go(path)
        header = person.page.locator("header.site-header")
        assert await header.get_by_role("link", name="Sign in").count() == 0
        assert await header.get_by_text(person.name).count() == 1
    await person.go("/mailbox")
    await person.page.locator("main").get_by_role("link").first.click()
    assert await person.page.get_by_role("link", name="Sign in").count() == 0
    await person.judge()
    await person.send("Sign out")
    assert await person.reads("You are signed out.")


async def test_sign_out_sign_in_with_the_app_and_with_a_recovery_code_that_works_once(house: House, person: Person):
    codes = await person.registered(await house.new_clinic())
    await person.go("/access")
    await person.send("Sign out")
    assert await person.reads("You are signed out.")
    await person.judge()
    await person.go("/messages")
    assert await person.heading() == "Sign in"
    assert await person.reads("Please sign in.")
    await person.fill(email=person.email, password="not the right one")
    response = await person.send("Sign in")
    assert (response.status, await person.problem()) == (422, "E-mail address or password isn't right")
    assert await person.typed("E-mail address") == person.email
    assert await person.reads("Forgot your password? Call provider support.")
    assert await person.reads("Forgot your password or lost your phone?")
    await person.judge()
    await person.fill(password=PASSWORD)
    await person.send("Sign in")
    await person.judge()
    await person.send_code("12345", button="Sign in")
    assert list(await person.field_errors()) == ["code"]
    await person.page.get_by_role("link", name="use a recovery code").click()
    await person.judge()
    await person.fill(recovery_code=codes[3].upper())
    await person.send("Sign in")
    assert person.path == "/messages"  # where this began
    await person.send("Sign out")
    await person.sign_in()
    await person.go("/sign-in/code?use=recovery")
    await person.fill(recovery_code=codes[3])
    await person.send("Sign in")
    assert await person.field_errors() == {
        "recovery_code": "That code isn't right. Each recovery code works once. Enter one of your newest list that you haven't used."
    }
    await person.page.get_by_role("link", name="Use the authenticator app").click()
    # The code of the next half-minute: this one's was used to register.
    await person.send_code(pyotp.TOTP(person.secret).at(house.gate.now(), counter_offset=1), button="Sign in")
    assert person.path == "/access"


async def test_signing_in_leads_to_no_other_site(house: House, person: Person):
    codes = await person.registered(await house.new_clinic())
    await person.page.context.clear_cookies()
    await person.sign_in(path="/sign-in?next=//evil.example.org")
    await person.page.get_by_role("link", name="use a recovery code").click()
    await person.fill(recovery_code=codes[0])
    await person.send("Sign in")
    assert person.path == "/access"


async def test_T6_messages_are_read_and_marked_and_the_table_can_be_searched(house: House, person: Person):
    clinic = await house.new_clinic()
    await person.registered(clinic)
    await person.go("/messages")
    assert "unread" in await person.page.locator(".tabs").inner_text()
    await person.judge()
    await person.page.locator(".message-list a").click()
    await person.page.wait_for_url("**/messages/*")
    assert clinic.name in await person.page.locator("article").inner_text()
    await person.judge()
    await person.page.reload()
    await person.send("Mark as read")
    assert person.path == "/messages"
    assert "unread" not in await person.page.locator(".tabs").inner_text()
    await person.go("/access?q=nothing+like+it")
    assert await person.reads("Nothing matches")
    await person.judge()
    await person.go(f"/access?q={clinic.tin[-4:]}&status=open&sort=-since")
    assert await person.page.locator("tbody tr").count() == 1


async def test_sessions_elsewhere_are_ended_and_recovery_codes_replaced(
    house: House, person: Person, new_person: NewPerson
):
    codes = await person.registered(await house.new_clinic())
    other = await new_person(email=person.email)
    await other.sign_in()
    await other.go("/sign-in/code?use=recovery")
    await other.fill(recovery_code=codes[0])
    await other.send("Sign in")
    await person.go("/security")
    assert await person.reads("9 of 10 recovery codes left")
    await person.judge()
    await person.page.locator("tbody").get_by_role("button", name="Sign out").click()
    await person.page.get_by_text("That browser is signed out.").wait_for()
    await other.go("/access")
    assert await other.heading() == "Sign in"
    await person.send("Make new recovery codes")
    assert list(await person.field_errors()) == ["code"]
    await person.judge()
    await person.send_code(codes[0], button="Make new recovery codes")  # used up to sign in
    assert await person.field_errors() == {"code": WRONG_APP_CODE}
    await person.send_code(codes[1], button="Make new recovery codes")
    fresh = await person.codes()
    assert not set(fresh) & set(codes)
    await person.judge()
    await person.page.check("#saved")
    await person.send("Continue")
    assert await person.reads("Your new recovery codes are in place.")
    await person.judge()


async def test_a_sign_in_that_took_too_long_begins_again_with_a_word(person: Person):
    await person.go("/sign-in/code?next=/messages")
    assert await person.heading() == "Sign in"
    assert await person.reads("please enter your password once more")
    assert await person.page.locator("input[name=next]").input_value() == "/messages"


async def test_B2_a_link_goes_on_elsewhere_once_and_opening_it_changes_nothing(
    house: House, person: Person, new_person: NewPerson
):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.choose(clinic)
    other = await new_person(email=person.email)
    await other.go("/register/payment")
    assert await other.heading() == "Continue a registration"
    assert await other.reads("This browser doesn’t know your registration")
    await other.judge()
    await other.fill(email="nobody@")
    await other.send("Send the link")
    assert list(await other.field_errors()) == ["email"]
    await other.fill(email=person.email)
    await other.send("Send the link")
    assert await other.reads("a link is on its way")
    await other.judge()
    path = link_in(await house.mail(to=person.email, subject="Go on with"))
    for _ in range(2):
        await other.go(path)
        head = await other.page.request.head(other.site.address + path)
        assert head.status == 200
    async with house.database.read() as session:
        used = await session.scalar(
            select(func.count()).where(
                col(OneTimeSecret.subject) == f"registration/{await person.registration_id()}",
                col(OneTimeSecret.purpose) == "resume",
                col(OneTimeSecret.used_at).is_not(None),
            )
        )
    assert used == 0
    await other.judge()
    await other.send("Continue my registration")
    assert other.path == "/register/payment"  # where it stopped: the organization is kept
    assert await other.reads(f"Vendor number {clinic.vendor}")
    third = await new_person()
    await third.go(path)
    response = await third.send("Continue my registration")
    assert response.status == 410
    assert await third.heading() == "This link doesn't work any more"
    await third.judge()


async def test_a_link_to_a_registration_that_is_over_is_dead(house: House, person: Person, new_person: NewPerson):
    await person.proved(await house.new_clinic())
    await person.go("/resume")
    await person.fill(email=person.email)
    await person.send("Send the link")
    path = link_in(await house.mail(to=person.email, subject="Go on with"))
    await person.go("/register/withdraw")
    await person.send("Stop the registration")
    other = await new_person()
    await other.go(path)
    assert (await other.send("Continue my registration")).status == 410


async def test_I16_the_page_says_the_same_for_an_address_that_nobody_has(person: Person):
    await person.go("/resume")
    await person.fill(email="nobody.at.all@northfield.example.org")
    await person.send("Send the link")
    assert await person.reads("a link is on its way")
    # Said to everyone: what there is to do for who never entered the first code.
    assert await person.reads("Did you stop before you entered the code from our e-mail? Then no link comes")


async def test_withdrawing_asks_first_and_closes_every_page(house: House, person: Person):
    await person.confirmed()
    await person.go("/register/organization")
    await person.page.get_by_role("link", name="Stop this registration").click()
    await person.page.wait_for_url("**/withdraw")
    await person.judge()
    await person.page.get_by_role("link", name="Keep it").click()
    await person.page.wait_for_url("**/organization")
    await person.go("/register/withdraw")
    await person.send("Stop the registration")
    assert person.path == "/register/closed"
    assert await person.heading() == "This registration was withdrawn"
    await person.judge()
    for path in ("email", "organization", "payment", "account", "second-factor", "recovery-codes", "done", "withdraw"):
        response = await person.go(f"/register/{path}")
        assert (response.status, person.path) == (410, "/register/closed")


async def test_I8_an_expired_registration_says_so_with_410(house: House, person: Person):
    await person.confirmed()
    async with house.database.write() as session:
        row = await session.get_one(RegistrationRow, await person.registration_id())
        row.state, row.closing_code = "expired", "expired"
    response = await person.go("/register/payment")
    assert (response.status, await person.heading()) == (410, "This registration has expired")
    assert await person.page.get_by_role("link", name="Start a new registration").is_visible()
    await person.judge()


async def test_P1_going_back_to_correct_a_payment_is_a_new_try(house: House, person: Person):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.choose(clinic)
    await person.prove(clinic.check, "1.00")
    await person.page.go_back()
    assert await person.typed(NUMBER) in {clinic.check, ""}
    await person.prove(clinic.check, clinic.amount)
    assert person.path == "/register/account"
    await person.page.go_back()
    response = await person.go("/register/payment")
    assert person.path == "/register/account"
    assert response.status == 200


async def test_I7_a_form_sent_twice_is_done_once(house: House, person: Person):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.choose(clinic)
    # Past the script that stops a second click: the same form three times, at once.
    form: dict[str, str | float | bool] = {
        "idempotency_key": await person.page.locator("main form input[name=idempotency_key]").first.input_value(),
        "document_number": clinic.check,
        "amount": "1.00",
    }
    sent = [
        person.page.request.post(person.page.url, form=form, headers={"Origin": person.site.address}) for _ in range(3)
    ]
    answers = [await answer.text() for answer in await asyncio.gather(*sent)]
    assert all("<strong>4 tries</strong> left" in answer for answer in answers)
    await person.prove(clinic.check, clinic.amount)
    assert person.path == "/register/account"


async def test_two_tabs_end_at_the_same_step(house: House, person: Person):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.choose(clinic)
    tab = await person.another_tab()
    await tab.go("/register/payment")
    await person.prove(clinic.check, clinic.amount)
    await tab.prove(clinic.notice, "")
    assert tab.path == person.path == "/register/account"
    await person.set_up_account()
    await tab.go("/register/account")
    await tab.set_up_account(password="another quiet harbour lantern")
    await tab.finish()
    assert tab.path == "/register/recovery-codes"
    await person.go("/register/second-factor")
    assert person.path == "/register/recovery-codes"


async def test_a_payment_that_is_voided_meanwhile_is_told_where_another_one_is_given(house: House, person: Person):
    clinic, other = await house.new_clinic(), await house.new_clinic()
    await person.proved(clinic)
    await person.go("/register/account")
    await person.set_up_account()
    async with house.database.write() as session:
        await session.execute(update(Payment).where(col(Payment.number) == clinic.check).values(status="voided"))
    await person.finish()
    assert await person.heading() == "Your organization"
    assert await person.problem() == "This payment no longer proves your organization"
    await person.judge()
    await person.choose(other)
    await person.prove(other.check, other.amount)
    assert person.path == "/register/account"
