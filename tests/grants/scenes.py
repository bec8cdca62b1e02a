"""A provider's office with billing services that got access to it, for tests."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper

from db.accounts import Message
from db.audit import AuditEntry
from db.authorizations import GrantObjection, GrantRow
from db.departures import NoticeLetterRow
from db.registrations import MailRow
from domain.grants import GrantStatus
from portal.authorizing import Requested, request_access
from tests.authorization.scenes import (
    Biller,
    Request,
    Service,
    decided,
    new_billing_service,
    requested,
    signed_in,
    state_of,
)
from tests.colleagues.office import Office, Person
from tests.house import Clinic, key
from workflows import names
from workflows.access_review import AccessReview


@dataclass(frozen=True, kw_only=True)
class Granted:
    """An access that a contact's approval opened."""

    id: UUID
    request: Request
    service: Service
    clinic: Clinic


class Provider(Office):
    """What happens between a provider's people and the billing services."""

    async def granted(self, clinic: Clinic | None = None, *, service: Service | None = None, **changes: Any) -> Granted:
        """A billing service asks, the business contact approves, and the access has its workflow."""
        service = service or await new_billing_service(self.house)
        clinic = clinic or await self.house.new_clinic()
        request = await requested(self.house, service, clinic, **changes)
        assert request.result.accepted, request.result
        await decided(self.house, request)
        await state_of(self.house, request, wanted="approved")
        async with self.house.database.read() as session:
            grant = await session.scalar(select(GrantRow).where(col(GrantRow.authorization_id) == request.id))
        assert grant is not None
        granted = Granted(id=grant.id, request=request, service=service, clinic=clinic)
        await self.kept(granted)
        return granted

    async def asked(self, service: Service, clinic: Clinic, **changes: str) -> Requested:
        """Ask through the portal, so that the request's workflow is found by whom it is about."""
        fields = {
            "tin": clinic.tin, "npi": "", "provider_name": clinic.name, "contact": f"office{key()[:8]}@northfield.example.org",
            "review_reason": "", **changes,
        }  # fmt: skip
        asked = await request_access(
            self.gate, await signed_in(self.house, service.lead), billing_id=service.id, key=key(), **fields
        )
        assert asked.result.accepted, asked.result
        return asked

    async def kept(self, granted: Granted) -> None:
        """Wait until the access's workflow has begun."""
        async with asyncio.timeout(20):
            while not (await self.grant(granted)).revision:
                await asyncio.sleep(0.05)

    async def grant(self, granted: Granted) -> GrantRow:
        async with self.house.database.read() as session:
            return await session.get_one(GrantRow, granted.id)

    async def stands(self, granted: Granted, status: str) -> GrantRow:
        """The access, as soon as it stands here."""
        async with asyncio.timeout(20):
            while (row := await self.grant(granted)).status != status:
                await asyncio.sleep(0.05)
        return row

    def review(self, granted: Granted) -> WorkflowHandle[Any, Any]:
        return self.house.client.get_workflow_handle_for(AccessReview.run, names.access_review_id(str(granted.id)))

    async def status(self, granted: Granted) -> GrantStatus:
        return await self.review(granted).query(AccessReview.status)

    async def settled(self, granted: Granted) -> GrantStatus:
        """Wait until nothing is under way: every mail has left, and the workflow waits for a person or the time."""
        async with asyncio.timeout(20):
            while True:
                status = await self.status(granted)
                tasks = (await self.review(granted).describe()).raw_description
                busy = tasks.pending_activities or tasks.HasField("pending_workflow_task")
                if status.mails_pending == 0 and not busy:
                    return status
                await asyncio.sleep(0.05)

    async def over(self, granted: Granted) -> GrantRow:
        """The access's row once its workflow has ended, its mails sent."""
        await asyncio.wait_for(self.review(granted).result(), 20)
        return await self.grant(granted)

    async def skip_to_end(self, granted: Granted, *, before: timedelta = timedelta(0)) -> None:
        """Go to this long before the end date, in the access's own time."""
        async with asyncio.timeout(20):  # a run that has just begun has to look it up
            while (ends_at := (await self.status(granted)).ends_at) is None:
                await asyncio.sleep(0.05)
        skipper, handle = TimeSkipper(self.house.client), self.review(granted)
        await skipper.fast_forward(handle, ends_at - before - await skipper.get_current_time(handle))

    async def told(self, account_id: UUID, *, about: Granted) -> list[str]:
        """The kinds of the messages that somebody got about this access, the oldest first."""
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(Message)
                .where(col(Message.account_id) == account_id, col(Message.cause).startswith(f"grant/{about.id}:"))
                .order_by(col(Message.at), col(Message.id))
            )
            return [message.kind for message in found]

    async def mailed(self, granted: Granted) -> list[tuple[str, str]]:
        """The mails about this access: purpose and state."""
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(MailRow)
                .where(col(MailRow.subject) == f"grant/{granted.id}")
                .order_by(col(MailRow.due_at), col(MailRow.id))
            )
            return [(mail.purpose, mail.state) for mail in found]

    async def letters(self, granted: Granted) -> list[NoticeLetterRow]:
        async with self.house.database.read() as session:
            found = await session.scalars(select(NoticeLetterRow).where(col(NoticeLetterRow.grant_id) == granted.id))
            return list(found)

    async def objections(self, granted: Granted) -> list[GrantObjection]:
        async with self.house.database.read() as session:
            found = await session.scalars(select(GrantObjection).where(col(GrantObjection.grant_id) == granted.id))
            return list(found)

    async def steps(self, granted: Granted) -> list[AuditEntry]:
        return list(await self.audit(f"grant/{granted.id}"))

    async def objection_link(self, person: Person) -> str:
        """The token in the newest mail that tells of an access."""
        mail = await self.house.mail(to=person.email, subject="A billing service got access")
        found = re.search(r"/objection/([\w-]{43})\b", mail.text or "")
        assert found, mail.text
        return found[1]


def lead(granted: Granted) -> Biller:
    return granted.service.lead


def later(days: int) -> str:
    """A day this many days from now, as a form has it."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
