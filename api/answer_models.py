"""What requests and answers look like where a business contact answers a billing service's request."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.authorization import ATTESTATION_VERSION, State
from portal.answer_sheet import AnswerSheet, RequestToAnswer
from portal.deciding import ATTESTATION
from portal.sitting import Answer, Outcome, Sitting


def _request(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, json_schema_extra={"examples": [example]})


def _answer(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


_ID = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"
_AT = "2026-11-23T15:04:05Z"
_UNTIL = "2026-12-23T15:04:05Z"
_LINK = "dGhlLWxpbmstaW4tdGhlLW1haWwtaXMtMjU2LWJpdHM"
_TOKEN = "c2Vzc2lvbi10b2tlbi1vZi0yNTYtcmFuZG9tLWJpdHM"  # noqa: S105 - an example
_SHOWN = {
    "id": _ID, "reference": "A-7K3M-9QXW", "service": "Harbor Billing", "service_tin_masked": "•••••4321", "requester": "Bo Biller",
    "provider": "Northfield Clinic", "provider_tin_masked": "•••••0001", "npi": None, "requested_at": _AT, "until": _UNTIL,
    "contact_masked": "k•••@northfield.example.org",
}  # fmt: skip


class AnswerLinkRequest(BaseModel):
    """The token in the mailed link: what stands behind `/answer/`."""

    model_config = _request(token=_LINK)

    token: str = Field(max_length=200, description="It only identifies the request; it decides nothing.")


class RequestToAnswerAnswer(BaseModel):
    """A billing service's request as its business contact sees it: as the requester told it."""

    model_config = _answer(**_SHOWN)

    id: UUID
    reference: str
    service: str = Field(description="The billing service that asks.")
    service_tin_masked: str
    requester: str = Field(description="The name given by the requester.")
    provider: str = Field(description="The provider as the requester named it.")
    provider_tin_masked: str
    npi: str | None = Field(description="Null: all of the provider's Tax ID.")
    requested_at: datetime
    until: datetime = Field(description="An answer counts if it is confirmed before this.")
    contact_masked: str = Field(description="Where the code goes.")

    @classmethod
    def of(cls, view: RequestToAnswer) -> Self:
        return cls(
            id=view.id, reference=view.reference, service=view.service, service_tin_masked=view.service_tin_masked,
            requester=view.requester, provider=view.provider, provider_tin_masked=view.provider_tin_masked, npi=view.npi,
            requested_at=view.requested_at, until=view.until, contact_masked=view.contact_masked,
        )  # fmt: skip


class AnswerSheetAnswer(BaseModel):
    """What the link leads to."""

    model_config = _answer(linked=_SHOWN, others=[], attestation=ATTESTATION, attestation_version=ATTESTATION_VERSION)

    linked: RequestToAnswerAnswer
    others: list[RequestToAnswerAnswer] = Field(
        description="Other requests that wait for the same mailbox; they may be answered together with it."
    )
    attestation: str = Field(description="What whoever answers agrees to; show it.")
    attestation_version: str

    @classmethod
    def of(cls, sheet: AnswerSheet) -> Self:
        return cls(
            linked=RequestToAnswerAnswer.of(sheet.linked),
            others=[RequestToAnswerAnswer.of(one) for one in sheet.others],
            attestation=ATTESTATION,
            attestation_version=ATTESTATION_VERSION,
        )


class OneAnswer(BaseModel):
    """The answer to one request."""

    model_config = _request(id=_ID, choice="approve")

    id: str = Field(max_length=40, description="The request's id.")
    choice: str = Field(max_length=10, description="`approve` or `decline`; `later`, or leaving it out, for others.")


class AnswersRequest(BaseModel):
    """The answers of one person."""

    model_config = _request(
        token=_LINK, answers=[{"id": _ID, "choice": "approve"}], name="Kim Contact", role="Office manager", attested=True
    )  # fmt: skip

    token: str = Field(max_length=200, description="The token in the mailed link.")
    answers: list[OneAnswer] = Field(max_length=50, description="The linked request is always answered.")
    name: str = Field(max_length=400, description="Full name of the person who decides.")
    role: str = Field(max_length=400, description="What that person does for the provider.")
    attested: bool = Field(description="That the person agrees to the attestation.")


class AnswersBegun(BaseModel):
    """The answers are kept, and a code is on its way; nothing is decided yet."""

    model_config = _answer(token=_TOKEN)

    token: str = Field(description="Shows that it's you when you confirm.")


class AnsweredAnswer(BaseModel):
    """One answer and what became of it."""

    model_config = _answer(request=_SHOWN, choice="approve", outcome="approved", state="approved")

    request: RequestToAnswerAnswer
    choice: str
    outcome: Outcome = Field(
        description="`unconfirmed` before the code; `pending`: it counts and is applied in a moment; `superseded`: the request was over first."
    )
    state: State = Field(description="Where the request stands.")

    @classmethod
    def of(cls, answer: Answer) -> Self:
        return cls(
            request=RequestToAnswerAnswer.of(answer.request),
            choice=answer.choice,
            outcome=answer.outcome,
            state=answer.state,
        )


class AnswersAnswer(BaseModel):
    """The answers that were given together."""

    model_config = _answer(
        answers=[{"request": _SHOWN, "choice": "approve", "outcome": "approved", "state": "approved"}], is_confirmed=True,
        is_settled=True, code_expires_at=_AT,
    )  # fmt: skip

    answers: list[AnsweredAnswer]
    is_confirmed: bool
    is_settled: bool = Field(description="False while an answer is still to be applied: look again.")
    code_expires_at: datetime | None = Field(description="Until when the newest code works, once it has left.")

    @classmethod
    def of(cls, sitting: Sitting) -> Self:
        return cls(
            answers=[AnsweredAnswer.of(one) for one in sitting.answers], is_confirmed=sitting.is_confirmed,
            is_settled=sitting.is_settled, code_expires_at=sitting.code_expires_at,
        )  # fmt: skip
