"""The contact's pages in a real browser: with and without scripts, by keyboard, at 320 px; and nothing done by looking (B2, T7)."""

import asyncio
from uuid import uuid4

import httpx2
import pytest

from domain.authorization import State
from tests.authorization.scenes import Service, row_of, state_of, worker_on
from tests.authorization.test_decisions import quiet
from tests.deciding.conftest import asked
from tests.deciding.contact import another, decisions_of, grants_of
from tests.house import House
from tests.web.conftest import NewPerson, client, new_person, people, person, site
from tests.web.person import WRONG_CODE, Person

pytestmark = pytest.mark.browser
__all__ = ["client", "new_person", "people", "person", "site"]  # fixtures


async def open_link(person: Person, link: str) -> None:
    response = await person.go(f"/answer/{link}")
    assert response.status == 200
    assert person.path == "/answer"


async def fill(person: Person, *, name: str = "Kim Contact", role: str = "Office manager") -> None:
    await person.fill(name=name, role=role)
    await person.page.check("#attested")


@pytest.mark.parametrize("scripts", [True, False], ids=["with_scripts", "without"])
async def test_T1_the_contact_approves_from_the_mail_to_the_outcome(
    house: House, service: Service, new_person: NewPerson, scripts: bool
):
    request, contact = await asked(house, service)
    other, _ = await asked(house, service, contact=contact.email)
    link = await contact.link(request)
    reader = await new_person(email=contact.email, java_script_enabled=scripts)
    await open_link(reader, link)
    assert await reader.heading() == "A billing service asks for access"
    for shown in (service.name, "Bo Biller (name given by the requester)", "claims, payments", request.reference):
        assert await reader.reads(shown), shown
    assert not await reader.reads(contact.email)
    assert await reader.page.locator(f"input[name='answers.{request.id}']:checked").count() == 0
    assert await reader.page.locator(f"input[name='answers.{other.id}'][value=later]").is_checked()
    if scripts:
        await reader.judge()
    response = await reader.send("Send me a code")
    assert response.status == 422
    assert list(await reader.field_errors()) == [f"answers.{request.id}", "name", "role", "attested"]
    if scripts:
        await reader.judge()
    await reader.page.locator(f"input[name='answers.{request.id}'][value=approve]").check()
    await fill(reader)
    await reader.send("Send me a code")
    assert reader.path == "/answer/code"
    if scripts:
        await reader.judge()
    code = await contact.code()
    await reader.send_code(another(code))
    assert await reader.field_errors() == {"code": WRONG_CODE}
    if scripts:
        await reader.judge()
    await reader.send_code(code)
    assert reader.path == "/answer/done"
    assert await reader.heading() == "You approved the request"
    if scripts:
        await reader.judge()
    assert (await row_of(house, request)).state == State.APPROVED
    assert await grants_of(house, request) == 1
    assert (await row_of(house, other)).state == State.SENT
    await reader.go("/answer/done")  # stays where it can be found in this browser
    assert await reader.reads("The billing service has access from now on.")
    assert (await reader.go(f"/answer/{link}")).status == 410
    assert await reader.heading() == "This request was approved"


async def test_B6_who_goes_from_the_request_to_sign_in_reads_what_for(house: House, service: Service, person: Person):
    request, contact = await asked(house, service)
    await open_link(person, await contact.link(request))
    await person.page.get_by_role("link", name="sign in as an administrator").click()
    assert await person.heading() == "Sign in"
    assert await person.reads("Sign in to see the request and to answer it.")
    assert not await person.reads("A session ends")
    await person.go("/sign-in?said=sign-in-first&next=%2Faccess")
    assert await person.reads("A session ends")


async def test_B2_the_token_leaves_the_address_and_nothing_tells_where_one_comes_from(
    house: House, service: Service, person: Person, client: httpx2.AsyncClient
):
    request, contact = await asked(house, service)
    link = await contact.link(request)
    asked_for: list[str] = []
    person.page.on("request", lambda sent: asked_for.append(f"{sent.url} {sent.headers.get('referer', '')}"))
    await open_link(person, link)
    assert [one for one in asked_for if link in one] == [f"{person.site.address}/answer/{link} "]
    assert all(one.startswith(person.site.address) for one in asked_for)
    [cookie] = [one for one in await person.page.context.cookies() if "answer" in one["name"]]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["value"]) == (True, "Lax", link)
    response = await client.get(f"/answer/{link}")
    assert (response.status_code, response.headers["location"]) == (303, "/answer")
    for path in (f"/answer/{link}", "/answer"):
        response = await client.get(path)
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_I14_head_and_prefetch_get_no_cookie(house: House, service: Service, client: httpx2.AsyncClient):
    request, contact = await asked(house, service)
    link = await contact.link(request)
    assert "set-cookie" not in (await client.head(f"/answer/{link}")).headers
    for header in ("Sec-Purpose", "Purpose"):
        response = await client.get(f"/answer/{link}", headers={header: "prefetch"})
        assert (response.status_code, "set-cookie" in response.headers) == (503, False)


async def test_B6_every_dead_end_says_what_to_do(house: House, service: Service, client: httpx2.AsyncClient):
    for path in ("/answer", "/answer/code", "/answer/done"):
        response = await client.get(path)
        assert response.status_code == 409
        assert "Open the link in our mail once more" in response.text
    for link in ("x" * 43, "short", "%E2%80%A2" * 9):
        response = await client.get(f"/answer/{link}", follow_redirects=True)
        assert response.status_code == 410
        assert "This link doesn&#39;t work" in response.text
        assert "Open the link in our newest mail" in response.text
    declined, contact = await asked(house, service)
    await contact.answers(declined, "decline")
    response = await client.get(f"/answer/{await contact.link(declined)}", follow_redirects=True)
    assert response.status_code == 410
    assert "This request was declined" in response.text
    approved, contact = await asked(house, service)
    await contact.answers(approved)
    response = await client.get(f"/answer/{await contact.link(approved)}", follow_redirects=True)
    assert response.status_code == 410
    for shown in (approved.reference, service.name, (await row_of(house, approved)).provider_name):
        assert shown in response.text
    assert 'href="/billing-services">To end the access, sign in as an administrator' in response.text
    assert response.headers["referrer-policy"] == "no-referrer"
    assert contact.email not in response.text
    sent = await client.post("/answer", data={"idempotency_key": "k" * 32}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (sent.status_code, approved.reference in sent.text) == (410, True)


async def test_B2_with_the_last_try_only_a_new_code_is_offered(house: House, service: Service, person: Person):
    request, contact = await asked(house, service)
    await open_link(person, await contact.link(request))
    await person.page.locator(f"input[name='answers.{request.id}'][value=approve]").check()
    await fill(person)
    await person.send("Send me a code")
    wrong = another(await contact.code())
    for _ in range(5):
        await person.send_code(wrong)
    assert await person.problem() == "This code was tried too often"
    assert await person.page.locator("#code").count() == 0
    assert not await person.reads("It works until")
    await person.judge()
    await person.send("Send a new code")
    await person.send_code(await contact.code(after=1))
    assert await person.heading() == "You approved the request"


async def test_B2_another_browser_with_the_link_has_neither_code_page_nor_outcome(
    house: House, service: Service, new_person: NewPerson
):
    request, contact = await asked(house, service)
    link = await contact.link(request)
    one, two = await new_person(), await new_person()
    await open_link(one, link)
    await one.page.locator(f"input[name='answers.{request.id}'][value=approve]").check()
    await fill(one)
    await one.send("Send me a code")
    await open_link(two, link)
    for path in ("/answer/code", "/answer/done"):
        assert (await two.go(path)).status == 409
    code = await contact.code()
    await one.send_code(code)
    assert (await row_of(house, request)).state == State.APPROVED


async def test_T1_two_clicks_in_the_browser_are_one_answer(house: House, service: Service, person: Person):
    request, contact = await asked(house, service)
    await open_link(person, await contact.link(request))
    await person.page.locator(f"input[name='answers.{request.id}'][value=approve]").check()
    await fill(person)
    await person.page.evaluate("document.querySelector('main form').removeAttribute('data-guard')")
    async with person.page.expect_navigation(url="**/answer/code"):
        await person.page.get_by_role("button", name="Send me a code").dblclick()
    await person.send_code(await contact.code())
    assert await person.heading() == "You approved the request"
    assert len(await decisions_of(house, request)) == 1
    assert contact.codes_sent() == 1


async def test_T5_several_requests_are_answered_each_separately(house: House, service: Service, person: Person):
    first, contact = await asked(house, service)
    second, _ = await asked(house, service, contact=contact.email)
    third, _ = await asked(house, service, contact=contact.email)
    await open_link(person, await contact.link(first))
    assert await person.reads("2 other requests wait for you")
    for request, choice in ((first, "decline"), (second, "approve")):
        await person.page.locator(f"input[name='answers.{request.id}'][value={choice}]").check()
    await fill(person)
    await person.send("Send me a code")
    await person.send_code(await contact.code())
    assert await person.heading() == "Your answers"
    await person.judge()
    states = await asyncio.gather(*(row_of(house, one) for one in (first, second, third)))
    assert [row.state for row in states] == [State.DECLINED, State.APPROVED, State.SENT]


async def test_B2_the_form_works_by_keyboard_alone(house: House, service: Service, person: Person):
    request, contact = await asked(house, service)
    await open_link(person, await contact.link(request))
    await person.page.locator(f"input[name='answers.{request.id}']").first.focus()
    for press in ("Space", "Tab"):
        await person.page.keyboard.press(press)
    await person.page.keyboard.type("Kim Contact")
    await person.page.keyboard.press("Tab")
    await person.page.keyboard.type("Office manager")
    await person.page.keyboard.press("Tab")
    await person.page.keyboard.press("Space")
    await person.page.keyboard.press("Tab")
    async with person.page.expect_navigation(url="**/answer/code"):
        await person.page.keyboard.press("Enter")
    await person.page.locator("#code").focus()
    await person.page.keyboard.type(await contact.code())
    async with person.page.expect_navigation(url="**/answer/done"):
        await person.page.keyboard.press("Enter")
    assert await person.heading() == "You approved the request"


@pytest.mark.parametrize("scripts", [True, False], ids=["with_scripts", "without"])
async def test_T1_with_every_worker_down_the_page_says_in_a_moment_and_shows_the_outcome_later(
    house: House, service: Service, new_person: NewPerson, scripts: bool
):
    queue = f"test-{uuid4().hex}"
    person = await new_person(java_script_enabled=scripts)
    async with worker_on(house, queue):
        request, contact = await asked(house, service, task_queue=queue)
        await open_link(person, await contact.link(request))
        await person.page.locator(f"input[name='answers.{request.id}'][value=approve]").check()
        await fill(person)
        await person.send("Send me a code")
        code = await contact.code()
        await quiet(house, request)
    await person.send_code(code)
    assert await person.heading() == "We have your answer"
    assert await person.reads("It is applied in a moment")
    async with worker_on(house, queue):
        await state_of(house, request, wanted=State.APPROVED)
    if scripts:
        await person.page.get_by_role("heading", name="You approved the request").wait_for(timeout=20_000)
    else:
        await person.page.get_by_role("link", name="look again").click()
    assert await person.heading() == "You approved the request"
