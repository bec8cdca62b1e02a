"""Letters in the database on their way to the print shop: taken to be printed, settled when the shop has them."""

from datetime import UTC, datetime
from uuid import UUID

from db import audit
from db.database import Database
from db.directory import Location, Organization
from db.letters import LetterRow
from db.registrations import RegistrationRow
from domain.directory import Address
from domain.letters import Letter, Letterhead, Pin
from domain.ports import Vault


class SqlLetterDesk:
    """The `LetterDesk` port."""

    def __init__(self, database: Database, vault: Vault, *, letterhead: Letterhead, page_address: str) -> None:
        self._database = database
        self._vault = vault
        self._letterhead = letterhead
        self._page_address = page_address

    async def take(self, letter_id: str) -> Letter | None:
        async with self._database.read() as session:
            row = await session.get(LetterRow, UUID(letter_id))
            if row is None or row.state != "due" or row.pin_sealed is None:
                return None
            registration = await session.get_one(RegistrationRow, row.registration_id)
            organization = await session.get_one(Organization, row.organization_id)
            location = await session.get_one(Location, row.location_id)
        return Letter(
            letter_id=str(row.id),
            reference=registration.reference,
            person=self._vault.unseal("name", registration.name_sealed),
            organization=organization.name,
            address=Address(
                line1=location.line1, line2=location.line2, city=location.city, state=location.state, zip=location.zip
            ),
            pin=Pin(self._vault.unseal("pin", row.pin_sealed)),
            dated=row.planned_on,
            pin_days=row.pin_days,
            page_address=self._page_address,
            letterhead=self._letterhead,
        )

    async def settle(self, letter_id: str, *, shop_reference: str | None) -> None:
        now = datetime.now(UTC)
        async with self._database.write() as session:
            row = await session.get(LetterRow, UUID(letter_id), with_for_update=True)
            if row is None or row.state != "due":
                return
            row.state = "refused" if shop_reference is None else "handed_over"
            row.shop_reference = shop_reference or ""
            row.handed_over_at = now
            row.pin_sealed = None
            subject = f"registration/{row.registration_id}"
            await audit.append(
                session, at=now, actor="system", action=f"letter.{row.state}", subject=subject, letter=str(row.id)
            )
