"""Large organizations: everyone is told, however many they are (P9)."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import func, select
from sqlmodel import col

from db.accounts import Access, Account
from db.departures import NewcomerNotice
from db.registrations import Evidence
from tests.departures.conftest import Practice


async def test_P9_forty_colleagues_are_told_of_one_newcomer(practice_on_both: Practice):
    practice = practice_on_both
    house, now = practice.house, practice.gate.now() - timedelta(days=1)
    clinic = await house.new_clinic()
    first = await practice.administrator(clinic)
    async with house.database.write() as session:
        pattern = await session.get_one(Account, first.account_id)
        for _ in range(40):
            address = f"{uuid4().hex}@clinic.example.org"
            evidence = Evidence(kind="staff", organization_id=clinic.id, matched_at=now)
            account = Account(
                email_digest=house.vault.digest("email", address),
                email_sealed=house.vault.seal("email", address),
                name_sealed=pattern.name_sealed,
                password_hash=pattern.password_hash,
                second_factor_sealed=pattern.second_factor_sealed,
                attestation_version=pattern.attestation_version,
                attested_at=now,
                created_at=now,
            )
            session.add_all([evidence, account])
            await session.flush()
            session.add(
                Access(
                    account_id=account.id,
                    organization_id=clinic.id,
                    evidence_id=evidence.id,
                    via="staff",
                    role="member",
                    opened_at=now,
                )
            )
    successor = await practice.successor(clinic)
    async with house.database.read() as session:
        told = await session.scalar(
            select(func.count())
            .select_from(NewcomerNotice)
            .where(col(NewcomerNotice.registration_id) == successor.started.registration_id)
        )
    assert told == 41
