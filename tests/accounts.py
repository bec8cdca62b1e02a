"""People with an account, for tests of what comes after registering: all that a registration records, without its workflow."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pyotp
from sqlalchemy import select, update
from sqlmodel import col

from db.accounts import Access
from db.registration_records import SqlRegistrationRecords
from db.registration_steps import subject_of
from db.registrations import MailRow, OneTimeSecret
from domain.registration import (
    ATTESTATION_VERSION,
    JudgeCode,
    JudgePayment,
    RecordAccount,
    RecordCompleted,
    Recorded,
    RecordOpened,
    SetUpAccount,
    StartRegistration,
    StepResult,
)
from portal import account_setup, sessions
from portal.fields import read_proof
from portal.registering import Started, reference_of
from portal.sessions import SessionKind
from tests.house import PASSWORD, Clinic, House, key


async def with_account(house: House, clinic: Clinic, *, email: str, name: str = "Jo Example") -> tuple[Started, str]:
    """Like `House.registered`: what the records and the portal's tables hold afterwards is the same, but no mail is sent.

    A person who isn't the clinic's first registers wholly: the others are told by workflows.
    """
    if await _has_people(house, clinic):
        started = await house.proved(clinic, email=email, name=name)
        return started, await house.secured(started, name=name)
    return await _Recording(house, uuid4()).run(clinic, email=email, name=name)


async def _has_people(house: House, clinic: Clinic) -> bool:
    async with house.database.read() as session:
        return await session.scalar(select(Access).where(col(Access.organization_id) == clinic.id).limit(1)) is not None


class _Recording:
    def __init__(self, house: House, registration_id: UUID) -> None:
        self.house = house
        self.id = registration_id
        self.revision = 0
        limits = house.gate.limits
        self.records = SqlRegistrationRecords(house.database, house.vault, limits, house.gate.zone)
        self.deadline = datetime.now(UTC) + limits.registration_life

    def next(self) -> dict[str, object]:
        self.revision += 1
        return {
            "registration_id": str(self.id),
            "revision": self.revision,
            "at": datetime.now(UTC),
            "deadline": self.deadline,
        }

    async def run(self, clinic: Clinic, *, email: str, name: str) -> tuple[Started, str]:
        house, gate, records = self.house, self.house.gate, self.records
        reference = reference_of(self.id)
        start = StartRegistration(
            registration_id=str(self.id),
            reference=reference,
            name=name,
            email=email,
            attestation_version=ATTESTATION_VERSION,
        )
        _accepted(await records.open(RecordOpened(**self.next(), start=start)))
        async with house.database.read() as session:
            code = await session.get_one(OneTimeSecret, (subject_of(str(self.id)), "code", 1))
        expires_at = datetime.now(UTC) + timedelta(minutes=10)
        judged = JudgeCode(**self.next(), generation=1, code_digest=code.digest, code_expires_at=expires_at)
        _accepted(await records.judge_code(judged))
        proof = read_proof(
            tin=clinic.tin, vendor=clinic.vendor, npi="", document=clinic.check, amount=clinic.amount,
            caller_digest=house.vault.digest("caller", key()),
        )  # fmt: skip
        _accepted(await records.judge_payment(JudgePayment(**self.next(), proof=proof)))
        credential_id = str(await account_setup.keep_credential(gate, self.id, key=key(), password=PASSWORD))
        account = SetUpAccount(credential_id=credential_id, name=name)
        _accepted(await records.set_up_account(RecordAccount(**self.next(), account=account)))
        secret = (await account_setup.second_factor(gate, self.id)).secret
        await account_setup.confirm_factor(gate, self.id, pyotp.TOTP(secret).now())
        last = _accepted(await records.complete(RecordCompleted(**self.next(), credential_id=credential_id)))
        async with house.database.write() as session:
            mails = update(MailRow).where(col(MailRow.subject) == subject_of(str(self.id)))
            await session.execute(mails.values(state="dropped"))
        token = await sessions.begin(gate, SessionKind.REGISTRATION, self.id, client="test")
        result = StepResult(accepted=True, code=last.code, state=last.state)
        return Started(self.id, reference, token, result), secret


def _accepted(recorded: Recorded) -> Recorded:
    assert recorded.accepted, recorded
    return recorded
