"""The API against its own description: generated requests, good and bad, never find an answer that isn't described."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp

from portal import sessions
from portal.sessions import SessionKind
from tests.api.test_openapi import NAMES
from tests.api.visitor import new_clinic, visiting
from tests.house import PASSWORD, House, key

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance,
]  # fmt: skip
EXAMPLES = 5
FEW = 3  # for whoever hasn't signed in: refused before anything that is sent is looked at

# At which point of a registration each of its routes is worth trying.
STAGES = {
    "show_registration": "begun", "send_email_code": "begun", "confirm_email": "begun", "prove_payment": "confirmed",
    "withdraw_registration": "confirmed", "set_up_account": "proved", "show_second_factor": "secured",
    "confirm_second_factor": "secured", "show_recovery_codes": "registered", "report_recovery_codes_saved": "registered",
    "list_existing_accounts": "proved", "answer_for_colleagues": "proved", "show_acceptance": "invited",
    "set_up_invited_account": "invited", "show_invited_second_factor": "invited", "confirm_invited_second_factor": "invited",
    "show_invited_recovery_codes": "invited", "report_invited_recovery_codes_saved": "invited",
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody who can use every route of one kind: an id for its path, and whom the token is for."""

    kind: SessionKind
    subject: UUID


@pytest.fixture(scope="session")
async def people(app: ASGIApp, sqlite_house: House) -> dict[str, Person]:
    """A registration at each stage, and an account."""
    house = sqlite_house
    found: dict[str, Person] = {}
    stages: tuple[str, ...] = ("begun", "confirmed", "proved", "secured", "registered")
    for stage in stages:
        async with visiting(app) as visitor:
            match stage:
                case "begun":
                    await visitor.start()
                case "confirmed":
                    await visitor.confirmed(house)
                case "proved" | "secured":
                    await visitor.proved(house, await new_clinic(house))
                    if stage == "secured":
                        await visitor.post("account", {"name": "Jo Example", "password": PASSWORD})
                case "registered":
                    await visitor.registered(house, await new_clinic(house))
            found[stage] = Person(SessionKind.REGISTRATION, UUID(visitor.id))
            if stage == "registered":
                await visitor.sign_in((await visitor.get("recovery-codes")).json()["codes"][0])
                account = await visitor.get("/api/v1/account")
                found["account"] = Person(SessionKind.ACCOUNT, UUID(account.json()["id"]))
                organizations = (await visitor.get("/api/v1/colleagues")).json()["organizations"]
                wanted = {"access_id": organizations[0]["inviting"][0]["access_id"], "email": f"kim.{visitor.email}"}
                invited = await visitor.post("/api/v1/invitations", wanted)
                found["invited"] = Person(SessionKind.INVITATION, UUID(invited.json()["id"]))
                found["pending"] = Person(SessionKind.SECOND_FACTOR, found["account"].subject)
    return found


@pytest.fixture(scope="session")
async def schema(address: str) -> Any:
    loaded = await asyncio.to_thread(schemathesis.openapi.from_url, f"{address}/api/v1/openapi.json")
    loaded.config.update(base_url=address)
    # Too large is refused as well as malformed: the limits of a body's fields lie closely below that of the body.
    loaded.config.checks.negative_data_rejection.expected_statuses.append("413")
    return loaded


def fire(schema: Any, operation_id: str, *, token: str | None, path: dict[str, str]) -> int:
    """Send generated requests to one route; in a thread, because the server runs in this process's loop."""
    operation = schema.find_operation_by_id(operation_id)
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    sent = 0

    def limited(mode: schemathesis.GenerationMode) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
        given_parts: dict[str, Any] = {}
        if all(f"{{{name}}}" in operation.path for name in path):
            given_parts["path_parameters"] = path
        if mode.is_negative and list(operation.body):  # what is bad is the body then, not the key
            given_parts["headers"] = {"Idempotency-Key": key()}
        strategy = operation.as_strategy(generation_mode=mode, **given_parts)
        generated = settings(
            max_examples=EXAMPLES if token else FEW, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        return lambda test: generated(given(case=strategy)(test))

    @limited(schemathesis.GenerationMode.POSITIVE)
    def good(case: Any) -> None:
        nonlocal sent
        if case.method == "POST":
            case.headers["Idempotency-Key"] = key()
        case.call_and_validate(headers=authorization, checks=CHECKS)
        sent += 1

    @limited(schemathesis.GenerationMode.NEGATIVE)
    def bad(case: Any) -> None:
        nonlocal sent
        # Under another name the site answers nobody, whatever is sent: that is tried in test_edge.py.
        case.headers = {name: value for name, value in case.headers.items() if name.lower() != "host"}
        case.call_and_validate(headers=authorization, checks=[*CHECKS, negative_data_rejection])
        sent += 1

    good()
    if list(operation.body) or list(operation.query) or operation.method == "post":
        bad()
    return sent


# The calls of the print shop and the mail relay have a raw, signed body and no schema to break: tests/api/test_print_shop.py
# and tests/mail_reports break them by hand.
@pytest.mark.parametrize("operation_id", [name for name in NAMES if name not in {"tell_of_letters", "tell_of_mails"}])
@pytest.mark.parametrize("known", [True, False], ids=["signed_in", "nobody"])
async def test_no_generated_request_finds_an_undescribed_answer(
    schema: Any, people: dict[str, Person], house: House, operation_id: str, known: bool
):
    stage = STAGES.get(operation_id, "pending" if operation_id == "confirm_sign_in" else "account")
    person = people[stage]
    token = await sessions.begin(house.gate, person.kind, person.subject, client="test") if known else None
    path = {"invitation_id" if stage == "invited" else "registration_id": str(person.subject)}
    assert await asyncio.to_thread(fire, schema, operation_id, token=token, path=path) > 0
