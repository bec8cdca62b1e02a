"""The spool folder under kills, power cuts that leave half files, a shop that takes PDFs away, and hands that meddle."""

import asyncio
import hashlib
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from domain.print_shop import LetterConflict, PrintShopUnavailable
from gateways.letters.spool import MANIFEST, Manifest, SpoolFolder
from tests.letters.samples import consignment

ROOT = Path(__file__).parents[2]
DAYS = ("2026-11-24", "2026-11-25")

STEPS = (
    "before_claim", "written:.json", "renamed:.json", "claimed",
    "written:.pdf", "renamed:.pdf", "pdf_in_place",
    "written:.jsonl", "renamed:.jsonl", "listed",
)  # fmt: skip


def hand_over(root: Path, *, letter_id="letter-0001", day=DAYS[0], kill_at="") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.letters.spool_process", str(root), letter_id, day, kill_at],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def listed(root: Path) -> list[tuple[str, str]]:
    """Batch and letter id of all that the shop will print; every manifest must be whole and true at any moment."""
    found = []
    for path in sorted(root.glob(f"batches/*/{MANIFEST}")):
        for line in Manifest.read(path.read_text()).lines:
            content = (path.parent / line.file).read_bytes()
            assert hashlib.sha256(content).hexdigest() == line.sha256
            assert len(content) == line.bytes
            found.append((path.parent.name, line.letter_id))
    return found


async def test_I11_the_named_steps_are_all_there_are(tmp_path):
    seen: list[str] = []
    await SpoolFolder(tmp_path, between=seen.append).hand_over(consignment())
    assert tuple(seen) == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_I11_killed_at_any_step_and_repeated_is_one_letter(tmp_path, step):
    assert hand_over(tmp_path, letter_id="letter-0000").returncode == 0
    killed = hand_over(tmp_path, kill_at=step)
    assert killed.returncode == -signal.SIGKILL
    before = listed(tmp_path)
    done_before = (DAYS[0], "letter-0001") in before
    assert done_before is (step in {"renamed:.jsonl", "listed"})
    # The next try comes a day later, with the next day's batch.
    again = hand_over(tmp_path, day=DAYS[1])
    assert again.returncode == 0, again.stderr
    day = DAYS[0] if done_before else DAYS[1]
    assert again.stdout.strip() == f"{day}/letter-0001"
    assert sorted(listed(tmp_path)) == sorted([(DAYS[0], "letter-0000"), (day, "letter-0001")])
    # And no copy of the PIN lies about in a batch that doesn't list it.
    assert len(list(tmp_path.glob("batches/*/letter-0001.pdf"))) == 1


def test_I11_many_processes_at_once_lose_and_double_nothing(tmp_path):
    plan = [(f"letter-{number % 4:04}", DAYS[number % 2]) for number in range(8)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.letters.spool_process", str(tmp_path), letter_id, day, ""],
            cwd=ROOT, stdout=subprocess.DEVNULL,
        )
        for letter_id, day in plan
    ]  # fmt: skip
    assert [process.wait(timeout=60) for process in running] == [0] * len(plan)
    assert sorted(letter_id for _, letter_id in listed(tmp_path)) == [f"letter-{number:04}" for number in range(4)]


async def test_I11_a_pdf_that_the_shop_took_away_is_not_put_back(tmp_path):
    spool = SpoolFolder(tmp_path)
    first = await spool.hand_over(consignment())
    pdf = tmp_path / "batches" / DAYS[0] / "letter-0001.pdf"
    pdf.unlink()
    assert await spool.hand_over(consignment()) == first
    assert not pdf.exists()


async def test_B10_a_mailed_letters_pdf_is_scrubbed_and_the_letter_stays_handed_over(tmp_path):
    spool = SpoolFolder(tmp_path)
    first = await spool.hand_over(consignment())
    await spool.scrub("letter-0001")
    await spool.scrub("letter-0001")
    await spool.scrub("letter-0002")
    assert not list(tmp_path.glob("**/*.pdf"))
    assert await spool.hand_over(consignment()) == first
    with pytest.raises(LetterConflict):
        await spool.hand_over(consignment(pdf=b"%PDF-1.4 another pin"))


async def test_P2_the_manifest_counts_and_hashes_its_batch(tmp_path):
    spool = SpoolFolder(tmp_path)
    for number in range(3):
        await spool.hand_over(consignment(letter_id=f"letter-000{number}"))
    text = (tmp_path / "batches" / DAYS[0] / MANIFEST).read_text()
    manifest = Manifest.read(text)
    assert manifest.mailing_on == date(2026, 11, 24)
    assert [line.letter_id for line in manifest.lines] == ["letter-0000", "letter-0001", "letter-0002"]
    assert '"letters": 3' in text.splitlines()[0]
    assert "LAKESHORE" not in text


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.rsplit("\n", 2)[0] + "\n",
        lambda text: text.replace('"bytes": 19', '"bytes": 20'),
        lambda text: "",
        lambda text: "null\n",
    ],
    ids=["cut in a line", "cut after a line", "changed", "empty", "null"],
)
async def test_I11_nothing_is_printed_on_a_guess_when_a_manifest_is_damaged(tmp_path, damage):
    spool = SpoolFolder(tmp_path)
    for number in range(2):
        await spool.hand_over(consignment(letter_id=f"letter-000{number}"))
    path = tmp_path / "batches" / DAYS[0] / MANIFEST
    good = path.read_text()
    path.write_text(damage(good))
    assert path.read_text() != good
    for letter_id in ("letter-0000", "letter-0002"):
        with pytest.raises(PrintShopUnavailable) as unavailable:
            await spool.hand_over(consignment(letter_id=letter_id))
        assert unavailable.value.code == "spool_damaged"
    path.write_text(good)
    await spool.hand_over(consignment(letter_id="letter-0002"))
    assert len(listed(tmp_path)) == 3


async def test_P2_a_spool_that_cannot_be_written_is_tried_again(tmp_path):
    (tmp_path / "spool").write_text("a file where a folder should be")
    with pytest.raises(PrintShopUnavailable) as unavailable:
        await SpoolFolder(tmp_path / "spool").hand_over(consignment())
    assert unavailable.value.code == "spool_unwritable"


async def test_B10_only_owner_and_group_may_look_into_the_spool(tmp_path):
    await SpoolFolder(tmp_path / "spool").hand_over(consignment())
    for folder in ("", "batches", f"batches/{DAYS[0]}", "claims"):
        assert (tmp_path / "spool" / folder).stat().st_mode & 0o007 == 0


async def test_I11_hands_over_many_letters_at_once(tmp_path):
    spool = SpoolFolder(tmp_path)
    letters = [consignment(letter_id=f"letter-{number % 20:04}") for number in range(60)]
    await asyncio.gather(*(spool.hand_over(each) for each in letters))
    assert len(listed(tmp_path)) == 20
