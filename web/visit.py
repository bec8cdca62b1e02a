"""One visit of a browser: what it sent, who it is, and how it's answered."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes, urlencode, urlsplit
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ops.http import Cookies, client_in_words, facts
from portal import account, sessions
from portal.gate import Gate
from portal.refusals import FieldDefect, Kind, Refusal
from portal.sessions import Principal, SessionKind
from web.rendering import PAGE_HEADERS, Renderer

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{16,100}")

STATUS: Final[Mapping[Kind, HTTPStatus]] = {
    Kind.UNREADABLE: HTTPStatus.BAD_REQUEST,
    Kind.FOREIGN: HTTPStatus.FORBIDDEN,
    Kind.UNKNOWN: HTTPStatus.NOT_FOUND,
    Kind.SIGNED_OUT: HTTPStatus.UNAUTHORIZED,
    Kind.FIELDS: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.WRONG: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.ELSEWHERE: HTTPStatus.CONFLICT,
    Kind.LATER: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.OVER: HTTPStatus.GONE,
    Kind.DEFECT: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_WHEN_UNKNOWN_S: Final = {HTTPStatus.TOO_MANY_REQUESTS: 60, HTTPStatus.SERVICE_UNAVAILABLE: 5}

# What a page says after a form led to it (`?said=…`): the address names the sentence, it never carries it.
_SAID: Final[Mapping[str, Mapping[str, str]]] = {
    "code-sent": {"kind": "success", "text": "A new code is on its way. Earlier codes no longer work."},
    "signed-out": {"kind": "success", "text": "You are signed out."},
    "sign-in-first": {"kind": "info", "text": "Please sign in. A session ends after a while without use."},
    "sign-in-again": {"kind": "info", "text": "That took too long. For safety, please enter your password once more."},
    "session-ended": {"kind": "success", "text": "That browser is signed out."},
    "sessions-ended": {"kind": "success", "text": "You are signed out everywhere else."},
    "codes-replaced": {"kind": "success", "text": "Your new recovery codes are in place. The old ones no longer work."},
    "invited": {"kind": "success", "text": "The invitation is on its way. You see here when it’s accepted."},
    "invitation-resent": {"kind": "success", "text": "The link is on its way again. Earlier links still work."},
    "invitation-cancelled": {"kind": "success", "text": "The invitation is cancelled. Its links don’t work any more."},
    "role-changed": {"kind": "success", "text": "The role is changed, and the person was told."},
    "colleague-removed": {"kind": "success", "text": "The access has ended, and the person was told."},
    "left": {"kind": "success", "text": "Your access to the organization has ended."},
    "letter-asked": {
        "kind": "success",
        "title": "Your letter is being printed",
        "text": "We e-mail you when it is mailed. Until then there is nothing to do.",
    },
    "by-mail": {
        "kind": "info",
        "text": "First tell us who you are and which organization you work for; then choose “Use US Mail instead”.",
    },
    "requested": {"kind": "success", "text": "The request is made. You see here where it stands."},
    "requested-all": {"kind": "success", "text": "The requests are made. You see here when they are answered."},
    "asked-already": {"kind": "info", "text": "This provider was asked already: here is the request that stands."},
    "granted-already": {
        "kind": "info",
        "text": "Your billing service has this access already, so nothing was sent. Here is the request that opened it.",
    },
    "request-resent": {
        "kind": "success",
        "text": "The e-mail is on its way again. Earlier links still work, and the deadline stays.",
    },
    "request-corrected": {
        "kind": "success",
        "text": "The contact is corrected. Links to the old address don’t work any more.",
    },
    "contact-corrected": {
        "kind": "success",
        "text": "The contact is corrected, and our mail is on its way there. A link mailed to an earlier address doesn’t work any more.",
    },
    "contact-to-look-at": {
        "kind": "success",
        "text": "The contact is corrected. Two people have to approve it before anything is mailed there.",
    },
    "billing-proposed": {"kind": "success", "text": "It’s proposed. A second person has to confirm it."},
    "billing-decided": {"kind": "success", "text": "It’s decided."},
    "verdict-given": {"kind": "success", "text": "Your verdict is on record."},
    "limit-set": {"kind": "success", "text": "The limit is set. The next request counts by it."},
    "request-cancelled": {"kind": "success", "text": "The request is cancelled. Its links don’t work any more."},
    "no-letter-yet": {
        "kind": "info",
        "text": "No letter was asked for yet, so there is no PIN to enter. Tell us which organization it is; then choose “Use US Mail instead”.",
    },
    "organization-first": {"kind": "info", "text": "First tell us which organization the letter is for."},
    "added": {"kind": "success", "text": "It was added: you have access now."},
    "billing-added": {
        "kind": "success",
        "text": "Your billing service is registered. It sees no provider until one says yes.",
    },
    "reconsidered": {
        "kind": "info",
        "text": "You are back at the choice of your organization. Nothing you entered about yourself is lost.",
    },
    "grant-held": {"kind": "success", "text": "The access is on hold. The billing service was told."},
    "grant-resumed": {"kind": "success", "text": "The access is open again. The billing service was told."},
    "grant-revoked": {"kind": "success", "text": "The access has ended for good. The billing service was told."},
    "grant-end-date": {"kind": "success", "text": "The end date is changed. The billing service was told."},
    "unknown-here": {
        "kind": "info",
        "text": "This browser doesn’t know your registration, or its time here is over. Have a link sent to go on.",
    },
}
# The words of the code tell of the authenticator app.
_RECOVERY_CODE_WRONG: Final = (
    "That code isn't right. Each recovery code works once. Enter one of your newest list that you haven't used."
)
# Refusals that say how things stand, but are answered where they were asked: no other page is the open one.
_OF_THE_FORM: Final = frozenset(
    {"no_usable_address", "access_open_already", "too_many_open", "account_closed", "billing_service_registered"}
    | {"pin_tries_used"}
)
# Refusals that send someone back to an earlier page and have to be explained there (`?told=…`).
TOLD: Final = frozenset(
    {"pin_letters_locked", "pin_tries_used", "proof_no_longer_good", "second_factor_unconfirmed"}
    | {"tin_is_provider", "billing_service_registered"}
)


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every page needs; built once by the composition root."""

    gate: Gate
    renderer: Renderer
    cookies: Cookies
    site_url: str
    development: bool = False


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How a page with a form is shown: as it is, or once more after a refusal, with what was typed."""

    status: HTTPStatus = HTTPStatus.OK
    retry_at: datetime | None = None
    context: Mapping[str, object] = field(default_factory=dict)

    def without(self, *hrefs: str) -> "Reply":
        """The same, but its problem names no way to these pages: this is one of them, or they are of no use now."""
        problem = self.context.get("problem")
        return replace(self, context={**self.context, "problem": leave_out(problem, *hrefs)}) if problem else self


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A request for a page, with its form already read."""

    site: Site
    request: Request
    form: Mapping[str, str] = field(default_factory=dict)
    file: bytes = b""  # of a form that sends one

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

    @property
    def key(self) -> str:
        """Names what this form asks for: sent twice, it's done once; changed and sent again after going back, it's another."""
        return hashlib.sha256(json.dumps(sorted(self.form.items())).encode()).hexdigest()

    def text(self, name: str) -> str:
        """What was typed into a field; a field that's missing is empty."""
        return self.form.get(name, "")

    def asked(self, name: str) -> str:
        """A parameter of the address; one that's missing is empty."""
        return self.request.query_params.get(name, "")

    # Who it is.

    async def registration(self) -> Principal:
        """The registration that this browser goes on with. Raises `Refusal` (`signed_out`)."""
        token = self.request.cookies.get(self.site.cookies.registration)
        return await sessions.authenticate(self.gate, token, SessionKind.REGISTRATION)

    async def account(self) -> Principal:
        """The account that is signed in. Raises `Refusal` (`signed_out`)."""
        token = self.request.cookies.get(self.site.cookies.account)
        return await sessions.authenticate(self.gate, token, SessionKind.ACCOUNT)

    async def signing_in(self) -> Principal:
        """The account whose password was right and whose second factor is still to come. Raises `Refusal` (`signed_out`)."""
        token = self.request.cookies.get(self.site.cookies.sign_in)
        return await sessions.authenticate(self.gate, token, SessionKind.SECOND_FACTOR)

    async def person(self) -> dict[str, object] | None:
        """The signed-in person for the frame of a page that is open to everyone; None for anyone else."""
        try:
            view = await account.view_account(self.gate, await self.account())
        except Refusal:
            return None
        return {"name": view.name, "unread": view.unread_messages, "sides": view.sides, "newcomers": view.has_notices}

    # How it's answered.

    def page(self, template: str, reply: Reply | None = None, /, **context: object) -> Response:
        """A page, with a fresh idempotency key for its forms. What `reply` brings has precedence."""
        reply = reply or Reply()
        shared: dict[str, object] = {
            "idempotency_key": uuid4().hex,
            "development": self.site.development,
            "notice": _SAID.get(self.asked("said")) if self.request.method != "POST" else None,
        }
        if self.asked("told") in TOLD:
            shared["problem"] = panel(Refusal(self.asked("told")))
        told = {**reply.context, "retry_at": reply.retry_at} if reply.retry_at else reply.context
        content = self.site.renderer.page(template, {**shared, **context, **told})
        headers = dict(PAGE_HEADERS)
        if reply.status in _RETRY_WHEN_UNKNOWN_S:
            headers["Retry-After"] = str(self._wait_s(reply))
        return HTMLResponse(content, status_code=int(reply.status), headers=headers)

    def again(
        self, refusal: Refusal, *, fields: Mapping[str, str] | None = None, on: Mapping[str, str] | None = None
    ) -> Reply:
        """The form once more: what was typed, and what the refusal says. Raises `refusal` when no form can answer it.

        `fields` has the page's names for the portal's fields where they differ; `on` the field that a code belongs to.
        """
        told: dict[str, object] = {"values": self.form, "tries_left": refusal.tries_left}
        if refusal.kind is Kind.FIELDS:
            names = fields or {}
            told["errors"] = {names.get(defect.field, defect.field): defect.message for defect in refusal.fields}
        elif on and refusal.code in on:
            name = on[refusal.code]
            told["errors"] = {name: _RECOVERY_CODE_WRONG if name == "recovery_code" else _in_a_line(refusal)}
        elif refusal.kind in {Kind.WRONG, Kind.LATER, Kind.AWAY} or refusal.code in _OF_THE_FORM:
            told["problem"] = panel(refusal)
        else:
            raise refusal
        if refusal.kind is Kind.AWAY:
            # Nobody knows whether it was done: the same form sent again must be the same request.
            told["idempotency_key"] = self.text("idempotency_key")
        return Reply(status=STATUS[refusal.kind], retry_at=refusal.retry_at, context=told)

    def to(self, path: str, **query: str) -> Response:
        """Go there next (303): loading the page again doesn't send a form again. Empty parameters are left out."""
        return RedirectResponse(
            with_query(path, **query), status_code=HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"}
        )

    def _wait_s(self, reply: Reply) -> int:
        if reply.retry_at is None:
            return _RETRY_WHEN_UNKNOWN_S[reply.status]
        return max(math.ceil((reply.retry_at - self.gate.now()) / timedelta(seconds=1)), 1)


def _in_utf8(name: bytes, value: bytes) -> tuple[str, str]:
    """A field's name and text. Raises `Refusal` for bytes that aren't UTF-8: guessed at, somebody's name becomes another."""
    where = "the name of a field"
    try:
        field_name = name.decode()
        where = f"the field “{field_name}”"
        return field_name, value.decode()
    except UnicodeDecodeError as error:
        message = f"Text in it isn’t in UTF-8: {where}. Nothing was changed."
        defect = FieldDefect(field=name.decode(errors="replace"), code="not_utf8", message=message)
        raise Refusal("malformed_body", fields=(defect,)) from error


def _in_a_line(refusal: Refusal) -> str:
    """What a refusal says at the field it belongs to: what, why, and the best that can be done."""
    answer = refusal.answer
    title = answer.title if answer.title.endswith("?") else f"{answer.title}."
    return " ".join((title, answer.detail, *answer.next_steps[:1]))


async def read_form(request: Request) -> dict[str, str]:
    """The fields of one of our forms; files and repeated fields are dropped. Raises `Refusal` for a form that isn't ours."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise Refusal("unsupported_media_type")
    sent = [pair.partition(b"=") for pair in (await request.body()).replace(b"+", b" ").split(b"&") if pair]
    form = dict(_in_utf8(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in sent)
    if not _KEY.fullmatch(form.get("idempotency_key", "")):
        raise Refusal("idempotency_key_missing")
    return form


async def read_upload(request: Request) -> tuple[dict[str, str], bytes]:
    """The fields of one of our forms that sends a file, and that file. Raises `Refusal` for a form that isn't ours."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "multipart/form-data":
        raise Refusal("unsupported_media_type")
    form: dict[str, str] = {}
    file = b""
    # Read as Latin-1, where each character is one byte: the parser itself takes any bytes for text.
    content = f"{request.headers['content-type']}; charset=latin-1"
    headers = {**request.headers, "content-type": content}
    in_bytes = Request({**request.scope, "headers": Headers(headers).raw}, request.receive)
    async with in_bytes.form(max_files=1, max_fields=10) as sent:
        for name, value in sent.items():
            if isinstance(value, str):
                form.update([_in_utf8(name.encode("latin-1"), value.encode("latin-1"))])
            else:
                file = await value.read()
    if not _KEY.fullmatch(form.get("idempotency_key", "")):
        raise Refusal("idempotency_key_missing")
    return form, file


# What an answer says to do, where it can be done.
_WAYS: Final[Mapping[str, str]] = {
    "Register with US Mail instead.": "/register/letter",
    "Ask for another letter.": "/register/letter",
    "If a letter of yours is on its way, use it: its PIN still works.": "/register/pin",
    "Prove your organization with a payment or notice.": "/register/payment",
    "Prove your organization with a payment or notice instead.": "/register/payment",
    "Do you work for this provider yourself? Register for it with a payment or by US Mail.": "/register/organization",
    "My provider is not listed: tell us about the organization.": "/register/not-listed",
    "Contact us: we look into it and call you.": "/register/help",
    "To end the access, sign in as an administrator of the provider.": "/billing-services",
    "Look at Tax ID & NPI access.": "/access",
    "Look at your list of clients.": "/clients",
    "Finish or stop one of them first; Tax ID & NPI access lists them.": "/access",
}


def of_mailed_code(refusal: Refusal) -> Refusal:
    """The refusal to show where a mailed code is entered: with its last try the code is over, and only a new one helps."""
    is_over = refusal.code in {"code_wrong", "code_expired"} and refusal.tries_left == 0
    return Refusal("code_tries_used", tries_left=0) if is_over else refusal


def panel(refusal: Refusal) -> dict[str, object]:
    """A refusal as the `problem` of a page."""
    answer = refusal.answer
    steps = [{"text": step, "href": _WAYS[step]} if step in _WAYS else step for step in answer.next_steps]
    return {"title": answer.title, "detail": answer.detail, "next": steps}


def leave_out(problem: object, *hrefs: str) -> object:
    """A page's `problem` without the ways to these pages."""
    if not isinstance(problem, dict):
        return problem
    steps = [step for step in problem["next"] if not (isinstance(step, dict) and step["href"] in hrefs)]
    return {**problem, "next": steps}


def with_query(path: str, **query: str) -> str:
    """The path with these parameters, as far as they aren't empty."""
    given = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{given}" if given else path


def local_path(text: str) -> str:
    """A path of this site to go to after signing in; anything that could lead elsewhere becomes empty."""
    if not re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,200}", text):
        return ""
    parts = urlsplit(text)
    return "" if parts.scheme or parts.netloc else text
