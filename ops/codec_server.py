"""The codec server: opens sealed payloads for Temporal's UI and command line; a process of its own.

`python -m ops.codec_server`. It decodes only, for callers who show the token, and leaves one audit line
per use. Three ways to show the token:

- `Authorization: Bearer TOKEN`: Temporal's command line (`--codec-auth "Bearer TOKEN"`).
- A session cookie from `/sign-in`: Temporal's UI with `TEMPORAL_CODEC_INCLUDE_CREDENTIALS=true`. The UI sends
  the cookie only when both are on one site (host names may differ in their first part, ports don't matter).
- In development, on loopback: as part of the address, `/ui/TOKEN/decode`. The development server's UI takes an
  address and nothing else, so the address is what carries the secret.
"""

import base64
import hashlib
import hmac
import html
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from pydantic import ValidationError
from pydantic_settings import SettingsError
from temporalio.api.common.v1 import Payload, Payloads

from ops.codec import SEALED_ENCODING, open_sealed, sealed_for
from ops.keys import Keyring
from ops.logs import configure_logs
from ops.settings import Settings, describe_error

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
SESSION_SECONDS: Final = 8 * 60 * 60
COOKIE: Final = "gatehouse_codec"
STAFF_HEADER: Final = "Gatehouse-Staff"

_STAFF_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caller:
    """Who decodes, and how they showed the token."""

    staff_id: str
    kind: Literal["bearer", "session", "development"]


class _RefusedError(Exception):
    """A request that gets no payload opened; nothing of it is repeated in the answer."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Sessions:
    """Signed session cookies: a staff id and an expiry, void as soon as the token or the current key changes."""

    def __init__(self, keyring: Keyring, token: str, now: Callable[[], float] = time.time) -> None:
        derived = keyring.derived("codec-server")
        self._key = hashlib.sha256(derived.keys[derived.current] + token.encode()).digest()
        self._now = now

    def issue(self, staff_id: str) -> str:
        content = f"{staff_id}:{int(self._now()) + SESSION_SECONDS}"
        return base64.urlsafe_b64encode(content.encode()).decode() + "." + self._signature(content)

    def staff_id(self, cookie: str) -> str | None:
        """Whose session it is; None for a forged, damaged or expired one."""
        encoded, _, signature = cookie.partition(".")
        try:
            content = base64.urlsafe_b64decode(encoded).decode()
        except ValueError:
            return None
        if not hmac.compare_digest(self._signature(content).encode(), signature.encode()):
            return None
        staff_id, _, expiry = content.rpartition(":")
        return staff_id if int(expiry) > self._now() else None

    def _signature(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), hashlib.sha256).hexdigest()


class CodecServer:
    """What the codec server does; `app()` gives it addresses.

    `token_in_address` also accepts `/ui/TOKEN/decode`: for development on loopback only.
    """

    def __init__(
        self,
        *,
        keyring: Keyring,
        token: str,
        ui_origins: frozenset[str],
        token_in_address: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._payload_keys = keyring.derived("payload")
        self._token = token.encode()
        self._ui_origins = ui_origins
        self._token_in_address = token_in_address
        self._sessions = Sessions(keyring, token, now)

    def app(self) -> FastAPI:
        """The ASGI application."""
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(self._ui_origins),
            allow_credentials=True,
            allow_methods=["POST"],
            allow_headers=["authorization", "content-type", "x-namespace"],
        )
        app.add_exception_handler(_RefusedError, _refuse)
        app.add_api_route("/livez", _livez, methods=["GET"])
        app.add_api_route("/decode", self.decode, methods=["POST"])
        if self._token_in_address:
            app.add_api_route("/ui/{shown}/decode", self.decode_in_development, methods=["POST"])
        app.add_api_route("/sign-in", self.sign_in_form, methods=["GET"])
        app.add_api_route("/sign-in", self.sign_in, methods=["POST"])
        app.add_api_route("/sign-out", self.sign_out, methods=["POST"])
        return app

    async def decode(self, request: Request) -> Response:
        """Open the payloads for a caller with the token or a session."""
        return await self._decoded(request, self._caller(request))

    async def decode_in_development(self, request: Request, shown: str) -> Response:
        """Open the payloads for the development server's UI, whose address for the codec carries the token."""
        if not self._is_token(shown) or request.headers.get("origin") not in self._ui_origins:
            raise _RefusedError(HTTPStatus.UNAUTHORIZED)
        return await self._decoded(request, Caller("development", "development"))

    async def sign_in_form(self) -> Response:
        """The page on which staff show the token once a working day."""
        return _page("Sign in to read payloads", _FORM)

    async def sign_in(self, request: Request) -> Response:
        """Exchange staff id and token for a session cookie."""
        form = parse_qs((await _body(request)).decode(errors="replace"))
        staff_id = form.get("staff_id", [""])[0].strip().lower()
        if not _STAFF_ID.fullmatch(staff_id) or not self._is_token(form.get("token", [""])[0].strip()):
            logger.warning("sign-in refused", extra={"status": int(HTTPStatus.UNAUTHORIZED)})
            text = "<p role='alert'>That didn't match. Check the staff id and the token.</p>" + _FORM
            return _page("Sign in to read payloads", text, status=HTTPStatus.UNAUTHORIZED)
        logger.info("signed in", extra={"staff_id": staff_id})
        response = _page("Signed in", _signed_in(staff_id))
        session = self._sessions.issue(staff_id)
        response.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, httponly=True, secure=True, samesite="strict")
        return response

    async def sign_out(self) -> Response:
        """Forget the session in this browser."""
        response = _page("Signed out", "<p><a href='/sign-in'>Sign in again</a></p>")
        response.delete_cookie(COOKIE, httponly=True, secure=True, samesite="strict")
        return response

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._token)

    def _caller(self, request: Request) -> Caller:
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(shown.strip()):
            named = request.headers.get(STAFF_HEADER, "")
            return Caller(named if _STAFF_ID.fullmatch(named) else "unnamed", "bearer")
        # A browser sends the cookie along for other pages of the site, too: only Temporal's UI may use it.
        if request.headers.get("origin") in self._ui_origins:
            staff_id = self._sessions.staff_id(request.cookies.get(COOKIE, ""))
            if staff_id is not None:
                return Caller(staff_id, "session")
        raise _RefusedError(HTTPStatus.UNAUTHORIZED)

    async def _decoded(self, request: Request, caller: Caller) -> Response:
        try:
            asked = Parse(await _body(request), Payloads())
        except (ParseError, UnicodeDecodeError) as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST) from error
        opened = [_opened(self._payload_keys, payload) for payload in asked.payloads]
        ids = [workflow_id for _, workflow_id in opened if workflow_id is not None]
        logger.info(
            "payloads decoded",
            extra={
                "staff_id": caller.staff_id,
                "kind": caller.kind,
                "count": len(ids),
                "set_aside": len(opened) - len(ids),
                "workflow_id": sorted(set(ids)),
                "namespace": request.headers.get("x-namespace", ""),
            },
        )
        answer = MessageToJson(Payloads(payloads=[payload for payload, _ in opened]), indent=None)
        return Response(answer, media_type="application/json", headers={"Cache-Control": "no-store"})


async def _livez() -> Response:
    return PlainTextResponse("ok")


async def _refuse(request: Request, refusal: Exception) -> Response:
    status = refusal.status if isinstance(refusal, _RefusedError) else HTTPStatus.INTERNAL_SERVER_ERROR
    logger.warning("decoding refused", extra={"status": int(status), "method": request.method})
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return JSONResponse({"error": status.phrase}, status_code=status, headers=headers)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return bytes(body)


def _opened(keyring: Keyring, payload: Payload) -> tuple[Payload, str | None]:
    """The payload for people to read, and the workflow it was sealed for if the seal opened.

    What isn't sealed is passed on as it is: search attributes and the SDK's own markers never are. What is
    sealed and doesn't open becomes a sentence that says so.
    """
    if payload.metadata.get("encoding", b"") != SEALED_ENCODING:
        return payload, None
    try:
        return open_sealed(keyring, payload), sealed_for(payload)
    except ValueError:
        text = b'"This payload cannot be opened: it was changed, or its key is not in the keyring."'
        return Payload(metadata={"encoding": b"json/plain"}, data=text), None


_FORM: Final = """<form method="post" action="/sign-in">
<p><label for="staff_id">Your staff id</label><br><input id="staff_id" name="staff_id" autocomplete="username" required
 maxlength="40" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*"></p>
<p><label for="token">Token of the codec server</label><br><input id="token" name="token" type="password"
 autocomplete="off" required></p>
<p><button>Sign in</button></p></form>
<p>Every use is logged with your staff id and the workflows you read.</p>"""


def _signed_in(staff_id: str) -> str:
    return (
        f"<p>You are signed in as {html.escape(staff_id)} for {SESSION_SECONDS // 3600} hours. "
        "Temporal's UI now shows payloads in plain text; reload its page.</p>"
        '<form method="post" action="/sign-out"><button>Sign out</button></form>'
    )


def _page(title: str, content: str, *, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    style = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}input,button{font:inherit;padding:.4rem}"
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><style nonce="{nonce}">{style}</style><main><h1>{title}</h1>{content}</main></html>'
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, status_code=status, headers=headers)


def ui_origins(temporal_ui_url: str) -> frozenset[str]:
    """The only web pages that may ask: those of Temporal's UI; on loopback under both of its usual names."""
    parts = urlsplit(temporal_ui_url)
    if not parts.hostname:
        return frozenset()
    port = f":{parts.port}" if parts.port else ""
    hosts = ("localhost", "127.0.0.1") if parts.hostname in _LOOPBACK else (parts.hostname,)
    return frozenset(f"{parts.scheme}://{host}{port}" for host in hosts)


def main() -> int:
    """Serve until SIGTERM. Returns 2, after a line for people, when a setting is missing or wrong."""
    try:
        settings = Settings.load()
    except (ValidationError, SettingsError) as error:
        print(describe_error(error), file=sys.stderr)
        return 2
    if settings.codec_server_token is None:
        print("GATEHOUSE_CODEC_SERVER_TOKEN is missing: without it nobody could be told from anybody.", file=sys.stderr)
        return 2
    configure_logs(environment=settings.environment)
    server = CodecServer(
        keyring=Keyring.parse(settings.keys.get_secret_value()),
        token=settings.codec_server_token.get_secret_value(),
        ui_origins=ui_origins(settings.temporal_ui_url),
        token_in_address=settings.environment == "development" and settings.codec_server_host in _LOOPBACK,
    )
    uvicorn.run(
        server.app(),
        host=settings.codec_server_host,
        port=settings.codec_server_port,
        log_config=None,
        access_log=False,  # Addresses may carry the token in development.
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
