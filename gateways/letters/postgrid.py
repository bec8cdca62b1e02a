"""PostGrid as the print shop: `POST /print-mail/v1/letters`, and its signed webhooks (JSON format).

The letter id is the idempotency key and stands in the letter's metadata and description; every hand-over searches
there first, so that a repetition makes no second letter however late it comes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

import httpx2

from domain.directory import Address
from domain.print_shop import (
    Consignment,
    DeliveryEvent,
    DeliveryKind,
    HandOver,
    PrintShopUnavailable,
    WebhookForged,
    WebhookUnreadable,
)
from gateways.letters.shop_api import TIMEOUT, Json, ShopApi, matching, metadata_of, objects_in, require_same, text_in
from gateways.letters.typeface import drawable
from gateways.letters.webhook_signature import require_genuine

_PATH: Final = "/print-mail/v1/letters"
_DAY: Final = timedelta(days=1)

_STATUS: Final = {
    "processed_for_delivery": DeliveryKind.MAILED,
    "completed": DeliveryKind.MAILED,
    "returned_to_sender": DeliveryKind.RETURNED,
    "cancelled": DeliveryKind.CANCELLED,
}
# What the post's own barcode scans say goes before the order's status.
_SCANS: Final = {
    "entered_mail_stream": DeliveryKind.MAILED,
    "out_for_delivery": DeliveryKind.MAILED,
    "returned_to_sender": DeliveryKind.RETURNED,
}


@dataclass(frozen=True, kw_only=True)
class PostGridAccount:
    """The payer's account."""

    api_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False, default=())
    base_url: str = "https://api.postgrid.com"
    colour_print: bool = False


class PostGridShop:
    """The `PrintShop` port on PostGrid's API."""

    def __init__(self, account: PostGridAccount, client: httpx2.AsyncClient, *, today: Callable[[], date]) -> None:
        self._account = account
        self._api = ShopApi(client, shop="postgrid")
        self._today = today

    @staticmethod
    def client(account: PostGridAccount) -> httpx2.AsyncClient:
        """A client for this account; whoever makes it closes it."""
        return httpx2.AsyncClient(base_url=account.base_url, headers={"x-api-key": account.api_key}, timeout=TIMEOUT)

    async def hand_over(self, consignment: Consignment) -> HandOver:
        letter = await self._letter(consignment.letter_id)
        if letter is None:
            letter = await self._api.post(
                _PATH,
                fields=self._fields(consignment),
                file=("pdf", consignment.pdf),
                headers={"Idempotency-Key": consignment.letter_id},
            )
        return require_same(letter, consignment, _receipt(letter, consignment.letter_id))

    async def find(self, letter_id: str) -> HandOver | None:
        letter = await self._letter(letter_id)
        return _receipt(letter, letter_id) if letter else None

    async def _letter(self, letter_id: str) -> Json | None:
        answer = await self._api.get(_PATH, params={"search": f'"{letter_id}"', "limit": "10"})
        return matching(objects_in(answer, "data"), letter_id)

    def _fields(self, consignment: Consignment) -> dict[str, str]:
        sender = consignment.sender
        fields = {
            **_contact("to", consignment.address, person=consignment.person, company=consignment.organization),
            **_contact("from", sender.address, person="", company=sender.name),
            **metadata_of(consignment),
            "description": consignment.letter_id,
            "color": "true" if self._account.colour_print else "false",
            "doubleSided": "false",
            # Its own sheet carries the address for its own envelope: our page stays as it is.
            "addressPlacement": "insert_blank_page",
            "mailingClass": "usps_first_class",
            "size": "us_letter",
        }
        # An order goes to print on the day after its date.
        send_date = consignment.mailing_on - _DAY
        if send_date > self._today():
            fields["sendDate"] = send_date.isoformat()
        return fields


class PostGridWebhook:
    """The `DeliveryWebhook` port on PostGrid's events; `letter.updated` in the JSON format is the one to subscribe to."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)

    def events(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[DeliveryEvent, ...]:
        timestamp, signature = _signature({name.lower(): value for name, value in headers.items()})
        require_genuine(timestamp=timestamp, signature=signature, body=body, secrets=self._secrets, now=now)
        try:
            letter = json.loads(body)
            if not text_in(letter, "type").startswith("letter."):
                return ()
            return _events(letter["data"])
        except (KeyError, ValueError):
            raise WebhookUnreadable("postgrid") from None


def _signature(headers: Mapping[str, str]) -> tuple[str, str]:
    """Timestamp and signature of `t=…,v1=…`."""
    value = headers.get("postgrid-signature", "") or headers.get("x-postgrid-signature", "")
    parts = dict(part.strip().split("=", 1) for part in value.split(",") if "=" in part)
    if not {"t", "v1"} <= parts.keys():
        raise WebhookForged("signature")
    return parts["t"], parts["v1"]


def _events(letter: object) -> tuple[DeliveryEvent, ...]:
    letter_id = text_in(letter, "metadata", "letter_id")
    scan = _SCANS.get(text_in(letter, "imbStatus"))
    kind = scan or _STATUS.get(text_in(letter, "status"))
    if kind is None or not letter_id:
        return ()
    at = (scan and text_in(letter, "imbDate")) or text_in(letter, "updatedAt")
    return (DeliveryEvent(letter_id, kind, datetime.fromisoformat(at)),)


def _receipt(letter: Json, letter_id: str) -> HandOver:
    reference, sent = text_in(letter, "id"), text_in(letter, "sendDate")
    if not reference:
        raise PrintShopUnavailable("postgrid_answer")
    try:
        return HandOver(letter_id, reference, datetime.fromisoformat(sent).date() + _DAY)
    except ValueError:
        raise PrintShopUnavailable("postgrid_answer") from None


def _contact(part: str, address: Address, *, person: str, company: str) -> dict[str, str]:
    first, _, last = drawable(person).rpartition(" ")
    named = {
        "firstName": first or last,
        "lastName": last if first else "",
        "companyName": drawable(company),
        "addressLine1": address.line1,
        "addressLine2": address.line2,
        "city": address.city,
        "provinceOrState": address.state,
        "postalOrZip": address.zip,
        "countryCode": "US",
    }
    return {f"{part}[{field_name}]": value for field_name, value in named.items() if value}
