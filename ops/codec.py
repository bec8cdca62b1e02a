"""The payload codec: everything Temporal stores is AES-256-GCM sealed and bound to its workflow.

What the seal proves: a payload was written by someone who holds the keyring, for this workflow id. It
doesn't prove for which message, so an old payload of the same workflow can be sent again from Temporal's
UI; that is why access opens only on evidence in the database.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any, Self

import temporalio.client
from temporalio import worker, workflow
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError

from ops.keys import Keyring, decrypt, encrypt

SEALED_ENCODING = b"binary/gatehouse-sealed"
REFUSED_ENCODING = b"binary/gatehouse-refused"
"""No converter knows this encoding, so that the SDK drops a signal, rejects an update and fails a query that carries it."""

_KEY_ID = "key-id"
_WORKFLOW_ID = "workflow-id"

_ROUND = re.compile(r"-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
"""What Temporal appends to the workflow id of a schedule's round."""

logger = logging.getLogger(__name__)


class SealingCodec(PayloadCodec, WithSerializationContext):
    """Seals every payload for one workflow id; opens only what was sealed for that id.

    Decoding never raises: a codec that raises fails the workflow task again and again, and the genuine
    message behind a forged one never arrives. What can't be opened (plain, changed, copied from another
    workflow, under an unknown key) comes back empty under an encoding nobody understands. Nothing that
    arrives plain is accepted: the server itself writes no payloads into what the SDK hands to a codec
    (search attributes, headers and the markers of patches and local activities don't pass through it).
    """

    def __init__(self, keyring: Keyring, *, workflow_id: str = "") -> None:
        self._keyring = keyring.derived("payload")
        self._workflow_id = workflow_id

    def with_context(self, context: SerializationContext) -> Self:
        """The same codec bound to the context's workflow; to none where there is none (schedules, Nexus)."""
        workflow_id = ""
        if isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            workflow_id = context.workflow_id or ""
        bound = object.__new__(type(self))
        # All rounds of a schedule share a seal: Temporal hands to each what the one before has returned.
        bound._keyring, bound._workflow_id = self._keyring, _ROUND.sub("", workflow_id)
        return bound

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open_or_refuse(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        key_id, sealed = encrypt(self._keyring, payload.SerializeToString(), bound_to=_binding(self._workflow_id))
        metadata = {
            "encoding": SEALED_ENCODING,
            _KEY_ID: key_id.encode(),
            # Temporal shows the workflow id anyway; here it lets the codec server, which is told no
            # workflow, open the payload. It is only believed together with the seal.
            _WORKFLOW_ID: self._workflow_id.encode(),
        }
        return Payload(metadata=metadata, data=sealed)

    def _open_or_refuse(self, payload: Payload) -> Payload:
        try:
            if sealed_for(payload) != self._workflow_id:
                raise ValueError("sealed for another workflow")
            return open_sealed(self._keyring, payload)
        except ValueError as refusal:
            logger.warning("payload refused", extra={"reason": str(refusal), "workflow_id": self._workflow_id})
            return Payload(metadata={"encoding": REFUSED_ENCODING})


def sealed_for(payload: Payload) -> str:
    """The workflow id a sealed payload claims. Raises ValueError for a payload that isn't sealed."""
    if payload.metadata.get("encoding", b"") != SEALED_ENCODING:
        raise ValueError("not sealed")
    try:
        return payload.metadata.get(_WORKFLOW_ID, b"").decode()
    except UnicodeDecodeError:
        raise ValueError("its workflow id isn't text") from None


def open_sealed(keyring: Keyring, payload: Payload) -> Payload:
    """What was sealed, for whichever workflow the payload names. `keyring` is the one derived for payloads.

    Raises ValueError for anything that doesn't open; never another exception, whatever the bytes are.
    """
    workflow_id = sealed_for(payload)
    key_id = payload.metadata.get(_KEY_ID, b"").decode(errors="replace")
    try:
        return Payload.FromString(decrypt(keyring, key_id, payload.data, bound_to=_binding(workflow_id)))
    except Exception as error:  # each kind of damage raises an exception of its own
        raise ValueError("the seal doesn't open") from error


def _binding(workflow_id: str) -> bytes:
    return b"gatehouse/payload/1\0" + workflow_id.encode()


class GuardedDataConverter(DataConverter):
    """A data converter that a forged reference to external storage can't make raise.

    Before the codec sees a payload the SDK looks whether it refers to external storage and raises where
    none is configured, which wedges the workflow just as a raising codec does. Nothing here is ever stored
    outside, so both steps pass payloads on and the codec refuses them. The overridden methods are
    internal to the SDK: `test_forged_reference_to_external_storage_wedges_nothing` notices when they change.
    """

    async def _decode_reference_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    async def _external_retrieve_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


class MessageGuard(temporalio.client.Interceptor, worker.Interceptor):
    """Lets only messages with exactly one argument reach a workflow.

    A codec sees payloads, so a signal sent from Temporal's UI *without* any passes it, and so does a genuine
    payload sent twice in one signal. Python then fails to call the handler, which fails the workflow task for
    ever. Here such a signal is dropped and such an update refused. It follows that every signal and update takes
    one model: a message without an argument has nothing by which it could be told from a forged one.

    Given to the client that the worker is made with (`ops.temporal_client.connect` does); a `Replayer` needs it, too.
    """

    def workflow_interceptor_class(
        self,
        input: worker.WorkflowInterceptorClassInput,  # noqa: A002, ARG002 the SDK's signature
    ) -> type[worker.WorkflowInboundInterceptor]:
        return _GuardedMessages


class _GuardedMessages(worker.WorkflowInboundInterceptor):
    async def handle_signal(self, input: worker.HandleSignalInput) -> None:  # noqa: A002 the SDK's name
        if len(input.args) != 1:
            workflow.logger.warning("signal refused: it carries %d arguments", len(input.args))
            return
        await super().handle_signal(input)

    def handle_update_validator(self, input: worker.HandleUpdateInput) -> None:  # noqa: A002 the SDK's name
        _require_one_argument(input)
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: worker.HandleUpdateInput) -> Any:  # noqa: A002 the SDK's name
        _require_one_argument(input)
        return await super().handle_update_handler(input)


def _require_one_argument(update: worker.HandleUpdateInput) -> None:
    if len(update.args) != 1:
        raise ApplicationError("an update carries one argument", type="MalformedMessage", non_retryable=True)


def data_converter(keyring: Keyring) -> DataConverter:
    """Pydantic models, sealed payloads, and failures whose message and stack trace are sealed, too."""
    return GuardedDataConverter(
        payload_converter_class=PydanticPayloadConverter,
        payload_codec=SealingCodec(keyring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
