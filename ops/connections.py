"""What a connection may cost before there is a request: how long and how large the head is (slow loris, endless headers)."""

import asyncio
import json
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 16 * 1024
"""Of the request line and all headers; what our pages and browsers send has about 2 KB."""
HEAD_WITHIN_S: Final = 10.0
"""From the first byte (or the connection) to the end of the headers."""

_TOO_LARGE: Final = (
    431,
    b"Request Header Fields Too Large",
    "head_too_large",
    "The request line or the headers are too large.",
)
_TOO_SLOW: Final = (408, b"Request Timeout", "request_timeout", "The request took too long to arrive.")


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection with both limits. What breaks one is answered, in a few bytes of its own, and closed."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head = self._pieces = 0
        self._in_head = False
        self._too_large = False
        self._alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_alarm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_alarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # Also for a few line ends before the next request: they must not keep a connection open for ever.
        if self._alarm is None and (self.cycle is None or self.cycle.response_complete):
            self._set_alarm()
        if self._in_head:
            # A header without an end is seen by nobody but here. The first piece is as large as one read at most.
            self._pieces += len(data)
            self._too_large = self._pieces > MAX_HEAD
        if not self._too_large:
            super().data_received(data)
        if self._too_large and not self.transport.is_closing():
            self._refuse(*_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head, self._pieces = True, 0, 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._drop_alarm()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        if self._too_large:
            self._refuse(*_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD:
            self._too_large = True
            raise ValueError("the head is too large")  # stops the parser, which has uvicorn refuse the request

    def _set_alarm(self) -> None:
        self._alarm = self.loop.call_later(HEAD_WITHIN_S, self._too_late)

    def _drop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _too_late(self) -> None:
        self._alarm = None
        if self.transport.is_closing():
            return
        if self._in_head:
            self._refuse(*_TOO_SLOW)
        else:
            self.transport.close()  # it has said nothing, so there is nothing to answer

    def _refuse(self, status: int, phrase: bytes, code: str, title: str) -> None:
        self._drop_alarm()
        body = json.dumps({"title": title, "status": status, "code": code}).encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (status, phrase, len(body), body)
        )
        self.transport.close()
