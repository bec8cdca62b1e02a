""" "I did not ask for this": who is told of an access, the link and the letter's code, and what an objection does (B7, B5, I14)."""

import asyncio
import re
from datetime import timedelta
from uuid import uuid4

import pyotp
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from db.authorizations import GrantRow
from db.directory import Location
from db.registrations import OneTimeSecret
from db.staff import StaffAccount
from domain.grants import ObjectionRaised
from ops.letter_text import letter_text
from portal import granting, objecting, staff
from portal.refusals import Refusal
from portal.staff import StaffRole
from tests.grants.scenes import Granted, Provider, later, lead
from tests.house import PASSWORD, key
from workflows import names


async def objected(provider: Provider, link: str, *, name: str = "Ola Objector", **changes: str) -> None:
    await objecting.object_to(provider.gate, link, name=name, confirmed=True, key=changes.get("key", key()))


async def letter_of(provider: Provider, granted: Granted) -> str:
    """The words of the letter about an access, once the print shop has it."""
    async with asyncio.timeout(20):
        while True:
            letters = await provider.letters(granted)
            if letters and letters[0].state == "handed_over":
                break
            await asyncio.sleep(0.05)
    folder = provider.house.settings.data_dir / "letters"
    [pdf] = folder.glob(f"**/*{letters[0].id}*.pdf")
    return " ".join(letter_text(pdf.read_bytes()).split())


def code_on(words: str) -> str:
    found = re.search(r"\b([0-9A-Z]{5}-[0-9A-Z]{5})\b", words.partition("Your code")[2])
    assert found, words
    return found[1]


async def test_B7_the_providers_administrators_are_told_who_got_access_by_whom(provider_on_both: Provider):
    provider = provider_on_both
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    mail = await provider.house.mail(to=boss.email, subject="A billing service got access")
    words = mail.text or ""
    assert granted.service.name in words
    assert "Kim Contact (name given with the approval)" in words
    assert "I did not ask for this" in words
    assert clinic.tin not in words
    assert granted.service.name not in mail.subject
    view = await objecting.follow_link(provider.gate, await provider.objection_link(boss))
    assert (view.grant_id, view.decided_by, view.is_contested) == (granted.id, "Kim Contact", False)
    assert await provider.letters(granted) == []  # somebody has an account: no letter besides


async def test_B7_the_providers_administrators_are_told_that_somebody_asks_once(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    mail = await provider.house.mail(to=boss.email, subject="A billing service asks for access")
    assert f"/requests/{granted.request.id}" in (mail.text or "")
    assert "I did not ask for this" in (mail.text or "")
    assert granted.request.contact not in (mail.text or "")  # masked
    assert (await provider.messages(boss)).count("provider_asked") == 1
    assert provider.mails(boss.email, "A billing service asks") == 1


async def test_B7_an_objection_holds_the_access_until_an_administrator_resumes_it(provider_on_both: Provider):
    provider = provider_on_both
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    await objected(provider, link)
    row = await provider.stands(granted, "held")
    assert row.held_by == "objection"
    await provider.settled(granted)
    assert await provider.told(boss.account_id, about=granted) == ["provider_grant_opened", "grant_objected"]
    assert await provider.told(lead(granted).account_id, about=granted) == ["grant_held"]
    mail = await provider.house.mail(to=boss.email, subject="Somebody objected to a billing service")
    assert "Ola Objector (name given with the objection)" in (mail.text or "")
    [view] = await granting.list_grants(provider.gate, boss.principal, state="held")
    assert view.held_by == "objection"

    await objected(provider, link)  # a second one is kept, and tells nobody again
    async with asyncio.timeout(20):
        while len(await provider.objections(granted)) < 2 or (await provider.grant(granted)).revision < 3:
            await asyncio.sleep(0.05)
    assert (await provider.told(boss.account_id, about=granted)).count("grant_objected") == 1

    await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    row = await provider.grant(granted)
    assert (row.status, row.held_by) == ("open", None)
    assert not (await objecting.follow_link(provider.gate, link)).is_contested
    await objected(provider, link)  # and what was resumed can be objected to again
    await provider.stands(granted, "held")


async def test_B5_a_request_sent_twice_is_one_objection(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    link, name = await provider.objection_link(boss), key()
    await asyncio.gather(*(objected(provider, link, key=name) for _ in range(3)))
    await provider.stands(granted, "held")
    assert len(await provider.objections(granted)) == 1
    with pytest.raises(Refusal) as refused:
        await objected(provider, link, key=name, name="Somebody Else")
    assert refused.value.code == "key_reused"


async def test_I14_looking_and_a_form_as_it_stands_change_nothing(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    for _ in range(3):
        await objecting.follow_link(provider.gate, link)
    for name, confirmed in (("", False), ("Ola Objector", False), ("", True)):
        with pytest.raises(Refusal) as refused:
            await objecting.object_to(provider.gate, link, name=name, confirmed=confirmed, key=key())
        assert refused.value.code == "invalid_fields"
    assert await provider.objections(granted) == []
    assert (await provider.grant(granted)).status == "open"


async def test_I3_an_objection_that_nobody_wrote_holds_nothing(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted, other = await provider.granted(clinic), await provider.granted()
    link = await provider.objection_link(boss)
    await objected(provider, link)
    await provider.stands(granted, "held")
    [written] = await provider.objections(granted)
    for objection_id in (uuid4(), written.id):  # unknown, and one of another access
        await provider.review(other).signal(names.OBJECTED, ObjectionRaised(objection_id=str(objection_id)))
    async with asyncio.timeout(20):
        while (await provider.grant(other)).revision < 3:
            await asyncio.sleep(0.05)
    assert (await provider.grant(other)).status == "open"


async def test_B7_a_late_objector_is_told_that_it_has_ended(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    await provider.over(granted)
    for late in (objecting.follow_link(provider.gate, link), objected(provider, link)):
        with pytest.raises(Refusal) as refused:
            await late
        assert refused.value.code == "grant_ended"
    assert await provider.objections(granted) == []


@pytest.mark.parametrize("before_s", [1, 0])
async def test_B7_an_objection_in_the_last_second_and_one_at_the_end(provider: Provider, before_s: int):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(5), key=key())
    await provider.skip_to_end(granted, before=timedelta(seconds=before_s))
    if before_s:
        await objected(provider, link)
        await provider.stands(granted, "held")
        await provider.skip_to_end(granted)
    row = await provider.over(granted)
    assert (row.status, row.closing_code) == ("ended", "lapsed")


async def test_I16_an_unknown_link_says_nothing(provider: Provider):
    with pytest.raises(Refusal) as refused:
        await objecting.follow_link(provider.gate, "x" * 43)
    assert refused.value.code == "objection_link_dead"


# By letter, where nobody of the provider has an account.


async def test_B7_a_letter_goes_to_the_address_of_record_when_nobody_has_an_account(provider_on_both: Provider):
    provider = provider_on_both
    granted = await provider.granted()
    words = await letter_of(provider, granted)
    assert "A billing service has access to your organization" in words
    assert granted.service.name in words
    assert "Kim Contact, Office manager" in words
    assert granted.request.reference in words
    assert "/objection" in words
    [letter] = await provider.letters(granted)
    assert letter.shop_reference
    handed_over = [one for one in await provider.steps(granted) if one.action == "notice_letter.handed_over"]
    assert len(handed_over) == 1
    async with provider.house.database.read() as session:
        secrets = await session.scalars(
            select(col(OneTimeSecret.sealed)).where(col(OneTimeSecret.subject) == f"grant/{granted.id}")
        )
        assert set(secrets) == {None}  # once it's on paper a digest is enough


async def test_B7_the_letters_code_leads_to_the_same_page(provider: Provider):
    granted = await provider.granted()
    code = code_on(await letter_of(provider, granted))
    for typed in (code, code.lower().replace("-", " "), code.replace("0", "O").replace("1", "l")):
        link = await objecting.redeem_code(provider.gate, code=typed, caller=key())
        assert (await objecting.follow_link(provider.gate, link)).grant_id == granted.id
    assert (await provider.grant(granted)).status == "open"  # it only identifies
    await objected(provider, link)
    row = await provider.stands(granted, "held")
    assert row.held_by == "objection"


async def test_I13_codes_are_counted_before_they_are_looked_up(provider: Provider):
    granted = await provider.granted()
    code, caller = code_on(await letter_of(provider, granted)), key()
    limit = provider.gate.limits.objection_code_tries
    for _ in range(limit):  # right ones don't use up what wrong ones may try
        await objecting.redeem_code(provider.gate, code=code, caller=caller)
    answers = await asyncio.gather(
        *(objecting.redeem_code(provider.gate, code=f"00000-0000{place % 10}", caller=caller) for place in range(50)),
        return_exceptions=True,
    )
    codes = [answer.code for answer in answers if isinstance(answer, Refusal)]
    assert (codes.count("objection_code_unknown"), codes.count("too_many_tries")) == (limit, 50 - limit)
    with pytest.raises(Refusal) as refused:  # the right one is as good as any by now
        await objecting.redeem_code(provider.gate, code=code, caller=caller)
    assert refused.value.code == "too_many_tries"
    with pytest.raises(Refusal) as refused:
        await objecting.redeem_code(provider.gate, code="U", caller=key())
    assert [defect.code for defect in refused.value.fields] == ["pin_characters"]


@pytest.mark.parametrize("typed", ["", "U", "?", "7K3M9"])
async def test_B7_what_is_wrong_with_a_letters_code_is_said_of_a_code(provider: Provider, typed: str):
    with pytest.raises(Refusal) as refused:
        await objecting.redeem_code(provider.gate, code=typed, caller=key())
    [defect] = refused.value.fields
    assert "code" in defect.message
    assert "PIN" not in defect.message


async def test_B7_an_objectors_name_is_not_that_of_an_account(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    await provider.granted(clinic)
    with pytest.raises(Refusal) as refused:
        await objected(provider, await provider.objection_link(boss), name="Billing Department")
    [defect] = refused.value.fields
    assert (defect.field, defect.code) == ("name", "name_not_personal")
    assert "account" not in defect.message


async def test_B5_no_address_to_write_to_holds_nothing_up(provider: Provider):
    clinic = await provider.house.new_clinic()
    async with provider.house.database.write() as session:
        await session.execute(
            update(Location).where(col(Location.organization_id) == clinic.id).values(line1="", line2="")
        )
    granted = await provider.granted(clinic)
    assert await provider.letters(granted) == []
    async with provider.house.database.read() as session:
        row = await session.get_one(GrantRow, granted.id)
    assert row.status == "open"


async def test_B7_staff_hear_of_an_objection(provider: Provider):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    email = f"sam.{key()[:8]}@plan.example.org"
    link = await staff.add_staff(provider.gate, name="Sam Staff", email=email, role=StaffRole.AGENT)
    token = await staff.choose_password(provider.gate, link_token=link, password=PASSWORD, key=key(), client="test")
    pending = await staff.pending_staff(provider.gate, token)
    secret = (await staff.factor_to_set_up(provider.gate, pending)).secret
    await staff.finish_set_up(provider.gate, pending, code=pyotp.TOTP(secret).now(), client="test")
    granted = await provider.granted(clinic)
    await objected(provider, await provider.objection_link(boss))
    mail = await provider.house.mail(to=email, subject="A provider objects")
    assert granted.request.reference in (mail.text or "")
    await provider.settled(granted)
    async with provider.house.database.write() as session:  # who works here no more gets no mails of other tests
        await session.execute(update(StaffAccount).values(closed_at=provider.gate.now()))
