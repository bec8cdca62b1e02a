"""How a process that has used Temporal's client leaves: flushed, and past the interpreter's own teardown."""

import logging
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this process at once with `code`, after flushing what was written and logged.

    The interpreter's normal exit may crash with SIGABRT or SIGSEGV once the client's native runtime has
    been used (temporalio/sdk-python#300), which would turn a good exit code into a bad one. Nothing
    registered with `atexit` runs: close everything that needs closing first.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (
            OSError,
            ValueError,
        ):  # A reader that has gone away, or a stream closed already, must not change the code.
            continue
    os._exit(code)
