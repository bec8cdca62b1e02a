"""An administrator of the asked provider answers a billing service's request: evidence first, and nobody in their own cause (I3, I4, I15)."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from db.accounts import Access
from db.authorizations import AuthorizationRow, DecisionRow, GrantRow
from db.registrations import Evidence
from portal import granting, provider_requests
from portal.provider_requests import ProviderRequest
from portal.refusals import Refusal
from tests.authorization.scenes import Service, new_billing_service
from tests.colleagues.office import Person, new_address
from tests.grants.scenes import Provider
from tests.house import Clinic, key


async def answer(
    provider: Provider, person: Person, authorization_id: UUID, *, choice: str = "approve", **changes: str
) -> ProviderRequest:
    return await provider_requests.decide_as_administrator(
        provider.gate, person.principal, authorization_id, choice=choice, role=changes.get("role", "Office manager"),
        attested=changes.get("attested", "yes") == "yes", key=changes.get("key", key()),
    )  # fmt: skip


async def waiting(provider: Provider, *, email: str | None = None) -> tuple[Person, Clinic, Service, UUID]:
    """An administrator, and a request of a billing service for access to their clinic."""
    clinic, service = await provider.house.new_clinic(), await new_billing_service(provider.house)
    boss = await provider.administrator(clinic, email=email)
    asked = await provider.asked(service, clinic)
    return boss, clinic, service, asked.authorization_id


async def decisions(provider: Provider, authorization_id: UUID) -> list[DecisionRow]:
    async with provider.house.database.read() as session:
        found = await session.scalars(
            select(DecisionRow)
            .where(col(DecisionRow.authorization_id) == authorization_id)
            .order_by(col(DecisionRow.at))
        )
        return list(found)


async def test_B7_an_administrator_approves_and_the_access_opens(provider_on_both: Provider):
    provider = provider_on_both
    boss, _, service, asked = await waiting(provider)
    [listed] = await provider_requests.list_requests(provider.gate, boss.principal)
    assert (listed.id, listed.service, listed.may_decide, listed.answer) == (asked, service.name, True, None)
    view = await answer(provider, boss, asked)
    assert view.state == "approved"
    assert view.answer is not None
    assert view.answer.outcome == "applied"
    assert await provider_requests.list_requests(provider.gate, boss.principal) == []
    [grant] = await granting.list_grants(provider.gate, boss.principal)
    assert (grant.service, grant.via, grant.decided_as) == (service.name, "account", "Office manager")
    mail = await provider.house.mail(to=boss.email, subject="A billing service got access")
    assert f"(administrator of {grant.organization}, signed in)" in (mail.text or "")
    assert "name given with the approval" not in (mail.text or "")
    [evidence] = await decisions(provider, asked)
    assert (evidence.via, evidence.account_id, evidence.sitting_id) == ("account", boss.account_id, evidence.id)
    given = [
        one for one in await provider.audit(f"authorization/{asked}") if one.action == "authorization.decision_given"
    ]
    assert [one.actor for one in given] == [f"account/{boss.account_id}"]


async def test_B7_an_administrator_declines_and_nothing_opens(provider: Provider):
    boss, _, _, asked = await waiting(provider)
    view = await answer(provider, boss, asked, choice="decline")
    assert view.state == "declined"
    assert await granting.list_grants(provider.gate, boss.principal) == []
    with pytest.raises(Refusal) as refused:
        await answer(provider, boss, asked)
    assert refused.value.code == "authorization_declined"


async def test_I4_nothing_is_chosen_beforehand(provider: Provider):
    boss, _, _, asked = await waiting(provider)
    with pytest.raises(Refusal) as refused:
        await answer(provider, boss, asked, choice="", role="", attested="no")
    assert [defect.field for defect in refused.value.fields] == ["choice", "role", "attested"]
    assert await decisions(provider, asked) == []


async def test_I15_others_find_no_request(provider: Provider):
    _, _, service, asked = await waiting(provider)
    stranger = await provider.administrator()
    assert await provider_requests.list_requests(provider.gate, stranger.principal) == []
    for authorization_id in (asked, uuid4()):
        with pytest.raises(Refusal) as refused:
            await provider_requests.view_request(provider.gate, stranger.principal, authorization_id)
        assert refused.value.code == "not_found"
        with pytest.raises(Refusal) as refused:
            await answer(provider, stranger, authorization_id)
        assert refused.value.code == "not_found"
    assert service.name


async def test_B7_a_member_sees_the_request_and_decides_nothing(provider: Provider):
    boss, _, _, asked = await waiting(provider)
    member = await provider.colleague(boss)
    [listed] = await provider_requests.list_requests(provider.gate, member.principal)
    assert (listed.id, listed.may_decide) == (asked, False)
    with pytest.raises(Refusal) as refused:
        await answer(provider, member, asked)
    assert refused.value.code == "not_administrator"
    assert await decisions(provider, asked) == []


async def test_I4_who_belongs_to_the_billing_service_decides_nothing(provider: Provider):
    # A domain of their own: that of a billing service's people keeps colleagues from being invited (T4).
    boss, _, service, asked = await waiting(provider, email=f"boss@{key()[:8]}.example.org")
    async with provider.house.database.write() as session:
        evidence = Evidence(kind="billing", organization_id=service.id, matched_at=provider.gate.now())
        session.add(evidence)
        await session.flush()
        session.add(
            Access(
                account_id=boss.account_id, organization_id=service.id, evidence_id=evidence.id, via="billing",
                role="member", opened_at=provider.gate.now(),
            )
        )  # fmt: skip
    with pytest.raises(Refusal) as refused:
        await answer(provider, boss, asked)
    assert refused.value.code == "decision_own_request"
    assert await decisions(provider, asked) == []


async def test_I3_a_newcomer_waits_before_deciding_for_those_who_were_there(provider: Provider):
    boss, clinic, service, _ = await waiting(provider)
    email = new_address()
    started = await provider.house.confirmed(email=email)
    assert (await provider.house.prove_notice(started, clinic)).accepted
    secret = await provider.house.secured(started)
    account = await provider.account(email)
    assert account is not None
    newcomer = await provider.signed_in(account.id, email=email, secret=secret)
    asked = await provider.asked(service, clinic, npi=clinic.npi)
    with pytest.raises(Refusal) as refused:
        await answer(provider, newcomer, asked.authorization_id)
    assert refused.value.code == "newcomer_waits"
    assert refused.value.retry_at is not None
    async with provider.house.database.write() as session:  # where nobody else is left there is nobody to wait for
        await session.execute(update(Access).where(col(Access.account_id) == boss.account_id).values(status="ended"))
    assert (await answer(provider, newcomer, asked.authorization_id)).state == "approved"


async def test_I5_the_first_of_many_decides(provider_on_both: Provider):
    provider = provider_on_both
    boss, _, _, asked = await waiting(provider)
    other = await provider.colleague(boss, role="administrator")
    answers = await asyncio.gather(
        *(
            answer(provider, who, asked, choice=choice)
            for choice in ("approve", "decline")
            for who in (boss, other)
            for _ in range(2)
        ),
        return_exceptions=True,
    )
    unexpected = [one for one in answers if not isinstance(one, (ProviderRequest, Refusal))]
    assert unexpected == []
    async with provider.house.database.read() as session:
        row = await session.get_one(AuthorizationRow, asked)
        grants = (await session.scalars(select(GrantRow).where(col(GrantRow.authorization_id) == asked))).all()
    async with asyncio.timeout(20):
        while None in (outcomes := [one.outcome for one in await decisions(provider, asked)]):
            await asyncio.sleep(0.05)
    assert outcomes.count("applied") == 1
    assert set(outcomes) <= {"applied", "superseded"}
    assert len(grants) == (row.state == "approved")


async def test_I2_a_request_sent_twice_is_one_decision(provider: Provider):
    boss, _, _, asked = await waiting(provider)
    name = key()
    first = await answer(provider, boss, asked, key=name)
    again = await answer(provider, boss, asked, key=name)
    assert first.state == again.state == "approved"
    assert len(await decisions(provider, asked)) == 1
    with pytest.raises(Refusal) as refused:
        await answer(provider, boss, asked, key=name, choice="decline")
    assert refused.value.code == "key_reused"


async def test_I8_after_the_deadline_it_has_expired_whatever_else_is_down(provider: Provider):
    boss, _, _, asked = await waiting(provider)
    async with provider.house.database.write() as session:  # as after a standstill: nobody has recorded the end yet
        await session.execute(
            update(AuthorizationRow)
            .where(col(AuthorizationRow.id) == asked)
            .values(deadline=provider.gate.now() - timedelta(seconds=1))
        )
    with pytest.raises(Refusal) as refused:
        await answer(provider, boss, asked)
    assert refused.value.code == "authorization_expired"
    view = await provider_requests.view_request(provider.gate, boss.principal, asked)
    assert not view.may_decide
