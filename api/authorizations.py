"""A billing service's clients: asking a provider's business contact for access, and keeping track of the answer."""

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response, status

from api.authorization_models import (
    AgainRequest,
    AuthorizationDone,
    AuthorizationMade,
    AuthorizationRequest,
    ClientAnswer,
    ClientsAnswer,
    ContactRequest,
)
from api.dependencies import GateDep, Key, NoBody, SignedIn
from api.problems import problems
from api.registrations import POSTED
from domain.authorization import AuthorizationResult
from domain.client_words import ClientStatus
from portal import authorizing, clients
from portal.authorizing import Requested
from portal.clients import ClientOrder
from portal.refusals import Refusal

router = APIRouter(prefix="/api/v1/authorizations", tags=["Clients"])

_POSTED: Final = (*POSTED, "signed_out", "cross_site", "not_billing_service", "not_found")
_CONTACT: Final = ("contact_own_person", "contact_own_domain", "authorization_contact_limit")
_ASKED: Final = (
    *_POSTED, *_CONTACT, "authorization_open", "authorization_granted", "authorization_cool_down", "authorizations_open_limit",
    "authorizations_limit", "authorization_own_tin",
)  # fmt: skip
_STEP: Final = (*_POSTED, "authorization_decided", "authorization_expired", "authorization_cancelled")

AuthorizationId = Annotated[UUID, Path(description="The request's id.")]
Sort = Literal["requested", "-requested", "provider", "-provider", "status", "-status", "deadline", "-deadline"]


def accepted(result: AuthorizationResult) -> AuthorizationResult:
    """Raises `Refusal` for a step that was looked at and isn't accepted."""
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at, standing_id=result.standing_id)
    return result


def _made(requested: Requested, response: Response) -> AuthorizationMade:
    result = accepted(requested.result)
    response.headers["Location"] = f"{router.prefix}/{requested.authorization_id}"
    return AuthorizationMade(id=requested.authorization_id, reference=requested.reference, state=result.state)


@router.post("", summary="Ask a provider for access", status_code=status.HTTP_201_CREATED, responses=problems(*_ASKED))
async def request_access(
    *, body: AuthorizationRequest, response: Response, principal: SignedIn, gate: GateDep, key: Key
) -> AuthorizationMade:
    """A link is e-mailed to the contact. The answer doesn't tell whether the Tax ID or the NPI is known to us."""
    requested = await authorizing.request_access(
        gate, principal, billing_id=body.billing_id, tin=body.tin, npi=body.npi, provider_name=body.provider_name,
        contact=body.contact, review_reason=body.review_reason, key=key,
    )  # fmt: skip
    return _made(requested, response)


@router.get("", summary="List your clients", responses=problems("signed_out", "not_billing_service", "invalid_fields"))
async def list_authorizations(
    *,
    principal: SignedIn,
    gate: GateDep,
    search: Annotated[
        str,
        Query(
            max_length=320,
            description="Part of the provider's name; or a whole Tax ID, NPI, reference or contact's address.",
        ),
    ] = "",
    status: Annotated[ClientStatus | None, Query(description="Only of this status.")] = None,
    sort: Annotated[Sort, Query(description="What to sort by; with a minus the other way round.")] = "-requested",
    page: Annotated[int, Query(ge=1, le=100_000, description="Fifty on a page.")] = 1,
) -> ClientsAnswer:
    """One for each Tax ID or NPI, whoever of your billing service asked. Read from the database alone."""
    found = await clients.list_clients(
        gate, principal, search=search, status=status, order=ClientOrder(sort.removeprefix("-")),
        descending=sort.startswith("-"), page=page,
    )  # fmt: skip
    return ClientsAnswer.of(found)


@router.get("/{authorization_id}", summary="See a request", responses=problems("signed_out", "not_found"))
async def show_authorization(authorization_id: AuthorizationId, principal: SignedIn, gate: GateDep) -> ClientAnswer:
    """With what happened in it, and the other requests for the same provider."""
    return ClientAnswer.of(await clients.view_client(gate, principal, authorization_id))


@router.post(
    "/{authorization_id}/resend", summary="Have the e-mail sent again", dependencies=[NoBody],
    responses=problems(*_STEP, "authorization_resend_limit", "authorization_resend_pause", "authorization_in_review"),
)  # fmt: skip
async def resend_authorization(
    authorization_id: AuthorizationId, principal: SignedIn, gate: GateDep, key: Key
) -> AuthorizationDone:
    """The deadline stays, and earlier links still work."""
    result = accepted(await authorizing.resend(gate, principal, authorization_id, key=key))
    return AuthorizationDone(id=authorization_id, state=result.state)


@router.post(
    "/{authorization_id}/contact", summary="Correct the contact",
    responses=problems(*_STEP, *_CONTACT, "contact_unchanged", "authorization_corrections_limit"),
)  # fmt: skip
async def correct_authorization(
    authorization_id: AuthorizationId, body: ContactRequest, principal: SignedIn, gate: GateDep, key: Key
) -> AuthorizationDone:
    """Links to the old address are dead at once; the deadline stays."""
    result = await authorizing.correct_contact(
        gate, principal, authorization_id, contact=body.contact, review_reason=body.review_reason, key=key
    )
    return AuthorizationDone(id=authorization_id, state=accepted(result).state)


@router.post(
    "/{authorization_id}/cancel", summary="Cancel a request", dependencies=[NoBody], responses=problems(*_STEP)
)  # fmt: skip
async def cancel_authorization(
    authorization_id: AuthorizationId, principal: SignedIn, gate: GateDep, key: Key
) -> AuthorizationDone:
    """Its links are dead at once."""
    result = accepted(await authorizing.cancel(gate, principal, authorization_id, key=key))
    return AuthorizationDone(id=authorization_id, state=result.state)


@router.post(
    "/{authorization_id}/again", summary="Ask again", status_code=status.HTTP_201_CREATED, responses=problems(*_ASKED)
)  # fmt: skip
async def request_again(
    *,
    authorization_id: AuthorizationId,
    body: AgainRequest,
    response: Response,
    principal: SignedIn,
    gate: GateDep,
    key: Key,
) -> AuthorizationMade:
    """A new request for the same, linked to this one: after it expired, was declined or cancelled, or its access ended."""
    requested = await authorizing.request_again(gate, principal, authorization_id, contact=body.contact, key=key)
    return _made(requested, response)
