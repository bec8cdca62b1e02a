"""Signatures of the print shops' webhooks: HMAC-SHA256 over `timestamp.body`, fresh, compared in constant time."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.print_shop import WebhookForged

TOLERANCE: Final = timedelta(minutes=5)

_TIMESTAMP: Final = re.compile(r"\d{9,14}", re.ASCII)
_MILLISECONDS_FROM: Final = 100_000_000_000


def require_genuine(*, timestamp: str, signature: str, body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Raise `WebhookForged` unless the signature (hex) was made with one of the secrets within `TOLERANCE` of now.

    The timestamp counts seconds or milliseconds since 1970. Several secrets serve while one is being replaced;
    without any, nothing is genuine.
    """
    if not _TIMESTAMP.fullmatch(timestamp):
        raise WebhookForged("timestamp")
    number = int(timestamp)
    sent_at = datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
    if abs(now - sent_at) > TOLERANCE:
        raise WebhookForged("too old")
    signed = timestamp.encode() + b"." + body
    given = signature.strip().lower().encode()
    # Every secret is compared, so that the time doesn't tell which one fits.
    fits = [
        hmac.compare_digest(hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode(), given)
        for secret in secrets
        if secret
    ]
    if not any(fits):
        raise WebhookForged("signature")
