"""Many at once, too late, and with nobody at work: one outcome, no guess too many, nothing lost (I5, I13, T1, T7, B1)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from domain.authorization import State
from domain.limits import Limits
from domain.ports import RecordsUnavailable
from ops.keys import Keyring
from ops.mailbox import MailSink
from portal import answer_sheet, deciding
from portal.refusals import Refusal
from portal.sessions import Principal
from portal.sitting import Outcome, Sitting, view_sitting
from tests.authorization.scenes import Service, new_billing_service, row_of, state_of, worker_on
from tests.authorization.test_decisions import quiet
from tests.authorization.test_time import days_later
from tests.deciding.conftest import asked
from tests.deciding.contact import another, decisions_of, grants_of, outcomes_of, until
from tests.house import House, key, open_house

MOMENT = timedelta(microseconds=1)


@pytest.fixture
async def generous_house(
    temporal: Client, keyring: Keyring, keyring_text: str, database_url: str, tmp_path: Path
) -> AsyncIterator[House]:
    """One that sends as many codes as fifty people ask for."""
    async with (
        MailSink(tmp_path / "mailbox") as sink,
        open_house(
            client=temporal, keyring=keyring, keyring_text=keyring_text, url=database_url, sink=sink, folder=tmp_path,
            limits=Limits(decision_tries=100, decision_codes_per_hour=100),
        ) as house,
    ):  # fmt: skip
        yield house


async def test_I5_fifty_contradictory_answers_at_once_have_one_outcome(generous_house: House):
    house = generous_house
    request, contact = await asked(house, await new_billing_service(house))
    begun = [await contact.begun(request, "approve" if number % 2 else "decline") for number in range(50)]

    async def confirm(sitting: Principal, code: str) -> Sitting:
        same = key()
        while True:
            try:
                return await deciding.confirm(house.gate, sitting, code=code, key=same)
            except RecordsUnavailable:  # more at once than the database has connections: asked again with the same key
                await asyncio.sleep(0.1)

    found = await asyncio.gather(*(confirm(sitting, code) for sitting, code in begun))
    told = [sitting.answers[0].outcome for sitting in found]
    assert {*told} <= {Outcome.APPROVED, Outcome.DECLINED, Outcome.SUPERSEDED, Outcome.PENDING}

    async def settled() -> list[str] | None:
        rows = await decisions_of(house, request)
        return [row.outcome for row in rows if row.outcome] if all(row.outcome for row in rows) else None

    outcomes = await until(settled)
    assert sorted(outcomes) == ["applied"] + ["superseded"] * 49
    row = await row_of(house, request)
    [applied] = [one for one in await decisions_of(house, request) if one.outcome == "applied"]
    assert row.decision_id == applied.id
    assert row.state == (State.APPROVED if applied.choice == "approve" else State.DECLINED)
    assert await grants_of(house, request) == (1 if applied.choice == "approve" else 0)
    assert len(house.mails(to=contact.email, subject="A request for access was answered")) <= 1


async def test_I13_fifty_wrong_codes_at_once_are_five_tries(house_on_both: House):
    house = house_on_both
    request, contact = await asked(house, await new_billing_service(house))
    sitting, code = await contact.begun(request)

    async def guess(number: int) -> str:
        wrong = f"{(int(code) + 1 + number) % 1_000_000:06}"
        with pytest.raises(Refusal) as refused:
            await deciding.confirm(house.gate, sitting, code=wrong, key=key())
        return refused.value.code

    told = await asyncio.gather(*(guess(number) for number in range(50)))
    assert told.count("code_wrong") == house.gate.limits.code_tries
    assert told.count("code_tries_used") == 50 - house.gate.limits.code_tries
    with pytest.raises(Refusal) as refused:
        await deciding.confirm(house.gate, sitting, code=code, key=key())
    assert refused.value.code == "code_tries_used"
    assert (await row_of(house, request)).state == State.SENT
    await deciding.send_code_again(house.gate, sitting, key=key())  # and the contact is not locked out
    code = await contact.code(after=1)
    assert (await deciding.confirm(house.gate, sitting, code=code, key=key())).answers[0].outcome is Outcome.APPROVED


async def test_I13_a_request_takes_twenty_wrong_codes_in_its_life_whatever_codes_are_sent(house: House):
    request, contact = await asked(house, await new_billing_service(house))
    sitting, code = await contact.begun(request)
    tries = house.gate.limits.decision_tries
    for number in range(tries):
        if number and number % house.gate.limits.code_tries == 0:
            await deciding.send_code_again(house.gate, sitting, key=key())
            code = await contact.code(after=number // house.gate.limits.code_tries)
        with pytest.raises(Refusal) as refused:
            await deciding.confirm(house.gate, sitting, code=another(code), key=key())
        assert refused.value.code == "code_wrong"
    await deciding.send_code_again(house.gate, sitting, key=key())
    code = await contact.code(after=tries // house.gate.limits.code_tries)
    with pytest.raises(Refusal) as refused:
        await deciding.confirm(house.gate, sitting, code=code, key=key())
    assert refused.value.code == "decision_tries_used"
    assert (await row_of(house, request)).state == State.SENT


async def test_I7_one_code_entered_fifty_times_at_once_is_one_decision(house_on_both: House):
    house = house_on_both
    request, contact = await asked(house, await new_billing_service(house))
    sitting, code = await contact.begun(request)

    async def enter() -> str:
        try:
            return (await deciding.confirm(house.gate, sitting, code=code, key=key())).answers[0].outcome
        except Refusal as refusal:
            return refusal.code

    told = {*await asyncio.gather(*(enter() for _ in range(50)))}
    assert told <= {Outcome.APPROVED, "code_tries_used"}
    assert Outcome.APPROVED in told
    assert len(await decisions_of(house, request)) == 1
    assert await outcomes_of(house, request) == {"approve": "applied"}
    assert await grants_of(house, request) == 1


async def test_T1_what_was_clicked_with_every_worker_down_is_applied_after_their_start(house: House):
    queue = f"test-{uuid4().hex}"
    service = await new_billing_service(house)
    async with worker_on(house, queue):
        request, contact = await asked(house, service, task_queue=queue)
        sitting, code = await contact.begun(request)
        await quiet(house, request)
    confirmation = key()
    found = await deciding.confirm(house.gate, sitting, code=code, key=confirmation)
    assert [answer.outcome for answer in found.answers] == [Outcome.PENDING]
    assert not found.is_settled
    again = await deciding.confirm(house.gate, sitting, code=code, key=confirmation)
    assert again == found
    assert await grants_of(house, request) == 0
    async with worker_on(house, queue):
        await state_of(house, request, wanted=State.APPROVED)
        assert await outcomes_of(house, request) == {"approve": "applied"}
    assert (await view_sitting(house.gate, sitting)).answers[0].outcome is Outcome.APPROVED
    assert await grants_of(house, request) == 1


async def test_T7_B1_at_the_deadline_nothing_is_written_and_just_before_it_all_is(house: House, service: Service):
    request, contact = await asked(house, service)
    link, deadline = await contact.link(request), (await row_of(house, request)).deadline
    for moment in (deadline, deadline + timedelta(seconds=1)):
        gate = replace(house.gate, now=partial(datetime.fromtimestamp, moment.timestamp(), UTC))
        with pytest.raises(Refusal) as refused:
            await answer_sheet.follow_link(gate, link)
        assert refused.value.code == "authorization_expired"
    in_time = replace(house.gate, now=lambda: deadline - MOMENT)
    assert (await answer_sheet.follow_link(in_time, link)).linked.id == request.id
    sitting, code = await contact.begun(request)
    at_deadline = replace(house.gate, now=lambda: deadline)
    with pytest.raises(Refusal) as refused:
        await deciding.confirm(at_deadline, sitting, code=code, key=key())
    assert refused.value.code == "authorization_expired"
    with pytest.raises(Refusal) as refused:
        await deciding.send_code_again(at_deadline, sitting, key=key())
    assert refused.value.code == "authorization_expired"
    assert [one.confirmed_at for one in await decisions_of(house, request)] == [None]
    found = await deciding.confirm(house.gate, sitting, code=code, key=key())
    assert found.answers[0].outcome is Outcome.APPROVED


async def test_T7_a_late_click_is_told_that_it_expired_also_after_the_code_was_asked_for(house: House):
    request, contact = await asked(house, await new_billing_service(house))
    link = await contact.link(request)
    sitting, code = await contact.begun(request)
    await quiet(house, request)
    await days_later(house, request, 30)
    await state_of(house, request, wanted=State.EXPIRED)
    for attempt in (
        answer_sheet.follow_link(house.gate, link),
        deciding.send_code_again(house.gate, sitting, key=key()),
        contact.begin(request, link=link),
    ):
        with pytest.raises(Refusal) as refused:
            await attempt
        assert (refused.value.code, refused.value.kind) == ("authorization_expired", "over")
    found = await deciding.confirm(house.gate, sitting, code=code, key=key())
    assert found.answers[0].outcome is Outcome.SUPERSEDED
    assert found.answers[0].state == State.EXPIRED
    assert await grants_of(house, request) == 0
    assert await outcomes_of(house, request) == {"approve": "superseded"}
    await contact.mail(subject="A request for access is over")


async def test_I13_a_wrong_code_does_not_tell_how_near_it_was(house: House, service: Service):
    request, contact = await asked(house, service)
    sitting, code = await contact.begun(request)
    for wrong in (another(code), "000000" if code != "000000" else "111111"):
        with pytest.raises(Refusal) as refused:
            await deciding.confirm(house.gate, sitting, code=wrong, key=key())
        assert refused.value.code == "code_wrong"
    for malformed in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦"):
        with pytest.raises(Refusal) as refused:
            await deciding.confirm(house.gate, sitting, code=malformed, key=key())
        assert refused.value.code == "invalid_fields"
    spaced = f" {code[:3]} {code[3:]} "
    assert (await deciding.confirm(house.gate, sitting, code=spaced, key=key())).is_confirmed
