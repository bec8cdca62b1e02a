"""The states of the pages of colleagues and invitations, for the catalogue: name, template, context."""

from datetime import UTC, datetime
from typing import Final

_NOW: Final = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
_KEY: Final = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
_PERSON: Final = {"name": "Jordan Ellis", "unread": 2}
_SIGNED_IN: Final[dict[str, object]] = {"person": _PERSON, "action": "/sent", "idempotency_key": _KEY}
_LONG: Final = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Associates of Greater Springfield, P.L.L.C."
_LONG_ADDRESS: Final = "maximiliana.featherstonehaugh-wotherspoon@otorhinolaryngology.springfield.example.org"
_COLLEAGUE: Final = {
    "name": "Kim Colleague", "email": "k•••@clinic.example.org", "scope": "All of the Tax ID", "since": _NOW,
    "via": "Invitation", "role": "Member", "is_self": False, "href": "/colleagues/1",
}  # fmt: skip
_SELF: Final = {**_COLLEAGUE, "name": "Jordan Ellis", "role": "Administrator", "via": "Payment", "is_self": True}
_INVITATION: Final = {
    "id": "1", "email": _LONG_ADDRESS, "organization": _LONG, "scope": "NPI 1234567893", "role": "Member",
    "invited_at": _NOW, "inviter": "You", "reference": "I-MWWM-WMWW-MWWM", "until": _NOW, "is_open": True, "may_change": True, "may_resend": True,
    "status": {"label": "Waiting", "kind": "waiting"}, "address_href": "/address",
}  # fmt: skip
_CLOSED: Final = {
    **_INVITATION, "id": "2", "until": None, "is_open": False, "may_resend": False, "address_href": None,
    "status": {"label": "Expired", "kind": "stopped"},
}  # fmt: skip
_RETURNED: Final = {
    **_INVITATION, "id": "3", "may_resend": False, "status": {"label": "Mail came back", "kind": "stopped"},
}  # fmt: skip
_ORGANIZATION: Final = {
    "id": "1", "name": _LONG, "tin_masked": "•••••0001", "colleagues": [_SELF, _COLLEAGUE], "may_invite": True, "is_part": True,
}  # fmt: skip
_JOIN: Final[dict[str, object]] = {
    "action": "/sent", "accept_action": "/accept", "sign_in_href": "/sign-in", "idempotency_key": _KEY, "has_account": False,
    "is_signed_in": False, "is_other": False, "email": _LONG_ADDRESS, "password_min": 8, "password_max": 128,
    "attestation": {"version": "2026-11", "text": "This account is for myself."}, "reference": "I-MWWM-WMWW-MWWM",
    "invitation": {
        "organization": _LONG, "tin_masked": "•••••0001", "scope": "All of the Tax ID", "role": "Member",
        "inviter": "Jordan Ellis", "until": _NOW,
    },
}  # fmt: skip

COLLEAGUE_STATES: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("colleagues", "colleagues.html", {
        **_SIGNED_IN, "organizations": [_ORGANIZATION, {**_ORGANIZATION, "id": "2", "tin_masked": "•••••0002", "may_invite": False, "colleagues": [_SELF]}],
        "invitations": [_INVITATION, _RETURNED, _CLOSED], "may_invite": True, "masked": None}),
    ("colleagues-newcomer", "colleagues.html", {
        **_SIGNED_IN, "organizations": [{**_ORGANIZATION, "colleagues": [{**_COLLEAGUE, "name": "K••• C•••"}, _SELF]}],
        "invitations": [{**_INVITATION, "email": "m•••@clinic.example.org", "inviter": "K••• C•••", "may_change": False}],
        "may_invite": True, "masked": {"until": _NOW}}),
    ("colleagues-refused", "colleagues.html", {
        **_SIGNED_IN, "organizations": [_ORGANIZATION], "invitations": [_INVITATION], "may_invite": True, "retry_at": _NOW,
        "masked": {"until": None},
        "problem": {"title": "This link was sent a moment ago", "detail": "There is a pause between two mails.",
                    "next": ["Try again at the time shown."]}}),
    ("colleagues-empty", "colleagues.html", {**_SIGNED_IN, "organizations": [], "invitations": [], "may_invite": False, "masked": None}),
    ("colleague-invite", "colleague_invite.html", {
        **_SIGNED_IN, "scopes": [("1", f"{_LONG}, all of the Tax ID")], "roles": [("member", "Member"), ("administrator", "Administrator")],
        "days": 7, "errors": {"email": "This looks like a mailbox that several people read."}, "values": {"email": "billing@example.org"}}),
    ("colleague-address", "colleague_address.html", {**_SIGNED_IN, "invitation": _RETURNED}),
    ("colleague-change", "colleague_change.html", {
        **_SIGNED_IN, "organization": _LONG, "colleague": _COLLEAGUE, "role_action": "/role", "remove_action": "/remove",
        "other_role": ("administrator", "Administrator")}),
    ("colleague-leave", "colleague_change.html", {
        **_SIGNED_IN, "organization": _LONG, "colleague": _SELF, "role_action": "/role", "remove_action": "/remove",
        "other_role": ("member", "Member"),
        "problem": {"title": "The organization needs an administrator", "detail": "Nobody else could invite or remove colleagues.",
                    "next": ["Make a colleague an administrator first, then try again."]}}),
    ("colleague-invitation", "colleague_invitation.html", {"action": "/sent", "idempotency_key": _KEY, "token": "x" * 43}),
    ("colleague-join", "colleague_join.html", _JOIN),
    ("colleague-join-doctor", "colleague_join.html", {
        **_JOIN, "practitioner_attestation": {"version": "2026-11", "text": "I am this person."},
        "errors": {"practitioner_attestation": "Are you this practitioner?"}}),
    ("colleague-join-account", "colleague_join.html", {**_JOIN, "has_account": True}),
    ("colleague-join-other", "colleague_join.html", {**_JOIN, "has_account": True, "is_other": True}),
    ("colleague-join-signed-in", "colleague_join.html", {**_JOIN, "has_account": True, "is_signed_in": True}),
    ("colleague-joined", "colleague_joined.html", {
        "organization": {"name": _LONG, "tin_masked": "•••••0001", "scope": "All of the Tax ID"}, "role": "Member",
        "reference": "I-MWWM-WMWW-MWWM", "person": _PERSON, "idempotency_key": _KEY}),
)  # fmt: skip
