"""How long a person waits for a payment proof through the API, beside a bare update on the same Temporal server.

`.venv/bin/python -m bench.payment_proof` starts the whole system in a folder of its own on free ports, measures, and
stops it. Limits on tries are lifted for it, because a bench tries more often than a person may.
"""

import asyncio
import json
import re
import time
import uuid
from pathlib import Path
from typing import Final

import httpx2 as httpx
from temporalio.client import Client
from temporalio.worker import Worker

from bench.bare import Bare
from bench.system import report, running_system, timed
from ops.mailbox import read_mailbox

_AT_MOST_S: Final = 300
MISSES: Final = 300
BARE: Final = 300
WARM_UP: Final = 20


class Registrant:
    """One made-up person at the API, with a confirmed address."""

    def __init__(self, http: httpx.AsyncClient, mailbox: Path) -> None:
        self._http = http
        self._mailbox = mailbox
        self.home = ""
        self._token = ""

    async def confirm(self) -> "Registrant":
        email = f"bench.{uuid.uuid4().hex[:10]}@clinic.example.org"
        started = await self._post("/registrations", {"name": "Jo Example", "email": email, "attested": True})
        answer = started.json()
        self.home, self._token = f"/registrations/{answer['id']}", answer["token"]
        code = await asyncio.to_thread(self._code, email)
        (await self._post(f"{self.home}/email-confirmation", {"code": code})).raise_for_status()
        return self

    def _code(self, email: str) -> str:
        for _ in range(400):
            for mail in read_mailbox(self._mailbox, most=20):
                found = re.search(r"\b\d{6}\b", mail.text or "") if email in mail.recipients else None
                if found:
                    return found[0]
            time.sleep(0.02)
        raise SystemExit("no code arrived")

    async def prove(self, check: dict[str, str], *, amount: str) -> httpx.Response:
        proof = {"tin": check["tin"], "vendor": check["vendor_number"], "document": check["document_number"]}
        return await self._post(f"{self.home}/payment-proof", {**proof, "amount": amount})

    async def _post(self, path: str, body: dict[str, object]) -> httpx.Response:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return await self._http.post(path, json=body, headers=headers)


async def bare_updates(address: str) -> list[float]:
    client = await Client.connect(address)
    async with Worker(client, task_queue="bare", workflows=[Bare]):
        handle = await client.start_workflow(Bare.run, id=f"bare-{uuid.uuid4()}", task_queue="bare")
        times = [await timed(lambda: handle.execute_update(Bare.touch, "x")) for _ in range(BARE + WARM_UP)]
        await handle.terminate()
    return times[WARM_UP:]


async def measure(folder: Path, site: str, temporal: str) -> None:
    checks = json.loads((folder / "demo" / "example.json").read_text())["unused_checks"]
    async with httpx.AsyncClient(base_url=f"{site}/api/v1", timeout=30) as http:
        person = await Registrant(http, folder / "mailbox").confirm()
        for _ in range(WARM_UP):
            await person.prove(checks[0], amount="1.00")
        before = await bare_updates(temporal)
        misses = [await timed(lambda: person.prove(checks[0], amount="1.00")) for _ in range(MISSES)]
        matches = []
        for check in checks:
            newcomer = await Registrant(http, folder / "mailbox").confirm()

            async def prove(newcomer: Registrant = newcomer, check: dict[str, str] = check) -> None:
                (await newcomer.prove(check, amount=check["amount"])).raise_for_status()

            matches.append(await timed(prove))
        after = await bare_updates(temporal)
    report("bare update, no activity", [*before, *after])
    report("payment proof through the API, no match", misses)
    report("payment proof through the API, match", matches)


def main() -> int:
    limits = (
        "PAYMENT_TRIES",
        "PAYMENT_TRIES_PER_TIN",
        "PAYMENT_TRIES_PER_CALLER",
        "REGISTRATION_TRIES",
        "REGISTRATIONS_PER_CALLER",
    )
    with running_system(*limits) as system:
        asyncio.run(asyncio.wait_for(measure(system.folder, system.site, system.temporal), _AT_MOST_S))
    return 0


if __name__ == "__main__":
    from ops.leaving import leave

    leave(main())
