"""Access that staff give without a check number: on two people's decisions, read again in the same transaction (I3, B11)."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Access, Account
from db.cases import CaseRow
from db.directory import Organization, OrganizationNpi
from db.registrations import Evidence, RegistrationRow
from db.staff import StaffAccount, StaffDecision
from domain.cases import CaseCode, CaseForm
from domain.registration import State

_VIA: Final = "staff"


async def open_staff(session: AsyncSession, staff_id: UUID | None) -> StaffAccount | None:
    """The member of staff, if there is one who may act: set up and not closed."""
    found = await session.get(StaffAccount, staff_id) if staff_id else None
    return found if found is not None and found.ready_at is not None and found.closed_at is None else None


async def decision_of(
    session: AsyncSession, row: CaseRow, *, decision_id: UUID | None, staff_id: UUID, kind: str
) -> StaffDecision | None:
    """The decision, if it is this person's about this case."""
    found = await session.get(StaffDecision, decision_id) if decision_id else None
    if found is None or (found.case_id, found.staff_id, found.kind) != (row.id, staff_id, kind):
        return None
    return found


async def organization_of(session: AsyncSession, row: CaseRow) -> Organization | None:
    """What the directory has for the case's Tax ID now."""
    if row.tin_digest is None:
        return None
    return await session.scalar(select(Organization).where(col(Organization.tin_digest) == row.tin_digest))


async def may_be_given(session: AsyncSession, row: CaseRow, form: CaseForm) -> Organization | CaseCode:
    """The organization that the case asks access to, or why there can't be any."""
    organization = await organization_of(session, row)
    if organization is None:
        return CaseCode.NOT_IN_DIRECTORY
    if form.npi and await session.get(OrganizationNpi, (organization.id, form.npi)) is None:
        return CaseCode.NOT_IN_DIRECTORY
    if row.account_id is not None:
        account = await session.get(Account, row.account_id)
        if account is None or account.closed_at is not None:
            return CaseCode.EVIDENCE_MISSING
        held = await session.scalars(
            select(Access).where(
                col(Access.account_id) == row.account_id,
                col(Access.organization_id) == organization.id,
                col(Access.status) != "ended",
            )
        )
        if any(access.npi is None or access.npi == form.npi for access in held):
            return CaseCode.ACCESS_EXISTS
    elif row.registration_id is not None:
        registration = await session.get(RegistrationRow, row.registration_id)
        if registration is None or State(registration.state) is not State.PROVING:
            return CaseCode.EVIDENCE_MISSING
    return organization


async def give_access(
    session: AsyncSession, row: CaseRow, form: CaseForm, *, confirmation: StaffDecision, at: datetime
) -> Evidence | CaseCode:
    """Make the evidence, and for an account its access. Two different people of staff must have said so."""
    proposal = await session.get(StaffDecision, row.proposal_id) if row.proposal_id else None
    if proposal is None or proposal.case_id != row.id or proposal.kind != "propose":
        return CaseCode.NO_PROPOSAL
    if proposal.staff_id == confirmation.staff_id:
        return CaseCode.SAME_PERSON
    if await open_staff(session, proposal.staff_id) is None:
        return CaseCode.EVIDENCE_MISSING
    organization = await may_be_given(session, row, form)
    if isinstance(organization, CaseCode):
        return organization
    evidence = Evidence(
        registration_id=row.registration_id, kind=_VIA, source_id=row.id, organization_id=organization.id,
        npi=form.npi or None, matched_at=at,
    )  # fmt: skip
    session.add(evidence)
    await session.flush()
    if row.account_id is not None:
        session.add(
            Access(
                account_id=row.account_id, organization_id=organization.id, npi=form.npi or None,
                evidence_id=evidence.id, via=_VIA, opened_at=at,
            )
        )  # fmt: skip
    row.organization_id = organization.id
    return evidence
