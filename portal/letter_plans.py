"""What a registrant is told about letters before asking for one, and before entering a PIN."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from db.directory import Location, Organization
from db.letters import LOOK_UPS, LOOK_UPS_OF_CALLER, LetterRow, letter_choices
from db.registration_steps import subject_of
from db.registrations import Counter, MailRow, RegistrationRow
from domain.directory import Address
from domain.identifiers import Tin
from domain.letters import FAILED, ON_THEIR_WAY, mailing_day, masked_address, next_letter_at, pin_is_open
from portal.gate import Gate
from portal.letters import LetterView


async def expected_mailing_day(gate: Gate, *, zone: tzinfo) -> date:
    """The business day on which a letter asked for now is mailed, as far as the day's budget tells; the letter's own day counts."""
    limits = gate.limits
    local = gate.now().astimezone(zone)
    async with gate.database.read() as session:
        planned = await session.execute(
            select(col(LetterRow.planned_on), func.count())
            .where(col(LetterRow.planned_on) >= local.date())
            .group_by(col(LetterRow.planned_on))
        )
        counts = {row[0]: row[1] for row in planned}
    return mailing_day(
        local,
        cut_off=local.time().replace(hour=limits.letters_cut_off_hour, minute=0, second=0, microsecond=0),
        planned=counts,
        daily_budget=limits.letters_per_day,
    )


def another_letter_at(gate: Gate, letters: Sequence[LetterView]) -> datetime | None:
    """From when a registration with these letters may ask for another one; None for now.

    The caps of the organization as a whole aren't looked at: what others asked for is told to nobody beforehand (I16).
    """
    limits = gate.limits
    return next_letter_at(
        [letter.requested_at for letter in letters],
        now=gate.now(),
        gap=limits.letters_gap,
        most=limits.letters_in_window,
        window=limits.letters_window,
    )


async def pin_paused_until(gate: Gate, registration_id: UUID) -> datetime | None:
    """Until when no PIN is taken because too many were wrong; None when one may be entered now."""
    async with gate.database.read() as session:
        newest = await session.scalar(
            select(col(LetterRow.id))
            .where(col(LetterRow.registration_id) == registration_id, col(LetterRow.state).in_(ON_THEIR_WAY))
            .order_by(col(LetterRow.generation).desc())
            .limit(1)
        )
        tries = await session.get(Counter, ("pin", str(newest))) if newest else None
    is_paused = tries is not None and tries.count >= gate.limits.pin_tries and tries.window_ends_at > gate.now()
    return tries.window_ends_at if tries is not None and is_paused else None


async def look_ups_paused_until(gate: Gate, registration_id: UUID, *, caller: str) -> datetime | None:
    """Until when no organization is looked up for a letter because too many tries were wrong; None when one may be."""
    limits = gate.limits
    most = {
        (LOOK_UPS, str(registration_id)): limits.payment_tries,
        (LOOK_UPS_OF_CALLER, gate.vault.digest("caller", caller)): limits.payment_tries_per_caller,
    }
    async with gate.database.read() as session:
        tries = [await session.get(Counter, which) for which in most]
    ends = [
        row.window_ends_at
        for row, limit in zip(tries, most.values(), strict=True)
        if row is not None and row.count >= limit and row.window_ends_at > gate.now()
    ]
    return max(ends, default=None)


async def no_address_left(gate: Gate, registration_id: UUID, *, tin: str) -> bool:
    """Whether a letter failed, none is awaited, and no other address can be used: nothing is to be hoped from the mail (B5).

    `tin` is the Tax ID as it was entered: for another organization than the one whose addresses were listed before,
    nothing is told (I16). Counts nothing.
    """
    now = gate.now()
    async with gate.database.read() as session:
        row = await session.get(RegistrationRow, registration_id)
        payee = await session.get(Organization, row.identified_id) if row and row.identified_id else None
        if payee is None or not tin or payee.tin_digest != gate.vault.digest("tin", Tin.parse(tin).digits):
            return False
        sent = (await session.scalars(select(LetterRow).where(col(LetterRow.registration_id) == registration_id))).all()
        if not any(letter.state in FAILED and letter.organization_id == payee.id for letter in sent):
            return False
        if any(
            letter.state in ON_THEIR_WAY and (letter.expires_at is None or pin_is_open(now, letter.expires_at))
            for letter in sent
        ):
            return False
        return not await letter_choices(
            session, gate.limits, registration_id=registration_id, payee=payee.id, at_day=now.date()
        )


@dataclass(frozen=True, slots=True)
class FailedAddress:
    """An address that this registration's letter didn't reach, masked; `at` is when that was told, None if it never left."""

    masked: str
    at: datetime | None


async def failed_addresses(gate: Gate, registration_id: UUID) -> list[FailedAddress]:
    """The addresses of the organization in question that get no other letter of this registration (B5)."""
    async with gate.database.read() as session:
        rows = (
            await session.execute(
                select(LetterRow, Location)
                .join(Location, col(Location.id) == col(LetterRow.location_id))
                .join(RegistrationRow, col(RegistrationRow.identified_id) == col(LetterRow.organization_id))
                .where(
                    col(RegistrationRow.id) == registration_id,
                    col(LetterRow.registration_id) == registration_id,
                    col(LetterRow.state).in_(FAILED),
                )
                .order_by(col(LetterRow.generation))
            )
        ).all()
        found: dict[UUID, FailedAddress] = {}
        for letter, place in rows:
            # The mail that tells of it is made in the same step; a letter that the shop refused has none.
            mail_id = f"{subject_of(str(registration_id))}:letter_returned:{letter.generation}"
            told = await session.get(MailRow, mail_id)
            address = Address(line1=place.line1, line2=place.line2, city=place.city, state=place.state, zip=place.zip)
            found[place.id] = FailedAddress(masked_address(address), told.due_at if told else None)
    return list(found.values())
