"""What staff see of a registration in Temporal's UI: in plain words, with opaque values only in what is searchable."""

from datetime import datetime
from typing import Final

from temporalio import workflow

from workflows import names

with workflow.unsafe.imports_passed_through():
    from domain.registration import State

WAITS_FOR: Final = {
    State.CONFIRMING_EMAIL: "the registrant to enter the code that was e-mailed",
    State.PROVING: "the registrant to prove the organization with a payment or notice",
    State.AWAITING_PIN: "the registrant to enter the PIN that goes out by US Mail",
    State.SETTING_UP_ACCOUNT: "the registrant to choose a password",
    State.SECURING_ACCOUNT: "the registrant to confirm the second factor",
}

_ENDED: Final = {
    State.COMPLETED: "Completed: the account has its access.",
    State.EXPIRED: "Expired: the deadline passed without an answer.",
    State.LOCKED: "Locked: too many wrong codes or proofs.",
    State.REJECTED: "Rejected: the account could not be made or added to.",
    State.WITHDRAWN: "Withdrawn by the registrant.",
}


class Display:
    """Shows a registration; search attributes are only sent when they change, because each sending is billed."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._shown: tuple[State, datetime] | None = None

    def show(self, state: State, deadline: datetime) -> None:
        """Who waits for whom, until when."""
        if self._shown != (state, deadline):
            self._shown = (state, deadline)
            until = names.DEADLINE.value_unset() if state.is_final else names.DEADLINE.value_set(deadline)
            who = names.WAITS_FOR.value_set("nobody" if state.is_final else "registrant")
            workflow.upsert_search_attributes([names.STATE.value_set(state), who, until])
        when = f"{deadline:%d %B %Y, %H:%M} UTC"
        details = _ENDED[state] if state.is_final else f"Waits for **{WAITS_FOR[state]}**, until {when}."
        workflow.set_current_details(f"{details}\n\nReference: `{self._reference}`")
