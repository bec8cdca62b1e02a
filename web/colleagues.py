"""The pages of colleagues: who has access, inviting, changing roles, removing, leaving."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.colleagues import ChangeResult
from domain.invitation import InvitationResult, State
from portal import colleagues, inviting
from portal.colleagues import ColleagueView, OrganizationView
from portal.inviting import InvitationView
from portal.refusals import Kind, Refusal
from web.visit import STATUS, Reply, Visit, panel

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

ROLES: Final = {"administrator": "Administrator", "member": "Member"}
_VIA: Final = {
    "payment": "Payment",
    "notice": "Non-payment notice",
    "letter": "US Mail",
    "invitation": "Invitation",
    "staff": "Our staff",
    "billing": "Own registration",
}
_PILLS: Final = {
    State.SENT: {"label": "Waiting", "kind": "waiting"},
    State.ACCEPTED: {"label": "Accepted", "kind": "good"},
    State.EXPIRED: {"label": "Expired", "kind": "stopped"},
    State.CANCELLED: {"label": "Cancelled", "kind": "neutral"},
}
_FOR_BILLING: Final = "/register?for=billing"
_RETURNED: Final = {"label": "Mail came back", "kind": "stopped"}


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages."""
    return [
        page("/colleagues", colleague_list),
        page("/colleagues/invite", invite_form),
        form("/colleagues/invite", send_invitation),
        form("/colleagues/invitations/{invitation_id}/resend", resend),
        form("/colleagues/invitations/{invitation_id}/cancel", cancel),
        page("/colleagues/invitations/{invitation_id}/address", address_form),
        form("/colleagues/invitations/{invitation_id}/address", correct_address),
        page("/colleagues/{colleague_id}", colleague_page),
        form("/colleagues/{colleague_id}/role", change_role),
        form("/colleagues/{colleague_id}/remove", remove),
    ]


def scope_in_words(npi: str | None) -> str:
    return f"NPI {npi}" if npi else "All of the Tax ID"


# The list.


def _colleague(view: ColleagueView) -> dict[str, object]:
    return {
        "name": view.name,
        "email": view.email_masked,
        "scope": ", ".join(f"NPI {npi}" for npi in view.npis) or "All of the Tax ID",
        "since": view.since,
        "via": _VIA.get(view.via, view.via),
        "role": ROLES[view.role],
        "is_self": view.is_self,
        "href": f"/colleagues/{view.id}" if view.may_change and view.wait is None else None,
    }


def _invitation(view: InvitationView) -> dict[str, object]:
    is_open = view.state is State.SENT
    return {
        "id": str(view.id),
        "email": view.email,
        "organization": view.organization,
        "scope": scope_in_words(view.npi),
        "role": ROLES[view.role],
        "invited_at": view.invited_at,
        "inviter": "You" if view.is_own else view.inviter,
        "reference": view.reference,
        "until": view.deadline if is_open else None,
        "may_change": view.wait is None,
        "status": _RETURNED if is_open and view.mail_failed else _PILLS[view.state],
        "is_open": is_open,
        "may_resend": is_open and view.resends_left > 0,
        "address_href": f"/colleagues/invitations/{view.id}/address" if is_open else None,
    }


async def _list_page(visit: Visit, reply: Reply | None = None) -> Response:
    principal = await visit.account()
    organizations = await colleagues.list_organizations(visit.gate, principal)
    invitations = await inviting.list_invitations(visit.gate, principal)
    waits = [colleague.wait for view in organizations for colleague in view.colleagues if colleague.wait]
    waits += [view.wait for view in invitations if view.wait]
    return visit.page(
        "colleagues.html",
        reply,
        masked={"until": max((wait.until for wait in waits if wait.until), default=None)} if waits else None,
        organizations=[
            {
                "id": str(view.id),
                "name": view.name,
                "tin_masked": view.tin_masked,
                "colleagues": [_colleague(colleague) for colleague in view.colleagues],
                "may_invite": bool(view.inviting),
                "is_part": bool(view.inviting) and all(npi for _, npi in view.inviting),
            }
            for view in organizations
        ],
        invitations=[_invitation(view) for view in invitations],
        may_invite=any(view.inviting for view in organizations),
        person=await visit.person(),
    )


async def colleague_list(visit: Visit) -> Response:
    return await _list_page(visit)


# Inviting.


async def _invite_page(visit: Visit, reply: Reply | None = None) -> Response:
    organizations = await colleagues.list_organizations(visit.gate, await visit.account())
    scopes = [
        (str(access_id), f"{view.name}, Tax ID {view.tin_masked}, {scope_in_words(npi)}")
        for view in organizations
        for access_id, npi in view.inviting
    ]
    if not scopes:
        raise Refusal("not_administrator")
    return visit.page(
        "colleague_invite.html",
        reply,
        action="/colleagues/invite",
        scopes=scopes,
        roles=list(reversed(ROLES.items())),
        days=visit.gate.limits.invitation_life.days,
        person=await visit.person(),
        back={"href": "/colleagues", "text": "Colleagues"},
    )


async def invite_form(visit: Visit) -> Response:
    return await _invite_page(visit)


async def send_invitation(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        invited = await inviting.invite(
            visit.gate,
            principal,
            access_id=uuid_of(visit.text("scope")),
            email=visit.text("email"),
            role=visit.text("role"),
            key=visit.key,
        )
        _accepted(invited.result)
    except Refusal as refusal:
        return await _invite_page(visit, told(visit, refusal))
    return visit.to("/colleagues", said="invited")


async def resend(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        _accepted(await inviting.resend(visit.gate, principal, _id(visit, "invitation_id"), key=visit.key))
    except Refusal as refusal:
        return await _list_page(visit, told(visit, refusal))
    return visit.to("/colleagues", said="invitation-resent")


async def cancel(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        _accepted(await inviting.cancel(visit.gate, principal, _id(visit, "invitation_id"), key=visit.key))
    except Refusal as refusal:
        return await _list_page(visit, told(visit, refusal))
    return visit.to("/colleagues", said="invitation-cancelled")


async def _address_page(visit: Visit, reply: Reply | None = None) -> Response:
    view = await inviting.view_invitation(visit.gate, await visit.account(), _id(visit, "invitation_id"))
    if view.wait is not None:
        return await _list_page(visit, told(visit, Refusal("newcomer_waits", retry_at=view.wait.until)))
    return visit.page(
        "colleague_address.html",
        reply,
        action=f"/colleagues/invitations/{view.id}/address",
        invitation=_invitation(view),
        person=await visit.person(),
        back={"href": "/colleagues", "text": "Colleagues"},
    )


async def address_form(visit: Visit) -> Response:
    return await _address_page(visit)


async def correct_address(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        invited = await inviting.correct_address(
            visit.gate, principal, _id(visit, "invitation_id"), email=visit.text("email"), key=visit.key
        )
        _accepted(invited.result)
    except Refusal as refusal:
        return await _address_page(visit, told(visit, refusal))
    return visit.to("/colleagues", said="invited")


# One colleague.


async def _colleague_page(visit: Visit, reply: Reply | None = None) -> Response:
    view: OrganizationView
    view, colleague = await colleagues.view_colleague(visit.gate, await visit.account(), _id(visit, "colleague_id"))
    if colleague.wait is not None:
        return await _list_page(visit, told(visit, Refusal("newcomer_waits", retry_at=colleague.wait.until)))
    return visit.page(
        "colleague_change.html",
        reply,
        organization=view.name,
        colleague=_colleague(colleague),
        role_action=f"/colleagues/{colleague.id}/role",
        remove_action=f"/colleagues/{colleague.id}/remove",
        # Of oneself: stepping down only.
        other_role=_other_role(colleague),
        person=await visit.person(),
        back={"href": "/colleagues", "text": "Colleagues"},
    )


def _other_role(view: ColleagueView) -> tuple[str, str] | None:
    if view.role == "administrator":
        return "member", ROLES["member"]
    return None if view.is_self else ("administrator", ROLES["administrator"])


async def colleague_page(visit: Visit) -> Response:
    return await _colleague_page(visit)


async def change_role(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        _made(
            await colleagues.change_role(
                visit.gate, principal, _id(visit, "colleague_id"), role=visit.text("role"), key=visit.key
            )
        )
    except Refusal as refusal:
        return await _colleague_page(visit, told(visit, refusal))
    return visit.to("/colleagues", said="role-changed")


async def remove(visit: Visit) -> Response:
    principal = await visit.account()
    try:
        _made(await colleagues.remove(visit.gate, principal, _id(visit, "colleague_id"), key=visit.key))
    except Refusal as refusal:
        return await _colleague_page(visit, told(visit, refusal))
    try:
        await visit.account()
    except Refusal:  # one's own last access
        return visit.to("/sign-in", said="left")
    return visit.to("/colleagues", said="colleague-removed")


# What these pages share.


def told(visit: Visit, refusal: Refusal) -> Reply:
    """The page once more with the refusal; also for what stands otherwise than the sender believed."""
    if refusal.kind is not Kind.ELSEWHERE or refusal.code == "key_reused":
        return visit.again(refusal)
    problem = panel(refusal)
    if refusal.code == "invitee_bills":
        # The way to go leads the invited person to the start of a billing service's registration (T4).
        first, *others = refusal.answer.next_steps
        problem["next"] = [{"text": first, "href": _FOR_BILLING}, *others]
    return Reply(status=STATUS[refusal.kind], context={"values": visit.form, "problem": problem})


def _accepted(result: InvitationResult) -> None:
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at)


def _made(result: ChangeResult) -> None:
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at)


def _id(visit: Visit, name: str) -> UUID:
    return uuid_of(str(visit.request.path_params[name]))


def uuid_of(text: str) -> UUID:
    """Raises `Refusal` (`not_found`): an id of another form is an unknown one (I15)."""
    try:
        return UUID(text)
    except ValueError:
        raise Refusal("not_found") from None
