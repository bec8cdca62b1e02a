"""Recorded steps of proving by US Mail: identify, ask for a letter, what became of it, enter the PIN (P2, B3)."""

import os
from datetime import date, datetime, timedelta, tzinfo
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db.counting import count
from db.database import Database
from db.directory import Location, Organization
from db.letters import LetterRow, void_letters
from db.proofs import payee_of
from db.registration_steps import RegistrationSteps
from db.registrations import Evidence, RegistrationRow
from domain.directory import Address
from domain.letter_route import (
    JudgeIdentity,
    JudgePin,
    RecordLetterEvent,
    RecordLetterRequested,
    RecordPinReminder,
)
from domain.letters import (
    Pin,
    mailing_address,
    mailing_day,
    masked_choices,
    next_letter_at,
    pin_deadline,
    pin_is_open,
    pin_life,
)
from domain.limits import Limits
from domain.ports import Vault
from domain.print_shop import DeliveryKind
from domain.registration import Code, LocationChoice, Recorded, State

_LOST = {DeliveryKind.RETURNED, DeliveryKind.UNDELIVERABLE, DeliveryKind.CANCELLED}


def pin_digest(vault: Vault, *, registration_id: str, pin: Pin) -> str:
    """How a typed PIN is compared; bound to its registration."""
    return vault.digest("pin", f"{registration_id}\0{pin.characters}")


class SqlLetterRecords(RegistrationSteps):
    """The `LetterRecords` port on SQLite and PostgreSQL. `zone` is the payer's: it decides which day it is."""

    def __init__(self, database: Database, vault: Vault, limits: Limits, zone: tzinfo) -> None:
        super().__init__(database, vault, limits)
        self._zone = zone

    async def identify(self, cmd: JudgeIdentity) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            identity = cmd.identity
            tried = await self._count_proof(session, row, cmd, tin=identity.tin, caller_digest=identity.caller_digest)
            if isinstance(tried, Recorded) and tried.code is not Code.PAYMENT_LETTER_ONLY:
                return tried
            payee = await payee_of(session, self._vault, tin=identity.tin, vendor=identity.vendor, npi=identity.npi)
            if payee is None:
                if isinstance(tried, Recorded):
                    return self._refused(row, Code.ORGANIZATION_NO_MATCH)
                return await self._counted(
                    session, row, cmd, Code.ORGANIZATION_NO_MATCH, left=tried.left, life=tried.life
                )
            if await self._has_it(session, row, payee, identity.npi):
                return self._refused(row, Code.ACCESS_OPEN_ALREADY)
            row.identified_id, row.identified_npi = payee, identity.npi
            choices = await self._choices(session, payee, at_day=cmd.at.date())
            if not choices:
                return self._refused(row, Code.NO_USABLE_ADDRESS)
            return Recorded(state=State(row.state), locations=choices)

        return await self._once(cmd, "registration.identified", step)

    async def request_letter(self, cmd: RecordLetterRequested) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            payee = row.identified_id
            choices = await self._choices(session, payee, at_day=cmd.at.date()) if payee else ()
            if payee is None or cmd.location_id not in {choice.location_id for choice in choices}:
                return self._refused(row, Code.NO_USABLE_ADDRESS)
            # The organization's row is locked, so that two registrations of one TIN can't both take its last letter.
            await session.get(Organization, payee, with_for_update=True)
            free_at = await self._next_letter_at(session, row, payee, cmd)
            if free_at is not None:
                return self._refused(row, Code.LETTERS_LIMIT, retry_at=free_at)
            location = await session.get_one(Location, UUID(cmd.location_id))
            limits = self._limits
            life = pin_life(
                location.state, life=limits.pin_life, strict_life=limits.strict_pin_life, strict=limits.strict_pins
            )
            pin = Pin.generate(os.urandom)
            session.add(
                LetterRow(
                    id=UUID(cmd.letter_id),
                    registration_id=row.id,
                    generation=cmd.generation,
                    organization_id=payee,
                    npi=row.identified_npi,
                    location_id=location.id,
                    pin_digest=pin_digest(self._vault, registration_id=cmd.registration_id, pin=pin),
                    pin_sealed=self._vault.seal("pin", pin.characters),
                    pin_days=life.days,
                    requested_at=cmd.at,
                    planned_on=await self._mailing_day(session, cmd),
                )
            )
            return Recorded(state=State.AWAITING_PIN, letter_id=cmd.letter_id)

        return await self._once(cmd, "registration.letter_requested", step)

    async def letter_event(self, cmd: RecordLetterEvent) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            letter = await session.get(LetterRow, UUID(cmd.event.letter_id))
            if letter is None or letter.registration_id != row.id:
                return Recorded(state=State(row.state), accepted=False)
            if cmd.event.kind is DeliveryKind.MAILED and letter.mailed_at is None:
                letter.mailed_at = min(cmd.event.at, cmd.at)
                letter.expires_at = pin_deadline(letter.mailed_at, timedelta(days=letter.pin_days))
                if letter.state in {"due", "handed_over"}:
                    letter.state = "mailed"
                # A registration closes a set time after its last open proof: this one stays open until the PIN ends.
                row.deadline = max(row.deadline, letter.expires_at + self._limits.registration_life)
                due = self._mail(session, row, cmd, purpose="letter_mailed", generation=letter.generation)
                return Recorded(state=State(row.state), mails=(due,))
            if cmd.event.kind in _LOST and letter.state in {"due", "handed_over", "mailed"}:
                letter.state = "returned"
                due = self._mail(session, row, cmd, purpose="letter_returned", generation=letter.generation)
                return Recorded(state=State(row.state), mails=(due,))
            return Recorded(state=State(row.state))

        return await self._once(cmd, f"registration.letter_{cmd.event.kind}", step)

    async def remind(self, cmd: RecordPinReminder) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            letter = await session.get(LetterRow, UUID(cmd.letter_id))
            if letter is None or letter.state != "mailed":
                return Recorded(state=State(row.state))
            number = f"{letter.generation}-{cmd.number}"
            due = self._mail(session, row, cmd, purpose="pin_reminder", generation=number)
            return Recorded(state=State(row.state), mails=(due,))

        return await self._once(cmd, "registration.pin_reminded", step)

    async def judge_pin(self, cmd: JudgePin) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            limits = self._limits
            life = await count(session, "pin-life", cmd.registration_id, at=cmd.at)
            letters = list(
                await session.scalars(
                    select(LetterRow)
                    .where(
                        col(LetterRow.registration_id) == row.id,
                        col(LetterRow.state).in_(["due", "handed_over", "mailed"]),
                    )
                    .order_by(col(LetterRow.generation).desc())
                )
            )
            if life.count > limits.pin_tries_in_life or not letters:
                # Locked letters, not locked people: another letter or a payment is still a way.
                await void_letters(session, row.id)
                return Recorded(accepted=False, code=Code.PIN_LETTERS_LOCKED, state=State.PROVING, tries_left=0)
            newest = letters[0]
            tally = await count(session, "pin", str(newest.id), at=cmd.at, window=limits.pin_tries_window)
            if tally.count > limits.pin_tries:
                return self._refused(row, Code.PIN_PAUSED, tries_left=0, retry_at=tally.window_ends_at)
            left = limits.pin_tries - tally.count
            letter = next((one for one in letters if one.pin_digest == cmd.pin_digest), None)
            if letter is None:
                return self._refused(
                    row, Code.PIN_WRONG, tries_left=left, retry_at=tally.window_ends_at if left == 0 else None
                )
            # A letter that arrives before the shop has told of its mailing has a clock that hasn't begun.
            if letter.expires_at is not None and not pin_is_open(cmd.at, letter.expires_at):
                return self._refused(row, Code.PIN_EXPIRED, tries_left=left)
            letter.state, letter.pin_sealed = "used", None
            await void_letters(session, row.id)
            session.add(
                Evidence(
                    registration_id=row.id,
                    kind="letter",
                    source_id=letter.id,
                    organization_id=letter.organization_id,
                    npi=letter.npi,
                    matched_at=cmd.at,
                )
            )
            row.organization_id, row.npi = letter.organization_id, letter.npi
            await session.flush()
            return await self._proved(session, row, cmd, deadline=cmd.deadline)

        return await self._once(cmd, "registration.pin_judged", step)

    async def _choices(self, session: AsyncSession, payee: UUID, *, at_day: date) -> tuple[LocationChoice, ...]:
        """The addresses a letter may go to. One that was added lately is left out: someone may have had it changed."""
        rows = list(
            await session.scalars(
                select(Location)
                .where(col(Location.organization_id) == payee)
                .order_by(col(Location.first_seen_at), col(Location.id))
            )
        )
        first = rows[0].first_seen_at.date() if rows else None
        usable: list[tuple[UUID, Address]] = []
        for row in rows:
            settled = (
                row.first_seen_at.date() == first or at_day - row.first_seen_at.date() >= self._limits.address_settled
            )
            address = mailing_address(
                line1=row.line1, line2=row.line2, city=row.city, state=row.state, zip_code=row.zip
            )
            if settled and isinstance(address, Address):
                usable.append((row.id, address))
        masked = masked_choices([address for _, address in usable])
        return tuple(
            LocationChoice(location_id=str(location_id), masked=text)
            for (location_id, _), text in zip(usable, masked, strict=True)
        )

    async def _next_letter_at(
        self, session: AsyncSession, row: RegistrationRow, payee: UUID, cmd: RecordLetterRequested
    ) -> datetime | None:
        """When this registration and this organization may have another letter; None for now (I11)."""
        limits = self._limits
        free_at = None
        for which in (col(LetterRow.registration_id) == row.id, col(LetterRow.organization_id) == payee):
            asked = list(await session.scalars(select(col(LetterRow.requested_at)).where(which)))
            later = next_letter_at(
                asked, now=cmd.at, gap=limits.letters_gap, most=limits.letters_in_window, window=limits.letters_window
            )
            free_at = max(filter(None, (free_at, later)), default=None)
        return free_at

    async def _mailing_day(self, session: AsyncSession, cmd: RecordLetterRequested) -> date:
        local = cmd.at.astimezone(self._zone)
        planned = await session.execute(
            select(col(LetterRow.planned_on), func.count())
            .where(col(LetterRow.planned_on) >= local.date())
            .group_by(col(LetterRow.planned_on))
        )
        return mailing_day(
            local,
            cut_off=local.time().replace(hour=self._limits.letters_cut_off_hour, minute=0, second=0, microsecond=0),
            planned={row[0]: row[1] for row in planned},
            daily_budget=self._limits.letters_per_day,
        )
