"""The pages of "I did not ask for this": where the mail's link and the letter's code lead (B7). Looking changes nothing (I14)."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from domain.grant_rights import all_of
from portal import granting, objecting
from portal.objecting import ObjectionView
from portal.refusals import Refusal
from web.colleagues import scope_in_words
from web.visit import Reply, Visit

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_PATH: Final = "/objection"
_NO_REFERRER: Final = {
    "Referrer-Policy": "no-referrer"
}  # whoever follows a link from here isn't to carry the token along


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages; that of the link comes last, because a token could be anything."""
    return [
        page(_PATH, enter_code),
        form(_PATH, redeem_code),
        page("/objection/{token}", linked),
        form("/objection/{token}", object_to),
    ]


def _code_page(visit: Visit, reply: Reply | None = None) -> Response:
    return visit.page("objection_code.html", reply, action=_PATH)


async def enter_code(visit: Visit) -> Response:
    return _code_page(visit)


async def redeem_code(visit: Visit) -> Response:
    try:
        token = await objecting.redeem_code(visit.gate, code=visit.text("code"), caller=visit.caller)
    except Refusal as refusal:
        return _code_page(visit, visit.again(refusal, on={"objection_code_unknown": "code"}))
    return visit.to(f"{_PATH}/{token}")


async def _page(visit: Visit, view: ObjectionView, reply: Reply | None = None) -> Response:
    response = visit.page(
        "objection.html",
        reply,
        grant=view,
        scope=scope_in_words(view.npi),
        led_by=all_of(view.npi),
        own_href=await _own_href(visit, view),
        person=await visit.person(),
        action=f"{_PATH}/{_token(visit)}",
        was_sent=visit.asked("said") == "objected",
        reference=view.reference,
    )
    response.headers.update(_NO_REFERRER)
    return response


async def _own_href(visit: Visit, view: ObjectionView) -> str | None:
    """The access's own page, for somebody signed in who may change something of it."""
    with suppress(Refusal):
        own = await granting.view_grant(visit.gate, await visit.account(), view.grant_id)
        return f"/billing-services/{own.id}" if own.may_hold else None
    return None


async def linked(visit: Visit) -> Response:
    return await _page(visit, await objecting.follow_link(visit.gate, _token(visit)))


async def object_to(visit: Visit) -> Response:
    token = _token(visit)
    try:
        await objecting.object_to(
            visit.gate, token, name=visit.text("name"), confirmed=bool(visit.text("confirmed")), key=visit.key
        )
    except Refusal as refusal:
        reply = visit.again(refusal)
        return await _page(visit, await objecting.follow_link(visit.gate, token), reply)
    return visit.to(f"{_PATH}/{token}", said="objected")


def _token(visit: Visit) -> str:
    return str(visit.request.path_params["token"])
