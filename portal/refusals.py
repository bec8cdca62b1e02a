"""How the portal says no: a stable code, and what a client or page needs to show the answer."""

from dataclasses import dataclass
from datetime import datetime

from domain.answers import ANSWERS, Answer
from domain.registration import State


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
    ) -> None:
        super().__init__(code)
        self.code = code
        self.state = state
        self.retry_at = retry_at
        self.tries_left = tries_left
        self.fields = fields

    @property
    def answer(self) -> Answer:
        return ANSWERS[self.code]
