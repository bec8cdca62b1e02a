"""The states of staff's pages of business contacts, for the catalogue: name, template, context."""

from datetime import UTC, datetime, timedelta
from typing import Final

_NOW: Final = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
_KEY: Final = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
_LONG: Final = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Associates of Greater Springfield, P.L.L.C."
_STAFF: Final = {"staff": {"name": "Sam Desk Example", "role": "supervisor"}, "idempotency_key": _KEY}
_WHY: Final = "A free-mail address: anyone can have one, so the domain says nothing of whose it is."


def _row(reference: str, **changes: object) -> dict[str, object]:
    line = {
        "reference": reference, "service": "Lakeside Billing", "provider": "Harbour Clinic",
        "contact": "office.of.harbour.clinic@gmail.com", "why": _WHY, "waiting_since": _NOW, "is_overdue": False,
        "due_at": _NOW + timedelta(days=3), "given_by": (), **changes,
    }  # fmt: skip
    return {"href": "/staff/contacts/1", "line": line}


def _held(reference: str, **changes: object) -> dict[str, object]:
    line = {
        "reference": reference, "service": "Lakeside Billing", "organization": "Harbour Clinic", "npi": None,
        "objected_by": "Ola Objector", "held_since": _NOW, "has_administrator": True, "may_resume": True, **changes,
    }  # fmt: skip
    return {"href": "/staff/contacts/1", "line": line}


_LIST: Final[dict[str, object]] = {
    **_STAFF, "total": 52, "held": 2, "filters": {"show": "", "said": ""}, "sort": "waiting",
    "pagination": {"page": 1, "pages": 3, "total": 52, "previous_href": None, "next_href": "?page=2"},
}  # fmt: skip
_ONE_PAGE: Final = {"page": 1, "pages": 1, "total": 0, "previous_href": None, "next_href": None}


_REQUEST: Final[dict[str, object]] = {
    "reference": "A-7K3M-9QXW-WWWW", "state": {"label": "With our staff", "kind": "waiting"}, "why": _WHY, "overdue": True,
    "approved_by": ("Lou Example",), "rows": [("Contact", "office.of.harbour.clinic.with.a.long.name@gmail.com"), ("Billing service", f"{_LONG}, Tax ID •••••4567"),
             ("Provider, as named", "Harbour Clinic, Tax ID •••••1234")],
    "verdicts": [{"at": _NOW, "words": "Approved sending.", "text": f"I called {_LONG}.", "who": "Lou Example", "internal": True}],
    "contact_version": 1, "access": None,
    "happened": [{"at": _NOW, "words": "Access was asked for. Our staff look at the contact before anything is mailed.", "text": "", "who": _LONG, "internal": False}],
}  # fmt: skip
_PAGE: Final[dict[str, object]] = {
    **_STAFF, "request": _REQUEST, "action": "/sent", "opened": "", "may_resend": False, "may_correct": True,
    "reasoned": [("send", "Have the mail sent", "What you found out; colleagues read it", "Approve sending"),
                 ("refuse", "Refuse this contact", "What you found out; the request ends with it", "Refuse")],
    "limit": {"now": 12, "most": 20, "highest": 5000},
}  # fmt: skip

_PROPOSAL: Final[dict[str, object]] = {
    "id": 1, "name": _LONG, "tin_masked": "•••••4567", "administrator": "Jo Example", "proposed_by": "Lou Example", "at": _NOW,
    "administrator_email": "jo.example.with.a.long.name@northfield.example.org", "reason": f"Contract with {_LONG}.", "may_confirm": True,
}  # fmt: skip
_BILLING: Final[dict[str, object]] = {
    **_STAFF, "action": "/sent", "opened": "", "rows": [_PROPOSAL, {**_PROPOSAL, "id": 2, "may_confirm": False}],
}  # fmt: skip

CONTACT_DESK_STATES: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("staff-contacts", "staff_contacts.html", {
        **_LIST, "rows": [
            _row("A-7K3M-9QXW-WWWW", is_overdue=True, provider=_LONG),
            _row("A-0A1B-2C3D-4E5F", given_by=("Sam Desk Example",), service=_LONG),
        ],
    }),
    ("staff-contacts-objected", "staff_contacts.html", {
        **_LIST, "filters": {"show": "objected", "said": ""},
        "rows": [_held("A-7K3M-9QXW-WWWW", service=_LONG), _held("A-0A1B-2C3D-4E5F", organization=_LONG, npi="1234567893", has_administrator=False, may_resume=False),
                 _held("A-2C3D-4E5F-0A1B", organization=_LONG, may_resume=False)],
    }),
    ("staff-contacts-objected-none", "staff_contacts.html", {
        **_LIST, "held": 0, "filters": {"show": "objected", "said": ""}, "rows": [], "pagination": _ONE_PAGE,
    }),
    ("staff-contacts-filtered-none", "staff_contacts.html", {
        **_LIST, "filters": {"show": "", "said": "send"}, "rows": [], "pagination": _ONE_PAGE,
    }),
    ("staff-contacts-none", "staff_contacts.html", {
        **_LIST, "total": 0, "held": 0, "rows": [], "pagination": _ONE_PAGE, "values": {"reference": "A-0000-0000"},
        "errors": {"reference": "A request’s reference reads like A-2DJP-MD62-29MD: an A, then twelve letters and digits."},
    }),
    ("staff-billing", "staff_billing.html", _BILLING),
    ("staff-billing-none", "staff_billing.html", {
        **_BILLING, "rows": [], "opened": "propose", "values": {"tin": "12"}, "errors": {"tin": "The Tax ID has 9 digits; 2 were typed."},
    }),
    ("staff-billing-errors", "staff_billing.html", {
        **_BILLING, "opened": "confirm:1", "errors": {"decision_reason": "Write what you found out."},
    }),
    ("staff-contact", "staff_contact.html", _PAGE),
    ("staff-contact-errors", "staff_contact.html", {
        **_PAGE, "opened": "send", "errors": {"reason": "Write what you found out."}, "values": {"reason": " "},
    }),
    ("staff-contact-limit", "staff_contact.html", {
        **_PAGE, "opened": "limit", "values": {"limit": "9999"},
        "errors": {"limit": "Enter a whole number from 1 to 5,000.", "limit_reason": "Write why this billing service needs it."},
    }),
    ("staff-contact-objected", "staff_contact.html", {
        **_PAGE, "may_correct": False, "reasoned": [],
        "request": {**_REQUEST, "state": {"label": "On hold", "kind": "stopped"}, "why": "", "overdue": False, "approved_by": (), "verdicts": [], "access": {
            "rows": [("Open since", "Nov 20, 2026"), ("Objection by", "Ola Objector (name given with the objection)"), ("Provider, in our records", _LONG),
                     ("Its administrators", "Jo Example, jo.example.with.a.long.name@northfield.example.org; Mo Example, mo@northfield.example.org")],
            "why": "Ola Objector (name given with the objection) says that the provider did not ask for this.",
            "next": "Only an administrator of the provider can resume it or end it; staff can’t.",
        }},
    }),
    ("staff-contact-sent", "staff_contact.html", {
        **_PAGE, "may_resend": True, "reasoned": [],
        "request": {**_REQUEST, "state": {"label": "Mail came back", "kind": "stopped"}, "why": "", "overdue": False, "approved_by": (), "verdicts": []},
        "problem": {"title": "This request has been answered", "detail": "The provider has decided.", "next": ["Look at the request."]},
    }),
)  # fmt: skip
