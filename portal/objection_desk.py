"""Objections to newcomers of whom nobody is said to have left: staff keep the newcomer's access, or two of them end it (P9, B11)."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from db import audit
from db.departures import NewcomerRuling
from db.registrations import RegistrationRow
from db.ruling_records import standing_ends
from domain.cases import some_text
from domain.rulings import ApplyRuling, Ruling, RulingApplied
from portal.departure_desk import list_objections
from portal.fields import Fields
from portal.gate import Gate, remember_key, unavailable, unwatched
from portal.refusals import Refusal
from portal.staff import StaffMember
from workflows import names
from workflows.newcomer_ruling import NewcomerRuling as NewcomerRulingWorkflow

_SEALED_RULING = "newcomer-ruling"


class Settled(StrEnum):
    """What a ruling came to."""

    KEPT = "kept"
    ENDED = "ended"
    SECOND_PERSON = "second_person"  # written down; another person of staff has to say the same


async def settle(
    gate: Gate, staff: StaffMember, registration_id: UUID, *, verdict: str, reason: str, key: str
) -> Settled:
    """Say whether the newcomer of this registration keeps the access. The word is written first, then it's applied.

    Raises `Refusal`: `invalid_fields`, `not_found` (nobody objected, or it's settled), `case_same_person` (the one who
    proposed the end can't confirm it), `key_reused`, `unavailable`.
    """
    fields = Fields()
    if verdict not in {one.value for one in Ruling}:
        fields.add("verdict", "verdict_missing", "Choose whether the access is kept or ends.")
    why = fields.read("reason", reason, lambda text: some_text(text, missing="Write what you found out.", most=1000))
    fields.check()
    await remember_key(gate, scope=f"newcomer/{registration_id}/staff", key=key, body=f"{verdict}\0{why}")
    cause = gate.vault.digest("newcomer-ruling", f"{registration_id}\0{staff.id}\0{key}")
    ruling_id, now = UUID(hex=cause[:32]), gate.now()
    insert = sqlite_insert if gate.database.is_sqlite else postgresql_insert
    waiting = {one.registration_id for one in await list_objections(gate, staff)}
    async with gate.database.write() as session:
        row = await session.get(RegistrationRow, registration_id, with_for_update=True)
        known = await session.get(NewcomerRuling, ruling_id)
        if row is None or (known is None and registration_id not in waiting):
            raise Refusal("not_found")
        ends = await standing_ends(session, registration_id)
        if known is None and verdict == Ruling.END and any(one.staff_id == staff.id for one in ends):
            raise Refusal("case_same_person")
        made = await session.scalar(
            insert(NewcomerRuling)
            .values(
                id=ruling_id, revision=0, registration_id=registration_id, staff_id=staff.id, verdict=verdict,
                reason_sealed=gate.vault.seal(_SEALED_RULING, why or ""), cause=cause, at=now,
            )
            .on_conflict_do_nothing()
            .returning(col(NewcomerRuling.id))
        )  # fmt: skip
        if made is not None:
            await audit.append(
                session, at=now, actor=f"staff/{staff.id}", action="newcomer.ruling_written",
                subject=f"registration/{registration_id}", verdict=verdict,
            )  # fmt: skip
        is_first = not any(one.staff_id != staff.id for one in ends)
    if known is not None and known.applied_at is not None:  # the request came before, and its answer was lost
        return Settled.ENDED if verdict == Ruling.END else Settled.KEPT
    if verdict == Ruling.END and is_first:
        return Settled.SECOND_PERSON
    applied = await _apply(gate, ruling_id, reference=row.reference)
    if not applied.accepted:
        return Settled.SECOND_PERSON
    return Settled.ENDED if verdict == Ruling.END else Settled.KEPT


async def _apply(gate: Gate, ruling_id: UUID, *, reference: str) -> RulingApplied:
    cmd = ApplyRuling(ruling_id=str(ruling_id), reference=reference)
    begin = WithStartWorkflowOperation(
        NewcomerRulingWorkflow.run,
        cmd,
        id=names.newcomer_ruling_id(str(ruling_id)),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        task_queue=gate.task_queue,
        static_summary=f"Ruling of a newcomer, {reference}",
    )
    try:
        applied: RulingApplied = await gate.client.execute_update_with_start_workflow(
            names.OPENED, cmd, start_workflow_operation=unwatched(begin), id="opened", result_type=RulingApplied
        )
        return applied
    except WorkflowAlreadyStartedError:
        # It has ended a moment ago: its result says what it came to.
        return await _result(gate, ruling_id)
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as error:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.ALREADY_EXISTS:
            return await _result(gate, ruling_id)
        raise unavailable(error) from error


async def _result(gate: Gate, ruling_id: UUID) -> RulingApplied:
    workflow_id = names.newcomer_ruling_id(str(ruling_id))
    result: RulingApplied = await gate.client.get_workflow_handle(workflow_id, result_type=RulingApplied).result()
    return result
