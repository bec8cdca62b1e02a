"""The pages of a provider's people about billing services: requests that wait, who has access, and changing that (B7)."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.authorization import ATTESTATION_VERSION
from domain.authorization import State as RequestState
from domain.grant_rights import all_of
from domain.grants import Ending, GrantResult, HeldBy, State
from portal import access_story, granting, provider_requests
from portal.deciding import ATTESTATION_SIGNED_IN
from portal.gate import Gate
from portal.granting import GrantOrder, GrantView
from portal.provider_requests import ProviderRequest
from portal.refusals import Refusal
from portal.sessions import Principal
from web.colleagues import scope_in_words, told, uuid_of
from web.visit import Reply, Visit

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_LIST: Final = "/billing-services"
_ADD: Final = "/access/add"
_BACK: Final = {"href": _LIST, "text": "Billing services"}
_OPEN: Final = {"label": "Open", "kind": "good"}
_ENDINGS: Final = {
    Ending.REVOKED: {"label": "Revoked", "kind": "neutral"},
    Ending.LAPSED: {"label": "Ended by date", "kind": "neutral"},
}
_HELD: Final = {
    HeldBy.PROVIDER: {"label": "On hold", "kind": "stopped"},
    HeldBy.OBJECTION: {"label": "On hold: objection", "kind": "stopped"},
}
_REQUESTS: Final = {
    RequestState.IN_REVIEW: {"label": "Waiting", "kind": "waiting"},
    RequestState.SENT: {"label": "Waiting", "kind": "waiting"},
    RequestState.UNDELIVERABLE: {"label": "Waiting", "kind": "waiting"},
    RequestState.APPROVED: {"label": "Approved", "kind": "good"},
    RequestState.DECLINED: {"label": "Declined", "kind": "neutral"},
    RequestState.EXPIRED: {"label": "Expired", "kind": "stopped"},
    RequestState.CANCELLED: {"label": "Cancelled", "kind": "neutral"},
}
_ORDERS: Final[Mapping[str, tuple[GrantOrder, bool]]] = {
    f"{minus}{name}": (order, bool(minus))
    for minus in ("", "-")
    for name, order in (
        ("service", GrantOrder.SERVICE),
        ("organization", GrantOrder.ORGANIZATION),
        ("since", GrantOrder.OPENED),
        ("ends", GrantOrder.ENDS),
        ("status", GrantOrder.STATUS),
    )
}
_STATUSES: Final = [("", "All"), (State.OPEN, "Open"), (State.HELD, "On hold"), (State.ENDED, "Ended")]


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages."""
    return [
        page(_LIST, listed),
        page("/billing-services/{grant_id}", grant),
        *(page(f"/billing-services/{{grant_id}}/{name}", back_to_grant) for name in ("hold", "resume", "end-date")),
        form("/billing-services/{grant_id}/hold", hold),
        form("/billing-services/{grant_id}/resume", resume),
        page("/billing-services/{grant_id}/revoke", revoke_form),
        form("/billing-services/{grant_id}/revoke", revoke),
        form("/billing-services/{grant_id}/end-date", set_end_date),
        page("/requests/{authorization_id}", request),
        form("/requests/{authorization_id}", decide),
    ]


# The list.


def _scope(view: GrantView | ProviderRequest) -> str:
    """What is shown to the billing service, and that the person's own NPIs are among it where they see only these."""
    scope = scope_in_words(view.npi)
    return f"{scope}, NPI {', '.join(view.own_npis)} included" if view.own_npis else scope


def _status(view: GrantView) -> dict[str, str]:
    if view.ending is not None:
        return _ENDINGS[view.ending]
    return _OPEN if view.state is State.OPEN else _HELD[view.held_by or HeldBy.PROVIDER]


def _grant(view: GrantView) -> dict[str, object]:
    by_contact = view.via == "code"
    return {
        "href": f"{_LIST}/{view.id}",
        "reference": view.reference,
        "service": view.service,
        "service_tin_masked": view.service_tin_masked,
        "organization": view.organization,
        "tin_masked": view.tin_masked,
        "scope": _scope(view),
        "led_by": all_of(view.npi),
        "since": view.opened_at,
        "decided_by": view.decided_by,
        "decided_as": view.decided_as,
        "decided_where": f"as the business contact {view.contact_masked}" if by_contact else "as an administrator",
        "last_day": view.last_day,
        "ended_at": view.ended_at,
        "status": _status(view),
        "state": view.state,
        "is_contested": view.held_by is HeldBy.OBJECTION,
        "may_hold": view.may_hold,
        "may_end": view.may_end,
        "may_change": view.may_change,
        "is_led": view.is_led,
    }


def _request(view: ProviderRequest) -> dict[str, object]:
    is_pending = view.answer is not None and view.answer.outcome is None and not view.state.is_final
    return {
        "href": f"/requests/{view.id}",
        "reference": view.reference,
        "service": view.service,
        "service_tin_masked": view.service_tin_masked,
        "requester": view.requester,
        "organization": view.organization,
        "tin_masked": view.tin_masked,
        "scope": _scope(view),
        "led_by": all_of(view.npi),
        "contact": view.contact_masked,
        "requested_at": view.requested_at,
        "until": view.until,
        "status": {"label": "Being applied", "kind": "waiting"} if is_pending else _REQUESTS[view.state],
        "is_open": not view.state.is_final,
        "is_pending": is_pending,
        "may_decide": view.may_decide,
        "answer": view.answer,
    }


async def listed(visit: Visit) -> Response:
    principal = await visit.account()
    sort = visit.asked("sort") if visit.asked("sort") in _ORDERS else "service"
    order, descending = _ORDERS[sort]
    search, status = visit.asked("q")[:60], visit.asked("status")
    grants = await granting.list_grants(
        visit.gate, principal, search=search, state=status, order=order, descending=descending
    )
    requests = await provider_requests.list_requests(visit.gate, principal)
    return visit.page(
        "grant_list.html",
        rows=[_grant(view) for view in grants],
        requests=[_request(view) for view in requests],
        sort=sort,
        filters={"q": search, "status": status},
        status_options=_STATUSES,
        person=await visit.person(),
    )


# One access.


async def _grant_page(visit: Visit, reply: Reply | None = None) -> Response:
    principal, grant_id = await visit.account(), _id(visit, "grant_id")
    view = await granting.view_grant(visit.gate, principal, grant_id)
    story = await access_story.provider_story(visit.gate, principal, grant_id)
    return visit.page(
        "grant_page.html",
        reply,
        grant=_grant(view),
        story={"held": story.held, "dated": story.dated},
        timeline=[
            {"at": one.at, "words": one.words, "text": "", "who": one.who, "internal": False} for one in story.lines
        ],
        ends_on=_typed_day(visit) or (view.last_day.isoformat() if view.last_day else ""),
        actions=f"{_LIST}/{view.id}",
        person=await visit.person(),
        back=_BACK,
    )


def _typed_day(visit: Visit) -> str:
    """What was typed, where a date field can show it again."""
    with suppress(ValueError):
        return date.fromisoformat(visit.text("ends_on")).isoformat()
    return ""


async def grant(visit: Visit) -> Response:
    return await _grant_page(visit)


async def back_to_grant(visit: Visit) -> Response:
    """The address of a form, loaded by itself: after a refusal it's what the browser has in its address bar."""
    return visit.to(f"{_LIST}/{_id(visit, 'grant_id')}")


async def _changed(
    visit: Visit, change: Callable[[Gate, Principal, UUID], Awaitable[GrantResult]], *, said: str
) -> Response:
    grant_id = _id(visit, "grant_id")
    try:
        await change(visit.gate, await visit.account(), grant_id)
    except Refusal as refusal:
        reply = told(visit, refusal)
        if refusal.code == "not_administrator":
            reply = replace(reply, context={**reply.context, "problem": await _not_for_a_part(visit, grant_id)})
        return await _grant_page(visit, reply)
    return visit.to(f"{_LIST}/{grant_id}", said=said)


async def _not_for_a_part(visit: Visit, grant_id: UUID) -> dict[str, object]:
    """What's said to who administers only a part of what's open, or nothing of it, and wants more than that allows (B6)."""
    view = await granting.view_grant(visit.gate, await visit.account(), grant_id)
    wanted = all_of(view.npi)
    if view.is_led:
        ways: list[object] = [f"Ask an administrator of {wanted} of your organization."]
    else:
        payer = visit.site.renderer.payer
        ways = [
            {"text": f"Nobody of your organization is one now: add {wanted} to your access.", "href": _ADD},
            f"Or call provider support at {payer.phone}.",
        ]
    return {
        "title": f"Only an administrator of {wanted} can do this",
        "detail": "You can set an earlier end date. Only they can let the access go on for longer, or resume it."
        if view.may_end
        else "Nothing was changed.",
        "next": ways,
    }


async def hold(visit: Visit) -> Response:
    return await _changed(visit, lambda *who: granting.hold(*who, key=visit.key), said="grant-held")


async def resume(visit: Visit) -> Response:
    return await _changed(visit, lambda *who: granting.resume(*who, key=visit.key), said="grant-resumed")


async def set_end_date(visit: Visit) -> Response:
    ends_on = "" if visit.text("clear") else visit.text("ends_on")
    if not ends_on and not visit.text("clear"):
        ends_on = "-"  # nothing typed: refused like what can't be a date, not taken for an end date taken away
    return await _changed(
        visit, lambda *who: granting.set_end_date(*who, ends_on=ends_on, key=visit.key), said="grant-end-date"
    )


async def _revoke_page(visit: Visit, reply: Reply | None = None) -> Response:
    view = await granting.view_grant(visit.gate, await visit.account(), _id(visit, "grant_id"))
    if not view.may_end:
        raise Refusal("grant_ended" if view.state.is_final else "not_administrator")
    return visit.page(
        "grant_revoke.html",
        reply,
        grant=_grant(view),
        action=f"{_LIST}/{view.id}/revoke",
        person=await visit.person(),
        back={"href": f"{_LIST}/{view.id}", "text": view.service},
    )


async def revoke_form(visit: Visit) -> Response:
    return await _revoke_page(visit)


async def revoke(visit: Visit) -> Response:
    """Ends the access for good, so it asks once more: without the check mark nothing is done."""
    if not visit.text("confirmed"):
        missing = {"confirmed": "Confirm that the access ends for good."}
        return await _revoke_page(visit, Reply(context={"errors": missing, "values": visit.form}))
    return await _changed(visit, lambda *who: granting.revoke(*who, key=visit.key), said="grant-revoked")


# Requests.


async def _request_page(visit: Visit, reply: Reply | None = None) -> Response:
    view = await provider_requests.view_request(visit.gate, await visit.account(), _id(visit, "authorization_id"))
    return visit.page(
        "provider_request.html",
        reply,
        request=_request(view),
        action=f"/requests/{view.id}",
        attestation={"text": ATTESTATION_SIGNED_IN, "version": ATTESTATION_VERSION},
        person=await visit.person(),
        back=_BACK,
    )


async def request(visit: Visit) -> Response:
    return await _request_page(visit)


async def decide(visit: Visit) -> Response:
    authorization_id = _id(visit, "authorization_id")
    try:
        await provider_requests.decide_as_administrator(
            visit.gate,
            await visit.account(),
            authorization_id,
            choice=visit.text("choice"),
            role=visit.text("role"),
            attested=bool(visit.text("attested")),
            key=visit.key,
        )
    except Refusal as refusal:
        return await _request_page(visit, told(visit, refusal))
    return visit.to(f"/requests/{authorization_id}")


def _id(visit: Visit, name: str) -> UUID:
    return uuid_of(str(visit.request.path_params[name]))
