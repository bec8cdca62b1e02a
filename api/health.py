"""For whoever watches the process: is it alive, can it do its work. Outside the API and its description."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.dependencies import GateDep
from portal.health import look_around

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def live() -> dict[str, str]:
    """The process answers; nothing else is looked at, so that an outage elsewhere doesn't get it restarted."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(gate: GateDep) -> JSONResponse:
    """200 when requests can be served, 503 while the database, its schema or Temporal isn't there."""
    checks = await look_around(gate)
    good = all(check == "ok" for check in checks.values())
    return JSONResponse({"status": "ok" if good else "unavailable", "checks": checks}, 200 if good else 503)
