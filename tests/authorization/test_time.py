"""A request's timers by the workflow's own clock on the real server: reminders, the deadline, and what moves neither."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from db.accounts import Message
from db.house_records import SqlHouseRecords
from db.registrations import MailRow, OneTimeSecret
from domain.authorization import AuthorizationResult, ByPerson, CorrectContact, MailReported
from domain.housekeeping import OrphanEnd
from ops.mailbox import Fault, Mail
from tests.authorization.scenes import (
    Request,
    Service,
    decided,
    decision,
    new_billing_service,
    requested,
    row_of,
    state_of,
)
from tests.authorization.test_decisions import quiet
from tests.house import House
from workflows import names

DAY = timedelta(days=1)


async def days_later(house: House, request: Request, days: float) -> None:
    """Go to this many days after the request, by the workflow's clock."""
    skipper = TimeSkipper(house.client)
    deadline = (await row_of(house, request)).deadline
    target = deadline - 30 * DAY + days * DAY
    await skipper.fast_forward(request.handle, target - await skipper.get_current_time(request.handle))


async def purposes(house: House, request: Request) -> list[str]:
    """The mails of a request that became due so far, in order."""
    async with house.database.read() as session:
        rows = await session.scalars(
            select(MailRow)
            .where(col(MailRow.subject) == f"authorization/{request.id}")
            .order_by(col(MailRow.due_at), col(MailRow.id))
        )
        return [row.purpose.removeprefix("authorization_") for row in rows]


async def mailed(house: House, request: Request, count: int) -> list[str]:
    """The mails as soon as there are so many."""
    async with asyncio.timeout(20):
        while len(found := await purposes(house, request)) < count:
            await asyncio.sleep(0.05)
    return found


async def test_B4_each_reminder_goes_once_and_on_its_day(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    await house.mail(to=request.contact)
    expected = ["request"]
    for day, due in [
        (7, ["reminder"]),
        (14, ["reminder", "waiting"]),
        (25, ["reminder", "waiting"]),
        (29, ["waiting"]),
        (30, ["closed", "expired"]),
    ]:
        await quiet(house, request)
        await days_later(house, request, day - 1 / 86_400)
        await quiet(house, request)
        assert sorted(await purposes(house, request)) == sorted(expected), day
        await days_later(house, request, day + 1 / 86_400)
        expected += due
        assert sorted(await mailed(house, request, len(expected))) == sorted(expected), day
    row = await state_of(house, request, wanted="expired")
    assert row.reminders == 3
    async with house.database.read() as session:
        kinds = await session.scalars(
            select(col(Message.kind)).where(
                col(Message.account_id) == service.lead.account_id,
                col(Message.cause).startswith(f"authorization/{request.id}:"),
            )
        )
        assert sorted(kinds) == sorted(
            ["authorization_requested", "authorization_expired"] + ["authorization_waiting"] * 3
        )


@pytest.mark.parametrize("standing", ["in_review", "undelivered"])
async def test_B5_B6_who_was_sent_no_mail_is_not_said_to_be_silent(house: House, standing: str):
    service = await new_billing_service(house)
    if standing == "in_review":
        request = await requested(house, service, contact=f"clinic{uuid4().hex[:8]}@gmail.com")
        assert request.result.state == "in_review"
        expected = []
    else:
        house.sink.fault = Fault.PERMANENT
        request = await requested(house, service)
        await state_of(house, request, wanted="undeliverable")
        await quiet(house, request)
        house.sink.fault = Fault.NONE
        expected = ["request", "undeliverable"]
    for day in (14, 25, 29):
        await quiet(house, request)
        await days_later(house, request, day + 1 / 86_400)
        expected.append(f"waiting_{standing}")
        assert await mailed(house, request, len(expected)) == expected, day
    await quiet(house, request)
    await days_later(house, request, 30 + 1 / 86_400)
    await state_of(house, request, wanted="expired")
    assert await mailed(house, request, len(expected) + 1) == [*expected, f"expired_{standing}"]
    subjects = [mail.subject for mail in house.mails(to=service.lead.email)]
    assert "Nobody has answered your request yet" not in subjects
    async with house.database.read() as session:
        kinds = await session.scalars(
            select(col(Message.kind)).where(col(Message.account_id) == service.lead.account_id)
        )
        assert {kind for kind in kinds if "waiting" in kind or "expired" in kind} == {
            f"authorization_waiting_{standing}",
            f"authorization_expired_{standing}",
        }


async def test_B5_a_mail_of_the_address_before_says_nothing_of_the_one_in_review(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    await house.mail(to=request.contact)
    await quiet(house, request)
    cmd = CorrectContact(
        authorization_id=str(request.id),
        account_id=str(service.lead.account_id),
        contact=f"clinic{uuid4().hex[:8]}@gmail.com",
    )
    corrected = await request.handle.execute_update(names.CORRECT_CONTACT, cmd, result_type=AuthorizationResult)
    assert corrected.state == "in_review"
    before = await row_of(house, request)
    report = MailReported(mail_id=f"authorization/{request.id}:authorization_request:1", event="bounced")
    await request.handle.signal(names.MAIL_REPORTED, report)
    async with asyncio.timeout(20):
        while (row := await row_of(house, request)).revision == before.revision:
            await asyncio.sleep(0.05)
    assert (row.state, row.delivery) == ("in_review", "none")


async def test_B4_reminders_stop_at_an_answer(house: House):
    request = await requested(house, await new_billing_service(house))
    await quiet(house, request)
    await days_later(house, request, 8)
    assert await mailed(house, request, 2) == ["request", "reminder"]
    await quiet(house, request)
    await decided(house, request, choice="decline")
    await state_of(house, request, wanted="declined")
    await request.handle.result()
    assert (await purposes(house, request)).count("reminder") == 1


async def test_T7_I8_without_an_answer_it_expires_after_30_days_and_both_sides_are_told(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    await house.mail(to=request.contact)
    await quiet(house, request)
    row = await row_of(house, request)
    assert row.deadline - row.requested_at == 30 * DAY
    await days_later(house, request, 30)
    row = await state_of(house, request, wanted="expired")
    assert row.ended_at is not None
    assert timedelta(0) <= row.ended_at - row.deadline < timedelta(minutes=1)
    result: AuthorizationResult = await request.handle.result()
    assert (result.accepted, result.state) == (False, "expired")
    assert any("expired" in text_of(mail) for mail in house.mails(to=service.lead.email))
    assert len(house.mails(to=request.contact)) >= 2


def text_of(mail: Mail) -> str:
    return mail.text or ""


async def resend(request: Request, service: Service) -> AuthorizationResult:
    cmd = ByPerson(authorization_id=str(request.id), account_id=str(service.lead.account_id))
    return await request.handle.execute_update(names.RESEND, cmd, result_type=AuthorizationResult)


async def test_T7_I9_resending_at_the_last_minute_moves_no_deadline(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    await quiet(house, request)
    deadline = (await row_of(house, request)).deadline
    await days_later(house, request, 30 - 1 / 1440)
    again = await resend(request, service)
    assert again.accepted, again
    assert (await row_of(house, request)).deadline == deadline
    assert (await request.status()).deadline == deadline
    await quiet(house, request)
    await days_later(house, request, 30)
    await state_of(house, request, wanted="expired")


async def test_T7_a_requester_resends_three_times_a_day_apart(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    await quiet(house, request)
    early = await resend(request, service)
    assert (early.accepted, early.code) == (False, "authorization_resend_pause")
    assert early.retry_at == (await row_of(house, request)).requested_at + DAY
    for day in (1.01, 2.02, 3.03):
        await days_later(house, request, day)
        assert (await resend(request, service)).accepted, day
        await quiet(house, request)
    await days_later(house, request, 4.04)
    assert (await resend(request, service)).code == "authorization_resend_limit"


async def test_I9_links_mailed_before_a_resend_still_work_and_a_corrected_address_ends_them(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    await quiet(house, request)
    await days_later(house, request, 2)
    await resend(request, service)
    deadline = (await row_of(house, request)).deadline

    async def ends() -> list:
        async with house.database.read() as session:
            found = await session.scalars(
                select(OneTimeSecret)
                .where(
                    col(OneTimeSecret.subject) == f"authorization/{request.id}",
                    col(OneTimeSecret.purpose) == "decision",
                )
                .order_by(col(OneTimeSecret.generation))
            )
            return [secret.expires_at for secret in found]

    assert await ends() == [deadline, deadline]
    cmd = CorrectContact(
        authorization_id=str(request.id),
        account_id=str(service.lead.account_id),
        contact="office-two@southfield.example.org",
    )
    corrected = await request.handle.execute_update(names.CORRECT_CONTACT, cmd, result_type=AuthorizationResult)
    assert corrected.accepted, corrected
    first, second, third = await ends()
    assert first < deadline
    assert second < deadline
    assert third == deadline == (await row_of(house, request)).deadline
    await house.mail(to="office-two@southfield.example.org")


async def test_I18_a_decision_that_the_workflow_was_never_told_of_still_counts_at_the_deadline(house: House):
    """Temporal was away when the code was entered, and nobody sent the form again."""
    request = await requested(house, await new_billing_service(house))
    decision_id = await decision(house, request)
    await quiet(house, request)
    await days_later(house, request, 30)
    row = await state_of(house, request, wanted="approved")
    assert row.decision_id == decision_id


async def test_I1_a_request_whose_workflow_was_terminated_ends_with_notice(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service)
    await house.mail(to=request.contact)
    await quiet(house, request)
    await request.handle.terminate("by hand, in Temporal's UI")
    records = SqlHouseRecords(house.database, house.vault, house.settings.limits, zone=ZoneInfo("UTC"))
    [orphan] = [
        one
        for one in await records.open_rows(before=datetime.now(UTC) + timedelta(minutes=1))
        if one.row_id == str(request.id)
    ]
    assert orphan.workflow_id == request.handle.id
    end = OrphanEnd(orphan=orphan, revision=orphan.revision + 1, at=datetime.now(UTC))
    ended = await records.end(end)
    assert ended.ended
    assert {due.purpose for due in ended.mails} == {"authorization_closed"}
    assert (await row_of(house, request)).state == "cancelled"
