"""Proving by US Mail: list the addresses a letter may go to, ask for it, see what became of it, enter its PIN."""

from typing import Final

from fastapi import APIRouter

from api.dependencies import Caller, GateDep, Key, OwnRegistration
from api.letter_models import (
    LetterAddressesAnswer,
    LetterAddressesRequest,
    LetterAnswer,
    LetterRequest,
    LettersAnswer,
    PinRequest,
)
from api.models import StepDone
from api.problems import problems
from api.registrations import OWN, STEP, accepted, done
from portal import letters

router = APIRouter(prefix="/api/v1/registrations", tags=["US Mail"])

_OF_ADDITIONS: Final = ("access_open_already", "account_closed")


@router.post(
    "/{registration_id}/letter-addresses", summary="List the addresses that a letter may go to",
    responses=problems(
        *STEP, *_OF_ADDITIONS, "organization_no_match", "no_usable_address", "pin_tries_used", "look_up_paused"
    ),
)  # fmt: skip
async def list_letter_addresses(
    registration_id: OwnRegistration, body: LetterAddressesRequest, gate: GateDep, key: Key, caller: Caller
) -> LetterAddressesAnswer:
    """Addresses of our records, masked. Each request is counted, apart from payments that are tried, and given back when it matched; a mismatch never tells which field it was. An address that this registration's letter didn't reach isn't listed again."""
    result = await letters.identify(
        gate, registration_id, tin=body.tin, vendor=body.vendor, npi=body.npi, key=key, caller=caller
    )
    return LetterAddressesAnswer.of(accepted(result))


@router.post(
    "/{registration_id}/letters", summary="Have a letter with a PIN mailed",
    responses=problems(*STEP, *_OF_ADDITIONS, "no_usable_address", "pin_tries_used", "letters_limit"),
)  # fmt: skip
async def request_letter(registration_id: OwnRegistration, body: LetterRequest, gate: GateDep, key: Key) -> StepDone:
    """To one of the addresses listed before. The PINs of earlier letters stay good."""
    return done(await letters.request_letter(gate, registration_id, location_id=body.location_id, key=key))


@router.get("/{registration_id}/letters", summary="See what became of the letters", responses=problems(*OWN))
async def list_letters(registration_id: OwnRegistration, gate: GateDep) -> LettersAnswer:
    """The newest first. Read from the database, so also while other parts of the system are away."""
    views = await letters.list_letters(gate, registration_id)
    return LettersAnswer(letters=[LetterAnswer.of(view) for view in views])


@router.post(
    "/{registration_id}/pin", summary="Enter the PIN of a letter",
    responses=problems(*STEP, *_OF_ADDITIONS, "pin_wrong", "pin_expired", "pin_paused", "pin_letters_locked", "pin_tries_used"),
)  # fmt: skip
async def enter_pin(registration_id: OwnRegistration, body: PinRequest, gate: GateDep, key: Key) -> StepDone:
    """Wrong PINs are counted; something that can't be a PIN isn't. The right one proves the organization."""
    return done(await letters.enter_pin(gate, registration_id, pin=body.pin, key=key))
