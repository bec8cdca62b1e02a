"""Every route of the API at once: who may use it, and that looking changes nothing."""

import asyncio
import re
import uuid
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.app import create_api
from db.accounts import Access, Account, Message, RecoveryCode, SessionRow
from db.audit import AuditEntry
from db.cases import CaseEntry, CaseRow
from db.departures import ColleagueAnswer, DepartureClaim, NewcomerAnswer
from db.invitations import ColleagueChangeRow, InvitationRow
from db.registrations import Counter, Credential, IdempotencyKey, RegistrationRow
from portal import sessions
from portal.sessions import SessionKind
from tests.api.visitor import Visitor, assert_problem
from tests.house import PASSWORD, House

# Routes that nobody has to be known for, and the one that has a session of its own kind.
OPEN = {
    "start_registration",
    "send_resume_link",
    "redeem_resume_link",
    "sign_in",
    "tell_of_letters",
    "tell_of_mails",
    "follow_link",
} | {
    "show_request_to_answer",
    "begin_answers",
    "redeem_objection_code",
    "look_at_objection",
    "object_to_access",
}

BODIES: dict[str, object] = {
    "confirm_answers": {"code": "123456"},
    "confirm_email": {"code": "123456"},
    "set_billing_service_end_date": {"ends_on": "2030-06-30"},
    "decide_provider_request": {"choice": "approve", "role": "Office manager", "attested": True},
    "redeem_objection_code": {"code": "7K3M9-QXW4T"},
    "look_at_objection": {"token": "x" * 43},
    "object_to_access": {"token": "x" * 43, "name": "Jo Example", "confirmed": True},
    "list_letter_addresses": {"tin": "001234567", "vendor": "V1"},
    "request_letter": {"location_id": "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"},
    "enter_pin": {"pin": "7K3M9-QXW4T"},
    "prove_payment": {"tin": "001234567", "vendor": "V1", "document": "123", "amount": "1"},
    "register_billing_service": {"name": "Harbor Billing", "tin": "001234567"},
    "set_up_account": {"name": "Jo Example", "password": PASSWORD},
    "confirm_second_factor": {"code": "123456"},
    "confirm_sign_in": {"code": "123456"},
    "answer_for_colleagues": {"answers": [{"reason": "left"}]},
    "answer_newcomer": {"choice": "object"},
    "open_case": {"kind": "help", "telephone": "217-555-0142", "note": "I have no check at hand."},
    "answer_case": {"text": "We opened in October."},
    "change_role": {"role": "member"},
    "invite_colleague": {"access_id": "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f", "email": "kim@clinic.example.org"},
    "correct_invitation": {"email": "kim.colleague@clinic.example.org"},
    "accept_with_account": {"token": "x" * 43, "attested": True},
    "set_up_invited_account": {"name": "Kim Colleague", "password": PASSWORD, "attested": True},
    "confirm_invited_second_factor": {"code": "123456"},
    "request_access": {
        "tin": "001234567",
        "provider_name": "Northfield Clinic",
        "contact": "office@clinic.example.org",
    },
    "correct_authorization": {"contact": "office@clinic.example.org"},
    "request_again": {"contact": ""},
}


def operations(app: FastAPI) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Method, path, name and description of every route in the API's own description."""
    return [
        (method.upper(), path, operation["operationId"], operation)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.fixture(scope="session")
def api(sqlite_house: House) -> FastAPI:
    return create_api(sqlite_house.gate, site_url=sqlite_house.settings.site_url)


async def contents(house: House) -> list[object]:
    """Everything that a request could change, apart from when a session was last used."""
    tables = (
        RegistrationRow, AuditEntry, IdempotencyKey, Counter, Credential, Account, RecoveryCode, Message, Access,
        CaseRow, CaseEntry, InvitationRow, ColleagueChangeRow, ColleagueAnswer, NewcomerAnswer, DepartureClaim,
    )  # fmt: skip
    async with house.database.read() as session:
        found: list[object] = [
            sorted(str(row.model_dump()) for row in (await session.scalars(select(table))).all()) for table in tables
        ]
        found.append(
            sorted((str(row.id), str(row.revoked_at)) for row in (await session.scalars(select(SessionRow))).all())
        )
    return found


async def contents_at_rest(house: House) -> list[object]:
    """The same once nothing changes by itself any more: what earlier tests have begun may still be going on."""
    async with asyncio.timeout(20):
        found, before = await contents(house), None
        while found != before:
            await asyncio.sleep(0.2)
            found, before = await contents(house), found
    return found


def filled(path: str, **ids: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], str(uuid.uuid4())), path)


async def invited_token(house: House, invitation_id: uuid.UUID | None = None) -> str:
    """A session of an invited colleague; of an invitation that there isn't, unless one is named."""
    return await sessions.begin(house.gate, SessionKind.INVITATION, invitation_id or uuid.uuid4(), client="test")


async def test_every_route_wants_a_session_and_changes_nothing_without_one(
    api: FastAPI, house: House, visitor: Visitor
):
    before = await contents_at_rest(house)
    tried = 0
    for method, path, name, _ in operations(api):
        if name in OPEN:
            continue
        for token in (None, "x" * 43):
            visitor.token = token
            response = await visitor.send(method, filled(path), body=BODIES.get(name))
            found = assert_problem(response, 401, "signed_out")
            assert "Bearer" in response.headers["www-authenticate"], found
            tried += 1
    assert tried >= 100
    assert await contents(house) == before


async def test_every_route_refuses_a_session_of_another_kind(
    api: FastAPI, house: House, visitor: Visitor, other: Visitor
):
    await visitor.start()
    await other.signed_in(house)
    tokens = {"registration": visitor.token, "account": other.token, "invitation": await invited_token(house)}
    before = await contents_at_rest(house)
    for method, path, name, operation in operations(api):
        kinds = {kind for requirement in operation.get("security", []) for kind in requirement}
        for kind, token in tokens.items():
            if name not in OPEN and kind not in kinds:
                visitor.token = token
                response = await visitor.send(method, filled(path, registration_id=visitor.id), body=BODIES.get(name))
                assert_problem(response, 401, "signed_out")
    assert await contents(house) == before


async def test_I15_a_foreign_id_looks_like_an_unknown_one(api: FastAPI, house: House, visitor: Visitor, other: Visitor):
    stranger_token = (await visitor.signed_in(house)).token
    own_sessions = (await visitor.get("/api/v1/sessions")).json()["sessions"]
    messages = (await visitor.get("/api/v1/messages")).json()["messages"]
    organization = (await visitor.get("/api/v1/colleagues")).json()["organizations"][0]
    wanted = {"access_id": organization["inviting"][0]["access_id"], "email": f"kim.{visitor.email}"}
    invited = (await visitor.post("/api/v1/invitations", wanted)).json()
    case = (await visitor.post("/api/v1/cases", BODIES["open_case"])).json()
    foreign = {
        "registration_id": visitor.id, "session_id": own_sessions[0]["id"], "message_id": messages[0]["id"],
        "colleague_id": organization["colleagues"][0]["id"], "invitation_id": invited["id"], "case_id": case["id"],
    }  # fmt: skip
    await other.start()
    registration_token = other.token
    other.email = f"another.{other.email}"
    account_token = (await other.signed_in(house)).token
    assert account_token != stranger_token
    another_invitation = await invited_token(house)
    before, tried = await contents_at_rest(house), 0
    for method, path, name, _ in operations(api):
        if "{" not in path:
            continue
        kind = "registration" if "registration_id" in path else "invitation" if "/acceptance" in path else "account"
        other.token = {"registration": registration_token, "invitation": another_invitation}.get(kind, account_token)
        answers = [await other.send(method, filled(path, **ids), body=BODIES.get(name)) for ids in (foreign, {})]
        found = [assert_problem(answer, 404, "not_found") for answer in answers]
        for one in found:
            one.pop("request_id")
        assert found[0] == found[1]
        tried += 1
    assert tried >= 30
    # Only the keys of the requests that came as far as being remembered are new.
    after = await contents(house)
    assert [one for number, one in enumerate(after) if number != 2] == [
        one for number, one in enumerate(before) if number != 2
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_I14_looking_changes_nothing(api: FastAPI, house: House, visitor: Visitor, method: str):
    await visitor.signed_in(house)
    messages = (await visitor.get("/api/v1/messages")).json()["messages"]
    account_token = visitor.token
    visitor.email = f"another.{visitor.email}"
    await visitor.start()
    async with asyncio.timeout(10):  # until the mail has left, which is recorded
        while (await visitor.get("")).json()["code_expires_at"] is None:
            await asyncio.sleep(0.05)
    registration_token = visitor.token
    before, seen = await contents_at_rest(house), 0
    for _, path, _, _ in operations(api):
        visitor.token = registration_token if "registration_id" in path else account_token
        response = await visitor.send(method, filled(path, registration_id=visitor.id, message_id=messages[0]["id"]))
        assert response.status_code in {200, 401, 403, 404, 405, 409}, (path, response.status_code)
        seen += response.status_code == 200
        if method == "HEAD" and response.status_code == 200:
            assert int(response.headers["content-length"]) > 0
    assert seen >= 8, "most routes that can be looked at were"
    for path in ("/livez", "/readyz", "/api/docs", "/api/v1/openapi.json"):
        assert (await visitor.send(method, path)).status_code == 200
    assert await contents(house) == before


async def test_probes_and_reference_are_outside_the_description(api: FastAPI):
    paths = api.openapi()["paths"]
    assert all(path.startswith("/api/v1/") for path in paths)
    assert not {"/livez", "/readyz", "/api/docs"} & set(paths)
