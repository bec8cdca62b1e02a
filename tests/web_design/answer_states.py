"""The states of the pages on which a business contact answers, for the catalogue: name, template, context."""

from datetime import UTC, datetime, timedelta
from typing import Final

from portal.deciding import ATTESTATION

_NOW: Final = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
_KEY: Final = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
_LONG: Final = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Associates of Greater Springfield, P.L.L.C."
_FIRST: Final = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f41"
_SECOND: Final = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f42"
_THIRD: Final = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f43"


def _asked(number: str = _FIRST, **changes: object) -> dict[str, object]:
    return {
        "id": number, "reference": "A-7K3M-9QXD", "service": "Harbor Billing", "service_tin_masked": "•••••4321", "requester": "Bo Biller",
        "provider": "Northfield Clinic", "provider_tin_masked": "•••••0001", "npi": None, "requested_at": _NOW,
        "until": _NOW + timedelta(days=30), "contact_masked": "k•••@northfield.example.org", **changes,
    }  # fmt: skip


def _sheet(*others: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "sheet": {"linked": _asked(), "others": list(others)}, "action": "/sent", "decide_signed_in_href": "/requests/1",
        "attestation": {"text": ATTESTATION, "version": "2026-11"}, "idempotency_key": _KEY, "reference": "A-7K3M-9QXD", **more,
    }  # fmt: skip


def _answer(outcome: str, state: str, choice: str = "approve", **request: object) -> dict[str, object]:
    return {"request": _asked(**request), "choice": choice, "outcome": outcome, "state": state, "is_stopped": False}  # type: ignore[arg-type]  # fields of the request


def _sitting(*answers: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "answers": list(answers), "is_confirmed": True, "is_settled": all(one["outcome"] != "pending" for one in answers),
        "contact_masked": "k•••@northfield.example.org", "code_expires_at": None, **more,
    }  # fmt: skip


def _code(*answers: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "sitting": _sitting(*answers, is_confirmed=False, code_expires_at=datetime.now(UTC) + timedelta(minutes=9)),
        "action": "/sent", "resend_action": "/resent", "change_href": "/answer", "idempotency_key": _KEY,
        "reference": "A-7K3M-9QXD", **more,
    }  # fmt: skip


def _done(*answers: dict[str, object]) -> dict[str, object]:
    return {"sitting": _sitting(*answers), "reference": "A-7K3M-9QXD"}


_OTHERS: Final = (
    _asked(_SECOND, service=_LONG, npi="1234567893", requester="Wilhelmina-Alexandrina Featherstonehaugh-Cholmondeley"),
    _asked(_THIRD, provider=_LONG),
)
_ERRORS: Final = {
    f"answers.{_FIRST}": "Choose whether you approve or decline this request.", "name": "Enter your full name.",
    "role": "Enter what you do there, such as office manager.", "attested": "Confirm that you may decide this for the provider.",
}  # fmt: skip
_LIMIT: Final = {
    "title": "Too many e-mails in an hour", "detail": "We send only a few an hour to one address.", "next": ["Try again at the time shown."]
}  # fmt: skip

ANSWER_STATES: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("answer", "answer.html", _sheet()),
    ("answer-several", "answer.html", _sheet(*_OTHERS)),
    ("answer-errors", "answer.html", _sheet(_OTHERS[0], errors=_ERRORS, values={f"answers.{_SECOND}": "decline"})),
    ("answer-limit", "answer.html", _sheet(problem=_LIMIT, retry_at=_NOW, values={f"answers.{_FIRST}": "approve", "name": "Kim Contact"})),
    ("answer-code", "answer_code.html", _code(_answer("unconfirmed", "sent"))),
    ("answer-code-wrong", "answer_code.html", _code(
        _answer("unconfirmed", "sent"), _answer("unconfirmed", "sent", "decline", provider=_LONG), tries_left=3,
        errors={"code": "That code isn’t right"}, values={"code": "123456"})),
    ("answer-code-tried-out", "answer_code.html", _code(_answer("unconfirmed", "sent"), tries_left=0, problem={
        "title": "This code was tried too often", "detail": "For safety it no longer works.", "next": ["Ask for a new code."]})),
    ("answer-code-limit", "answer_code.html", _code(_answer("unconfirmed", "sent"), retry_at=_NOW, problem=_LIMIT)),
    ("answer-approved", "answer_done.html", _done(_answer("approved", "approved"))),
    ("answer-pending", "answer_done.html", _done(_answer("pending", "sent"))),
    ("answer-late", "answer_done.html", _done(_answer("late", "expired"))),
    ("answer-expired-first", "answer_done.html", _done(_answer("superseded", "expired"))),
    ("answer-cancelled-first", "answer_done.html", _done(_answer("superseded", "cancelled"))),
    ("answer-over", "problem.html", {
        "problem": {"status": 410, "title": "This request was approved", "detail": "It was answered. A second answer changes nothing.",
                    "next": [{"text": "To end the access, sign in as an administrator of the provider.", "href": "/billing-services"}]},
        "about": [("Billing service", _LONG), ("Provider", f"{_LONG} (as the requester named it)"), ("Reference", "A-7K3M-9QXD")],
        "person": None}),
    ("answer-several-done", "answer_done.html", _done(
        _answer("approved", "approved"), _answer("declined", "declined", "decline", provider=_LONG), _answer("stopped", "cancelled"),
        _answer("superseded", "declined"), _answer("void", "sent"), _answer("pending", "sent"))),
)  # fmt: skip
