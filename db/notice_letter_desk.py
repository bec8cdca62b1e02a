"""Letters to an address of record: planned in a step's transaction, taken to be printed, settled when the shop has them."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit
from db.accounts import Account
from db.database import Database
from db.departures import NoticeLetterRow
from db.directory import Location, Organization
from db.grant_letter import OBJECTION_CODE, words_of_grant
from db.registrations import OneTimeSecret, RegistrationRow
from domain.calendar import next_business_day
from domain.departure import last_day
from domain.directory import Address
from domain.grants import LetterWords
from domain.letters import Letterhead, Notice, mailing_address
from domain.people import masked_name
from domain.ports import Vault

_PROVED: Final = (
    "{who} now has access to our provider portal for {organization}. The person proved it with one of our payments or notices, "
    "or with a PIN that we mailed to you. We tell everyone who had access before."
)
_DEPARTED: Final = (
    "The person also told us that somebody who has an account for your organization has left. If nobody objects by the end of {until}, "
    "the access of that account to your organization ends. Access to other organizations stays."
)
_EXPECTED: Final = "If this person works with you, you need not do anything. If you did not expect this, answer as shown below, or call us."


async def plan_letter(
    session: AsyncSession, organization_id: UUID, *, at: datetime, zone: tzinfo
) -> NoticeLetterRow | None:
    """A letter on the next business day to the address that the directory has had the longest and that mail can go to.

    The caller says what it is about. None where the directory has no such address.
    """
    places = await session.scalars(
        select(Location)
        .where(col(Location.organization_id) == organization_id)
        .order_by(col(Location.first_seen_at), col(Location.id))
    )
    place = next((place for place in places if isinstance(address_of(place), Address)), None)
    if place is None:
        return None
    letter = NoticeLetterRow(
        organization_id=organization_id,
        location_id=place.id,
        planned_on=next_business_day(at.astimezone(zone).date() + timedelta(days=1)),
    )
    session.add(letter)
    return letter


def address_of(place: Location) -> object:
    """The address that a letter can be sent to, or why none can be."""
    return mailing_address(line1=place.line1, line2=place.line2, city=place.city, state=place.state, zip_code=place.zip)


class SqlNoticeLetterDesk:
    """The `LetterDesk` port for letters without a PIN.

    `page_address` is where people who have an account answer a letter about a newcomer, `objection_address` where anyone
    who has a letter about a billing service enters its code.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        letterhead: Letterhead,
        page_address: str,
        objection_address: str,
        zone: tzinfo,
    ) -> None:
        self._database = database
        self._vault = vault
        self._letterhead = letterhead
        self._page_address = page_address
        self._objection_address = objection_address
        self._zone = zone

    async def take(self, letter_id: str) -> Notice | None:
        async with self._database.read() as session:
            row = await session.get(NoticeLetterRow, UUID(letter_id))
            if row is None or row.state != "due":
                return None
            organization = await session.get_one(Organization, row.organization_id)
            place = await session.get_one(Location, row.location_id)
            words = await self._words(session, row, organization)
        return Notice(
            letter_id=str(row.id),
            reference=words.reference,
            person="",
            organization=organization.name,
            address=Address(line1=place.line1, line2=place.line2, city=place.city, state=place.state, zip=place.zip),
            dated=row.planned_on,
            heading=words.heading,
            paragraphs=words.paragraphs,
            letterhead=self._letterhead,
            action=words.action,
            page_address=self._page_address if row.grant_id is None else self._objection_address,
        )

    async def _words(self, session: AsyncSession, row: NoticeLetterRow, organization: Organization) -> LetterWords:
        if row.grant_id is not None:
            return await words_of_grant(
                session, self._vault, row.grant_id, organization=organization.name, zone=self._zone
            )
        registration = await session.get_one(RegistrationRow, row.registration_id)
        newcomer = await session.get_one(Account, registration.account_id)
        who = masked_name(self._vault.unseal("name", newcomer.name_sealed))
        departed: tuple[str, ...] = ()
        if row.names_departed and row.until is not None:
            departed = (_DEPARTED.format(until=last_day(row.until.astimezone(self._zone))),)
        return LetterWords(
            reference=registration.reference,
            heading="Someone registered for your organization",
            paragraphs=(_PROVED.format(who=who, organization=organization.name), *departed, _EXPECTED),
            action="You have an account and want to object?",
        )

    async def settle(self, letter_id: str, *, shop_reference: str | None) -> None:
        now = datetime.now(UTC)
        async with self._database.write() as session:
            row = await session.get(NoticeLetterRow, UUID(letter_id), with_for_update=True)
            if row is None or row.state != "due":
                return
            row.state = "refused" if shop_reference is None else "handed_over"
            row.shop_reference, row.handed_over_at = shop_reference or "", now
            subject = f"registration/{row.registration_id}" if row.grant_id is None else f"grant/{row.grant_id}"
            code = await session.get(OneTimeSecret, (subject, OBJECTION_CODE, 1))
            if code is not None:
                code.sealed = None  # it's on paper now; its digest is enough to know it again
            await audit.append(
                session, at=now, actor="system", action=f"notice_letter.{row.state}", subject=subject, letter=str(row.id)
            )  # fmt: skip
