"""`./gatehouse demo mail`: a registration by US Mail played against the running system, told in words."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar

from domain.print_shop import DeliveryKind
from ops.demo import Demo, DemoStopped, told
from ops.letter_text import letter_text
from ops.settings import Settings

_PIN: Final = re.compile(r"^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$", re.MULTILINE)


class ShopLetter(Protocol):
    """A letter in the print shop's folder."""

    @property
    def letter_id(self) -> str: ...
    @property
    def mailing_on(self) -> date: ...
    @property
    def pdf(self) -> Path | None: ...


Spooled = TypeVar("Spooled", bound=ShopLetter)


class Shop(Protocol[Spooled]):
    """The print shop that the story plays."""

    def letters(self) -> Sequence[Spooled]: ...
    def find(self, letter_id: str) -> Spooled | None: ...
    def tell(self, letter: Spooled, kind: DeliveryKind, *, at: datetime) -> None: ...


def play(settings: Settings, shop: Shop[Spooled]) -> int:
    """Register a made-up person by letter. 0: it has access; 1: a line says why not."""
    return told(settings, lambda: _ByMail(settings).play(shop))


class _ByMail(Demo):
    def play(self, shop: Shop[Spooled]) -> None:
        check = self._unused_check()
        home, email = self._begin(check["organization"])
        self._say("Jo has no check at hand, and enters Tax ID and vendor number only. The addresses on record, masked:")
        typed = {"tin": check["tin"], "vendor": check["vendor_number"]}
        addresses = self._post(f"{home}/letter-addresses", typed)["addresses"]
        for address in addresses:
            print(f"    {address['masked']}", flush=True)
        asked = self._post(f"{home}/letters", {"location_id": addresses[0]["id"]})
        self._say(
            f"Jo chooses the first, and a letter is asked for: {asked['state']}. A PIN typed at random opens nothing:"
        )
        wrong = self._post(f"{home}/pin", {"pin": "00000-00000"}, expected=422)
        print(f"    “{wrong['title']}.” {wrong['tries_left']} tries left.", flush=True)

        letter = self._printed(home, shop)
        self._say(f"The letter is printed and waits for the mailing day, {letter.mailing_on}: {letter.pdf}")
        shop.tell(letter, DeliveryKind.MAILED, at=datetime.now(UTC))
        mailed = self._wait_for(lambda: self._mailed(home), what="the print shop's report to be read")
        self._say(f"The print shop reports it as mailed: only now the PIN's clock starts; it ends at {mailed}.")
        self._say(f"A mail says so: “{self._wait_for(lambda: self._mail(email, 'on its way'))}”.")
        arrived = shop.find(letter.letter_id)
        if arrived is None or arrived.pdf is None:
            raise DemoStopped("the mailed letter isn't in the development letter box")
        self._say(f"Days later the letter is on Jo's desk: {arrived.pdf}")
        _open(arrived.pdf)
        found = _PIN.search(letter_text(arrived.pdf.read_bytes()))
        if not found:
            raise DemoStopped("the letter shows no PIN")
        self._say(f"Its PIN is {found[0]}. Jo types it in small letters and without the dash.")
        self._post(f"{home}/pin", {"pin": found[0].replace("-", " ").lower()})
        self._say(f"{check['organization']} is proved: its mail reaches Jo.")
        self._finish(home, email)

    def _printed(self, home: str, shop: Shop[Spooled]) -> Spooled:
        def look() -> Spooled | None:
            newest = self._get(f"{home}/letters")["letters"][0]
            return shop.find(newest["id"]) if newest["state"] == "handed_over" else None

        return self._wait_for(look, what="the letter to be printed; is the worker running?")

    def _mailed(self, home: str) -> str | None:
        expires_at: str | None = self._get(f"{home}/letters")["letters"][0]["expires_at"]
        return expires_at


def _open(pdf: Path) -> None:
    """Show the letter where somebody can see it: at a terminal of a desktop."""
    viewer = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    on_desktop = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if viewer and on_desktop and sys.stdout.isatty():
        subprocess.Popen(
            [viewer, str(pdf)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
