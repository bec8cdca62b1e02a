"""An access that is changed for years goes on in another run of its workflow, where it stood (I1, I18)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.grants import State
from ops.dev_server import DevServer, DevServerPlan
from ops.keys import Keyring
from ops.mailbox import MailSink
from ops.temporal_client import connect
from portal import granting
from tests.grants.scenes import Provider, later
from tests.house import House, key, open_house


class ImpatientPlan(DevServerPlan):
    """A server that suggests another run after a few steps."""

    def command(self) -> list[str]:
        return [*super().command(), "--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"]


@pytest.fixture
async def impatient_house(keyring: Keyring, keyring_text: str, tmp_path: Path) -> AsyncIterator[House]:
    async with DevServer(ImpatientPlan(ui_port=None)) as server:
        client = await connect(keyring=keyring, process="worker", environ={"TEMPORAL_ADDRESS": server.address})
        url = f"sqlite+aiosqlite:///{tmp_path / 'gatehouse.db'}"
        async with (
            MailSink(tmp_path / "mailbox") as sink,
            open_house(
                client=client, keyring=keyring, keyring_text=keyring_text, url=url, sink=sink, folder=tmp_path
            ) as house,
        ):
            yield house


async def test_I18_a_long_history_goes_on_where_it_stood(impatient_house: House):
    provider = Provider(impatient_house)
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    first = (await provider.review(granted).describe()).run_id
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(30), key=key())
    for _ in range(8):
        await granting.hold(provider.gate, boss.principal, granted.id, key=key())
        await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    status = await provider.settled(granted)
    async with asyncio.timeout(20):  # until the other run has looked where the access stands
        while status.revision != (await provider.grant(granted)).revision:
            await asyncio.sleep(0.05)
            status = await provider.settled(granted)
    assert (await provider.review(granted).describe()).run_id != first
    assert status.state is State.OPEN
    assert status.ends_at == (await provider.grant(granted)).ends_at
    kinds = await provider.told(granted.service.lead.account_id, about=granted)
    assert (kinds.count("grant_held"), kinds.count("grant_resumed"), kinds.count("grant_end_date")) == (8, 8, 1)
    assert {state for _, state in await provider.mailed(granted)} == {"sent"}
    await provider.skip_to_end(granted)
    row = await provider.over(granted)
    assert (row.status, row.closing_code) == ("ended", "lapsed")
