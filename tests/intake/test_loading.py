"""Importing files: the same twice, interrupted, broken, unreadable; and nothing of a patient anywhere."""

import csv
import gzip
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from db.directory_store import DirectoryStore
from domain.directory import Fact, FileTotals, SetAside, Written
from domain.ports import RecordsUnavailable
from intake.command import main
from intake.demo import PATIENTS, DemoSet, generate
from intake.loading import Outcome, _guarded, exit_status, import_files
from intake.reasons import WHAT_TO_DO
from tests.intake.samples import contents, interchange, rows, transaction

ROOT = Path(__file__).parents[2]


class Silent:
    """An `ImportReport` that notes how far it came."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []
        self.counted: list[tuple[int, int]] = []

    def started(self, path: Path, kind: object) -> None: ...

    def progressed(self, *, done: int, total: int, loaded: int, unchanged: int) -> None:
        self.seen.append((done, total))
        self.counted.append((loaded, unchanged))

    def finished(self, result: object) -> None: ...


class Nothing:
    """A `DirectoryWriter` that keeps nothing."""

    def begin(self, **_: object) -> bool:
        return True

    def write(self, facts: Sequence[Fact]) -> Written:
        return Written()

    def set_aside(self, sha256: str, records: Sequence[SetAside]) -> None: ...

    def finish(self, sha256: str, totals: FileTotals) -> None: ...


@pytest.fixture
def demo(tmp_path: Path) -> DemoSet:
    return generate(tmp_path / "demo", today=date(2026, 11, 23), seed=3, organizations=300)


def run(paths: list[Path], store: DirectoryStore, **options: Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(paths, writer=store, out=out, err=err, **options), out.getvalue(), err.getvalue()


def test_every_generated_file_is_loaded_and_a_second_import_changes_nothing(
    demo: DemoSet, store: DirectoryStore, database_url: str
):
    status, out, err = run(list(demo.files), store)
    assert (status, err) == (0, "")
    assert "vendor file" in out
    assert "NPPES deactivation report" in out
    assert "11 files: 11 loaded" in out
    before = contents(database_url)
    status, out, err = run(list(demo.files), store)
    assert (status, err) == (0, "")
    assert "11 files: 11 loaded before" in out
    assert contents(database_url) == before


def test_the_same_payments_in_other_bytes_are_unchanged(demo: DemoSet, store: DirectoryStore, database_url: str):
    run(list(demo.files), store)
    before = contents(database_url)
    path = next(path for path in demo.files if path.name == "remittance_1.835")
    again = path.with_name("again.835")
    again.write_bytes(path.read_bytes() + b"\n")
    report = Silent()
    (result,) = import_files([again], writer=store, report=report)
    assert result.totals.loaded == 0
    assert result.totals.unchanged > 100
    assert report.counted[-1] == (0, result.totals.unchanged)
    assert contents(database_url)["payment"] == before["payment"]


def test_what_is_set_aside_is_listed_with_what_to_do(demo: DemoSet, store: DirectoryStore, database_url: str):
    results = {result.path.name: result for result in import_files(demo.files, writer=store, report=Silent())}
    for name, expected in demo.defects.items():
        assert results[name].totals.set_aside == expected
        rejects = results[name].rejects
        assert rejects is not None
        listed = list(csv.DictReader(rejects.read_text().splitlines()))
        assert len(listed) == sum(expected.values())
        assert {row["reason"] for row in listed} == set(expected)
        assert {row["what to do"] for row in listed} <= set(WHAT_TO_DO.values())
    assert all(result.rejects is None for name, result in results.items() if name not in demo.defects)
    assert len(rows(database_url, "intake_reject")) == sum(sum(counts.values()) for counts in demo.defects.values())


def test_a_lost_list_of_rejects_is_written_again_by_importing_the_file_again(
    demo: DemoSet, store: DirectoryStore, database_url: str
):
    path = next(path for path in demo.files if path.name == "check_register.csv")
    (first,) = import_files([path], writer=store, report=Silent())
    assert first.rejects is not None
    before, listed = contents(database_url), first.rejects.read_bytes()
    first.rejects.unlink()
    status, out, err = run([path], store)
    assert (status, err) == (0, "")
    assert "loaded before, nothing to do; 4 set aside: " in out
    assert f"what to do about them: {first.rejects}" in out
    assert first.rejects.read_bytes() == listed
    assert contents(database_url) == before


def test_I12_no_patient_of_any_file_is_kept_or_told_anywhere(
    demo: DemoSet, sqlite_url: str, opened: Callable[[str], DirectoryStore]
):
    broken = demo.files[0].with_name("broken.835")
    text = interchange(
        transaction(),
        transaction().replace("~SE*", f"~{PATIENTS[0]}~SE*"),
        transaction(claims=f"LX*1~NM1*QC*1*{PATIENTS[1]}"),
    )
    broken.write_text(text[:-60])
    assert any(name.encode() in path.read_bytes() for path in demo.files for name in PATIENTS)
    store = opened(sqlite_url)
    _, out, err = run([*demo.files, broken], store)
    store.close()
    database = Path(sqlite_url.partition("///")[2])
    kept = [path.read_bytes() for path in database.parent.glob(f"{database.name}*")]
    kept += [path.read_bytes() for path in broken.parent.glob("*.rejects.csv")]
    assert len(kept) >= 3
    for name in PATIENTS:
        assert all(name.encode() not in content for content in kept)
        assert name not in out + err


KILLED = """
import os, signal, sys
from pathlib import Path
import db.directory_merge
from db.directory_store import DirectoryStore
from intake.command import main
from tests.intake.samples import VAULT

url, point, left, *files = sys.argv[1:]
count = int(left)

def dies_at(owner, name, after):
    original = getattr(owner, name)
    def wrapped(*args, **kwargs):
        global count
        count -= 1
        if count == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, wrapped)

if point == "after_commit":
    dies_at(DirectoryStore, "write", True)
else:
    dies_at(db.directory_merge.DirectoryMerge, "_mark_reissued", False)
sys.exit(main(files, writer=DirectoryStore(url, VAULT)))
"""


@pytest.mark.parametrize(("point", "left"), [("after_commit", 2), ("in_transaction", 2)])
def test_an_import_that_was_killed_is_run_again_and_ends_the_same(  # noqa: PLR0917 - fixtures are matched by name
    demo: DemoSet, database_url: str, opened: Callable[[str], DirectoryStore], point: str, left: int, other_url: str
):
    joined = demo.files[0].with_name("joined.835")
    joined.write_bytes(b"".join(path.read_bytes() for path in demo.files if path.suffix == ".835") * 4)
    register = next(path for path in demo.files if path.name == "check_register.csv")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, database_url, point, str(left), str(joined)],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    partly = len(rows(database_url, "payment"))
    assert rows(database_url, "intake_file")[0]["finished_at"] is None
    assert exit_status(import_files([joined, register], writer=opened(database_url), report=Silent())) == 0
    assert exit_status(import_files([joined, register], writer=opened(other_url), report=Silent())) == 0
    assert 0 < partly < len(rows(database_url, "payment"))
    assert contents(database_url) == contents(other_url)


def test_files_that_cannot_be_read_get_a_clear_line_and_the_others_go_on(tmp_path: Path, store: DirectoryStore):
    good, empty, other = tmp_path / "good.835", tmp_path / "empty.835", tmp_path / "letter.txt"
    good.write_text(interchange(transaction()))
    empty.touch()
    other.write_text("Dear payer,\n")
    status, out, err = run([tmp_path / "missing", tmp_path, empty, other, good], store)
    assert status == 1
    assert [line.removeprefix(str(tmp_path)) for line in err.splitlines()][:3] == [
        "/missing: there is no such file",
        ": is a folder; give the files in it",
        "/empty.835: is empty",
    ]
    assert "letter.txt: unknown kind of file; expected" in err
    assert "1 loaded, 0 unchanged, 0 set aside" in out
    assert "5 files: 1 loaded, 4 not read" in out


def test_an_unreadable_file_is_told_as_such(tmp_path: Path, store: DirectoryStore):
    loop = tmp_path / "loop.835"
    loop.symlink_to(loop)
    status, _, err = run([loop], store)
    assert status == 1
    assert "can't be read" in err
    assert run([], store)[0] == 2


def test_rejects_go_to_a_chosen_folder_and_a_full_disk_stops_nothing(tmp_path: Path, store: DirectoryStore):
    path = tmp_path / "a.835"
    path.write_text(interchange(transaction(kind="837"), transaction()))
    (tmp_path / "lists").mkdir()
    (result,) = import_files([path], writer=store, report=Silent(), rejects_folder=tmp_path / "lists")
    assert result.rejects is not None
    assert result.rejects.parent == tmp_path / "lists"
    path.write_text(interchange(transaction(kind="837"), transaction(trn="TRN*1*5*1")))
    status, out, err = run([path], store, rejects_folder=tmp_path / "nowhere")
    assert (status, "1 loaded, 0 unchanged, 1 set aside: not_835 1" in out) == (0, True)
    assert "can't be written" in err


def test_cells_of_the_list_cannot_become_formulas(tmp_path: Path):
    assert _guarded(SetAside("=1+1", "@x", "-y"))[:3] == ["'=1+1", "'@x", "'-y"]
    path = tmp_path / "x.835"
    path.write_text(interchange(transaction(control="=1+1+1", kind="837")))
    (result,) = import_files([path], writer=Nothing(), report=Silent())
    assert result.rejects is not None
    assert result.rejects.read_text().splitlines()[1].startswith("transaction 1,ST01,not_835,")


@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_that_breaks_off_is_no_success_however_often_its_imported(
    compressed: bool, tmp_path: Path, store: DirectoryStore
):
    whole = interchange(*(transaction(control=f"{at:04d}", trn=f"TRN*1*{at}*1") for at in range(1, 900))).encode()
    path = tmp_path / "x.835"
    path.write_bytes(gzip.compress(whole)[:-4000] if compressed else whole[: whole.index(b"GE*")])
    for words in ("1 loaded", "1 loaded before"):
        status, out, err = run([path], store)
        assert (status, err) == (1, "")
        assert "file_truncated 1" in out
        assert f"1 file: {words}, 1 of them not to the end" in out


def test_a_database_that_goes_away_ends_the_import_in_words(tmp_path: Path):
    class Gone(Nothing):
        def begin(self, **_: object) -> bool:
            raise RecordsUnavailable("the database refused to write (OperationalError)")

    files = [tmp_path / "a.835", tmp_path / "b.835"]
    for path in files:
        path.write_text(interchange(transaction()))
    results = import_files(files, writer=Gone(), report=Silent())
    assert [result.outcome for result in results] == [Outcome.FAILED]
    assert "import it again, nothing is lost" in results[0].problem
    assert exit_status(results) == 1


def test_progress_counts_the_bytes_on_disk_also_of_compressed_files(demo: DemoSet, store: DirectoryStore):
    for path in demo.files:
        report = Silent()
        import_files([path], writer=store, report=report)
        assert report.seen[-1] == (path.stat().st_size, path.stat().st_size)
        assert [done for done, _ in report.seen] == sorted(done for done, _ in report.seen)


def test_a_list_of_rejects_given_by_mistake_is_left_alone(demo: DemoSet, store: DirectoryStore):
    run(list(demo.files), store)
    status, out, err = run([demo.files[0].with_name("check_register.csv.rejects.csv")], store)
    assert (status, err) == (0, "")
    assert "left alone" in out


def test_the_documentation_names_every_reason():
    text = (ROOT / "docs" / "intake.md").read_text()
    assert [reason for reason in WHAT_TO_DO if f"`{reason}`" not in text] == []


def test_every_defect_of_an_identifier_has_advice():
    codes = set(re.findall(r'IdentifierError\("(\w+)"', (ROOT / "domain" / "identifiers.py").read_text()))
    codes |= {f"{name}_{defect}" for name in ("tin", "npi") for defect in ("missing", "not_digits", "length")}
    assert len(codes) > 15
    assert codes <= set(WHAT_TO_DO)
