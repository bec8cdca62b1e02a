"""What is spent goes after a time; what may be needed, and audit and evidence, stay."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import func, select, update
from sqlmodel import SQLModel, col

from db.accounts import SessionRow
from db.audit import AuditEntry, broken_at
from db.registrations import Counter, Evidence, IdempotencyKey, OneTimeSecret, RegistrationRow
from domain.housekeeping import Purged
from portal import registering
from tests.colleagues.office import Office, new_address
from tests.house import House, code_in, key
from workflows.housekeeping import Purging


async def purged(house: House) -> dict[str, int]:
    done: Purged = await house.client.execute_workflow(
        Purging.run, id=f"purging-{key()}", task_queue=house.settings.task_queue
    )
    return done.rows


async def number_of(house: House, table: type[SQLModel]) -> int:
    async with house.database.read() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def test_what_is_older_than_thirty_days_goes_and_nothing_younger(house: House):
    office = Office(house)
    await office.administrator()
    waiting = await house.start()
    await house.quiet(waiting.registration_id)
    old, young = datetime.now(UTC) - timedelta(days=31), datetime.now(UTC) - timedelta(days=29)
    async with house.database.write() as session:
        await session.execute(update(IdempotencyKey).values(at=young))
        session.add(IdempotencyKey(scope="test", key="old", body_digest="x", at=old))
        await session.execute(update(Counter).where(col(Counter.scope) == "codes").values(window_ends_at=old))
        for number, moment in enumerate((old, young)):
            session.add(
                SessionRow(
                    token_digest=f"test{number}", kind="account", subject_id=uuid4(), created_at=moment,
                    used_at=moment, expires_at=moment,
                )
            )  # fmt: skip
            for purpose in ("resume", "invitation"):
                session.add(
                    OneTimeSecret(
                        subject=f"test/{number}", purpose=purpose, generation=1, digest="x", expires_at=moment
                    )
                )
    before = {table: await number_of(house, table) for table in (AuditEntry, Evidence, IdempotencyKey)}
    gone = await purged(house)
    assert gone["idempotency_key"] == 1
    assert gone["session"] == 1
    assert gone["counter"] >= 1
    assert gone["one_time_secret"] == 1  # the resume link; a dead invitation's link still says that it's dead (I8)
    assert await number_of(house, AuditEntry) == before[AuditEntry]
    assert await number_of(house, Evidence) == before[Evidence]
    assert await number_of(house, IdempotencyKey) == before[IdempotencyKey] - 1
    async with house.database.read() as session:
        assert await broken_at(session) is None
    assert sum((await purged(house)).values()) == 0
    code = await registering.send_code(house.gate, waiting.registration_id, key=key())
    assert code.accepted


async def test_a_code_that_nobody_entered_goes_with_its_registration_only(house: House):
    email = new_address()
    ended, waiting = await house.start(), await house.start(email=email)
    code = code_in(await house.mail(to=email, subject="code"))
    await house.quiet(ended.registration_id)
    await registering.withdraw(house.gate, ended.registration_id, key=key())
    await house.handle(ended.registration_id).result()
    async with house.database.write() as session:
        await session.execute(update(RegistrationRow).values(updated_at=datetime.now(UTC) - timedelta(days=31)))
    assert (await purged(house))["one_time_secret"] == 1
    assert (await registering.confirm_email(house.gate, waiting.registration_id, code=code, key=key())).accepted
