"""One visit of a browser: what it sent, who it is, and how it's answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ops.http import Cookies, client_in_words, facts
from portal import sessions
from portal.gate import Gate
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind
from web.rendering import PAGE_HEADERS, Renderer

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{16,100}")


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every page needs; built once by the composition root."""

    gate: Gate
    renderer: Renderer
    cookies: Cookies
    site_url: str
    development: bool = False


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A request for a page, with its form already read."""

    site: Site
    request: Request
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def gate(self) -> Gate:
        return self.site.gate

    @property
    def caller(self) -> str:
        """The network address that limits count by."""
        return facts(self.request.scope).caller

    @property
    def client(self) -> str:
        return client_in_words(self.request.headers.get("user-agent", ""))

    def text(self, name: str) -> str:
        """What was typed into a field; a field that's missing is empty."""
        return self.form.get(name, "")

    @property
    def key(self) -> str:
        """The form's idempotency key: sent twice, a form is done once. Raises `Refusal` for a form that isn't ours."""
        key = self.form.get("idempotency_key", "")
        if not _KEY.fullmatch(key):
            raise Refusal("idempotency_key_missing")
        return key

    async def registration(self) -> Principal:
        """The registration that this browser goes on with. Raises `Refusal` (`signed_out`)."""
        token = self.request.cookies.get(self.site.cookies.registration)
        return await sessions.authenticate(self.gate, token, SessionKind.REGISTRATION)

    async def account(self) -> Principal:
        """The account that is signed in. Raises `Refusal` (`signed_out`)."""
        token = self.request.cookies.get(self.site.cookies.account)
        return await sessions.authenticate(self.gate, token, SessionKind.ACCOUNT)

    async def signing_in(self) -> Principal:
        """The account whose password was right and whose second factor is still to come."""
        token = self.request.cookies.get(self.site.cookies.sign_in)
        return await sessions.authenticate(self.gate, token, SessionKind.SECOND_FACTOR)

    def page(self, template: str, *, status: int = 200, **context: object) -> Response:
        """A page. Every one gets a fresh idempotency key for its form."""
        shared = {"idempotency_key": uuid4().hex, "development": self.site.development}
        content = self.site.renderer.page(template, {**shared, **context})
        return HTMLResponse(content, status_code=status, headers=dict(PAGE_HEADERS))

    def to(self, path: str) -> Response:
        """Go there next (303): loading the page again doesn't send a form again."""
        return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


async def read_form(request: Request) -> dict[str, str]:
    """The form's fields as text; files and repeated fields are dropped."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        return {}
    form: FormData = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def panel(refusal: Refusal) -> dict[str, object]:
    """A refusal as the `problem` of a page."""
    answer = refusal.answer
    return {"title": answer.title, "detail": answer.detail, "next": list(answer.next_steps)}


def defects(refusal: Refusal, names: Mapping[str, str]) -> dict[str, str]:
    """A refusal's field defects under the names that the page's form has."""
    return {names.get(defect.field, defect.field): defect.message for defect in refusal.fields}


def retry_time(refusal: Refusal) -> datetime | None:
    """When it may be tried again; for pages that show a time."""
    return refusal.retry_at


def local_path(text: str, *, otherwise: str) -> str:
    """A path of this site to go to after signing in; anything that could lead elsewhere is dropped."""
    parts = urlsplit(text)
    if not text.startswith("/") or text.startswith("//") or "\\" in text or parts.scheme or parts.netloc:
        return otherwise
    return text if text.isprintable() and len(text) <= 200 else otherwise
