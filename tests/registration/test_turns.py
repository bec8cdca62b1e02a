"""How many steps of one registration are sent at once (I13): Temporal must never have to refuse some of them."""

import asyncio
from datetime import timedelta

import pytest

from portal.refusals import Refusal
from portal.turns import AT_ONCE, Turns


async def test_I13_of_fifty_steps_at_once_a_few_are_under_way_and_all_have_their_turn():
    turns, under_way, most, done = Turns(), 0, 0, 0

    async def step() -> None:
        nonlocal under_way, most, done
        async with turns.turn("registration/one"):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            done += 1

    await asyncio.gather(*(step() for _ in range(50)))
    assert (most, done) == (AT_ONCE, 50)


async def test_I13_a_step_that_fails_makes_room_and_another_registration_never_waits():
    turns = Turns(patience=timedelta(0))
    for _ in range(2 * AT_ONCE):
        with pytest.raises(ValueError, match="broken"):
            async with turns.turn("registration/one"):
                raise ValueError("broken")
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        entered, leave = asyncio.Barrier(AT_ONCE + 1), asyncio.Event()

        async def stays() -> None:
            async with turns.turn("registration/one"):
                await entered.wait()
                await leave.wait()

        for _ in range(AT_ONCE):
            group.create_task(stays())
        await entered.wait()
        with pytest.raises(Refusal, match="unavailable"):
            async with turns.turn("registration/one"):
                pytest.fail("more than may be under way")
        async with turns.turn("registration/two"):
            leave.set()
