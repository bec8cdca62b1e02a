"""Signed calls from the print shops: forged ones say nothing, genuine ones become events (B5)."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.print_shop import DeliveryKind, WebhookForged, WebhookUnreadable
from gateways.letters.lob import LobWebhook
from gateways.letters.postgrid import PostGridWebhook
from tests.letters.fake_shops import CREATED, FakeLob, FakePostGrid

AT = "2026-11-24T18:30:00.000Z"
MOMENT = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)

SHOPS = {
    "lob": (LobWebhook, FakeLob(), "letter.mailed"),
    "postgrid": (PostGridWebhook, FakePostGrid(), "processed_for_delivery"),
}


@pytest.fixture(params=SHOPS)
def hook(request):
    made, fake, mailed = SHOPS[request.param]
    return made([fake.secret]), fake, mailed


def read(webhook, call, now=CREATED):
    headers, body = call
    return webhook.events(headers=headers, body=body, now=now)


def test_B3_mailed_is_told_with_its_time(hook):
    webhook, fake, mailed = hook
    (event,) = read(webhook, fake.call(mailed, at=AT))
    assert (event.letter_id, event.kind, event.at) == ("letter-0001", DeliveryKind.MAILED, MOMENT)


def test_B5_the_same_call_again_is_the_same_event(hook):
    webhook, fake, mailed = hook
    later = CREATED + timedelta(minutes=3)
    first = read(webhook, fake.call(mailed, at=AT))
    again = read(webhook, fake.call(mailed, at="2026-11-24T12:30:00.000-06:00", sent_at=later), now=later)
    assert first[0].event_id == again[0].event_id
    other = read(webhook, fake.call(mailed, at=AT, letter_id="letter-0002"))
    assert other[0].event_id != first[0].event_id


def test_B5_forged_calls_say_nothing(hook):
    webhook, fake, mailed = hook
    headers, body = fake.call(mailed, at=AT)
    changed = body.replace(b"letter-0001", b"letter-0002")
    with pytest.raises(WebhookForged):
        webhook.events(headers=headers, body=changed, now=CREATED)
    with pytest.raises(WebhookForged):
        webhook.events(headers={}, body=body, now=CREATED)
    with pytest.raises(WebhookForged):
        read(webhook, fake.call(mailed, at=AT, secret="guessed"))
    for name, value in headers.items():
        for forged in ("", "t=,v1=", "0" * 64, value[:-1], f"{value}0", "é"):
            with pytest.raises(WebhookForged):
                webhook.events(headers={**headers, name: forged}, body=body, now=CREATED)


def test_B5_names_of_headers_have_no_case(hook):
    webhook, fake, mailed = hook
    headers, body = fake.call(mailed, at=AT)
    assert webhook.events(headers={name.lower(): value for name, value in headers.items()}, body=body, now=CREATED)


@pytest.mark.parametrize(("seconds", "genuine"), [(-301, False), (-299, True), (299, True), (301, False)])
def test_B5_old_calls_are_not_played_again(hook, seconds, genuine):
    webhook, fake, mailed = hook
    now = CREATED + timedelta(seconds=seconds)
    if genuine:
        assert read(webhook, fake.call(mailed, at=AT), now=now)
    else:
        with pytest.raises(WebhookForged):
            read(webhook, fake.call(mailed, at=AT), now=now)


def test_B5_a_secret_can_be_replaced_and_none_means_nothing_is_genuine(hook):
    webhook, fake, mailed = hook
    made = type(webhook)
    assert read(made(["new", fake.secret]), fake.call(mailed, at=AT))
    for secrets in ([], [""]):
        with pytest.raises(WebhookForged):
            read(made(secrets), fake.call(mailed, at=AT, secret=" "))


def test_B5_genuine_calls_of_an_unknown_form_are_told_apart(hook):
    webhook, fake, mailed = hook
    for at in ("", "yesterday", "2026-11-24T18:30:00"):
        with pytest.raises(WebhookUnreadable):
            read(webhook, fake.call(mailed, at=at))
    with pytest.raises(WebhookUnreadable):
        read(webhook, fake.call(mailed, at=AT, letter_id="../../x"))


def test_B5_letters_that_are_not_ours_are_none_of_our_business(hook):
    webhook, fake, mailed = hook
    assert read(webhook, fake.call(mailed, at=AT, letter_id="")) == ()


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("letter.mailed", DeliveryKind.MAILED),
        ("letter.delivered", DeliveryKind.DELIVERED),
        ("letter.returned_to_sender", DeliveryKind.RETURNED),
        ("letter.failed", DeliveryKind.CANCELLED),
        ("letter.deleted", DeliveryKind.CANCELLED),
        ("letter.created", None),
        ("letter.rendered_pdf", None),
        ("letter.in_transit", None),
        ("postcard.mailed", None),
    ],
)
def test_B5_lob_events(kind, meant):
    events = read(LobWebhook([FakeLob.secret]), FakeLob().call(kind, at=AT))
    assert [event.kind for event in events] == ([meant] if meant else [])


@pytest.mark.parametrize(
    ("status", "scan", "meant"),
    [
        ("ready", None, None),
        ("printing", None, None),
        ("processed_for_delivery", None, DeliveryKind.MAILED),
        ("completed", None, DeliveryKind.MAILED),
        ("returned_to_sender", None, DeliveryKind.RETURNED),
        ("cancelled", None, DeliveryKind.CANCELLED),
        ("printing", "entered_mail_stream", DeliveryKind.MAILED),
        ("completed", "returned_to_sender", DeliveryKind.RETURNED),
    ],
)
def test_B5_postgrid_events(status, scan, meant):
    events = read(PostGridWebhook([FakePostGrid.secret]), FakePostGrid().call(status, at=AT, scan=scan))
    assert [(event.kind, event.at) for event in events] == ([(meant, MOMENT)] if meant else [])


def test_B5_postgrid_events_of_other_things_are_skipped():
    assert (
        read(PostGridWebhook([FakePostGrid.secret]), FakePostGrid().call("completed", at=AT, kind="cheque.updated"))
        == ()
    )
