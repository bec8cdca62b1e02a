"""Scripted ways through a registration: the same commands in the same order every time, for histories and fingerprints."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from temporalio.client import WorkflowHistory
from temporalio.testing import TimeSkipper

from portal import registering, resuming
from portal.registering import Started
from tests.house import House, code_in, key
from tests.temporal.other_paths import OTHER_PATHS


async def _confirmed(house: House, email: str) -> Started:
    """Confirmed once everything about the code is noted, so that nothing happens in another order next time."""
    started = await house.start(email=email)
    code = code_in(await house.mail(to=email, subject="code"))
    await house.quiet(started.registration_id)
    await registering.confirm_email(house.gate, started.registration_id, code=code, key=key())
    return started


async def completed(house: House) -> UUID:
    """A wrong code, the right one, a wrong proof, the right one, an account."""
    clinic = await house.new_clinic()
    email = f"path-{key()}@clinic.example.org"
    started = await house.start(email=email)
    rid = started.registration_id
    code = code_in(await house.mail(to=email, subject="code"))
    await house.quiet(rid)
    wrong = "000000" if code != "000000" else "000001"
    await registering.confirm_email(house.gate, rid, code=wrong, key=key())
    await registering.confirm_email(house.gate, rid, code=code, key=key())
    await house.prove(started, clinic, amount="1")
    await house.prove(started, clinic)
    await house.secured(started)
    await house.handle(rid).result()
    return rid


async def expired(house: House) -> UUID:
    """Confirmed, and then nothing for thirty days."""
    started = await _confirmed(house, f"path-{key()}@clinic.example.org")
    handle = house.handle(started.registration_id)
    await TimeSkipper(house.client).fast_forward(handle, timedelta(days=30, seconds=5))
    await handle.result()
    return started.registration_id


async def locked(house: House) -> UUID:
    """A second code, and wrong ones until the registration is locked."""
    started = await house.start()
    rid = started.registration_id
    await house.quiet(rid)
    await registering.send_code(house.gate, rid, key=key())
    await house.quiet(rid)
    for _ in range(house.gate.limits.registration_tries):
        await registering.confirm_email(house.gate, rid, code="000000", key=key())
    await house.handle(rid).result()
    return rid


async def resumed_and_withdrawn(house: House) -> UUID:
    """A link to go on elsewhere, and the end at the person's wish."""
    email = f"path-{key()}@clinic.example.org"
    started = await _confirmed(house, email)
    await resuming.mail_resume_links(house.gate, email=email)
    await house.mail(to=email, subject="Go on")
    await house.quiet(started.registration_id)
    await registering.withdraw(house.gate, started.registration_id, key=key())
    await house.handle(started.registration_id).result()
    return started.registration_id


async def rejected(house: House) -> UUID:
    """The address gets an account by another registration meanwhile."""
    email = f"path-{key()}@clinic.example.org"
    started = await _confirmed(house, email)
    await house.prove(started, await house.new_clinic())
    other = await house.start(email=email)
    code = code_in(await house.mail(to=email, subject="code", after=1))
    await registering.confirm_email(house.gate, other.registration_id, code=code, key=key())
    await house.prove(other, await house.new_clinic())
    await house.secured(other)
    await house.quiet(started.registration_id)
    await house.try_to_secure(started)
    await house.handle(started.registration_id).result()
    return started.registration_id


async def billing_service(house: House) -> UUID:
    """A provider's Tax ID is refused, the service's own is right; back to the other path, and after all a billing service."""
    clinic = await house.new_clinic()
    started = await _confirmed(house, f"path@{key()}.example.org")  # a billing service's mail domain counts (T4)
    rid = started.registration_id
    named = {"name": f"Path Billing {clinic.vendor}", "caller": key()}
    await registering.register_billing_service(house.gate, rid, tin=clinic.tin, key=key(), **named)
    own = f"0092{clinic.tin[-5:]}"
    await registering.register_billing_service(house.gate, rid, tin=own, key=key(), **named)
    await registering.reconsider(house.gate, rid, key=key())
    await registering.register_billing_service(house.gate, rid, tin=own, key=key(), **named)
    await house.secured(started)
    await house.handle(rid).result()
    return rid


REGISTRATIONS: dict[str, Callable[[House], Awaitable[UUID]]] = {
    path.__name__: path for path in (completed, expired, locked, resumed_and_withdrawn, rejected, billing_service)
}
PATHS = (*REGISTRATIONS, *OTHER_PATHS)


async def walk(house: House) -> dict[str, WorkflowHistory]:
    """Every path, walked once; the histories by the paths' names."""
    walked = {name: await house.handle(await path(house)).fetch_history() for name, path in REGISTRATIONS.items()}
    for name, other in OTHER_PATHS.items():
        walked[name] = await house.client.get_workflow_handle(await other(house)).fetch_history()
    return walked
