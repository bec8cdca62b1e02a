"""P9: an objection to a newcomer of whom no review is under way is settled by staff; ending the access takes two of them."""

from datetime import UTC, datetime

import pytest

from db.departures import NoticeLetterRow
from db.newcomer_standing import Wait
from domain.departure import Choice, State
from domain.print_shop import DeliveryEvent, DeliveryKind
from portal import colleagues, departure_desk, objection_desk
from portal.departures import ColleagueWord
from portal.letters import tell_delivery
from portal.newcomers import Outcome
from portal.objection_desk import Settled
from portal.refusals import Refusal
from tests.departures.conftest import Practice, Successor
from tests.departures.test_departure_notices import letter_of
from tests.house import key

WORKS_HERE = [ColleagueWord(reason="other_role")]


async def objected(practice: Practice):
    clinic = await practice.house.new_clinic()
    first = await practice.administrator(clinic)
    second: Successor = await practice.successor(clinic, words=WORKS_HERE)
    await practice.says(first, "object")
    return first, second


async def ruled(practice: Practice, member, second: Successor, verdict: str, **changes: str) -> Settled:
    reason = {"reason": "Called the office.", "key": key(), **changes}
    return await objection_desk.settle(practice.gate, member, second.started.registration_id, verdict=verdict, **reason)


async def waiting(practice: Practice, member, second: Successor) -> list[bool]:
    lines = await departure_desk.list_objections(practice.gate, member)
    return [one.end_proposed for one in lines if one.registration_id == second.started.registration_id]


async def test_P9_one_person_of_staff_keeps_a_newcomers_access(practice_on_both: Practice):
    practice = practice_on_both
    first, second = await objected(practice)
    member = await practice.staff_member()
    assert await waiting(practice, member, second) == [False]
    again = key()
    for _ in range(2):
        assert await ruled(practice, member, second, "keep", key=again) is Settled.KEPT
    assert await waiting(practice, member, second) == []
    assert await practice.access_of(second.person) == ["open"]
    for person in (first, second.person):
        mail = await practice.house.mail(to=person.email, subject="keeps the access")
        assert ("Your access stays as it is." in (mail.text or "")) is (person is second.person)
        kind = "newcomer_kept_you" if person is second.person else "newcomer_kept"
        assert (await practice.kinds(person)).count(kind) == 1
    with pytest.raises(Refusal, match="not_found"):
        await ruled(practice, member, second, "end")


async def test_P9_an_objection_that_a_kept_departure_leaves_open_is_for_staff_to_settle(practice_on_both: Practice):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    first = (await practice.successor(clinic, words=())).person
    second = await practice.successor(clinic, notice=False)
    review = await practice.review(first)
    await practice.says(first, "object")
    await practice.stands(review.id, State.CONTESTED)
    member = await practice.staff_member()
    assert await waiting(practice, member, second) == []  # the review may settle it
    assert (await practice.decide(review.id, "keep")).state is State.KEPT
    await practice.review_over(review.id)

    async def wait() -> Wait | None:
        [view] = await colleagues.list_organizations(practice.gate, second.person.principal)
        return next(one.wait for one in view.colleagues if not one.is_self)

    assert await wait() == Wait(until=None)
    assert await waiting(practice, member, second) == [False]
    assert await ruled(practice, member, second, "keep") is Settled.KEPT
    assert await waiting(practice, member, second) == []
    assert await wait() == Wait(until=(await practice.notice(first)).until)


async def test_B11_ending_a_newcomers_access_takes_two_people(practice_on_both: Practice):
    practice = practice_on_both
    first, second = await objected(practice)
    member, other = await practice.staff_member(), await practice.staff_member()
    assert await ruled(practice, member, second, "end") is Settled.SECOND_PERSON
    assert await waiting(practice, member, second) == [True]
    with pytest.raises(Refusal, match="case_same_person"):
        await ruled(practice, member, second, "end")
    assert await practice.access_of(second.person) == ["open"]
    assert await ruled(practice, other, second, "end") is Settled.ENDED
    assert await practice.access_of(second.person) == ["ended"]
    assert await practice.open_sessions(second.person) == 0
    assert (await practice.account_of(second.person)).closed_at is not None
    assert await practice.access_of(first) == ["open"]
    await practice.house.mail(to=first.email, subject="access has ended")
    await practice.house.mail(to=second.person.email, subject="access has ended")
    assert await waiting(practice, member, second) == []


@pytest.mark.parametrize(("verdict", "outcome"), [("keep", Outcome.NEWCOMER_STAYS), ("end", Outcome.NEWCOMER_ENDED)])
async def test_P9_who_objected_sees_what_staff_decided(practice: Practice, verdict: str, outcome: Outcome):
    first, second = await objected(practice)
    assert (await practice.notice(first)).outcome is Outcome.WITH_STAFF
    for _ in range(2):
        member = await practice.staff_member()
        if (await practice.notice(first)).outcome is Outcome.WITH_STAFF:
            await ruled(practice, member, second, verdict)
    notice = await practice.notice(first)
    assert (notice.outcome, notice.answered, notice.may_answer) == (outcome, Choice.OBJECT, False)
    mail = await practice.house.mail(to=first.email, subject="newcomer")
    assert "J••• E•••" in (mail.text or "")


async def test_P9_a_newcomer_to_whom_nobody_objected_is_no_business_of_the_desk(practice: Practice):
    clinic = await practice.house.new_clinic()
    await practice.administrator(clinic)
    second = await practice.successor(clinic, words=WORKS_HERE)
    with pytest.raises(Refusal, match="not_found"):
        await ruled(practice, await practice.staff_member(), second, "end")
    with pytest.raises(Refusal, match="invalid_fields"):
        await ruled(practice, await practice.staff_member(), second, "perhaps")


async def test_B5_a_returned_letter_to_the_address_of_record_is_on_record_once(practice: Practice):
    _, second = await objected(practice)
    letter = await letter_of(practice, second.started.registration_id)
    event = DeliveryEvent(str(letter.id), DeliveryKind.RETURNED, datetime.now(UTC))
    for _ in range(2):
        await tell_delivery(practice.gate, [event])
    async with practice.house.database.read() as session:
        row = await session.get_one(NoticeLetterRow, letter.id)
    assert (row.state, row.returned_at is None) == ("returned", False)
    entries = await practice.audited(f"registration/{second.started.registration_id}")
    assert [one.action for one in entries].count("notice_letter.returned") == 1
