"""The whole way without scripts, on a narrow screen, and with nothing but a keyboard."""

import pytest

from tests.browser import NARROW
from tests.house import PASSWORD, House
from tests.web.conftest import NewPerson
from tests.web.person import Person

pytestmark = pytest.mark.browser


async def test_without_scripts_on_a_narrow_screen(house: House, new_person: NewPerson):
    person = await new_person(java_script_enabled=False, viewport=NARROW)
    clinic = await house.new_clinic()
    await person.begin()
    await person.confirm()
    await person.fill(tin=clinic.tin, vendor_number=clinic.vendor, npi=clinic.npi)
    await person.send("Continue")
    assert list(await person.field_errors()) == ["identified_by"]  # both were filled in
    await person.fill(npi="")
    await person.send("Continue")
    await person.page.check("#tin_confirmed")
    await person.send("Continue")
    await person.prove(clinic.check, clinic.amount)
    await person.set_up_account()
    await person.finish()
    assert len(await person.codes()) == 10
    await person.page.check("#saved")
    await person.send("Continue")
    assert person.path == "/register/done"
    await person.page.get_by_role("link", name="Go to the portal").click()
    assert clinic.name in await person.page.locator("tbody tr").inner_text()


async def test_with_the_keyboard_only(house: House, person: Person):
    clinic = await house.new_clinic()
    keys = person.page.keyboard

    async def to(field: str) -> None:
        """Press Tab until this has the focus."""
        for _ in range(30):
            await keys.press("Tab")
            if (
                await person.page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
                == field
            ):
                return
        pytest.fail(f"{field} is not reached by Tab")

    async def press(button: str) -> None:
        await to(button)
        async with person.page.expect_navigation():
            await keys.press("Enter")

    await person.go("/register")
    await to("name")
    await keys.type(person.name)
    await to("email")
    await keys.type(person.email)
    await to("attestation")
    await keys.press("Space")
    await press("Continue")
    await to("code")
    await keys.type(await person.code())
    await press("Confirm")
    await to("tin")
    await keys.type(clinic.tin)
    await to("identified_by-vendor_number")
    await keys.press("ArrowDown")
    await to("npi")
    await keys.type(clinic.npi)
    await press("Continue")
    await to("tin_confirmed")
    await keys.press("Space")
    await press("Continue")
    await to("document_number")
    await keys.type(clinic.notice)
    await press("Check and continue")
    await to("password")
    await keys.type(PASSWORD)
    async with person.page.expect_navigation():
        await keys.press("Enter")
    assert person.path == "/register/second-factor"
