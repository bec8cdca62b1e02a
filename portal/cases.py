"""Support cases for the person they are about: open one, look at it, answer, close it (P8, P10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlmodel import col
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from db.case_records import SEALED_FORM
from db.cases import CaseEntry, CaseRow
from db.counting import count
from db.directory import Organization
from db.registrations import RegistrationRow
from domain.case_words import entry_in_words
from domain.cases import (
    OPEN,
    AnswerQuestion,
    AskCase,
    CaseCode,
    CaseForm,
    CaseKind,
    CaseResult,
    CaseState,
    StartCase,
    case_number,
    one_line,
    some_text,
    telephone,
)
from domain.identifiers import Npi, Tin
from domain.recording import Payload
from domain.registration import State
from portal.fields import Fields
from portal.gate import (
    Gate,
    StandsElsewhere,
    UnknownWorkflow,
    remember_key_in,
    send_update,
    unavailable,
    unwatched,
    wrong_state,
)
from portal.refusals import Refusal
from portal.registering import OrganizationDraft, keep_draft
from portal.sessions import Principal, SessionKind
from workflows import names
from workflows.support_case import SupportCase

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CaseParty:
    """Whom a case belongs to: a registration or an account."""

    registration_id: UUID | None = None
    account_id: UUID | None = None

    @classmethod
    def of(cls, principal: Principal) -> Self:
        """The party behind a session."""
        if principal.kind is SessionKind.REGISTRATION:
            return cls(registration_id=principal.subject_id)
        if principal.kind is SessionKind.ACCOUNT:
            return cls(account_id=principal.subject_id)
        raise Refusal("not_found")

    def owns(self, row: CaseRow) -> bool:
        return (row.registration_id, row.account_id) == (self.registration_id, self.account_id)

    @property
    def key(self) -> str:
        return f"registration/{self.registration_id}" if self.registration_id else f"account/{self.account_id}"


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """A case that staff look after from now on. The answer is the same whether the directory knows the Tax ID or not."""

    case_id: UUID
    number: str
    state: CaseState


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One line of a case's timeline in plain words. `who` is a name for staff, empty for the person."""

    at: datetime
    words: str
    text: str
    who: str = ""
    internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A case as its person sees it. Times are UTC."""

    id: UUID
    number: str
    kind: CaseKind
    state: CaseState
    opened_at: datetime
    due_at: datetime | None
    answer_by: datetime | None
    closed_at: datetime | None
    organization: str
    tin_masked: str | None
    timeline: tuple[CaseLine, ...]


async def open_case(
    gate: Gate,
    party: CaseParty,
    *,
    kind: CaseKind,
    key: str,
    organization: str = "",
    tin: str = "",
    npi: str = "",
    address: str = "",
    telephone_number: str = "",
    best_time: str = "",
    note: str = "",
) -> OpenedCase:
    """Send the form to staff; the same key and form open the same case.

    Raises `Refusal`: `invalid_fields`, `case_open` (there is one of this kind already), `too_many_tries`, `key_reused`,
    `wrong_state` (a registration whose address isn't confirmed, or that has proved its organization),
    `registration_…`, `unavailable`.
    """
    form = _read_form(
        kind, organization=organization, tin=tin, npi=npi, address=address, telephone_number=telephone_number,
        best_time=best_time, note=note,
    )  # fmt: skip
    case_id = UUID(hex=gate.vault.digest("case", f"{party.key}\0{key}")[:32])
    now = gate.now()
    async with gate.database.write() as session:
        fresh = await remember_key_in(
            session, gate, scope=f"cases/{party.key}"[:120], key=key, body=form.model_dump_json()
        )
        known = await session.get(CaseRow, case_id)
        if known is not None:
            return OpenedCase(case_id, known.number, CaseState(known.state))
        if fresh:
            if party.registration_id is not None:
                registration = await session.get(RegistrationRow, party.registration_id)
                if registration is None or State(registration.state) not in {State.PROVING, State.AWAITING_PIN}:
                    raise wrong_state(State(registration.state)) if registration else Refusal("not_found")
            if await session.scalar(select(col(CaseRow.id)).where(_of(party), _is_open(kind)).limit(1)) is not None:
                raise Refusal("case_open")
            tally = await count(session, "cases", party.key, at=now, window=_DAY)
            if tally.count > gate.limits.cases_per_person:
                raise Refusal("too_many_tries", retry_at=tally.window_ends_at)
    number = case_number(case_id)
    start = StartCase(
        case_id=str(case_id),
        number=number,
        kind=kind,
        registration_id=str(party.registration_id) if party.registration_id else None,
        account_id=str(party.account_id) if party.account_id else None,
        form=form,
        look_every=gate.limits.case_look_every,
    )
    opened = OpenedCase(case_id, number, (await _start(gate, start)).state)
    if party.registration_id is not None and form.tin:
        # Once listed, the same registration goes on without retyping (P8).
        await keep_draft(gate, party.registration_id, OrganizationDraft(tin=form.tin, npi=form.npi or ""))
    return opened


async def _start(gate: Gate, start: StartCase) -> CaseResult:
    begin = WithStartWorkflowOperation(
        SupportCase.run,
        start,
        id=names.case_id(start.case_id),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        task_queue=gate.task_queue,
        static_summary=f"Case {start.number}",
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(names.REFERENCE, start.number), SearchAttributePair(names.STATE, CaseState.NEW)]
        ),
    )
    try:
        result: CaseResult = await gate.client.execute_update_with_start_workflow(
            names.OPENED,
            AskCase(case_id=start.case_id),
            start_workflow_operation=unwatched(begin),
            id="opened",
            result_type=CaseResult,
        )
        return result
    except WorkflowAlreadyStartedError:
        pass
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as error:
        if not (isinstance(error, RPCError) and error.status is RPCStatusCode.ALREADY_EXISTS):
            raise unavailable(error) from error
    # It has ended a moment ago: the repeated request is answered with how it stands.
    async with gate.database.read() as session:
        row = await session.get_one(CaseRow, UUID(start.case_id))
    return CaseResult(accepted=True, code=CaseCode.OK, state=CaseState(row.state))


async def list_cases(gate: Gate, party: CaseParty) -> Sequence[CaseView]:
    """The party's own cases, the newest first; without their timelines."""
    async with gate.database.read() as session:
        rows = await session.scalars(select(CaseRow).where(_of(party)).order_by(col(CaseRow.opened_at).desc()))
        return [_view(gate, row, ()) for row in rows]


async def view_case(gate: Gate, party: CaseParty, case_id: UUID) -> CaseView:
    """One of the party's own cases. Raises `Refusal` (`not_found`) for an unknown or foreign one (I15)."""
    row = await _own(gate, party, case_id)
    async with gate.database.read() as session:
        entries = await session.scalars(
            select(CaseEntry)
            .where(col(CaseEntry.case_id) == row.id, col(CaseEntry.internal).is_(False))
            .order_by(col(CaseEntry.revision))
        )
        lines = tuple(line_of(gate, entry, for_staff=False) for entry in entries)
    return _view(gate, row, lines)


async def answer(gate: Gate, party: CaseParty, case_id: UUID, *, text: str, key: str) -> CaseResult:
    """Answer staff's question, or add something. Raises `Refusal`: `invalid_fields`, `not_found`, `case_over`, …"""
    fields = Fields()
    parsed = fields.read("text", text, lambda typed: some_text(typed, missing="Write your answer."))
    fields.check()
    await _own(gate, party, case_id)
    return await send_case_update(
        gate, case_id, names.ANSWER_QUESTION, AnswerQuestion(text=parsed or ""), key=key, body=parsed or ""
    )


async def withdraw(gate: Gate, party: CaseParty, case_id: UUID, *, key: str) -> CaseResult:
    """Close a case that isn't needed any more. Raises `Refusal`: `not_found`, `case_over`, `key_reused`, `unavailable`."""
    await _own(gate, party, case_id)
    return await send_case_update(gate, case_id, names.WITHDRAW, AskCase(case_id=str(case_id)), key=key, body="")


async def send_case_update(
    gate: Gate, case_id: UUID, update: str, cmd: Payload, *, key: str, body: str, by: str = "person"
) -> CaseResult:
    """Send one step to a case and wait for the answer; the same key and body of one sender get the same answer.

    Raises `Refusal`: `case_wrong_state`, `case_over`, `not_found`, `key_reused`, `unavailable`, and the code of a step
    that was looked at and isn't accepted.
    """
    try:
        result = await send_update(
            gate, names.case_id(str(case_id)), update, cmd, scope=f"{case_id}/{by}/{update}", key=key, body=body,
            result_type=CaseResult,
        )  # fmt: skip
    except StandsElsewhere as error:
        raise Refusal("case_over" if CaseState(error.state).is_final else "case_wrong_state") from None
    except UnknownWorkflow:
        async with gate.database.read() as session:
            row = await session.get(CaseRow, case_id)
        raise Refusal("case_over" if row is not None and CaseState(row.state).is_final else "not_found") from None
    if not result.accepted:
        raise Refusal(result.code)
    return result


async def listed_by_import(gate: Gate) -> int:
    """Have the cases look whose organization the directory has by now; returns how many were told (P8).

    Reads the database first: without such a case Temporal isn't needed. Raises `Refusal` (`unavailable`).
    """
    async with gate.database.read() as session:
        waiting = await session.scalars(
            select(col(CaseRow.id))
            .join(Organization, col(Organization.tin_digest) == col(CaseRow.tin_digest))
            .where(_is_open(CaseKind.NOT_LISTED), col(CaseRow.known_at_opening).is_(False))
        )
        case_ids = [str(case_id) for case_id in waiting]
    for case_id in case_ids:
        try:
            handle = gate.client.get_workflow_handle(names.case_id(case_id))
            await handle.signal(names.LOOK_AGAIN, AskCase(case_id=case_id))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended meanwhile
                raise unavailable(error) from error
    return len(case_ids)


def line_of(gate: Gate, entry: CaseEntry, *, for_staff: bool, who: str = "") -> CaseLine:
    """A line of the timeline in words."""
    text = gate.vault.unseal("case.text", entry.text_sealed) if entry.text_sealed else ""
    return CaseLine(entry.at, entry_in_words(entry.what, for_staff=for_staff), text, who, entry.internal)


def form_of(gate: Gate, row: CaseRow) -> CaseForm:
    """What the person wrote."""
    return CaseForm.model_validate_json(gate.vault.unseal(SEALED_FORM, row.form_sealed))


def _of(party: CaseParty) -> ColumnElement[bool]:
    if party.registration_id is not None:
        return col(CaseRow.registration_id) == party.registration_id
    return col(CaseRow.account_id) == party.account_id


def _is_open(kind: CaseKind) -> ColumnElement[bool]:
    return (col(CaseRow.kind) == kind) & col(CaseRow.state).in_(OPEN)


async def _own(gate: Gate, party: CaseParty, case_id: UUID) -> CaseRow:
    async with gate.database.read() as session:
        row = await session.get(CaseRow, case_id)
    if row is None or not party.owns(row):
        raise Refusal("not_found")
    return row


def _view(gate: Gate, row: CaseRow, lines: tuple[CaseLine, ...]) -> CaseView:
    form = form_of(gate, row)
    return CaseView(
        id=row.id,
        number=row.number,
        kind=CaseKind(row.kind),
        state=CaseState(row.state),
        opened_at=row.opened_at,
        due_at=row.due_at,
        answer_by=row.answer_by,
        closed_at=row.closed_at,
        organization=form.organization,
        tin_masked=Tin(form.tin).masked if form.tin else None,
        timeline=lines,
    )


def _read_form(
    kind: CaseKind,
    *,
    organization: str,
    tin: str,
    npi: str,
    address: str,
    telephone_number: str,
    best_time: str,
    note: str,
) -> CaseForm:
    """The form, well formed. Whether the directory knows any of it isn't looked at. Raises `Refusal` (`invalid_fields`)."""
    fields = Fields()
    needed = kind is CaseKind.NOT_LISTED

    def read_note() -> str | None:
        missing = "" if needed else "Write what we can do for you."
        return fields.read("note", note, lambda text: some_text(text, missing=missing))

    # In the order of the page, so that its summary of errors is: there "Contact us" asks for the note first.
    words = None if needed else read_note()
    named = fields.read(
        "organization",
        organization,
        lambda text: one_line(text, missing="Enter the organization's name." if needed else ""),
    )
    parsed_tin = fields.read("tin", tin, Tin.parse) if needed or tin.strip() else None
    parsed_npi = fields.read("npi", npi, Npi.parse) if npi.strip() else None
    where = fields.read(
        "address",
        address,
        lambda text: some_text(text, missing="Enter the organization's address." if needed else "", most=400),
    )
    phone = fields.read("telephone", telephone_number, telephone)
    when = fields.read("best_time", best_time, one_line)
    if needed:
        words = read_note()
    if parsed_npi is not None and parsed_tin is None and not tin.strip():
        fields.add("tin", "tin_missing", "Enter the Tax ID that the NPI belongs to.")
    fields.check()
    return CaseForm(
        organization=named or "", tin=parsed_tin.digits if parsed_tin else "", npi=parsed_npi.digits if parsed_npi else "",
        address=where or "", telephone=phone or "", best_time=when or "", note=words or "",
    )  # fmt: skip
