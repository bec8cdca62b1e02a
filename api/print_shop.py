"""What a print shop calls to tell what became of letters: signed, raw, and repeated by the shop until it's taken."""

from typing import Final

from fastapi import APIRouter, Request, status

from api.dependencies import GateDep
from api.problems import problems
from domain.print_shop import DeliveryWebhook, WebhookForged, WebhookUnreadable
from ops.logs import logger
from portal.letters import tell_delivery
from portal.refusals import Refusal

PATH: Final = "/api/v1/print-shop/events"

router = APIRouter(tags=["Print shop"])


@router.post(
    PATH, summary="Tell what became of letters", status_code=status.HTTP_204_NO_CONTENT,
    responses=problems("webhook_unreadable", "webhook_forged", "not_found", "body_too_large"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The event in the print shop's own form, signed in its own headers.",
            "content": {"application/json": {"schema": {}, "example": {"event_type": {"id": "letter.mailed"}}}},
        }
    },
)  # fmt: skip
async def tell_of_letters(request: Request, gate: GateDep) -> None:
    """For the print shop only. Told twice is the same as once, so no idempotency key is needed; cookies mean nothing here.

    There is no such address when the print shop reports by files.
    """
    webhook: DeliveryWebhook | None = request.app.state.print_shop_webhook
    if webhook is None:
        raise Refusal("not_found")
    body = await request.body()
    try:
        events = webhook.events(headers=request.headers, body=body, now=gate.now())
    except WebhookForged:
        logger("api.print_shop").warning("forged webhook")
        raise Refusal("webhook_forged") from None
    except WebhookUnreadable:
        logger("api.print_shop").error("unreadable webhook")
        raise Refusal("webhook_unreadable") from None
    await tell_delivery(gate, events)
