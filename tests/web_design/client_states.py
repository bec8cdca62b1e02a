"""The states of a billing service's pages, for the catalogue: name, template, context."""

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.client_words import WORDS, ClientStatus

_NOW: Final = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
_KEY: Final = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
_PERSON: Final = {"name": "Jordan Ellis", "unread": 2, "sides": frozenset({"billing", "provider"})}
_SIGNED_IN: Final[dict[str, object]] = {"person": _PERSON, "idempotency_key": _KEY}
_LONG: Final = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Associates of Greater Springfield, P.L.L.C."
_LONG_CONTACT: Final = "m•••@otorhinolaryngology.gastroenterology.springfield.example.org"
_SERVICES: Final = [("1", "Harbor Billing, Tax ID •••••0007"), ("2", f"{_LONG}, Tax ID •••••0008")]


def _client(status: ClientStatus, **more: object) -> dict[str, object]:
    words = WORDS[status]
    return {
        "id": str(status), "href": "/clients/1", "reference": "A-7K3M-9QXW-2FHT", "provider": "Maple Street Family Clinic",
        "tin_masked": "•••••0001", "scope": "All of the Tax ID", "service": "Harbor Billing", "contact": "o•••@clinic.example.org",
        "requester": "you", "requested_at": _NOW, "mail": "Delivered", "mail_at": _NOW, "reminders": 0, "reminded_at": None,
        "until": None, "days_left": None, "ended_at": None, "since": None, "access_until": None, "open_until": None,
        "status": {"label": words.label, "kind": words.kind}, "meaning": words.meaning, "is_waiting": False, "is_held": status is ClientStatus.ON_HOLD,
        "resend_href": None, "resend_at": None, "resends_left": 3, "corrections_left": 2, "contact_href": None, "cancel_href": None,
        "again_href": None, "again_at": None, "next_step": "none", **more,
    }  # fmt: skip


def _waiting(status: ClientStatus, **more: object) -> dict[str, object]:
    return _client(
        status,
        **{
            "until": _NOW + timedelta(days=12), "days_left": 12, "is_waiting": True, "cancel_href": "/cancel",
            "contact_href": "/contact", "next_step": "remind", **more,
        },
    )  # fmt: skip


_SENT: Final = _waiting(ClientStatus.SENT, resend_href="/resend", reminders=2, reminded_at=_NOW)
_FRESH: Final = _waiting(ClientStatus.SENT, id="fresh", resend_at=_NOW, mail="Being mailed")
_BOUNCED: Final = _waiting(
    ClientStatus.UNDELIVERABLE, provider=_LONG, contact=_LONG_CONTACT, scope="NPI 1234567893", mail="Came back",
    requester="Maximiliana Featherstonehaugh-Wotherspoon", next_step="correct", resend_href="/resend",
)  # fmt: skip
_CORRECTED_OUT: Final = {
    **_BOUNCED,
    "contact_href": None,
    "corrections_left": 0,
    "resend_href": None,
    "resends_left": 0,
}
_REVIEW: Final = _waiting(
    ClientStatus.IN_REVIEW, mail="Not mailed yet", mail_at=None, next_step="wait", contact_href=None
)
_DECLINED: Final = _client(ClientStatus.DECLINED, ended_at=_NOW, next_step="again", again_at=_NOW)
_EXPIRED: Final = _client(ClientStatus.EXPIRED, ended_at=_NOW, next_step="again", again_href="/again")
_OPEN: Final = _client(ClientStatus.ACCESS, ended_at=_NOW, since=_NOW)
_HELD: Final = _client(
    ClientStatus.ON_HOLD, ended_at=_NOW, since=_NOW, access_until=_NOW, open_until=_NOW, next_step="ask_provider"
)
_ROWS: Final = [
    _SENT, _FRESH, _BOUNCED, _REVIEW, _OPEN, _HELD, _DECLINED, _EXPIRED,
    _client(ClientStatus.ENDED, ended_at=_NOW, next_step="again", again_href="/again"),
    _client(ClientStatus.CANCELLED, ended_at=_NOW, next_step="again", again_href="/again"),
    _client(ClientStatus.STOPPED, ended_at=_NOW, next_step="again", again_href="/again"),
]  # fmt: skip
_LIST: Final[dict[str, object]] = {
    **_SIGNED_IN, "rows": _ROWS, "several": True, "sort": "-requested", "sorts": (("-requested", "Newest first"), ("provider", "Provider")),
    "filters": {"q": "", "status": ""}, "status_options": [("", "All (11)"), ("sent", "Waiting for the contact (2)")],
    "pagination": {"page": 2, "pages": 10, "total": 500, "previous_href": "?page=1", "next_href": "?page=3"},
}  # fmt: skip
_TIMELINE: Final = [
    {"at": _NOW, "words": "Access was asked for.", "who": "Jordan Ellis", "text": "", "internal": False},
    {"at": _NOW, "words": "The mail has left for the contact.", "who": "", "text": "", "internal": False},
]
_OTHERS: Final = [
    {
        "href": "/clients/2",
        "reference": "A-2FHT-7K3M-9QXW",
        "at": _NOW,
        "status": {"label": "Expired", "kind": "stopped"},
    }
]
_PAGE: Final[dict[str, object]] = {
    **_SIGNED_IN, "timeline": _TIMELINE, "others": _OTHERS, "back": {"href": "/clients", "text": "Clients"},
}  # fmt: skip
_LIMIT: Final = "Harbor Billing can have 20 requests open at one time: 18 open now, 2 left."
_FORM: Final[dict[str, object]] = {
    **_SIGNED_IN,
    "rows": 1,
    "most": 10,
    "made": [],
    "services": _SERVICES[:1],
    "limits": [_LIMIT],
    "days": 30,
}
_BATCH: Final = {
    "href": "/clients/lists/1", "at": _NOW, "requester": "Jordan Ellis", "service": "Harbor Billing", "lines": 500,
    "done": 120, "made": 110, "standing": 4, "rejected": 6, "is_finished": False,
}  # fmt: skip
_LINES: Final = [
    {"number": 2, "provider": _LONG, "tin_masked": "•••••0001", "scope": "NPI 1234567893", "contact": _LONG_CONTACT,
     "status": {"label": "Asked for", "kind": "good"}, "message": "", "href": "/clients/1"},
    {"number": 3, "provider": "", "tin_masked": "", "scope": "", "contact": "",
     "status": {"label": "Not asked for", "kind": "stopped"}, "message": "The Tax ID has 9 digits; 8 were typed.", "href": None},
    {"number": 4, "provider": "Maple Street Family Clinic", "tin_masked": "•••••0001", "scope": "All of the Tax ID", "contact": "o•••@clinic.example.org",
     "status": {"label": "Waiting", "kind": "waiting"}, "message": "", "href": None},
]  # fmt: skip
_BATCH_PAGE: Final[dict[str, object]] = {
    **_SIGNED_IN, "batch": _BATCH, "rows": _LINES, "only": False, "refreshes": True, "here": "/clients/lists/1",
    "pagination": {"page": 1, "pages": 5, "total": 500, "previous_href": None, "next_href": "?page=2"},
    "back": {"href": "/clients", "text": "Clients"},
}  # fmt: skip

CLIENT_STATES: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("clients", "clients.html", _LIST),
    ("clients-empty", "clients.html", {**_LIST, "rows": []}),
    ("clients-nothing-found", "clients.html", {**_LIST, "rows": [], "filters": {"q": "maple", "status": "sent"}}),
    ("clients-page-sent", "clients_page.html", {**_PAGE, "client": _SENT}),
    ("clients-page-fresh", "clients_page.html", {**_PAGE, "client": _FRESH, "others": []}),
    ("clients-page-bounced", "clients_page.html", {**_PAGE, "client": _BOUNCED}),
    ("clients-page-corrected-out", "clients_page.html", {**_PAGE, "client": _CORRECTED_OUT}),
    ("clients-page-sent-corrected-out", "clients_page.html", {**_PAGE, "client": {**_SENT, "contact_href": None, "corrections_left": 0}}),
    ("clients-page-review", "clients_page.html", {**_PAGE, "client": _REVIEW}),
    ("clients-page-open", "clients_page.html", {**_PAGE, "client": _OPEN}),
    ("clients-page-held", "clients_page.html", {**_PAGE, "client": _HELD}),
    ("clients-page-declined", "clients_page.html", {
        **_PAGE, "client": _DECLINED, "retry_at": _NOW,
        "problem": {"title": "The provider said no a short while ago", "detail": "After a no, the same provider can’t be asked again for 7 days.", "next": ["Talk to the provider first."]}}),
    ("clients-page-expired", "clients_page.html", {**_PAGE, "client": _EXPIRED}),
    ("clients-contact", "clients_contact.html", {
        **_SIGNED_IN, "client": _BOUNCED, "again": False, "action": "/sent", "asks_reason": True, "values": {"contact": "boss@billers.example.org"},
        "errors": {"contact": "The contact’s address is one of your own organization’s. Name somebody who works at the provider’s office, with an address there."}}),
    ("clients-contact-out", "clients_contact.html", {
        **_SIGNED_IN, "client": _CORRECTED_OUT, "again": False, "action": "/sent",
        "problem": {"title": "The contact was corrected often enough", "detail": "A contact can be corrected a few times only.",
                    "next": ["Call provider support: they can correct it.", "Or cancel this request and ask again."]}}),
    ("clients-again", "clients_contact.html", {**_SIGNED_IN, "client": _EXPIRED, "again": True, "action": "/sent"}),
    ("clients-request", "clients_request.html", _FORM),
    ("clients-request-results", "clients_request.html", {
        **_FORM, "rows": 2, "services": _SERVICES,
        "made": [{"provider": _LONG, "href": "/clients/1", "words": "The e-mail is on its way", "reference": "A-7K3M-9QXW-2FHT", "said": "requested"}],
        "values": {"provider_name-1": _LONG, "tin-1": "00123", "contact-2": "boss@billers.example.org"},
        "errors": {"tin-1": "The Tax ID has 9 digits; 5 were typed.", "contact-2": "The contact can’t be one of your own people. Name somebody who works at the provider’s office."}}),
    ("clients-request-refused", "clients_request.html", {
        **_FORM, "values": {"provider_name-1": _LONG, "tin-1": "001234567"},
        "problem": {"title": "The provider said no a short while ago", "detail": "After a no, the same provider can’t be asked again for 7 days.",
                    "next": ["Talk to the provider first."], "rows": [{"provider": _LONG, "words": "", "retry_at": _NOW, "href": "/clients/1"}]}}),
    ("clients-request-several-refused", "clients_request.html", {
        **_FORM, "rows": 2, "values": {"provider_name-1": _LONG},
        "problem": {"title": "These can’t be asked for now", "detail": _LIMIT, "next": ["Talk to the provider first.", "Cancel requests that aren’t needed any more."],
                    "rows": [{"provider": _LONG, "words": "The provider said no a short while ago", "retry_at": _NOW, "href": "/clients/1"},
                             {"provider": "Maple Street Family Clinic", "words": "Too many open requests", "retry_at": None, "href": None}]}}),
    ("clients-cancel", "clients_cancel.html", {**_SIGNED_IN, "client": _BOUNCED, "back": {"href": "/clients/1", "text": "Request A-7K3M-9QXW-2FHT"}}),
    ("clients-list", "clients_list.html", {
        **_SIGNED_IN, "action": "/sent", "limits": [_LIMIT], "services": _SERVICES, "lists": [_BATCH, {**_BATCH, "is_finished": True}],
        "errors": {"file": "This file is empty. Choose the file with your requests."}}),
    ("clients-batch", "clients_batch.html", _BATCH_PAGE),
    ("clients-batch-still", "clients_batch.html", {**_BATCH_PAGE, "refreshes": False}),
    ("clients-batch-done", "clients_batch.html", {**_BATCH_PAGE, "refreshes": False, "batch": {**_BATCH, "done": 500, "is_finished": True}}),
)  # fmt: skip
