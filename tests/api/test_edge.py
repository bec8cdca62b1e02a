"""The edge of HTTP on real connections: sizes, headers, callers, origins, log lines, cookies."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from ipaddress import ip_network
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

import ops.connections
import ops.http
from ops.http import Cookies, RequestContext, caller_address, client_in_words, facts
from portal import registering
from serve import build_app
from tests.api.visitor import V1, assert_problem, visiting
from tests.house import House, key
from tests.logs import captured_logs


async def raw(address: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; status, headers and body of the answer."""
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    await writer.drain()
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    writer.close()
    await writer.wait_closed()
    return int(lines[0].split()[1]), headers, body


async def test_a_chunked_body_counts_as_it_arrives(address: str, house: House):
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 1024

    async with httpx2.AsyncClient(base_url=address) as client:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key()}
        response = await client.post(f"{V1}/registrations", content=endless(), headers=headers)
        assert_problem(response, 413, "body_too_large")

        async def small() -> AsyncIterator[bytes]:
            yield b'{"name": "Jo '
            yield b'Example"}'

        response = await client.post(f"{V1}/registrations", content=small(), headers=headers)
        assert_problem(response, 422, "invalid_fields")


async def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(address: str):
    request = b"POST /api/v1/registrations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n"
    status, _, _ = await raw(address, request)
    assert status in {400, 413}
    request = b"POST /api/v1/registrations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000\r\n\r\n"
    status, headers, body = await raw(address, request)
    assert (status, json.loads(body)["code"]) == (413, "body_too_large")
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez?" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(3000)) + b"\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 600_000,  # and no end of it
        b"GET /" + b"x" * 600_000,
    ],
    ids=["line", "header", "headers", "endless header", "endless line"],
)
async def test_a_head_over_the_limit_is_refused_and_the_connection_closed(address: str, head: bytes):
    status, headers, body = await raw(address, head)
    assert (status, json.loads(body)["code"]) == (431, "head_too_large")
    assert headers["connection"] == "close"


async def test_a_head_below_the_limit_is_taken_also_after_another_one(address: str):
    padding = b"X: " + b"x" * 14_000 + b"\r\n"
    request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + padding + b"\r\n"
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    async with asyncio.timeout(10):
        for _ in range(3):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
    writer.close()


async def dripped(address: str, pieces: list[bytes]) -> bytes:
    """Send the pieces, then one byte after another without an end; what is answered until the connection is closed."""
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    answer = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(10):
            for piece in pieces:
                writer.write(piece)
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        piece = await reader.read(65536)
                        if not piece:
                            break
                        answer += piece
                writer.write(b"x")
    writer.close()
    return answer


async def test_a_head_or_a_body_that_takes_too_long_is_given_up(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ops.connections, "HEAD_WITHIN_S", 0.3)
    monkeypatch.setattr(ops.http, "BODY_WITHIN_S", 0.3)
    answer = await dripped(address, [b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "])
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"request_timeout"' in answer
    post = b"POST /api/v1/registrations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n"
    answer = await dripped(address, [post])
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b'"request_timeout"' in answer
    parts = urlsplit(address)
    silent, writer = await asyncio.open_connection(parts.hostname, parts.port)
    async with asyncio.timeout(5):
        assert await silent.read() == b""
    writer.close()
    answer = await dripped(address, [b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\r\n"])
    assert answer.count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.org",
        "evil.example.org:8080",
        "localhost.evil.example.org",
        "user@localhost",
        "[",
        "",
        "localhost@x",
    ],
)
async def test_another_host_name_than_the_sites_is_misdirected(address: str, host: str):
    request = f"GET /api/v1/reference HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    status, headers, body = await raw(address, request)
    assert (status, json.loads(body)["code"]) == (421, "wrong_host")
    assert "location" not in headers


async def test_two_host_names_are_none(address: str):
    request = b"GET /api/v1/reference HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.org\r\n\r\n"
    assert (await raw(address, request))[0] in {400, 421}


@pytest.mark.parametrize("path", ["/livez"])
async def test_a_probe_may_call_by_any_name(address: str, path: str):
    assert (await raw(address, f"GET {path} HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n\r\n".encode()))[0] == 200


@pytest.mark.parametrize(("environment", "status"), [("development", 401), ("production", 421)])
async def test_loopback_is_the_sites_name_in_development_only(house: House, environment: str, status: int):
    settings = house.settings.model_copy(update={"environment": environment, "site_url": "https://portal.example.org"})
    app = build_app(settings, house.gate)
    for name, expected in (("portal.example.org", 401), ("PORTAL.example.org:8443", 401), ("localhost", status)):
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=f"http://{name}") as client:
            assert (await client.get(f"{V1}/account")).status_code == expected


async def test_a_header_can_not_be_smuggled_through_the_key(address: str):
    body = b"{}"
    request = (
        b"POST /api/v1/registrations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Idempotency-Key: aaaaaaaaaaaaaaaa%0d%0aX-Evil: 1\r\nContent-Length: 2\r\n\r\n" + body
    )
    status, headers, answer = await raw(address, request)
    assert (status, json.loads(answer)["code"]) == (400, "idempotency_key_malformed")
    assert "x-evil" not in headers


async def test_every_answer_carries_its_headers(address: str):
    async with httpx2.AsyncClient(base_url=address) as client:
        ids = set()
        for path in ("/livez", f"{V1}/account", "/api/nothing", "/api/docs"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "same-origin"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "strict-transport-security" not in headers
            ids.add(headers["x-request-id"])
        assert len(ids) == 4


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.7", None, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # nobody's proxy: what it says doesn't count
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.9", "203.0.113.9"),  # the first was written by the caller
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "rubbish", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, rubbish, 10.0.0.2", "10.0.0.2"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", None, "198.51.100.7"),
        (None, None, "unknown"),
    ],
)
def test_the_caller_is_who_our_own_proxies_say(peer: str | None, forwarded: str | None, expected: str):
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope = {"type": "http", "client": (peer, 1) if peer else None, "headers": headers}
    assert caller_address(scope, [ip_network("10.0.0.0/8")]) == expected


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    with captured_logs() as stream:
        yield stream


async def test_I12_a_log_line_names_the_route_and_nobody(logged: io.StringIO):
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = type("Route", (), {"path": "/people/{person_id}"})()
        if scope["path"].endswith("boom"):
            raise RuntimeError("jo@clinic.example.org was here")
        await PlainTextResponse(facts(scope).caller)(scope, receive, send)

    guarded = RequestContext(app, https=True, trusted_proxies=())
    transport = httpx2.ASGITransport(app=guarded, client=("203.0.113.9", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="https://portal.example.org") as client:
        good = await client.get("/people/jo@clinic.example.org?tin=001234567", headers={"User-Agent": "Jo"})
        bad = await client.request("BREW", "/people/boom")
    assert good.text == "203.0.113.9"
    assert good.headers["strict-transport-security"]
    assert (bad.status_code, "x-request-id" in bad.headers) == (500, True)
    lines = [line for line in map(json.loads, logged.getvalue().splitlines()) if line["logger"] == "ops.http"]
    assert [(line["event"], line.get("status"), line["route"]) for line in lines] == [
        ("request", 200, "/people/{person_id}"), ("unexpected exception", None, "/people/{person_id}"),
        ("request", 500, "/people/{person_id}"),
    ]  # fmt: skip
    assert lines[0]["request_id"] == good.headers["x-request-id"]
    assert lines[1]["request_id"] == bad.headers["x-request-id"]
    assert lines[1]["exception"]["type"] == "builtins.RuntimeError"
    assert lines[2]["method"] == "other"
    for secret in ("jo@", "001234567", "203.0.113.9", "BREW", "was here"):
        assert secret not in logged.getvalue()


@pytest.mark.parametrize(
    ("site", "name"),
    [("https://p.example.org", "__Host-gatehouse_session"), ("http://localhost:1", "gatehouse_session")],
)
def test_cookies_are_for_this_host_only(site: str, name: str):
    cookies, response = Cookies.of(site), Response()
    cookies.put(response, cookies.account, "token")
    text = response.headers["set-cookie"]
    assert text.startswith(f"{name}=token;")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(text.split("; "))
    assert ("Secure" in text) is site.startswith("https")
    assert "Domain" not in text
    cookies.drop(response, cookies.account)
    assert "Max-Age=0" in response.headers.getlist("set-cookie")[1]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1",
            "Safari on an iPhone",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("curl/8.5.0", "curl"),
        ("", "an unnamed program"),
        ("<script>alert(1)</script>", "an unnamed program"),
        ("\u202e\x00", "an unnamed program"),
    ],
)
def test_a_client_is_told_in_words(agent: str, words: str):
    assert client_in_words(agent) == words


@pytest.mark.usefixtures("logged")
async def test_an_unexpected_failure_is_a_problem_without_details(app: ASGIApp, monkeypatch: pytest.MonkeyPatch):
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("jo@clinic.example.org")

    monkeypatch.setattr(registering, "start", broken)
    async with visiting(app) as visitor:
        response = await visitor.start()
    assert_problem(response, 500, "internal_error")
    assert "jo@" not in response.text
