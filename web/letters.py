"""The pages of proving by US Mail: choose an address, see what became of the letters, enter a PIN (P2, B3, B5)."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from domain.registration import Code, State, StepResult
from portal import letters, registering
from portal.letter_plans import another_letter_at, expected_mailing_day
from portal.letters import LetterView
from portal.refusals import Refusal
from portal.registration_view import RegistrationView, view_registration
from portal.sessions import Principal
from web.adding import open_additions
from web.addition_frame import after_proof, frame
from web.registering import PROVING, accepted, elsewhere, entered, page_of, stands
from web.rendering import zone_named
from web.visit import Reply, Visit

Handler = Callable[[Visit], Awaitable[Response]]
Routed = Callable[[str, Handler], Route]

_KEY: Final = re.compile(r"[0-9a-f]{64}")
_STATUS: Final[Mapping[str, Mapping[str, str]]] = {
    "due": {"label": "Being printed", "kind": "waiting"},
    "handed_over": {"label": "Being printed", "kind": "waiting"},
    "mailed": {"label": "Mailed", "kind": "good"},
    "expired": {"label": "Expired", "kind": "stopped"},
    "returned": {"label": "Came back", "kind": "stopped"},
    "refused": {"label": "Not mailed", "kind": "stopped"},
    "void": {"label": "No longer works", "kind": "stopped"},
    "used": {"label": "Used", "kind": "neutral"},
}


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages. The letters' QR code and the mails know `/register/pin` and `/register/letter`."""
    return [
        page("/register/letter", letter),
        form("/register/letter", addresses),
        form("/register/letter/request", request_letter),
        page("/register/pin", pin),
        form("/register/pin", enter_pin),
    ]


def shown_letters(visit: Visit, views: Sequence[LetterView]) -> list[dict[str, object]]:
    """The letters as the pages list them, with a status in words."""
    now = visit.gate.now()
    return [
        {
            "address": view.address_masked,
            "organization": view.organization,
            "requested_at": view.requested_at,
            "planned_on": view.planned_on,
            "mailed_at": view.mailed_at,
            "expires_at": view.expires_at,
            "state": (state := "expired" if _is_over(view, now) else view.state),
            "status": _STATUS[state],
        }
        for view in views
    ]


def _is_over(view: LetterView, now: datetime) -> bool:
    return view.state == "mailed" and view.expires_at is not None and view.expires_at <= now


# Choosing an address.


async def _letter_page(
    visit: Visit, principal: Principal, view: RegistrationView, reply: Reply | None = None
) -> Response:
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    if not draft.is_complete:
        return visit.to("/register/organization", said="organization-first")
    sent = await letters.list_letters(visit.gate, principal.subject_id)
    return visit.page(
        "letter.html",
        reply,
        action="/register/letter",
        organization=entered(draft),
        change_href="/register/organization",
        payment_href="/register/payment",
        billing_href="/register/billing",
        letters=shown_letters(visit, sent),
        pin_href="/register/pin" if view.state is State.AWAITING_PIN else None,
        another_at=another_letter_at(visit.gate, sent),
        reference=view.reference,
        **await frame(visit, view),
    )


async def letter(visit: Visit) -> Response:
    """What US Mail is, and a button: looking at the page counts no try and lists nothing (I14)."""
    try:
        principal, view = await stands(visit)
    except Refusal:
        return await _way_in(visit)
    return elsewhere(visit, view, *PROVING) or await _letter_page(visit, principal, view)


async def _identified(visit: Visit, principal: Principal, *, key: str) -> StepResult:
    """The addresses for what was typed on the organization page; asked again with the same key it's the same answer, uncounted."""
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    result = await letters.identify(
        visit.gate,
        principal.subject_id,
        tin=draft.tin,
        vendor=draft.vendor,
        npi=draft.npi,
        key=key,
        caller=visit.caller,
    )
    return accepted(result)


async def _addresses_page(
    visit: Visit, view: RegistrationView, listed: StepResult, reply: Reply | None = None, *, key: str
) -> Response:
    sent = await letters.list_letters(visit.gate, view.id)
    return visit.page(
        "letter_addresses.html",
        reply,
        action="/register/letter/request",
        identified=key,
        addresses=[{"id": choice.location_id, "masked": choice.masked} for choice in listed.locations],
        mailing_on=await expected_mailing_day(visit.gate, zone=zone_named(visit.site.renderer.payer.time_zone)),
        pin_days=visit.gate.limits.pin_life.days,
        another_at=another_letter_at(visit.gate, sent),
        payment_href="/register/payment",
        reference=view.reference,
        back={"href": "/register/letter", "text": "US Mail"},
        **await frame(visit, view),
    )


async def addresses(visit: Visit) -> Response:
    """Lists the masked addresses. The page answers the form itself: going to it anew would count another try."""
    principal, view = await stands(visit)
    away = elsewhere(visit, view, *PROVING)
    if away:
        return away
    if not (await registering.kept_organization(visit.gate, principal.subject_id)).is_complete:
        return visit.to("/register/organization", said="organization-first")
    try:
        listed = await _identified(visit, principal, key=visit.key)
    except Refusal as refusal:
        return await _refused(visit, principal, refusal)
    return await _addresses_page(visit, view, listed, key=visit.key)


async def _refused(visit: Visit, principal: Principal, refusal: Refusal) -> Response:
    reply = visit.again(refusal)
    view = await view_registration(visit.gate, principal.subject_id)
    return elsewhere(visit, view, *PROVING) or await _letter_page(visit, principal, view, reply)


async def request_letter(visit: Visit) -> Response:
    principal, view = await stands(visit)
    away = elsewhere(visit, view, *PROVING)
    if away:
        return away
    try:
        accepted(
            await letters.request_letter(
                visit.gate, principal.subject_id, location_id=visit.text("location"), key=visit.key
            )
        )
    except Refusal as refusal:
        reply = visit.again(refusal)
        key = visit.text("identified")
        if not _KEY.fullmatch(key):
            return visit.to("/register/letter")
        try:
            listed = await _identified(visit, principal, key=key)
        except Refusal as without:
            return await _refused(visit, principal, without)
        return await _addresses_page(visit, view, listed, reply, key=key)
    return visit.to("/register/pin", said="letter-asked")


# The PIN.


async def _pin_page(visit: Visit, principal: Principal, view: RegistrationView, reply: Reply | None = None) -> Response:
    sent = await letters.list_letters(visit.gate, principal.subject_id)
    return visit.page(
        "pin.html",
        reply,
        action="/register/pin",
        letters=shown_letters(visit, sent),
        another_at=another_letter_at(visit.gate, sent),
        letter_href="/register/letter",
        payment_href="/register/payment",
        billing_href="/register/billing",
        withdraw_href="/register/withdraw",
        email=view.email,
        reference=view.reference,
        **await frame(visit, view),
    )


async def pin(visit: Visit) -> Response:
    try:
        principal, view = await stands(visit)
    except Refusal:
        return await _way_in(visit)
    return elsewhere(visit, view, State.AWAITING_PIN) or await _pin_page(visit, principal, view)


async def enter_pin(visit: Visit) -> Response:
    try:
        principal, view = await stands(visit)
    except Refusal:
        return visit.to("/register/pin")  # it says how to go on in this browser
    try:
        result = accepted(
            await letters.enter_pin(visit.gate, principal.subject_id, pin=visit.text("pin"), key=visit.key)
        )
    except Refusal as refusal:
        if refusal.code == Code.PIN_LETTERS_LOCKED:
            return visit.to("/register/letter", told=refusal.code)
        reply = visit.again(refusal)
        view = await view_registration(visit.gate, principal.subject_id)
        return elsewhere(visit, view, State.AWAITING_PIN) or await _pin_page(visit, principal, view, reply)
    return after_proof(visit, view, result, page_of(result.state))


async def _way_in(visit: Visit) -> Response:
    """Where the letter's address leads in a browser that knows no registration. It tells nothing, and asks for nothing secret."""
    person = await visit.person()
    waiting = await open_additions(visit, await visit.account()) if person else []
    return visit.page(
        "pin_elsewhere.html",
        resume_action="/resume",
        sign_in_href="/sign-in?next=/register/pin",
        additions=[one for one in waiting if one["state"] in {str(state) for state in PROVING}],
        person=person,
    )
