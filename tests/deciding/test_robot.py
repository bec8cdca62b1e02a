"""A mail scanner in a real browser: it opens, prefetches, runs and submits all there is, and nothing comes of it (B2, I14)."""

import re
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.async_api import Page, Route
from sqlalchemy import select
from sqlmodel import col

from db.accounts import SessionRow
from db.audit import AuditEntry
from db.authorizations import AuthorizationRow, DecisionRow, GrantObjection
from db.registrations import Counter, IdempotencyKey, MailRow, OneTimeSecret
from domain.authorization import State
from ops.mailbox import Mail
from tests.authorization.scenes import Request, Service, row_of
from tests.authorization.test_decisions import quiet
from tests.deciding.conftest import asked
from tests.deciding.contact import Contact
from tests.house import House
from tests.web.conftest import NewPerson, client, new_person, people, person, site
from tests.web.person import Person

pytestmark = pytest.mark.browser
__all__ = ["client", "new_person", "people", "person", "site"]  # fixtures


async def contents(house: House, request: Request) -> list[object]:
    """Everything that the scanner could have changed about this request and the way to answer it."""
    subject = f"authorization/{request.id}"
    queries = (
        select(AuthorizationRow).where(col(AuthorizationRow.id) == request.id),
        select(DecisionRow),
        select(GrantObjection),
        select(MailRow).where((col(MailRow.subject) == subject) | col(MailRow.subject).startswith("sitting/")),
        select(OneTimeSecret).where(
            (col(OneTimeSecret.subject) == subject) | col(OneTimeSecret.subject).startswith("sitting/")
        ),
        select(AuditEntry).where(col(AuditEntry.subject) == subject),
        select(Counter).where(col(Counter.scope).startswith("decision")),
        select(SessionRow).where(col(SessionRow.kind) == "sitting"),
        select(IdempotencyKey).where(col(IdempotencyKey.scope).startswith(subject)),
    )
    async with house.database.read() as session:
        return [sorted(str(row.model_dump()) for row in (await session.scalars(query)).all()) for query in queries]


def links_in(mail: Mail, site: str) -> list[str]:
    """Every address in both parts of the mail, as paths of the site that the test runs."""
    found = re.findall(r"https?://[^\s\"'<>]+", f"{mail.text}\n{mail.html}")
    return sorted({site + urlsplit(one).path for one in found})


async def crawl(page: Page, start: str, *, most: int) -> list[str]:
    """Every page of the site that can be reached from there, nearest first, up to a number."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(start))
    seen: list[str] = []
    waiting = [start]
    while waiting and len(seen) < most:
        address = waiting.pop(0)
        response = await page.goto(address)
        assert response is not None
        seen.append(address)
        hrefs: list[str] = await page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
        for href in hrefs:
            path = href.split("#")[0]
            # The mailbox shows everybody's mails; it is there in development only.
            if path.startswith(origin) and "/mailbox" not in path and path not in [*seen, *waiting]:
                waiting.append(path)
    return seen


async def submit_everything(page: Page, address: str) -> int:
    """Each form of the page as it stands: by script without its checks, and by each of its buttons."""
    await page.goto(address)
    sent = 0
    for number in range(await page.locator("form").count()):
        await page.goto(address)
        async with page.expect_navigation():
            await page.evaluate("number => document.forms[number].submit()", number)
        await page.goto(address)
        for button in range(await page.locator("form").nth(number).locator("button[type=submit]").count()):
            await page.goto(address)
            async with page.expect_navigation():
                await page.evaluate(
                    "([form, button]) => { const it = document.forms[form]; "
                    "it.requestSubmit(it.querySelectorAll('button[type=submit]')[button]) }",
                    [number, button],
                )
        sent += 1
    return sent


async def scan(robot: Person, program: httpx2.AsyncClient, mail: Mail, *, pages: int) -> int:
    """What scanners do with a mail and so many pages from each of its links; returns how many forms were sent."""
    sent = 0
    for link in links_in(mail, robot.site.address):
        path = link.removeprefix(robot.site.address)
        for method in ("HEAD", "GET", "OPTIONS", "POST"):
            await program.request(method, path, follow_redirects=True)
        await program.get(path, headers={"Sec-Purpose": "prefetch;prerender"})
        # The mail itself, opened in a browser that fetches what it names ahead.
        ahead = f'<link rel="prefetch" href="{link}"><img src="{link}" alt=""><iframe src="{link}"></iframe>'

        async def mail_page(route: Route, ahead: str = ahead) -> None:
            await route.fulfill(content_type="text/html", body=f"<!doctype html>{ahead}{mail.html}")

        await robot.page.route("**/opened-mail", mail_page)
        await robot.page.goto(f"{robot.site.address}/opened-mail", wait_until="networkidle")
        await robot.page.unroute("**/opened-mail")
        for address in await crawl(robot.page, link, most=pages):
            sent += await submit_everything(robot.page, address)
    return sent


@pytest.mark.timeout(180)
async def test_B2_I14_a_scanner_that_does_everything_changes_nothing_and_the_contact_still_decides(
    house: House, service: Service, new_person: NewPerson, client: httpx2.AsyncClient
):
    request, contact = await asked(house, service)
    robot = await new_person()
    mail = await contact.mail()
    await contact.link(request)
    await quiet(house, request)
    before = await contents(house, request)
    for pages, forms in ((12, 2), (1, 1)):  # it comes back, with what it was given the first time
        assert await scan(robot, client, mail, pages=pages) >= forms, "it found the form, and others"
    robot.complaints.clear()  # blocked frames and refused forms are what it came for
    assert await contents(house, request) == before
    assert contact.codes_sent() == 0
    assert (await row_of(house, request)).state == State.SENT
    await decides(await new_person(email=contact.email), contact, request)
    assert (await row_of(house, request)).state == State.APPROVED


async def decides(reader: Person, contact: Contact, request: Request) -> None:
    await reader.go(f"/answer/{await contact.link(request)}")
    await reader.page.locator(f"input[name='answers.{request.id}'][value=approve]").check()
    await reader.fill(name="Kim Contact", role="Office manager")
    await reader.page.check("#attested")
    await reader.send("Send me a code")
    await reader.send_code(await contact.code())
    assert await reader.heading() == "You approved the request"
