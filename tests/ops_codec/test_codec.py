"""The codec by itself: what it seals, what it opens, and that nothing makes it raise."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    NexusSerializationContext,
    SerializationContext,
    WorkflowSerializationContext,
)

from ops.codec import REFUSED_ENCODING, SEALED_ENCODING, SealingCodec, data_converter
from ops.keys import Keyring

OLD, NEW = os.urandom(32), os.urandom(32)
BEFORE = Keyring({"old": OLD}, "old")
AFTER = Keyring({"new": NEW, "old": OLD}, "new")
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"marker-value"')


def of_workflow(workflow_id: str) -> WorkflowSerializationContext:
    return WorkflowSerializationContext(namespace="default", workflow_id=workflow_id)


def of_activity(workflow_id: str | None, *, is_local: bool = False) -> ActivitySerializationContext:
    return ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="record",
        activity_task_queue="queue",
        workflow_id=workflow_id,
        workflow_type="Registration",
        is_local=is_local,
    )


def codec(keyring: Keyring = BEFORE, context: SerializationContext | None = None) -> SealingCodec:
    return SealingCodec(keyring).with_context(context or of_workflow("registration/1"))


async def sealed(keyring: Keyring = BEFORE, context: SerializationContext | None = None) -> Payload:
    [payload] = await codec(keyring, context).encode([PLAIN])
    return payload


async def opened(payload: Payload, keyring: Keyring = BEFORE, context: SerializationContext | None = None) -> Payload:
    [answer] = await codec(keyring, context).decode([payload])
    return answer


def is_refused(payload: Payload) -> bool:
    return payload.metadata["encoding"] == REFUSED_ENCODING and not payload.data


async def test_sealed_payload_opens_and_shows_nothing_but_key_and_workflow_id():
    payload = await sealed()
    assert b"marker-value" not in payload.SerializeToString()
    assert b"json/plain" not in payload.SerializeToString()
    assert dict(payload.metadata) == {
        "encoding": SEALED_ENCODING,
        "key-id": b"old",
        "workflow-id": b"registration/1",
    }
    assert await opened(payload) == PLAIN


async def test_two_seals_of_the_same_value_differ():
    assert (await sealed()).data != (await sealed()).data


async def test_payload_copied_to_another_workflow_does_not_open():
    assert is_refused(await opened(await sealed(), context=of_workflow("registration/2")))


async def test_copied_payload_with_the_other_workflow_id_written_into_it_does_not_open():
    payload = await sealed()
    payload.metadata["workflow-id"] = b"registration/2"
    assert is_refused(await opened(payload, context=of_workflow("registration/2")))
    assert is_refused(await opened(payload))


@pytest.mark.parametrize("is_local", [False, True])
async def test_activities_and_their_workflow_share_the_binding(is_local):
    activity = of_activity("registration/1", is_local=is_local)
    assert await opened(await sealed(), context=activity) == PLAIN
    assert await opened(await sealed(context=activity)) == PLAIN


@pytest.mark.parametrize(
    "context", [of_activity(None), NexusSerializationContext(endpoint="e", service="s", operation="o")]
)
async def test_without_a_workflow_payloads_are_bound_to_none(context):
    payload = await sealed(context=context)
    assert await opened(payload, context=context) == PLAIN
    assert is_refused(await opened(payload))
    assert is_refused(await opened(await sealed(), context=context))


async def test_rotation_old_key_opens_and_new_key_closes():
    assert await opened(await sealed(BEFORE), AFTER) == PLAIN
    renewed = await sealed(AFTER)
    assert renewed.metadata["key-id"] == b"new"
    assert is_refused(await opened(renewed, BEFORE))


async def test_key_id_of_another_key_does_not_open():
    payload = await sealed(AFTER)
    payload.metadata["key-id"] = b"old"
    assert is_refused(await opened(payload, AFTER))


async def test_each_changed_byte_is_noticed():
    payload = await sealed()
    for position in range(len(payload.data)):
        changed = Payload()
        changed.CopyFrom(payload)
        changed.data = payload.data[:position] + bytes([payload.data[position] ^ 1]) + payload.data[position + 1 :]
        assert is_refused(await opened(changed))


@pytest.mark.parametrize("encoding", [b"json/plain", b"binary/null", b"binary/plain", b"json/protobuf", b"", b"\xff"])
async def test_plain_payloads_are_never_taken_for_genuine(encoding):
    assert is_refused(await opened(Payload(metadata={"encoding": encoding}, data=b'{"text": "forged"}')))


@given(
    metadata=st.dictionaries(
        st.sampled_from(["encoding", "key-id", "workflow-id", "other"]),
        st.sampled_from([SEALED_ENCODING, b"old", b"registration/1", b"", b"\xff\xfe"]) | st.binary(max_size=20),
    ),
    data=st.binary(max_size=60),
)
async def test_decoding_never_raises(metadata, data):
    assert is_refused(await opened(Payload(metadata=metadata, data=data)))


async def test_keys_of_payloads_are_not_the_keys_of_the_ring():
    """A payload sealed with the ring's own key, as other parts derive theirs from it, is no payload of ours."""
    from ops.keys import encrypt

    key_id, data = encrypt(BEFORE, PLAIN.SerializeToString(), bound_to=b"gatehouse/payload/1\0registration/1")
    forged = Payload(
        metadata={"encoding": SEALED_ENCODING, "key-id": key_id.encode(), "workflow-id": b"registration/1"}, data=data
    )
    assert is_refused(await opened(forged))


async def test_nothing_becomes_a_payload_and_nothing_again():
    converter = data_converter(BEFORE).with_context(of_workflow("registration/1"))
    payloads = await converter.encode([None, b"bytes", "text", {"a": 1}])
    assert {payload.metadata["encoding"] for payload in payloads} == {SEALED_ENCODING}
    assert await converter.decode(payloads) == [None, b"bytes", "text", {"a": 1}]


def test_the_keyring_does_not_show_in_a_repr():
    assert repr(OLD)[2:-1] not in repr(SealingCodec(BEFORE))
