"""The connection to Temporal: places, identities, time limits, search attributes and metrics, against real peers."""

import asyncio
import getpass
import os
import re
import socket
import struct
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.service import RPCError, RPCStatusCode

from ops import temporal_client
from ops.keys import Keyring
from ops.loopback import free_port
from ops.temporal_client import connect, register_search_attributes, worker_runtime
from tests.ops_codec.conftest import Running


async def lazily(keyring: Keyring, environ: dict[str, str]) -> Client:
    return await connect(keyring=keyring, process="api", lazy=True, environ=environ)


async def test_without_variables_it_is_the_local_server_and_the_default_namespace(keyring: Keyring, tmp_path: Path):
    client = await lazily(keyring, {"HOME": str(tmp_path)})
    assert client.service_client.config.target_host == "localhost:7233"
    assert client.namespace == "default"
    assert not client.service_client.config.tls


async def test_temporal_variables_are_those_of_the_temporal_command(keyring: Keyring):
    client = await lazily(
        keyring,
        {
            "TEMPORAL_ADDRESS": "temporal.example.org:7233",
            "TEMPORAL_NAMESPACE": "gatehouse.abcde",
            "TEMPORAL_API_KEY": "an-api-key",
        },
    )
    config = client.service_client.config
    assert (config.target_host, client.namespace, config.api_key) == (
        "temporal.example.org:7233",
        "gatehouse.abcde",
        "an-api-key",
    )
    assert config.tls


async def test_variables_set_to_nothing_count_as_unset(keyring: Keyring, tmp_path: Path):
    """Compose files pass variables on whether they are set or not; an empty API key alone would switch TLS on."""
    names = ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_TLS")
    client = await lazily(keyring, {"HOME": str(tmp_path)} | dict.fromkeys(names, ""))
    assert client.service_client.config.target_host == "localhost:7233"
    assert client.namespace == "default"
    assert not client.service_client.config.tls


async def test_a_profile_of_the_temporal_command_is_used(keyring: Keyring, tmp_path: Path):
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.plan]\naddress = "plan.example.org:7233"\nnamespace = "plan"\n', encoding="utf-8")
    client = await lazily(keyring, {"TEMPORAL_CONFIG_FILE": str(file), "TEMPORAL_PROFILE": "plan"})
    assert (client.service_client.config.target_host, client.namespace) == ("plan.example.org:7233", "plan")


async def test_identities_name_neither_host_nor_user_nor_process(keyring: Keyring):
    identities = {(await lazily(keyring, {})).identity for _ in range(2)}
    assert len(identities) == 2
    for identity in identities:
        assert re.fullmatch(r"gatehouse-api/[0-9a-f]{12}", identity)
        assert socket.gethostname() not in identity
        assert getpass.getuser() not in identity.removeprefix("gatehouse-api/")


async def test_a_server_that_is_down_is_an_unavailable_one(keyring: Keyring):
    client = await lazily(keyring, {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"})
    for call in (
        client.start_workflow("sample", id="sample/1", task_queue="nobody"),
        client.get_workflow_handle("sample/1").signal("decide"),
        client.get_workflow_handle("sample/1").execute_update("prove"),
        client.get_workflow_handle("sample/1").describe(),
    ):
        with pytest.raises(RPCError) as failure:
            await call
        assert failure.value.status is RPCStatusCode.UNAVAILABLE


async def test_a_server_that_says_nothing_does_not_hold_a_caller(keyring: Keyring, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(temporal_client, "CALL_TIMEOUT", timedelta(seconds=0.3))
    async with silent_peer() as address:
        client = await lazily(keyring, {"TEMPORAL_ADDRESS": address})
        async with asyncio.timeout(20):  # The SDK alone would take 30 s for each of the two.
            with pytest.raises(RPCError) as failure:
                await client.get_workflow_handle("sample/1").signal("decide")
            with pytest.raises(WorkflowUpdateRPCTimeoutOrCancelledError):
                await client.get_workflow_handle("sample/1").execute_update("prove")
    assert failure.value.status is RPCStatusCode.DEADLINE_EXCEEDED


async def test_a_lazy_client_works_as_soon_as_the_server_is_there(keyring: Keyring, server: Running):
    client = await lazily(keyring, {"TEMPORAL_ADDRESS": server.address})
    assert await client.count_workflows() is not None


async def test_a_client_for_a_worker_needs_the_server_at_once(keyring: Keyring):
    with pytest.raises(RuntimeError):
        await connect(keyring=keyring, process="worker", environ={"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"})


async def test_search_attributes_are_registered_once_and_again_without_effect(client: Client):
    suffix = uuid.uuid4().hex[:8]
    wanted = {
        f"GatehouseState{suffix}": SearchAttributeIndexedValueType.KEYWORD,
        f"GatehouseDue{suffix}": SearchAttributeIndexedValueType.DATETIME,
    }
    both = await asyncio.gather(*(register_search_attributes(client, wanted) for _ in range(2)))
    assert both == [frozenset(), frozenset()]
    assert await register_search_attributes(client, wanted) == frozenset()


async def test_a_search_attribute_of_another_type_is_an_error(client: Client):
    name = f"GatehouseTest{uuid.uuid4().hex[:8]}"
    await register_search_attributes(client, {name: SearchAttributeIndexedValueType.KEYWORD})
    with pytest.raises(ValueError, match=f"{name} exists as KEYWORD, but is needed as BOOL"):
        await register_search_attributes(client, {name: SearchAttributeIndexedValueType.BOOL})


@pytest.mark.parametrize("status", [RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED])
async def test_without_permission_search_attributes_are_left_to_an_operator(
    keyring: Keyring, status: RPCStatusCode, caplog: pytest.LogCaptureFixture
):
    async with refusing_peer(status) as address:
        client = await lazily(keyring, {"TEMPORAL_ADDRESS": address})
        missing = await register_search_attributes(client, {"GatehouseState": SearchAttributeIndexedValueType.KEYWORD})
    assert missing == {"GatehouseState"}
    [line] = [record for record in caplog.records if record.name == "ops.temporal_client"]
    assert "an operator must add them" in line.getMessage()
    assert vars(line)["missing"] == ["GatehouseState=KEYWORD"]


async def test_another_failure_of_the_server_is_not_hidden(keyring: Keyring):
    async with refusing_peer(RPCStatusCode.FAILED_PRECONDITION) as address:
        client = await lazily(keyring, {"TEMPORAL_ADDRESS": address})
        with pytest.raises(RPCError):
            await register_search_attributes(client, {"GatehouseState": SearchAttributeIndexedValueType.KEYWORD})


async def test_metrics_are_served_for_prometheus(keyring: Keyring, server: Running):
    address = f"127.0.0.1:{free_port()}"
    runtime = worker_runtime(metrics_address=address)
    client = await connect(
        keyring=keyring, process="worker", runtime=runtime, environ={"TEMPORAL_ADDRESS": server.address}
    )
    await client.count_workflows()
    async with httpx2.AsyncClient() as http:
        text = (await http.get(f"http://{address}/metrics")).text
    assert re.search(r"temporal_request_total\{.*operation=\"CountWorkflowExecutions\".*\} 1", text)
    assert "temporal_request_latency_seconds" in text


@asynccontextmanager
async def peer(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]) -> AsyncIterator[str]:
    """A server's address. Left, it ends its talks: the SDK keeps its connections, and a loop can't be closed over open ones."""
    talks: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over = talks[writer] = asyncio.Event()
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await talk(reader, writer)
        writer.close()
        over.set()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        for writer, over in talks.items():
            writer.close()
            await over.wait()


@asynccontextmanager
async def silent_peer() -> AsyncIterator[str]:
    """Accepts connections and never says a word: a server that hangs."""
    async with peer(lambda reader, _writer: reader.read()) as address:
        yield address


@asynccontextmanager
async def refusing_peer(status: RPCStatusCode) -> AsyncIterator[str]:
    """A gRPC server that answers the SDK's greeting and refuses every call after it with one status."""
    greeted = False

    def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
        return struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + content

    def literal(name: bytes, value: bytes) -> bytes:
        return bytes([0, len(name)]) + name + bytes([len(value)]) + value

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal greeted
        await reader.readexactly(24)
        writer.write(frame(4, 0, 0))
        while True:
            head = await reader.readexactly(9)
            kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
            content = await reader.readexactly(int.from_bytes(head[:3], "big"))
            if kind in {4, 6} and not flags & 1:  # settings and pings are acknowledged
                writer.write(frame(kind, 1, 0, content if kind == 6 else b""))
            if kind in {0, 1} and flags & 1:  # the request is complete
                code = int(status) if greeted else 0
                writer.write(frame(1, 4, stream, b"\x88" + literal(b"content-type", b"application/grpc")))
                if not greeted:
                    writer.write(frame(0, 0, stream, bytes(5)))  # one empty message
                writer.write(frame(1, 5, stream, literal(b"grpc-status", str(code).encode())))
                greeted = True

    async with peer(refuse) as address:
        yield address


def test_the_process_environment_counts_when_none_is_given(keyring: Keyring, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(os.environ, "TEMPORAL_NAMESPACE", "from-the-environment")
    client = asyncio.run(connect(keyring=keyring, process="api", lazy=True))
    assert client.namespace == "from-the-environment"
