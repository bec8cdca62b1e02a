"""Signing in and out, and the sessions that are open."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, status

from api.dependencies import Caller, ClientName, GateDep, Key, NoBody, PendingSignIn, SignedIn
from api.models import (
    PendingSession,
    SecondFactorRequest,
    SessionAnswer,
    SessionsAnswer,
    SignedInAnswer,
    SignInRequest,
)
from api.problems import problems
from api.registrations import POSTED
from portal import sessions
from portal.gate import remember_key
from portal.repeating import confirm_sign_in_once, sign_in_once

router = APIRouter(prefix="/api/v1/sessions", tags=["Signing in"])


@router.post(
    "", summary="Sign in with address and password", status_code=status.HTTP_201_CREATED,
    responses=problems(*POSTED, "sign_in_failed", "too_many_tries"),
)  # fmt: skip
async def sign_in(body: SignInRequest, gate: GateDep, key: Key, caller: Caller, client: ClientName) -> PendingSession:
    """The first half: the token that comes back only lets you enter the second factor. Every request counts as a try."""
    token = await sign_in_once(gate, email=body.email, password=body.password, key=key, caller=caller, client=client)
    return PendingSession(token=token)


@router.post(
    "/second-factor", summary="Enter the second factor", status_code=status.HTTP_201_CREATED,
    responses=problems(*POSTED, "signed_out", "cross_site", "second_factor_wrong", "too_many_tries"),
)  # fmt: skip
async def confirm_sign_in(
    body: SecondFactorRequest, pending: PendingSignIn, gate: GateDep, key: Key, client: ClientName
) -> SignedInAnswer:
    """The second half: each code works once; the same request sent again gets the same token."""
    return SignedInAnswer(
        token=await confirm_sign_in_once(gate, pending_token=pending, code=body.code, key=key, client=client)
    )


@router.get("", summary="List the sessions that are open", responses=problems("signed_out"))
async def list_sessions(principal: SignedIn, gate: GateDep) -> SessionsAnswer:
    """The most recently used first."""
    opened = await sessions.list_open(gate, principal)
    return SessionsAnswer(sessions=[SessionAnswer.of(one, principal) for one in opened])


@router.delete(
    "/current",
    summary="Sign out",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems("signed_out", "cross_site"),
)
async def sign_out(principal: SignedIn, gate: GateDep) -> None:
    """Ends the session that this request came with."""
    await sessions.end(gate, principal)


@router.delete(
    "/{session_id}", summary="End one session", status_code=status.HTTP_204_NO_CONTENT,
    responses=problems("signed_out", "cross_site", "not_found"),
)  # fmt: skip
async def revoke_session(
    session_id: Annotated[UUID, Path(description="The session's id.")], principal: SignedIn, gate: GateDep
) -> None:
    """One of your own; one that has ended is unknown."""
    await sessions.revoke(gate, principal, session_id)


@router.post(
    "/revoke-others", summary="End all sessions but this one", status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(*POSTED, "signed_out", "cross_site"), dependencies=[NoBody],
)  # fmt: skip
async def revoke_other_sessions(principal: SignedIn, gate: GateDep, key: Key) -> None:
    """For when a browser was left signed in somewhere."""
    await remember_key(gate, scope=f"{principal.subject_id}/revoke-others", key=key, body="")
    await sessions.revoke_others(gate, principal)
