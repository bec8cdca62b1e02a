"""The table of letters: each carries one PIN to one address of the directory."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Column, LargeBinary, UniqueConstraint, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from db.columns import UtcDateTime
from db.directory import Location
from db.registrations import Counter
from domain.directory import Address
from domain.letters import FAILED, ON_THEIR_WAY, mailing_address, masked_choices
from domain.limits import Limits
from domain.registration import LocationChoice


class LetterRow(SQLModel, table=True):
    """A letter of a registration. Of its PIN a digest stays; the ciphertext goes once the print shop has the letter."""

    __tablename__ = "letter"
    __table_args__ = (UniqueConstraint("registration_id", "generation"),)

    id: UUID = Field(primary_key=True)
    registration_id: UUID = Field(foreign_key="registration.id", index=True)
    generation: int
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    npi: str | None = Field(default=None, max_length=10)
    location_id: UUID = Field(foreign_key="location.id")
    pin_digest: str = Field(max_length=64)
    pin_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    state: str = Field(default="due", max_length=12)  # due, handed_over, mailed, returned, refused, void, used
    pin_days: int
    requested_at: datetime = Field(sa_type=UtcDateTime)
    planned_on: date = Field(index=True)  # the date printed on it
    handed_over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    shop_reference: str = Field(default="", max_length=100)
    mailed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


PIN_TRIES: Final = "pin-life"
"""The counter of the PINs that a registration has tried in its life, by its id."""


async def void_letters(session: AsyncSession, registration_id: UUID) -> None:
    """Make the PINs of a registration's letters useless. One that came back stays so: no other goes to its address."""
    await session.execute(
        update(LetterRow)
        .where(col(LetterRow.registration_id) == registration_id, col(LetterRow.state).in_(ON_THEIR_WAY))
        .values(state="void", pin_sealed=None)
    )


async def pin_tries_used(session: AsyncSession, limits: Limits, registration_id: UUID) -> bool:
    """Whether no PIN of this registration can be right any more, whichever letter it's from."""
    tries = await session.get(Counter, (PIN_TRIES, str(registration_id)))
    return tries is not None and tries.count >= limits.pin_tries_in_life


LOOK_UPS: Final = "look-up"
"""The scope that counts a registration's wrong look-ups of an organization to mail to."""
LOOK_UPS_OF_CALLER: Final = "look-up-caller"
"""The same for a network address, whichever registrations it has."""


async def letter_choices(
    session: AsyncSession, limits: Limits, *, registration_id: UUID, payee: UUID, at_day: date
) -> tuple[LocationChoice, ...]:
    """The addresses a letter of this registration may go to, masked.

    Left out are one that was added lately, which someone may have had changed, and one where a letter of this
    registration failed: the next would fail as well.
    """
    failed = set(
        await session.scalars(
            select(col(LetterRow.location_id)).where(
                col(LetterRow.registration_id) == registration_id, col(LetterRow.state).in_(FAILED)
            )
        )
    )
    rows = list(
        await session.scalars(
            select(Location)
            .where(col(Location.organization_id) == payee)
            .order_by(col(Location.first_seen_at), col(Location.id))
        )
    )
    first = rows[0].first_seen_at.date() if rows else None
    usable: list[tuple[UUID, Address]] = []
    for place in rows:
        seen = place.first_seen_at.date()
        settled = seen == first or at_day - seen >= limits.address_settled
        address = mailing_address(
            line1=place.line1, line2=place.line2, city=place.city, state=place.state, zip_code=place.zip
        )
        if settled and place.id not in failed and isinstance(address, Address):
            usable.append((place.id, address))
    masked = masked_choices([address for _, address in usable])
    return tuple(
        LocationChoice(location_id=str(location_id), masked=text)
        for (location_id, _), text in zip(usable, masked, strict=True)
    )
