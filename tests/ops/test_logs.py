"""Logs: nothing personal gets in by accident, whoever logs it and however."""

import json
import logging
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from ops.logs import WITHHELD, logger, with_fields
from tests.logs import captured_logs

MARKER = "Marker.Person@example.org"
TIN = "12-3456789"


class QuietError(Exception):
    """A class of our own whose text is a constant."""


@pytest.fixture
def logged():
    """The lines logged so far, as objects."""
    with captured_logs(speaking=(QuietError,)) as stream:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_known_fields_pass_and_others_are_counted(logged):
    logger("portal").info("payment proved", registration_id="registration/0b1c", count=3, email=MARKER, tin=TIN)
    (line,) = logged()
    assert line["event"] == "payment proved"
    assert (line["registration_id"], line["count"], line["withheld"]) == ("registration/0b1c", 3, 2)
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("value", [MARKER, TIN, "123456789", "1234567893", "Dr. Müller", "a\nb", "x" * 300, {"a": 1}])
def test_a_known_field_with_a_personal_looking_value_is_withheld(logged, value):
    logger("portal").info("said", reason=value, kind=["fine", value])
    (line,) = logged()
    assert line["reason"] == WITHHELD
    assert line["kind"] == ["fine", WITHHELD]


def test_fields_of_standard_logging_go_through_the_same_list(logged):
    logging.getLogger("intake.remittance").warning("set aside", extra={"transaction": 7, "payee": MARKER})
    (line,) = logged()
    assert (line["event"], line["transaction"], line["withheld"]) == ("set aside", 7, 1)


def test_only_numbers_are_filled_into_a_message(logged):
    logging.getLogger("intake").info("loaded %d of %s in %.1f s, 100%%", 5, MARKER, 2.25)
    logging.getLogger("intake").info("%(n)d of %(who)s", {"n": 4, "who": MARKER})
    assert [line["event"] for line in logged()] == [f"loaded 5 of {WITHHELD} in 2.2 s, 100%", f"4 of {WITHHELD}"]


def test_of_a_stranger_only_the_place_is_logged(logged):
    logging.getLogger("asyncio").error(f"Task exception was never retrieved: {MARKER}")  # noqa: G004 - what asyncio does
    (line,) = logged()
    assert line["event"] == WITHHELD
    assert "test_logs.py" in line["where"]


def test_a_warning_is_logged_without_its_text(logged):
    warnings.filterwarnings("default")
    logging.getLogger("py.warnings").warning("%s", MARKER)
    assert MARKER not in json.dumps(logged())


def _raise_deep() -> None:
    try:
        raise ValueError(MARKER)
    except ValueError as error:
        raise RuntimeError(MARKER) from error


def test_an_exception_is_its_type_and_our_frames(logged):
    try:
        _raise_deep()
    except RuntimeError:
        logger("api").exception("request failed", request_id="r1")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    for line in logged():
        described = line["exception"]
        assert described["type"] == "builtins.RuntimeError"
        assert described["cause"]["type"] == "builtins.ValueError"
        assert described["frames"][-1].startswith("tests/ops/test_logs.py:")
        assert described["frames"][-1].endswith(":_raise_deep")
    assert MARKER not in json.dumps(logged())


def test_an_exception_from_a_library_ends_with_the_librarys_frame(logged):
    try:
        json.loads(MARKER)
    except ValueError:
        logger("api").exception("bad JSON")
    (line,) = logged()
    assert line["exception"]["frames"][-1].startswith("json/decoder.py:")
    assert MARKER not in json.dumps(line)


def test_only_classes_of_our_own_say_their_text(logged):
    for error in (QuietError("the queue is full"), ValueError(MARKER)):
        logger("worker").error("stopped", exc_info=error)
    first, second = logged()
    assert first["exception"]["message"] == "the queue is full"
    assert "message" not in second["exception"]


def test_the_parts_of_a_group_are_described(logged):
    group = ExceptionGroup(MARKER, [ValueError(MARKER), KeyError(MARKER)])
    logger("worker").error("several", exc_info=group)
    (line,) = logged()
    assert [part["type"] for part in line["exception"]["parts"]] == ["builtins.ValueError", "builtins.KeyError"]
    assert MARKER not in json.dumps(line)


def test_what_temporalio_adds_is_filtered(logged):
    details = {"workflow_id": "registration/1", "workflow_type": "Registration", "attempt": 1, "update_id": MARKER}
    logging.getLogger("temporalio.workflow").warning(f"late ({details})", extra={"temporal_workflow": details})  # noqa: G004 - what temporalio does
    (line,) = logged()
    assert line["event"] == "late"
    assert (line["workflow_id"], line["attempt"], line["update_id"]) == ("registration/1", 1, WITHHELD)


def test_context_of_a_request_is_on_every_line(logged):
    with with_fields(request_id="r7", email=MARKER):
        logger("portal").info("one")
        logging.getLogger("db").warning("two")
    assert [line["request_id"] for line in logged()] == ["r7", "r7"]
    assert MARKER not in json.dumps(logged())


def test_uvicorns_access_lines_are_off(logged):
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', MARKER, "GET", f"/x?email={MARKER}", "1.1", 200)
    assert logged() == []


def test_an_uncaught_exception_of_a_process_is_one_line_without_its_text():
    script = (
        "from ops.logs import configure_logs\n"
        "configure_logs(environment='production')\n"
        "class Bad:\n  def __del__(self): raise ValueError('MARKER')\n"
        "Bad()\n"
        "import threading\n"
        "thread = threading.Thread(target=lambda: int('MARKER'))\n"
        "thread.start(); thread.join()\n"
        "raise RuntimeError('MARKER')\n"
    )
    root = Path(__file__).resolve().parent.parent.parent
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, timeout=30, check=False
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 1
    assert [line["exception"]["type"] for line in lines] == [
        "builtins.ValueError",
        "builtins.ValueError",
        "builtins.RuntimeError",
    ]
    assert "MARKER" not in ended.stderr
