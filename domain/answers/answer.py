"""One refusal's words (B6)."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Answer:
    """Words for one code. `next_steps` are things the person can do, the best one first."""

    title: str
    detail: str
    next_steps: tuple[str, ...] = ()


NOTICE_HINT: Final = "Non-payment notices start with NP: include it, such as NP123456."
