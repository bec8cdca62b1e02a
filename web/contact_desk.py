"""Staff's pages of business contacts: the queue, and one request with its verdicts and what can be done (T2, T7, B11)."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.authorization import State
from domain.client_words import WORDS, status_of_request
from domain.grant_rights import all_of
from domain.grants import Ending, HeldBy
from domain.grants import State as AccessState
from domain.mail_domains import spelled_out
from portal import billing_desk, contact_access, contact_desk, contact_review
from portal.contact_access import AccessView, HeldOrder
from portal.contact_desk import DeskAction, DeskRequest, QueueOrder, Said, Verdict
from portal.refusals import Kind, Refusal
from portal.staff import StaffMember
from web.at_desk import frame_of, member_of
from web.visit import STATUS, Reply, Visit, panel

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_REASONED: Final = (
    (DeskAction.SEND, "Have the mail sent", "What you found out; colleagues read it", "Approve sending"),
    (DeskAction.REFUSE, "Refuse this contact", "What you found out; the request ends with it", "Refuse"),
)
_VERDICTS: Final = {Verdict.SEND: "Approved sending.", Verdict.REFUSE: "Refused this contact."}
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
_ORDERS: Final = ("waiting", "-waiting", "service", "-service")
_ACCESS: Final = {
    AccessState.OPEN: ("Access open", "good"),
    AccessState.HELD: ("On hold", "stopped"),
    AccessState.ENDED: ("Access ended", "neutral"),
}
_ENDINGS: Final = {Ending.REVOKED: "The provider ended it", Ending.LAPSED: "Its end date came"}


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages."""
    return [
        page("/staff/contacts", queue),
        page("/staff/contacts/{authorization_id}", request_page),
        form("/staff/contacts/{authorization_id}", act),
    ]


def _id(visit: Visit) -> UUID:
    try:
        return UUID(visit.request.path_params["authorization_id"])
    except ValueError:
        raise Refusal("not_found") from None


async def queue(visit: Visit) -> Response:
    """The contacts to look at, or the accesses on hold after an objection; with a reference, that request."""
    member = await member_of(visit)
    reference, reply = visit.asked("reference")[:40], None
    if reference.strip():
        try:
            return visit.to(f"/staff/contacts/{await contact_desk.find(visit.gate, member, reference)}")
        except Refusal as refusal:
            reply = visit.again(refusal)
    held_shown, said = visit.asked("show") == "objected", visit.asked("said")
    sort = visit.asked("sort") if visit.asked("sort") in _ORDERS else "waiting"
    by_service, descending = sort.endswith("service"), sort.startswith("-")
    number = visit.asked("page")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    held = await contact_access.list_held(
        visit.gate, member, order=HeldOrder.SERVICE if by_service else HeldOrder.SINCE, descending=descending,
        page=page if held_shown else 1,
    )  # fmt: skip
    found = await contact_desk.list_queue(
        visit.gate, member, said=Said(said) if said in list(Said) else None,
        order=QueueOrder.SERVICE if by_service else QueueOrder.WAITING, descending=descending, page=page,
    )  # fmt: skip
    shown = held if held_shown else found
    asked = {"show": "objected" if held_shown else "", "said": "" if held_shown else said[:10], "sort": sort}

    def leads_to(wanted: int) -> str | None:
        return "?" + urlencode({**asked, "page": wanted}) if 1 <= wanted <= shown.pages else None

    return visit.page(
        "staff_contacts.html",
        Reply(status=reply.status, context={**reply.context, "values": {"reference": reference}}) if reply else None,
        rows=[{"href": f"/staff/contacts/{row.id}", "line": row} for row in shown.rows],
        total=found.total,
        held=held.total,
        filters=asked,
        sort=sort,
        pagination={"page": shown.page, "pages": shown.pages, "total": shown.total,
                    "previous_href": leads_to(shown.page - 1), "next_href": leads_to(shown.page + 1)},
        staff=frame_of(member),
    )  # fmt: skip


async def request_page(visit: Visit) -> Response:
    member = await member_of(visit)
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
            "state": _state(view),
            "why": view.line.why if view.state is State.IN_REVIEW else "",
            "overdue": view.line.is_overdue,
            "approved_by": view.line.given_by if view.state is State.IN_REVIEW else (),
            "rows": _rows(visit, view),
            "verdicts": [
                {"at": one.at, "words": _VERDICTS[one.verdict], "text": one.reason, "who": one.who, "internal": True}
                for one in view.verdicts
            ],
            "contact_version": view.contact_version,
            "access": _access(visit, view.access) if view.access else None,
            "happened": [
                {"at": one.at, "words": one.words, "text": "", "who": one.who, "internal": False}
                for one in view.happened
            ],
        },
        reasoned=[(str(action), *words) for action, *words in _REASONED if action in view.actions],
        may_resend=DeskAction.RESEND in view.actions,
        may_correct=DeskAction.CORRECT in view.actions,
        limit={"now": view.open_now, "most": view.open_limit, "highest": billing_desk.MOST_OPEN},
        action=f"/staff/contacts/{authorization_id}",
        opened=visit.text("action"),
        staff=frame_of(member),
    )


def _state(view: DeskRequest) -> dict[str, str]:
    """Where the request stands; once it was approved, where the access does."""
    if view.access is not None:
        label, kind = _ACCESS[view.access.state]
        return {"label": label, "kind": kind}
    words = WORDS[status_of_request(view.state, view.closing_code)]
    return {"label": words.label, "kind": words.kind}


def _access(visit: Visit, access: AccessView) -> dict[str, object]:
    """The access that was opened: how it stands, and who can do what next."""
    filters = visit.site.renderer.environment.filters
    moment, day = filters["short_moment"], filters["day"]
    people = "; ".join(f"{one.name}, {spelled_out(one.email)}" for one in access.administrators)
    partial = "; ".join(
        f"{one.name}, {spelled_out(one.email)} (NPI {', '.join(one.npis)} only)" for one in access.partial
    )
    by_whom = "the business contact" if access.via == "code" else "an administrator of the provider"
    rows: list[tuple[str, object]] = [
        ("Opened" if access.state.is_final else "Open since", moment(access.opened_at)),
        ("Approved by", f"{access.decided_by}, {access.decided_as} ({by_whom})"),
        ("On hold since", moment(access.held_since) if access.held_since else ""),
        ("Objection by", f"{access.objected_by} (name given with the objection)" if access.objected_by else ""),
        ("Ends after", day(access.last_day) if access.last_day and not access.state.is_final else ""),
        ("Ended", moment(access.ended_at) if access.ended_at else ""),
        ("Why it ended", _ENDINGS[access.ending] if access.ending else ""),
        ("Provider, in our records", access.organization),
        ("Sees", f"NPI {access.npi}" if access.npi else "All of its Tax ID"),
        ("Its administrators", people or f"None: {_nobody(access)}"),
        ("Administrators of a part", partial),
    ]
    return {
        "rows": [(label, value) for label, value in rows if value],
        "why": _why_held(access),
        "next": _who_acts(access),
    }


def _why_held(access: AccessView) -> str:
    match access.held_by:
        case HeldBy.OBJECTION:
            return f"{access.objected_by} (name given with the objection) says that the provider did not ask for this."
        case HeldBy.PROVIDER:
            return "An administrator of the provider put it on hold."
        case None:
            return ""


def _nobody(access: AccessView) -> str:
    """Why there is no administrator of all that's open."""
    if not access.has_accounts:
        return "nobody of the provider has an account"
    return f"nobody of the provider administers {all_of(access.npi)}"


def _who_acts(access: AccessView) -> str:
    """Who can do what next with the access; staff can do nothing with it themselves."""
    match access.state:
        case AccessState.ENDED:
            return "Nothing is open any more. The billing service can ask again."
        case AccessState.OPEN:
            can = "put it on hold or end it"
        case AccessState.HELD:
            can = "resume it or end it"
    nobody = _nobody(access).replace("nobody", "Nobody", 1)
    register = f"have somebody there register for {all_of(access.npi)}"
    if access.administrators:
        return f"Only an administrator of the provider can {can}; staff can’t."
    if not access.partial:
        words = f"Only an administrator of the provider can {can}; staff can’t."
        return f"{words} {nobody}: call the organization, and {register}."
    if access.state is AccessState.OPEN:
        return f"The administrators of a part can {can}; staff can’t. {nobody}."
    return (
        f"The administrators of a part can end it, but not resume it; staff can’t do either. {nobody}: "
        f"to have it resumed, {register}."
    )


def _rows(visit: Visit, view: DeskRequest) -> list[tuple[str, object]]:
    moment = visit.site.renderer.environment.filters["short_moment"]
    line = view.line
    shown: list[tuple[str, object]] = [
        ("Contact", spelled_out(line.contact)),
        ("Rule that decided", line.rule),
        ("Requester’s reason", view.requester_reason),
        ("Billing service", f"{line.service}, Tax ID {view.service_tin_masked}"),
        ("Domains of its people", ", ".join(map(spelled_out, view.service_domains))),
        ("Requester", f"{view.requester}, {spelled_out(view.requester_email)}"),
        ("Provider, as named", f"{line.provider}, Tax ID {view.provider_tin_masked}"),
        ("Type 2 NPI", view.npi or ""),
        ("Asked for", moment(view.requested_at)),
        ("Open until", "" if view.state.is_final else moment(view.deadline)),
        ("To be looked at by", moment(line.due_at) if view.state is State.IN_REVIEW else ""),
        ("Mail", _DELIVERY.get(view.delivery, view.delivery)),
        ("Since", moment(view.delivery_at) if view.delivery_at else ""),
        ("Sent again by the requester", f"{view.resends} times" if view.resends else ""),
    ]
    return [(label, value) for label, value in shown if value]


async def act(visit: Visit) -> Response:
    member, authorization_id = await member_of(visit), _id(visit)
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
            done = await contact_review.correct_contact(
                gate, member, authorization_id, contact=visit.text("contact_address"), reason=visit.text("contact_reason"),
                key=key,
            )  # fmt: skip
            return "contact-to-look-at" if done.state is State.IN_REVIEW else "contact-corrected"
        case "limit":
            view = await contact_desk.view_request(gate, member, authorization_id)
            await billing_desk.raise_limit(
                gate, member, view.service_id, limit=visit.text("limit"), reason=visit.text("limit_reason"), key=key
            )
            return "limit-set"
        case _:
            raise Refusal("bad_request")
