"""Billing services for staff: a provider that bills for others, by two people. Without a staff session there is nothing here (404).

Not in the public description; `docs/authorizations.md` has it.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, status
from pydantic import BaseModel, Field

from api.dependencies import GateDep, Key, Staff
from api.models import _answer, _request
from portal import billing_desk, billing_proposals
from portal.billing_proposals import ProposalView

router = APIRouter(prefix="/api/v1/staff", include_in_schema=False)

_ID = "9d1f0a77-2c5e-4d3f-8b21-5a6c7d8e9f10"


class OpenLimitRequest(BaseModel):
    """How many open requests a billing service can have."""

    model_config = _request(limit=500, reason="Bills for a group of 400 clinics.")

    limit: int
    reason: str = Field(max_length=5000)


class OpenLimitAnswer(BaseModel):
    """The limit from now on."""

    model_config = _answer(limit=500)

    limit: int


class ProposalRequest(BaseModel):
    """Which provider is a billing service, too, and who administers it."""

    model_config = _request(
        tin="00-1234567", name="Harbour Hospital Billing", email="jo@hospital.example.org", reason="Contract of 2026."
    )

    tin: str = Field(max_length=40)
    name: str = Field(max_length=400)
    email: str = Field(max_length=400, description="Of an account that there is.")
    reason: str = Field(max_length=5000)


class ProposalMade(BaseModel):
    """It waits for a second person."""

    model_config = _answer(id=_ID)

    id: UUID


class ProposalAnswer(BaseModel):
    """A proposal that waits for a second person."""

    id: UUID
    name: str
    tin_masked: str
    administrator: str
    administrator_email: str
    proposed_by: str
    reason: str
    at: datetime
    may_confirm: bool

    @classmethod
    def of(cls, view: ProposalView) -> "ProposalAnswer":
        return cls(
            id=view.id, name=view.name, tin_masked=view.tin_masked, administrator=view.administrator,
            administrator_email=view.administrator_email, proposed_by=view.proposed_by, reason=view.reason, at=view.at,
            may_confirm=view.may_confirm,
        )  # fmt: skip


class ProposalsAnswer(BaseModel):
    """What waits for a second person."""

    proposals: list[ProposalAnswer]


class ProposalDecision(BaseModel):
    """What the second person says."""

    model_config = _request(choice="confirm", reason="Read the contract.")

    choice: str = Field(max_length=10, description="`confirm` or `reject`.")
    reason: str = Field(max_length=5000)


class ProposalDecided(BaseModel):
    """The billing service that was made; null for a rejection."""

    model_config = _answer(billing_service_id=_ID)

    billing_service_id: UUID | None


@router.post("/billing-services/{billing_id}/open-limit")
async def set_open_limit(
    billing_id: Annotated[UUID, Path()], body: OpenLimitRequest, member: Staff, gate: GateDep, key: Key
) -> OpenLimitAnswer:
    """From 1 to 5,000 open requests."""
    limit = await billing_desk.raise_limit(gate, member, billing_id, limit=str(body.limit), reason=body.reason, key=key)
    return OpenLimitAnswer(limit=limit)


@router.get("/billing-services")
async def list_proposals(member: Staff, gate: GateDep) -> ProposalsAnswer:
    """The oldest first."""
    found = await billing_proposals.list_proposals(gate, member)
    return ProposalsAnswer(proposals=[ProposalAnswer.of(one) for one in found])


@router.post("/billing-services", status_code=status.HTTP_201_CREATED)
async def propose_billing_service(body: ProposalRequest, member: Staff, gate: GateDep, key: Key) -> ProposalMade:
    """For a provider that bills for others; whoever isn't a provider registers by themselves."""
    made = await billing_proposals.propose(
        gate, member, tin=body.tin, name=body.name, email=body.email, reason=body.reason, key=key
    )
    return ProposalMade(id=made)


@router.post("/billing-services/{proposal_id}/decision")
async def decide_billing_service(
    proposal_id: Annotated[UUID, Path()], body: ProposalDecision, member: Staff, gate: GateDep, key: Key
) -> ProposalDecided:
    """Confirming takes another person than proposing."""
    made = await billing_proposals.decide(gate, member, proposal_id, choice=body.choice, reason=body.reason, key=key)
    return ProposalDecided(billing_service_id=made)
