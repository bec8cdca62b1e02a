"""The description is complete enough to write a client from, and its page shows all of it."""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI

from api.app import create_api
from api.models import OPEN_STEPS
from api.problems import STATUS
from domain import colleagues, departure, invitation
from domain.answers import ANSWERS
from domain.registration import Code, State
from tests.api.visitor import Visitor
from tests.house import House

NAMES = [
    "accept_with_account",
    "answer_case",
    "answer_for_colleagues",
    "answer_newcomer",
    "begin_answers",
    "cancel_authorization",
    "cancel_invitation",
    "change_role",
    "confirm_answers",
    "confirm_email",
    "confirm_invited_second_factor",
    "confirm_second_factor",
    "confirm_sign_in",
    "continue_authorization_list",
    "correct_authorization",
    "correct_invitation",
    "decide_provider_request",
    "enter_pin",
    "follow_link",
    "get_rejected_lines",
    "hold_billing_service",
    "invite_colleague",
    "list_access",
    "list_additions",
    "list_authorizations",
    "list_billing_services",
    "list_cases",
    "list_colleagues",
    "list_departures",
    "list_existing_accounts",
    "list_invitations",
    "list_letter_addresses",
    "list_letters",
    "list_messages",
    "list_newcomers",
    "list_provider_requests",
    "list_sessions",
    "look_at_objection",
    "mark_message_read",
    "object_to_access",
    "open_case",
    "prove_payment",
    "reconsider",
    "redeem_objection_code",
    "redeem_resume_link",
    "register_billing_service",
    "remove_colleague",
    "report_invited_recovery_codes_saved",
    "report_recovery_codes_saved",
    "request_access",
    "request_again",
    "request_letter",
    "resend_authorization",
    "resend_invitation",
    "resume_billing_service",
    "revoke_billing_service",
    "revoke_other_sessions",
    "revoke_session",
    "send_answer_code",
    "send_authorization_list",
    "send_email_code",
    "send_resume_link",
    "set_billing_service_end_date",
    "set_up_account",
    "set_up_invited_account",
    "show_acceptance",
    "show_account",
    "show_answers",
    "show_authorization",
    "show_authorization_list",
    "show_billing_service",
    "show_case",
    "show_invitation",
    "show_invited_recovery_codes",
    "show_invited_second_factor",
    "show_message",
    "show_newcomer",
    "show_provider_request",
    "show_recovery_codes",
    "show_registration",
    "show_request_to_answer",
    "show_second_factor",
    "sign_in",
    "sign_out",
    "start_addition",
    "start_registration",
    "tell_of_letters",
    "tell_of_mails",
    "withdraw_case",
    "withdraw_departure",
    "withdraw_registration",
]


# The print shop's and the mail relay's calls are signed and repeated by them: they bring no key.
WITHOUT_KEY = {"tell_of_letters", "tell_of_mails"}


@pytest.fixture(scope="session")
def description(sqlite_house: House) -> dict[str, Any]:
    app: FastAPI = create_api(sqlite_house.gate, site_url="https://portal.example.org")
    return app.openapi()


def each(description: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def test_names_of_operations_are_stable(description: dict[str, Any]):
    assert sorted(operation["operationId"] for _, _, operation in each(description)) == NAMES


def test_every_route_says_what_it_does_needs_and_answers(description: dict[str, Any]):
    for method, path, operation in each(description):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        problems = {
            code
            for answer in operation["responses"].values()
            for code in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
        }
        assert {"internal_error", "unavailable"} <= problems, where
        if operation.get("security"):
            assert "signed_out" in problems, where
            assert len(operation["security"]) in {2, 4}, f"{where} takes bearer tokens or cookies, of one or two kinds"
        if "{" in path:
            assert "not_found" in problems, where
        if method == "post" and operation["operationId"] not in WITHOUT_KEY:
            assert {
                "idempotency_key_missing",
                "idempotency_key_malformed",
                "key_reused",
                "body_too_large",
            } <= problems, where
            assert any(one["name"] == "Idempotency-Key" and one["required"] for one in operation["parameters"]), where
        if method != "get" and operation.get("security"):
            assert "cross_site" in problems, where
        assert "HTTPValidationError" not in str(operation), where


def test_every_request_and_answer_has_an_example_that_fits(description: dict[str, Any]):
    seen = 0
    for method, path, operation in each(description):
        parts = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media_type, content in ((kind, one) for part in parts for kind, one in part.get("content", {}).items()):
            examples = (
                [content["example"]] if "example" in content else [one["value"] for one in content["examples"].values()]
            )
            schema = {**content["schema"], "components": description["components"]}
            check = jsonschema_rs.validator_for(schema, validate_formats=True)
            for example in examples:
                check.validate(example)
                seen += 1
            assert examples, f"{method} {path} {media_type}"
    assert seen > 200


def test_every_object_is_closed(description: dict[str, Any]):
    for name, schema in description["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name


def test_every_code_has_a_status_and_words():
    assert set(STATUS) <= set(ANSWERS)
    for codes in (Code, colleagues.Code, departure.Code, invitation.Code):
        assert {str(code) for code in codes} - {"ok"} <= set(STATUS), codes
    assert set(OPEN_STEPS) == set(State)
    assert {f"registration_{state}" for state in State if state.is_final} <= set(STATUS)


def test_cookies_are_bound_to_the_host_over_https(description: dict[str, Any]):
    schemes = description["components"]["securitySchemes"]
    assert schemes["account_cookie"]["name"] == "__Host-gatehouse_session"
    assert {one["type"] for one in schemes.values()} == {"http", "apiKey"}


async def test_the_reference_page_shows_everything_and_loads_nothing_from_elsewhere(
    visitor: Visitor, description: dict[str, Any]
):
    response = await visitor.get("/api/docs")
    page = response.text
    assert "script" not in response.headers["content-security-policy"]
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "<script" not in page
    assert "`" not in page  # no Markdown is left
    assert "either this or <code>npi</code>" in page
    assert "style=" not in page
    for _, path, operation in each(description):
        assert f'id="{operation["operationId"]}"' in page
        assert path in page
    for code in STATUS:
        assert f'id="{code}"' in page
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert all(link.startswith(("#", "/api/")) for link in links)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    for link in {link for link in links if link.startswith("/")}:
        assert (await visitor.get(link)).status_code == 200


def test_the_documentation_lists_every_code():
    text = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    listed = text.partition("<!-- problems -->")[2].partition("<!-- /problems -->")[0]
    assert listed.strip() == problems_table()


def problems_table() -> str:
    """The table of codes by status, as `docs/api.md` has it."""
    by_status = sorted(
        {status: [code for code in sorted(STATUS) if STATUS[code] == status] for status in STATUS.values()}.items()
    )
    head = "| status | codes |\n|---|---|\n"
    return head + "\n".join(f"| {status} | {', '.join(f'`{code}`' for code in codes)} |" for status, codes in by_status)
