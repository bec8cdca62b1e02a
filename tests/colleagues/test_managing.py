"""Roles, removal and leaving: who may, what it ends, and that an organization never loses its last administrator."""

import asyncio
from uuid import uuid4

import pyotp
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from db.accounts import Access, Account
from domain.colleagues import ChangeResult, Code
from domain.invitation import InvitationResult, State
from portal import accepting, colleagues, inviting, sessions
from portal.refusals import Refusal
from portal.sessions import SessionKind
from tests.colleagues.office import Office, Person, new_address
from tests.house import key


async def remove(office: Office, by: Person, whom: Person, *, again: str | None = None):
    [access, *_] = await office.access(whom)
    return await colleagues.remove(office.gate, by.principal, access.id, key=again or key())


async def set_role(office: Office, by: Person, whom: Person, role: str):
    [access, *_] = await office.access(whom)
    return await colleagues.change_role(office.gate, by.principal, access.id, role=role, key=key())


async def test_I20_a_removed_colleague_is_out_at_once(office_on_both: Office):
    office = office_on_both
    administrator = await office.administrator()
    colleague = await office.colleague(administrator)
    assert (await remove(office, administrator, colleague)).accepted
    assert await office.access(colleague) == []
    [ended] = await office.access(colleague, status="ended")
    assert ended.ended_at is not None
    with pytest.raises(Refusal, match="signed_out"):
        await sessions.authenticate(office.gate, colleague.token, SessionKind.ACCOUNT)
    mail = await office.house.mail(to=colleague.email, subject="has ended")
    assert "Jo Example" in (mail.text or "")
    assert await office.messages(colleague) == ["invitation_joined", "access_removed"]
    assert await office.messages(administrator) == ["access_opened", "invitation_accepted", "colleague_removed"]


async def test_I20_sessions_go_on_while_another_organization_is_left(office: Office):
    administrator, elsewhere = await office.administrator(), await office.administrator()
    colleague = await office.colleague(administrator)
    await office.invited(elsewhere, colleague.email)
    assert (await office.accepted(colleague, after=1)).accepted
    assert (await remove(office, administrator, colleague)).accepted
    assert (await sessions.authenticate(office.gate, colleague.token, SessionKind.ACCOUNT)).subject_id
    [left] = await office.access(colleague)
    assert left.organization_id == (await office.access(elsewhere))[0].organization_id


async def test_I17_each_change_is_one_audit_entry(office: Office):
    administrator = await office.administrator()
    colleague = await office.colleague(administrator)
    again = key()
    [access] = await office.access(colleague)
    for _ in range(3):
        result = await colleagues.remove(office.gate, administrator.principal, access.id, key=again)
        assert result.accepted
    async with office.house.database.read() as session:
        from db.audit import AuditEntry

        found = (
            await session.scalars(
                select(AuditEntry).where(
                    col(AuditEntry.action) == "colleague.removed",
                    col(AuditEntry.actor) == f"account/{administrator.account_id}",
                )
            )
        ).all()
    assert len(found) == 1
    assert str(colleague.account_id) in found[0].details
    assert colleague.email not in found[0].details


async def test_P6_roles_change_and_the_person_is_told(office_on_both: Office):
    office = office_on_both
    administrator = await office.administrator()
    colleague = await office.colleague(administrator)
    assert (await set_role(office, administrator, colleague, "administrator")).accepted
    assert [access.role for access in await office.access(colleague)] == ["administrator"]
    assert (await set_role(office, administrator, colleague, "administrator")).accepted  # as it is already
    assert (await office.messages(colleague)).count("role_changed") == 1
    await office.house.mail(to=colleague.email, subject="Your role")
    await office.invited(colleague, new_address())


async def test_P6_a_member_changes_nobody_and_not_themselves(office: Office):
    administrator = await office.administrator()
    member, other = await office.colleague(administrator), await office.colleague(administrator)
    for whom in (administrator, other):
        with pytest.raises(Refusal, match="not_found"):
            await remove(office, member, whom)
        with pytest.raises(Refusal, match="not_found"):
            await set_role(office, member, whom, "member")
    raised = await set_role(office, member, member, "administrator")
    assert (raised.accepted, raised.code) == (False, Code.NOT_ADMINISTRATOR)
    assert [access.role for access in await office.access(member)] == ["member"]
    assert (await remove(office, member, member)).accepted  # leaving is one's own


async def test_I15_people_of_another_organization_look_unknown(office: Office):
    administrator, stranger = await office.administrator(), await office.administrator()
    [access] = await office.access(administrator)
    for asked in (access.id, uuid4()):
        with pytest.raises(Refusal, match="not_found"):
            await colleagues.remove(office.gate, stranger.principal, asked, key=key())
        with pytest.raises(Refusal, match="not_found"):
            await colleagues.change_role(office.gate, stranger.principal, asked, role="member", key=key())
        with pytest.raises(Refusal, match="not_found"):
            await colleagues.view_colleague(office.gate, stranger.principal, asked)


async def test_P6_the_last_account_of_an_organization_cant_leave(office_on_both: Office):
    office = office_on_both
    administrator = await office.administrator()
    refused = await remove(office, administrator, administrator)
    assert (refused.accepted, refused.code) == (False, Code.LAST_ACCOUNT)
    assert "Invite a colleague as an administrator first" in Refusal(refused.code).answer.next_steps[0]
    assert len(await office.access(administrator)) == 1


async def test_P6_the_last_administrator_cant_leave_step_down_or_be_removed_without_a_successor(office: Office):
    administrator = await office.administrator()
    colleague = await office.colleague(administrator)
    left = await remove(office, administrator, administrator)
    stepped_down = await set_role(office, administrator, administrator, "member")
    assert {left.code, stepped_down.code} == {Code.LAST_ADMINISTRATOR}
    assert "Make a colleague an administrator first" in Refusal(left.code).answer.next_steps[0]
    assert (await set_role(office, administrator, colleague, "administrator")).accepted
    assert (await remove(office, administrator, administrator)).accepted
    assert (await remove(office, colleague, colleague)).code is Code.LAST_ACCOUNT


@pytest.mark.parametrize("how", ["leave", "remove each other", "step down"])
async def test_P6_two_administrators_at_the_same_moment_dont_both_go(office_on_both: Office, how: str):
    office = office_on_both
    one = await office.administrator()
    two = await office.colleague(one, role="administrator")
    await office.colleague(one)  # so that a member would be left behind
    if how == "leave":
        results = await asyncio.gather(remove(office, one, one), remove(office, two, two))
    elif how == "step down":
        results = await asyncio.gather(set_role(office, one, one, "member"), set_role(office, two, two, "member"))
    else:
        results = await asyncio.gather(remove(office, one, two), remove(office, two, one), return_exceptions=True)
    accepted = [result for result in results if not isinstance(result, BaseException) and result.accepted]
    assert len(accepted) == 1
    async with office.house.database.read() as session:
        organization = (await office.access(one) + await office.access(two))[0].organization_id
        leading = await session.scalars(
            select(Access).where(
                col(Access.organization_id) == organization,
                col(Access.status) == "open",
                col(Access.role) == "administrator",
            )
        )
        assert len(leading.all()) == 1


async def test_P6_whoever_was_removed_a_moment_ago_removes_nobody(office: Office):
    one = await office.administrator()
    two = await office.colleague(one, role="administrator")
    member = await office.colleague(one)
    [access] = await office.access(member)
    assert (await remove(office, one, two)).accepted
    with pytest.raises(Refusal, match="not_found"):
        await colleagues.remove(office.gate, two.principal, access.id, key=key())


async def test_P6_an_administrator_of_one_npi_manages_that_npi_only(office: Office):
    """The scope of a right to manage is the scope of the access row that carries it."""
    clinic = await office.house.new_clinic()
    whole = await office.administrator(clinic)
    part = await office.colleague(whole, role="administrator")
    async with office.house.database.write() as session:
        await session.execute(update(Access).where(col(Access.account_id) == part.account_id).values(npi=clinic.npi))
    with pytest.raises(Refusal, match="not_found"):
        await remove(office, part, whole)
    [organization] = await colleagues.list_organizations(office.gate, part.principal)
    assert [one.is_self for one in organization.colleagues] == [True]
    colleague = await office.colleague(part)
    [access] = await office.access(colleague)
    assert access.npi == clinic.npi
    assert (await remove(office, part, colleague)).accepted
    whole_scope = await office.invited(whole, new_address())
    with pytest.raises(Refusal, match="not_found"):
        await inviting.cancel(office.gate, part.principal, whole_scope, key=key())
    assert (await remove(office, whole, part)).accepted


async def test_P9_open_invitations_of_somebody_who_leaves_are_cancelled_with_notice(office_on_both: Office):
    office = office_on_both
    first = await office.administrator()
    second = await office.colleague(first, role="administrator")
    email = new_address()
    invitation_id = await office.invited(second, email)
    await office.link(email)
    untouched = await office.invited(first, new_address())
    assert (await remove(office, first, second)).accepted
    row = await office.ended(invitation_id)
    assert (row.state, row.closing_code) == (State.CANCELLED, "invitation_inviter_left")
    await office.house.mail(to=email, subject="has ended")
    assert (await office.messages(first)).count("invitation_cancelled") == 1
    assert "invitation_cancelled" not in await office.messages(second)
    assert (await office.row(untouched)).state == State.SENT


async def test_P9_losing_the_role_cancels_open_invitations(office: Office):
    first = await office.administrator()
    second = await office.colleague(first, role="administrator")
    invitation_id = await office.invited(second, new_address())
    assert (await set_role(office, first, second, "member")).accepted
    assert (await office.ended(invitation_id)).state == State.CANCELLED


async def test_P9_a_closed_inviter_opens_no_door_even_before_the_invitation_is_cancelled(office_on_both: Office):
    """Accepting looks at the inviter in its own transaction, whoever closed the account and however."""
    office = office_on_both
    first = await office.administrator()
    second = await office.colleague(first, role="administrator")
    email = new_address()
    invitation_id = await office.invited(second, email)
    _, principal, secret, _ = await office.prepared(email)
    async with office.house.database.write() as session:
        await session.execute(
            update(Account).where(col(Account.id) == second.account_id).values(closed_at=office.gate.now())
        )
    result = await office.confirm(invitation_id, principal, secret)
    assert (result.accepted, result.code, result.state) == (False, "invitation_inviter_left", State.CANCELLED)
    assert await office.account(email) is None
    with pytest.raises(Refusal, match="invitation_inviter_left"):
        await accepting.follow_link(office.gate, link_token=await office.link(email), client="test")


async def test_P6_accepting_and_removing_the_inviter_at_the_same_moment(office_on_both: Office):
    """Whichever comes first: access opens only while the inviter administrates."""
    office = office_on_both
    first = await office.administrator()
    second = await office.colleague(first, role="administrator")
    email = new_address()
    invitation_id = await office.invited(second, email)
    _, principal, secret, _ = await office.prepared(email)
    code = pyotp.TOTP(secret).now()
    both: list[object] = await asyncio.gather(
        accepting.confirm_second_factor(
            office.gate, invitation_id, code=code, session_id=principal.session_id, key=key()
        ),
        remove(office, first, second),
        return_exceptions=True,
    )
    accepted, removed = both
    assert isinstance(removed, ChangeResult)
    assert removed.accepted
    row = await office.ended(invitation_id)
    opened = await office.account(email) is not None
    assert opened is (row.state == State.ACCEPTED)
    if isinstance(accepted, InvitationResult):
        assert accepted.accepted is opened
    else:
        assert isinstance(accepted, Refusal)
