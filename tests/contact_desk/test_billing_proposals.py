"""A hospital that bills for others, too, becomes a billing service by two people of staff (T3, B11)."""

import asyncio
import itertools

import pytest
from sqlalchemy import select
from sqlmodel import col
from starlette.types import ASGIApp

from db.accounts import Access, Account, Message
from db.audit import AuditEntry
from db.billing import BillingService
from db.directory import Organization
from db.registrations import Evidence, RegistrationRow
from portal import authorizing, billing_proposals, sessions
from portal.refusals import Refusal
from portal.sessions import SessionKind
from serve import build_app
from tests.accounts import with_account
from tests.api.visitor import V1, assert_problem, visiting
from tests.cases.counter import Clerk, Counter, unlisted_tin
from tests.house import Clinic, House, key

_people = itertools.count(1)


async def hospital(house: House) -> tuple[Clinic, str]:
    """A provider, and the address of somebody who has an account there."""
    clinic = await house.new_clinic()
    email = f"biller.of.hospital{next(_people)}@hospital.example.org"
    await with_account(house, clinic, email=email)
    return clinic, email


async def propose(house: House, clerk: Clerk, clinic: Clinic, email: str, **changes: str):
    typed = {"name": f"{clinic.name} Billing", "tin": clinic.tin, "email": email, "reason": "Contract.", "key": key()}
    return await billing_proposals.propose(house.gate, clerk.member, **{**typed, **changes})


async def decide(house: House, clerk: Clerk, proposal_id, choice: str = "confirm", **changes: str):
    typed = {"choice": choice, "reason": "Read the contract.", "key": key()}
    return await billing_proposals.decide(house.gate, clerk.member, proposal_id, **{**typed, **changes})


async def test_T3_two_people_make_a_provider_a_billing_service_besides(counter_on_both: Counter):
    house = counter_on_both.house
    clinic, email = await hospital(house)
    sam, lou = await counter_on_both.clerk(name="Sam Desk Example"), await counter_on_both.clerk()
    proposal_id = await propose(house, sam, clinic, email)
    mine = {one.id: one for one in await billing_proposals.list_proposals(house.gate, sam.member)}[proposal_id]
    assert (mine.may_confirm, mine.administrator_email, mine.tin_masked[-4:]) == (False, email, clinic.tin[-4:])
    with pytest.raises(Refusal) as refusal:
        await decide(house, sam, proposal_id)
    assert refusal.value.code == "case_same_person"
    billing_id = await decide(house, lou, proposal_id)
    assert billing_id is not None
    async with house.database.read() as session:
        organization = await session.get_one(Organization, billing_id)
        service = await session.get_one(BillingService, billing_id)
        access = (await session.scalars(select(Access).where(col(Access.organization_id) == billing_id))).one()
        evidence = await session.get_one(Evidence, access.evidence_id)
        account = await session.get_one(Account, access.account_id)
        kinds = (await session.scalars(select(col(Message.kind)).where(col(Message.account_id) == account.id))).all()
        provider = await session.get_one(Organization, clinic.id)
        entries = (
            await session.scalars(
                select(AuditEntry)
                .where(col(AuditEntry.subject) == f"billing-proposal/{proposal_id}")
                .order_by(col(AuditEntry.position))
            )
        ).all()
    assert (organization.kind, service.registration_id, provider.kind) == ("billing", None, "provider")
    assert (evidence.kind, evidence.source_id, access.role) == ("staff", proposal_id, "administrator")
    assert house.vault.unseal("email", account.email_sealed) == email
    assert kinds.count("billing_added") == 1
    assert [(entry.actor, entry.action) for entry in entries] == [
        (f"staff/{sam.member.id}", "billing.proposed"),
        (f"staff/{lou.member.id}", "billing.proposal_decided"),
    ]
    # Its person can ask for access now, and sees both sides.
    token = await sessions.begin(house.gate, SessionKind.ACCOUNT, account.id, client="test")
    principal = await sessions.authenticate(house.gate, token, SessionKind.ACCOUNT)
    other = await house.new_clinic()
    asked = await authorizing.request_access(
        house.gate, principal, billing_id=None, tin=other.tin, npi="", provider_name=other.name,
        contact=f"kim{next(_people)}@elsewhere.example.org", review_reason="", key=key(),
    )  # fmt: skip
    assert asked.result.accepted
    with pytest.raises(Refusal) as refusal:
        await propose(house, sam, clinic, email)
    assert refusal.value.code == "billing_service_registered"


async def test_B11_sent_twice_or_at_once_it_is_made_once(counter_on_both: Counter):
    house = counter_on_both.house
    clinic, email = await hospital(house)
    sam, once = await counter_on_both.clerk(), key()
    first = await propose(house, sam, clinic, email, key=once)
    assert await propose(house, sam, clinic, email, key=once) == first
    with pytest.raises(Refusal) as refusal:
        await propose(house, await counter_on_both.clerk(), clinic, email)
    assert refusal.value.code == "billing_proposal_waiting"
    lou, mia = await counter_on_both.clerk(), await counter_on_both.clerk()
    found = await asyncio.gather(*(decide(house, one, first) for one in (lou, mia)), return_exceptions=True)
    made = [one for one in found if not isinstance(one, BaseException)]
    refused = [one.code for one in found if isinstance(one, Refusal)]
    assert (len(made), refused) == (1, ["billing_proposal_over"])


async def test_T3_a_rejected_proposal_makes_nothing_and_can_be_made_anew(house: House, counter: Counter):
    clinic, email = await hospital(house)
    sam, lou = await counter.clerk(), await counter.clerk()
    proposal_id = await propose(house, sam, clinic, email)
    assert await decide(house, lou, proposal_id, "reject") is None
    with pytest.raises(Refusal) as refusal:
        await decide(house, lou, proposal_id)
    assert refusal.value.code == "billing_proposal_over"
    assert await propose(house, sam, clinic, email) != proposal_id


async def test_T3_what_a_proposal_is_refused_for(house: House, counter: Counter):
    clinic, email = await hospital(house)
    sam = await counter.clerk()
    for changes, code in (
        ({"tin": "12"}, "invalid_fields"),
        ({"email": "nobody.at.all@hospital.example.org"}, "invalid_fields"),
        ({"reason": " "}, "invalid_fields"),
        ({"tin": unlisted_tin()}, "case_not_in_directory"),  # no provider: it registers by itself
    ):
        with pytest.raises(Refusal) as refusal:
            await propose(house, sam, clinic, **{"email": email, **changes})
        assert refusal.value.code == code, changes


async def test_T3_an_account_that_closed_meanwhile_gets_nothing(house: House, counter: Counter):
    clinic, email = await hospital(house)
    proposal_id = await propose(house, await counter.clerk(), clinic, email)
    async with house.database.write() as session:
        row = await session.scalar(
            select(RegistrationRow).where(col(RegistrationRow.email_digest) == house.vault.digest("email", email))
        )
        assert row is not None
        account = await session.get_one(Account, row.account_id)
        account.closed_at = house.gate.now()
    with pytest.raises(Refusal) as refusal:
        await decide(house, await counter.clerk(), proposal_id)
    assert refusal.value.code == "account_closed"


async def test_B11_over_the_api_it_takes_two_staff_sessions(house: House, counter: Counter):
    app: ASGIApp = build_app(house.settings, house.gate)
    clinic, email = await hospital(house)
    body = {"tin": clinic.tin, "name": "Hospital Billing", "email": email, "reason": "Contract."}
    address = f"{V1}/staff/billing-services"
    async with visiting(app) as desk:
        assert_problem(await desk.post(address, body), 404, "not_found")
        desk.token = (await counter.clerk()).token
        made = await desk.post(address, body)
        assert made.status_code == 201, made.text
        proposal_id = made.json()["id"]
        decision = {"choice": "confirm", "reason": "Read it."}
        assert_problem(await desk.post(f"{address}/{proposal_id}/decision", decision), 409, "case_same_person")
        desk.token = (await counter.clerk()).token
        assert proposal_id in [one["id"] for one in (await desk.get(address)).json()["proposals"]]
        done = await desk.post(f"{address}/{proposal_id}/decision", decision)
        assert done.json()["billing_service_id"], done.text
