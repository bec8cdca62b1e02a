"""Inviting colleagues: an administrator's side of an invitation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from db.accounts import Access, Account
from db.colleagues import holdings_of
from db.directory import Organization
from db.invitation_records import invited_already
from db.invitations import InvitationRow
from db.newcomer_standing import Newness, Wait
from domain.colleagues import Role, administers
from domain.invitation import (
    NEVER_SENT,
    AskInvitation,
    ByAdministrator,
    Code,
    InvitationResult,
    InvitationTerms,
    StartInvitation,
    State,
)
from domain.people import PersonError, mailbox_key, masked_address, masked_name, personal_address
from domain.recording import Payload
from portal.colleagues import newness_in, read_role
from portal.fields import Fields
from portal.gate import Gate, StandsElsewhere, UnknownWorkflow, remember_key, send_update
from portal.refusals import Refusal
from portal.registering import reference_of
from portal.sessions import Principal
from portal.starting import start_and_ask
from workflows import names

_WORDS: Final = {
    "email_missing": "Enter your colleague’s e-mail address.",
    "email_shared": (
        "This looks like a mailbox that several people read. Ask your colleague for an address of their own: accounts can’t be shared."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """An invitation as the organization's administrators see it; never whether the address has an account (I16)."""

    id: UUID
    reference: str
    state: State
    organization_id: UUID
    organization: str
    npi: str | None
    role: Role
    email: str  # masked as long as there is a wait, and so is the inviter
    inviter: str
    is_own: bool
    wait: Wait | None  # of a newcomer, for the word of the inviter, who was there before (P9)
    invited_at: datetime
    link_sent_at: datetime  # when the newest link became due
    deadline: datetime
    ended_at: datetime | None
    mail_failed: bool
    resends_left: int
    closing_code: str | None


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation, or the refusal of one."""

    invitation_id: UUID
    reference: str
    result: InvitationResult


async def invite(gate: Gate, principal: Principal, *, access_id: UUID, email: str, role: str, key: str) -> Invited:
    """Invite a colleague to the scope of one of the person's own access rows. The same key and body invite once.

    Comes back as a result when it was looked at: `not_administrator`, `already_colleague`, `invitation_open`,
    `invitee_bills` (T4), `invitations_limit`, `invitations_open_limit`. Raises `Refusal`: `invalid_fields`, `not_found`, `not_administrator`,
    `key_reused`, `unavailable`.
    """
    parsed_role = read_role(role)
    fields = Fields()
    address = fields.read("email", email, _colleagues_address)
    fields.check()
    assert address is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    is_new = await remember_key(
        gate, scope=f"{principal.subject_id}/invitations", key=key, body=f"{access_id}\0{address}\0{parsed_role}"
    )
    invitation_id = UUID(hex=gate.vault.digest("invitation-id", f"{principal.subject_id}\0{key}")[:32])
    reference = reference_of(invitation_id, letter="I")
    if not is_new and (made := await _made(gate, invitation_id)) is not None:
        return Invited(invitation_id, reference, made)
    access = await _inviting_row(gate, principal, access_id, email=address)
    if isinstance(access, Code):
        # The same request, sent twice at one moment, may have made the very invitation that stands in the way.
        if (made := await _made(gate, invitation_id)) is not None:
            return Invited(invitation_id, reference, made)
        refused = InvitationResult(accepted=False, code=access, state=State.CANCELLED)
        return Invited(invitation_id, reference, refused)
    start = StartInvitation(
        invitation_id=str(invitation_id),
        reference=reference,
        organization_id=str(access.organization_id),
        npi=access.npi,
        inviter_id=str(principal.subject_id),
        email=address,
        role=parsed_role,
        terms=InvitationTerms(life=gate.limits.invitation_life, reminders=gate.limits.invitation_reminders),
    )
    return Invited(invitation_id, reference, await _start(gate, start))


def _colleagues_address(text: str) -> str:
    """The address of somebody else: as `personal_address`, in words for the one who invites."""
    try:
        return personal_address(text)
    except PersonError as error:
        raise PersonError(error.code, _WORDS.get(error.code, error.message)) from None


async def _inviting_row(gate: Gate, principal: Principal, access_id: UUID, *, email: str) -> Access | Code:
    """The person's own access row to invite to. Refuses before a workflow begins what its first step would refuse."""
    async with gate.database.read() as session:
        access = await session.get(Access, access_id)
        if access is None or access.account_id != principal.subject_id:
            raise Refusal("not_found")
        if access.status != "open" or access.role != Role.ADMINISTRATOR:
            raise Refusal("not_administrator")
        digest = gate.vault.digest("email", mailbox_key(email))
        return await invited_already(session, access.organization_id, access.npi, digest) or access


async def _start(gate: Gate, start: StartInvitation) -> InvitationResult:
    return await start_and_ask(
        gate,
        names.DELEGATE_INVITATION,
        start,
        workflow_id=names.invitation_id(start.invitation_id),
        ask=AskInvitation(invitation_id=start.invitation_id),
        result_type=InvitationResult,
        summary=f"Invitation {start.reference}",
        reference=start.reference,
        state=State.SENT,
        made=lambda: _made(gate, UUID(start.invitation_id)),
    )


async def _made(gate: Gate, invitation_id: UUID) -> InvitationResult | None:
    """How a request that was sent before was answered, for when Temporal can't say any more."""
    async with gate.database.read() as session:
        row = await session.get(InvitationRow, invitation_id)
    if row is None:
        return None
    code = Code(row.closing_code) if row.closing_code in NEVER_SENT else Code.OK
    return InvitationResult(accepted=code is Code.OK, code=code, state=State(row.state))


async def list_invitations(gate: Gate, principal: Principal, *, open_only: bool = False) -> list[InvitationView]:
    """The invitations of the scopes that the person administrates, the newest first."""
    async with gate.database.read() as session:
        leading = (
            await session.scalars(
                select(Access).where(
                    col(Access.account_id) == principal.subject_id,
                    col(Access.status) == "open",
                    col(Access.role) == Role.ADMINISTRATOR,
                )
            )
        ).all()
        query = (
            select(InvitationRow, Organization, Account)
            .join(Organization, col(Organization.id) == col(InvitationRow.organization_id))
            .join(Account, col(Account.id) == col(InvitationRow.inviter_id))
            .where(
                col(InvitationRow.organization_id).in_([row.organization_id for row in leading]),
                col(InvitationRow.closing_code).is_(None) | col(InvitationRow.closing_code).not_in(NEVER_SENT),
            )
            .order_by(col(InvitationRow.started_at).desc(), col(InvitationRow.id))
        )
        if open_only:
            query = query.where(col(InvitationRow.state) == State.SENT)
        rows = (await session.execute(query)).all()
        newness = {
            organization_id: await newness_in(gate, session, principal, organization_id)
            for organization_id in {row.organization_id for row, _, _ in rows}
        }
    scopes = {(row.organization_id, row.npi) for row in leading}
    return [
        _view(gate, principal, row, organization=organization, inviter=inviter, newness=newness[organization.id])
        for row, organization, inviter in rows
        if (row.organization_id, None) in scopes or (row.organization_id, row.npi) in scopes
    ]


def _view(
    gate: Gate,
    principal: Principal,
    row: InvitationRow,
    *,
    organization: Organization,
    inviter: Account,
    newness: Newness,
) -> InvitationView:
    state = State(row.state)
    is_own = row.inviter_id == principal.subject_id
    wait = None if is_own else newness.wait_to_manage(row.inviter_id, row.npi)
    email = gate.vault.unseal("email", row.email_sealed)
    inviter_name = gate.vault.unseal("name", inviter.name_sealed)
    return InvitationView(
        id=row.id,
        reference=row.reference,
        state=state,
        organization_id=organization.id,
        organization=organization.name,
        npi=row.npi,
        role=Role(row.role),
        email=masked_address(email) if wait else email,
        inviter=masked_name(inviter_name) if wait else inviter_name,
        is_own=is_own,
        wait=wait,
        invited_at=row.started_at,
        link_sent_at=row.link_due_at,
        deadline=row.deadline,
        ended_at=row.updated_at if state.is_final else None,
        mail_failed=row.mail_failed,
        resends_left=max(0, gate.limits.invitation_resends - row.resends),
        closing_code=row.closing_code,
    )


async def view_invitation(gate: Gate, principal: Principal, invitation_id: UUID) -> InvitationView:
    """One invitation of a scope that the person administrates. Raises `Refusal` (`not_found`) (I15)."""
    async with gate.database.read() as session:
        row = await session.get(InvitationRow, invitation_id)
        if row is None or row.closing_code in NEVER_SENT:
            raise Refusal("not_found")
        if not administers(await holdings_of(session, row.organization_id), principal.subject_id, row.npi):
            raise Refusal("not_found")
        organization = await session.get_one(Organization, row.organization_id)
        inviter = await session.get_one(Account, row.inviter_id)
        newness = await newness_in(gate, session, principal, organization.id)
    return _view(gate, principal, row, organization=organization, inviter=inviter, newness=newness)


async def _managed(gate: Gate, principal: Principal, invitation_id: UUID) -> InvitationView:
    """One invitation, to be changed. Raises `Refusal`: `not_found`, and `newcomer_waits` for one of those who were there before (P9)."""
    view = await view_invitation(gate, principal, invitation_id)
    if view.wait is not None:
        raise Refusal("newcomer_waits", retry_at=view.wait.until)
    return view


async def resend(gate: Gate, principal: Principal, invitation_id: UUID, *, key: str) -> InvitationResult:
    """Have another link mailed; deadline and earlier links stay as they are (I9).

    Comes back as a result when it was looked at: `invitation_resend_limit`, `not_administrator`,
    `invitation_inviter_left`. Raises `Refusal`: `not_found`, `newcomer_waits`, `invitation_…` when it's over,
    `key_reused`, `unavailable`.
    """
    await _managed(gate, principal, invitation_id)
    cmd = ByAdministrator(account_id=str(principal.subject_id))
    return await send_invitation_step(gate, invitation_id, names.RESEND, cmd, key=key, body=str(principal.subject_id))


async def cancel(gate: Gate, principal: Principal, invitation_id: UUID, *, key: str) -> InvitationResult:
    """End the invitation; its links are dead at once. Raises `Refusal` as `resend` does."""
    await _managed(gate, principal, invitation_id)
    cmd = ByAdministrator(account_id=str(principal.subject_id))
    return await send_invitation_step(gate, invitation_id, names.CANCEL, cmd, key=key, body=str(principal.subject_id))


async def correct_address(gate: Gate, principal: Principal, invitation_id: UUID, *, email: str, key: str) -> Invited:
    """Invite another address in place of this one: the first invitation is cancelled, its links are dead (B5, I9).

    Comes back and raises as `invite` and `cancel` do. Sent again after a failure it goes on where it stopped.
    """
    fields = Fields()
    address = fields.read("email", email, _colleagues_address)
    fields.check()
    assert address is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    await remember_key(gate, scope=f"{invitation_id}/correction", key=key, body=address)
    view = await _managed(gate, principal, invitation_id)
    if view.state is State.SENT:
        cancelled = await cancel(gate, principal, invitation_id, key=key)
        if not cancelled.accepted:
            return Invited(invitation_id, view.reference, cancelled)
    elif view.state is State.ACCEPTED:
        raise Refusal(f"invitation_{view.state}")
    access_id = await _own_row(gate, principal, view)
    return await invite(gate, principal, access_id=access_id, email=address, role=view.role, key=key)


async def _own_row(gate: Gate, principal: Principal, view: InvitationView) -> UUID:
    """The person's own row of the invitation's scope; of the whole Tax ID if that's what they have."""
    async with gate.database.read() as session:
        holdings = await holdings_of(session, view.organization_id)
    own = [holding for holding in holdings if holding.account_id == principal.subject_id and holding.is_administrator]
    for holding in own:
        if holding.npi == view.npi:
            return holding.access_id
    raise Refusal("not_administrator")


async def send_invitation_step(
    gate: Gate, invitation_id: UUID, update: str, cmd: Payload, *, key: str, body: str
) -> InvitationResult:
    """Send one step to the invitation's workflow and wait for the answer.

    Raises `Refusal`: `invitation_…` when it's over, `not_found`, `key_reused`, `unavailable`.
    """
    try:
        return await send_update(
            gate, names.invitation_id(str(invitation_id)), update, cmd, scope=f"{invitation_id}/{update}", key=key,
            body=body, result_type=InvitationResult,
        )  # fmt: skip
    except StandsElsewhere as error:
        raise Refusal(f"invitation_{error.state}") from None
    except UnknownWorkflow:
        async with gate.database.read() as session:
            row = await session.get(InvitationRow, invitation_id)
        # Closed, and perhaps forgotten by Temporal: the database says how it ended.
        if row is not None and State(row.state).is_final:
            raise Refusal(f"invitation_{row.state}") from None
        raise Refusal("not_found") from None
