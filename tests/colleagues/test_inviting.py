"""Inviting: who may, whom, how often, and what the inviter learns."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from api.problems import STATUS
from db.invitation_records import SqlInvitationRecords
from db.invitations import InvitationRow
from domain.answers import ANSWERS
from domain.colleagues import Code as ChangeCode
from domain.invitation import Code, RecordInvited, StartInvitation, State
from domain.limits import Limits
from portal import accepting, colleagues, inviting
from portal.refusals import Refusal
from portal.registering import reference_of
from tests.colleagues.office import Office, new_address
from tests.house import House, key


async def test_P6_whoever_is_still_waiting_for_access_cant_invite(office: Office):
    """Without an account there is no session to invite with; an account whose access has ended is told why not."""
    clinic = await office.house.new_clinic()
    inviter = await office.administrator(clinic)
    successor = await office.colleague(inviter, role="administrator")
    [access] = await office.access(inviter)
    result = await colleagues.remove(office.gate, successor.principal, access.id, key=key())
    assert result.accepted
    with pytest.raises(Refusal) as refused:
        await office.invite(inviter, new_address(), access_id=access.id)
    assert refused.value.code == Code.NOT_ADMINISTRATOR
    assert "Finish your registration first" in " ".join(refused.value.answer.next_steps)


async def test_P6_a_member_cant_invite(office: Office):
    inviter = await office.administrator()
    member = await office.colleague(inviter)
    with pytest.raises(Refusal) as refused:
        await office.invite(member, new_address())
    assert refused.value.code == Code.NOT_ADMINISTRATOR


@pytest.mark.parametrize("mailbox", ["billing", "info", "front.desk"])
async def test_P6_shared_mailboxes_are_refused_with_the_reason(office: Office, mailbox: str):
    inviter = await office.administrator()
    with pytest.raises(Refusal) as refused:
        await office.invite(inviter, f"{mailbox}@clinic.example.org")
    [defect] = refused.value.fields
    assert (defect.field, defect.code) == ("email", "email_shared")
    assert "several people" in defect.message


async def test_P6_an_unknown_role_is_refused(office: Office):
    inviter = await office.administrator()
    with pytest.raises(Refusal) as refused:
        await office.invite(inviter, new_address(), role="owner")
    assert [defect.field for defect in refused.value.fields] == ["role"]


async def test_I15_nobody_invites_with_another_persons_access(office: Office):
    inviter, stranger = await office.administrator(), await office.administrator()
    [foreign] = await office.access(inviter)
    for access_id in (foreign.id, uuid4()):
        with pytest.raises(Refusal) as refused:
            await office.invite(stranger, new_address(), access_id=access_id)
        assert refused.value.code == "not_found"


async def test_I15_foreign_invitations_look_unknown(office: Office):
    inviter, stranger = await office.administrator(), await office.administrator()
    member = await office.colleague(inviter)
    invitation_id = await office.invited(inviter, new_address())
    for person in (stranger, member):
        for asked in (invitation_id, uuid4()):
            with pytest.raises(Refusal, match="not_found"):
                await inviting.view_invitation(office.gate, person.principal, asked)
            for act in (inviting.resend, inviting.cancel):
                with pytest.raises(Refusal, match="not_found"):
                    await act(office.gate, person.principal, asked, key=key())
            with pytest.raises(Refusal, match="not_found"):
                await inviting.correct_address(office.gate, person.principal, asked, email=new_address(), key=key())
        assert invitation_id not in {view.id for view in await inviting.list_invitations(office.gate, person.principal)}
    assert (await office.row(invitation_id)).state == State.SENT


async def test_I16_an_invitation_doesnt_tell_whether_the_address_has_an_account(office: Office):
    inviter, elsewhere = await office.administrator(), await office.administrator()
    known = await office.invite(inviter, elsewhere.email)
    unknown = await office.invite(inviter, new_address())
    assert known.result == unknown.result
    views = await inviting.list_invitations(office.gate, inviter.principal)
    told = [
        {name: getattr(view, name) for name in view.__slots__}
        for view in sorted(views, key=lambda view: view.invited_at)
    ]
    personal = {"id", "reference", "email", "invited_at", "link_sent_at", "deadline"}
    assert (
        len({frozenset((name, repr(value)) for name, value in one.items() if name not in personal) for one in told})
        == 1
    )
    mails = [
        await office.house.mail(to=email, subject="You are invited") for email in (elsewhere.email, views[0].email)
    ]
    texts = {
        "\n".join(line for line in (mail.text or "").splitlines() if "/invitation/" not in line and "I-" not in line)
        for mail in mails
    }
    assert len(texts) == 1


async def test_I2_the_same_key_invites_once(office_on_both: Office):
    office = office_on_both
    inviter, email, again = await office.administrator(), new_address(), key()
    answers = await asyncio.gather(*(office.invite(inviter, email, key=again) for _ in range(4)))
    assert len({(answer.invitation_id, answer.result.accepted) for answer in answers}) == 1
    assert answers[0].result.accepted
    with pytest.raises(Refusal, match="key_reused"):
        await office.invite(inviter, new_address(), key=again)
    await office.quiet(answers[0].invitation_id)
    assert office.mails(email) == 1
    await inviting.cancel(office.gate, inviter.principal, answers[0].invitation_id, key=key())
    await office.ended(answers[0].invitation_id)
    repeated = await office.invite(inviter, email, key=again)
    assert (repeated.invitation_id, repeated.result.accepted) == (answers[0].invitation_id, True)


async def test_P6_one_open_invitation_per_mailbox_whoever_invites_at_the_same_moment(office_on_both: Office):
    office = office_on_both
    clinic = await office.house.new_clinic()
    first = await office.administrator(clinic)
    second = await office.colleague(first, role="administrator")
    email = new_address()
    addresses = [email, email.upper(), email, email.upper()]
    answers = await asyncio.gather(
        *(office.invite(person, to) for person, to in zip([first, second, second, first], addresses, strict=True))
    )
    assert sorted(answer.result.code for answer in answers) == ["invitation_open"] * 3 + ["ok"]
    async with office.house.database.read() as session:
        digest = office.house.vault.digest("email", email)
        opened = await session.scalar(
            select(func.count()).where(col(InvitationRow.email_digest) == digest, col(InvitationRow.state) == "sent")
        )
    assert opened == 1
    for answer in answers:
        if answer.result.accepted:
            await office.quiet(answer.invitation_id)
    assert len(office.house.mails(to=email)) + len(office.house.mails(to=email.upper())) <= 2
    listed = await inviting.list_invitations(office.gate, first.principal)
    assert [view.state for view in listed] == [State.SENT, State.ACCEPTED]


async def test_P6_a_colleague_who_has_access_isnt_invited_again(office: Office):
    inviter = await office.administrator()
    colleague = await office.colleague(inviter)
    for email in (colleague.email, inviter.email):
        answer = await office.invite(inviter, email)
        assert (answer.result.accepted, answer.result.code) == (False, Code.ALREADY_COLLEAGUE)


async def test_P6_open_invitations_of_an_organization_are_limited(office: Office):
    tight = Office(_with_limits(office.house, invitations_open=2))
    inviter = await tight.administrator()
    opened = [await invited_by_record(tight, inviter, new_address()) for _ in range(3)]
    assert [recorded.code for recorded in opened] == [Code.OK, Code.OK, Code.INVITATIONS_OPEN_LIMIT]
    assert opened[2].state is State.CANCELLED


async def test_P6_invitations_of_a_day_are_limited_per_organization_and_per_address(office: Office):
    tight = Office(_with_limits(office.house, invitations_per_day=2, invitations_per_address=1))
    one, other = await tight.administrator(), await tight.administrator()
    email = new_address()
    assert (await invited_by_record(tight, one, email)).accepted
    by_address = await invited_by_record(tight, other, email)
    assert (by_address.code, by_address.retry_at is not None) == (Code.INVITATIONS_LIMIT, True)
    assert (await invited_by_record(tight, one, new_address())).accepted
    assert (await invited_by_record(tight, one, new_address())).code is Code.INVITATIONS_LIMIT


async def test_I9_a_link_is_sent_again_without_moving_the_deadline_and_earlier_links_work(office: Office):
    inviter, email = await office.administrator(), new_address()
    invitation_id = await office.invited(inviter, email)
    first = await office.link(email)
    deadline = (await office.row(invitation_id)).deadline
    paused = await inviting.resend(office.gate, inviter.principal, invitation_id, key=key())
    assert (paused.accepted, paused.code) == (False, Code.RESEND_PAUSE)
    assert paused.retry_at is not None
    skipper = TimeSkipper(office.house.client)
    for sent in range(1, 4):
        await skipper.fast_forward(office.handle(invitation_id), timedelta(hours=1))
        again = await inviting.resend(office.gate, inviter.principal, invitation_id, key=key())
        assert again.accepted, again
        assert await office.link(email, after=sent) != first
    await skipper.fast_forward(office.handle(invitation_id), timedelta(hours=1))
    used_up = await inviting.resend(office.gate, inviter.principal, invitation_id, key=key())
    assert (used_up.accepted, used_up.code) == (False, Code.RESEND_LIMIT)
    row = await office.row(invitation_id)
    assert (row.deadline, row.resends) == (deadline, 3)
    followed, _ = await accepting.follow_link(office.gate, link_token=first, client="test")
    assert followed == invitation_id


async def test_I2_the_same_key_sends_again_once(office: Office):
    inviter, email, again = await office.administrator(), new_address(), key()
    invitation_id = await office.invited(inviter, email)
    await office.link(email)
    await TimeSkipper(office.house.client).fast_forward(office.handle(invitation_id), timedelta(hours=2))
    results = [await inviting.resend(office.gate, inviter.principal, invitation_id, key=again) for _ in range(3)]
    assert [result.accepted for result in results] == [True] * 3
    await office.quiet(invitation_id)
    assert office.mails(email) == 2
    assert (await office.row(invitation_id)).resends == 1


async def test_P6_another_administrator_can_send_again_and_cancel(office: Office):
    inviter = await office.administrator()
    other = await office.colleague(inviter, role="administrator")
    email = new_address()
    invitation_id = await office.invited(inviter, email)
    await office.link(email)
    result = await inviting.cancel(office.gate, other.principal, invitation_id, key=key())
    assert (result.accepted, result.state) == (True, State.CANCELLED)
    await office.ended(invitation_id)
    await office.house.mail(to=email, subject="has ended")
    await office.house.mail(to=inviter.email, subject="was cancelled")
    [opened, *_, closed] = [
        entry for entry in await office.audit(f"invitation/{invitation_id}") if "mail" not in entry.action
    ]
    assert (opened.actor, closed.actor) == (f"account/{inviter.account_id}", f"account/{other.account_id}")
    with pytest.raises(Refusal, match="invitation_cancelled"):
        await inviting.resend(office.gate, other.principal, invitation_id, key=key())


def _with_limits(house: House, **limits: object) -> House:
    return replace(house, gate=replace(house.gate, limits=Limits.model_validate(limits)))


async def invited_by_record(office: Office, person, email: str):
    """The first recorded step of an invitation under the office's limits, without Temporal."""
    [access] = await office.access(person)
    invitation_id = uuid4()
    start = StartInvitation(
        invitation_id=str(invitation_id),
        reference=reference_of(invitation_id, letter="I"),
        organization_id=str(access.organization_id),
        inviter_id=str(person.account_id),
        email=email,
        role="member",
    )
    now = office.gate.now()
    records = SqlInvitationRecords(office.house.database, office.house.vault, office.gate.limits, zone=office.gate.zone)
    cmd = RecordInvited(
        invitation_id=str(invitation_id), revision=1, at=now, start=start, deadline=now + timedelta(days=7)
    )
    return await records.open(cmd)


@pytest.mark.parametrize("code", [*sorted(set(Code) - {Code.OK}), *sorted(set(ChangeCode) - {ChangeCode.OK})])
def test_B6_every_outcome_has_an_answer_and_a_status(code: str):
    assert ANSWERS[code].next_steps
    assert 403 <= STATUS[code] <= 429
