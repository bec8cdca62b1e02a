"""The same over the API: link, answers, code, outcome; keys, sessions, and the token that never stands in an address (B2, I2, T7)."""

import logging
from collections.abc import AsyncIterator

import pytest

from domain.authorization import State
from serve import build_app
from tests.api.visitor import Visitor, assert_problem, visiting
from tests.authorization.scenes import Request, Service, row_of
from tests.deciding.conftest import asked
from tests.deciding.contact import Contact, another, decisions_of
from tests.house import House, key
from tests.logs import captured_logs

ANSWERS = "/api/v1/answers"


@pytest.fixture
async def visitor(house: House) -> AsyncIterator[Visitor]:
    async with visiting(build_app(house.settings, house.gate)) as one:
        yield one


async def body_of(request: Request, contact: Contact, **changes: object) -> dict[str, object]:
    return {
        "token": await contact.link(request), "answers": [{"id": str(request.id), "choice": "approve"}], "name": "Kim Contact",
        "role": "Office manager", "attested": True, **changes,
    }  # fmt: skip


async def test_T1_a_program_answers_from_the_link_to_the_outcome(house: House, service: Service, visitor: Visitor):
    request, contact = await asked(house, service)
    body = await body_of(request, contact)
    shown = (await visitor.post(f"{ANSWERS}/link", {"token": body["token"]})).json()
    assert shown["linked"]["id"] == str(request.id)
    assert shown["linked"]["requester"] == service.lead.name
    assert contact.email not in str(shown)
    same = key()
    begun = [await visitor.post(ANSWERS, body, idempotency_key=same) for _ in range(2)]
    assert [one.status_code for one in begun] == [201, 201]
    assert begun[0].json() == begun[1].json()
    changed = {**body, "answers": [{"id": str(request.id), "choice": "decline"}]}
    assert_problem(await visitor.post(ANSWERS, changed, idempotency_key=same), 422, "key_reused")
    visitor.token = begun[0].json()["token"]
    assert (await visitor.get(ANSWERS)).json()["answers"][0]["outcome"] == "unconfirmed"
    code = await contact.code()
    wrong = assert_problem(
        await visitor.post(f"{ANSWERS}/confirmation", {"code": another(code)}), 422, "code_wrong"
    )  # fmt: skip
    assert wrong["tries_left"] == house.gate.limits.code_tries - 1
    assert (await visitor.post(f"{ANSWERS}/code")).status_code == 204
    code = await contact.code(after=1)
    confirmation = key()
    done = [
        await visitor.post(f"{ANSWERS}/confirmation", {"code": code}, idempotency_key=confirmation) for _ in range(2)
    ]
    assert [one.status_code for one in done] == [200, 200]
    assert done[0].json() == done[1].json()
    assert done[0].json()["answers"][0]["outcome"] == "approved"
    assert (await row_of(house, request)).state == State.APPROVED
    visitor.token = None
    assert_problem(await visitor.post(f"{ANSWERS}/link", {"token": body["token"]}), 410, "authorization_approved")
    assert_problem(await visitor.post(ANSWERS, body), 410, "authorization_approved")
    assert len(await decisions_of(house, request)) == 1


async def test_B2_what_lacks_is_named_and_nothing_is_kept(house: House, service: Service, visitor: Visitor):
    request, contact = await asked(house, service)
    body = await body_of(request, contact, answers=[], name="", role="", attested=False)
    found = assert_problem(await visitor.post(ANSWERS, body), 422, "invalid_fields")
    assert [one["field"] for one in found["fields"]] == [f"answers.{request.id}", "name", "role", "attested"]
    assert await decisions_of(house, request) == []


async def test_B6_unknown_links_and_strangers_are_refused(visitor: Visitor):
    for token in ("x" * 43, ""):
        assert_problem(await visitor.post(f"{ANSWERS}/link", {"token": token}), 410, "decision_link_dead")
    for method, path in (("GET", ""), ("POST", "/code"), ("POST", "/confirmation")):
        body = {"code": "123456"} if path == "/confirmation" else None
        assert_problem(await visitor.send(method, ANSWERS + path, body=body), 401, "signed_out")


async def test_I12_no_token_stands_in_the_log(house: House, service: Service, visitor: Visitor):
    request, contact = await asked(house, service)
    link = await contact.link(request)
    with captured_logs(logging.DEBUG) as stream:
        await visitor.post(f"{ANSWERS}/link", {"token": link})
    assert "/api/v1/answers/link" in stream.getvalue()
    assert link not in stream.getvalue()
