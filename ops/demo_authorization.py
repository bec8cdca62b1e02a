"""`./gatehouse demo authorization`: a billing service gets a provider's yes on the running system, told in words."""

import json
import re
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.time_words import moment_in_words
from ops.demo import Demo, DemoStopped, told
from ops.settings import Settings

_LINK: Final = re.compile(r"/answer/([A-Za-z0-9_-]{20,})")
_SERVICE: Final = "Lakeside Billing"


def play(settings: Settings) -> int:
    """Register a billing service and have a made-up contact approve its request. 0: access is open; 1: a line says why not."""
    return told(settings, lambda: AuthorizationDemo(settings).play())


class AuthorizationDemo(Demo):
    """The whole story of one request."""

    def play(self) -> None:
        clinic, another = self._clinics()
        self._register_service(clinic)
        contact = self._contact()
        request = self._ask(clinic, contact)
        self._decide(contact, request)
        self._see(request)
        wanted = {"tin": another["tin"], "provider_name": another["organization"], "contact": self._contact()}
        left_open = self._post("/authorizations", wanted)["reference"]
        self._say(
            f"Jo asks {another['organization']}, too. Nobody answers; to see it expire: ./gatehouse skip {left_open} 31d"
        )
        self._point_at(f"authorization/{request['id']}")

    def _clinics(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Two providers of the demo data; a new billing service hasn't asked any of them."""
        folder = self._settings.data_dir / "demo"
        try:
            described = json.loads((folder / "example.json").read_text())
            first: dict[str, str] = described["check"]
            second: dict[str, str] = next(one for one in described["unused_checks"] if one["tin"] != first["tin"])
        except (OSError, ValueError, KeyError, StopIteration):
            raise DemoStopped(f"no demo data in {folder}; ./gatehouse up makes it") from None
        return first, second

    @staticmethod
    def _contact() -> str:
        return f"kim.contact.{uuid.uuid4().hex[:8]}@clinic.example.org"

    def _register_service(self, clinic: Mapping[str, str]) -> None:
        suffix = secrets.token_hex(4)
        home, email = self._begin(_SERVICE, domain=f"lakeside{suffix}.example.org")
        tin = f"07{secrets.randbelow(10**7):07}"
        self._say(f"{_SERVICE} registers with its own Tax ID, {tin[:2]}-{tin[2:]}. A provider's would be refused:")
        refused = self._post(f"{home}/billing-service", {"name": _SERVICE, "tin": clinic["tin"]}, expected=422)
        print(f"    “{refused['title']}.”", flush=True)
        self._post(f"{home}/billing-service", {"name": f"{_SERVICE} {suffix}", "tin": tin})
        state, password = self._secure(home)
        codes = self._get(f"{home}/recovery-codes")["codes"]
        self._say(f"The registration is {state}. The billing service sees no provider yet; Jo signs in.")
        del self._http.headers["Authorization"]
        pending = self._post("/sessions", {"email": email, "password": password})
        self._become(pending["token"])
        self._become(self._post("/sessions/second-factor", {"code": codes[0]})["token"])
        self._biller, self._email = self._http.headers["Authorization"], email

    def _ask(self, clinic: Mapping[str, str], contact: str) -> dict[str, Any]:
        self._say(f"Jo asks for access to {clinic['organization']}. A colleague's address as the contact is refused:")
        wanted = {"tin": clinic["tin"], "provider_name": clinic["organization"]}
        own = {**wanted, "contact": f"boss@{self._email.partition('@')[2]}"}
        print(f"    “{self._post('/authorizations', own, expected=422)['title']}.”", flush=True)
        request = self._post("/authorizations", {**wanted, "contact": contact})
        shown = self._client(request)
        zone = ZoneInfo(self._settings.payer.time_zone)
        until = moment_in_words(datetime.fromisoformat(shown["deadline"]), zone)
        self._say(f"The contact is {contact}. The request is {request['reference']}; a workflow waits until {until}.")
        return request

    def _decide(self, contact: str, request: Mapping[str, Any]) -> None:
        link = self._link_mailed_to(contact)
        self._say(f"A mail arrives: “{self._mail(contact, '')}”. Its link only shows what is asked:")
        sheet = self._post("/answers/link", {"token": link})
        asked = sheet["linked"]
        print(
            f"    {asked['service']} ({asked['requester']}) asks for {asked['provider']}, {asked['provider_tin_masked']}",
            flush=True,
        )
        self._say(
            "Kim Contact chooses to approve, types name and role, and agrees to the attestation. Nothing is decided yet."
        )
        answers = {
            "token": link,
            "answers": [{"id": request["id"], "choice": "approve"}],
            "name": "Kim Contact",
            "role": "Office manager",
            "attested": True,
        }
        self._become(self._post("/answers", answers)["token"])
        code = self._code_mailed_to(contact)
        self._say(f"A code arrives at the same mailbox: {code}. Kim enters it; that is the decision.")
        self._post("/answers/confirmation", {"code": code})
        self._wait_for(
            lambda: self._get("/answers")["is_settled"] or None,
            what="the decision to be applied; is the worker running?",
        )

    def _link_mailed_to(self, contact: str) -> str:
        found = _LINK.search(self._wait_for(lambda: self._mail(contact, "", part="text")))
        if not found:
            raise DemoStopped("the mail to the contact holds no link")
        return found[1]

    def _see(self, request: Mapping[str, Any]) -> None:
        self._http.headers["Authorization"] = self._biller
        shown = self._client(request)
        if shown["status"] != "access":
            raise DemoStopped(f"the request stands at {shown['status']}")
        self._say(
            "The workflow judged it against the deadline: access was opened in the same transaction, and both sides are told."
        )
        self._say(f"A mail to Jo: “{self._wait_for(lambda: self._mail(self._email, 'approved'))}”.")

    def _client(self, request: Mapping[str, Any]) -> dict[str, Any]:
        shown = self._get(f"/authorizations/{request['id']}")
        client: dict[str, Any] = shown.get("client", shown)
        return client

    def _become(self, token: str) -> None:
        self._http.headers["Authorization"] = f"Bearer {token}"
