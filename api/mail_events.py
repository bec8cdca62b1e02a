"""What the mail relay calls to tell what became of mails: signed, raw, and repeated by the relay until it's taken."""

from typing import Final

from fastapi import APIRouter, Request, status

from api.dependencies import GateDep
from api.problems import problems
from domain.print_shop import WebhookForged
from gateways.mail_webhook import MailWebhook, MailWebhookUnreadable
from ops.logs import logger
from portal.mail_reports import take
from portal.refusals import Refusal

PATH: Final = "/api/v1/webhooks/mail"

router = APIRouter(tags=["Mail relay"])

_EXAMPLE: Final = {
    "events": [{"message_id": "<0a1b2c3d4e5f@portal.example.org>", "event": "bounced", "status": "5.1.1"}]
}


@router.post(
    PATH, summary="Tell what became of mails", status_code=status.HTTP_204_NO_CONTENT,
    responses=problems("webhook_unreadable", "webhook_forged", "not_found", "body_too_large"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The events, up to 1,000: `delivered`, `bounced` or `delayed`. `Gatehouse-Timestamp` has the seconds "
            "since 1970, `Gatehouse-Signature` the HMAC-SHA256 of `timestamp.body` in hexadecimal.",
            "content": {"application/json": {"schema": {}, "example": _EXAMPLE}},
        }
    },
)  # fmt: skip
async def tell_of_mails(request: Request, gate: GateDep) -> None:
    """For the mail relay only. Told twice is the same as once, so no idempotency key is needed; cookies mean nothing here.

    There is no such address without a secret to sign with.
    """
    webhook: MailWebhook | None = request.app.state.mail_webhook
    if webhook is None:
        raise Refusal("not_found")
    body = await request.body()
    try:
        reports = webhook.reports(headers=request.headers, body=body, now=gate.now())
    except WebhookForged:
        logger("api.mail_events").warning("forged webhook")
        raise Refusal("webhook_forged") from None
    except MailWebhookUnreadable:
        logger("api.mail_events").error("unreadable webhook")
        raise Refusal("webhook_unreadable") from None
    await take(gate, reports)
