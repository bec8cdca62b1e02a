"""Signing in and out, and the pages of a signed-in person: access, messages, account security."""

from typing import Final
from uuid import UUID

from starlette.responses import Response

from portal import account, sessions, signing_in
from portal.account import AccessOrder, AccessView, AccountView
from portal.refusals import Refusal
from portal.sessions import Principal
from web.visit import Visit, defects, local_path, panel

_STATUS: Final = {"open": {"label": "Open", "kind": "good"}, "ended": {"label": "Ended", "kind": "neutral"}}
_VIA: Final = {"payment": "Payment", "notice": "Non-payment notice"}
_ORDERS: Final = {
    "organization": (AccessOrder.ORGANIZATION, False),
    "-organization": (AccessOrder.ORGANIZATION, True),
    "since": (AccessOrder.OPENED, False),
    "-since": (AccessOrder.OPENED, True),
    "status": (AccessOrder.STATUS, False),
    "-status": (AccessOrder.STATUS, True),
}


# Signing in.


async def sign_in(visit: Visit) -> Response:
    try:
        await visit.account()
    except Refusal:
        following = visit.request.query_params.get("next", "")
        return visit.page("sign_in.html", action="/sign-in", next_path=local_path(following, otherwise=""))
    return visit.to("/access")


async def check_password(visit: Visit) -> Response:
    following = local_path(visit.text("next"), otherwise="")
    visit.key  # noqa: B018 - refuses a form that isn't ours
    try:
        token = await signing_in.sign_in(
            visit.gate,
            email=visit.text("email"),
            password=visit.text("password"),
            caller=visit.caller,
            client=visit.client,
        )
    except Refusal as refusal:
        return visit.page(
            "sign_in.html",
            status=429 if refusal.retry_at else 422,
            action="/sign-in",
            next_path=following,
            values={"email": visit.text("email")},
            errors=defects(refusal, {}),
            problem=None if refusal.fields else panel(refusal),
            retry_at=refusal.retry_at,
        )
    response = visit.to(f"/sign-in/code?next={following}" if following else "/sign-in/code")
    visit.site.cookies.put(response, visit.site.cookies.sign_in, token)
    return response


def _code_page(visit: Visit, *, status: int = 200, **context: object) -> Response:
    params = visit.request.query_params
    recovery = params.get("use") == "recovery"
    following = local_path(params.get("next", ""), otherwise="")
    onward = f"&next={following}" if following else ""
    return visit.page(
        "sign_in_code.html",
        status=status,
        action=f"/sign-in/code?use={'recovery' if recovery else 'app'}{onward}",
        use_recovery=recovery,
        switch_href=f"/sign-in/code?use={'app' if recovery else 'recovery'}{onward}",
        **context,
    )


async def sign_in_code(visit: Visit) -> Response:
    await visit.signing_in()
    return _code_page(visit)


async def check_code(visit: Visit) -> Response:
    pending = await visit.signing_in()
    visit.key  # noqa: B018 - refuses a form that isn't ours
    recovery = visit.request.query_params.get("use") == "recovery"
    field = "recovery_code" if recovery else "code"
    try:
        token = await signing_in.confirm_sign_in(visit.gate, pending, code=visit.text(field), client=visit.client)
    except Refusal as refusal:
        if refusal.code == "signed_out":
            raise
        if refusal.code == "too_many_tries":
            return _code_page(visit, status=429, problem=panel(refusal))
        message = refusal.fields[0].message if refusal.fields else refusal.answer.title
        return _code_page(visit, status=422, errors={field: message})
    response = visit.to(local_path(visit.request.query_params.get("next", ""), otherwise="/access"))
    cookies = visit.site.cookies
    cookies.put(response, cookies.account, token)
    cookies.drop(response, cookies.sign_in)
    return response


async def sign_out(visit: Visit) -> Response:
    visit.key  # noqa: B018 - refuses a form that isn't ours
    try:
        await sessions.end(visit.gate, await visit.account())
    except Refusal as refusal:
        if refusal.code != "signed_out":
            raise
    response = visit.to("/sign-in?signed=out")
    visit.site.cookies.drop(response, visit.site.cookies.account)
    return response


# Signed in.


async def _person(visit: Visit) -> tuple[Principal, AccountView, dict[str, object]]:
    principal = await visit.account()
    view = await account.view_account(visit.gate, principal)
    return principal, view, {"name": view.name, "unread": view.unread_messages}


def _row(view: AccessView) -> dict[str, object]:
    return {
        "organization": view.organization,
        "tin_masked": view.tin_masked,
        "npi": view.npi,
        "since": view.opened_at,
        "via": _VIA.get(view.via, view.via),
        "status": _STATUS.get(view.status, {"label": view.status, "kind": "neutral"}),
        "next": None,
    }


async def access(visit: Visit) -> Response:
    principal, _, person = await _person(visit)
    params = visit.request.query_params
    sort = params.get("sort", "organization")
    order, descending = _ORDERS.get(sort, _ORDERS["organization"])
    search, status = params.get("q", "")[:60], params.get("status", "")
    rows = await account.list_access(
        visit.gate, principal, search=search, status=status, order=order, descending=descending
    )
    return visit.page(
        "access.html",
        rows=[_row(row) for row in rows],
        sort=sort if sort in _ORDERS else "organization",
        filters={"q": search, "status": status},
        status_options=[("", "All"), ("open", "Open"), ("ended", "Ended")],
        total=len(rows),
        person=person,
    )


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
        mark_read_action=None if shown.read_at else f"/messages/{shown.id}/read",
        person=person,
    )


async def mark_read(visit: Visit) -> Response:
    principal = await visit.account()
    visit.key  # noqa: B018 - refuses a form that isn't ours
    await account.mark_read(visit.gate, principal, _uuid(visit.request.path_params["message_id"]))
    return visit.to("/messages")


async def security(visit: Visit) -> Response:
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
    return visit.to("/security")


async def end_other_sessions(visit: Visit) -> Response:
    visit.key  # noqa: B018 - refuses a form that isn't ours
    await sessions.revoke_others(visit.gate, await visit.account())
    return visit.to("/security")


async def new_recovery_codes(visit: Visit) -> Response:
    """Shown once, in the answer to the form: the codes in clear are kept nowhere."""
    principal, _, person = await _person(visit)
    codes = await account.new_recovery_codes(visit.gate, principal)
    return visit.page(
        "recovery_codes.html", action="/security/recovery-codes/saved", codes=codes, signed_up=False, person=person
    )


async def new_recovery_codes_saved(visit: Visit) -> Response:
    await visit.account()
    return visit.to("/security")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal("not_found") from None
