"""People who look after one NPI, and a billing service with access to the whole Tax ID: seen, told truly, and never stuck (B7, I20)."""

import asyncio

import pytest
from sqlalchemy import update
from sqlmodel import col

from db.accounts import Access
from portal import granting, objecting, provider_requests
from portal.refusals import Refusal
from tests.authorization.scenes import new_billing_service
from tests.colleagues.office import Person
from tests.grants.scenes import Granted, Provider, later
from tests.grants.test_objecting import code_on, letter_of
from tests.house import Clinic, key


async def change_access(provider: Provider, person: Person, **values: str) -> None:
    async with provider.house.database.write() as session:
        await session.execute(update(Access).where(col(Access.account_id) == person.account_id).values(**values))


async def of_one_npi(provider: Provider) -> tuple[Clinic, Person]:
    """A clinic, and the only person who has an account there: an administrator of one NPI of it."""
    clinic = await provider.house.new_clinic()
    person = await provider.administrator(clinic)
    await change_access(provider, person, npi=clinic.npi)
    return clinic, person


async def said(provider: Provider, person: Person, subject: str) -> str:
    """The newest such mail, on one line."""
    mail = await provider.house.mail(to=person.email, subject=subject)
    return " ".join((mail.text or "").split())


async def refused(change: object) -> str:
    with pytest.raises(Refusal) as refusal:
        await change  # type: ignore[misc]  # a coroutine
    return refusal.value.code


async def test_B7_who_looks_after_one_npi_sees_an_access_to_all_of_the_tax_id(provider_on_both: Provider):
    provider = provider_on_both
    clinic, boss = await of_one_npi(provider)
    granted = await provider.granted(clinic)
    [view] = await granting.list_grants(provider.gate, boss.principal)
    assert (view.id, view.npi, view.own_npis) == (granted.id, None, (clinic.npi,))
    assert (view.may_hold, view.may_end, view.may_change) == (True, True, False)
    request = await provider_requests.view_request(provider.gate, boss.principal, granted.request.id)
    assert (request.npi, request.own_npis, request.may_decide) == (None, (clinic.npi,), False)


async def test_B7_mails_to_who_looks_after_one_npi_promise_what_they_can_do(provider: Provider):
    clinic, boss = await of_one_npi(provider)
    asked = await provider.asked(await new_billing_service(provider.house), clinic)
    [listed] = await provider_requests.list_requests(provider.gate, boss.principal)
    assert (listed.id, listed.may_decide) == (asked.authorization_id, False)
    words = await said(provider, boss, "A billing service asks for access")
    assert "The business contact can answer, or an administrator of all of the Tax ID." in words
    assert "I did not ask for this: call us" in words
    assert "decline" not in words

    await provider.granted(clinic)
    words = await said(provider, boss, "A billing service got access")
    assert "you can put the access on hold, end it or set an end date" in words
    assert "your organization did not ask for it" in words


async def test_B7_after_an_objection_who_was_told_hears_of_it_and_can_revoke(provider_on_both: Provider):
    provider = provider_on_both
    clinic, boss = await of_one_npi(provider)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    await objecting.object_to(provider.gate, link, name="Ola Objector", confirmed=True, key=key())
    await provider.stands(granted, "held")
    words = await said(provider, boss, "Somebody objected to a billing service")
    assert "You can revoke it under Billing services." in words
    assert "Only an administrator of all of the Tax ID can resume it." in words
    assert "I did not ask for this: sign in and revoke the access" in words
    assert await provider.told(boss.account_id, about=granted) == ["provider_grant_opened", "grant_objected"]
    assert await refused(granting.resume(provider.gate, boss.principal, granted.id, key=key())) == "not_administrator"
    await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    assert (await provider.over(granted)).closing_code == "revoked"


async def test_I20_who_looks_after_one_npi_closes_all_of_it_and_opens_nothing(provider: Provider):
    clinic, boss = await of_one_npi(provider)
    granted = await provider.granted(clinic)
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(20), key=key())
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(10), key=key())
    for longer in (later(30), ""):
        change = granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=longer, key=key())
        assert await refused(change) == "not_administrator"
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    assert await refused(granting.resume(provider.gate, boss.principal, granted.id, key=key())) == "not_administrator"
    assert (await provider.grant(granted)).status == "held"


async def test_B7_a_letter_goes_too_where_nobody_administers_all_that_was_opened(provider: Provider):
    clinic, boss = await of_one_npi(provider)
    granted = await provider.granted(clinic)
    words = await letter_of(provider, granted)
    assert "Nobody of your organization is an administrator of all of your Tax ID" in words
    by_letter = await objecting.redeem_code(provider.gate, code=code_on(words), caller=key())
    by_mail = await provider.objection_link(boss)
    for link in (by_letter, by_mail):  # each leads to the access
        assert (await objecting.follow_link(provider.gate, link)).grant_id == granted.id
    own = await provider.granted(clinic, npi=clinic.npi)  # of which she is the administrator
    assert await provider.letters(own) == []


async def test_I15_who_looks_after_another_npi_is_not_told_and_the_letter_goes(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    await change_access(provider, boss, npi=clinic.other_npi)
    granted = await provider.granted(clinic, npi=clinic.npi)
    assert await provider.messages(boss) == ["access_opened"]
    assert await granting.list_grants(provider.gate, boss.principal) == []
    assert "Nobody of your organization is an administrator of NPI" in await letter_of(provider, granted)


async def test_B7_a_member_who_was_told_because_nobody_administers_hears_what_becomes_of_it(provider: Provider):
    clinic = await provider.house.new_clinic()
    chief = await provider.administrator(clinic)
    member = await provider.colleague(chief)
    await change_access(provider, chief, status="ended")
    granted = await provider.granted(clinic)
    words = await said(provider, member, "A billing service got access")
    assert "Under Billing services you can look at the access." in words
    assert "put the access on hold, end it" not in words
    assert await provider.letters(granted) != []
    await change_access(provider, chief, status="open")  # an administrator again: who was told first isn't forgotten
    link = await provider.objection_link(member)
    await objecting.object_to(provider.gate, link, name="Ola Objector", confirmed=True, key=key())
    await provider.stands(granted, "held")
    words = await said(provider, member, "Somebody objected to a billing service")
    assert "Only an administrator of all of the Tax ID can resume or revoke it." in words
    assert "I did not ask for this: call us" in words
    words = await said(provider, chief, "Somebody objected to a billing service")
    assert "Is the access right? Resume it under Billing services." in words


async def test_T6_each_of_several_at_once_is_told_once_what_they_can_do(provider: Provider):
    clinic, boss = await of_one_npi(provider)
    granted: Granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    await asyncio.gather(
        *(objecting.object_to(provider.gate, link, name="Ola Objector", confirmed=True, key=key()) for _ in range(3))
    )
    await provider.stands(granted, "held")
    await provider.settled(granted)
    assert (await provider.told(boss.account_id, about=granted)).count("grant_objected") == 1
