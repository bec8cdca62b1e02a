"""Lob and PostGrid as real HTTP servers on loopback: their forms, their keys, and the ways in which a network fails."""

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

CREATED = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


@dataclass
class Arrived:
    """One letter that a fake shop has accepted and will mail."""

    reference: str
    fields: dict[str, str]
    pdf: bytes
    letter_id: str


@dataclass
class FakeShop:
    """What both have in common. `misbehave` is a queue of what happens to the next creations; empty means all is well.

    `drop` accepts the letter and closes the connection without an answer, `hang` accepts it and never answers,
    a number refuses with that status.
    """

    misbehave: list[str | int] = field(default_factory=list)
    letters: list[Arrived] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    keys: dict[str, Arrived] = field(default_factory=dict)
    finds: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    api_key = "key-for-tests"
    secret = "webhook-secret-for-tests"

    def __enter__(self):
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.shop = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def forget_keys(self) -> None:
        """As after the day for which the API remembers idempotency keys."""
        self.keys.clear()

    # What a shop adds

    path = ""
    pdf_field = ""
    required: tuple[str, ...] = ()

    def authentic(self, headers: Any) -> bool:
        raise NotImplementedError

    def shown(self, letter: Arrived) -> dict[str, object]:
        raise NotImplementedError

    def wanted(self, query: dict[str, list[str]]) -> str:
        raise NotImplementedError

    def accept(self, headers: Any, body: bytes) -> Arrived | None:
        key = headers["Idempotency-Key"]
        if key in self.keys:
            return self.keys[key]
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        fields: dict[str, str] = {}
        pdf = b""
        for part in BytesParser(policy=policy.HTTP).parsebytes(head + body).iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            content = part.get_content()
            content = content.encode() if isinstance(content, str) else content
            if name == self.pdf_field:
                pdf = content
            else:
                fields[name] = content.decode()
        if not pdf.startswith(b"%PDF") or not all(fields.get(name) for name in self.required):
            return None
        reference = f"made_{len(self.letters) + 1:04}"
        letter = Arrived(reference, fields, pdf, fields.get("metadata[letter_id]", ""))
        self.letters.append(letter)
        self.keys[key] = letter
        return letter

    def _metadata(self, letter: Arrived) -> dict[str, str]:
        return {"letter_id": letter.letter_id, "sha256": letter.fields["metadata[sha256]"]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    shop: FakeShop


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def shop(self) -> "FakeShop":
        assert isinstance(self.server, _Server)
        return self.server.shop

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.shop.calls.append(f"GET {self.path}")
        url = urlsplit(self.path)
        if not self.shop.authentic(self.headers):
            return self._answer(401, {"error": "no"})
        if url.path != self.shop.path:
            return self._answer(404, {"error": "no"})
        wanted = self.shop.wanted(parse_qs(url.query))
        found = [letter for letter in reversed(self.shop.letters) if wanted in letter.letter_id and self.shop.finds]
        return self._answer(200, {"object": "list", "data": [self.shop.shown(letter) for letter in found]})

    def do_POST(self) -> None:
        self.shop.calls.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.shop.authentic(self.headers):
            return self._answer(401, {"error": "no"})
        with self.shop.lock:
            trouble = self.shop.misbehave.pop(0) if self.shop.misbehave else None
            if isinstance(trouble, int):
                return self._answer(trouble, {"error": {"message": "1200 LAKESHORE AVE is no address"}})
            letter = self.shop.accept(self.headers, body)
        if letter is None:
            return self._answer(422, {"error": {"message": "a field is missing"}})
        if trouble == "drop":
            self.close_connection = True
            return None
        if trouble == "hang":
            self.shop.released.wait(30)
            self.close_connection = True
            return None
        return self._answer(200, self.shop.shown(letter))

    def _answer(self, status: int, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status == 429:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(content)


def _signature(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


@dataclass
class FakeLob(FakeShop):
    path = "/v1/letters"
    pdf_field = "file"
    required = (
        "to[name]", "to[address_line1]", "to[address_city]", "to[address_state]", "to[address_zip]",
        "from[name]", "from[address_line1]", "from[address_zip]", "color", "use_type",
    )  # fmt: skip

    def authentic(self, headers):
        expected = base64.b64encode(f"{self.api_key}:".encode()).decode()
        return headers["Authorization"] == f"Basic {expected}"

    def wanted(self, query):
        return query["metadata[letter_id]"][0]

    def shown(self, letter):
        return {
            "id": f"ltr_{letter.reference}",
            "object": "letter",
            "send_date": letter.fields.get("send_date", CREATED.isoformat()),
            "metadata": self._metadata(letter),
        }

    def call(self, kind, *, at, letter_id="letter-0001", sent_at=None, secret=None):
        """Headers and body of a webhook call, as Lob makes it (milliseconds)."""
        event = {
            "id": "evt_made_up",
            "event_type": {"id": kind, "resource": "letters"},
            "body": {"id": "ltr_made_0001", "metadata": {"letter_id": letter_id}},
            "date_created": at,
        }
        body = json.dumps(event).encode()
        timestamp = str(int((sent_at or CREATED).timestamp() * 1000))
        return {
            "Lob-Signature": _signature(secret or self.secret, timestamp, body),
            "Lob-Signature-Timestamp": timestamp,
        }, body


@dataclass
class FakePostGrid(FakeShop):
    path = "/print-mail/v1/letters"
    pdf_field = "pdf"
    required = (
        "to[firstName]", "to[addressLine1]", "to[city]", "to[provinceOrState]", "to[postalOrZip]", "to[countryCode]",
        "from[companyName]", "from[addressLine1]", "size",
    )  # fmt: skip

    def authentic(self, headers):
        return headers["x-api-key"] == self.api_key

    def wanted(self, query):
        return query["search"][0].strip('"')

    def shown(self, letter):
        return {
            "id": f"letter_{letter.reference}",
            "object": "letter",
            "status": "ready",
            "sendDate": letter.fields.get("sendDate", CREATED.isoformat()),
            "metadata": self._metadata(letter),
        }

    def call(self, status, *, at, letter_id="letter-0001", sent_at=None, secret=None, scan=None, kind="letter.updated"):
        """Headers and body of a webhook call in PostGrid's JSON format (seconds)."""
        letter = {"id": "letter_made_0001", "status": status, "updatedAt": at, "metadata": {"letter_id": letter_id}}
        if scan:
            letter |= {"imbStatus": scan, "imbDate": at, "updatedAt": "2026-01-01T00:00:00.000Z"}
        body = json.dumps({"id": "event_made_up", "object": "event", "type": kind, "data": letter}).encode()
        timestamp = str(int((sent_at or CREATED).timestamp()))
        return {"PostGrid-Signature": f"t={timestamp},v1={_signature(secret or self.secret, timestamp, body)}"}, body
