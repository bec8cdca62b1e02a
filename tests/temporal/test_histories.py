"""I19: saved histories of every version replay, and a change of commands or names is noticed before a release."""

import base64
import difflib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

import worker
from ops.codec import MessageGuard, data_converter
from ops.keys import Keyring
from tests.house import House
from tests.temporal.fingerprints import fingerprint, names
from tests.temporal.paths import PATHS
from tests.temporal.save_histories import FINGERPRINTS, HISTORIES, NAMES, TEST_KEYRING_TEXT

SAVED = sorted(HISTORIES.glob("*/*.json"))


def replayer(keyring: Keyring) -> Replayer:
    return Replayer(workflows=worker.WORKFLOWS, data_converter=data_converter(keyring), interceptors=[MessageGuard()])


def saved(path: Path, content: str | None = None) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"saved/{path.stem}", content or path.read_text())


def original_id(history: WorkflowHistory) -> WorkflowHistory:
    """The same history under the id that its payloads were sealed for."""
    started = history.events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(started.workflow_id, history.events)


def test_every_path_has_a_saved_history():
    assert {path.stem for path in SAVED} >= set(PATHS)


@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_I19_saved_histories_replay(path: Path):
    await replayer(Keyring.parse(TEST_KEYRING_TEXT)).replay_workflow(original_id(saved(path)))


@pytest.mark.parametrize("name", list(PATHS))
async def test_I19_histories_of_this_code_replay(walked: dict[str, WorkflowHistory], keyring: Keyring, name: str):
    await replayer(keyring).replay_workflow(walked[name])


def tampered() -> Iterator[tuple[str, str]]:
    content = (HISTORIES / "0.1" / "completed.json").read_text()
    document = json.loads(content)
    for event in document["events"]:
        marker = event.get("markerRecordedEventAttributes")
        if marker:
            data = marker["details"]["data"]["payloads"][0]
            told = json.loads(base64.b64decode(data["data"])) | {"activity_type": "registration.close"}
            data["data"] = base64.b64encode(json.dumps(told).encode()).decode()
            break
    yield "another local activity", json.dumps(document)
    document = json.loads(content)
    for event in document["events"]:
        attributes = event.get("activityTaskScheduledEventAttributes")
        if attributes:
            attributes["activityType"]["name"] = "registration.open"
            break
    yield "another activity", json.dumps(document)


@pytest.mark.parametrize(("what", "content"), list(tampered()))
async def test_I19_a_tampered_history_does_not_replay(what: str, content: str):
    """Otherwise the tests above could not fail."""
    history = original_id(saved(Path(what), content))
    with pytest.raises(NondeterminismError):
        await replayer(Keyring.parse(TEST_KEYRING_TEXT)).replay_workflow(history)


@pytest.mark.parametrize("name", list(PATHS))
def test_commands_are_the_same_as_when_they_were_saved(walked: dict[str, WorkflowHistory], name: str):
    expected, found = json.loads(FINGERPRINTS.read_text())[name], fingerprint(walked[name])
    if expected != found:
        difference = "\n".join(difflib.unified_diff(expected, found, "saved", "now", lineterm=""))
        pytest.fail(
            f"The workflow does other things on the path {name!r} than when it was saved:\n{difference}\n"
            "Open registrations would break. Put the change behind workflow.patched (workflows/patches.py); then, or "
            "when no version with the old commands was released, run: python -m tests.temporal.save_histories"
        )


def test_names_are_the_same_as_when_they_were_saved(house: House):
    expected, found = json.loads(NAMES.read_text()), names(house.worker)
    if expected != found:
        both = [json.dumps(each, indent=2).splitlines() for each in (expected, found)]
        difference = "\n".join(difflib.unified_diff(both[0], both[1], "saved", "now", lineterm=""))
        pytest.fail(
            f"Names that histories remember have changed:\n{difference}\nA renamed or missing one breaks open workflows. "
            "If it's only new, or nothing was released yet, run: python -m tests.temporal.save_histories"
        )
