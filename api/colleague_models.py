"""What requests and answers about colleagues and invitations look like."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.colleagues import Role
from domain.invitation import State
from portal.accepting import InviteeView
from portal.colleagues import ColleagueView, OrganizationView
from portal.inviting import InvitationView

_ID = "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"
_OTHER_ID = "0b6f2c51-7d3e-4a55-9c7e-2f4f0f8f3a10"
_AT = "2026-11-23T15:04:05Z"
_UNTIL = "2026-11-30T15:04:05Z"
_TOKEN = "q5mZk0Yc9b1rXv3T7wQy2LhN8sPd4GfJ6aEuVtRiOoM"  # noqa: S105 - an example
_COLLEAGUE = {
    "id": _ID, "name": "Kim Colleague", "email_masked": "k•••@clinic.example.org", "role": "member", "npis": [],
    "since": _AT, "via": "invitation", "is_self": False, "may_change": True,
}  # fmt: skip
_ORGANIZATION = {
    "id": _OTHER_ID, "name": "Northfield Clinic", "tin_masked": "•••••0001", "role": "administrator",
    "inviting": [{"access_id": _ID, "npi": None}], "colleagues": [_COLLEAGUE],
}  # fmt: skip
_INVITATION = {
    "id": _ID, "reference": "I-7K3M-9QXW", "state": "sent", "organization": "Northfield Clinic", "npi": None,
    "role": "member", "email": "kim@clinic.example.org", "inviter": "Jo Example", "invited_at": _AT,
    "link_sent_at": _AT, "deadline": _UNTIL, "ended_at": None, "mail_failed": False, "resends_left": 3,
    "closing_code": None, "may_change": True,
}  # fmt: skip


def _request(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, json_schema_extra={"examples": [example]})


def _answer(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class Colleague(BaseModel):
    """Somebody with access to an organization."""

    model_config = _answer(**_COLLEAGUE)

    id: UUID
    name: str = Field(
        description="Initials only (`K••• C•••`) of those who were there before you, until their time to object is over."
    )
    email_masked: str
    role: Role
    npis: list[str] = Field(description="The Type 2 NPIs that are open to them; empty: all of the Tax ID.")
    since: datetime
    via: str = Field(
        description="What their access was opened with: `payment`, `notice`, `letter`, `invitation`, `staff`."
    )
    is_self: bool
    may_change: bool = Field(
        description="Whether you may remove them or change their role; of yourself: leave, step down."
    )

    @classmethod
    def of(cls, view: ColleagueView) -> Self:
        return cls(
            id=view.id, name=view.name, email_masked=view.email_masked, role=view.role, npis=list(view.npis),
            since=view.since, via=view.via, is_self=view.is_self, may_change=view.may_change,
        )  # fmt: skip


class InvitingRow(BaseModel):
    """An access row of yours that you can invite to."""

    model_config = _answer(access_id=_ID, npi=None)

    access_id: UUID
    npi: str | None = Field(description="Null: all of the Tax ID.")


class OrganizationColleagues(BaseModel):
    """An organization of yours and who has access to it."""

    model_config = _answer(**_ORGANIZATION)

    id: UUID
    name: str
    tin_masked: str
    role: Role = Field(description="Your own role.")
    inviting: list[InvitingRow] = Field(description="What you can invite to; empty for a member.")
    colleagues: list[Colleague] = Field(description="The longest-serving first; as a member you see yourself only.")

    @classmethod
    def of(cls, view: OrganizationView) -> Self:
        return cls(
            id=view.id, name=view.name, tin_masked=view.tin_masked, role=view.role,
            inviting=[InvitingRow(access_id=access_id, npi=npi) for access_id, npi in view.inviting],
            colleagues=[Colleague.of(colleague) for colleague in view.colleagues],
        )  # fmt: skip


class ColleaguesAnswer(BaseModel):
    """Your organizations with their colleagues."""

    model_config = _answer(organizations=[_ORGANIZATION])

    organizations: list[OrganizationColleagues]


class RoleRequest(BaseModel):
    """A colleague's new role."""

    model_config = _request(role="administrator")

    role: str = Field(max_length=20, description="`administrator` or `member`.")


class InvitationRequest(BaseModel):
    """Whom to invite to what."""

    model_config = _request(access_id=_ID, email="kim@clinic.example.org", role="member")

    access_id: UUID = Field(
        strict=False, description="One of your own access rows: its organization and NPI are opened."
    )
    email: str = Field(max_length=320, description="The colleague's own address, not a shared mailbox.")
    role: str = Field("member", max_length=20, description="`administrator` or `member`.")


class AddressRequest(BaseModel):
    """The right address of an invited colleague."""

    model_config = _request(email="kim.colleague@clinic.example.org")

    email: str = Field(max_length=320)


class InvitationAnswer(BaseModel):
    """An invitation as the organization's administrators see it."""

    model_config = _answer(**_INVITATION)

    id: UUID
    reference: str
    state: State
    organization: str
    npi: str | None = Field(description="Null: all of the Tax ID.")
    role: Role
    email: str = Field(description="Masked, as `inviter` is, where `may_change` is false.")
    inviter: str
    invited_at: datetime
    link_sent_at: datetime
    deadline: datetime = Field(description="Until when it can be accepted; sending it again doesn't move this.")
    ended_at: datetime | None
    mail_failed: bool = Field(description="That the address refused our mail for good; correct it.")
    resends_left: int
    closing_code: str | None = Field(description="Why it ended without being accepted.")
    may_change: bool = Field(
        description="False for an invitation of somebody who was there before you, until their time to object is over."
    )

    @classmethod
    def of(cls, view: InvitationView) -> Self:
        return cls(
            id=view.id, reference=view.reference, state=view.state, organization=view.organization, npi=view.npi,
            role=view.role, email=view.email, inviter=view.inviter, invited_at=view.invited_at,
            link_sent_at=view.link_sent_at, deadline=view.deadline, ended_at=view.ended_at,
            mail_failed=view.mail_failed, resends_left=view.resends_left, closing_code=view.closing_code,
            may_change=view.wait is None,
        )  # fmt: skip


class InvitationsAnswer(BaseModel):
    """Invitations, the newest first."""

    model_config = _answer(invitations=[_INVITATION])

    invitations: list[InvitationAnswer]


class InvitationDone(BaseModel):
    """A step of an invitation was accepted."""

    model_config = _answer(id=_ID, state="sent")

    id: UUID
    state: State


class LinkRequest(BaseModel):
    """The token of a followed link."""

    model_config = _request(token=_TOKEN)

    token: str = Field(min_length=1, max_length=200, description="What stands behind the last slash of the link.")


class LinkFollowed(BaseModel):
    """A session of the invitation that the link was for."""

    model_config = _answer(id=_ID, token=_TOKEN)

    id: UUID
    token: str = Field(description="Bearer token for this invitation's `acceptance` routes.")


class AcceptRequest(BaseModel):
    """A signed-in person accepts an invitation to the address of their account."""

    model_config = _request(token=_TOKEN, attested=True)

    token: str = Field(min_length=1, max_length=200, description="What stands behind the last slash of the link.")
    attested: bool = Field(description="That the account is for yourself and nobody else uses it.")


class InviteeAnswer(BaseModel):
    """An invitation as the invited colleague sees it."""

    model_config = _answer(
        id=_ID, reference="I-7K3M-9QXW", state="sent", organization="Northfield Clinic", tin_masked="•••••0001", npi=None,
        role="member", inviter="Jo Example", email="kim@clinic.example.org", deadline=_UNTIL, has_account=False,
    )  # fmt: skip

    id: UUID
    reference: str
    state: State
    organization: str
    tin_masked: str
    npi: str | None
    role: Role
    inviter: str
    email: str
    deadline: datetime
    has_account: bool = Field(description="That this mailbox has an account: sign in and accept with it.")

    @classmethod
    def of(cls, view: InviteeView) -> Self:
        return cls(
            id=view.id, reference=view.reference, state=view.state, organization=view.organization,
            tin_masked=view.tin_masked, npi=view.npi, role=view.role, inviter=view.inviter, email=view.email,
            deadline=view.deadline, has_account=view.has_account,
        )  # fmt: skip


class InviteeRequest(BaseModel):
    """Name and password of the account to be."""

    model_config = _request(name="Kim Colleague", password="seven quiet harbour lanterns", attested=True)  # noqa: S106 - an example

    name: str = Field(max_length=200, description="Your own full name.")
    password: str = Field(max_length=1000, description="A password of at least 8 characters that isn't easy to guess.")
    attested: bool = Field(description="That the account is for yourself and nobody else will use it.")
    attests_own_name: bool = Field(
        False, description="That you are the practitioner of this organization who has this name."
    )
