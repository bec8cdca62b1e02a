"""Which checks of the demo data nobody has registered with yet; `up` prints one and `demo` plays with others."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from domain.identifiers import DocumentNumber
from ops.settings import Settings

# A payment proves one registration (P1); one that was given back may be used again.
_USED: Final = (
    "SELECT payment.number FROM evidence JOIN payment ON payment.id = evidence.payment_id "
    "WHERE evidence.released_at IS NULL AND payment.ledger = 'payment'"
)

Check = dict[str, str]


def free_checks(settings: Settings) -> list[Check]:
    """The checks that are free, the one to show first in front. Raises `LookupError` when there is no demo data."""
    folder = settings.data_dir / "demo"
    try:
        described = json.loads((folder / "example.json").read_text(encoding="utf-8"))
        checks: list[Check] = [described["check"], *described.get("unused_checks", ())]
        numbers = [DocumentNumber.parse(check["document_number"]).number for check in checks]
    except (OSError, ValueError, KeyError, TypeError):
        raise LookupError(f"no demo data in {folder}; ./gatehouse up makes it") from None
    used = _registered_with(settings.database_url) | {DocumentNumber.parse(one).number for one in _played(folder)}
    return [check for check, number in zip(checks, numbers, strict=True) if number not in used]


def note_played(settings: Settings, check: Check) -> None:
    """Note that a demonstration takes this check, also where it registers by letter and the check stays unused."""
    folder = settings.data_dir / "demo"
    (folder / "played.json").write_text(json.dumps([*_played(folder), check["document_number"]]), encoding="utf-8")


def _played(folder: Path) -> Sequence[str]:
    played = folder / "played.json"
    found: list[str] = json.loads(played.read_text(encoding="utf-8")) if played.exists() else []
    return found


def _registered_with(database_url: str) -> set[str]:
    """Numbers of the payments in use. Read from the file, because `up` mustn't load the database's code for one line."""
    kind, _, file = database_url.partition(":///")
    if not kind.startswith("sqlite"):
        return set()
    try:
        with closing(sqlite3.connect(f"{Path(file).absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return {row[0] for row in connection.execute(_USED)}
    except sqlite3.OperationalError:  # no file or no tables yet: nobody has registered
        return set()
