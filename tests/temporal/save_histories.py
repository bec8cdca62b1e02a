"""`python -m tests.temporal.save_histories [VERSION]` writes the histories, fingerprints and names of this version.

Run it when a version is released (a new folder under `histories/`; old ones stay for good), and after an intended
change of names or commands before that. Everybody in the histories is made up, and the payloads are sealed under a
key that is here for anyone to read.
"""

import asyncio
import base64
import json
import sys
import tempfile
from pathlib import Path

from ops.dev_server import DevServer, DevServerPlan
from ops.keys import Keyring
from ops.leaving import leave
from ops.mailbox import MailSink
from ops.temporal_client import connect
from tests.house import open_house
from tests.temporal.fingerprints import fingerprint, names
from tests.temporal.paths import walk

FOLDER = Path(__file__).parent
HISTORIES = FOLDER / "histories"
FINGERPRINTS = FOLDER / "fingerprints.json"
NAMES = FOLDER / "names.json"
VERSION = "0.1"

# Obviously not a secret: it seals nothing but what this command makes up.
TEST_KEYRING_TEXT = "testonly:" + base64.b64encode(b"only for tests, guards nothing!!").decode()


async def save(version: str) -> None:
    """Walk every path on real servers and write what came of it."""
    keyring = Keyring.parse(TEST_KEYRING_TEXT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite+aiosqlite:///{folder / 'gatehouse.db'}"
        async with DevServer(DevServerPlan(ui_port=None)) as server, MailSink(folder / "mailbox") as sink:
            client = await connect(keyring=keyring, process="worker", environ={"TEMPORAL_ADDRESS": server.address})
            async with open_house(
                client=client, keyring=keyring, keyring_text=TEST_KEYRING_TEXT, url=url, sink=sink, folder=folder
            ) as house:
                histories = await walk(house)
                found = names(house.worker)
    target = HISTORIES / version
    target.mkdir(parents=True, exist_ok=True)
    for path, history in histories.items():
        (target / f"{path}.json").write_text(history.to_json() + "\n")
    _write(FINGERPRINTS, {path: fingerprint(history) for path, history in histories.items()})
    _write(NAMES, found)


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    asyncio.run(save(sys.argv[1] if len(sys.argv) > 1 else VERSION))
    leave(0)
