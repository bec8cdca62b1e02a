"""Pages about newcomers: the notice that a mail leads to, the list of the signed-in person, and why colleagues can't help (P9)."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.departure import Reason
from portal import account, departures, newcomers
from portal.departures import ColleagueWord
from portal.newcomers import NoticeView
from portal.refusals import Refusal
from portal.sessions import Principal
from web.visit import Reply, Visit, of_mailed_code

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

REASONS: Final = (
    (Reason.LEFT, "They have left"),
    (Reason.ON_LEAVE, "They are on leave"),
    (Reason.OTHER_ROLE, "They do other work now"),
    (Reason.NOT_RESPONDING, "They don’t respond"),
    (Reason.UNKNOWN, "I don’t know them"),
    (Reason.OTHER, "Another reason"),
)
# The page's names of what the portal reads.
COLLEAGUE_FIELDS: Final[Mapping[str, str]] = {"about": "colleague", "text": "reason_text"}
_EVERYONE: Final = "all"
_CODE_CODES: Final = {"code_wrong": "code", "code_expired": "code"}


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses; `page` and `form` make a route that shows, and one that takes a form."""
    return [
        form("/newcomer/code", send_code),
        form("/newcomer/answer", answer_by_code),
        page("/newcomer/{token}", linked_notice),
        page("/newcomers", listed),
        page("/newcomers/{notice_id}", own_notice),
        form("/newcomers/{notice_id}/answer", answer),
        form("/departures/{review_id}/withdraw", withdraw),
    ]


# At account set-up.


async def colleagues_context(visit: Visit, principal: Principal) -> dict[str, object]:
    """What the account page shows of existing accounts; nothing where there are none."""
    accounts = await departures.existing_accounts(visit.gate, principal.subject_id)
    return {"existing_accounts": accounts, "colleague_reasons": REASONS} if accounts else {}


async def keep_colleague_words(visit: Visit, principal: Principal) -> None:
    """Keep what the form says of colleagues. Raises `Refusal` (`invalid_fields`, the portal's names)."""
    chosen = visit.text("colleague")
    about = "" if chosen == _EVERYONE else chosen or "-"  # none chosen: refused like one that isn't listed
    word = ColleagueWord(reason=visit.text("reason"), about=about, text=visit.text("reason_text"))
    await departures.answer_for_colleagues(visit.gate, principal.subject_id, words=[word], key=visit.key)


# The notice.


async def linked_notice(visit: Visit) -> Response:
    """Where the mailed link leads. Opening it changes nothing (I14); whose browser is signed in needs no code."""
    token = visit.request.path_params["token"]
    return await _linked_page(visit, await newcomers.follow_link(visit.gate, token), token)


async def _linked_page(visit: Visit, notice: NoticeView, token: str, reply: Reply | None = None) -> Response:
    if reply is None and await _is_signed_in_as_told(visit, notice):
        return visit.to(f"/newcomers/{notice.id}", said=visit.asked("said"))
    sign_in = "" if notice.may_answer_by_code else f"/sign-in?next=/newcomers/{notice.id}"
    return visit.page(
        "departure_notice.html",
        reply or _reply(notice),
        told=notice,
        token=token,
        answer_action="/newcomer/answer",
        code_action="/newcomer/code",
        sign_in_href=sign_in if notice.may_answer else "",
    )


async def _is_signed_in_as_told(visit: Visit, notice: NoticeView) -> bool:
    try:
        principal = await visit.account()
        await newcomers.view_notice(visit.gate, principal, notice.id)
    except Refusal:
        return False
    return True


def _reply(notice: NoticeView) -> Reply:
    return Reply(status=HTTPStatus.OK if notice.may_answer or notice.answered else HTTPStatus.GONE)


async def send_code(visit: Visit) -> Response:
    token = visit.text("token")
    notice = await newcomers.follow_link(visit.gate, token)
    try:
        await newcomers.send_code(visit.gate, token, key=visit.key)
    except Refusal as refusal:
        return await _linked_page(visit, notice, token, visit.again(refusal))
    return visit.to(f"/newcomer/{token}", said="code-sent")


async def answer_by_code(visit: Visit) -> Response:
    token = visit.text("token")
    try:
        await newcomers.answer_by_code(
            visit.gate, token, choice=visit.text("choice"), code=visit.text("code"), key=visit.key
        )
    except Refusal as refusal:
        notice = await newcomers.follow_link(visit.gate, token)
        return await _linked_page(visit, notice, token, visit.again(of_mailed_code(refusal), on=_CODE_CODES))
    return visit.to(f"/newcomer/{token}")


# Signed in.


async def _person(visit: Visit) -> tuple[Principal, dict[str, object]]:
    principal = await visit.account()
    view = await account.view_account(visit.gate, principal)
    return principal, {
        "name": view.name,
        "unread": view.unread_messages,
        "sides": view.sides,
        "newcomers": view.has_notices,
    }


async def listed(visit: Visit) -> Response:
    principal, person = await _person(visit)
    return visit.page(
        "departure_list.html",
        notices=await newcomers.list_notices(visit.gate, principal),
        claims=await departures.list_claims(visit.gate, principal),
        person=person,
    )


async def _own_page(
    visit: Visit, notice: NoticeView, person: dict[str, object], reply: Reply | None = None
) -> Response:
    return visit.page(
        "departure_notice.html",
        reply or _reply(notice),
        told=notice,
        answer_action=f"/newcomers/{notice.id}/answer",
        back={"href": "/newcomers", "text": "Newcomers"},
        person=person,
    )


async def own_notice(visit: Visit) -> Response:
    principal, person = await _person(visit)
    return await _own_page(visit, await newcomers.view_notice(visit.gate, principal, _id(visit, "notice_id")), person)


async def answer(visit: Visit) -> Response:
    principal, person = await _person(visit)
    notice_id = _id(visit, "notice_id")
    try:
        notice = await newcomers.answer(visit.gate, principal, notice_id, choice=visit.text("choice"), key=visit.key)
    except Refusal as refusal:
        reply = visit.again(refusal)
        return await _own_page(visit, await newcomers.view_notice(visit.gate, principal, notice_id), person, reply)
    return visit.to(f"/newcomers/{notice.id}")


async def withdraw(visit: Visit) -> Response:
    principal = await visit.account()
    await departures.withdraw_claim(visit.gate, principal, _id(visit, "review_id"), key=visit.key)
    return visit.to("/newcomers")


def _id(visit: Visit, name: str) -> UUID:
    try:
        return UUID(visit.request.path_params[name])
    except ValueError:
        raise Refusal("not_found") from None
