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

__all__ = ["ANSWERS", "NOTICE_HINT", "Answer"]
