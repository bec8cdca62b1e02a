"""The last pages of a registration: the account, its second factor, its recovery codes, and that it's done."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from starlette.responses import Response

from domain.registration import ATTESTATION_VERSION, Code, State
from portal import account_setup, departures, signing_in
from portal.refusals import Refusal
from portal.registration_view import RegistrationView, view_registration
from web.departures import COLLEAGUE_FIELDS, colleagues_context, keep_colleague_words
from web.registering import accepted, elsewhere, page_of, stands
from web.securing import RecoveryCodePages, factor_to_scan
from web.visit import Reply, Visit

_PRACTITIONER: Final = {"version": ATTESTATION_VERSION, "text": "I am this person, and I register for myself."}
_ON: Final[Mapping[str, str]] = {Code.NAME_IS_ORGANIZATION: "name", Code.COLLEAGUES_UNANSWERED: "reason"}

_SIGN_IN: Final = "Next time, sign in with your e-mail address, your password and a code of your authenticator app."
_NEXT: Final = (
    "An e-mail confirms that your account is ready.",
    _SIGN_IN,
)
_TOLD: Final = "Colleagues who have an account for this organization were told that you registered."
_NEXT_OF_BILLING: Final = (
    "An e-mail confirms that your billing service is registered.",
    "Ask for access to each client under “Clients”; the client’s business contact decides.",
    "Invite your co-workers under “Colleagues”: each gets an account of their own.",
    _SIGN_IN,
)


# Your account.


def _account_page(visit: Visit, view: RegistrationView, reply: Reply | None = None, **context: object) -> Response:
    limits = visit.gate.limits
    return visit.page(
        "account.html",
        reply,
        action="/register/account",
        email=view.email,
        password_min=limits.password_min_with_second_factor,
        password_max=limits.password_max,
        service={"name": view.organization, "tin_masked": view.tin_masked} if view.is_billing else None,
        billing=view.is_billing,
        reconsider_action="/register/reconsider",
        withdraw_href="/register/withdraw",
        reference=view.reference,
        **context,
    )


async def account(visit: Visit) -> Response:
    principal, view = await stands(visit)
    away = elsewhere(visit, view, State.SETTING_UP_ACCOUNT, State.SECURING_ACCOUNT)
    if away:
        return away
    existing = await colleagues_context(visit, principal)
    return _account_page(visit, view, Reply(context={"values": {"name": view.name}, **existing}))


async def set_up_account(visit: Visit) -> Response:
    principal, view = await stands(visit)
    # Once given, the attestation stays on the page: a wrong password must not take it away.
    asked: dict[str, object] = (
        {"practitioner_attestation": _PRACTITIONER} if visit.text("practitioner_attestation") else {}
    )
    try:
        # Said first: the recorded step looks whether it was.
        if visit.text("colleagues_asked"):
            await keep_colleague_words(visit, principal)
        result = accepted(
            await account_setup.set_up_account(
                visit.gate,
                principal.subject_id,
                name=visit.text("name"),
                password=visit.text("password"),
                attests_own_name=bool(visit.text("practitioner_attestation")),
                key=visit.key,
            )
        )
    except Refusal as refusal:
        asked |= await colleagues_context(visit, principal)
        if refusal.code == Code.NAME_NEEDS_ATTESTATION:
            asked["practitioner_attestation"] = _PRACTITIONER
            on = {refusal.code: "practitioner_attestation"}
            return _account_page(visit, view, visit.again(refusal, on=on), **asked)
        return _account_page(visit, view, visit.again(refusal, fields=COLLEAGUE_FIELDS, on=_ON), **asked)
    return visit.to(page_of(result.state))


# Second factor.


async def _second_factor_page(visit: Visit, view: RegistrationView, reply: Reply | None = None) -> Response:
    factor = await account_setup.second_factor(visit.gate, view.id)
    return visit.page(
        "second_factor.html",
        reply,
        action="/register/second-factor",
        **factor_to_scan(visit, factor, owner=view.email),
        billing=view.is_billing,
        withdraw_href="/register/withdraw",
        reference=view.reference,
        back={"href": "/register/account", "text": "Your account"},
    )


async def second_factor(visit: Visit) -> Response:
    _, view = await stands(visit)
    return elsewhere(visit, view, State.SECURING_ACCOUNT) or await _second_factor_page(visit, view)


async def confirm_second_factor(visit: Visit) -> Response:
    """The right code ends the registration, and signs in here: this browser has just shown all that signing in asks for."""
    principal, view = await stands(visit)
    try:
        accepted(
            await account_setup.confirm_second_factor(
                visit.gate,
                principal.subject_id,
                code=visit.text("code"),
                key=visit.key,
                session_id=principal.session_id,
            )
        )
    except Refusal as refusal:
        if refusal.code in {Code.TIN_IS_PROVIDER, Code.BILLING_SERVICE_REGISTERED}:
            return visit.to("/register/billing", told=refusal.code)
        return await _second_factor_page(visit, view, visit.again(refusal, on={"second_factor_wrong": "code"}))
    view = await view_registration(visit.gate, principal.subject_id)
    response = visit.to(page_of(view.state))
    if view.account_id is not None:
        token = await signing_in.sign_in_after_registration(visit.gate, view.account_id, client=visit.client)
        visit.site.cookies.put(response, visit.site.cookies.account, token)
    return response


# Recovery codes.


async def _owner(visit: Visit) -> UUID | None:
    """The completed registration, if its account is signed in here."""
    _, view = await stands(visit)
    if view.state is not State.COMPLETED:
        raise Refusal("wrong_state", state=view.state)
    try:
        signed_in = await visit.account()
    except Refusal:
        return None
    return view.id if signed_in.subject_id == view.account_id else None


RECOVERY_CODES: Final = RecoveryCodePages(
    owner=_owner, codes=account_setup.recovery_codes, forget=account_setup.recovery_codes_saved,
    action="/register/recovery-codes", done="/register/done", signed_up=True,
)  # fmt: skip


async def done(visit: Visit) -> Response:
    _, view = await stands(visit)
    away = visit.to("/access", said="added") if view.is_addition else elsewhere(visit, view, State.COMPLETED)
    if away:
        return away
    person = await visit.person()
    told = (_TOLD,) if await departures.colleagues_were_told(visit.gate, view.id) else ()
    return visit.page(
        "registered.html",
        organization={"name": view.organization, "tin_masked": view.tin_masked, "npi": view.npi},
        access_href="/access",
        sign_in_needed=person is None,
        person=person,
        billing=view.is_billing,
        next_items=_NEXT_OF_BILLING if view.is_billing else (*_NEXT, *told),
        reference=view.reference,
    )
