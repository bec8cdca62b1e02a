"""What requests and answers about a billing service's clients look like."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.authorization import State
from domain.client_words import WORDS, ClientLine, ClientStatus, NextStep
from portal.clients import ClientDetails, ClientPage, ClientView, EarlierRequest
from portal.request_lists import LineView, ListPage

_ID = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"
_OTHER_ID = "0b6f2c51-7d3e-4a55-9c7e-2f4f0f8f3a10"
_AT = "2026-11-23T15:04:05Z"
_UNTIL = "2026-12-23T15:04:05Z"
_REFERENCE = "A-7K3M-9QXW-2FHT"
_CLIENT = {
    "id": _ID, "reference": _REFERENCE, "status": "sent", "status_words": "Waiting for the contact", "next_step": "remind",
    "billing_id": _OTHER_ID, "billing_service": "Harbor Billing", "provider_name": "Northfield Clinic",
    "tin_masked": "•••••0001", "npi": None, "contact_masked": "o•••@clinic.example.org", "requester": "Jo Example",
    "requested_at": _AT, "deadline": _UNTIL, "days_left": 30, "ended_at": None, "link_sent_at": _AT, "delivery": "delivered",
    "delivery_at": _AT, "reminders": 0, "reminded_at": None, "resends_left": 3, "resend_at": "2026-11-24T15:04:05Z",
    "corrections_left": 3, "again_at": None, "closing_code": None, "access_since": None, "access_until": None,
    "previous_id": None, "is_newest": True,
}  # fmt: skip
_LINE = {"at": _AT, "words": "Access was asked for.", "who": "Jo Example"}
_EARLIER = {
    "id": _OTHER_ID,
    "reference": "A-2FHT-7K3M-9QXW",
    "status": "expired",
    "requested_at": "2026-10-20T15:04:05Z",
}
_ROW = {
    "number": 2, "provider_name": "Northfield Clinic", "tin_masked": "•••••0001", "npi": None,
    "contact_masked": "o•••@clinic.example.org", "code": "ok", "field": None, "message": None, "authorization_id": _ID,
}  # fmt: skip
_LIST = {
    "id": _ID, "billing_id": _OTHER_ID, "requester": "Jo Example", "sent_at": _AT, "finished_at": None, "lines": 500,
    "made": 120, "standing": 2, "rejected": 3, "waiting": 375, "rows": [_ROW], "page": 1, "pages": 5,
}  # fmt: skip


def _request(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, json_schema_extra={"examples": [example]})


def _answer(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class AuthorizationRequest(BaseModel):
    """Whom to ask for access to which provider."""

    model_config = _request(
        tin="00-1234567", npi="1234567893", provider_name="Northfield Clinic", contact="office@clinic.example.org"
    )

    billing_id: UUID | None = Field(
        None, strict=False, description="For which of your billing services; needed if you belong to several."
    )
    tin: str = Field(max_length=40, description="The provider's Tax ID.")
    npi: str = Field("", max_length=40, description="One Type 2 NPI of it; empty for all of the Tax ID.")
    provider_name: str = Field(max_length=400, description="The provider's name, as its contact knows it.")
    contact: str = Field(
        max_length=320,
        description="E-mail address of a business contact at the provider's office, not of your own people.",
    )
    review_reason: str = Field(
        "", max_length=1000,
        description="Why a contact at your own domain is independent all the same; our staff look at it before anything is mailed.",
    )  # fmt: skip


class ContactRequest(BaseModel):
    """The right address of the contact."""

    model_config = _request(contact="kim.contact@clinic.example.org")

    contact: str = Field(max_length=320, description="As in a new request.")
    review_reason: str = Field("", max_length=1000, description="As in a new request.")


class AgainRequest(BaseModel):
    """Whom to ask this time."""

    model_config = _request(contact="")

    contact: str = Field("", max_length=320, description="Another contact; empty for the same one.")


class AuthorizationMade(BaseModel):
    """A request was made."""

    model_config = _answer(id=_ID, reference=_REFERENCE, state="sent")

    id: UUID
    reference: str = Field(description="Tell it to the contact: it stands in our e-mail.")
    state: State = Field(description="`sent`, or `in_review` while our staff look at the contact.")


class AuthorizationDone(BaseModel):
    """A step of a request was accepted."""

    model_config = _answer(id=_ID, state="sent")

    id: UUID
    state: State


class Client(BaseModel):
    """A provider as its billing service sees it: the newest request for it, and the access that came of it."""

    model_config = _answer(**_CLIENT)

    id: UUID = Field(description="The request's id.")
    reference: str
    status: ClientStatus
    status_words: str
    next_step: NextStep
    billing_id: UUID
    billing_service: str
    provider_name: str = Field(description="As it was typed.")
    tin_masked: str
    npi: str | None = Field(description="Null: all of the Tax ID.")
    contact_masked: str
    requester: str
    requested_at: datetime
    deadline: datetime = Field(description="Until when it can be answered; nothing moves it.")
    days_left: int | None = Field(description="Null once it's answered or over.")
    ended_at: datetime | None
    link_sent_at: datetime | None = Field(description="When the newest mail with a link became due.")
    delivery: str = Field(description="What became of it: `none`, `due`, `sent`, `delivered` or `bounced`.")
    delivery_at: datetime | None
    reminders: int = Field(description="Reminders sent to the contact.")
    reminded_at: datetime | None
    resends_left: int
    resend_at: datetime | None = Field(description="When it can be sent again, if not now.")
    corrections_left: int
    again_at: datetime | None = Field(description="When it can be asked for again, if not now.")
    closing_code: str | None = Field(description="Why it ended without an answer.")
    access_since: datetime | None
    access_until: datetime | None = Field(description="When the access ends or ended, where that is known.")
    previous_id: UUID | None = Field(description="The earlier request that this one follows.")
    is_newest: bool = Field(description="That no later request for the same provider was made.")

    @classmethod
    def of(cls, view: ClientView) -> Self:
        return cls(
            id=view.id, reference=view.reference, status=view.status, status_words=WORDS[view.status].label,
            next_step=view.next_step, billing_id=view.service.id, billing_service=view.service.name,
            provider_name=view.provider_name, tin_masked=view.tin_masked, npi=view.npi, contact_masked=view.contact_masked,
            requester=view.requester, requested_at=view.requested_at, deadline=view.deadline, days_left=view.days_left,
            ended_at=view.ended_at, link_sent_at=view.link_sent_at, delivery=view.delivery, delivery_at=view.delivery_at,
            reminders=view.reminders, reminded_at=view.reminded_at, resends_left=view.resends_left, resend_at=view.resend_at,
            corrections_left=view.corrections_left, again_at=view.again_at, closing_code=view.closing_code,
            access_since=view.access_since, access_until=view.access_until, previous_id=view.previous_id,
            is_newest=view.is_newest,
        )  # fmt: skip


class ClientsAnswer(BaseModel):
    """A page of clients."""

    model_config = _answer(clients=[_CLIENT], counts={"sent": 1}, total=1, page=1, pages=1)

    clients: list[Client]
    counts: dict[ClientStatus, int] = Field(description="How many of each status, within the search, on all pages.")
    total: int
    page: int
    pages: int

    @classmethod
    def of(cls, found: ClientPage) -> Self:
        return cls(
            clients=[Client.of(view) for view in found.rows], counts=dict(found.counts), total=found.total,
            page=found.page, pages=found.pages,
        )  # fmt: skip


class TimelineLine(BaseModel):
    """Something that happened, in plain words."""

    model_config = _answer(**_LINE)

    at: datetime
    words: str
    who: str = Field(description="Who did it, if that isn't in the words.")

    @classmethod
    def of(cls, line: ClientLine) -> Self:
        return cls(at=line.at, words=line.words, who=line.who)


class OtherRequest(BaseModel):
    """Another request for the same provider."""

    model_config = _answer(**_EARLIER)

    id: UUID
    reference: str
    status: ClientStatus
    requested_at: datetime

    @classmethod
    def of(cls, view: EarlierRequest) -> Self:
        return cls(id=view.id, reference=view.reference, status=view.status, requested_at=view.requested_at)


class ClientAnswer(BaseModel):
    """One request, what happened in it, and the other requests for the same provider."""

    model_config = _answer(client=_CLIENT, timeline=[_LINE], others=[_EARLIER])

    client: Client
    timeline: list[TimelineLine]
    others: list[OtherRequest] = Field(description="The newest first.")

    @classmethod
    def of(cls, details: ClientDetails) -> Self:
        return cls(
            client=Client.of(details.client), timeline=[TimelineLine.of(line) for line in details.timeline],
            others=[OtherRequest.of(one) for one in details.others],
        )  # fmt: skip


class AuthorizationListMade(BaseModel):
    """A file of requests was taken."""

    model_config = _answer(id=_ID)

    id: UUID


class AuthorizationListRow(BaseModel):
    """A line of the file and what became of it."""

    model_config = _answer(**_ROW)

    number: int = Field(description="The row as a spreadsheet counts it; 1 has the titles.")
    provider_name: str
    tin_masked: str
    npi: str | None
    contact_masked: str
    code: str | None = Field(description="`ok`, the code it was refused with, or null while it waits.")
    field: str | None = Field(description="The column that can't be meant, of a malformed line.")
    message: str | None = Field(description="The refusal in plain words.")
    authorization_id: UUID | None = Field(description="The request made, or the one that stands in the way.")

    @classmethod
    def of(cls, view: LineView) -> Self:
        return cls(
            number=view.number, provider_name=view.provider_name, tin_masked=view.tin_masked, npi=view.npi,
            contact_masked=view.contact_masked, code=view.code or None, field=view.field or None,
            message=view.message or None, authorization_id=view.authorization_id,
        )  # fmt: skip


class AuthorizationListAnswer(BaseModel):
    """A file of requests: how far it is, and a page of its lines."""

    model_config = _answer(**_LIST)

    id: UUID
    billing_id: UUID
    requester: str
    sent_at: datetime
    finished_at: datetime | None
    lines: int
    made: int = Field(description="Lines that led to a request.")
    standing: int = Field(description="Lines for what is asked for or granted already.")
    rejected: int = Field(description="Lines that led to nothing; `rejected` has them as a file.")
    waiting: int
    rows: list[AuthorizationListRow]
    page: int
    pages: int

    @classmethod
    def of(cls, found: ListPage) -> Self:
        view = found.view
        return cls(
            id=view.id, billing_id=view.service.id, requester=view.requester, sent_at=view.at, finished_at=view.finished_at,
            lines=view.lines, made=view.made, standing=view.standing, rejected=view.rejected, waiting=view.waiting,
            rows=[AuthorizationListRow.of(row) for row in found.rows], page=found.page, pages=found.pages,
        )  # fmt: skip
