"""The whole system in a folder of its own on free ports, for a measurement; and how times are told."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.loopback import free_port

ROOT: Final = Path(__file__).parents[1]
_PORTS: Final = ("LISTEN", "TEMPORAL", "TEMPORAL_UI", "SMTP", "CODEC_SERVER", "WORKER_METRICS")


@dataclass(frozen=True, slots=True)
class Running:
    """Where the system is."""

    folder: Path
    site: str
    temporal: str


@contextmanager
def running_system(*limits: str) -> Iterator[Running]:
    """Start it, lift these limits (a bench tries more often than a person may), and stop it in the end."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        ports = {key: free_port() for key in _PORTS}
        site = f"http://localhost:{ports['LISTEN']}"
        environment = {
            **os.environ,
            "GATEHOUSE_DATA_DIR": name,
            **{f"GATEHOUSE_{key}_PORT": str(port) for key, port in ports.items()},
            **{f"GATEHOUSE_LIMITS__{limit}": "100000" for limit in limits},
        }
        system = subprocess.Popen(
            [sys.executable, "-m", "ops.up"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert system.stdout is not None
        try:
            if not any("is ready" in line for line in system.stdout):
                raise SystemExit("the system did not start")
            yield Running(Path(name), site, f"localhost:{ports['TEMPORAL']}")
        finally:
            system.send_signal(signal.SIGTERM)
            system.wait(30)


async def timed(call: Callable[[], Awaitable[object]]) -> float:
    """How long the call took, in milliseconds."""
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1000


def report(name: str, times: Sequence[float]) -> None:
    """One line: how many, the median and the 99th percentile."""
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    print(f"{name:<48} n={len(ordered):<5} p50={statistics.median(ordered):6.1f} ms  p99={p99:6.1f} ms")
