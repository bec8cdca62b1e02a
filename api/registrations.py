"""Registering: from a name and an address to an account with access, one step at a time."""

from typing import Final

from fastapi import APIRouter, Response, status

from api.dependencies import Caller, ClientName, GateDep, Key, NoBody, OwnRegistration, OwnRegistrationSession
from api.models import (
    AccountRequest,
    BillingServiceRequest,
    CodeRequest,
    PaymentProofRequest,
    RecoveryCodesAnswer,
    RegistrationAnswer,
    RegistrationRequest,
    RegistrationStarted,
    SecondFactorAnswer,
    StepDone,
)
from api.problems import problems
from domain.registration import StepResult
from portal import account_setup, registering
from portal.gate import remember_key
from portal.refusals import Refusal
from portal.registration_view import view_registration

router = APIRouter(prefix="/api/v1/registrations", tags=["Registering"])

POSTED: Final = (
    "malformed_body", "idempotency_key_missing", "idempotency_key_malformed", "body_too_large", "unsupported_media_type",
    "invalid_fields", "key_reused",
)  # fmt: skip
"""What any POST can be refused for."""

OWN: Final = ("signed_out", "not_found")
"""What whatever is one's own can be refused for."""
_OVER: Final = (
    "registration_completed", "registration_expired", "registration_locked", "registration_rejected", "registration_withdrawn",
)  # fmt: skip
STEP: Final = (*POSTED, *OWN, *_OVER, "cross_site", "wrong_state")
"""What a step of a registration can be refused for, whatever it is."""


def accepted(result: StepResult) -> StepResult:
    """Raises `Refusal` for a step that was looked at and isn't accepted."""
    if not result.accepted:
        raise Refusal(result.code, state=result.state, retry_at=result.retry_at, tries_left=result.tries_left)
    return result


def done(result: StepResult) -> StepDone:
    """The answer to a step. Raises `Refusal` for one that was looked at and isn't accepted."""
    return StepDone.of(accepted(result).state)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Begin a registration",
    responses=problems(*POSTED, "too_many_tries"),
)
async def start_registration(
    *, body: RegistrationRequest, response: Response, gate: GateDep, key: Key, caller: Caller, client: ClientName
) -> RegistrationStarted:
    """A code is e-mailed to the address. The answer doesn't tell whether the address has an account already."""
    started = await registering.start(
        gate, name=body.name, email=body.email, attested=body.attested, key=key, caller=caller, client=client
    )
    response.headers["Location"] = f"{router.prefix}/{started.registration_id}"
    return RegistrationStarted.of(started)


@router.get("/{registration_id}", summary="See where a registration stands", responses=problems(*OWN))
async def show_registration(registration_id: OwnRegistration, gate: GateDep) -> RegistrationAnswer:
    """Read from the database, so also while other parts of the system are away."""
    return RegistrationAnswer.of(await view_registration(gate, registration_id))


@router.post(
    "/{registration_id}/email-code", summary="Have another code e-mailed", responses=problems(*STEP, "codes_limit"), dependencies=[NoBody],
)  # fmt: skip
async def send_email_code(registration_id: OwnRegistration, gate: GateDep, key: Key) -> StepDone:
    """The new code takes the place of the one before."""
    return done(await registering.send_code(gate, registration_id, key=key))


@router.post(
    "/{registration_id}/email-confirmation", summary="Enter the e-mailed code",
    responses=problems(*STEP, "code_wrong", "code_expired", "code_tries_used"),
)  # fmt: skip
async def confirm_email(registration_id: OwnRegistration, body: CodeRequest, gate: GateDep, key: Key) -> StepDone:
    """Wrong codes are counted; something that can't be a code isn't."""
    return done(await registering.confirm_email(gate, registration_id, code=body.code, key=key))


@router.post(
    "/{registration_id}/payment-proof", summary="Prove the organization with a payment or a notice",
    responses=problems(*STEP, "payment_no_match", "payment_paused", "payment_letter_only", "access_open_already", "account_closed"),
)  # fmt: skip
async def prove_payment(
    registration_id: OwnRegistration, body: PaymentProofRequest, gate: GateDep, key: Key, caller: Caller
) -> StepDone:
    """A mismatch is counted and never tells which field it was; numbers that can't exist are refused without counting."""
    return done(
        await registering.prove_payment(
            gate, registration_id, tin=body.tin, vendor=body.vendor, npi=body.npi, document=body.document, amount=body.amount, key=key, caller=caller
        )
    )  # fmt: skip


@router.post(
    "/{registration_id}/billing-service", summary="Register a billing service instead of proving a provider",
    responses=problems(
        *STEP, "tin_is_provider", "billing_service_registered", "too_many_tries", "name_is_organization", "access_open_already", "account_closed"
    ),
)  # fmt: skip
async def register_billing_service(
    registration_id: OwnRegistration, body: BillingServiceRequest, gate: GateDep, key: Key, caller: Caller
) -> StepDone:
    """With its own Tax ID: a provider's is refused, and counted like a payment proof. It sees no provider until one says yes."""
    return done(
        await registering.register_billing_service(
            gate, registration_id, name=body.name, tin=body.tin, key=key, caller=caller
        )
    )


@router.post(
    "/{registration_id}/reconsider", summary="Go back and register for something else", responses=problems(*STEP), dependencies=[NoBody],
)  # fmt: skip
async def reconsider(registration_id: OwnRegistration, gate: GateDep, key: Key) -> StepDone:
    """For who took the wrong path: what proved the organization is let go, name and address stay confirmed."""
    return done(await registering.reconsider(gate, registration_id, key=key))


@router.post(
    "/{registration_id}/account", summary="Choose the account's name and password",
    responses=problems(*STEP, "name_is_organization", "name_needs_attestation", "proof_no_longer_good"),
)  # fmt: skip
async def set_up_account(registration_id: OwnRegistration, body: AccountRequest, gate: GateDep, key: Key) -> StepDone:
    """May be done again until the second factor is confirmed; each time there is a new second factor."""
    return done(
        await account_setup.set_up_account(
            gate,
            registration_id,
            name=body.name,
            password=body.password,
            attests_own_name=body.attests_own_name,
            key=key,
        )
    )


@router.get(
    "/{registration_id}/second-factor", summary="Get the key for an authenticator app",
    responses=problems(*OWN, *_OVER, "wrong_state", "second_factor_unconfirmed"),
)  # fmt: skip
async def show_second_factor(registration_id: OwnRegistration, gate: GateDep) -> SecondFactorAnswer:
    """Only while the second factor waits to be confirmed."""
    factor = await account_setup.second_factor(gate, registration_id)
    return SecondFactorAnswer(secret=factor.secret, uri=factor.uri)


@router.post(
    "/{registration_id}/second-factor", summary="Confirm the second factor: the account is made",
    responses=problems(
        *STEP, "second_factor_wrong", "second_factor_unconfirmed", "too_many_tries", "email_taken", "proof_no_longer_good",
        "tin_is_provider", "billing_service_registered",
    ),
)  # fmt: skip
async def confirm_second_factor(
    registration_id: OwnRegistration, own: OwnRegistrationSession, body: CodeRequest, gate: GateDep, key: Key
) -> StepDone:
    """The right code completes the registration and opens the access at once; every other token of it ends."""
    return done(
        await account_setup.confirm_second_factor(
            gate, registration_id, code=body.code, key=key, session_id=own.session_id
        )
    )


@router.get(
    "/{registration_id}/recovery-codes",
    summary="Get the recovery codes",
    responses=problems(*OWN, *_OVER, "wrong_state"),
)
async def show_recovery_codes(registration_id: OwnRegistration, gate: GateDep) -> RecoveryCodesAnswer:
    """After completion and until they're reported saved; then they're gone for good."""
    return RecoveryCodesAnswer(codes=await account_setup.recovery_codes(gate, registration_id))


@router.post(
    "/{registration_id}/recovery-codes/saved", summary="Report the recovery codes saved", status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(*POSTED, *OWN, "cross_site"), dependencies=[NoBody],
)  # fmt: skip
async def report_recovery_codes_saved(registration_id: OwnRegistration, gate: GateDep, key: Key) -> None:
    """They're forgotten in clear. Again is the same as once."""
    await remember_key(gate, scope=f"{registration_id}/recovery-codes-saved", key=key, body="")
    await account_setup.recovery_codes_saved(gate, registration_id)


@router.post(
    "/{registration_id}/withdrawal",
    summary="Withdraw the registration",
    responses=problems(*STEP),
    dependencies=[NoBody],
)
async def withdraw_registration(registration_id: OwnRegistration, gate: GateDep, key: Key) -> StepDone:
    """Ends it for good; the payment that proved it can prove another one."""
    return done(await registering.withdraw(gate, registration_id, key=key))
