"""The states of the pages of support cases and staff, for the catalogue: name, template, context."""

from datetime import UTC, datetime, timedelta
from typing import Final

_NOW: Final = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
_KEY: Final = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
_FORM: Final[dict[str, object]] = {"action": "/sent", "idempotency_key": _KEY}
_LONG: Final = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Associates of Greater Springfield, P.L.L.C."
_STAFF: Final[dict[str, object]] = {
    "staff": {"name": "Sam Desk Example", "role": "supervisor"},
    "idempotency_key": _KEY,
}
_WAITING: Final = {"label": "Waits for you", "kind": "waiting"}
_ERRORS: Final = {
    "organization": "Enter the organization’s name.",
    "tin": "The Tax ID has 9 digits; 2 were typed.",
    "address": "Enter the organization’s address.",
    "telephone": "Enter a telephone number with its area code, such as 217-555-0142.",
}


def _line(words: str, *, text: str = "", who: str = "", internal: bool = False) -> dict[str, object]:
    return {"at": _NOW, "words": words, "text": text, "who": who, "internal": internal}


_TIMELINE: Final = [
    _line("You sent us your request."),
    _line("We asked you something.", text=f"Which address is on the W-9 of {_LONG}?\n\nPlease write all of it."),
]


def _case(**changes: object) -> dict[str, object]:
    rows = [("Organization", _LONG), ("Tax ID", "•••••4567"), ("Opened", "Nov 23, 2026")]
    return {
        "number": "C-7K3M-9QXW", "title": "My provider is not listed", "state": _WAITING, "rows": rows, "timeline": _TIMELINE,
        "words": "We need something more from you.", "is_open": True, "asks": True, "overdue": False, "warnings": [], **changes,
    }  # fmt: skip


def _row(number: str, **changes: object) -> dict[str, object]:
    return {
        "number": number, "href": "/staff/cases/1", "kind": "My provider is not listed", "waiting_since": _NOW,
        "due_at": _NOW + timedelta(days=3), "overdue": False, "owner": None, "mail_failed": False,
        "state": {"label": "New", "kind": "waiting"}, **changes,
    }  # fmt: skip


_QUEUE: Final[dict[str, object]] = {
    **_STAFF, "sort": "due", "filters": {"state": "", "kind": "", "owner": "", "overdue": ""},
    "state_options": [("", "All open"), ("new", "New"), ("closed", "All closed")],
    "kind_options": [("", "All"), ("not_listed", "My provider is not listed")],
    "owner_options": [("", "Everybody"), ("me", "Me"), ("none", "Nobody yet")],
}  # fmt: skip
_OWN: Final[dict[str, object]] = {
    "case": _case(), "answer_action": "/sent", "close_action": "/sent", "idempotency_key": _KEY,
    "back": {"href": "/cases", "text": "Your cases"},
}  # fmt: skip
_DESK: Final[dict[str, object]] = {
    **_STAFF, "action": "/sent", "opened": "", "simple": [("take", "Take this case"), ("listed", "It is listed: resolve")],
    "written": [("ask_more", "Ask the person for more", "Your question", "Ask"),
                ("decline", "Decline and close", "The reason; the person reads this", "Decline and close")],
    "members": [("1", "Lou Example")],
    "case": _case(
        overdue=True, warnings=["The person’s mailbox refuses our mail. Telephone instead."],
        timeline=[*_TIMELINE, _line("Took the case.", who="Sam Desk Example", internal=True)],
        rows=[("Person", "Jo Example"), ("E-mail", "jo.example.with.a.long.name@northfield.example.org"), ("Note", _LONG)],
    ),
}  # fmt: skip

CASE_STATES: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("case-form", "case_not_listed.html", {**_FORM, "back": {"href": "/", "text": "Your organization"}}),
    ("case-form-errors", "case_not_listed.html", {**_FORM, "errors": _ERRORS, "values": {"tin": "12", "note": _LONG}}),
    ("case-help", "case_help.html", {**_FORM, "person": {"name": "Jo Example", "unread": 2}}),
    ("case-help-errors", "case_help.html", {**_FORM, "errors": {
        "note": "Write what we can do for you.", "telephone": _ERRORS["telephone"],
    }}),
    ("case-asks", "case_page.html", _OWN),
    ("case-asks-errors", "case_page.html", {**_OWN, "errors": {"text": "Write your answer."}}),
    ("case-resolved", "case_page.html", {
        **_OWN, "onward": {"text": "Go on", "href": "/register/organization"},
        "case": _case(is_open=False, asks=False, state={"label": "Listed", "kind": "good"}, words="Your organization is in our records now."),
    }),
    ("case-declined", "case_page.html", {
        **_OWN, "registration_href": "/register/organization",
        "next_steps": [{"text": "Register with US Mail", "href": "/register/letter"}, {"text": "Open another case", "href": "/register/help"}],
        "case": _case(is_open=False, asks=False, state={"label": "Declined", "kind": "stopped"}, words="We couldn't do what you asked for."),
    }),
    ("case-list", "case_list.html", {
        "rows": [{"number": "C-7K3M-9QXW", "href": "/cases/1", "title": "Contact us", "state": _WAITING, "opened_at": _NOW}],
        "new_href": "/help", "person": {"name": "Jo Example", "unread": 0}, "idempotency_key": _KEY,
    }),
    ("case-list-empty", "case_list.html", {"rows": [], "new_href": "/register/help", "registration_href": "/register/organization", "idempotency_key": _KEY}),
    ("staff-sign-in", "staff_sign_in.html", {**_FORM, "next_path": "/staff/cases"}),
    ("staff-code", "staff_code.html", {**_FORM, "errors": {"code": "That code isn’t right"}}),
    ("staff-code-recovery", "staff_code.html", {
        **_FORM, "use_recovery": True, "switch_href": "/staff/sign-in/code", "errors": {"recovery_code": "That code isn’t right"},
    }),
    ("staff-recovery-codes", "staff_recovery_codes.html", {
        **_FORM, "codes": ["7kq2m-x4dpa", "b3n9t-wzr6h"], "errors": {"saved": "Save or print the codes first: they are not shown again."},
        "staff": {"name": "Sam Desk Example", "role": "agent"},
    }),
    ("staff-set-up", "staff_set_up.html", {
        **_FORM, "name": "Sam Desk Example", "email": "sam@payer.example.org", "password_min": 8, "password_max": 128,
        "errors": {"password": "Use at least 8 characters."},
    }),
    ("staff-second-factor", "staff_second_factor.html", {
        **_FORM, "qr_data_uri": "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>", "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "account_label": "Northwind Health Plan: staff",
    }),
    ("staff-queue", "staff_queue.html", {
        **_QUEUE, "total": 52,
        "rows": [_row("C-7K3M-9QXW"), _row("C-0A1B-2C3D", overdue=True, owner="Sam Desk Example", mail_failed=True),
                 _row("C-8X7Y-6Z5W", due_at=None, state={"label": "Waits for the person", "kind": "waiting"})],
        "pagination": {"page": 1, "pages": 3, "total": 52, "previous_href": None, "next_href": "?page=2"},
    }),
    ("staff-problem", "staff_problem.html", _STAFF),
    ("staff-queue-empty", "staff_queue.html", {**_QUEUE, "total": 0, "rows": []}),
    ("staff-case", "staff_case.html", _DESK),
    ("staff-case-errors", "staff_case.html", {
        **_DESK, "opened": "decline", "errors": {"text": "Write what the person or your colleagues have to know."}, "values": {"text": " "},
    }),
    ("staff-case-closed", "staff_case.html", {
        **_DESK, "simple": [], "written": [], "members": [], "case": _case(state={"label": "Resolved: listed", "kind": "good"}),
        "problem": {"title": "This case is closed", "detail": "Nothing can be added to it any more.", "next": ["Open a new case."]},
    }),
)  # fmt: skip
