"""How long from the click that decides to the open access, through the API, beside a bare signal and activity on the same server.

`.venv/bin/python -m bench.decision` starts the whole system in a folder of its own on free ports, measures, and stops it.
"""

import asyncio
import base64
import json
import time
import uuid
from typing import Any, Final

from temporalio.client import Client
from temporalio.worker import Worker

from bench.bare import BareDecision, nothing
from bench.system import Running, report, running_system, timed
from ops.demo_authorization import AuthorizationDemo
from ops.settings import Settings

SERVICES: Final = 3  # each asks 40 providers
BARE: Final = 200
_NO_KEYS: Final = "bench:" + base64.b64encode(bytes(32)).decode()  # nothing is sealed on this side
WARM_UP: Final = 10


class Clicking(AuthorizationDemo):
    """A billing service that asks the same provider's contacts again and again, and contacts who click."""

    def measure(self) -> list[float]:
        providers = json.loads((self._settings.data_dir / "demo" / "example.json").read_text())["unused_checks"]
        times = []
        for _ in range(SERVICES):
            self._register_service(providers[0])
            times += [self._click(provider) for provider in providers]
        return times[WARM_UP:]

    def _click(self, provider: dict[str, str]) -> float:
        """One request, answered; returns the milliseconds from sending the code to the answer that access is open."""
        self._http.headers["Authorization"] = self._biller
        contact = self._contact()
        wanted = {"tin": provider["tin"], "provider_name": provider["organization"], "contact": contact}
        request = self._post("/authorizations", wanted)
        answers: dict[str, Any] = {
            "token": self._link_mailed_to(contact),
            "answers": [{"id": request["id"], "choice": "approve"}],
            "name": "Kim Contact",
            "role": "Office manager",
            "attested": True,
        }
        self._become(self._post("/answers", answers)["token"])
        code = self._code_mailed_to(contact)
        began = time.perf_counter()
        answered = self._post("/answers/confirmation", {"code": code})
        took = (time.perf_counter() - began) * 1000
        if not answered["is_settled"]:
            raise SystemExit("a decision was not applied in time")
        return took

    @staticmethod
    def _say(text: str) -> None:
        """Not told here."""


async def bare_decisions(address: str) -> list[float]:
    client = await Client.connect(address)
    async with Worker(client, task_queue="bare", workflows=[BareDecision], activities=[nothing]):
        times = []
        for _ in range(BARE + WARM_UP):
            handle = await client.start_workflow(BareDecision.run, id=f"bare-{uuid.uuid4()}", task_queue="bare")

            async def decide(handle: Any = handle) -> None:
                await handle.signal(BareDecision.decide)
                await handle.result()

            await asyncio.sleep(0.02)  # it waits by then
            times.append(await timed(decide))
    return times[WARM_UP:]


def main() -> int:
    with running_system("AUTHORIZATIONS_OPEN", "AUTHORIZATIONS_PER_CONTACT", "REGISTRATIONS_PER_CALLER") as system:
        measure(system)
    return 0


def measure(system: Running) -> None:
    settings = Settings(
        environment="development",
        keys=_NO_KEYS,
        data_dir=system.folder,
        mailbox_dir=system.folder / "mailbox",
        site_url=system.site,
    )
    before = asyncio.run(bare_decisions(system.temporal))
    clicks = Clicking(settings).measure()
    after = asyncio.run(bare_decisions(system.temporal))
    report("bare signal and local activity", [*before, *after])
    report("click to open access, through the API", clicks)


if __name__ == "__main__":
    from ops.leaving import leave

    leave(main())
