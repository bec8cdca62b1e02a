"""Many requests in one go: a file of up to 1,000 lines is kept, gone through by a workflow, and answered line by line (T5)."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from db import audit
from db.accounts import Account
from db.authorizations import AuthorizationBatch, BatchLine
from db.counting import count
from domain.answers import ANSWERS
from domain.authorization import Code
from domain.authorization_batch import StartAuthorizationBatch
from domain.identifiers import Tin
from domain.people import masked_address
from domain.request_list import (
    RejectedLine,
    RequestLine,
    RequestList,
    RequestListError,
    read_request_list,
    rejected_csv,
    rejected_later,
)
from domain.time_words import moment_in_words
from portal.authorizing import AccessRequest, BillingServiceView, ask_for, list_services, require_services
from portal.gate import Gate, remember_key_in, unavailable
from portal.refusals import FieldDefect, Refusal
from portal.sessions import Principal
from workflows import names

PAGE_SIZE: Final = 100
_DAY: Final = timedelta(days=1)
_SEALED: Final = "request-line"
_CELLS: Final = 4  # values of a line; one that can be asked for later has after them when
_HEADER: Final = "header"  # the code of the row that keeps the titles; it's no line
_OK: Final = "ok"
# What stands already needn't be corrected and sent again.
_STANDS: Final = (str(Code.ALREADY_OPEN), str(Code.ALREADY_GRANTED))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line and what became of it. `code` is empty until it was gone through; a malformed line has its message only."""

    number: int
    provider_name: str
    tin_masked: str
    npi: str | None
    contact_masked: str
    code: str
    field: str
    message: str
    authorization_id: UUID | None

    @property
    def is_made(self) -> bool:
        return self.code == _OK

    @property
    def stands_already(self) -> bool:
        return self.code in _STANDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """A list of requests. `made`, `standing` and `rejected` are the lines with a result, `waiting` those without."""

    id: UUID
    service: BillingServiceView
    requester: str
    at: datetime
    finished_at: datetime | None
    lines: int
    made: int
    standing: int
    rejected: int

    @property
    def done(self) -> int:
        return self.made + self.standing + self.rejected

    @property
    def waiting(self) -> int:
        return self.lines - self.done


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """A page of a list's lines in the file's order."""

    view: ListView
    rows: Sequence[LineView]
    page: int
    pages: int


async def send_list(gate: Gate, principal: Principal, *, billing_id: UUID | None, file: bytes, key: str) -> UUID:
    """Take a CSV file of requests; a workflow goes through its lines. The same key and file are one list.

    Raises `Refusal`: `invalid_fields` (of `file`: a file that can't be read at all; nothing of it was kept),
    `not_billing_service`, `not_found`, `too_many_tries`, `key_reused`, `unavailable` (sent again it goes on).
    """
    account_id = principal.subject_id
    services = await require_services(gate, account_id)
    if billing_id is None and len(services) > 1:
        raise _defect("billing_id", "billing_missing", "Choose for which of your billing services you ask.")
    billing_id = billing_id or services[0].id
    if billing_id not in {service.id for service in services}:
        raise Refusal("not_found")
    try:
        read = read_request_list(file)
    except RequestListError as error:
        raise _defect("file", error.code, error.message) from None
    batch_id = UUID(hex=gate.vault.digest("authorization-list", f"{account_id}\0{key}")[:32])
    lines = len(read.lines) + len(read.rejected)
    async with gate.database.write() as session:
        body = f"{billing_id}\0{file.decode(errors='replace')}"
        is_new = await remember_key_in(session, gate, scope=f"{account_id}/authorization-lists", key=key, body=body)
        if is_new:
            tally = await count(session, "authorization-lists", str(billing_id), at=gate.now(), window=_DAY)
            if tally.count > gate.limits.authorization_lists_per_day:
                raise Refusal("too_many_tries", retry_at=tally.window_ends_at)
            await _keep(gate, session, read, batch_id=batch_id, billing_id=billing_id, account_id=account_id)
    await _start(gate, batch_id, lines)
    return batch_id


async def _keep(
    gate: Gate, session: AsyncSession, read: RequestList, *, batch_id: UUID, billing_id: UUID, account_id: UUID
) -> None:
    lines = len(read.lines) + len(read.rejected)
    session.add(
        AuthorizationBatch(id=batch_id, billing_id=billing_id, requester_id=account_id, lines=lines, at=gate.now())
    )
    await session.flush()

    def add(number: int, cells: Sequence[str | None], *, code: str = "", field: str = "") -> None:
        sealed = gate.vault.seal(_SEALED, json.dumps(cells))
        session.add(BatchLine(batch_id=batch_id, number=number, line_sealed=sealed, code=code, field=field))

    add(0, read.header, code=_HEADER)
    for line in read.lines:
        add(line.number, (line.tin, line.npi, line.provider_name, line.contact))
    for rejected in read.rejected:
        add(rejected.number, (rejected.message, *rejected.cells), code=rejected.code, field=rejected.field)
    await session.flush()
    await audit.append(
        session, at=gate.now(), actor=f"account/{account_id}", action="authorization_list.sent",
        subject=f"authorization-list/{batch_id}", lines=lines, rejected=len(read.rejected),
    )  # fmt: skip


async def go_on(gate: Gate, principal: Principal, batch_id: UUID) -> None:
    """Begin the workflow of a list again that stands still; where it's at work, nothing happens.

    Raises `Refusal`: `not_found`, `unavailable`.
    """
    batch, _ = await _own(gate, principal, batch_id)
    if batch.finished_at is None:
        await _start(gate, batch_id, batch.lines)


async def _start(gate: Gate, batch_id: UUID, lines: int) -> None:
    # Begun twice it finds nothing left to do: which lines have a result is in the database.
    try:
        await gate.client.start_workflow(
            names.AUTHORIZATION_BATCH,
            StartAuthorizationBatch(batch_id=str(batch_id), lines=lines),
            id=names.authorization_batch_id(str(batch_id)),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            task_queue=gate.task_queue,
            static_summary="List of requests for access",
        )
    except RPCError as error:
        raise unavailable(error) from error


# What people see.


async def list_lists(gate: Gate, principal: Principal) -> Sequence[ListView]:
    """The newest ten lists of the person's billing services, whoever sent them."""
    services = {service.id: service for service in await list_services(gate, principal.subject_id)}
    async with gate.database.read() as session:
        batches = await session.scalars(
            select(AuthorizationBatch)
            .where(col(AuthorizationBatch.billing_id).in_(list(services)))
            .order_by(col(AuthorizationBatch.at).desc(), col(AuthorizationBatch.id))
            .limit(10)
        )
        return [await _view(gate, session, batch, services[batch.billing_id]) for batch in batches.all()]


async def view_list(
    gate: Gate, principal: Principal, batch_id: UUID, *, rejected_only: bool = False, page: int = 1
) -> ListPage:
    """A list and a page of its lines. Raises `Refusal` (`not_found`) unless it's of the person's service (I15)."""
    batch, service = await _own(gate, principal, batch_id)
    async with gate.database.read() as session:
        view = await _view(gate, session, batch, service)
        pages = max(1, math.ceil((view.rejected if rejected_only else view.lines) / PAGE_SIZE))
        page = min(max(1, page), pages)
        lines = await session.scalars(
            select(BatchLine)
            .where(_of(batch_id), _is_rejected() if rejected_only else true())
            .order_by(col(BatchLine.number))
            .limit(PAGE_SIZE)
            .offset((page - 1) * PAGE_SIZE)
        )
        rows = [_line_view(gate, line) for line in lines]
    return ListPage(view=view, rows=rows, page=page, pages=pages)


async def rejected_file(gate: Gate, principal: Principal, batch_id: UUID) -> str:
    """The lines that led to no request, with the reason of each, to correct and send again. Raises `Refusal` (`not_found`)."""
    await _own(gate, principal, batch_id)
    async with gate.database.read() as session:
        header = tuple(_cells(gate, await session.get_one(BatchLine, (batch_id, 0))))
        lines = await session.scalars(
            select(BatchLine).where(_of(batch_id), _is_rejected()).order_by(col(BatchLine.number))
        )
        return rejected_csv(header, [_rejected(gate, header, line) for line in lines])


def _rejected(gate: Gate, header: tuple[str, ...], line: BatchLine) -> RejectedLine:
    cells = _cells(gate, line)
    if line.field:
        return RejectedLine(line.number, tuple(cells[1:]), line.field, line.code, cells[0])
    return rejected_later(
        header, _request_line(line.number, cells), code=line.code, message=_words(gate, line.code, cells)
    )


def _line_view(gate: Gate, line: BatchLine) -> LineView:
    cells = _cells(gate, line)
    if line.field:  # malformed: what the cells are isn't sure, so none is shown
        return LineView(
            number=line.number, provider_name="", tin_masked="", npi=None, contact_masked="", code=line.code,
            field=line.field, message=cells[0], authorization_id=None,
        )  # fmt: skip
    typed = _request_line(line.number, cells)
    return LineView(
        number=line.number, provider_name=typed.provider_name, tin_masked=Tin(typed.tin).masked, npi=typed.npi,
        contact_masked=masked_address(typed.contact), code=line.code, field="",
        message="" if line.code in {"", _OK} else _words(gate, line.code, cells), authorization_id=line.authorization_id,
    )  # fmt: skip


def _words(gate: Gate, code: str, cells: Sequence[str]) -> str:
    """Why nothing was asked for, and what to do; of what can be asked for later, when (B6)."""
    answer = ANSWERS[code]
    if len(cells) > _CELLS:
        again_at = datetime.fromisoformat(cells[_CELLS])
        when = f"from {moment_in_words(again_at, gate.zone)} on" if again_at > gate.now() else "now"
        return f"{answer.title}. You can ask again {when}."
    if code == Code.OPEN_LIMIT:
        return f"{answer.title}. {answer.next_steps[0]} Support can raise the limit."
    return f"{answer.title}. {answer.next_steps[0]}" if answer.next_steps else f"{answer.title}."


async def _view(gate: Gate, session: AsyncSession, batch: AuthorizationBatch, service: BillingServiceView) -> ListView:
    counted = await session.execute(
        select(col(BatchLine.code), func.count()).where(_of(batch.id)).group_by(col(BatchLine.code))
    )
    counts = {str(code): number for code, number in counted.all()}
    requester = await session.get_one(Account, batch.requester_id)
    made, waiting = counts.pop(_OK, 0), counts.pop("", 0)
    standing = sum(counts.get(code, 0) for code in _STANDS)
    return ListView(
        id=batch.id, service=service, requester=gate.vault.unseal("name", requester.name_sealed), at=batch.at,
        finished_at=batch.finished_at, lines=batch.lines, made=made, standing=standing,
        rejected=batch.lines - made - standing - waiting,
    )  # fmt: skip


async def _own(gate: Gate, principal: Principal, batch_id: UUID) -> tuple[AuthorizationBatch, BillingServiceView]:
    services = {service.id: service for service in await list_services(gate, principal.subject_id)}
    async with gate.database.read() as session:
        batch = await session.get(AuthorizationBatch, batch_id)
    if batch is None or batch.billing_id not in services:
        raise Refusal("not_found")
    return batch, services[batch.billing_id]


def _of(batch_id: UUID) -> ColumnElement[bool]:
    return (col(BatchLine.batch_id) == batch_id) & (col(BatchLine.code) != _HEADER)


def _is_rejected() -> ColumnElement[bool]:
    return col(BatchLine.code).not_in(["", _OK, *_STANDS])


def _cells(gate: Gate, line: BatchLine) -> list[str]:
    cells: list[str] = json.loads(gate.vault.unseal(_SEALED, line.line_sealed))
    return cells


def _request_line(number: int, cells: Sequence[str]) -> RequestLine:
    tin, npi, provider_name, contact = cells[:_CELLS]
    return RequestLine(number, tin, npi or None, provider_name, contact)


def _defect(field: str, code: str, message: str) -> Refusal:
    return Refusal("invalid_fields", fields=(FieldDefect(field, code, message),))


class ListedRequests:
    """The `RequestLines` port: each line is asked for by the same function as a single request."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def waiting(self, batch_id: str) -> Sequence[int]:
        async with self._gate.database.read() as session:
            found = await session.scalars(
                select(col(BatchLine.number))
                .where(col(BatchLine.batch_id) == UUID(batch_id), col(BatchLine.code) == "")
                .order_by(col(BatchLine.number))
            )
            return found.all()

    async def request(self, batch_id: str, number: int) -> None:
        async with self._gate.database.read() as session:
            batch = await session.get_one(AuthorizationBatch, UUID(batch_id))
            line = await session.get_one(BatchLine, (batch.id, number))
        if line.code:
            return
        cells = _cells(self._gate, line)[:_CELLS]
        code, authorization_id, again_at = await self._ask(batch, _request_line(number, cells))
        if again_at is not None:
            cells.append(again_at.isoformat())
        async with self._gate.database.write() as session:
            await session.execute(
                update(BatchLine)
                .where(col(BatchLine.batch_id) == batch.id, col(BatchLine.number) == number)
                .values(
                    code=code, authorization_id=authorization_id,
                    line_sealed=self._gate.vault.seal(_SEALED, json.dumps(cells)),
                )
            )  # fmt: skip

    async def _ask(self, batch: AuthorizationBatch, line: RequestLine) -> tuple[str, UUID | None, datetime | None]:
        request = AccessRequest(
            tin=line.tin, npi=line.npi or "", provider_name=line.provider_name, contact=line.contact
        )
        try:
            requested = await ask_for(
                self._gate, batch.requester_id, billing_id=batch.billing_id, request=request, key=f"{batch.id}:{line.number}"
            )  # fmt: skip
        except Refusal as refusal:
            if refusal.code == "unavailable":
                raise  # the line is tried again
            return refusal.code, None, refusal.retry_at
        if requested.result.accepted:
            return _OK, requested.authorization_id, None
        standing = requested.result.standing_id
        return str(requested.result.code), UUID(standing) if standing else None, requested.result.retry_at

    async def finish(self, batch_id: str) -> None:
        async with self._gate.database.write() as session:
            finished = await session.scalar(
                update(AuthorizationBatch)
                .where(col(AuthorizationBatch.id) == UUID(batch_id), col(AuthorizationBatch.finished_at).is_(None))
                .values(finished_at=self._gate.now())
                .returning(col(AuthorizationBatch.id))
            )
            if finished is not None:
                await audit.append(
                    session, at=self._gate.now(), actor="system", action="authorization_list.finished",
                    subject=f"authorization-list/{batch_id}",
                )  # fmt: skip
