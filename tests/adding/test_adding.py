"""Adding a TIN or NPI to an account (P10): the same proofs, no new registration, a clock of its own."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from db.accounts import Access
from db.registrations import Evidence
from domain.registration import Code, State
from portal import account, adding, sessions
from portal.refusals import Refusal
from portal.registration_view import view_registration
from portal.sessions import Principal, SessionKind
from tests.accounts import with_account
from tests.by_mail.conftest import PostOffice
from tests.house import Clinic, House, key


@pytest.fixture
def house(sqlite_house: House) -> House:
    return sqlite_house


async def signed_in(house: House, clinic: Clinic, email: str | None = None) -> Principal:
    """Someone who has registered with the clinic's check."""
    started, _ = await with_account(house, clinic, email=email or f"adds-{key()}@clinic.example.org")
    view = await view_registration(house.gate, started.registration_id)
    assert view.account_id is not None
    token = await sessions.begin(house.gate, SessionKind.ACCOUNT, view.account_id, client="test")
    return await sessions.authenticate(house.gate, token, SessionKind.ACCOUNT)


async def test_P10_a_second_tin_is_added_with_a_check_and_without_a_new_account(house: House):
    first, second = await house.new_clinic(), await house.new_clinic()
    email = f"adds-{key()}@clinic.example.org"
    person = await signed_in(house, first, email)
    started = await adding.start_addition(house.gate, person, key=key(), client="test")
    assert started.result.state is State.PROVING
    result = await house.prove(started, second)
    assert (result.accepted, result.state) == (True, State.COMPLETED)
    rows = await account.list_access(house.gate, person)
    assert {row.organization for row in rows} == {first.name, second.name}
    assert second.name in ((await house.mail(to=email, subject="was added")).text or "")
    assert (await account.list_messages(house.gate, person))[0].kind == "access_added"


async def test_P10_an_npi_is_added_with_a_notice(house: House):
    first, second = await house.new_clinic(), await house.new_clinic()
    person = await signed_in(house, first)
    started = await adding.start_addition(house.gate, person, key=key(), client="test")
    assert (await house.prove_notice(started, second)).state is State.COMPLETED
    assert {row.npi for row in await account.list_access(house.gate, person)} == {None, second.npi}


async def test_P10_a_tin_is_added_with_a_letter(house: House):
    first, second = await house.new_clinic(), await house.new_clinic()
    person = await signed_in(house, first)
    post = PostOffice(house)
    started = await adding.start_addition(house.gate, person, key=key(), client="test")
    assert (await post.ask(started, second)).state is State.AWAITING_PIN
    waiting = await adding.list_additions(house.gate, person)
    assert [(one.state, one.organization) for one in waiting] == [(State.AWAITING_PIN, second.name)]
    assert [(one.tin_masked, one.takes_pin) for one in waiting] == [(f"•••••{second.tin[-4:]}", True)]
    view, pin = await post.letter(started)
    view = await post.mailed(started, view)
    later = replace(house.gate, now=lambda: house.gate.now() + timedelta(days=30))
    assert [one.takes_pin for one in await adding.list_additions(later, person)] == [False], "its PIN is over"
    assert (await post.enter(started, pin)).state is State.COMPLETED
    assert await adding.list_additions(house.gate, person) == []


async def test_P10_a_tin_on_the_account_already_uses_up_no_payment(house: House):
    clinic = await house.new_clinic()
    person = await signed_in(house, clinic)
    started = await adding.start_addition(house.gate, person, key=key(), client="test")
    result = await house.prove_notice(started, clinic)
    assert (result.accepted, result.code, result.state) == (False, Code.ACCESS_OPEN_ALREADY, State.PROVING)
    async with house.database.read() as session:
        held = await session.scalars(select(Evidence).where(col(Evidence.registration_id) == started.registration_id))
    assert held.all() == []


async def test_P10_each_addition_has_its_own_clock(house: House):
    person = await signed_in(house, await house.new_clinic())
    early = await adding.start_addition(house.gate, person, key=key(), client="test")
    late = await adding.start_addition(house.gate, person, key=key(), client="test")
    await TimeSkipper(house.client).fast_forward(house.handle(early.registration_id), timedelta(days=31))
    await house.handle(early.registration_id).result()
    assert (await view_registration(house.gate, early.registration_id)).state is State.EXPIRED
    assert [one.id for one in await adding.list_additions(house.gate, person)] == [late.registration_id]


async def test_P10_the_same_key_begins_one_addition_and_only_so_many_are_open(house: House):
    person = await signed_in(house, await house.new_clinic())
    again = key()
    started = await asyncio.gather(
        *(adding.start_addition(house.gate, person, key=again, client="test") for _ in range(3))
    )
    assert len({one.registration_id for one in started}) == 1
    for _ in range(house.gate.limits.additions_open - 1):
        await adding.start_addition(house.gate, person, key=key(), client="test")
    with pytest.raises(Refusal, match="too_many_open"):
        await adding.start_addition(house.gate, person, key=key(), client="test")


async def test_P10_mismatches_count_like_anyone_elses(house: House):
    person = await signed_in(house, await house.new_clinic())
    other = await house.new_clinic()
    started = await adding.start_addition(house.gate, person, key=key(), client="test")
    for left in (4, 3, 2, 1, 0):
        result = await house.prove(started, other, amount="1.00")
        assert (result.code, result.tries_left) == (Code.PAYMENT_NO_MATCH, left)
    assert (await house.prove(started, other)).code is Code.PAYMENT_PAUSED


async def test_I15_nobody_goes_on_with_anothers_addition(house: House):
    owner = await signed_in(house, await house.new_clinic())
    stranger = await signed_in(house, await house.new_clinic())
    started = await adding.start_addition(house.gate, owner, key=key(), client="test")
    assert await adding.go_on(house.gate, owner, started.registration_id, client="test")
    with pytest.raises(Refusal, match="not_found"):
        await adding.go_on(house.gate, stranger, started.registration_id, client="test")


async def test_I3_an_addition_opens_on_evidence_of_its_own(house: House):
    first, second = await house.new_clinic(), await house.new_clinic()
    person = await signed_in(house, first)
    started = await adding.start_addition(house.gate, person, key=key(), client="test")
    await house.prove(started, second)
    async with house.database.read() as session:
        row = (
            await session.execute(
                select(Access, Evidence).join(Evidence).where(col(Access.organization_id) == second.id)
            )
        ).one()
    assert (row[0].account_id, row[1].registration_id) == (person.subject_id, started.registration_id)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_house(request: pytest.FixtureRequest) -> House:
    return request.getfixturevalue(f"{request.param}_house")


async def test_I13_parallel_requests_add_no_more_at_a_time_than_one_after_another(either_house: House):
    house = either_house
    person = await signed_in(house, await house.new_clinic())
    keys = [key() for _ in range(20)]

    async def begin(one: str) -> bool:
        try:
            await adding.start_addition(house.gate, person, key=one, client="test")
        except Refusal as refusal:
            assert refusal.code == "too_many_open"  # noqa: PT017 - some begin, some don't
            return False
        return True

    begun = await asyncio.gather(*(begin(one) for one in keys))
    assert sum(begun) == house.gate.limits.additions_open == 10
    assert len(await adding.list_additions(house.gate, person)) == 10
    assert [await begin(one) for one in keys] == begun  # repeated, each is answered as before (I2)
