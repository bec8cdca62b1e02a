"""Billing services with their people, requests, and decisions of business contacts, for tests."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import create_engine
from sqlmodel import Session
from temporalio.client import WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from db.accounts import Access, Account
from db.authorizations import AuthorizationRow, DecisionRow
from db.billing import BillingService
from db.directory import Organization
from db.registrations import Evidence
from db.schema import sync_url
from domain.authorization import (
    ATTESTATION_VERSION,
    AskAuthorization,
    AuthorizationResult,
    AuthorizationStatus,
    AuthorizationTerms,
    DecisionGiven,
    StartAuthorization,
)
from domain.people import mailbox_key
from portal import sessions
from portal.registering import reference_of
from portal.sessions import Principal, SessionKind
from tests.house import Clinic, House, patient_worker
from workflows import names
from workflows.provider_authorization import ProviderAuthorization

_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Biller:
    """A person of a billing service."""

    account_id: UUID
    email: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """A billing service with one person or more; the first one leads it."""

    id: UUID
    tin: str
    name: str
    people: tuple[Biller, ...]

    @property
    def lead(self) -> Biller:
        return self.people[0]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that was made, and how its workflow answered."""

    id: UUID
    reference: str
    contact: str
    result: AuthorizationResult
    handle: WorkflowHandle[Any, Any]

    async def status(self) -> AuthorizationStatus:
        return await self.handle.query(ProviderAuthorization.status)


async def new_billing_service(
    house: House, *, people: int = 1, domain: str | None = None, open_limit: int | None = None
) -> Service:
    """A registered billing service, put into the database as a completed registration leaves it."""
    return await asyncio.to_thread(_add_service, house, people, domain, open_limit)


def _add_service(house: House, people: int, domain: str | None, open_limit: int | None) -> Service:
    number, vault, now = next(_numbers), house.vault, datetime.now(UTC)
    tin, domain = f"18{number:07}", domain or f"billers{number}.example.org"
    service = Service(
        id=uuid4(),
        tin=tin,
        name=f"Lakeside Billing {number}",
        people=tuple(
            Biller(account_id=uuid4(), email=f"biller{number}x{place}@{domain}", name="Bo Biller")
            for place in range(people)
        ),
    )
    engine = create_engine(sync_url(house.url))
    with Session(engine) as session:
        session.add(
            Organization(
                id=service.id, kind="billing", tin_digest=vault.digest("billing-tin", tin),
                tin_sealed=vault.seal("tin", tin), name=service.name, updated_at=now,
            )
        )  # fmt: skip
        session.flush()
        session.add(BillingService(organization_id=service.id, registered_at=now, open_limit=open_limit))
        for place, person in enumerate(service.people):
            session.add(
                Account(
                    id=person.account_id, email_digest=vault.digest("email", mailbox_key(person.email)),
                    email_sealed=vault.seal("email", person.email), name_sealed=vault.seal("name", person.name),
                    password_hash="", second_factor_sealed=b"", attestation_version="2026-11", attested_at=now,
                    created_at=now,
                )
            )  # fmt: skip
            evidence = Evidence(kind="billing", organization_id=service.id, matched_at=now)
            session.add(evidence)
            session.flush()
            session.add(
                Access(
                    account_id=person.account_id, organization_id=service.id, evidence_id=evidence.id, via="billing",
                    role="administrator" if place == 0 else "member", opened_at=now,
                )
            )  # fmt: skip
        session.commit()
    engine.dispose()
    return service


async def signed_in(house: House, person: Biller) -> Principal:
    """A session of this person, as signing in makes one."""
    token = await sessions.begin(house.gate, SessionKind.ACCOUNT, person.account_id, client="test")
    return await sessions.authenticate(house.gate, token, SessionKind.ACCOUNT)


async def requested(
    house: House,
    service: Service,
    clinic: Clinic | None = None,
    *,
    by: Biller | None = None,
    contact: str | None = None,
    task_queue: str | None = None,
    **changes: Any,
) -> Request:
    """Ask for access to a clinic, straight at Temporal; `changes` are fields of `StartAuthorization`."""
    clinic = clinic or await house.new_clinic()
    authorization_id = uuid4()
    contact = contact or f"office{next(_numbers)}@northfield.example.org"
    start = StartAuthorization(
        **{
            "authorization_id": str(authorization_id),
            "reference": reference_of(authorization_id, letter="A"),
            "billing_id": str(service.id),
            "requester_id": str((by or service.lead).account_id),
            "tin": clinic.tin,
            "provider_name": clinic.name,
            "contact": contact,
            "terms": AuthorizationTerms(),
            **changes,
        }
    )
    operation = WithStartWorkflowOperation(
        ProviderAuthorization.run,
        start,
        id=names.authorization_id(str(authorization_id)),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        task_queue=task_queue or house.settings.task_queue,
    )
    result = await house.client.execute_update_with_start_workflow(
        names.OPENED,
        AskAuthorization(authorization_id=str(authorization_id)),
        start_workflow_operation=operation,
        id="opened",
        result_type=AuthorizationResult,
    )
    handle = house.client.get_workflow_handle(
        names.authorization_id(str(authorization_id)), result_type=AuthorizationResult
    )
    return Request(id=authorization_id, reference=start.reference, contact=contact, result=result, handle=handle)


@asynccontextmanager
async def worker_on(house: House, task_queue: str) -> AsyncIterator[None]:
    """A worker of a queue of its own, so that a test can have every worker of its requests down."""
    settings = house.settings.model_copy(update={"task_queue": task_queue})
    worker = patient_worker(settings, client=house.client, database=house.database, vault=house.vault)
    async with worker:
        yield


async def row_of(house: House, request: Request) -> AuthorizationRow:
    async with house.database.read() as session:
        return await session.get_one(AuthorizationRow, request.id)


async def decision(
    house: House,
    request: Request,
    *,
    choice: str = "approve",
    confirmed_at: datetime | None = None,
    is_confirmed: bool = True,
    **changes: Any,
) -> UUID:
    """Evidence of a decision by the contact's code, as the portal writes it once the code is right."""
    row, now = await row_of(house, request), datetime.now(UTC)
    made = DecisionRow(
        **{
            "id": uuid4(),
            "authorization_id": request.id,
            "sitting_id": uuid4(),
            "choice": choice,
            "via": "code",
            "name_sealed": house.vault.seal("name", "Kim Contact"),
            "role_sealed": house.vault.seal("role", "Office manager"),
            "attestation_version": ATTESTATION_VERSION,
            "contact_version": row.contact_version,
            "at": now,
            "confirmed_at": (confirmed_at or now) if is_confirmed else None,
            **changes,
        }
    )
    async with house.database.write() as session:
        session.add(made)
    return made.id


async def decided(house: House, request: Request, *, choice: str = "approve", **changes: Any) -> UUID:
    """Decide, and have the workflow told; returns the decision's id as soon as the signal is acknowledged."""
    decision_id = await decision(house, request, choice=choice, **changes)
    await request.handle.signal(names.DECIDE, DecisionGiven(decision_id=str(decision_id)))
    return decision_id


async def state_of(house: House, request: Request, *, wanted: str) -> AuthorizationRow:
    """The row once it stands as wanted."""
    async with asyncio.timeout(20):
        while (row := await row_of(house, request)).state != wanted:
            await asyncio.sleep(0.05)
    return row
