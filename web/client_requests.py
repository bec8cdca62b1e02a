"""The pages for asking: up to ten requests in one form, each with its result, and a file of many with its progress (T1, T5)."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.authorization import Code
from domain.time_words import moment_in_words
from portal import authorizing, request_lists
from portal.authorizing import BillingServiceView
from portal.refusals import Kind, Refusal
from portal.request_lists import LineView, ListView
from web.clients import STANDING, accept, limit_in_words
from web.colleagues import scope_in_words, uuid_of
from web.rendering import PAGE_HEADERS
from web.visit import STATUS, Reply, Visit, panel, with_query

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

MOST_ROWS: Final = 10
_MORE: Final = 3
_FIELDS: Final = ("provider_name", "tin", "npi", "contact", "review_reason")
_REFRESH_S: Final = 4
# Refusals of what stands in one field; all others are of the request as a whole.
_AT_FIELD: Final = {
    "contact_own_person": "contact",
    "contact_own_domain": "contact",
    "authorization_contact_limit": "contact",
    "authorization_own_tin": "tin",
}


def routes(page: Routed, form: Routed, upload: Routed) -> list[Route]:
    """The addresses of these pages; before those of single requests, whose ids could be anything."""
    return [
        page("/clients/request", request_form),
        form("/clients/request", send_requests),
        page("/clients/list", list_form),
        upload("/clients/list", send_list),
        page("/clients/lists/{list_id}", list_page),
        page("/clients/lists/{list_id}/rejected", rejected_lines),
        form("/clients/lists/{list_id}/continue", go_on),
    ]


# Up to ten requests in one form.


@dataclass(slots=True)
class _Results:
    """What became of the rows that were sent: what is done, and what goes back into the form."""

    made: list[dict[str, object]] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)
    refused: list[tuple[str, Refusal]] = field(default_factory=list)
    """Providers whose fields are right, but who can't be asked now."""
    errors: dict[str, str] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
    is_away: bool = False


async def request_form(visit: Visit) -> Response:
    return await _form_page(visit, rows=[{}])


async def _form_page(visit: Visit, *, rows: Sequence[dict[str, str]], results: _Results | None = None) -> Response:
    results = results or _Results(status=HTTPStatus.OK)
    values = {f"{name}-{place}": row.get(name, "") for place, row in enumerate(rows, 1) for name in _FIELDS}
    values["billing_id"] = visit.text("billing_id")
    again = {"idempotency_key": visit.text("idempotency_key")} if results.is_away else {}
    services = await authorizing.require_services(visit.gate, (await visit.account()).subject_id)
    problem = await _problem(visit, results.refused, services)
    told = {"values": values, "errors": results.errors, "problem": problem, **again}
    return visit.page(
        "clients_request.html",
        Reply(status=results.status, context=told),
        rows=len(rows),
        most=MOST_ROWS,
        made=results.made,
        services=_choices(services),
        limits=[await limit_in_words(visit, service) for service in services],
        days=visit.gate.limits.authorization_life.days,
        person=await visit.person(),
        back={"href": "/clients", "text": "Clients"},
    )


def _choices(services: Sequence[BillingServiceView]) -> list[tuple[str, str]]:
    return [(str(service.id), f"{service.name}, Tax ID {service.tin_masked}") for service in services]


async def send_requests(visit: Visit) -> Response:
    rows = _typed(visit)
    if visit.text("more"):
        more = [dict[str, str]() for _ in range(_MORE)]
        return await _form_page(visit, rows=[*rows, *more][:MOST_ROWS])
    filled = [row for row in rows if any(text.strip() for text in row.values())] or [{}]
    results = _Results()
    for row in filled:
        await _ask(visit, row, results)
    if not results.left:
        [*_, last] = results.made
        if len(results.made) == 1:
            return visit.to(str(last["href"]), said=str(last["said"]))
        return visit.to("/clients", said="requested-all")
    return await _form_page(visit, rows=results.left, results=results)


def _typed(visit: Visit) -> list[dict[str, str]]:
    """The rows of the form, as many as it says it has."""
    said = visit.text("rows")
    rows = int(said) if said.isascii() and said.isdigit() and len(said) < 3 else 1
    places = range(1, min(max(rows, 1), MOST_ROWS) + 1)
    return [{name: visit.text(f"{name}-{place}") for name in _FIELDS} for place in places]


async def _ask(visit: Visit, row: dict[str, str], results: _Results) -> None:
    """Make one row's request by the same function as everything that asks."""
    service = visit.text("billing_id")
    named = json.dumps([visit.text("idempotency_key"), service, sorted(row.items())])
    try:
        requested = await authorizing.request_access(
            visit.gate, await visit.account(), billing_id=uuid_of(service) if service else None,
            **{name: row.get(name, "") for name in _FIELDS},
            key=hashlib.sha256(named.encode()).hexdigest(),
        )  # fmt: skip
        accept(requested.result)
    except Refusal as refusal:
        if refusal.standing_id and refusal.code in STANDING:
            said = STANDING[refusal.code]
            results.made.append(_done(row, UUID(refusal.standing_id), words=refusal.answer.title, said=said))
            return
        if refusal.kind in {Kind.UNKNOWN, Kind.SIGNED_OUT} or refusal.code == "not_billing_service":
            raise
        results.left.append(row)
        results.status = STATUS[refusal.kind]
        results.is_away = results.is_away or refusal.kind is Kind.AWAY
        if refusal.kind is Kind.FIELDS or refusal.code in _AT_FIELD:
            results.errors.update(_errors(visit, refusal, place=len(results.left)))
        else:
            results.refused.append((" ".join(row.get("provider_name", "").split()), refusal))
        return
    state = requested.result.state
    words = "Our staff look at the contact first" if state == "in_review" else "The e-mail is on its way"
    results.made.append(_done(row, requested.authorization_id, words=words, reference=requested.reference))


def _done(
    row: dict[str, str], authorization_id: UUID, *, words: str, reference: str = "", said: str = "requested"
) -> dict[str, object]:
    return {
        "provider": " ".join(row["provider_name"].split()), "href": f"/clients/{authorization_id}", "words": words,
        "reference": reference, "said": said,
    }  # fmt: skip


async def _problem(
    visit: Visit, refused: Sequence[tuple[str, Refusal]], services: Sequence[BillingServiceView]
) -> dict[str, object] | None:
    """What is the matter with requests whose fields are right, what to do, and when asking is possible again (B6)."""
    if not refused:
        return None
    answers = {refusal.code: panel(refusal) for _, refusal in refused}
    steps = [step for one in answers.values() for step in cast("list[object]", one["next"])]
    # The panel says when in a line of its own, for each provider.
    steps = [step for step in steps if "at the time shown" not in str(step)]
    [first, *others] = answers.values()
    problem = {**first, "next": steps, "rows": _refused_rows(refused)}
    if others:
        problem |= {"title": "These can’t be asked for now", "detail": ""}
    if Code.OPEN_LIMIT in answers:
        asks = [service for service in services if str(service.id) == visit.text("billing_id")] or services
        problem["detail"] = await limit_in_words(visit, asks[0])
    return problem


def _refused_rows(refused: Sequence[tuple[str, Refusal]]) -> list[dict[str, object]]:
    return [
        {
            "provider": provider, "words": refusal.answer.title, "retry_at": refusal.retry_at,
            "href": f"/clients/{refusal.standing_id}" if refusal.standing_id else None,
        }
        for provider, refusal in refused
    ]  # fmt: skip


def _errors(visit: Visit, refusal: Refusal, *, place: int) -> dict[str, str]:
    """The refusal at the fields of its row."""
    if refusal.kind is Kind.FIELDS:
        return {
            defect.field if defect.field == "billing_id" else f"{defect.field}-{place}": defect.message
            for defect in refusal.fields
        }
    answer = refusal.answer
    told = [f"{answer.title}.", *answer.next_steps[:2]]
    if refusal.retry_at is not None:
        when = moment_in_words(refusal.retry_at, visit.gate.zone)
        told = [f"{answer.title}. Name another contact, or ask again from {when} on."]
    return {f"{_AT_FIELD[refusal.code]}-{place}": " ".join(told)}


# A file of many.


async def list_form(visit: Visit) -> Response:
    return await _list_form(visit)


async def _list_form(visit: Visit, reply: Reply | None = None) -> Response:
    principal = await visit.account()
    services = await authorizing.require_services(visit.gate, principal.subject_id)
    return visit.page(
        "clients_list.html",
        reply,
        action="/clients/list",
        services=_choices(services),
        limits=[await limit_in_words(visit, service) for service in services],
        lists=[_list(view) for view in await request_lists.list_lists(visit.gate, principal)],
        person=await visit.person(),
        back={"href": "/clients", "text": "Clients"},
    )


async def send_list(visit: Visit) -> Response:
    principal = await visit.account()
    service = visit.text("billing_id")
    try:
        batch_id = await request_lists.send_list(
            visit.gate, principal, billing_id=uuid_of(service) if service else None, file=visit.file,
            key=hashlib.sha256(visit.key.encode() + visit.file).hexdigest(),
        )  # fmt: skip
    except Refusal as refusal:
        return await _list_form(visit, visit.again(refusal))
    return visit.to(f"/clients/lists/{batch_id}")


def _list(view: ListView) -> dict[str, object]:
    return {
        "id": str(view.id),
        "href": f"/clients/lists/{view.id}",
        "at": view.at,
        "requester": view.requester,
        "service": view.service.name,
        "lines": view.lines,
        "done": view.done,
        "made": view.made,
        "standing": view.standing,
        "rejected": view.rejected,
        "is_finished": view.finished_at is not None,
    }


def _line(view: LineView) -> dict[str, object]:
    status = {"label": "Waiting", "kind": "waiting"}
    if view.is_made:
        status = {"label": "Asked for", "kind": "good"}
    elif view.stands_already:
        status = {"label": "Stands already", "kind": "neutral"}
    elif view.code:
        status = {"label": "Not asked for", "kind": "stopped"}
    return {
        "number": view.number,
        "provider": view.provider_name,
        "tin_masked": view.tin_masked,
        "scope": scope_in_words(view.npi) if view.tin_masked else "",
        "contact": view.contact_masked,
        "status": status,
        "message": view.message,
        "href": f"/clients/{view.authorization_id}" if view.authorization_id else None,
    }


async def list_page(visit: Visit) -> Response:
    """Loads itself again while lines are waiting, by a header: no script is needed, and `?still=1` stops it."""
    list_id = _list_id(visit)
    only = visit.asked("show") == "rejected"
    page = int(visit.asked("page")) if visit.asked("page").isascii() and visit.asked("page").isdigit() else 1
    found = await request_lists.view_list(
        visit.gate, await visit.account(), list_id, rejected_only=only, page=min(page, 1000)
    )
    here = f"/clients/lists/{list_id}"
    kept = {"show": "rejected" if only else "", "still": visit.asked("still")[:1]}
    refreshes = found.view.finished_at is None and not visit.asked("still")
    response = visit.page(
        "clients_batch.html",
        batch=_list(found.view),
        rows=[_line(row) for row in found.rows],
        only=only,
        refreshes=refreshes,
        here=here,
        pagination={
            "page": found.page,
            "pages": found.pages,
            "total": found.view.rejected if only else found.view.lines,
            "previous_href": with_query(here, **kept, page=str(found.page - 1)) if found.page > 1 else None,
            "next_href": with_query(here, **kept, page=str(found.page + 1)) if found.page < found.pages else None,
        },
        person=await visit.person(),
        back={"href": "/clients", "text": "Clients"},
    )
    if refreshes:
        response.headers["Refresh"] = str(_REFRESH_S)
    return response


async def rejected_lines(visit: Visit) -> Response:
    """The lines to correct, as a file to save."""
    text = await request_lists.rejected_file(visit.gate, await visit.account(), _list_id(visit))
    headers = {**PAGE_HEADERS, "Content-Disposition": 'attachment; filename="rejected-lines.csv"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


async def go_on(visit: Visit) -> Response:
    await request_lists.go_on(visit.gate, await visit.account(), _list_id(visit))
    return visit.to(f"/clients/lists/{_list_id(visit)}")


def _list_id(visit: Visit) -> UUID:
    return uuid_of(str(visit.request.path_params["list_id"]))
