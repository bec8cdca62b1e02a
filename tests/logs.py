"""What would be logged in production, for tests that read it."""

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog  # noqa: TID251 - its configuration is put back after the test

from ops.logs import configure_logs


@contextmanager
def captured_logs(level: int = logging.INFO, *, speaking: tuple[type[Exception], ...] = ()) -> Iterator[io.StringIO]:
    """The lines logged so far; the logging of the test run is put back afterwards."""
    root, visits = logging.getLogger(), logging.getLogger("uvicorn.access")
    handlers, before, silent = root.handlers[:], root.level, visits.disabled
    hooks = (sys.excepthook, sys.unraisablehook, threading.excepthook)
    stream = io.StringIO()
    configure_logs(environment="production", stream=stream, level=level, speaking=speaking)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)
        visits.disabled = silent
        sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
