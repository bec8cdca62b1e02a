"""Staff and their cases: due dates and escalation, who may do what, and two people for access (P10, B11, I3)."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from db.accounts import Access, Message
from db.registrations import Evidence
from db.staff import StaffDecision
from domain.cases import ActOnCase, CaseCode, CaseKind, CaseResult, CaseState, StaffAction
from domain.registration import State
from ops.mailbox import Fault
from portal import account, case_desk, cases, registering, staff
from portal.case_desk import CaseFilter
from portal.cases import CaseParty, OpenedCase
from portal.refusals import Refusal
from portal.sessions import Principal, SessionKind
from portal.staff import StaffRole
from tests.cases.counter import Clerk, Counter, Person
from tests.house import Clinic, key
from workflows import names

DAY = timedelta(days=1)


async def _closed(counter: Counter, *clerks: Clerk) -> None:
    """Everybody who got mails as staff in this test leaves, so that the next test's mails are its own."""
    for clerk in clerks:
        await staff.close_staff(counter.gate, email=clerk.email)


async def test_P8_an_overdue_case_is_escalated_to_owner_and_supervisors(counter: Counter):
    owner, boss = await counter.clerk(), await counter.clerk(role=StaffRole.SUPERVISOR)
    bystander = await counter.clerk()
    case = await counter.open(await counter.registrant())
    await counter.act(owner, case, StaffAction.TAKE)
    since, remind_at, due_at = await counter.waits_until(case)
    await counter.skip(case, remind_at - since)
    await counter.house.mail(to=owner.email, subject="A case is due")
    assert not counter.house.mails(to=boss.email)
    await counter.skip(case, due_at - remind_at)
    await counter.house.mail(to=owner.email, subject="overdue")
    mail = await counter.house.mail(to=boss.email, subject="overdue")
    assert "while nobody owns it, to everyone who works on cases" in " ".join((mail.text or "").split())
    assert not counter.house.mails(to=bystander.email)
    row = await counter.row(case)
    assert row.overdue
    assert (await counter.status(case)).overdue
    assert [entry.action for entry in await counter.audit(f"case/{case.case_id}")].count("case.escalated") == 1
    description = await counter.handle(case).describe()
    assert description.typed_search_attributes[names.OVERDUE] == "yes"
    assert description.typed_search_attributes[names.WAITS_FOR] == "staff"
    overdue = await case_desk.list_queue(counter.gate, CaseFilter(overdue=True))
    assert case.case_id in {line.id for line in overdue.rows}
    assert row.remind_at is not None
    await counter.skip(case, row.remind_at - due_at)
    await counter.house.mail(to=boss.email, subject="A case is due")
    await _closed(counter, owner, boss, bystander)


async def test_P8_nobody_has_taken_a_case_so_everybody_is_reminded(counter: Counter):
    clerks = [await counter.clerk(), await counter.clerk()]
    case = await counter.open(await counter.registrant())
    since, remind_at, _ = await counter.waits_until(case)
    await counter.skip(case, remind_at - since)
    for clerk in clerks:
        mail = await counter.house.mail(to=clerk.email, subject="A case is due")
        assert case.number in mail.text
    await _closed(counter, *clerks)


async def test_P8_a_case_is_given_to_somebody_else_by_its_owner_or_a_supervisor_only(counter: Counter):
    owner, other, boss = await counter.clerk(), await counter.clerk(), await counter.clerk(role=StaffRole.SUPERVISOR)
    case = await counter.open(await counter.registrant())
    await counter.act(owner, case, StaffAction.TAKE)
    with pytest.raises(Refusal, match="case_not_yours"):
        await counter.act(other, case, StaffAction.REASSIGN, assignee_id=str(other.member.id))
    await counter.act(boss, case, StaffAction.REASSIGN, assignee_id=str(other.member.id))
    assert (await counter.row(case)).owner_id == other.member.id
    with pytest.raises(Refusal, match="case_staff_unknown"):
        await counter.act(boss, case, StaffAction.REASSIGN, assignee_id="00000000-0000-0000-0000-000000000000")
    await _closed(counter, owner, other, boss)


async def _asks_for_access(counter: Counter) -> tuple[Person, OpenedCase, Clinic]:
    clinic = await counter.house.new_clinic()
    person = await counter.account()
    case = await counter.open(person, kind=CaseKind.HELP, tin=clinic.tin, npi=clinic.npi, note="No check at hand.")
    return person, case, clinic


async def test_P10_without_a_check_two_people_of_staff_give_the_access(counter_on_both: Counter):
    counter = counter_on_both
    first, second = await counter.clerk(), await counter.clerk()
    person, case, clinic = await _asks_for_access(counter)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Called the number in the directory; Jo works there.")
    async with counter.house.database.read() as session:
        assert not (await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).all()
    result = await counter.act(second, case, StaffAction.CONFIRM_ACCESS)
    assert result.state is CaseState.ACCESS_GIVEN
    assert await counter.ends(case) is CaseState.ACCESS_GIVEN
    async with counter.house.database.read() as session:
        access = (await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).one()
        evidence = await session.get_one(Evidence, access.evidence_id)
        kinds = (await session.scalars(select(col(Message.kind)).where(col(Message.account_id) == person.id))).all()
    assert (access.account_id, access.npi, access.via) == (person.id, clinic.npi, "staff")
    assert (evidence.kind, evidence.source_id) == ("staff", case.case_id)
    assert sorted(kinds) == ["access_opened", "case_access_given", "case_opened"]
    await _closed(counter, first, second)


async def test_I3_one_person_of_staff_cannot_give_access_alone(counter: Counter):
    first = await counter.clerk()
    person, case, clinic = await _asks_for_access(counter)
    with pytest.raises(Refusal, match="case_no_proposal"):
        await counter.act(first, case, StaffAction.CONFIRM_ACCESS)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    with pytest.raises(Refusal, match="case_same_person"):
        await counter.act(first, case, StaffAction.CONFIRM_ACCESS)
    async with counter.house.database.read() as session:
        assert not (await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).all()
    assert person.id
    tried = [entry.details for entry in await counter.audit(f"case/{case.case_id}") if "refused" in entry.action]
    assert len(tried) == 2
    await _closed(counter, first)


async def test_I3_two_people_confirming_at_the_same_moment_give_the_access_once(counter_on_both: Counter):
    counter = counter_on_both
    clerks = [await counter.clerk() for _ in range(3)]
    _, case, clinic = await _asks_for_access(counter)
    await counter.act(clerks[0], case, StaffAction.PROPOSE_ACCESS, "Sure.")
    results = await asyncio.gather(
        *(counter.act(clerk, case, StaffAction.CONFIRM_ACCESS) for clerk in clerks[1:]), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["CaseResult", "Refusal"]
    async with counter.house.database.read() as session:
        given = (await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).all()
    assert len(given) == 1
    await _closed(counter, *clerks)


async def test_I3_a_confirmation_without_the_rows_of_both_people_opens_nothing(counter: Counter):
    """Even a genuine update that names a decision nobody made, as Temporal's UI could repeat one."""
    first, second = await counter.clerk(), await counter.clerk()
    _, case, clinic = await _asks_for_access(counter)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    for staff_id, decision_id in ((second.member.id, None), (second.member.id, (await counter.row(case)).proposal_id)):
        forged = ActOnCase(
            action=StaffAction.CONFIRM_ACCESS,
            staff_id=str(staff_id),
            decision_id=str(decision_id) if decision_id else None,
        )
        result = await counter.handle(case).execute_update("staff_action", forged, result_type=CaseResult)
        assert result.code is CaseCode.EVIDENCE_MISSING
    async with counter.house.database.read() as session:
        assert not (await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).all()
    await _closed(counter, first, second)


async def test_B11_a_rejected_proposal_needs_two_new_decisions(counter: Counter):
    first, second = await counter.clerk(), await counter.clerk()
    _, case, _ = await _asks_for_access(counter)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    await counter.act(second, case, StaffAction.REJECT_ACCESS, "Nobody answers at the directory's number.")
    with pytest.raises(Refusal, match="case_no_proposal"):
        await counter.act(second, case, StaffAction.CONFIRM_ACCESS)
    await _closed(counter, first, second)


async def test_B11_a_closed_staff_account_counts_for_nothing(counter: Counter):
    first, second = await counter.clerk(), await counter.clerk()
    _, case, _ = await _asks_for_access(counter)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    await staff.close_staff(counter.gate, email=first.email)
    with pytest.raises(Refusal, match="case_evidence_missing"):
        await counter.act(second, case, StaffAction.CONFIRM_ACCESS)
    with pytest.raises(Refusal, match="case_staff_unknown"):
        await counter.act(first, case, StaffAction.TAKE)
    await _closed(counter, second)


async def test_P10_access_that_the_account_has_already_is_not_given_twice(counter: Counter):
    clinic = await counter.house.new_clinic()
    person, clerk = await counter.account(clinic), await counter.clerk()
    case = await counter.open(person, kind=CaseKind.HELP, tin=clinic.tin)
    with pytest.raises(Refusal, match="case_access_exists"):
        await counter.act(clerk, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    await _closed(counter, clerk)


async def test_P10_a_question_is_answered_without_access(counter: Counter):
    person, clerk = await counter.account(), await counter.clerk()
    case = await counter.open(person, kind=CaseKind.HELP, tin="", note="Where do I find the vendor number?")
    await counter.act(clerk, case, StaffAction.ANSWER, "It is on the check, at the right.")
    assert await counter.ends(case) is CaseState.ANSWERED
    principal = Principal(person.id, SessionKind.ACCOUNT, person.id)
    newest = (await account.list_messages(counter.gate, principal))[0]
    assert newest.kind == "case_answered"
    assert "It is on the check, at the right." in newest.paragraphs
    with pytest.raises(Refusal, match="case_over"):
        await counter.act(clerk, case, StaffAction.TAKE)
    await _closed(counter, clerk)


async def test_P10_a_registrant_without_a_check_gets_evidence_for_the_registration(counter: Counter):
    clinic = await counter.house.new_clinic()
    person, first, second = await counter.registrant(), await counter.clerk(), await counter.clerk()
    case = await counter.open(person, kind=CaseKind.HELP, tin=clinic.tin)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    await counter.act(second, case, StaffAction.CONFIRM_ACCESS)
    assert await counter.ends(case) is CaseState.ACCESS_GIVEN
    async with counter.house.database.read() as session:
        query = select(Evidence).where(col(Evidence.registration_id) == person.id)
        evidence = (await session.scalars(query)).one()
    assert (evidence.kind, evidence.organization_id, evidence.released_at) == ("staff", clinic.id, None)
    await _closed(counter, first, second)


async def test_P10_access_given_by_staff_moves_the_registration_on_to_the_account(counter: Counter):
    clinic = await counter.house.new_clinic()
    email = f"given-{key()}@clinic.example.org"
    started = await counter.house.confirmed(email=email)
    person = Person(email, CaseParty(registration_id=started.registration_id))
    first, second = await counter.clerk(), await counter.clerk()
    case = await counter.open(person, kind=CaseKind.HELP, tin=clinic.tin)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    await counter.act(second, case, StaffAction.CONFIRM_ACCESS)
    assert await counter.ends(case) is CaseState.ACCESS_GIVEN
    await counter.house.quiet(started.registration_id)
    assert (await counter.house.status(started.registration_id)).state is State.SETTING_UP_ACCOUNT
    await counter.house.secured(started)
    async with counter.house.database.read() as session:
        opened = (await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).one()
    assert opened.via == "staff"
    await _closed(counter, first, second)


async def test_B5_a_mailbox_that_refuses_our_mail_is_shown_to_staff(counter: Counter):
    person = await counter.registrant()
    counter.house.sink.fault = Fault.PERMANENT
    case = await counter.open(person)
    async with asyncio.timeout(20):
        while not (await counter.row(case)).mail_failed:
            await asyncio.sleep(0.05)


async def test_B9_every_step_of_staff_is_one_audit_entry_in_their_name(counter: Counter):
    clerk = await counter.clerk()
    case = await counter.open(await counter.registrant())
    same = key()
    for _ in range(2):
        await counter.act(clerk, case, StaffAction.CONTACTED, "Spoke with Jo.", key=same)
    entries = [(entry.actor, entry.action) for entry in await counter.audit(f"case/{case.case_id}")]
    assert entries.count((f"staff/{clerk.member.id}", "case.contacted")) == 1
    assert ("registrant", "case.opened") in entries
    await _closed(counter, clerk)


async def test_I1_a_case_ends_with_its_registration(counter: Counter):
    person = await counter.registrant()
    case = await counter.open(person)
    await registering.withdraw(counter.gate, person.id, key=key())
    await counter.skip(case, DAY)
    assert await counter.ends(case) is CaseState.WITHDRAWN
    assert (await cases.view_case(counter.gate, person.party, case.case_id)).closed_at is not None


class _Envelope:
    """What goes over the wire, as whoever records it could send it again."""

    def __init__(self, counter: Counter, case: OpenedCase, clerk: Clerk) -> None:
        self.counter, self.case, self.clerk = counter, case, clerk

    async def decisions(self) -> list[StaffDecision]:
        async with self.counter.house.database.read() as session:
            found = await session.scalars(
                select(StaffDecision).where(
                    col(StaffDecision.case_id) == self.case.case_id,
                    col(StaffDecision.staff_id) == self.clerk.member.id,
                )
            )
            return list(found)

    async def again(self, action: StaffAction, decision: StaffDecision) -> CaseResult:
        """The same genuine message under a new update id."""
        cmd = ActOnCase(action=action, staff_id=str(self.clerk.member.id), decision_id=str(decision.id), text="Sure.")
        result: CaseResult = await self.counter.handle(self.case).execute_update(
            "staff_action", cmd, result_type=CaseResult
        )
        return result


async def _opened(counter: Counter, clinic: Clinic) -> int:
    async with counter.house.database.read() as session:
        return len((await session.scalars(select(Access).where(col(Access.organization_id) == clinic.id))).all())


async def test_I3_a_refused_confirmation_sent_again_confirms_no_later_proposal(counter_on_both: Counter):
    counter = counter_on_both
    first, second = await counter.clerk(), await counter.clerk()
    _, case, clinic = await _asks_for_access(counter)
    with pytest.raises(Refusal, match="case_no_proposal"):
        await counter.act(second, case, StaffAction.CONFIRM_ACCESS)  # too early
    envelope = _Envelope(counter, case, second)
    [early] = await envelope.decisions()
    for text in ("Sure.", "Very sure."):
        await counter.act(first, case, StaffAction.PROPOSE_ACCESS, text)
        assert not (await envelope.again(StaffAction.CONFIRM_ACCESS, early)).accepted
        await counter.act(second, case, StaffAction.REJECT_ACCESS, "Nobody answers at the directory's number.")
    assert await _opened(counter, clinic) == 0
    await _closed(counter, first, second)


async def test_I3_a_confirmation_that_never_arrived_dies_with_the_proposal_it_is_about(counter: Counter):
    """Written for one proposal, held back on its way: whoever lets it go later confirms nothing else with it."""
    first, second = await counter.clerk(), await counter.clerk()
    _, case, clinic = await _asks_for_access(counter)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    held_key = key()
    held_id = await case_desk._decide(counter.gate, second.member, case.case_id, "confirm", key=held_key)
    envelope = _Envelope(counter, case, second)
    [held] = [one for one in await envelope.decisions() if one.id == held_id]
    await counter.act(second, case, StaffAction.REJECT_ACCESS, "Nobody answers at the directory's number.")
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure, once more.")
    assert not (await envelope.again(StaffAction.CONFIRM_ACCESS, held)).accepted
    with pytest.raises(Refusal, match="case_evidence_missing"):  # nor the desk itself with the same key
        await counter.act(second, case, StaffAction.CONFIRM_ACCESS, key=held_key)
    assert await _opened(counter, clinic) == 0
    await _closed(counter, first, second)


async def test_B11_a_rejected_proposal_sent_again_proposes_nothing(counter: Counter):
    first, second = await counter.clerk(), await counter.clerk()
    _, case, clinic = await _asks_for_access(counter)
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure.")
    [proposal] = await _Envelope(counter, case, first).decisions()
    await counter.act(second, case, StaffAction.REJECT_ACCESS, "Nobody answers at the directory's number.")
    assert not (await _Envelope(counter, case, first).again(StaffAction.PROPOSE_ACCESS, proposal)).accepted
    assert (await counter.row(case)).proposal_id is None
    # Nor does the rejection of the first proposal reject a second one.
    [rejection] = [one for one in await _Envelope(counter, case, second).decisions() if one.kind == "reject"]
    await counter.act(first, case, StaffAction.PROPOSE_ACCESS, "Sure, once more.")
    assert not (await _Envelope(counter, case, second).again(StaffAction.REJECT_ACCESS, rejection)).accepted
    await counter.act(second, case, StaffAction.CONFIRM_ACCESS)
    assert await _opened(counter, clinic) == 1
    await _closed(counter, first, second)
