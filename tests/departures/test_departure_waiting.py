"""A newcomer changes nothing about those who were there before while these have time to object (P9)."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from db.accounts import Access
from db.departures import NewcomerNotice
from domain.cases import CaseKind, StaffAction
from domain.colleagues import Code
from domain.departure import State as DepartureState
from domain.departure import objection_deadline
from portal import colleagues, departures, inviting
from portal.cases import CaseParty
from portal.departures import ColleagueWord
from portal.inviting import InvitationView
from portal.refusals import Refusal
from portal.registration_view import view_registration
from tests.cases.counter import Counter
from tests.cases.counter import Person as Asking
from tests.colleagues.office import Person, new_address
from tests.departures.conftest import Practice, Successor
from tests.house import key

LONG_AGO = timedelta(days=60)


async def _remove(practice: Practice, by: Person, whom: Person):
    [access, *_] = await practice.access(whom)
    return await colleagues.remove(practice.gate, by.principal, access.id, key=key())


async def _set_role(practice: Practice, by: Person, whom: Person, role: str):
    [access, *_] = await practice.access(whom)
    return await colleagues.change_role(practice.gate, by.principal, access.id, role=role, key=key())


async def _long_ago(practice: Practice, clinic_id: object, *newcomers: Successor) -> None:
    """As if everything at this clinic had happened before the time to object was over."""
    async with practice.house.database.write() as session:
        for access in await session.scalars(select(Access).where(col(Access.organization_id) == clinic_id)):
            access.opened_at -= LONG_AGO
        ids = [one.started.registration_id for one in newcomers]
        await session.execute(
            update(NewcomerNotice)
            .where(col(NewcomerNotice.registration_id).in_(ids))
            .values(until=practice.gate.now() - timedelta(minutes=1))
        )


async def test_P9_a_newcomer_cant_remove_or_demote_who_was_there_before(practice_on_both: Practice):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    newcomer = await practice.successor(clinic, notice=False)
    refused = [await _remove(practice, newcomer.person, older)]
    refused.append(await _set_role(practice, newcomer.person, older, "member"))
    assert [(one.accepted, one.code) for one in refused] == [(False, Code.NEWCOMER_WAITS)] * 2
    [access] = await practice.access(older)
    assert access.role == "administrator"
    notice = await practice.notice(older)
    assert all(one.retry_at == notice.until for one in refused)
    # Leaving stays one's own.
    assert (await _remove(practice, newcomer.person, newcomer.person)).accepted


async def test_P9_whom_a_waiting_newcomer_invites_waits_too(practice: Practice):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    newcomer = await practice.successor(clinic, notice=False)
    friend = await practice.colleague(newcomer.person, role="administrator")
    assert (await _remove(practice, friend, older)).code is Code.NEWCOMER_WAITS
    # Also once who invited them is gone.
    assert (await _remove(practice, newcomer.person, newcomer.person)).accepted
    assert (await _remove(practice, friend, older)).code is Code.NEWCOMER_WAITS


async def test_P9_a_newcomer_manages_those_who_came_later_at_once(practice: Practice):
    clinic = await practice.house.new_clinic()
    await practice.successor(clinic, words=())
    newcomer = await practice.successor(clinic, notice=False)
    colleague = await practice.colleague(newcomer.person)
    assert (await _set_role(practice, newcomer.person, colleague, "administrator")).accepted
    assert (await _remove(practice, newcomer.person, colleague)).accepted


async def test_P9_after_the_time_to_object_a_newcomer_manages_everybody(practice: Practice):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    newcomer = await practice.successor(clinic, notice=False)
    await _long_ago(practice, clinic.id, newcomer)
    assert (await _remove(practice, newcomer.person, older)).accepted


async def test_P9_an_objection_holds_a_newcomer_up_after_the_time_too(practice: Practice):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    newcomer = await practice.successor(clinic, notice=False)
    await practice.says(older, "object")
    await _long_ago(practice, clinic.id, newcomer)
    refused = await _remove(practice, newcomer.person, older)
    assert (refused.code, refused.retry_at) == (Code.NEWCOMER_WAITS, None)


async def test_P9_staff_who_believe_the_newcomer_end_the_wait(practice: Practice):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    other = await practice.colleague(older, role="administrator")
    started = await practice.arriving(clinic)
    shown = await departures.existing_accounts(practice.gate, started.registration_id)
    words = [ColleagueWord(reason="left", about=shown[0].id), ColleagueWord(reason="on_leave", about=shown[1].id)]
    await departures.answer_for_colleagues(practice.gate, started.registration_id, words=words, key=key())
    secret = await practice.house.secured(started)
    view = await view_registration(practice.gate, started.registration_id)
    assert view.account_id is not None
    person = await practice.signed_in(view.account_id, email=view.email, secret=secret)
    newcomer = Successor(started=started, person=person)
    await practice.says(older, "object")
    [review] = await practice.reviews(older)
    await practice.stands(review.id, DepartureState.CONTESTED)
    await _long_ago(practice, clinic.id, newcomer)
    assert (await _remove(practice, newcomer.person, other)).code is Code.NEWCOMER_WAITS
    assert (await practice.decide(review.id, "confirm")).accepted
    assert (await _remove(practice, newcomer.person, other)).accepted


async def test_P9_who_gets_access_by_staff_waits_too(practice: Practice):
    clinic, counter = await practice.house.new_clinic(), Counter(practice.house)
    older = await practice.administrator(clinic)
    person = await practice.administrator()
    asking = Asking(person.email, CaseParty(account_id=person.account_id))
    case = await counter.open(asking, kind=CaseKind.HELP, tin=clinic.tin)
    await counter.act(await counter.clerk(), case, StaffAction.PROPOSE_ACCESS, "Sure.")
    await counter.act(await counter.clerk(), case, StaffAction.CONFIRM_ACCESS)
    refused = await _remove(practice, person, older)
    assert refused.code is Code.NEWCOMER_WAITS
    [access] = [one for one in await practice.access(person) if one.organization_id == clinic.id]
    zone = ZoneInfo(practice.house.settings.payer.time_zone)
    days = practice.gate.limits.objection_business_days
    assert refused.retry_at == objection_deadline(access.opened_at.astimezone(zone), business_days=days)


async def _names(practice: Practice, reader: Person) -> dict[bool, list[str]]:
    """The names of colleagues as they are read, by whether they are one's own."""
    [view] = await colleagues.list_organizations(practice.gate, reader.principal)
    return {own: [one.name for one in view.colleagues if one.is_self is own] for own in (True, False)}


async def _invitations(practice: Practice, reader: Person) -> dict[bool, InvitationView]:
    """One open invitation of one's own, and one of somebody else."""
    views = await inviting.list_invitations(practice.gate, reader.principal, open_only=True)
    assert len(views) == 2
    return {view.is_own: view for view in views}


async def test_P9_a_newcomer_reads_those_who_were_there_before_and_whom_they_invited_masked(practice_on_both: Practice):
    practice = practice_on_both
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    await practice.invited(older, email := new_address())
    newcomer = await practice.successor(clinic, notice=False)
    friend = await practice.colleague(newcomer.person, role="administrator", name="Pat Friend")
    own_id = await practice.invited(newcomer.person, own_email := new_address())

    for reader in (newcomer.person, friend):
        [organization] = await colleagues.list_organizations(practice.gate, reader.principal)
        for one in organization.colleagues:
            _, alone = await colleagues.view_colleague(practice.gate, reader.principal, one.id)
            assert alone.name == one.name
    assert await _names(practice, newcomer.person) == {True: ["Jo Example"], False: ["J••• E•••", "Pat Friend"]}
    assert await _names(practice, friend) == {True: ["Pat Friend"], False: ["J••• E•••", "Jo Example"]}
    views = await _invitations(practice, newcomer.person)
    assert (views[False].email, views[False].inviter) == (f"{email[0]}•••@clinic.example.org", "J••• E•••")
    assert (views[True].id, views[True].email) == (own_id, own_email)
    by_itself = await inviting.view_invitation(practice.gate, newcomer.person.principal, views[False].id)
    assert by_itself == views[False]

    # Whoever invited reads it in full, and everybody does once the time is over.
    [its_inviters] = await inviting.list_invitations(practice.gate, older.principal)
    assert (its_inviters.email, its_inviters.wait) == (email, None)
    await _long_ago(practice, clinic.id, newcomer)
    assert await _names(practice, newcomer.person) == {True: ["Jo Example"], False: ["Jo Example", "Pat Friend"]}
    assert (await _invitations(practice, newcomer.person))[False].email == email


async def test_P9_a_newcomer_changes_no_invitation_of_those_who_were_there_before(practice: Practice):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    invitation_id = await practice.invited(older, new_address())
    newcomer = await practice.successor(clinic, notice=False)
    until = (await practice.notice(older)).until
    own_id = await practice.invited(newcomer.person, new_address())

    async def refused() -> list[Refusal]:
        found = []
        by = newcomer.person.principal
        with pytest.raises(Refusal) as error:
            await inviting.resend(practice.gate, by, invitation_id, key=key())
        found.append(error.value)
        with pytest.raises(Refusal) as error:
            await inviting.cancel(practice.gate, by, invitation_id, key=key())
        found.append(error.value)
        with pytest.raises(Refusal) as error:
            await inviting.correct_address(practice.gate, by, invitation_id, email=new_address(), key=key())
        return [*found, error.value]

    assert [(one.code, one.retry_at) for one in await refused()] == [("newcomer_waits", until)] * 3
    assert (await practice.row(invitation_id)).state == "sent"
    # One's own stays one's own.
    assert (await inviting.cancel(practice.gate, newcomer.person.principal, own_id, key=key())).accepted
    await practice.says(older, "object")
    await _long_ago(practice, clinic.id, newcomer)
    assert [(one.code, one.retry_at) for one in await refused()] == [("newcomer_waits", None)] * 3
    assert (await inviting.cancel(practice.gate, older.principal, invitation_id, key=key())).accepted


async def test_P9_who_accepts_an_invitation_of_those_who_were_there_before_is_as_known_as_they_are(practice: Practice):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    await practice.invited(older, email := new_address())
    newcomer = await practice.successor(clinic, notice=False)
    invited = await practice.joined(email, name="Vic Example")
    assert (await _names(practice, newcomer.person))[False] == ["J••• E•••", "V••• E•••"]
    until = (await practice.notice(older)).until
    refused = await _remove(practice, newcomer.person, invited)
    assert (refused.code, refused.retry_at) == (Code.NEWCOMER_WAITS, until)
    assert await practice.access_of(invited) == ["open"]


async def test_P9_after_the_time_to_object_a_newcomer_manages_all_invitations(practice: Practice):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    invitation_id = await practice.invited(older, new_address())
    newcomer = await practice.successor(clinic, notice=False)
    await _long_ago(practice, clinic.id, newcomer)
    assert (await inviting.cancel(practice.gate, newcomer.person.principal, invitation_id, key=key())).accepted
