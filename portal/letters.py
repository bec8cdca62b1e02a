"""Proving by US Mail: which addresses, ask for a letter, enter its PIN, and pass on what the print shop tells (P2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from temporalio.service import RPCError, RPCStatusCode

from db import audit
from db.departures import NoticeLetterRow
from db.directory import Location, Organization
from db.letter_records import pin_digest
from db.letters import LetterRow
from domain.directory import Address
from domain.letter_route import EnterPin, Identify, LetterEvent, RequestLetter
from domain.letters import Pin, masked_address
from domain.print_shop import DeliveryEvent, DeliveryKind
from domain.registration import StepResult
from portal.fields import Fields, read_organization
from portal.gate import Gate, send_step, unavailable
from workflows import names


async def identify(
    gate: Gate, registration_id: UUID, *, tin: str, vendor: str, npi: str, key: str, caller: str
) -> StepResult:
    """List the addresses that a letter may go to, masked. A mismatch counts a try and reads like any other (I16).

    Raises `Refusal`: `invalid_fields`, `wrong_state`, `key_reused`, `unavailable`.
    """
    fields = Fields()
    parsed_tin, parsed_vendor, parsed_npi = read_organization(fields, tin=tin, vendor=vendor, npi=npi)
    fields.check()
    assert parsed_tin is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    identity = Identify(
        tin=parsed_tin.digits,
        vendor=parsed_vendor.value if parsed_vendor else None,
        npi=parsed_npi.digits if parsed_npi else None,
        caller_digest=gate.vault.digest("caller", caller),
    )
    body = identity.model_copy(update={"caller_digest": ""}).model_dump_json()
    return await send_step(gate, registration_id, names.IDENTIFY, identity, key=key, body=body)


async def request_letter(gate: Gate, registration_id: UUID, *, location_id: str, key: str) -> StepResult:
    """Have a letter with a PIN mailed to one of the listed addresses; earlier letters stay good."""
    fields = Fields()
    if not location_id:
        fields.add("location", "location_missing", "Choose the address that the letter goes to.")
    fields.check()
    cmd = RequestLetter(location_id=location_id[:40])
    return await send_step(gate, registration_id, names.REQUEST_LETTER, cmd, key=key, body=location_id)


async def enter_pin(gate: Gate, registration_id: UUID, *, pin: str, key: str) -> StepResult:
    """Enter a letter's PIN, however it's typed; something that can't be a PIN isn't counted."""
    fields = Fields()
    parsed = fields.read("pin", pin, Pin.parse)
    fields.check()
    assert parsed is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    digest = pin_digest(gate.vault, registration_id=str(registration_id), pin=parsed)
    return await send_step(
        gate, registration_id, names.ENTER_PIN, EnterPin(pin_digest=digest), key=key, body=parsed.characters
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterView:
    """A letter as the registrant sees it; never its PIN. `state` is one of LetterRow's."""

    id: UUID
    state: str
    organization: str
    address_masked: str
    requested_at: datetime
    planned_on: date
    mailed_at: datetime | None
    expires_at: datetime | None


async def list_letters(gate: Gate, registration_id: UUID) -> list[LetterView]:
    """The registration's letters, the newest first."""
    async with gate.database.read() as session:
        rows = (
            await session.execute(
                select(LetterRow, Location, col(Organization.name))
                .join(Location, col(Location.id) == col(LetterRow.location_id))
                .join(Organization, col(Organization.id) == col(LetterRow.organization_id))
                .where(col(LetterRow.registration_id) == registration_id)
                .order_by(col(LetterRow.generation).desc())
            )
        ).all()
    return [
        LetterView(
            id=letter.id,
            state=letter.state,
            organization=organization,
            address_masked=masked_address(
                Address(line1=place.line1, line2=place.line2, city=place.city, state=place.state, zip=place.zip)
            ),
            requested_at=letter.requested_at,
            planned_on=letter.planned_on,
            mailed_at=letter.mailed_at,
            expires_at=letter.expires_at,
        )
        for letter, place, organization in rows
    ]


async def tell_delivery(gate: Gate, events: Iterable[DeliveryEvent]) -> int:
    """Pass on what the print shop tells of letters; returns how many were for registrations still open.

    Told twice is the same as once. Raises `Refusal` (`unavailable`) when Temporal is away: tell them again later.
    """
    told = 0
    for event in events:
        try:
            letter_id = UUID(event.letter_id)
        except ValueError:
            continue  # not a letter of ours
        async with gate.database.read() as session:
            letter = await session.get(LetterRow, letter_id)
        if letter is None:
            await _note_on_notice_letter(gate, letter_id, event)
            continue
        handle = gate.client.get_workflow_handle(names.registration_id(str(letter.registration_id)))
        cmd = LetterEvent(letter_id=event.letter_id, kind=event.kind, at=event.at)
        try:
            await handle.signal(names.LETTER_EVENT, cmd)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                continue  # the registration has ended: its letters matter no more
            raise unavailable(error) from error
        told += 1
    return told


async def _note_on_notice_letter(gate: Gate, letter_id: UUID, event: DeliveryEvent) -> None:
    """A letter to the address of record waits for nobody; that it came back is on record, once (B5)."""
    if event.kind not in {DeliveryKind.RETURNED, DeliveryKind.UNDELIVERABLE}:
        return
    async with gate.database.write() as session:
        row = await session.get(NoticeLetterRow, letter_id, with_for_update=True)
        if row is None or row.state == "returned":
            return
        row.state, row.returned_at = "returned", event.at
        about = f"registration/{row.registration_id}" if row.registration_id else f"grant/{row.grant_id}"
        await audit.append(
            session, at=gate.now(), actor="system", action="notice_letter.returned", subject=about, letter=str(row.id)
        )
