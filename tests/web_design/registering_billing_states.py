"""The states of the pages on which a billing service registers, for the catalogue: name, template, context."""

from datetime import UTC, datetime, timedelta
from typing import Final

_NOW: Final = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
_KEY: Final = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
_REFERENCE: Final = "R-7K3M-9QXD-2FHT"
_EMAIL: Final = "jordan.ellis@harbor.example.org"
_PERSON: Final = {"name": "Jordan Ellis", "unread": 2}
_LONG: Final = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Billing Associates of Greater Springfield, P.L.L.C."
_STEP: Final[dict[str, object]] = {"action": "/sent", "idempotency_key": _KEY, "reference": _REFERENCE}
_BILLING: Final[dict[str, object]] = {**_STEP, "provider_href": "/organization", "withdraw_href": "/withdraw"}
_ADDITION: Final[dict[str, object]] = {"addition": True, "person": _PERSON}
_ROW: Final[dict[str, object]] = {
    "organization": _LONG, "note": "Billing service", "tin_masked": "•••••0271", "npi": "–", "since": _NOW,
    "via": "Own registration", "status": {"label": "Open", "kind": "good"}, "next": None,
}  # fmt: skip

REGISTERING_BILLING_STATES: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("who-billing", "who_you_are.html", {
        **_STEP, "attestation": {"version": "2026-11", "text": "This account is for myself."}, "billing": True}),
    ("organization-addition", "organization.html", {**_STEP, **_ADDITION, "by_letter": True, "billing_href": "/billing"}),
    ("billing", "billing.html", _BILLING),
    ("billing-errors", "billing.html", {
        **_BILLING, "values": {"name": "www.harbor.example", "tin": "12-345678"}, "errors": {
            "name": "Enter the organization's name only, without a web or e-mail address.",
            "tin": "The Tax ID has 9 digits; 8 were typed."}}),
    ("billing-warning", "billing.html", {
        **_BILLING, "values": {"name": _LONG, "tin": "07-1234567"},
        "errors": {"tin_confirmed": "No employer’s Tax ID starts like this. Correct it, or tick the box."}}),
    ("billing-provider", "billing.html", {
        **_BILLING, "tries_left": 4, "values": {"name": "Harbor Billing", "tin": "12-3456789"}, "problem": {
            "title": "This Tax ID belongs to a provider",
            "detail": "A billing service doesn't register with its client's Tax ID: use the Tax ID of your billing organization.",
            "next": ["Enter the Tax ID of your own billing organization.", {"text": "Do you work for this provider yourself?", "href": "/organization"}]}}),
    ("billing-paused", "billing.html", {
        **_BILLING, **_ADDITION, "retry_at": _NOW + timedelta(hours=6), "problem": {
            "title": "Too many tries", "detail": "For safety this is paused for a while.", "next": ["Try again at the time shown."]}}),
    ("account-billing", "account.html", {
        **_STEP, "email": _EMAIL, "values": {"name": "Jordan Ellis"}, "password_min": 8, "password_max": 128, "billing": True,
        "reconsider_action": "/sent", "service": {"name": _LONG, "tin_masked": "•••••6789"}}),
    ("registered-billing", "registered.html", {
        **_STEP, "organization": {"name": _LONG, "tin_masked": "•••••6789", "npi": None}, "access_href": "/access", "billing": True,
        "next_items": ["An e-mail confirms that your billing service is registered."], "person": _PERSON}),
    ("access-billing", "access.html", {
        **_STEP, "rows": [_ROW], "sort": "organization", "filters": {"q": "", "status": ""}, "status_options": [("", "All")],
        "person": _PERSON, "add_href": "/access/add", "only_bills": True,
        "clients": {"href": "/clients", "request_href": "/clients/request", "open": 12, "waiting": 3, "total": 18}}),
)  # fmt: skip
