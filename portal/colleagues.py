"""Colleagues of the organizations that a signed-in person administrates: who they are, changing roles, removing, leaving."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from db.accounts import Access, Account
from db.colleagues import holdings_of
from db.directory import Organization
from db.invitations import ColleagueChangeRow
from db.newcomer_standing import Newness, Standing, Wait
from domain.colleagues import AskChange, ChangeColleague, ChangeResult, Code, Holding, Role, managed
from domain.identifiers import Tin
from domain.people import masked_address, masked_name
from portal.fields import Fields
from portal.gate import Gate, remember_key, unavailable, unwatched
from portal.refusals import Refusal
from portal.sessions import Principal
from workflows import names
from workflows.colleague_change import ColleagueChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ColleagueView:
    """A person with access to an organization, as its administrators see them. `npis` is empty for all of the Tax ID."""

    id: UUID  # of one of their access rows
    organization_id: UUID
    name: str  # masked as long as there is a wait
    email_masked: str
    role: Role
    npis: tuple[str, ...]
    since: datetime
    via: str
    is_self: bool
    may_change: bool  # role and removal; for oneself: leaving and stepping down
    wait: Wait | None  # of a newcomer, for the word of this colleague, who was there before (P9)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationView:
    """An organization that the person belongs to, with its colleagues if they administrate it (else only themselves)."""

    id: UUID
    name: str
    tin_masked: str
    role: Role
    # What the person can invite to: the access row, and its NPI or None for all of the Tax ID.
    inviting: tuple[tuple[UUID, str | None], ...]
    colleagues: tuple[ColleagueView, ...]


async def list_organizations(gate: Gate, principal: Principal) -> list[OrganizationView]:
    """The person's organizations in the order of their names; a member sees nobody but themselves (I15)."""
    async with gate.database.read() as session:
        organizations = await session.scalars(
            select(Organization)
            .where(
                col(Organization.id).in_(
                    select(col(Access.organization_id)).where(
                        col(Access.account_id) == principal.subject_id, col(Access.status) == "open"
                    )
                )
            )
            .order_by(col(Organization.name), col(Organization.id))
        )
        return [await _organization(gate, session, principal, organization) for organization in organizations]


async def _organization(
    gate: Gate, session: AsyncSession, principal: Principal, organization: Organization
) -> OrganizationView:
    holdings = await holdings_of(session, organization.id)
    own = [holding for holding in holdings if holding.account_id == principal.subject_id]
    leading = [holding for holding in own if holding.is_administrator]
    shown: dict[UUID, list[Holding]] = {}
    for holding in holdings:
        if holding in own or any(leader.covers(holding.npi) for leader in leading):
            shown.setdefault(holding.account_id, []).append(holding)
    rows = {
        access.id: (access, account)
        for access, account in (
            await session.execute(
                select(Access, Account)
                .join(Account, col(Account.id) == col(Access.account_id))
                .where(col(Access.id).in_([holding.access_id for held in shown.values() for holding in held]))
            )
        ).all()
    }
    newness = await newness_in(gate, session, principal, organization.id)
    colleagues = []
    for account_id, held in shown.items():
        first, account = rows[held[0].access_id]
        is_self = account_id == principal.subject_id
        wait = None if is_self else newness.wait_to_read(account_id, [holding.npi for holding in held])
        name = gate.vault.unseal("name", account.name_sealed)
        colleagues.append(
            ColleagueView(
                id=first.id,
                organization_id=organization.id,
                name=masked_name(name) if wait else name,
                email_masked=masked_address(gate.vault.unseal("email", account.email_sealed)),
                role=Role.ADMINISTRATOR if any(holding.is_administrator for holding in held) else Role.MEMBER,
                npis=tuple(holding.npi for holding in held if holding.npi) if all(h.npi for h in held) else (),
                since=first.opened_at,
                via=first.via,
                is_self=is_self,
                may_change=is_self or bool(leading),
                wait=wait,
            )
        )
    return OrganizationView(
        id=organization.id,
        name=organization.name,
        tin_masked=Tin(gate.vault.unseal("tin", organization.tin_sealed)).masked,
        role=Role.ADMINISTRATOR if leading else Role.MEMBER,
        inviting=tuple((holding.access_id, holding.npi) for holding in leading),
        colleagues=tuple(colleagues),
    )


async def newness_in(gate: Gate, session: AsyncSession, principal: Principal, organization_id: UUID) -> Newness:
    """What the person has to wait with there as a newcomer: names and invitations of those who were there before (P9)."""
    standing = Standing(session, organization_id, gate.limits, at=gate.now(), zone=gate.zone)
    return await standing.newness_of(principal.subject_id)


async def view_colleague(gate: Gate, principal: Principal, access_id: UUID) -> tuple[OrganizationView, ColleagueView]:
    """One colleague (or oneself), by the id of any access row of theirs that the person may see.

    Raises `Refusal` (`not_found`) for an unknown or foreign one (I15).
    """
    async with gate.database.read() as session:
        access = await session.get(Access, access_id)
        if access is None or access.status != "open":
            raise Refusal("not_found")
        holdings = await holdings_of(session, access.organization_id)
        if not managed(holdings, by=principal.subject_id, account_id=access.account_id):
            raise Refusal("not_found")
        organization = await session.get_one(Organization, access.organization_id)
        view = await _organization(gate, session, principal, organization)
        ids = {holding.access_id for holding in holdings if holding.account_id == access.account_id}
    for colleague in view.colleagues:
        if colleague.id in ids:
            return view, colleague
    raise Refusal("not_found")


async def change_role(gate: Gate, principal: Principal, access_id: UUID, *, role: str, key: str) -> ChangeResult:
    """Make a colleague an administrator or a member; oneself only a member.

    Comes back as a result when it was looked at: `last_administrator`, `not_administrator`, `colleague_gone`,
    `newcomer_waits`. Raises `Refusal`: `invalid_fields`, `not_found`, `key_reused`, `unavailable`.
    """
    return await _change(gate, principal, access_id, role=read_role(role), key=key)


async def remove(gate: Gate, principal: Principal, access_id: UUID, *, key: str) -> ChangeResult:
    """End a colleague's access to the organization, or one's own; at once, with their sessions if nothing is left (I20).

    Comes back as a result when it was looked at: `last_administrator`, `last_account`, `not_administrator`,
    `colleague_gone`, `newcomer_waits`. Raises `Refusal`: `not_found`, `key_reused`, `unavailable`.
    """
    return await _change(gate, principal, access_id, role=None, key=key)


def read_role(text: str) -> Role:
    """Raises `Refusal` (`invalid_fields`)."""
    try:
        return Role(text)
    except ValueError:
        fields = Fields()
        fields.add("role", "role_unknown", "Choose administrator or member.")
        fields.check()
        raise


async def _change(gate: Gate, principal: Principal, access_id: UUID, *, role: Role | None, key: str) -> ChangeResult:
    body = f"{access_id}\0{role or ''}"
    is_new = await remember_key(gate, scope=f"{principal.subject_id}/colleagues", key=key, body=body)
    change_id = UUID(hex=gate.vault.digest("colleague-change", f"{principal.subject_id}\0{key}")[:32])
    if not is_new and (made := await _made(gate, change_id)) is not None:
        return made
    async with gate.database.read() as session:
        access = await session.get(Access, access_id)
        if access is None or access.status != "open":
            raise Refusal("not_found")
        holdings = await holdings_of(session, access.organization_id)
        if not managed(holdings, by=principal.subject_id, account_id=access.account_id):
            raise Refusal("not_found")  # a foreign one looks like an unknown one (I15)
    begin = WithStartWorkflowOperation(
        ColleagueChange.run,
        ChangeColleague(
            change_id=str(change_id),
            organization_id=str(access.organization_id),
            account_id=str(access.account_id),
            actor_id=str(principal.subject_id),
            role=role,
        ),
        id=names.colleague_change_id(str(change_id)),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        task_queue=gate.task_queue,
        static_summary="A colleague is removed" if role is None else "A colleague's role changes",
    )
    try:
        result: ChangeResult = await gate.client.execute_update_with_start_workflow(
            names.OPENED,
            AskChange(change_id=str(change_id)),
            start_workflow_operation=unwatched(begin),
            id="opened",
            result_type=ChangeResult,
        )
        return result
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as error:
        if isinstance(error, RPCError) and error.status in {RPCStatusCode.ALREADY_EXISTS, RPCStatusCode.NOT_FOUND}:
            made = await _made(gate, change_id)  # it has ended already
            if made is not None:
                return made
        raise unavailable(error) from error


async def _made(gate: Gate, change_id: UUID) -> ChangeResult | None:
    async with gate.database.read() as session:
        row = await session.get(ColleagueChangeRow, change_id)
    return ChangeResult(accepted=row.accepted, code=Code(row.code), retry_at=row.retry_at) if row else None
