"""Colleagues of one's organizations, and inviting new ones."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response, status

from api.colleague_models import (
    AddressRequest,
    ColleaguesAnswer,
    InvitationAnswer,
    InvitationDone,
    InvitationRequest,
    InvitationsAnswer,
    OrganizationColleagues,
    RoleRequest,
)
from api.dependencies import GateDep, Key, NoBody, SignedIn
from api.problems import problems
from api.registrations import POSTED
from domain.colleagues import ChangeResult
from domain.invitation import InvitationResult
from portal import colleagues, inviting
from portal.refusals import Refusal

router = APIRouter(prefix="/api/v1", tags=["Colleagues"])

_POSTED: Final = (*POSTED, "signed_out", "cross_site", "not_found")
_OVER: Final = ("invitation_accepted", "invitation_expired", "invitation_cancelled", "invitation_inviter_left")
_INVITED: Final = (
    "not_administrator", "already_colleague", "invitation_open", "invitations_open_limit", "invitations_limit", "invitee_bills",
)  # fmt: skip

ColleagueId = Annotated[UUID, Path(description="The colleague's id, as in the list.")]
InvitationId = Annotated[UUID, Path(description="The invitation's id.")]


def _changed(result: ChangeResult) -> None:
    """Raises `Refusal` for a change that was looked at and isn't made."""
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at)


def accepted(result: InvitationResult) -> InvitationResult:
    """Raises `Refusal` for a step that was looked at and isn't accepted."""
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at)
    return result


@router.get("/colleagues", summary="List who has access", responses=problems("signed_out"))
async def list_colleagues(principal: SignedIn, gate: GateDep) -> ColleaguesAnswer:
    """For each of your organizations; a member sees themselves only, an administrator of single NPIs the people of these: not whoever has all of the Tax ID."""
    found = await colleagues.list_organizations(gate, principal)
    return ColleaguesAnswer(organizations=[OrganizationColleagues.of(view) for view in found])


@router.post(
    "/colleagues/{colleague_id}/role", summary="Change a colleague's role", status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(*_POSTED, "not_administrator", "last_administrator", "colleague_gone", "newcomer_waits"),
)  # fmt: skip
async def change_role(
    colleague_id: ColleagueId, body: RoleRequest, principal: SignedIn, gate: GateDep, key: Key
) -> None:
    """Of yourself: only to step down, and not as the last administrator."""
    _changed(await colleagues.change_role(gate, principal, colleague_id, role=body.role, key=key))


@router.post(
    "/colleagues/{colleague_id}/removal", summary="End a colleague's access, or leave",
    status_code=status.HTTP_204_NO_CONTENT, dependencies=[NoBody],
    responses=problems(
        *_POSTED, "not_administrator", "last_administrator", "last_account", "colleague_gone", "newcomer_waits"
    ),
)  # fmt: skip
async def remove_colleague(colleague_id: ColleagueId, principal: SignedIn, gate: GateDep, key: Key) -> None:
    """At once; with all their sessions if no access is left. The last administrator needs a successor first."""
    _changed(await colleagues.remove(gate, principal, colleague_id, key=key))


@router.get("/invitations", summary="List invitations", responses=problems("signed_out", "invalid_fields"))
async def list_invitations(
    principal: SignedIn, gate: GateDep, *, open_only: Annotated[bool, Query(description="Only open ones.")] = False
) -> InvitationsAnswer:
    """Those of the organizations that you administrate."""
    found = await inviting.list_invitations(gate, principal, open_only=open_only)
    return InvitationsAnswer(invitations=[InvitationAnswer.of(view) for view in found])


@router.post(
    "/invitations", summary="Invite a colleague", status_code=status.HTTP_201_CREATED,
    responses=problems(*_POSTED, *_INVITED),
)  # fmt: skip
async def invite_colleague(
    *, body: InvitationRequest, response: Response, principal: SignedIn, gate: GateDep, key: Key
) -> InvitationDone:
    """A link is e-mailed. The answer doesn't tell whether the address has an account."""
    invited = await inviting.invite(
        gate, principal, access_id=body.access_id, email=body.email, role=body.role, key=key
    )
    result = accepted(invited.result)
    response.headers["Location"] = f"{router.prefix}/invitations/{invited.invitation_id}"
    return InvitationDone(id=invited.invitation_id, state=result.state)


@router.get("/invitations/{invitation_id}", summary="See an invitation", responses=problems("signed_out", "not_found"))
async def show_invitation(invitation_id: InvitationId, principal: SignedIn, gate: GateDep) -> InvitationAnswer:
    """Read from the database, so also while other parts of the system are away."""
    return InvitationAnswer.of(await inviting.view_invitation(gate, principal, invitation_id))


@router.post(
    "/invitations/{invitation_id}/resend", summary="Have the link e-mailed again", dependencies=[NoBody],
    responses=problems(*_POSTED, *_OVER, "not_administrator", "newcomer_waits", "invitation_resend_limit", "invitation_resend_pause"),
)  # fmt: skip
async def resend_invitation(
    invitation_id: InvitationId, principal: SignedIn, gate: GateDep, key: Key
) -> InvitationDone:
    """The deadline stays, and earlier links still work."""
    result = accepted(await inviting.resend(gate, principal, invitation_id, key=key))
    return InvitationDone(id=invitation_id, state=result.state)


@router.post(
    "/invitations/{invitation_id}/cancellation", summary="Cancel an invitation", dependencies=[NoBody],
    responses=problems(*_POSTED, *_OVER, "not_administrator", "newcomer_waits"),
)  # fmt: skip
async def cancel_invitation(
    invitation_id: InvitationId, principal: SignedIn, gate: GateDep, key: Key
) -> InvitationDone:
    """Its links are dead at once."""
    result = accepted(await inviting.cancel(gate, principal, invitation_id, key=key))
    return InvitationDone(id=invitation_id, state=result.state)


@router.post(
    "/invitations/{invitation_id}/correction", summary="Invite another address instead",
    status_code=status.HTTP_201_CREATED, responses=problems(*_POSTED, *_OVER, *_INVITED, "newcomer_waits"),
)  # fmt: skip
async def correct_invitation(
    *,
    invitation_id: InvitationId,
    body: AddressRequest,
    response: Response,
    principal: SignedIn,
    gate: GateDep,
    key: Key,
) -> InvitationDone:
    """Cancels this invitation and makes a new one; for a mail that came back."""
    invited = await inviting.correct_address(gate, principal, invitation_id, email=body.email, key=key)
    result = accepted(invited.result)
    response.headers["Location"] = f"{router.prefix}/invitations/{invited.invitation_id}"
    return InvitationDone(id=invited.invitation_id, state=result.state)
