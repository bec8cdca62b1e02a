"""The end of a registration: a name, a password, a second factor. Secrets stay here; the workflow is told of a row."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col

from db.counting import count
from db.registrations import Credential, RegistrationRow
from domain.passwords import acceptable_password
from domain.people import person_name
from domain.registration import Code, SecureAccount, SetUpAccount, State, StepResult
from portal import sessions
from portal.fields import Fields
from portal.gate import Gate, remember_key, send_step, wrong_state
from portal.refusals import Refusal
from portal.registration_view import view_registration
from portal.sessions import SessionKind
from workflows import names

PASSWORD_HASHER: Final = PasswordHasher()  # argon2id, RFC 9106's low-memory parameters: 64 MiB, 3 passes

_CODE_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What an authenticator app needs: the key to type, and the address that its QR code holds."""

    secret: str
    uri: str


async def set_up_account(
    gate: Gate, registration_id: UUID, *, name: str, password: str, attests_own_name: bool, key: str
) -> StepResult:
    """Choose the account's name and password. May be done again until the second factor is confirmed.

    Raises `Refusal`: `invalid_fields`, `wrong_state`, `key_reused`, `unavailable`.
    """
    view = await view_registration(gate, registration_id)
    is_open = view.state in {State.SETTING_UP_ACCOUNT, State.SECURING_ACCOUNT}
    # A request that was sent before gets its answer again, wherever the registration stands by now (I2).
    if not is_open and await _kept(gate, _credential_id(gate, registration_id, key)) is None:
        raise wrong_state(view.state)
    fields = Fields()
    parsed_name = fields.read("name", name, person_name)
    accepted = read_password(gate, fields, password, about=(name, view.email))
    fields.check()
    assert parsed_name is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert accepted is not None  # noqa: S101 - as above
    credential_id = await keep_credential(gate, registration_id, key=key, password=accepted)
    return await send_step(
        gate,
        registration_id,
        names.SET_UP_ACCOUNT,
        SetUpAccount(credential_id=str(credential_id), name=parsed_name, attests_own_name=attests_own_name),
        key=key,
        body=f"{parsed_name}\0{attests_own_name}",  # keep_credential holds the key against the password
    )


# The parts that anybody's new account is made of. Its owner is a registration, or an invitation that is being accepted.


def read_password(gate: Gate, fields: Fields, password: str, *, about: tuple[str, ...]) -> str | None:
    """The password if it's good enough; `about` is what it mustn't be made of. Notes the defect otherwise."""
    limits = gate.limits
    return fields.read(
        "password",
        password,
        lambda text: acceptable_password(
            text,
            least=limits.password_min_with_second_factor,
            most=limits.password_max,
            about=(*about, gate.payer_name),
        ),
    )


async def keep_credential(gate: Gate, owner_id: UUID, *, key: str, password: str) -> UUID:
    """Hash the password and make the second factor once per key; evidence is written before it's told (B10).

    Raises `Refusal` (`key_reused`) when the key came with another password: of that no quick digest is kept, so
    the hash itself is asked.
    """
    credential_id = _credential_id(gate, owner_id, key)
    kept = await _kept(gate, credential_id)
    if kept is None:
        async with gate.hashing:
            password_hash = await asyncio.to_thread(PASSWORD_HASHER.hash, password)
        codes = make_recovery_codes(gate)
        insert = sqlite_insert if gate.database.is_sqlite else postgresql_insert
        async with gate.database.write() as session:
            # The same request may come twice at the same moment.
            await session.execute(
                insert(Credential)
                .values(
                    id=credential_id,
                    registration_id=owner_id,
                    password_hash=password_hash,
                    second_factor_sealed=gate.vault.seal("second-factor", pyotp.random_base32()),
                    recovery_sealed=gate.vault.seal("recovery", json.dumps(codes)),
                    created_at=gate.now(),
                )
                .on_conflict_do_nothing()
            )
            kept = await session.get_one(Credential, credential_id)
        if kept.password_hash == password_hash:
            return credential_id
    if not await is_password(gate, kept.password_hash, password):
        raise Refusal("key_reused")
    return credential_id


async def is_password(gate: Gate, password_hash: str, password: str) -> bool:
    """Whether this is the password that was hashed."""
    try:
        async with gate.hashing:
            return await asyncio.to_thread(PASSWORD_HASHER.verify, password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _credential_id(gate: Gate, owner_id: UUID, key: str) -> UUID:
    return UUID(hex=gate.vault.digest("credential", f"{owner_id}\0{key}")[:32])


async def _kept(gate: Gate, credential_id: UUID) -> Credential | None:
    async with gate.database.read() as session:
        return await session.get(Credential, credential_id)


def make_recovery_codes(gate: Gate) -> list[str]:
    """New codes such as `7kq2m-x4dpa`: 49 bits each."""

    def part() -> str:
        return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(5))

    return [f"{part()}-{part()}" for _ in range(gate.limits.recovery_codes)]


async def second_factor(gate: Gate, registration_id: UUID) -> SecondFactor:
    """The second factor to confirm. Raises `Refusal` (`wrong_state`, `not_found`)."""
    view = await view_registration(gate, registration_id)
    if view.state is not State.SECURING_ACCOUNT:
        raise wrong_state(view.state)
    return await factor_to_confirm(gate, registration_id, email=view.email)


async def factor_to_confirm(gate: Gate, owner_id: UUID, *, email: str) -> SecondFactor:
    """The second factor of the newest credential. Raises `Refusal` (`second_factor_unconfirmed`) before there is one."""
    credential = await _newest_credential(gate, owner_id)
    secret = gate.vault.unseal("second-factor", credential.second_factor_sealed)
    return SecondFactor(secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=gate.payer_name))


async def confirm_second_factor(
    gate: Gate, registration_id: UUID, *, code: str, key: str, session_id: UUID | None = None
) -> StepResult:
    """Enter a code of the authenticator app; the right one completes the registration and opens the access.

    The session with this id goes on; every other one of the registration ends, such as one that a mailed link gave:
    it must not read the recovery codes, which stand in for the factor that it hasn't shown (I20).

    Raises `Refusal`: `invalid_fields`, `second_factor_wrong` (counted), `too_many_tries`, `wrong_state`,
    `key_reused`, `unavailable`.
    """
    view = await view_registration(gate, registration_id)
    if view.state not in {State.SECURING_ACCOUNT, State.COMPLETED}:
        raise wrong_state(view.state)
    digits = read_second_factor_code(code)
    await remember_key(gate, scope=f"{registration_id}/{names.SECURE_ACCOUNT}", key=key, body=digits)
    credential_id = await confirm_factor(gate, registration_id, digits)
    # Before there is anything to read, and once more for a link that was followed meanwhile; from then on links are dead.
    await sessions.end_others_of(gate, SessionKind.REGISTRATION, registration_id, keep=session_id)
    result = await send_step(
        gate,
        registration_id,
        names.SECURE_ACCOUNT,
        SecureAccount(credential_id=str(credential_id)),
        key=key,
        body=digits,
    )
    await sessions.end_others_of(gate, SessionKind.REGISTRATION, registration_id, keep=session_id)
    return result


async def confirm_factor(gate: Gate, owner_id: UUID, digits: str) -> UUID:
    """Note that the newest credential's second factor works; again is the same as once. Returns the credential's id.

    Raises `Refusal`: `second_factor_wrong` (counted), `too_many_tries`, `second_factor_unconfirmed`.
    """
    credential = await _newest_credential(gate, owner_id)
    if credential.second_factor_step is None or not _is_code_of(
        gate, credential, credential.second_factor_step, digits
    ):
        step = await _judge(gate, owner_id, credential, digits)
        async with gate.database.write() as session:
            await session.execute(
                update(Credential).where(col(Credential.id) == credential.id).values(second_factor_step=step)
            )
    return credential.id


def read_second_factor_code(text: str) -> str:
    """Six digits, spaces forgiven. Raises `Refusal` (`invalid_fields`); that isn't counted."""
    digits = "".join(text.split()).replace("-", "")
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        fields = Fields()
        fields.add("code", "code_format", "The code has six digits.")
        fields.check()
    return digits


def matching_step(secret: str, digits: str, *, at: datetime, after: int = 0) -> int | None:
    """The half-minute that this code belongs to: the current one or a neighbour, and later than `after`."""
    totp = pyotp.TOTP(secret)
    current = totp.timecode(at)
    for step in (current, current - 1, current + 1):
        if step > after and secrets.compare_digest(totp.generate_otp(step), digits):
            return step
    return None


def _is_code_of(gate: Gate, credential: Credential, step: int, digits: str) -> bool:
    """Whether it's the code that confirmed the factor before: what is sent again is answered again, at any time."""
    totp = pyotp.TOTP(gate.vault.unseal("second-factor", credential.second_factor_sealed))
    return secrets.compare_digest(totp.generate_otp(step), digits)


async def _judge(gate: Gate, owner_id: UUID, credential: Credential, digits: str) -> int:
    now = gate.now()
    async with gate.database.write() as session:  # counted before it's looked at (I13)
        tally = await count(session, "second-factor", str(owner_id), at=now, window=gate.limits.second_factor_window)
    if tally.count > gate.limits.second_factor_tries:
        raise Refusal("too_many_tries", retry_at=tally.window_ends_at)
    step = matching_step(gate.vault.unseal("second-factor", credential.second_factor_sealed), digits, at=now)
    if step is None:
        raise Refusal("second_factor_wrong", tries_left=gate.limits.second_factor_tries - tally.count)
    return step


async def recovery_codes(gate: Gate, registration_id: UUID) -> list[str]:
    """The codes that stand in for the second factor, until `recovery_codes_saved`. Raises `Refusal` (`not_found`)."""
    view = await view_registration(gate, registration_id)
    if view.state is not State.COMPLETED:
        raise wrong_state(view.state)
    return await unsaved_recovery_codes(gate, registration_id)


async def unsaved_recovery_codes(gate: Gate, owner_id: UUID) -> list[str]:
    """The codes in clear, while they haven't been reported saved. Raises `Refusal` (`not_found`)."""
    credential = await _newest_credential(gate, owner_id)
    if credential.recovery_sealed is None:
        raise Refusal("not_found")
    codes: list[str] = json.loads(gate.vault.unseal("recovery", credential.recovery_sealed))
    return codes


async def recovery_codes_saved(gate: Gate, registration_id: UUID) -> None:
    """Forget the codes in clear: the person has saved them. Again is the same as once.

    Raises `Refusal` (`wrong_state`, `not_found`): before the account is made, its opening still needs them.
    """
    view = await view_registration(gate, registration_id)
    if view.state is not State.COMPLETED:
        raise wrong_state(view.state)
    await forget_recovery_codes(gate, registration_id)


async def forget_recovery_codes(gate: Gate, owner_id: UUID) -> None:
    """Forget the codes in clear of an account that is made; the caller has seen that it is."""
    async with gate.database.write() as session:
        await session.execute(
            update(Credential).where(col(Credential.registration_id) == owner_id).values(recovery_sealed=None)
        )


async def _newest_credential(gate: Gate, owner_id: UUID) -> Credential:
    """The credential that counts: of a registration the last one that was accepted, otherwise the newest."""
    query = select(Credential).where(col(Credential.registration_id) == owner_id)
    async with gate.database.read() as session:
        row = await session.get(RegistrationRow, owner_id)
        if row is not None and row.credential_id is not None:
            query = query.where(col(Credential.id) == row.credential_id)
        credential = await session.scalar(query.order_by(col(Credential.created_at).desc()).limit(1))
    if credential is None:
        raise Refusal(Code.SECOND_FACTOR_UNCONFIRMED)
    return credential
