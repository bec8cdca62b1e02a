"""Sessions: who is signed in, or goes on with a registration, in which browser or client."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import select, true, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col

from db import audit
from db.accounts import SessionRow
from portal.gate import Gate
from portal.refusals import Refusal


class SessionKind(StrEnum):
    """What a session may do."""

    ACCOUNT = "account"
    SECOND_FACTOR = "second_factor"  # the password was right; the second factor is still to come
    REGISTRATION = "registration"
    INVITATION = "invitation"  # somebody who followed the link of an invitation
    SITTING = "sitting"  # a business contact who has answered requests, and confirms that with a code
    STAFF = "staff"
    STAFF_SIGN_IN = "staff_sign_in"  # like `second_factor`, for staff; also while a staff account is set up


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a token stands for: an account, a registration or an invitation."""

    session_id: UUID
    kind: SessionKind
    subject_id: UUID


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session as its owner sees it."""

    id: UUID
    client: str
    created_at: datetime
    used_at: datetime


def _life(gate: Gate, kind: SessionKind) -> timedelta:
    match kind:
        case SessionKind.ACCOUNT | SessionKind.STAFF:
            return gate.limits.session_life
        case SessionKind.SECOND_FACTOR | SessionKind.STAFF_SIGN_IN:
            return gate.limits.second_factor_window
        case SessionKind.REGISTRATION | SessionKind.INVITATION | SessionKind.SITTING:
            return gate.limits.registration_session_life


async def begin(gate: Gate, kind: SessionKind, subject_id: UUID, *, client: str, token: str | None = None) -> str:
    """Make a session and return its token; with a `token` given, the same one is used again."""
    token = token or secrets.token_urlsafe(32)
    digest = gate.vault.digest("session", token)
    now = gate.now()
    insert = sqlite_insert if gate.database.is_sqlite else postgresql_insert
    async with gate.database.write() as session:
        # The same request may come twice at the same moment.
        await session.execute(
            insert(SessionRow)
            .values(
                id=uuid4(), token_digest=digest, kind=kind, subject_id=subject_id, client=client[:80],
                created_at=now, used_at=now, expires_at=now + _life(gate, kind),
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
    return token


async def authenticate(gate: Gate, token: str | None, kind: SessionKind) -> Principal:
    """Whom the token stands for. Raises `Refusal` (`signed_out`) when it's unknown, idle, over, revoked or of another kind."""
    if not token or len(token) > 200:
        raise Refusal("signed_out")
    now = gate.now()
    async with gate.database.read() as session:
        row = await session.scalar(
            select(SessionRow).where(col(SessionRow.token_digest) == gate.vault.digest("session", token))
        )
    if row is None or row.kind != kind or row.revoked_at is not None or now >= row.expires_at:
        raise Refusal("signed_out")
    if kind in {SessionKind.ACCOUNT, SessionKind.STAFF} and now - row.used_at >= gate.limits.session_idle:
        raise Refusal("signed_out")
    if now - row.used_at > timedelta(minutes=1):  # once a minute is enough to tell idle from used
        async with gate.database.write() as session:
            await session.execute(update(SessionRow).where(col(SessionRow.id) == row.id).values(used_at=now))
    return Principal(row.id, kind, row.subject_id)


async def end(gate: Gate, principal: Principal) -> None:
    """Sign this session out; again is the same as once."""
    await _revoke(gate, principal, col(SessionRow.id) == principal.session_id, action="session.ended")


async def list_open(gate: Gate, principal: Principal) -> list[OpenSession]:
    """The account's sessions that still work, the most recently used first."""
    now = gate.now()
    async with gate.database.read() as session:
        rows = await session.scalars(
            select(SessionRow)
            .where(
                col(SessionRow.kind) == principal.kind,
                col(SessionRow.subject_id) == principal.subject_id,
                col(SessionRow.revoked_at).is_(None),
                col(SessionRow.expires_at) > now,
                col(SessionRow.used_at) > now - gate.limits.session_idle,
            )
            .order_by(col(SessionRow.used_at).desc())
        )
        return [OpenSession(row.id, row.client, row.created_at, row.used_at) for row in rows]


async def revoke(gate: Gate, principal: Principal, session_id: UUID) -> None:
    """End one of the person's own sessions. Raises `Refusal` (`not_found`) for an unknown or foreign one (I15)."""
    if not await _revoke(gate, principal, col(SessionRow.id) == session_id, action="session.revoked"):
        raise Refusal("not_found")


async def revoke_others(gate: Gate, principal: Principal) -> None:
    """End all of the person's sessions but this one."""
    await _revoke(gate, principal, col(SessionRow.id) != principal.session_id, action="session.others_revoked")


async def end_others_of(gate: Gate, kind: SessionKind, subject_id: UUID, *, keep: UUID | None) -> None:
    """End all sessions of this kind that a subject has, but the one to keep (I20); again is the same as once."""
    which = true() if keep is None else col(SessionRow.id) != keep
    await _revoke(gate, Principal(keep or subject_id, kind, subject_id), which, action="session.others_revoked")


async def _revoke(gate: Gate, principal: Principal, which: object, *, action: str) -> bool:
    now = gate.now()
    async with gate.database.write() as session:
        ended = await session.scalars(
            update(SessionRow)
            .where(
                col(SessionRow.kind) == principal.kind,
                col(SessionRow.subject_id) == principal.subject_id,
                col(SessionRow.revoked_at).is_(None),
                which,  # type: ignore[arg-type]  # a column expression; SQLAlchemy's type for it is private
            )
            .values(revoked_at=now)
            .returning(col(SessionRow.id))
        )
        count = len(ended.all())
        if count:
            subject = f"{principal.kind}/{principal.subject_id}"
            await audit.append(session, at=now, actor=subject, action=action, subject=subject, sessions=count)
    return count > 0
