"""The commands for staff and for cases: `staff add`, `list`, `close`, `match-listed`, as an operator runs them."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.schema import migrate
from domain.cases import CaseState
from ops.dev_server import DevServer
from ops.loopback import free_port
from tests.cases.counter import Counter, unlisted_tin
from tests.house import House

ROOT = Path(__file__).resolve().parent.parent.parent


async def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEHOUSE_", "TEMPORAL_"))}
    return await asyncio.to_thread(
        subprocess.run, [sys.executable, str(ROOT / "cli.py"), *arguments], cwd=ROOT, env=kept | environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def environment(sqlite_url: str, keyring_text: str, tmp_path: Path) -> dict[str, str]:
    migrate(sqlite_url)
    return {
        "GATEHOUSE_ENVIRONMENT": "development",
        "GATEHOUSE_KEYS": keyring_text,
        "GATEHOUSE_DATABASE_URL": sqlite_url,
        "GATEHOUSE_DATA_DIR": str(tmp_path),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",  # nothing listens there
    }


async def test_B11_an_operator_adds_lists_and_closes_staff(environment: dict[str, str]):
    added = await _run(
        "staff", "add", "Sam Desk Example", "sam@payer.example.org", "--role", "supervisor", **environment
    )
    assert added.returncode == 0, added.stderr
    assert "/staff/set-up/" in added.stdout
    assert "24 hours" in added.stdout
    listed = await _run("staff", "list", **environment)
    assert listed.stdout.split("\n")[0] == "sam@payer.example.org  Sam Desk Example  supervisor  not set up"
    assert (await _run("staff", "close", "SAM@payer.example.org", **environment)).returncode == 0
    assert "closed" in (await _run("staff", "list", **environment)).stdout
    again = await _run("staff", "close", "sam@payer.example.org", **environment)
    assert (again.returncode, again.stderr.strip()) == (1, "There is no open staff account with this address.")
    refused = await _run("staff", "add", "Front Desk", "info@payer.example.org", **environment)
    assert refused.returncode == 1
    assert len(refused.stderr.strip().split("\n")) == 2


async def test_P8_match_listed_without_a_waiting_case_needs_no_temporal(environment: dict[str, str]):
    done = await _run("match-listed", **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_P8_match_listed_has_the_waiting_case_look_and_says_in_a_line_when_it_cannot(
    counter: Counter, sqlite_house: House, dev_server: DevServer, environment: dict[str, str]
):
    tin = unlisted_tin()
    case = await counter.open(await counter.registrant(), tin=tin)
    await counter.import_lists(tin)
    environment = environment | {"GATEHOUSE_DATABASE_URL": sqlite_house.url}
    away = await _run("match-listed", **environment)
    assert away.returncode == 1
    assert len([line for line in away.stdout.strip().split("\n") if "Temporal is away or busy" not in line]) == 1
    assert "once a day" in away.stdout
    told = await _run("match-listed", **environment | {"TEMPORAL_ADDRESS": dev_server.address})
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("1 case was waiting")
    assert await counter.ends(case) is CaseState.LISTED
