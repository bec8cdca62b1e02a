""" "I did not ask for this": what somebody of a provider says to an access that was opened, by mailed link or letter (B7).

Link and code only identify the access. Looking changes nothing (I14); an objection needs a confirmation and a name.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from temporalio.service import RPCError, RPCStatusCode

from db import audit
from db.authorizations import DecisionRow, GrantObjection, GrantRow
from db.colleagues import administrators, holdings_of
from db.counting import count, give_back
from db.directory import Organization
from db.grant_letter import OBJECTION, OBJECTION_CODE, code_digest, letter_token
from db.grant_telling import subject_of
from db.mails import secret_digest
from db.registrations import OneTimeSecret
from domain.grant_rights import concerned
from domain.grants import HeldBy, ObjectionRaised, State, effective
from domain.identifiers import IdentifierError, Tin
from domain.letters import Pin
from domain.people import PersonError, person_name
from portal.fields import Fields
from portal.gate import Gate, remember_key, unavailable
from portal.granting import take_up_again
from portal.refusals import Refusal
from workflows import names

_WINDOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionView:
    """The access that a link or code leads to, as much as the mail or letter has told already."""

    grant_id: UUID
    reference: str
    service: str
    organization: str
    tin_masked: str
    npi: str | None
    decided_by: str
    by_account: bool  # an administrator's, signed in; else the name was typed with the approval
    opened_at: datetime
    state: State
    is_contested: bool  # on hold because somebody objected
    is_led: bool  # whether anybody of the provider may resume it
    tells: bool  # whether anybody of the provider is told of an objection


async def follow_link(gate: Gate, link_token: str) -> ObjectionView:
    """The access that a mailed link leads to; changes nothing (I14). Raises `Refusal`: `objection_link_dead`, `grant_ended`."""
    row = await _linked(gate, link_token)
    async with gate.database.read() as session:
        organization = await session.get_one(Organization, row.organization_id)
        service = await session.get_one(Organization, row.billing_id)
        decision = await session.get_one(DecisionRow, row.decision_id)
        holdings = await holdings_of(session, row.organization_id)
    state = effective(State(row.status), row.ends_at, gate.now())
    if state.is_final:
        raise Refusal("grant_ended")
    return ObjectionView(
        grant_id=row.id,
        reference=row.reference,
        service=service.name,
        organization=organization.name,
        tin_masked=Tin(gate.vault.unseal("tin", organization.tin_sealed)).masked,
        npi=row.npi,
        decided_by=gate.vault.unseal("name", decision.name_sealed),
        by_account=decision.via == "account",
        opened_at=row.opened_at,
        state=state,
        is_contested=row.held_by == HeldBy.OBJECTION,
        is_led=bool(administrators(holdings, row.npi)),
        tells=bool(concerned(holdings, row.npi)),
    )


async def redeem_code(gate: Gate, *, code: str, caller: str) -> str:
    """The token of the page that a letter's code leads to. `caller` is the network address that tries are counted by (I13).

    Raises `Refusal`: `invalid_fields` (a code that can't be one costs no try), `objection_code_unknown`, `too_many_tries`.
    """
    fields = Fields()
    pin = fields.read("code", code, _code)
    fields.check()
    assert pin is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    now, who = gate.now(), gate.vault.digest("caller", caller)
    async with gate.database.write() as session:
        tally = await count(session, "objection-codes", who, at=now, window=_WINDOW)
    if tally.count > gate.limits.objection_code_tries:
        raise Refusal("too_many_tries", retry_at=tally.window_ends_at)
    async with gate.database.write() as session:
        secret = await session.scalar(
            select(OneTimeSecret).where(
                col(OneTimeSecret.purpose) == OBJECTION_CODE,
                col(OneTimeSecret.digest) == code_digest(gate.vault, pin.characters),
            )
        )
        if secret is not None:
            await give_back(session, "objection-codes", who)
    if secret is None:
        raise Refusal("objection_code_unknown")
    return letter_token(gate.vault, secret.subject)


async def object_to(gate: Gate, link_token: str, *, name: str, confirmed: bool, key: str) -> ObjectionView:
    """Say that nobody of the provider asked for it: written first, then the access's workflow is told.

    It holds also while every worker is down, and is applied when one is back. Raises `Refusal`: `invalid_fields`,
    `objection_link_dead`, `grant_ended`, `key_reused`, `unavailable`.
    """
    view = await follow_link(gate, link_token)
    fields = Fields()
    person = fields.read("name", name, _objector)
    if not confirmed:
        fields.add("confirmed", "confirmation_missing", "Confirm that your organization did not ask for this.")
    fields.check()
    assert person is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    await remember_key(gate, scope=f"{subject_of(view.grant_id)}/objection", key=key, body=person)
    objection_id = UUID(hex=gate.vault.digest("objection-id", f"{view.grant_id}\0{key}")[:32])
    await _keep(gate, view.grant_id, objection_id, person)
    handle = gate.client.get_workflow_handle(names.access_review_id(str(view.grant_id)))
    try:
        await handle.signal(names.OBJECTED, ObjectionRaised(objection_id=str(objection_id)))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise unavailable(error) from error
        await take_up_again(gate, view.grant_id)  # its opening reads the objections that nobody has looked at
    return view


def _code(text: str) -> Pin:
    """The letter's code, which is built like a PIN. The letter and its page call it a code, so what's wrong with it does, too."""
    try:
        return Pin.parse(text)
    except IdentifierError as error:
        raise IdentifierError(error.code, error.message.replace("PIN", "code")) from None


def _objector(text: str) -> str:
    """A person's name, of whom no account is made."""
    try:
        return person_name(text)
    except PersonError as error:
        if error.code != "name_not_personal":
            raise
        message = "Enter your own name, not that of a department or an office: the objection is one person's word."
        raise PersonError(error.code, message) from None


async def _keep(gate: Gate, grant_id: UUID, objection_id: UUID, person: str) -> None:
    """Write the objection before any workflow is told of it, with its audit entry; once for a request that comes twice."""
    now = gate.now()
    async with gate.database.write() as session:
        # Two of one request at one moment come after one another.
        grant = await session.get_one(GrantRow, grant_id, with_for_update=True)
        if await session.get(GrantObjection, objection_id) is not None:
            return
        session.add(
            GrantObjection(
                id=objection_id, authorization_id=grant.authorization_id, grant_id=grant.id,
                name_sealed=gate.vault.seal("name", person), at=now,
            )
        )  # fmt: skip
        await audit.append(
            session, at=now, actor="objector", action="grant.objection_made", subject=subject_of(grant_id),
            objection=str(objection_id),
        )  # fmt: skip


async def _linked(gate: Gate, link_token: str) -> GrantRow:
    digest = secret_digest(gate.vault, subject="", purpose=OBJECTION, text=link_token[:200])
    async with gate.database.read() as session:
        secret = await session.scalar(
            select(OneTimeSecret).where(col(OneTimeSecret.purpose) == OBJECTION, col(OneTimeSecret.digest) == digest)
        )
        row = await session.get(GrantRow, UUID(secret.subject.removeprefix("grant/"))) if secret else None
    if row is None:
        raise Refusal("objection_link_dead")
    return row
