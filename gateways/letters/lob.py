"""Lob as the print shop: `POST /v1/letters` with an idempotency key, and its signed webhooks.

Lob forgets idempotency keys after a day. The letter id also stands in the letter's metadata, and every hand-over
looks there first, so that a repetition weeks later makes no second letter either.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import httpx2

from domain.directory import Address
from domain.print_shop import (
    Consignment,
    DeliveryEvent,
    DeliveryKind,
    HandOver,
    PrintShopUnavailable,
    WebhookUnreadable,
)
from gateways.letters.shop_api import TIMEOUT, Json, ShopApi, matching, metadata_of, objects_in, require_same, text_in
from gateways.letters.typeface import drawable
from gateways.letters.webhook_signature import require_genuine

_LONGEST_NAME: Final = 40

# What "mailed" means here: the piece is in the hands of the post. Lob's own `letter.mailed` comes when it leaves the
# printer; the tracking events follow only for pieces that were scanned.
_KINDS: Final = {
    "letter.mailed": DeliveryKind.MAILED,
    "letter.delivered": DeliveryKind.DELIVERED,
    "letter.returned_to_sender": DeliveryKind.RETURNED,
    "letter.failed": DeliveryKind.CANCELLED,
    "letter.deleted": DeliveryKind.CANCELLED,
}


@dataclass(frozen=True, kw_only=True)
class LobAccount:
    """The payer's account. `zone` is the time zone in which a mailing date begins."""

    api_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False, default=())
    base_url: str = "https://api.lob.com"
    colour_print: bool = False
    zone: str = "America/Chicago"


class LobShop:
    """The `PrintShop` port on Lob's API."""

    def __init__(self, account: LobAccount, client: httpx2.AsyncClient, *, today: Callable[[], date]) -> None:
        self._account = account
        self._api = ShopApi(client, shop="lob")
        self._today = today

    @staticmethod
    def client(account: LobAccount) -> httpx2.AsyncClient:
        """A client for this account; whoever makes it closes it."""
        return httpx2.AsyncClient(
            base_url=account.base_url, auth=httpx2.BasicAuth(account.api_key, ""), timeout=TIMEOUT
        )

    async def hand_over(self, consignment: Consignment) -> HandOver:
        letter = await self._letter(consignment.letter_id)
        if letter is None:
            letter = await self._api.post(
                "/v1/letters",
                fields=self._fields(consignment),
                file=("file", consignment.pdf),
                headers={"Idempotency-Key": consignment.letter_id},
            )
        return require_same(letter, consignment, _receipt(letter, consignment.letter_id))

    async def find(self, letter_id: str) -> HandOver | None:
        letter = await self._letter(letter_id)
        return _receipt(letter, letter_id) if letter else None

    async def _letter(self, letter_id: str) -> Json | None:
        answer = await self._api.get("/v1/letters", params={"metadata[letter_id]": letter_id, "limit": "10"})
        return matching(objects_in(answer, "data"), letter_id)

    def _fields(self, consignment: Consignment) -> dict[str, str]:
        sender = consignment.sender
        fields = {
            **_address("to", consignment.address, name=consignment.person, company=consignment.organization),
            **_address("from", sender.address, name=sender.name, company=""),
            **metadata_of(consignment),
            "color": "true" if self._account.colour_print else "false",
            "double_sided": "false",
            # Its own sheet carries the address for its own envelope: our page stays as it is.
            "address_placement": "insert_blank_page",
            "mail_type": "usps_first_class",
            "use_type": "operational",
        }
        if consignment.mailing_on > self._today():
            begins = datetime.combine(consignment.mailing_on, time(8), ZoneInfo(self._account.zone))
            fields["send_date"] = begins.isoformat()
        return fields


class LobWebhook:
    """The `DeliveryWebhook` port on Lob's events."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)

    def events(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[DeliveryEvent, ...]:
        named = {name.lower(): value for name, value in headers.items()}
        require_genuine(
            timestamp=named.get("lob-signature-timestamp", ""),
            signature=named.get("lob-signature", ""),
            body=body,
            secrets=self._secrets,
            now=now,
        )
        try:
            event = json.loads(body)
            kind = _KINDS.get(text_in(event, "event_type", "id"))
            letter_id = text_in(event, "body", "metadata", "letter_id")
            if kind is None or not letter_id:
                return ()
            return (DeliveryEvent(letter_id, kind, datetime.fromisoformat(text_in(event, "date_created"))),)
        except ValueError:
            raise WebhookUnreadable("lob") from None


def _receipt(letter: Json, letter_id: str) -> HandOver:
    reference, sent = text_in(letter, "id"), text_in(letter, "send_date")
    try:
        return HandOver(letter_id, reference or _missing(), datetime.fromisoformat(sent).date())
    except ValueError:
        raise PrintShopUnavailable("lob_answer") from None


def _missing() -> str:
    raise ValueError


def _address(part: str, address: Address, *, name: str, company: str) -> dict[str, str]:
    named = {
        "name": drawable(name)[:_LONGEST_NAME].rstrip(),
        "company": drawable(company)[:_LONGEST_NAME].rstrip(),
        "address_line1": address.line1,
        "address_line2": address.line2,
        "address_city": address.city,
        "address_state": address.state,
        "address_zip": address.zip,
        "address_country": "US",
    }
    return {f"{part}[{field_name}]": value for field_name, value in named.items() if value}
