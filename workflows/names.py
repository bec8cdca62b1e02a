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
SET_UP_ACCOUNT: Final = "set_up_account"
SECURE_ACCOUNT: Final = "secure_account"
WITHDRAW: Final = "withdraw"
# A signal, because the answer must not depend on whether the address is known (I16).
SEND_RESUME_LINK: Final = "send_resume_link"
STATUS: Final = "status"

STATE: Final = SearchAttributeKey.for_keyword(search_attributes.STATE)
WAITS_FOR: Final = SearchAttributeKey.for_keyword(search_attributes.WAITS_FOR)
REFERENCE: Final = SearchAttributeKey.for_keyword(search_attributes.REFERENCE)
DEADLINE: Final = SearchAttributeKey.for_datetime(search_attributes.DEADLINE)


def registration_id(opaque: str) -> str:
    """The workflow id of a registration."""
    return f"registration/{opaque}"
