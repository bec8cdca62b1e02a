"""Accepting an invitation: from the mailed link to an account of one's own with access, or to access for the account one has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from db.accounts import Account
from db.directory import Organization
from db.invitation_records import open_account_of
from db.invitations import InvitationConsent, InvitationRow
from db.mails import secret_digest
from db.registrations import OneTimeSecret
from domain.colleagues import Role
from domain.identifiers import Tin
from domain.invitation import AcceptInvitation, Code, InvitationResult, NameInvitee, State
from domain.people import person_name
from domain.registration import ATTESTATION_VERSION
from portal import account_setup, sessions
from portal.account_setup import SecondFactor
from portal.fields import Fields
from portal.gate import Gate
from portal.inviting import send_invitation_step
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind
from workflows import names

_NO_ATTESTATION: Final = "Confirm that the account is for yourself."


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteeView:
    """An invitation as the invited colleague sees it, once they have followed its link."""

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
    name: str | None  # once it was entered
    mailbox_account_id: UUID | None  # the account that the mailbox has; told to its owner only
    account_id: UUID | None  # once accepted
    closing_code: str | None

    @property
    def has_account(self) -> bool:
        return self.mailbox_account_id is not None


async def follow_link(gate: Gate, *, link_token: str, client: str, token: str | None = None) -> tuple[UUID, str]:
    """Exchange a followed link for a session of its invitation. Works until the invitation ends; it opens nothing.

    With a `token` given the session has that one. Raises `Refusal`: `invitation_link_dead`, `invitation_…` when it's over.
    """
    row = await _linked(gate, link_token)
    _require_open(gate, row)
    token = await sessions.begin(gate, SessionKind.INVITATION, row.id, client=client, token=token)
    return row.id, token


async def _linked(gate: Gate, link_token: str) -> InvitationRow:
    """The invitation that a link leads to. Raises `Refusal` (`invitation_link_dead`)."""
    digest = secret_digest(gate.vault, subject="", purpose="invitation", text=link_token[:200])
    async with gate.database.read() as session:
        subject = await session.scalar(
            select(col(OneTimeSecret.subject)).where(
                col(OneTimeSecret.purpose) == "invitation", col(OneTimeSecret.digest) == digest
            )
        )
        row = await session.get(InvitationRow, UUID(subject.removeprefix("invitation/"))) if subject else None
    if row is None:
        raise Refusal("invitation_link_dead")
    return row


def _require_open(gate: Gate, row: InvitationRow) -> None:
    state = State(row.state)
    if state is State.SENT and gate.now() >= row.deadline:
        state = State.EXPIRED  # the workflow is about to say so
    if state.is_final:
        code = row.closing_code if row.closing_code == Code.INVITER_LEFT else f"invitation_{state}"
        raise Refusal(code)


async def view_as_invitee(gate: Gate, invitation_id: UUID) -> InviteeView:
    """The invitation. The caller has shown a session of it, or its link. Raises `Refusal` (`not_found`)."""
    async with gate.database.read() as session:
        row = await session.get(InvitationRow, invitation_id)
        if row is None:
            raise Refusal("not_found")
        organization = await session.get_one(Organization, row.organization_id)
        inviter = await session.get_one(Account, row.inviter_id)
        account_id = await open_account_of(session, row.email_digest)
    return InviteeView(
        id=row.id,
        reference=row.reference,
        state=State(row.state),
        organization=organization.name,
        tin_masked=Tin(gate.vault.unseal("tin", organization.tin_sealed)).masked,
        npi=row.npi,
        role=Role(row.role),
        inviter=gate.vault.unseal("name", inviter.name_sealed),
        email=gate.vault.unseal("email", row.email_sealed),
        deadline=row.deadline,
        name=gate.vault.unseal("name", row.name_sealed) if row.name_sealed else None,
        mailbox_account_id=account_id,
        account_id=row.account_id,
        closing_code=row.closing_code,
    )


async def set_up_account(
    gate: Gate,
    invitation_id: UUID,
    *,
    name: str,
    password: str,
    attested: bool,
    attests_own_name: bool = False,
    key: str,
) -> InvitationResult:
    """Choose one's own name and password, and attest. May be done again until the second factor is confirmed.

    Comes back as a result when it was looked at: `name_is_organization`, `name_needs_attestation`,
    `invitation_has_account`, `invitation_inviter_left`. Raises `Refusal`: `invalid_fields`, `invitation_…` when it's
    over, `key_reused`, `unavailable`.
    """
    view = await view_as_invitee(gate, invitation_id)
    fields = Fields()
    parsed_name = fields.read("name", name, person_name)
    accepted = account_setup.read_password(gate, fields, password, about=(name, view.email))
    if not attested:
        fields.add("attested", "attestation_missing", _NO_ATTESTATION)
    fields.check()
    assert parsed_name is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert accepted is not None  # noqa: S101 - as above
    if view.state.is_final:
        raise Refusal(f"invitation_{view.state}")
    credential_id = await account_setup.keep_credential(gate, invitation_id, key=key, password=accepted)
    return await send_invitation_step(
        gate,
        invitation_id,
        names.NAME_INVITEE,
        NameInvitee(
            credential_id=str(credential_id),
            name=parsed_name,
            attestation_version=ATTESTATION_VERSION,
            attests_own_name=attests_own_name,
        ),
        key=key,
        body=f"{parsed_name}\0{attests_own_name}",  # keep_credential holds the key against the password
    )


async def second_factor(gate: Gate, invitation_id: UUID) -> SecondFactor:
    """The second factor to confirm. Raises `Refusal`: `invitation_…` when it's over, `second_factor_unconfirmed`."""
    view = await view_as_invitee(gate, invitation_id)
    if view.state.is_final:
        raise Refusal(f"invitation_{view.state}")
    return await account_setup.factor_to_confirm(gate, invitation_id, email=view.email)


async def confirm_second_factor(
    gate: Gate, invitation_id: UUID, *, code: str, session_id: UUID | None, key: str
) -> InvitationResult:
    """Enter a code of the authenticator app; the right one makes the account and opens its access.

    `session_id` is the session that goes on; other ones of the invitation end. Comes back as `set_up_account` does,
    and with `second_factor_unconfirmed`. Raises besides `Refusal`: `second_factor_wrong` (counted), `too_many_tries`.
    """
    view = await view_as_invitee(gate, invitation_id)
    if view.state in {State.EXPIRED, State.CANCELLED}:
        raise Refusal(f"invitation_{view.state}")
    digits = account_setup.read_second_factor_code(code)
    credential_id = await account_setup.confirm_factor(gate, invitation_id, digits)
    cmd = AcceptInvitation(credential_id=str(credential_id), session_id=str(session_id) if session_id else None)
    return await send_invitation_step(gate, invitation_id, names.ACCEPT, cmd, key=key, body=digits)


async def recovery_codes(gate: Gate, invitation_id: UUID) -> list[str]:
    """The new account's recovery codes, until they're reported saved. Raises `Refusal` (`not_found`)."""
    view = await view_as_invitee(gate, invitation_id)
    if view.state is not State.ACCEPTED:
        raise Refusal("not_found")
    return await account_setup.unsaved_recovery_codes(gate, invitation_id)


async def recovery_codes_saved(gate: Gate, invitation_id: UUID) -> None:
    """Forget the codes in clear: the person has saved them. Again is the same as once.

    Raises `Refusal` (`not_found`): before the account is made, its opening still needs them.
    """
    view = await view_as_invitee(gate, invitation_id)
    if view.state is not State.ACCEPTED:
        raise Refusal("not_found")
    await account_setup.forget_recovery_codes(gate, invitation_id)


async def accept_with_account(
    gate: Gate, principal: Principal, invitation_id: UUID, *, attested: bool, key: str
) -> InvitationResult:
    """Accept as the signed-in account of the invited mailbox. The caller has shown the invitation's session or link.

    Comes back as a result when it was looked at: `invitation_other_address`, `invitation_inviter_left`. Raises
    `Refusal`: `invalid_fields`, `invitation_…` when it's over, `key_reused`, `unavailable`.
    """
    fields = Fields()
    if not attested:
        fields.add("attested", "attestation_missing", _NO_ATTESTATION)
    fields.check()
    consent_id = UUID(hex=gate.vault.digest("consent", f"{invitation_id}\0{principal.subject_id}\0{key}")[:32])
    async with gate.database.write() as session:  # written first, told then: the workflow's message proves nothing
        if await session.get(InvitationConsent, consent_id) is None:
            session.add(
                InvitationConsent(
                    id=consent_id,
                    invitation_id=invitation_id,
                    account_id=principal.subject_id,
                    attestation_version=ATTESTATION_VERSION,
                    at=gate.now(),
                )
            )
    cmd = AcceptInvitation(consent_id=str(consent_id))
    return await send_invitation_step(gate, invitation_id, names.ACCEPT, cmd, key=key, body=str(principal.subject_id))


async def accept_link_with_account(
    gate: Gate, principal: Principal, *, link_token: str, attested: bool, key: str
) -> tuple[UUID, InvitationResult]:
    """`accept_with_account`, with the link itself instead of a session of the invitation; for programs.

    Sent again with the same key it's answered the same. Raises `invitation_link_dead` besides.
    """
    row = await _linked(gate, link_token)
    if row.account_id != principal.subject_id:
        _require_open(gate, row)
    return row.id, await accept_with_account(gate, principal, row.id, attested=attested, key=key)
