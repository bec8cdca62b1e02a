"""What routes ask for: the gate, who calls, with which session, under which idempotency key."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ops.http import client_in_words, facts, same_origin
from portal import sessions, staff
from portal.cases import CaseParty
from portal.gate import Gate
from portal.refusals import FieldDefect, Refusal
from portal.sessions import Principal, SessionKind
from portal.staff import StaffMember


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


def _caller(request: Request) -> str:
    return facts(request.scope).caller


def _client(request: Request) -> str:
    return client_in_words(request.headers.get("user-agent", ""))


def _key(
    request: Request,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            description="Names this request: sent again with the same body it's done once and answered the same.",
            min_length=16,
            max_length=64,
            pattern="^[A-Za-z0-9_-]+$",
            examples=["0d4f5a5e-3c1b-4c86-9f0e-0f6f4f6f1c9a"],
        ),
    ],
) -> str:
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise Refusal("idempotency_key_malformed")
    return key


async def _no_body(request: Request) -> None:
    if (await request.body()).strip() not in {b"", b"{}"}:
        raise Refusal(
            "invalid_fields",
            fields=(FieldDefect("body", "unknown_field", "This request has no fields; send no body."),),
        )


GateDep = Annotated[Gate, Depends(_gate)]
Caller = Annotated[str, Depends(_caller)]
"""The network address that limits count by."""
ClientName = Annotated[str, Depends(_client)]
"""The caller's browser or program in words."""
Key = Annotated[str, Depends(_key)]
NoBody = Depends(_no_body)

_registration_bearer = HTTPBearer(
    scheme_name="registration",
    auto_error=False,
    description="The token that began a registration or redeemed a resume link.",
)
_sign_in_bearer = HTTPBearer(
    scheme_name="pending_sign_in",
    auto_error=False,
    description="The token of a sign-in that waits for its second factor.",
)
_account_bearer = HTTPBearer(scheme_name="account", auto_error=False, description="The token of a signed-in person.")

_invitation_bearer = HTTPBearer(
    scheme_name="invitation", auto_error=False, description="The token that following an invitation's link gave."
)

_sitting_bearer = HTTPBearer(
    scheme_name="sitting", auto_error=False, description="The token that answering a request gave."
)

_Bearer = HTTPAuthorizationCredentials | None


def _token(request: Request, bearer: _Bearer, cookie: str) -> str | None:
    """The caller's token; from a cookie only when our own site sends it."""
    if "authorization" in request.headers:  # one that can't be read isn't overlooked in favour of a cookie
        return bearer.credentials if bearer else None
    token = request.cookies.get(cookie)
    if token is not None and not same_origin(request, request.app.state.site_url):
        raise Refusal("cross_site")
    return token


async def _own_registration_session(
    request: Request,
    gate: GateDep,
    registration_id: Annotated[UUID, Path(description="The registration's id.")],
    bearer: Annotated[_Bearer, Depends(_registration_bearer)],
) -> Principal:
    token = _token(request, bearer, request.app.state.cookies.registration)
    principal = await sessions.authenticate(gate, token, SessionKind.REGISTRATION)
    if principal.subject_id != registration_id:
        raise Refusal("not_found")  # a foreign one looks like an unknown one (I15)
    return principal


async def _own_registration(principal: Annotated[Principal, Depends(_own_registration_session)]) -> UUID:
    return principal.subject_id


async def _own_invitation(
    request: Request,
    gate: GateDep,
    invitation_id: Annotated[UUID, Path(description="The invitation's id.")],
    bearer: Annotated[_Bearer, Depends(_invitation_bearer)],
) -> Principal:
    token = _token(request, bearer, request.app.state.cookies.invitation)
    principal = await sessions.authenticate(gate, token, SessionKind.INVITATION)
    if principal.subject_id != invitation_id:
        raise Refusal("not_found")  # a foreign one looks like an unknown one (I15)
    return principal


def _pending_sign_in(request: Request, bearer: Annotated[_Bearer, Depends(_sign_in_bearer)]) -> str | None:
    return _token(request, bearer, request.app.state.cookies.sign_in)


async def _signed_in(
    request: Request, gate: GateDep, bearer: Annotated[_Bearer, Depends(_account_bearer)]
) -> Principal:
    token = _token(request, bearer, request.app.state.cookies.account)
    return await sessions.authenticate(gate, token, SessionKind.ACCOUNT)


async def _own_sitting(
    request: Request, gate: GateDep, bearer: Annotated[_Bearer, Depends(_sitting_bearer)]
) -> Principal:
    token = _token(request, bearer, request.app.state.cookies.sitting)
    return await sessions.authenticate(gate, token, SessionKind.SITTING)


OwnRegistration = Annotated[UUID, Depends(_own_registration)]
"""The id of the registration in the address, once the caller has shown a session of it."""
OwnRegistrationSession = Annotated[Principal, Depends(_own_registration_session)]
"""Like `OwnRegistration`, with the session that the caller has shown."""
OwnInvitation = Annotated[Principal, Depends(_own_invitation)]
"""The invited colleague, once they have shown a session of the invitation in the address."""
OwnSitting = Annotated[Principal, Depends(_own_sitting)]
"""The business contact who has answered, once they have shown a session of their sitting."""
PendingSignIn = Annotated[str | None, Depends(_pending_sign_in)]
"""The token of a sign-in that waits for its second factor; not looked at yet."""
SignedIn = Annotated[Principal, Depends(_signed_in)]


async def _case_owner(
    request: Request,
    gate: GateDep,
    account: Annotated[_Bearer, Depends(_account_bearer)],
    registration: Annotated[_Bearer, Depends(_registration_bearer)],
) -> CaseParty:
    cookies = request.app.state.cookies
    try:
        token = _token(request, account, cookies.account)
        return CaseParty.of(await sessions.authenticate(gate, token, SessionKind.ACCOUNT))
    except Refusal as refusal:
        if refusal.code != "signed_out":
            raise
    token = _token(request, registration, cookies.registration)
    return CaseParty.of(await sessions.authenticate(gate, token, SessionKind.REGISTRATION))


def _pending_staff(request: Request, bearer: Annotated[_Bearer, Depends(_account_bearer)]) -> str | None:
    return _token(request, bearer, request.app.state.cookies.staff_sign_in)


async def _staff(request: Request, gate: GateDep, bearer: Annotated[_Bearer, Depends(_account_bearer)]) -> StaffMember:
    return await staff.authenticate(gate, _token(request, bearer, request.app.state.cookies.staff))


CaseOwner = Annotated[CaseParty, Depends(_case_owner)]
"""Whose cases these are: the account that is signed in, or else the registration that is gone on with."""
PendingStaff = Annotated[str | None, Depends(_pending_staff)]
"""Like `PendingSignIn`, for staff."""
Staff = Annotated[StaffMember, Depends(_staff)]
"""The member of staff who calls; for anybody else there is nothing here (404)."""
