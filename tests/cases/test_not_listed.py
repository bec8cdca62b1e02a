"""“My provider is not listed”: from the form to its end, with every edge of the rule (P8)."""

import asyncio
from datetime import timedelta

import pytest

from domain.cases import CaseKind, CaseState, StaffAction
from domain.registration import State
from portal import case_desk, cases
from portal.refusals import Refusal
from portal.registering import kept_organization
from tests.cases.counter import FORM, Counter, unlisted_tin
from tests.house import key

DAY = timedelta(days=1)


async def test_P8_a_form_becomes_a_case_with_number_owner_and_due_date(counter_on_both: Counter):
    counter = counter_on_both
    person, clerk = await counter.registrant(), await counter.clerk()
    case = await counter.open(person)
    assert case.number.startswith("C-")
    assert case.state is CaseState.NEW
    row = await counter.row(case)
    assert row.due_at is not None
    assert row.due_at > row.opened_at
    assert row.owner_id is None
    await counter.act(clerk, case, StaffAction.TAKE)
    assert (await counter.row(case)).owner_id == clerk.member.id
    result = await counter.act(clerk, case, StaffAction.CONTACTED, "Spoke with Jo; the vendor form is on its way.")
    assert result.state is CaseState.CONTACTED
    view = await cases.view_case(counter.gate, person.party, case.case_id)
    assert [line.words for line in view.timeline] == ["You sent us your request.", "We got in touch with you."]
    for subject in ("We have your request", "About your request"):
        mail = await counter.house.mail(to=person.email, subject=subject)
        assert case.number in mail.text
        assert case.number not in mail.subject


async def test_P8_listed_needs_the_directory_not_just_a_click(counter_on_both: Counter):
    counter, tin = counter_on_both, unlisted_tin()
    person, clerk = await counter.registrant(), await counter.clerk()
    case = await counter.open(person, tin=tin)
    with pytest.raises(Refusal, match="case_not_in_directory"):
        await counter.act(clerk, case, StaffAction.LISTED)
    assert (await counter.row(case)).state == CaseState.NEW
    organization_id = await counter.import_lists(tin)
    assert (await counter.act(clerk, case, StaffAction.LISTED)).state is CaseState.LISTED
    assert await counter.ends(case) is CaseState.LISTED
    assert (await counter.row(case)).organization_id == organization_id
    assert len(counter.house.mails(to=person.email, subject="listed now")) == 1


async def test_P8_an_import_that_lists_the_organization_meanwhile_resolves_the_case_by_itself(counter_on_both: Counter):
    counter, tin = counter_on_both, unlisted_tin()
    person = await counter.registrant()
    case = await counter.open(person, tin=tin)
    assert await cases.listed_by_import(counter.gate) == 0
    await counter.import_lists(tin)
    assert await cases.listed_by_import(counter.gate) == 1
    assert await counter.ends(case) is CaseState.LISTED
    assert await cases.listed_by_import(counter.gate) == 0


async def test_P8_once_listed_the_registration_goes_on_without_retyping_and_has_time_for_it(counter: Counter):
    tin = unlisted_tin()
    person = await counter.registrant()
    before = await counter.house.status(person.id)
    case = await counter.open(person, tin=tin)
    await counter.import_lists(tin)
    await cases.listed_by_import(counter.gate)
    assert await counter.ends(case) is CaseState.LISTED
    await counter.house.quiet(person.id)
    after = await counter.house.status(person.id)
    assert (after.state, after.deadline > before.deadline) == (State.PROVING, True)
    assert (await kept_organization(counter.gate, person.id)).tin == tin


async def test_P8_an_import_that_nobody_told_of_is_found_within_a_day(counter: Counter):
    person, tin = await counter.registrant(), unlisted_tin()
    case = await counter.open(person, tin=tin)
    await counter.import_lists(tin)
    await counter.skip(case, DAY)
    assert await counter.ends(case) is CaseState.LISTED


async def test_P8_two_forms_for_one_tin_are_linked_and_one_listing_ends_both(counter_on_both: Counter):
    counter, tin = counter_on_both, unlisted_tin()
    one, other, clerk = await counter.registrant(), await counter.registrant(), await counter.clerk()
    first, second = await counter.open(one, tin=tin), await counter.open(other, tin=tin)
    assert (first.state, len(first.number)) == (second.state, len(second.number))
    assert (await counter.row(second)).linked_case_id == first.case_id
    assert (await counter.row(first)).linked_case_id is None
    views = [
        await cases.view_case(counter.gate, who.party, case.case_id) for who, case in ((one, first), (other, second))
    ]
    assert [line.words for line in views[0].timeline] == [line.words for line in views[1].timeline]
    await counter.import_lists(tin)
    await counter.act(clerk, first, StaffAction.LISTED)
    assert await counter.ends(second) is CaseState.LISTED


async def test_P8_the_form_tells_strangers_nothing_about_which_tins_exist(counter: Counter):
    """A Tax ID that the directory has gets the same answer, page and mail, and nothing happens by itself (I16)."""
    clinic = await counter.house.new_clinic()
    seen = []
    for tin in (clinic.tin, unlisted_tin()):
        person = await counter.registrant()
        case = await counter.open(person, tin=tin)
        view = await cases.view_case(counter.gate, person.party, case.case_id)
        mail = await counter.house.mail(to=person.email, subject="We have your request")
        text = mail.text.replace(case.number, "").replace(str(case.case_id), "")
        await counter.skip(case, DAY)
        await counter.looked(case)
        status = await counter.status(case)
        words = [line.words for line in view.timeline]
        seen.append((case.state, view.state, words, text, status.state, status.revision))
    assert seen[0] == seen[1]
    assert await cases.listed_by_import(counter.gate) == 0


async def test_P8_nobody_reachable_is_reminded_and_then_closed_with_notice(counter_on_both: Counter):
    counter = counter_on_both
    person, clerk = await counter.registrant(), await counter.clerk()
    case = await counter.open(person)
    await counter.act(clerk, case, StaffAction.ASK_MORE, "Which address is on your W-9?")
    limits = counter.gate.limits
    await counter.skip(case, limits.case_answer_reminder)
    await counter.house.mail(to=person.email, subject="still need")
    assert (await counter.status(case)).state is CaseState.WAITING_FOR_REGISTRANT
    await counter.skip(case, limits.case_answer_life - limits.case_answer_reminder)
    assert await counter.ends(case) is CaseState.UNREACHABLE
    assert len(counter.house.mails(to=person.email, subject="Your request is closed")) == 1
    assert len(counter.house.mails(to=person.email, subject="still need")) == 1


async def test_P8_an_answer_in_time_brings_the_case_back_to_staff_with_a_new_due_date(counter: Counter):
    person, clerk = await counter.registrant(), await counter.clerk()
    case = await counter.open(person)
    await counter.act(clerk, case, StaffAction.ASK_MORE, "Which address is on your W-9?")
    row = await counter.row(case)
    assert row.due_at is None
    result = await cases.answer(counter.gate, person.party, case.case_id, text="12 Quay Street.", key=key())
    assert result.state is CaseState.CONTACTED
    row = await counter.row(case)
    assert row.due_at is not None
    assert row.answer_by is None
    view = await cases.view_case(counter.gate, person.party, case.case_id)
    assert [line.text for line in view.timeline][1:] == ["Which address is on your W-9?", "12 Quay Street."]


async def test_P8_declining_says_why_and_ends_the_case(counter: Counter):
    person, clerk = await counter.registrant(), await counter.clerk()
    case = await counter.open(person)
    with pytest.raises(Refusal, match="invalid_fields"):
        await counter.act(clerk, case, StaffAction.DECLINE, "  ")
    await counter.act(clerk, case, StaffAction.DECLINE, "This is a supplier, not a provider.")
    assert await counter.ends(case) is CaseState.DECLINED
    view = await cases.view_case(counter.gate, person.party, case.case_id)
    assert view.timeline[-1].text == "This is a supplier, not a provider."


async def test_B11_the_timeline_says_to_whom_a_case_went_and_what_was_tried_in_vain(counter: Counter):
    person, clerk, other = await counter.registrant(), await counter.clerk(), await counter.clerk(name="Lou Example")
    case = await counter.open(person)
    await counter.act(clerk, case, StaffAction.REASSIGN, "On leave from Monday.", assignee_id=str(other.member.id))
    with pytest.raises(Refusal, match="case_not_in_directory"):
        await counter.act(clerk, case, StaffAction.LISTED)
    lines = (await case_desk.view_desk_case(counter.gate, clerk.member, case.case_id)).timeline
    assert [(line.words, line.text) for line in lines if line.internal] == [
        ("Gave the case to somebody else.", "To Lou Example. On leave from Monday."),
        ("Tried to resolve the case as listed, which wasn't possible.", ""),
    ]


async def test_I1_a_case_that_is_over_stays_as_it_is(counter: Counter):
    person, clerk = await counter.registrant(), await counter.clerk()
    case = await counter.open(person)
    await cases.withdraw(counter.gate, person.party, case.case_id, key=key())
    assert await counter.ends(case) is CaseState.WITHDRAWN
    for late in (
        counter.act(clerk, case, StaffAction.CONTACTED),
        cases.answer(counter.gate, person.party, case.case_id, text="One more thing.", key=key()),
        cases.withdraw(counter.gate, person.party, case.case_id, key=key()),
    ):
        with pytest.raises(Refusal, match="case_over"):
            await late
    assert (await counter.row(case)).state == CaseState.WITHDRAWN


async def test_I1_a_step_in_the_wrong_state_is_refused(counter: Counter):
    person, clerk = await counter.registrant(), await counter.clerk()
    case = await counter.open(person)
    await counter.act(clerk, case, StaffAction.ASK_MORE, "Which address?")
    with pytest.raises(Refusal, match="case_wrong_state"):
        await counter.act(clerk, case, StaffAction.CONTACTED)


async def test_I2_the_same_form_sent_twice_is_one_case_and_another_form_under_its_key_is_refused(counter: Counter):
    person, tin, same = await counter.registrant(), unlisted_tin(), key()
    first, second = await asyncio.gather(*(counter.open(person, tin=tin, key=same) for _ in range(2)))
    assert first == second
    with pytest.raises(Refusal, match="key_reused"):
        await counter.open(person, tin=tin, key=same, note="Something else.")
    with pytest.raises(Refusal, match="case_open"):
        await counter.open(person, tin=tin)
    assert len(await cases.list_cases(counter.gate, person.party)) == 1


async def test_I15_a_foreign_case_looks_like_an_unknown_one(counter: Counter):
    person, stranger = await counter.registrant(), await counter.registrant()
    case = await counter.open(person)
    for attempt in (
        cases.view_case(counter.gate, stranger.party, case.case_id),
        cases.answer(counter.gate, stranger.party, case.case_id, text="Hello.", key=key()),
        cases.withdraw(counter.gate, stranger.party, case.case_id, key=key()),
    ):
        with pytest.raises(Refusal, match="not_found"):
            await attempt
    assert await cases.list_cases(counter.gate, stranger.party) == []


async def test_B6_every_field_is_looked_at_and_nothing_is_sent(counter: Counter):
    person = await counter.registrant()
    with pytest.raises(Refusal) as refused:
        await cases.open_case(
            counter.gate,
            person.party,
            kind=CaseKind.NOT_LISTED,
            key=key(),
            **{**FORM, "organization": "", "telephone_number": "12"},
            tin="1",
        )
    assert {defect.field for defect in refused.value.fields} == {"organization", "tin", "telephone"}
    assert await cases.list_cases(counter.gate, person.party) == []
