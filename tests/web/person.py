"""Someone at a browser: reads the pages, fills in their forms by their labels, and reads their mail."""

import asyncio
import itertools
import re
from typing import Any, Self
from uuid import UUID

import pyotp
from playwright.async_api import Browser, Page, Response
from sqlmodel import col, select

from db.registrations import RegistrationRow
from domain.people import mailbox_key
from portal import account_setup, signing_in
from portal.registering import Started
from portal.registration_view import view_registration
from tests.accounts import with_account
from tests.browser import NARROW, WIDE, axe_findings_if_new, complaints_of, overflow
from tests.house import PASSWORD, Clinic, House, code_in
from tests.web.site import Site

_people = itertools.count(1)

NUMBER = "Check number, EFT trace number or notice number"
WRONG_CODE = "That code isn't right. It doesn't match the newest code we sent. Use the code from the newest e-mail."
WRONG_APP_CODE = "That code isn't right. Each code of your authenticator app works once and for half a minute. Wait for the next code and enter it."


class Person:
    """One person with one browser. `complaints` is what the browser's console and network said."""

    def __init__(self, page: Page, house: House, site: Site, *, email: str = "") -> None:
        self.page = page
        self.house = house
        self.site = site
        self.name = "Jo Example"
        self.email = email or f"jo.example{next(_people)}@northfield.example.org"
        self.secret = ""
        self.complaints = complaints_of(page)

    @classmethod
    async def with_browser(
        cls, browser: Browser, house: House, site: Site, *, caller: str, email: str = "", **options: Any
    ) -> Self:
        context = await browser.new_context(
            **{"viewport": WIDE, "reduced_motion": "reduce", "timezone_id": "America/Chicago", **options},
            extra_http_headers={"X-Forwarded-For": caller},
        )
        context.set_default_timeout(5_000)
        return cls(await context.new_page(), house, site, email=email)

    async def another_tab(self) -> "Person":
        """The same person in the same browser."""
        tab = Person(await self.page.context.new_page(), self.house, self.site, email=self.email)
        tab.complaints = self.complaints
        return tab

    # Looking.

    async def go(self, path: str) -> Response:
        response = await self.page.goto(self.site.address + path)
        assert response is not None
        return response

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.site.address)

    async def heading(self) -> str:
        return await self.page.locator("h1").inner_text()

    async def reads(self, text: str) -> bool:
        """Whether the page says this."""
        return text in re.sub(r"\s+", " ", await self.page.locator("body").inner_text())

    async def typed(self, label: str) -> str:
        return await self.page.get_by_label(label, exact=True).input_value()

    async def problem(self) -> str:
        """The title of the panel at the top that says what went wrong."""
        return await self.page.locator("[data-error-summary] h2").inner_text()

    async def field_errors(self) -> dict[str, str]:
        """The links of the error summary: the field each leads to, and its words."""
        links = self.page.locator(".error-links a")
        return {
            (await link.get_attribute("href") or "").removeprefix("#"): await link.inner_text()
            for link in await links.all()
        }

    async def judge(self) -> None:
        """Nothing may be inaccessible, and nothing may stick out, on a desk's screen and on a telephone's.

        axe looks at one width only: `tests/web_design` judges the templates at both.
        """
        findings = await axe_findings_if_new(self.page)
        assert findings == [], (self.path, findings)
        for width in (NARROW, WIDE):
            await self.page.set_viewport_size(width)
            sticking_out = await overflow(self.page)
            assert sticking_out == [], (self.path, width, sticking_out)

    async def until(self, path: str, text: str) -> None:
        """Load this page until it says this."""
        async with asyncio.timeout(15):
            await self.go(path)
            while not await self.reads(text):
                await asyncio.sleep(0.1)
                await self.go(path)

    # Doing.

    async def fill(self, **fields: str) -> None:
        """Type into fields by the names that the forms have."""
        for name, text in fields.items():
            await self.page.fill(f"#{name}", text)

    async def send(self, label: str) -> Response:
        """Press a button and wait for the page it leads to; returns the answer to the form itself."""
        async with self.page.expect_navigation() as navigation:
            await self.page.get_by_role("button", name=label).first.click()
        response = await navigation.value
        assert response is not None
        return response

    async def begin(self) -> Response:
        await self.go("/register")
        await self.fill(name=self.name, email=self.email)
        await self.page.check("#attestation")
        return await self.send("Continue")

    async def code(self, *, after: int = 0) -> str:
        return code_in(await self.house.mail(to=self.email, subject="code", after=after))

    async def send_code(self, code: str, *, button: str = "Confirm") -> Response:
        await self.fill(code=code)
        return await self.send(button)

    async def confirm(self) -> None:
        await self.fill(code=await self.code())
        await self.send("Confirm")
        assert self.path == "/register/organization"

    async def choose(self, clinic: Clinic, *, npi: bool = False) -> Response:
        """The organization's page: the vendor number, or the Type 2 NPI."""
        await self.fill(tin=clinic.tin)
        if npi:
            await self.page.check("#identified_by-npi")
            await self.fill(npi=clinic.npi)
        else:
            await self.fill(vendor_number=clinic.vendor)
        response = await self.send("Continue")
        if await self.page.locator("#tin_confirmed").count():  # the house's clinics have Tax IDs that nobody has
            await self.page.check("#tin_confirmed")
            response = await self.send("Continue")
        return response

    async def prove(self, number: str, amount: str = "") -> Response:
        await self.fill(document_number=number, amount=amount)
        return await self.send("Check and continue")

    async def set_up_account(self, *, password: str = PASSWORD) -> Response:
        await self.fill(password=password)
        return await self.send("Continue")

    async def finish(self) -> Response:
        """The second factor: the key is read from the page, the code is what an app would show."""
        self.secret = (await self.page.locator(".secret").inner_text()).replace(" ", "")
        await self.fill(code=pyotp.TOTP(self.secret).now())
        return await self.send("Finish registration")

    async def codes(self) -> list[str]:
        return await self.page.locator(".codes li").all_inner_texts()

    async def registration_id(self) -> UUID:
        digest = self.house.vault.digest("email", mailbox_key(self.email))
        async with self.house.database.read() as session:
            return (
                await session.scalars(select(RegistrationRow.id).where(col(RegistrationRow.email_digest) == digest))
            ).one()

    # Short cuts, for tests of what comes later.

    async def goes_on_with(self, started: Started) -> None:
        """Take a registration over into this browser."""
        await self._cookie("gatehouse_registration", started.token)

    async def _cookie(self, name: str, value: str) -> None:
        await self.page.context.add_cookies([{"name": name, "value": value, "url": self.site.address}])

    async def confirmed(self) -> Started:
        started = await self.house.confirmed(email=self.email, name=self.name)
        await self.goes_on_with(started)
        return started

    async def proved(self, clinic: Clinic) -> Started:
        started = await self.house.proved(clinic, email=self.email)
        await self.goes_on_with(started)
        return started

    async def registered(self, clinic: Clinic) -> list[str]:
        """Register and sign in; returns the recovery codes."""
        started, self.secret = await with_account(self.house, clinic, email=self.email)
        await self.goes_on_with(started)
        codes = await account_setup.recovery_codes(self.house.gate, started.registration_id)
        account_id = (await view_registration(self.house.gate, started.registration_id)).account_id
        assert account_id is not None
        token = await signing_in.sign_in_after_registration(self.house.gate, account_id, client="Chrome on Linux")
        await self._cookie("gatehouse_session", token)
        return codes

    async def sign_in(self, *, path: str = "/sign-in") -> None:
        """The first half of signing in."""
        await self.go(path)
        await self.fill(email=self.email, password=PASSWORD)
        await self.send("Sign in")
