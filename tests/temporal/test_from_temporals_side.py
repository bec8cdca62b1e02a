"""What somebody with Temporal's UI can do to a registration: forge messages (nothing happens), cancel, terminate, look."""

import asyncio
from uuid import UUID

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from domain.registration import State
from domain.search_attributes import DEADLINE, REFERENCE, STATE, WAITS_FOR
from portal import registering, resuming
from portal.registration_view import view_registration
from tests.house import House, key
from tests.temporal.forbidden import FORBIDDEN
from workflows import names

ALL_UPDATES = [
    names.OPENED, names.CONFIRM_EMAIL, names.SEND_CODE, names.PROVE_PAYMENT, names.SET_UP_ACCOUNT, names.SECURE_ACCOUNT,
    names.WITHDRAW,
]  # fmt: skip


@pytest.fixture
def stranger(house: House) -> Client:
    """Somebody with access to Temporal and without the keys."""
    return Client(house.client.service_client, namespace=house.client.namespace)


def of_stranger(stranger: Client, registration_id: UUID) -> WorkflowHandle:
    return stranger.get_workflow_handle(f"registration/{registration_id}")


async def sealed_elsewhere(house: House, signal: str) -> Payload:
    """A genuine argument of this signal, sealed for another registration."""
    email = f"else-{key()}@clinic.example.org"
    other = await house.confirmed(email=email)
    await resuming.mail_resume_links(house.gate, email=email)
    await house.mail(to=email, subject="Go on")
    history = await house.handle(other.registration_id).fetch_history()
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            return event.workflow_execution_signaled_event_attributes.input.payloads[0]
    raise AssertionError(signal)


async def forged_arguments(house: House) -> list[list[object]]:
    copied = RawValue(await sealed_elsewhere(house, names.SEND_RESUME_LINK))
    return [[], [{"registration_id": "x"}], ["text"], [1, 2], [None], [copied], [copied, copied]]


async def test_I3_forged_signals_and_updates_change_nothing_and_wedge_nothing(house: House, stranger: Client):
    clinic, email = await house.new_clinic(), f"forged-{key()}@clinic.example.org"
    started = await house.confirmed(email=email)
    rid = started.registration_id
    await house.quiet(rid)
    before = (await house.status(rid)).revision
    handle = of_stranger(stranger, rid)
    arguments = await forged_arguments(house)
    for forged in arguments:
        for signal in (names.SEND_RESUME_LINK, "nobody_knows_this"):
            await handle.signal(signal, args=forged)
    refused = await asyncio.gather(
        *(
            handle.execute_update(update, args=forged)
            for update in ALL_UPDATES
            for forged in (arguments[0], arguments[1], arguments[5])
        ),
        return_exceptions=True,
    )
    assert all(isinstance(answer, WorkflowUpdateFailedError | RPCError) for answer in refused), refused
    assert (await house.status(rid)).revision == before
    assert not house.mails(to=email, subject="Go on")
    # The genuine message after them still works, and no workflow task has failed.
    await resuming.mail_resume_links(house.gate, email=email)
    await house.mail(to=email, subject="Go on")
    assert (await house.prove(started, clinic)).accepted
    history = await house.handle(rid).fetch_history()
    assert not [event for event in history.events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]


async def test_I3_a_registration_that_a_stranger_starts_opens_nothing(house: House, stranger: Client):
    forged = f"registration/{key()}"
    handle = await stranger.start_workflow(
        names.REGISTRATION, {"registration_id": "x"}, id=forged, task_queue=house.settings.task_queue
    )
    started = await house.confirmed()  # the worker goes on
    assert (await view_registration(house.gate, started.registration_id)).state is State.PROVING
    await handle.terminate()


async def test_I1_a_registration_cancelled_in_temporal_is_withdrawn_in_the_database(house: House, stranger: Client):
    clinic = await house.new_clinic()
    started = await house.proved(clinic)
    rid = started.registration_id
    await of_stranger(stranger, rid).cancel()
    assert (await house.handle(rid).result()).state is State.WITHDRAWN
    assert (await view_registration(house.gate, rid)).state is State.WITHDRAWN
    assert (await house.prove(await house.confirmed(), clinic)).accepted


async def test_a_terminated_registration_can_still_be_read(house: House, stranger: Client):
    started = await house.confirmed()
    rid = started.registration_id
    await of_stranger(stranger, rid).terminate(reason="by staff")
    assert (await view_registration(house.gate, rid)).state is State.PROVING
    description = await house.handle(rid).describe()
    assert description.status is WorkflowExecutionStatus.TERMINATED


async def test_staff_see_in_plain_words_who_waits_for_what_until_when(house: House, stranger: Client):
    started = await house.confirmed()
    rid = started.registration_id
    await house.quiet(rid)
    description = await house.handle(rid).describe()
    assert await description.static_summary() == f"Registration {started.reference}"
    attributes = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    deadline = (await house.status(rid)).deadline
    assert attributes[STATE] == State.PROVING
    assert attributes[WAITS_FOR] == "registrant"
    assert attributes[REFERENCE] == started.reference
    assert abs((attributes[DEADLINE] - deadline).total_seconds()) < 0.001
    details = await current_details(house.client, rid)
    assert "Waits for **the registrant to prove the organization" in details
    assert f"until {deadline:%d %B %Y}" in details
    assert started.reference in details
    found = [each.id async for each in house.client.list_workflows(f"{REFERENCE} = '{started.reference}'")]
    assert found == [f"registration/{rid}"]
    await registering.withdraw(house.gate, rid, key=key())
    await house.handle(rid).result()
    ended = {pair.key.name: pair.value for pair in (await house.handle(rid).describe()).typed_search_attributes}
    assert (ended[STATE], ended[WAITS_FOR], DEADLINE in ended) == (State.WITHDRAWN, "nobody", False)


async def current_details(client: Client, registration_id: UUID) -> str:
    """The workflow's current details, as Temporal's UI asks for them."""
    metadata = await client.get_workflow_handle(f"registration/{registration_id}").query("__temporal_workflow_metadata")
    return str(metadata.current_details if hasattr(metadata, "current_details") else metadata["currentDetails"])


async def test_the_sandbox_is_on_and_a_forbidden_call_fails(house: House):
    runner = house.worker.config()["workflow_runner"]
    assert isinstance(runner, SandboxedWorkflowRunner)
    queue = f"forbidden-{key()}"
    async with Worker(house.client, task_queue=queue, workflows=FORBIDDEN, workflow_runner=runner):
        for workflow in FORBIDDEN:
            handle = await house.client.start_workflow(workflow.__name__, id=f"forbidden/{key()}", task_queue=queue)
            with pytest.raises(Exception, match="Workflow execution failed") as failed:
                await handle.result()
            assert "RestrictedWorkflowAccessError" in repr(failed.value.__cause__) + str(failed.value.__cause__)
