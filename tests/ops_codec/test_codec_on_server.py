"""The codec on Temporal's real server: what histories show, and what forged messages do (nothing)."""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import pytest
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Replayer, Worker

from ops.codec import MessageGuard, data_converter
from ops.keys import Keyring
from tests.ops_codec.sample_workflow import QUEUE, Echo, Sample, Words

pytestmark = pytest.mark.usefixtures("worker")

MARKER = "mARKer-7431"
ANSWER_TIME = timedelta(seconds=5)

Handle = WorkflowHandle[Sample, Words]
T = TypeVar("T")


@pytest.fixture
def stranger(client: Client) -> Client:
    """Someone with access to Temporal (its UI, its command line) and without the keys."""
    return Client(client.service_client, namespace=client.namespace)


async def begin(client: Client, workflow_id: str) -> Handle:
    return await client.start_workflow(
        Sample.run,
        Words(text=MARKER),
        id=workflow_id,
        task_queue=QUEUE,
        memo={"at start": MARKER},
        static_summary=f"summary {MARKER}",
        static_details=f"details {MARKER}",
    )


async def finish(handle: Handle) -> Words:
    await handle.signal(Sample.finish, Words(text="yes"))
    async with asyncio.timeout(20):
        return await handle.result()


async def until(asked: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    async with asyncio.timeout(20):
        while True:
            try:
                if holds(answer := await asked()):
                    return answer
            except RPCError:
                pass
            await asyncio.sleep(0.05)


async def proved(handle: Handle, text: str) -> str:
    answer: Words = await handle.execute_update("prove", Words(text=text), result_type=Words, rpc_timeout=ANSWER_TIME)
    return answer.text


async def heard(handle: Handle) -> list[str]:
    return await handle.query(Sample.what_was_heard, rpc_timeout=ANSWER_TIME)


def clear_texts(value: object) -> Iterator[bytes]:
    """Every text in an exported history: keys, values, and values that turn out to be base64."""
    match value:
        case dict():
            for key, item in value.items():
                yield str(key).encode()
                yield from clear_texts(item)
        case list():
            for item in value:
                yield from clear_texts(item)
        case str():
            yield value.encode()
            try:
                yield base64.b64decode(value, validate=True)
            except binascii.Error:
                return


async def test_I12_histories_show_no_value_in_clear(client: Client, workflow_id: str):
    handle = await begin(client, workflow_id)
    await handle.signal(Sample.decide, Words(text=f"decided {MARKER}"))
    assert await proved(handle, f"proof {MARKER}") == f"proof {MARKER}"
    for refused in (f"wrong {MARKER}", f"never {MARKER}"):
        with pytest.raises(WorkflowUpdateFailedError) as refusal:
            await proved(handle, refused)
        # The client that has the keys reads the message all the same.
        assert isinstance(refusal.value.cause, ApplicationError)
        assert refused in refusal.value.cause.message
    result = await finish(handle)
    assert f"failed: message {MARKER} SampleRefusal {MARKER}" in result.text

    for execution_id in (workflow_id, f"{workflow_id}/child"):
        history = await client.get_workflow_handle(execution_id).fetch_history()
        texts = list(clear_texts(json.loads(history.to_json())))
        assert not [text for text in texts if MARKER.encode() in text or b"site-packages" in text or b".py" in text]
        assert b"Encoded failure" in b" ".join(texts) or execution_id != workflow_id
        # The walk does look into base64: what is known to be readable there is found.
        assert b"binary/gatehouse-sealed" in texts


async def test_I12_visibility_and_description_show_no_value_in_clear(
    client: Client, stranger: Client, workflow_id: str
):
    handle = await begin(client, workflow_id)
    await until(lambda: heard(handle), lambda texts: len(texts) == 1)
    description = await handle.describe()
    assert await description.static_summary() == f"summary {MARKER}"
    assert await description.static_details() == f"details {MARKER}"
    assert await description.memo() == {"at start": MARKER, "current": MARKER}
    raw = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(namespace="default", execution=WorkflowExecution(workflow_id=workflow_id))
    )
    assert MARKER.encode() not in raw.SerializeToString()
    listed = await until(lambda: found(stranger, workflow_id), bool)
    assert MARKER.encode() not in listed[0].raw_info.SerializeToString()
    with pytest.raises(KeyError):
        await stranger.get_workflow_handle(workflow_id).query("heard")
    await finish(handle)


async def found(client: Client, workflow_id: str):
    return [execution async for execution in client.list_workflows(f"WorkflowId = '{workflow_id}'")]


async def test_current_details_are_sealed(client: Client, stranger: Client, workflow_id: str):
    handle = await begin(client, workflow_id)
    await until(lambda: heard(handle), lambda texts: len(texts) == 1)
    sealed = await stranger.get_workflow_handle(workflow_id).query("__temporal_workflow_metadata", result_type=RawValue)
    assert MARKER.encode() not in sealed.payload.SerializeToString()
    opened = await handle.query("__temporal_workflow_metadata", result_type=RawValue)
    assert MARKER.encode() in opened.payload.SerializeToString()
    await finish(handle)


FORGED_PAYLOADS = {
    "plain": [Payload(metadata={"encoding": b"json/plain"}, data=b'{"text": "forged"}')],
    "nothing": [],
    "null": [Payload(metadata={"encoding": b"binary/null"})],
    "two plain": [Payload(metadata={"encoding": b"json/plain"}, data=b'{"text": "forged"}')] * 2,
    "without metadata": [Payload(data=b"forged")],
    "encoding that is no text": [Payload(metadata={"encoding": b"\xff\xfe"}, data=b"forged")],
    "sealed by nobody": [
        Payload(
            metadata={"encoding": b"binary/gatehouse-sealed", "key-id": b"new", "workflow-id": b"x"}, data=b"f" * 40
        )
    ],
    "reference to external storage": [
        Payload(metadata={"encoding": b"json/external-storage-reference"}, data=b'{"driver_name": "forged"}')
    ],
    "reference to external storage as protobuf": [
        Payload(
            metadata={"encoding": b"json/protobuf", "messageType": b"temporal.api.sdk.v1.ExternalStorageReference"},
            data=b'{"driverName": "forged"}',
        )
    ],
    "marked reference to external storage": [
        Payload(metadata={"encoding": b"json/plain", "__temporal_external_storage_reference": b"true"}, data=b"{}")
    ],
    "system envelope": [Payload(metadata={"encoding": b"binary/protobuf", "__temporal_system_payload": b"true"})],
}


@pytest.mark.parametrize("forged", FORGED_PAYLOADS.values(), ids=FORGED_PAYLOADS)
async def test_forged_signal_changes_nothing_and_wedges_nothing(
    client: Client, stranger: Client, workflow_id: str, forged: list[Payload]
):
    handle = await begin(client, workflow_id)
    arguments = [RawValue(payload) for payload in forged]
    await stranger.get_workflow_handle(workflow_id).signal("decide", args=arguments)
    await stranger.get_workflow_handle(workflow_id).signal("finish", args=arguments)
    await handle.signal(Sample.decide, Words(text="genuine"))
    texts = await until(lambda: heard(handle), lambda texts: "genuine" in texts)
    assert not [text for text in texts if "forged" in text]
    result = await finish(handle)
    assert "genuine" in result.text
    assert "forged" not in result.text


@pytest.mark.parametrize("name", ["prove", "note"])
@pytest.mark.parametrize("forged", FORGED_PAYLOADS.values(), ids=FORGED_PAYLOADS)
async def test_forged_update_is_refused_and_wedges_nothing(
    client: Client, stranger: Client, workflow_id: str, forged: list[Payload], name: str
):
    handle = await begin(client, workflow_id)
    arguments = [RawValue(payload) for payload in forged]
    with pytest.raises(WorkflowUpdateFailedError):
        await stranger.get_workflow_handle(workflow_id).execute_update(name, args=arguments, rpc_timeout=ANSWER_TIME)
    assert await proved(handle, "genuine") == "genuine"
    assert not [text for text in await heard(handle) if "forged" in text]
    await finish(handle)


async def test_forged_reference_to_external_storage_wedges_nothing(keyring: Keyring):
    """The guard overrides methods that are internal to the SDK: they must still be there and be the ones it calls."""
    from temporalio.converter import DataConverter

    for name in ("_decode_reference_payload_sequence", "_external_retrieve_payload_sequence"):
        assert callable(getattr(DataConverter, name))
    [forged] = FORGED_PAYLOADS["reference to external storage"]
    with pytest.raises(RuntimeError, match="external storage"):
        await DataConverter.default.decode([forged])
    with pytest.raises(KeyError, match="gatehouse-refused"):
        await data_converter(keyring).decode([forged])


async def test_genuine_payload_sent_twice_in_one_signal_wedges_nothing(client: Client, workflow_id: str):
    handle = await begin(client, workflow_id)
    await handle.signal("decide", args=[Words(text="doubled"), Words(text="doubled")])
    await handle.signal(Sample.decide, Words(text="genuine"))
    texts = await until(lambda: heard(handle), lambda texts: "genuine" in texts)
    assert "doubled" not in texts
    await finish(handle)


async def test_signal_copied_from_another_workflow_does_nothing(client: Client, stranger: Client, workflow_id: str):
    """What a thief with access to Temporal could do: take a genuine decision and send it to another request."""
    victim = await begin(client, workflow_id)
    source = await begin(client, f"{workflow_id}-source")
    await source.signal(Sample.decide, Words(text="stolen"))
    stolen = await until(lambda: signalled(source), bool)
    await stranger.get_workflow_handle(workflow_id).signal("decide", RawValue(stolen[0]))
    await victim.signal(Sample.decide, Words(text="genuine"))
    texts = await until(lambda: heard(victim), lambda texts: "genuine" in texts)
    assert "stolen" not in texts
    await finish(victim)
    await finish(source)


async def signalled(handle: Handle) -> list[Payload]:
    return [
        event.workflow_execution_signaled_event_attributes.input.payloads[0]
        for event in await all_events(handle)
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]


async def test_workflow_started_by_a_stranger_does_nothing(client: Client, stranger: Client, workflow_id: str):
    forged = await stranger.start_workflow("sample", {"text": "forged"}, id=workflow_id, task_queue=QUEUE)
    events = await until(lambda: all_events(forged), lambda events: len(events) >= 4)
    assert not [event for event in events if event.HasField("activity_task_scheduled_event_attributes")]
    await client.get_workflow_handle(workflow_id).terminate()


async def all_events(handle: WorkflowHandle):
    return [event async for event in handle.fetch_history_events()]


async def test_refusals_are_logged_without_contents(
    client: Client, stranger: Client, workflow_id: str, caplog: pytest.LogCaptureFixture
):
    handle = await begin(client, workflow_id)
    with caplog.at_level(logging.WARNING, logger="ops.codec"):
        await stranger.get_workflow_handle(workflow_id).signal("decide", {"text": "forged"})
        await handle.signal(Sample.decide, Words(text="genuine"))
        await until(lambda: heard(handle), lambda texts: "genuine" in texts)
    # Once for each time that the worker reads the history, which is more than once on a busy machine.
    lines = [record for record in caplog.records if record.name == "ops.codec"]
    # Another test's workflow may be read again meanwhile.
    lines = [line for line in lines if vars(line)["workflow_id"] == workflow_id]
    said = {(line.getMessage(), vars(line)["reason"], vars(line)["workflow_id"]) for line in lines}
    assert said == {("payload refused", "not sealed", workflow_id)}
    assert "forged" not in caplog.text
    await finish(handle)


async def test_rotation_a_waiting_workflow_goes_on_under_the_new_key(
    client: Client, keyring: Keyring, workflow_id: str
):
    before = Keyring({"old": keyring.keys["old"]}, "old")
    config = client.config()
    config["data_converter"] = data_converter(before)
    started = await Client(**config).start_workflow(Sample.run, Words(text=MARKER), id=workflow_id, task_queue=QUEUE)
    handle: WorkflowHandle = client.get_workflow_handle(started.id)
    assert await proved(handle, "after") == "after"
    await finish(handle)
    key_ids = {
        base64.b64decode(text)
        for text in json.dumps(json.loads((await handle.fetch_history()).to_json())).split('"')
        if text in {base64.b64encode(key).decode() for key in (b"old", b"new")}
    }
    assert key_ids == {b"old", b"new"}


async def test_histories_replay_with_the_codec(client: Client, stranger: Client, keyring: Keyring, workflow_id: str):
    handle = await begin(client, workflow_id)
    await stranger.get_workflow_handle(workflow_id).signal("decide")
    await stranger.get_workflow_handle(workflow_id).signal("decide", {"text": "forged"})
    await finish(handle)
    exported = (await handle.fetch_history()).to_json()
    replayer = Replayer(workflows=[Sample, Echo], data_converter=data_converter(keyring), interceptors=[MessageGuard()])
    await replayer.replay_workflow(WorkflowHistory.from_json(workflow_id, exported))
    # Under another id nothing opens: the replay has to fail, or it would prove nothing.
    with pytest.raises(Exception, match=r"Failed decoding arguments|Encoded failure|RuntimeError|Failed"):
        await replayer.replay_workflow(WorkflowHistory.from_json("sample/other", exported))


async def test_the_production_worker_has_the_guard(client: Client, worker: Worker):
    assert any(isinstance(interceptor, MessageGuard) for interceptor in client.config()["interceptors"])
