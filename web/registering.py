"""The pages of a registration, step by step. Each page shows itself only at its own step and leads to the open one otherwise."""

from datetime import timedelta
from typing import Final
from uuid import uuid4

import segno
from starlette.responses import Response

from domain.answers import ANSWERS
from domain.identifiers import Tin, VendorNumber
from domain.registration import ATTESTATION_VERSION, Code, State, StepResult
from portal import account_setup, registering, signing_in
from portal.refusals import Refusal
from portal.registration_view import RegistrationView, view_registration
from portal.sessions import Principal
from web.visit import Visit, defects, panel

ATTESTATION: Final = {
    "version": ATTESTATION_VERSION,
    "text": (
        "This account is for myself. I register in my own name and with my own e-mail address, I will not share the account, "
        "and I will see patients' information only as my work for the organization needs it."
    ),
}
_PRACTITIONER: Final = {"version": ATTESTATION_VERSION, "text": "I am this person, and I register for myself."}

_PAGES: Final = {
    State.CONFIRMING_EMAIL: "/register/email",
    State.PROVING: "/register/organization",
    State.SETTING_UP_ACCOUNT: "/register/account",
    State.SECURING_ACCOUNT: "/register/second-factor",
    State.COMPLETED: "/register/done",
}
_FIELDS: Final = {
    "vendor": "vendor_number",
    "document": "document_number",
    "attested": "attestation",
}


def page_of(state: State) -> str:
    """Where a registration goes on."""
    return _PAGES.get(state, "/register/closed")


async def _stands(visit: Visit) -> tuple[Principal, RegistrationView]:
    principal = await visit.registration()
    return principal, await view_registration(visit.gate, principal.subject_id)


def _elsewhere(visit: Visit, view: RegistrationView, *states: State) -> Response | None:
    """The way to the open step, when the page isn't that of one of these states."""
    return None if view.state in states else visit.to(page_of(view.state))


def _refusal(result: StepResult) -> Refusal:
    return Refusal(result.code, state=result.state, retry_at=result.retry_at, tries_left=result.tries_left)


async def start(visit: Visit) -> Response:
    return visit.page("start.html", begin_href="/register")


# Who you are.


async def who_you_are(visit: Visit) -> Response:
    return visit.page(
        "who_you_are.html", action="/register", attestation=ATTESTATION, back={"href": "/", "text": "Back"}
    )


async def begin(visit: Visit) -> Response:
    try:
        started = await registering.start(
            visit.gate,
            name=visit.text("name"),
            email=visit.text("email"),
            attested=bool(visit.text("attestation")),
            key=visit.key,
            caller=visit.caller,
            client=visit.client,
        )
    except Refusal as refusal:
        if refusal.code not in {"invalid_fields", "too_many_tries"}:
            raise
        return visit.page(
            "who_you_are.html",
            status=422 if refusal.fields else 429,
            action="/register",
            attestation=ATTESTATION,
            values=visit.form,
            errors=defects(refusal, _FIELDS),
            problem=None if refusal.fields else panel(refusal),
            back={"href": "/", "text": "Back"},
        )
    response = visit.to(page_of(started.result.state))
    cookies = visit.site.cookies
    cookies.put(response, cookies.registration, started.token, life=visit.gate.limits.registration_session_life)
    return response


# Confirm e-mail.


def _email_page(visit: Visit, view: RegistrationView, *, status: int = 200, **context: object) -> Response:
    now = visit.gate.now()
    # Until the mail has left, the code's time hasn't begun.
    expires_at = view.code_expires_at or now + visit.gate.limits.code_life
    return visit.page(
        "confirm_email.html",
        status=status,
        action="/register/email",
        resend_action="/register/email/resend",
        resend_key=uuid4().hex,
        email=view.email,
        code_expires_at=expires_at if expires_at > now else None,
        change_href="/register",
        undeliverable=view.mail_failed,
        reference=view.reference,
        **context,
    )


async def email(visit: Visit) -> Response:
    _, view = await _stands(visit)
    return _elsewhere(visit, view, State.CONFIRMING_EMAIL) or _email_page(visit, view)


async def confirm_email(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    try:
        result = await registering.confirm_email(
            visit.gate, principal.subject_id, code=visit.text("code"), key=visit.key
        )
    except Refusal as refusal:
        if refusal.code != "invalid_fields":
            raise
        return _email_page(visit, view, status=422, errors=defects(refusal, _FIELDS), values=visit.form)
    if result.accepted or result.state.is_final:
        return visit.to(page_of(result.state))
    told = _refusal(result)
    errors = {"code": told.answer.title} if result.code is Code.CODE_WRONG else {}
    return _email_page(
        visit, view, status=422, problem=None if errors else panel(told), errors=errors, tries_left=result.tries_left
    )


async def resend_code(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    result = await registering.send_code(visit.gate, principal.subject_id, key=visit.key)
    if result.accepted:
        return visit.to("/register/email?sent=again")
    return _email_page(visit, view, status=429, problem=panel(_refusal(result)), resend_from=result.retry_at)


# Your organization, your payment.


def _organization_page(visit: Visit, view: RegistrationView, *, status: int = 200, **context: object) -> Response:
    return visit.page(
        "organization.html",
        status=status,
        action="/register/organization",
        withdraw_href="/register/withdraw",
        reference=view.reference,
        **context,
    )


async def organization(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    elsewhere = _elsewhere(visit, view, State.PROVING)
    if elsewhere:
        return elsewhere
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    chosen = "npi" if draft.npi else "vendor_number"
    values = {"tin": draft.tin, "vendor_number": draft.vendor, "npi": draft.npi, "identified_by": chosen}
    return _organization_page(visit, view, values=values)


async def keep_organization(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    elsewhere = _elsewhere(visit, view, State.PROVING)
    if elsewhere:
        return elsewhere
    visit.key  # noqa: B018 - refuses a form that isn't ours
    try:
        await registering.keep_organization(
            visit.gate,
            principal.subject_id,
            tin=visit.text("tin"),
            vendor=visit.text("vendor_number"),
            npi=visit.text("npi"),
        )
    except Refusal as refusal:
        errors = defects(refusal, _FIELDS)
        if any(defect.code in {"payee_both", "payee_missing"} for defect in refusal.fields):
            errors["identified_by"] = errors.pop("vendor_number")
        return _organization_page(visit, view, status=422, errors=errors, values=visit.form)
    tin = Tin.parse(visit.text("tin"))
    if tin.has_unassigned_prefix and not visit.text("tin_confirmed"):
        warning = "No Tax ID of an employer starts like this. If it is a sole proprietor's own number, that's fine."
        return _organization_page(visit, view, values=visit.form, warning=warning)
    return visit.to("/register/payment")


async def _payment_page(
    visit: Visit, principal: Principal, view: RegistrationView, *, status: int = 200, **context: object
) -> Response:
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    if not draft.tin:
        return visit.to("/register/organization")
    paused = view.paused_until if view.paused_until and view.paused_until > visit.gate.now() else None
    shown: dict[str, object] = {"locked_until": paused}
    if paused and "problem" not in context:
        shown["problem"] = panel(Refusal(Code.PAYMENT_PAUSED))
    return visit.page(
        "payment.html",
        status=status,
        action="/register/payment",
        organization={
            "tin_masked": Tin.parse(draft.tin).masked,
            "identifier_label": "Type 2 NPI" if draft.npi else "Vendor number",
            "identifier": draft.npi or VendorNumber.parse(draft.vendor).value,
        },
        change_href="/register/organization",
        withdraw_href="/register/withdraw",
        reference=view.reference,
        back={"href": "/register/organization", "text": "Your organization"},
        **{**shown, **context},
    )


async def payment(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    return _elsewhere(visit, view, State.PROVING) or await _payment_page(visit, principal, view)


async def prove_payment(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    draft = await registering.kept_organization(visit.gate, principal.subject_id)
    try:
        result = await registering.prove_payment(
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
    except Refusal as refusal:
        if refusal.code != "invalid_fields":
            raise
        errors = defects(refusal, _FIELDS)
        if "npi" in errors:  # a notice with a vendor number: the NPI is asked for on the page before
            errors["document_number"] = errors.pop("npi")
        return await _payment_page(visit, principal, view, status=422, errors=errors, values=visit.form)
    if result.accepted or result.state.is_final:
        return visit.to(page_of(result.state))
    return await _payment_page(
        visit,
        principal,
        view,
        status=422 if result.code is Code.PAYMENT_NO_MATCH else 429,
        problem=panel(_refusal(result)),
        values=visit.form,
        tries_left=result.tries_left,
        locked_until=result.retry_at,
    )


# Your account, second factor, recovery codes.


def _account_page(visit: Visit, view: RegistrationView, *, status: int = 200, **context: object) -> Response:
    limits = visit.gate.limits
    return visit.page(
        "account.html",
        status=status,
        action="/register/account",
        email=view.email,
        password_min=limits.password_min_with_second_factor,
        password_max=limits.password_max,
        reference=view.reference,
        **context,
    )


async def account(visit: Visit) -> Response:
    _, view = await _stands(visit)
    elsewhere = _elsewhere(visit, view, State.SETTING_UP_ACCOUNT, State.SECURING_ACCOUNT)
    return elsewhere or _account_page(visit, view, values={"name": view.name})


async def set_up_account(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    try:
        result = await account_setup.set_up_account(
            visit.gate,
            principal.subject_id,
            name=visit.text("name"),
            password=visit.text("password"),
            attests_own_name=bool(visit.text("practitioner_attestation")),
            key=visit.key,
        )
    except Refusal as refusal:
        if refusal.code != "invalid_fields":
            raise
        return _account_page(visit, view, status=422, errors=defects(refusal, _FIELDS), values=visit.form)
    if result.accepted or result.state.is_final:
        return visit.to(page_of(result.state))
    told = _refusal(result)
    if result.code is Code.NAME_NEEDS_ATTESTATION:
        return _account_page(visit, view, status=422, values=visit.form, practitioner_attestation=_PRACTITIONER)
    return _account_page(visit, view, status=422, values=visit.form, errors={"name": told.answer.detail})


async def _second_factor_page(
    visit: Visit, view: RegistrationView, *, status: int = 200, **context: object
) -> Response:
    factor = await account_setup.second_factor(visit.gate, view.id)
    picture = segno.make(factor.uri, error="m").svg_data_uri(scale=5, border=2, omitsize=True, title="QR code")
    return visit.page(
        "second_factor.html",
        status=status,
        action="/register/second-factor",
        qr_data_uri=picture,
        secret=factor.secret,
        account_label=f"{visit.gate.payer_name}: {view.email}",
        reference=view.reference,
        back={"href": "/register/account", "text": "Your account"},
        **context,
    )


async def second_factor(visit: Visit) -> Response:
    _, view = await _stands(visit)
    return _elsewhere(visit, view, State.SECURING_ACCOUNT) or await _second_factor_page(visit, view)


async def confirm_second_factor(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    try:
        result = await account_setup.confirm_second_factor(
            visit.gate, principal.subject_id, code=visit.text("code"), key=visit.key
        )
    except Refusal as refusal:
        if refusal.code == "invalid_fields":
            return await _second_factor_page(visit, view, status=422, errors=defects(refusal, _FIELDS))
        if refusal.code == "second_factor_wrong":
            return await _second_factor_page(visit, view, status=422, errors={"code": refusal.answer.title})
        raise
    if not result.accepted:
        return visit.to(page_of(result.state))
    view = await view_registration(visit.gate, principal.subject_id)
    response = visit.to("/register/recovery-codes")
    if view.account_id is not None:
        token = await signing_in.sign_in_after_registration(visit.gate, view.account_id, client=visit.client)
        visit.site.cookies.put(response, visit.site.cookies.account, token)
    return response


async def _codes_page(visit: Visit, principal: Principal, *, status: int = 200, **context: object) -> Response:
    codes = await account_setup.recovery_codes(visit.gate, principal.subject_id)
    return visit.page(
        "recovery_codes.html", status=status, action="/register/recovery-codes", codes=codes, signed_up=True, **context
    )


async def recovery_codes(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    elsewhere = _elsewhere(visit, view, State.COMPLETED)
    if elsewhere:
        return elsewhere
    try:
        return await _codes_page(visit, principal)
    except Refusal as refusal:
        if refusal.code == "not_found":  # saved already
            return visit.to("/register/done")
        raise


async def recovery_codes_saved(visit: Visit) -> Response:
    principal, view = await _stands(visit)
    elsewhere = _elsewhere(visit, view, State.COMPLETED)
    if elsewhere:
        return elsewhere
    visit.key  # noqa: B018 - refuses a form that isn't ours
    if not visit.text("saved"):
        return await _codes_page(
            visit, principal, status=422, errors={"saved": "Save the codes first, then tick the box."}
        )
    await account_setup.recovery_codes_saved(visit.gate, principal.subject_id)
    return visit.to("/register/done")


async def done(visit: Visit) -> Response:
    _, view = await _stands(visit)
    elsewhere = _elsewhere(visit, view, State.COMPLETED)
    if elsewhere:
        return elsewhere
    return visit.page(
        "registered.html",
        organization={"name": view.organization, "tin_masked": view.tin_masked, "npi": view.npi},
        access_href="/access",
        next_items=[
            "A mail confirms that your account is ready.",
            "Next time, sign in with your e-mail address, your password and a code of your authenticator app.",
            "Colleagues who have an account for this organization were told that you registered.",
        ],
        reference=view.reference,
    )


# The other ends, and the way back in.


async def closed(visit: Visit) -> Response:
    _, view = await _stands(visit)
    if view.state not in {State.EXPIRED, State.LOCKED, State.REJECTED, State.WITHDRAWN}:
        return visit.to(page_of(view.state))
    code = view.closing_code if view.closing_code in ANSWERS else f"registration_{view.state}"
    return visit.page(
        "registration_closed.html",
        status=410,
        problem=panel(Refusal(code)),
        reference=view.reference,
        begin_href="/register",
    )


async def withdraw(visit: Visit) -> Response:
    _, view = await _stands(visit)
    if view.state.is_final:
        return visit.to(page_of(view.state))
    return visit.page(
        "withdraw.html", action="/register/withdraw", keep_href=page_of(view.state), reference=view.reference
    )


async def confirm_withdrawal(visit: Visit) -> Response:
    principal, _ = await _stands(visit)
    await registering.withdraw(visit.gate, principal.subject_id, key=visit.key)
    return visit.to("/register/closed")


async def resume_request(visit: Visit) -> Response:
    return visit.page("resume_request.html", action="/resume")


async def send_resume_link(visit: Visit) -> tuple[Response, str | None]:
    """The same page for any address; the look-up happens after it was sent (I16)."""
    visit.key  # noqa: B018 - refuses a form that isn't ours
    try:
        address = await registering.check_resume_request(visit.gate, email=visit.text("email"), caller=visit.caller)
    except Refusal as refusal:
        page = visit.page(
            "resume_request.html",
            status=422 if refusal.fields else 429,
            action="/resume",
            errors=defects(refusal, _FIELDS),
            problem=None if refusal.fields else panel(refusal),
            values=visit.form,
        )
        return page, None
    hours = int(visit.gate.limits.resume_link_life / timedelta(hours=1))
    return visit.page("resume_sent.html", email=visit.text("email").strip(), link_hours=hours), address


async def resume(visit: Visit) -> Response:
    """Where the mailed link leads. Opening it changes nothing; its button does (B2, I14)."""
    return visit.page("resume.html", action="/resume/go", token=visit.request.path_params["token"])


async def redeem_resume_link(visit: Visit) -> Response:
    visit.key  # noqa: B018 - refuses a form that isn't ours
    try:
        registration_id, token = await registering.redeem_resume_link(
            visit.gate, link_token=visit.text("token"), client=visit.client
        )
    except Refusal as refusal:
        if refusal.code != "link_dead":
            raise
        return visit.page("resume.html", status=410, action="/resume/go", token=None, problem=panel(refusal))
    view = await view_registration(visit.gate, registration_id)
    response = visit.to(page_of(view.state))
    cookies = visit.site.cookies
    cookies.put(response, cookies.registration, token, life=visit.gate.limits.registration_session_life)
    return response
