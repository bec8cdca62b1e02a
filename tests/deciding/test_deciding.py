"""A contact answers: from the mail to access or none, with a code to the mailbox, and both sides are told (T1, B2, B4)."""

import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from db.accounts import Access, Account
from db.registrations import OneTimeSecret
from domain.authorization import AuthorizationResult, CorrectContact, State
from portal import answer_sheet, deciding
from portal.refusals import Refusal
from portal.sitting import Outcome, view_sitting
from tests.authorization.scenes import Service, new_billing_service, row_of, state_of
from tests.authorization.test_decisions import quiet
from tests.deciding.conftest import asked
from tests.deciding.contact import another, audited, decisions_of, grants_of, outcomes_of
from tests.house import House, key
from workflows import names


async def test_T1_an_approval_opens_the_access_at_once_and_B4_both_sides_are_told(house_on_both: House):
    house = house_on_both
    service = await new_billing_service(house)
    request, contact = await asked(house, service)
    sheet = await contact.sheet(request)
    assert sheet.linked.service == service.name
    assert sheet.linked.requester == service.lead.name
    assert sheet.linked.contact_masked == f"c•••@{contact.email.partition('@')[2]}"
    assert sheet.others == ()
    sitting, code = await contact.begun(request)
    assert (await row_of(house, request)).state == State.SENT
    assert [one.confirmed_at for one in await decisions_of(house, request)] == [None]
    found = await deciding.confirm(house.gate, sitting, code=code, key=key())
    assert [answer.outcome for answer in found.answers] == [Outcome.APPROVED]
    row = await row_of(house, request)
    assert (row.state, row.decision_id) == (State.APPROVED, (await decisions_of(house, request))[0].id)
    assert await grants_of(house, request) == 1
    told = await house.mail(to=service.lead.email, subject="Your request was approved")
    assert "Kim Contact" in (told.text or "")
    kept = await contact.mail(subject="A request for access was answered")
    assert "approved" in (kept.text or "")
    assert "I did not do this" in (kept.text or "")
    assert "Opening the link changes nothing" in ((await contact.mail()).text or "")
    # As pages write it, in the payer's zone (Chicago).
    assert re.search(r"Open until: +[A-Z][a-z]+ \d+, \d{4}, \d+:\d\d [AP]M C[SD]T\s", (await contact.mail()).text or "")
    steps = await audited(house, request)
    assert steps.count("authorization.decision_drafted") == 1
    assert steps.count("authorization.decision_confirmed") == 1
    assert steps.count("authorization.decided") == 1


async def test_B4_a_decline_opens_nothing_and_both_sides_are_told(house: House, service: Service):
    request, contact = await asked(house, service)
    found = await contact.answers(request, "decline")
    assert [answer.outcome for answer in found.answers] == [Outcome.DECLINED]
    assert await grants_of(house, request) == 0
    assert (await row_of(house, request)).state == State.DECLINED
    assert "declined" in ((await house.mail(to=service.lead.email, subject="Your request was declined")).text or "")
    assert "declined" in ((await contact.mail(subject="A request for access was answered")).text or "")


async def test_B2_deciding_takes_a_choice_a_name_a_role_and_the_attestation(house: House, service: Service):
    request, contact = await asked(house, service)
    link = await contact.link(request)
    right: dict[str, Any] = {
        "answers": {str(request.id): "approve"}, "name": "Kim Contact", "role": "Office manager", "attested": True
    }  # fmt: skip
    lacking: dict[str, dict[str, Any]] = {
        f"answers.{request.id}": {"answers": {}},
        "name": {"name": "Front Desk"},
        "role": {"role": " "},
        "attested": {"attested": False},
        "answers": {"answers": {**right["answers"], "0" * 32: "approve"}},
    }
    for field, change in lacking.items():
        with pytest.raises(Refusal) as refused:
            await deciding.begin_sitting(house.gate, link, **{**right, **change}, client="test", key=key())
        assert refused.value.code == "invalid_fields"
        assert [defect.field for defect in refused.value.fields] == [field]
    for choice in ("", "later", "APPROVE"):
        with pytest.raises(Refusal):
            await contact.begin(request, choice)
    assert await decisions_of(house, request) == []
    assert contact.codes_sent() == 0


async def test_T2_the_deciding_name_is_a_persons_and_not_an_organizations(house: House, service: Service):
    request, contact = await asked(house, service)
    row, link = await row_of(house, request), await contact.link(request)
    # Digits keep the made-up names from being a person's at all; both sorts are refused.
    for name in (service.name, row.provider_name, "Billing Department", "https://example.org"):
        with pytest.raises(Refusal) as refused:
            await deciding.begin_sitting(
                house.gate, link, answers={str(request.id): "approve"}, name=name, role="Manager", attested=True,
                client="test", key=key(),
            )  # fmt: skip
        assert [defect.field for defect in refused.value.fields] == ["name"]
        assert "account" not in refused.value.fields[0].message  # none is made here
    named, other = await asked(house, service, provider_name="Ada Example")
    with pytest.raises(Refusal) as refused:
        await deciding.begin_sitting(
            house.gate, await other.link(named), answers={str(named.id): "approve"}, name="Dr. ADA EXAMPLE", role="Owner",
            attested=True, client="test", key=key(),
        )  # fmt: skip
    assert [defect.code for defect in refused.value.fields] == ["name_is_organization"]


async def test_T1_two_clicks_and_I2_the_same_key_twice_are_one_answer(house_on_both: House):
    house = house_on_both
    request, contact = await asked(house, await new_billing_service(house))
    same = key()
    first = await contact.begin(request, idempotency_key=same)
    code = await contact.code()
    second = await contact.begin(request, idempotency_key=same)
    assert first == second
    with pytest.raises(Refusal) as refused:
        await contact.begin(request, "decline", idempotency_key=same)
    assert refused.value.code == "key_reused"
    confirmation = key()
    found = [await deciding.confirm(house.gate, first, code=code, key=confirmation) for _ in range(2)]
    assert found[0].answers == found[1].answers
    assert len(await decisions_of(house, request)) == 1
    assert await grants_of(house, request) == 1
    assert contact.codes_sent() == 1


async def test_T1_approve_then_decline_in_two_windows_is_decided_by_the_first_and_I5_the_second_is_told(
    house: House, service: Service
):
    request, contact = await asked(house, service)
    one, first_code = await contact.begun(request, "approve")
    two, second_code = await contact.begun(request, "decline")
    assert [a.outcome for a in (await deciding.confirm(house.gate, one, code=first_code, key=key())).answers] == [
        Outcome.APPROVED
    ]
    found = await deciding.confirm(house.gate, two, code=second_code, key=key())
    assert [(a.outcome, a.state) for a in found.answers] == [(Outcome.SUPERSEDED, State.APPROVED)]
    assert await outcomes_of(house, request) == {"approve": "applied", "decline": "superseded"}
    assert (await row_of(house, request)).state == State.APPROVED
    with pytest.raises(Refusal) as refused:
        await contact.sheet(request)
    assert refused.value.code == "authorization_approved"


async def test_I7_a_code_works_once_and_only_for_its_own_sitting(house: House, service: Service):
    request, contact = await asked(house, service)
    other_request, other_contact = await asked(house, service)
    sitting, code = await contact.begun(request)
    foreign, foreign_code = await other_contact.begun(other_request)
    for wrong in (another(code), foreign_code if foreign_code != code else another(code)):
        with pytest.raises(Refusal) as refused:
            await deciding.confirm(house.gate, sitting, code=wrong, key=key())
        assert refused.value.code == "code_wrong"
    assert refused.value.tries_left == house.gate.limits.code_tries - 2
    await deciding.confirm(house.gate, sitting, code=code, key=key())
    async with house.database.read() as session:
        used = await session.scalar(
            select(col(OneTimeSecret.used_at)).where(
                col(OneTimeSecret.subject) == f"sitting/{sitting.subject_id}", col(OneTimeSecret.purpose) == "code"
            )
        )
    assert used is not None
    assert (await row_of(house, other_request)).state == State.SENT
    assert [one.confirmed_at for one in await decisions_of(house, other_request)] == [None]
    assert foreign.subject_id != sitting.subject_id


async def test_B2_only_the_newest_code_works_and_not_after_ten_minutes(house: House, service: Service):
    request, contact = await asked(house, service)
    sitting, old = await contact.begun(request)
    await deciding.send_code_again(house.gate, sitting, key=key())
    new = await contact.code(after=1)
    if old != new:
        with pytest.raises(Refusal) as refused:
            await deciding.confirm(house.gate, sitting, code=old, key=key())
        assert refused.value.code == "code_wrong"
    await quiet(house, request)  # its minutes count from the moment that it left
    expires_at = (await view_sitting(house.gate, sitting)).code_expires_at
    assert expires_at is not None
    late = replace(house.gate, now=lambda: expires_at)
    with pytest.raises(Refusal) as refused:
        await deciding.confirm(late, sitting, code=new, key=key())
    assert refused.value.code == "code_expired"
    assert (await row_of(house, request)).state == State.SENT


async def test_B2_codes_are_limited_by_the_hour_and_the_refusal_says_until_when(house: House, service: Service):
    request, contact = await asked(house, service)
    sitting = await contact.begin(request)
    for _ in range(house.gate.limits.decision_codes_per_hour - 1):
        await deciding.send_code_again(house.gate, sitting, key=key())
    with pytest.raises(Refusal) as refused:
        await deciding.send_code_again(house.gate, sitting, key=key())
    assert refused.value.code == "codes_limit"
    assert refused.value.retry_at is not None


async def test_T5_one_contact_answers_for_several_requests_in_one_sitting_each_separately(house_on_both: House):
    house = house_on_both
    one, two = await new_billing_service(house), await new_billing_service(house)
    linked, contact = await asked(house, one)
    second, _ = await asked(house, two, contact=contact.email)
    third, _ = await asked(house, two, contact=contact.email)
    stranger, _ = await asked(house, two)
    sheet = await contact.sheet(linked)
    assert [other.id for other in sheet.others] == [second.id, third.id]
    found = await contact.answers(linked, "approve", others={second.id: "decline", third.id: "later"})
    assert [(a.request.id, a.outcome) for a in found.answers] == [
        (linked.id, Outcome.APPROVED),
        (second.id, Outcome.DECLINED),
    ]
    assert (await row_of(house, third)).state == State.SENT
    assert await decisions_of(house, third) == await decisions_of(house, stranger) == []
    assert [other.id for other in (await contact.sheet(third)).others] == []
    with pytest.raises(Refusal) as refused:
        await contact.begin(third, others={stranger.id: "approve"})
    assert [defect.code for defect in refused.value.fields] == ["request_gone"]


async def test_T1_the_requesters_account_was_closed_meanwhile(house: House):
    service = await new_billing_service(house, people=2)
    request, contact = await asked(house, service, by=service.people[1])
    async with house.database.write() as session:
        account = await session.get_one(Account, service.people[1].account_id)
        account.closed_at = house.gate.now()
        access = (await session.scalars(select(Access).where(col(Access.account_id) == account.id))).one()
        access.status = "ended"
    found = await contact.answers(request)
    assert found.answers[0].outcome is Outcome.APPROVED
    assert await grants_of(house, request) == 1  # the service asked, and it's still there
    await house.mail(to=service.lead.email, subject="Your request was approved")
    assert house.mails(to=service.people[1].email, subject="Your request was approved") == []


async def test_T1_a_provider_that_the_directory_does_not_know_gets_the_same_mail_and_page_and_I16_opens_nothing(
    house: House, service: Service
):
    unknown, contact = await asked(house, service, tin="009999999", provider_name="Nowhere Clinic")
    known, other = await asked(house, service, provider_name="Nowhere Clinic")
    sheets = [await contact.sheet(unknown), await other.sheet(known)]
    assert sheets[0].linked.provider_tin_masked == "•••••9999"
    texts = [(await one.mail()).text or "" for one in (contact, other)]
    # What has to differ: link, reference, masked Tax ID, and the minute of the deadline.
    alike = [re.sub(r"/answer/\S+|A-[0-9A-Z-]+|•+\d{4}|\d+:\d\d [AP]M [A-Z]+", "…", text) for text in texts]
    assert alike[0] == alike[1]
    found = await contact.answers(unknown)
    assert found.answers[0].outcome is Outcome.STOPPED
    row = await row_of(house, unknown)
    assert (row.state, row.closing_code) == (State.CANCELLED, "authorization_provider_unknown")
    with pytest.raises(Refusal) as refused:
        await contact.sheet(unknown)
    assert refused.value.code == "authorization_stopped"  # nobody cancelled it
    assert await grants_of(house, unknown) == 0
    told = await house.mail(to=service.lead.email, subject="Your request was stopped")
    assert "Check the Tax ID and the NPI with the provider" in (told.text or "")
    assert "couldn't be carried out" in ((await contact.mail(subject="A request for access is over")).text or "")


async def test_I5_a_second_tab_hears_that_the_request_was_stopped_not_cancelled(house: House, service: Service):
    unknown, contact = await asked(house, service, tin="009999999", provider_name="Nowhere Clinic")
    sitting, code = await contact.begun(unknown)
    second, second_code = await contact.begun(unknown)
    assert (await deciding.confirm(house.gate, sitting, code=code, key=key())).answers[0].outcome is Outcome.STOPPED
    [told] = (await deciding.confirm(house.gate, second, code=second_code, key=key())).answers
    assert (told.outcome, told.is_stopped) == (Outcome.SUPERSEDED, True)
    with pytest.raises(Refusal) as refused:
        await deciding.send_code_again(house.gate, second, key=key())
    assert refused.value.code == "authorization_stopped"


async def test_I9_a_corrected_contact_kills_the_link_and_what_was_begun_with_it(house: House, service: Service):
    request, contact = await asked(house, service)
    sitting, code = await contact.begun(request)
    result = await request.handle.execute_update(
        names.CORRECT_CONTACT,
        CorrectContact(authorization_id=str(request.id), account_id=str(service.lead.account_id), contact="new@right.example.org"),
        result_type=AuthorizationResult,
    )  # fmt: skip
    assert result.accepted
    with pytest.raises(Refusal) as refused:
        await contact.sheet(request)
    assert refused.value.code == "authorization_contact_changed"
    with pytest.raises(Refusal) as refused:
        await deciding.send_code_again(house.gate, sitting, key=key())
    assert refused.value.code == "authorization_contact_changed"
    found = await deciding.confirm(house.gate, sitting, code=code, key=key())
    assert found.answers[0].outcome is Outcome.VOID
    assert (await state_of(house, request, wanted=State.SENT)).decision_id is None


async def test_B6_an_unknown_link_looks_like_a_dead_one_and_says_what_to_do(house: House):
    for link in ("", "x" * 43, "x" * 10_000, "é"):
        with pytest.raises(Refusal) as refused:
            await answer_sheet.follow_link(house.gate, link)
        assert refused.value.code == "decision_link_dead"
        assert refused.value.answer.next_steps
