"""A provider's pages about billing services in a real browser: with and without scripts, at 320 px, and nothing done by looking (B7, I14)."""

import httpx2
import pytest
from playwright.async_api import Page

from portal import granting, objecting, sessions
from portal.sessions import SessionKind
from tests.authorization.scenes import new_billing_service
from tests.grants.scenes import Granted, Provider, later, lead
from tests.grants.test_objecting import code_on, letter_of, objected
from tests.grants.test_one_npi import change_access, of_one_npi
from tests.house import House, key
from tests.web.conftest import NewPerson, client, new_caller, new_person, people, person, site
from tests.web.person import Person
from tests.web.site import Site

pytestmark = pytest.mark.browser
__all__ = ["client", "new_person", "people", "person", "site"]  # fixtures


async def signs_in_as(person: Person, token: str) -> None:
    await person.page.context.add_cookies([{"name": "gatehouse_session", "value": token, "url": person.site.address}])


async def token_of(provider: Provider, granted: Granted) -> str:
    """A session of the billing service's administrator."""
    account_id = lead(granted).account_id
    return await sessions.begin(provider.gate, SessionKind.ACCOUNT, account_id, client="test")


@pytest.mark.parametrize("scripts", [True, False], ids=["with_scripts", "without"])
async def test_B7_an_administrator_looks_after_a_billing_services_access(
    provider: Provider, new_person: NewPerson, scripts: bool
):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    person = await new_person(java_script_enabled=scripts)
    await signs_in_as(person, boss.token)
    await person.go("/access")
    await person.page.get_by_role("link", name="Billing services").click()
    assert person.path == "/billing-services"
    assert await person.reads(granted.service.name)
    assert await person.reads("Kim Contact, Office manager")
    assert await person.reads("as the business contact")
    if scripts:
        await person.judge()
    await person.page.get_by_role("link", name="Change").click()
    assert person.path == f"/billing-services/{granted.id}"
    if scripts:
        await person.judge()

    await person.send("Put on hold")
    assert await person.reads("The access is on hold.")
    assert (await provider.grant(granted)).status == "held"
    await person.send("Resume the access")
    assert (await provider.grant(granted)).status == "open"

    await person.fill(ends_on="2020-01-01")
    response = await person.send("Set the end date")
    assert response.status == 422
    assert list(await person.field_errors()) == ["ends_on"]
    assert await person.page.locator("#ends_on").input_value() == "2020-01-01"
    assert not await person.reads("2027-06-30")  # no hint in another order than the field's own
    if scripts:
        await person.judge()
    await person.go(person.path)  # loading the address of the refused form leads back to the access
    assert person.path == f"/billing-services/{granted.id}"
    await person.fill(ends_on=later(30))
    await person.send("Set the end date")
    assert await person.reads("The end date is changed.")
    assert (await provider.grant(granted)).ends_at is not None
    await person.send("Remove the end date")
    assert (await provider.grant(granted)).ends_at is None

    await person.page.get_by_role("link", name="Revoke the access").click()
    assert (await person.send("Revoke the access")).ok  # as it stands: asked once more
    assert list(await person.field_errors()) == ["confirmed"]
    assert (await provider.grant(granted)).status == "open"
    if scripts:
        await person.judge()
    await person.page.check("#confirmed")
    await person.send("Revoke the access")
    assert await person.reads("The access has ended for good.")
    assert (await provider.grant(granted)).status == "ended"
    assert await person.page.get_by_role("button", name="Put on hold").count() == 0
    await person.go("/billing-services?status=ended")
    assert await person.reads("Revoked")
    await person.go("/billing-services?status=open")
    assert await person.reads("Nothing matches")
    if scripts:
        await person.judge()


async def test_B7_who_looks_after_one_npi_sees_and_closes_an_access_to_all_of_the_tax_id(
    provider: Provider, person: Person
):
    clinic, boss = await of_one_npi(provider)
    granted = await provider.granted(clinic)
    await signs_in_as(person, boss.token)
    await person.go(f"/requests/{granted.request.id}")
    assert await person.reads(f"All of the Tax ID, NPI {clinic.npi} included")
    await person.go("/billing-services")
    await person.page.get_by_role("link", name="Change").click()
    assert await person.reads("until an administrator of all of the Tax ID resumes it")
    await person.judge()
    assert await person.reads("Nobody of your organization is an administrator of all of the Tax ID now")  # told before
    await person.send("Put on hold")
    assert await person.page.get_by_role("button", name="Resume").count() == 0
    assert await person.reads("stays on hold until an administrator of all of the Tax ID resumes it")
    assert await person.reads("so nobody can resume it yet")
    assert await person.reads("provider support at")
    assert await person.page.locator("main a[href='/access/add']").count() == 1
    await person.judge()
    await person.page.get_by_role("link", name="Revoke the access").click()
    await person.page.check("#confirmed")
    await person.send("Revoke the access")
    assert (await provider.grant(granted)).status == "ended"


async def test_B6_a_later_end_date_than_a_part_allows_is_refused_with_who_can_set_it(
    provider: Provider, person: Person
):
    clinic = await provider.house.new_clinic()
    chief = await provider.administrator(clinic)
    boss = await provider.colleague(chief)
    await change_access(provider, boss, npi=clinic.npi, role="administrator")
    await change_access(provider, chief, status="ended")
    granted = await provider.granted(clinic)
    await signs_in_as(person, boss.token)
    await person.go(f"/billing-services/{granted.id}")
    await person.fill(ends_on=later(20))
    await person.send("Set the end date")
    await person.fill(ends_on=later(30))
    assert (await person.send("Set the end date")).status == 409
    assert await person.problem() == "Only an administrator of all of the Tax ID can do this"
    assert not await person.reads("registering")
    assert await person.reads("Nobody of your organization is one now: add all of the Tax ID to your access.")
    assert await person.page.locator("[data-error-summary] a[href='/access/add']").count() == 1
    await person.judge()
    await change_access(provider, chief, status="open")  # while the page is open
    assert (await person.send("Set the end date")).status == 409
    assert await person.reads("Ask an administrator of all of the Tax ID of your organization.")
    assert not await person.reads("Nobody of your organization")


async def test_B6_what_ends_of_an_access_on_hold_is_the_access_not_the_hold(provider: Provider, person: Person):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(31), key=key())
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    await signs_in_as(person, boss.token)
    await person.go(f"/billing-services/{granted.id}")
    assert await person.reads("On hold The access ends with")
    assert not await person.reads("until the end of")
    await person.go("/billing-services")
    assert await person.reads("the access ends with")
    assert not await person.reads("up to and with")
    await signs_in_as(person, await token_of(provider, granted))
    await person.go("/clients")
    assert await person.reads("the access ends with")
    await person.go(f"/clients/{granted.request.id}")
    assert await person.reads("The provider put the access on hold.")
    assert await person.reads("The provider set an end date: the access ends after")
    assert await person.reads("You asked to see")
    await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    await objected(provider, await provider.objection_link(boss))
    await provider.stands(granted, "held")
    await person.go(f"/clients/{granted.request.id}")
    assert await person.reads("Somebody of the provider says that they did not ask for it")


async def test_B7_an_administrator_answers_a_request_on_its_page(provider: Provider, person: Person):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    asked = await provider.asked(await new_billing_service(provider.house), clinic)
    await person.go(f"/requests/{asked.authorization_id}")
    assert person.path.startswith("/sign-in")  # from the mail, signed out
    await signs_in_as(person, boss.token)
    await person.go("/billing-services")
    assert await person.reads("Requests waiting for an answer")
    await person.judge()
    await person.page.get_by_role("link", name="Answer").click()
    assert await person.page.locator("input[type=radio]:checked").count() == 0
    await person.judge()
    assert (await person.send("Send my answer")).status == 422
    assert list(await person.field_errors()) == ["choice", "role", "attested"]
    assert not await person.reads("the person named here")  # nobody is: it's the account's own person
    await person.judge()
    await person.page.get_by_label("Approve").check()
    await person.fill(role="Office manager")
    await person.page.check("#attested")
    await person.send("Send my answer")
    assert await person.reads("You approved this request")
    await person.judge()
    await person.go("/billing-services")
    assert not await person.reads("Requests waiting for an answer")
    assert await person.reads("as an administrator")


@pytest.mark.parametrize("scripts", [True, False], ids=["with_scripts", "without"])
async def test_B7_an_objection_from_the_mailed_link(provider: Provider, new_person: NewPerson, scripts: bool):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    person = await new_person(java_script_enabled=scripts)
    response = await person.go(f"/objection/{link}")
    assert response.status == 200
    assert response.headers["referrer-policy"] == "no-referrer"
    assert await person.heading() == "Did you ask for this?"
    if scripts:
        await person.judge()
    assert (await person.send("Put the access on hold")).status == 422
    assert list(await person.field_errors()) == ["name", "confirmed"]
    if scripts:
        await person.judge()
    await person.fill(name="Ola Objector")
    await person.page.check("#confirmed")
    await person.send("Put the access on hold")
    await provider.stands(granted, "held")
    await person.until(f"/objection/{link}", "The access is on hold")
    if scripts:
        await person.judge()
    await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    assert (await person.go(f"/objection/{link}")).status == 410
    assert await person.reads("This access has ended")


async def test_B7_an_objection_with_the_letters_code(provider: Provider, person: Person):
    granted = await provider.granted()
    code = code_on(await letter_of(provider, granted))
    await person.go("/objection")
    await person.judge()
    await person.fill(code="00000-00000")
    await person.send("Go on")
    assert (await person.field_errors())["code"].startswith("We don't know this code")
    await person.judge()
    await person.fill(code=code.lower())
    await person.send("Go on")
    assert await person.reads(granted.service.name)
    assert (await provider.grant(granted)).status == "open"
    await person.fill(name="Ola Objector")
    await person.page.check("#confirmed")
    await person.send("Put the access on hold")
    await provider.stands(granted, "held")


async def test_B7_where_nobody_can_resume_it_the_objections_page_says_so(provider: Provider, person: Person):
    granted = await provider.granted()
    link = await objecting.redeem_code(provider.gate, code=code_on(await letter_of(provider, granted)), caller=key())
    await person.go(f"/objection/{link}")
    assert await person.reads("Nobody of your organization is an administrator of all of the Tax ID now")
    assert await person.reads("put on hold at once, our staff are told")  # nobody else is there to be told
    assert not await person.reads("your administrators")
    await person.judge()
    await person.fill(name="Ola Objector")
    await person.page.check("#confirmed")
    await person.send("Put the access on hold")
    await provider.stands(granted, "held")
    await person.until(f"/objection/{link}", "The access is on hold")
    assert await person.reads("so nobody can resume it yet")
    assert await person.reads("without an account register")
    await person.judge()


async def test_B7_an_objection_to_what_is_on_hold_already(provider: Provider, person: Person):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    await person.go(f"/objection/{link}")
    assert await person.page.get_by_role("link", name="Look at the access").count() == 0
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    await person.go(f"/objection/{link}")
    assert await person.reads("The access is on hold already")
    assert not await person.reads("put on hold at once")
    assert await person.page.get_by_role("button", name="Put the access on hold").count() == 0
    await person.judge()
    await signs_in_as(person, boss.token)
    await person.go(f"/objection/{link}")
    await person.page.get_by_role("link", name="Look at the access").click()
    assert person.path == f"/billing-services/{granted.id}"
    await person.go(f"/objection/{link}")
    await person.fill(name="Ola Objector")
    await person.page.check("#confirmed")
    await person.send("Send the objection")
    await person.until(f"/objection/{link}", "Somebody of your organization objected.")
    assert (await provider.grant(granted)).held_by == "objection"


async def robot(page: Page, address: str) -> int:
    """Do what mail scanners do: fetch, run the scripts, and submit every form as it stands. Returns how many."""
    submitted = 0
    await page.goto(address)
    forms = await page.locator("form[method=post]").count()
    for place in range(forms):
        await page.goto(address)
        async with page.expect_navigation():
            await page.locator("form[method=post]").nth(place).evaluate("form => form.submit()")
        submitted += 1
    return submitted


async def test_I14_a_robot_that_submits_every_form_changes_nothing(
    provider: Provider, person: Person, client: httpx2.AsyncClient, site: Site, house: House
):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    before = await provider.settled(granted)
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        await client.request(method, f"/objection/{link}", headers={"Sec-Purpose": "prefetch"})
    headers = {"Origin": site.address, "X-Forwarded-For": new_caller()}
    for form in ({}, {"idempotency_key": "x" * 32}, {"idempotency_key": "x" * 32, "name": "", "confirmed": ""}):
        answer = await client.post(f"/objection/{link}", data=form, headers=headers)
        assert answer.status_code in {400, 422}
    assert await robot(person.page, f"{site.address}/objection/{link}") == 1
    assert await robot(person.page, f"{site.address}/objection") == 1
    # The link in the other mail leads to a sign-in; nothing there decides either.
    assert await robot(person.page, f"{site.address}/requests/{granted.request.id}") == 1
    assert await provider.objections(granted) == []
    after = await provider.settled(granted)
    assert (after.revision, after.state) == (before.revision, before.state)
    assert house.gate is provider.gate


async def test_I15_foreign_pages_look_like_unknown_ones(provider: Provider, person: Person):
    granted: Granted = await provider.granted()
    stranger = await provider.administrator()
    await signs_in_as(person, stranger.token)
    for path in (
        f"/billing-services/{granted.id}",
        f"/billing-services/{granted.id}/revoke",
        f"/requests/{granted.request.id}",
    ):
        assert (await person.go(path)).status == 404
        assert not await person.reads(granted.service.name)
        assert not await person.reads("go on with your registration")
        assert await person.page.get_by_role("link", name="Go to your start page").count() == 1
        of_request = path.startswith("/requests/")
        assert (
            await person.page.locator("main a[href='/answer']").count() == of_request
        )  # who came from the mail's page
    await person.judge()
    await person.go("/billing-services")
    assert await person.reads("No billing service has access")
    await person.judge()
