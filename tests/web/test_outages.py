"""The site is restarted, or Temporal is away: nothing is lost, and the same form goes on afterwards."""

from pathlib import Path

import pytest

from ops.dev_server import DevServer, DevServerPlan
from ops.keys import Keyring
from ops.loopback import free_port
from ops.mailbox import MailSink
from ops.temporal_client import connect
from serve import build_gate
from tests.house import PASSWORD, House, key, open_house, patient_worker
from tests.web.conftest import NewPerson
from tests.web.person import NUMBER
from tests.web.site import open_site

pytestmark = pytest.mark.browser


async def test_site_and_worker_are_restarted_in_the_middle(house: House, keyring: Keyring, new_person: NewPerson):
    settings = house.settings.model_copy(update={"task_queue": f"test-{key()}"})
    gate = build_gate(settings, client=house.client, database=house.database, keyring=keyring)
    clinic = await house.new_clinic()

    def worker():
        return patient_worker(settings, client=house.client, database=house.database, vault=house.vault)

    async with worker(), open_site(settings, gate) as site:
        person = await new_person(at=site)
        await person.begin()
        await person.confirm()
        await person.choose(clinic)
        await person.fill(document_number=clinic.check, amount=clinic.amount)
    async with worker(), open_site(settings, gate, port=site.port):
        await person.send("Check and continue")
        assert person.path == "/register/account"
        await person.set_up_account()
        await person.finish()
        assert len(await person.codes()) == 10


async def test_while_temporal_is_away_forms_say_so_and_keep_what_was_typed(
    *, keyring: Keyring, keyring_text: str, sqlite_url: str, sink: MailSink, tmp_path: Path, new_person: NewPerson
):
    plan = DevServerPlan(ui_port=None, file=tmp_path / "temporal.db", port=free_port(), http_port=free_port())
    server = DevServer(plan)
    await server.start()
    place = {"TEMPORAL_ADDRESS": server.address}
    worker_client = await connect(keyring=keyring, process="worker", environ=place)
    client = await connect(keyring=keyring, process="api", lazy=True, environ=place)
    try:
        async with open_house(
            client=worker_client, keyring=keyring, keyring_text=keyring_text, url=sqlite_url, sink=sink, folder=tmp_path
        ) as house:
            gate = build_gate(house.settings, client=client, database=house.database, keyring=keyring)
            clinic = await house.new_clinic()
            async with open_site(house.settings, gate) as site:
                person, late = await new_person(at=site), await new_person(at=site)
                person.house = late.house = house
                await person.confirmed()
                await person.go("/register/organization")
                await person.choose(clinic)
                await server.stop()

                response = await person.prove(clinic.check, clinic.amount)
                assert (response.status, await person.problem()) == (503, "We can't do this right now")
                assert await person.reads("what you sent may still be done")  # it can have arrived: nobody knows
                assert int(response.headers["retry-after"]) > 0
                assert await person.typed(NUMBER) == clinic.check
                await person.judge()
                response = await late.begin()
                assert response.status == 503
                assert await late.typed("Your full name") == late.name
                assert await late.page.locator("#attestation").is_checked()
                await late.go("/resume")
                await late.fill(email=person.email)
                assert (await late.send("Send the link")).status == 503
                assert (await person.go("/register/payment")).status == 200  # reading goes on

                await person.page.go_back()
                await server.start()
                await person.go("/register/payment")
                await person.prove(clinic.check, clinic.amount)
                while await person.page.locator("#document_number").count():
                    await person.prove(clinic.check, clinic.amount)
                assert person.path == "/register/account"
                await person.set_up_account(password=PASSWORD)
                assert person.path == "/register/second-factor"
    finally:
        await server.stop()
