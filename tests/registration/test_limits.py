"""The numbers of the rules: how often, how long, how many; counted before anything is looked up (I13)."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from temporalio.testing import TimeSkipper

from db.registrations import Counter
from domain.people import limit_key
from domain.registration import Code, State
from ops.mailbox import Mail
from portal import account_setup, registering, resuming
from portal.refusals import Refusal
from tests.house import PASSWORD, House, code_in, key
from tests.registration.desk import Desk

HOUR = timedelta(hours=1)


async def counted(desk: Desk, scope: str, row_key: str) -> int:
    async with desk.house.database.read() as session:
        row = await session.get(Counter, (scope, row_key))
    return row.count if row else 0


async def test_P1_five_proofs_in_six_hours_then_paused_until_the_window_ends(desk: Desk):
    clinic, started_at = await desk.house.new_clinic(issued_on=desk.at.date()), desk.at
    registration = await desk.proving()
    answers = []
    for _ in range(6):
        answers.append(await desk.prove(registration, clinic, amount_cents=1))
        desk.at += timedelta(minutes=1)
    assert [answer.tries_left for answer in answers] == [4, 3, 2, 1, 0, 0]
    assert [answer.code for answer in answers] == [Code.PAYMENT_NO_MATCH] * 5 + [Code.PAYMENT_PAUSED]
    assert answers[4].retry_at == answers[5].retry_at == started_at + 6 * HOUR
    assert (await desk.row(registration)).paused_until == started_at + 6 * HOUR
    desk.at = started_at + 6 * HOUR - timedelta(seconds=1)
    assert (await desk.prove(registration, clinic)).code is Code.PAYMENT_PAUSED
    desk.at = started_at + 6 * HOUR
    assert (await desk.prove(registration, clinic)).accepted
    assert (await desk.row(registration)).paused_until is None


async def test_P1_the_pause_ends_by_itself_in_the_running_workflow(house: House):
    clinic = await house.new_clinic()
    started = await house.confirmed()
    for _ in range(5):
        result = await house.prove(started, clinic, amount="1")
    paused = await house.prove(started, clinic)
    assert (paused.code, paused.retry_at) == (Code.PAYMENT_PAUSED, result.retry_at)
    assert isinstance(paused.retry_at, datetime)
    await TimeSkipper(house.client).fast_forward(house.handle(started.registration_id), 6 * HOUR)
    assert (await house.prove(started, clinic)).accepted


async def test_P1_ten_failed_proofs_of_a_tin_close_it_for_everyone_for_thirty_days(desk: Desk):
    clinic, started_at = await desk.house.new_clinic(issued_on=desk.at.date()), desk.at
    for _ in range(5):
        registration = await desk.proving()
        for _ in range(2):
            assert (await desk.prove(registration, clinic, amount_cents=1)).code is Code.PAYMENT_NO_MATCH
    newcomer = await desk.proving()
    closed = await desk.prove(newcomer, clinic)
    assert (closed.code, closed.retry_at) == (Code.PAYMENT_LETTER_ONLY, started_at + timedelta(days=30))
    desk.at = started_at + timedelta(days=30)
    fresh = await desk.house.new_clinic(issued_on=desk.at.date())
    assert (await desk.prove(newcomer, fresh)).accepted
    later = await desk.proving()
    assert (await desk.prove(later, clinic)).accepted


async def test_P1_the_limit_per_tin_doesnt_tell_whether_the_tin_is_known(desk: Desk):
    known, unknown = await desk.house.new_clinic(issued_on=desk.at.date()), f"55{key()}"
    unknown_tin = f"{int(unknown[2:10], 16) % 10**7:07}55"
    answers: dict[str, list[str]] = {known.tin: [], unknown_tin: []}
    for tin, seen in answers.items():
        for _ in range(12):
            seen.append((await desk.prove(await desk.proving(), known, tin=tin, amount_cents=1)).model_dump_json())
    assert answers[known.tin] == answers[unknown_tin]
    assert Code.PAYMENT_LETTER_ONLY in answers[known.tin][-1]


async def test_P1_ten_failed_proofs_a_day_from_one_network_address(desk: Desk):
    caller, started_at = key(), desk.at
    for _ in range(10):
        clinic = await desk.house.new_clinic(issued_on=desk.at.date())
        failed = await desk.prove(await desk.proving(), clinic, caller=caller, amount_cents=1)
        assert failed.code is Code.PAYMENT_NO_MATCH
    clinic = await desk.house.new_clinic(issued_on=desk.at.date())
    registration = await desk.proving()
    paused = await desk.prove(registration, clinic, caller=caller)
    assert (paused.code, paused.retry_at) == (Code.PAYMENT_PAUSED, started_at + timedelta(days=1))
    assert (await desk.prove(await desk.proving(), clinic)).accepted  # from elsewhere
    desk.at = started_at + timedelta(days=1)
    other = await desk.house.new_clinic(issued_on=desk.at.date())
    assert (await desk.prove(registration, other, caller=caller)).accepted


async def test_P1_a_success_gives_its_try_back(desk_on_both: Desk):
    desk = desk_on_both
    clinic, caller = await desk.house.new_clinic(issued_on=desk.at.date()), key()
    registration = await desk.proving()
    await desk.prove(registration, clinic, caller=caller, amount_cents=1)
    assert (await desk.prove(registration, clinic, caller=caller)).accepted
    assert await counted(desk, "payment-tin", desk.house.vault.digest("tin", clinic.tin)) == 1
    assert await counted(desk, "payment-caller", desk.house.vault.digest("caller", caller)) == 1


async def test_P1_twenty_wrong_codes_and_proofs_in_a_life_lock_a_registration(desk: Desk):
    desk = desk.with_limits(registration_tries=6, payment_tries=50)
    clinic = await desk.house.new_clinic(issued_on=desk.at.date())
    registration = await desk.opened()
    for _ in range(3):
        await desk.judge_code(registration, digest="0" * 64)
    await desk.judge_code(registration, digest=await desk.code_digest(registration))
    assert (await desk.prove(registration, clinic, amount_cents=1)).code is Code.PAYMENT_NO_MATCH
    locked = await desk.prove(registration, clinic, amount_cents=1)
    assert (locked.accepted, locked.code, locked.state) == (False, Code.LOCKED, State.LOCKED)
    assert (await desk.row(registration)).closing_code == Code.LOCKED


async def test_I13_fifty_parallel_wrong_proofs_on_one_tin_count_exactly(desk_on_both: Desk):
    desk = desk_on_both
    clinic = await desk.house.new_clinic(issued_on=desk.at.date())
    registrations = [await desk.proving() for _ in range(10)]
    commands = [
        desk.judging(registration, desk.proof(clinic, amount_cents=1))
        for registration in registrations
        for _ in range(5)
    ]

    async def judged(of_one: list) -> list:
        # The workflow sends one step of a registration at a time; the registrations are in parallel.
        return [await desk.records.judge_payment(cmd) for cmd in of_one]

    rows = await asyncio.gather(*(judged(commands[start : start + 5]) for start in range(0, 50, 5)))
    codes = [recorded.code for row in rows for recorded in row]
    assert codes.count(Code.PAYMENT_NO_MATCH) == 10
    assert codes.count(Code.PAYMENT_LETTER_ONLY) == 40
    assert await counted(desk, "payment-tin", desk.house.vault.digest("tin", clinic.tin)) == 50


async def test_I13_parallel_wrong_proofs_through_temporal_count_exactly(house_on_both: House):
    house = house_on_both
    clinic = await house.new_clinic()
    registrations = await asyncio.gather(*(house.confirmed() for _ in range(6)))
    results = await asyncio.gather(
        *(house.prove(started, clinic, amount="1") for started in registrations for _ in range(4))
    )
    codes = [result.code for result in results]
    assert codes.count(Code.PAYMENT_NO_MATCH) == 10
    assert codes.count(Code.PAYMENT_LETTER_ONLY) == 14
    for number in range(6):
        left = [
            result.tries_left for result in results[4 * number : 4 * number + 4] if result.code is Code.PAYMENT_NO_MATCH
        ]
        assert len(set(left)) == len(left)


async def test_a_code_has_five_tries_and_the_right_one_comes_too_late(desk: Desk):
    registration = await desk.opened()
    digest = await desk.code_digest(registration)
    answers = [await desk.judge_code(registration, digest="0" * 64) for _ in range(5)]
    assert [answer.tries_left for answer in answers] == [4, 3, 2, 1, 0]
    late = await desk.judge_code(registration, digest=digest)
    assert (late.accepted, late.code) == (False, Code.CODE_TRIES_USED)
    assert (await desk.issue_code(registration, generation=2)).accepted
    new = await desk.code_digest(registration, generation=2)
    assert (await desk.judge_code(registration, digest=new, generation=2)).accepted


async def test_a_code_works_for_ten_minutes_after_it_was_sent(desk: Desk):
    one, other = await desk.opened(), await desk.opened()
    expires_at = desk.at + timedelta(minutes=10)
    digests = [await desk.code_digest(registration) for registration in (one, other)]
    desk.at = expires_at
    late = await desk.judge_code(one, digest=digests[0], expires_at=expires_at)
    assert (late.accepted, late.code) == (False, Code.CODE_EXPIRED)
    desk.at = expires_at - timedelta(seconds=1)
    assert (await desk.judge_code(other, digest=digests[1], expires_at=expires_at)).accepted


async def test_five_codes_an_hour_the_first_one_included(desk: Desk):
    registration, opened_at = await desk.opened(), desk.at
    for generation in range(2, 6):
        desk.at += timedelta(minutes=1)
        assert (await desk.issue_code(registration, generation=generation)).accepted
    refused = await desk.issue_code(registration, generation=6)
    assert (refused.accepted, refused.code, refused.retry_at) == (False, Code.CODES_LIMIT, opened_at + HOUR)
    newest = await desk.code_digest(registration, generation=5)
    desk.at = opened_at + HOUR
    assert (await desk.issue_code(registration, generation=6)).accepted
    assert (await desk.judge_code(registration, digest=newest, generation=6)).code is Code.CODE_WRONG


async def test_a_new_code_voids_the_one_before(house: House):
    email = f"again-{key()}@clinic.example.org"
    started = await house.start(email=email)
    first = code_in(await house.mail(to=email, subject="code"))
    assert (await registering.send_code(house.gate, started.registration_id, key=key())).accepted
    second = code_in(await house.mail(to=email, subject="code", after=1))
    if first != second:  # one in a million is the same
        answer = await registering.confirm_email(house.gate, started.registration_id, code=first, key=key())
        assert answer.code is Code.CODE_WRONG
    typed = f" {second[:3]}-{second[3:]} "
    assert (await registering.confirm_email(house.gate, started.registration_id, code=typed, key=key())).accepted


async def test_something_that_cant_be_a_code_isnt_counted(house: House):
    started = await house.start()
    for code in ("", "12345", "1234567", "abcdef", "１２３４５x"):
        with pytest.raises(Refusal) as refused:
            await registering.confirm_email(house.gate, started.registration_id, code=code, key=key())
        assert refused.value.code == "invalid_fields"
    answer = await registering.confirm_email(house.gate, started.registration_id, code="000000", key=key())
    assert answer.tries_left == 4


async def test_five_tries_of_the_second_factor_even_in_parallel(house: House):
    started = await house.proved(await house.new_clinic())
    rid = started.registration_id
    await account_setup.set_up_account(
        house.gate, rid, name="Jo Example", password=PASSWORD, attests_own_name=False, key=key()
    )
    secret = (await account_setup.second_factor(house.gate, rid)).secret
    right = {pyotp.TOTP(secret).generate_otp(step) for step in range(*near_steps(secret))}
    wrong = [code for code in (f"{number:06}" for number in range(30)) if code not in right][:20]
    answers = await asyncio.gather(
        *(account_setup.confirm_second_factor(house.gate, rid, code=code, key=key()) for code in wrong),
        return_exceptions=True,
    )
    codes = [answer.code for answer in answers if isinstance(answer, Refusal)]
    assert codes.count("second_factor_wrong") == 5
    assert codes.count("too_many_tries") == 15
    with pytest.raises(Refusal) as refused:
        await account_setup.confirm_second_factor(house.gate, rid, code=pyotp.TOTP(secret).now(), key=key())
    assert refused.value.code == "too_many_tries"
    assert refused.value.retry_at is not None


def near_steps(secret: str) -> tuple[int, int]:
    current = pyotp.TOTP(secret).timecode(datetime.now().astimezone())
    return current - 3, current + 4


async def test_beginning_is_limited_per_network_address_and_per_mailbox(house: House):
    email = f"many-{key()}@clinic.example.org"
    for _ in range(5):
        await house.start(email=email)
    with pytest.raises(Refusal) as refused:
        await house.start(email=email.upper())
    assert refused.value.code == "too_many_tries"
    assert refused.value.retry_at is not None
    caller = key()
    answers = await asyncio.gather(*(house.start(caller=caller) for _ in range(22)), return_exceptions=True)
    assert [answer.code for answer in answers if isinstance(answer, Refusal)] == ["too_many_tries"] * 2


async def test_a_refused_beginning_stays_refused_when_its_sent_again(house: House):
    """Sending the same request twice mustn't get past the limit that refused it."""
    email = f"stubborn-{key()}@clinic.example.org"
    for _ in range(5):
        await house.start(email=email)
    form: dict[str, Any] = {
        "name": "Jo Example",
        "email": email,
        "attested": True,
        "key": key(),
        "caller": key(),
        "client": "test",
    }
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            await registering.start(house.gate, **form)
        assert refused.value.code == "too_many_tries"


async def test_a_resume_link_works_once_for_a_day_and_only_until_the_account_is_made(house: House):
    email = f"later-{key()}@clinic.example.org"
    started = await house.confirmed(email=email)
    await resuming.mail_resume_links(house.gate, email=email.upper())
    link = resume_token(await house.mail(to=email, subject="Go on"))
    rid, token = await registering.redeem_resume_link(house.gate, link_token=link, client="other")
    assert rid == started.registration_id
    assert token != started.token
    await assert_dead(house, link)
    await resuming.mail_resume_links(house.gate, email=email)
    second = resume_token(await house.mail(to=email, subject="Go on", after=1))
    await assert_dead(house, second, later=timedelta(hours=24))
    assert (await house.prove(started, await house.new_clinic())).accepted
    await house.secured(started)
    # Whoever reads the mailbox later mustn't find a way to the recovery codes.
    await assert_dead(house, second)


async def assert_dead(house: House, link: str, *, later: timedelta = timedelta(0)) -> None:
    gate = replace(house.gate, now=lambda: house.gate.now() + later)
    with pytest.raises(Refusal) as refused:
        await registering.redeem_resume_link(gate, link_token=link, client="other")
    assert refused.value.code == "link_dead"


def resume_token(mail: Mail) -> str:
    return mail.text.split("/resume/")[1].split()[0]


async def test_resume_links_are_mailed_for_nobody_and_never_before_the_address_is_confirmed(house: House):
    email = f"early-{key()}@clinic.example.org"
    started = await house.start(email=email)
    await resuming.mail_resume_links(house.gate, email=email)
    await resuming.mail_resume_links(house.gate, email=f"nobody-{key()}@clinic.example.org")
    await house.quiet(started.registration_id)
    assert not house.mails(to=email, subject="Go on")


async def test_five_resume_links_an_hour(house: House):
    email = f"links-{key()}@clinic.example.org"
    started = await house.confirmed(email=email)
    for _ in range(7):
        await resuming.mail_resume_links(house.gate, email=email)
        await house.quiet(started.registration_id)
    assert len(house.mails(to=email, subject="Go on")) == 5


async def test_I7_a_second_factor_confirmed_before_a_crash_lets_no_other_code_complete(house: House):
    """The code was right and noted, and then the process died: only that code goes on, or a new right one."""
    started = await house.proved(await house.new_clinic())
    rid = started.registration_id
    await account_setup.set_up_account(
        house.gate, rid, name="Jo Example", password=PASSWORD, attests_own_name=False, key=key()
    )
    secret = (await account_setup.second_factor(house.gate, rid)).secret
    right = pyotp.TOTP(secret).now()
    await account_setup.confirm_factor(house.gate, rid, right)
    wrong = f"{(int(right) + 1) % 10**6:06}"
    with pytest.raises(Refusal, match="second_factor_wrong"):
        await account_setup.confirm_second_factor(house.gate, rid, code=wrong, key=key())
    assert (await account_setup.confirm_second_factor(house.gate, rid, code=right, key=key())).accepted


async def test_a_tag_makes_no_new_address_for_the_limits(house: House):
    gate, one = house.gate, f"tagged-{key()}"
    for number in range(gate.limits.registrations_per_address):
        await house.start(email=f"{one}+{number}@clinic.example.org")
    with pytest.raises(Refusal) as refused:
        await house.start(email=f"{one}+another@clinic.example.org")
    assert (refused.value.code, refused.value.retry_at is not None) == ("too_many_tries", True)
    await house.start(email=f"{one}s@clinic.example.org")


async def test_ten_codes_an_hour_for_one_address_whichever_registration_asks(desk_on_both: Desk):
    desk, one, opened_at = desk_on_both, f"codes-{key()}", desk_on_both.at
    first, second, third = [await desk.opened(f"{one}+{number}@clinic.example.org") for number in range(3)]
    for registration, generations in ((first, range(2, 6)), (second, range(2, 5))):
        for generation in generations:
            assert (await desk.issue_code(registration, generation=generation)).accepted
    desk.at += timedelta(minutes=1)
    refused = await desk.issue_code(third, generation=2)
    assert (refused.accepted, refused.code, refused.retry_at) == (False, Code.CODES_LIMIT, opened_at + HOUR)
    other = await desk.opened(f"{one}s@clinic.example.org")
    assert (await desk.issue_code(other, generation=2)).accepted
    desk.at = opened_at + HOUR
    assert (await desk.issue_code(third, generation=2)).accepted


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("Jo+news@Clinic.example.org", "jo@clinic.example.org"),
        ("jo+a+b@clinic.example.org", "jo@clinic.example.org"),
        ("jo.example@clinic.example.org", "jo.example@clinic.example.org"),
        ("+only@clinic.example.org", "+only@clinic.example.org"),
        ("no address", "no address"),
    ],
)
def test_limits_count_an_address_without_its_tag(address: str, counted_as: str):
    assert limit_key(address) == counted_as
