"""What staff see of an access once it was opened: its state, who can change it, and what an objection holds (B7, B11)."""

import pytest

from db.accounts import Account
from domain.grants import Ending, HeldBy, State
from portal import contact_access, contact_desk, granting
from portal.contact_access import AccessView, HeldLine, HeldOrder
from portal.contact_desk import QueueOrder, Said
from tests.authorization.scenes import new_billing_service, requested
from tests.cases.counter import Clerk, Counter
from tests.contact_desk.test_contact_review import free_mail, in_review, say
from tests.grants.scenes import Granted, Provider
from tests.grants.test_objecting import objected
from tests.grants.test_one_npi import of_one_npi
from tests.house import House, key


async def access(house: House, clerk: Clerk, granted: Granted) -> AccessView:
    found = (await contact_desk.view_request(house.gate, clerk.member, granted.request.id)).access
    assert found is not None
    return found


async def held(house: House, clerk: Clerk) -> dict[str, HeldLine]:
    """All that is on hold after an objection, by reference."""
    lines: dict[str, HeldLine] = {}
    page = pages = 1
    while page <= pages:
        found = await contact_access.list_held(house.gate, clerk.member, page=page)
        assert found.page == page
        lines |= {one.reference: one for one in found.rows}
        page, pages = page + 1, found.pages
    assert len(lines) == found.total
    assert [one.held_since for one in lines.values()] == sorted(one.held_since for one in lines.values())
    return lines


async def test_B11_staff_see_the_access_and_the_objection_that_holds_it(counter_on_both: Counter):
    house, provider = counter_on_both.house, Provider(counter_on_both.house)
    sam, clinic = await counter_on_both.clerk(), await house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    reference = granted.request.reference
    seen = await access(house, sam, granted)
    assert (seen.state, seen.held_by, seen.objected_by, seen.organization) == (State.OPEN, None, "", clinic.name)
    assert (seen.decided_by, [one.email for one in seen.administrators]) == ("Kim Contact", [boss.email])
    assert reference not in await held(house, sam)

    link = await provider.objection_link(boss)
    await objected(provider, link)
    await provider.stands(granted, "held")
    [first] = await provider.objections(granted)
    await objected(provider, link, name="Una Other")  # a second one holds nothing that isn't on hold
    seen = await access(house, sam, granted)
    assert (seen.state, seen.held_by, seen.objected_by) == (State.HELD, HeldBy.OBJECTION, "Ola Objector")
    line = (await held(house, sam))[reference]
    assert (line.id, line.service, line.organization) == (granted.request.id, granted.service.name, clinic.name)
    assert (line.objected_by, line.has_administrator) == ("Ola Objector", True)
    assert line.held_since == seen.held_since == first.at

    await provider.settled(granted)
    await granting.resume(provider.gate, boss.principal, granted.id, key=key())
    assert reference not in await held(house, sam)
    assert (await access(house, sam, granted)).held_since is None
    await objected(provider, link, name="Ida Later")
    await provider.stands(granted, "held")
    seen = await access(house, sam, granted)
    assert seen.objected_by == "Ida Later"
    assert seen.held_since is not None
    assert seen.held_since > first.at
    await granting.revoke(provider.gate, boss.principal, granted.id, key=key())
    seen = await access(house, sam, granted)
    assert (seen.state, seen.held_by, seen.ending, seen.objected_by) == (State.ENDED, None, Ending.REVOKED, "")
    assert reference not in await held(house, sam)


async def test_B11_what_the_provider_holds_itself_is_no_objection(house: House, counter: Counter):
    provider, sam, clinic = Provider(house), await counter.clerk(), await house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    await granting.hold(provider.gate, boss.principal, granted.id, key=key())
    seen = await access(house, sam, granted)
    assert (seen.state, seen.held_by, seen.objected_by) == (State.HELD, HeldBy.PROVIDER, "")
    assert seen.held_since is not None
    assert seen.held_since >= seen.opened_at
    assert granted.request.reference not in await held(house, sam)


async def test_B11_staff_are_told_where_nobody_of_the_provider_can_act(house: House, counter: Counter):
    provider, sam, clinic = Provider(house), await counter.clerk(), await house.new_clinic()
    boss = await provider.administrator(clinic)
    granted = await provider.granted(clinic)
    await objected(provider, await provider.objection_link(boss))
    await provider.stands(granted, "held")
    assert (await held(house, sam))[granted.request.reference].has_administrator
    async with house.database.write() as session:
        (await session.get_one(Account, boss.account_id)).closed_at = house.gate.now()
    assert not (await held(house, sam))[granted.request.reference].has_administrator
    seen = await access(house, sam, granted)
    assert (seen.administrators, seen.partial, seen.has_accounts) == ((), (), False)


async def test_B11_staff_see_who_administers_one_npi_of_an_access_to_all_of_the_tax_id(counter_on_both: Counter):
    house, provider = counter_on_both.house, Provider(counter_on_both.house)
    sam = await counter_on_both.clerk()
    clinic, boss = await of_one_npi(provider)
    granted = await provider.granted(clinic)
    await objected(provider, await provider.objection_link(boss))
    await provider.stands(granted, "held")
    seen = await access(house, sam, granted)
    assert (seen.administrators, seen.has_accounts) == ((), True)
    assert [(one.email, one.npis) for one in seen.partial] == [(boss.email, (clinic.npi,))]
    line = (await held(house, sam))[granted.request.reference]
    assert (line.has_administrator, line.may_resume) == (True, False)


async def test_B11_a_request_that_opened_nothing_has_no_access(house: House, counter: Counter):
    request = await requested(house, await new_billing_service(house))
    assert (await contact_desk.view_request(house.gate, (await counter.clerk()).member, request.id)).access is None


async def test_B11_every_contact_that_waits_is_on_some_page(house: House, counter: Counter):
    sam, service = await counter.clerk(), await new_billing_service(house, open_limit=100)
    made = {(await requested(house, service, contact=free_mail())).id for _ in range(contact_access.PAGE_SIZE + 1)}
    for order in QueueOrder:
        for descending in (False, True):
            ids, values, page, pages = [], [], 1, 1
            while page <= pages:
                found = await contact_desk.list_queue(
                    house.gate, sam.member, order=order, descending=descending, page=page
                )
                assert (found.page, len(found.rows) <= contact_access.PAGE_SIZE) == (page, True)
                ids += [row.id for row in found.rows]
                values += [
                    row.waiting_since if order is QueueOrder.WAITING else row.service.casefold() for row in found.rows
                ]
                page, pages = page + 1, found.pages
            assert made <= set(ids)
            assert len(ids) == len(set(ids)) == found.total
            assert values == sorted(values, reverse=descending)
    beyond = await contact_desk.list_queue(house.gate, sam.member, page=99_999)
    assert beyond.page == beyond.pages


async def test_B11_contacts_that_wait_for_a_second_person_are_found(counter_on_both: Counter):
    house, sam = counter_on_both.house, await counter_on_both.clerk()
    request = await in_review(house)

    async def is_listed(said: Said) -> bool:
        newest = await contact_desk.list_queue(house.gate, sam.member, said=said, descending=True)
        return request.id in [row.id for row in newest.rows]

    assert (await is_listed(Said.NOTHING), await is_listed(Said.SEND)) == (True, False)
    await say(house, sam, request)
    assert (await is_listed(Said.NOTHING), await is_listed(Said.SEND)) == (False, True)


@pytest.mark.parametrize("order", HeldOrder)
async def test_B11_accesses_on_hold_are_sorted_either_way(house: House, counter: Counter, order: HeldOrder):
    provider, sam = Provider(house), await counter.clerk()
    for _ in range(2):
        clinic = await house.new_clinic()
        boss = await provider.administrator(clinic)
        granted = await provider.granted(clinic)
        await objected(provider, await provider.objection_link(boss))
        await provider.stands(granted, "held")
    up = (await contact_access.list_held(house.gate, sam.member, order=order)).rows
    down = (await contact_access.list_held(house.gate, sam.member, order=order, descending=True)).rows
    values = [one.held_since if order is HeldOrder.SINCE else one.service.casefold() for one in up]
    assert values == sorted(values)
    if len(up) < contact_access.PAGE_SIZE:
        assert list(down) == list(reversed(up))
