"""The pages of a billing service's clients: the list with the status at the right, one request with what happened, what to do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.authorization import AuthorizationResult, Code
from domain.client_words import WAITING, WORDS, ClientStatus, NextStep, meaning_of
from domain.time_words import moment_in_words
from portal import authorizing, clients
from portal.authorizing import BillingServiceView
from portal.clients import ClientOrder, ClientView
from portal.refusals import Kind, Refusal
from web.colleagues import scope_in_words, told, uuid_of
from web.rendering import phrase
from web.visit import STATUS, Reply, Visit, panel, with_query

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_SORTS: Final = (
    ("-requested", "Newest first"),
    ("requested", "Oldest first"),
    ("provider", "Provider"),
    ("-provider", "Provider, backwards"),
    ("deadline", "Deadline"),
    ("-deadline", "Deadline, latest first"),
    ("status", "Status"),
    ("-status", "Status, backwards"),
)
_DELIVERY: Final[Mapping[str, str]] = {
    "none": "Not mailed yet",
    "due": "Being mailed",
    "sent": "Mailed",
    "delivered": "Delivered",
    "bounced": "Came back",
}
_BEING_MAILED: Final = "We are sending our e-mail to the business contact."
_SEARCH_LENGTH: Final = 320
_INSTANT: Final = timedelta(microseconds=1)


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages; those of `web.client_requests` come before them."""
    return [
        page("/clients", client_list),
        page("/clients/{authorization_id}", client_page),
        form("/clients/{authorization_id}/resend", resend),
        page("/clients/{authorization_id}/cancel", cancel_form),
        form("/clients/{authorization_id}/cancel", cancel),
        page("/clients/{authorization_id}/contact", contact_form),
        form("/clients/{authorization_id}/contact", correct_contact),
        page("/clients/{authorization_id}/again", again_form),
        form("/clients/{authorization_id}/again", request_again),
    ]


# The list.


def pill(status: ClientStatus) -> dict[str, object]:
    words = WORDS[status]
    return {"label": words.label, "kind": words.kind}


def client(view: ClientView) -> dict[str, object]:
    """A client as the templates show it; `actions` are what can be done now."""
    is_open = bool(view.days_left)  # also while staff look at the contact, not past the deadline
    may_resend = view.next_step in {NextStep.REMIND, NextStep.CORRECT} and view.resends_left > 0
    # The last moment with the access: its end is the first one without, often the midnight after its last day.
    until = view.access_until - _INSTANT if view.access_until else None
    here = f"/clients/{view.id}"
    return {
        "id": str(view.id),
        "href": here,
        "reference": view.reference,
        "provider": view.provider_name,
        "tin_masked": view.tin_masked,
        "scope": scope_in_words(view.npi),
        "service": view.service.name,
        "contact": view.contact_masked,
        "requester": "you" if view.is_own else view.requester,
        "requested_at": view.requested_at,
        "mail": "Not mailed" if view.delivery == "none" and view.status not in WAITING else _DELIVERY[view.delivery],
        "mail_at": view.delivery_at,
        "reminders": view.reminders,
        "reminded_at": view.reminded_at,
        "until": view.deadline if view.days_left is not None else None,
        "days_left": view.days_left,
        "ended_at": view.ended_at,
        "since": view.access_since,
        "access_until": until,
        "open_until": until if view.status in {ClientStatus.ACCESS, ClientStatus.ON_HOLD} else None,
        "status": pill(view.status),
        "meaning": _meaning(view),
        "is_waiting": view.status in WAITING,
        "is_held": view.status is ClientStatus.ON_HOLD,
        "resend_href": f"{here}/resend" if may_resend and view.resend_at is None else None,
        "resend_at": view.resend_at if may_resend else None,
        "resends_left": view.resends_left,
        "contact_href": f"{here}/contact" if is_open and view.corrections_left else None,
        "corrections_left": view.corrections_left,
        "cancel_href": f"{here}/cancel" if is_open else None,
        "again_href": f"{here}/again" if view.next_step is NextStep.AGAIN and view.again_at is None else None,
        "again_at": view.again_at if view.next_step is NextStep.AGAIN else None,
        "next_step": str(view.next_step),
    }


def _meaning(view: ClientView) -> str:
    if view.status is ClientStatus.SENT and view.delivery == "due":
        return _BEING_MAILED
    return meaning_of(
        view.status, closing_code=view.closing_code, delivery=view.delivery, is_contested=view.is_contested
    )


async def client_list(visit: Visit) -> Response:
    return await _list_page(visit)


async def _list_page(visit: Visit, reply: Reply | None = None) -> Response:
    principal = await visit.account()
    sort = visit.asked("sort") if visit.asked("sort") in dict(_SORTS) else "-requested"
    status = _status(visit.asked("status"))
    search = visit.asked("q")[:_SEARCH_LENGTH]
    found = await clients.list_clients(
        visit.gate, principal, search=search, status=status, order=ClientOrder(sort.removeprefix("-")),
        descending=sort.startswith("-"), page=_number(visit.asked("page")),
    )  # fmt: skip
    kept = {"q": search, "status": status or "", "sort": sort}
    every = sum(found.counts.values())
    return visit.page(
        "clients.html",
        reply,
        rows=[client(view) for view in found.rows],
        several=len({view.service.id for view in found.rows}) > 1,
        sort=sort,
        sorts=_SORTS,
        filters={"q": search, "status": status or ""},
        status_options=[
            ("", f"All ({every})"),
            *((str(one), f"{WORDS[one].label} ({found.counts.get(one, 0)})") for one in ClientStatus),
        ],
        pagination={
            "page": found.page,
            "pages": found.pages,
            "total": found.total,
            "previous_href": with_query("/clients", **kept, page=str(found.page - 1)) if found.page > 1 else None,
            "next_href": with_query("/clients", **kept, page=str(found.page + 1)) if found.page < found.pages else None,
        },
        person=await visit.person(),
    )


def _status(text: str) -> ClientStatus | None:
    return ClientStatus(text) if text in list(ClientStatus) else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


# One request.


async def _client_page(visit: Visit, reply: Reply | None = None) -> Response:
    details = await clients.view_client(visit.gate, await visit.account(), request_id(visit))
    return visit.page(
        "clients_page.html",
        reply,
        client=client(details.client),
        timeline=[
            {"at": line.at, "words": line.words, "who": line.who, "text": "", "internal": False}
            for line in details.timeline
        ],
        others=[
            {"href": f"/clients/{one.id}", "reference": one.reference, "at": one.requested_at, "status": pill(one.status)}
            for one in details.others
        ],
        person=await visit.person(),
        back={"href": "/clients", "text": "Clients"},
    )  # fmt: skip


async def client_page(visit: Visit) -> Response:
    return await _client_page(visit)


async def resend(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        accept(await authorizing.resend(visit.gate, principal, request_id(visit), key=visit.key))
    except Refusal as refusal:
        return await _client_page(visit, _again(visit, refusal))
    return visit.to(f"/clients/{request_id(visit)}", said="request-resent")


async def cancel_form(visit: Visit) -> Response:
    """Asks once more: the contact's links are dead with it. One that is over by now is shown as it stands."""
    details = await clients.view_client(visit.gate, await visit.account(), request_id(visit))
    view = client(details.client)
    if view["cancel_href"] is None:
        return visit.to(str(view["href"]))
    return visit.page(
        "clients_cancel.html",
        client=view,
        person=await visit.person(),
        back={"href": view["href"], "text": f"Request {view['reference']}"},
    )


async def cancel(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        accept(await authorizing.cancel(visit.gate, principal, request_id(visit), key=visit.key))
    except Refusal as refusal:
        return await _client_page(visit, _again(visit, refusal))
    return visit.to(f"/clients/{request_id(visit)}", said="request-cancelled")


async def _contact_page(visit: Visit, reply: Reply | None = None, *, again: bool = False) -> Response:
    details = await clients.view_client(visit.gate, await visit.account(), request_id(visit))
    view = client(details.client)
    return visit.page(
        "clients_contact.html",
        reply,
        client=view,
        again=again,
        action=f"{view['href']}/{'again' if again else 'contact'}",
        person=await visit.person(),
        back={"href": view["href"], "text": f"Request {view['reference']}"},
    )


async def contact_form(visit: Visit) -> Response:
    details = await clients.view_client(visit.gate, await visit.account(), request_id(visit))
    if details.client.status in WAITING and not details.client.corrections_left:
        return await _contact_page(visit, _again(visit, Refusal(Code.CORRECTIONS_LIMIT)))
    return await _contact_page(visit)


async def correct_contact(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        result = await authorizing.correct_contact(
            visit.gate, principal, request_id(visit), contact=visit.text("contact"),
            review_reason=visit.text("review_reason"), key=visit.key,
        )  # fmt: skip
        accept(result)
    except Refusal as refusal:
        reply = _again(visit, refusal, on=OF_THE_CONTACT)
        if refusal.code == Code.CONTACT_UNCHANGED:
            details = await clients.view_client(visit.gate, principal, request_id(visit))
            words = f"{refusal.answer.title}. {_sending_again(visit, details.client)}"
            reply = replace(reply, context={**reply.context, "errors": {"contact": words}})
        return await _contact_page(visit, reply)
    return visit.to(f"/clients/{request_id(visit)}", said="request-corrected")


def _sending_again(visit: Visit, view: ClientView) -> str:
    """Whether the mail can be sent to the same contact again, and where or from when on (T7)."""
    if view.status is ClientStatus.IN_REVIEW:
        return "Our staff look at it first; nothing was mailed yet."
    if not view.resends_left:
        return "The mail was sent again as often as you can ask for it. Contact them directly, and tell them the reference."
    if view.resend_at is not None:
        return f"You can have the mail sent again from {moment_in_words(view.resend_at, visit.gate.zone)} on."
    return f"Send the mail again instead: request {view.reference} has a button for it."


async def again_form(visit: Visit) -> Response:
    return await _contact_page(visit, again=True)


async def request_again(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        requested = await authorizing.request_again(
            visit.gate, principal, request_id(visit), contact=visit.text("contact"), key=visit.key
        )
        accept(requested.result)
    except Refusal as refusal:
        if refusal.standing_id and refusal.code != "authorization_cool_down":
            return visit.to(f"/clients/{refusal.standing_id}", said=STANDING.get(refusal.code, ""))
        reply = _again(visit, refusal, on=OF_THE_CONTACT)
        if refusal.code == Code.OPEN_LIMIT:
            details = await clients.view_client(visit.gate, principal, request_id(visit))
            problem = {**panel(refusal), "detail": await limit_in_words(visit, details.client.service)}
            reply = replace(reply, context={**reply.context, "problem": problem})
        return await _contact_page(visit, reply, again=True)
    return visit.to(f"/clients/{requested.authorization_id}", said="requested")


# What these pages share.

OF_THE_CONTACT: Final = {
    "contact_own_person": "contact",
    "contact_own_domain": "contact",
    "contact_unchanged": "contact",
}
STANDING: Final = {"authorization_open": "asked-already", "authorization_granted": "granted-already"}
"""What is said on the page of the request that stands in the way of another one."""


async def limit_in_words(visit: Visit, service: BillingServiceView) -> str:
    """How many requests may be open at one time, how many are, and how many are left (B6)."""
    room = await authorizing.room_of(visit.gate, service)
    most = phrase(room.limit, "request", "requests")
    return f"{service.name} can have {most} open at one time: {room.open} open now, {room.left} left."


def accept(result: AuthorizationResult) -> None:
    """Raises `Refusal` for a step that was looked at and isn't accepted."""
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at, standing_id=result.standing_id)


def _again(visit: Visit, refusal: Refusal, *, on: Mapping[str, str] | None = None) -> Reply:
    """The page once more with the refusal. One that is over stays on the request's own page, which says how it ended."""
    if refusal.kind is Kind.OVER:
        answer = refusal.answer
        problem = {"title": answer.title, "detail": answer.detail, "next": list(answer.next_steps)}
        return Reply(status=STATUS[refusal.kind], context={"values": visit.form, "problem": problem})
    if on and refusal.code in on:
        answer = refusal.answer
        reply = visit.again(refusal, on=on)
        words_of = {on[refusal.code]: f"{answer.title}. {' '.join(answer.next_steps)}"}
        asks_reason = refusal.code == "contact_own_domain"
        return Reply(status=reply.status, context={**reply.context, "errors": words_of, "asks_reason": asks_reason})
    return told(visit, refusal)


def request_id(visit: Visit) -> UUID:
    """Raises `Refusal` (`not_found`): an id of another form is an unknown one (I15)."""
    return uuid_of(str(visit.request.path_params["authorization_id"]))
