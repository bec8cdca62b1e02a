"""The relay's signed calls: forged ones say nothing, genuine ones tell the same as reports by mail (B5)."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.print_shop import WebhookForged
from gateways.delivery_status import DeliveryReport
from gateways.mail_webhook import MOST_EVENTS, MailWebhook, MailWebhookUnreadable, read_events

unhurried = settings(deadline=None)  # a busy machine is no defect


SECRET = "made-up-secret"
NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
BOUNCE = {"message_id": "<one@portal.example.org>", "event": "bounced", "status": "5.1.1"}


def signed(body: bytes, *, secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Gatehouse-Timestamp": timestamp, "Gatehouse-Signature": signature}


def call(*events: object) -> bytes:
    return json.dumps({"events": events}).encode()


def test_B5_a_genuine_call_tells_its_events():
    body = call(
        BOUNCE,
        {
            "message_id": "<two@portal.example.org>",
            "event": "delivered",
            "status": "2.0.0",
            "recipient": "x@example.org",
        },
        {"message_id": "<three@portal.example.org>", "event": "delayed"},
        BOUNCE,
    )
    reports = MailWebhook([SECRET]).reports(headers=signed(body), body=body, now=NOW)
    assert reports == (
        DeliveryReport("<one@portal.example.org>", "bounced", "5.1.1"),
        DeliveryReport("<two@portal.example.org>", "delivered", "2.0.0"),
        DeliveryReport("<three@portal.example.org>", "delayed", "4.0.0"),
    )


def test_B5_a_secret_can_be_replaced_while_calls_come_in():
    body = call(BOUNCE)
    assert MailWebhook(["new", SECRET]).reports(headers=signed(body), body=body, now=NOW)
    assert MailWebhook(["new", SECRET]).reports(headers=signed(body, secret="new"), body=body, now=NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["other"]])
def test_B5_without_the_secret_nothing_is_genuine(secrets: list[str]):
    body = call(BOUNCE)
    for headers in (signed(body), signed(body, secret="")):
        with pytest.raises(WebhookForged):
            MailWebhook(secrets).reports(headers=headers, body=body, now=NOW)


def test_B5_forged_changed_and_old_calls_say_nothing():
    body = call(BOUNCE)
    webhook = MailWebhook([SECRET])
    changed = body.replace(b"one@", b"two@")
    for headers, told, now in (
        ({}, body, NOW),
        (signed(body), changed, NOW),
        (signed(body) | {"Gatehouse-Signature": "é"}, body, NOW),
        (signed(body) | {"Gatehouse-Timestamp": "x"}, body, NOW),
        (signed(body), body, NOW + timedelta(seconds=301)),
        (signed(body, at=NOW + timedelta(seconds=301)), body, NOW),
        (signed(b"not json", secret="guessed"), b"not json", NOW),
    ):
        with pytest.raises(WebhookForged):
            webhook.reports(headers=headers, body=told, now=now)


def test_B5_names_of_headers_have_no_case():
    body = call(BOUNCE)
    headers = {name.upper(): value for name, value in signed(body).items()}
    assert MailWebhook([SECRET]).reports(headers=headers, body=body, now=NOW)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"), (b"\xff", "not_json"), (b"[" * 100_000, "not_json"), (b"[]", "events_missing"), (b'{"events": {}}', "events_missing"), (b"null", "events_missing"),
        (call(*[BOUNCE] * (MOST_EVENTS + 1)), "too_many_events"), (call("x"), "event_unknown"), (call(BOUNCE | {"event": "opened"}), "event_unknown"), (call(BOUNCE | {"event": []}), "event_unknown"),
        (call({"event": "bounced"}), "message_id_invalid"), (call(BOUNCE | {"message_id": "one@portal.example.org"}), "message_id_invalid"), (call(BOUNCE | {"message_id": "<one@x>\n"}), "message_id_invalid"),
        (call(BOUNCE | {"message_id": 7}), "message_id_invalid"), (call(BOUNCE | {"status": "550"}), "status_invalid"), (call(BOUNCE | {"status": 5}), "status_invalid"),
        (call(BOUNCE | {"status": "5.1.1 <a@example.org>"}), "status_invalid"), (call(BOUNCE, BOUNCE | {"event": "x"}), "event_unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_B5_a_genuine_call_of_another_form_is_refused_as_a_whole(body: bytes, code: str):
    with pytest.raises(MailWebhookUnreadable) as caught:
        MailWebhook([SECRET]).reports(headers=signed(body), body=body, now=NOW)
    assert caught.value.code == str(caught.value) == code


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["bounced", "<a@b>", "5.1.1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["events", "event", "message_id", "status", "x"]), inner, max_size=4)
    ),
)


def outcome(body: bytes) -> str:
    try:
        read_events(body)
    except MailWebhookUnreadable as error:
        return error.code
    return "read"


@unhurried
@given(JSON.map(lambda call: json.dumps(call).encode()) | st.binary(max_size=50))
def test_B5_any_body_is_read_or_refused(body: bytes):
    assert outcome(body) in {
        "read",
        "not_json",
        "events_missing",
        "event_unknown",
        "message_id_invalid",
        "status_invalid",
    }
