"""A client of the API as tests use it: its own network address, its token, and a key with every POST."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pyotp
from starlette.types import ASGIApp

from portal import account_setup
from tests.accounts import with_account
from tests.house import PASSWORD, Clinic, House, code_in, key

V1 = "/api/v1"
_addresses = itertools.count(1)
_people = itertools.count(1)


class Visitor:
    """Sends requests to the application in this process, or to a server when given an address."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self.token: str | None = None
        self.id = ""
        self.email = f"ada{next(_people)}@clinic.example.org"

    async def send(
        self, method: str, path: str, *, body: object = None, idempotency_key: str | None = None, **headers: str
    ) -> httpx2.Response:
        """One request, with the visitor's token; a POST gets a new key unless one is given."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.token}"
        if method == "POST":
            sent["Idempotency-Key"] = idempotency_key or key()
        path = path if path.startswith("/") else f"{V1}/registrations/{self.id}/{path}".rstrip("/")
        content: dict[str, Any] = {} if body is None else {"json": body}
        return await self.client.request(method, path, headers=sent, **content)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: object = None, **options: Any) -> httpx2.Response:
        return await self.send("POST", path, body=body, **options)

    async def start(self, *, name: str = "Jo Example", **options: Any) -> httpx2.Response:
        """Begin a registration and go on with its token."""
        body = {"name": name, "email": self.email, "attested": True}
        response = await self.post(f"{V1}/registrations", body, **options)
        if response.status_code == 201:
            self.id, self.token = response.json()["id"], response.json()["token"]
        return response

    async def confirmed(self, house: House) -> "Visitor":
        assert (await self.start()).status_code == 201
        code = code_in(await house.mail(to=self.email, subject="code"))
        assert (await self.post("email-confirmation", {"code": code})).status_code == 200
        return self

    async def proved(self, house: House, clinic: Clinic) -> "Visitor":
        await self.confirmed(house)
        response = await self.post("payment-proof", claim(clinic))
        assert response.status_code == 200, response.text
        return self

    async def registered(self, house: House, clinic: Clinic) -> str:
        """Register to the end; returns the second factor's secret."""
        await self.proved(house, clinic)
        response = await self.post("account", {"name": "Jo Example", "password": PASSWORD})
        assert response.status_code == 200, response.text
        secret: str = (await self.get("second-factor")).json()["secret"]
        response = await self.post("second-factor", {"code": pyotp.TOTP(secret).now()})
        assert response.status_code == 200, response.text
        return secret

    async def signed_in(self, house: House) -> "Visitor":
        """Somebody with an account, signed in; the recovery code leaves the authenticator's codes unused."""
        started, _ = await with_account(house, await new_clinic(house), email=self.email)
        codes = await account_setup.recovery_codes(house.gate, started.registration_id)
        return await self.sign_in(codes[0])

    async def sign_in(self, code: str) -> "Visitor":
        self.token = None
        response = await self.post(f"{V1}/sessions", {"email": self.email, "password": PASSWORD})
        assert response.status_code == 201, response.text
        self.token = response.json()["token"]
        response = await self.post(f"{V1}/sessions/second-factor", {"code": code})
        assert response.status_code == 201, response.text
        self.token = response.json()["token"]
        return self


def claim(clinic: Clinic, **changes: str) -> dict[str, str]:
    """A proof with the clinic's check."""
    return {"tin": clinic.tin, "vendor": clinic.vendor, "document": clinic.check, "amount": clinic.amount, **changes}


async def new_clinic(house: House) -> Clinic:
    """A clinic of its own; in a thread, because the loop's own transactions may have to end first."""
    return await asyncio.to_thread(house.clinic)


@asynccontextmanager
async def visiting(app: ASGIApp) -> AsyncIterator[Visitor]:
    """A visitor from an address of its own, so that nobody else's tries count for it."""
    number = next(_addresses)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True, client=(address, 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        yield Visitor(client)


def assert_problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, once it's sure that it is this one and complete."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    found: dict[str, Any] = response.json()
    assert (response.status_code, found["status"], found["code"]) == (status, status, code), found
    assert found["title"]
    assert found["detail"]
    assert found["next"]
    assert found["type"].endswith(f"/api/docs#{code}")
    assert found["request_id"] == response.headers["x-request-id"]
    if status in {429, 503}:
        assert int(response.headers["retry-after"]) > 0
    return found
