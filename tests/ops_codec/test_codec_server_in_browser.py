"""Temporal's own UI in a real browser, reading sealed payloads through the codec server."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from temporalio.client import Client, WorkflowHandle

from ops.keys import Keyring
from ops.loopback import free_port, http_status
from tests.ops_codec.conftest import Running
from tests.ops_codec.sample_workflow import QUEUE, Sample, Words

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("worker")]

MARKER = "readable-marker-5512"
FAILED = "Codec Server could not connect"
TOKEN = "c2f7d1b09e5a48c6a3f0e4d7b8916a25"
ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "test-artifacts" / "codec"


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1400, "height": 1000})
    yield await context.new_page()
    await context.close()


@asynccontextmanager
async def codec_process(
    keyring: Keyring, *, port: int, token: str, ui_url: str, environment: str
) -> AsyncIterator[Path]:
    """The real process; yields the file of its log."""
    keys = ",".join(f"{key_id}:{base64.b64encode(key).decode()}" for key_id, key in keyring.keys.items())
    settings = {
        "ENVIRONMENT": environment,
        "KEYS": keys,
        "CODEC_SERVER_PORT": str(port),
        "CODEC_SERVER_TOKEN": token,
        "TEMPORAL_UI_URL": ui_url,
    }
    PICTURES.mkdir(parents=True, exist_ok=True)
    log = PICTURES / f"codec-server-{environment}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ops.codec_server"),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]} | {f"GATEHOUSE_{name}": value for name, value in settings.items()},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        async with asyncio.timeout(20):
            while await http_status(port, "/livez") != 200:
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield log
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)


async def waiting_workflow(client: Client, workflow_id: str) -> WorkflowHandle[Sample, Words]:
    handle = await client.start_workflow(
        Sample.run, Words(text=MARKER), id=workflow_id, task_queue=QUEUE, static_summary=f"summary {MARKER}"
    )
    await handle.execute_update("prove", Words(text=MARKER))
    return handle


async def shown(page: Page, ui_url: str, handle: WorkflowHandle[Sample, Words], *, until: str, as_file: str) -> str:
    run_id = (await handle.describe()).run_id
    await page.goto(f"{ui_url}/namespaces/default/workflows/{handle.id.replace('/', '%2F')}/{run_id}/history")
    await expect(page.get_by_text("Workflow Execution Started").first).to_be_visible(timeout=20_000)
    # The UI asks for the payloads after it has drawn the page.
    await expect(page.get_by_text(until).locator("visible=true").first).to_be_visible(timeout=20_000)
    await page.screenshot(path=PICTURES / as_file)
    return await page.inner_text("body")


async def test_development_ui_shows_payloads_in_plain_text(
    page: Page, client: Client, keyring: Keyring, server: Running, workflow_id: str
):
    handle = await waiting_workflow(client, workflow_id)
    async with codec_process(
        keyring, port=server.codec_port, token=server.codec_token, ui_url=server.ui_url, environment="development"
    ) as log:
        assert MARKER in await shown(page, server.ui_url, handle, until=MARKER, as_file="development.png")
    audits = [json.loads(line) for line in log.read_text().splitlines() if "payloads decoded" in line]
    assert audits
    assert {audit["kind"] for audit in audits} == {"development"}
    assert {workflow for audit in audits for workflow in audit["workflow_id"]} <= {workflow_id, f"{workflow_id}/child"}
    assert server.codec_token not in log.read_text()
    assert MARKER not in log.read_text()
    await handle.terminate()


async def test_without_the_codec_server_the_ui_shows_nothing(
    page: Page, client: Client, server: Running, workflow_id: str
):
    handle = await waiting_workflow(client, workflow_id)
    assert MARKER not in await shown(page, server.ui_url, handle, until=FAILED, as_file="without.png")
    await handle.terminate()


async def test_production_ui_shows_payloads_to_signed_in_staff_only(
    page: Page, client: Client, keyring: Keyring, server: Running, workflow_id: str
):
    handle = await waiting_workflow(client, workflow_id)
    port = free_port()
    # What TEMPORAL_CODEC_ENDPOINT and TEMPORAL_CODEC_INCLUDE_CREDENTIALS set for everyone, set by hand in this browser.
    settings = {
        "endpoint": f"http://localhost:{port}",
        "includeCredentials": True,
        "overrideRemoteCodecConfiguration": True,
    }
    await page.goto(server.ui_url)
    await page.evaluate(
        "settings => Object.entries(settings).forEach(([name, value]) => localStorage.setItem(name, JSON.stringify(value)))",
        settings,
    )
    async with codec_process(keyring, port=port, token=TOKEN, ui_url=server.ui_url, environment="production") as log:
        assert MARKER not in await shown(page, server.ui_url, handle, until=FAILED, as_file="signed-out.png")
        await page.goto(f"http://localhost:{port}/sign-in")
        await page.get_by_label("Your staff id").fill("ada.l")
        await page.get_by_label("Token of the codec server").fill(TOKEN)
        await page.screenshot(path=PICTURES / "sign-in.png")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
        assert MARKER in await shown(page, server.ui_url, handle, until=MARKER, as_file="signed-in.png")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["staff_id"] for line in lines if line["event"] == "payloads decoded"} == {"ada.l"}
    assert any(line["event"] == "decoding refused" and line["status"] == 401 for line in lines)
    assert TOKEN not in log.read_text()
    await handle.terminate()
