"""The pages of proving by US Mail: choose an address, see what became of the letters, enter a PIN (P2, B3, B5)."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from domain.letters import ON_THEIR_WAY
from domain.registration import Code, State, StepResult
from portal import letters, registering
from portal.letter_plans import (
    another_letter_at,
    expected_mailing_day,
    failed_addresses,
    look_ups_paused_until,
    no_address_left,
    pin_paused_until,
)
from portal.letter_support import ask_about_letters
from portal.letters import LetterView
from portal.refusals import Refusal
from portal.registration_view import RegistrationView, view_registration
from portal.sessions import Principal
from web.adding import open_additions
from web.addition_frame import after_proof, frame
from web.cases import open_request
from web.registering import PROVING, accepted, elsewhere, entered, page_of, stands
from web.rendering import zone_named
from web.visit import TOLD, Reply, Visit, leave_out, panel

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
_LETTER: Final = "/register/letter"
_PIN: Final = "/register/pin"
_HELP: Final = "/register/help"
_PAYMENT: Final = "/register/payment"


def routes(page: Routed, form: Routed) -> list[Route]:
    """The addresses of these pages. The letters' QR code and the mails know `/register/pin` and `/register/letter`."""
    return [
        page("/register/letter", letter),
        form("/register/letter", addresses),
        form("/register/letter/request", request_letter),
        form("/register/letter/help", ask_support),
        page("/register/pin", pin),
        form("/register/pin", enter_pin),
    ]


def shown_letters(visit: Visit, views: Sequence[LetterView], *, over: bool = False) -> list[dict[str, object]]:
    """The letters as the pages list them, with a status in words; with `over` none works any more."""
    now = visit.gate.now()
    return [
        {
            "address": view.address_masked,
            "organization": view.organization,
            "requested_at": view.requested_at,
            "planned_on": view.planned_on,
            "mailed_at": view.mailed_at,
            "expires_at": view.expires_at,
            "state": (state := "void" if over and view.state in ON_THEIR_WAY else _state(view, now)),
            "status": _STATUS[state],
        }
        for view in views
    ]


def _some_work(shown: Sequence[Mapping[str, object]]) -> bool:
    """Whether the PIN of one of these letters may still be entered."""
    return any(letter["state"] in ON_THEIR_WAY for letter in shown)


def _state(view: LetterView, now: datetime) -> str:
    is_over = view.state == "mailed" and view.expires_at is not None and view.expires_at <= now
    return "expired" if is_over else view.state


# Choosing an address.


async def _standing(visit: Visit, view: RegistrationView, *, no_address: bool) -> dict[str, object]:
    """What the letter's page says before anything is asked of it: why no letter can be had, or why somebody was led here."""
    if view.letters_over:
        return {"problem": leave_out(panel(Refusal(Code.PIN_TRIES_USED)), _HELP)}
    if no_address:
        return {"problem": leave_out(panel(Refusal(Code.NO_USABLE_ADDRESS)), _HELP)}
    retry_at = await look_ups_paused_until(visit.gate, view.id, caller=visit.caller)
    if retry_at:
        problem = panel(Refusal(Code.LOOK_UP_PAUSED))
        return {"problem": leave_out(problem, _PAYMENT) if _pays_later(visit, view) else problem, "retry_at": retry_at}
    if visit.asked("told") in TOLD:
        return {"problem": leave_out(panel(Refusal(visit.asked("told"))), _LETTER)}
    return {}


def _pays_later(visit: Visit, view: RegistrationView) -> bool:
    return view.paused_until is not None and view.paused_until > visit.gate.now()


async def _letter_page(
    visit: Visit, principal: Principal, view: RegistrationView, reply: Reply | None = None, *, no_address: bool = False
) -> Response:
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    if not draft.is_complete:
        told = Code.PIN_TRIES_USED if view.letters_over else visit.asked("told")
        return visit.to("/register/organization", told=told, said="" if told else "organization-first")
    sent = await letters.list_letters(visit.gate, principal.subject_id)
    shown = shown_letters(visit, sent, over=view.letters_over)
    no_address = no_address or await no_address_left(visit.gate, view.id, tin=draft.tin)
    return visit.page(
        "letter.html",
        reply,
        **await _standing(visit, view, no_address=no_address),
        action=None if view.letters_over else _LETTER,
        help_action="/register/letter/help" if no_address or view.letters_over else None,
        open_request=await open_request(visit, view.id),
        organization=entered(draft),
        change_href="/register/organization",
        payment_href=None if _pays_later(visit, view) else _PAYMENT,
        billing_href="/register/billing",
        letters=shown,
        pin_href=_PIN if view.state is State.AWAITING_PIN and _some_work(shown) else None,
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
    limits = visit.gate.limits
    shortest = min(limits.pin_life, limits.strict_pin_life) if limits.strict_pins else limits.pin_life
    return visit.page(
        "letter_addresses.html",
        reply,
        action="/register/letter/request",
        identified=key,
        addresses=[{"id": choice.location_id, "masked": choice.masked} for choice in listed.locations],
        mailing_on=await expected_mailing_day(visit.gate, zone=zone_named(visit.site.renderer.payer.time_zone)),
        failed=await failed_addresses(visit.gate, view.id),
        pin_days=shortest.days,
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
    view = await view_registration(visit.gate, principal.subject_id)
    no_address = refusal.code == Code.NO_USABLE_ADDRESS
    reply = visit.again(refusal).without(_LETTER)
    if no_address:
        reply = reply.without(_HELP)  # it's on this page
    if _pays_later(visit, view):
        reply = reply.without(_PAYMENT)
    if refusal.code == Code.PIN_TRIES_USED:
        # The page has words of its own for it, loaded again as well.
        reply = replace(reply, context={name: said for name, said in reply.context.items() if name != "problem"})
    return elsewhere(visit, view, *PROVING) or await _letter_page(visit, principal, view, reply, no_address=no_address)


async def ask_support(visit: Visit) -> Response:
    """A case with what was entered already, when no letter can be had (P2)."""
    principal, view = await stands(visit)
    away = elsewhere(visit, view, *PROVING)
    if away:
        return away
    try:
        opened = await ask_about_letters(
            visit.gate, principal.subject_id, telephone=visit.text("telephone"), key=visit.key
        )
    except Refusal as refusal:
        if refusal.code == "case_open":
            return visit.to(_HELP)  # it shows the open one
        return await _letter_page(visit, principal, view, visit.again(refusal), no_address=True)
    return visit.to(f"/register/cases/{opened.case_id}")


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
        if refusal.code == Code.PIN_TRIES_USED:
            return visit.to(_LETTER)  # it says why
        reply = visit.again(refusal)
        if not _some_work(shown_letters(visit, await letters.list_letters(visit.gate, view.id))):
            reply = reply.without(_PIN)  # the letter that was asked for before is somebody else's
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
    paused: dict[str, object] = {}
    if visit.asked("said") == "letter-asked" and not any(view.state in {"due", "handed_over"} for view in sent[:1]):
        paused = {"notice": None}  # loaded again later: it's mailed by now
    retry_at = await pin_paused_until(visit.gate, principal.subject_id)
    if retry_at:
        paused |= {"problem": panel(Refusal(Code.PIN_PAUSED)), "retry_at": retry_at}
        if reply and "problem" not in reply.context:
            reply = None  # what was wrong with the field is of no use while there is none
    return visit.page(
        "pin.html",
        reply,
        **paused,
        action="/register/pin",
        letters=shown_letters(visit, sent, over=view.letters_over),
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
    if view.state is State.PROVING:
        return await _no_pin(visit, view)
    away = elsewhere(visit, view, State.AWAITING_PIN)
    if away:
        return away
    typed = await registering.kept_organization(visit.gate, view.id)
    if typed.is_complete and await no_address_left(visit.gate, view.id, tin=typed.tin):
        return visit.to(_LETTER)  # it says why, and what there is to do
    return await _pin_page(visit, principal, view)


async def _no_pin(visit: Visit, view: RegistrationView) -> Response:
    """Whoever follows the address on a letter that can't be used any more, or before there is one, is told why."""
    if not await letters.list_letters(visit.gate, view.id):
        return visit.to("/register/organization", said="no-letter-yet")
    return visit.to(_LETTER, told=Code.PIN_TRIES_USED if view.letters_over else Code.PIN_LETTERS_LOCKED)


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
        if refusal.code in {Code.PIN_LETTERS_LOCKED, Code.PIN_TRIES_USED}:
            return visit.to(_LETTER, told=refusal.code)
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
