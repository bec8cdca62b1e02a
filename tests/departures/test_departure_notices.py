"""Those who have an account are told of a newcomer, once each, and can answer; the link only identifies (P9, B2, I14, I15)."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pypdfium2
import pytest
from sqlalchemy import select
from sqlmodel import col

from db.departures import NewcomerAnswer, NoticeLetterRow
from db.directory import Location
from domain.departure import Choice, State
from portal import account, departure_desk, departures, newcomers
from portal.departures import ColleagueWord
from portal.refusals import Refusal
from tests.by_mail.conftest import until
from tests.departures.conftest import Practice
from tests.house import key

UNKNOWN = (ColleagueWord(reason="unknown"),)


async def letter_of(practice: Practice, registration_id: object, state: str = "handed_over") -> NoticeLetterRow:
    async def there() -> NoticeLetterRow | None:
        async with practice.house.database.read() as session:
            found = await session.scalars(
                select(NoticeLetterRow).where(col(NoticeLetterRow.registration_id) == registration_id)
            )
            rows = found.all()
        assert len(rows) == 1
        return rows[0] if rows[0].state == state else None

    return await until(there)


async def test_P9_existing_accounts_are_told_once_and_a_letter_goes_to_the_address_of_record(
    practice_on_both: Practice,
):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    first = await practice.administrator(clinic)
    second = await practice.colleague(first)
    successor = await practice.successor(clinic, words=UNKNOWN)
    for person in (first, second):
        assert (await practice.kinds(person)).count("someone_registered") == 1
        assert await practice.due_mails("someone_registered", to=person) == 1
        mail = await practice.house.mail(to=person.email, subject="Someone registered")
        assert "J••• E•••" in (mail.text or "")
        assert "I object, or that's right" in (mail.text or "")
    assert "departure_opened" not in await practice.kinds(successor.person)
    assert await practice.reviews(first) == []  # nobody was said to have left
    letter = await letter_of(practice, successor.started.registration_id)
    found = list((Path(practice.house.settings.data_dir) / "letters" / "batches").glob(f"*/{letter.id}.pdf"))
    assert len(found) == 1
    document = pypdfium2.PdfDocument(found[0])
    text = document[0].get_textpage().get_text_range()
    document.close()
    assert "Someone registered for your organization" in text
    assert successor.started.reference in text
    assert "has left" not in text


async def test_P9_who_is_said_to_have_left_is_told_so(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    colleague = await practice.colleague(departed)
    started = await practice.arriving(clinic, notice=True)
    shown = await departures.existing_accounts(practice.gate, started.registration_id)
    words = [ColleagueWord(reason="left", about=shown[0].id), ColleagueWord(reason="on_leave", about=shown[1].id)]
    await departures.answer_for_colleagues(practice.gate, started.registration_id, words=words, key=key())
    await practice.house.secured(started)
    assert "departure_claimed" in await practice.kinds(departed)
    assert "someone_registered" in await practice.kinds(colleague)
    assert len(await practice.reviews(departed)) == 1
    assert await practice.reviews(colleague) == []
    notice = await practice.notice(departed)
    assert (notice.says_you_left, notice.review) == (True, State.OPEN)
    assert not (await practice.notice(colleague)).says_you_left


async def test_P9_who_is_signed_in_reads_the_newcomers_full_name_and_the_link_shows_it_masked(practice: Practice):
    clinic = await practice.house.new_clinic()
    colleague = await practice.administrator(clinic)
    await practice.successor(clinic, words=UNKNOWN)
    assert (await practice.notice(colleague)).newcomer == "Jo Example"
    link = await practice.notice_link(colleague)
    assert (await newcomers.follow_link(practice.gate, link)).newcomer == "J••• E•••"
    told = [
        one
        for one in await account.list_messages(practice.gate, colleague.principal)
        if one.kind == "someone_registered"
    ]
    assert "Jo Example got access" in repr(told)


async def test_P9_pages_name_the_last_day_that_the_mail_names(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    successor = await practice.successor(clinic)
    mail = await practice.house.mail(to=departed.email, subject="Someone says")
    notice = await practice.notice(departed)
    (claim,) = await departures.list_claims(practice.gate, successor.person.principal)
    assert f"Object by:    {notice.last_day}" in (mail.text or "")
    assert claim.last_day == notice.last_day


async def test_P9_without_a_usable_address_nobody_is_kept_waiting_for_the_letter(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    async with practice.house.database.write() as session:
        for location in await session.scalars(select(Location).where(col(Location.organization_id) == clinic.id)):
            location.zip = "0"
    await practice.successor(clinic)
    assert (await practice.review(departed)).state == State.OPEN


async def test_B2_an_objection_from_the_notice_needs_a_code_to_that_mailbox(practice_on_both: Practice):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    link = await practice.notice_link(departed)
    view = await newcomers.follow_link(practice.gate, link)
    assert view.may_answer
    assert view.may_answer_by_code
    for code in ("", "12345", "abcdef"):
        with pytest.raises(Refusal) as refused:
            await newcomers.answer_by_code(practice.gate, link, choice="object", code=code, key=key())
        assert [field.field for field in refused.value.fields] == ["code"]
    right = await practice.code(departed, link)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    with pytest.raises(Refusal) as refused:
        await newcomers.answer_by_code(practice.gate, link, choice="object", code=wrong, key=key())
    assert (refused.value.code, refused.value.tries_left) == ("code_wrong", 4)
    assert (await practice.stands(review.id, State.OPEN)).state == State.OPEN
    same = key()
    for _ in range(2):  # I2: the code works once, the request may come twice
        view = await newcomers.answer_by_code(practice.gate, link, choice="object", code=right, key=same)
        assert view.answered is Choice.OBJECT
    await practice.stands(review.id, State.CONTESTED)
    with pytest.raises(Refusal) as refused:  # I7
        await newcomers.answer_by_code(practice.gate, link, choice="right", code=right, key=key())
    assert refused.value.code == "code_wrong"


async def test_B2_no_answer_is_chosen_beforehand(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    notice = await practice.notice(departed)
    for choice in ("", "yes", "OBJECT"):
        with pytest.raises(Refusal) as refused:
            await newcomers.answer(practice.gate, departed.principal, notice.id, choice=choice, key=key())
        assert [field.code for field in refused.value.fields] == ["choice_missing"]


async def test_I13_tries_of_a_code_are_counted_before_they_are_looked_at(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    await practice.review(departed)
    link = await practice.notice_link(departed)
    right = await practice.code(departed, link)
    wrong = [f"{(int(right) + one) % 1_000_000:06}" for one in range(1, 13)]

    async def attempt(code: str) -> str:
        try:
            await newcomers.answer_by_code(practice.gate, link, choice="object", code=code, key=key())
        except Refusal as refusal:
            return refusal.code
        return "ok"

    found = await asyncio.gather(*(attempt(code) for code in wrong))
    assert sorted(found) == ["code_tries_used"] * 7 + ["code_wrong"] * 5
    assert await attempt(right) == "code_tries_used"
    assert await attempt(await practice.code(departed, link, after=1)) == "ok"


async def test_P9_codes_are_sent_a_few_times_an_hour_only(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    await practice.review(departed)
    link = await practice.notice_link(departed)
    for _ in range(practice.gate.limits.codes_per_hour):
        await newcomers.send_code(practice.gate, link, key=key())
    with pytest.raises(Refusal) as refused:
        await newcomers.send_code(practice.gate, link, key=key())
    assert refused.value.code == "codes_limit"
    assert refused.value.retry_at is not None


async def test_I14_a_robot_on_the_notice_changes_nothing(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    link = await practice.notice_link(departed)
    for _ in range(3):
        await newcomers.follow_link(practice.gate, link)
    # The default form: nothing chosen, no code.
    with pytest.raises(Refusal):
        await newcomers.answer_by_code(practice.gate, link, choice="", code="", key=key())
    async with practice.house.database.read() as session:
        found = await session.scalars(
            select(NewcomerAnswer).where(col(NewcomerAnswer.notice_id) == (await practice.notice(departed)).id)
        )
        assert found.all() == []
    assert (await practice.review(departed)).revision == review.revision


async def test_I15_a_foreign_notice_looks_like_an_unknown_one(practice: Practice):
    clinic, elsewhere = await practice.house.new_clinic(), await practice.house.new_clinic()
    departed, stranger = await practice.administrator(clinic), await practice.administrator(elsewhere)
    successor = await practice.successor(clinic)
    review = await practice.review(departed)
    notice = await practice.notice(departed)
    for foreign in (notice.id, uuid4()):
        for attempt in (
            newcomers.view_notice(practice.gate, stranger.principal, foreign),
            newcomers.answer(practice.gate, stranger.principal, foreign, choice="object", key=key()),
            newcomers.answer(practice.gate, successor.person.principal, foreign, choice="right", key=key()),
        ):
            with pytest.raises(Refusal) as refused:
                await attempt
            assert refused.value.code == "not_found"
    for foreign in (review.id, uuid4()):
        for person in (stranger, departed):  # only whoever said it can take it back
            with pytest.raises(Refusal) as refused:
                await departures.withdraw_claim(practice.gate, person.principal, foreign, key=key())
            assert refused.value.code == "not_found"
    assert await newcomers.list_notices(practice.gate, stranger.principal) == []
    assert await departures.list_claims(practice.gate, stranger.principal) == []


@pytest.mark.parametrize("link", ["", "x", "x" * 43, "x" * 500])
async def test_P9_a_link_that_is_none_of_ours_is_dead(practice: Practice, link: str):
    for attempt in (
        newcomers.follow_link(practice.gate, link),
        newcomers.send_code(practice.gate, link, key=key()),
        newcomers.answer_by_code(practice.gate, link, choice="object", code="123456", key=key()),
    ):
        with pytest.raises(Refusal) as refused:
            await attempt
        assert refused.value.code == "notice_link_dead"


async def test_P9_where_nobody_left_an_objection_goes_to_staff(practice: Practice):
    clinic = await practice.house.new_clinic()
    colleague = await practice.administrator(clinic)
    successor = await practice.successor(clinic, words=UNKNOWN)
    link = await practice.notice_link(colleague)
    with pytest.raises(Refusal) as refused:  # no workflow is there to send a code; an account can sign in
        await newcomers.send_code(practice.gate, link, key=key())
    assert refused.value.code == "notice_sign_in"
    assert (await practice.says(colleague, "object")).answered is Choice.OBJECT
    member = await practice.staff_member()
    lines = await departure_desk.list_objections(practice.gate, member)
    assert [line.reference for line in lines if line.organization == clinic.name] == [successor.started.reference]
    assert await practice.access_of(colleague) == ["open"]


async def test_I20_who_has_no_access_any_more_has_no_word_in_it(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    other = await practice.colleague(departed, role="administrator")
    await practice.successor(clinic)
    await practice.says(departed, "right")
    await practice.stands((await practice.review(departed)).id, State.CONFIRMED)
    assert (await practice.review(other)).state == State.OPEN
    link = await practice.notice_link(departed)
    with pytest.raises(Refusal) as refused:
        await newcomers.send_code(practice.gate, link, key=key())
    assert refused.value.code == "departure_over"
    assert not (await newcomers.follow_link(practice.gate, link)).may_answer


async def test_I12_no_name_and_no_address_in_subjects(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    mail = await practice.house.mail(to=departed.email, subject="Someone says")
    assert mail.subject == "Someone says that you have left"
    assert urlsplit(practice.house.settings.site_url).netloc in (mail.text or "")
