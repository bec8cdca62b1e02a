"""P3, P4, P5: notices with their NP prefix, the vendor number or the Type 2 NPI, and NPIs that aren't the right one."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlmodel import Session, col, create_engine

from db.accounts import Access
from db.directory import NpiRecord, OrganizationNpi, Vendor
from db.schema import sync_url
from domain.answers import ANSWERS, NOTICE_HINT
from domain.identifiers import npi_with_check_digit
from domain.registration import Code
from portal.refusals import Refusal
from tests.house import Clinic, House
from tests.registration.desk import Desk


async def change_directory(house: House, *rows: object) -> None:
    await asyncio.to_thread(_merge, house, rows)


def _merge(house: House, rows: tuple[object, ...]) -> None:
    engine = create_engine(sync_url(house.url))
    with Session(engine) as session:
        for row in rows:
            session.merge(row)
        session.commit()
    engine.dispose()


@pytest.mark.parametrize("form", ["np{}", "NP {}", "NP-{}", "NP000{}", " n p {} "])
async def test_P3_every_way_to_write_a_notice_is_one_number(house: House, form: str):
    clinic = await house.new_clinic()
    digits = clinic.notice.removeprefix("NP")
    assert (await house.prove_notice(await house.confirmed(), clinic, document=form.format(digits))).accepted


async def test_P3_a_notice_number_never_matches_a_check_nor_the_reverse(house: House):
    clinic = await house.new_clinic()
    started = await house.confirmed()
    as_notice = await house.prove_notice(started, clinic, document=f"NP{clinic.check}")
    digits = clinic.notice.removeprefix("NP")
    as_check = await house.prove(started, clinic, vendor="", npi=clinic.npi, document=digits, amount="0.01")
    assert (as_notice.code, as_check.code) == (Code.PAYMENT_NO_MATCH, Code.PAYMENT_NO_MATCH)


@pytest.mark.parametrize("cents", [0, 123456])
async def test_P3_np_prefix_is_required(desk: Desk, cents: int):
    clinic = await desk.house.new_clinic(issued_on=desk.at.date())
    digits = clinic.notice.removeprefix("NP")
    result = await desk.prove(
        await desk.proving(), clinic, vendor=None, npi=clinic.npi, number=digits, amount_cents=cents
    )
    assert result.code is Code.PAYMENT_NO_MATCH


@pytest.mark.parametrize("amount", ["0", "0.00"])
async def test_P3_a_notice_typed_as_a_payment_of_nothing_is_told_of_np_and_costs_no_try(house: House, amount: str):
    clinic = await house.new_clinic()
    for document in (clinic.notice.removeprefix("NP"), clinic.check):
        with pytest.raises(Refusal) as refused:
            await house.prove(await house.confirmed(), clinic, document=document, amount=amount)
        (defect,) = refused.value.fields
        assert (defect.field, defect.code) == ("amount", "amount_zero")
        assert "NP" in defect.message


async def test_P3_the_hint_about_np_is_part_of_every_failure(house: House):
    clinic = await house.new_clinic()
    started = await house.confirmed()
    check = await house.prove(started, clinic, amount="1")
    notice = await house.prove_notice(started, clinic, document="NP1")
    assert check.code is notice.code is Code.PAYMENT_NO_MATCH
    assert NOTICE_HINT in ANSWERS[check.code].next_steps


async def test_P3_a_notice_needs_the_npi(house: House):
    clinic = await house.new_clinic()
    with pytest.raises(Refusal) as refused:
        await house.prove(await house.confirmed(), clinic, document=clinic.notice)
    assert [(defect.field, defect.code) for defect in refused.value.fields] == [("npi", "notice_needs_npi")]


async def test_P3_an_amount_beside_a_notice_doesnt_matter(house: House):
    clinic = await house.new_clinic()
    assert (await house.prove_notice(await house.confirmed(), clinic, amount="12.00")).accepted


async def refusal_of(house: House, clinic: Clinic, **changes: str) -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as refused:
        await house.prove(await house.confirmed(), clinic, **changes)
    return [(defect.field, defect.code) for defect in refused.value.fields]


async def test_P4_vendor_number_and_npi_together_are_refused(house: House):
    clinic, other = await house.new_clinic(), await house.new_clinic()
    assert await refusal_of(house, clinic, npi=clinic.npi) == [("vendor", "payee_both")]
    assert await refusal_of(house, clinic, npi=other.npi) == [("vendor", "payee_both")]


async def test_P4_neither_vendor_number_nor_npi_is_refused(house: House):
    assert await refusal_of(house, await house.new_clinic(), vendor=" ") == [("vendor", "payee_missing")]


async def test_P4_a_bad_check_digit_is_refused_before_any_look_up(house: House):
    clinic = await house.new_clinic()
    wrong = clinic.npi[:-1] + str((int(clinic.npi[-1]) + 1) % 10)
    started = await house.confirmed()
    with pytest.raises(Refusal) as refused:
        await house.prove(started, clinic, vendor="", npi=wrong)
    assert [(defect.field, defect.code) for defect in refused.value.fields] == [("npi", "npi_check_digit")]
    assert (await house.prove(started, clinic, amount="1")).tries_left == 4


async def test_P4_a_type_1_npi_is_a_mismatch(house: House):
    clinic = await house.new_clinic(npi=None)
    await change_directory(house, NpiRecord(npi=clinic.npi, entity_type="1"))
    result = await house.prove(await house.confirmed(), clinic, vendor="", npi=clinic.npi)
    assert result.code is Code.PAYMENT_NO_MATCH
    assert (await house.prove(await house.confirmed(), clinic, vendor="", npi=clinic.other_npi)).accepted


async def test_P4_a_deactivated_npi_is_a_mismatch(house: House):
    clinic = await house.new_clinic(npi=None)
    await change_directory(
        house, NpiRecord(npi=clinic.npi, entity_type="2", deactivated_on=datetime(2026, 1, 5, tzinfo=UTC).date())
    )
    result = await house.prove(await house.confirmed(), clinic, vendor="", npi=clinic.npi)
    assert result.code is Code.PAYMENT_NO_MATCH


async def test_P4_a_closed_vendor_number_is_a_mismatch(house: House):
    clinic = await house.new_clinic()
    closed = Vendor(number=clinic.vendor, organization_id=clinic.id, closed_on=datetime(2026, 1, 5, tzinfo=UTC).date())
    await change_directory(house, closed)
    assert (await house.prove(await house.confirmed(), clinic)).code is Code.PAYMENT_NO_MATCH


async def test_P4_another_vendor_number_of_the_payee_isnt_the_one_on_the_check(house: House):
    clinic = await house.new_clinic()
    await change_directory(house, Vendor(number=f"{clinic.vendor}B", organization_id=clinic.id))
    result = await house.prove(await house.confirmed(), clinic, vendor=f"{clinic.vendor}B")
    assert result.code is Code.PAYMENT_NO_MATCH


async def test_P5_a_wrong_npi_of_the_right_tin_reads_like_any_other_mismatch(house: House):
    clinic, other = await house.new_clinic(), await house.new_clinic()
    wrong_npi = await house.prove(await house.confirmed(), clinic, vendor="", npi=clinic.other_npi)
    foreign_npi = await house.prove(await house.confirmed(), clinic, vendor="", npi=other.npi)
    wrong_amount = await house.prove(await house.confirmed(), clinic, amount="1")
    assert wrong_npi == foreign_npi == wrong_amount
    steps = " ".join(ANSWERS[wrong_npi.code].next_steps)
    assert "vendor number" in steps
    assert "US Mail" in steps


async def test_P5_a_payment_at_tin_level_takes_any_type_2_npi_of_the_payee(house: House):
    clinic, other = await house.new_clinic(npi=None), await house.new_clinic()
    assert not (await house.prove(await house.confirmed(), clinic, vendor="", npi=other.npi)).accepted
    assert (await house.prove(await house.confirmed(), clinic, vendor="", npi=clinic.other_npi)).accepted


async def test_P5_an_npi_that_nppes_doesnt_list_counts_as_type_2(house: House):
    clinic = await house.new_clinic(npi=None)
    unlisted = npi_with_check_digit(f"29{clinic.tin[-7:]}").digits
    await change_directory(house, OrganizationNpi(organization_id=clinic.id, npi=unlisted))
    assert (await house.prove(await house.confirmed(), clinic, vendor="", npi=unlisted)).accepted


async def test_P5_a_notice_of_another_npi_of_the_same_tin_is_a_mismatch(house: House):
    clinic = await house.new_clinic()
    result = await house.prove_notice(await house.confirmed(), clinic, npi=clinic.other_npi)
    assert result.code is Code.PAYMENT_NO_MATCH


async def test_P5_access_by_npi_is_for_that_npi_alone(house: House):
    clinic = await house.new_clinic()
    started = await house.confirmed()
    assert (await house.prove_notice(started, clinic)).accepted
    await house.secured(started)
    async with house.database.read() as session:
        access = await session.scalar(select(Access).where(col(Access.organization_id) == clinic.id))
    assert access is not None
    assert (access.npi, access.via) == (clinic.npi, "notice")
