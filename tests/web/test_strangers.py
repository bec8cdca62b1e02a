"""Other sites, robots, programs and people who type what they shouldn't: refused in words, and nothing has changed."""

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel, col
from starlette.routing import Route

from db.accounts import SessionRow
from db.registrations import RegistrationRow
from domain.answers import ANSWERS
from domain.registration import ATTESTATION_VERSION
from ops.http import Cookies
from ops.mailbox import read_mailbox
from portal.refusals import Kind, Refusal
from tests.house import House, key
from tests.web.conftest import NewPerson
from tests.web.person import Person
from tests.web.site import Site
from tests.web.test_coming_and_going import link_in
from web.app import create_pages
from web.rendering import Payer, Renderer
from web.visit import STATUS, local_path
from web.visit import Site as PagesOf


async def everything(house: House) -> dict[str, int]:
    """How many rows each table has, and how much is noted as used or read: what any change would change."""
    counts: dict[str, int] = {}
    async with house.database.read() as session:
        for name, table in SQLModel.metadata.tables.items():
            counts[name] = await session.scalar(select(func.count()).select_from(table)) or 0
            for column in ("used_at", "read_at", "revoked_at", "revision", "state"):
                if column in table.c and name != SessionRow.__tablename__:
                    kinds = select(func.count(func.distinct(table.c[column])), func.count(table.c[column]))
                    counts[f"{name}.{column}"] = hash(tuple((await session.execute(kinds)).one()))
    return counts


def forms() -> list[str]:
    """The address of every form of the site."""
    payer = Payer(name="P", short_name="P", phone="1", hours="", email="p@example.org", address_lines=())
    address = "http://localhost"
    site = PagesOf(gate=None, renderer=Renderer(payer=payer), cookies=Cookies.of(address), site_url=address)  # type: ignore[arg-type]  # only its routes are looked at
    routes = [route for route in create_pages(site).routes if isinstance(route, Route)]
    return [route.path for route in routes if "POST" in (route.methods or ())]


FORMS = forms()
MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "Jo\r\nBcc: someone@example.org",
    "=HYPERLINK(1)",
    "Jo\u202eelpmaxE",
)


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example.org",
        "https://evil.example.org",
        "/\\evil.example.org",
        "\\/evil.example.org",
        "javascript:alert(1)",
        "/\t/evil.example.org",
        "/\r\nLocation: //evil.example.org",
        "evil",
        "",
    ],
)
def test_only_a_path_of_this_site_is_gone_to_after_signing_in(path: str):
    assert local_path(path) == ""
    assert local_path("/access?status=open&q=a%26b") == "/access?status=open&q=a%26b"


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_sent_by_another_site_is_refused(house: House, client: httpx2.AsyncClient, path: str):
    before = await everything(house)
    for headers in (
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": str(client.base_url)},
        {},
    ):
        response = await client.post(path, data={"idempotency_key": key()}, headers=headers)
        assert response.status_code == 403
        assert "Nothing was changed" in response.text
    assert await everything(house) == before


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_that_is_not_ours_is_refused(house: House, client: httpx2.AsyncClient, site: Site, path: str):
    ours = {"Origin": site.address}
    bodies: tuple[dict[str, Any], ...] = (
        {"data": {"name": "Jo"}},
        {"data": {"idempotency_key": "short"}},
        {"json": {"idempotency_key": key()}},
        {"files": {"idempotency_key": (None, key())}},
        {"content": b"\xff\xfe%ff%00", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    )
    for options in bodies:
        if "files" in options and path == "/clients/list":  # the one form with a file
            continue
        response = await client.post(path, **{**options, "headers": {**ours, **options.get("headers", {})}})
        assert response.status_code == 400
        assert "We could not read this request" in response.text


NOT_UTF8 = (
    (b"name=\xff\xfe", "field “name”"),
    (b"name=%ff%FE", "field “name”"),
    (b"name=Zo\xeb+O%27Brien", "field “name”"),  # Latin-1
    (b"name=%ed%a0%80", "field “name”"),  # half a surrogate pair
    (b"\xff=Jo", "name of a field"),
    (b"%ff=Jo", "name of a field"),
)


@pytest.mark.parametrize(("pair", "where"), NOT_UTF8)
async def test_a_form_that_is_not_in_utf8_is_refused_where_it_is_not(
    house: House, client: httpx2.AsyncClient, site: Site, pair: bytes, where: str
):
    email = f"{key()}@example.org"
    typed = {"email": email, "attestation": "1", "attestation_version": ATTESTATION_VERSION, "idempotency_key": key()}
    headers = {"Origin": site.address, "Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post("/register", content=urlencode(typed).encode() + b"&" + pair, headers=headers)
    assert response.status_code == 400
    assert where in response.text
    assert "isn’t in UTF-8" in response.text
    assert "Go back, type it again" in response.text
    row = select(RegistrationRow).where(col(RegistrationRow.email_digest) == house.vault.digest("email", email))
    async with house.database.read() as session:
        assert await session.scalar(row) is None
    # The same person's form in UTF-8, percent-encoded or not.
    good = "name=Zoë+O’Brien".encode()
    response = await client.post("/register", content=urlencode(typed).encode() + b"&" + good, headers=headers)
    assert response.status_code == 303
    assert "Zoë O’Brien" in ((await house.mail(to=email)).text or "")
    async with house.database.read() as session:
        assert await session.scalar(row) is not None


@pytest.mark.parametrize("path", FORMS)
async def test_no_form_takes_bytes_that_are_not_utf8(client: httpx2.AsyncClient, site: Site, path: str):
    for name, value in ((b"note", b"\xff"), (b"n\xff", b"x")):
        content = b"idempotency_key=" + key().encode() + b"&" + name + b"=" + value
        kind = "application/x-www-form-urlencoded"
        if path == "/clients/list":
            parts = ((b"idempotency_key", key().encode()), (name, value))
            part = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
            content = b"".join(part % pair for pair in parts) + b"--x--\r\n"
            kind = "multipart/form-data; boundary=x; charset=latin-1"
        headers = {"Origin": site.address, "Content-Type": kind}
        response = await client.post(path, content=content, headers=headers)
        assert response.status_code == 400
        assert "isn’t in UTF-8" in response.text


async def test_a_form_over_32_kilobytes_is_refused_with_a_page(client: httpx2.AsyncClient, site: Site):
    response = await client.post("/register", data={"name": "x" * 40_000}, headers={"Origin": site.address})
    assert response.status_code == 413
    assert response.headers["content-type"].startswith("text/html")
    assert "That is too much" in response.text


async def test_unknown_addresses_and_methods_get_a_page(client: httpx2.AsyncClient):
    for path in (
        "/nothing",
        "/register/nothing",
        "/register/payment/card",
        "/static/0/../../web/app.py",
        "/wp-login.php",
    ):
        response = await client.get(path)
        assert response.status_code == 404
        assert "Page not found" in response.text
    response = await client.put("/register")
    assert (response.status_code, "does not work that way" in response.text) == (405, True)
    assert (await client.get("/resume/go")).status_code in {200, 405}


@pytest.mark.browser
async def test_I15_a_message_of_someone_else_looks_like_an_unknown_one(
    house: House, person: Person, new_person: NewPerson
):
    await person.registered(await house.new_clinic())
    await person.go("/messages")
    path = await person.page.locator(".message-list a").get_attribute("href")
    stranger = await new_person()
    await stranger.registered(await house.new_clinic())
    said = []
    for address in (path, "/messages/00000000-0000-4000-8000-000000000000", "/messages/nonsense"):
        response = await stranger.go(str(address))
        assert response.status == 404
        said.append(await stranger.page.locator("main").inner_text())
    assert len(set(said)) == 1
    await stranger.judge()


@pytest.mark.browser
async def test_what_is_typed_never_becomes_anything_but_text(house: House, person: Person):
    before = len(read_mailbox(house.sink.folder))
    for text in MARKUP:
        await person.go("/register")
        await person.page.check("#attestation")
        # A text area keeps the line breaks that a field of one line takes out by itself.
        for field, typed in (("name", text), ("email", f"{text}@example.org")):
            await person.page.evaluate(
                "([id, text]) => { const area = document.createElement('textarea');"
                " Object.assign(area, {id, name: id, value: text}); document.getElementById(id).replaceWith(area); }",
                [field, typed],
            )
        assert (await person.send("Continue")).status == 422
        assert list(await person.field_errors()) == ["name", "email"]
        assert await person.page.locator("main img, main script").count() == 0
        assert not await person.reads("49")
    await person.confirmed()
    for text in MARKUP:
        await person.go("/register/organization")
        await person.fill(tin=text, vendor_number=text)
        typed = await person.page.locator("#tin").input_value()
        assert (await person.send("Continue")).status == 422
        assert await person.page.locator("#tin").input_value() == typed
    await person.page.context.clear_cookies()
    searching = await person.another_tab()
    searching.email = f"search.{person.email}"
    await searching.registered(await house.new_clinic())
    await searching.go(f"/access?q={quote(MARKUP[0])}")
    assert await searching.page.locator("#q").input_value() == MARKUP[0]
    sent = read_mailbox(house.sink.folder)[: -before or None]
    assert not [mail for mail in sent if "someone@example.org" in mail.recipients]


@pytest.mark.browser
async def test_a_name_with_an_apostrophe_is_a_name(house: House, person: Person):
    person.name = "Zoë O’Brien-D'Arcy"
    await person.begin()
    await person.confirm()
    await person.go("/register/organization")
    await house.mail(to=person.email)


@pytest.mark.browser
async def test_I14_a_robot_that_opens_every_link_and_runs_every_script_changes_nothing(house: House, person: Person):
    await person.registered(await house.new_clinic())
    waiting = await person.another_tab()
    waiting.email = f"robot.{person.email}"
    await waiting.confirmed()
    await waiting.go("/resume")
    await waiting.fill(email=waiting.email)
    await waiting.send("Send the link")
    link = link_in(await house.mail(to=waiting.email, subject="Go on with"))
    await house.quiet(await waiting.registration_id())
    before = await everything(house)
    seen: set[str] = set()
    wanted = ["/", link, "/access", "/register", "/register/withdraw", "/mailbox"]
    while wanted:
        path = wanted.pop()
        if path in seen or path.startswith("/mailbox/") or len(seen) > 60:
            continue
        seen.add(path)
        await person.page.request.head(person.site.address + path)
        await person.go(path)
        for href in await person.page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)"):
            parts = urlsplit(href)
            if href.startswith(person.site.address):
                wanted.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    assert {"/access", "/messages", "/security", "/register/withdraw", "/sign-in", link} <= seen
    assert await everything(house) == before


def test_pages_and_api_give_every_refusal_the_same_status():
    from api.problems import STATUS as OF_API

    # Pages answer what HTTP refuses, and a form that was changed, without these codes; a sign-in form is shown again.
    finer = {"method_not_allowed", "body_too_large", "unsupported_media_type", "key_reused", "sign_in_failed"}
    # No page is asked by the print shop, or for what only the API names like this.
    finer |= {"webhook_forged", "not_administrator", "not_billing_service", "notice_sign_in"}
    finer |= {"request_timeout", "wrong_host"}  # answered at the edge, before there is a page
    differing = {
        code: (OF_API[code], int(STATUS[Refusal(code).kind]))
        for code in OF_API.keys() & ANSWERS.keys()
        if code not in finer and OF_API[code] != STATUS[Refusal(code).kind]
    }
    assert differing == {}
    assert set(STATUS) == set(Kind)
