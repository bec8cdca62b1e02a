"""What requests and answers about newcomers and departures look like."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.departure import Choice, State
from portal.departure_desk import DeskReview, ObjectionLine
from portal.departures import ClaimView, ExistingAccount
from portal.newcomers import NoticeView, Outcome
from portal.objection_desk import Settled


def _request(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, json_schema_extra={"examples": [example]})


def _answer(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


_ID = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"
_AT = "2026-11-23T15:04:05Z"
_UNTIL = "2026-12-02T06:00:00Z"
_ACCOUNT = "0c9c2f3b7a614e0f9c1d2e3f"


class ExistingAccountAnswer(BaseModel):
    """An account that your organization has, masked."""

    model_config = _answer(id=_ACCOUNT, initials="A••• E•••", email_masked="a•••@clinic.example.org")

    id: str = Field(description="Names the account in your answer; means nothing elsewhere.")
    initials: str
    email_masked: str

    @classmethod
    def of(cls, account: ExistingAccount) -> Self:
        return cls(id=account.id, initials=account.initials, email_masked=account.email_masked)


class ExistingAccountsAnswer(BaseModel):
    """The accounts that your organization has."""

    model_config = _answer(accounts=[ExistingAccountAnswer.model_config["json_schema_extra"]["examples"][0]])  # type: ignore[index]  # pydantic types it as either a dict or a callable

    accounts: list[ExistingAccountAnswer]


class ColleagueWordRequest(BaseModel):
    """Why a colleague can't help."""

    model_config = _request(reason="left", about=_ACCOUNT, text="")

    reason: str = Field(
        max_length=20,
        description="`left`, `on_leave`, `other_role`, `not_responding`, `unknown` or `other`.",
    )
    about: str = Field(
        "",
        max_length=40,
        description="The id of one of the accounts listed; `unknown` if you don't know which; empty for all that are listed.",
    )
    text: str = Field("", max_length=1000, description="In your own words; needed with `other`.")


class ColleagueWordsRequest(BaseModel):
    """What you say of those who have an account."""

    model_config = _request(answers=[{"reason": "left", "about": _ACCOUNT, "text": ""}])

    answers: list[ColleagueWordRequest] = Field(max_length=50)


class NoticeAnswer(BaseModel):
    """A notice that somebody registered for your organization."""

    model_config = _answer(
        id=_ID, organization="Northfield Clinic", tin_masked="•••••0001", newcomer="Jordan Ellis", reference="R-7K3M-9QXW", told_at=_AT,
        until=_UNTIL, says_you_left=True, review="open", outcome="open", answered=None, may_answer=True,
    )  # fmt: skip

    id: UUID
    organization: str
    tin_masked: str
    newcomer: str = Field(description="The full name: you judge whether you know this person.")
    reference: str
    told_at: datetime
    until: datetime = Field(description="The end of the time to object.")
    says_you_left: bool = Field(description="Whether your own access ends if nobody objects.")
    review: State | None = Field(description="Where the review of your own access stands, if there is one.")
    outcome: Outcome = Field(description="What became of it, as far as it concerns you.")
    answered: Choice | None
    may_answer: bool

    @classmethod
    def of(cls, view: NoticeView) -> Self:
        return cls(
            id=view.id, organization=view.organization, tin_masked=view.tin_masked, newcomer=view.newcomer, reference=view.reference,
            told_at=view.told_at, until=view.until, says_you_left=view.says_you_left, review=view.review,
            outcome=view.outcome, answered=view.answered, may_answer=view.may_answer,
        )  # fmt: skip


class NoticesAnswer(BaseModel):
    """The notices that you got."""

    model_config = _answer(notices=[])

    notices: list[NoticeAnswer]


class NoticeAnswerRequest(BaseModel):
    """What you say to a notice."""

    model_config = _request(choice="object")

    choice: str = Field(max_length=10, description="`object`, or `right`.")


class ClaimAnswer(BaseModel):
    """What you said of a colleague who left, and where the review of it stands."""

    model_config = _answer(
        review_id=_ID, organization="Northfield Clinic", colleague="A••• E•••", reference="R-7K3M-9QXW", state="open", until=_UNTIL,
        is_withdrawn=False, may_withdraw=True,
    )  # fmt: skip

    review_id: UUID
    organization: str
    colleague: str
    reference: str
    state: State
    until: datetime
    is_withdrawn: bool
    may_withdraw: bool

    @classmethod
    def of(cls, view: ClaimView) -> Self:
        return cls(
            review_id=view.review_id, organization=view.organization, colleague=view.colleague, reference=view.reference,
            state=view.state, until=view.until, is_withdrawn=view.is_withdrawn, may_withdraw=view.may_withdraw,
        )  # fmt: skip


class ClaimsAnswer(BaseModel):
    """What you said of colleagues."""

    model_config = _answer(departures=[])

    departures: list[ClaimAnswer]


class ReviewDone(BaseModel):
    """A step of a review was accepted."""

    model_config = _answer(state="withdrawn")

    state: State


# For staff; not in the public description.


class DecisionRequest(BaseModel):
    """What staff decide, and why."""

    model_config = _request(verdict="keep", reason="Called the office; the person works there.")

    verdict: str = Field(max_length=10)
    reason: str = Field(max_length=2000)


class DeskNewcomer(BaseModel):
    """A newcomer who said that the person has left."""

    name: str
    reference: str
    text: str
    is_withdrawn: bool


class DeskReviewAnswer(BaseModel):
    """A review as staff see it."""

    id: UUID
    reference: str
    state: State
    organization: str
    person: str
    email: str
    announced_at: datetime
    until: datetime
    due_at: datetime | None
    closed_at: datetime | None
    mail_failed: bool
    newcomers: list[DeskNewcomer]
    decision: str

    @classmethod
    def of(cls, view: DeskReview) -> Self:
        return cls(
            id=view.id, reference=view.reference, state=view.state, organization=view.organization, person=view.person,
            email=view.email, announced_at=view.announced_at, until=view.until, due_at=view.due_at, closed_at=view.closed_at,
            mail_failed=view.mail_failed, decision=view.decision,
            newcomers=[
                DeskNewcomer(name=one.name, reference=one.reference, text=one.text, is_withdrawn=one.is_withdrawn)
                for one in view.newcomers
            ],
        )  # fmt: skip


class DeskReviewsAnswer(BaseModel):
    """Reviews for staff."""

    reviews: list[DeskReviewAnswer]


class ObjectionAnswer(BaseModel):
    """An objection to a newcomer of whom no review is under way."""

    registration_id: UUID
    reference: str
    organization: str
    by: str
    newcomer: str
    at: datetime
    end_proposed: bool

    @classmethod
    def of(cls, line: ObjectionLine) -> Self:
        return cls(
            registration_id=line.registration_id, reference=line.reference, organization=line.organization, by=line.by,
            newcomer=line.newcomer, at=line.at, end_proposed=line.end_proposed,
        )  # fmt: skip


class ObjectionSettled(BaseModel):
    """What a ruling came to: kept, ended, or that a second person has to agree."""

    outcome: Settled


class ObjectionsAnswer(BaseModel):
    """Objections for staff."""

    objections: list[ObjectionAnswer]
