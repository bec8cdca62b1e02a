"""What the two print-and-mail APIs have in common: a client with timeouts, and which answers are worth another try."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import httpx2

from domain.letters import require_opaque
from domain.print_shop import Consignment, HandOver, LetterConflict, LetterRefused, PrintShopUnavailable

TIMEOUT: Final = httpx2.Timeout(30.0, connect=10.0)
"""A shop looks at the PDF before it answers; longer than this it is away."""

# Besides 5xx: our key, account or address of the API is wrong, or the shop is busy. The letter itself is fine
# and leaves once that is mended.
_NOT_THE_LETTER: Final = frozenset({401, 402, 403, 404, 405, 407, 408, 409, 421, 423, 425, 429})

Json = Mapping[str, object]


class ShopApi:
    """Calls of one API. Answers and error texts repeat names and addresses: none of them gets into an exception."""

    def __init__(self, client: httpx2.AsyncClient, *, shop: str) -> None:
        self._client = client
        self._shop = shop

    async def get(self, path: str, *, params: Mapping[str, str]) -> Json:
        """The JSON object the API answers with. Raises `PrintShopUnavailable` or `LetterRefused`."""
        return self._object(await self._send("GET", path, params=dict(params)))

    async def post(
        self, path: str, *, fields: Mapping[str, str], file: tuple[str, bytes], headers: Mapping[str, str]
    ) -> Json:
        """Send fields and a PDF as a form; the rest as `get`."""
        name, content = file
        upload = {name: ("letter.pdf", content, "application/pdf")}
        return self._object(await self._send("POST", path, data=dict(fields), files=upload, headers=dict(headers)))

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
        files: dict[str, tuple[str, bytes, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        try:
            response = await self._client.request(method, path, params=params, data=data, files=files, headers=headers)
        except httpx2.TransportError:
            # Also when the answer was lost after the shop accepted: the next try finds that letter.
            raise PrintShopUnavailable(f"{self._shop}_unreachable") from None
        if response.is_success:
            return response
        code = f"{self._shop}_{response.status_code}"
        if response.status_code in _NOT_THE_LETTER or not response.is_client_error:
            raise PrintShopUnavailable(code, retry_after=_retry_after(response))
        raise LetterRefused(code)

    def _object(self, response: httpx2.Response) -> Json:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise PrintShopUnavailable(f"{self._shop}_answer")
        return answer


def text_in(value: object, *names: str) -> str:
    """The text at a path of names inside JSON, or an empty string."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def objects_in(value: object, name: str) -> list[Json]:
    """The JSON objects of a list by that name."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def metadata_of(consignment: Consignment) -> dict[str, str]:
    """What the shop keeps with a letter, so that it is found by its id and compared by its content: nothing of a person."""
    return {"metadata[letter_id]": consignment.letter_id, "metadata[sha256]": consignment.sha256}


def require_same(letter: Json, consignment: Consignment, handed_over: HandOver) -> HandOver:
    """The receipt, if the shop's letter is this consignment. Raises `LetterConflict` if it has another content."""
    if text_in(letter, "metadata", "sha256") != consignment.sha256:
        raise LetterConflict(handed_over)
    return handed_over


def matching(letters: list[Json], letter_id: str) -> Json | None:
    """The oldest of the letters that carry exactly this id."""
    require_opaque(letter_id)
    found = [letter for letter in letters if text_in(letter, "metadata", "letter_id") == letter_id]
    return found[-1] if found else None


_SECONDS: Final = re.compile(r"\d{1,6}")


def _retry_after(response: httpx2.Response) -> timedelta | None:
    value = response.headers.get("Retry-After", "")
    return timedelta(seconds=int(value)) if _SECONDS.fullmatch(value) else None
