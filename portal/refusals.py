"""How the portal says no: a stable code, its kind, and what a client or page needs to show the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.answers import ANSWERS, STAFF_ANSWERS, Answer
from domain.registration import State


class Kind(StrEnum):
    """What sort of no it is; pages and API answer each kind in their own way."""

    UNREADABLE = "unreadable"  # not a request of ours
    FOREIGN = "foreign"  # made by another site
    UNKNOWN = "unknown"
    SIGNED_OUT = "signed_out"
    FIELDS = "fields"  # what was typed can't be meant
    WRONG = "wrong"  # it was looked at, and the answer is no
    ELSEWHERE = "elsewhere"  # things stand otherwise than the sender believes
    LATER = "later"
    OVER = "over"
    DEFECT = "defect"
    AWAY = "away"


_KINDS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.UNREADABLE: frozenset(
        {
            "bad_request",
            "malformed_body",
            "idempotency_key_missing",
            "idempotency_key_malformed",
            "method_not_allowed",
            "body_too_large",
            "request_timeout",
            "wrong_host",
            "unsupported_media_type",
            "webhook_unreadable",
        }
    ),
    Kind.FOREIGN: frozenset({"cross_site", "webhook_forged"}),
    Kind.UNKNOWN: frozenset({"not_found"}),
    Kind.SIGNED_OUT: frozenset({"signed_out"}),
    Kind.FIELDS: frozenset({"invalid_fields"}),
    Kind.ELSEWHERE: frozenset(
        {
            "no_usable_address",
            "pin_tries_used",
            "access_open_already",
            "too_many_open",
            "account_closed",
            "billing_service_registered",
        }
        | {"wrong_state", "key_reused", "email_taken", "proof_no_longer_good", "second_factor_unconfirmed"}
        | {
            "not_administrator",
            "already_colleague",
            "invitation_open",
            "invitee_bills",
            "invitations_open_limit",
            "invitation_resend_limit",
            "invitation_link_needed",
        }
        | {
            "case_open",
            "case_wrong_state",
            "case_not_in_directory",
            "case_wrong_kind",
            "case_staff_unknown",
            "case_not_yours",
        }
        | {"case_no_proposal", "case_same_person", "case_access_exists", "case_evidence_missing", "staff_exists"}
        | {"invitation_has_account", "invitation_other_address", "colleague_gone", "last_administrator", "last_account"}
        | {"colleagues_unanswered", "departure_open"}
        | {"answer_link_needed"}
        | {"grant_unchanged", "decision_own_request"}
        | {
            "not_billing_service",
            "decision_tries_used",
            "authorization_open",
            "authorization_granted",
            "authorizations_open_limit",
            "authorization_resend_limit",
            "authorization_corrections_limit",
            "authorization_in_review",
            "authorization_decided",
            "authorization_not_in_review",
            "contact_review_same_person",
            "contact_review_changed",
            "billing_proposal_waiting",
        }
    ),
    Kind.LATER: frozenset(
        {
            "codes_limit",
            "payment_paused",
            "payment_letter_only",
            "look_up_paused",
            "too_many_tries",
            "letters_limit",
            "pin_paused",
            "invitations_limit",
            "invitation_resend_pause",
            "newcomer_waits",
            "authorization_cool_down",
            "authorization_contact_limit",
            "authorizations_limit",
            "authorization_resend_pause",
        }
    ),
    Kind.OVER: frozenset(
        {"link_dead", "case_over"}
        | {f"registration_{state}" for state in State if state.is_final}
        | {
            "invitation_accepted",
            "invitation_expired",
            "invitation_cancelled",
            "invitation_inviter_left",
            "invitation_link_dead",
            "departure_over",
            "notice_link_dead",
        }
        | {"authorization_approved", "authorization_declined", "authorization_expired", "authorization_cancelled"}
        | {"authorization_stopped"}
        | {"authorization_contact_changed", "decision_link_dead"}
        | {"grant_ended", "objection_link_dead"}
        | {"billing_proposal_over"}
    ),
    Kind.DEFECT: frozenset({"internal_error"}),
    Kind.AWAY: frozenset({"unavailable"}),
}

# With its last try each of these begins a pause: what can be done then is what the pause says.
_PAUSES: Final[Mapping[str, str]] = {
    "payment_no_match": "payment_paused",
    "organization_no_match": "look_up_paused",
}


@dataclass(frozen=True, slots=True)
class FieldDefect:
    """One field that can't be meant. `field` is the name that forms and the API use; `code` is stable."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """A request that isn't done. Nothing has changed but what was counted; `answer` has the words for people."""

    def __init__(
        self,
        code: str,
        *,
        state: State | None = None,
        retry_at: datetime | None = None,
        tries_left: int | None = None,
        fields: tuple[FieldDefect, ...] = (),
        standing_id: str | None = None,
        for_staff: bool = False,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.state = state
        self.retry_at = retry_at
        self.tries_left = tries_left
        self.fields = fields
        self.standing_id = standing_id  # of what is the caller's own and stands in the way
        self.for_staff = for_staff

    @property
    def kind(self) -> Kind:
        """What sort of no it is; a code that no kind names was looked at and is wrong."""
        return next((kind for kind, codes in _KINDS.items() if self.code in codes), Kind.WRONG)

    @property
    def answer(self) -> Answer:
        staffs = STAFF_ANSWERS.get(self.code) if self.for_staff else None
        answer = staffs or ANSWERS[self.code]
        pause = _PAUSES.get(self.code) if self.tries_left == 0 else None
        return replace(answer, next_steps=ANSWERS[pause].next_steps) if pause else answer
