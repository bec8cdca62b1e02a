"""`./gatehouse demo`: a registration played against the running system over HTTP, told in words."""

import re
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2 as httpx
import pyotp

from ops.demo_checks import free_checks, note_played
from ops.mailbox import read_mailbox
from ops.settings import Settings

_PATIENCE_S: Final = 20.0
_CHECKS: Final = 3  # tried at most: each that doesn't match is a failed proof

Found = TypeVar("Found")


# Which setting holds back what is asked here, by the last part of the path (429).
_LIMITS: Final = {
    "registrations": "REGISTRATIONS_PER_CALLER",
    "payment-proof": "PAYMENT_TRIES_PER_CALLER",
    "billing-service": "PAYMENT_TRIES_PER_CALLER",
    "letter-addresses": "PAYMENT_TRIES_PER_CALLER",
    "letters": "LETTERS_IN_WINDOW",
    "sessions": "SIGN_INS_PER_CALLER",
    "authorizations": "AUTHORIZATIONS_PER_PROVIDER",
}


class DemoStopped(Exception):
    """Why the demonstration can't go on; the text is a line for people, `code` is the site's, if it refused."""

    def __init__(self, text: str, *, code: str = "") -> None:
        super().__init__(text)
        self.code = code


def play(settings: Settings) -> int:
    """Register a made-up person with a check of the demo data. 0: it has access; 1: a line says why not."""
    return told(settings, lambda: _ByCheck(settings).play())


def told(settings: Settings, story: Callable[[], None]) -> int:
    """Tell a story and turn what stops it into a line for people."""
    try:
        story()
    except DemoStopped as stopped:
        print(f"The demonstration stopped: {stopped}", file=sys.stderr)
        return 1
    except httpx.TransportError:
        print(f"Nothing answers at {settings.site_url}. Start the system first: ./gatehouse up", file=sys.stderr)
        return 1
    return 0


class Demo:
    """What every story needs: a person who registers over HTTP and reads their mail."""

    def __init__(self, settings: Settings) -> None:
        if settings.mailbox_dir is None:
            raise DemoStopped("it needs the development mailbox; start the system with ./gatehouse up")
        self._settings = settings
        self._mailbox = settings.mailbox_dir
        self._http = httpx.Client(base_url=f"{settings.site_url}/api/v1", timeout=15)

    def _begin(self, organization: str, *, domain: str = "clinic.example.org") -> tuple[str, str]:
        """Register as a made-up person up to the confirmed address; returns the registration's path and the address."""
        email = f"jo.example.{uuid.uuid4().hex[:8]}@{domain}"
        self._say(f"Jo Example of {organization} registers as {email}.")
        started = self._post("/registrations", {"name": "Jo Example", "email": email, "attested": True})
        self._http.headers["Authorization"] = f"Bearer {started['token']}"
        home = f"/registrations/{started['id']}"
        self._say(
            f"The registration is {started['reference']}; a workflow waits for the e-mail address to be confirmed."
        )
        code = self._code_mailed_to(email)
        self._say(f"A code arrives by e-mail: {code}. Jo first mistypes it, then enters it right.")
        wrong = f"{(int(code) + 1) % 10**6:06}"
        self._post(f"{home}/email-confirmation", {"code": wrong}, expected=422)
        self._post(f"{home}/email-confirmation", {"code": code})
        return home, email

    def _finish(self, home: str, email: str) -> None:
        """From the proved organization to the open access."""
        state = self._secure(home)[0]
        self._say(f"The registration is {state}: account and access were opened in one transaction.")
        welcome = self._wait_for(lambda: self._mail(email, "ready"))
        self._say(f"A mail says so: “{welcome}”.")
        self._point_at(home.removeprefix("/").replace("registrations", "registration"))

    def _secure(self, home: str) -> tuple[str, str]:
        """Set the account up; returns the registration's state and the password."""
        self._say("Jo chooses a password and adds the account to an authenticator app.")
        password = f"quiet harbour {uuid.uuid4().hex[:12]}"
        self._post(f"{home}/account", {"name": "Jo Example", "password": password})
        secret = self._get(f"{home}/second-factor")["secret"]
        done = self._post(f"{home}/second-factor", {"code": pyotp.TOTP(secret).now()})
        return str(done["state"]), password

    def _point_at(self, workflow_id: str) -> None:
        """Say where to look on: the mails, and the workflow in Temporal's UI."""
        self._say(f"The mails: {self._settings.site_url}/mailbox")
        if self._settings.temporal_ui_url:
            place = workflow_id.replace("/", "%2F")
            self._say(f"The workflow: {self._settings.temporal_ui_url}/namespaces/default/workflows/{place}")

    def _unused_check(self) -> Mapping[str, str]:
        """A check of the demo data that no registration has used; from the end, so that the one `up` printed stays free."""
        try:
            free = free_checks(self._settings)
        except LookupError as missing:
            raise DemoStopped(str(missing)) from None
        if not free:
            raise DemoStopped("every check of the demo data was used; move the data folder away to begin again")
        note_played(self._settings, free[-1])
        return free[-1]

    def _code_mailed_to(self, email: str) -> str:
        text = self._wait_for(lambda: self._mail(email, "code", part="text"))
        found = re.search(r"\b\d{6}\b", text)
        if not found:
            raise DemoStopped("the mail holds no code")
        return found[0]

    def _mail(self, email: str, subject: str, *, part: str = "subject") -> str | None:
        for mail in read_mailbox(Path(self._mailbox)):
            if email in mail.recipients and subject in mail.subject:
                return str(getattr(mail, part))
        return None

    def _wait_for(self, look: Callable[[], Found | None], *, what: str = "a mail; is the mailbox running?") -> Found:
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            found = look()
            if found is not None:
                return found
            time.sleep(0.05)
        raise DemoStopped(f"it waited in vain for {what}")

    def _post(self, path: str, body: Mapping[str, object], *, expected: int | None = None) -> dict[str, Any]:
        answer = self._http.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        return self._understood(answer, expected)

    def _get(self, path: str) -> dict[str, Any]:
        return self._understood(self._http.get(path), None)

    @staticmethod
    def _understood(answer: httpx.Response, expected: int | None) -> dict[str, Any]:
        content: dict[str, Any] = answer.json()
        if (answer.status_code != expected) if expected else answer.is_error:
            text = f"the site answered {answer.status_code}: {content.get('title')}. {content.get('detail')}"
            if answer.status_code == 429:
                limit = _LIMITS.get(answer.url.path.rpartition("/")[2])
                setting = f"GATEHOUSE_LIMITS__{limit}" if limit else "one of GATEHOUSE_LIMITS__… in docs/operating.md"
                text += f" Try again at {_in_words(content.get('retry_at'))}; the setting is {setting}."
            raise DemoStopped(text, code=str(content.get("code")))
        return content

    @staticmethod
    def _say(text: str) -> None:
        print(f"• {text}", flush=True)


def _in_words(retry_at: str | None) -> str:
    return f"{datetime.fromisoformat(retry_at):%B %d, %Y, %H:%M} UTC" if retry_at else "a later time"


class _ByCheck(Demo):
    def play(self) -> None:
        check = self._unused_check()
        home, email = self._begin(check["organization"])
        self._say(
            "Jo proves the organization: Tax ID, vendor number, check number and amount. First with a wrong amount."
        )
        refused = self._post(f"{home}/payment-proof", {**_proof(check), "amount": "1.23"}, expected=422)
        self._say(f"The answer never says what was wrong: “{refused['title']}.”")
        for tries_left in reversed(range(_CHECKS)):
            try:
                self._post(f"{home}/payment-proof", _proof(check))
                break
            except DemoStopped as stopped:
                if stopped.code != "payment_no_match" or not tries_left:
                    raise
                check = self._unused_check()
                self._say(
                    f"That check doesn't match, as if it was used already. Jo takes one of {check['organization']}."
                )
        self._say(f"The check matches the payer's records: {check['organization']} is proved.")
        self._finish(home, email)


def _proof(check: Mapping[str, str]) -> dict[str, str]:
    return {
        "tin": check["tin"],
        "vendor": check["vendor_number"],
        "document": check["document_number"],
        "amount": check["amount"],
    }
