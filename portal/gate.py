"""What every function of the portal needs: the way to Temporal, the database and the keys; and how a step is sent."""

import asyncio
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TypeVar
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from db.database import Database
from db.registrations import IdempotencyKey, RegistrationRow
from domain.limits import Limits
from domain.ports import Vault
from domain.recording import Payload
from domain.registration import State, StepResult
from ops.logs import logger
from portal.refusals import Refusal
from portal.turns import Turns
from workflows import names
from workflows.recording import WRONG_STATE

Result = TypeVar("Result", bound=Payload)
Started = TypeVar("Started")
Ended = TypeVar("Ended")


def wall_clock() -> datetime:
    """The time of day, for what no workflow times: sessions, sign-ins, keys."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Built once per process by the composition root. `client` may be lazy: Temporal can be away at start."""

    client: Client
    database: Database
    vault: Vault
    limits: Limits
    task_queue: str
    payer_name: str
    # Each password hash takes 64 MiB and a core for a fifth of a second.
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    turns: Turns = field(default_factory=Turns)
    now: Callable[[], datetime] = wall_clock
    zone: tzinfo = UTC  # the payer's: it decides which day it is


async def remember_key(gate: Gate, *, scope: str, key: str, body: str) -> bool:
    """Tie a caller's idempotency key to the body that came with it; true when it's new.

    Raises `Refusal` (`key_reused`) when the key came with another body before (I2).
    """
    async with gate.database.write() as session:
        return await remember_key_in(session, gate, scope=scope, key=key, body=body)


async def remember_key_in(session: AsyncSession, gate: Gate, *, scope: str, key: str, body: str) -> bool:
    """`remember_key` within a transaction: what is refused in it leaves no key behind."""
    digest = gate.vault.digest("body", body)
    insert = sqlite_insert if gate.database.is_sqlite else postgresql_insert
    fresh = await session.scalar(
        insert(IdempotencyKey)
        .values(scope=scope, key=gate.vault.digest("key", key), body_digest=digest, at=gate.now())
        .on_conflict_do_nothing()
        .returning(col(IdempotencyKey.key))
    )
    if fresh is not None:
        return True
    known = await session.get_one(IdempotencyKey, (scope, gate.vault.digest("key", key)))
    if known.body_digest != digest:
        raise Refusal("key_reused")
    return False


async def send_step(gate: Gate, registration_id: UUID, update: str, cmd: Payload, *, key: str, body: str) -> StepResult:
    """Send one step to its workflow and wait for the answer; the same key and body get the same answer.

    Raises `Refusal`: `key_reused`, `wrong_state` with the state, `registration_…` when it's over, `unavailable`.
    A counted refusal (a wrong code, a payment without a match) comes back as a result, not as an exception.
    """
    try:
        return await send_update(
            gate, names.registration_id(str(registration_id)), update, cmd, scope=f"{registration_id}/{update}",
            key=key, body=body, result_type=StepResult,
        )  # fmt: skip
    except StandsElsewhere as error:
        raise wrong_state(State(error.state)) from None
    except UnknownWorkflow:
        raise await _over_or_unknown(gate, registration_id) from None


class StandsElsewhere(Exception):
    """The workflow refused a step because of its state."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class UnknownWorkflow(Exception):
    """Temporal knows no such open workflow: it never was, it has ended, or it's forgotten."""


async def send_update(
    gate: Gate,
    workflow_id: str,
    update: str,
    cmd: Payload,
    *,
    scope: str,
    key: str,
    body: str,
    result_type: type[Result],
) -> Result:
    """Send one step to any workflow and wait for the answer; the same key and body in a scope get the same answer.

    Raises `StandsElsewhere`, `UnknownWorkflow`, and `Refusal`: `key_reused`, `unavailable`.
    """
    await remember_key(gate, scope=scope, key=key, body=body)
    handle = gate.client.get_workflow_handle(workflow_id)
    update_id = gate.vault.digest("update", f"{scope}\0{key}")[:32]
    try:
        async with gate.turns.turn(workflow_id):
            result: Result = await handle.execute_update(update, cmd, id=update_id, result_type=result_type)
        return result
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == WRONG_STATE:
            raise StandsElsewhere(error.cause.details[0]) from None
        raise
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as error:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
            raise UnknownWorkflow from None
        raise unavailable(error) from error


def wrong_state(state: State) -> Refusal:
    """The refusal of a step that isn't open: 409 while the registration goes on, 410 when it's over."""
    return Refusal(f"registration_{state}" if state.is_final else "wrong_state", state=state)


def unwatched(begin: WithStartWorkflowOperation[Started, Ended]) -> WithStartWorkflowOperation[Started, Ended]:
    """The same, for a caller who asks the update alone: the error of both would be logged as one that nobody looked at."""
    begin._workflow_handle.add_done_callback(Future.exception)  # noqa: SLF001 - awaiting it could wait for ever
    return begin


def unavailable(error: Exception) -> Refusal:
    """The refusal for Temporal being away or busy; anything that isn't an outage is a defect and raised as it is."""
    transient = {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
    if isinstance(error, RPCError) and error.status not in transient:
        raise error
    status = error.status.name if isinstance(error, RPCError) else "no answer"
    logger("portal.gate").warning("Temporal is away or busy", status=status)
    return Refusal("unavailable")


async def _over_or_unknown(gate: Gate, registration_id: UUID) -> Refusal:
    async with gate.database.read() as session:
        row = await session.get(RegistrationRow, registration_id)
    # Closed, and perhaps forgotten by Temporal: the database says how it ended.
    if row is not None and State(row.state).is_final:
        return wrong_state(State(row.state))
    return Refusal("not_found")
