"""Adding a Tax ID or NPI to an account that there is: a registration without e-mail confirmation and account set-up (P10)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from db.accounts import Account
from db.directory import Organization
from db.letters import LetterRow, pin_tries_used
from db.registrations import RegistrationRow
from domain.identifiers import Tin
from domain.letters import ON_THEIR_WAY, pin_is_open
from domain.registration import Code, State
from portal import sessions
from portal.gate import Gate, remember_key
from portal.refusals import Refusal
from portal.registering import Registrant, Started, begin
from portal.sessions import Principal

_OPEN = [state for state in State if not state.is_final]


async def start_addition(gate: Gate, principal: Principal, *, key: str, client: str) -> Started:
    """Begin adding a TIN or NPI; it's proved like in a registration, and has a clock of its own.

    The same key begins the same one. The token is good for that registration only. Raises `Refusal`:
    `signed_out`, `too_many_open`, `key_reused`, `unavailable`.
    """
    await remember_key(gate, scope=f"additions/{principal.subject_id}", key=key, body="")
    async with gate.database.read() as session:
        account = await session.get(Account, principal.subject_id)
        if account is None or account.closed_at is not None:
            raise Refusal("signed_out")
        registration_id = UUID(hex=gate.vault.digest("addition", f"{account.id}\0{key}")[:32])
        opened = (
            await session.scalars(
                select(col(RegistrationRow.id)).where(
                    col(RegistrationRow.for_account_id) == account.id, col(RegistrationRow.state).in_(_OPEN)
                )
            )
        ).all()
    if registration_id not in opened and len(opened) >= gate.limits.additions_open:
        raise Refusal("too_many_open")
    person = Registrant(
        name=gate.vault.unseal("name", account.name_sealed),
        email=gate.vault.unseal("email", account.email_sealed),
        account_id=account.id,
    )
    started = await begin(gate, registration_id, person, key=f"{account.id}\0{key}", client=client)
    if started.result.state is State.REJECTED:
        # Many at the same moment pass the look above; the step that opens one counts under the account's lock.
        async with gate.database.read() as session:
            row = await session.get(RegistrationRow, registration_id)
        if row is not None and row.closing_code == Code.TOO_MANY_OPEN:
            raise Refusal("too_many_open")
    return started


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionView:
    """A TIN or NPI that is being added. Organization and Tax ID are told once the identifiers matched.

    `takes_pin`: a letter is on its way, or its PIN can be entered. `letters_over`: its PINs were tried too often.
    """

    id: UUID
    reference: str
    state: State
    organization: str | None
    tin_masked: str | None
    takes_pin: bool
    letters_over: bool
    started_at: datetime
    deadline: datetime


async def list_additions(gate: Gate, principal: Principal) -> list[AdditionView]:
    """What the person is adding and hasn't finished, the newest first."""
    async with gate.database.read() as session:
        rows = (
            await session.execute(
                select(RegistrationRow, Organization)
                .outerjoin(Organization, col(Organization.id) == col(RegistrationRow.identified_id))
                .where(
                    col(RegistrationRow.for_account_id) == principal.subject_id, col(RegistrationRow.state).in_(_OPEN)
                )
                .order_by(col(RegistrationRow.started_at).desc())
            )
        ).all()
        letters = await session.scalars(
            select(LetterRow).where(
                col(LetterRow.registration_id).in_([row.id for row, _ in rows]),
                col(LetterRow.state).in_(ON_THEIR_WAY),
            )
        )
        now = gate.now()
        expected = {
            letter.registration_id
            for letter in letters
            if letter.expires_at is None or pin_is_open(now, letter.expires_at)
        }
        over = {row.id for row, _ in rows if await pin_tries_used(session, gate.limits, row.id)}
    return [
        AdditionView(
            id=row.id,
            reference=row.reference,
            state=State(row.state),
            organization=organization.name if organization else None,
            tin_masked=Tin(gate.vault.unseal("tin", organization.tin_sealed)).masked if organization else None,
            takes_pin=row.id in expected,
            letters_over=row.id in over,
            started_at=row.started_at,
            deadline=row.deadline,
        )
        for row, organization in rows
    ]


async def go_on(gate: Gate, principal: Principal, registration_id: UUID, *, client: str) -> str:
    """A token to go on with one's own addition, perhaps in another browser. Raises `Refusal` (`not_found`) for any other (I15)."""
    async with gate.database.read() as session:
        row = await session.get(RegistrationRow, registration_id)
    if row is None or row.for_account_id != principal.subject_id:
        raise Refusal("not_found")
    return await sessions.begin(gate, sessions.SessionKind.REGISTRATION, registration_id, client=client)
