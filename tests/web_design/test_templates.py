"""The pages as a browser gets them: every page in every state, judged by axe, at two widths, by keyboard and without scripts."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser import NARROW, TABLET, WIDE, axe_findings, complaints_of, overflow
from tests.web_design.catalogue import CATALOGUE, PageState
from web.rendering import TEMPLATES

FORMS = {
    "who",
    "email",
    "organization",
    "payment",
    "account",
    "second-factor",
    "recovery",
    "resume-request",
    "resume",
    "withdraw",
    "sign-in",
    "sign-in-code",
    "letter",
    "letter-addresses",
    "pin",
    "pin-elsewhere",
    "adding",
}

every_state = pytest.mark.parametrize("state", CATALOGUE, ids=lambda state: state.name)
browser_test = pytest.mark.browser


@pytest_asyncio.fixture(scope="session")
async def judged(shared) -> AsyncIterator[tuple[Page, list[str]]]:
    """One tab for all states, with what its console and network complain of; opening a tab for each costs more than judging."""
    opened = await shared.new_page()
    yield opened, complaints_of(opened)
    await opened.close()


class _Anchors(HTMLParser):
    """The ids of a page, and which of them its links lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if tag == "a" and name == "href" and value and value.startswith("#"):
                self.targets.add(value.removeprefix("#"))


class _Forbidden(HTMLParser):
    """Collects what the Content-Security-Policy would block, and forms without an idempotency key."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._post_without_key = False

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "style" or "style" in attributes or any(name.startswith("on") for name in attributes):
            self.found.append(f"inline style or script in <{tag}>")
        if tag == "script" and not attributes.get("src"):
            self.found.append("inline script")
        if tag == "form" and attributes.get("method") == "post":
            self._post_without_key = True
        if attributes.get("name") == "idempotency_key" and attributes.get("value"):
            self._post_without_key = False

    def handle_endtag(self, tag):
        if tag == "form" and self._post_without_key:
            self.found.append("a form that changes something has no idempotency key")


@browser_test
@every_state
async def test_every_state_is_accessible_at_both_widths(
    judged: tuple[Page, list[str]], site: str, state: PageState
) -> None:
    page, complaints = judged
    complaints.clear()
    await page.set_viewport_size(WIDE)
    response = await page.goto(f"{site}/page/{state.name}")
    assert response is not None
    assert response.status == 200
    for width in (WIDE, NARROW):
        await page.set_viewport_size(width)
        assert await axe_findings(page, contrast=width == WIDE) == []
        assert await overflow(page) == []
    await page.set_viewport_size(TABLET)
    assert await overflow(page) == []
    assert complaints == []


@browser_test
async def test_a_card_of_a_narrow_screen_keeps_labels_values_and_edges_apart(page: Page, site: str) -> None:
    """Newcomers: the label "Last day to object" beside a date, and the heading that follows an empty panel."""
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(f"{site}/page/newcomers-claims")
    too_wide = "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.textContent)"
    await page.locator("td.number").evaluate_all(
        "cells => cells.forEach(cell => { cell.textContent = 'December 1, 2026' })"
    )
    assert await page.locator("td").evaluate_all(too_wide) == []
    panel, heading = await page.locator(".empty").bounding_box(), await page.locator(".empty + h2").bounding_box()
    assert panel
    assert heading
    assert heading["y"] - (panel["y"] + panel["height"]) >= 24


@browser_test
async def test_the_judges_see_planted_defects(page: Page, site: str) -> None:
    complaints = complaints_of(page)
    await page.goto(f"{site}/page/organization")
    await page.evaluate("""() => {
        document.querySelector('label[for=tin]').remove();
        document.querySelector('h1').style.color = '#ddd';
        document.querySelector('.check-figure').style.width = '1500px';
        const script = document.createElement('script'); script.textContent = '1'; document.body.append(script);
    }""")
    findings = " ".join(await axe_findings(page))
    assert "label:" in findings
    assert "color-contrast:" in findings
    assert await overflow(page) != []
    assert "Content Security Policy" in " ".join(complaints)


@every_state
def test_every_state_needs_no_inline_style_or_script_and_every_form_has_its_key(renderer, state: PageState) -> None:
    parser = _Forbidden()
    parser.feed(renderer.page(state.template, state.context))
    assert parser.found == []


@every_state
def test_every_state_has_each_id_once_and_its_own_links_lead_to_one(renderer, state: PageState) -> None:
    """A field called like a part of the layout would take that part's links."""
    parser = _Anchors()
    parser.feed(renderer.page(state.template, state.context))
    assert sorted(parser.ids) == sorted(set(parser.ids))
    assert parser.targets <= set(parser.ids)


def test_every_template_is_in_the_catalogue() -> None:
    parts = {
        "layout.html",
        "staff_layout.html",
        "step.html",
        "components.html",
        "departure_parts.html",
        "answer_parts.html",
        "grant_parts.html",
    }
    assert {state.template for state in CATALOGUE} == {path.name for path in TEMPLATES.glob("*.html")} - parts


@browser_test
@pytest.mark.parametrize("name", sorted(FORMS))
async def test_the_keyboard_reaches_and_sends_every_form(page: Page, site: str, name: str) -> None:
    await page.goto(f"{site}/page/{name}")
    wanted = page.locator("main form button[type=submit]").first
    for _ in range(40):
        await page.keyboard.press("Tab")
        visible = await page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' }"
        )
        assert visible, "the focus is not visible"
        if await wanted.evaluate("button => button === document.activeElement"):
            break
    else:
        pytest.fail("the button is not reached by Tab")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert "idempotency_key" in (await page.locator("li").all_inner_texts())


@browser_test
async def test_the_skip_link_is_first_and_leads_to_the_content(page: Page, site: str) -> None:
    await page.goto(f"{site}/page/access")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"


@browser_test
async def test_after_a_refusal_the_focus_is_on_the_summary_and_its_links_lead_to_the_fields(
    page: Page, site: str
) -> None:
    await page.goto(f"{site}/page/organization-errors")
    assert await page.evaluate("document.activeElement.hasAttribute('data-error-summary')")
    await page.get_by_role("link", name="The Tax ID has 9 digits").click()
    assert await page.evaluate("document.activeElement.id") == "tin"
    assert await page.locator("#tin").input_value() == "12-345678"
    assert await page.locator("#tin").get_attribute("aria-invalid") == "true"


@browser_test
async def test_P4_only_the_chosen_number_is_shown_and_sent(page: Page, site: str) -> None:
    await page.goto(f"{site}/page/organization")
    assert await page.locator("#vendor_number").is_visible()
    assert not await page.locator("#npi").is_visible()
    await page.fill("#vendor_number", "V0073154")
    await page.get_by_label("Type 2 NPI").first.check()
    assert not await page.locator("#vendor_number").is_visible()
    await page.fill("#npi", "1234567893")
    await page.click("button:has-text('Continue')")
    sent = await page.locator("li").all_inner_texts()
    assert "npi" in sent
    assert "vendor_number" not in sent


@browser_test
async def test_P4_without_scripts_both_numbers_are_there_to_fill_in_exactly_one(scriptless: Page, site: str) -> None:
    await scriptless.goto(f"{site}/page/organization")
    assert await scriptless.locator("#vendor_number").is_visible()
    assert await scriptless.locator("#npi").is_visible()
    assert await scriptless.get_by_text("Fill in exactly one of these.").is_visible()
    assert await scriptless.locator("[data-choose-radios]").is_hidden()
    await scriptless.fill("#npi", "1234567893")
    await scriptless.click("button:has-text('Continue')")
    sent = await scriptless.locator("li").all_inner_texts()
    assert {"npi", "idempotency_key"} <= set(sent)
    assert "vendor_number" not in sent


@browser_test
@pytest.mark.parametrize("name", sorted(FORMS))
async def test_without_scripts_every_form_is_sent_and_no_dead_button_is_shown(
    scriptless: Page, site: str, name: str
) -> None:
    await scriptless.goto(f"{site}/page/{name}")
    assert await scriptless.locator("button[type=button]:visible").count() == 0
    await scriptless.locator("main form button[type=submit]").first.click()
    await scriptless.wait_for_selector("li")
    assert "idempotency_key" in await scriptless.locator("li").all_inner_texts()


@browser_test
async def test_a_second_click_sends_nothing(page: Page, site: str) -> None:
    await page.goto(f"{site}/page/payment")
    async with page.expect_navigation():
        sent, label = await page.locator("form[data-guard] button[type=submit]").evaluate("""button => {
            let sent = 0;
            addEventListener("submit", event => { if (!event.defaultPrevented) sent += 1; });
            button.click(); button.click(); button.click();
            return [sent, button.textContent];
        }""")
    assert sent == 1
    assert label == "Checking…"


@browser_test
async def test_the_password_can_be_shown_and_is_hidden_again_when_sent(page: Page, site: str) -> None:
    await page.goto(f"{site}/page/sign-in")
    await page.fill("#password", "correct horse battery")
    await page.get_by_role("button", name="Show password").click()
    assert await page.locator("#password").get_attribute("type") == "text"
    await page.get_by_role("button", name="Hide password").click()
    assert await page.locator("#password").get_attribute("type") == "password"


@browser_test
async def test_the_reference_can_be_copied(page: Page, site: str, shared: BrowserContext) -> None:
    await shared.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{site}/page/organization")
    await page.get_by_role("button", name="Copy the reference").click()
    await page.get_by_text("Copied").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == "R-7K3M-9QXD-2FHT"


@browser_test
async def test_times_are_shown_in_the_zone_of_the_reader(browser: Browser, site: str) -> None:
    context = await browser.new_context(timezone_id="America/Los_Angeles")
    page = await context.new_page()
    await page.goto(f"{site}/page/message")
    moment = page.locator("main time")
    assert await moment.inner_text() == "November 23, 2026, 7:40 AM PST"
    assert await moment.get_attribute("title") == "November 23, 2026, 9:40 AM CST"
    await page.goto(f"{site}/page/email")
    assert "left)" in await page.locator(".countdown").inner_text()
    await context.close()


@browser_test
async def test_on_paper_the_access_list_keeps_the_status_and_loses_the_controls(page: Page, site: str) -> None:
    await page.goto(f"{site}/page/access")
    await page.emulate_media(media="print")
    assert await page.get_by_text("Waiting for approval").is_visible()
    assert not await page.get_by_role("button", name="Apply").is_visible()
    assert not await page.get_by_role("link", name="Messages").is_visible()


@browser_test
async def test_assets_are_cached_for_ever_under_their_hash_only(page: Page, site: str, renderer) -> None:
    current = await page.request.get(site + renderer.static.url("css/base.css"))
    assert current.headers["cache-control"] == "public, max-age=31536000, immutable"
    earlier = await page.request.get(f"{site}/static/0123456789ab/css/base.css")
    assert earlier.status == 200
    assert earlier.headers["cache-control"] == "no-cache"
    assert (await page.request.get(f"{site}/static/0123456789ab/..%2f..%2frendering.py")).status == 404
