"""I2: the same key and body give the same result, another body is refused without effect; a step happens once."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pyotp
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from db.accounts import SessionRow
from db.recording import SupersededCommand
from db.registrations import AppliedCommand, Counter, Credential, RegistrationRow
from domain.registration import Code, RecordClosed, State, StepResult
from portal import account_setup, registering
from portal.refusals import Refusal
from portal.registration_view import view_registration
from tests.house import PASSWORD, House, code_in, key
from tests.registration.desk import Desk

FORM: dict[str, Any] = {"name": "Jo Example", "attested": True, "client": "test"}


async def begin(house: House, **form: str):
    return await registering.start(house.gate, **{**FORM, "caller": key(), **form})


async def refused_code(call: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.code


async def test_I2_the_same_start_twice_is_one_registration_with_one_token(house_on_both: House):
    house = house_on_both
    form = {"email": f"same-{key()}@clinic.example.org", "key": key()}
    first = await begin(house, **form)
    code = code_in(await house.mail(to=form["email"], subject="code"))
    await registering.confirm_email(house.gate, first.registration_id, code=code, key=key())
    assert await begin(house, **form) == first
    assert len(house.mails(to=form["email"])) == 1


async def test_I2_the_same_start_at_the_same_moment_is_one_registration(house_on_both: House):
    house = house_on_both
    form = {"email": f"double-{key()}@clinic.example.org", "key": key()}
    started = await asyncio.gather(*(begin(house, **form) for _ in range(5)))
    assert len(set(map(str, started))) == 1
    async with house.database.read() as session:
        digest = house.vault.digest("email", form["email"])
        rows = await session.scalar(
            select(func.count()).select_from(RegistrationRow).where(col(RegistrationRow.email_digest) == digest)
        )
        assert rows == 1
        sessions = await session.scalar(
            select(func.count()).select_from(SessionRow).where(col(SessionRow.subject_id) == started[0].registration_id)
        )
    assert sessions == 1
    await house.quiet(started[0].registration_id)
    assert len(house.mails(to=form["email"])) == 1


async def test_I2_a_start_with_the_same_key_and_another_body_is_refused(house: House):
    form = {"email": f"same-{key()}@clinic.example.org", "key": key()}
    await begin(house, **form)
    other = f"other-{key()}@clinic.example.org"
    assert await refused_code(begin(house, **{**form, "email": other})) == "key_reused"
    assert await refused_code(begin(house, **{**form, "name": "Dana Example"})) == "key_reused"
    assert not house.mails(to=other)


async def test_I2_a_start_repeated_after_its_end_tells_how_it_ended(house: House):
    form = {"email": f"ended-{key()}@clinic.example.org", "key": key()}
    first = await begin(house, **form)
    await registering.withdraw(house.gate, first.registration_id, key=key())
    await house.handle(first.registration_id).result()
    again = await begin(house, **form)
    assert (again.registration_id, again.token, again.reference) == (
        first.registration_id,
        first.token,
        first.reference,
    )
    assert again.result.state in {State.WITHDRAWN, State.CONFIRMING_EMAIL}
    assert (await view_registration(house.gate, first.registration_id)).state is State.WITHDRAWN


async def test_I2_a_wrong_code_sent_twice_counts_once_also_at_the_same_moment(house_on_both: House):
    house = house_on_both
    started = await house.start()
    same = key()

    async def send(code: str = "000000") -> StepResult:
        return await registering.confirm_email(house.gate, started.registration_id, code=code, key=same)

    answers = [*await asyncio.gather(send(), send(), send()), await send()]
    assert {answer.model_dump_json() for answer in answers} == {answers[0].model_dump_json()}
    assert answers[0].tries_left == 4
    assert await refused_code(send("000001")) == "key_reused"
    other = await registering.confirm_email(house.gate, started.registration_id, code="000000", key=key())
    assert other.tries_left == 3


async def test_I2_a_proof_sent_twice_has_one_answer_also_after_the_registration_went_on(house_on_both: House):
    house = house_on_both
    clinic, same = await house.new_clinic(), key()
    started = await house.confirmed()
    wrong = [await house.prove(started, clinic, amount="1", key=same) for _ in range(2)]
    assert wrong[0] == wrong[1]
    assert await refused_code(house.prove(started, clinic, key=same)) == "key_reused"
    assert (await view_registration(house.gate, started.registration_id)).state is State.PROVING
    right = key()
    first = await house.prove(started, clinic, key=right, caller="198.51.100.7")
    again = await house.prove(started, clinic, key=right, caller="198.51.100.8")
    assert first == again
    assert first.accepted


async def test_I2_account_and_second_factor_sent_twice_have_one_answer(house_on_both: House):
    house = house_on_both
    started = await house.proved(await house.new_clinic())
    rid, setting_up, confirming = started.registration_id, key(), key()

    async def set_up(password: str = PASSWORD, same: str = setting_up) -> StepResult:
        return await account_setup.set_up_account(
            house.gate, rid, name="Jo Example", password=password, attests_own_name=False, key=same
        )

    answers = [*await asyncio.gather(set_up(), set_up()), await set_up()]
    assert {answer.model_dump_json() for answer in answers} == {answers[0].model_dump_json()}
    async with house.database.read() as session:
        credentials = await session.scalar(
            select(func.count()).select_from(Credential).where(col(Credential.registration_id) == rid)
        )
    assert credentials == 1
    assert await refused_code(set_up(password="another quiet harbour lantern")) == "key_reused"

    secret = (await account_setup.second_factor(house.gate, rid)).secret
    code = pyotp.TOTP(secret).now()

    async def confirm(code: str = code, same: str = confirming) -> StepResult:
        return await account_setup.confirm_second_factor(house.gate, rid, code=code, key=same)

    first = await confirm()
    assert (first.accepted, first.state) == (True, State.COMPLETED)
    assert await confirm() == first
    assert await set_up() == answers[0]
    assert await refused_code(confirm(same=key())) == "registration_completed"
    assert await refused_code(set_up(same=key())) == "registration_completed"


async def test_I2_another_second_factor_code_under_the_same_key_is_refused(house: House):
    started = await house.proved(await house.new_clinic())
    rid, same = started.registration_id, key()
    await account_setup.set_up_account(
        house.gate, rid, name="Jo Example", password=PASSWORD, attests_own_name=False, key=key()
    )
    secret = (await account_setup.second_factor(house.gate, rid)).secret
    right = pyotp.TOTP(secret).now()
    wrong = "000000" if right != "000000" else "000001"

    async def confirm(code: str) -> StepResult:
        return await account_setup.confirm_second_factor(house.gate, rid, code=code, key=same)

    assert await refused_code(confirm(wrong)) == "second_factor_wrong"
    assert await refused_code(confirm(right)) == "key_reused"
    assert (await view_registration(house.gate, rid)).state is State.SECURING_ACCOUNT


async def test_I2_the_same_command_twice_is_one_change_with_one_entry_and_one_outcome(desk_on_both: Desk):
    desk = desk_on_both
    registration = await desk.proving()
    clinic = await desk.house.new_clinic(issued_on=desk.at.date())
    entries = len(await desk.audit(registration))
    cmd = desk.judging(registration, desk.proof(clinic, amount_cents=1))
    first = await desk.records.judge_payment(cmd)
    assert await desk.records.judge_payment(cmd) == first
    assert first.tries_left == 4
    assert len(await desk.audit(registration)) == entries + 1
    async with desk.house.database.read() as session:
        counter = await session.get(Counter, ("payment", str(registration)))
        applied = await session.get(AppliedCommand, (f"registration/{registration}", cmd.revision))
    assert counter is not None
    assert counter.count == 1
    assert applied is not None


async def test_I2_concurrent_duplicates_of_an_activity_are_one_change(desk_on_both: Desk):
    """A local activity that timed out may still run while it is tried again."""
    desk = desk_on_both
    clinic = await desk.house.new_clinic(issued_on=desk.at.date())
    registration = await desk.proving()
    cmd = desk.judging(registration, desk.proof(clinic))
    outcomes = await asyncio.gather(*(desk.records.judge_payment(cmd) for _ in range(5)))
    assert {outcome.model_dump_json() for outcome in outcomes} == {outcomes[0].model_dump_json()}
    assert outcomes[0].accepted
    assert [entry.action for entry in await desk.audit(registration)].count("registration.payment_judged") == 1


async def test_a_step_older_than_what_is_recorded_changes_nothing(desk_on_both: Desk):
    desk = desk_on_both
    registration = await desk.proving()
    clinic = await desk.house.new_clinic(issued_on=desk.at.date())
    late = desk.judging(registration, desk.proof(clinic))
    await desk.close(registration, State.WITHDRAWN)
    before = len(await desk.audit(registration))
    with pytest.raises(SupersededCommand):
        await desk.records.judge_payment(late)
    assert (await desk.row(registration)).state == State.WITHDRAWN
    assert len(await desk.audit(registration)) == before


async def test_recovery_codes_cant_be_given_up_before_they_were_shown(house: House):
    """Reporting them as saved too early must not keep the registration from completing."""
    started = await house.proved(await house.new_clinic())
    rid = started.registration_id
    await account_setup.set_up_account(
        house.gate, rid, name="Jo Example", password=PASSWORD, attests_own_name=False, key=key()
    )
    assert await refused_code(account_setup.recovery_codes_saved(house.gate, rid)) == "wrong_state"
    secret = (await account_setup.second_factor(house.gate, rid)).secret
    result = await account_setup.confirm_second_factor(house.gate, rid, code=pyotp.TOTP(secret).now(), key=key())
    assert result.code is Code.OK
    assert len(await account_setup.recovery_codes(house.gate, rid)) == house.gate.limits.recovery_codes
    await account_setup.recovery_codes_saved(house.gate, rid)
    await account_setup.recovery_codes_saved(house.gate, rid)
    assert await refused_code(account_setup.recovery_codes(house.gate, rid)) == "not_found"


async def test_I1_a_workflow_started_again_by_hand_gets_no_answers_of_other_steps(desk: Desk):
    """It counts its steps from one again: what is recorded under those numbers isn't its own."""
    registration = await desk.proving()
    before = await desk.row(registration)
    cmd = RecordClosed(registration_id=str(registration), revision=1, at=desk.at, state=State.WITHDRAWN)
    with pytest.raises(SupersededCommand):
        await desk.records.close(cmd)
    after = await desk.row(registration)
    assert (after.state, after.revision) == (before.state, before.revision)
