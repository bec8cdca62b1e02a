"""What happened to a billing service's access, as the provider's people and staff read it: who did what (B9, I15)."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from db.grant_telling import day_in_words
from domain.client_words import ClientLine
from portal import access_story, contact_desk, contact_review, deciding, granting, objecting
from portal.refusals import Refusal
from tests.authorization.scenes import decided, decision, new_billing_service, requested, state_of
from tests.cases.counter import Counter
from tests.colleagues.office import Person
from tests.grants.scenes import Granted, Provider, later
from tests.grants.test_grant_pages import signs_in_as
from tests.grants.test_objecting import code_on, letter_of, objected
from tests.house import key
from tests.web.conftest import client, new_caller, new_person, people, person, site
from tests.web.person import Person as Browser

__all__ = ["client", "new_caller", "new_person", "people", "person", "site"]  # fixtures

_OBJECTED = "Somebody objected: this access wasn’t asked for."
_HELD = "The access was put on hold."
_RESUMED = "The access was resumed."


async def story(provider: Provider, person: Person, granted: Granted) -> access_story.AccessStory:
    return await access_story.provider_story(provider.gate, person.principal, granted.id)


def told(lines: Sequence[ClientLine]) -> list[tuple[str, str]]:
    assert [one.at for one in lines] == sorted(one.at for one in lines)
    return [(one.words, one.who) for one in lines]


async def name_of(provider: Provider, person: Person) -> str:
    account = await provider.account(person.email)
    assert account is not None
    return provider.house.vault.unseal("name", account.name_sealed)


async def test_B9_the_providers_people_read_who_did_what_and_when(provider_on_both: Provider):
    provider = provider_on_both
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    name = await name_of(provider, boss)
    member = await provider.colleague(boss)
    granted = await provider.granted(clinic)
    link = await provider.objection_link(boss)
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(30), key=key())
    row = await provider.grant(granted)
    assert row.ends_at is not None
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    seen = await story(provider, boss, granted)
    assert seen.held is not None
    assert (seen.held.words, seen.held.who) == (_HELD, name)
    assert seen.dated is not None
    assert seen.dated.who == name
    await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    assert (await story(provider, boss, granted)).held is None
    await objected(provider, link)
    await provider.stands(granted, "held")
    await objected(provider, link, name="Una Other")  # holds nothing that isn't on hold
    seen = await story(provider, boss, granted)
    assert seen.held is not None
    assert seen.held.who == "Ola Objector (name given with the objection)"
    await provider.settled(granted)
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on="", key=key())
    await granting.revoke(provider.gate, boss.principal, granted.id, key=key())

    asked, *rest = told((seen := await story(provider, boss, granted)).lines)
    assert asked[0] == "The billing service asked for access."
    day = day_in_words(row.ends_at, provider.gate.zone)
    assert rest == [
        ("The request was approved: the access is open.", "Kim Contact, Office manager"),
        (f"An end date was set: the access ends after {day}.", name),
        (_HELD, name),
        (_RESUMED, name),
        (_OBJECTED, "Ola Objector (name given with the objection)"),
        (_OBJECTED, "Una Other (name given with the objection)"),
        ("The end date was taken away.", name),
        ("The access was revoked.", name),
    ]
    assert (seen.held, seen.dated) == (None, None)
    # A member doesn't see who their colleagues are (I15): the same without their names.
    lines = told((await story(provider, member, granted)).lines)
    assert [words for words, _ in lines] == [asked[0], *(words for words, _ in rest)]
    shown = {who for _, who in lines[2:]}
    assert shown == {"An administrator of your organization", ""}


async def test_B9_who_registers_later_reads_who_objected(provider: Provider):
    granted = await provider.granted()
    code = code_on(await letter_of(provider, granted))
    link = await objecting.redeem_code(provider.gate, code=code, caller=key())
    await objected(provider, link)
    await provider.stands(granted, "held")
    eve = await provider.administrator(granted.clinic)
    seen = await story(provider, eve, granted)
    assert seen.held is not None
    assert seen.held.who == "Ola Objector (name given with the objection)"
    assert seen.held.at == (await provider.objections(granted))[0].at


async def test_I15_a_foreign_access_has_no_story(provider: Provider):
    granted = await provider.granted()
    stranger = await provider.administrator(await provider.house.new_clinic())
    for grant_id in (granted.id, uuid4()):
        with pytest.raises(Refusal) as refusal:
            await access_story.provider_story(provider.gate, stranger.principal, grant_id)
        assert refusal.value.code == "not_found"


async def test_B9_staff_read_resends_answers_and_objections_also_after_the_end(provider_on_both: Provider):
    provider, house = provider_on_both, provider_on_both.house
    sam = await Counter(house).clerk(name="Sam Desk Example")
    clinic = await house.new_clinic()
    boss = await provider.administrator(clinic)
    service = await new_billing_service(house)
    request = await requested(house, service, clinic)
    await contact_review.resend(house.gate, sam.member, request.id, key=key())
    await decided(house, request)
    await state_of(house, request, wanted="approved")
    [view] = await granting.list_grants(provider.gate, boss.principal)
    granted = Granted(id=view.id, request=request, service=service, clinic=clinic)
    await provider.kept(granted)
    sitting_id, lea = uuid4(), house.vault.seal("name", "Lea Later")
    await decision(house, request, choice="decline", sitting_id=sitting_id, name_sealed=lea)
    await deciding.tell_workflows(provider.gate, sitting_id)
    late = ("Another answer came when the request had ended. It changed nothing.", "Lea Later, Office manager")
    async with asyncio.timeout(20):
        while late not in told((await contact_desk.view_request(house.gate, sam.member, request.id)).happened):
            await asyncio.sleep(0.05)
    await objected(provider, await provider.objection_link(boss))
    await provider.stands(granted, "held")
    await provider.settled(granted)
    await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    name = await name_of(provider, boss)
    lines = told((await contact_desk.view_request(house.gate, sam.member, request.id)).happened)
    assert ("The mail is sent to the contact again; earlier links still work.", "Sam Desk Example") in lines
    assert [one for one in lines if one[1]][-5:] == [
        ("The provider said yes: the access is open.", "Kim Contact, Office manager"),
        late,
        (_OBJECTED, "Ola Objector (name given with the objection)"),
        (_RESUMED, name),
        ("The access was revoked.", name),
    ]


@pytest.mark.browser
async def test_B9_the_accesss_page_says_who_and_when(provider: Provider, person: Browser):
    clinic = await provider.house.new_clinic()
    boss = await provider.administrator(clinic)
    name = await name_of(provider, boss)
    granted = await provider.granted(clinic)
    await granting.set_end_date(provider.gate, boss.principal, granted.id, ends_on=later(30), key=key())
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    await signs_in_as(person, boss.token)
    await person.go(f"/billing-services/{granted.id}")
    rows = {
        await row.locator("dt").inner_text(): await row.locator("dd").inner_text()
        for row in await person.page.locator(".summary div:has(> dt)").all()
    }
    assert rows["On hold since"].endswith(f", by {name}")
    assert f", by {name})" in rows["Ends after"]
    assert await person.reads("What happened")
    assert await person.reads(_HELD)
    await person.judge()
    await objected(provider, await provider.objection_link(boss))
    async with asyncio.timeout(20):
        while (await provider.grant(granted)).held_by != "objection":
            await asyncio.sleep(0.05)
    await person.go(f"/billing-services/{granted.id}")
    assert await person.reads("Ola Objector (name given with the objection) told us on")
    await person.judge()
