"""The pages of an invited colleague: from the mailed link to access."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from domain.invitation import Code, InvitationResult, State
from domain.registration import ATTESTATION_VERSION
from portal import accepting, signing_in
from portal.accepting import InviteeView
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind, authenticate
from web.colleagues import ROLES, scope_in_words, told
from web.registering import ATTESTATION
from web.securing import RecoveryCodePages, factor_to_scan
from web.visit import Reply, Visit

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_JOIN: Final = "/invitation/join"
_PRACTITIONER: Final = {"version": ATTESTATION_VERSION, "text": "I am this person, and the account is for myself."}
_FIELDS: Final = {"attested": "attestation"}


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages; that of the link comes last, because a token could be anything."""
    return [
        form("/invitation", follow_link),
        page(_JOIN, join),
        form(_JOIN, set_up_account),
        form("/invitation/accept", accept_with_account),
        page("/invitation/second-factor", second_factor),
        form("/invitation/second-factor", confirm_second_factor),
        page("/invitation/recovery-codes", _CODES.show),
        form("/invitation/recovery-codes", _CODES.saved),
        page("/invitation/done", done),
        page("/invitation/{token}", link_page),
    ]


async def link_page(visit: Visit) -> Response:
    """Where the mailed link leads. Opening it looks nothing up and changes nothing; its button does (B2, I14)."""
    return visit.page("colleague_invitation.html", action="/invitation", token=visit.request.path_params["token"])


async def follow_link(visit: Visit) -> Response:
    _, token = await accepting.follow_link(visit.gate, link_token=visit.text("token"), client=visit.client)
    response = visit.to(_JOIN)
    cookies = visit.site.cookies
    cookies.put(response, cookies.invitation, token, life=visit.gate.limits.registration_session_life)
    return response


async def _invitee(visit: Visit) -> tuple[Principal, InviteeView]:
    """Who goes on with an invitation in this browser. Raises `Refusal` (`invitation_link_needed`)."""
    try:
        token = visit.request.cookies.get(visit.site.cookies.invitation)
        principal = await authenticate(visit.gate, token, SessionKind.INVITATION)
    except Refusal as refusal:
        if refusal.code != "signed_out":
            raise
        raise Refusal("invitation_link_needed") from None
    return principal, await accepting.view_as_invitee(visit.gate, principal.subject_id)


async def _open(visit: Visit) -> tuple[Principal, InviteeView]:
    """Like `_invitee`. Raises `Refusal` (`invitation_…`) when the invitation is over."""
    principal, view = await _invitee(visit)
    if view.state.is_final:
        raise Refusal(f"invitation_{view.state}")
    return principal, view


async def _signed_in_as(visit: Visit) -> UUID | None:
    try:
        return (await visit.account()).subject_id
    except Refusal:
        return None


async def _join_page(visit: Visit, view: InviteeView, reply: Reply | None = None, **context: object) -> Response:
    limits = visit.gate.limits
    signed_in_as = await _signed_in_as(visit)
    return visit.page(
        "colleague_join.html",
        reply,
        action=_JOIN,
        accept_action="/invitation/accept",
        sign_in_href=f"/sign-in?next={_JOIN}",
        has_account=view.has_account,
        is_signed_in=view.has_account and signed_in_as == view.mailbox_account_id,
        is_other=signed_in_as is not None and signed_in_as != view.mailbox_account_id,
        invitation={
            "organization": view.organization,
            "tin_masked": view.tin_masked,
            "scope": scope_in_words(view.npi),
            "role": ROLES[view.role],
            "inviter": view.inviter,
            "until": view.deadline,
        },
        email=view.email,
        attestation=ATTESTATION,
        password_min=limits.password_min_with_second_factor,
        password_max=limits.password_max,
        reference=view.reference,
        **context,
    )


async def join(visit: Visit) -> Response:
    _, view = await _open(visit)
    return await _join_page(visit, view, values={"name": view.name or ""})


def _accepted(result: InvitationResult) -> None:
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at)


async def set_up_account(visit: Visit) -> Response:
    principal, view = await _open(visit)
    # Once asked for, the attestation stays on the page: a wrong password must not take it away.
    asked = {"practitioner_attestation": _PRACTITIONER} if visit.text("practitioner_attestation_version") else {}
    try:
        _accepted(
            await accepting.set_up_account(
                visit.gate,
                principal.subject_id,
                name=visit.text("name"),
                password=visit.text("password"),
                attested=bool(visit.text("attestation")),
                attests_own_name=bool(visit.text("practitioner_attestation")),
                key=visit.key,
            )
        )
    except Refusal as refusal:
        if refusal.code == Code.EMAIL_TAKEN:  # an account was made meanwhile: the page now asks to sign in
            return visit.to(_JOIN)
        on: dict[str, str] = {Code.NAME_IS_ORGANIZATION: "name"}
        if refusal.code == Code.NAME_NEEDS_ATTESTATION:
            on = {Code.NAME_NEEDS_ATTESTATION: "practitioner_attestation"}
            asked = {"practitioner_attestation": _PRACTITIONER}
        return await _join_page(visit, view, visit.again(refusal, fields=_FIELDS, on=on), **asked)
    return visit.to("/invitation/second-factor")


async def accept_with_account(visit: Visit) -> Response:
    principal, view = await _open(visit)
    try:
        _accepted(
            await accepting.accept_with_account(
                visit.gate,
                await visit.account(),
                principal.subject_id,
                attested=bool(visit.text("attestation")),
                key=visit.key,
            )
        )
    except Refusal as refusal:
        if refusal.fields:
            return await _join_page(visit, view, visit.again(refusal, fields=_FIELDS))
        return await _join_page(visit, view, told(visit, refusal))
    return visit.to("/access")


async def _second_factor_page(visit: Visit, view: InviteeView, reply: Reply | None = None) -> Response:
    factor = await accepting.second_factor(visit.gate, view.id)
    return visit.page(
        "second_factor.html",
        reply,
        action="/invitation/second-factor",
        **factor_to_scan(visit, factor, owner=view.email),
        reference=view.reference,
        invited=True,
        back={"href": _JOIN, "text": "Your account"},
    )


async def second_factor(visit: Visit) -> Response:
    _, view = await _open(visit)
    return await _second_factor_page(visit, view) if view.name else visit.to(_JOIN)


async def confirm_second_factor(visit: Visit) -> Response:
    """The right code accepts the invitation, and signs in here: this browser has just shown all that signing in asks for."""
    principal, view = await _invitee(visit)
    try:
        _accepted(
            await accepting.confirm_second_factor(
                visit.gate,
                principal.subject_id,
                code=visit.text("code"),
                session_id=principal.session_id,
                key=visit.key,
            )
        )
    except Refusal as refusal:
        if refusal.code in {Code.EMAIL_TAKEN, Code.SECOND_FACTOR_UNCONFIRMED}:
            return visit.to(_JOIN)
        return await _second_factor_page(visit, view, visit.again(refusal, on={"second_factor_wrong": "code"}))
    view = await accepting.view_as_invitee(visit.gate, principal.subject_id)
    response = visit.to("/invitation/recovery-codes")
    if view.account_id is not None:
        token = await signing_in.sign_in_after_registration(visit.gate, view.account_id, client=visit.client)
        visit.site.cookies.put(response, visit.site.cookies.account, token)
    return response


async def _owner(visit: Visit) -> UUID | None:
    """The accepted invitation, if its account is signed in here."""
    _, view = await _invitee(visit)
    accepted = view.state is State.ACCEPTED and await _signed_in_as(visit) == view.account_id
    return view.id if accepted else None


_CODES: Final = RecoveryCodePages(
    owner=_owner, codes=accepting.recovery_codes, forget=accepting.recovery_codes_saved,
    action="/invitation/recovery-codes", done="/invitation/done", signed_up=False,
)  # fmt: skip


async def done(visit: Visit) -> Response:
    _, view = await _invitee(visit)
    if view.state is not State.ACCEPTED:
        return visit.to(_JOIN)
    return visit.page(
        "colleague_joined.html",
        organization={"name": view.organization, "tin_masked": view.tin_masked, "scope": scope_in_words(view.npi)},
        role=ROLES[view.role],
        reference=view.reference,
        person=await visit.person(),
    )
