"""The states of the pages about billing services' access, for the catalogue: name, template, context."""

from datetime import UTC, date, datetime
from typing import Final

_NOW: Final = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
_KEY: Final = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
_PERSON: Final = {"name": "Jordan Ellis", "unread": 2, "sides": frozenset({"provider"})}
_SIGNED_IN: Final[dict[str, object]] = {"person": _PERSON, "action": "/sent", "idempotency_key": _KEY}
_LONG: Final = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Associates of Greater Springfield, P.L.L.C."
_SERVICE: Final = (
    "Featherstonehaugh & Wotherspoon Comprehensive Reimbursement Services of the Upper Midwest, Incorporated"
)
_REFERENCE: Final = "A-MWWM-WMWW-MWWM"
_GRANT: Final = {
    "href": "/billing-services/1", "reference": _REFERENCE, "service": _SERVICE, "service_tin_masked": "•••••0002",
    "organization": _LONG, "tin_masked": "•••••0001", "scope": "NPI 1234567893", "since": _NOW, "decided_by": "Kim Contact",
    "decided_as": "Director of Patient Financial Services", "decided_where": "as the business contact k•••@clinic.example.org",
    "last_day": date(2027, 6, 30), "ended_at": None, "status": {"label": "Open", "kind": "good"}, "state": "open",
    "is_contested": False, "led_by": "NPI 1234567893", "may_hold": True, "may_end": True, "may_change": True, "is_led": True,
}  # fmt: skip
_HELD: Final = {
    **_GRANT, "status": {"label": "On hold: objection", "kind": "stopped"}, "state": "held", "is_contested": True, "last_day": None,
    "service": "Harbor Billing", "organization": "Northfield Clinic", "scope": "All of the Tax ID",
}  # fmt: skip
_PART: Final = {
    **_GRANT, "scope": "All of the Tax ID, NPI 1234567893 included", "led_by": "all of the Tax ID", "may_change": False, "is_led": False,
}  # fmt: skip
_ENDED: Final = {
    **_GRANT, "status": {"label": "Revoked", "kind": "neutral"}, "state": "ended", "ended_at": _NOW,
    "may_hold": False, "may_end": False, "may_change": False,
    "decided_where": "as an administrator",
}  # fmt: skip
_LINE: Final = {
    "at": _NOW,
    "words": "The access was put on hold.",
    "who": "Maximiliana Featherstonehaugh-Wotherspoon",
    "text": "",
    "internal": False,
}
_OBJECTED: Final = {
    **_LINE,
    "words": "Somebody objected: this access wasn’t asked for.",
    "who": "Ola Objector (name given with the objection)",
}
_LINES: Final = [_LINE, _OBJECTED, {**_LINE, "who": ""}]
_STORY: Final[dict[str, object]] = {"held": None, "dated": _LINE}
_REQUEST: Final = {
    "href": "/requests/1", "reference": _REFERENCE, "service": _SERVICE, "service_tin_masked": "•••••0002",
    "requester": "Maximiliana Featherstonehaugh-Wotherspoon", "organization": _LONG, "tin_masked": "•••••0001",
    "scope": "All of the Tax ID", "contact": "k•••@clinic.example.org", "requested_at": _NOW, "until": _NOW, "led_by": "all of the Tax ID",
    "status": {"label": "Waiting", "kind": "waiting"}, "is_open": True, "is_pending": False, "may_decide": True, "answer": None,
}  # fmt: skip
_PENDING: Final = {
    **_REQUEST, "status": {"label": "Being applied", "kind": "waiting"}, "is_pending": True, "may_decide": False,
    "answer": {"choice": "approve", "at": _NOW, "outcome": None},
}  # fmt: skip
_APPROVED: Final = {
    **_REQUEST, "status": {"label": "Approved", "kind": "good"}, "is_open": False, "may_decide": False,
    "answer": {"choice": "approve", "at": _NOW, "outcome": "applied"},
}  # fmt: skip
_TOO_LATE: Final = {**_APPROVED, "answer": {"choice": "decline", "at": _NOW, "outcome": "superseded"}}
_LIST: Final[dict[str, object]] = {
    **_SIGNED_IN, "rows": [_GRANT, _HELD, _ENDED], "requests": [_REQUEST, _PENDING], "sort": "service",
    "filters": {"q": "", "status": ""}, "status_options": [("", "All"), ("open", "Open"), ("held", "On hold"), ("ended", "Ended")],
}  # fmt: skip
_ASKED: Final[dict[str, object]] = {
    **_SIGNED_IN, "request": _REQUEST, "attestation": {"version": "2026-11", "text": "I may decide this for the provider."},
}  # fmt: skip
_OBJECTION: Final[dict[str, object]] = {
    "action": "/sent", "idempotency_key": _KEY, "scope": "All of the Tax ID", "led_by": "all of the Tax ID", "was_sent": False, "reference": _REFERENCE,
    "own_href": None, "person": None,
    "grant": {
        "service": _SERVICE, "organization": _LONG, "tin_masked": "•••••0001", "decided_by": "Kim Contact", "by_account": False, "opened_at": _NOW,
        "is_contested": False, "state": "open", "is_led": True, "tells": True,
    },
}  # fmt: skip

GRANT_STATES: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("grant-list", "grant_list.html", _LIST),
    ("grant-list-empty", "grant_list.html", {**_LIST, "rows": [], "requests": []}),
    ("grant-list-filtered", "grant_list.html", {**_LIST, "rows": [], "requests": [], "filters": {"q": "Harbor", "status": "open"}}),
    ("grant-page", "grant_page.html", {**_SIGNED_IN, "grant": _GRANT, "actions": "/billing-services/1", "timeline": _LINES, "story": _STORY, "ends_on": "2027-06-30"}),
    ("grant-page-held", "grant_page.html", {
        **_SIGNED_IN, "grant": _HELD, "actions": "/billing-services/1", "timeline": _LINES, "story": {**_STORY, "held": _OBJECTED}, "ends_on": "2020-01-01", "retry_at": _NOW,
        "errors": {"ends_on": "This day is over. Enter today or a later day, or revoke the access instead."}}),
    ("grant-page-ended", "grant_page.html", {**_SIGNED_IN, "grant": _ENDED, "actions": "/billing-services/1", "timeline": _LINES, "story": _STORY, "ends_on": ""}),
    ("grant-page-member", "grant_page.html", {
        **_SIGNED_IN, "grant": {**_GRANT, "may_hold": False, "may_end": False, "may_change": False}, "actions": "/billing-services/1", "timeline": _LINES, "story": _STORY, "ends_on": ""}),
    ("grant-page-of-one-npi", "grant_page.html", {**_SIGNED_IN, "grant": _PART, "actions": "/billing-services/1", "timeline": _LINES, "story": _STORY, "ends_on": "2027-06-30"}),
    ("grant-page-of-one-npi-held", "grant_page.html", {
        **_SIGNED_IN, "grant": {**_PART, "state": "held", "status": _HELD["status"]}, "actions": "/billing-services/1", "timeline": _LINES, "story": _STORY, "ends_on": "2027-06-30"}),
    ("grant-revoke", "grant_revoke.html", {**_SIGNED_IN, "grant": _GRANT, "errors": {"confirmed": "Confirm that the access ends for good."}}),
    ("provider-request", "provider_request.html", {
        **_ASKED, "errors": {"choice": "Choose whether you approve or decline this request.", "attested": "Confirm that you may decide this."}}),
    ("provider-request-pending", "provider_request.html", {**_ASKED, "request": _PENDING}),
    ("provider-request-approved", "provider_request.html", {**_ASKED, "request": _APPROVED}),
    ("provider-request-late", "provider_request.html", {**_ASKED, "request": _TOO_LATE}),
    ("objection", "objection.html", {**_OBJECTION, "errors": {"name": "Enter your full name.", "confirmed": "Confirm that your organization did not ask for this."}}),
    ("objection-sent", "objection.html", {**_OBJECTION, "was_sent": True}),
    ("objection-held", "objection.html", {**_OBJECTION, "grant": {**_OBJECTION["grant"], "is_contested": True, "state": "held", "is_led": False, "tells": False}}),  # type: ignore[dict-item]  # it's a dict
    ("objection-held-by-provider", "objection.html", {
        **_OBJECTION, "person": _PERSON, "own_href": "/billing-services/1", "grant": {**_OBJECTION["grant"], "state": "held"}}),  # type: ignore[dict-item]  # it's a dict
    ("objection-code", "objection_code.html", {
        "action": "/sent", "idempotency_key": _KEY, "errors": {"code": "We don't know this code"}, "values": {"code": "00000-00000"}}),
)  # fmt: skip
