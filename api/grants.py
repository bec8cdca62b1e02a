"""A provider's people and billing services: requests that wait, who has access, changing that, and objecting (B7)."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query

from api.dependencies import Caller, GateDep, Key, NoBody, SignedIn
from api.grant_models import (
    AccessObjectionAnswer,
    EndDateRequest,
    GrantAnswer,
    GrantDone,
    GrantsAnswer,
    ObjectionCodeRequest,
    ObjectionLinkRequest,
    ObjectionRequest,
    ObjectionTokenAnswer,
    ProviderDecisionRequest,
    ProviderRequestAnswer,
    ProviderRequestsAnswer,
)
from api.problems import problems
from api.registrations import POSTED
from domain.grants import State
from portal import granting, objecting, provider_requests
from portal.granting import GrantOrder

router = APIRouter(prefix="/api/v1")

_TAG: Final = "Billing services"
_CHANGED: Final = (
    *POSTED, "signed_out", "cross_site", "not_found", "not_administrator", "grant_unchanged", "grant_ended",
)  # fmt: skip

GrantId = Annotated[UUID, Path(description="The access's id.")]
RequestId = Annotated[UUID, Path(description="The request's id.")]


@router.get(
    "/billing-services", tags=[_TAG], summary="List billing services with access", responses=problems("signed_out", "invalid_fields")
)  # fmt: skip
async def list_billing_services(
    principal: SignedIn,
    gate: GateDep,
    *,
    search: Annotated[str, Query(max_length=60, description="In service, organization, NPI or reference.")] = "",
    state: Annotated[State | None, Query(description="Only those.")] = None,
    order: Annotated[GrantOrder, Query(description="What to sort by.")] = GrantOrder.SERVICE,
    descending: Annotated[bool, Query(description="The other way round.")] = False,
) -> GrantsAnswer:
    """To what you see yourself; ended ones, too."""
    views = await granting.list_grants(
        gate, principal, search=search, state=state or "", order=order, descending=descending
    )
    return GrantsAnswer(billing_services=[GrantAnswer.of(view) for view in views])


@router.get(
    "/billing-services/{grant_id}", tags=[_TAG], summary="See one access", responses=problems("signed_out", "not_found")
)
async def show_billing_service(grant_id: GrantId, principal: SignedIn, gate: GateDep) -> GrantAnswer:
    """With who approved it, and where."""
    return GrantAnswer.of(await granting.view_grant(gate, principal, grant_id))


@router.post(
    "/billing-services/{grant_id}/hold", tags=[_TAG], summary="Put an access on hold", dependencies=[NoBody],
    responses=problems(*_CHANGED),
)  # fmt: skip
async def hold_billing_service(grant_id: GrantId, principal: SignedIn, gate: GateDep, key: Key) -> GrantDone:
    """Nobody of the billing service sees your organization, at once, until it's resumed."""
    return GrantDone.of(grant_id, await granting.hold(gate, principal, grant_id, key=key))


@router.post(
    "/billing-services/{grant_id}/resume", tags=[_TAG], summary="Resume an access", dependencies=[NoBody],
    responses=problems(*_CHANGED, "newcomer_waits"),
)  # fmt: skip
async def resume_billing_service(grant_id: GrantId, principal: SignedIn, gate: GateDep, key: Key) -> GrantDone:
    """Also one that an objection put on hold."""
    return GrantDone.of(grant_id, await granting.resume(gate, principal, grant_id, key=key))


@router.post(
    "/billing-services/{grant_id}/revoke", tags=[_TAG], summary="Revoke an access", dependencies=[NoBody],
    responses=problems(*_CHANGED),
)  # fmt: skip
async def revoke_billing_service(grant_id: GrantId, principal: SignedIn, gate: GateDep, key: Key) -> GrantDone:
    """For good: the billing service has to ask anew."""
    return GrantDone.of(grant_id, await granting.revoke(gate, principal, grant_id, key=key))


@router.post(
    "/billing-services/{grant_id}/end-date", tags=[_TAG], summary="Set or remove an access's end date",
    responses=problems(*_CHANGED, "grant_end_date", "newcomer_waits"),
)  # fmt: skip
async def set_billing_service_end_date(
    grant_id: GrantId, body: EndDateRequest, principal: SignedIn, gate: GateDep, key: Key
) -> GrantDone:
    """It is good for all of that day, where the payer is, and ends with it."""
    return GrantDone.of(grant_id, await granting.set_end_date(gate, principal, grant_id, ends_on=body.ends_on, key=key))


@router.get(
    "/requests", tags=[_TAG], summary="List requests that wait for your answer", responses=problems("signed_out")
)
async def list_provider_requests(principal: SignedIn, gate: GateDep) -> ProviderRequestsAnswer:
    """Of billing services, for what you see yourself; the nearest deadline first."""
    found = await provider_requests.list_requests(gate, principal)
    return ProviderRequestsAnswer(requests=[ProviderRequestAnswer.of(view) for view in found])


@router.get(
    "/requests/{request_id}", tags=[_TAG], summary="See one request", responses=problems("signed_out", "not_found")
)
async def show_provider_request(request_id: RequestId, principal: SignedIn, gate: GateDep) -> ProviderRequestAnswer:
    """Also after its end."""
    return ProviderRequestAnswer.of(await provider_requests.view_request(gate, principal, request_id))


@router.post(
    "/requests/{request_id}/decision", tags=[_TAG], summary="Approve or decline a request",
    responses=problems(
        *POSTED, "signed_out", "cross_site", "not_found", "not_administrator", "decision_own_request", "newcomer_waits",
        "authorization_approved", "authorization_declined", "authorization_expired", "authorization_cancelled",
        "authorization_stopped",
    ),
)  # fmt: skip
async def decide_provider_request(
    request_id: RequestId, body: ProviderDecisionRequest, principal: SignedIn, gate: GateDep, key: Key
) -> ProviderRequestAnswer:
    """As an administrator. An answer that was accepted counts from then on, also if it shows as not applied yet."""
    view = await provider_requests.decide_as_administrator(
        gate, principal, request_id, choice=body.choice, role=body.role, attested=body.attested, key=key
    )
    return ProviderRequestAnswer.of(view)


@router.post(
    "/objections/codes", tags=[_TAG], summary="Enter the code of a letter",
    responses=problems(*POSTED, "objection_code_unknown", "too_many_tries"),
)  # fmt: skip
async def redeem_objection_code(
    body: ObjectionCodeRequest,
    gate: GateDep,
    caller: Caller,
    key: Key,  # noqa: ARG001 - every POST has one; entering a code changes nothing that could be done twice
) -> ObjectionTokenAnswer:
    """It only identifies the access that the letter is about."""
    return ObjectionTokenAnswer(token=await objecting.redeem_code(gate, code=body.code, caller=caller))


@router.post(
    "/objections/look", tags=[_TAG], summary="See the access that a link leads to",
    responses=problems(*POSTED, "objection_link_dead", "grant_ended"),
)  # fmt: skip
async def look_at_objection(
    body: ObjectionLinkRequest,
    gate: GateDep,
    key: Key,  # noqa: ARG001 - every POST has one; looking changes nothing
) -> AccessObjectionAnswer:
    """A POST, so that the token stands in no address. Looking changes nothing."""
    return AccessObjectionAnswer.of(await objecting.follow_link(gate, body.token))


@router.post(
    "/objections", tags=[_TAG], summary="Say that nobody asked for an access",
    responses=problems(*POSTED, "objection_link_dead", "grant_ended"),
)  # fmt: skip
async def object_to_access(body: ObjectionRequest, gate: GateDep, key: Key) -> AccessObjectionAnswer:
    """The access is put on hold; an administrator of the organization can resume it."""
    view = await objecting.object_to(gate, body.token, name=body.name, confirmed=body.confirmed, key=key)
    return AccessObjectionAnswer.of(view)
