"""The states of the pages about newcomers and departures, for the catalogue: name, template, context."""

from datetime import UTC, datetime, timedelta
from typing import Final

_NOW: Final = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
_KEY: Final = "6b1f6c1e-6d0e-4c57-9a36-8d6a5a3f1c11"
_PERSON: Final = {"name": "Jordan Ellis", "unread": 2}
_LONG: Final = "Saint Bartholomew’s Interdenominational Otorhinolaryngological & Gastroenterological Associates of Greater Springfield, P.L.L.C."


def _told(**changes: object) -> dict[str, object]:
    return {
        "id": "3f2b8c55-6a34-4b0e-9a53-0c1f5e6d7a80", "organization": "Northfield Clinic", "tin_masked": "•••••0001",
        "newcomer": "Kim Colleague", "reference": "R-MWWM-WMWW-MWWM", "told_at": _NOW, "until": _NOW + timedelta(days=9),
        "last_day": "December 1, 2026", "says_you_left": False, "says_colleague_left": False, "review": None, "outcome": "open", "answered": None, "may_answer": True, "may_answer_by_code": True,
        "email_masked": "j•••@clinic.example.org", **changes,
    }  # fmt: skip


def _claim(colleague: str, state: str, **changes: object) -> dict[str, object]:
    return {
        "review_id": "9d1f0a77-2c5e-4d3f-8b21-5a6c7d8e9f10", "organization": _LONG, "colleague": colleague,
        "reference": "R-MWWM-WMWW-MWWM", "state": state, "until": _NOW, "last_day": "November 30, 2026", "is_withdrawn": False, "may_withdraw": False, **changes,
    }  # fmt: skip


_NOTICES: Final = [
    _told(newcomer="Ada Example"),
    _told(newcomer="Bo Example", organization=_LONG, says_you_left=True, review="open"),
    _told(newcomer="Cy Example", answered="object", may_answer=False, outcome="with_staff"),
    _told(newcomer="Di Example", answered="right", may_answer=False),
    *(
        _told(newcomer="Flo Example", may_answer=False, outcome=outcome)
        for outcome in (
            "you_stay",
            "you_ended",
            "colleague_stays",
            "colleague_ended",
            "newcomer_stays",
            "newcomer_ended",
            "over",
        )
    ),
]
_CLAIMS: Final = [
    _claim("A••• S•••", "open", may_withdraw=True),
    _claim("B••• S•••", "contested", may_withdraw=True),
    _claim("C••• S•••", "confirmed"),
    _claim("D••• S•••", "kept"),
    _claim("F••• S•••", "withdrawn", is_withdrawn=True),
]
_SIGNED_IN: Final[dict[str, object]] = {"person": _PERSON, "idempotency_key": _KEY}


def _notice(**more: object) -> dict[str, object]:
    return {"told": _told(), "answer_action": "/sent", "code_action": "/sent", "idempotency_key": _KEY, **more}


def _mailed(**more: object) -> dict[str, object]:
    return _notice(token="Zm9v", sign_in_href="", **more)


_TRIED_OUT: Final = {
    "title": "This code was tried too often", "detail": "For safety it no longer works.", "next": ["Ask for a new code."]
}  # fmt: skip

DEPARTURE_STATES: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("newcomers", "departure_list.html", {**_SIGNED_IN, "notices": _NOTICES, "claims": _CLAIMS}),
    ("notice-tried-out", "departure_notice.html", _mailed(tries_left=0, problem=_TRIED_OUT)),
    ("newcomers-claims", "departure_list.html", {**_SIGNED_IN, "notices": [], "claims": _CLAIMS}),
    ("newcomers-empty", "departure_list.html", {**_SIGNED_IN, "notices": [], "claims": []}),
    ("newcomer", "departure_notice.html", _notice(person=_PERSON, back={"href": "/newcomers", "text": "Newcomers"})),
    ("newcomer-mailed", "departure_notice.html", _mailed()),
    ("newcomer-left", "departure_notice.html", _mailed(told=_told(organization=_LONG, says_you_left=True, review="open"))),
    ("newcomer-code-wrong", "departure_notice.html", _mailed(
        told=_told(says_you_left=True, review="open"), tries_left=2, values={"choice": "object"},
        errors={"choice": "Choose one of the answers.", "code": "This isn’t the code of our latest e-mail."})),
    ("newcomer-sign-in", "departure_notice.html", _notice(token="Zm9v", sign_in_href="/sign-in")),
    ("newcomer-objected", "departure_notice.html", _mailed(told=_told(answered="object", may_answer=False, says_you_left=True, review="contested", outcome="with_staff"))),
    ("newcomer-right", "departure_notice.html", _mailed(told=_told(answered="right"))),
    ("newcomer-decided", "departure_notice.html", _notice(
        person=_PERSON, told=_told(answered="object", may_answer=False, newcomer="Maximiliana Featherstonehaugh-Wotherspoon", outcome="newcomer_ended"))),
    ("newcomer-over", "departure_notice.html", _mailed(told=_told(may_answer=False, outcome="over"))),
)  # fmt: skip
