"""Whether this process can do its work just now: is the database there and of our schema, does Temporal answer."""

import asyncio
from functools import cache
from typing import Final, Literal

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.service import RPCError

from db.schema import newest_revision
from domain.ports import RecordsUnavailable
from portal.gate import Gate

Check = Literal["ok", "unreachable", "wrong_revision"]

_PATIENCE_S: Final = 3.0


async def look_around(gate: Gate) -> dict[str, Check]:
    """What each thing that requests depend on says now; takes at most a few seconds and changes nothing."""
    database, temporal = await asyncio.gather(_database(gate), _temporal(gate))
    return {"database": database, "temporal": temporal}


_expected_revision = cache(newest_revision)


async def _database(gate: Gate) -> Check:
    try:
        async with asyncio.timeout(_PATIENCE_S), gate.database.read() as session:
            revision = await session.scalar(text("SELECT version_num FROM alembic_version"))
    except (RecordsUnavailable, DBAPIError, TimeoutError) as error:
        # A database without our tables is there, but nobody has migrated it yet.
        return "wrong_revision" if _without_tables(error) else "unreachable"
    return "ok" if revision == await asyncio.to_thread(_expected_revision) else "wrong_revision"


def _without_tables(error: Exception) -> bool:
    cause = error.__cause__ if isinstance(error, RecordsUnavailable) else error
    return isinstance(cause, DBAPIError) and "alembic_version" in str(cause.orig)


async def _temporal(gate: Gate) -> Check:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            healthy = await gate.client.service_client.check_health()
    except (RPCError, TimeoutError):
        return "unreachable"
    except RuntimeError as error:
        # The SDK has no class of its own for a connection that can't be made.
        if not str(error).startswith("Failed client connect"):
            raise
        return "unreachable"
    return "ok" if healthy else "unreachable"
