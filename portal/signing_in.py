"""Signing in: address and password, then the second factor; both counted before they're looked at."""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from db import audit
from db.accounts import Account, RecoveryCode
from db.counting import count, give_back
from domain.identifiers import IdentifierError
from domain.people import mailbox_key, personal_address
from portal import sessions
from portal.account_setup import is_password, matching_step
from portal.fields import Fields
from portal.gate import Gate
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind

_MINUTE: Final = timedelta(minutes=1)
_OF_ACCOUNT: Final = "sign-in-account"

# The hash of nothing anyone knows: an unknown address takes as long as a known one (I16).
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$mSojw6RRNzSvmnuAVv2VBQ$yCP84aqXb5BrLjkxMhBgxtS4yvpDS7GiHvn44+xj9a0"


async def sign_in(gate: Gate, *, email: str, password: str, caller: str, client: str, token: str | None = None) -> str:
    """Check address and password; returns the token of a session that only waits for the second factor.

    With a `token` given the session has that one, so that the same request twice is one session.
    Raises `Refusal`: `invalid_fields`, `sign_in_failed`, `too_many_tries`.
    """
    fields = Fields()
    if not email.strip():
        fields.add("email", "email_missing", "Enter your e-mail address.")
    if not password:
        fields.add("password", "password_missing", "Enter your password.")
    fields.check()
    address = gate.vault.digest("email", mailbox_key(_normal(email)))
    await count_sign_in(gate, address=address, caller=caller)
    async with gate.database.read() as session:
        account = await session.scalar(
            select(Account).where(col(Account.email_digest) == address, col(Account.closed_at).is_(None))
        )
    right = await verify_password(gate, account.password_hash if account else None, password)
    if account is None or not right:
        raise Refusal("sign_in_failed")
    await take_sign_in_back(gate, address=address)
    return await sessions.begin(gate, SessionKind.SECOND_FACTOR, account.id, client=client, token=token)


def _normal(email: str) -> str:
    """The address as registering normalised it; one that isn't well formed belongs to nobody."""
    try:
        return personal_address(email)
    except IdentifierError:
        return email.strip()


async def count_sign_in(gate: Gate, *, address: str, caller: str) -> None:
    """Count a try before anything is looked at (I13), the same for an address that nobody has (I16).

    Raises `Refusal` (`too_many_tries`).
    """
    caller_digest = gate.vault.digest("caller", caller)
    now = gate.now()
    async with gate.database.write() as session:
        of_caller = await count(session, "sign-in-caller", caller_digest, at=now, window=_MINUTE)
        of_both = await count(session, "sign-in", f"{address[:32]}:{caller_digest[:32]}", at=now, window=_MINUTE)
        over = next(
            (
                tally
                for tally, most in (
                    (of_caller, gate.limits.sign_ins_per_caller),
                    (of_both, gate.limits.sign_ins_per_address),
                )
                if tally.count > most
            ),
            None,
        )
        # A try that isn't looked at anyway mustn't use up what the address's owner may try elsewhere.
        if over is None:
            window = gate.limits.sign_ins_account_window
            of_account = await count(session, _OF_ACCOUNT, address, at=now, window=window)
            over = of_account if of_account.count > gate.limits.sign_ins_per_account else None
    if over is not None:
        raise Refusal("too_many_tries", retry_at=over.window_ends_at)


async def take_sign_in_back(gate: Gate, *, address: str) -> None:
    """The password was right: only wrong ones count towards the limit of an address, whoever tries."""
    async with gate.database.write() as session:
        await give_back(session, _OF_ACCOUNT, address)


async def verify_password(gate: Gate, password_hash: str | None, password: str) -> bool:
    """Whether it's the password; nobody's hash (None) takes as long as somebody's (I16)."""
    # As it was normalised when it was chosen: keyboards differ in how they send an accent.
    password = unicodedata.normalize("NFC", password)
    if len(password) > gate.limits.password_max:
        return False
    return await is_password(gate, password_hash or _NOBODY, password)


async def confirm_sign_in(gate: Gate, pending: Principal, *, code: str, client: str, token: str | None = None) -> str:
    """Enter a code of the authenticator app, or a recovery code; returns the token of a full session.

    With a `token` given the session has that one. Each code works once. Raises `Refusal`: `invalid_fields`, `second_factor_wrong`, `too_many_tries`, `signed_out`.
    """
    counted = await count_second_factor(gate, pending.subject_id, code=code)
    now = gate.now()
    async with gate.database.write() as session:
        account, via = await spend_second_factor(session, gate, pending.subject_id, counted)
        subject = f"account/{account.id}"
        await audit.append(
            session, at=now, actor=subject, action="account.signed_in", subject=subject,
            second_factor=via,
        )  # fmt: skip
    await sessions.end(gate, pending)
    return await sessions.begin(gate, SessionKind.ACCOUNT, pending.subject_id, client=client, token=token)


@dataclass(frozen=True, slots=True)
class CountedCode:
    """A second factor's code that was counted and not looked at yet (I13)."""

    typed: str
    tries_left: int


async def count_second_factor(gate: Gate, account_id: UUID, *, code: str) -> CountedCode:
    """Count a try at an account's second factor. Raises `Refusal`: `invalid_fields` (not counted), `too_many_tries`."""
    typed = "".join(code.split()).lower()
    if not typed:
        fields = Fields()
        fields.add("code", "code_format", "Enter the code of your authenticator app, or a recovery code.")
        fields.check()
    window = gate.limits.second_factor_window
    async with gate.database.write() as session:
        tally = await count(session, "second-factor", str(account_id), at=gate.now(), window=window)
    if tally.count > gate.limits.second_factor_tries:
        raise Refusal("too_many_tries", retry_at=tally.window_ends_at)
    return CountedCode(typed, gate.limits.second_factor_tries - tally.count)


async def spend_second_factor(
    session: AsyncSession, gate: Gate, account_id: UUID, counted: CountedCode
) -> tuple[Account, str]:
    """Use the code up, within a transaction; returns the account, locked, and `app` or `recovery_code`.

    Raises `Refusal`: `second_factor_wrong`, also for a code that was used before, `signed_out`.
    """
    wrong = Refusal("second_factor_wrong", tries_left=counted.tries_left)
    account = await session.get(Account, account_id, with_for_update=True)
    if account is None or account.closed_at is not None:
        raise Refusal("signed_out")
    via = await _redeem(gate, session_account=account, typed=counted.typed)
    if via is None:
        raise wrong
    if isinstance(via, int):
        account.second_factor_step = via
        return account, "app"
    used = await session.scalar(
        update(RecoveryCode)
        .where(
            col(RecoveryCode.account_id) == account.id,
            col(RecoveryCode.digest) == via,
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=gate.now())
        .returning(col(RecoveryCode.digest))
    )
    if used is None:
        raise wrong
    return account, "recovery_code"


async def _redeem(gate: Gate, *, session_account: Account, typed: str) -> int | str | None:
    """The time step of an app's code, the digest of what may be a recovery code, or None."""
    digits = typed.replace("-", "")
    if len(digits) == 6 and digits.isascii() and digits.isdigit():
        secret = gate.vault.unseal("second-factor", session_account.second_factor_sealed)
        return matching_step(secret, digits, at=gate.now(), after=session_account.second_factor_step)
    plain = typed.replace("-", "")
    if len(plain) == 10:
        return gate.vault.digest("recovery", f"{session_account.id}\0{plain[:5]}-{plain[5:]}")
    return None


async def sign_in_after_registration(gate: Gate, account_id: UUID, *, client: str) -> str:
    """The session of someone whose second factor has just been confirmed in their registration."""
    return await sessions.begin(gate, SessionKind.ACCOUNT, account_id, client=client)
