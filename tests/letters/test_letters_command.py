"""`gatehouse letters`: what the print shop's folder holds, and telling what became of a letter."""

import asyncio
import sys
from datetime import date
from pathlib import Path

import pytest

from gateways.letters.spool import SpoolFolder
from gateways.letters.spool_events import SpoolEvents
from tests.letters.samples import consignment

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path, keyring_text: str) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "GATEHOUSE_ENVIRONMENT": "development",
        "GATEHOUSE_DATA_DIR": str(tmp_path),
        "GATEHOUSE_KEYS": keyring_text,
    }


@pytest.fixture
async def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    for number in (1, 2):
        letter = consignment(letter_id=f"letter-000{number}", mailing_on=date(2026, 11, 23 + number))
        await SpoolFolder(folder).hand_over(letter)
    return folder


async def run(environment: dict[str, str], *arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "cli.py"), "letters", *arguments, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), errors.decode()


async def told(spool: Path) -> list[tuple[str, str]]:
    return sorted(
        (event.letter_id, event.kind.value) for one in await SpoolEvents(spool).unread() for event in one.events
    )


async def test_letters_are_listed_and_told(environment: dict[str, str], spool: Path):
    code, out, _ = await run(environment)
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[:2]] == [
        ["letter-0001", "2026-11-24", "waiting"],
        ["letter-0002", "2026-11-25", "waiting"],
    ]
    assert out.splitlines()[2] == "2 letters."
    assert (await run(environment, "mailed", "letter-0001"))[0] == 0
    assert await told(spool) == [("letter-0001", "mailed")]
    code, out, _ = await run(environment, "mailed", "all")
    assert (code, out.splitlines()[0]) == (0, "letter-0002  reported as mailed"), "each letter once"
    assert (await run(environment, "returned", "letter-0002"))[0] == 0
    assert await told(spool) == [("letter-0001", "mailed"), ("letter-0002", "mailed"), ("letter-0002", "returned")]
    assert "returned" in (await run(environment))[1].splitlines()[1]


async def test_an_unknown_letter_is_one_clear_line(environment: dict[str, str], spool: Path):
    for letter_id in ("letter-0009", "all"):
        code, _, errors = await run(environment, "returned", letter_id)
        assert (code, errors) == (1, "There is no letter with this id; `gatehouse letters` lists them.\n")
    assert await told(spool) == []


async def test_a_shop_behind_an_api_tells_by_itself(environment: dict[str, str]):
    code, _, errors = await run({**environment, "GATEHOUSE_PRINT_SHOP": "lob", "GATEHOUSE_PRINT_SHOP_KEY": "key"})
    assert (code, errors) == (1, "Letters go to lob, which tells by itself what became of them.\n")
