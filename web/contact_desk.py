"""Staff's pages of business contacts: the queue, and one request with its verdicts and what can be done (T2, T7, B11)."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.authorization import State
from domain.client_words import WORDS, ClientStatus
from portal import billing_desk, contact_desk, contact_review, staff
from portal.contact_desk import DeskAction, DeskRequest, Verdict
from portal.refusals import Kind, Refusal
from portal.staff import StaffMember
from web.visit import STATUS, Reply, Visit, panel

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_REASONED: Final = (
    (DeskAction.SEND, "Have the mail sent", "What you found out; colleagues read it", "Say send"),
    (DeskAction.REFUSE, "Refuse this contact", "What you found out; the request ends with it", "Say refuse"),
)
_VERDICTS: Final = {Verdict.SEND: "Says that it may be sent.", Verdict.REFUSE: "Refused this contact."}
_DELIVERY: Final = {
    "none": "Nothing was mailed to this contact",
    "due": "On its way out",
    "sent": "Sent",
    "delivered": "Delivered",
    "bounced": "Came back",
}
# The page's names of what the portal reads: several forms are on one page.
_FIELDS: Final = {
    "correct": {"contact": "contact_address", "reason": "contact_reason"},
    "limit": {"reason": "limit_reason"},
}
_APPROVED: Final = ("Approved", "good")


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages."""
    return [
        page("/staff/contacts", queue),
        page("/staff/contacts/{authorization_id}", request_page),
        form("/staff/contacts/{authorization_id}", act),
    ]


async def _member(visit: Visit) -> StaffMember:
    return await staff.authenticate(visit.gate, visit.request.cookies.get(visit.site.cookies.staff))


def _frame(member: StaffMember) -> dict[str, str]:
    return {"name": member.name, "role": str(member.role)}


def _id(visit: Visit) -> UUID:
    try:
        return UUID(visit.request.path_params["authorization_id"])
    except ValueError:
        raise Refusal("not_found") from None


async def queue(visit: Visit) -> Response:
    member = await _member(visit)
    reference, problem = visit.asked("reference")[:20], None
    if reference.strip():
        try:
            return visit.to(f"/staff/contacts/{await contact_desk.find(visit.gate, member, reference)}")
        except Refusal as refusal:
            problem = panel(refusal)
    found = await contact_desk.list_queue(visit.gate, member)
    rows = [
        {
            "reference": row.reference, "href": f"/staff/contacts/{row.id}", "service": row.service, "provider": row.provider,
            "contact": row.contact, "why": row.why, "waiting_since": row.waiting_since, "due_at": row.due_at,
            "overdue": row.is_overdue, "given_by": row.given_by,
        }
        for row in found.rows
    ]  # fmt: skip
    return visit.page(
        "staff_contacts.html", rows=rows, total=found.total, reference=reference, problem=problem, staff=_frame(member)
    )


async def request_page(visit: Visit) -> Response:
    member = await _member(visit)
    return await _request_page(visit, member, _id(visit))


async def _request_page(
    visit: Visit, member: StaffMember, authorization_id: UUID, reply: Reply | None = None
) -> Response:
    view = await contact_desk.view_request(visit.gate, member, authorization_id)
    return visit.page(
        "staff_contact.html",
        reply,
        request={
            "reference": view.line.reference,
            "state": _state(view.state),
            "why": view.line.why if view.state is State.IN_REVIEW else "",
            "overdue": view.line.is_overdue,
            "rows": _rows(visit, view),
            "verdicts": [
                {"at": one.at, "words": _VERDICTS[one.verdict], "text": one.reason, "who": one.who, "internal": True}
                for one in view.verdicts
            ],
            "contact_version": view.contact_version,
        },
        reasoned=[(str(action), *words) for action, *words in _REASONED if action in view.actions],
        may_resend=DeskAction.RESEND in view.actions,
        may_correct=DeskAction.CORRECT in view.actions,
        limit={"now": view.open_now, "most": view.open_limit, "highest": billing_desk.MOST_OPEN},
        action=f"/staff/contacts/{authorization_id}",
        opened=visit.text("action"),
        staff=_frame(member),
    )


def _state(state: State) -> dict[str, str]:
    if state is State.APPROVED:
        return {"label": _APPROVED[0], "kind": _APPROVED[1]}
    words = WORDS[ClientStatus(state)]
    return {"label": words.label, "kind": words.kind}


def _rows(visit: Visit, view: DeskRequest) -> list[tuple[str, object]]:
    moment = visit.site.renderer.environment.filters["short_moment"]
    line = view.line
    shown: list[tuple[str, object]] = [
        ("Contact", line.contact),
        ("Rule that decided", line.rule),
        ("Requester’s reason", view.requester_reason),
        ("Billing service", f"{line.service}, Tax ID {view.service_tin_masked}"),
        ("Domains of its people", ", ".join(view.service_domains)),
        ("Requester", f"{view.requester}, {view.requester_email}"),
        ("Provider, as named", f"{line.provider}, Tax ID {view.provider_tin_masked}"),
        ("Type 2 NPI", view.npi or ""),
        ("Asked for", moment(view.requested_at)),
        ("Open until", moment(view.deadline)),
        ("To be looked at by", moment(line.due_at) if view.state is State.IN_REVIEW else ""),
        ("Mail", _DELIVERY.get(view.delivery, view.delivery)),
        ("Since", moment(view.delivery_at) if view.delivery_at else ""),
        ("Sent again by the requester", f"{view.resends} times" if view.resends else ""),
    ]
    return [(label, value) for label, value in shown if value]


async def act(visit: Visit) -> Response:
    member, authorization_id = await _member(visit), _id(visit)
    try:
        said = await _act(visit, member, authorization_id)
    except Refusal as refusal:
        if refusal.code in {"not_found", "bad_request"}:
            raise
        if refusal.kind in {Kind.ELSEWHERE, Kind.OVER}:
            reply = Reply(status=STATUS[refusal.kind], context={"problem": panel(refusal), "values": visit.form})
        else:
            reply = visit.again(refusal, fields=_FIELDS.get(visit.text("action")))
        return await _request_page(visit, member, authorization_id, reply)
    return visit.to(f"/staff/contacts/{authorization_id}", said=said)


async def _act(visit: Visit, member: StaffMember, authorization_id: UUID) -> str:
    """Do what the form asks for; returns what is said of it on the next page."""
    gate, key = visit.gate, visit.key
    match visit.text("action"):
        case "send" | "refuse" as verdict:
            version = visit.text("contact_version")
            if not (version.isascii() and version.isdigit() and len(version) < 6):
                raise Refusal("bad_request")
            await contact_review.give_verdict(
                gate, member, authorization_id, contact_version=int(version), verdict=verdict,
                reason=visit.text("reason"), key=key,
            )  # fmt: skip
            return "verdict-given"
        case "resend":
            await contact_review.resend(gate, member, authorization_id, key=key)
            return "request-resent"
        case "correct":
            await contact_review.correct_contact(
                gate, member, authorization_id, contact=visit.text("contact_address"), reason=visit.text("contact_reason"),
                key=key,
            )  # fmt: skip
            return "request-corrected"
        case "limit":
            view = await contact_desk.view_request(gate, member, authorization_id)
            await billing_desk.raise_limit(
                gate, member, view.service_id, limit=visit.text("limit"), reason=visit.text("limit_reason"), key=key
            )
            return "limit-set"
        case _:
            raise Refusal("bad_request")
