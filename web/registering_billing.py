"""The page on which a billing service names itself, and the way from one path to the other (T3, T4)."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from domain.registration import Code, State
from portal import registering
from portal.refusals import Refusal
from portal.registration_view import RegistrationView, view_registration
from web.addition_frame import frame
from web.registering import PROVING, accepted, asked_about_tin, elsewhere, page_of, stands
from web.visit import Reply, Visit

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_PAGE: Final = "/register/billing"


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses; `page` and `form` make a route that shows, and one that takes a form."""
    return [
        page(_PAGE, billing),
        form(_PAGE, register),
        form("/register/reconsider", reconsider),
    ]


async def _billing_page(
    visit: Visit, view: RegistrationView, reply: Reply | None = None, **context: object
) -> Response:
    return visit.page(
        "billing.html",
        reply,
        action=_PAGE,
        provider_href="/register/organization",
        withdraw_href="/register/withdraw",
        reference=view.reference,
        **await frame(visit, view),
        **context,
    )


async def billing(visit: Visit) -> Response:
    """What was typed before is there again."""
    principal, view = await stands(visit)
    away = elsewhere(visit, view, *PROVING)
    if away:
        return away
    typed = await registering.kept_organization(visit.gate, principal.subject_id)
    return await _billing_page(visit, view, values={"name": typed.billing_name, "tin": typed.billing_tin})


async def register(visit: Visit) -> Response:
    principal, view = await stands(visit)
    rid, name, tin = principal.subject_id, visit.text("name"), visit.text("tin")
    try:
        await registering.keep_billing_service(visit.gate, rid, name=name, tin=tin)
        asked = asked_about_tin(visit)
        if asked is not None:
            return elsewhere(visit, view, *PROVING) or await _billing_page(visit, view, asked)
        result = accepted(
            await registering.register_billing_service(
                visit.gate, rid, name=name, tin=tin, key=visit.key, caller=visit.caller
            )
        )
    except Refusal as refusal:
        reply = visit.again(refusal, on={Code.NAME_IS_ORGANIZATION: "name"})
        view = await view_registration(visit.gate, rid)
        return elsewhere(visit, view, *PROVING) or await _billing_page(visit, view, reply)
    if view.is_addition and result.state is State.COMPLETED:
        return visit.to("/access", said="billing-added")
    return visit.to(page_of(result.state))


async def reconsider(visit: Visit) -> Response:
    """Back to the choice, straight to the path that the person should have taken; nothing is typed again."""
    principal, _ = await stands(visit)
    accepted(await registering.reconsider(visit.gate, principal.subject_id, key=visit.key))
    return visit.to(_PAGE if visit.text("to") == "billing" else "/register/organization", said="reconsidered")
