"""Hands one letter over to a spool folder as a process of its own, and kills itself at a named step."""

import asyncio
import os
import signal
import sys
from datetime import date
from pathlib import Path

from gateways.letters.spool import SpoolFolder
from tests.letters.samples import consignment


def main(root: str, letter_id: str, mailing_on: str, kill_at: str) -> None:
    def between(step: str) -> None:
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    spool = SpoolFolder(Path(root), between=between)
    letter = consignment(letter_id=letter_id, mailing_on=date.fromisoformat(mailing_on), pdf=_pdf(letter_id))
    print(asyncio.run(spool.hand_over(letter)).reference)


def _pdf(letter_id: str) -> bytes:
    return f"%PDF-1.4 {letter_id}".encode() * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])
