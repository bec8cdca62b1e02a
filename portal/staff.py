"""Staff accounts: made and closed from the command line, set up by the person, signed in to with a second factor (B11)."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit
from db.accounts import SessionRow
from db.counting import count
from db.registrations import Credential, OneTimeSecret
from db.staff import StaffAccount, StaffRecoveryCode
from domain.people import mailbox_key, person_name, personal_address
from portal import sessions
from portal.account_setup import (
    SecondFactor,
    confirm_factor,
    factor_to_confirm,
    keep_credential,
    matching_step,
    read_password,
    read_second_factor_code,
    unsaved_recovery_codes,
)
from portal.fields import Fields
from portal.gate import Gate
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind
from portal.signing_in import count_sign_in, take_sign_in_back, verify_password

_LINK: Final = "staff_setup"
_RECOVERY_CODE: Final = 10  # its characters without the dash; a code of the app has six
_SESSIONS: Final = (SessionKind.STAFF, SessionKind.STAFF_SIGN_IN)


class StaffRole(StrEnum):
    """What a member of staff is told and may do: supervisors hear of overdue cases and give them to others."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Who acts: a signed-in member of staff."""

    id: UUID
    name: str
    role: StaffRole
    principal: Principal


@dataclass(frozen=True, slots=True)
class StaffView:
    """A staff account as the command line and the desk list it."""

    id: UUID
    name: str
    email: str
    role: StaffRole
    created_at: datetime
    ready: bool
    closed_at: datetime | None


def subject_of(staff_id: UUID) -> str:
    """How audit names a member of staff, as the one who acts and as the one it's about."""
    return f"staff/{staff_id}"


# From the command line, by an operator of the machine.


async def add_staff(gate: Gate, *, name: str, email: str, role: StaffRole) -> str:
    """Make a staff account, or a new link for one that isn't set up yet; returns the link's token.

    Only a digest of it is kept, and an earlier link is void. Raises `Refusal`: `invalid_fields`, `staff_exists`.
    """
    fields = Fields()
    parsed_name = fields.read("name", name, person_name)
    parsed_email = fields.read("email", email, personal_address)
    fields.check()
    assert parsed_name is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert parsed_email is not None  # noqa: S101 - as above
    token, now = secrets.token_urlsafe(32), gate.now()
    digest = gate.vault.digest("email", mailbox_key(parsed_email))
    async with gate.database.write() as session:
        staff = await session.scalar(_open_with(digest).with_for_update())
        if staff is not None and staff.ready_at is not None:
            raise Refusal("staff_exists")
        if staff is None:
            staff = StaffAccount(
                email_digest=digest,
                email_sealed=gate.vault.seal("email", parsed_email),
                name_sealed=gate.vault.seal("name", parsed_name),
                role=role,
                created_at=now,
            )
            session.add(staff)
        staff.role, staff.link_generation = role, staff.link_generation + 1
        await session.flush()
        session.add(
            OneTimeSecret(
                subject=subject_of(staff.id), purpose=_LINK, generation=staff.link_generation,
                digest=gate.vault.digest(_LINK, token), expires_at=now + gate.limits.staff_set_up_life,
            )
        )  # fmt: skip
        await audit.append(
            session, at=now, actor="operator", action="staff.link_made", subject=subject_of(staff.id), role=str(role)
        )
    return token


async def list_staff(gate: Gate, *, with_closed: bool = True) -> Sequence[StaffView]:
    """All staff accounts, the oldest first."""
    async with gate.database.read() as session:
        rows = await session.scalars(select(StaffAccount).order_by(col(StaffAccount.created_at), col(StaffAccount.id)))
        return [
            StaffView(
                row.id, gate.vault.unseal("name", row.name_sealed), gate.vault.unseal("email", row.email_sealed),
                StaffRole(row.role), row.created_at, row.ready_at is not None, row.closed_at,
            )
            for row in rows
            if with_closed or row.closed_at is None
        ]  # fmt: skip


async def close_staff(gate: Gate, *, email: str) -> None:
    """Close an account: its sessions end at once and its link is void (I20). Raises `Refusal` (`not_found`)."""
    now = gate.now()
    digest = gate.vault.digest("email", mailbox_key(email.strip()))
    async with gate.database.write() as session:
        staff = await session.scalar(_open_with(digest).with_for_update())
        if staff is None:
            raise Refusal("not_found")
        staff.closed_at, staff.link_generation = now, staff.link_generation + 1
        await session.execute(
            update(SessionRow)
            .where(
                col(SessionRow.subject_id) == staff.id,
                col(SessionRow.kind).in_(_SESSIONS),
                col(SessionRow.revoked_at).is_(None),
            )
            .values(revoked_at=now)
        )
        await audit.append(session, at=now, actor="operator", action="staff.closed", subject=subject_of(staff.id))


def _open_with(email_digest: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - SQLAlchemy's type for it is private
    return select(StaffAccount).where(
        col(StaffAccount.email_digest) == email_digest, col(StaffAccount.closed_at).is_(None)
    )


# Setting an account up.


async def _of_link(gate: Gate, token: str) -> StaffAccount:
    async with gate.database.read() as session:
        secret = await session.scalar(
            select(OneTimeSecret).where(
                col(OneTimeSecret.purpose) == _LINK, col(OneTimeSecret.digest) == gate.vault.digest(_LINK, token[:200])
            )
        )
        if secret is None or secret.used_at is not None or secret.expires_at is None or gate.now() >= secret.expires_at:
            raise Refusal("link_dead")
        staff = await session.get(StaffAccount, UUID(secret.subject.removeprefix("staff/")))
    if staff is None or staff.closed_at is not None or staff.link_generation != secret.generation:
        raise Refusal("link_dead")
    return staff


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The person whom a set-up link is for."""

    name: str
    email: str


async def view_link(gate: Gate, token: str) -> Newcomer:
    """The person whom a set-up link is for; changes nothing. Raises `Refusal` (`link_dead`)."""
    staff = await _of_link(gate, token)
    return Newcomer(gate.vault.unseal("name", staff.name_sealed), gate.vault.unseal("email", staff.email_sealed))


async def choose_password(gate: Gate, *, link_token: str, password: str, key: str, client: str) -> str:
    """Choose the password; returns the token of a session that only goes on to the second factor.

    May be done again until the second factor is confirmed. Raises `Refusal`: `link_dead`, `invalid_fields`.
    """
    staff = await _of_link(gate, link_token)
    about = (gate.vault.unseal("name", staff.name_sealed), gate.vault.unseal("email", staff.email_sealed))
    fields = Fields()
    accepted = read_password(gate, fields, password, about=about)
    fields.check()
    assert accepted is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    await keep_credential(gate, staff.id, key=f"{key}\0{link_token}", password=accepted)
    return await sessions.begin(gate, SessionKind.STAFF_SIGN_IN, staff.id, client=client)


async def factor_to_set_up(gate: Gate, pending: Principal) -> SecondFactor:
    """What the authenticator app needs. Raises `Refusal` (`signed_out`) once the account is set up or closed."""
    async with gate.database.read() as session:
        staff = await session.get(StaffAccount, pending.subject_id)
    if staff is None or staff.closed_at is not None or staff.ready_at is not None:
        raise Refusal("signed_out")
    return await factor_to_confirm(gate, staff.id, email=gate.vault.unseal("email", staff.email_sealed))


async def finish_set_up(gate: Gate, pending: Principal, *, code: str, client: str) -> str:
    """Confirm the second factor: the account is ready, and the link is used up. Returns the token of a full session.

    Raises `Refusal`: `invalid_fields`, `second_factor_wrong`, `too_many_tries`, `signed_out`.
    """
    await factor_to_set_up(gate, pending)
    credential_id = await confirm_factor(gate, pending.subject_id, read_second_factor_code(code))
    now = gate.now()
    async with gate.database.write() as session:
        staff = await session.get(StaffAccount, pending.subject_id, with_for_update=True)
        credential = await session.get_one(Credential, credential_id)
        if staff is None or staff.closed_at is not None or staff.ready_at is not None:
            raise Refusal("signed_out")
        staff.password_hash, staff.second_factor_sealed = credential.password_hash, credential.second_factor_sealed
        staff.second_factor_step, staff.ready_at = credential.second_factor_step or 0, now
        for one in json.loads(gate.vault.unseal("recovery", credential.recovery_sealed or b"")):
            session.add(StaffRecoveryCode(staff_id=staff.id, digest=_recovery_digest(gate, staff.id, one)))
        # What is left of it are the recovery codes, until the person has saved them.
        credential.password_hash, credential.second_factor_sealed = "", b""
        await session.execute(
            update(OneTimeSecret)
            .where(col(OneTimeSecret.subject) == subject_of(staff.id), col(OneTimeSecret.purpose) == _LINK)
            .values(used_at=now)
        )
        subject = subject_of(staff.id)
        await audit.append(session, at=now, actor=subject, action="staff.set_up", subject=subject)
    await sessions.end(gate, pending)
    return await sessions.begin(gate, SessionKind.STAFF, pending.subject_id, client=client)


async def recovery_codes(gate: Gate, member: StaffMember) -> list[str]:
    """The codes that stand in for the second factor, until `recovery_codes_saved`. Raises `Refusal` (`not_found`)."""
    try:
        return await unsaved_recovery_codes(gate, member.id)
    except Refusal:  # saved: nothing is left of the set-up
        raise Refusal("not_found") from None


async def recovery_codes_saved(gate: Gate, member: StaffMember) -> None:
    """Forget the codes in clear: the person has saved them. Again is the same as once."""
    async with gate.database.write() as session:
        await session.execute(delete(Credential).where(col(Credential.registration_id) == member.id))


def _recovery_digest(gate: Gate, staff_id: UUID, code: str) -> str:
    return gate.vault.digest("recovery", f"{staff_id}\0{code}")


# Signing in.


async def sign_in(gate: Gate, *, email: str, password: str, caller: str, client: str, token: str | None = None) -> str:
    """Check address and password; returns the token of a session that only waits for the second factor.

    With a `token` given the session has that one, so that the same request twice is one session. Raises `Refusal`: `invalid_fields`, `sign_in_failed`, `too_many_tries`.
    """
    fields = Fields()
    if not email.strip():
        fields.add("email", "email_missing", "Enter your e-mail address.")
    if not password:
        fields.add("password", "password_missing", "Enter your password.")
    fields.check()
    address = gate.vault.digest("email", mailbox_key(email.strip()))
    await count_sign_in(gate, address=address, caller=caller)
    async with gate.database.read() as session:
        staff = await session.scalar(_open_with(address))
    right = await verify_password(gate, staff.password_hash if staff else None, password)
    if staff is None or staff.ready_at is None or not right:
        raise Refusal("sign_in_failed")
    await take_sign_in_back(gate, address=address)
    return await sessions.begin(gate, SessionKind.STAFF_SIGN_IN, staff.id, client=client, token=token)


async def confirm_sign_in(gate: Gate, pending: Principal, *, code: str, client: str, token: str | None = None) -> str:
    """Enter a code of the authenticator app, or a recovery code; returns the token of a full session. Each works once.

    Raises `Refusal`: `invalid_fields`, `second_factor_wrong`, `too_many_tries`, `signed_out`.
    """
    recovery = "".join(code.split()).replace("-", "").lower()
    is_recovery = len(recovery) == _RECOVERY_CODE
    digits = "" if is_recovery else read_second_factor_code(code)
    now, window = gate.now(), gate.limits.second_factor_window
    async with gate.database.write() as session:
        tally = await count(session, "second-factor", str(pending.subject_id), at=now, window=window)
    if tally.count > gate.limits.second_factor_tries:
        raise Refusal("too_many_tries", retry_at=tally.window_ends_at)
    async with gate.database.write() as session:
        staff = await session.get(StaffAccount, pending.subject_id, with_for_update=True)
        if staff is None or staff.closed_at is not None or staff.ready_at is None or staff.second_factor_sealed is None:
            raise Refusal("signed_out")
        wrong = Refusal("second_factor_wrong", tries_left=gate.limits.second_factor_tries - tally.count)
        if is_recovery:
            await _spend_recovery_code(session, gate, staff.id, f"{recovery[:5]}-{recovery[5:]}", wrong=wrong)
        else:
            secret = gate.vault.unseal("second-factor", staff.second_factor_sealed)
            step = matching_step(secret, digits, at=now, after=staff.second_factor_step)
            if step is None:
                raise wrong
            staff.second_factor_step = step
        subject = subject_of(staff.id)
        await audit.append(
            session, at=now, actor=subject, action="staff.signed_in", subject=subject,
            second_factor="recovery_code" if is_recovery else "app",
        )  # fmt: skip
    await sessions.end(gate, pending)
    return await sessions.begin(gate, SessionKind.STAFF, pending.subject_id, client=client, token=token)


async def _spend_recovery_code(session: AsyncSession, gate: Gate, staff_id: UUID, code: str, *, wrong: Refusal) -> None:
    used = await session.scalar(
        update(StaffRecoveryCode)
        .where(
            col(StaffRecoveryCode.staff_id) == staff_id,
            col(StaffRecoveryCode.digest) == _recovery_digest(gate, staff_id, code),
            col(StaffRecoveryCode.used_at).is_(None),
        )
        .values(used_at=gate.now())
        .returning(col(StaffRecoveryCode.digest))
    )
    if used is None:
        raise wrong


async def pending_staff(gate: Gate, token: str | None) -> Principal:
    """Who is on the way to a full session. Raises `Refusal` (`signed_out`)."""
    return await sessions.authenticate(gate, token, SessionKind.STAFF_SIGN_IN)


async def authenticate(gate: Gate, token: str | None) -> StaffMember:
    """Who acts. Raises `Refusal` (`not_found`): to everybody else there is nothing here."""
    try:
        principal = await sessions.authenticate(gate, token, SessionKind.STAFF)
    except Refusal:
        raise Refusal("not_found") from None
    async with gate.database.read() as session:
        staff = await session.get(StaffAccount, principal.subject_id)
    if staff is None or staff.closed_at is not None:
        raise Refusal("not_found")
    return StaffMember(staff.id, gate.vault.unseal("name", staff.name_sealed), StaffRole(staff.role), principal)
