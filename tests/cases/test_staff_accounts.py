"""Staff accounts: made by an operator, set up by the person with a second factor, ended at once (B11, I20)."""

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import time_machine

from portal import sessions, staff
from portal.refusals import Refusal
from portal.sessions import SessionKind
from portal.staff import Newcomer, StaffRole
from tests.cases.counter import Counter
from tests.house import PASSWORD, key


async def _sign_in(counter: Counter, email: str, *, password: str = PASSWORD) -> sessions.Principal:
    token = await staff.sign_in(counter.gate, email=email, password=password, caller=key(), client="test")
    return await staff.pending_staff(counter.gate, token)


async def test_B11_a_password_alone_opens_nothing_for_staff(counter_on_both: Counter):
    counter = counter_on_both
    clerk = await counter.clerk()
    token = await staff.sign_in(counter.gate, email=clerk.email, password=PASSWORD, caller=key(), client="test")
    with pytest.raises(Refusal, match="not_found"):
        await staff.authenticate(counter.gate, token)
    pending = await staff.pending_staff(counter.gate, token)
    with pytest.raises(Refusal, match="second_factor_wrong"):
        await staff.confirm_sign_in(counter.gate, pending, code="000000", client="test")
    code = pyotp.TOTP(clerk.secret).at(datetime.now(UTC) + timedelta(seconds=30))
    full = await staff.confirm_sign_in(counter.gate, pending, code=code, client="test")
    assert (await staff.authenticate(counter.gate, full)).id == clerk.member.id
    actions = [entry.action for entry in await counter.audit(f"staff/{clerk.member.id}")]
    assert {"staff.link_made", "staff.set_up", "staff.signed_in"} <= set(actions)


async def test_I7_a_second_factor_code_of_staff_works_once(counter: Counter):
    clerk = await counter.clerk()
    code = pyotp.TOTP(clerk.secret).at(datetime.now(UTC) + timedelta(seconds=30))
    await staff.confirm_sign_in(counter.gate, await _sign_in(counter, clerk.email), code=code, client="test")
    with pytest.raises(Refusal, match="second_factor_wrong"):
        await staff.confirm_sign_in(counter.gate, await _sign_in(counter, clerk.email), code=code, client="test")


async def test_I7_a_set_up_link_works_once_and_a_newer_one_takes_its_place(counter: Counter):
    email = f"lou-{key()[:8]}@payer.example.org"
    first = await staff.add_staff(counter.gate, name="Lou Example", email=email, role=StaffRole.AGENT)
    second = await staff.add_staff(counter.gate, name="Lou Example", email=email, role=StaffRole.AGENT)
    with pytest.raises(Refusal, match="link_dead"):
        await staff.view_link(counter.gate, first)
    assert await staff.view_link(counter.gate, second) == Newcomer("Lou Example", email)
    with pytest.raises(Refusal, match="invalid_fields"):
        await staff.choose_password(counter.gate, link_token=second, password="short", key=key(), client="test")
    token = await staff.choose_password(counter.gate, link_token=second, password=PASSWORD, key=key(), client="test")
    with pytest.raises(Refusal, match="sign_in_failed"):
        await _sign_in(counter, email)
    pending = await staff.pending_staff(counter.gate, token)
    secret = (await staff.factor_to_set_up(counter.gate, pending)).secret
    await staff.finish_set_up(counter.gate, pending, code=pyotp.TOTP(secret).now(), client="test")
    with pytest.raises(Refusal, match="link_dead"):
        await staff.view_link(counter.gate, second)
    with pytest.raises(Refusal, match="staff_exists"):
        await staff.add_staff(counter.gate, name="Lou Example", email=email.upper(), role=StaffRole.AGENT)


async def test_I7_a_set_up_link_dies_after_a_day(counter: Counter):
    link = await staff.add_staff(
        counter.gate, name="Lou Example", email=f"lou-{key()[:8]}@payer.example.org", role=StaffRole.AGENT
    )
    later = datetime.now(UTC) + counter.gate.limits.staff_set_up_life
    with time_machine.travel(later, tick=False), pytest.raises(Refusal, match="link_dead"):
        await staff.view_link(counter.gate, link)


async def test_I20_closing_a_staff_account_ends_its_sessions_at_once(counter_on_both: Counter):
    counter = counter_on_both
    clerk = await counter.clerk()
    pending = await _sign_in(counter, clerk.email)
    await staff.close_staff(counter.gate, email=clerk.email)
    with pytest.raises(Refusal, match="not_found"):
        await staff.authenticate(counter.gate, clerk.token)
    with pytest.raises(Refusal, match="signed_out"):
        await staff.confirm_sign_in(counter.gate, pending, code="123456", client="test")
    with pytest.raises(Refusal, match="sign_in_failed"):
        await _sign_in(counter, clerk.email)
    with pytest.raises(Refusal, match="not_found"):
        await staff.close_staff(counter.gate, email=clerk.email)


async def test_I15_an_account_of_a_provider_is_no_staff_account(counter: Counter):
    person = await counter.account()
    token = await sessions.begin(counter.gate, SessionKind.ACCOUNT, person.id, client="test")
    with pytest.raises(Refusal, match="not_found"):
        await staff.authenticate(counter.gate, token)
    with pytest.raises(Refusal, match="sign_in_failed"):
        await _sign_in(counter, person.email)


async def test_I13_wrong_second_factor_codes_are_counted(counter: Counter):
    clerk = await counter.clerk()
    pending = await _sign_in(counter, clerk.email)
    for _ in range(counter.gate.limits.second_factor_tries):
        with pytest.raises(Refusal) as refused:
            await staff.confirm_sign_in(counter.gate, pending, code="000000", client="test")
    assert re.fullmatch("second_factor_wrong|too_many_tries", refused.value.code)
    with pytest.raises(Refusal, match="too_many_tries"):
        await staff.confirm_sign_in(counter.gate, pending, code=pyotp.TOTP(clerk.secret).now(), client="test")


async def test_I7_a_recovery_code_of_staff_stands_in_for_the_app_once(counter_on_both: Counter):
    counter = counter_on_both
    clerk = await counter.clerk()
    codes = await staff.recovery_codes(counter.gate, clerk.member)
    assert len(codes) == counter.gate.limits.recovery_codes
    typed = codes[0].upper().replace("-", " ")
    full = await staff.confirm_sign_in(counter.gate, await _sign_in(counter, clerk.email), code=typed, client="test")
    assert (await staff.authenticate(counter.gate, full)).id == clerk.member.id
    assert '"second_factor": "recovery_code"' in (await counter.audit(f"staff/{clerk.member.id}"))[-1].details
    pending = await _sign_in(counter, clerk.email)
    with pytest.raises(Refusal, match="second_factor_wrong"):
        await staff.confirm_sign_in(counter.gate, pending, code=codes[0], client="test")
    await staff.recovery_codes_saved(counter.gate, clerk.member)
    with pytest.raises(Refusal, match="not_found"):
        await staff.recovery_codes(counter.gate, clerk.member)
    assert await staff.confirm_sign_in(counter.gate, pending, code=codes[1], client="test")


async def test_I13_wrong_recovery_codes_of_staff_are_counted_with_those_of_the_app(counter: Counter):
    clerk = await counter.clerk()
    code = (await staff.recovery_codes(counter.gate, clerk.member))[0]
    other = await counter.clerk()
    foreign = (await staff.recovery_codes(counter.gate, other.member))[0]
    pending = await _sign_in(counter, clerk.email)
    tries = counter.gate.limits.second_factor_tries - 1  # the set-up has used one
    for number in range(tries):
        with pytest.raises(Refusal, match="second_factor_wrong"):
            await staff.confirm_sign_in(counter.gate, pending, code=foreign if number % 2 else "000000", client="test")
    with pytest.raises(Refusal, match="too_many_tries"):
        await staff.confirm_sign_in(counter.gate, pending, code=code, client="test")
