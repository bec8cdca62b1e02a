"""A billing service's clients in plain words: where each stands, what to do next, and what happened so far (T6, T7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Final

from domain.authorization import Code, State
from domain.grants import last_day
from domain.time_words import day_in_words


class ClientStatus(StrEnum):
    """Where a client stands: its newest request, or the access that came of it."""

    IN_REVIEW = "in_review"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"
    ACCESS = "access"
    ON_HOLD = "on_hold"
    ENDED = "ended"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


WAITING: Final = frozenset({ClientStatus.IN_REVIEW, ClientStatus.SENT, ClientStatus.UNDELIVERABLE})


class NextStep(StrEnum):
    """What the billing service can do now."""

    WAIT = "wait"  # our staff, or the deadline, come next
    REMIND = "remind"  # ask the contact; have the mail sent again
    CORRECT = "correct"
    ASK_PROVIDER = "ask_provider"
    AGAIN = "again"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StatusWords:
    """A status as the right column shows it, and what it means."""

    label: str
    kind: str  # good, waiting, stopped, neutral
    meaning: str


@dataclass(frozen=True, slots=True)
class ClientLine:
    """One line of a timeline. `who` is empty where the words say it, or the clock did it."""

    at: datetime
    words: str
    who: str = ""


WORDS: Final[Mapping[ClientStatus, StatusWords]] = {
    ClientStatus.IN_REVIEW: StatusWords(
        "With our staff", "waiting", "Our staff look at the contact you named. Nothing was mailed yet."
    ),
    ClientStatus.SENT: StatusWords(
        "Waiting for the contact", "waiting", "The business contact has our mail and hasn’t answered yet."
    ),
    ClientStatus.UNDELIVERABLE: StatusWords(
        "Mail came back",
        "stopped",
        "Our mail to the contact came back. The deadline stays.",
    ),
    ClientStatus.ACCESS: StatusWords("Access open", "good", "The provider said yes. You see it in the portal."),
    ClientStatus.ON_HOLD: StatusWords(
        "On hold", "stopped", "The provider put the access on hold. It opens nothing meanwhile."
    ),
    ClientStatus.ENDED: StatusWords("Access ended", "neutral", "The access was open and has ended."),
    ClientStatus.DECLINED: StatusWords("Declined", "stopped", "The provider said no."),
    ClientStatus.EXPIRED: StatusWords("Expired", "stopped", "Nobody answered within 30 days; the link is dead."),
    ClientStatus.CANCELLED: StatusWords("Cancelled", "neutral", "Someone of your billing service cancelled it."),
    ClientStatus.STOPPED: StatusWords("Stopped", "stopped", "It couldn’t be carried out."),
}

STOPPED_BECAUSE: Final[Mapping[str, str]] = {
    Code.CONTACT_REFUSED: "Our staff looked at the contact you named and could not accept it. Name another contact at the provider’s office.",
    Code.PROVIDER_UNKNOWN: "The contact agreed, but our records have no such provider. Check the Tax ID and NPI with the contact, then ask again.",
    Code.SERVICE_GONE: "The contact agreed when nobody of the billing service had access any more. Call us if it’s still needed.",
}

_EXPIRED_UNASKED: Final[Mapping[str, str]] = {
    "none": "Our staff hadn’t decided about the contact within 30 days, so nothing was mailed. Call us, or ask again with another contact.",
    "bounced": "Our mail to the contact came back, and nobody answered within 30 days. Ask again with the right address.",
}
"""What expiring means by `delivery`, what became of the newest mail to the contact; where there was one it's `WORDS`."""


_ON_HOLD_CONTESTED: Final = (
    "Somebody of the provider says that they did not ask for it, so the access is on hold. It opens nothing meanwhile."
)


def meaning_of(status: ClientStatus, *, closing_code: str | None, delivery: str, is_contested: bool = False) -> str:
    """What it means that a request stands there, told by why it ended or is on hold, and by what became of its mail."""
    if status is ClientStatus.ON_HOLD and is_contested:
        return _ON_HOLD_CONTESTED
    if status is ClientStatus.EXPIRED and delivery in _EXPIRED_UNASKED:
        return _EXPIRED_UNASKED[delivery]
    return STOPPED_BECAUSE.get(closing_code or "", WORDS[status].meaning)


def status_of_request(state: State, closing_code: str | None) -> ClientStatus:
    """Where a request stands by itself: what is approved counts as open, what ended though nobody cancelled it is stopped."""
    if state is State.APPROVED:
        return ClientStatus.ACCESS
    is_stopped = state is State.CANCELLED and closing_code in STOPPED_BECAUSE
    return ClientStatus.STOPPED if is_stopped else ClientStatus(state)


_NEXT: Final[Mapping[ClientStatus, NextStep]] = {
    ClientStatus.IN_REVIEW: NextStep.WAIT,
    ClientStatus.SENT: NextStep.REMIND,
    ClientStatus.UNDELIVERABLE: NextStep.CORRECT,
    ClientStatus.ACCESS: NextStep.NONE,
    ClientStatus.ON_HOLD: NextStep.ASK_PROVIDER,
    ClientStatus.ENDED: NextStep.AGAIN,
    ClientStatus.DECLINED: NextStep.AGAIN,
    ClientStatus.EXPIRED: NextStep.AGAIN,
    ClientStatus.CANCELLED: NextStep.AGAIN,
    ClientStatus.STOPPED: NextStep.AGAIN,
}


def next_step(status: ClientStatus, *, is_late: bool, is_newest: bool) -> NextStep:
    """What can be done at this status. A request past its deadline waits to be closed; an older one is history."""
    if not is_newest:
        return NextStep.NONE
    return NextStep.WAIT if status in WAITING and is_late else _NEXT[status]


def words_of(action: str, details: Mapping[str, object], zone: tzinfo) -> str | None:
    """An audit entry of a request in plain words; None for one that people needn't know, or that changed nothing.

    `zone` is the payer's: an end date is a day there.
    """
    state, code = details.get("state"), details.get("code")
    if action == "authorization.closed" and state == State.CANCELLED and code == Code.OK:
        return "The request was cancelled; its links are dead."
    if action == "authorization.decided":
        return _decided(state, code)
    if action == "authorization.contact_reviewed":
        if code == Code.CONTACT_REFUSED:
            return "Our staff could not accept the contact."
        return "Our staff accepted the contact: the mail goes out." if state == State.SENT else None
    if code not in {Code.OK, None}:
        return None
    if action == "authorization.contact_reminded" and state != State.SENT:
        return None
    if action == "authorization.requester_reminded" and state in _REMINDED_UNASKED:
        return _REMINDED_UNASKED[State(str(state))]
    if action == "grant.set_end":
        day = last_day(datetime.fromisoformat(str(details["ends_at"])), zone)
        return f"The provider set an end date: the access ends after {day_in_words(day)}."
    if action in {"authorization.requested", "authorization.contact_corrected"} and state == State.IN_REVIEW:
        return f"{_WORDS[action]} Our staff look at the contact before anything is mailed."
    return _WORDS.get(action)


def _decided(state: object, code: object) -> str | None:
    if code == Code.PROVIDER_UNKNOWN:
        return "The contact agreed, but our records have no such provider."
    if code == Code.SERVICE_GONE:
        return "The contact agreed when nobody of the billing service had access any more."
    if code != Code.OK:
        return None
    return {State.APPROVED: "The provider said yes: the access is open.", State.DECLINED: "The provider said no."}.get(
        State(str(state))
    )


_REMINDED_UNASKED: Final[Mapping[State, str]] = {
    State.IN_REVIEW: "The requester was told that our staff haven’t decided yet.",
    State.UNDELIVERABLE: "The requester was told that the mail had come back.",
}
_WORDS: Final[Mapping[str, str]] = {
    "authorization.requested": "Access was asked for.",
    "authorization.resent": "The mail is sent to the contact again; earlier links still work.",
    "authorization.contact_corrected": "The contact’s address was corrected; links to the old one are dead.",
    "authorization.contact_reminded": "The contact was reminded.",
    "authorization.requester_reminded": "The requester was told that nobody has answered yet.",
    "authorization.mail_sent": "The mail has left for the contact.",
    "authorization.mail_delivered": "The contact’s mail server reports the mail delivered.",
    "authorization.mail_bounced": "The mail came back: that address doesn’t take it.",
    "authorization.closed": "The deadline passed without an answer: the request has expired.",
    "grant.hold": "The provider put the access on hold.",
    "grant.resume": "The provider resumed the access.",
    "grant.clear_end": "The provider took the end date away.",
    "grant.revoke": "The provider ended the access.",
    "grant.objected": "Somebody objected: the access is on hold.",
    "grant.lapsed": "The end date has come: the access has ended.",
}
