"""Browsers of a billing service's people, signed in."""

import itertools
from typing import Any

from playwright.async_api import Browser

from tests.clients.biller import Desk
from tests.house import House
from tests.web.person import Person
from tests.web.site import Site

_callers = itertools.count(1)


class Visitors:
    """Opens browsers; nobody's may have complained of anything."""

    def __init__(self, browser: Browser, house: House, site: Site) -> None:
        self._browser, self._house, self._site = browser, house, site
        self.opened: list[Person] = []

    async def at(self, desk: Desk, **options: Any) -> Person:
        person = await Person.with_browser(
            self._browser, self._house, self._site, caller=f"198.19.8.{next(_callers)}", **options
        )
        self.opened.append(person)
        await person.page.context.add_cookies(
            [{"name": "gatehouse_session", "value": desk.token, "url": self._site.address}]
        )
        return person


async def fill_row(person: Person, place: int, **fields: str) -> None:
    await person.fill(**{f"{name}-{place}": text for name, text in fields.items()})
