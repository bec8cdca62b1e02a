"""The pages of cases in a real browser: the form, the case, staff's way in, the queue, and everything without scripts."""

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import pyotp
import pytest
from playwright.async_api import Browser

from domain.cases import CaseKind, CaseState, StaffAction
from portal import cases, staff
from portal.staff import StaffRole
from tests.cases.counter import Clerk, Counter, unlisted_tin
from tests.house import PASSWORD, House, key
from tests.web.person import Person
from tests.web.site import Site, open_site

pytestmark = pytest.mark.browser

_callers = itertools.count(1)
NewPerson = Callable[..., Awaitable[Person]]


@pytest.fixture(scope="module")
async def site(sqlite_house: House) -> AsyncIterator[Site]:
    async with open_site(sqlite_house.settings, sqlite_house.gate) as running:
        yield running


@pytest.fixture
async def new_person(browser: Browser, counter: Counter, site: Site) -> AsyncIterator[NewPerson]:
    """Opens a browser of someone's own. Nobody's browser may have complained of anything."""
    visiting: list[Person] = []

    async def open_browser(**options: Any) -> Person:
        caller = f"198.19.0.{next(_callers)}"
        person = await Person.with_browser(browser, counter.house, site, caller=caller, **options)
        visiting.append(person)
        return person

    yield open_browser
    for person in visiting:
        await person.page.context.close()
    for person in visiting:
        assert person.complaints == []


async def _at_the_desk(person: Person, clerk: Clerk) -> None:
    """Signed in as staff, without using up a code of the app."""
    await person.page.context.add_cookies(
        [
            {
                "name": "gatehouse_staff",
                "value": clerk.token,
                "url": person.site.address,
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
async def test_P8_the_form_keeps_what_was_typed_and_becomes_a_case(
    counter: Counter, new_person: NewPerson, scripts: bool
):
    person = await new_person(java_script_enabled=scripts)
    await person.confirmed()
    await person.go("/register/not-listed")
    if scripts:
        await person.judge()
    await person.fill(
        organization="Harbour Clinic", tin="12", address="12 Quay Street", telephone="217-555-0142", note="Hello."
    )
    await person.send("Send to provider support")
    assert list(await person.field_errors()) == ["tin"]
    assert await person.typed("Name of the organization") == "Harbour Clinic"
    assert (await person.page.input_value("#note")).strip() == "Hello."
    await person.fill(tin=unlisted_tin())
    await person.send("Send to provider support")
    assert (await person.heading()).startswith("Case C-")
    assert await person.reads("You sent us your request.")
    if scripts:
        await person.judge()
    path = person.path
    await person.go("/register/not-listed")
    assert person.path == path
    await person.go("/register/cases")
    assert await person.reads("With us")
    await person.page.get_by_role("link", name="C-").click()
    await person.send("I don’t need this any more")
    assert await person.reads("it isn't needed any more")
    assert await person.reads("What you can do now")
    await person.page.get_by_role("link", name="Open another case").click()
    assert person.path == "/register/not-listed"
    await person.go(path)
    await person.page.get_by_role("link", name="Go on with your registration").click()
    assert person.path == "/register/organization"


async def test_P8_a_question_of_staff_is_answered_on_the_cases_page(counter: Counter, new_person: NewPerson):
    person, clerk = await new_person(), await counter.clerk()
    started = await person.confirmed()
    party = cases.CaseParty(registration_id=started.registration_id)
    case = await cases.open_case(
        counter.gate, party, kind=CaseKind.NOT_LISTED, key=key(), organization="Harbour Clinic", tin=unlisted_tin(),
        address="12 Quay Street", telephone_number="217-555-0142",
    )  # fmt: skip
    await counter.act(clerk, case, StaffAction.ASK_MORE, "Which address is on your W-9?")
    mail = await counter.house.mail(to=person.email, subject="something more")
    assert f"/register/cases/{case.case_id}" in mail.text
    await person.go("/register/organization")
    assert await person.reads(f"Your request {case.number} waits for your answer.")
    # Weeks later, on another device: the mail leads to a new link, and that to the case.
    await person.page.context.clear_cookies()
    await person.go(f"/register/cases/{case.case_id}")
    assert person.path.startswith("/resume")
    await person.fill(email=person.email)
    await person.send("Send the link")
    mail = await counter.house.mail(to=person.email, subject="Go on with")
    link = re.search(r"/resume/[\w-]+", mail.text or "")
    assert link, mail.text
    await person.go(link[0])
    await person.send("Continue my registration")
    assert person.path == f"/register/cases/{case.case_id}"
    assert await person.reads("Which address is on your W-9?")
    await person.judge()
    await person.send("Send")
    assert list(await person.field_errors()) == ["text"]
    await person.fill(text="12 Quay Street.")
    await person.send("Send")
    assert await person.reads("We are working on it.")
    assert (await counter.row(case)).state == CaseState.CONTACTED
    await staff.close_staff(counter.gate, email=clerk.email)


async def test_P8_a_declined_case_says_what_to_do_now(counter: Counter, new_person: NewPerson):
    person, clerk = await new_person(), await counter.clerk()
    started = await person.confirmed()
    party = cases.CaseParty(registration_id=started.registration_id)
    case = await cases.open_case(
        counter.gate, party, kind=CaseKind.NOT_LISTED, key=key(), organization="Harbour Clinic", tin=unlisted_tin(),
        address="12 Quay Street", telephone_number="217-555-0142",
    )  # fmt: skip
    await counter.act(clerk, case, StaffAction.DECLINE, "This is a supplier, not a provider.")
    await person.go(f"/register/cases/{case.case_id}")
    assert await person.reads("This is a supplier, not a provider.")
    ways = person.page.locator("section[aria-labelledby=next-title]")
    links = await ways.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert links[:3] == ["/register/payment", "/register/letter", "/register/not-listed"]
    assert links[3].startswith("tel:")
    await person.judge()
    await person.go("/register/cases")
    await person.page.get_by_role("link", name="Go on with your registration").click()
    assert person.path == "/register/organization"
    await staff.close_staff(counter.gate, email=clerk.email)


async def test_P8_a_case_that_ended_with_its_registration_leads_to_the_access(counter: Counter, new_person: NewPerson):
    clinic, person = await counter.house.new_clinic(), await new_person()
    started = await person.confirmed()
    party = cases.CaseParty(registration_id=started.registration_id)
    case = await cases.open_case(
        counter.gate, party, kind=CaseKind.HELP, key=key(), note="Hello.", telephone_number="217-555-0142"
    )
    await counter.house.prove(started, clinic)
    await counter.house.secured(started)
    await counter.ends(case)
    await person.go(f"/register/cases/{case.case_id}")
    assert await person.reads("closed with your registration")
    ways = person.page.locator("section[aria-labelledby=next-title] a")
    hrefs = await ways.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert (hrefs[0], len(hrefs)) == ("/access", 2)
    assert hrefs[1].startswith("tel:")
    assert not await person.reads("Go on with your registration")
    await person.judge()
    await person.go("/register/cases")
    assert not await person.reads("Go on with your registration")


async def test_P10_a_signed_in_person_contacts_us_in_the_help_center(counter: Counter, new_person: NewPerson):
    clinic = await counter.house.new_clinic()
    person = await new_person()
    await person.registered(await counter.house.new_clinic())
    await person.go("/help")
    await person.judge()
    await person.fill(tin="12")
    await person.send("Send to provider support")
    # The summary names the fields as they follow one another on the page.
    assert list(await person.field_errors()) == ["note", "tin", "telephone"]
    await person.fill(note="We have no check number.", tin=clinic.tin, telephone="217-555-0142")
    await person.send("Send to provider support")
    assert (await person.heading()).startswith("Case C-")
    assert person.path.startswith("/cases/")
    await person.judge()
    await person.go("/messages")
    assert await person.reads("We have your request")


async def test_B11_staff_set_their_account_up_sign_in_and_work_the_queue(counter: Counter, new_person: NewPerson):
    case = await counter.open(await counter.registrant())
    person = await new_person()
    email = f"lou-{key()[:8]}@payer.example.org"
    link = await staff.add_staff(counter.gate, name="Lou Example", email=email, role=StaffRole.AGENT)
    await person.go(f"/staff/set-up/{link}")
    await person.judge()
    await person.fill(password="short")
    await person.send("Continue")
    assert list(await person.field_errors()) == ["password"]
    await person.fill(password=PASSWORD)
    await person.send("Continue")
    await person.judge()
    secret = (await person.page.locator(".secret").inner_text()).replace(" ", "")
    await person.fill(code=pyotp.TOTP(secret).now())
    await person.send("Finish")
    assert await person.heading() == "Save your recovery codes"
    await person.judge()
    recovery = await person.page.locator(".codes li").first.inner_text()
    await person.send("Continue")
    assert list(await person.field_errors()) == ["saved"]
    await person.page.check("#saved")
    await person.send("Continue")
    assert await person.heading() == "Cases"
    await person.judge()
    await person.page.select_option("#owner", "none")
    await person.send("Apply")
    await person.page.get_by_role("link", name="Waiting since").click()
    await person.page.get_by_role("link", name="Waiting since").click()
    assert "sort=-waiting" in person.path
    await person.page.get_by_role("link", name=case.number).click()
    await person.judge()
    await person.send("Take this case")
    assert await person.reads("Lou Example")
    await person.page.locator("summary", has_text="Ask the person for more").click()
    await person.page.locator("details[open] textarea").fill("Which address?")
    await person.send("Ask")
    assert (await counter.row(case)).state == CaseState.WAITING_FOR_REGISTRANT
    await person.page.locator("summary", has_text="Decline and close").click()
    await person.send("Decline and close")
    assert list(await person.field_errors()) == ["text"]
    await person.judge()
    await person.send("It is listed")
    assert await person.problem() == "The directory doesn't have this"
    await person.send("Sign out")
    assert person.path.startswith("/staff/sign-in")
    await person.judge()
    await person.fill(email=email, password="not the password")
    await person.send("Sign in")
    assert await person.problem()
    await person.fill(email=email, password=PASSWORD)
    await person.send("Sign in")
    await person.judge()
    await person.fill(code="000000")
    await person.send("Sign in")
    assert list(await person.field_errors()) == ["code"]
    await person.page.get_by_role("link", name="use a recovery code").click()
    await person.judge()
    await person.fill(recovery_code=recovery)
    await person.send("Sign in")
    assert await person.heading() == "Cases"
    await staff.close_staff(counter.gate, email=email)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
async def test_B11_signing_in_leads_back_to_the_page_that_was_asked_for(
    counter: Counter, new_person: NewPerson, scripts: bool
):
    case, clerk = await counter.open(await counter.registrant()), await counter.clerk()
    asked = f"/staff/cases/{case.case_id}?from=a+mail"
    person = await new_person(java_script_enabled=scripts)
    await person.go(asked)
    assert await person.reads("Please sign in.")
    await person.fill(email=clerk.email, password="not the password")
    await person.send("Sign in")
    await person.fill(email=clerk.email, password=PASSWORD)
    await person.send("Sign in")
    await person.fill(code="000000")
    await person.send("Sign in")
    await person.page.get_by_role("link", name="use a recovery code").click()
    await person.page.get_by_role("link", name="Use the authenticator app").click()
    await person.fill(code=pyotp.TOTP(clerk.secret).at(datetime.now(UTC), counter_offset=1))
    await person.send("Sign in")
    assert person.path == asked
    for path in (
        "/staff",
        "/staff/sign-in",
        "/staff/sign-in?next=//elsewhere.example.org",
        "/staff/sign-in?next=/access",
    ):
        await person.go(path)
        assert person.path == "/staff/cases"
    await person.go("/staff/sign-in?next=/staff/contacts")
    assert person.path == "/staff/contacts"
    await staff.close_staff(counter.gate, email=clerk.email)


async def test_B11_the_desk_works_without_scripts(counter: Counter, new_person: NewPerson):
    case, clerk = await counter.open(await counter.registrant()), await counter.clerk()
    person = await new_person(java_script_enabled=False)
    await _at_the_desk(person, clerk)
    await person.go(f"/staff/cases/{case.case_id}")
    await person.send("Take this case")
    await person.page.locator("summary", has_text="Note that you got in touch").click()
    await person.page.locator("details[open] textarea").fill("Spoke with Jo.")
    await person.send("Note it")
    assert await person.reads("Spoke with Jo.")
    assert (await counter.row(case)).state == CaseState.CONTACTED
    await staff.close_staff(counter.gate, email=clerk.email)


async def test_I20_a_closed_staff_account_sees_nothing_from_then_on(counter: Counter, new_person: NewPerson):
    clerk, person = await counter.clerk(), await new_person()
    await _at_the_desk(person, clerk)
    assert (await person.go("/staff/cases")).status == 200
    await staff.close_staff(counter.gate, email=clerk.email)
    await person.go("/staff/cases")
    assert person.path.startswith("/staff/sign-in")


async def test_B11_the_desk_is_not_there_for_anybody_else_and_opening_it_changes_nothing(counter: Counter, site: Site):
    case = await counter.open(await counter.registrant())
    async with httpx2.AsyncClient(base_url=site.address) as client:
        for path in (
            "/staff/cases",
            f"/staff/cases/{case.case_id}",
            f"/staff/cases/{uuid4()}",
            "/staff/cases/nonsense",
        ):
            answer = await client.get(path)
            assert (answer.status_code, answer.text) == (303, "")
            assert answer.headers["location"] == f"/staff/sign-in?{urlencode({'said': 'sign-in-first', 'next': path})}"
        headers = {"Sec-Fetch-Site": "same-origin"}
        for path in (f"/staff/cases/{case.case_id}", "/staff/sign-out", "/staff/recovery-codes"):
            form = {"idempotency_key": key(), "action": "take"}
            answer = await client.post(path, data=form, headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, "/staff/sign-in?said=sign-in-first")
        assert (await client.get("/staff/set-up/nonsense")).status_code == 410
    assert (await counter.row(case)).owner_id is None


async def test_I15_a_foreign_case_has_no_page(counter: Counter, new_person: NewPerson):
    case = await counter.open(await counter.registrant())
    stranger = await new_person()
    await stranger.confirmed()
    assert (await stranger.go(f"/register/cases/{case.case_id}")).status == 404
    assert (await stranger.go("/register/cases/nonsense")).status == 404
