"""What can be asked for, of whom, how often; and staff's word on a contact that a rule has doubts about."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from db.accounts import Account
from db.authorizations import AuthorizationRow, GrantRow, ReviewVerdict
from db.registrations import MailRow
from db.staff import StaffAccount
from domain.authorization import AuthorizationResult, ByPerson, GiveVerdict
from domain.people import mailbox_key
from ops.mailbox import Fault
from tests.authorization.scenes import Request, decided, new_billing_service, requested, row_of, state_of
from tests.authorization.test_decisions import quiet
from tests.house import House
from workflows import names


async def mails_of(house: House, request: Request) -> int:
    async with house.database.read() as session:
        found = await session.scalars(
            select(col(MailRow.id)).where(col(MailRow.subject) == f"authorization/{request.id}")
        )
        return len(list(found))


async def test_T5_I6_the_second_co_worker_gets_the_first_ones_request(house_on_both: House):
    house = house_on_both
    service, clinic = await new_billing_service(house, people=10), await house.new_clinic()
    requests = await asyncio.gather(*(requested(house, service, clinic, by=person) for person in service.people))
    [made] = [request for request in requests if request.result.accepted]
    others = [request for request in requests if request is not made]
    assert {request.result.code for request in others} == {"authorization_open"}
    assert {request.result.standing_id for request in others} == {str(made.id)}
    assert [await mails_of(house, request) for request in others] == [0] * 9


async def test_T5_an_npi_of_the_same_provider_is_a_request_of_its_own(house: House):
    service, clinic = await new_billing_service(house), await house.new_clinic()
    for npi in (None, clinic.npi, clinic.other_npi):
        assert (await requested(house, service, clinic, npi=npi)).result.accepted
    assert not (await requested(house, service, clinic, npi=clinic.npi)).result.accepted


async def test_T5_what_is_granted_already_is_not_asked_for_again(house: House):
    service, clinic = await new_billing_service(house), await house.new_clinic()
    first = await requested(house, service, clinic)
    await decided(house, first)
    await state_of(house, first, wanted="approved")
    for npi in (None, clinic.npi):  # who sees all of a Tax ID sees each NPI of it
        again = await requested(house, service, clinic, npi=npi)
        assert (again.result.code, again.result.standing_id) == ("authorization_granted", str(first.id))
    async with house.database.write() as session:
        await session.execute(update(GrantRow).where(col(GrantRow.authorization_id) == first.id).values(status="ended"))
    assert (await requested(house, service, clinic)).result.accepted


async def test_T7_after_a_decline_the_same_provider_rests_for_seven_days(house: House):
    service, clinic = await new_billing_service(house), await house.new_clinic()
    first = await requested(house, service, clinic)
    await decided(house, first, choice="decline")
    declined = await state_of(house, first, wanted="declined")
    for npi in (None, clinic.npi):
        again = await requested(house, service, clinic, npi=npi)
        assert again.result.code == "authorization_cool_down"
        assert again.result.retry_at == (declined.ended_at or datetime.now(UTC)) + timedelta(days=7)
    async with house.database.write() as session:
        row = await session.get_one(AuthorizationRow, first.id)
        row.ended_at = datetime.now(UTC) - timedelta(days=7, seconds=1)
    later = await requested(house, service, clinic)
    assert later.result.accepted
    assert (await row_of(house, later)).previous_id == first.id
    assert not (await row_of(house, first)).is_newest


async def test_T3_the_workflow_refuses_the_services_own_tax_id(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service, tin=service.tin)
    assert (request.result.accepted, request.result.code) == (False, "authorization_own_tin")
    assert await mails_of(house, request) == 0


async def test_T5_twenty_requests_are_open_at_a_time_unless_staff_raised_it(house: House):
    service = await new_billing_service(house, open_limit=2)
    assert [(await requested(house, service)).result.code for _ in range(3)] == [
        "ok", "ok", "authorizations_open_limit",
    ]  # fmt: skip


async def test_I6_the_cap_holds_when_all_ask_at_once(house_on_both: House):
    house = house_on_both
    service = await new_billing_service(house, open_limit=3)
    clinics = [await house.new_clinic() for _ in range(10)]
    made = await asyncio.gather(*(requested(house, service, clinic) for clinic in clinics))
    assert sum(request.result.accepted for request in made) == 3


async def test_T7_asking_and_cancelling_again_and_again_mails_nobody_for_long(house: House):
    service, clinic = await new_billing_service(house), await house.new_clinic()
    by = {"account_id": str(service.lead.account_id)}
    for _ in range(3):
        request = await requested(house, service, clinic)
        assert request.result.accepted, request.result
        cmd = ByPerson(authorization_id=str(request.id), **by)
        await request.handle.execute_update(names.CANCEL, cmd, result_type=AuthorizationResult)
    again = await requested(house, service, clinic)
    assert again.result.code == "authorizations_limit"
    assert again.result.retry_at is not None
    assert await mails_of(house, again) == 0
    assert (await requested(house, service)).result.accepted  # another provider


async def test_T2_one_of_the_services_people_is_no_contact(house: House):
    service = await new_billing_service(house, people=2)
    local, _, domain = service.people[1].email.partition("@")
    request = await requested(house, service, contact=f"{local.upper()}+clients@{domain}")
    assert (request.result.accepted, request.result.code) == (False, "contact_own_person")
    assert await mails_of(house, request) == 0
    wanted = await requested(house, service, contact=service.lead.email, review_reason="She runs the clinic as well")
    assert wanted.result.code == "contact_own_person"  # no reason helps here


async def test_T2_the_services_own_domain_goes_to_staff_only_with_a_reason(house: House):
    service = await new_billing_service(house)
    domain = service.lead.email.partition("@")[2]
    refused = await requested(house, service, contact=f"manager@{domain}")
    assert refused.result.code == "contact_own_domain"
    reviewed = await requested(house, service, contact=f"manager@{domain}", review_reason="We share one domain")
    assert (reviewed.result.accepted, reviewed.result.state) == (True, "in_review")
    assert await mails_of(house, reviewed) == 0
    assert (await row_of(house, reviewed)).contact_rule == "T2.own_domain"


async def staff(house: House) -> UUID:
    async with house.database.write() as session:
        account = StaffAccount(
            email_digest=house.vault.digest("email", mailbox_key(f"{uuid4()}@payer.example.org")),
            email_sealed=house.vault.seal("email", "sam@payer.example.org"),
            name_sealed=house.vault.seal("name", "Sam Staff"),
            role="agent",
            created_at=datetime.now(UTC),
        )
        session.add(account)
        return account.id


async def verdict(house: House, request: Request, staff_id: UUID, what: str, **changes: int) -> AuthorizationResult:
    row = await row_of(house, request)
    given = ReviewVerdict(
        authorization_id=request.id, contact_version=changes.get("contact_version", row.contact_version),
        staff_id=staff_id, verdict=what, reason_sealed=house.vault.seal("reason", "called the office"),
        at=datetime.now(UTC),
    )  # fmt: skip
    async with house.database.write() as session:
        session.add(given)
    cmd = GiveVerdict(authorization_id=str(request.id), verdict_id=str(given.id))
    return await request.handle.execute_update(names.GIVE_VERDICT, cmd, result_type=AuthorizationResult)


async def test_T2_B11_a_free_mail_contact_is_mailed_after_two_people_of_staff_said_so(house: House):
    service = await new_billing_service(house)
    contact = f"clinic{uuid4().hex[:8]}@gmail.com"
    request = await requested(house, service, contact=contact)
    assert request.result.state == "in_review"
    first, second = await staff(house), await staff(house)
    assert (await verdict(house, request, first, "send")).state == "in_review"
    assert await mails_of(house, request) == 0
    assert (await verdict(house, request, second, "send")).state == "sent"
    await house.mail(to=contact)


async def test_B11_a_verdict_of_staff_who_left_since_does_not_count(house: House):
    request = await requested(house, await new_billing_service(house), contact=f"c{uuid4().hex[:8]}@gmail.com")
    first, second, third = await staff(house), await staff(house), await staff(house)
    await verdict(house, request, first, "send")
    async with house.database.write() as session:
        await session.execute(
            update(StaffAccount).where(col(StaffAccount.id) == first).values(closed_at=datetime.now(UTC))
        )
    assert (await verdict(house, request, second, "send")).state == "in_review"
    assert (await verdict(house, request, third, "send")).state == "sent"


async def test_T2_one_refusal_of_staff_ends_the_request(house: House):
    service = await new_billing_service(house)
    request = await requested(house, service, contact=f"clinic{uuid4().hex[:8]}@gmail.com")
    assert (await verdict(house, request, await staff(house), "refuse")).state == "cancelled"
    assert (await row_of(house, request)).closing_code == "authorization_contact_refused"
    await house.mail(to=service.lead.email)
    assert house.mails(to=request.contact) == []


async def test_B11_a_verdict_about_a_former_address_counts_for_nothing(house: House):
    request = await requested(house, await new_billing_service(house), contact=f"c{uuid4().hex[:8]}@gmail.com")
    answer = await verdict(house, request, await staff(house), "send", contact_version=7)
    assert (answer.accepted, answer.code) == (False, "decision_void")
    assert (await row_of(house, request)).state == "in_review"


async def test_B5_a_refused_mail_is_a_state_and_a_resend_the_way_on(house: House):
    service = await new_billing_service(house)
    contact = f"gone{uuid4().hex[:8]}@northfield.example.org"
    house.sink.fault = Fault.PERMANENT
    request = await requested(house, service, contact=contact)
    row = await state_of(house, request, wanted="undeliverable")
    house.sink.fault = Fault.NONE
    assert row.delivery == "bounced"
    await quiet(house, request)
    cmd = ByPerson(authorization_id=str(request.id), account_id=str(service.lead.account_id))
    again = await request.handle.execute_update(names.RESEND, cmd, result_type=AuthorizationResult)
    assert again.accepted, again  # at once: nobody has got anything yet
    await house.mail(to=contact)
    assert (await row_of(house, request)).state == "sent"


async def test_I15_only_the_services_people_act_for_it(house: House):
    request = await requested(house, await new_billing_service(house))
    stranger = await new_billing_service(house)
    cmd = ByPerson(authorization_id=str(request.id), account_id=str(stranger.lead.account_id))
    for update_name in (names.RESEND, names.CANCEL):
        answer = await request.handle.execute_update(update_name, cmd, result_type=AuthorizationResult)
        assert (answer.accepted, answer.code) == (False, "not_billing_service")
    assert (await row_of(house, request)).state == "sent"


@pytest.mark.parametrize("field", ["requester_id", "billing_id"])
async def test_I15_a_request_in_somebody_elses_name_is_refused(house: House, field: str):
    service, other = await new_billing_service(house), await new_billing_service(house)
    foreign: dict[str, Any] = {"requester_id": str(other.lead.account_id), "billing_id": str(other.id)}
    request = await requested(house, service, **{field: foreign[field]})
    assert (request.result.accepted, request.result.code) == (False, "not_billing_service")


async def test_I20_a_closed_account_asks_for_nothing(house: House):
    service = await new_billing_service(house, people=2)
    async with house.database.write() as session:
        await session.execute(
            update(Account).where(col(Account.id) == service.lead.account_id).values(closed_at=datetime.now(UTC))
        )
    assert (await requested(house, service)).result.code == "not_billing_service"
