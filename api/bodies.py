"""Bodies are JSON in UTF-8 or nothing: anything else is refused before a route sees the request."""

import json
from email.message import Message
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ops.http import MAX_BODY, read_body, replayed


class JsonBodies:
    """Answers a body of another type with 415, and one that isn't JSON in UTF-8, or names a field twice, with 400.

    The addresses in `raw` get their bodies as they are: a signature has to be looked at first.
    """

    def __init__(self, app: ASGIApp, *, wrong_type: ASGIApp, malformed: ASGIApp, raw: frozenset[str]) -> None:
        self._app = app
        self._wrong_type = wrong_type
        self._malformed = malformed
        self._raw = raw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._raw:
            await self._app(scope, receive, send)
            return
        body = await read_body(receive, limit=MAX_BODY)
        if body is None:
            return
        answer = self._app
        if body and not _is_json(Headers(scope=scope).get("content-type", "")):
            answer = self._wrong_type
        elif body and not _parses(body):
            answer = self._malformed
        await answer(scope, replayed(body, receive), send)


def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    charset = message.get_param("charset", "utf-8")
    return message.get_content_type() == "application/json" and str(charset).lower() in {"utf-8", "utf8"}


def _parses(body: bytes) -> bool:
    try:
        # Decoded here: the parser by itself would also take UTF-16 and UTF-32.
        json.loads(body.decode("utf-8"), object_pairs_hook=_without_repetition, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity aren't JSON")
