"""The pages of a signed-in person: access, messages, account security."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from starlette.responses import Response

from domain.client_words import WAITING, ClientStatus
from portal import account, clients, sessions
from portal.account import AccessOrder, AccessView, AccountView, MessageView
from portal.refusals import Refusal
from portal.sessions import Principal
from web.adding import open_additions
from web.visit import Reply, Visit

_STATUS: Final[Mapping[str, Mapping[str, str]]] = {
    "open": {"label": "Open", "kind": "good"},
    "ended": {"label": "Ended", "kind": "neutral"},
}
_VIA: Final = {
    "payment": "Payment",
    "notice": "Non-payment notice",
    "invitation": "Invitation",
    "letter": "US Mail",
    "staff": "Provider support",
    "billing": "Own registration",
}
# Where a message leads, by the beginning of its page's address.
_WAYS: Final = {
    "clients/": "Look at the request",
    "requests/": "Look at the request",
    "billing-services/": "Look at the access",
}
_OF_CLIENTS: Final = frozenset(
    {"billing_registered", "billing_added", "grant_held", "grant_resumed", "grant_ended", "grant_end_date"}
)
"""Kinds of messages to a billing service that are of no single request."""
_ORDERS: Final = {
    "organization": (AccessOrder.ORGANIZATION, False),
    "-organization": (AccessOrder.ORGANIZATION, True),
    "since": (AccessOrder.OPENED, False),
    "-since": (AccessOrder.OPENED, True),
    "status": (AccessOrder.STATUS, False),
    "-status": (AccessOrder.STATUS, True),
}


async def _person(visit: Visit) -> tuple[Principal, AccountView, dict[str, object]]:
    principal = await visit.account()
    view = await account.view_account(visit.gate, principal)
    return (
        principal,
        view,
        {"name": view.name, "unread": view.unread_messages, "sides": view.sides, "newcomers": view.has_notices},
    )


def _row(view: AccessView) -> dict[str, object]:
    """A row of the table. A billing service has no NPIs, and sees no provider by itself."""
    bills = view.kind == "billing"
    return {
        "organization": view.organization,
        "note": "Billing service" if bills else None,
        "tin_masked": view.tin_masked,
        "npi": "–" if bills else view.npi,
        "since": view.opened_at,
        "via": _VIA.get(view.via, view.via),
        "status": _STATUS.get(view.status, {"label": view.status, "kind": "neutral"}),
        "next": None,
    }


def _addition_row(addition: Mapping[str, object]) -> dict[str, object]:
    """What is being added, beside the access there is: its status at the right, and its next step."""
    return {
        "organization": addition["organization"] or "Being added",
        "reference": addition["reference"],
        "tin_masked": addition["tin_masked"] or "–",
        "npi": "–",
        # Several that have shown nothing yet are told apart by when they were begun.
        "begun": None if addition["tin_masked"] else addition["started_at"],
        "since": None,
        "via": "–",
        "status": addition["status"],
        "next": None,
        "deadline": addition["deadline"],
        "go_on": addition["next"],
    }


async def access(visit: Visit) -> Response:
    principal, view, person = await _person(visit)
    sort = visit.asked("sort") if visit.asked("sort") in _ORDERS else "organization"
    order, descending = _ORDERS[sort]
    search, status = visit.asked("q")[:60], visit.asked("status")
    rows = await account.list_access(
        visit.gate, principal, search=search, status=status, order=order, descending=descending
    )
    additions = [] if search or status not in {"", "adding"} else await open_additions(visit, principal)
    return visit.page(
        "access.html",
        rows=[*map(_addition_row, additions), *(_row(row) for row in rows)],
        add_href="/access/add",
        clients=await _clients(visit, principal) if "billing" in view.sides else None,
        only_bills=view.sides == {"billing"},
        sort=sort,
        filters={"q": search, "status": status},
        status_options=[("", "All"), ("adding", "Being added"), ("open", "Open"), ("ended", "Ended")],
        person=person,
    )


async def _clients(visit: Visit, principal: Principal) -> dict[str, object]:
    """How many clients a billing service has, and how many it waits for; each is on a page of its own (T5, T6)."""
    counts = await clients.count_clients(visit.gate, principal)
    return {
        "href": "/clients",
        "request_href": "/clients/request",
        "open": counts.get(ClientStatus.ACCESS, 0),
        "waiting": sum(number for status, number in counts.items() if status in WAITING),
        "total": sum(counts.values()),
    }


async def messages(visit: Visit) -> Response:
    principal, _, person = await _person(visit)
    rows = [
        {
            "href": f"/messages/{message.id}",
            "subject": message.subject,
            "sent_at": message.at,
            "unread": message.read_at is None,
            "excerpt": message.paragraphs[0],
        }
        for message in await account.list_messages(visit.gate, principal)
    ]
    return visit.page("messages.html", rows=rows, person=person)


async def message(visit: Visit) -> Response:
    """One message. Looking at it doesn't mark it (I14: reading changes nothing); its button does."""
    principal, _, person = await _person(visit)
    shown = await account.view_message(visit.gate, principal, _uuid(visit.request.path_params["message_id"]))
    return visit.page(
        "message.html",
        message={"subject": shown.subject, "sent_at": shown.at, "paragraphs": list(shown.paragraphs)},
        links_below=_links(shown),
        mark_read_action=None if shown.read_at else f"/messages/{shown.id}/read",
        person=person,
    )


def _links(message: MessageView) -> list[dict[str, str]]:
    """Where one can do something about it."""
    if message.kind in _OF_CLIENTS:
        return [{"text": "Look at your clients", "href": "/clients"}]
    return [
        {"text": words, "href": f"/{message.page}"}
        for begins, words in _WAYS.items()
        if message.page.startswith(begins)
    ]


async def mark_read(visit: Visit) -> Response:
    principal = await visit.account()
    await account.mark_read(visit.gate, principal, _uuid(visit.request.path_params["message_id"]))
    return visit.to("/messages")


async def security(visit: Visit) -> Response:
    return await _security_page(visit)


async def _security_page(visit: Visit, reply: Reply | None = None) -> Response:
    principal, view, person = await _person(visit)
    listed = [
        {
            "id": str(session.id),
            "device": session.client or "Unknown browser",
            "started_at": session.created_at,
            "seen_at": session.used_at,
            "current": session.id == principal.session_id,
        }
        for session in await sessions.list_open(visit.gate, principal)
    ]
    return visit.page(
        "account_security.html",
        reply,
        sessions=listed,
        revoke_action="/security/sessions/end",
        sign_out_all_action="/security/sessions/end-others",
        recovery_left=view.recovery_codes_left,
        recovery_total=visit.gate.limits.recovery_codes,
        new_codes_action="/security/recovery-codes",
        email=view.email,
        person=person,
    )


async def end_session(visit: Visit) -> Response:
    await sessions.revoke(visit.gate, await visit.account(), _uuid(visit.text("session")))
    return visit.to("/security", said="session-ended")


async def end_other_sessions(visit: Visit) -> Response:
    await sessions.revoke_others(visit.gate, await visit.account())
    return visit.to("/security", said="sessions-ended")


async def new_recovery_codes(visit: Visit) -> Response:
    """Shown once, in the answer to the form: the codes in clear are kept nowhere."""
    principal, _, person = await _person(visit)
    try:
        codes = await account.new_recovery_codes(visit.gate, principal, code=visit.text("code"))
    except Refusal as refusal:
        return await _security_page(visit, visit.again(refusal, on={"second_factor_wrong": "code"}))
    return visit.page(
        "recovery_codes.html", action="/security/recovery-codes/saved", codes=codes, signed_up=False, person=person
    )


async def new_recovery_codes_saved(visit: Visit) -> Response:
    await visit.account()
    return visit.to("/security", said="codes-replaced")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal("not_found") from None
