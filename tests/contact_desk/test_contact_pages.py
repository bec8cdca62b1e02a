"""Staff's pages of business contacts in a real browser, and the same over the API (T2, T7, B11)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Browser
from starlette.types import ASGIApp

from portal import granting
from serve import build_app
from tests.api.visitor import V1, Visitor, assert_problem, visiting
from tests.authorization.scenes import new_billing_service, requested
from tests.cases.counter import Clerk, Counter
from tests.contact_desk.test_billing_proposals import hospital
from tests.contact_desk.test_contact_review import free_mail, in_review, say
from tests.grants.scenes import Provider
from tests.grants.test_objecting import objected
from tests.grants.test_one_npi import of_one_npi
from tests.house import House, key
from tests.web.person import Person
from tests.web.site import Site, open_site

AtDesk = Callable[..., Awaitable[Person]]


@pytest.fixture(scope="module")
async def site(sqlite_house: House) -> AsyncIterator[Site]:
    async with open_site(sqlite_house.settings, sqlite_house.gate) as running:
        yield running


@pytest.fixture
async def at_desk(browser: Browser, house: House, site: Site) -> AsyncIterator[AtDesk]:
    """Opens a browser with a staff session. Nobody's browser may have complained of anything."""
    visiting_now: list[Person] = []

    async def open_browser(clerk: Clerk, **options: Any) -> Person:
        caller = f"198.19.7.{len(visiting_now) + 1}"
        person = await Person.with_browser(browser, house, site, caller=caller, **options)
        cookie = {
            "name": "gatehouse_staff",
            "value": clerk.token,
            "url": site.address,
            "httpOnly": True,
            "sameSite": "Lax",
        }
        await person.page.context.add_cookies([cookie])  # type: ignore[list-item]  # Playwright's type for it is private
        visiting_now.append(person)
        return person

    yield open_browser
    for person in visiting_now:
        await person.page.context.close()
    for person in visiting_now:
        assert person.complaints == []


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
async def test_T2_two_people_look_at_a_contact_in_the_browser(
    house: House, counter: Counter, at_desk: AtDesk, scripts: bool
):
    request = await in_review(house)
    sam = await at_desk(await counter.clerk(name="Sam Desk Example"), java_script_enabled=scripts)
    await sam.go("/staff/cases")
    await sam.page.get_by_role("link", name="Business contacts").click()
    assert await sam.reads(request.contact)
    if scripts:
        await sam.judge()
    await sam.page.get_by_role("link", name=request.reference).click()
    assert await sam.heading() == f"Request {request.reference}"
    assert await sam.reads("A free-mail address")
    if scripts:
        await sam.judge()
    await sam.page.get_by_text("Have the mail sent").click()
    await sam.send("Approve sending")
    assert list(await sam.field_errors()) == ["reason"]
    await sam.page.locator("#reason").fill("I called the office.")
    await sam.send("Approve sending")
    assert await sam.reads("Your verdict is on record.")
    assert await sam.reads("Sam Desk Example approved sending. A second person has to approve it, too")
    assert await sam.page.get_by_text("Have the mail sent").count() == 0
    assert house.mails(to=request.contact) == []
    lou = await at_desk(await counter.clerk(name="Lou Desk Example"), java_script_enabled=scripts)
    await lou.go(f"/staff/contacts?reference={request.reference}")
    assert await lou.reads("I called the office.")
    await lou.page.get_by_text("Have the mail sent").click()
    await lou.page.locator("#reason_send").fill("The clinic's own site has this address.")
    await lou.send("Approve sending")
    await house.mail(to=request.contact)
    assert not await lou.reads("A second person has to approve it")
    await lou.page.get_by_text("Correct the contact").first.click()
    await lou.page.locator("#contact_address").fill("nonsense")
    await lou.send("Correct the contact")
    assert list(await lou.field_errors()) == ["contact_address"]
    await lou.send("Send the mail again")
    await house.mail(to=request.contact, after=1)
    assert await lou.reads("on its way again")
    await lou.page.get_by_text("Allow more open requests").click()
    await lou.page.locator("#limit").fill("9999")
    await lou.send("Set the limit")
    assert sorted(await lou.field_errors()) == ["limit", "limit_reason"]
    await lou.page.locator("#limit").fill("500")
    await lou.page.locator("#limit_reason").fill("They bill for 400 clinics.")
    await lou.send("Set the limit")
    await lou.page.get_by_text("Allow more open requests").click()
    assert await lou.reads("of 500 are open")


@pytest.mark.browser
async def test_T2_staff_see_that_a_domain_is_drawn_like_the_services_own(
    house: House, counter: Counter, at_desk: AtDesk
):
    service = await new_billing_service(house)
    own = service.lead.email.partition("@")[2]
    other = own.replace("e", "\u0435", 1)  # the Cyrillic letter
    assert other != own
    request = await requested(house, service, contact=f"boss@{other}")
    assert request.result.state == "in_review"
    written = other.encode("idna").decode()
    sam = await at_desk(await counter.clerk(name="Sam Desk Example"))
    for path in ("/staff/contacts?sort=-waiting", f"/staff/contacts/{request.id}"):
        await sam.go(path)
        assert await sam.reads(f"boss@{other} (written {written}: it has letters from outside the English alphabet)")
        assert not await sam.reads(f"{own} (written")
    await sam.judge()


@pytest.mark.browser
async def test_B11_staff_are_told_who_can_act_where_nobody_administers_all_of_the_tax_id(
    house: House, counter: Counter, at_desk: AtDesk
):
    provider = Provider(house)
    clinic, boss = await of_one_npi(provider)
    granted = await provider.granted(clinic)
    await objected(provider, await provider.objection_link(boss))
    await provider.stands(granted, "held")
    sam = await at_desk(await counter.clerk(name="Sam Desk Example"))
    await sam.go(f"/staff/contacts/{granted.request.id}")
    assert await sam.reads("None: nobody of the provider administers all of the Tax ID")
    assert await sam.reads(f"{boss.email} (NPI {clinic.npi} only)")
    assert await sam.reads("The administrators of a part can end it, but not resume it; staff can’t do either.")
    assert await sam.reads("have somebody there register for all of the Tax ID")
    assert not await sam.reads("has an account")
    assert await sam.reads("Somebody objected: this access wasn’t asked for.")
    await sam.judge()
    await sam.go("/staff/contacts?show=objected&sort=-waiting")
    row = sam.page.get_by_role("row").filter(has_text=granted.request.reference)
    assert "can end it; nobody can resume it yet" in await row.inner_text()
    await sam.judge()


@pytest.mark.browser
async def test_B6_staff_who_correct_a_contact_get_words_of_their_own(house: House, counter: Counter, at_desk: AtDesk):
    service = await new_billing_service(house)
    request = await requested(house, service, contact=free_mail())
    sam = await at_desk(await counter.clerk(name="Sam Desk Example"))
    await sam.go(f"/staff/contacts/{request.id}")

    async def correct(address: str) -> None:
        if not await sam.page.locator("#contact_address").is_visible():
            await sam.page.get_by_text("Correct the contact").first.click()
        await sam.page.locator("#contact_address").fill(address)
        await sam.send("Correct the contact")

    await correct(service.lead.email)
    assert await sam.problem() == "This address is of the billing service's own people"
    assert not await sam.reads("not by you")
    await correct(f"other@{service.lead.email.partition('@')[2]}")
    assert await sam.problem() == "This address is of the billing service's own domain"
    assert not await sam.reads("your manager")
    await correct(free_mail())
    assert await sam.reads("Two people have to approve it before anything is mailed there.")
    assert not await sam.reads("Links to the old address")
    await correct(f"office{key()[:8]}@northfield.example.org")
    assert await sam.reads("our mail is on its way there")


@pytest.mark.browser
async def test_B6_a_verdict_after_a_colleagues_refusal_is_told_what_ended_it(
    house: House, counter: Counter, at_desk: AtDesk
):
    request, lou = await in_review(house), await counter.clerk(name="Lou Desk Example")
    sam = await at_desk(await counter.clerk(name="Sam Desk Example"))
    await sam.go(f"/staff/contacts/{request.id}")
    await say(house, lou, request, "refuse")
    await sam.page.get_by_text("Have the mail sent").click()
    await sam.page.locator("#reason_send").fill("I called the office.")
    assert (await sam.send("Approve sending")).status == 410
    assert await sam.problem() == "This request was stopped"
    assert await sam.reads("Its contact was refused, or it couldn't be carried out.")
    assert not await sam.reads("cancelled")
    assert not await sam.reads("links don't work")
    await sam.judge()


@pytest.mark.browser
async def test_T3_two_people_make_a_hospital_a_billing_service_in_the_browser(
    house: House, counter: Counter, at_desk: AtDesk
):
    clinic, email = await hospital(house)
    sam = await at_desk(await counter.clerk(name="Sam Desk Example"))
    await sam.go("/staff/billing-services")
    await sam.fill(tin="12", name=f"{clinic.name} Billing", email=email, reason="Contract.")
    await sam.send("Propose it")
    assert list(await sam.field_errors()) == ["tin"]
    await sam.fill(tin=clinic.tin, email="")
    await sam.send("Propose it")
    assert await sam.field_errors() == {"email": "Enter their e-mail address."}
    await sam.fill(email=email)
    await sam.send("Propose it")
    assert await sam.reads("A second person has to confirm it.")
    await sam.judge()
    lou = await at_desk(await counter.clerk(name="Lou Desk Example"))
    await lou.go("/staff/billing-services")
    card = lou.page.locator("div.card").filter(has_text=f"{clinic.name} Billing")
    await card.get_by_text("Confirm as the second person").click()
    await card.locator("textarea").first.fill("Read the contract.")
    async with lou.page.expect_navigation():
        await card.get_by_role("button", name="Confirm").click()
    assert await lou.reads("It’s decided.")
    assert await card.count() == 0


# The API.


@pytest.fixture(scope="module")
def app(sqlite_house: House) -> ASGIApp:
    return build_app(sqlite_house.settings, sqlite_house.gate)


@pytest.fixture
async def desk(app: ASGIApp, counter: Counter) -> AsyncIterator[Visitor]:
    """A program with a staff session."""
    async with visiting(app) as one:
        one.token = (await counter.clerk()).token
        yield one


async def test_T2_the_api_has_the_queue_the_request_and_the_verdicts(house: House, counter: Counter, desk: Visitor):
    request = await in_review(house)
    queue = (await desk.get(f"{V1}/staff/contacts?said=nothing&descending=true")).json()
    assert str(request.id) in [one["id"] for one in queue["requests"]]
    assert queue["total"] >= 1
    address = f"{V1}/staff/contacts/{request.id}"
    shown = (await desk.get(address)).json()
    assert (shown["request"]["contact"], shown["request"]["rule"]) == (request.contact, "T2.free_mail")
    assert shown["actions"] == ["send", "refuse", "correct"]
    found = await desk.get(f"{V1}/staff/contacts/found?reference={request.reference}")
    assert found.json()["request"]["id"] == str(request.id)
    assert found.json()["access"] is None
    unknown = await desk.get(f"{V1}/staff/contacts/found?reference=A-0000-0000-0000")
    assert_problem(unknown, 422, "invalid_fields")
    assert unknown.json()["fields"][0]["code"] == "reference_unknown"
    verdict = {"verdict": "send", "reason": "Called.", "contact_version": 1}
    assert (await desk.post(f"{address}/verdict", verdict)).json() == {"state": "in_review"}
    assert_problem(await desk.post(f"{address}/verdict", verdict), 409, "contact_review_same_person")
    assert_problem(await desk.post(f"{address}/verdict", {**verdict, "reason": ""}), 422, "invalid_fields")
    desk.token = (await counter.clerk()).token
    assert_problem(
        await desk.post(f"{address}/verdict", {**verdict, "contact_version": 2}), 409, "contact_review_changed"
    )
    assert_problem(await desk.post(f"{address}/resend"), 409, "authorization_in_review")
    assert (await desk.post(f"{address}/verdict", verdict)).json() == {"state": "sent"}
    assert_problem(await desk.post(f"{address}/verdict", verdict), 409, "authorization_not_in_review")
    assert (await desk.post(f"{address}/resend")).json() == {"state": "sent"}
    corrected = await desk.post(f"{address}/contact", {"contact": free_mail()})
    assert corrected.json() == {"state": "in_review"}
    limit = f"{V1}/staff/billing-services/{shown['billing_service_id']}/open-limit"
    assert (await desk.post(limit, {"limit": 40, "reason": "Many clinics."})).json() == {"limit": 40}
    assert_problem(await desk.post(limit, {"limit": 5001, "reason": "Many clinics."}), 422, "invalid_fields")
    assert (await desk.get(address)).json()["open_limit"] == 40


async def test_B11_without_a_staff_session_there_is_nothing(house: House, app: ASGIApp, counter: Counter):
    request = await requested(house, await new_billing_service(house))
    address = f"{V1}/staff/contacts/{request.id}"
    verdict = {"verdict": "send", "reason": "Called.", "contact_version": 1}
    async with visiting(app) as stranger:
        for token in (None, "x" * 43):
            stranger.token = token
            for path in (
                f"{V1}/staff/contacts",
                f"{V1}/staff/contacts/objected",
                address,
                f"{V1}/staff/contacts/found?reference={request.reference}",
            ):
                assert_problem(await stranger.get(path), 404, "not_found")
            for path, body in (
                (f"{address}/verdict", verdict),
                (f"{address}/resend", None),
                (f"{address}/contact", {"contact": "kim@clinic.example.org"}),
            ):
                assert_problem(await stranger.post(path, body), 404, "not_found")


@pytest.mark.browser
async def test_I16_without_a_staff_session_every_page_leads_to_the_sign_in_and_says_nothing(house: House, site: Site):
    request = await in_review(house)
    async with httpx2.AsyncClient(base_url=site.address) as stranger:
        for path in (
            "/staff",
            "/staff/contacts",
            f"/staff/contacts?reference={request.reference}",
            f"/staff/contacts/{request.id}",
            f"/staff/contacts/{uuid4()}",
            "/staff/contacts/none",
            "/staff/billing-services",
            "/staff/nothing",
        ):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.text) == (303, "")
            assert answer.headers["location"] == f"/staff/sign-in?{urlencode({'said': 'sign-in-first', 'next': path})}"
        headers = {"Sec-Fetch-Site": "same-origin"}
        for one in (request.id, uuid4()):
            form = {"idempotency_key": key(), "action": "resend"}
            answer = await stranger.post(f"/staff/contacts/{one}", data=form, headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, "/staff/sign-in?said=sign-in-first")
    assert house.mails(to=request.contact) == []


@pytest.mark.browser
async def test_B11_a_reference_is_found_however_it_is_typed_and_refused_in_words_for_staff(
    house: House, counter: Counter, at_desk: AtDesk
):
    request = await requested(house, await new_billing_service(house))
    sam = await at_desk(await counter.clerk(name="Sam Desk Example"))
    for typed in (request.reference.replace("-", ""), request.reference.removeprefix("A-").replace("-", " ").lower()):
        await sam.go("/staff/contacts")
        await sam.fill(reference=typed)
        await sam.send("Find")
        assert await sam.heading() == f"Request {request.reference}"
    assert (await sam.go(f"/staff/contacts/{uuid4()}")).status == 404
    assert await sam.reads("There is no such case or request.")
    assert await sam.reads("Sam Desk Example")
    assert not await sam.reads("registration")
    await sam.judge()
    for typed, words in (
        ("A-0000-0000-0000", "No request has this reference"),
        ("Harbour", "reads like A-2DJP-MD62-29MD"),
    ):
        await sam.go("/staff/contacts")
        await sam.fill(reference=typed)
        await sam.send("Find")
        assert words in (await sam.field_errors())["reference"]
        assert await sam.page.input_value("#reference") == typed
        assert not await sam.reads("registration")
    await sam.judge()


@pytest.mark.browser
async def test_B11_staff_follow_the_mail_to_an_access_on_hold_after_an_objection(
    house: House, counter: Counter, at_desk: AtDesk
):
    provider = Provider(house)
    clinic = await house.new_clinic()
    boss = await provider.administrator(clinic)
    clerk = await counter.clerk(name="Sam Desk Example")
    granted = await provider.granted(clinic)
    await objected(provider, await provider.objection_link(boss))
    mail = await house.mail(to=clerk.email, subject="A provider objects")
    path = f"/staff/contacts/{granted.request.id}"
    assert path in (mail.text or "")
    assert path in (mail.html or "")
    sam = await at_desk(clerk)
    await sam.go(path)
    assert await sam.reads("Ola Objector (name given with the objection) says that the provider did not ask for this.")
    assert await sam.reads("Only an administrator of the provider can resume it or end it")
    assert not await sam.reads("Open until")  # it was answered: nothing waits for that day
    assert await sam.reads(boss.email)
    await sam.judge()
    await sam.go("/staff/contacts")
    await sam.page.get_by_role("link", name="on hold after an objection").click()
    assert sam.path == "/staff/contacts?show=objected"
    await sam.page.get_by_role("link", name="On hold since").click()
    assert "sort=-waiting" in sam.path
    await sam.judge()
    await sam.page.get_by_role("link", name=granted.request.reference).click()
    assert await sam.heading() == f"Request {granted.request.reference}"
    await granting.revoke(house.gate, boss.principal, granted.id, key=key())
    await sam.go(path)
    assert await sam.reads("Access ended")
    assert await sam.reads("Nothing is open any more.")
