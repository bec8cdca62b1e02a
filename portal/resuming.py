"""Asking for a link to go on with a registration: whose it is, and having the links mailed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import col
from temporalio.service import RPCError, RPCStatusCode

from db.counting import count
from db.registrations import RegistrationRow
from domain.people import mailbox_key, personal_address
from domain.references import read_reference
from domain.registration import Ask, State
from portal.fields import Fields
from portal.gate import Gate, unavailable
from portal.refusals import Refusal
from workflows import names

_HOUR: Final = timedelta(hours=1)
_MEANT: Final = (
    "Enter the e-mail address you registered with, such as name@example.org, or the registration’s reference, such as "
    "R-7K3M-9QXW-2B4C."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Whose registrations are to be gone on with: those of an e-mail address, or the one with a reference."""

    email: str = ""
    reference: str = ""


async def check_resume_request(gate: Gate, *, email: str, caller: str) -> Sought:
    """Read an e-mail address, or in its place a reference, and count how often this caller asks.

    Whether there is such a registration isn't looked at (I16). Raises `Refusal` (`invalid_fields`, `too_many_tries`).
    """
    fields = Fields()
    sought = Sought()
    if email.strip() and "@" not in email:
        reference = read_reference(email, letter="R")
        if reference is None:
            fields.add("email", "email_or_reference", _MEANT)
        sought = Sought(reference=reference or "")
    else:
        sought = Sought(email=fields.read("email", email, personal_address) or "")
    fields.check()
    async with gate.database.write() as session:
        tally = await count(session, "resume-caller", gate.vault.digest("caller", caller), at=gate.now(), window=_HOUR)
    if tally.count > gate.limits.registrations_per_caller:
        raise Refusal("too_many_tries", retry_at=tally.window_ends_at)
    return sought


async def mail_resume_links(gate: Gate, *, email: str = "", reference: str = "") -> None:
    """Have a link mailed for every open registration of this address, or the one with this reference; the e-mail is confirmed.

    It goes to the registration's own address, whoever asks. Runs after the answer was given, so that its time doesn't
    tell whether there is any (I16). Raises `Refusal` (`unavailable`).
    """
    whose = (
        col(RegistrationRow.reference) == reference
        if reference
        else col(RegistrationRow.email_digest) == gate.vault.digest("email", mailbox_key(email))
    )
    async with gate.database.read() as session:
        rows = (
            await session.scalars(
                select(RegistrationRow).where(
                    whose,
                    col(RegistrationRow.state).in_([state for state in State if not state.is_final]),
                    col(RegistrationRow.state) != State.CONFIRMING_EMAIL,
                )
            )
        ).all()
    for row in rows:
        try:
            handle = gate.client.get_workflow_handle(names.registration_id(str(row.id)))
            await handle.signal(names.SEND_RESUME_LINK, Ask(registration_id=str(row.id)))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it ended a moment ago: nothing to go on with
                raise unavailable(error) from error
