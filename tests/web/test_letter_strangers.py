"""What the pages of registering by US Mail don't do for whoever only looks, or means somebody else's letter (I14, I15)."""

import httpx2
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from db.audit import AuditEntry
from db.directory import Location
from db.letters import LetterRow
from db.registrations import Counter, RegistrationRow
from tests.house import House, key
from tests.web.conftest import NewPerson
from tests.web.letter_route import asks_for_a_letter, house_draft, newest_letter
from tests.web.person import Person
from tests.web.site import Site

pytestmark = pytest.mark.browser


async def contents(house: House) -> list[object]:
    """What looking must not change."""
    async with house.database.read() as session:
        return [
            await session.scalar(select(func.count()).select_from(AuditEntry)),
            await session.scalar(select(func.sum(col(Counter.count)))),
            await session.scalar(select(func.count()).select_from(LetterRow)),
            await session.scalar(select(func.count()).select_from(RegistrationRow)),
        ]


async def test_I14_looking_at_the_pages_changes_nothing(person: Person, house: House):
    clinic = await house.new_clinic()
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    letter_id, _ = await newest_letter(house, person)
    await house.quiet(await person.registration_id())
    before = await contents(house)
    for path in ("/register/pin", "/register/letter", "/register/organization", "/register/payment", "/mailbox"):
        assert (await person.go(path)).status == 200
        assert person.path == path
    response = await person.page.context.request.get(f"{person.site.address}/mailbox/letters/{letter_id}")
    assert (response.status, response.headers["content-type"]) == (200, "application/pdf")
    for path in ("/register/letter/request", f"/mailbox/letters/{letter_id}/mailed", f"/access/additions/{letter_id}"):
        assert (await person.page.context.request.get(person.site.address + path)).status in {404, 405}
    assert await contents(house) == before


async def test_I14_the_letters_buttons_want_a_form_of_ours(client: httpx2.AsyncClient, person: Person, house: House):
    clinic = await house.new_clinic()
    await person.confirmed()
    await asks_for_a_letter(person, clinic)
    letter_id, pdf = await newest_letter(house, person)
    form = {"idempotency_key": key()}
    foreign = {"Origin": "https://elsewhere.example.org"}
    path = f"/mailbox/letters/{letter_id}/mailed"
    assert (await client.post(path, data=form, headers=foreign)).status_code == 403
    assert (await client.post(path, data={}, headers={"Origin": person.site.address})).status_code == 400
    unknown = await client.post(
        "/mailbox/letters/unknown-letter/mailed", data=form, headers={"Origin": person.site.address}
    )
    assert unknown.status_code == 404
    assert pdf.exists()


async def test_I15_a_location_of_another_organization_gets_no_letter(person: Person, house: House):
    clinic, other = await house.new_clinic(), await house.new_clinic()
    async with house.database.read() as session:
        foreign = (
            await session.scalars(select(col(Location.id)).where(col(Location.organization_id) == other.id))
        ).one()
    await person.confirmed()
    await house_draft(house, person, tin=clinic.tin, vendor=clinic.vendor)
    await person.go("/register/letter")
    await person.send("Show the addresses on record")
    await person.page.get_by_role("radio").first.evaluate(
        "(radio, id) => { radio.value = id; radio.checked = true }", str(foreign)
    )
    await person.send("Mail the letter")
    assert await person.problem() == "We have no address we can mail a letter to"
    async with house.database.read() as session:
        letters = await session.scalars(select(LetterRow).where(col(LetterRow.organization_id) == other.id))
    assert letters.all() == []


async def test_I11_a_letter_of_somebody_else_is_not_offered_to_whom_it_makes_wait(
    person: Person, new_person: NewPerson, house: House
):
    clinic = await house.new_clinic()
    colleague = await new_person()
    tab = await person.another_tab()
    for one in (person, colleague):
        await one.confirmed()
        await house_draft(house, one, tin=clinic.tin, vendor=clinic.vendor)
    for one in (tab, colleague):
        await one.go("/register/letter")
        await one.send("Show the addresses on record")
        await one.page.get_by_role("radio").first.check()
    await asks_for_a_letter(person, clinic)
    for one, own in ((tab, True), (colleague, False)):
        await one.send("Mail the letter")
        assert await one.problem() == "The letter has to wait"
        assert await one.reads("You can ask for a letter from")
        assert not await one.page.get_by_role("button", name="Mail the letter").count()
        assert await one.page.get_by_role("link", name="If a letter of yours is on its way").count() == own
        assert await one.reads("PIN still works") == own
        for way in ("Prove your organization with a payment or notice", "Contact us: we look into it"):
            assert await one.page.get_by_role("link", name=way).count() == 1
    await colleague.judge()


def test_the_mailbox_has_no_letters_outside_development(house: House, site: Site):
    from serve import spool_desk_of

    assert spool_desk_of(house.settings) is not None
    assert spool_desk_of(house.settings.model_copy(update={"mailbox_dir": None})) is None
