"""The rule that decided on a business contact, in plain words for staff who look at it (T2)."""

from collections.abc import Mapping
from typing import Final

RULES: Final[Mapping[str, str]] = {
    "T2.own_domain": "The address has the billing service’s own domain, and the requester says why it should be asked all the same.",
    "T2.look_alike": "The domain looks like one of the billing service’s own.",
    "T2.international": "The domain mixes alphabets, or is drawn like another one.",
    "T2.free_mail": "A free-mail address: anyone can have one, so the domain says nothing of whose it is.",
    "T2.unreadable": "The domain is none that mail comes from.",
    "T2.independent": "Nothing speaks against it.",
}


def rule_in_words(rule: str) -> str:
    """What a rule found; a rule that's gone by now keeps its id."""
    return RULES.get(rule, rule)
