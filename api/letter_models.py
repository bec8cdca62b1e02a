"""What requests and answers about letters and additions look like."""

from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.models import OPEN_STEPS, OpenSteps, open_steps
from domain.registration import State, StepResult
from portal.adding import AdditionView
from portal.letters import LetterView

_ID = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"
_OTHER_ID = "0b6f2c51-7d3e-4a55-9c7e-2f4f0f8f3a10"
_AT = "2026-11-23T15:04:05Z"
_UNTIL = "2026-12-23T15:04:05Z"
_MASKED = "1•• M••• St, Springfield, IL 627••"
_LETTER = {
    "id": _OTHER_ID, "state": "mailed", "organization": "Northfield Clinic", "address_masked": _MASKED, "requested_at": _AT,
    "planned_on": "2026-11-24", "mailed_at": _AT, "expires_at": _UNTIL,
}  # fmt: skip
_ADDITION = {
    "id": _ID, "reference": "R-7K3M-9QXW", "state": "awaiting_pin",
    "open_steps": ["pin", "payment-proof", "letter-addresses", "letters", "billing-service", "withdrawal"], "organization": "Northfield Clinic",
    "tin_masked": "•••••0001", "takes_pin": True, "started_at": _AT, "deadline": _UNTIL,
}  # fmt: skip


def _request(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, json_schema_extra={"examples": [example]})


def _answer(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class LetterAddressesRequest(BaseModel):
    """The organization that the letter is to go to."""

    model_config = _request(tin="00-1234567", vendor="V1234")

    tin: str = Field(max_length=40, description="The organization's Tax ID.")
    vendor: str = Field("", max_length=60, description="The vendor number; either this or `npi`.")
    npi: str = Field("", max_length=40, description="The Type 2 NPI; either this or `vendor`.")


class LetterAddress(BaseModel):
    """An address in the payer's records, masked so that only its people recognise it."""

    model_config = _answer(id=_OTHER_ID, masked=_MASKED)

    id: str = Field(description="Names the address in `POST …/letters`.")
    masked: str


class LetterAddressesAnswer(BaseModel):
    """The addresses that a letter may go to."""

    model_config = _answer(
        state="proving", open_steps=list(OPEN_STEPS[State.PROVING]), addresses=[{"id": _OTHER_ID, "masked": _MASKED}]
    )

    state: State
    open_steps: OpenSteps
    addresses: list[LetterAddress]

    @classmethod
    def of(cls, result: StepResult) -> Self:
        addresses = [LetterAddress(id=choice.location_id, masked=choice.masked) for choice in result.locations]
        return cls(state=result.state, open_steps=list(OPEN_STEPS[result.state]), addresses=addresses)


class LetterRequest(BaseModel):
    """The chosen address."""

    model_config = _request(location_id=_OTHER_ID)

    location_id: str = Field(max_length=40, description="The `id` of one of the listed addresses.")


class LetterAnswer(BaseModel):
    """One letter. Its PIN is on paper only."""

    model_config = _answer(**_LETTER)

    id: UUID
    state: Literal["due", "handed_over", "mailed", "returned", "refused", "void", "used"] = Field(
        description="`due` and `handed_over`: not mailed yet; `void`: its PIN was replaced by another proof or locked."
    )
    organization: str
    address_masked: str
    requested_at: datetime
    planned_on: date = Field(description="The day it is planned to be mailed, as printed on it.")
    mailed_at: datetime | None = Field(description="Once the print shop has told.")
    expires_at: datetime | None = Field(description="When its PIN ends, once it's mailed.")

    @classmethod
    def of(cls, view: LetterView) -> Self:
        return cls.model_validate(
            {
                "id": view.id, "state": view.state, "organization": view.organization, "address_masked": view.address_masked,
                "requested_at": view.requested_at, "planned_on": view.planned_on, "mailed_at": view.mailed_at,
                "expires_at": view.expires_at,
            }
        )  # fmt: skip


class LettersAnswer(BaseModel):
    """The registration's letters, the newest first."""

    model_config = _answer(letters=[_LETTER])

    letters: list[LetterAnswer]


class PinRequest(BaseModel):
    """The PIN of a letter."""

    model_config = _request(pin="7K3M9-QXW4T")

    pin: str = Field(
        max_length=60,
        description="Ten letters and digits; case, dashes and spaces don't matter, O is 0, I and L are 1.",
    )


class AdditionAnswer(BaseModel):
    """A Tax ID or NPI that is being added to the account."""

    model_config = _answer(**_ADDITION)

    id: UUID
    reference: str
    state: State
    open_steps: OpenSteps
    organization: str | None = Field(description="Once its identifiers matched.")
    tin_masked: str | None = Field(description="Once its identifiers matched.")
    takes_pin: bool = Field(description="That a letter is on its way or its PIN can be entered.")
    started_at: datetime
    deadline: datetime = Field(description="When it closes if nothing more is done.")

    @classmethod
    def of(cls, view: AdditionView) -> Self:
        return cls(
            id=view.id, reference=view.reference, state=view.state, open_steps=open_steps(view.state, letters_over=view.letters_over),
            organization=view.organization, tin_masked=view.tin_masked, takes_pin=view.takes_pin, started_at=view.started_at, deadline=view.deadline,
        )  # fmt: skip


class AdditionsAnswer(BaseModel):
    """What is being added and isn't finished, the newest first."""

    model_config = _answer(additions=[_ADDITION])

    additions: list[AdditionAnswer]
