"""One gallery for all tests of the design."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page

from tests.browser import NARROW, WIDE
from tests.web_design.gallery import gallery, new_renderer, serving


@pytest.fixture(scope="session")
def renderer():
    return new_renderer()


@pytest_asyncio.fixture(scope="session")
async def site(renderer) -> AsyncIterator[str]:
    async with serving(gallery(renderer)) as address:
        yield address


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
