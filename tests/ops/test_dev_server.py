"""Temporal's development server as `up` and the tests start it."""

import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeNamespaceResponse
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from domain.search_attributes import SEARCH_ATTRIBUTES
from ops.dev_server import DevServer, DevServerError, DevServerPlan, temporal_command
from ops.loopback import http_answer, http_status, port_is_taken


async def _namespace(client: Client) -> DescribeNamespaceResponse:
    return await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))


async def test_a_server_has_search_attributes_retention_and_ui(tmp_path):
    async with DevServer(DevServerPlan(), log_file=tmp_path / "temporal.log") as server:
        found = await _namespace(await Client.connect(server.address))
        assert set(found.config.custom_search_attribute_aliases.values()) >= set(SEARCH_ATTRIBUTES)
        assert found.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=90)
        assert server.plan.ui_port is not None
        assert await http_status(server.plan.ui_port, "/") == 200
        port = server.plan.port
    assert not port_is_taken(port)


async def test_state_survives_a_kill_and_new_attributes_are_added_to_an_old_file(tmp_path):
    file, log = tmp_path / "temporal.db", tmp_path / "temporal.log"
    first = DevServer(
        DevServerPlan(file=file, ui_port=None, search_attributes={"GatehouseState": "Keyword"}), log_file=log
    )
    async with first:
        client = await Client.connect(first.address)
        handle = await client.start_workflow("Waits", id="waits", task_queue="nobody")
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
    async with DevServer(DevServerPlan(file=file, ui_port=None), log_file=log) as second:
        client = await Client.connect(second.address)
        again = await client.start_workflow(
            "Waits", id="waits", task_queue="nobody", id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING
        )
        assert again.result_run_id == handle.result_run_id
        found = await _namespace(client)
        assert set(found.config.custom_search_attribute_aliases.values()) >= set(SEARCH_ATTRIBUTES)


async def test_a_server_that_cannot_start_is_one_line(tmp_path):
    (tmp_path / "temporal.db").write_bytes(b"no database" * 200)
    with pytest.raises(DevServerError, match=r"does not start; see .*temporal\.log"):
        await DevServer(DevServerPlan(file=tmp_path / "temporal.db"), log_file=tmp_path / "temporal.log").start()


def test_the_fast_settings_are_on_the_command_line(tmp_path):
    plan = DevServerPlan(file=tmp_path / "t.db", port=1, ui_port=2, http_port=3, metrics_port=4)
    command = " ".join(plan.command())
    for part in ("--ip 127.0.0.1", "history.timerProcessorMaxPollRPS=2000", "matching.numTaskqueueReadPartitions=1", "journal_mode=WAL",
                 "synchronous=NORMAL", "frontend.WorkflowTimeSkippingEnabled=true"):  # fmt: skip
        assert part in command


async def test_B10_the_ui_knows_the_codec_and_the_process_list_does_not(tmp_path):
    file = tmp_path / "ui.yaml"
    file.write_text("left by an earlier start")
    file.chmod(0o644)
    plan = DevServerPlan(search_attributes={}, codec_endpoint="http://localhost:5/ui/not-for-all", codec_file=file)
    async with DevServer(plan, log_file=tmp_path / "temporal.log") as server:
        listed = Path(f"/proc/{server.pid}/cmdline").read_bytes()  # noqa: ASYNC240 - the kernel answers at once
        assert b"start-dev" in listed
        assert b"not-for-all" not in listed
        assert server.plan.ui_port is not None
        answer = await http_answer(server.plan.ui_port, "/api/v1/settings")
        assert answer is not None
        assert json.loads(answer[1])["Codec"]["Endpoint"] == plan.codec_endpoint
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("version", "preferred"), [("1.9.1", True), ("2.0.0", True), ("1.8.3", False), ("nonsense", False)]
)
def test_a_recent_command_on_the_path_is_preferred(tmp_path, monkeypatch, version, preferred):
    other = tmp_path / "temporal"
    other.write_text(f"#!/bin/sh\necho temporal version {version}\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert temporal_command() == (other if preferred else Path(sys.executable).parent / "temporal")


def test_without_any_command_the_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(DevServerError, match="TEMPORAL_ADDRESS"):
        temporal_command()
