"""What a refusal says: a title, the answer in plain words, and what to do now (B6). Keys are the stable codes."""

from typing import Final

from domain.answers import billing, cases, people, registering, web
from domain.answers.answer import NOTICE_HINT, Answer

ANSWERS: Final[dict[str, Answer]] = {
    **web.ANSWERS,
    **registering.ANSWERS,
    **people.ANSWERS,
    **cases.ANSWERS,
    **billing.ANSWERS,
}

STAFF_ANSWERS: Final[dict[str, Answer]] = billing.STAFF_ANSWERS
"""What staff read instead, where a code's answer speaks to whoever asked for something."""

__all__ = ["ANSWERS", "NOTICE_HINT", "STAFF_ANSWERS", "Answer"]
