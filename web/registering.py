"""The pages of a registration up to its proof. Each shows itself only at its own step and leads to the open one otherwise."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from uuid import UUID, uuid4

from starlette.responses import Response

from domain.answers import ANSWERS
from domain.identifiers import Tin, VendorNumber
from domain.registration import ATTESTATION_VERSION, State, StepResult
from portal import registering
from portal.refusals import Kind, Refusal
from portal.registering import OrganizationDraft
from portal.registration_view import RegistrationView, view_registration
from portal.sessions import Principal
from web.addition_frame import CLOSED, after_proof, frame
from web.cases import open_request
from web.visit import STATUS, Reply, Visit, of_mailed_code, panel

ATTESTATION: Final = {
    "version": ATTESTATION_VERSION,
    "text": (
        "This account is for myself. I register in my own name and with my own e-mail address, I will not share the account, "
        "and I will see patients' information only as my work for the organization needs it."
    ),
}

_PAGES: Final[Mapping[State, str]] = {
    State.CONFIRMING_EMAIL: "/register/email",
    State.PROVING: "/register/organization",
    State.AWAITING_PIN: "/register/pin",
    State.SETTING_UP_ACCOUNT: "/register/account",
    State.SECURING_ACCOUNT: "/register/second-factor",
    State.COMPLETED: "/register/recovery-codes",
}
PROVING: Final = (State.PROVING, State.AWAITING_PIN)
"""Where the organization may be proved: a check that turns up while a letter travels is as good as before (P2)."""

_UNUSUAL_TIN: Final = (
    "No employer’s Tax ID starts like this. Correct it, or tick the box: a sole proprietor’s own number may be right."
)

_NUMBERS: Final = {"vendor": "vendor_number", "document": "document_number"}
_TO_START: Final = {"href": "/", "text": "Back"}


def page_of(state: State) -> str:
    """Where a registration goes on; the page of its end when it's over without an account."""
    return _PAGES.get(state, "/register/closed")


async def stands(visit: Visit) -> tuple[Principal, RegistrationView]:
    """Whose registration this is, and where it stands. Raises `Refusal` (`signed_out`)."""
    principal = await visit.registration()
    return principal, await view_registration(visit.gate, principal.subject_id)


async def where_it_stopped(visit: Visit, view: RegistrationView) -> str:
    """Where somebody who comes back goes on: behind the pages whose answers are kept."""
    if view.state is not State.PROVING:
        return page_of(view.state)
    typed = await registering.kept_organization(visit.gate, view.id)
    if typed.is_complete:
        return "/register/payment"
    return "/register/billing" if typed.bills else page_of(view.state)


def elsewhere(visit: Visit, view: RegistrationView, *states: State) -> Response | None:
    """The way to the open step, when the page isn't that of one of these states."""
    if view.state in states:
        return None
    if view.is_addition and view.state is State.COMPLETED:
        return visit.to("/access", said="added")
    return visit.to(page_of(view.state))


def accepted(result: StepResult) -> StepResult:
    """The result of a step that was done. Raises `Refusal` for one that was looked at and refused."""
    if not result.accepted:
        raise Refusal(result.code, state=result.state, retry_at=result.retry_at, tries_left=result.tries_left)
    return result


def asked_about_tin(visit: Visit) -> Reply | None:
    """The form once more, for a well-formed Tax ID that no employer has and that nobody has said is right."""
    if not Tin.parse(visit.text("tin")).has_unassigned_prefix or visit.text("tin_confirmed"):
        return None
    context = {"values": visit.form, "errors": {"tin_confirmed": _UNUSUAL_TIN}}
    return Reply(status=STATUS[Kind.FIELDS], context=context)


async def start(visit: Visit) -> Response:
    return visit.page(
        "start.html",
        begin_href="/register",
        letter_href="/register?said=by-mail",
        billing_href="/register?for=billing",
        person=await visit.person(),
    )


# Who you are.


def _person_page(visit: Visit, reply: Reply | None = None, **context: object) -> Response:
    bills = "billing" in {visit.asked("for"), visit.text("for")}
    return visit.page(
        "who_you_are.html",
        reply,
        action="/register",
        attestation=ATTESTATION,
        billing=bills,
        back=_TO_START,
        **context,
    )


async def who_you_are(visit: Visit) -> Response:
    """The first form. Whoever comes back to correct the address finds what they typed."""
    try:
        _, view = await stands(visit)
    except Refusal:
        return _person_page(visit)
    if view.state is not State.CONFIRMING_EMAIL:
        return _person_page(visit)
    return _person_page(visit, values={"name": view.name, "email": view.email})


async def _close_mistyped(visit: Visit, begun: UUID) -> None:
    """Close the registration that this browser leaves behind to correct its address; nobody is mailed about it.

    One whose address is confirmed stays: a link leads back to it.
    """
    try:
        _, left = await stands(visit)
    except Refusal:
        return
    if left.id == begun or left.state is not State.CONFIRMING_EMAIL:
        return
    try:
        await registering.withdraw(visit.gate, left.id, key=visit.key)
    except Refusal as refusal:
        if refusal.kind is Kind.AWAY:
            raise  # the form comes back with its key, and does both again as one


async def begin(visit: Visit) -> Response:
    try:
        started = await registering.start(
            visit.gate,
            name=visit.text("name"),
            email=visit.text("email"),
            # A page that was open since before the text changed shows another text: that isn't agreed to.
            attested=bool(visit.text("attestation")) and visit.text("attestation_version") == ATTESTATION_VERSION,
            key=visit.key,
            caller=visit.caller,
            client=visit.client,
        )
        await registering.keep_wish(visit.gate, started.registration_id, bills=visit.text("for") == "billing")
        await _close_mistyped(visit, started.registration_id)
    except Refusal as refusal:
        return _person_page(visit, visit.again(refusal, fields={"attested": "attestation"}))
    response = visit.to(page_of(started.result.state))
    cookies = visit.site.cookies
    cookies.put(response, cookies.registration, started.token, life=visit.gate.limits.registration_session_life)
    return response


# Confirm e-mail.


async def _email_page(visit: Visit, view: RegistrationView, reply: Reply | None = None) -> Response:
    now = visit.gate.now()
    bills = (await registering.kept_organization(visit.gate, view.id)).bills
    # Until the mail has left, the code's time hasn't begun.
    expires_at = view.code_expires_at or now + visit.gate.limits.code_life
    return visit.page(
        "confirm_email.html",
        reply,
        action="/register/email",
        resend_action="/register/email/resend",
        resend_key=uuid4().hex,
        email=view.email,
        code_expires_at=expires_at if expires_at > now else None,
        change_href="/register?for=billing" if bills else "/register",
        billing=bills,
        undeliverable=view.mail_failed,
        withdraw_href="/register/withdraw",
        reference=view.reference,
    )


async def email(visit: Visit) -> Response:
    _, view = await stands(visit)
    return elsewhere(visit, view, State.CONFIRMING_EMAIL) or await _email_page(visit, view)


async def confirm_email(visit: Visit) -> Response:
    principal, view = await stands(visit)
    try:
        result = accepted(
            await registering.confirm_email(visit.gate, principal.subject_id, code=visit.text("code"), key=visit.key)
        )
    except Refusal as refusal:
        reply = visit.again(of_mailed_code(refusal), on={"code_wrong": "code"})
        return elsewhere(visit, view, State.CONFIRMING_EMAIL) or await _email_page(visit, view, reply)
    wish = await registering.kept_organization(visit.gate, principal.subject_id)
    return visit.to("/register/billing" if wish.bills else page_of(result.state))


async def resend_code(visit: Visit) -> Response:
    principal, view = await stands(visit)
    try:
        accepted(await registering.send_code(visit.gate, principal.subject_id, key=visit.key))
    except Refusal as refusal:
        reply = visit.again(refusal)
        return elsewhere(visit, view, State.CONFIRMING_EMAIL) or await _email_page(visit, view, reply)
    return visit.to("/register/email", said="code-sent")


# Your organization.


async def _organization_page(
    visit: Visit, view: RegistrationView, reply: Reply | None = None, **context: object
) -> Response:
    return visit.page(
        "organization.html",
        reply,
        open_request=await open_request(visit, view.id),
        action="/register/organization",
        by_letter=not view.letters_over,
        billing_href="/register/billing",
        withdraw_href="/register/withdraw",
        reference=view.reference,
        **await frame(visit, view),
        **context,
    )


async def organization(visit: Visit) -> Response:
    principal, view = await stands(visit)
    away = elsewhere(visit, view, *PROVING)
    if away:
        return away
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    chosen = "npi" if draft.npi else "vendor_number"
    values = {"tin": draft.tin, "vendor_number": draft.vendor, "npi": draft.npi, "identified_by": chosen}
    return await _organization_page(visit, view, values=values)


async def keep_organization(visit: Visit) -> Response:
    principal, view = await stands(visit)
    away = elsewhere(visit, view, *PROVING)
    if away:
        return away
    try:
        await registering.keep_organization(
            visit.gate,
            principal.subject_id,
            tin=visit.text("tin"),
            vendor=visit.text("vendor_number"),
            npi=visit.text("npi"),
        )
    except Refusal as refusal:
        # None or both of the two numbers is a defect of the choice, not of one of them.
        of_choice = any(defect.code in {"payee_both", "payee_missing"} for defect in refusal.fields)
        names = {**_NUMBERS, "vendor": "identified_by"} if of_choice else _NUMBERS
        return await _organization_page(visit, view, visit.again(refusal, fields=names))
    reply = asked_about_tin(visit)
    if reply is not None:
        return await _organization_page(visit, view, reply)
    return visit.to("/register/letter" if visit.text("way") == "letter" else "/register/payment")


# Your payment.


def entered(draft: OrganizationDraft) -> dict[str, str]:
    """The organization that was typed, as the pages after it show it."""
    return {
        "tin_masked": Tin.parse(draft.tin).masked,
        "identifier_label": "Type 2 NPI" if draft.npi else "Vendor number",
        "identifier": draft.npi or VendorNumber.parse(draft.vendor).value,
    }


async def _payment_page(
    visit: Visit, principal: Principal, view: RegistrationView, reply: Reply | None = None
) -> Response:
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    if not draft.is_complete:
        return visit.to("/register/organization")
    paused = view.paused_until if view.paused_until and view.paused_until > visit.gate.now() else None
    return visit.page(
        "payment.html",
        reply,
        open_request=await open_request(visit, view.id),
        action="/register/payment",
        organization=entered(draft),
        letter_href=None if view.letters_over else "/register/letter",
        billing_href="/register/billing",
        pin_href="/register/pin" if view.state is State.AWAITING_PIN else None,
        problem=panel(Refusal("payment_paused")) if paused else None,
        retry_at=paused,
        change_href="/register/organization",
        withdraw_href="/register/withdraw",
        reference=view.reference,
        back={"href": "/register/organization", "text": "Your organization"},
        **await frame(visit, view),
    )


async def payment(visit: Visit) -> Response:
    principal, view = await stands(visit)
    return elsewhere(visit, view, *PROVING) or await _payment_page(visit, principal, view)


async def prove_payment(visit: Visit) -> Response:
    principal, view = await stands(visit)
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    try:
        result = accepted(
            await registering.prove_payment(
                visit.gate,
                principal.subject_id,
                tin=draft.tin,
                vendor=draft.vendor,
                npi=draft.npi,
                document=visit.text("document_number"),
                amount=visit.text("amount"),
                key=visit.key,
                caller=visit.caller,
            )
        )
    except Refusal as refusal:
        # A notice with a vendor number: the NPI is asked for on the page before, the notice was typed here.
        reply = visit.again(refusal, fields={**_NUMBERS, "npi": "document_number"})
        view = await view_registration(visit.gate, principal.subject_id)
        reply = reply.without("/register/letter") if view.letters_over else reply
        return elsewhere(visit, view, *PROVING) or await _payment_page(visit, principal, view, reply)
    return after_proof(visit, view, result, page_of(result.state))


# The other ends.


async def closed(visit: Visit) -> Response:
    _, view = await stands(visit)
    if view.state in _PAGES:
        return elsewhere(visit, view) or visit.to(page_of(view.state))
    # How it ended is said by a code of its own where there is one.
    code = view.closing_code if view.closing_code in ANSWERS else f"registration_{view.state}"
    return visit.page(
        "registration_closed.html",
        Reply(status=HTTPStatus.GONE),
        problem=CLOSED[view.state] if view.is_addition and view.state in CLOSED else panel(Refusal(code)),
        reference=view.reference,
        begin_href="/access/add" if view.is_addition else "/register",
        **await frame(visit, view),
    )


async def withdraw(visit: Visit) -> Response:
    _, view = await stands(visit)
    if view.state.is_final:
        return visit.to(page_of(view.state))
    return await _withdraw_page(visit, view)


async def _withdraw_page(visit: Visit, view: RegistrationView, reply: Reply | None = None) -> Response:
    return visit.page(
        "withdraw.html",
        reply,
        action="/register/withdraw",
        keep_href=page_of(view.state),
        confirmed=view.state is not State.CONFIRMING_EMAIL,
        reference=view.reference,
        **await frame(visit, view),
    )


async def confirm_withdrawal(visit: Visit) -> Response:
    principal, view = await stands(visit)
    try:
        await registering.withdraw(visit.gate, principal.subject_id, key=visit.key)
    except Refusal as refusal:
        return await _withdraw_page(visit, view, visit.again(refusal))
    return visit.to("/register/closed")
