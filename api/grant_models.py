"""What requests and answers about billing services' access look like, on the provider's side."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.authorization import State as RequestState
from domain.grants import Ending, GrantResult, HeldBy, State
from portal.granting import GrantView
from portal.objecting import ObjectionView
from portal.provider_requests import ProviderRequest

_ID = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"
_AT = "2026-11-23T15:04:05Z"
_UNTIL = "2026-12-23T15:04:05Z"
_TOKEN = "q5mZk0Yc9b1rXv3T7wQy2LhN8sPd4GfJ6aEuVtRiOoM"  # noqa: S105 - an example
_GRANT = {
    "id": _ID, "reference": "A-7K3M-9QXW", "service": "Harbor Billing", "service_tin_masked": "•••••0002",
    "organization": "Northfield Clinic", "tin_masked": "•••••0001", "npi": None, "state": "open", "held_by": None, "ending": None,
    "opened_at": _AT, "ended_at": None, "last_day": "2027-06-30", "decided_by": "Kim Contact", "decided_as": "Office manager",
    "via": "code", "contact_masked": "k•••@clinic.example.org", "may_hold": True, "may_end": True,
    "may_change": True,
}  # fmt: skip
_REQUEST = {
    "id": _ID, "reference": "A-7K3M-9QXW", "state": "sent", "service": "Harbor Billing", "service_tin_masked": "•••••0002",
    "requester": "Bo Biller", "organization": "Northfield Clinic", "tin_masked": "•••••0001", "npi": None,
    "contact_masked": "k•••@clinic.example.org", "requested_at": _AT, "until": _UNTIL, "may_decide": True, "answer": None,
}  # fmt: skip


def _request(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, json_schema_extra={"examples": [example]})


def _answer(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class GrantAnswer(BaseModel):
    """A billing service's access to an organization of yours."""

    model_config = _answer(**_GRANT)

    id: UUID
    reference: str
    service: str
    service_tin_masked: str
    organization: str
    tin_masked: str
    npi: str | None = Field(description="Null: all of the Tax ID.")
    state: State
    held_by: HeldBy | None = Field(description="Why it's on hold: the provider's own doing, or an objection.")
    ending: Ending | None = Field(description="How it ended.")
    opened_at: datetime
    ended_at: datetime | None
    last_day: date | None = Field(
        description="The last day on which it is good, where the payer is. Null: no end date."
    )
    decided_by: str = Field(description="The name that was given with the approval.")
    decided_as: str = Field(description="What that person does there, as they wrote it.")
    via: str = Field(description="`code`: by the business contact that was asked; `account`: by an administrator.")
    contact_masked: str
    may_hold: bool
    may_end: bool = Field(description="Revoke it, or have it end sooner.")
    may_change: bool = Field(description="Everything: also resume it, or have it go on for longer.")

    @classmethod
    def of(cls, view: GrantView) -> Self:
        return cls(**{name: getattr(view, name) for name in cls.model_fields})


class GrantsAnswer(BaseModel):
    """Billing services with access to your organizations."""

    model_config = _answer(billing_services=[_GRANT])

    billing_services: list[GrantAnswer]


class EndDateRequest(BaseModel):
    """The last day of an access."""

    model_config = _request(ends_on="2027-06-30")

    ends_on: str = Field(
        "", max_length=10, description="A day where the payer is, `YYYY-MM-DD`; empty: no end date any more."
    )


class GrantDone(BaseModel):
    """A change was made."""

    model_config = _answer(id=_ID, state="held")

    id: UUID
    state: State

    @classmethod
    def of(cls, grant_id: UUID, result: GrantResult) -> Self:
        return cls(id=grant_id, state=result.state)


class GivenAnswer(BaseModel):
    """What you answered to a request, and what became of it."""

    model_config = _answer(choice="approve", at=_AT, outcome=None)

    choice: str
    at: datetime
    outcome: str | None = Field(
        description="`applied`, `superseded`, `late` or `void`; null until it's applied, which may take a while."
    )


class ProviderRequestAnswer(BaseModel):
    """A billing service's request for access to an organization of yours."""

    model_config = _answer(**_REQUEST)

    id: UUID
    reference: str
    state: RequestState
    service: str
    service_tin_masked: str
    requester: str = Field(description="The name given by the requester.")
    organization: str
    tin_masked: str
    npi: str | None = Field(description="Null: all of the Tax ID.")
    contact_masked: str
    requested_at: datetime
    until: datetime
    may_decide: bool
    answer: GivenAnswer | None

    @classmethod
    def of(cls, view: ProviderRequest) -> Self:
        given = view.answer
        answer = GivenAnswer(choice=given.choice, at=given.at, outcome=given.outcome) if given else None
        named = {name: getattr(view, name) for name in cls.model_fields if name != "answer"}
        return cls(**named, answer=answer)


class ProviderRequestsAnswer(BaseModel):
    """Requests that wait for an answer."""

    model_config = _answer(requests=[_REQUEST])

    requests: list[ProviderRequestAnswer]


class ProviderDecisionRequest(BaseModel):
    """An administrator's answer to a request."""

    model_config = _request(choice="decline", role="Office manager", attested=True)

    choice: str = Field(max_length=10, description="`approve` or `decline`.")
    role: str = Field(max_length=200, description="What you do at your organization.")
    attested: bool = Field(description="That you may decide this for your organization.")


class ObjectionCodeRequest(BaseModel):
    """The code of a letter."""

    model_config = _request(code="7K3M9-QXW4T")

    code: str = Field(max_length=100)


class ObjectionLinkRequest(BaseModel):
    """What leads to the access that an objection is about."""

    model_config = _request(token=_TOKEN)

    token: str = Field(min_length=1, max_length=200, description="What stands behind the last slash of the link.")


class ObjectionRequest(ObjectionLinkRequest):
    """That nobody of the organization asked for an access."""

    model_config = _request(token=_TOKEN, name="Jo Example", confirmed=True)

    name: str = Field(max_length=200, description="Your own full name.")
    confirmed: bool = Field(description="That you work there, and that the organization did not ask for this.")


class ObjectionTokenAnswer(BaseModel):
    """What goes on in place of a mailed link's token."""

    model_config = _answer(token=_TOKEN)

    token: str


class AccessObjectionAnswer(BaseModel):
    """The access that a link or a letter leads to."""

    model_config = _answer(
        reference="A-7K3M-9QXW", service="Harbor Billing", organization="Northfield Clinic", tin_masked="•••••0001", npi=None,
        decided_by="Kim Contact", opened_at=_AT, state="open", is_contested=False,
    )  # fmt: skip

    reference: str
    service: str
    organization: str
    tin_masked: str
    npi: str | None = Field(description="Null: all of the Tax ID.")
    decided_by: str = Field(description="The name that was given with the approval.")
    opened_at: datetime
    state: State
    is_contested: bool = Field(description="That it's on hold because somebody objected.")

    @classmethod
    def of(cls, view: ObjectionView) -> Self:
        return cls(**{name: getattr(view, name) for name in cls.model_fields})
