"""The letter about a newcomer on its way to the print shop: taken to be printed, settled when the shop has it."""

from datetime import UTC, datetime, tzinfo
from typing import Final
from uuid import UUID

from db import audit
from db.accounts import Account
from db.database import Database
from db.departures import NoticeLetterRow
from db.directory import Location, Organization
from db.registrations import RegistrationRow
from domain.departure import last_day
from domain.directory import Address
from domain.letters import Letterhead, Notice
from domain.people import masked_name
from domain.ports import Vault

_PROVED: Final = (
    "{who} now has access to our provider portal for {organization}. The person proved it with one of our payments or notices, "
    "or with a PIN that we mailed to you. We tell everyone who had access before."
)
_DEPARTED: Final = (
    "The person also told us that somebody who has an account for your organization has left. Unless someone objects by {until}, "
    "the access of that account ends after this day. It ends for your organization only."
)


class SqlNoticeLetterDesk:
    """The `LetterDesk` port for letters without a PIN. `page_address` is where people who have an account answer."""

    def __init__(
        self, database: Database, vault: Vault, *, letterhead: Letterhead, page_address: str, zone: tzinfo
    ) -> None:
        self._database = database
        self._vault = vault
        self._letterhead = letterhead
        self._page_address = page_address
        self._zone = zone

    async def take(self, letter_id: str) -> Notice | None:
        async with self._database.read() as session:
            row = await session.get(NoticeLetterRow, UUID(letter_id))
            if row is None or row.state != "due":
                return None
            registration = await session.get_one(RegistrationRow, row.registration_id)
            organization = await session.get_one(Organization, row.organization_id)
            place = await session.get_one(Location, row.location_id)
            newcomer = await session.get_one(Account, registration.account_id)
        who, until = (
            masked_name(self._vault.unseal("name", newcomer.name_sealed)),
            last_day(row.until.astimezone(self._zone)),
        )
        return Notice(
            letter_id=str(row.id),
            reference=registration.reference,
            person="",
            organization=organization.name,
            address=Address(line1=place.line1, line2=place.line2, city=place.city, state=place.state, zip=place.zip),
            dated=row.planned_on,
            heading="Someone registered for your organization",
            paragraphs=(
                _PROVED.format(who=who, organization=organization.name),
                *((_DEPARTED.format(until=until),) if row.names_departed else ()),
                "If this person works with you, you need not do anything. If you did not expect this, answer as shown below, or call us.",
            ),
            letterhead=self._letterhead,
            action="You have an account and want to object?",
            page_address=self._page_address,
        )

    async def settle(self, letter_id: str, *, shop_reference: str | None) -> None:
        now = datetime.now(UTC)
        async with self._database.write() as session:
            row = await session.get(NoticeLetterRow, UUID(letter_id), with_for_update=True)
            if row is None or row.state != "due":
                return
            row.state = "refused" if shop_reference is None else "handed_over"
            row.shop_reference, row.handed_over_at = shop_reference or "", now
            await audit.append(
                session, at=now, actor="system", action=f"notice_letter.{row.state}",
                subject=f"registration/{row.registration_id}", letter=str(row.id),
            )  # fmt: skip
