"""How fast each kind of file is imported and how much memory that takes: `python -m bench.import_rate [--organizations N] [--megabytes N]`.

Everything is made up and thrown away afterwards. Each file is imported by a process of its own into one fresh
SQLite directory (or into `--url`, whose tables are made if need be), so that the peak memory is that of its import.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlmodel import SQLModel

from db.directory_store import DirectoryStore
from domain.directory import FileKind, PaymentFact
from domain.identifiers import npi_with_check_digit
from intake.demo import generate
from intake.detect import TITLES
from intake.loading import import_files
from intake.remittance import read_remittances
from intake.source import Source
from ops.keys import KeyedVault, Keyring

ROOT = Path(__file__).parents[1]


class Silent:
    """An `ImportReport` that says nothing."""

    kind: FileKind | None = None

    def started(self, _path: Path, /, kind: FileKind) -> None:
        self.kind = kind

    def progressed(self, *, done: int, total: int, loaded: int, unchanged: int) -> None: ...

    def finished(self, result: object) -> None: ...


def child(url: str, path: Path) -> None:
    """Import (or, with an empty URL, only read) one file and print what it took as JSON."""
    start = time.perf_counter()
    kind = FileKind.REMITTANCE
    if url:
        store = DirectoryStore(url, KeyedVault(Keyring({"b": bytes(32)}, "b")))
        (result,) = import_files([path], writer=store, report=Silent())
        store.close()
        if result.problem or result.kind is None:
            raise SystemExit(result.problem)
        kind = result.kind
        rows = result.totals.loaded + result.totals.unchanged + sum(result.totals.set_aside.values())
    else:
        with Source(path) as source:
            rows = sum(isinstance(fact, PaymentFact) for fact in read_remittances(source.chunks(), name=path.name))
    seconds = time.perf_counter() - start
    # Not getrusage: its peak begins with what the parent had at the fork.
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]
    print(json.dumps({"kind": TITLES[kind], "rows": rows, "seconds": seconds, "peak": peak}))


def measure(label: str, url: str, path: Path) -> None:
    command = [sys.executable, "-m", "bench.import_rate", "--child", url, str(path)]
    found = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    size = path.stat().st_size / 1e6
    print(
        f"{label or found['kind']:<34}{size:>9.1f} MB{found['rows']:>10,} rows{found['seconds']:>8.1f} s"
        f"{found['rows'] / found['seconds']:>10,.0f} rows/s{size / found['seconds']:>8.1f} MB/s{found['peak']:>7.0f} MB peak",
        flush=True,
    )


def enlarged(path: Path, source: Path, megabytes: int) -> Path:
    """The interchanges of a file again and again, until it is that large."""
    content = source.read_bytes()
    with path.open("wb") as file:
        for _ in count():
            file.write(content)
            if file.tell() >= megabytes * 1_000_000:
                return path
    raise AssertionError


def heavy(path: Path, megabytes: int) -> Path:
    """Payments with 900 segments of claims each, as those of hospitals have them."""
    isa = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'PAYER':15}*ZZ*{'RECEIVER':15}*260105*0930*^*00501*000000001*0*P*:~"
    claim = "CLP*A1*1*200*100**12*9*11~NM1*QC*1*PATIENT*A****MI*W1~SVC*HC:99213*200*100**1~DTM*472*20251201~CAS*CO*45*100~REF*6R*1~"
    head = f"N1*PR*PAYER~N1*PE*NORTHFIELD*XX*{npi_with_check_digit('212345678').digits}~REF*PQ*77~REF*TJ*070000123~LX*1~{claim * 150}SE*909*0001~\n"
    with path.open("w") as file:
        file.write(f"{isa}GS*HP*PAYER*RECEIVER*20260105*0930*1*X*005010X221A1~")
        for number in count(1):
            file.write(f"ST*835*0001~BPR*I*10*C*CHK************20260105~TRN*1*{number}*1070000001~{head}")
            if file.tell() >= megabytes * 1_000_000:
                file.write(f"GE*{number}*1~IEA*1*000000001~")
                return path
    raise AssertionError


def make_tables(url: str) -> None:
    address = make_url(url)
    engine = create_engine(address.set(drivername="sqlite") if address.get_backend_name() == "sqlite" else address)
    SQLModel.metadata.create_all(engine)
    engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizations", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=300, help="size of the large remittance file")
    parser.add_argument("--url", default="", help="another database than a fresh SQLite file")
    parser.add_argument("--child", nargs=2, metavar=("URL", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        folder = Path(name)
        url = options.url or f"sqlite:///{folder / 'directory.db'}"
        make_tables(url)
        start = time.perf_counter()
        demo = generate(folder / "demo", today=date(2026, 1, 5), organizations=options.organizations)
        print(f"{options.organizations:,} organizations generated in {time.perf_counter() - start:.1f} s")
        for path in demo.files:
            measure("", url, path)
        first = next(path for path in demo.files if path.name == "remittance_1.835")
        measure("X12 835 with 909 segments each", url, heavy(folder / "heavy.835", options.megabytes))
        small = enlarged(folder / "a_tenth.835", first, options.megabytes // 10)
        large = enlarged(folder / "large.835", first, options.megabytes)
        measure("read only, nothing written", "", large)
        measure("known payments, a tenth as large", url, small)
        measure("known payments, large", url, large)


if __name__ == "__main__":
    main()
