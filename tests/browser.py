"""A real Chromium for all tests that need one, and judges of what it shows: axe, sideways scrolling, the console."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Request, ViewportSize, async_playwright

CHROMIUM = os.environ.get("GATEHOUSE_CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WIDE: ViewportSize = {"width": 1280, "height": 900}
TABLET: ViewportSize = {"width": 768, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 640}

_AXE = Axe()
_AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield started
        await started.close()


async def axe_findings(page: Page, *, contrast: bool = True) -> list[str]:
    """What axe finds wrong with the page at its present width (WCAG 2.2 AA and best practice).

    Half of its time goes into contrast, which doesn't change with the width: the second width is judged without.
    """
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(_AXE.axe_script)
    options = {
        "resultTypes": ["violations"],
        "runOnly": {"type": "tag", "values": _AXE_TAGS},
        "iframes": False,  # the only frame is that of a mail's own design, which lets nobody in
        "rules": {"color-contrast": {"enabled": contrast}},
    }
    results = await page.evaluate("options => axe.run(document, options).then(r => r.violations)", options)
    return [f"{v['id']}: {v['help']} – {node['html'][:160]}" for v in results for node in v["nodes"]]


_STRUCTURE = """() => [innerWidth, ...[...document.querySelectorAll('*')].map(element => [element.tagName, !element.textContent.trim(),
    ...[...element.attributes].map(a => /^(href|src|value|id|for|action|datetime|aria-(describedby|labelledby|controls))$/.test(a.name) ? a.name : `${a.name}=${a.value}`)
    ].join())].join('\\n')"""
_judged: set[str] = set()


async def axe_findings_if_new(page: Page) -> list[str]:
    """The same for a page of a journey; nothing for one built like another that was judged before, only with other words."""
    structure = await page.evaluate(_STRUCTURE)
    if structure in _judged:
        return []
    findings = await axe_findings(page)
    if not findings:
        _judged.add(structure)
    return findings


async def overflow(page: Page) -> list[str]:
    """What sticks out at the right; nothing when the page does not scroll sideways."""
    sticking_out: list[str] = await page.evaluate("""() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120))""")
    return sticking_out


def complaints_of(page: Page) -> list[str]:
    """A list that fills with what the page's console and network complain of."""
    complaints: list[str] = []

    def heard(text: str) -> None:
        # A framed mail's script is blocked by the frame's sandbox, on purpose; and an answer that isn't 200 is no defect.
        if "frame is sandboxed" not in text and "the server responded with a status of" not in text:
            complaints.append(text)

    def failed(request: Request) -> None:
        # Going on before a picture has come is no defect either.
        if request.failure != "net::ERR_ABORTED":
            complaints.append(f"failed: {request.url} {request.failure}")

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: heard(message.text))
    page.on("requestfailed", failed)
    return complaints
