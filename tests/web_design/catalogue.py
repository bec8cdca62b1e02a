"""Every page of the site in every state it can be in, with made-up contexts: what the design tests render and look at."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import segno

from tests.web_design.answer_states import ANSWER_STATES
from tests.web_design.case_states import CASE_STATES
from tests.web_design.client_states import CLIENT_STATES
from tests.web_design.colleague_states import COLLEAGUE_STATES
from tests.web_design.contact_desk_states import CONTACT_DESK_STATES
from tests.web_design.departure_states import DEPARTURE_STATES
from tests.web_design.grant_states import GRANT_STATES
from tests.web_design.made_up import (
    ATTESTATION,
    EMAIL,
    KEY,
    LONG_NAME,
    LONG_ORGANIZATION,
    MISMATCH,
    NOW,
    ORGANIZATION,
    PERSON,
    REFERENCE,
)  # fmt: skip
from tests.web_design.registering_billing_states import REGISTERING_BILLING_STATES


@dataclass(frozen=True)
class PageState:
    """One page in one state. `name` is its address in the test server and its picture's file name."""

    name: str
    template: str
    context: dict[str, object] = field(default_factory=dict)

    @property
    def in_mailbox(self) -> bool:
        return self.template == "mailbox_mail.html"


def _form(**more: object) -> dict[str, object]:
    return {"action": "/sent", "idempotency_key": KEY, **more}


def _step(**more: object) -> dict[str, object]:
    return _form(reference=REFERENCE, **more)


def _code(**more: object) -> dict[str, object]:
    return _step(
        **{
            "email": EMAIL,
            "code_expires_at": datetime.now(UTC) + timedelta(minutes=9),
            "resend_action": "/resent",
            "resend_key": KEY,
            "change_href": "/change",
            **more,
        }
    )


def _row(  # noqa: PLR0917 - each row of the table below reads best on one line.
    organization: str, tin: str, npi: str | None, day: int, via: str, label: str, kind: str, **more: object
) -> dict[str, object]:
    return {
        "organization": organization,
        "tin_masked": tin,
        "npi": npi,
        "since": NOW - timedelta(days=day) if day else None,
        "via": via,
        "status": {"label": label, "kind": kind},
        "next": None,
        **more,
    }


def _sent_letter(state: str, label: str, kind: str, **more: object) -> dict[str, object]:
    return {
        "address": "1•• M••• St, Springfield, IL 627••",
        "organization": "Maple Street Family Clinic",
        "requested_at": NOW,
        "planned_on": NOW.date(),
        "mailed_at": NOW,
        "expires_at": NOW + timedelta(days=30),
        "state": state,
        "status": {"label": label, "kind": kind},
        **more,
    }


LETTERS = [
    _sent_letter("handed_over", "Being printed", "waiting", address="1•• W••• N••• L••• Dr, S••• 1••, Saint Bartholomew Heights, IL 627••"),
    _sent_letter("mailed", "Mailed", "good"),
    _sent_letter("returned", "Came back", "stopped"),
    _sent_letter("refused", "Not mailed", "stopped"),
    _sent_letter("expired", "Expired", "stopped"),
    _sent_letter("void", "No longer works", "stopped"),
    _sent_letter("used", "Used", "neutral"),
]  # fmt: skip
ADDRESSES = [
    {"id": "a", "masked": "1•• M••• St, Springfield, IL 627••"},
    {"id": "b", "masked": "PO Box 4••, Springfield, IL 627••"},
    {"id": "c", "masked": "1•• W••• N••• L••• Dr, S••• 1••, Saint Bartholomew Heights, IL 627•• (2)"},
]
ADDITIONS = [
    {
        "organization": None, "reference": REFERENCE, "status": {"label": "Proof needed", "kind": "waiting"},
        "deadline": NOW + timedelta(days=30), "next": {"action": "/sent", "text": "Go on"},
    },
    {
        "organization": LONG_ORGANIZATION, "reference": "R-2B7C-11AA", "status": {"label": "Waiting for the PIN", "kind": "waiting"},
        "deadline": NOW + timedelta(days=30), "next": {"action": "/sent", "text": "Enter the PIN"},
    },
]  # fmt: skip


def _letter(**more: object) -> dict[str, object]:
    base: dict[str, object] = {
        "organization": ORGANIZATION, "change_href": "/organization", "payment_href": "/payment", "letters": [], "pin_href": None,
        "another_at": None, "help_action": None,
    }  # fmt: skip
    return _step(**{**base, **more})


def _addresses(**more: object) -> dict[str, object]:
    base: dict[str, object] = {
        "identified": "0" * 64, "mailing_on": NOW.date(), "pin_days": 30, "payment_href": "/payment", "another_at": None,
        "failed": [],
    }  # fmt: skip
    return _step(**{**base, **more})


def _pin(**more: object) -> dict[str, object]:
    base: dict[str, object] = {
        "letters": LETTERS[1:2], "another_at": NOW + timedelta(days=1), "letter_href": "/letter", "payment_href": "/payment",
        "withdraw_href": "/withdraw", "email": EMAIL,
    }  # fmt: skip
    return _step(**{**base, **more})


ACCESS_ROWS = [
    _row("Maple Street Family Clinic", "•••••6789", "1234567893", 3, "Check", "Active", "good"),
    _row("Cedar Hill Orthopedics, P.C.", "•••••4410", None, 41, "Electronic payment", "Active", "good"),
    _row("Lakeside Imaging Center", "•••••0271", "1679576722", 0, "Non-payment notice", "Waiting for approval", "waiting",
         next="Mailed a request to p•••@lakeside.example.org on Nov 20. It ends on Dec 20, 2026."),
    _row("Prairie Home Health", "•••••5533", None, 0, "Check", "Expired", "stopped", next={"text": "Request it again", "href": "/again"}),
    _row(LONG_ORGANIZATION, "•••••9012", "1902846306", 200, "Check", "Ended", "neutral"),
]  # fmt: skip


def _access(**more: object) -> dict[str, object]:
    options = [("", "All"), ("active", "Active"), ("waiting", "Waiting"), ("ended", "Ended")]
    base: dict[str, object] = {
        "rows": ACCESS_ROWS,
        "sort": "organization",
        "filters": {"q": "", "status": ""},
        "status_options": options,
        "person": PERSON,
        "idempotency_key": KEY,
        "add_href": "/access/add",
    }
    return {**base, **more}


def _signed_in(**more: object) -> dict[str, object]:
    return {"person": PERSON, "idempotency_key": KEY, **more}


def _closed(title: str, detail: str, *next_steps: object, **more: object) -> dict[str, object]:
    return {
        "problem": {"title": title, "detail": detail, "next": list(next_steps)},
        "reference": REFERENCE,
        "closed_at": NOW,
        **more,
    }


def _session(number: int, device: str, *, current: bool = False) -> dict[str, object]:
    return {
        "id": f"s{number}",
        "device": device,
        "started_at": NOW - timedelta(hours=number * 3),
        "seen_at": NOW,
        "current": current,
    }


def _security(**more: object) -> dict[str, object]:
    base = _signed_in(
        email=EMAIL,
        sessions=[
            _session(1, "Firefox on Windows", current=True),
            _session(2, "Safari on iPhone"),
            _session(3, "Chrome on macOS"),
        ],
        revoke_action="/revoke",
        sign_out_all_action="/out",
        recovery_left=8,
        recovery_total=10,
        new_codes_action="/codes",
    )
    return {**base, **more}


def _second_factor(**more: object) -> dict[str, object]:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    uri = f"otpauth://totp/Northwind:{EMAIL}?secret={secret}&issuer=Northwind"
    return _form(
        qr_data_uri=segno.make(uri, micro=False).svg_data_uri(scale=4, border=2),
        secret=secret,
        account_label=f"Northwind: {EMAIL}",
        **more,
    )


MESSAGES = [
    {"href": "/messages/1", "subject": "You have access to Maple Street Family Clinic", "sent_at": NOW, "unread": True,
     "excerpt": "Your registration is complete. You can see this organization in the portal now."},
    {"href": "/messages/2", "subject": "Someone registered for your organization", "sent_at": NOW - timedelta(days=2), "unread": True,
     "excerpt": "A person registered for Cedar Hill Orthopedics, P.C. If you did not expect this, tell us."},
    {"href": "/messages/3", "subject": "Your recovery codes were replaced", "sent_at": NOW - timedelta(days=9), "unread": False,
     "excerpt": "New codes were made on November 14. The old ones no longer work."},
]  # fmt: skip

MAILS = [
    {"href": "/mailbox/1", "to": EMAIL, "subject": "Your confirmation code", "sent_at": NOW},
    {"href": "/mailbox/2", "to": "a-very-long-mailbox-name-that-does-not-break-anywhere@maplestreet.example.org", "subject": "Welcome to the provider portal", "sent_at": NOW},
]  # fmt: skip
MAIL = {
    "subject": "Your confirmation code",
    "sender": "Northwind Health Plan <no-reply@example.org>",
    "to": EMAIL,
    "sent_at": NOW,
    "message_id": "<5f0c3b2a9e4d4f6e8a1b2c3d4e5f6071.confirm.1@example.org>",
    "text": "Your code is 482 913.\n\nIt works for 10 minutes. If you did not ask for it, ignore this mail.\n",
    "html_href": "/mail-body",
}

ALL_ERRORS_PERSON = {
    "name": "Enter your own first and last name. “Billing Department” is not a person.",
    "email": "billing@ looks like a shared mailbox. Use the address that only you read.",
    "attestation": "Please confirm that you are the person named above.",
}

CATALOGUE: tuple[PageState, ...] = (
    PageState("start", "start.html", {"begin_href": "/register"}),
    PageState("start-letter", "start.html", {
        "begin_href": "/register", "letter_href": "/letter", "billing_href": "/billing", "development": True,
        "notice": {"kind": "success", "text": "You have stopped your registration. Nothing was opened."}}),
    PageState("who", "who_you_are.html", _form(attestation=ATTESTATION)),
    PageState("who-errors", "who_you_are.html", _form(
        attestation=ATTESTATION, errors=ALL_ERRORS_PERSON, values={"name": "Billing Department", "email": "billing@example.org"})),
    PageState("who-filled", "who_you_are.html", _form(
        attestation=ATTESTATION, values={"name": LONG_NAME, "email": EMAIL, "attestation": "yes"},
        errors={"email": "An e-mail address looks like name@organization.org."}, back={"href": "/", "text": "Back"})),
    PageState("email", "confirm_email.html", _code(withdraw_href="/withdraw")),
    PageState("email-wrong", "confirm_email.html", _code(
        errors={"code": "This is not the code that we sent last."}, values={"code": "123 456"}, tries_left=1)),
    PageState("email-over", "confirm_email.html", _code(code_expires_at=None, problem={
        "title": "This code has been tried too often", "detail": "To protect your address it no longer works.",
        "next": ["Have a new code sent below."]})),
    PageState("email-tried-out", "confirm_email.html", _code(tries_left=0, withdraw_href="/withdraw", problem={
        "title": "This code was tried too often", "detail": "For safety it no longer works.", "next": ["Ask for a new code."]})),
    PageState("email-resent", "confirm_email.html", _code(
        notice={"kind": "success", "text": "A new code is on its way. Earlier codes no longer work."}, retry_at=datetime.now(UTC))),
    PageState("email-bounced", "confirm_email.html", _code(undeliverable=True)),
    PageState("organization", "organization.html", _step(by_letter=True, withdraw_href="/withdraw", back={"href": "/", "text": "Back"})),
    PageState("organization-no-letters", "organization.html", _step(by_letter=False)),
    PageState("organization-errors", "organization.html", _step(
        by_letter=True,
        errors={"tin": "The Tax ID has 9 digits; 8 were typed.", "npi": "This NPI has a typing error: its check digit doesn’t fit."},
        values={"tin": "12-345678", "identified_by": "npi", "npi": "1234567890"})),
    PageState("organization-both", "organization.html", _step(
        by_letter=True,
        errors={"tin": "Enter the Tax ID.", "identified_by": "Fill in the vendor number or the NPI, not both."},
        values={"tin": "", "vendor_number": "V0073154", "npi": "1234567893"})),
    PageState("organization-warning", "organization.html", _step(
        by_letter=True,
        values={"tin": "07-1234567", "vendor_number": "V0073154"},
        errors={"tin_confirmed": "No employer’s Tax ID starts like this. Correct it, or tick the box."})),
    PageState("payment", "payment.html", _step(
        organization=ORGANIZATION, change_href="/organization", withdraw_href="/withdraw", billing_href="/billing")),
    PageState("payment-errors", "payment.html", _step(
        organization=ORGANIZATION, change_href="/organization",
        errors={"document_number": "Enter the number of the check, EFT payment or notice.", "amount": "The amount has dollars and at most two digits of cents."},
        values={"amount": "12,84.505"})),
    PageState("payment-mismatch", "payment.html", _step(
        organization=ORGANIZATION, change_href="/organization", problem=MISMATCH, tries_left=3,
        values={"document_number": "0048213907", "amount": "1,284.50"})),
    PageState("payment-locked", "payment.html", _step(
        organization=ORGANIZATION, change_href="/organization", retry_at=datetime.now(UTC) + timedelta(hours=5),
        problem={
            "title": "Too many tries for now", "detail": "We limit how often numbers can be tried. What you entered is kept.",
            "next": ["Come back then; a link under “Continue a registration” brings you here again.", MISMATCH["next"][-1]]})),
    PageState("letter", "letter.html", _letter(billing_href="/billing")),
    PageState("letter-mismatch", "letter.html", _letter(problem=MISMATCH, tries_left=4)),
    PageState("letter-another", "letter.html", _letter(letters=LETTERS, pin_href="/pin")),
    PageState("letter-later", "letter.html", _letter(letters=LETTERS[:1], pin_href="/pin", another_at=NOW + timedelta(days=1))),
    PageState("letter-no-address", "letter.html", _letter(help_action="/help", letters=LETTERS[2:3], problem={
        "title": "We have no address we can mail a letter to", "detail": "A letter goes to an address in our records only.",
        "next": ["Prove your organization with a payment or notice instead."]})),
    PageState("letter-case-open", "letter.html", _letter(
        action=None, help_action="/help", letters=LETTERS[5:6], open_request={"number": "C-7F3K-9QMA", "href": "/case", "waits": False})),
    PageState("letter-over", "letter.html", _letter(action=None, help_action="/help", letters=LETTERS[5:6], problem={
        "title": "Letters no longer work for this registration", "detail": "PINs were tried too often in it.",
        "next": ["Prove your organization with a payment or notice."]})),
    PageState("letter-paused", "letter.html", _letter(retry_at=NOW + timedelta(hours=6), problem={
        "title": "Too many tries for now", "detail": "Looking up your organization is paused for safety.",
        "next": ["Try again at the time shown."]})),
    PageState("letter-addition", "letter.html", _letter(addition=True, person=PERSON)),
    PageState("letter-addresses", "letter_addresses.html", _addresses(addresses=ADDRESSES)),
    PageState("letter-addresses-failed", "letter_addresses.html", _addresses(addresses=ADDRESSES[:1], failed=[
        {"masked": ADDRESSES[2]["masked"], "at": NOW}, {"masked": ADDRESSES[1]["masked"], "at": None}])),
    PageState("letter-addresses-one", "letter_addresses.html", _addresses(
        addresses=ADDRESSES[:1], errors={"location": "Choose the address that the letter goes to."})),
    PageState("letter-addresses-limit", "letter_addresses.html", _addresses(
        addresses=ADDRESSES, values={"location": "b"}, another_at=NOW + timedelta(days=1), retry_at=NOW + timedelta(days=1), problem={
            "title": "The letter has to wait", "detail": "Letters to one organization are at least a day apart.",
            "next": ["If a letter of yours is on its way, use it: its PIN still works."]})),
    PageState("pin", "pin.html", _pin(billing_href="/billing")),
    PageState("pin-all-states", "pin.html", _pin(letters=LETTERS)),
    PageState("pin-wrong", "pin.html", _pin(tries_left=1, problem={
        "title": "That PIN isn't right", "detail": "It doesn't match any letter we mailed for this registration.",
        "next": ["Look at the letter again.", {"text": "Ask for another letter.", "href": "/letter"}]})),
    PageState("pin-format", "pin.html", _pin(errors={"pin": "A PIN has 10 letters and digits; 8 were typed."})),
    PageState("pin-paused", "pin.html", _pin(retry_at=datetime.now(UTC) + timedelta(minutes=9), problem={
        "title": "Too many tries for now", "detail": "Entering a PIN is paused for safety.", "next": ["Try again at the time shown."]})),
    PageState("pin-returned", "pin.html", _pin(letters=LETTERS[2:3], another_at=None, addition=True, person=PERSON)),
    PageState("pin-elsewhere", "pin_elsewhere.html", _form(resume_action="/sent", sign_in_href="/sign-in", additions=[])),
    PageState("pin-elsewhere-signed-in", "pin_elsewhere.html", _form(
        resume_action="/sent", sign_in_href="/sign-in", additions=ADDITIONS, person=PERSON)),
    PageState("adding", "adding.html", _form(additions=[], help_href="/help", person=PERSON)),
    PageState("adding-open", "adding.html", _form(additions=ADDITIONS, help_href="/help", person=PERSON, problem={
        "title": "You are adding several Tax IDs already", "detail": "Only so many can be open at once.", "next": []})),
    PageState("account", "account.html", _step(
        email=EMAIL, values={"name": "Jordan Ellis"}, password_min=8, password_max=128, reconsider_action="/sent",
        withdraw_href="/withdraw")),
    PageState("account-practitioner", "account.html", _step(
        email=EMAIL, values={"name": "Dr. Avery Stone"}, password_min=8, password_max=128,
        practitioner_attestation={"text": "I am this person, and I register for myself.", "version": "2026-1"},
        errors={"practitioner_attestation": "Please say that you are this person, or enter your own name."})),
    PageState("account-colleagues", "account.html", _step(
        email=EMAIL, values={"name": "Jordan Ellis"}, password_min=8, password_max=128,
        existing_accounts=[{"id": "0c9c2f3b", "initials": "A••• E•••", "email_masked": "a•••@clinic.example.org"},
                           {"id": "1d0d3a4c", "initials": "B••• E•••", "email_masked": "b•••@clinic.example.org"},
                           {"id": "2e1e4b5d", "initials": "M••• F•••", "email_masked": "m•••@otorhinolaryngology.springfield.example.org"}],
        colleague_reasons=[("left", "They have left the organization"), ("other", "Another reason")],
        errors={"reason": "Choose why they can’t help you."})),
    PageState("account-weak", "account.html", _step(
        email=EMAIL, values={"name": LONG_NAME}, password_min=8, password_max=128,
        errors={"password": "This password is known from leaks and would be tried first."},
        password_feedback=["Add another word or two.", "Words that don’t belong together are better."])),
    PageState("second-factor", "second_factor.html", _second_factor(withdraw_href="/withdraw")),
    PageState("second-factor-wrong", "second_factor.html", _second_factor(
        errors={"code": "This is not the app’s present code. Check that the clock of your phone is right."}, values={"code": "000000"})),
    PageState("recovery", "recovery_codes.html", _form(signed_up=True, codes=[f"{n:04d}-7XQM-2RTA" for n in range(1101, 1111)])),
    PageState("recovery-errors", "recovery_codes.html", _form(
        signed_up=False, codes=["1101-7XQM-2RTA", "9120-PWQ3-88AA"], errors={"saved": "Please save or print the codes first."}, person=PERSON)),
    PageState("registered", "registered.html", {
        "organization": {"name": "Maple Street Family Clinic", "tin_masked": "•••••6789", "npi": None}, "access_href": "/access",
        "reference": REFERENCE, "sign_in_needed": True,
        "next_items": [
            "Sign in with your e-mail address, your password and the code from your app.",
            "Add more Tax IDs or NPIs under “Tax ID & NPI access”.",
            "Colleagues who already have access are told that you registered."]}),
    PageState("closed-expired", "registration_closed.html", _closed(
        "This registration has expired", "It was open for 30 days without being finished, so it was closed. No access was opened.",
        "Have a payment of the last 12 months at hand, and start anew.", {"text": "Contact us", "href": "#contact-us"}, begin_href="/register")),
    PageState("closed-locked", "registration_closed.html", _closed(
        "This registration is locked", "The numbers were tried too often. To protect the organization it can’t go on here.",
        "Call us with your reference; we continue with you.")),
    PageState("resume-request", "resume_request.html", _form()),
    PageState("resume-request-errors", "resume_request.html", _form(
        errors={"email": "An e-mail address looks like name@organization.org."}, values={"email": "jordan@"})),
    PageState("resume-sent", "resume_sent.html", {"email": EMAIL, "link_hours": 24}),
    PageState("resume-sent-reference", "resume_sent.html", {"email": REFERENCE, "by_reference": REFERENCE, "link_hours": 24}),
    PageState("resume", "resume.html", _form(token="Zm9v")),
    PageState("resume-ended", "resume.html", _form(problem={
        "title": "This link has ended", "detail": "It was used already, or it is older than 24 hours.",
        "next": [{"text": "Have a new link sent", "href": "/resume"}]})),
    PageState("withdraw-addition", "withdraw.html", _step(keep_href="/organization", addition=True, person=PERSON)),
    PageState("withdraw", "withdraw.html", _step(keep_href="/organization")),
    PageState("withdraw-unconfirmed", "withdraw.html", _step(keep_href="/email", confirmed=False)),
    PageState("sign-in", "sign_in.html", _form(notice={"kind": "info", "text": "You were signed out after 15 minutes without use."})),
    PageState("sign-in-refused", "sign_in.html", _form(
        values={"email": EMAIL}, next_path="/messages",
        problem={"title": "That did not work", "detail": "The e-mail address and the password don’t fit together.",
                 "next": ["Check both, and type them again.", {"text": "Not registered yet? Register", "href": "/"}]})),
    PageState("sign-in-limited", "sign_in.html", _form(
        values={"email": EMAIL}, retry_at=datetime.now(UTC) + timedelta(minutes=1),
        problem={"title": "Too many tries", "detail": "To protect accounts we limit how often this can be tried.", "next": []})),
    PageState("sign-in-code", "sign_in_code.html", _form(switch_href="/recovery")),
    PageState("sign-in-recovery", "sign_in_code.html", _form(
        switch_href="/code", use_recovery=True, errors={"recovery_code": "This code was used already, or has a typing error."}, values={"recovery_code": "1101-7XQM"})),
    PageState("access", "access.html", _access(pagination={"page": 1, "pages": 3, "total": 52, "previous_href": None, "next_href": "?page=2"})),
    PageState("access-adding", "access.html", _access(rows=[
        {"organization": "Being added", "reference": REFERENCE, "tin_masked": "–", "npi": "–", "begun": NOW, "since": None, "via": "–",
         "status": {"label": "Proof needed", "kind": "waiting"}, "next": None, "deadline": NOW, "go_on": {"action": "/sent", "text": "Go on"}},
        ACCESS_ROWS[0]])),
    PageState("access-filtered", "access.html", _access(rows=[], filters={"q": "zzz", "status": "waiting"}, sort="-since")),
    PageState("access-one", "access.html", _access(
        rows=ACCESS_ROWS[:1], notice={"kind": "success", "title": "Welcome", "text": "You have access to Maple Street Family Clinic."}, person={"name": LONG_NAME, "unread": 0})),
    PageState("access-empty", "access.html", _access(rows=[], development=True)),
    PageState("messages", "messages.html", _signed_in(
        rows=MESSAGES, read_all_action="/read", pagination={"page": 2, "pages": 3, "total": 41, "previous_href": "?page=1", "next_href": "?page=3"})),
    PageState("messages-empty", "messages.html", _signed_in(rows=[])),
    PageState("message", "message.html", _signed_in(
        message={"subject": "You have access to Maple Street Family Clinic", "sent_at": NOW, "paragraphs": [
            "Your registration is complete: the payment you entered matched our records.",
            "You see the organization under “Tax ID & NPI access”. If you did not register, contact us at once."]},
        mark_read_action="/read", links_below=[{"text": "Go to Tax ID & NPI access", "href": "/access"}])),
    PageState("security", "account_security.html", _security()),
    PageState("security-few", "account_security.html", _security(
        recovery_left=1, sessions=[_session(1, "Firefox on Windows", current=True)], notice={"kind": "success", "text": "You are signed out everywhere else."})),
    PageState("mailbox", "mailbox.html", {"mails": MAILS}),
    PageState("mailbox-letters", "mailbox.html", {"mails": MAILS, "idempotency_key": KEY, "letters": [
        {"id": f"3de4fa75-e454-41cc-b9f9-b740a95044b{number}", "mailing_on": NOW.date(), "status": {"label": label, "kind": "waiting"},
         "pdf_href": "/pdf" if number else None, "mailed_action": "/sent", "returned_action": "/sent", "may_be_mailed": number == 2,
         "may_come_back": number > 0}
        for number, label in enumerate(["Came back", "Mailed", "To be mailed"])]}),
    PageState("mailbox-no-letters", "mailbox.html", {"mails": [], "letters": [], "idempotency_key": KEY}),
    PageState("mailbox-empty", "mailbox.html", {"mails": []}),
    PageState("mailbox-mail", "mailbox_mail.html", {"mail": MAIL}),
    PageState("mailbox-mail-text", "mailbox_mail.html", {"mail": {**MAIL, "html_href": None}}),
    *(PageState(f"problem-{status}", "problem.html", {"problem": {"status": status}, "incident": "req-01JD4Q8Z"})
      for status in (400, 403, 404, 405, 410, 413, 500)),
    PageState("problem-409", "problem.html", {
        "problem": {"status": 409}, "state": "Waiting for the authenticator app", "continue_href": "/second-factor", "continue_text": "Continue there"}),
    PageState("problem-429", "problem.html", _signed_in(problem={"status": 429}, retry_at=datetime.now(UTC) + timedelta(hours=3))),
    PageState("problem-503", "problem.html", {"problem": {"status": 503}, "retry_at": datetime.now(UTC) + timedelta(seconds=30), "incident": "req-01JD4Q8Z"}),
    *(PageState(*state) for state in ANSWER_STATES),
    *(PageState(*state) for state in CASE_STATES),
    *(PageState(*state) for state in CLIENT_STATES),
    *(PageState(*state) for state in COLLEAGUE_STATES),
    *(PageState(*state) for state in CONTACT_DESK_STATES),
    *(PageState(*state) for state in DEPARTURE_STATES),
    *(PageState(*state) for state in GRANT_STATES),
    *(PageState(*state) for state in REGISTERING_BILLING_STATES),
)  # fmt: skip
