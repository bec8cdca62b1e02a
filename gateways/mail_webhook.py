"""The mail relay's own events as signed calls: what became of a mail, told at once instead of by mail (B5).

`POST {"events": [{"message_id": "<…@…>", "event": "bounced", "status": "5.1.1"}]}`, signed like the print shops' calls:
HMAC-SHA256 over `timestamp.body` in `Gatehouse-Signature`, the seconds since 1970 in `Gatehouse-Timestamp`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from gateways.delivery_status import EVENTS, MESSAGE_ID, STATUS, DeliveryReport, status_of
from gateways.letters.webhook_signature import require_genuine

MOST_EVENTS: Final = 1_000


class MailWebhookUnreadable(ValueError):
    """A genuine call whose form isn't known; nothing of it counts. `code` is stable and holds nothing of the call.

    Codes: `not_json`, `events_missing`, `too_many_events`, `event_unknown`, `message_id_invalid`, `status_invalid`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MailWebhook:
    """Reads the relay's calls. Several secrets serve while one is being replaced; without any, nothing is genuine."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)

    def reports(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[DeliveryReport, ...]:
        """The reports of one call, all or none. Raises `domain.print_shop.WebhookForged` or `MailWebhookUnreadable`."""
        named = {name.lower(): value for name, value in headers.items()}
        require_genuine(
            timestamp=named.get("gatehouse-timestamp", ""),
            signature=named.get("gatehouse-signature", ""),
            body=body,
            secrets=self._secrets,
            now=now,
        )
        return read_events(body)


def read_events(body: bytes) -> tuple[DeliveryReport, ...]:
    """The reports in the body of a call. An event without `status` gets the one of its kind. Raises `MailWebhookUnreadable`."""
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        raise MailWebhookUnreadable("not_json") from None
    events = call.get("events") if isinstance(call, dict) else None
    if not isinstance(events, list):
        raise MailWebhookUnreadable("events_missing")
    if len(events) > MOST_EVENTS:
        raise MailWebhookUnreadable("too_many_events")
    return tuple(dict.fromkeys(map(_report, events)))


def _report(event: object) -> DeliveryReport:
    fields = event if isinstance(event, dict) else {}
    kind = next((known for known in EVENTS if known == fields.get("event")), None)
    if kind is None:
        raise MailWebhookUnreadable("event_unknown")
    message_id, status = fields.get("message_id"), fields.get("status", "")
    if not isinstance(message_id, str) or not MESSAGE_ID.fullmatch(message_id):
        raise MailWebhookUnreadable("message_id_invalid")
    if not isinstance(status, str) or (status and not STATUS.fullmatch(status)):
        raise MailWebhookUnreadable("status_invalid")
    return DeliveryReport(message_id, kind, status or status_of(kind))
