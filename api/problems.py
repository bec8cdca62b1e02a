"""The one table of errors: which code is which HTTP status, and how a problem (RFC 9457) is written."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.answers import ANSWERS
from domain.ports import RecordsUnavailable
from domain.registration import State
from ops.http import facts
from portal.refusals import FieldDefect, Refusal

MEDIA_TYPE: Final = "application/problem+json"
DOCS: Final = "/api/docs"

STATUS: Final[Mapping[str, int]] = {
    # The request itself.
    "bad_request": 400,
    "malformed_body": 400,
    "idempotency_key_missing": 400,
    "idempotency_key_malformed": 400,
    "webhook_unreadable": 400,
    "cross_site": 403,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "body_too_large": 413,
    "wrong_host": 421,
    "unsupported_media_type": 415,
    "invalid_fields": 422,
    "key_reused": 422,  # as draft-ietf-httpapi-idempotency-key-header has it
    # Who asks, and for what.
    "signed_out": 401,
    "sign_in_failed": 401,
    "webhook_forged": 401,
    "not_found": 404,
    # The step was looked at, and the answer is no.
    "code_wrong": 422,
    "code_expired": 422,
    "code_tries_used": 422,
    "payment_no_match": 422,
    "tin_is_provider": 422,
    "name_is_organization": 422,
    "name_needs_attestation": 422,
    "second_factor_wrong": 422,
    "organization_no_match": 422,
    "pin_wrong": 422,
    "pin_expired": 422,
    "pin_letters_locked": 422,
    # It would be right at another time or in another state.
    "wrong_state": 409,
    "email_taken": 409,
    "no_usable_address": 409,
    "pin_tries_used": 409,
    "access_open_already": 409,
    "too_many_open": 409,
    "account_closed": 409,
    "proof_no_longer_good": 409,
    "billing_service_registered": 409,
    "second_factor_unconfirmed": 409,
    "codes_limit": 429,
    "payment_paused": 429,
    "look_up_paused": 429,
    "payment_letter_only": 429,
    "too_many_tries": 429,
    "letters_limit": 429,
    "pin_paused": 429,
    # It's over for good.
    "registration_completed": 410,
    "registration_expired": 410,
    "registration_locked": 410,
    "registration_rejected": 410,
    "registration_withdrawn": 410,
    "link_dead": 410,
    # Colleagues and invitations.
    "not_administrator": 403,
    "already_colleague": 409,
    "invitation_link_needed": 409,
    "invitation_open": 409,
    "invitee_bills": 409,
    "invitations_open_limit": 409,
    "invitation_resend_limit": 409,
    "invitation_has_account": 409,
    "invitation_other_address": 409,
    "colleague_gone": 409,
    "last_administrator": 409,
    "last_account": 409,
    "invitation_accepted": 410,
    "invitation_expired": 410,
    "invitation_cancelled": 410,
    "invitation_inviter_left": 410,
    "invitation_link_dead": 410,
    "invitations_limit": 429,
    "invitation_resend_pause": 429,
    "newcomer_waits": 429,
    # What a provider does about billing services.
    "grant_unchanged": 409,
    "decision_own_request": 409,
    "grant_end_date": 422,
    "objection_code_unknown": 422,
    "grant_ended": 410,
    "objection_link_dead": 410,
    # Support cases and staff.
    "case_open": 409,
    "case_wrong_state": 409,
    "case_not_in_directory": 409,
    "case_wrong_kind": 409,
    "case_staff_unknown": 409,
    "case_not_yours": 409,
    "case_no_proposal": 409,
    "case_same_person": 409,
    "case_access_exists": 409,
    "case_evidence_missing": 409,
    "staff_exists": 409,
    "case_over": 410,
    # Departures.
    "colleagues_unanswered": 409,
    "notice_sign_in": 403,
    "departure_open": 409,
    "departure_over": 410,
    "notice_link_dead": 410,
    # Answering a billing service's request.
    "answer_link_needed": 409,
    "authorization_approved": 410,
    "authorization_declined": 410,
    "authorization_expired": 410,
    "authorization_cancelled": 410,
    "authorization_stopped": 410,
    "authorization_contact_changed": 410,
    "decision_link_dead": 410,
    # Asking for access.
    "not_billing_service": 403,
    "contact_own_person": 422,
    "contact_own_domain": 422,
    "contact_unchanged": 422,
    "authorization_own_tin": 422,
    "authorization_open": 409,
    "authorization_granted": 409,
    "authorizations_open_limit": 409,
    "authorization_resend_limit": 409,
    "authorization_corrections_limit": 409,
    "authorization_in_review": 409,
    "authorization_decided": 409,
    "authorization_not_in_review": 409,
    "contact_review_same_person": 409,
    "contact_review_changed": 409,
    "billing_proposal_waiting": 409,
    "billing_proposal_over": 410,
    "authorization_cool_down": 429,
    "authorization_contact_limit": 429,
    "authorizations_limit": 429,
    "decision_tries_used": 409,
    "authorization_resend_pause": 429,
    # Our side.
    "internal_error": 500,
    "unavailable": 503,
}

_RETRY_WHEN_UNKNOWN: Final[Mapping[int, int]] = {429: 60, 503: 5}

# What HTTP itself refuses, by status; anything else that isn't in the table is a bad request or our own failure.
_OF_HTTP: Final[Mapping[int, str]] = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}

_DEFECTS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("missing", "This field is missing."),
    "extra_forbidden": ("unknown_field", "There is no field of this name here."),
    "string_type": ("wrong_type", "This must be text in quotation marks."),
    "string_unicode": ("characters", "This holds characters that aren't text."),
    "string_too_short": ("too_short", "This is empty or too short."),
    "string_too_long": ("too_long", "This is too long."),
    "bool_type": ("wrong_type", "This must be true or false."),
    "enum": ("unknown_value", "This isn't one of the possible values."),
    "literal_error": ("unknown_value", "This isn't one of the possible values."),
    "model_attributes_type": ("wrong_type", "The body must be one JSON object."),
    "model_type": ("wrong_type", "The body must be one JSON object."),
    "dict_type": ("wrong_type", "The body must be one JSON object."),
}


class FieldProblem(BaseModel):
    """A field that can't be meant."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(description="The field's name in the request.")
    code: str = Field(description="Stable name of the defect.")
    message: str = Field(description="The defect in plain words.")


class Problem(BaseModel):
    """Why a request wasn't done, and what to do now (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Address of this problem's description.")
    title: str = Field(description="The problem in short.")
    status: int = Field(description="The HTTP status, repeated.")
    detail: str = Field(description="The answer in plain words.")
    code: str = Field(description="Stable name of the problem; branch on this.")
    next: list[str] = Field(description="What can be done now, the best first.")
    request_id: str = Field(description="Name of this request in our logs; tell it when you ask for help.")
    state: State | None = Field(None, description="Where the registration stands, if it's about one.")
    retry_at: datetime | None = Field(None, description="When it may be tried again, if that's known.")
    tries_left: int | None = Field(None, description="How many tries are left, if they're counted.")
    fields: list[FieldProblem] | None = Field(None, description="Every field that can't be meant.")
    standing_id: str | None = Field(None, description="The request of yours that stands in the way, if one does.")


def problem(request: Request, refusal: Refusal, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to a request that is refused."""
    status = STATUS[refusal.code]
    content = describe(refusal, site_url=request.app.state.site_url, request_id=facts(request.scope).request_id)
    return JSONResponse(
        content, status, headers={**_headers(refusal, status), **(headers or {})}, media_type=MEDIA_TYPE
    )


def describe(refusal: Refusal, *, site_url: str, request_id: str) -> dict[str, Any]:
    """The refusal as a problem's JSON; what isn't known is left out."""
    answer = refusal.answer
    content = {
        "type": f"{site_url}{DOCS}#{refusal.code}",
        "title": answer.title,
        "status": STATUS[refusal.code],
        "detail": answer.detail,
        "code": refusal.code,
        "next": list(answer.next_steps),
        "request_id": request_id,
        "state": refusal.state,
        "retry_at": refusal.retry_at.astimezone(UTC).isoformat().replace("+00:00", "Z") if refusal.retry_at else None,
        "tries_left": refusal.tries_left,
        "fields": [{"field": defect.field, "code": defect.code, "message": defect.message} for defect in refusal.fields]
        or None,
        "standing_id": refusal.standing_id,
    }
    return {name: value for name, value in content.items() if value is not None}


def _headers(refusal: Refusal, status: int) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": 'Bearer realm="gatehouse"'}
    if status not in _RETRY_WHEN_UNKNOWN:
        return {}
    wait_s: float = _RETRY_WHEN_UNKNOWN[status]
    if refusal.retry_at is not None:
        wait_s = max((refusal.retry_at - datetime.now(UTC)) / timedelta(seconds=1), 1)
    return {"Retry-After": str(math.ceil(wait_s))}


def add_problems(app: FastAPI) -> None:
    """Have the application answer everything that goes wrong with a problem."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> JSONResponse:
        return problem(request, refusal)

    @app.exception_handler(RecordsUnavailable)
    async def unavailable(request: Request, _error: RecordsUnavailable) -> JSONResponse:
        return problem(request, Refusal("unavailable"))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(request, _invalid(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        fallback = "bad_request" if error.status_code < 500 else "internal_error"
        return problem(request, Refusal(_OF_HTTP.get(error.status_code, fallback)), headers=error.headers)

    @app.exception_handler(Exception)
    async def failed(request: Request, _error: Exception) -> JSONResponse:
        return problem(request, Refusal("internal_error"))


def answering(code: str, app: FastAPI) -> ASGIApp:
    """An application that answers everything with one problem, in the name of `app`."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request({**scope, "app": app}, receive)
        await problem(request, Refusal(code))(scope, receive, send)

    return answer


def _invalid(error: RequestValidationError) -> Refusal:
    """What FastAPI found wrong, as a refusal; nothing of what was sent is in it."""
    found = error.errors()
    if any(one["loc"][0] == "path" for one in found):
        return Refusal("not_found")  # an id of another form is an unknown one (I15)
    for one in found:
        if one["loc"][0] == "header":
            return Refusal("idempotency_key_missing" if one["type"] == "missing" else "idempotency_key_malformed")
    return Refusal("invalid_fields", fields=tuple(_defect(one) for one in found))


def _defect(one: Mapping[str, Any]) -> FieldDefect:
    where = str(one["loc"][1]) if len(one["loc"]) > 1 else "body"
    # A field that we don't know is named by the caller: only what looks like a name is said back.
    name = where if re.fullmatch(r"[A-Za-z_]{1,40}", where) else "unknown"
    code, message = _DEFECTS.get(one["type"], ("invalid", "This can't be read."))
    return FieldDefect(name, code, message)


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The problems of a route for its OpenAPI description, an example of each."""
    described: dict[int | str, dict[str, Any]] = {}
    for code in sorted({*codes, "internal_error", "unavailable"}, key=lambda code: (STATUS[code], code)):
        status, answer = STATUS[code], ANSWERS[code]
        entry = described.setdefault(
            status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        entry["description"] = "; ".join(filter(None, [entry["description"], f"`{code}`: {answer.title}"]))
        entry["content"][MEDIA_TYPE]["examples"][code] = {"summary": answer.title, "value": _example(code)}
        if status in _RETRY_WHEN_UNKNOWN:
            entry["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return described


def _example(code: str) -> dict[str, Any]:
    later = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
    refusal = Refusal(
        code,
        state=State(code.removeprefix("registration_")) if code.startswith("registration_") else _STATES.get(code),
        retry_at=later if STATUS[code] == 429 else None,
        tries_left=3
        if code
        in {
            "code_wrong",
            "payment_no_match",
            "tin_is_provider",
            "second_factor_wrong",
            "organization_no_match",
            "pin_wrong",
        }
        else None,
        fields=(FieldDefect("name", "missing", "This field is missing."),) if code == "invalid_fields" else (),
    )
    return describe(refusal, site_url="https://portal.example.org", request_id="5f0c1d2e3a4b5c6d")


_STATES: Final[Mapping[str, State]] = {
    "code_wrong": State.CONFIRMING_EMAIL,
    "code_expired": State.CONFIRMING_EMAIL,
    "code_tries_used": State.CONFIRMING_EMAIL,
    "codes_limit": State.CONFIRMING_EMAIL,
    "payment_no_match": State.PROVING,
    "tin_is_provider": State.PROVING,
    "billing_service_registered": State.PROVING,
    "payment_paused": State.PROVING,
    "payment_letter_only": State.PROVING,
    "look_up_paused": State.PROVING,
    "organization_no_match": State.PROVING,
    "no_usable_address": State.PROVING,
    "letters_limit": State.PROVING,
    "access_open_already": State.PROVING,
    "account_closed": State.PROVING,
    "pin_wrong": State.AWAITING_PIN,
    "pin_expired": State.AWAITING_PIN,
    "pin_paused": State.AWAITING_PIN,
    "pin_letters_locked": State.PROVING,
    "pin_tries_used": State.PROVING,
    "proof_no_longer_good": State.PROVING,
    "wrong_state": State.PROVING,
    "name_is_organization": State.SETTING_UP_ACCOUNT,
    "name_needs_attestation": State.SETTING_UP_ACCOUNT,
}
