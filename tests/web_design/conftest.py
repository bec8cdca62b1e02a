"""One browser and one gallery for all tests of the pages."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.web_design.gallery import NARROW, WIDE, gallery, new_renderer, serving

CHROMIUM = os.environ.get("GATEHOUSE_CHROMIUM", "/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def renderer():
    return new_renderer()


@pytest_asyncio.fixture(scope="session")
async def site(renderer) -> AsyncIterator[str]:
    async with serving(gallery(renderer)) as address:
        yield address


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="session")
async def shared(browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport=WIDE, timezone_id="America/Chicago", reduced_motion="reduce")
    yield context
    await context.close()


@pytest_asyncio.fixture
async def page(shared) -> AsyncIterator[Page]:
    opened = await shared.new_page()
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session")
async def scriptless(browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=NARROW, java_script_enabled=False)
    yield await context.new_page()
    await context.close()
