"""The pages of adding a Tax ID or NPI to an account: begin, go on with an open one, and how it's shown among the access (P10)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.registration import State
from portal import adding
from portal.adding import AdditionView
from portal.refusals import Refusal
from portal.registration_view import view_registration
from portal.sessions import Principal
from web.registering import page_of
from web.visit import Reply, Visit

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_STATUS: Final[Mapping[State, Mapping[str, str]]] = {
    State.PROVING: {"label": "Proof needed", "kind": "waiting"},
    State.AWAITING_PIN: {"label": "Waiting for the PIN", "kind": "waiting"},
}
_NO_PIN: Final = {"label": "Letter can’t be used", "kind": "stopped"}
_BILLING: Final = "/register/billing"
_NEXT: Final[Mapping[State, str]] = {State.PROVING: "Go on", State.AWAITING_PIN: "Enter the PIN"}


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages. The steps themselves are those of a registration."""
    return [
        page("/access/add", add),
        form("/access/add", start_addition),
        form("/access/additions/{addition_id}", go_on),
    ]


async def open_additions(visit: Visit, principal: Principal) -> list[dict[str, object]]:
    """What the person is adding, each with its own status and next step."""
    return [
        {
            "id": str(view.id),
            "reference": view.reference,
            "state": str(view.state),
            "organization": view.organization,
            "tin_masked": view.tin_masked,
            "started_at": view.started_at,
            "deadline": view.deadline,
            "status": _status(view),
            "next": {
                "action": f"/access/additions/{view.id}",
                "text": "Go on" if _is_stuck(view) else _NEXT.get(view.state, "Go on"),
            },
        }
        for view in await adding.list_additions(visit.gate, principal)
    ]


def _is_stuck(view: AdditionView) -> bool:
    return view.state is State.AWAITING_PIN and not view.takes_pin


def _status(view: AdditionView) -> Mapping[str, str]:
    return _NO_PIN if _is_stuck(view) else _STATUS.get(view.state, {"label": "Open", "kind": "waiting"})


async def _add_page(visit: Visit, reply: Reply | None = None) -> Response:
    principal = await visit.account()
    return visit.page(
        "adding.html",
        reply,
        action="/access/add",
        additions=await open_additions(visit, principal),
        help_href="/help",
        person=await visit.person(),
    )


async def add(visit: Visit) -> Response:
    """What is needed. Looking at it begins nothing (I14)."""
    return await _add_page(visit)


async def start_addition(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        started = await adding.start_addition(visit.gate, principal, key=visit.key, client=visit.client)
    except Refusal as refusal:
        return await _add_page(visit, visit.again(refusal))
    bills = visit.text("for") == "billing" and started.result.state is State.PROVING
    return _with_session(visit, visit.to(_BILLING if bills else page_of(started.result.state)), started.token)


async def go_on(visit: Visit) -> Response:
    """Take an open one up in this browser. A foreign one looks like an unknown one (I15)."""
    principal = await visit.account()
    try:
        addition_id = UUID(visit.request.path_params["addition_id"])
    except ValueError:
        raise Refusal("not_found") from None
    token = await adding.go_on(visit.gate, principal, addition_id, client=visit.client)
    view = await view_registration(visit.gate, addition_id)
    if view.state is State.COMPLETED:
        return visit.to("/access", said="added")
    return _with_session(visit, visit.to(page_of(view.state)), token)


def _with_session(visit: Visit, response: Response, token: str) -> Response:
    cookies = visit.site.cookies
    cookies.put(response, cookies.registration, token, life=visit.gate.limits.registration_session_life)
    return response
