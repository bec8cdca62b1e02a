"""A worker killed between any two steps of a letter makes no second PIN and loses no letter (I1, I11, B3)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import func, select
from sqlmodel import col
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest, UpdateActivityOptionsRequest

from db.audit import AuditEntry
from db.letters import LetterRow
from db.registrations import MailRow
from domain.registration import State, StepResult
from gateways.letters.spool import MANIFEST, Manifest
from ops.dev_server import DevServer
from portal.registering import Started
from tests.by_mail.conftest import PostOffice
from tests.house import House, key, patient_worker
from tests.worker_that_dies import LETTER_POINTS, DyingWorker

_SOON = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What there is once a second worker has gone on, and what came of the PIN that was read from the PDF."""

    letters: list[LetterRow]
    steps: list[str]
    mails: int
    pdfs: list[str]
    listed: list[str]
    entered: StepResult


async def missed_soon(house: House, started: Started) -> None:
    """Have the server miss the worker at once: it waits ten seconds for its turn and ninety for its print shop."""
    handle, service = house.handle(started.registration_id), house.client.workflow_service
    execution = WorkflowExecution(workflow_id=handle.id)
    await service.reset_sticky_task_queue(
        ResetStickyTaskQueueRequest(namespace=house.client.namespace, execution=execution)
    )
    for lost in (await handle.describe()).raw_description.pending_activities:
        limit = Duration()
        limit.FromTimedelta(_SOON)
        await service.update_activity_options(
            UpdateActivityOptionsRequest(
                namespace=house.client.namespace, execution=execution, id=lost.activity_id,
                activity_options=ActivityOptions(start_to_close_timeout=limit),
                update_mask=FieldMask(paths=["start_to_close_timeout"]),
            )
        )  # fmt: skip


async def aftermath(house: House, server: DevServer, *, point: str, folder: Path) -> Aftermath:
    """Ask for a letter and enter its PIN, with the worker killed at this point."""
    settings = house.settings.model_copy(update={"task_queue": f"test-{key()}", "data_dir": folder})
    house = replace(house, settings=settings, gate=replace(house.gate, task_queue=settings.task_queue))
    post, clinic = PostOffice(house), await house.new_clinic()
    dying = DyingWorker(point, settings=settings, server=server)
    started = await house.confirmed()

    async def mailed_pin() -> str:
        result = await post.ask(started, clinic)
        assert (result.accepted, result.state) == (True, State.AWAITING_PIN)
        view, pin = await post.letter(started)
        await post.mailed(started, view)
        return pin

    async with asyncio.TaskGroup() as going_on:
        pin = going_on.create_task(mailed_pin())
        await dying.died()
        await missed_soon(house, started)
        async with patient_worker(settings, client=house.client, database=house.database, vault=house.vault):
            typed = await pin
            await house.quiet(started.registration_id)
            entered = await post.enter(started, typed)
            await house.quiet(started.registration_id)
    subject = f"registration/{started.registration_id}"
    async with house.database.read() as session:
        letters = await session.scalars(
            select(LetterRow).where(col(LetterRow.registration_id) == started.registration_id)
        )
        steps = await session.scalars(
            select(col(AuditEntry.action))
            .where(col(AuditEntry.subject) == subject, col(AuditEntry.action).contains("letter"))
            .order_by(col(AuditEntry.position))
        )
        mails = await session.scalar(
            select(func.count()).where(col(MailRow.id).startswith(subject), col(MailRow.purpose) == "letter_mailed")
        )
        pdfs, listed = in_spool(folder)
        return Aftermath(
            letters=list(letters), steps=list(steps), mails=mails or 0, pdfs=pdfs, listed=listed, entered=entered
        )


def in_spool(folder: Path) -> tuple[list[str], list[str]]:
    """The letters whose PDFs are in this folder's batches, and those that its manifests list."""
    manifests = [Manifest.read(path.read_text()) for path in folder.rglob(MANIFEST)]
    return [pdf.stem for pdf in folder.rglob("*.pdf")], [line.letter_id for one in manifests for line in one.lines]


@pytest.fixture(scope="module")
async def after_kills(
    sqlite_house: House, dev_server: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, "asyncio.Task[Aftermath]"]]:
    """All of them at the same time: each waits most of its time for the server to miss the worker."""
    tasks = {
        point: asyncio.create_task(
            aftermath(sqlite_house, dev_server, point=point, folder=tmp_path_factory.mktemp("letters"))
        )
        for point in LETTER_POINTS
    }
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("point", LETTER_POINTS)
async def test_I1_I11_B3_a_killed_worker_makes_no_second_pin_and_loses_no_letter(
    after_kills: Mapping[str, "asyncio.Task[Aftermath]"], point: str
):
    after = await after_kills[point]
    (letter,) = after.letters
    assert (letter.state, letter.pin_sealed) == ("used", None)
    assert (after.pdfs, after.listed) == ([str(letter.id)], [str(letter.id)])
    assert after.steps == ["registration.letter_requested", "letter.handed_over", "registration.letter_mailed"]
    assert after.mails == 1
    assert (after.entered.accepted, after.entered.state) == (True, State.SETTING_UP_ACCOUNT)
