"""Registering: what a person can do until there is an account. Each step goes to the registration's workflow."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from db.counting import count
from db.mails import secret_digest
from db.registration_steps import subject_of
from db.registrations import Draft, OneTimeSecret, RegistrationRow
from domain.identifiers import Tin
from domain.organization_name import organization_name
from domain.people import limit_key, person_name, personal_address, same_name
from domain.registration import (
    ATTESTATION_VERSION,
    Ask,
    Code,
    ConfirmEmail,
    RegisterBillingService,
    RegistrationTerms,
    StartRegistration,
    State,
    StepResult,
)
from portal import sessions
from portal.fields import Fields, read_organization, read_proof
from portal.gate import Gate, remember_key_in, send_step, unavailable, unwatched
from portal.refusals import Refusal
from portal.registration_view import view_registration
from portal.sessions import SessionKind
from workflows import names
from workflows.registration import Registration

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Started:
    """A registration that waits for its e-mail address to be confirmed, and the token to go on with it."""

    registration_id: UUID
    reference: str
    token: str
    result: StepResult


def reference_of(opaque: UUID, *, letter: str = "R") -> str:
    """How people name a registration (or, by its letter, something else) on the telephone: twelve Crockford base-32 characters of its id."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    letters = "".join(alphabet[opaque.int >> (5 * place) & 31] for place in range(12))
    return f"{letter}-{letters[:4]}-{letters[4:8]}-{letters[8:]}"


async def start(gate: Gate, *, name: str, email: str, attested: bool, key: str, caller: str, client: str) -> Started:
    """Begin a registration; a code is e-mailed. The same key and body begin the same one, with the same token.

    The answer doesn't depend on whether the address has an account (I16). `caller` is the network address,
    `client` the browser or program in words. Raises `Refusal`: `invalid_fields`, `too_many_tries`,
    `key_reused`, `unavailable`.
    """
    fields = Fields()
    parsed_name = fields.read("name", name, person_name)
    parsed_email = fields.read("email", email, personal_address)
    if not attested:
        fields.add("attested", "attestation_missing", "Confirm that the account is for yourself.")
    fields.check()
    assert parsed_name is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert parsed_email is not None  # noqa: S101 - as above

    registration_id = UUID(hex=gate.vault.digest("registration", key)[:32])
    async with gate.database.write() as session:
        body = f"{parsed_name}\0{parsed_email}"
        if await remember_key_in(session, gate, scope="registrations", key=key, body=body):
            await _count_start(session, gate, email=parsed_email, caller=caller)
        known = await session.get(RegistrationRow, registration_id)
    person = Registrant(name=parsed_name, email=parsed_email)
    if known is not None and State(known.state).is_final:
        return await _ended(gate, known, key=key, client=client)
    return await begin(gate, registration_id, person, key=key, client=client)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrant:
    """Who registers; with an account, for what is added to it."""

    name: str
    email: str
    account_id: UUID | None = None


async def _ended(gate: Gate, known: RegistrationRow, *, key: str, client: str) -> Started:
    """It has ended, and Temporal may have forgotten it: beginning it again would make a second workflow of it."""
    token = gate.vault.digest("registration-token", key)
    await sessions.begin(gate, SessionKind.REGISTRATION, known.id, client=client, token=token)
    return Started(known.id, known.reference, token, _standing(State(known.state)))


async def begin(gate: Gate, registration_id: UUID, person: Registrant, *, key: str, client: str) -> Started:
    """Start the workflow, or find it started, and wait until it's recorded. Raises `Refusal` (`unavailable`)."""
    reference = reference_of(registration_id)
    start = WithStartWorkflowOperation(
        Registration.run,
        StartRegistration(
            registration_id=str(registration_id),
            reference=reference,
            name=person.name,
            email=person.email,
            attestation_version=ATTESTATION_VERSION,
            account_id=str(person.account_id) if person.account_id else None,
            terms=RegistrationTerms(
                code_life=gate.limits.code_life,
                life=gate.limits.registration_life,
                resume_link_life=gate.limits.resume_link_life,
                # Reminders come within the shortest life that a letter's PIN may have.
                pin_life=gate.limits.strict_pin_life if gate.limits.strict_pins else gate.limits.pin_life,
                letter_reminder_after=gate.limits.letter_reminder_after,
                letter_reminder_before_end=gate.limits.letter_reminder_before_end,
            ),
        ),
        id=names.registration_id(str(registration_id)),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        task_queue=gate.task_queue,
        static_summary=f"Registration {reference}",
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(names.REFERENCE, reference),
                SearchAttributePair(names.STATE, State.PROVING if person.account_id else State.CONFIRMING_EMAIL),
            ]
        ),
    )
    try:
        result = await gate.client.execute_update_with_start_workflow(
            names.OPENED,
            Ask(registration_id=str(registration_id)),
            start_workflow_operation=unwatched(start),
            id="opened",
            result_type=StepResult,
        )
    except WorkflowAlreadyStartedError:
        # It has ended a moment ago: the repeated request is answered with how it stands.
        result = _standing((await view_registration(gate, registration_id)).state)
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as error:
        if not (isinstance(error, RPCError) and error.status is RPCStatusCode.ALREADY_EXISTS):
            raise unavailable(error) from error
        result = _standing((await view_registration(gate, registration_id)).state)
    token = gate.vault.digest("registration-token", key)
    await sessions.begin(gate, SessionKind.REGISTRATION, registration_id, client=client, token=token)
    return Started(registration_id, reference, token, result)


def _standing(state: State) -> StepResult:
    return StepResult(accepted=True, code=Code.OK, state=state)


async def _count_start(session: AsyncSession, gate: Gate, *, email: str, caller: str) -> None:
    now = gate.now()
    from_caller = await count(session, "start-caller", gate.vault.digest("caller", caller), at=now, window=_HOUR)
    for_address = await count(
        session, "start-address", gate.vault.digest("email", limit_key(email)), at=now, window=_DAY
    )
    if from_caller.count > gate.limits.registrations_per_caller:
        raise Refusal("too_many_tries", retry_at=from_caller.window_ends_at)
    if for_address.count > gate.limits.registrations_per_address:
        raise Refusal("too_many_tries", retry_at=for_address.window_ends_at)


async def confirm_email(gate: Gate, registration_id: UUID, *, code: str, key: str) -> StepResult:
    """Enter the e-mailed code. Spaces and dashes don't matter; something that can't be a code isn't counted."""
    digits = "".join(character for character in code if character not in " -\t\u00a0")
    fields = Fields()
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        fields.add("code", "code_format", "The code has six digits.")
    fields.check()
    subject = subject_of(str(registration_id))
    digest = secret_digest(gate.vault, subject=subject, purpose="code", text=digits)
    return await send_step(
        gate, registration_id, names.CONFIRM_EMAIL, ConfirmEmail(code_digest=digest), key=key, body=digits
    )


async def send_code(gate: Gate, registration_id: UUID, *, key: str) -> StepResult:
    """Ask for another code; it takes the place of the one before."""
    return await send_step(
        gate, registration_id, names.SEND_CODE, Ask(registration_id=str(registration_id)), key=key, body=""
    )


async def prove_payment(
    gate: Gate,
    registration_id: UUID,
    *,
    tin: str,
    vendor: str,
    npi: str,
    document: str,
    amount: str,
    key: str,
    caller: str,
) -> StepResult:
    """Prove the organization with a payment or a notice while the person waits (P1, P3, P4, P5)."""
    caller_digest = gate.vault.digest("caller", caller)
    proof = read_proof(tin=tin, vendor=vendor, npi=npi, document=document, amount=amount, caller_digest=caller_digest)
    body = proof.model_copy(update={"caller_digest": ""}).model_dump_json()
    return await send_step(gate, registration_id, names.PROVE_PAYMENT, proof, key=key, body=body)


async def keep_billing_service(gate: Gate, registration_id: UUID, *, name: str, tin: str) -> tuple[str, Tin]:
    """Read a billing service's name and TIN, and keep them for the page. Only their form is looked at, so this tells nothing.

    Raises `Refusal` (`invalid_fields`, `not_found`).
    """
    view = await view_registration(gate, registration_id)
    fields = Fields()
    parsed_name = fields.read("name", name, organization_name)
    parsed_tin = fields.read("tin", tin, Tin.parse)
    if parsed_name is not None and same_name(parsed_name, view.name):
        words = "This is your own name. Enter the name that the billing service goes by, such as “Example Billing”."
        fields.add("name", "billing_name_is_person", words)
    fields.check()
    assert parsed_name is not None  # noqa: S101 - narrows the type; fields.check has raised otherwise
    assert parsed_tin is not None  # noqa: S101 - as above
    if view.state in {State.PROVING, State.AWAITING_PIN}:
        typed = await kept_organization(gate, registration_id)
        await keep_draft(gate, registration_id, replace(typed, billing_name=parsed_name, billing_tin=parsed_tin.digits))
    return parsed_name, parsed_tin


async def register_billing_service(
    gate: Gate, registration_id: UUID, *, name: str, tin: str, key: str, caller: str
) -> StepResult:
    """Go on as a billing service, under its own TIN and name, in place of proving a provider organization (T3).

    Comes back as a result when it was looked at, and counted: `tin_is_provider`, `billing_service_registered`,
    `too_many_tries`. Raises `Refusal`: `invalid_fields`, `wrong_state`, `registration_…`, `not_found`, `key_reused`,
    `unavailable`.
    """
    parsed_name, parsed_tin = await keep_billing_service(gate, registration_id, name=name, tin=tin)
    cmd = RegisterBillingService(
        tin=parsed_tin.digits, name=parsed_name, caller_digest=gate.vault.digest("caller", caller)
    )
    body = cmd.model_copy(update={"caller_digest": ""}).model_dump_json()
    return await send_step(gate, registration_id, names.REGISTER_BILLING_SERVICE, cmd, key=key, body=body)


async def reconsider(gate: Gate, registration_id: UUID, *, key: str) -> StepResult:
    """Back from the account's set-up to the choice of the organization, for who took the wrong path (T4).

    What proved the organization is let go; name, address and its confirmation stay. Raises `Refusal`: `wrong_state`,
    `registration_…`, `not_found`, `key_reused`, `unavailable`.
    """
    return await send_step(
        gate, registration_id, names.RECONSIDER, Ask(registration_id=str(registration_id)), key=key, body=""
    )


async def withdraw(gate: Gate, registration_id: UUID, *, key: str) -> StepResult:
    """End the registration at the person's wish; its payment can prove another one."""
    return await send_step(
        gate, registration_id, names.WITHDRAW, Ask(registration_id=str(registration_id)), key=key, body=""
    )


@dataclass(frozen=True, slots=True)
class OrganizationDraft:
    """What was typed of the organization, or of the billing service that registers instead: well formed, not yet proved."""

    tin: str = ""
    vendor: str = ""
    npi: str = ""
    billing_name: str = ""
    billing_tin: str = ""
    bills: bool = False  # came to register a billing service: its page is the next one

    @property
    def is_complete(self) -> bool:
        """Whether the next page can go on with it; what came from another form may lack a number."""
        return bool(self.tin and (self.vendor or self.npi))


async def keep_organization(gate: Gate, registration_id: UUID, *, tin: str, vendor: str, npi: str) -> None:
    """Keep the organization's numbers for the next page. Only their form is looked at, so this tells nothing."""
    fields = Fields()
    read_organization(fields, tin=tin, vendor=vendor, npi=npi)
    fields.check()
    typed = await kept_organization(gate, registration_id)
    draft = replace(typed, tin=tin.strip(), vendor=vendor.strip(), npi=npi.strip())
    await keep_draft(gate, registration_id, draft)


async def keep_wish(gate: Gate, registration_id: UUID, *, bills: bool) -> None:
    """Keep whether somebody came to register a billing service, so that they are led there once their address is confirmed."""
    typed = await kept_organization(gate, registration_id)
    if typed.bills != bills:
        await keep_draft(gate, registration_id, replace(typed, bills=bills))


async def keep_draft(gate: Gate, registration_id: UUID, draft: OrganizationDraft) -> None:
    """Keep what was typed, wherever it was, so that nobody types it twice. It proves nothing."""
    sealed = gate.vault.seal("draft", json.dumps(asdict(draft)))
    async with gate.database.write() as session:
        await session.merge(Draft(registration_id=registration_id, values_sealed=sealed, at=gate.now()))


async def kept_organization(gate: Gate, registration_id: UUID) -> OrganizationDraft:
    """What `keep_organization` kept, or empty fields."""
    async with gate.database.read() as session:
        row = await session.get(Draft, registration_id)
    return (
        OrganizationDraft(**json.loads(gate.vault.unseal("draft", row.values_sealed))) if row else OrganizationDraft()
    )


async def redeem_resume_link(gate: Gate, *, link_token: str, client: str, token: str | None = None) -> tuple[UUID, str]:
    """Exchange a followed link for a session of its registration, once. Raises `Refusal` (`link_dead`).

    With a `token` given the session has that one.
    """
    now = gate.now()
    digest = secret_digest(gate.vault, subject="", purpose="resume", text=link_token[:200])
    async with gate.database.write() as session:
        secret = await session.scalar(
            select(OneTimeSecret)
            .where(col(OneTimeSecret.purpose) == "resume", col(OneTimeSecret.digest) == digest)
            .with_for_update()
        )
        if secret is None or secret.used_at is not None or secret.expires_at is None or now >= secret.expires_at:
            raise Refusal("link_dead")
        registration_id = UUID(secret.subject.removeprefix("registration/"))
        row = await session.get(RegistrationRow, registration_id)
        # What is over needs no way back in; the session would outlive the person's wish to end it.
        if row is None or State(row.state).is_final:
            raise Refusal("link_dead")
        secret.used_at = now
    token = await sessions.begin(gate, SessionKind.REGISTRATION, registration_id, client=client, token=token)
    return registration_id, token
