"""P1: a check or payment proves the organization while the person waits, and tells a stranger nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from db.directory import Payment
from db.registrations import Counter, Evidence
from domain.registration import Code, State, StepResult
from portal import registering
from portal.refusals import Refusal
from portal.registering import Started
from portal.registration_view import view_registration
from tests.house import Clinic, House, key
from tests.registration.desk import Desk


def days_ago(days: int) -> object:
    return (datetime.now(UTC) - timedelta(days=days)).date()


def without_tries(result: StepResult) -> StepResult:
    """The answer but for how many tries are left, which differs from try to try by design."""
    return result.model_copy(update={"tries_left": None, "retry_at": None})


MISMATCH = StepResult(accepted=False, code=Code.PAYMENT_NO_MATCH, state=State.PROVING)


async def tries_of(house: House, started: Started) -> int:
    async with house.database.read() as session:
        row = await session.get(Counter, ("payment", str(started.registration_id)))
    return row.count if row else 0


async def test_P1_a_payment_of_another_tin_is_a_mismatch(house: House):
    mine, theirs = await house.new_clinic(), await house.new_clinic()
    started = await house.confirmed()
    assert without_tries(await house.prove(started, mine, document=theirs.check)) == MISMATCH
    assert without_tries(await house.prove(started, mine, document=theirs.check, vendor=theirs.vendor)) == MISMATCH


@pytest.mark.parametrize("status", ["voided", "reissued"])
async def test_P1_a_voided_or_reissued_payment_is_a_mismatch(house: House, status: str):
    clinic = await house.new_clinic(status=status)
    assert without_tries(await house.prove(await house.confirmed(), clinic)) == MISMATCH


async def test_P1_a_payment_of_365_days_is_good_and_of_366_days_too_old(desk: Desk):
    issued_on = (desk.at - timedelta(days=365)).date()
    clinic = await desk.house.new_clinic(issued_on=issued_on)
    too_old = await desk.house.new_clinic(issued_on=issued_on - timedelta(days=1))
    assert (await desk.prove(await desk.proving(), too_old)).code is Code.PAYMENT_NO_MATCH
    assert (await desk.prove(await desk.proving(), clinic)).accepted
    desk.at = datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC)
    late_that_day = await desk.house.new_clinic(issued_on=issued_on)
    assert (await desk.prove(await desk.proving(), late_that_day)).accepted
    desk.at += timedelta(seconds=1)
    next_day = await desk.house.new_clinic(issued_on=issued_on)
    assert (await desk.prove(await desk.proving(), next_day)).code is Code.PAYMENT_NO_MATCH


async def test_P1_an_eft_trace_proves_like_a_check(house: House):
    clinic = await house.new_clinic(number="8A1C00042", method="ACH")
    assert (await house.prove(await house.confirmed(), clinic, document="8a1c-00042")).accepted


@pytest.mark.parametrize("typed", ["{}", "000{}", " {} ", "#{}", "{}.", "0-0-{}"])
async def test_P1_leading_zeros_spaces_and_dashes_dont_matter(house: House, typed: str):
    clinic = await house.new_clinic()
    spaced = "-".join(clinic.check)
    result = await house.prove(
        await house.confirmed(),
        clinic,
        document=typed.format(spaced),
        tin=f"{clinic.tin[:2]}-{clinic.tin[2:5]} {clinic.tin[5:]}",
        vendor=f" 00{clinic.vendor.lower()} ",
        amount="$ 1,234.56",
    )
    assert result.accepted, result


async def test_P1_two_people_with_one_check_at_the_same_moment_one_wins(house_on_both: House):
    house = house_on_both
    clinic = await house.new_clinic()
    one, other = await asyncio.gather(house.confirmed(), house.confirmed())
    results = await asyncio.gather(house.prove(one, clinic), house.prove(other, clinic))
    assert sorted(result.accepted for result in results) == [False, True]
    loser = next(result for result in results if not result.accepted)
    stranger = await house.prove(await house.confirmed(), clinic, amount="1")
    assert loser == stranger
    async with house.database.read() as session:
        held = await session.scalar(
            select(func.count()).select_from(Evidence).where(col(Evidence.organization_id) == clinic.id)
        )
    assert held == 1


async def test_P1_two_tabs_prove_once(house_on_both: House):
    house = house_on_both
    clinic = await house.new_clinic()
    started = await house.confirmed()
    answers = await asyncio.gather(house.prove(started, clinic), house.prove(started, clinic), return_exceptions=True)
    accepted = [answer for answer in answers if isinstance(answer, StepResult)]
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert [result.accepted for result in accepted] == [True]
    assert [(refusal.code, refusal.state) for refusal in refused] == [("wrong_state", State.SETTING_UP_ACCOUNT)]
    assert await tries_of(house, started) == 1


async def wrong_claims(house: House, clinic: Clinic) -> list[dict[str, str]]:
    """The true claim with one field wrong at a time."""
    other = await house.new_clinic()
    closed = await house.new_clinic()
    return [
        {"tin": other.tin},
        {"tin": "123456780"},  # nobody's
        {"vendor": other.vendor},
        {"vendor": "V999999"},  # nobody's
        {"document": other.check},
        {"document": "999999999"},  # nobody's
        {"document": clinic.notice.removeprefix("NP")},
        {"amount": "1,234.55"},
        {"amount": "0.01"},
        {"vendor": "", "npi": other.npi},
        {"vendor": "", "npi": clinic.other_npi},
        {"vendor": "", "npi": "1234567893"},  # nobody's
        {"tin": closed.tin, "vendor": closed.vendor},
    ]


async def test_P1_the_answer_never_says_which_field_was_wrong(house: House):
    clinic = await house.new_clinic()
    claims = await wrong_claims(house, clinic)
    answers = [await house.prove(await house.confirmed(), clinic, **wrong) for wrong in claims]
    assert len(answers) == 13
    assert {answer.model_dump_json() for answer in answers} == {
        MISMATCH.model_copy(update={"tries_left": 4}).model_dump_json()
    }


async def test_P1_a_mismatch_counts_and_a_format_error_is_free(house: House):
    clinic = await house.new_clinic()
    started = await house.confirmed()
    assert (await house.prove(started, clinic, amount="1")).tries_left == 4
    for wrong, field, code in (
        ({"tin": "12345678"}, "tin", "tin_length"),
        ({"npi": "1234567890", "vendor": ""}, "npi", "npi_check_digit"),
        ({"amount": "1.234,56"}, "amount", "amount_format"),
        ({"amount": "0"}, "amount", "amount_zero"),
        ({"amount": "$0.00"}, "amount", "amount_zero"),
        ({"document": "##"}, "document", "document_characters"),
    ):
        with pytest.raises(Refusal) as refused:
            await house.prove(started, clinic, **wrong)
        assert refused.value.code == "invalid_fields"
        assert [(defect.field, defect.code) for defect in refused.value.fields] == [(field, code)]
    assert await tries_of(house, started) == 1
    assert (await house.prove(started, clinic, amount="2")).tries_left == 3


async def test_P1_all_defects_of_a_form_are_told_at_once(house: House):
    started = await house.confirmed()
    with pytest.raises(Refusal) as refused:
        await house.prove(started, await house.new_clinic(), tin="x", vendor="", npi="1", document="", amount="much")
    assert [defect.field for defect in refused.value.fields] == ["tin", "npi", "document", "amount"]


async def test_P1_a_withdrawn_registration_lets_go_of_its_payment(house: House):
    clinic = await house.new_clinic()
    started = await house.proved(clinic)
    assert not (await house.prove(await house.confirmed(), clinic)).accepted
    await registering.withdraw(house.gate, started.registration_id, key=key())
    assert (await house.prove(await house.confirmed(), clinic)).accepted


@pytest.mark.parametrize("end", [State.EXPIRED, State.WITHDRAWN])
async def test_P1_an_ended_registration_lets_go_of_its_payment(desk_on_both: Desk, end: State):
    desk = desk_on_both
    clinic = await desk.house.new_clinic(issued_on=desk.at.date())
    first, second = await desk.proving(), await desk.proving()
    assert (await desk.prove(first, clinic)).accepted
    assert not (await desk.prove(second, clinic)).accepted
    await desk.close(first, end)
    assert (await desk.prove(second, clinic)).accepted


async def test_P1_a_payment_is_used_up_by_a_completed_registration(house: House):
    clinic = await house.new_clinic()
    await house.registered(clinic)
    assert without_tries(await house.prove(await house.confirmed(), clinic)) == MISMATCH


@pytest.mark.parametrize("status", ["voided", "reissued"])
async def test_P1_a_payment_voided_before_the_account_is_made_leads_back_to_proving(house: House, status: str):
    clinic = await house.new_clinic()
    started = await house.proved(clinic)
    async with house.database.write() as session:
        await session.execute(
            update(Payment)
            .where(col(Payment.organization_id) == clinic.id, col(Payment.ledger) == "payment")
            .values(status=status)
        )
    result = await house.try_to_secure(started)
    assert (result.accepted, result.code, result.state) == (False, Code.PROOF_NO_LONGER_GOOD, State.PROVING)
    view = await view_registration(house.gate, started.registration_id)
    assert (view.state, view.organization, view.tin_masked) == (State.PROVING, None, None)
    # Another payment proves it again, and the account can be made.
    assert (await house.prove_notice(started, clinic)).accepted
    await house.secured(started)
    assert (await view_registration(house.gate, started.registration_id)).state is State.COMPLETED
