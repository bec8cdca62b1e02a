"""Every message in every wrong state is refused with the state; after the end with how it ended, whatever Temporal remembers."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import pytest

from domain.answers import ANSWERS
from domain.registration import LEGAL, Code, IllegalTransition, State, require_legal
from ops.keys import Keyring
from ops.loopback import free_port
from ops.temporal_client import connect
from portal import account_setup, registering
from portal.gate import Gate
from portal.refusals import Refusal
from portal.registration_view import view_registration
from tests.house import PASSWORD, House, key
from tests.registration.conftest import Ended

NOBODY = UUID("00000000-0000-4000-8000-000000000000")


def messages(gate: Gate, rid: UUID) -> dict[str, Callable[[], Awaitable[object]]]:
    """Every message that a person can send, well formed."""
    return {
        "confirm_email": lambda: registering.confirm_email(gate, rid, code="000000", key=key()),
        "send_code": lambda: registering.send_code(gate, rid, key=key()),
        "prove_payment": lambda: registering.prove_payment(
            gate, rid, tin="123456782", vendor="V1", npi="", document="1", amount="1", key=key(), caller=key()
        ),
        "set_up_account": lambda: account_setup.set_up_account(
            gate, rid, name="Jo Example", password=PASSWORD, attests_own_name=False, key=key()
        ),
        "second_factor": lambda: account_setup.second_factor(gate, rid),
        "confirm_second_factor": lambda: account_setup.confirm_second_factor(gate, rid, code="000000", key=key()),
        "recovery_codes": lambda: account_setup.recovery_codes(gate, rid),
        "withdraw": lambda: registering.withdraw(gate, rid, key=key()),
    }


OPEN = {
    State.CONFIRMING_EMAIL: {"confirm_email", "send_code", "withdraw"},
    State.PROVING: {"prove_payment", "withdraw"},
    State.SETTING_UP_ACCOUNT: {"set_up_account", "withdraw"},
    State.SECURING_ACCOUNT: {"set_up_account", "second_factor", "confirm_second_factor", "withdraw"},
}


async def registration_at(house: House, state: State) -> UUID:
    match state:
        case State.CONFIRMING_EMAIL:
            started = await house.start()
        case State.PROVING:
            started = await house.confirmed()
        case _:
            started = await house.proved(await house.new_clinic())
    rid = started.registration_id
    if state is State.SECURING_ACCOUNT:
        await account_setup.set_up_account(
            house.gate, rid, name="Jo Example", password=PASSWORD, attests_own_name=False, key=key()
        )
    return rid


async def refusal(call: Callable[[], Awaitable[object]]) -> tuple[str, State | None]:
    with pytest.raises(Refusal) as refused:
        await call()
    assert refused.value.answer.detail
    return refused.value.code, refused.value.state


@pytest.mark.parametrize("state", list(OPEN))
async def test_a_message_at_another_step_is_refused_with_the_state(house: House, state: State):
    rid = await registration_at(house, state)
    for name, send in messages(house.gate, rid).items():
        if name not in OPEN[state]:
            assert await refusal(send) == ("wrong_state", state), name
    assert (await view_registration(house.gate, rid)).state is state


async def test_I8_after_the_end_every_message_says_how_it_ended(house: House):
    rid = await registration_at(house, State.SECURING_ACCOUNT)
    await registering.withdraw(house.gate, rid, key=key())
    await house.handle(rid).result()
    await assert_withdrawn(house, rid)


async def test_I8_what_temporal_has_forgotten_is_answered_from_the_database(house: House, forgotten: Ended):
    await assert_withdrawn(house, forgotten.registration_id)


async def assert_withdrawn(house: House, rid: UUID) -> None:
    for name, send in messages(house.gate, rid).items():
        assert await refusal(send) == ("registration_withdrawn", State.WITHDRAWN), name
    assert (await view_registration(house.gate, rid)).closing_code == State.WITHDRAWN


async def test_an_unknown_registration_is_not_found(house: House):
    for name, send in messages(house.gate, NOBODY).items():
        assert (await refusal(send))[0] == "not_found", name


async def test_T6_the_view_is_readable_and_a_step_refused_whole_while_temporal_is_down(house: House, keyring: Keyring):
    started = await house.start()
    away = await connect(
        keyring=keyring, process="api", lazy=True, environ={"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    )
    gate = replace(house.gate, client=away)
    view = await view_registration(gate, started.registration_id)
    assert (view.state, view.reference) == (State.CONFIRMING_EMAIL, started.reference)
    same, email = key(), f"down-{key()}@clinic.example.org"
    with pytest.raises(Refusal) as refused:
        await registering.send_code(gate, started.registration_id, key=same)
    assert refused.value.code == "unavailable"
    with pytest.raises(Refusal) as refused:
        await registering.start(
            gate, name="Jo Example", email=email, attested=True, key=same, caller=key(), client="test"
        )
    assert refused.value.code == "unavailable"
    # When it's back, the same request again does it.
    assert (await registering.send_code(house.gate, started.registration_id, key=same)).accepted
    again = await registering.start(
        house.gate, name="Jo Example", email=email, attested=True, key=same, caller=key(), client="test"
    )
    assert again.result.accepted


def test_only_legal_transitions_are_recorded():
    for current, followers in LEGAL.items():
        for wanted in State:
            if wanted is current or wanted in followers:
                require_legal(current, wanted)
            else:
                with pytest.raises(IllegalTransition):
                    require_legal(current, wanted)
        assert current.is_final == (not followers)


def test_B6_every_code_has_an_answer_that_says_what_to_do_now():
    codes = {*Code, *(f"registration_{state}" for state in State if state.is_final)} - {Code.OK}
    for code in codes:
        assert ANSWERS[code].title
        assert ANSWERS[code].detail
        assert ANSWERS[code].next_steps, code


async def test_I2_a_start_repeated_when_temporal_has_forgotten_it_begins_nothing(house: House, forgotten: Ended):
    again = await registering.start(
        house.gate, name="Jo Example", attested=True, client="test", caller=key(), **forgotten.form
    )
    assert again.registration_id == forgotten.registration_id
    assert again.result.state is State.WITHDRAWN
    assert not await house.exists(forgotten.registration_id)
