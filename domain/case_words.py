"""A case in plain words: its kinds, states, and each line of its timeline, for the person and for staff."""

from collections.abc import Mapping
from typing import Final

from domain.cases import CaseKind, CaseState, StaffAction

KINDS: Final[Mapping[CaseKind, str]] = {
    CaseKind.NOT_LISTED: "My provider is not listed",
    CaseKind.HELP: "Contact us",
}

STATES: Final[Mapping[CaseState, str]] = {
    CaseState.NEW: "New",
    CaseState.CONTACTED: "In contact",
    CaseState.WAITING_FOR_REGISTRANT: "Waits for the person",
    CaseState.LISTED: "Resolved: listed",
    CaseState.DECLINED: "Resolved: declined",
    CaseState.ANSWERED: "Resolved: answered",
    CaseState.ACCESS_GIVEN: "Resolved: access given",
    CaseState.WITHDRAWN: "Withdrawn",
    CaseState.UNREACHABLE: "Closed: nobody reachable",
}
"""How staff see a state."""

PERSON_STATES: Final[Mapping[CaseState, str]] = {
    CaseState.NEW: "We have your request. A person looks at it and gets in touch with you.",
    CaseState.CONTACTED: "We are working on it.",
    CaseState.WAITING_FOR_REGISTRANT: "We need something more from you.",
    CaseState.LISTED: "Your organization is in our records now.",
    CaseState.DECLINED: "We couldn't do what you asked for.",
    CaseState.ANSWERED: "We have answered.",
    CaseState.ACCESS_GIVEN: "You have the access that you asked for.",
    CaseState.WITHDRAWN: "This request is closed; it isn't needed any more.",
    CaseState.UNREACHABLE: "This request is closed: we asked you something and got no answer.",
}
"""How the person sees a state."""

ENTRIES: Final[Mapping[str, tuple[str, str]]] = {
    "opened": ("You sent us your request.", "The person sent the request."),
    "taken": ("", "Took the case."),
    "reassigned": ("", "Gave the case to somebody else."),
    "contacted": ("We got in touch with you.", "Got in touch with the person."),
    "asked": ("We asked you something.", "Asked the person something."),
    "person_answered": ("You wrote to us.", "The person wrote."),
    "listed": ("Your organization is in our records.", "The directory has the organization."),
    "declined": ("We declined your request.", "Declined the request."),
    "answered": ("We answered your request.", "Answered the request."),
    "access_proposed": ("", "Proposed to give the access."),
    "access_rejected": ("", "Rejected the proposed access."),
    "access_given": ("You got the access that you asked for.", "Confirmed the access as the second person."),
    "withdrawn": ("You closed the request.", "The person closed the request."),
    "subject_ended": ("The request was closed with your registration or account.", "Registration or account ended."),
    "cancelled": ("The request was closed.", "Cancelled by an operator."),
    "reminded": ("We reminded you of our question.", "The person was reminded."),
    "unreachable": ("We closed the request: there was no answer.", "Closed: there was no answer."),
    "staff_reminded": ("", "Staff were reminded."),
    "escalated": ("", "Overdue: owner and supervisors were told."),
    "mail_failed": ("", "The person's mailbox refuses our mail: telephone instead."),
    "looked": ("", "Looked again; nothing has changed."),
}
"""What happened, as the person and as staff read it; an empty text is for staff only."""

REFUSED: Final[Mapping[str, str]] = {
    StaffAction.TAKE: "Tried to take the case",
    StaffAction.REASSIGN: "Tried to give the case to somebody else",
    StaffAction.CONTACTED: "Tried to note a contact",
    StaffAction.ASK_MORE: "Tried to ask the person something",
    StaffAction.LISTED: "Tried to resolve the case as listed",
    StaffAction.DECLINE: "Tried to decline the request",
    StaffAction.ANSWER: "Tried to answer the request",
    StaffAction.PROPOSE_ACCESS: "Tried to propose access",
    StaffAction.CONFIRM_ACCESS: "Tried to confirm the access",
    StaffAction.REJECT_ACCESS: "Tried to reject the access",
}
"""What staff tried in vain, by the action."""


def entry_in_words(what: str, *, for_staff: bool) -> str:
    """One line of the timeline. A refused action has no line of its own: its words name the action."""
    if what.startswith("refused_"):
        return f"{REFUSED[what.removeprefix('refused_')]}, which wasn't possible." if for_staff else ""
    person, staff = ENTRIES[what]
    return staff if for_staff else person
