"""Signing in and out: address and password, then a code of the authenticator app or a recovery code."""

from typing import Final

from starlette.responses import Response

from portal import repeating, sessions
from portal.refusals import Refusal
from web.visit import Reply, Visit, local_path, with_query

# Links in mails, and of the pages behind them, lead to requests: whoever follows one may never have been signed in.
_REQUESTS: Final = "/requests/"
_TO_A_REQUEST: Final = Reply(
    context={"notice": {"kind": "info", "text": "Sign in to see the request and to answer it."}}
)


def _password_page(visit: Visit, reply: Reply | None = None, *, following: str) -> Response:
    return visit.page("sign_in.html", reply, action="/sign-in", next_path=following)


async def sign_in(visit: Visit) -> Response:
    following = local_path(visit.asked("next"))
    try:
        await visit.account()
    except Refusal:
        return _password_page(visit, _TO_A_REQUEST if following.startswith(_REQUESTS) else None, following=following)
    return visit.to(following or "/access")


async def check_password(visit: Visit) -> Response:
    following = local_path(visit.text("next"))
    try:
        token = await repeating.sign_in_once(
            visit.gate,
            email=visit.text("email"),
            password=visit.text("password"),
            key=visit.key,
            caller=visit.caller,
            client=visit.client,
        )
    except Refusal as refusal:
        return _password_page(visit, visit.again(refusal), following=following)
    response = visit.to("/sign-in/code", next=following)
    visit.site.cookies.put(response, visit.site.cookies.sign_in, token)
    return response


def _code_page(visit: Visit, reply: Reply | None = None) -> Response:
    recovery = visit.asked("use") == "recovery"
    following = local_path(visit.asked("next"))
    return visit.page(
        "sign_in_code.html",
        reply,
        action=with_query("/sign-in/code", use="recovery" if recovery else "", next=following),
        use_recovery=recovery,
        switch_href=with_query("/sign-in/code", use="" if recovery else "recovery", next=following),
    )


async def sign_in_code(visit: Visit) -> Response:
    await visit.signing_in()
    return _code_page(visit)


async def check_code(visit: Visit) -> Response:
    cookies = visit.site.cookies
    field = "recovery_code" if visit.asked("use") == "recovery" else "code"
    try:
        token = await repeating.confirm_sign_in_once(
            visit.gate,
            pending_token=visit.request.cookies.get(cookies.sign_in),
            code=visit.text(field),
            key=visit.key,
            client=visit.client,
        )
    except Refusal as refusal:
        return _code_page(visit, visit.again(refusal, fields={"code": field}, on={"second_factor_wrong": field}))
    response = visit.to(local_path(visit.asked("next")) or "/access")
    cookies.put(response, cookies.account, token)
    return response


async def sign_out(visit: Visit) -> Response:
    """Sign out here; again is the same as once."""
    try:
        await sessions.end(visit.gate, await visit.account())
    except Refusal as refusal:
        if refusal.code != "signed_out":
            raise
    response = visit.to("/sign-in", said="signed-out")
    visit.site.cookies.drop(response, visit.site.cookies.account)
    visit.site.cookies.drop(response, visit.site.cookies.sign_in)
    return response
