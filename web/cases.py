"""The pages of support cases for the person: the forms, the list, and one case with its answer form (P8, P10).

A registrant's are under `/register`, an account's at the top: the address says which session counts.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.case_words import KINDS, PERSON_STATES
from domain.cases import CaseKind, CaseState
from domain.registration import State
from portal import account, cases
from portal.cases import CaseParty, CaseView
from portal.refusals import Refusal
from portal.registration_view import view_registration
from web.visit import Reply, Visit

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

PILLS: Final = {
    CaseState.NEW: "waiting",
    CaseState.CONTACTED: "waiting",
    CaseState.WAITING_FOR_REGISTRANT: "waiting",
    CaseState.LISTED: "good",
    CaseState.ANSWERED: "good",
    CaseState.ACCESS_GIVEN: "good",
    CaseState.DECLINED: "stopped",
    CaseState.WITHDRAWN: "neutral",
    CaseState.UNREACHABLE: "stopped",
}
_LABELS: Final = {
    CaseState.NEW: "With us",
    CaseState.CONTACTED: "With us",
    CaseState.WAITING_FOR_REGISTRANT: "Waits for you",
    CaseState.LISTED: "Listed",
    CaseState.ANSWERED: "Answered",
    CaseState.ACCESS_GIVEN: "Access given",
    CaseState.DECLINED: "Declined",
    CaseState.WITHDRAWN: "Closed",
    CaseState.UNREACHABLE: "Closed",
}

_GOT_IT: Final = frozenset({CaseState.LISTED, CaseState.ACCESS_GIVEN})


@dataclass(frozen=True, slots=True)
class _Owner:
    """Who looks: the party, where its pages are, and what the frame shows."""

    party: CaseParty
    base: str
    person: dict[str, object] | None
    ended: State | None = None  # how its registration ended, if it's over
    is_addition: bool = False


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """An open case, as the other pages of its registration name it. `waits`: for the person's answer."""

    number: str
    href: str
    waits: bool


async def open_request(visit: Visit, registration_id: UUID) -> OpenRequest | None:
    """The open case of a registration, one that waits for the person first (P8)."""
    views = await cases.list_cases(visit.gate, CaseParty(registration_id=registration_id))
    found = [view for view in views if not view.state.is_final]
    if not found:
        return None
    view = next((one for one in found if one.state is CaseState.WAITING_FOR_REGISTRANT), found[0])
    waits = view.state is CaseState.WAITING_FOR_REGISTRANT
    return OpenRequest(view.number, f"/register/cases/{view.id}", waits)


async def _owner(visit: Visit) -> _Owner:
    if visit.request.url.path.startswith("/register/"):
        principal = await visit.registration()
        registration = await view_registration(visit.gate, principal.subject_id)
        ended = registration.state if registration.state.is_final else None
        return _Owner(CaseParty.of(principal), "/register", None, ended, registration.is_addition)
    principal = await visit.account()
    view = await account.view_account(visit.gate, principal)
    return _Owner(
        CaseParty.of(principal),
        "",
        {"name": view.name, "unread": view.unread_messages, "sides": view.sides, "newcomers": view.has_notices},
    )


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages."""
    found = [page("/register/not-listed", not_listed), form("/register/not-listed", send_not_listed)]
    for base in ("", "/register"):
        found += [
            page(f"{base}/help", help_form),
            form(f"{base}/help", send_help),
            page(f"{base}/cases", case_list),
            page(f"{base}/cases/{{case_id}}", case_page),
            form(f"{base}/cases/{{case_id}}/answer", send_answer),
            form(f"{base}/cases/{{case_id}}/close", close_case),
        ]
    return found


def _form_page(visit: Visit, owner: _Owner, kind: CaseKind, reply: Reply | None = None) -> Response:
    back = {"href": "/register/organization", "text": "Your organization"}
    if not owner.base:
        back = {"href": "/access", "text": "Tax ID & NPI access"}
    return visit.page(
        "case_not_listed.html" if kind is CaseKind.NOT_LISTED else "case_help.html",
        reply,
        action=f"{owner.base}/{'not-listed' if kind is CaseKind.NOT_LISTED else 'help'}",
        person=owner.person,
        back=back,
    )


async def _show_form(visit: Visit, kind: CaseKind) -> Response:
    """The form; or, where one was sent already, the case that came of it."""
    owner = await _owner(visit)
    for view in await cases.list_cases(visit.gate, owner.party):
        if view.kind is kind and not view.state.is_final:
            return visit.to(f"{owner.base}/cases/{view.id}")
    return _form_page(visit, owner, kind)


async def _send_form(visit: Visit, kind: CaseKind) -> Response:
    owner = await _owner(visit)
    try:
        opened = await cases.open_case(
            visit.gate,
            owner.party,
            kind=kind,
            key=visit.key,
            organization=visit.text("organization"),
            tin=visit.text("tin"),
            npi=visit.text("npi"),
            address=visit.text("address"),
            telephone_number=visit.text("telephone"),
            best_time=visit.text("best_time"),
            note=visit.text("note"),
        )
    except Refusal as refusal:
        if refusal.code == "case_open":
            return visit.to(f"{owner.base}/{'not-listed' if kind is CaseKind.NOT_LISTED else 'help'}")
        return _form_page(visit, owner, kind, visit.again(refusal))
    return visit.to(f"{owner.base}/cases/{opened.case_id}")


async def not_listed(visit: Visit) -> Response:
    return await _show_form(visit, CaseKind.NOT_LISTED)


async def send_not_listed(visit: Visit) -> Response:
    return await _send_form(visit, CaseKind.NOT_LISTED)


async def help_form(visit: Visit) -> Response:
    return await _show_form(visit, CaseKind.HELP)


async def send_help(visit: Visit) -> Response:
    return await _send_form(visit, CaseKind.HELP)


async def case_list(visit: Visit) -> Response:
    owner = await _owner(visit)
    rows = [
        {
            "number": view.number,
            "href": f"{owner.base}/cases/{view.id}",
            "title": KINDS[view.kind],
            "state": _pill(view.state),
            "opened_at": view.opened_at,
        }
        for view in await cases.list_cases(visit.gate, owner.party)
    ]
    return visit.page(
        "case_list.html",
        rows=rows,
        new_href=_new_case(owner),
        person=owner.person,
        registration_href=_registration(owner),
    )


def _registration(owner: _Owner) -> str | None:
    """Where a registrant goes on: the page leads to the open step. None for an account, and once the registration is over."""
    return "/register/organization" if owner.base and not owner.ended else None


def _new_case(owner: _Owner) -> str | None:
    """Where something else can be asked; nobody answers for a registration that ended without an account."""
    if owner.ended:
        return "/help" if owner.ended is State.COMPLETED else None
    return f"{owner.base}/help"


def _after_the_end(owner: _Owner) -> dict[str, str]:
    """What there is to do once the registration itself is over: nothing of it can be proved any more."""
    if owner.ended is State.COMPLETED:
        return {"text": "Go to Tax ID & NPI access", "href": "/access"}
    if owner.is_addition:
        return {"text": "Add a Tax ID or NPI", "href": "/access/add"}
    return {"text": "Start a new registration", "href": "/register"}


def _next_steps(owner: _Owner, view: CaseView) -> list[dict[str, str]]:
    """What the person can do when a case has ended without what they asked for."""
    if not view.state.is_final or view.state in _GOT_IT:
        return []
    if owner.ended:
        return [_after_the_end(owner)]
    form = "not-listed" if view.kind is CaseKind.NOT_LISTED else "help"
    again = {"text": "Open another case", "href": f"{owner.base}/{form}"}
    if view.state is CaseState.ANSWERED:
        return [again]
    if not owner.base:
        return [{"text": "Add the organization with a payment or by US Mail", "href": "/access/add"}, again]
    return [
        {"text": "Prove your organization with a payment or notice", "href": "/register/payment"},
        {"text": "Register with US Mail", "href": "/register/letter"},
        again,
    ]


def _case_page(visit: Visit, owner: _Owner, view: CaseView, reply: Reply | None = None) -> Response:
    path = f"{owner.base}/cases/{view.id}"
    rows: list[tuple[str, object]] = [("Organization", view.organization)] if view.organization else []
    if view.tin_masked:
        rows.append(("Tax ID", view.tin_masked))
    day = visit.site.renderer.environment.filters["day"]
    rows.append(("Opened", day(view.opened_at)))
    if view.due_at and not view.state.is_final:
        rows.append(("Our next step", day(view.due_at)))
    if view.answer_by:
        rows.append(("Please answer by", day(view.answer_by)))
    onward = None
    if view.state in _GOT_IT:
        onward = _after_the_end(owner) if owner.ended else {"text": "Go on", "href": _registration(owner) or "/access"}
    return visit.page(
        "case_page.html",
        reply,
        case={
            "number": view.number,
            "title": KINDS[view.kind],
            "state": _pill(view.state),
            "words": PERSON_STATES[view.state],
            "rows": rows,
            "timeline": view.timeline,
            "is_open": not view.state.is_final,
            "asks": view.state is CaseState.WAITING_FOR_REGISTRANT,
        },
        answer_action=f"{path}/answer",
        close_action=f"{path}/close",
        onward=onward,
        next_steps=_next_steps(owner, view),
        registration_href=_registration(owner),
        person=owner.person,
        back={"href": f"{owner.base}/cases", "text": "Your cases"},
    )


async def case_page(visit: Visit) -> Response:
    owner = await _owner(visit)
    return _case_page(visit, owner, await cases.view_case(visit.gate, owner.party, case_id_of(visit)))


async def send_answer(visit: Visit) -> Response:
    owner, case_id = await _owner(visit), case_id_of(visit)
    try:
        await cases.answer(visit.gate, owner.party, case_id, text=visit.text("text"), key=visit.key)
    except Refusal as refusal:
        if refusal.code == "case_over":
            return visit.to(f"{owner.base}/cases/{case_id}")
        view = await cases.view_case(visit.gate, owner.party, case_id)
        return _case_page(visit, owner, view, visit.again(refusal))
    return visit.to(f"{owner.base}/cases/{case_id}")


async def close_case(visit: Visit) -> Response:
    owner, case_id = await _owner(visit), case_id_of(visit)
    try:
        await cases.withdraw(visit.gate, owner.party, case_id, key=visit.key)
    except Refusal as refusal:
        if refusal.code != "case_over":  # closed already, perhaps in another tab: its page says so
            raise
    return visit.to(f"{owner.base}/cases/{case_id}")


def case_id_of(visit: Visit) -> UUID:
    """The id in the address. Raises `Refusal` (`not_found`) for something that can't be one (I15)."""
    try:
        return UUID(visit.request.path_params["case_id"])
    except ValueError:
        raise Refusal("not_found") from None


def _pill(state: CaseState) -> dict[str, str]:
    return {"label": _LABELS[state], "kind": PILLS[state]}
