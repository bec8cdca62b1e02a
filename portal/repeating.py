"""Requests that may arrive twice though no workflow stands behind them: the same key and body give the same session.

A token is derived from what came with the request and a key that only this side holds. Whoever can send the same
request again knew all of it already; nobody else can work it out.
"""

from uuid import UUID

from portal import registering, sessions, signing_in, staff
from portal.gate import Gate, remember_key
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind


async def sign_in_once(gate: Gate, *, email: str, password: str, key: str, caller: str, client: str) -> str:
    """`signing_in.sign_in`, where a repeated request is counted and checked again, but makes no second session.

    The password isn't part of the body that the key stands for: a quick digest of it would be kept, and that is
    what argon2 is there to prevent. Raises `Refusal` (`key_reused`) besides.
    """
    await remember_key(gate, scope="sign-in", key=key, body=email)
    token = gate.vault.digest("sign-in-token", f"{key}\0{email}")
    return await signing_in.sign_in(gate, email=email, password=password, caller=caller, client=client, token=token)


async def confirm_sign_in_once(gate: Gate, *, pending_token: str | None, code: str, key: str, client: str) -> str:
    """`signing_in.confirm_sign_in`, where a repeated request gives the session that the first one made.

    The code and the pending session are used up by then, so the session itself is the proof of the first request.
    Raises `Refusal` (`key_reused`) besides.
    """
    token = gate.vault.digest("signed-in-token", f"{pending_token}\0{key}\0{code}")
    if await _session(gate, token, SessionKind.ACCOUNT) is not None:
        return token
    pending = await sessions.authenticate(gate, pending_token, SessionKind.SECOND_FACTOR)
    await remember_key(gate, scope=f"sign-in/{pending.session_id}", key=key, body=code)
    return await signing_in.confirm_sign_in(gate, pending, code=code, client=client, token=token)


async def sign_staff_in_once(gate: Gate, *, email: str, password: str, key: str, caller: str, client: str) -> str:
    """`staff.sign_in`, repeated like `sign_in_once`. Raises `Refusal` (`key_reused`) besides."""
    await remember_key(gate, scope="staff-sign-in", key=key, body=email)
    token = gate.vault.digest("staff-sign-in-token", f"{key}\0{email}")
    return await staff.sign_in(gate, email=email, password=password, caller=caller, client=client, token=token)


async def confirm_staff_sign_in_once(gate: Gate, *, pending_token: str | None, code: str, key: str, client: str) -> str:
    """`staff.confirm_sign_in`, repeated like `confirm_sign_in_once`. Raises `Refusal` (`key_reused`) besides."""
    token = gate.vault.digest("staff-signed-in-token", f"{pending_token}\0{key}\0{code}")
    if await _session(gate, token, SessionKind.STAFF) is not None:
        return token
    pending = await staff.pending_staff(gate, pending_token)
    await remember_key(gate, scope=f"staff-sign-in/{pending.session_id}", key=key, body=code)
    return await staff.confirm_sign_in(gate, pending, code=code, client=client, token=token)


async def redeem_resume_link_once(gate: Gate, *, link_token: str, key: str, client: str) -> tuple[UUID, str]:
    """`registering.redeem_resume_link`, where a repeated request gives the session that the first one made.

    Raises `Refusal` (`key_reused`) besides.
    """
    token = gate.vault.digest("resume-token", f"{key}\0{link_token}")
    if not await remember_key(gate, scope="resume", key=key, body=link_token):
        made = await _session(gate, token, SessionKind.REGISTRATION)
        if made is not None:
            return made.subject_id, token
    return await registering.redeem_resume_link(gate, link_token=link_token, client=client, token=token)


async def _session(gate: Gate, token: str, kind: SessionKind) -> Principal | None:
    try:
        return await sessions.authenticate(gate, token, kind)
    except Refusal:
        return None
