"""The codec server over HTTP: who may decode, what comes back, and what is written down about it."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx2
import pytest
from google.protobuf.json_format import MessageToJson, Parse
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import WorkflowSerializationContext

from ops.codec import SealingCodec
from ops.codec_server import COOKIE, MAX_BODY_BYTES, SESSION_SECONDS, CodecServer, ui_origins
from ops.keys import Keyring
from ops.loopback import free_port, http_status

TOKEN = "c2f7d1b09e5a48c6a3f0e4d7b8916a25"
UI = "https://temporal.example.org"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"marker-value"')
WORKFLOW = "registration/6f1c9b0e-7a52-4a3c-9a55-0d3c2b1a4f60"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def http(keyring: Keyring, clock: Clock) -> AsyncIterator[httpx2.AsyncClient]:
    server = CodecServer(
        keyring=keyring, token=TOKEN, ui_origins=ui_origins(UI + "/"), token_in_address=False, now=clock
    )
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=server.app()), base_url="https://codec.example.org"
    ) as client:
        yield client


@pytest.fixture
async def in_development(keyring: Keyring) -> AsyncIterator[httpx2.AsyncClient]:
    server = CodecServer(
        keyring=keyring, token=TOKEN, ui_origins=ui_origins("http://localhost:8233"), token_in_address=True
    )
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=server.app()), base_url="http://localhost:8234"
    ) as client:
        yield client


async def sealed(keyring: Keyring, *, workflow_id: str = WORKFLOW) -> Payload:
    context = WorkflowSerializationContext(namespace="default", workflow_id=workflow_id)
    [payload] = await SealingCodec(keyring).with_context(context).encode([PLAIN])
    return payload


def body(*payloads: Payload) -> str:
    return MessageToJson(Payloads(payloads=payloads))


def payloads_of(answer: httpx2.Response) -> list[Payload]:
    assert answer.status_code == 200
    return list(Parse(answer.text, Payloads()).payloads)


BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def test_with_the_token_payloads_are_opened(http: httpx2.AsyncClient, keyring: Keyring):
    content = body(await sealed(keyring), await sealed(keyring, workflow_id="registration/2"))
    answer = await http.post("/decode", content=content, headers=BEARER)
    assert payloads_of(answer) == [PLAIN, PLAIN]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer " + TOKEN[:-1]},
        {"Authorization": "Basic " + TOKEN},
        {"Authorization": TOKEN},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Origin": UI},
        {"Origin": UI, "Cookie": f"{COOKIE}={TOKEN}"},
        {"Origin": UI, "Cookie": f"{COOKIE}=YWRhOjk5OTk5OTk5OTk=.00"},
        {"Origin": UI, "Cookie": f"{COOKIE}=%".encode() + b"\xe9"},
    ],
)
async def test_without_the_token_nothing_is_opened(http: httpx2.AsyncClient, keyring: Keyring, headers):
    answer = await http.post("/decode", content=body(await sealed(keyring)), headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Unauthorized"}


async def test_there_is_no_encoding_and_no_description_of_the_api(http: httpx2.AsyncClient):
    for path in ("/encode", "/openapi.json", "/docs", f"/ui/{TOKEN}/decode"):
        assert (await http.post(path, content=body(PLAIN), headers=BEARER)).status_code == 404
    assert (await http.get("/decode", headers=BEARER)).status_code == 405


async def test_changed_payload_becomes_a_sentence_and_plain_stays_as_it_is(http: httpx2.AsyncClient, keyring: Keyring):
    changed = await sealed(keyring)
    changed.metadata["workflow-id"] = b"registration/other"
    unknown = await sealed(Keyring({"gone": os.urandom(32)}, "gone"))
    attribute = Payload(metadata={"encoding": b"json/plain", "type": b"Keyword"}, data=b'"open"')
    answer = await http.post("/decode", content=body(changed, unknown, attribute), headers=BEARER)
    first, second, third = payloads_of(answer)
    assert first == second
    assert "cannot be opened" in json.loads(first.data)
    assert third == attribute


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"[" * 5000, b'{"payloads": 1}', b"\xff", b'{"unknown": []}'])
async def test_what_is_no_list_of_payloads_is_refused(http: httpx2.AsyncClient, content: bytes):
    assert (await http.post("/decode", content=content, headers=BEARER)).status_code == 400


async def test_body_is_bounded(http: httpx2.AsyncClient):
    answer = await http.post("/decode", content=b" " * (MAX_BODY_BYTES + 1), headers=BEARER)
    assert answer.status_code == 413
    assert (await http.post("/sign-in", content=b"a" * (MAX_BODY_BYTES + 1))).status_code == 413


async def test_each_use_is_one_audit_line_without_contents(
    http: httpx2.AsyncClient, keyring: Keyring, caplog: pytest.LogCaptureFixture
):
    content = body(await sealed(keyring), await sealed(keyring), await sealed(keyring, workflow_id="r/2"), PLAIN)
    headers = {**BEARER, "X-Namespace": "default", "Gatehouse-Staff": "ada.l"}
    with caplog.at_level(logging.INFO, logger="ops.codec_server"):
        await http.post("/decode", content=content, headers=headers)
    [line] = [record for record in caplog.records if record.name == "ops.codec_server"]
    assert {
        name: vars(line)[name] for name in ("staff_id", "kind", "count", "set_aside", "workflow_id", "namespace")
    } == {
        "staff_id": "ada.l",
        "kind": "bearer",
        "count": 3,
        "set_aside": 1,
        "workflow_id": ["r/2", WORKFLOW],
        "namespace": "default",
    }
    assert "marker-value" not in caplog.text
    assert TOKEN not in str([vars(record) for record in caplog.records if record.name == "ops.codec_server"])


def test_audit_fields_pass_the_log_filter():
    from ops.logs import HARMLESS

    assert {"staff_id", "kind", "count", "set_aside", "workflow_id", "namespace", "status", "reason"} <= HARMLESS


async def test_staff_name_that_is_no_id_is_not_logged(
    http: httpx2.AsyncClient, keyring: Keyring, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.INFO, logger="ops.codec_server"):
        await http.post("/decode", content=body(), headers={**BEARER, "Gatehouse-Staff": "Ada Lovelace\x1b[31m"})
    assert [vars(record)["staff_id"] for record in caplog.records if record.name == "ops.codec_server"] == ["unnamed"]


async def sign_in(http: httpx2.AsyncClient, *, staff_id: str = "ada.l", token: str = TOKEN) -> httpx2.Response:
    return await http.post("/sign-in", data={"staff_id": staff_id, "token": token})


async def test_signed_in_browser_decodes_from_the_ui_only(http: httpx2.AsyncClient, keyring: Keyring):
    content = body(await sealed(keyring))
    answer = await sign_in(http)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "secure", "samesite=strict", f"max-age={SESSION_SECONDS}"))
    assert payloads_of(await http.post("/decode", content=content, headers={"Origin": UI})) == [PLAIN]
    for origin in ("https://evil.example.org", "null", UI + ".evil.example", UI.replace("https", "http")):
        answer = await http.post("/decode", content=content, headers={"Origin": origin})
        assert answer.status_code == 401
    assert (await http.post("/decode", content=content)).status_code == 401


async def test_wrong_token_or_name_signs_nobody_in(http: httpx2.AsyncClient):
    for staff_id, token in (("ada.l", "wrong"), ("", TOKEN), ("Ada Lovelace", TOKEN), ("ada.l", ""), ("<b>", "<b>")):
        answer = await sign_in(http, staff_id=staff_id, token=token)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        assert "<b>" not in answer.text


async def test_session_ends_after_its_hours_and_on_sign_out(http: httpx2.AsyncClient, clock: Clock):
    await sign_in(http)
    cookie = {"Origin": UI, "Cookie": f"{COOKIE}={http.cookies[COOKIE]}"}
    clock.now += SESSION_SECONDS - 1
    assert (await http.post("/decode", content=body(), headers=cookie)).status_code == 200
    clock.now += 1
    assert (await http.post("/decode", content=body(), headers=cookie)).status_code == 401
    assert "max-age=0" in (await http.post("/sign-out")).headers["set-cookie"].lower()


async def test_session_is_void_under_another_token(http: httpx2.AsyncClient, keyring: Keyring, clock: Clock):
    await sign_in(http)
    other = CodecServer(keyring=keyring, token="b" * 32, ui_origins=frozenset({UI}), token_in_address=False, now=clock)
    transport = httpx2.ASGITransport(app=other.app())
    async with httpx2.AsyncClient(transport=transport, base_url="https://codec.example.org") as changed:
        cookie = {"Origin": UI, "Cookie": f"{COOKIE}={http.cookies[COOKIE]}"}
        assert (await changed.post("/decode", content=body(), headers=cookie)).status_code == 401


async def test_only_the_ui_gets_cross_origin_answers(http: httpx2.AsyncClient):
    def asked_from(origin: str) -> dict[str, str]:
        return {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-namespace",
        }

    allowed = await http.options("/decode", headers=asked_from(UI))
    assert allowed.headers["access-control-allow-origin"] == UI
    assert allowed.headers["access-control-allow-credentials"] == "true"
    refused = await http.options("/decode", headers=asked_from("https://evil.example.org"))
    assert "access-control-allow-origin" not in refused.headers


async def test_pages_allow_no_script_and_no_frame(http: httpx2.AsyncClient):
    page = await http.get("/sign-in")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in page.text


async def test_in_development_the_address_carries_the_token(in_development: httpx2.AsyncClient, keyring: Keyring):
    content = body(await sealed(keyring))
    for origin in ("http://localhost:8233", "http://127.0.0.1:8233"):
        answer = await in_development.post(f"/ui/{TOKEN}/decode", content=content, headers={"Origin": origin})
        assert payloads_of(answer) == [PLAIN]
    for address, headers in (
        ("/ui/wrong/decode", {"Origin": "http://localhost:8233"}),
        (f"/ui/{TOKEN}/decode", {"Origin": "http://localhost:9999"}),
        (f"/ui/{TOKEN}/decode", {}),
        ("/ui//decode", {"Origin": "http://localhost:8233"}),
    ):
        assert (await in_development.post(address, content=content, headers=headers)).status_code in {401, 404}


def test_without_the_address_of_the_ui_no_page_may_ask():
    assert ui_origins("") == frozenset()
    assert ui_origins("https://temporal.example.org/namespaces") == {"https://temporal.example.org"}


def environment(keyring: Keyring, **changed: str) -> dict[str, str]:
    import base64

    keys = ",".join(f"{key_id}:{base64.b64encode(key).decode()}" for key_id, key in keyring.keys.items())
    given = {"PATH": os.environ["PATH"], "GATEHOUSE_KEYS": keys, "GATEHOUSE_DATA_DIR": "/nonexistent"}
    return given | {f"GATEHOUSE_{name}": value for name, value in changed.items()}


async def started(keyring: Keyring, port: int, **changed: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.codec_server"),
        env=environment(keyring, CODEC_SERVER_PORT=str(port), **changed),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        while await http_status(port, "/livez") != 200:
            assert process.returncode is None
            await asyncio.sleep(0.05)
    return process


async def test_the_process_serves_on_loopback_logs_no_secret_and_ends_on_sigterm(keyring: Keyring):
    port = free_port()
    process = await started(keyring, port, CODEC_SERVER_TOKEN=TOKEN, TEMPORAL_UI_URL=UI)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            answer = await http.post("/decode", content=body(await sealed(keyring)), headers=BEARER)
            assert payloads_of(answer) == [PLAIN]
            # In production the address never carries the token.
            assert (await http.post(f"/ui/{TOKEN}/decode", content=body(), headers={"Origin": UI})).status_code == 404
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((own_address(), port)) != 0
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), 20)
    lines = [json.loads(line) for line in log.decode().splitlines()]
    [audit] = [line for line in lines if line["event"] == "payloads decoded"]
    assert (audit["staff_id"], audit["count"], audit["workflow_id"]) == ("unnamed", 1, [WORKFLOW])
    assert TOKEN not in log.decode()
    assert b"marker-value" not in log
    assert process.returncode in {0, -signal.SIGTERM}


def own_address() -> str:
    """An address of this machine that isn't 127.0.0.1: everything in 127/8 arrives here."""
    return "127.0.0.2"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "GATEHOUSE_CODEC_SERVER_TOKEN is missing"),
        ({"CODEC_SERVER_TOKEN": "changeme"}, "GATEHOUSE_CODEC_SERVER_TOKEN is too easy to guess"),
        ({"CODEC_SERVER_TOKEN": TOKEN, "KEYS": "k1:short"}, "GATEHOUSE_KEYS"),
    ],
)
def test_without_usable_secrets_it_does_not_start(keyring: Keyring, changed: dict[str, str], said: str):
    command = [sys.executable, "-m", "ops.codec_server"]
    finished = subprocess.run(
        command, env=environment(keyring, **changed), capture_output=True, text=True, timeout=30, check=False
    )
    assert finished.returncode == 2
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr
    assert TOKEN not in finished.stderr
