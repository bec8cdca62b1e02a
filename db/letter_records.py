"""Recorded steps of proving by US Mail: identify, ask for a letter, what became of it, enter the PIN (P2, B3)."""

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import mails
from db.counting import Tally, count, give_back
from db.database import Database
from db.directory import Location, Organization
from db.letters import LOOK_UPS, LOOK_UPS_OF_CALLER, PIN_TRIES, LetterRow, letter_choices, pin_tries_used, void_letters
from db.proofs import payee_of
from db.registration_steps import RegistrationSteps, subject_of
from db.registrations import Evidence, RegistrationRow
from domain.letter_route import (
    JudgeIdentity,
    JudgePin,
    RecordLetterEvent,
    RecordLetterRequested,
    RecordPinReminder,
)
from domain.letters import (
    ON_THEIR_WAY,
    Pin,
    mailing_day,
    next_letter_at,
    pin_deadline,
    pin_is_open,
    pin_life,
)
from domain.limits import Limits
from domain.ports import Vault
from domain.print_shop import DeliveryKind
from domain.recording import MailDue
from domain.registration import Code, LocationChoice, Recorded, RegistrationStep, State
from domain.time_words import moment_in_words

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
            if await pin_tries_used(session, self._limits, row.id):
                return await self._letters_over(session, row)
            paused, own, life = await self._count_look_up(session, row, cmd)
            if paused is not None:
                return paused
            payee = await payee_of(session, self._vault, tin=identity.tin, vendor=identity.vendor, npi=identity.npi)
            if payee is None:
                left = self._limits.payment_tries - own.count
                refused = await self._counted(session, row, cmd, Code.ORGANIZATION_NO_MATCH, left=left, life=life.count)
                is_last = left == 0 and refused.code is Code.ORGANIZATION_NO_MATCH
                return refused.model_copy(update={"retry_at": own.window_ends_at if is_last else None})
            if await self._has_it(session, row, payee, identity.npi):
                return self._refused(row, Code.ACCESS_OPEN_ALREADY)
            await self._looked_up(session, cmd)
            row.identified_id, row.identified_npi = payee, identity.npi
            choices = await self._choices(session, row, payee, at_day=cmd.at.date())
            if not choices:
                if not await self._awaits_a_letter(session, row, at=cmd.at):
                    # Nothing is left to wait for: from here support can be asked, and a payment proves as before.
                    row.state = State.PROVING
                return self._refused(row, Code.NO_USABLE_ADDRESS)
            return Recorded(state=State(row.state), locations=choices)

        return await self._once(cmd, "registration.identified", step)

    async def request_letter(self, cmd: RecordLetterRequested) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            if await pin_tries_used(session, self._limits, row.id):
                return await self._letters_over(session, row)
            payee = row.identified_id
            choices = await self._choices(session, row, payee, at_day=cmd.at.date()) if payee else ()
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
                due = self._pin_mail(session, row, cmd, letter, purpose="letter_mailed", number=str(letter.generation))
                return Recorded(state=State(row.state), mails=(due,))
            if cmd.event.kind in _LOST and letter.state in {"due", "handed_over", "mailed"}:
                letter.state, letter.pin_sealed = "returned", None
                due = self._mail(session, row, cmd, purpose="letter_returned", generation=letter.generation)
                return Recorded(state=State(row.state), mails=(due,))
            return Recorded(state=State(row.state))

        return await self._once(cmd, f"registration.letter_{cmd.event.kind}", step)

    async def remind(self, cmd: RecordPinReminder) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            letter = await session.get(LetterRow, UUID(cmd.letter_id))
            if letter is None or letter.state != "mailed" or letter.expires_at is None or letter.expires_at <= cmd.at:
                return Recorded(state=State(row.state))
            number = f"{letter.generation}-{cmd.number}"
            due = self._pin_mail(session, row, cmd, letter, purpose="pin_reminder", number=number)
            return Recorded(state=State(row.state), mails=(due,))

        return await self._once(cmd, "registration.pin_reminded", step)

    async def judge_pin(self, cmd: JudgePin) -> Recorded:
        async def step(session: AsyncSession, row: RegistrationRow) -> Recorded:
            limits = self._limits
            life = await count(session, PIN_TRIES, cmd.registration_id, at=cmd.at)
            letters = list(
                await session.scalars(
                    select(LetterRow)
                    .where(
                        col(LetterRow.registration_id) == row.id,
                        col(LetterRow.state).in_(ON_THEIR_WAY),
                    )
                    .order_by(col(LetterRow.generation).desc())
                )
            )
            if life.count > limits.pin_tries_in_life:
                return await self._letters_over(session, row)
            if letters:
                tally = await count(session, "pin", str(letters[0].id), at=cmd.at, window=limits.pin_tries_window)
                letter, refused = self._judged(row, cmd, letters, tally)
            else:
                # Another letter or a payment is still a way.
                letter = None
                refused = Recorded(accepted=False, code=Code.PIN_LETTERS_LOCKED, state=State.PROVING, tries_left=0)
            if letter is None:
                # With the last try of its life no letter of this registration can ever work: said at once.
                return await self._letters_over(session, row) if life.count == limits.pin_tries_in_life else refused
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

    def _judged(
        self, row: RegistrationRow, cmd: JudgePin, letters: Sequence[LetterRow], tally: Tally
    ) -> tuple[LetterRow | None, Recorded]:
        """The letter that this PIN is of, or None and what's answered."""
        left = self._limits.pin_tries - tally.count
        if left < 0:
            return None, self._refused(row, Code.PIN_PAUSED, tries_left=0, retry_at=tally.window_ends_at)
        letter = next((one for one in letters if one.pin_digest == cmd.pin_digest), None)
        if letter is None:
            retry_at = tally.window_ends_at if left == 0 else None
            return None, self._refused(row, Code.PIN_WRONG, tries_left=left, retry_at=retry_at)
        # A letter that arrives before the shop has told of its mailing has a clock that hasn't begun.
        if letter.expires_at is not None and not pin_is_open(cmd.at, letter.expires_at):
            return None, self._refused(row, Code.PIN_EXPIRED, tries_left=left)
        return letter, Recorded(state=State(row.state))

    async def _letters_over(self, session: AsyncSession, row: RegistrationRow) -> Recorded:
        """Locked letters, not locked people: none is mailed or works here any more, but a payment or support goes on."""
        await void_letters(session, row.id)
        return Recorded(accepted=False, code=Code.PIN_TRIES_USED, state=State.PROVING, tries_left=0)

    async def _count_look_up(
        self, session: AsyncSession, row: RegistrationRow, cmd: JudgeIdentity
    ) -> tuple[Recorded | None, Tally, Tally]:
        """Count a try before anything is looked up (I13): a refusal when there were too many, the window's tries, all.

        Apart from payments, with their numbers, so that a letter can be had while these are paused. Not by Tax ID:
        wrong tries of strangers would close the last way of an organization whose payments are closed by them.
        """
        limits = self._limits
        own = await count(session, LOOK_UPS, cmd.registration_id, at=cmd.at, window=limits.payment_tries_window)
        if own.count > limits.payment_tries:
            return self._look_up_paused(row, own), own, own
        life = await count(session, "registration", cmd.registration_id, at=cmd.at)
        who = cmd.identity.caller_digest
        caller = await count(session, LOOK_UPS_OF_CALLER, who, at=cmd.at, window=timedelta(days=1))
        is_paused = caller.count > limits.payment_tries_per_caller
        return (self._look_up_paused(row, caller) if is_paused else None), own, life

    def _look_up_paused(self, row: RegistrationRow, tally: Tally) -> Recorded:
        return self._refused(row, Code.LOOK_UP_PAUSED, tries_left=0, retry_at=tally.window_ends_at)

    async def _looked_up(self, session: AsyncSession, cmd: JudgeIdentity) -> None:
        """A look-up that was right uses up none of the wrong ones."""
        await give_back(session, LOOK_UPS, cmd.registration_id)
        await give_back(session, "registration", cmd.registration_id)
        await give_back(session, LOOK_UPS_OF_CALLER, cmd.identity.caller_digest)

    async def _awaits_a_letter(self, session: AsyncSession, row: RegistrationRow, *, at: datetime) -> bool:
        """Whether a letter is on its way whose PIN may still be entered."""
        may_come = await session.scalars(
            select(LetterRow).where(col(LetterRow.registration_id) == row.id, col(LetterRow.state).in_(ON_THEIR_WAY))
        )
        return any(letter.expires_at is None or pin_is_open(at, letter.expires_at) for letter in may_come)

    def _pin_mail(
        self,
        session: AsyncSession,
        row: RegistrationRow,
        cmd: RegistrationStep,
        letter: LetterRow,
        *,
        purpose: str,
        number: str,
    ) -> MailDue:
        """A mail about a mailed letter; it says when the PIN ends."""
        assert letter.expires_at is not None  # noqa: S101 - narrows the type; a mailed letter has its end
        return mails.make_due(
            session,
            self._vault,
            subject=subject_of(cmd.registration_id),
            purpose=purpose,
            generation=number,
            recipient=self._vault.unseal("email", row.email_sealed),
            values={
                "name": self._vault.unseal("name", row.name_sealed),
                "reference": row.reference,
                "until": moment_in_words(letter.expires_at, self._zone),
            },
            at=cmd.at,
        )

    async def _choices(
        self, session: AsyncSession, row: RegistrationRow, payee: UUID, *, at_day: date
    ) -> tuple[LocationChoice, ...]:
        return await letter_choices(session, self._limits, registration_id=row.id, payee=payee, at_day=at_day)

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
