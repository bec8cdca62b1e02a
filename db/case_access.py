"""Access that staff give without a check number: on two people's decisions, read again in the same transaction (I3, B11)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.accounts import Access, Account
from db.cases import CaseRow
from db.directory import Organization, OrganizationNpi
from db.registrations import Evidence, RegistrationRow
from db.staff import StaffAccount, StaffDecision
from domain.cases import ActOnCase, CaseCode, CaseForm, StaffAction
from domain.registration import State

_VIA: Final = "staff"
DECIDES: Final[Mapping[StaffAction, str]] = {
    StaffAction.PROPOSE_ACCESS: "propose",
    StaffAction.CONFIRM_ACCESS: "confirm",
    StaffAction.REJECT_ACCESS: "reject",
}
"""The actions that need a decision of one's own on record, and its kind."""


async def open_staff(session: AsyncSession, staff_id: UUID | None) -> StaffAccount | None:
    """The member of staff, if there is one who may act: set up and not closed."""
    found = await session.get(StaffAccount, staff_id) if staff_id else None
    return found if found is not None and found.ready_at is not None and found.closed_at is None else None


async def spend_decision(session: AsyncSession, row: CaseRow, act: ActOnCase, *, at: datetime) -> StaffDecision | None:
    """The decision that an action names, if it is this person's about this case and counts still.

    It's used up by that, whatever comes of the action: the same message sent again decides nothing. The case's row is
    locked by the caller.
    """
    if act.decision_id is None or act.action not in DECIDES:
        return None
    found = await session.get(StaffDecision, UUID(act.decision_id), populate_existing=True)
    if found is None or found.spent_at is not None:
        return None
    if (found.case_id, found.staff_id, found.kind) != (row.id, UUID(act.staff_id), DECIDES[act.action]):
        return None
    found.spent_at = at
    return found


async def reject_proposal(
    session: AsyncSession, row: CaseRow, *, rejection: StaffDecision | None, at: datetime
) -> CaseCode:
    """Take the proposal away, with every word on it that hasn't arrived yet."""
    if row.proposal_id is None:
        return CaseCode.NO_PROPOSAL
    if rejection is None or rejection.proposal_id != row.proposal_id:
        return CaseCode.EVIDENCE_MISSING
    await session.execute(
        update(StaffDecision)
        .where(col(StaffDecision.proposal_id) == row.proposal_id, col(StaffDecision.spent_at).is_(None))
        .values(spent_at=at)
    )
    row.proposal_id = None
    return CaseCode.OK


async def void_decision(session: AsyncSession, decision_id: UUID, *, at: datetime) -> None:
    """A decision that nothing came of: its case stood elsewhere."""
    await session.execute(
        update(StaffDecision)
        .where(col(StaffDecision.id) == decision_id, col(StaffDecision.spent_at).is_(None))
        .values(spent_at=at)
    )


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
    """Make the evidence, and for an account its access. Two different people of staff must have said so.

    The confirmation comes from `spend_decision`.
    """
    proposal = await session.get(StaffDecision, row.proposal_id) if row.proposal_id else None
    if proposal is None or proposal.case_id != row.id or proposal.kind != "propose":
        return CaseCode.NO_PROPOSAL
    if proposal.staff_id == confirmation.staff_id:
        return CaseCode.SAME_PERSON
    if confirmation.kind != "confirm" or confirmation.proposal_id != proposal.id:
        return CaseCode.EVIDENCE_MISSING  # said of another proposal than the one that stands now
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
