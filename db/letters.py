"""The table of letters: each carries one PIN to one address of the directory."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, LargeBinary, UniqueConstraint, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from db.columns import UtcDateTime


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


async def void_letters(session: AsyncSession, registration_id: UUID, *, but: UUID | None = None) -> None:
    """Make the PINs of all letters of a registration useless, `but` one that was used."""
    await session.execute(
        update(LetterRow)
        .where(
            col(LetterRow.registration_id) == registration_id, col(LetterRow.id) != but, col(LetterRow.state) != "used"
        )
        .values(state="void", pin_sealed=None)
    )
