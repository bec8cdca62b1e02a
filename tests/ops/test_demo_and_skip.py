"""`demo` and `skip` as an operator runs them, against a real site, worker, mailbox and development server."""

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete
from sqlmodel import col

from db.authorizations import AuthorizationRow
from db.counting import count
from db.registrations import Counter
from domain.time_words import moment_in_words
from ops.demo_checks import free_checks
from ops.dev_server import DevServer
from ops.skip import SkipRefused, duration_of
from tests.authorization.scenes import new_billing_service, requested, row_of, state_of
from tests.house import Clinic, House
from tests.mail_reports.conftest import as_mbox, report_on
from tests.web.site import open_site

ROOT = Path(__file__).resolve().parents[2]


async def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEHOUSE_", "TEMPORAL_"))}
    return await asyncio.to_thread(
        subprocess.run, [sys.executable, str(ROOT / "cli.py"), *arguments], cwd=ROOT, env=kept | environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


@pytest.fixture
def environment(sqlite_house: House, keyring_text: str, tmp_path: Path, dev_server: DevServer) -> dict[str, str]:
    """What `up` leaves for other commands, and puts into the environment of this one."""
    left = {
        "GATEHOUSE_ENVIRONMENT": "development",
        "GATEHOUSE_KEYS": keyring_text,
        "GATEHOUSE_DATABASE_URL": sqlite_house.url,
        "GATEHOUSE_DATA_DIR": str(tmp_path),
        "GATEHOUSE_MAILBOX_DIR": str(sqlite_house.sink.folder),
        "GATEHOUSE_TEMPORAL_UI_URL": "http://localhost:8233",
        "TEMPORAL_ADDRESS": dev_server.address,
        "TEMPORAL_CONFIG_FILE": str(tmp_path / "run" / "temporal.toml"),
    }
    (tmp_path / "development.env").write_text("".join(f"{name}='{value}'\n" for name, value in left.items()))
    return {name: value for name, value in left.items() if name != "TEMPORAL_CONFIG_FILE"}


def described(clinic: Clinic) -> dict[str, str]:
    return {"organization": clinic.name, "tin": clinic.tin}


def check_of(clinic: Clinic) -> dict[str, str]:
    return described(clinic) | {
        "vendor_number": clinic.vendor,
        "document_number": f"000{clinic.check}",
        "amount": clinic.amount,
    }


async def forget_callers(house: House) -> None:
    """What this machine has tried today, in other tests."""
    async with house.database.write() as session:
        await session.execute(delete(Counter).where(col(Counter.scope).in_(("payment-caller", "start-caller"))))


async def test_P1_the_demonstration_takes_a_check_that_nobody_has_used_and_leaves_the_one_of_up(
    sqlite_house: House, environment: dict[str, str], tmp_path: Path
):
    shown, second, third, last = [await sqlite_house.new_clinic() for _ in range(4)]
    demo = tmp_path / "demo"
    demo.mkdir()
    example = {"check": check_of(shown), "unused_checks": [check_of(one) for one in (second, third, last)]}
    (demo / "example.json").write_text(json.dumps(example))
    settings = sqlite_house.settings.model_copy(update={"data_dir": tmp_path})
    assert [check["organization"] for check in free_checks(settings)] == [
        one.name for one in (shown, second, third, last)
    ]
    await forget_callers(sqlite_house)
    async with open_site(sqlite_house.settings, sqlite_house.gate) as site:
        environment = environment | {"GATEHOUSE_SITE_URL": site.address}
        played = await run("demo", **environment)
        assert played.returncode == 0, played.stderr
        assert f"{last.name} is proved" in played.stdout
        # Also without its own notes: the database says that the check is used.
        (demo / "played.json").unlink()
        assert last.name not in [check["organization"] for check in free_checks(settings)]
        again = await run("demo", **environment)
        assert again.returncode == 0, again.stderr
        assert f"{third.name} is proved" in again.stdout
        # The database can't be read from here: what the site refuses is passed over.
        (demo / "played.json").unlink()
        elsewhere = environment | {"GATEHOUSE_DATABASE_URL": "postgresql+psycopg://nobody@localhost:9/nothing"}
        blind = await run("demo", **elsewhere)
        assert blind.returncode == 0, blind.stderr
        assert blind.stdout.count("as if it was used already") == 2
        assert f"{second.name} is proved" in blind.stdout
    assert [check["organization"] for check in free_checks(settings)] == [shown.name]


async def test_P1_a_demonstration_that_is_held_back_says_until_when_and_by_which_setting(
    sqlite_house: House, environment: dict[str, str], tmp_path: Path
):
    clinic = await sqlite_house.new_clinic()
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "example.json").write_text(json.dumps({"check": check_of(clinic)}))
    await forget_callers(sqlite_house)
    now = sqlite_house.gate.now()
    async with sqlite_house.database.write() as session:
        caller = sqlite_house.gate.vault.digest("caller", "127.0.0.1")
        for _ in range(sqlite_house.gate.limits.payment_tries_per_caller):
            tally = await count(session, "payment-caller", caller, at=now, window=timedelta(days=1))
    async with open_site(sqlite_house.settings, sqlite_house.gate) as site:
        stopped = await run("demo", **environment, GATEHOUSE_SITE_URL=site.address)
    await forget_callers(sqlite_house)
    assert (stopped.returncode, stopped.stderr.count("\n")) == (1, 1)
    assert f"Try again at {tally.window_ends_at:%B %d, %Y, %H:%M} UTC" in stopped.stderr
    assert "GATEHOUSE_LIMITS__PAYMENT_TRIES_PER_CALLER" in stopped.stderr


async def test_T1_the_demonstration_ends_with_open_access_and_leaves_a_request_to_skip(
    sqlite_house: House, environment: dict[str, str], tmp_path: Path
):
    first, second = await sqlite_house.new_clinic(), await sqlite_house.new_clinic()
    (tmp_path / "demo").mkdir()
    example = {"check": described(first), "unused_checks": [described(first), described(second)]}
    (tmp_path / "demo" / "example.json").write_text(json.dumps(example))
    async with open_site(sqlite_house.settings, sqlite_house.gate) as site:
        environment = environment | {"GATEHOUSE_SITE_URL": site.address}
        played = await run("demo", "authorization", **environment)
    assert played.returncode == 0, played.stderr
    for words in (
        "This Tax ID belongs to a provider",
        "own organization's",
        "Your request was approved",
        first.name,
        second.name,
    ):
        assert words in played.stdout
    address = re.search(r"workflows/authorization%2F([0-9a-f-]+)$", played.stdout, re.MULTILINE)
    left_open = re.search(r"skip (A-\S+) 31d", played.stdout)
    assert address
    assert left_open
    async with sqlite_house.database.read() as session:
        row = await session.get(AuthorizationRow, UUID(address[1]))
    assert row is not None
    assert row.state == "approved"
    assert f"a workflow waits until {moment_in_words(row.deadline, sqlite_house.gate.zone)}." in played.stdout
    skipped = await run("skip", left_open[1], "31d", **environment)
    assert skipped.returncode == 0, skipped.stderr
    assert "it stands at: Expired." in skipped.stdout


async def test_T1_without_a_running_site_the_demonstration_says_so(environment: dict[str, str], tmp_path: Path):
    (tmp_path / "demo").mkdir()
    example = {"check": {"tin": "1", "organization": "A"}, "unused_checks": [{"tin": "2", "organization": "B"}]}
    (tmp_path / "demo" / "example.json").write_text(json.dumps(example))
    stopped = await run("demo", "authorization", **environment, GATEHOUSE_SITE_URL="http://localhost:9")
    assert stopped.returncode == 1
    assert "Start the system first" in stopped.stderr


async def test_T7_skipping_tells_what_happened_to_whom_and_moves_nothing_else(
    sqlite_house: House, environment: dict[str, str]
):
    service = await new_billing_service(sqlite_house)
    request, other = await requested(sqlite_house, service), await requested(sqlite_house, service)
    await sqlite_house.mail(to=request.contact)
    week = await run("skip", request.reference.lower(), "8d", **environment)
    assert week.returncode == 0, week.stderr
    assert f"{request.reference} stands at: Waiting for the contact. It is open until" in week.stdout
    assert "The contact was reminded." in week.stdout
    assert "a reminder with a link" in week.stdout
    assert request.contact not in week.stdout
    assert f"http://localhost:8233/namespaces/default/workflows/authorization%2F{request.id}" in week.stdout
    hour = await run("skip", request.reference, "1h", **environment)
    assert "Nothing happened meanwhile." in hour.stdout
    end = await run("skip", request.reference, "30d", **environment)
    assert "it stands at: Expired." in end.stdout, end.stderr
    assert "message center: Your request has expired" in end.stdout
    await state_of(sqlite_house, request, wanted="expired")
    assert (await row_of(sqlite_house, other)).state == "sent"
    over = await run("skip", request.reference, "1d", **environment)
    assert (over.returncode, over.stderr.count("\n")) == (1, 1)
    assert "its workflow has ended" in over.stderr


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"GATEHOUSE_ENVIRONMENT": "production"}, "this is production"),
        ({"TEMPORAL_ADDRESS": "127.0.0.1:1"}, "names another one"),
        ({"TEMPORAL_ADDRESS": ""}, "names another one"),
    ],
    ids=["production", "another-server", "no-server-named"],
)
async def test_skipping_is_refused_anywhere_but_on_the_server_of_up(
    sqlite_house: House, environment: dict[str, str], tmp_path: Path, changes: dict[str, str], why: str
):
    request = await requested(sqlite_house, await new_billing_service(sqlite_house))
    # Production has no development mailbox; everything else is as `up` left it.
    del environment["GATEHOUSE_MAILBOX_DIR"]
    kept = (tmp_path / "development.env").read_text().splitlines(keepends=True)
    (tmp_path / "development.env").write_text("".join(line for line in kept if "MAILBOX_DIR" not in line))
    refused = await run("skip", request.reference, "31d", **environment | changes)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert why in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert (await row_of(sqlite_house, request)).state == "sent"


async def test_skipping_is_refused_where_up_uses_a_server_that_the_environment_named(
    sqlite_house: House, environment: dict[str, str], tmp_path: Path
):
    request = await requested(sqlite_house, await new_billing_service(sqlite_house))
    kept = (tmp_path / "development.env").read_text().splitlines(keepends=True)
    (tmp_path / "development.env").write_text("".join(line for line in kept if "CONFIG_FILE" not in line))
    refused = await run("skip", request.reference, "31d", **environment)
    assert (refused.returncode, "here TEMPORAL_ADDRESS names another one" in refused.stderr) == (1, True)


async def test_skipping_something_unknown_or_for_no_time_is_a_line(environment: dict[str, str]):
    unknown = await run("skip", "A-NOPE-NOPE", "31d", **environment)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    assert "there is no request" in unknown.stderr
    registration = await run("skip", "r-nope-nope", "31d", **environment)
    assert (registration.returncode, registration.stderr) == (
        1, "Nothing was skipped: skip takes requests for access (A-…); registrations, invitations and cases aren't skipped.\n",
    )  # fmt: skip
    soon = await run("skip", "A-NOPE-NOPE", "soon", **environment)
    assert (soon.returncode, "31d, 12h, 90m or 45s" in soon.stderr) == (1, True)


def test_lengths_of_time_are_read_as_people_write_them():
    assert [duration_of(text) for text in ("31d", " 12H", "90m", "45s")] == [
        timedelta(days=31), timedelta(hours=12), timedelta(minutes=90), timedelta(seconds=45),
    ]  # fmt: skip
    for text in ("", "0d", "-1d", "1w", "1.5d", "d", "401d", "99999d", "31 d ago"):
        with pytest.raises(SkipRefused):
            duration_of(text)


# Bounces, read once.


async def test_B5_the_command_reads_a_mailbox_of_bounces_once(
    sqlite_house: House, environment: dict[str, str], tmp_path: Path
):
    request = await requested(sqlite_house, await new_billing_service(sqlite_house))
    mail = await sqlite_house.mail(to=request.contact)
    box = tmp_path / "bounces"
    box.write_bytes(as_mbox(report_on(mail), report_on("<other@portal.example.org>")))
    done = await run("bounces", str(box), **environment)
    assert (done.returncode, done.stdout) == (
        0, "1 told on, 0 known or no news, 1 of mails that aren't ours, 0 unreadable.\n",
    ), done.stderr  # fmt: skip
    await state_of(sqlite_house, request, wanted="undeliverable")
    again = await run("bounces", **environment, GATEHOUSE_BOUNCE_MAILBOX=str(box))
    assert again.stdout.startswith("0 told on, 1 known")
    unnamed = await run("bounces", **environment)
    assert (unnamed.returncode, "GATEHOUSE_BOUNCE_MAILBOX" in unnamed.stderr) == (2, True)
    missing = await run("bounces", str(tmp_path / "nothing"), **environment)
    assert (missing.returncode, missing.stderr) == (1, f"There is no mailbox {tmp_path / 'nothing'}.\n")
