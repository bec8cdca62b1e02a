"""What pages and API share at the edge of HTTP: request ids, log lines, headers, size limits, cookies and origins.

`guard(app, …)` wraps an application in all of it; inside, `facts(scope)` tells who calls and under which request id.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.logs import logger, with_fields

MAX_BODY: Final = 32 * 1024
MAX_LIST: Final = 256 * 1024
"""Of a file with a list of requests; a thousand lines have about 100 KB."""
LARGER_BODIES: Final[Mapping[str, int]] = {
    "/api/v1/authorization-lists": MAX_LIST,
    "/clients/list": MAX_LIST + 4 * 1024,  # a form: the file, and what surrounds it
}
"""The addresses that take more than `MAX_BODY`."""

Network = IPv4Network | IPv6Network

# As many seconds as a body of the largest size takes at 5 KB a second, with something to spare.
BODY_WITHIN_S: Final = 60.0
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PROBES: Final = frozenset({"/livez", "/readyz"})

_FACTS: Final = "gatehouse.facts"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_METHODS: Final = _SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}

# What every answer carries unless the route says otherwise; pages have a policy of their own.
_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HSTS: Final = "max-age=63072000; includeSubDomains"


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is known of a request before anything of it is believed."""

    request_id: str
    caller: str
    """The network address that limits count by: an IPv4 address, or the /64 that an IPv6 address is from."""


def facts(scope: Scope) -> RequestFacts:
    """The facts of the request that this scope belongs to; `guard` has put them there."""
    found: RequestFacts = scope[_FACTS]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeAnswers:
    """Applications that answer everything with one refusal: 408, 413, 421 and 500."""

    too_slow: ASGIApp
    too_large: ASGIApp
    wrong_host: ASGIApp
    failed: ASGIApp


def guard(
    app: ASGIApp,
    *,
    site_url: str,
    trusted_proxies: Collection[Network],
    answers: EdgeAnswers,
    loopback: bool = False,
) -> ASGIApp:
    """The application behind everything of this file. `loopback`: the names of this machine are the site's, too."""
    hosts = {urlsplit(site_url).hostname or ""} | (_LOOPBACK if loopback else frozenset())
    limited = BodyLimit(app, larger=LARGER_BODIES, too_large=answers.too_large, too_slow=answers.too_slow)
    return RequestContext(
        HostCheck(limited, hosts=hosts, wrong=answers.wrong_host),
        https=site_url.startswith("https:"),
        trusted_proxies=trusted_proxies,
        failed=answers.failed,
    )


class HostCheck:
    """Answers only to the site's own name, so that no other one gets into a link, a cache or a password manager.

    Any port: it may be another one outside. Probes call by address, and are told nothing but that all is well.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], wrong: ASGIApp) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._wrong = wrong

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] != "http" or scope["path"] in _PROBES or self._names_us(scope)
        await (self._app if is_ours else self._wrong)(scope, receive, send)

    def _names_us(self, scope: Scope) -> bool:
        named = Headers(scope=scope).getlist("host")
        try:
            return len(named) == 1 and urlsplit(f"//{named[0]}").hostname in self._hosts and "@" not in named[0]
        except ValueError:
            return False


class RequestContext:
    """Gives each request an id, each answer its headers, and the log one line by route, without data of anyone."""

    def __init__(
        self, app: ASGIApp, *, https: bool, trusted_proxies: Collection[Network], failed: ASGIApp | None = None
    ) -> None:
        self._app = app
        self._trusted = tuple(trusted_proxies)
        self._failed = failed or PlainTextResponse("Something went wrong.", status_code=500)
        self._headers = dict(_HEADERS) | ({"Strict-Transport-Security": _HSTS} if https else {})
        self._log = logger("ops.http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope[_FACTS] = RequestFacts(request_id, caller_address(scope, self._trusted))
        began = ended = time.perf_counter()
        status: int | None = None

        async def send_on(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            ended = time.perf_counter()
            await send(message)

        with with_fields(request_id=request_id):
            try:
                await self._app(scope, receive, send_on)
            except Exception:  # noqa: BLE001 - the edge: nothing above could answer, and one line tells what happened
                self._log.error("unexpected exception", exc_info=True, route=_route(scope))
                if status is None:
                    await self._failed(scope, receive, send_on)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            duration_ms = round((ended - began) * 1000, 1)
            self._log.info("request", method=method, route=_route(scope), status=status, duration_ms=duration_ms)


def _route(scope: Scope) -> str:
    """The template of the route that answered, such as `/registrations/{id}`; never the address as it was typed."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"


class BodyLimit:
    """Reads the whole body before the application sees the request; a body over the limit is answered with 413.

    `larger` has the addresses with a limit of their own. Chunked bodies count as they arrive, so a missing or false
    Content-Length doesn't help.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: int = MAX_BODY,
        larger: Mapping[str, int] | None = None,
        too_large: ASGIApp,
        too_slow: ASGIApp | None = None,
    ) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger or {}
        self._too_large = too_large
        self._too_slow = too_slow or too_large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._limit)
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and (len(length) > 12 or int(length) > limit):
            await self._too_large(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                body = await read_body(receive, limit=limit)
        except TimeoutError:
            await self._too_slow(scope, receive, closing(send))
            return
        if body is None:
            return
        if len(body) > limit:
            await self._too_large(scope, receive, send)
            return
        await self._app(scope, replayed(body, receive), send)


def closing(send: Send) -> Send:
    """A `send` that has the server close the connection after the answer: the rest of the request isn't waited for."""

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        await send(message)

    return send_last


async def read_body(receive: Receive, *, limit: int) -> bytes | None:
    """The body, or a little more than `limit` bytes of a longer one; None when the caller has gone away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit or not message.get("more_body", False):
            return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives this body first and then what the server has to say."""
    waiting = [body]

    async def receive_again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receive_again


def caller_address(scope: Scope, trusted_proxies: Collection[Network]) -> str:
    """The caller's network address; behind trusted proxies the last address that none of them is.

    An address that a caller writes into X-Forwarded-For himself stands further left and is never reached.
    """
    peer = scope.get("client")
    address = _address(peer[0] if peer else "")
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    while address is not None and forwarded and any(address in network for network in trusted_proxies):
        nearer = _address(forwarded.pop())
        if nearer is None:
            break
        address = nearer
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        # One household or office has a /64: counting single addresses would count nothing.
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def same_origin(request: Request, site_url: str) -> bool:
    """Whether a request that browsers add cookies to was made by our own site.

    Reading is always allowed. Otherwise the browser's own word (Sec-Fetch-Site) counts, and of older browsers Origin;
    a request with neither isn't believed.
    """
    if request.method in _SAFE_METHODS:
        return True
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    return request.headers.get("origin", "").lower() == _origin(site_url)


def _origin(site_url: str) -> str:
    parts = urlsplit(site_url.lower())
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port not in {None, default} else "")


@dataclass(frozen=True, slots=True)
class Cookies:
    """Names of the cookies that hold tokens, one per kind of session, and how they are set."""

    account: str
    registration: str
    sign_in: str
    invitation: str
    answer: str  # the token of a mailed link itself: exchanging it for a session would write something
    sitting: str
    staff: str
    staff_sign_in: str
    secure: bool

    @classmethod
    def of(cls, site_url: str) -> Self:
        """The cookies of a site; over https other sites and sub-domains can't plant one (`__Host-`)."""
        secure = site_url.startswith("https:")
        prefix = "__Host-" if secure else ""
        return cls(
            account=f"{prefix}gatehouse_session",
            registration=f"{prefix}gatehouse_registration",
            sign_in=f"{prefix}gatehouse_sign_in",
            invitation=f"{prefix}gatehouse_invitation",
            answer=f"{prefix}gatehouse_answer",
            sitting=f"{prefix}gatehouse_sitting",
            staff=f"{prefix}gatehouse_staff",
            staff_sign_in=f"{prefix}gatehouse_staff_sign_in",
            secure=secure,
        )

    def put(self, response: Response, name: str, token: str, *, life: timedelta | None = None) -> None:
        """Set a cookie; without `life` the browser forgets it when it's closed."""
        max_age = int(life.total_seconds()) if life else None
        response.set_cookie(name, token, max_age=max_age, path="/", secure=self.secure, httponly=True, samesite="lax")

    def drop(self, response: Response, name: str) -> None:
        """Have the browser forget a cookie."""
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")


_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "a Mac"),
    ("Linux", "Linux"),
)


def client_in_words(user_agent: str) -> str:
    """The browser or program as its owner recognises it in a list of sessions, such as "Firefox on Windows"."""
    browser = next((name for mark, name in _BROWSERS if f"{mark}/" in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser:
        return f"{browser} on {system}" if system else browser
    program = re.match(r"[A-Za-z][A-Za-z0-9._-]{0,39}(?=[/ ]|$)", user_agent)
    return program[0] if program else "an unnamed program"
