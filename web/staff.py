"""Staff's pages: setting an account up, signing in, the queue, and one case with what can be done (B11).

Without a staff session there is nothing here but the way in: every other address leads there, and back afterwards.
"""

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.case_words import KINDS, STATES
from domain.cases import OPEN, CaseKind, CaseState, StaffAction
from domain.mail_domains import spelled_out
from portal import case_desk, departure_desk, sessions, staff
from portal.case_desk import CaseFilter, CaseOrder, DeskCase
from portal.refusals import FieldDefect, Kind, Refusal
from portal.staff import Newcomer, StaffMember
from web.at_desk import frame_of, member_of
from web.cases import PILLS, Routed, case_id_of
from web.securing import factor_to_scan
from web.visit import STATUS, Reply, Visit, local_path, panel, with_query

_SIMPLE: Final = {
    StaffAction.TAKE: "Take this case",
    StaffAction.LISTED: "It is listed: resolve",
    StaffAction.CONFIRM_ACCESS: "Confirm the access as the second person",
}
_WRITTEN: Final = {
    StaffAction.CONTACTED: ("Note that you got in touch", "What was said; the person reads this", "Note it"),
    StaffAction.ASK_MORE: ("Ask the person for more", "Your question", "Ask"),
    StaffAction.ANSWER: ("Answer and close", "Your answer", "Answer and close"),
    StaffAction.PROPOSE_ACCESS: ("Propose to give the access", "Why, for the second person", "Propose"),
    StaffAction.REJECT_ACCESS: ("Reject the proposed access", "Why, for your colleagues", "Reject"),
    StaffAction.DECLINE: ("Decline and close", "The reason; the person reads this", "Decline and close"),
}
_ORDERS: Final = {
    "due": (CaseOrder.DUE, False),
    "-due": (CaseOrder.DUE, True),
    "waiting": (CaseOrder.WAITING, False),
    "-waiting": (CaseOrder.WAITING, True),
    "number": (CaseOrder.NUMBER, False),
    "-number": (CaseOrder.NUMBER, True),
}


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages."""
    return [
        page("/staff/set-up/{token}", set_up),
        form("/staff/set-up/{token}", choose_password),
        page("/staff/second-factor", second_factor),
        form("/staff/second-factor", confirm_second_factor),
        page("/staff/recovery-codes", recovery_codes),
        form("/staff/recovery-codes", recovery_codes_saved),
        page("/staff/sign-in", sign_in),
        form("/staff/sign-in", check_password),
        page("/staff/sign-in/code", sign_in_code),
        form("/staff/sign-in/code", check_code),
        form("/staff/sign-out", sign_out),
        page("/staff", desk),
        page("/staff/cases", queue),
        page("/staff/cases/{case_id}", case_page),
        form("/staff/cases/{case_id}", act),
    ]


# The way in.


def _set_up_page(visit: Visit, newcomer: Newcomer, reply: Reply | None = None) -> Response:
    limits = visit.gate.limits
    return visit.page(
        "staff_set_up.html", reply, action=visit.request.url.path, name=newcomer.name, email=newcomer.email,
        password_min=limits.password_min_with_second_factor, password_max=limits.password_max,
    )  # fmt: skip


async def set_up(visit: Visit) -> Response:
    """Opening the link changes nothing; it works until the second factor is confirmed."""
    return _set_up_page(visit, await staff.view_link(visit.gate, visit.request.path_params["token"]))


async def choose_password(visit: Visit) -> Response:
    link = visit.request.path_params["token"]
    newcomer = await staff.view_link(visit.gate, link)
    try:
        token = await staff.choose_password(
            visit.gate, link_token=link, password=visit.text("password"), key=visit.key, client=visit.client
        )
    except Refusal as refusal:
        return _set_up_page(visit, newcomer, visit.again(refusal))
    return _with_cookie(visit, visit.to("/staff/second-factor"), visit.site.cookies.staff_sign_in, token)


async def _factor_page(visit: Visit, reply: Reply | None = None) -> Response:
    pending = await staff.pending_staff(visit.gate, visit.request.cookies.get(visit.site.cookies.staff_sign_in))
    factor = await staff.factor_to_set_up(visit.gate, pending)
    scanned = factor_to_scan(visit, factor, owner="staff")
    return visit.page("staff_second_factor.html", reply, action="/staff/second-factor", **scanned)


async def second_factor(visit: Visit) -> Response:
    try:
        return await _factor_page(visit)
    except Refusal as refusal:
        return _back_to_sign_in(visit, refusal)


async def confirm_second_factor(visit: Visit) -> Response:
    try:
        pending = await staff.pending_staff(visit.gate, visit.request.cookies.get(visit.site.cookies.staff_sign_in))
        token = await staff.finish_set_up(visit.gate, pending, code=visit.text("code"), client=visit.client)
    except Refusal as refusal:
        if refusal.kind is Kind.SIGNED_OUT:
            return _back_to_sign_in(visit, refusal)
        return await _factor_page(visit, visit.again(refusal, on={"second_factor_wrong": "code"}))
    return _with_cookie(visit, visit.to("/staff/recovery-codes"), visit.site.cookies.staff, token)


async def _recovery_page(visit: Visit, member: StaffMember, reply: Reply | None = None) -> Response:
    codes = await staff.recovery_codes(visit.gate, member)
    return visit.page(
        "staff_recovery_codes.html", reply, action="/staff/recovery-codes", codes=codes, staff=frame_of(member)
    )


async def recovery_codes(visit: Visit) -> Response:
    """Shown until the person has said that they are saved."""
    return await _recovery_page(visit, await member_of(visit))


async def recovery_codes_saved(visit: Visit) -> Response:
    member = await member_of(visit)
    if not visit.text("saved"):
        defect = FieldDefect("saved", "not_saved", "Save or print the codes first: they are not shown again.")
        return await _recovery_page(visit, member, visit.again(Refusal("invalid_fields", fields=(defect,))))
    await staff.recovery_codes_saved(visit.gate, member)
    return visit.to("/staff/cases")


def _following(text: str) -> str:
    """The page of the desk to go to after signing in; empty for anything else."""
    path = local_path(text)
    return path if path.startswith("/staff/") else ""


def _password_page(visit: Visit, reply: Reply | None = None, *, following: str) -> Response:
    return visit.page("staff_sign_in.html", reply, action="/staff/sign-in", next_path=following)


async def sign_in(visit: Visit) -> Response:
    following = _following(visit.asked("next"))
    try:
        await member_of(visit)
    except Refusal:
        return _password_page(visit, following=following)
    return visit.to(following or "/staff/cases")


async def check_password(visit: Visit) -> Response:
    following = _following(visit.text("next"))
    try:
        token = await staff.sign_in(
            visit.gate,
            email=visit.text("email"),
            password=visit.text("password"),
            caller=visit.caller,
            client=visit.client,
        )
    except Refusal as refusal:
        shown = Reply(
            status=STATUS[refusal.kind], context={"values": visit.form, "problem": panel(refusal)}
        ) if refusal.code == "sign_in_failed" else visit.again(refusal)  # fmt: skip
        return _password_page(visit, shown, following=following)
    response = visit.to("/staff/sign-in/code", next=following)
    return _with_cookie(visit, response, visit.site.cookies.staff_sign_in, token)


async def sign_in_code(visit: Visit) -> Response:
    try:
        await staff.pending_staff(visit.gate, visit.request.cookies.get(visit.site.cookies.staff_sign_in))
    except Refusal as refusal:
        return _back_to_sign_in(visit, refusal)
    return _code_page(visit)


def _code_page(visit: Visit, reply: Reply | None = None) -> Response:
    recovery = visit.asked("use") == "recovery"
    here, following = "/staff/sign-in/code", _following(visit.asked("next"))
    return visit.page(
        "staff_code.html",
        reply,
        action=with_query(here, use="recovery" if recovery else "", next=following),
        use_recovery=recovery,
        switch_href=with_query(here, use="" if recovery else "recovery", next=following),
    )


async def check_code(visit: Visit) -> Response:
    field = "recovery_code" if visit.asked("use") == "recovery" else "code"
    try:
        pending = await staff.pending_staff(visit.gate, visit.request.cookies.get(visit.site.cookies.staff_sign_in))
        token = await staff.confirm_sign_in(visit.gate, pending, code=visit.text(field), client=visit.client)
    except Refusal as refusal:
        if refusal.kind is Kind.SIGNED_OUT:
            return _back_to_sign_in(visit, refusal)
        return _code_page(visit, visit.again(refusal, fields={"code": field}, on={"second_factor_wrong": field}))
    response = visit.to(_following(visit.asked("next")) or "/staff/cases")
    return _with_cookie(visit, response, visit.site.cookies.staff, token)


async def sign_out(visit: Visit) -> Response:
    member = await member_of(visit)
    await sessions.end(visit.gate, member.principal)
    response = visit.to("/staff/sign-in", said="signed-out")
    visit.site.cookies.drop(response, visit.site.cookies.staff)
    return response


def _back_to_sign_in(visit: Visit, refusal: Refusal) -> Response:
    if refusal.kind is not Kind.SIGNED_OUT:
        raise refusal
    return visit.to("/staff/sign-in", said="sign-in-again", next=_following(visit.asked("next")))


def _with_cookie(visit: Visit, response: Response, name: str, token: str) -> Response:
    visit.site.cookies.put(response, name, token)
    return response


# The queue and one case.


async def desk(visit: Visit) -> Response:
    await member_of(visit)
    return visit.to("/staff/cases")


async def queue(visit: Visit) -> Response:
    member = await member_of(visit)
    asked = {name: visit.asked(name)[:40] for name in ("state", "kind", "owner", "overdue")}
    sort = visit.asked("sort") if visit.asked("sort") in _ORDERS else "due"
    order, descending = _ORDERS[sort]
    which = CaseFilter(
        state=CaseState(asked["state"]) if asked["state"] in list(CaseState) else None,
        closed=asked["state"] == "closed",
        kind=CaseKind(asked["kind"]) if asked["kind"] in list(CaseKind) else None,
        overdue=asked["overdue"] == "yes",
        owner=str(member.id) if asked["owner"] == "me" else asked["owner"],
    )
    number = visit.asked("page")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    found = await case_desk.list_queue(visit.gate, which, order=order, descending=descending, page=page)
    rows = [
        {
            "number": row.number, "href": f"/staff/cases/{row.id}", "kind": KINDS[row.kind], "waiting_since": row.waiting_since,
            "due_at": row.due_at, "overdue": row.overdue, "owner": row.owner, "mail_failed": row.mail_failed,
            "state": {"label": STATES[row.state], "kind": PILLS[row.state]},
        }
        for row in found.rows
    ]  # fmt: skip

    def leads_to(wanted: int) -> str | None:
        return "?" + urlencode({**asked, "sort": sort, "page": wanted}) if 1 <= wanted <= found.pages else None

    colleagues = await staff.list_staff(visit.gate, with_closed=False)
    return visit.page(
        "staff_queue.html",
        duties=await departure_desk.list_duties(visit.gate, member),
        rows=rows,
        total=found.total,
        sort=sort,
        filters=asked,
        state_options=[("", "All open"), *((state, STATES[state]) for state in CaseState if state in OPEN), ("closed", "All closed")],
        kind_options=[("", "All"), *KINDS.items()],
        owner_options=[("", "Everybody"), ("me", "Me"), ("none", "Nobody yet"),
                       *((str(one.id), one.name) for one in colleagues if one.ready and one.id != member.id)],
        pagination={"page": found.page, "pages": found.pages, "total": found.total,
                    "previous_href": leads_to(found.page - 1), "next_href": leads_to(found.page + 1)},
        staff=frame_of(member),
    )  # fmt: skip


async def case_page(visit: Visit) -> Response:
    member = await member_of(visit)
    return await _case_page(visit, member, case_id_of(visit))


async def _case_page(visit: Visit, member: StaffMember, case_id: UUID, reply: Reply | None = None) -> Response:
    view = await case_desk.view_desk_case(visit.gate, member, case_id)
    members: list[tuple[str, str]] = []
    if StaffAction.REASSIGN in view.actions:
        colleagues = await staff.list_staff(visit.gate, with_closed=False)
        members = [(str(one.id), one.name) for one in colleagues if one.ready and one.id != view.row.owner_id]
    return visit.page(
        "staff_case.html",
        reply,
        case={
            "number": view.row.number,
            "title": KINDS[view.row.kind],
            "state": {"label": STATES[view.row.state], "kind": PILLS[view.row.state]},
            "overdue": view.row.overdue,
            "rows": _rows(visit, view),
            "warnings": _warnings(view),
            "timeline": view.timeline,
        },
        simple=[(action, label) for action, label in _SIMPLE.items() if action in view.actions],
        written=[(action, *words) for action, words in _WRITTEN.items() if action in view.actions],
        members=members,
        opened=visit.text("action"),
        action=f"/staff/cases/{case_id}",
        staff=frame_of(member),
    )


def _rows(visit: Visit, view: DeskCase) -> list[tuple[str, object]]:
    moment = visit.site.renderer.environment.filters["short_moment"]
    form, row = view.form, view.row
    shown: list[tuple[str, object]] = [
        ("Person", view.person),
        ("E-mail", spelled_out(view.email)),
        ("Telephone", form.telephone),
        ("Best time", form.best_time),
        ("Organization", form.organization),
        ("Tax ID", form.tin),
        ("Type 2 NPI", form.npi),
        ("Address", form.address),
        ("Note", form.note),
        ("In the directory", "Yes" if view.in_directory else "No"),
        ("Registration", view.registration or ""),
        ("Owner", row.owner or "Nobody yet"),
        ("Waiting since", moment(row.waiting_since)),
        ("Due", moment(row.due_at) if row.due_at else ""),
        ("Answer until", moment(view.answer_by) if view.answer_by else ""),
    ]
    return [(label, value) for label, value in shown if value]


def _warnings(view: DeskCase) -> list[str]:
    found = []
    if view.row.mail_failed:
        found.append("The person’s mailbox refuses our mail. Telephone instead.")
    if view.linked:
        found.append("Other cases for the same Tax ID: " + ", ".join(number for _, number in view.linked) + ".")
    if view.row.kind is CaseKind.NOT_LISTED and view.in_directory and not view.row.state.is_final:
        found.append("The directory has this Tax ID. Don’t say so before you are sure who you speak to.")
    if view.proposed_by is not None:
        found.append("Access was proposed. It takes a second person to confirm or reject it.")
    return found


async def act(visit: Visit) -> Response:
    member, case_id = await member_of(visit), case_id_of(visit)
    try:
        action = StaffAction(visit.text("action"))
    except ValueError:
        raise Refusal("bad_request") from None
    try:
        await case_desk.act(
            visit.gate,
            member,
            case_id,
            action,
            text=visit.text("text"),
            assignee_id=visit.text("assignee_id"),
            key=visit.key,
        )
    except Refusal as refusal:
        if refusal.code == "not_found":
            raise
        if refusal.kind in {Kind.ELSEWHERE, Kind.OVER}:
            reply = Reply(status=STATUS[refusal.kind], context={"problem": panel(refusal), "values": visit.form})
        else:
            reply = visit.again(refusal)
        return await _case_page(visit, member, case_id, reply)
    return visit.to(f"/staff/cases/{case_id}")
