"""The review of an account that was left behind: its answers, its deadline, and what it ends (P9, I20)."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from db import audit
from db.accounts import Access, Message
from db.departures import NewcomerAnswer
from db.invitations import InvitationRow
from db.registrations import Evidence, MailRow, RegistrationRow
from domain.departure import AnswerGiven, DecideReview, State
from domain.invitation import State as InvitationState
from domain.registration import State as RegistrationState
from ops.mailbox import Fault
from portal import adding, departure_desk, departures, newcomers, sessions, signing_in
from portal.departures import ColleagueWord
from portal.newcomers import Outcome
from portal.refusals import Refusal
from portal.sessions import SessionKind
from tests.by_mail.conftest import until
from tests.colleagues.office import new_address
from tests.departures.conftest import Practice
from tests.house import PASSWORD, key
from workflows import names


async def test_P9_no_answer_until_the_deadline_ends_the_access(practice_on_both: Practice):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)  # was the only one
    successor = await practice.successor(clinic)
    review = await practice.review(departed)
    assert "departure_opened" in await practice.kinds(successor.person)
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)
    await practice.review_over(review.id)
    assert await practice.access_of(departed) == ["ended"]
    assert (await practice.account_of(departed)).closed_at is not None  # nothing is left
    assert await practice.open_sessions(departed) == 0  # I20
    with pytest.raises(Refusal) as refused:
        await sessions.authenticate(practice.gate, departed.token, SessionKind.ACCOUNT)
    assert refused.value.code == "signed_out"
    with pytest.raises(Refusal) as refused:
        await signing_in.sign_in(practice.gate, email=departed.email, password=PASSWORD, caller=key(), client="test")
    assert refused.value.code == "sign_in_failed"
    assert await practice.access_of(successor.person) == ["open"]
    (access,) = await practice.access(successor.person)
    assert access.role == "administrator"
    # Both sides are told, once each.
    assert await practice.due_mails("departure_ended", to=departed) == 1
    assert await practice.due_mails("departure_confirmed", to=successor.person) == 1
    assert (await practice.kinds(successor.person)).count("departure_confirmed") == 1
    await practice.house.mail(to=departed.email, subject="Your access to an organization has ended")
    async with practice.house.database.read() as session:
        assert await audit.broken_at(session) is None
    actions = [entry.action for entry in await practice.audited(f"departure/{review.id}")]
    assert actions.count("departure.window_over") == 1  # I17


async def test_P9_the_departed_person_objects_and_nothing_ends_until_staff_decide(practice_on_both: Practice):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    successor = await practice.successor(clinic)
    review = await practice.review(departed)
    await practice.says(departed, "object")
    await practice.stands(review.id, State.CONTESTED)
    assert "departure_contested" in await practice.kinds(successor.person)
    assert "departure_contested_you" in await practice.kinds(departed)
    await practice.skip_to(review.id, before=-timedelta(days=30))
    assert (await practice.review_status(review.id)).state is State.CONTESTED
    assert await practice.access_of(departed) == ["open"]
    assert await practice.open_sessions(departed) == 1
    member = await practice.staff_member()
    (row,) = [one for one in await departure_desk.list_reviews(practice.gate, member) if one.id == review.id]
    assert (row.email, row.newcomers[0].reference) == (departed.email, successor.started.reference)
    assert (await practice.decide(review.id, "keep")).state is State.KEPT
    await practice.review_over(review.id)
    assert await practice.access_of(departed) == ["open"]
    assert await practice.access_of(successor.person) == ["open"]
    assert await practice.due_mails("departure_kept", to=departed) == 1
    mail = await practice.house.mail(to=departed.email, subject="The access stays as it is")
    assert "Your access stays as it is." in (mail.text or "")  # to the reader, not of somebody masked
    assert "•••" not in (mail.text or "")
    assert "departure_kept_you" in await practice.kinds(departed)
    assert (await practice.notice(departed)).outcome is Outcome.YOU_STAY
    assert await practice.due_mails("departure_kept", to=successor.person) == 1


async def test_P9_staff_may_confirm_what_was_contested(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    await practice.says(departed, "object")
    await practice.stands(review.id, State.CONTESTED)
    member, same = await practice.staff_member(), key()
    for _ in range(2):  # I2
        result = await departure_desk.decide(
            practice.gate, member, review.id, verdict="confirm", reason="The office says so.", key=same
        )
        assert (result.accepted, result.state) == (True, State.CONFIRMED)
    assert await practice.access_of(departed) == ["ended"]
    assert (await departure_desk.view_review(practice.gate, member, review.id)).decision == "The office says so."
    with pytest.raises(Refusal) as refused:  # I5
        await practice.decide(review.id, "keep")
    assert refused.value.code == "departure_over"
    assert await practice.access_of(departed) == ["ended"]


async def test_B11_staff_decide_only_what_was_contested_and_with_a_reason(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    member = await practice.staff_member()
    for verdict, reason, code in (
        ("keep", "Because.", "departure_open"),
        ("keep", " ", "invalid_fields"),
        ("end", "Because.", "invalid_fields"),
    ):
        with pytest.raises(Refusal) as refused:
            await departure_desk.decide(practice.gate, member, review.id, verdict=verdict, reason=reason, key=key())
        assert refused.value.code == code


async def test_P9_in_the_last_moments_an_objection_counts(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    await practice.skip_to(review.id, before=timedelta(seconds=8))
    await practice.says(departed, "object")
    await practice.stands(review.id, State.CONTESTED)
    await practice.skip_to(review.id, before=-timedelta(seconds=1))
    assert (await practice.review_status(review.id)).state is State.CONTESTED
    assert await practice.access_of(departed) == ["open"]


async def test_P9_at_the_deadline_it_is_too_late(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    colleague = await practice.colleague(departed)
    started = await practice.arriving(clinic, notice=True)
    shown = await departures.existing_accounts(practice.gate, started.registration_id)
    words = [ColleagueWord(reason="left", about=shown[0].id)]
    await departures.answer_for_colleagues(practice.gate, started.registration_id, words=words, key=key())
    await practice.house.secured(started)
    review = await practice.review(departed)
    link = await practice.notice_link(departed)
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)
    for attempt in (
        practice.says(colleague, "object"),
        newcomers.send_code(practice.gate, link, key=key()),
        newcomers.answer_by_code(practice.gate, link, choice="object", code="123456", key=key()),
    ):
        with pytest.raises(Refusal) as refused:
            await attempt
        assert refused.value.code == "departure_over"
    view = await newcomers.follow_link(practice.gate, link)
    assert (view.may_answer, view.review) == (False, State.CONFIRMED)


async def test_P9_the_person_says_that_it_is_right_and_it_ends_at_once(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    link = await practice.notice_link(departed)
    code = await practice.code(departed, link)
    await newcomers.answer_by_code(practice.gate, link, choice="right", code=code, key=key())
    await practice.stands(review.id, State.CONFIRMED)
    assert await practice.access_of(departed) == ["ended"]


async def test_P9_another_active_administrator_is_not_affected(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    other = await practice.colleague(departed, role="administrator")
    started = await practice.arriving(clinic, notice=True)
    shown = await departures.existing_accounts(practice.gate, started.registration_id)
    words = [ColleagueWord(reason="left", about=shown[0].id)]
    await departures.answer_for_colleagues(practice.gate, started.registration_id, words=words, key=key())
    await practice.house.secured(started)
    review = await practice.review(departed)
    await practice.says(other, "right")  # what a colleague says of it ends nothing
    assert (await practice.review_status(review.id)).state is State.OPEN
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)
    assert await practice.access_of(departed) == ["ended"]
    assert await practice.access_of(other) == ["open"]
    assert await practice.open_sessions(other) == 1
    assert "departure_confirmed" in await practice.kinds(other)


async def test_P9_a_colleague_objects_for_the_person(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    other = await practice.colleague(departed, role="administrator")
    await practice.successor(clinic)  # "they have all left"
    reviews = [await practice.review(person) for person in (departed, other)]
    await practice.says(other, "object")
    for review in reviews:
        await practice.stands(review.id, State.CONTESTED)


async def test_P9_a_mailbox_that_bounces_is_no_objection_but_noted(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    started = await practice.arriving(clinic, words=[ColleagueWord(reason="left")], notice=True)
    practice.house.sink.fault = Fault.PERMANENT
    await practice.house.secured(started)
    review = await practice.review(departed)
    mail_id = f"registration/{started.registration_id}:departure_claimed:{departed.account_id}"

    async def refused() -> bool | None:
        async with practice.house.database.read() as session:
            return (await session.get_one(MailRow, mail_id)).state == "refused" or None

    await until(refused)
    practice.house.sink.fault = Fault.NONE
    member = await practice.staff_member()
    assert (await departure_desk.view_review(practice.gate, member, review.id)).mail_failed
    await practice.skip_to(review.id)
    row = await practice.stands(review.id, State.CONFIRMED)
    assert row.mail_failed
    (entry,) = [
        one for one in await practice.audited(f"departure/{review.id}") if one.action == "departure.window_over"
    ]
    assert '"mail_failed": true' in entry.details


async def test_P9_two_successors_at_once_are_one_review(practice_on_both: Practice):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    first = await practice.arriving(clinic, words=[ColleagueWord(reason="left")], notice=True)
    # The notice is used: the other one has the check, which the departed person's registration lets go of.
    second = await practice.house.confirmed(email=new_address())
    async with practice.house.database.write() as session:
        evidence = await session.scalar(
            select(Evidence).where(col(Evidence.organization_id) == clinic.id, col(Evidence.kind) == "payment")
        )
        assert evidence is not None
        evidence.released_at = practice.gate.now()
    assert (await practice.house.prove(second, clinic)).accepted
    await departures.answer_for_colleagues(
        practice.gate, second.registration_id, words=[ColleagueWord(reason="left")], key=key()
    )
    await asyncio.gather(practice.house.secured(first), practice.house.secured(second))
    review = await practice.review(departed)
    assert await practice.due_mails("departure_claimed", to=departed) == 2  # one for each newcomer
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)
    assert len(await practice.reviews(departed)) == 1
    async with practice.house.database.read() as session:
        told = await session.scalars(
            select(col(Message.kind)).where(
                col(Message.account_id) == departed.account_id, col(Message.kind) == "departure_ended"
            )
        )
        assert len(told.all()) == 1


async def test_P9_it_was_a_mistake(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    successor = await practice.successor(clinic)
    review = await practice.review(departed)
    (claim,) = await departures.list_claims(practice.gate, successor.person.principal)
    assert claim.may_withdraw
    for _ in range(2):
        result = await departures.withdraw_claim(practice.gate, successor.person.principal, review.id, key=key())
        assert (result.accepted, result.state) == (True, State.WITHDRAWN)
    await practice.review_over(review.id)
    assert await practice.access_of(departed) == ["open"]
    assert await practice.due_mails("departure_withdrawn", to=departed) == 1
    assert (await departures.list_claims(practice.gate, successor.person.principal))[0].is_withdrawn
    with pytest.raises(Refusal) as refused:
        await practice.says(departed, "object")
    assert refused.value.code == "departure_over"


async def test_P9_a_mistake_of_one_newcomer_leaves_the_word_of_the_other(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    first = await practice.successor(clinic)
    async with practice.house.database.write() as session:
        for evidence in await session.scalars(select(Evidence).where(col(Evidence.organization_id) == clinic.id)):
            evidence.released_at = practice.gate.now()
    shown = await practice.arriving(clinic)
    about = (await departures.existing_accounts(practice.gate, shown.registration_id))[0]
    words = [ColleagueWord(reason="left", about=about.id)]
    await departures.answer_for_colleagues(practice.gate, shown.registration_id, words=words, key=key())
    await practice.house.secured(shown)
    review = await practice.review(departed)
    result = await departures.withdraw_claim(practice.gate, first.person.principal, review.id, key=key())
    assert result.state is State.OPEN
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)


async def test_P9_open_invitations_and_requests_of_the_departed_person_are_cancelled_with_notice(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    invited = new_address()
    invitation_id = await practice.invited(departed, invited)
    await practice.link(invited)
    added = await adding.start_addition(practice.gate, departed.principal, key=key(), client="test")
    request_id = added.registration_id
    await practice.successor(clinic)
    review = await practice.review(departed)
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)

    async def cancelled() -> bool | None:
        async with practice.house.database.read() as session:
            invitation = await session.get_one(InvitationRow, invitation_id)
            request = await session.get_one(RegistrationRow, request_id)
        done = invitation.state == InvitationState.CANCELLED and request.state == RegistrationState.WITHDRAWN
        return done or None

    await until(cancelled)
    await practice.house.mail(to=invited, subject="Your invitation to the provider portal has ended")


async def test_P9_the_account_stays_open_where_it_sees_another_organization(practice: Practice):
    clinic, other = await practice.house.new_clinic(), await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    async with practice.house.database.write() as session:
        evidence = Evidence(kind="staff", organization_id=other.id, matched_at=practice.gate.now())
        session.add(evidence)
        await session.flush()
        session.add(
            Access(
                account_id=departed.account_id, organization_id=other.id, evidence_id=evidence.id, via="staff",
                opened_at=practice.gate.now(),
            )
        )  # fmt: skip
    await practice.successor(clinic)
    review = await practice.review(departed)
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)
    async with practice.house.database.read() as session:
        rows = await session.execute(
            select(col(Access.organization_id), col(Access.status)).where(col(Access.account_id) == departed.account_id)
        )
        assert {tuple(row) for row in rows.all()} == {(clinic.id, "ended"), (other.id, "open")}
    assert (await practice.account_of(departed)).closed_at is None
    assert await practice.open_sessions(departed) == 0


async def test_P9_the_word_of_a_newcomer_who_lost_the_access_ends_nothing(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    successor = await practice.successor(clinic)
    review = await practice.review(departed)
    async with practice.house.database.write() as session:
        for access in await session.scalars(
            select(Access).where(col(Access.account_id) == successor.person.account_id)
        ):
            access.status = "ended"
    await practice.skip_to(review.id)
    row = await practice.stands(review.id, State.WITHDRAWN)
    assert row.closing_code == "newcomer_gone"
    assert await practice.access_of(departed) == ["open"]


async def test_I3_a_message_without_evidence_moves_nothing(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    handle = practice.review_handle(review.id)
    await handle.signal(names.ANSWER_GIVEN, AnswerGiven(answer_id=str(review.id)))
    await practice.says(departed, "object")
    await practice.stands(review.id, State.CONTESTED)
    result = await handle.execute_update(names.DECIDE_DEPARTURE, DecideReview(decision_id=str(review.id)))
    assert result["accepted"] is False
    assert (await practice.review_status(review.id)).state is State.CONTESTED
    assert await practice.access_of(departed) == ["open"]


async def test_P9_an_objection_whose_message_was_lost_counts_all_the_same(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    notice = await practice.notice(departed)
    async with practice.house.database.write() as session:  # written, then the sender died
        session.add(NewcomerAnswer(notice_id=notice.id, choice="object", via="session", at=practice.gate.now()))
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONTESTED)
    assert await practice.access_of(departed) == ["open"]


async def test_I1_a_review_that_is_cancelled_in_temporal_ends_nothing(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    await practice.review_handle(review.id).cancel()
    await practice.stands(review.id, State.WITHDRAWN)
    assert await practice.access_of(departed) == ["open"]


async def test_P9_after_a_review_another_newcomer_may_say_it_again(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    successor = await practice.successor(clinic)
    review = await practice.review(departed)
    await departures.withdraw_claim(practice.gate, successor.person.principal, review.id, key=key())
    async with practice.house.database.write() as session:
        for evidence in await session.scalars(select(Evidence).where(col(Evidence.organization_id) == clinic.id)):
            evidence.released_at = practice.gate.now()
    await practice.successor(clinic)
    rows = await practice.reviews(departed)
    assert sorted(row.state for row in rows) == [State.OPEN, State.WITHDRAWN]
