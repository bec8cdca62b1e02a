"""Temporal's real dev server with its UI, a client and a worker that use the production codec."""

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from ops.dev_server import DevServer, DevServerPlan
from ops.keys import Keyring
from ops.loopback import free_port
from ops.temporal_client import connect
from tests.ops_codec.sample_workflow import QUEUE, Echo, Sample, fail, nothing, repeat


@dataclass(frozen=True)
class Running:
    """The server, and where its UI expects the codec server."""

    address: str
    ui_url: str
    codec_port: int
    codec_token: str


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    codec_port, token = free_port(), uuid.uuid4().hex + uuid.uuid4().hex
    # The host name has to be the UI's, so that a browser takes both for one site.
    folder = tmp_path_factory.mktemp("temporal")
    plan = DevServerPlan(
        search_attributes={},
        codec_endpoint=f"http://localhost:{codec_port}/ui/{token}",
        codec_file=folder / "ui.yaml",
    )
    async with DevServer(plan, log_file=folder / "server.log") as running:
        assert running.ui_address is not None
        yield Running(running.address, running.ui_address, codec_port, token)


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring({"new": os.urandom(32), "old": os.urandom(32)}, "new")


@pytest.fixture(scope="session")
async def client(server: Running, keyring: Keyring) -> Client:
    return await connect(keyring=keyring, process="worker", environ={"TEMPORAL_ADDRESS": server.address})


@pytest.fixture(scope="session")
async def worker(client: Client) -> AsyncIterator[Worker]:
    # The production worker's shape: sandbox on, the client's interceptors.
    worker = Worker(client, task_queue=QUEUE, workflows=[Sample, Echo], activities=[repeat, nothing, fail])
    async with worker:
        yield worker


@pytest.fixture
def workflow_id() -> str:
    return f"sample/{uuid.uuid4()}"
