"""Support cases for staff: the queue, one case with all there is to it, and what staff do with it (P8, P10, B11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col

from db.accounts import Account
from db.case_access import DECIDES, organization_of, void_decision
from db.cases import CaseEntry, CaseRow
from db.registrations import RegistrationRow
from db.staff import StaffAccount, StaffDecision
from domain.cases import (
    ACTION_KINDS,
    ACTION_STATES,
    NEEDS_TEXT,
    OPEN,
    ActOnCase,
    CaseForm,
    CaseKind,
    CaseResult,
    CaseState,
    StaffAction,
    some_text,
)
from portal.cases import CaseLine, form_of, line_of, send_case_update
from portal.fields import Fields
from portal.gate import Gate
from portal.refusals import Refusal
from portal.staff import StaffMember
from workflows import names

PAGE_SIZE: Final = 25


class CaseOrder(StrEnum):
    """What the queue can be sorted by; turned round with `descending`."""

    DUE = "due"
    WAITING = "waiting"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases the queue shows; without a state all open ones. `owner`: a staff id, `none`, or empty for all."""

    state: CaseState | None = None
    closed: bool = False
    kind: CaseKind | None = None
    overdue: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A line of the queue. It names no person and no organization."""

    id: UUID
    number: str
    kind: CaseKind
    state: CaseState
    waiting_since: datetime
    due_at: datetime | None
    overdue: bool
    owner_id: UUID | None
    owner: str | None
    mail_failed: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of the queue."""

    rows: tuple[QueueRow, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskCase:
    """A case with all there is to it, for staff."""

    row: QueueRow
    opened_at: datetime
    answer_by: datetime | None
    closed_at: datetime | None
    person: str
    email: str
    has_account: bool
    registration: str | None  # the registration's reference
    form: CaseForm
    in_directory: bool
    linked: tuple[tuple[UUID, str], ...]  # other cases for the same Tax ID: id and number
    proposed_by: UUID | None
    actions: tuple[StaffAction, ...]
    timeline: tuple[CaseLine, ...]


async def list_queue(
    gate: Gate,
    which: CaseFilter,
    *,
    order: CaseOrder = CaseOrder.DUE,
    descending: bool = False,
    page: int = 1,
) -> Queue:
    """One page of the cases that the filter lets through."""
    chosen = select(CaseRow).where(*_conditions(which))
    async with gate.database.read() as session:
        total = await session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
        pages = max(1, -(-total // PAGE_SIZE))
        page = min(max(page, 1), pages)
        rows = (
            await session.scalars(_sorted(chosen, order, descending).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE))
        ).all()
        staff = await _staff_names(gate, [row.owner_id for row in rows])
    return Queue(tuple(_queue_row(row, staff) for row in rows), page, pages, total)


def _conditions(which: CaseFilter) -> list[ColumnElement[bool]]:
    if which.state is not None:
        found = [col(CaseRow.state) == which.state]
    else:
        found = [col(CaseRow.state).not_in(OPEN) if which.closed else col(CaseRow.state).in_(OPEN)]
    if which.kind is not None:
        found.append(col(CaseRow.kind) == which.kind)
    if which.overdue:
        found.append(col(CaseRow.overdue).is_(True))
    if which.owner == "none":
        found.append(col(CaseRow.owner_id).is_(None))
    elif which.owner:
        try:
            found.append(col(CaseRow.owner_id) == UUID(which.owner))
        except ValueError:
            raise Refusal("not_found") from None
    return found


def _sorted(chosen: Select[CaseRow], order: CaseOrder, descending: bool) -> Select[CaseRow]:
    column = {
        CaseOrder.DUE: col(CaseRow.due_at),
        CaseOrder.WAITING: col(CaseRow.waiting_since),
        CaseOrder.NUMBER: col(CaseRow.number),
    }[order]
    # Cases without a due date wait for somebody else: they come last either way.
    return chosen.order_by(column.is_(None), column.desc() if descending else column.asc(), col(CaseRow.id))


async def _staff_names(gate: Gate, ids: Sequence[UUID | None]) -> dict[UUID, str]:
    async with gate.database.read() as session:
        rows = await session.scalars(select(StaffAccount).where(col(StaffAccount.id).in_({one for one in ids if one})))
        return {
            row.id: gate.vault.unseal("name", row.name_sealed) + ("" if row.closed_at is None else " (closed)")
            for row in rows
        }


def _queue_row(row: CaseRow, staff: Mapping[UUID, str]) -> QueueRow:
    return QueueRow(
        id=row.id,
        number=row.number,
        kind=CaseKind(row.kind),
        state=CaseState(row.state),
        waiting_since=row.waiting_since,
        due_at=row.due_at,
        overdue=row.overdue,
        owner_id=row.owner_id,
        owner=staff.get(row.owner_id) if row.owner_id else None,
        mail_failed=row.mail_failed,
    )


async def view_desk_case(gate: Gate, staff: StaffMember, case_id: UUID) -> DeskCase:
    """One case for the member of staff who looks at it. Raises `Refusal` (`not_found`)."""
    async with gate.database.read() as session:
        row = await session.get(CaseRow, case_id)
        if row is None:
            raise Refusal("not_found")
        entries = (
            await session.scalars(
                select(CaseEntry).where(col(CaseEntry.case_id) == case_id).order_by(col(CaseEntry.revision))
            )
        ).all()
        registration = await session.get(RegistrationRow, row.registration_id) if row.registration_id else None
        account = await session.get(Account, row.account_id) if row.account_id else None
        person = registration or account
        assert person is not None  # noqa: S101 - a case belongs to one of the two
        linked = (
            await session.scalars(
                select(CaseRow).where(col(CaseRow.tin_digest) == row.tin_digest, col(CaseRow.id) != row.id)
            )
            if row.tin_digest
            else ()
        )
        others = tuple((other.id, other.number) for other in linked)
        proposal = await session.get(StaffDecision, row.proposal_id) if row.proposal_id else None
        in_directory = await organization_of(session, row) is not None
    staff_names = await _staff_names(gate, [row.owner_id, *(entry.staff_id for entry in entries)])
    return DeskCase(
        row=_queue_row(row, staff_names),
        opened_at=row.opened_at,
        answer_by=row.answer_by,
        closed_at=row.closed_at,
        person=gate.vault.unseal("name", person.name_sealed),
        email=gate.vault.unseal("email", person.email_sealed),
        has_account=row.account_id is not None,
        registration=registration.reference if registration else None,
        form=form_of(gate, row),
        in_directory=in_directory,
        linked=others,
        proposed_by=proposal.staff_id if proposal else None,
        actions=_possible(row, staff, proposed_by=proposal.staff_id if proposal else None),
        timeline=tuple(
            line_of(gate, entry, for_staff=True, who=staff_names.get(entry.staff_id, "") if entry.staff_id else "")
            for entry in entries
        ),
    )


def _possible(row: CaseRow, staff: StaffMember, *, proposed_by: UUID | None) -> tuple[StaffAction, ...]:
    """What this member of staff could do now; the recorded step has the last word."""
    hidden = {
        StaffAction.TAKE: row.owner_id == staff.id,
        StaffAction.PROPOSE_ACCESS: proposed_by is not None,
        StaffAction.CONFIRM_ACCESS: proposed_by in {None, staff.id},
        StaffAction.REJECT_ACCESS: proposed_by is None,
    }
    return tuple(
        action
        for action in StaffAction
        if CaseState(row.state) in ACTION_STATES[action]
        and CaseKind(row.kind) in ACTION_KINDS[action]
        and not hidden.get(action, False)
    )


async def act(
    gate: Gate,
    staff: StaffMember,
    case_id: UUID,
    action: StaffAction,
    *,
    text: str = "",
    assignee_id: str = "",
    key: str,
) -> CaseResult:
    """Do something with a case; the same key and contents do it once.

    Raises `Refusal`: `invalid_fields`, `not_found`, `case_wrong_state`, `case_over`, `key_reused`, `unavailable`, and what
    the recorded step refuses: `case_not_in_directory`, `case_wrong_kind`, `case_staff_unknown`, `case_not_yours`,
    `case_no_proposal`, `case_same_person`, `case_access_exists`, `case_evidence_missing`.
    """
    fields = Fields()
    missing = "Write what the person or your colleagues have to know." if action in NEEDS_TEXT else ""
    parsed = fields.read("text", text, lambda typed: some_text(typed, missing=missing)) or ""
    if action is StaffAction.REASSIGN and not _is_id(assignee_id):
        fields.add("assignee_id", "missing", "Choose to whom the case goes.")
    fields.check()
    async with gate.database.read() as session:
        if await session.get(CaseRow, case_id) is None:
            raise Refusal("not_found")
    decision_id = await _decide(gate, staff, case_id, DECIDES[action], key=key) if action in DECIDES else None
    cmd = ActOnCase(
        action=action,
        staff_id=str(staff.id),
        text=parsed,
        assignee_id=assignee_id if action is StaffAction.REASSIGN else None,
        decision_id=str(decision_id) if decision_id else None,
    )
    body = f"{action}\0{parsed}\0{cmd.assignee_id}"
    try:
        return await send_case_update(
            gate, case_id, names.STAFF_ACTION, cmd, key=key, body=body, by=f"staff/{staff.id.hex}"
        )
    except Refusal as refusal:
        if decision_id is not None and refusal.code in {"case_wrong_state", "case_over"}:
            async with gate.database.write() as session:
                await void_decision(session, decision_id, at=gate.now())
        raise


async def _decide(gate: Gate, staff: StaffMember, case_id: UUID, kind: str, *, key: str) -> UUID:
    """Write the decision down under this person's session; the workflow is told its id afterwards (I3).

    A confirmation or rejection is of the proposal that stands now, and of no other one.
    """
    cause = gate.vault.digest("staff-decision", f"{case_id}\0{staff.id}\0{kind}\0{key}")
    insert = sqlite_insert if gate.database.is_sqlite else postgresql_insert
    decision_id = UUID(hex=cause[:32])
    async with gate.database.write() as session:
        row = await session.get_one(CaseRow, case_id)
        await session.execute(
            insert(StaffDecision)
            .values(
                id=decision_id, case_id=case_id, staff_id=staff.id, kind=kind, cause=cause, at=gate.now(),
                proposal_id=None if kind == "propose" else row.proposal_id,
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
    return decision_id


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
