"""A billing service's desk: its people, signed in, and what they ask for through the portal."""

import asyncio
import itertools
from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from db.accounts import Message
from db.authorizations import AuthorizationRow
from domain.authorization import AuthorizationResult, Code, State
from portal import authorizing, clients, sessions
from portal.authorizing import Requested
from portal.clients import ClientDetails, ClientPage
from portal.sessions import Principal, SessionKind
from tests.authorization.scenes import Request, Service, decided, new_billing_service, state_of
from tests.house import Clinic, House, key
from workflows import names

_contacts = itertools.count(1)


def new_contact() -> str:
    return f"office{next(_contacts)}@maple.example.org"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The people of one billing service; `me` is the one who acts."""

    house: House
    service: Service
    me: Principal
    token: str
    people: tuple[tuple[Principal, str], ...]

    @classmethod
    async def open(cls, house: House, **options: Any) -> Self:
        service = await new_billing_service(house, **{"people": 2, "open_limit": 1000, **options})
        people = []
        for person in service.people:
            token = await sessions.begin(house.gate, SessionKind.ACCOUNT, person.account_id, client="test")
            people.append((await sessions.authenticate(house.gate, token, SessionKind.ACCOUNT), token))
        return cls(house=house, service=service, me=people[0][0], token=people[0][1], people=tuple(people))

    def colleague(self) -> Self:
        """The same desk with the second person at it."""
        return replace(self, me=self.people[1][0], token=self.people[1][1])

    async def ask(self, clinic: Clinic | None = None, **changes: Any) -> Requested:
        clinic = clinic or await self.house.new_clinic()
        typed = {
            "billing_id": None, "tin": clinic.tin, "npi": "", "provider_name": clinic.name, "contact": new_contact(),
            "review_reason": "", "key": key(),
        }  # fmt: skip
        return await authorizing.request_access(self.house.gate, self.me, **{**typed, **changes})

    async def asked(self, clinic: Clinic | None = None, **changes: Any) -> UUID:
        requested = await self.ask(clinic, **changes)
        assert requested.result.accepted, requested
        return requested.authorization_id

    async def page(self, **options: Any) -> ClientPage:
        return await clients.list_clients(self.house.gate, self.me, **options)

    async def view(self, authorization_id: UUID) -> ClientDetails:
        return await clients.view_client(self.house.gate, self.me, authorization_id)

    async def row(self, authorization_id: UUID) -> AuthorizationRow:
        async with self.house.database.read() as session:
            return await session.get_one(AuthorizationRow, authorization_id)

    def request(self, authorization_id: UUID) -> Request:
        """The request as the other tests' scenes know it."""
        handle = self.house.client.get_workflow_handle(
            names.authorization_id(str(authorization_id)), result_type=AuthorizationResult
        )
        result = AuthorizationResult(accepted=True, code=Code.OK, state=State.SENT)
        return Request(id=authorization_id, reference="", contact="", result=result, handle=handle)

    async def decided(self, authorization_id: UUID, *, choice: str = "approve") -> AuthorizationRow:
        """Have the contact decide, and wait until that is recorded."""
        request = self.request(authorization_id)
        await decided(self.house, request, choice=choice)
        return await state_of(self.house, request, wanted="approved" if choice == "approve" else "declined")

    async def quiet(self, authorization_id: UUID) -> None:
        """Wait until every mail has left and is noted."""
        request = self.request(authorization_id)
        async with asyncio.timeout(20):
            while (await request.status()).mails_pending:
                await asyncio.sleep(0.05)

    async def messages(self) -> list[str]:
        """The kinds of the person's messages, the oldest first."""
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(Message).where(col(Message.account_id) == self.me.subject_id).order_by(col(Message.at))
            )
            return [message.kind for message in found]
