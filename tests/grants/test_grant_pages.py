"""A provider's pages about billing services in a real browser: with and without scripts, at 320 px, and nothing done by looking (B7, I14)."""

import httpx2
import pytest
from playwright.async_api import Page

from portal import granting
from tests.authorization.scenes import new_billing_service
from tests.grants.scenes import Granted, Provider, later
from tests.grants.test_objecting import code_on, letter_of
from tests.grants.test_one_npi import of_one_npi
from tests.house import House, key
from tests.web.conftest import NewPerson, client, new_caller, new_person, people, person, site
from tests.web.person import Person
from tests.web.site import Site

pytestmark = pytest.mark.browser
__all__ = ["client", "new_person", "people", "person", "site"]  # fixtures


async def signs_in_as(person: Person, token: str) -> None:
    await person.page.context.add_cookies([{"name": "gatehouse_session", "value": token, "url": person.site.address}])


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
    await person.send("Put on hold")
    assert await person.page.get_by_role("button", name="Resume").count() == 0
    assert await person.reads("Only an administrator of all of the Tax ID can resume it")
    await person.judge()
    await person.page.get_by_role("link", name="Revoke the access").click()
    await person.page.check("#confirmed")
    await person.send("Revoke the access")
    assert (await provider.grant(granted)).status == "ended"


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
    assert await person.field_errors() == {"code": "We don't know this code"}
    await person.judge()
    await person.fill(code=code.lower())
    await person.send("Go on")
    assert await person.reads(granted.service.name)
    assert (await provider.grant(granted)).status == "open"
    await person.fill(name="Ola Objector")
    await person.page.check("#confirmed")
    await person.send("Put the access on hold")
    await provider.stands(granted, "held")


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
    await person.go("/billing-services")
    assert await person.reads("No billing service has access")
    await person.judge()
