"""A list of requests for access, gone through line by line: its messages, and the port that makes each request (T5)."""

from collections.abc import Sequence
from typing import Protocol

from domain.recording import Payload


class StartAuthorizationBatch(Payload):
    """The list is in the database; nothing of it crosses Temporal."""

    batch_id: str
    lines: int


class GoThroughLines(Payload):
    """Make the requests of the next lines, at most as many as this."""

    batch_id: str
    most: int


class LinesGoneThrough(Payload):
    """How many lines were gone through, and how many wait."""

    done: int
    left: int


class RequestLines(Protocol):
    """Makes the request of each line of a list. The same line twice is one request."""

    async def waiting(self, batch_id: str) -> Sequence[int]:
        """The numbers of the lines that have no result yet, the first one first."""
        ...

    async def request(self, batch_id: str, number: int) -> None:
        """Make one line's request and write down what became of it."""
        ...

    async def finish(self, batch_id: str) -> None:
        """Write down that every line has a result."""
        ...
