"""The print shop's signed calls over HTTP: genuine ones are told on, forged ones say nothing (B3, B5)."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp

from portal.registering import Started
from serve import build_app
from tests.api.visitor import V1, Visitor, assert_problem, visiting
from tests.by_mail.conftest import PostOffice, until
from tests.house import House
from tests.letters.fake_shops import FakeLob, FakePostGrid

EVENTS = f"{V1}/print-shop/events"
SHOPS = {"lob": (FakeLob(), "letter.mailed"), "postgrid": (FakePostGrid(), "processed_for_delivery")}


@pytest.fixture(params=SHOPS)
def shop(request: pytest.FixtureRequest):
    fake, mailed = SHOPS[request.param]
    return request.param, fake, mailed


@pytest.fixture
def app_with_shop(house: House, shop) -> ASGIApp:
    kind, fake, _ = shop
    changes = {
        "print_shop": kind,
        "print_shop_key": SecretStr("key"),
        "print_shop_webhook_secrets": SecretStr(f"old,{fake.secret}"),
    }
    return build_app(house.settings.model_copy(update=changes), house.gate)


@pytest.fixture
async def caller(app_with_shop: ASGIApp) -> AsyncIterator[Visitor]:
    async with visiting(app_with_shop) as one:
        yield one


async def send(caller: Visitor, call: tuple[dict[str, str], bytes], **headers: str):
    told, body = call
    return await caller.client.post(
        EVENTS, content=body, headers={"Content-Type": "application/json", **told, **headers}
    )


def signed(kind: str, secret: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """Any body, signed as the shop signs its own."""
    timestamp = str(int(datetime.now(UTC).timestamp()))
    signature = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if kind == "lob":
        return {"Lob-Signature": signature, "Lob-Signature-Timestamp": timestamp}, body
    return {"PostGrid-Signature": f"t={timestamp},v1={signature}"}, body


@pytest.fixture
async def letter(house: House) -> tuple[PostOffice, Started, str]:
    post = PostOffice(house)
    started = await house.confirmed()
    await post.ask(started, await house.new_clinic())
    view, _ = await post.letter(started)
    return post, started, str(view.id)


async def test_B3_a_signed_call_starts_the_clock_and_needs_no_key(caller: Visitor, shop, letter):
    _, fake, mailed = shop
    post, started, letter_id = letter
    now = datetime.now(UTC)
    call = fake.call(mailed, at=now.isoformat(), letter_id=letter_id, sent_at=now)
    assert (await send(caller, call)).status_code == 204
    assert (await send(caller, call)).status_code == 204, "told twice is the same as once"

    async def known() -> bool | None:
        from portal.letters import list_letters

        return (await list_letters(post.house.gate, started.registration_id))[0].mailed_at is not None or None

    await until(known)


async def test_B5_a_forged_call_says_nothing(caller: Visitor, shop, letter):
    _, fake, mailed = shop
    _, _, letter_id = letter
    now = datetime.now(UTC)
    headers, body = fake.call(mailed, at=now.isoformat(), letter_id=letter_id, sent_at=now)
    calls: list[tuple[dict[str, str], bytes]] = [({}, body), (headers, body + b" "), (headers, b"")]
    for forged in calls:
        assert_problem(await send(caller, forged), 401, "webhook_forged")
    assert_problem(
        await send(caller, fake.call(mailed, at=now.isoformat(), secret="guessed", sent_at=now)), 401, "webhook_forged"
    )
    cookie = {"Cookie": "gatehouse_session=x"}
    assert_problem(await send(caller, ({}, body), **cookie), 401, "webhook_forged")


async def test_a_signed_call_of_another_form_is_unreadable(caller: Visitor, shop):
    kind, fake, _ = shop
    assert_problem(await send(caller, signed(kind, fake.secret, b"not JSON")), 400, "webhook_unreadable")
    assert (await send(caller, signed(kind, fake.secret, b"{}"))).status_code == 204, "of no interest"


async def test_the_body_is_limited(caller: Visitor):
    assert_problem(await send(caller, ({}, b"x" * 40_000)), 413, "body_too_large")


async def test_looking_is_not_telling(caller: Visitor):
    assert_problem(await caller.client.get(EVENTS), 405, "method_not_allowed")


async def test_there_is_no_such_address_when_the_shop_writes_files(visitor: Visitor):
    assert_problem(await visitor.client.post(EVENTS, content=b"{}"), 404, "not_found")
