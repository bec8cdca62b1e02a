"""Structured logs that can't carry personal data: what isn't known to be harmless is left out.

Everything goes through one handler on stderr, whoever logs it: our own code (standard `logging` with
`extra=`, or `logger()` from here), uvicorn, temporalio, SQLAlchemy. One JSON object a line; in
development on a terminal the same fields as coloured text.

- Only fields of `HARMLESS` pass, and only with values that look like an id, a number or a word.
- A message is a constant of the code; of its arguments only numbers are filled in.
- Of an exception the type, its stable `code` and where it happened; never what it says.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

import structlog  # noqa: TID251 - this is the module that everyone else is told to use

WITHHELD: Final = "[withheld]"

# Fields that may be logged. Ids are opaque, counts are counts, the rest are words of our own code.
HARMLESS: Final = frozenset({
    "account_id", "activity_id", "activity_type", "address_family", "attempt", "build", "bytes", "case_id", "check", "child", "client_error",
    "code", "component", "count", "database", "delay_ms", "duration_ms", "environment", "event_id", "exit_code", "failure_type", "file_kind",
    "from_state", "generation", "host", "import_id", "key_id", "kind", "line", "loaded", "mail_id", "message_id", "method", "missing", "namespace",
    "next_state", "outcome", "pid", "port", "purpose", "queue", "reason", "registration_id", "request_id", "retry_after", "revision", "route",
    "rows", "run_id", "server_error", "set_aside", "signal", "size", "smtp_code", "staff_id", "state", "status", "step", "superseded", "task_queue",
    "template", "to_state", "transaction", "unchanged", "update_id", "update_name", "version", "wait_ms", "workers", "workflow_id", "workflow_type",
})  # fmt: skip

_STRUCTURE: Final = frozenset({"event", "level", "logger", "timestamp", "exception", "withheld", "where"})

# Packages whose messages are constants with placeholders. Of everyone else's (asyncio builds texts
# from exceptions, warnings quote values) only the place is logged.
_TRUSTED_MESSAGES: Final = re.compile(
    r"^(workflows|activities|domain|db|gateways|intake|portal|api|web|ops|worker|serve|cli|gatehouse|__main__"
    r"|temporalio\.(activity|workflow|worker|client|service|bridge)|uvicorn|sqlalchemy\.(pool|engine)|alembic|mail)\b"
)

_WORD: Final = re.compile(r"[A-Za-z0-9_.:/{}<>,+=# -]{0,200}")
_LOOKS_PERSONAL: Final = re.compile(r"(?<![0-9A-Za-z])(?:\d{2}-?\d{7}|\d{3}-?\d{2}-?\d{4}|\d{10})(?![0-9A-Za-z])")
_PLACEHOLDER: Final = re.compile(r"%(?:\((\w+)\))?[#0\- +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[hlL]?([diouxXeEfFgGcrsa%])")
_STANDARD_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}

_OUR_ROOT: Final = Path(__file__).resolve().parent.parent


def configure_logs(
    *,
    environment: str,
    stream: TextIO | None = None,
    level: int = logging.INFO,
    speaking: tuple[type[Exception], ...] = (),
) -> None:
    """Send all logs of this process to `stream` (default: stderr). May be called again; the last call counts.

    `speaking` are exception classes of our own whose text is a constant and may be logged.
    """
    stream = stream if stream is not None else sys.stderr
    on_a_terminal = environment == "development" and stream.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=True)
        if on_a_terminal
        else structlog.processors.JSONRenderer(sort_keys=False, default=str)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            use_get_message=False,
            pass_foreign_args=True,
            foreign_pre_chain=[*shared, _read_record],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _Exceptions(speaking),
                _only_harmless,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "temporalio", "sqlalchemy", "alembic"):
        other = logging.getLogger(name)
        other.handlers.clear()
        other.propagate = True
    # Its lines hold addresses and query strings; requests are logged by route instead.
    logging.getLogger("uvicorn.access").disabled = True
    for chatty in ("sqlalchemy", "alembic", "aiosqlite", "mail"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger with fields: `logger(__name__).info("payment proved", registration_id=…)`. Fields have to be in `HARMLESS`."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def with_fields(**fields: object) -> AbstractContextManager[None]:
    """`with with_fields(request_id=…):` puts the fields on every line logged inside, by whomever."""
    return structlog.contextvars.bound_contextvars(**fields)


def _read_record(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A record of the standard library: its constant message with numbers filled in, its `extra` as fields."""
    record: logging.LogRecord = event["_record"]
    arguments = event.pop("positional_args", ())
    details: dict[str, object] = {}
    message = str(record.msg)
    for name, value in vars(record).items():
        if name in {"temporal_workflow", "temporal_activity"} and isinstance(value, Mapping):
            # temporalio appends the same to the text; as fields they go through the list of harmless ones.
            message = message.removesuffix(f" ({dict(value)})")
            details.update({str(key): item for key, item in value.items()})
        elif name not in _STANDARD_ATTRIBUTES and not name.startswith("_"):
            details[name] = value
    if isinstance(record.msg, str) and _TRUSTED_MESSAGES.match(record.name):
        event["event"] = _fill_in_numbers(message, arguments)
    else:
        event["event"] = WITHHELD
        event["where"] = f"{_short(record.pathname)}:{record.lineno}:{record.funcName}"
    for name, value in details.items():
        event.setdefault(name, value)
    return event


def _fill_in_numbers(template: str, arguments: object) -> str:
    """The message with its numbers; every other argument is withheld."""
    values = iter(arguments if isinstance(arguments, tuple) else ())
    named: Mapping[str, object] = arguments if isinstance(arguments, Mapping) else {}
    if not arguments:
        return template

    def fill(found: re.Match[str]) -> str:
        name, kind = found.groups()
        if kind == "%":
            return "%"
        value = named.get(name) if name else next(values, None)
        if isinstance(value, int | float):
            return str(found[0] % ({name: value} if name else value))
        return _safe_text(value) if isinstance(value, Enum) else WITHHELD

    return _PLACEHOLDER.sub(fill, template)


def _safe_text(value: object) -> str:
    text = str(value.value if isinstance(value, Enum) else value)
    return text if _WORD.fullmatch(text) and not _LOOKS_PERSONAL.search(text) else WITHHELD


def _safe_value(value: object) -> object:
    match value:
        case None | bool() | float() | int():
            return value
        case list() | tuple() | set() | frozenset():
            return [_safe_value(item) for item in list(value)[:20]]
        case _:
            return _safe_text(value)


def _only_harmless(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out every field that isn't known to be harmless, and say how many were."""
    kept: dict[str, Any] = {}
    withheld = 0
    for name, value in event.items():
        if name in _STRUCTURE:
            kept[name] = value
        elif name in HARMLESS:
            kept[name] = _safe_value(value)
        else:
            withheld += 1
    if withheld:
        kept["withheld"] = withheld
    return kept


class _Exceptions:
    """Replaces `exc_info` by type, code and place."""

    def __init__(self, speaking: tuple[type[Exception], ...]) -> None:
        self._speaking = speaking

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        error = event.pop("exc_info", None)
        event.pop("stack_info", None)
        if error is True:
            error = sys.exc_info()
        if isinstance(error, tuple):
            error = error[1]
        if isinstance(error, BaseException):
            event["exception"] = self.described(error)
        return event

    def described(self, error: BaseException, *, depth: int = 0) -> dict[str, Any]:
        """Type, stable code, our own frames and the innermost one, and the same of its cause."""
        kind = type(error)
        described: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
        code = getattr(error, "code", None)
        if isinstance(code, int | str) and re.fullmatch(r"[a-z0-9_]{1,60}", str(code)):
            described["code"] = code
        if isinstance(error, self._speaking):
            described["message"] = str(error)
        frames = traceback.extract_tb(error.__traceback__)
        ours = [
            frame for number, frame in enumerate(frames, start=1) if _is_ours(frame.filename) or number == len(frames)
        ]
        described["frames"] = [f"{_short(frame.filename)}:{frame.lineno}:{frame.name}" for frame in ours[-20:]]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None and depth < 4:
            described["cause"] = self.described(cause, depth=depth + 1)
        if isinstance(error, BaseExceptionGroup):
            described["parts"] = [self.described(part, depth=depth + 1) for part in error.exceptions[:5] if depth < 4]
        return described


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(_OUR_ROOT) and "site-packages" not in path.parts


def _short(filename: str) -> str:
    """A file as a path inside the project, or inside its package."""
    path = Path(filename)
    if _is_ours(filename):
        return str(path.relative_to(_OUR_ROOT))
    parts = path.parts
    return "/".join(parts[parts.index("site-packages") + 1 :] if "site-packages" in parts else parts[-2:])


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("gatehouse").critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(details: threading.ExceptHookArgs) -> None:
    if details.exc_value is not None and not issubclass(details.exc_type, SystemExit):
        logging.getLogger("gatehouse").critical(
            "uncaught exception in a thread", exc_info=(details.exc_type, details.exc_value, details.exc_traceback)
        )


def _log_unraisable(details: "sys.UnraisableHookArgs") -> None:
    if details.exc_value is not None:
        logging.getLogger("gatehouse").error(
            "exception that could not be raised", exc_info=(details.exc_type, details.exc_value, details.exc_traceback)
        )
