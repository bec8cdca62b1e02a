"""Accepting an invitation: exchange the link, choose name, password and second factor; or accept with one's account."""
# ruff: noqa: FAST003 - `OwnInvitation` reads the invitation's id and holds it against the session.

from typing import Final

from fastapi import APIRouter, status

from api.colleague_models import (
    AcceptRequest,
    InvitationDone,
    InviteeAnswer,
    InviteeRequest,
    LinkFollowed,
    LinkRequest,
)
from api.colleagues import accepted
from api.dependencies import ClientName, GateDep, Key, NoBody, OwnInvitation, SignedIn
from api.models import CodeRequest, RecoveryCodesAnswer, SecondFactorAnswer
from api.problems import problems
from api.registrations import POSTED
from portal import accepting
from portal.gate import remember_key

router = APIRouter(prefix="/api/v1/invitations", tags=["Colleagues"])

_OWN: Final = ("signed_out", "not_found")
_OVER: Final = ("invitation_accepted", "invitation_expired", "invitation_cancelled", "invitation_inviter_left")
_STEP: Final = (*POSTED, *_OWN, *_OVER, "cross_site", "invitation_has_account")


@router.post(
    "/redeem", summary="Exchange an invitation's link for a token", responses=problems(*POSTED, *_OVER, "invitation_link_dead")
)  # fmt: skip
async def follow_link(body: LinkRequest, gate: GateDep, key: Key, client: ClientName) -> LinkFollowed:
    """Opens nothing yet. A link works until its invitation ends."""
    await remember_key(gate, scope="invitation-links", key=key, body=body.token)
    session_token = gate.vault.digest("invitation-token", f"{key}\0{body.token}")
    invitation_id, token = await accepting.follow_link(gate, link_token=body.token, client=client, token=session_token)
    return LinkFollowed(id=invitation_id, token=token)


@router.post(
    "/accept", summary="Accept with the account you are signed in with",
    responses=problems(*POSTED, *_OVER, "signed_out", "cross_site", "invitation_link_dead", "invitation_other_address"),
)  # fmt: skip
async def accept_with_account(body: AcceptRequest, principal: SignedIn, gate: GateDep, key: Key) -> InvitationDone:
    """Adds the organization to your account, if the invitation is for its address."""
    invitation_id, result = await accepting.accept_link_with_account(
        gate, principal, link_token=body.token, attested=body.attested, key=key
    )
    return InvitationDone(id=invitation_id, state=accepted(result).state)


@router.get("/{invitation_id}/acceptance", summary="See what you are invited to", responses=problems(*_OWN))
async def show_acceptance(invitee: OwnInvitation, gate: GateDep) -> InviteeAnswer:
    """As the invited colleague, after following the link."""
    return InviteeAnswer.of(await accepting.view_as_invitee(gate, invitee.subject_id))


@router.post(
    "/{invitation_id}/acceptance/account", summary="Choose your account's name and password",
    responses=problems(*_STEP, "name_is_organization", "name_needs_attestation"),
)  # fmt: skip
async def set_up_invited_account(
    invitee: OwnInvitation, body: InviteeRequest, gate: GateDep, key: Key
) -> InvitationDone:
    """May be done again until the second factor is confirmed; each time there is a new second factor."""
    result = await accepting.set_up_account(
        gate,
        invitee.subject_id,
        name=body.name,
        password=body.password,
        attested=body.attested,
        attests_own_name=body.attests_own_name,
        key=key,
    )
    return InvitationDone(id=invitee.subject_id, state=accepted(result).state)


@router.get(
    "/{invitation_id}/acceptance/second-factor", summary="Get the key for an authenticator app",
    responses=problems(*_OWN, *_OVER, "second_factor_unconfirmed"),
)  # fmt: skip
async def show_invited_second_factor(invitee: OwnInvitation, gate: GateDep) -> SecondFactorAnswer:
    """Only while the second factor waits to be confirmed."""
    factor = await accepting.second_factor(gate, invitee.subject_id)
    return SecondFactorAnswer(secret=factor.secret, uri=factor.uri)


@router.post(
    "/{invitation_id}/acceptance/second-factor", summary="Confirm the second factor: the invitation is accepted",
    responses=problems(*_STEP, "second_factor_wrong", "second_factor_unconfirmed", "too_many_tries"),
)  # fmt: skip
async def confirm_invited_second_factor(
    invitee: OwnInvitation, body: CodeRequest, gate: GateDep, key: Key
) -> InvitationDone:
    """The right code makes the account and opens its access at once."""
    result = await accepting.confirm_second_factor(
        gate, invitee.subject_id, code=body.code, session_id=invitee.session_id, key=key
    )
    return InvitationDone(id=invitee.subject_id, state=accepted(result).state)


@router.get("/{invitation_id}/acceptance/recovery-codes", summary="Get the recovery codes", responses=problems(*_OWN))
async def show_invited_recovery_codes(invitee: OwnInvitation, gate: GateDep) -> RecoveryCodesAnswer:
    """After acceptance and until they're reported saved; then they're gone for good."""
    return RecoveryCodesAnswer(codes=await accepting.recovery_codes(gate, invitee.subject_id))


@router.post(
    "/{invitation_id}/acceptance/recovery-codes/saved", summary="Report the recovery codes saved",
    status_code=status.HTTP_204_NO_CONTENT, responses=problems(*POSTED, *_OWN, "cross_site"), dependencies=[NoBody],
)  # fmt: skip
async def report_invited_recovery_codes_saved(invitee: OwnInvitation, gate: GateDep, key: Key) -> None:
    """They're forgotten in clear. Again is the same as once."""
    await remember_key(gate, scope=f"{invitee.subject_id}/recovery-codes-saved", key=key, body="")
    await accepting.recovery_codes_saved(gate, invitee.subject_id)
