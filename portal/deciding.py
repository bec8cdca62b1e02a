"""Answering a billing service's request as the provider's business contact: with a code to the mailbox that was asked (B2, T1, T2).

The mailed link only identifies the request. Decisions are written as evidence when the form is sent, count once the mailed
code is entered, and are then told to each request's workflow by their id alone.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio.service import RPCError, RPCStatusCode

from db import audit
from db.authorization_telling import sitting_subject, subject_of
from db.authorizations import AuthorizationRow, DecisionRow
from db.counting import count, give_back
from db.mails import secret_digest
from db.registrations import OneTimeSecret
from domain.authorization import (
    ATTESTATION_VERSION,
    AskDecisionCode,
    AuthorizationResult,
    Code,
    DecisionGiven,
    State,
)
from domain.identifiers import IdentifierError
from domain.people import PersonError, holds_hidden_characters, holds_link, person_name, same_name
from portal import sessions
from portal.answer_sheet import AnswerSheet, follow_link, over
from portal.fields import Fields
from portal.gate import Gate, StandsElsewhere, UnknownWorkflow, remember_key, remember_key_in, send_update, unavailable
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind
from portal.sitting import Sitting, decisions_of, is_confirmed, is_settled, requests_of, view_sitting
from workflows import names

ATTESTATION: Final = (
    "I am the person named here. I may decide for each provider that I answer for who sees its patients’ information, "
    "and I don’t work for the billing service."
)
"""What the deciding person agrees to; a changed text gets a new version in `domain.authorization` (T2)."""
ATTESTATION_SIGNED_IN: Final = (
    "This account is my own. I may decide for this provider who sees its patients’ information, "
    "and I don’t work for the billing service."
)
"""The same where an administrator answers signed in, of the same version: no name is typed there."""

_CHOICES: Final = frozenset({"approve", "decline"})
_NOT_NOW: Final = frozenset({"", "later"})
_HOUR: Final = timedelta(hours=1)
# Whoever confirms waits for the outcome two seconds at most; who looks earlier reads "in a moment".
_LOOKS_S: Final = (0.03, 0.04, 0.07, 0.15, 0.3, 0.6, 0.8)


# Answering.


async def begin_sitting(
    gate: Gate,
    link_token: str,
    *,
    answers: Mapping[str, str],
    name: str,
    role: str,
    attested: bool,
    client: str,
    key: str,
) -> str:
    """Keep the answers, have a code mailed that confirms them, and return the token of the sitting's session.

    `answers` has `approve` or `decline` for ids of the sheet's requests; for others than the linked one also `later`.
    Nothing is decided yet. Raises `Refusal`: what `follow_link` does, `invalid_fields`, `codes_limit`, `key_reused`,
    `unavailable`.
    """
    sheet = await follow_link(gate, link_token)
    chosen, person, work = _read(sheet, answers=answers, name=name, role=role, attested=attested)
    sitting_id = UUID(hex=gate.vault.digest("sitting", f"{sheet.linked.id}\0{key}")[:32])
    body = json.dumps([sorted((str(one), choice) for one, choice in chosen.items()), person, work])
    now = gate.now()
    async with gate.database.write() as session:
        scope = f"{subject_of(sheet.linked.id)}/answers"
        if await remember_key_in(session, gate, scope=scope, key=key, body=body):
            tally = await count(session, "decision-sittings", str(sheet.linked.id), at=now, window=_HOUR)
            if tally.count > gate.limits.decision_codes_per_hour:
                raise Refusal("codes_limit", retry_at=tally.window_ends_at)
            for authorization_id, choice in chosen.items():
                row = await session.get_one(AuthorizationRow, authorization_id)
                # The linked request's decision has the sitting's own id: its workflow sends the codes of this sitting.
                is_linked = authorization_id == sheet.linked.id
                made = DecisionRow(
                    id=sitting_id if is_linked else _decision_id(gate, sitting_id, authorization_id),
                    authorization_id=authorization_id,
                    sitting_id=sitting_id,
                    choice=choice,
                    via="code",
                    name_sealed=gate.vault.seal("name", person),
                    role_sealed=gate.vault.seal("role", work),
                    attestation_version=ATTESTATION_VERSION,
                    contact_version=row.contact_version,
                    at=now,
                )
                session.add(made)
                await session.flush()
                await _audit(session, made, "authorization.decision_drafted", at=now)
    await _send_code(gate, sheet.linked.id, sitting_id, key=key)
    token = gate.vault.digest("sitting-token", f"{link_token}\0{key}\0{body}")
    return await sessions.begin(gate, SessionKind.SITTING, sitting_id, client=client, token=token)


def _decision_id(gate: Gate, sitting_id: UUID, authorization_id: UUID) -> UUID:
    return UUID(hex=gate.vault.digest("decision-id", f"{sitting_id}\0{authorization_id}")[:32])


def _read(
    sheet: AnswerSheet, *, answers: Mapping[str, str], name: str, role: str, attested: bool
) -> tuple[dict[UUID, str], str, str]:
    fields = Fields()
    chosen: dict[UUID, str] = {}
    offered = {str(request.id): request for request in sheet.requests}
    for text, request in offered.items():
        choice = answers.get(text, "")
        if choice in _CHOICES:
            chosen[request.id] = choice
        elif request is sheet.linked or choice not in _NOT_NOW:
            fields.add(f"answers.{text}", "choice_missing", "Choose whether you approve or decline this request.")
    if not set(answers) <= set(offered):
        fields.add("answers", "request_gone", "One of the requests isn't open any more. Look at those that are.")
    person = fields.read("name", name, _signatory)
    organizations = [named for one in sheet.requests for named in (one.service, one.provider)]
    if person is not None and any(same_name(person, named) for named in organizations):
        fields.add("name", "name_is_organization", "Enter your own name, not an organization's.")
    work = fields.read("role", role, read_work)
    if not attested:
        fields.add("attested", "attestation_missing", "Confirm that you may decide this for the provider.")
    fields.check()
    assert person is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert work is not None  # noqa: S101 - as above
    return chosen, person, work


def _signatory(text: str) -> str:
    """The name of who signs. No account is made, so an office is refused with other words than at registering."""
    try:
        return person_name(text)
    except PersonError as error:
        if error.code != "name_not_personal":
            raise
        raise PersonError(error.code, "Enter your own name, not that of a department or an office.") from None


def read_work(text: str) -> str:
    """What somebody does at the provider, in their own words: 2 to 100 characters."""
    role = " ".join(text.split())
    if len(role) < 2:
        raise IdentifierError("role_missing", "Enter what you do there, such as office manager.")
    if len(role) > 100:
        raise IdentifierError("role_length", "Use at most 100 characters.")
    if holds_hidden_characters(text) or holds_link(role):
        raise IdentifierError("role_characters", "Enter what you do there in words, without addresses or signs.")
    return role


async def send_code_again(gate: Gate, principal: Principal, *, key: str) -> None:
    """Have another code mailed; it takes the place of the one before.

    Raises `Refusal`: `authorization_…` when the request is over, `decision_link_dead`, `codes_limit`, `key_reused`,
    `unavailable`.
    """
    async with gate.database.read() as session:
        linked = await session.get_one(DecisionRow, principal.subject_id)
        row = await session.get_one(AuthorizationRow, linked.authorization_id)
    _require_in_time(gate, [row])
    await _send_code(gate, row.id, principal.subject_id, key=key)


async def _row(gate: Gate, authorization_id: UUID) -> AuthorizationRow:
    async with gate.database.read() as session:
        return await session.get_one(AuthorizationRow, authorization_id)


async def _send_code(gate: Gate, authorization_id: UUID, sitting_id: UUID, *, key: str) -> None:
    row = await _row(gate, authorization_id)
    scope = f"{sitting_subject(sitting_id)}/code"
    cmd = AskDecisionCode(authorization_id=str(authorization_id), sitting_id=str(sitting_id))
    try:
        result = await send_update(
            gate, names.authorization_id(str(row.id)), names.SEND_CODE, cmd, scope=scope, key=key, body=str(sitting_id),
            result_type=AuthorizationResult,
        )  # fmt: skip
    except StandsElsewhere as error:
        row = await _row(gate, authorization_id)
        raise over(State(error.state), row.closing_code) from None
    except UnknownWorkflow:
        row = await _row(gate, authorization_id)
        is_over = State(row.state).is_final
        raise over(State(row.state), row.closing_code) if is_over else Refusal("decision_link_dead") from None
    if result.code is Code.VOID:  # another contact is asked now
        raise Refusal("authorization_contact_changed")
    if not result.accepted:
        raise Refusal(result.code, retry_at=result.retry_at)


# Confirming.


async def confirm(gate: Gate, principal: Principal, *, code: str, key: str) -> Sitting:
    """Confirm the sitting's answers with the mailed code and tell their workflows; comes back with what became of each.

    An answer that is in counts even while every worker is down: it's applied when one is back, and shows as pending until
    then. Raises `Refusal`: `invalid_fields`, `code_wrong`, `code_expired`, `code_tries_used`, `decision_tries_used`, `authorization_expired` when
    all of it is too late, `key_reused`, `unavailable`.
    """
    sitting_id = principal.subject_id
    digits = "".join(character for character in code if character not in " -\t\u00a0")
    fields = Fields()
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        fields.add("code", "code_format", "The code has six digits.")
    fields.check()
    await remember_key(gate, scope=f"{sitting_subject(sitting_id)}/confirmation", key=key, body=digits)
    async with gate.database.read() as session:
        was_confirmed = await is_confirmed(session, sitting_id)
    if not was_confirmed:
        await _redeem(gate, sitting_id, digits)
    await tell_workflows(gate, sitting_id)
    for pause_s in _LOOKS_S:
        await asyncio.sleep(pause_s)
        async with gate.database.read() as session:
            if await is_settled(session, sitting_id):
                break
    return await view_sitting(gate, principal)


async def _redeem(gate: Gate, sitting_id: UUID, digits: str) -> None:
    """Count a try, then compare; a right code is used up and confirms what is still in time, in one transaction (I7, I13)."""
    now, subject, limits = gate.now(), sitting_subject(sitting_id), gate.limits
    async with gate.database.write() as session:
        generation = await session.scalar(
            select(func.max(col(OneTimeSecret.generation))).where(
                col(OneTimeSecret.subject) == subject, col(OneTimeSecret.purpose) == "code"
            )
        )
        _require_in_time(gate, await requests_of(session, sitting_id))
        tally = await count(session, "decision-code", f"{sitting_id}:{generation or 0}", at=now)
        is_looked_at = tally.count <= limits.code_tries
        # Codes and sittings can be had again and again; what one contact of a request may guess in all can't.
        linked = await session.get_one(DecisionRow, sitting_id)
        contact = f"{linked.authorization_id}:{linked.contact_version}"
        guessed = (await count(session, "decision-life", contact, at=now)).count if is_looked_at else 0
    if not is_looked_at:
        raise Refusal("code_tries_used", tries_left=0)
    if guessed > limits.decision_tries:
        raise Refusal("decision_tries_used", tries_left=0)
    left = min(limits.code_tries - tally.count, limits.decision_tries - guessed)
    async with gate.database.write() as session:
        secret = await session.get(OneTimeSecret, (subject, "code", generation or 0), with_for_update=True)
        if secret is not None and secret.used_at is not None and await is_confirmed(session, sitting_id):
            return  # the same code, entered twice at one moment
        digest = secret_digest(gate.vault, subject=subject, purpose="code", text=digits)
        if secret is None or secret.used_at is not None or secret.digest != digest:
            raise Refusal("code_wrong", tries_left=left)
        if secret.expires_at is not None and now >= secret.expires_at:
            raise Refusal("code_expired", tries_left=left)
        secret.used_at = now
        await give_back(session, "decision-life", contact)
        for decision in await decisions_of(session, sitting_id):
            # With what is too late, too: the workflow judges the time, and records it as late (B1).
            decision.confirmed_at = now
            await session.flush()
            await _audit(session, decision, "authorization.decision_confirmed", at=now)


def _require_in_time(gate: Gate, rows: Sequence[AuthorizationRow]) -> None:
    """Raise `authorization_expired` when nothing of it can count any more, by this side's clock and words (B1, T7)."""
    if all(gate.now() >= row.deadline and row.decision_id is None for row in rows):
        raise over(State.EXPIRED)


async def tell_workflows(gate: Gate, sitting_id: UUID) -> None:
    """Tell each request's workflow. A signal that was acknowledged isn't lost, whatever is down; twice is like once."""
    async with gate.database.read() as session:
        decisions = [one for one in await decisions_of(session, sitting_id) if one.outcome is None]
    for decision in decisions:
        handle = gate.client.get_workflow_handle(names.authorization_id(str(decision.authorization_id)))
        try:
            await handle.signal(names.DECIDE, DecisionGiven(decision_id=str(decision.id)))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise unavailable(error) from error
            await _set_aside(gate, decision.id)


async def _set_aside(gate: Gate, decision_id: UUID) -> None:
    """Record that a decision came after the end: its workflow is closed and can't do so itself (I5)."""
    now = gate.now()
    async with gate.database.write() as session:
        decision = await session.get_one(DecisionRow, decision_id, with_for_update=True)
        row = await session.get_one(AuthorizationRow, decision.authorization_id)
        if decision.outcome is not None or not State(row.state).is_final:
            return
        is_late = decision.confirmed_at is not None and decision.confirmed_at >= row.deadline
        decision.outcome = "late" if row.decision_id is None and is_late else "superseded"
        await session.flush()
        await _audit(session, decision, "authorization.decision_set_aside", at=now, outcome=decision.outcome)


async def _audit(session: AsyncSession, decision: DecisionRow, action: str, *, at: datetime, **more: str) -> None:
    await audit.append(
        session, at=at, actor="decider", action=action, subject=subject_of(decision.authorization_id),
        decision=str(decision.id), choice=decision.choice, via=decision.via, **more,
    )  # fmt: skip
