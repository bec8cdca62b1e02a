"""A registration's records without Temporal: the same steps as the workflow's, at a time that the test sets."""

import itertools
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from db.audit import AuditEntry
from db.registration_records import SqlRegistrationRecords
from db.registration_steps import subject_of
from db.registrations import OneTimeSecret, RegistrationRow
from domain.identifiers import Amount, DocumentNumber
from domain.limits import Limits
from domain.registration import (
    ATTESTATION_VERSION,
    JudgeCode,
    JudgePayment,
    ProvePayment,
    RecordClosed,
    RecordCodeIssued,
    Recorded,
    RecordOpened,
    StartRegistration,
    State,
)
from portal.registering import reference_of
from tests.house import Clinic, House, key

_LIFE = timedelta(days=30)


class Desk:
    """Plays the workflow's part: counts revisions and says what time it is."""

    def __init__(self, house: House, limits: Limits | None = None) -> None:
        self.house = house
        self.records = SqlRegistrationRecords(house.database, house.vault, limits or Limits())
        self.at = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
        self._revisions: dict[UUID, itertools.count[int]] = {}

    def with_limits(self, **limits: object) -> "Desk":
        return Desk(self.house, Limits.model_validate(limits))

    def step(self, registration_id: UUID) -> dict[str, object]:
        """What every command carries; a new revision each time."""
        return {
            "registration_id": str(registration_id),
            "revision": next(self._revisions.setdefault(registration_id, itertools.count(1))),
            "at": self.at,
        }

    async def opened(self, email: str | None = None) -> UUID:
        registration_id = uuid.uuid4()
        start = StartRegistration(
            registration_id=str(registration_id),
            reference=reference_of(registration_id),
            name="Jo Example",
            email=email or f"jo-{key()}@clinic.example.org",
            attestation_version=ATTESTATION_VERSION,
        )
        cmd = RecordOpened.model_validate({**self.step(registration_id), "start": start, "deadline": self.at + _LIFE})
        await self.records.open(cmd)
        return registration_id

    async def code_digest(self, registration_id: UUID, *, generation: int = 1) -> str:
        """The digest of the code that was issued."""
        async with self.house.database.read() as session:
            secret = await session.get_one(OneTimeSecret, (subject_of(str(registration_id)), "code", generation))
        return secret.digest

    async def judge_code(
        self, registration_id: UUID, *, digest: str, generation: int = 1, expires_at: datetime | None = None
    ) -> Recorded:
        cmd = JudgeCode.model_validate(
            {
                **self.step(registration_id),
                "generation": generation,
                "code_digest": digest,
                "code_expires_at": expires_at,
                "deadline": self.at + _LIFE,
            }
        )
        return await self.records.judge_code(cmd)

    async def issue_code(self, registration_id: UUID, *, generation: int) -> Recorded:
        return await self.records.issue_code(
            RecordCodeIssued.model_validate({**self.step(registration_id), "generation": generation})
        )

    async def proving(self, email: str | None = None) -> UUID:
        registration_id = await self.opened(email)
        await self.judge_code(registration_id, digest=await self.code_digest(registration_id))
        return registration_id

    def proof(self, clinic: Clinic, *, caller: str | None = None, **changes: object) -> ProvePayment:
        document = DocumentNumber.parse(clinic.check)
        claim = {
            "tin": clinic.tin,
            "vendor": clinic.vendor,
            "ledger": document.ledger.value,
            "number": document.number,
            "amount_cents": Amount.parse(clinic.amount).cents,
            "caller_digest": self.house.vault.digest("caller", caller or key()),
        }
        return ProvePayment.model_validate({**claim, **changes})

    def judging(self, registration_id: UUID, proof: ProvePayment) -> JudgePayment:
        return JudgePayment.model_validate({**self.step(registration_id), "proof": proof, "deadline": self.at + _LIFE})

    async def prove(
        self, registration_id: UUID, clinic: Clinic, *, caller: str | None = None, **changes: object
    ) -> Recorded:
        return await self.records.judge_payment(
            self.judging(registration_id, self.proof(clinic, caller=caller, **changes))
        )

    async def close(self, registration_id: UUID, state: State) -> Recorded:
        return await self.records.close(RecordClosed.model_validate({**self.step(registration_id), "state": state}))

    async def row(self, registration_id: UUID) -> RegistrationRow:
        async with self.house.database.read() as session:
            return await session.get_one(RegistrationRow, registration_id)

    async def audit(self, registration_id: UUID) -> Sequence[AuditEntry]:
        """The registration's entries in their order."""
        async with self.house.database.read() as session:
            found = await session.scalars(
                select(AuditEntry)
                .where(col(AuditEntry.subject) == subject_of(str(registration_id)))
                .order_by(col(AuditEntry.position))
            )
            return found.all()
