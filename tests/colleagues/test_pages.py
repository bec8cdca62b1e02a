"""The pages of colleagues in a real Chromium: with axe, without scripts, at 320 px."""

import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pyotp
import pytest
from playwright.async_api import Browser
from sqlalchemy import update
from sqlmodel import col

from db.accounts import Access
from tests.billing.conftest import new_service, registered
from tests.browser import NARROW
from tests.colleagues.office import Office, new_address
from tests.colleagues.office import Person as Colleague
from tests.house import PASSWORD, House
from tests.web.person import Person
from tests.web.site import Site

pytestmark = pytest.mark.browser
_callers = itertools.count(1)


class Visitors:
    """Opens browsers; nobody's may have complained of anything."""

    def __init__(self, browser: Browser, house: House, site: Site) -> None:
        self._browser, self._house, self._site = browser, house, site
        self.opened: list[Person] = []

    async def new(self, **options: Any) -> Person:
        person = await Person.with_browser(
            self._browser, self._house, self._site, caller=f"198.19.7.{next(_callers)}", **options
        )
        self.opened.append(person)
        return person

    async def signed_in(self, colleague: Colleague, **options: Any) -> Person:
        person = await self.new(email=colleague.email, **options)
        await person.page.context.add_cookies(
            [{"name": "gatehouse_session", "value": colleague.token, "url": self._site.address}]
        )
        return person


@pytest.fixture
async def visitors(browser: Browser, house: House, site: Site) -> AsyncIterator[Visitors]:
    found = Visitors(browser, house, site)
    yield found
    for person in found.opened:
        await person.page.context.close()
    for person in found.opened:
        assert person.complaints == []


async def test_P6_inviting_and_accepting_in_the_browser(office: Office, visitors: Visitors):
    administrator, email = await office.administrator(), new_address()
    inviter = await visitors.signed_in(administrator)
    await inviter.go("/access")
    await inviter.page.get_by_role("link", name="Colleagues").click()
    await inviter.judge()
    await inviter.page.get_by_role("link", name="Invite a colleague").click()
    await inviter.judge()
    await inviter.fill(email="billing@example.org")
    await inviter.send("Send the invitation")
    assert "several people" in (await inviter.field_errors())["email"]
    await inviter.judge()
    await inviter.fill(email=email)
    await inviter.send("Send the invitation")
    assert await inviter.reads("The invitation is on its way")
    assert await inviter.reads("Waiting")
    await inviter.judge()

    invitee = await visitors.new()
    await invitee.go(f"/invitation/{await office.link(email)}")
    await invitee.judge()
    await invitee.send("See the invitation")
    assert invitee.path == "/invitation/join"
    assert await invitee.reads("Jo Example invites you")
    await invitee.judge()
    await invitee.fill(name="Kim Colleague", password=PASSWORD)
    await invitee.send("Continue")
    assert list(await invitee.field_errors()) == ["attestation"]
    await invitee.fill(password=PASSWORD)
    await invitee.page.check("#attestation")
    await invitee.send("Continue")
    assert invitee.path == "/invitation/second-factor"
    await invitee.judge()
    secret = (await invitee.page.locator(".secret").inner_text()).replace(" ", "")
    await invitee.fill(code=pyotp.TOTP(secret).now())
    await invitee.send("Accept the invitation")
    assert len(await invitee.codes()) == 10
    await invitee.page.check("#saved")
    await invitee.send("Continue")
    assert await invitee.reads("You have access")
    await invitee.judge()
    await invitee.page.get_by_role("link", name="Go to the portal").click()
    assert await invitee.reads("Invitation")

    await inviter.go("/colleagues")
    assert await inviter.reads("Kim Colleague")
    assert await inviter.reads("Accepted")
    await inviter.page.get_by_role("link", name="Change or remove").click()
    await inviter.judge()
    await inviter.send("Make this person an administrator")
    assert await inviter.reads("The role is changed")
    await inviter.page.get_by_role("link", name="Change or remove").click()
    await inviter.send("End the access")
    assert await inviter.reads("The access has ended")
    assert not await inviter.reads("Kim Colleague")
    response = await invitee.go("/access")
    assert invitee.path.startswith("/sign-in")
    assert response.status == 200


async def test_B6_refusals_of_inviting_speak_of_the_colleague_and_say_when(office: Office, visitors: Visitors):
    inviter = await visitors.signed_in(await office.administrator())
    await inviter.go("/colleagues/invite")
    await inviter.send("Send the invitation")
    assert (await inviter.field_errors())["email"] == "Enter your colleague’s e-mail address."
    await inviter.fill(email="billing@example.org")
    await inviter.send("Send the invitation")
    assert "Ask your colleague" in (await inviter.field_errors())["email"]
    await inviter.fill(email=new_address())
    await inviter.send("Send the invitation")
    assert (await inviter.send("Send again")).status == 429
    assert await inviter.reads("You can try again on")
    gap = await inviter.page.evaluate(
        "document.querySelector('.panel').getBoundingClientRect().top - document.querySelector('#main').getBoundingClientRect().top"
    )
    assert gap > 16  # the panel doesn't touch the navigation
    await inviter.judge()


async def test_T4_the_refusal_of_a_billing_services_person_links_the_way_to_go(office: Office, visitors: Visitors):
    service = new_service()
    await registered(office.house, service)
    inviter = await visitors.signed_in(await office.administrator())
    await inviter.go("/colleagues/invite")
    await inviter.fill(email=service.email)
    assert (await inviter.send("Send the invitation")).status == 409
    assert await inviter.problem() == "This person works for a billing service"
    way = inviter.page.locator(".panel a")
    assert await way.get_attribute("href") == "/register?for=billing"
    await inviter.judge()


async def test_P6_without_scripts_on_a_narrow_screen(office: Office, visitors: Visitors):
    administrator, email = await office.administrator(), new_address()
    inviter = await visitors.signed_in(administrator, java_script_enabled=False, viewport=NARROW)
    await inviter.go("/colleagues/invite")
    await inviter.fill(email=email)
    await inviter.page.select_option("#role", "administrator")
    await inviter.send("Send the invitation")
    assert await inviter.reads(email)
    invitee = await visitors.new(java_script_enabled=False, viewport=NARROW)
    await invitee.go(f"/invitation/{await office.link(email)}")
    await invitee.send("See the invitation")
    await invitee.fill(name="Kim Colleague", password=PASSWORD)
    await invitee.page.check("#attestation")
    await invitee.send("Continue")
    secret = (await invitee.page.locator(".secret").inner_text()).replace(" ", "")
    await invitee.fill(code=pyotp.TOTP(secret).now())
    await invitee.send("Accept the invitation")
    await invitee.page.check("#saved")
    await invitee.send("Continue")
    await invitee.page.get_by_role("link", name="Go to the portal").click()
    await invitee.page.get_by_role("link", name="Colleagues").click()
    assert await invitee.reads("Jo Example")


async def test_P6_the_last_administrator_reads_why_they_cant_leave(office: Office, visitors: Visitors):
    administrator = await office.administrator()
    person = await visitors.signed_in(administrator)
    await person.go("/colleagues")
    await person.page.get_by_role("link", name="Leave or step down").click()
    response = await person.send("Leave the organization")
    assert response.status == 409
    assert await person.problem() == "This is the organization’s last account".replace("’", "'")
    assert await person.reads("Invite a colleague as an administrator first")
    await person.judge()


async def test_P6_who_looks_after_one_npi_is_told_that_others_see_it_too(
    house: House, office: Office, visitors: Visitors
):
    clinic = await house.new_clinic()
    administrator = await office.administrator(clinic)
    unlisted = "Whoever has access to all of the Tax ID sees them, too"
    person = await visitors.signed_in(administrator)
    await person.go("/colleagues")
    assert not await person.reads(unlisted)
    async with house.database.write() as session:
        await session.execute(
            update(Access).where(col(Access.account_id) == administrator.account_id).values(npi=clinic.npi)
        )
    await person.go("/colleagues")
    assert await person.reads(unlisted)
    assert not await person.reads("Who else can see")
    await person.judge()


async def test_P6_somebody_with_an_account_signs_in_and_accepts(office: Office, visitors: Visitors):
    here, there = await office.administrator(), await office.administrator()
    colleague = await office.colleague(here)
    await office.invited(there, colleague.email)
    person = await visitors.new(email=colleague.email)
    await person.go(f"/invitation/{await office.link(colleague.email, after=1)}")
    await person.send("See the invitation")
    assert await person.reads("You have an account with this address already")
    await person.judge()
    assert await person.page.get_by_role("link", name="Sign in to accept").get_attribute("href")
    await person.page.context.add_cookies(
        [{"name": "gatehouse_session", "value": colleague.token, "url": person.site.address}]
    )
    await person.go("/invitation/join")
    await person.send("Accept the invitation")
    assert list(await person.field_errors()) == ["attestation"]
    await person.page.check("#attestation")
    await person.send("Accept the invitation")
    assert person.path == "/access"
    assert await person.page.locator("tbody tr").count() == 2


async def test_B5_resend_cancel_and_correct_on_the_page(office: Office, visitors: Visitors):
    administrator, email = await office.administrator(), new_address()
    invitation_id = await office.invited(administrator, email)
    link = await office.link(email)
    person = await visitors.signed_in(administrator)
    await person.go("/colleagues")
    assert (await person.send("Send again")).status == 429
    assert await person.problem() == "This link was sent a moment ago"
    await person.judge()
    await person.go("/colleagues")
    await person.page.get_by_role("link", name="Correct the address").click()
    await person.judge()
    right = new_address()
    await person.fill(email=right)
    await person.send("Invite this address instead")
    assert await person.reads(right)
    await office.ended(invitation_id)
    await person.send("Cancel")
    assert await person.reads("The invitation is cancelled")
    late = await visitors.new()
    await late.go(f"/invitation/{link}")
    response = await late.send("See the invitation")
    assert response.status == 410
    assert await late.reads("This invitation was cancelled")
    await late.judge()
    await late.go("/invitation/join")
    assert await late.reads("Please follow the link once more")
    late.complaints[:] = [told for told in late.complaints if not re.search(r"status of 4\d\d", told)]
    person.complaints[:] = [told for told in person.complaints if not re.search(r"status of 4\d\d", told)]


async def test_I14_scanners_that_open_the_link_change_nothing(office: Office, site: Site):
    administrator, email = await office.administrator(), new_address()
    invitation_id = await office.invited(administrator, email)
    link = await office.link(email)
    before = await office.quiet(invitation_id)
    async with httpx2.AsyncClient(base_url=site.address) as scanner:
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = await scanner.request(method, f"/invitation/{link}")
            assert "set-cookie" not in answer.headers
        for path, form in (("/invitation", {}), ("/invitation", {"token": link}), (f"/invitation/{link}", {"a": "b"})):
            answer = await scanner.post(path, data=form)
            assert answer.status_code >= 400
        unknown = await scanner.get(f"/invitation/{'x' * 43}")
        known = await scanner.get(f"/invitation/{link}")
        assert (unknown.status_code, len(unknown.text)) == (known.status_code, len(known.text))
    assert await office.quiet(invitation_id) == before


async def test_P6_a_member_is_offered_to_leave_and_not_to_step_down(office: Office, visitors: Visitors):
    member = await office.colleague(await office.administrator())
    person = await visitors.signed_in(member)
    await person.go("/colleagues")
    link = person.page.get_by_role("row").filter(has_text="(you)").get_by_role("link")
    assert (await link.inner_text()).splitlines()[0] == "Leave"
