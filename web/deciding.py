"""The pages of a provider's business contact: from the mailed link to an answer that the mailbox has confirmed (B2, T1)."""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from domain.authorization import ATTESTATION_VERSION
from portal import answer_sheet, deciding
from portal.answer_sheet import AnswerSheet, RequestToAnswer
from portal.deciding import ATTESTATION
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind, authenticate
from portal.sitting import Sitting, view_sitting
from web.visit import STATUS, Reply, Visit, of_mailed_code, panel

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_SHEET: Final = "/answer"
_CODE: Final = "/answer/code"
_DONE: Final = "/answer/done"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20,200}")
_CHOICE: Final = "answers."
_CODE_CODES: Final = dict.fromkeys(("code_wrong", "code_expired"), "code")
_ENDED: Final = frozenset(f"authorization_{how}" for how in ("approved", "declined", "expired", "cancelled", "stopped"))
# Nobody is told that somebody comes from here. A browser then sends `Origin: null` with our forms; what is believed of a
# form is `Sec-Fetch-Site`, which it sends all the same.
_NO_REFERRER: Final = {"Referrer-Policy": "no-referrer"}


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages; that of the link comes last, because a token could be anything."""
    return [
        page(_SHEET, _naming(sheet)),
        form(_SHEET, _naming(begin)),
        page(_CODE, code),
        form(_CODE, confirm),
        form("/answer/code/resend", send_code_again),
        page(_DONE, done),
        page("/answer/{token}", follow_link),
    ]


def _quiet(response: Response) -> Response:
    response.headers.update(_NO_REFERRER)
    return response


# The link.


async def follow_link(visit: Visit) -> Response:
    """Where the mailed link leads: the token goes into a cookie and out of the address. Nothing is looked up or written (I14).

    A HEAD request gets no cookie; a browser that fetches ahead is told to come when somebody has clicked.
    """
    token, headers = visit.request.path_params["token"], visit.request.headers
    if "prefetch" in headers.get("sec-purpose", "") + headers.get("purpose", ""):
        return _quiet(Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Cache-Control": "no-store"}))
    response = _quiet(visit.to(_SHEET))
    cookies = visit.site.cookies
    if visit.request.method != "HEAD":
        # Until the browser is closed. What isn't a token is kept out of the cookie, and meets the same dead end.
        cookies.put(response, cookies.answer, token if _TOKEN.fullmatch(token) else "unknown")
    return response


def _link(visit: Visit) -> str:
    """The token that this browser came with. Raises `Refusal` (`answer_link_needed`)."""
    token = visit.request.cookies.get(visit.site.cookies.answer)
    if not token:
        raise Refusal("answer_link_needed")
    return token


def _naming(handler: Handler) -> Handler:
    """The handler; that a request is over is told with what it was, which the link's holder saw while it was open (B6)."""

    async def named(visit: Visit) -> Response:
        try:
            return await handler(visit)
        except Refusal as refusal:
            if refusal.code not in _ENDED:
                raise
            return await _over_page(visit, refusal, await answer_sheet.ended_request(visit.gate, _link(visit)))

    return named


async def _over_page(visit: Visit, refusal: Refusal, *requests: RequestToAnswer) -> Response:
    page = visit.page(
        "problem.html",
        Reply(status=STATUS[refusal.kind]),
        problem={"status": int(STATUS[refusal.kind]), **panel(refusal)},
        about=[
            row
            for request in requests
            for row in (
                ("Billing service", request.service),
                ("Provider", f"{request.provider} (as the requester named it)"),
                ("Reference", request.reference),
            )
        ],
        person=await visit.person(),
    )
    return _quiet(page)


# The form.


async def sheet(visit: Visit) -> Response:
    return _sheet_page(visit, await answer_sheet.follow_link(visit.gate, _link(visit)))


def _sheet_page(visit: Visit, found: AnswerSheet, reply: Reply | None = None) -> Response:
    page = visit.page(
        "answer.html",
        reply,
        sheet=found,
        action=_SHEET,
        decide_signed_in_href=f"/requests/{found.linked.id}",
        attestation={"text": ATTESTATION, "version": ATTESTATION_VERSION},
        reference=found.linked.reference,
    )
    return _quiet(page)


async def begin(visit: Visit) -> Response:
    token = _link(visit)
    answers = {name.removeprefix(_CHOICE): value for name, value in visit.form.items() if name.startswith(_CHOICE)}
    try:
        sitting_token = await deciding.begin_sitting(
            visit.gate,
            token,
            answers=answers,
            name=visit.text("name"),
            role=visit.text("role"),
            attested=bool(visit.text("attested")),
            client=visit.client,
            key=visit.key,
        )
    except Refusal as refusal:
        reply = visit.again(refusal)
        return _sheet_page(visit, await answer_sheet.follow_link(visit.gate, token), reply)
    response = _quiet(visit.to(_CODE))
    cookies = visit.site.cookies
    cookies.put(response, cookies.sitting, sitting_token, life=visit.gate.limits.registration_session_life)
    return response


# The code.


async def _sitting(visit: Visit) -> tuple[Principal, Sitting]:
    """Who goes on with their answers in this browser. Raises `Refusal` (`answer_link_needed`)."""
    try:
        token = visit.request.cookies.get(visit.site.cookies.sitting)
        principal = await authenticate(visit.gate, token, SessionKind.SITTING)
    except Refusal as refusal:
        if refusal.code != "signed_out":
            raise
        raise Refusal("answer_link_needed") from None
    return principal, await view_sitting(visit.gate, principal)


async def code(visit: Visit) -> Response:
    _, found = await _sitting(visit)
    return visit.to(_DONE) if found.is_confirmed else _code_page(visit, found)


def _code_page(visit: Visit, found: Sitting, reply: Reply | None = None, *, new_code_helps: bool = True) -> Response:
    page = visit.page(
        "answer_code.html",
        reply,
        sitting=found,
        action=_CODE,
        resend_action="/answer/code/resend",
        change_href=_SHEET,
        new_code_helps=new_code_helps,
        reference=found.answers[0].request.reference,
    )
    return _quiet(page)


async def send_code_again(visit: Visit) -> Response:
    principal, found = await _sitting(visit)
    try:
        await deciding.send_code_again(visit.gate, principal, key=visit.key)
    except Refusal as refusal:
        if refusal.code in _ENDED:
            return await _over_page(visit, refusal, *(answer.request for answer in found.answers))
        return _code_page(visit, found, visit.again(refusal))
    return _quiet(visit.to(_CODE, said="code-sent"))


async def confirm(visit: Visit) -> Response:
    principal, found = await _sitting(visit)
    try:
        await deciding.confirm(visit.gate, principal, code=visit.text("code"), key=visit.key)
    except Refusal as refusal:
        if refusal.code in _ENDED:
            return await _over_page(visit, refusal, *(answer.request for answer in found.answers))
        told = of_mailed_code(refusal)
        helps = told.code != "decision_tries_used"
        return _code_page(visit, found, visit.again(told, on=_CODE_CODES), new_code_helps=helps)
    return _quiet(visit.to(_DONE))


# The outcome.


async def done(visit: Visit) -> Response:
    """What became of each answer, as the database has it; loading it again shows what has changed."""
    _, found = await _sitting(visit)
    if not found.is_confirmed:
        return visit.to(_CODE)
    page = visit.page("answer_done.html", sitting=found, reference=found.answers[0].request.reference)
    return _quiet(page)
