"""Names that histories remember: of workflows, messages and search attributes. A snapshot test guards them."""

from typing import Final

from temporalio.common import SearchAttributeKey

from domain import search_attributes

REGISTRATION: Final = "Registration"

# Updates, because a person waits for the answer and the browser can repeat the same update id.
OPENED: Final = "opened"
CONFIRM_EMAIL: Final = "confirm_email"
SEND_CODE: Final = "send_code"
PROVE_PAYMENT: Final = "prove_payment"
REGISTER_BILLING_SERVICE: Final = "register_billing_service"
RECONSIDER: Final = "reconsider"
SET_UP_ACCOUNT: Final = "set_up_account"
SECURE_ACCOUNT: Final = "secure_account"
WITHDRAW: Final = "withdraw"
IDENTIFY: Final = "identify"
REQUEST_LETTER: Final = "request_letter"
ENTER_PIN: Final = "enter_pin"
# A signal, because the print shop's word must not be lost while no worker is up, and it won't say it again.
LETTER_EVENT: Final = "letter_event"
# A signal, because the answer must not depend on whether the address is known (I16).
SEND_RESUME_LINK: Final = "send_resume_link"
STATUS: Final = "status"

DELEGATE_INVITATION: Final = "DelegateInvitation"
COLLEAGUE_CHANGE: Final = "ColleagueChange"
# Updates of an invitation; `opened` is shared.
RESEND: Final = "resend"
CANCEL: Final = "cancel"
NAME_INVITEE: Final = "name_invitee"
ACCEPT: Final = "accept"
# A signal, from the workflow that ended the inviter's access.
INVITER_LEFT: Final = "inviter_left"

SUPPORT_CASE: Final = "SupportCase"

# Updates: staff and the person wait for the answer, and both can repeat the same update id. `opened` and `withdraw` are shared.
STAFF_ACTION: Final = "staff_action"
ANSWER_QUESTION: Final = "answer_question"
# A signal: an import, another case and the registration can't be asked to try again; nothing is accepted by it.
LOOK_AGAIN: Final = "look_again"

# Signals from a case to its registration, which may be gone; each carries one `CaseEvidence`.
CASE_LISTED: Final = "case_listed"
CASE_DECLINED: Final = "case_declined"
CASE_ACCESS_GIVEN: Final = "case_access_given"

DEPARTURE_REVIEW: Final = "DepartureReview"
# An update of a departure's review; `send_code` and `withdraw` are shared.
DECIDE_DEPARTURE: Final = "decide_departure"
# A signal: an objection must not depend on a worker being up. Nothing is accepted by it: the answer is in the database.
ANSWER_GIVEN: Final = "answer_given"

PROVIDER_AUTHORIZATION: Final = "ProviderAuthorization"
# Updates of an authorization; `opened`, `resend`, `cancel` and `send_code` are shared.
CORRECT_CONTACT: Final = "correct_contact"
GIVE_VERDICT: Final = "give_verdict"
# Signals: a decision must not depend on a worker being up, and whoever clicked can't be asked to try again; a delivery
# report isn't sent twice. Neither opens anything: the step reads its evidence in the database.
DECIDE: Final = "decide"
MAIL_REPORTED: Final = "mail_reported"

ACCESS_REVIEW: Final = "AccessReview"
# An update of an access review.
CHANGE_GRANT: Final = "change_grant"
# A signal: "I did not ask for this" must not depend on a worker being up.
OBJECTED: Final = "objected"

AUTHORIZATION_BATCH: Final = "AuthorizationBatch"

NEWCOMER_RULING: Final = "NewcomerRuling"

HOUSEKEEPING: Final = "Housekeeping"
PURGING: Final = "Purging"
ORPHAN: Final = "Orphan"
STAFF_ALERT: Final = "StaffAlert"

STATE: Final = SearchAttributeKey.for_keyword(search_attributes.STATE)
WAITS_FOR: Final = SearchAttributeKey.for_keyword(search_attributes.WAITS_FOR)
REFERENCE: Final = SearchAttributeKey.for_keyword(search_attributes.REFERENCE)
DEADLINE: Final = SearchAttributeKey.for_datetime(search_attributes.DEADLINE)
OVERDUE: Final = SearchAttributeKey.for_keyword(search_attributes.OVERDUE)


def registration_id(opaque: str) -> str:
    """The workflow id of a registration."""
    return f"registration/{opaque}"


def invitation_id(opaque: str) -> str:
    """The workflow id of an invitation."""
    return f"invitation/{opaque}"


def colleague_change_id(opaque: str) -> str:
    """The workflow id of a change among colleagues."""
    return f"colleague-change/{opaque}"


def case_id(opaque: str) -> str:
    """The workflow id of a support case."""
    return f"case/{opaque}"


def departure_id(opaque: str) -> str:
    """The workflow id of a departure's review."""
    return f"departure/{opaque}"


def authorization_id(opaque: str) -> str:
    """The workflow id of a request for access."""
    return f"authorization/{opaque}"


def access_review_id(opaque: str) -> str:
    """The workflow id of what keeps one billing service's access to one provider."""
    return f"access-review/{opaque}"


def authorization_batch_id(opaque: str) -> str:
    """The workflow id of a list of requests."""
    return f"authorization-batch/{opaque}"


def orphan_id(workflow_id: str) -> str:
    """The workflow id of what ends something whose own workflow is gone."""
    return f"orphan/{workflow_id}"


def staff_alert_id(kind: str, key: str) -> str:
    """The workflow id of something that staff are told once."""
    return f"staff-alert/{kind}/{key}"


def newcomer_ruling_id(opaque: str) -> str:
    """The workflow id of what applies a ruling of staff."""
    return f"newcomer-ruling/{opaque}"
