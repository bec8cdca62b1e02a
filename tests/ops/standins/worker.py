"""A stand-in for the worker: touches the ready file and waits for SIGTERM.

Files in the data folder change it: `worker-must-die` (at once), `worker-hangs` (never ready), `worker-is-deaf` (to SIGTERM).
"""

import os
import signal
import sys
from pathlib import Path

FOLDER = Path(os.environ["GATEHOUSE_DATA_DIR"])


def note(text: str) -> None:
    with (FOLDER / "notes.txt").open("a") as file:
        file.write(f"{text}\n")


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
if (FOLDER / "worker-must-die").exists():
    print("the worker stand-in can't go on", file=sys.stderr)
    sys.exit(3)
note(f"worker started {os.getpid()}")
if not (FOLDER / "worker-hangs").exists():
    Path(os.environ["GATEHOUSE_READY_FILE"]).touch()
signal.sigwait({signal.SIGUSR1} if (FOLDER / "worker-is-deaf").exists() else {signal.SIGTERM})
note("worker stopped")
