"""Registering in a real browser, from the first page to the access list; every page on the way is judged."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from db.registrations import RegistrationRow
from domain.registration import State
from ops.mailbox import Fault
from portal.registration_view import view_registration
from tests.house import PASSWORD, House
from tests.web.conftest import NewPerson
from tests.web.person import NUMBER, WRONG_APP_CODE, WRONG_CODE, Person

pytestmark = pytest.mark.browser


async def test_P1_with_a_check_from_the_first_page_to_the_access_list(house: House, person: Person):
    clinic = await house.new_clinic()
    await person.go("/")
    await person.judge()
    await person.page.get_by_role("link", name="Start registration").click()
    await person.judge()
    await person.begin()
    assert person.path == "/register/email"
    assert await person.reads(f"code with six digits to {person.email}")
    await person.judge()
    await person.confirm()
    await person.judge()
    await person.choose(clinic)
    assert person.path == "/register/payment"
    assert await person.reads(f"Vendor number {clinic.vendor}")
    assert not await person.reads(clinic.tin)  # shown masked
    await person.judge()
    await person.prove(f" {clinic.check} ", f"${clinic.amount}")
    assert person.path == "/register/account"
    assert await person.typed("Your full name") == person.name
    await person.judge()
    await person.set_up_account()
    assert person.path == "/register/second-factor"
    await person.judge()
    await person.finish()
    assert person.path == "/register/recovery-codes"
    assert len(await person.codes()) == 10
    await person.judge()
    await person.send("Continue")  # not ticked
    assert await person.field_errors() == {"saved": "Save the codes first, then tick the box."}
    await person.judge()
    await person.page.check("#saved")
    await person.send("Continue")
    assert person.path == "/register/done"
    assert await person.reads(clinic.name)
    await person.judge()
    await person.page.get_by_role("link", name="Go to the portal").click()
    await person.page.wait_for_url("**/access")
    row = person.page.locator("tbody tr")
    assert clinic.name in await row.inner_text()
    assert await row.locator("td").last.inner_text() == "Open"
    assert await person.page.locator("thead th").last.inner_text() == "Status"
    await person.judge()
    await house.mail(to=person.email, subject="account is ready")


async def test_P3_with_a_notice_however_its_number_is_typed(house: House, person: Person):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.choose(clinic, npi=True)
    assert await person.reads(f"Type 2 NPI {clinic.npi}")
    await person.prove(clinic.notice.lower().replace("np", "np "))
    assert person.path == "/register/account"


async def test_P3_a_notice_with_a_vendor_number_is_told_at_the_notice(house: House, person: Person):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.choose(clinic)
    response = await person.prove(clinic.notice)
    assert response.status == 422
    assert list(await person.field_errors()) == ["document_number"]
    assert await person.typed(NUMBER) == clinic.notice
    await person.judge()


async def test_P1_with_an_eft_payment(house: House, person: Person):
    clinic = await house.new_clinic(method="ACH", number="71000001234567")
    await person.confirmed()
    await person.go("/register/organization")
    await person.choose(clinic, npi=True)
    await person.prove("0071-0000 0123 4567", clinic.amount)
    assert person.path == "/register/account"


async def test_P1_a_mismatch_keeps_what_was_typed_never_says_which_part_and_pauses_in_the_end(
    house: House, person: Person
):
    clinic, other = await house.new_clinic(), await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.choose(clinic)
    said = set()
    for left, (number, amount) in zip(
        (4, 3, 2, 1),
        [(clinic.check, "1.00"), (other.check, other.amount), ("99999999", clinic.amount), (clinic.check, "2.00")],
        strict=True,
    ):
        response = await person.prove(number, amount)
        assert response.status == 422
        assert await person.typed(NUMBER) == number
        assert await person.reads(f"You have {left} {'try' if left == 1 else 'tries'} left.")
        assert await person.field_errors() == {}
        assert await person.reads("Non-payment notices start with NP")
        panel = await person.page.locator("[data-error-summary]").inner_text()
        said.add(re.sub(r"You have .* left", "", panel))
    assert len(said) == 1
    await person.judge()
    response = await person.prove(clinic.check, "3.00")
    assert response.status in {422, 429}
    await person.go("/register/payment")
    assert await person.problem() == "Too many tries for now"
    assert await person.reads("You can try again at")
    assert await person.page.locator("#document_number").count() == 0
    await person.judge()


async def test_P4_what_cannot_be_meant_is_told_at_its_field_and_costs_no_try(house: House, person: Person):
    clinic = await house.new_clinic()
    await person.go("/register")
    response = await person.send("Continue")
    assert response.status == 422
    assert list(await person.field_errors()) == ["name", "email", "attestation"]
    await person.judge()
    await person.fill(name="Front Desk", email="billing@northfield.example.org")
    await person.send("Continue")
    assert list(await person.field_errors()) == ["name", "email", "attestation"]
    assert await person.typed("Your full name") == "Front Desk"
    await person.confirmed()
    await person.go("/register/organization")
    await person.fill(tin="12-345678", vendor_number="")
    await person.send("Continue")
    assert list(await person.field_errors()) == ["tin", "identified_by"]
    await person.judge()
    await person.fill(tin=clinic.tin)
    await person.page.check("#identified_by-npi")
    await person.fill(npi="1234567890")
    await person.send("Continue")
    assert list(await person.field_errors()) == ["npi"]
    await person.page.locator(".error-links a").click()
    assert await person.page.evaluate("document.activeElement.id") == "npi"
    assert await person.page.locator("#npi").input_value() == "1234567890"
    await person.judge()
    await person.page.check("#identified_by-vendor_number")
    await person.choose(clinic)
    response = await person.prove("", "12,84.505")
    assert list(await person.field_errors()) == ["document_number", "amount"]
    await person.judge()
    await person.prove(clinic.check, "0")
    assert "proves nothing" in (await person.field_errors())["amount"]
    await person.prove(clinic.check, "1.00")
    assert await person.reads("You have 4 tries left.")


async def test_P1_a_tax_id_that_no_employer_has_is_an_entry_to_correct_until_it_is_confirmed(
    house: House, person: Person
):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.fill(tin="07-1234567", vendor_number=clinic.vendor)
    for _ in range(2):  # sent again without the tick it says so again
        response = await person.send("Continue")
        assert response.status == 422
        assert (await person.page.title()).startswith("Problem: ")
        assert list(await person.field_errors()) == ["tin_confirmed"]
        assert await person.page.evaluate("document.activeElement.hasAttribute('data-error-summary')")
        assert await person.page.locator("#tin_confirmed[aria-invalid=true]").count() == 1
    await person.judge()
    await person.page.check("#tin_confirmed")
    await person.fill(vendor_number="")
    await person.send("Continue")
    assert list(await person.field_errors()) == ["identified_by"]
    assert await person.page.locator("#tin_confirmed").is_checked()  # said once
    await person.fill(vendor_number=clinic.vendor)
    await person.send("Continue")
    assert person.path == "/register/payment"


async def test_P6_a_wrong_code_a_new_code_and_the_old_one_afterwards(house: House, person: Person):
    await person.begin()
    first = await person.code()
    await person.fill(code="12")
    await person.send("Confirm")
    assert await person.field_errors() == {"code": "The code has six digits."}
    wrong = f"{(int(first) + 1) % 1_000_000:06}"
    response = await person.send_code(wrong)
    assert response.status == 422
    assert await person.field_errors() == {"code": WRONG_CODE}
    assert await person.reads("You have 4 tries left.")
    await person.judge()
    await person.send("Send a new code")
    assert await person.reads("A new code is on its way.")
    await person.judge()
    second = await person.code(after=1)
    if second != first:
        await person.send_code(first)
        assert await person.field_errors() == {"code": WRONG_CODE}
    await person.send_code(f"{second[:3]} {second[3:]}")
    assert person.path == "/register/organization"


async def test_P6_with_the_last_try_only_a_new_code_is_offered(person: Person):
    await person.begin()
    code = await person.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(4):
        await person.send_code(wrong)
    assert await person.reads("You have 1 try left.")
    response = await person.send_code(wrong)
    assert response.status == 422
    assert await person.problem() == "This code was tried too often"
    assert await person.page.locator("#code").count() == 0
    assert not await person.reads("tries left")
    assert not await person.reads("works until")
    await person.judge()
    await person.send("Send a new code")
    await person.send_code(await person.code(after=1))
    assert person.path == "/register/organization"


async def test_P6_a_code_whose_time_is_over_asks_for_a_new_one(house: House, person: Person):
    await person.begin()
    code = await person.code()
    started = await person.registration_id()
    await house.quiet(started)
    async with house.database.write() as session:
        over = datetime.now(UTC) - timedelta(minutes=1)
        await session.execute(
            update(RegistrationRow).where(col(RegistrationRow.id) == started).values(code_expires_at=over)
        )
    await person.go("/register/email")
    assert await person.reads("That code no longer works.")
    assert await person.page.locator("#code").count() == 0
    assert not await person.reads(code)
    await person.judge()
    await person.send("Send a new code")
    await person.send_code(await person.code(after=1))
    assert person.path == "/register/organization"


async def test_P6_too_many_new_codes_are_refused_with_the_time(person: Person):
    await person.begin()
    for _ in range(4):
        await person.send("Send a new code")
    response = await person.send("Send a new code")
    assert response.status == 429
    assert int(response.headers["retry-after"]) > 60
    assert await person.problem() == "Too many e-mails in an hour"
    assert await person.reads("You can have another code sent from")
    await person.judge()


async def test_B5_an_address_that_takes_no_mail_can_be_corrected(house: House, person: Person):
    house.sink.fault = Fault.PERMANENT
    await person.begin()
    await person.until("/register/email", "We could not reach your mailbox")
    await person.judge()
    house.sink.fault = Fault.NONE
    mistyped, first = person.email, await person.registration_id()
    await person.page.get_by_role("link", name="Correct the address").click()
    await person.page.wait_for_url("**/register")
    assert await person.typed("Your full name") == person.name
    person.email = f"right.{person.email}"
    await person.fill(email=person.email)
    await person.page.check("#attestation")
    await person.send("Continue")
    # The one that is left behind is closed, and its address hears nothing of that.
    assert (await view_registration(house.gate, first)).state is State.WITHDRAWN
    await person.confirm()
    await house.quiet(first)
    assert house.mails(to=mistyped) == []


async def test_P6_only_what_waits_for_its_address_is_closed_by_beginning_again(house: House, person: Person):
    await person.begin()
    await person.confirm()
    first = await person.registration_id()
    person.email = f"other.{person.email}"
    await person.begin()
    assert (await view_registration(house.gate, first)).state is State.PROVING


async def test_withdrawing_is_offered_from_the_first_code_to_the_last(house: House, person: Person):
    await person.begin()
    await person.page.get_by_role("link", name="Stop this registration").click()
    await person.page.wait_for_url("**/withdraw")
    assert not await person.reads("If you only want to pause")  # no link leads back before the address is confirmed
    await person.judge()
    person.email = f"another.{person.email}"
    await person.proved(await house.new_clinic())
    await person.go("/register/account")
    await person.set_up_account(password="short")
    assert await person.page.get_by_role("link", name="Stop this registration").count() == 1
    await person.set_up_account()
    assert person.path == "/register/second-factor"
    await person.page.get_by_role("link", name="Stop this registration").click()
    await person.page.wait_for_url("**/withdraw")
    assert await person.reads("If you only want to pause")
    await person.send("Stop the registration")
    assert person.path == "/register/closed"


async def test_P7_the_account_is_in_the_name_of_its_person(house: House, person: Person):
    clinic = await house.new_clinic(name="Northfield Family Clinic", practitioner="Ada Example")
    await person.proved(clinic)
    await person.go("/register/account")
    await person.fill(name=clinic.name)
    await person.set_up_account()
    assert await person.field_errors() == {
        "name": "This is the organization's name. Each person who sees patients' information has an account in their own name. Enter your own full name."
    }
    assert await person.typed("Your full name") == clinic.name
    await person.judge()
    await person.fill(name="Dr. Ada Example")
    await person.set_up_account()
    assert await person.reads("This is the name of a practitioner of the organization")
    assert list(await person.field_errors()) == ["practitioner_attestation"]  # the box to tick
    await person.judge()
    await person.set_up_account()
    assert list(await person.field_errors()) == ["practitioner_attestation"]
    await person.judge()
    await person.page.check("#practitioner_attestation")
    await person.set_up_account(password="password")
    assert list(await person.field_errors()) == ["password"]
    assert await person.page.locator("#practitioner_attestation").is_checked()
    assert await person.page.locator("#password").input_value() == ""
    await person.judge()
    await person.set_up_account()
    assert person.path == "/register/second-factor"


async def test_a_weak_password_is_refused_with_its_reason(house: House, person: Person):
    await person.proved(await house.new_clinic())
    await person.go("/register/account")
    for password in ("", "short", "password1234", person.email):
        response = await person.set_up_account(password=password)
        assert response.status == 422
        assert list(await person.field_errors()) == ["password"]


async def test_a_wrong_code_of_the_app_then_the_right_one_then_the_codes_once(
    house: House, person: Person, new_person: NewPerson
):
    started = await person.proved(await house.new_clinic())
    await person.go("/register/account")
    await person.set_up_account()
    key = await person.page.locator(".secret").inner_text()
    await person.send_code("000000", button="Finish registration")
    assert await person.field_errors() == {"code": WRONG_APP_CODE}
    assert await person.page.locator(".secret").inner_text() == key
    await person.judge()
    await person.finish()
    codes = await person.codes()
    await person.go("/register/done")
    await person.go("/register")
    await person.go("/register/recovery-codes")
    assert await person.codes() == codes  # until they are saved
    elsewhere = await new_person()
    await elsewhere.goes_on_with(started)
    await elsewhere.go("/register/recovery-codes")
    assert elsewhere.path == "/register/done"  # a registration's session alone shows none
    assert await elsewhere.page.get_by_role("link", name="Sign in").first.is_visible()
    await elsewhere.judge()
    await person.page.check("#saved")
    await person.send("Continue")
    await person.go("/register/recovery-codes")
    assert person.path == "/register/done"
    assert PASSWORD not in await person.page.content()
