"""A provider can't make an account for somebody of a billing service under theirs (T4); a billing service invites its own."""

import dataclasses
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlmodel import col

from db.accounts import Access
from domain.invitation import Code
from portal import account, adding, inviting
from portal.inviting import Invited
from portal.refusals import Refusal
from portal.sessions import Principal
from tests.accounts import with_account
from tests.billing.conftest import Service, account_of, new_service, register_as, registered
from tests.house import Clinic, House, key


async def provider(house: House, *, email: str | None = None) -> tuple[Clinic, Principal]:
    """An administrator of a clinic."""
    clinic = await house.new_clinic()
    started, _ = await with_account(house, clinic, email=email or f"ada@{clinic.vendor.lower()}-clinic.example.org")
    return clinic, await account_of(house, started)


async def access_id(house: House, person: Principal, organization: str) -> UUID:
    return next(row.id for row in await account.list_access(house.gate, person) if row.organization == organization)


async def invite(house: House, person: Principal, organization: str, email: str) -> Invited:
    return await inviting.invite(
        house.gate,
        person,
        access_id=await access_id(house, person, organization),
        email=email,
        role="member",
        key=key(),
    )


async def test_T4_a_billing_services_person_is_not_invited_into_a_provider(house_on_both: House):
    house, service = house_on_both, new_service()
    await registered(house, service)
    clinic, admin = await provider(house)
    invited = await invite(house, admin, clinic.name, service.email)
    assert (invited.result.accepted, invited.result.code) == (False, Code.INVITEE_BILLS)
    answer = Refusal(invited.result.code).answer
    assert "register separately, with their own Tax ID, and ask you for access" in answer.detail
    assert answer.next_steps
    assert house.mails(to=service.email, subject="invite") == []
    assert await inviting.list_invitations(house.gate, admin) == []


@pytest.mark.parametrize("typed", ["JO@{0}", "jo+clients@{0}", "j.o@{0}", "lee@{0}"])
async def test_T4_however_the_address_is_written_and_whoever_else_has_the_domain(house: House, typed: str):
    service = new_service()
    await registered(house, service)
    clinic, admin = await provider(house)
    invited = await invite(house, admin, clinic.name, typed.format(service.domain))
    assert invited.result.code is Code.INVITEE_BILLS


async def test_T4_of_a_freelancer_on_a_free_mail_address_only_the_mailbox_counts(house: House, service: Service):
    freelancer = f"jo.harbor{service.tin}@gmail.com"
    await registered(house, service, email=freelancer)
    clinic, admin = await provider(house)
    assert (await invite(house, admin, clinic.name, freelancer)).result.code is Code.INVITEE_BILLS
    assert (
        await invite(house, admin, clinic.name, f"joharbor{service.tin}+x@googlemail.com")
    ).result.code is Code.INVITEE_BILLS
    assert (await invite(house, admin, clinic.name, f"kim{service.tin}@gmail.com")).result.accepted


async def test_T4_one_person_with_both_kinds_of_role_who_is_a_colleague_stays_one(house: House, service: Service):
    clinic, admin = await provider(house)
    started = await house.confirmed(email=f"both@{service.domain}")
    await house.prove_notice(started, clinic)  # one NPI of the clinic
    await house.secured(started)
    person = await account_of(house, started)
    addition = await adding.start_addition(house.gate, person, key=key(), client="test")
    assert (await register_as(house, addition, service)).accepted
    # For all of the Tax ID: they are a colleague for one NPI already.
    assert (await invite(house, admin, clinic.name, f"both@{service.domain}")).result.accepted
    other, other_admin = await provider(house)
    assert (await invite(house, other_admin, other.name, f"both@{service.domain}")).result.code is Code.INVITEE_BILLS


async def test_T4_one_person_with_both_kinds_of_role_is_told_they_are_a_colleague_first(house: House, service: Service):
    _, person = await registered(house, service)
    clinic, _ = await provider(house)
    addition = await adding.start_addition(house.gate, person, key=key(), client="test")
    assert (await house.prove_notice(addition, clinic)).accepted
    row = next(row for row in await account.list_access(house.gate, person) if row.organization == clinic.name)
    assert row.npi == clinic.npi
    invited = await inviting.invite(
        house.gate,
        person,
        access_id=row.id,
        email=f"ada@{clinic.vendor.lower()}-clinic.example.org",
        role="member",
        key=key(),
    )
    assert invited.result.code is Code.ALREADY_COLLEAGUE


async def test_T4_who_has_left_the_billing_service_can_be_invited(house: House, service: Service):
    _, person = await registered(house, service)
    async with house.database.write() as session:
        await session.execute(update(Access).where(col(Access.account_id) == person.subject_id).values(status="ended"))
    clinic, admin = await provider(house)
    assert (await invite(house, admin, clinic.name, service.email)).result.accepted


async def test_P6_a_billing_service_invites_its_own_colleagues(house: House, service: Service):
    _, person = await registered(house, service)
    assert (await invite(house, person, service.name, f"kim@{service.domain}")).result.accepted
    mail = await house.mail(to=f"kim@{service.domain}", subject="invite")
    assert service.name in (mail.text or "")


async def test_I16_the_question_is_counted_before_it_is_looked_up(house: House, service: Service):
    """An administrator who tries addresses out gets to the limit with those that are refused, too."""
    await registered(house, service)
    clinic, admin = await provider(house)
    per_address = house.gate.limits.invitations_per_address
    codes = [(await invite(house, admin, clinic.name, service.email)).result.code for _ in range(per_address + 1)]
    assert codes == [Code.INVITEE_BILLS] * per_address + [Code.INVITATIONS_LIMIT]


async def test_I16_a_member_who_can_invite_nobody_learns_nothing(house: House, service: Service):
    await registered(house, service)
    clinic, admin = await provider(house)
    row = await access_id(house, admin, clinic.name)
    stranger = dataclasses.replace(admin, subject_id=(await registered(house, new_service()))[1].subject_id)
    with pytest.raises(Refusal, match="not_found"):
        await inviting.invite(house.gate, stranger, access_id=row, email=service.email, role="member", key=key())
