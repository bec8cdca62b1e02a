"""A billing service registers in a real browser (T3), and whoever took the wrong path is converted, both ways (T4)."""

import pytest

from tests.billing.conftest import Service, new_service
from tests.browser import NARROW
from tests.house import House
from tests.web.conftest import NewPerson
from tests.web.person import Person

pytestmark = pytest.mark.browser


@pytest.fixture
def service() -> Service:
    return new_service()


async def name_service(person: Person, service: Service) -> None:
    """The page of the billing service; the house's Tax IDs are ones that nobody has."""
    await person.fill(name=service.name, tin=f"{service.tin[:2]}-{service.tin[2:]}")
    response = await person.send("Continue")
    assert response.status == 422
    assert list(await person.field_errors()) == ["tin_confirmed"]
    assert await person.typed("Name of the billing service") == service.name
    await person.judge()
    await person.page.check("#tin_confirmed")
    await person.send("Continue")


async def test_T3_from_the_first_page_to_the_access_list(house: House, person: Person, service: Service):
    person.email = service.email
    await person.go("/")
    await person.page.get_by_role("link", name="Register a billing service").click()
    assert person.path == "/register?for=billing"
    await person.judge()
    await person.fill(name=person.name, email=person.email)
    await person.page.check("#attestation")
    await person.send("Continue")
    assert person.path == "/register/email"
    assert await person.page.locator(".step", has_text="Your billing service").count() == 1
    await person.judge()
    await person.fill(code=await person.code())
    await person.send("Confirm")
    assert person.path == "/register/billing"
    await person.judge()
    current = person.page.locator("[aria-current=step]")
    assert "Your billing service" in await current.inner_text()
    await name_service(person, service)
    assert person.path == "/register/account"
    assert await person.reads(service.name)
    assert not await person.reads(service.tin)
    await person.judge()
    await person.set_up_account()
    await person.finish()
    await person.page.check("#saved")
    await person.send("Continue")
    assert person.path == "/register/done"
    assert await person.heading() == "Your billing service is registered"
    await person.judge()
    await person.go("/access")
    cells = await person.page.locator("tbody tr").locator("th, td").all_inner_texts()
    assert service.name in cells[0]
    assert "Billing service" in cells[0]
    assert cells[2] == "–"
    assert cells[4] == "Own registration"
    await person.judge()
    await person.go("/colleagues")
    assert await person.reads(service.name)


async def test_T3_a_providers_tax_id_is_refused_with_what_to_do(house: House, person: Person, service: Service):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/billing")
    await person.send("Continue")
    assert list(await person.field_errors()) == ["name", "tin"]
    await person.judge()
    await person.fill(name=service.name, tin=clinic.tin)
    await person.send("Continue")
    await person.page.check("#tin_confirmed")
    response = await person.send("Continue")
    assert response.status == 422
    assert await person.problem() == "This Tax ID belongs to a provider"
    assert await person.reads("use the Tax ID of your billing organization")
    assert await person.reads("You have 4 tries left for now.")
    await person.judge()
    link = person.page.get_by_role("link", name="Do you work for this provider yourself?")
    await link.click()
    await person.page.wait_for_url("**/register/organization")


async def test_T4_a_biller_on_the_providers_path_is_converted(house: House, person: Person, service: Service):
    clinic = await house.new_clinic()
    await person.proved(clinic)
    await person.go("/register/account")
    await person.judge()
    await person.send("I work for a billing service")
    assert person.path.startswith("/register/billing")
    assert await person.reads("Nothing you entered about yourself is lost")
    await person.judge()
    await name_service(person, service)
    assert person.path == "/register/account"
    assert await person.typed("Your full name") == person.name


async def test_T4_somebody_of_a_provider_on_the_billing_path_is_converted(
    house: House, person: Person, service: Service
):
    clinic = await house.new_clinic()
    await person.confirmed()
    await person.go("/register/organization")
    await person.page.get_by_text("I bill for this organization").click()
    await person.page.get_by_role("link", name="Register your billing service").click()
    await person.page.wait_for_url("**/register/billing")
    await name_service(person, service)
    await person.send("I work for a provider instead")
    assert person.path.startswith("/register/organization")
    await person.go("/register/billing")
    assert await person.typed("Name of the billing service") == service.name  # kept, should it be right after all
    await person.page.get_by_role("link", name="I work for a provider instead").click()
    await person.page.wait_for_url("**/register/organization")
    await person.choose(clinic)
    await person.prove(clinic.check, clinic.amount)
    assert person.path == "/register/account"
    assert await person.reads("Your organization is proved")


async def test_T3_without_scripts_on_a_narrow_screen(new_person: NewPerson, service: Service):
    person = await new_person(java_script_enabled=False, viewport=NARROW)
    await person.confirmed()
    await person.go("/register/billing")
    await person.fill(name=service.name, tin=service.tin)
    await person.send("Continue")
    await person.page.check("#tin_confirmed")
    await person.send("Continue")
    assert person.path == "/register/account"
    await person.send("I work for a provider instead")
    assert person.path.startswith("/register/organization")


async def test_T3_with_the_keyboard_only(person: Person, service: Service):
    await person.confirmed()
    await person.go("/register/billing")
    keys = person.page.keyboard
    order = []
    for _ in range(20):
        await keys.press("Tab")
        at = await person.page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        order.append(at)
        if at == "name":
            await keys.type(service.name)
        if at == "tin":
            await keys.type(service.tin)
        if at == "Continue":
            break
    assert order[-1] == "Continue"
    assert order.index("name") < order.index("tin") < order.index("I don’t know my Tax ID")
    async with person.page.expect_navigation():
        await keys.press("Enter")
    assert await person.page.locator("#tin_confirmed").count() == 1


async def test_T4_somebody_with_an_account_adds_a_billing_service(house: House, person: Person, service: Service):
    clinic = await house.new_clinic()
    await person.registered(clinic)
    await person.go("/access/add")
    await person.judge()
    await person.send("Add a billing service")
    assert person.path == "/register/billing"
    assert await person.page.locator(".steps").count() == 0
    await name_service(person, service)
    assert person.path == "/access?said=billing-added"
    assert await person.reads("It sees no provider until one says yes.")
    assert await person.reads(service.name)
    assert await person.reads(clinic.name)


async def test_T3_a_service_that_was_registered_meanwhile_is_explained_where_it_was_named(
    house: House, new_person: NewPerson, service: Service
):
    first, second = await new_person(), await new_person()
    for person in (first, second):
        await person.confirmed()
        await person.go("/register/billing")
        await name_service(person, service)
        await person.set_up_account()
    await first.finish()
    await second.finish()
    assert second.path == "/register/billing?told=billing_service_registered"
    assert await second.problem() == "This billing service is registered already"
    assert await second.typed("Name of the billing service") == service.name
    await second.judge()
