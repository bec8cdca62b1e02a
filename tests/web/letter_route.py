"""Asking for a letter in the browser, and the development mailbox as the print shop."""

from pathlib import Path

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from db.directory import Location
from db.letters import LetterRow
from portal import registering
from tests.by_mail.conftest import until
from tests.house import Clinic, House
from tests.web.person import Person


async def newest_letter(house: House, person: Person) -> tuple[str, Path]:
    """The person's newest letter, once the print shop has it: its id and its PDF."""
    return await _printed(house, col(LetterRow.registration_id) == await person.registration_id())


async def newest_letter_of(house: House, clinic: Clinic) -> tuple[str, Path]:
    """The newest letter to this organization, once the print shop has it."""
    return await _printed(house, col(LetterRow.organization_id) == clinic.id)


async def _printed(house: House, which: ColumnElement[bool]) -> tuple[str, Path]:
    async def look() -> tuple[str, Path] | None:
        async with house.database.read() as session:
            row = (
                await session.scalars(select(LetterRow).where(which).order_by(col(LetterRow.generation).desc()))
            ).first()
        if row is None or row.state == "due":
            return None
        found = list((Path(house.settings.data_dir) / "letters" / "batches").glob(f"*/{row.id}.pdf"))
        return (str(row.id), found[0]) if found else None

    return await until(look)


async def asks_for_a_letter(person: Person, clinic: Clinic) -> None:
    """From the organization's page to the letter."""
    await person.go("/register/organization")
    await person.fill(tin=clinic.tin, vendor_number=clinic.vendor)
    await person.send("Use US Mail instead")
    if await person.page.locator("#tin_confirmed").count():
        await person.page.check("#tin_confirmed")
        await person.send("Use US Mail instead")
    assert person.path == "/register/letter"
    await person.send("Show the addresses on record")
    await person.page.get_by_role("radio").first.check()
    await person.send("Mail the letter")
    assert person.path == "/register/pin?said=letter-asked"


async def plays_the_shop(person: Person, letter_id: str, button: str) -> None:
    """Press a button of the mailbox page, in another tab."""
    tab = await person.another_tab()
    await tab.go("/mailbox")
    row = tab.page.get_by_role("row").filter(has_text=letter_id)
    async with tab.page.expect_navigation():
        await row.get_by_role("button", name=button).click()
    await tab.page.close()


async def add_location(house: House, clinic: Clinic, line1: str) -> None:
    async with house.database.write() as session:
        first = (await session.scalars(select(Location).where(col(Location.organization_id) == clinic.id))).one()
        session.add(
            Location(
                organization_id=clinic.id, line1=line1, city="PEORIA", state="IL", zip="61602", first_seen_at=first.first_seen_at
            )
        )  # fmt: skip


async def house_draft(house: House, person: Person, *, tin: str, vendor: str) -> None:
    await registering.keep_organization(house.gate, await person.registration_id(), tin=tin, vendor=vendor, npi="")
