"""The table of states of a registration: every way leads to an end, and ends stay ends."""

import pytest
from pydantic import ValidationError

from domain.registration import LEGAL, IllegalTransition, ProvePayment, State, require_legal

FINAL = {State.COMPLETED, State.EXPIRED, State.LOCKED, State.REJECTED, State.WITHDRAWN}
OPEN = set(State) - FINAL


def reachable(start: State) -> set[State]:
    seen: set[State] = set()
    ahead = {start}
    while ahead:
        state = ahead.pop()
        seen.add(state)
        ahead |= LEGAL[state] - seen
    return seen


def test_I1_the_table_knows_every_state():
    assert set(LEGAL) == set(State)
    assert set().union(*LEGAL.values()) <= set(State)


@pytest.mark.parametrize("state", State)
def test_I1_exactly_the_last_five_states_are_final(state: State):
    assert state.is_final is (state in FINAL)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_I1_a_final_state_is_never_left(state: State):
    assert not LEGAL[state]
    for wanted in set(State) - {state}:
        with pytest.raises(IllegalTransition):
            require_legal(state, wanted)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_I1_every_open_state_can_end_well_and_badly(state: State):
    assert State.COMPLETED in reachable(state)
    assert {State.EXPIRED, State.WITHDRAWN, State.LOCKED} <= LEGAL[state]


def test_I1_every_state_is_reached_from_the_first():
    assert reachable(State.CONFIRMING_EMAIL) == set(State)


# Where an account that there is, with its second factor, gets another TIN or NPI (P10): the only short ways.
ADDING = {(state, end) for state in (State.PROVING, State.AWAITING_PIN) for end in (State.COMPLETED, State.REJECTED)}


def reachable_without(required: State, *, left_out: set[tuple[State, State]]) -> set[State]:
    seen: set[State] = set()
    ahead = {State.CONFIRMING_EMAIL} - {required}
    while ahead:
        state = ahead.pop()
        seen.add(state)
        ahead |= {wanted for wanted in LEGAL[state] if (state, wanted) not in left_out} - seen - {required}
    return seen


@pytest.mark.parametrize(
    "required", [State.CONFIRMING_EMAIL, State.PROVING, State.SETTING_UP_ACCOUNT, State.SECURING_ACCOUNT]
)
def test_I3_no_way_leads_to_access_past_the_address_the_proof_and_the_second_factor(required: State):
    assert State.COMPLETED not in reachable_without(required, left_out=ADDING)


@pytest.mark.parametrize("required", [State.CONFIRMING_EMAIL, State.PROVING])
def test_I3_P10_adding_to_an_account_never_leads_past_the_address_and_the_proof(required: State):
    assert State.COMPLETED not in reachable_without(required, left_out=set())


def test_P10_only_adding_to_an_account_ends_well_without_securing_one():
    ends = {(state, State.COMPLETED) for state, following in LEGAL.items() if State.COMPLETED in following}
    assert ends == {(State.SECURING_ACCOUNT, State.COMPLETED)} | {way for way in ADDING if way[1] is State.COMPLETED}


def test_P6_a_confirmed_address_is_never_unconfirmed():
    assert not any(State.CONFIRMING_EMAIL in following for following in LEGAL.values())


@pytest.mark.parametrize("current", State)
@pytest.mark.parametrize("wanted", State)
def test_I1_a_step_is_legal_exactly_if_the_table_has_it_or_it_changes_nothing(current: State, wanted: State):
    if wanted is current or wanted in LEGAL[current]:
        require_legal(current, wanted)
    else:
        with pytest.raises(IllegalTransition, match=f"{current} to {wanted}"):
            require_legal(current, wanted)


def test_I12_a_message_that_is_refused_never_prints_its_values():
    with pytest.raises(ValidationError) as caught:
        ProvePayment.model_validate({"tin": "070000001", "ledger": "4711-secret", "number": 815, "caller_digest": None})
    assert not any(value in str(caught.value) for value in ("070000001", "4711", "815"))


def test_a_message_is_frozen_and_tolerates_fields_of_newer_versions():
    proof = ProvePayment.model_validate(
        {"tin": "070000001", "ledger": "payment", "number": "1", "caller_digest": "x", "a_newer_field": 1}
    )
    with pytest.raises(ValidationError):
        proof.tin = "070000002"
