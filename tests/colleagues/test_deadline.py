"""Seven days: the second before and after, reminders, mails that come back, and what Temporal keeps of it all."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper
from temporalio.worker import Replayer

from domain.invitation import State
from ops.codec import MessageGuard, data_converter
from ops.keys import Keyring
from ops.mailbox import Fault
from portal import accepting, account_setup, colleagues, inviting
from portal.refusals import Refusal
from portal.sessions import Principal
from tests.colleagues.office import Office, Person, new_address
from tests.house import PASSWORD, key
from worker import WORKFLOWS

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


async def skip_to(office: Office, invitation_id: UUID, *, before_deadline: timedelta) -> None:
    """Let the invitation's own time come to that moment; it keeps what it was skipped by before."""
    deadline, skipped = (await office.row(invitation_id)).deadline, office.skipped.get(invitation_id, timedelta(0))
    ahead = deadline - before_deadline - office.gate.now() - skipped
    await TimeSkipper(office.house.client).fast_forward(office.handle(invitation_id), ahead)
    office.skipped[invitation_id] = skipped + ahead


async def ready(office: Office, inviter: Person) -> tuple[UUID, Principal, str, str]:
    """An invitee who has done everything but the last step."""
    email = new_address()
    await office.invited(inviter, email)
    invitation_id, principal, secret, result = await office.prepared(email)
    assert result.accepted
    await account_setup.confirm_factor(office.gate, invitation_id, pyotp.TOTP(secret).now())
    await office.quiet(invitation_id)
    return invitation_id, principal, secret, email


async def test_B1_an_acceptance_one_second_before_the_deadline_counts(office: Office):
    inviter = await office.administrator()
    for _ in range(5):
        invitation_id, principal, secret, email = await ready(office, inviter)
        await skip_to(office, invitation_id, before_deadline=SECOND)
        try:
            result = await office.confirm(invitation_id, principal, secret)
        except Refusal:
            continue  # this machine took longer than the second: once more
        assert (result.accepted, result.state) == (True, State.ACCEPTED)
        assert await office.account(email) is not None
        return
    pytest.fail("five times a second wasn't enough")


@pytest.mark.parametrize("after", [timedelta(0), SECOND])
async def test_B1_an_acceptance_at_the_deadline_or_later_doesnt_count(office: Office, after: timedelta):
    inviter = await office.administrator()
    invitation_id, principal, secret, email = await ready(office, inviter)
    link = await office.link(email)
    await skip_to(office, invitation_id, before_deadline=-after)
    with pytest.raises(Refusal, match="invitation_expired"):
        await office.confirm(invitation_id, principal, secret)
    row = await office.ended(invitation_id)
    assert (row.state, row.closing_code, row.account_id) == (State.EXPIRED, "invitation_expired", None)
    assert await office.account(email) is None
    with pytest.raises(Refusal, match="invitation_expired"):
        await accepting.follow_link(office.gate, link_token=link, client="test")
    await office.house.mail(to=email, subject="has ended")
    await office.house.mail(to=inviter.email, subject="has expired")
    assert (await office.messages(inviter)).count("invitation_expired") == 1


async def test_B4_reminders_on_day_four_and_six_at_most_once_each(office: Office):
    inviter, email = await office.administrator(), new_address()
    invitation_id = await office.invited(inviter, email)
    await office.link(email)
    for left, reminders in ((3 * DAY + HOUR, 0), (3 * DAY - HOUR, 1), (DAY + HOUR, 1), (DAY - HOUR, 2), (HOUR, 2)):
        await skip_to(office, invitation_id, before_deadline=left)
        async with asyncio.timeout(20):
            while office.mails(email, "Reminder") < reminders:
                await asyncio.sleep(0.05)
        await office.quiet(invitation_id)
        assert office.mails(email, "Reminder") == reminders
    await skip_to(office, invitation_id, before_deadline=timedelta(0))
    await office.ended(invitation_id)
    assert office.mails(email, "Reminder") == 2


async def test_B4_reminders_stop_at_an_answer_and_their_links_work(office: Office):
    inviter, email = await office.administrator(), new_address()
    invitation_id = await office.invited(inviter, email)
    first = await office.link(email)
    await skip_to(office, invitation_id, before_deadline=3 * DAY - SECOND)
    reminder = await office.link(email, subject="Reminder")
    for link in (first, reminder):
        followed, _ = await accepting.follow_link(office.gate, link_token=link, client="test")
        assert followed == invitation_id
    await office.joined(email)
    await office.ended(invitation_id)
    assert office.mails(email, "Reminder") == 1


async def test_B5_a_mail_that_comes_back_is_told_and_corrected(office_on_both: Office):
    office = office_on_both
    inviter, email = await office.administrator(), new_address()
    office.house.sink.fault = Fault.PERMANENT
    invitation_id = await office.invited(inviter, email)
    async with asyncio.timeout(20):
        while not (await office.row(invitation_id)).mail_failed:
            await asyncio.sleep(0.05)
    office.house.sink.fault = Fault.NONE
    [view] = await inviting.list_invitations(office.gate, inviter.principal)
    assert (view.state, view.mail_failed) == (State.SENT, True)
    assert (await office.messages(inviter)).count("invitation_undeliverable") == 1
    right, again = new_address(), key()
    for _ in range(2):
        invited = await inviting.correct_address(office.gate, inviter.principal, invitation_id, email=right, key=again)
        assert invited.result.accepted, invited
    assert (await office.ended(invitation_id)).state == State.CANCELLED
    assert office.mails(email) == 0  # whoever never got the invitation doesn't hear of its end
    colleague = await office.joined(right)
    assert [access.role for access in await office.access(colleague)] == ["member"]


async def test_B5_after_a_refusal_the_link_can_be_sent_again_at_once(office: Office):
    inviter, email = await office.administrator(), new_address()
    office.house.sink.fault = Fault.PERMANENT
    invitation_id = await office.invited(inviter, email)
    async with asyncio.timeout(20):
        while not (await office.row(invitation_id)).mail_failed:
            await asyncio.sleep(0.05)
    office.house.sink.fault = Fault.NONE
    result = await inviting.resend(office.gate, inviter.principal, invitation_id, key=key())
    assert result.accepted
    await office.link(email)
    assert not (await office.row(invitation_id)).mail_failed


async def _text(handle: WorkflowHandle) -> bytes:
    return b"".join([event.SerializeToString() async for event in handle.fetch_history_events()])


async def test_I12_nothing_of_a_person_or_secret_is_in_clear_in_a_history(office: Office):
    clinic = await office.house.new_clinic()
    inviter, email = await office.administrator(clinic), new_address()
    invitation_id = await office.invited(inviter, email)
    link = await office.link(email)
    colleague = await office.joined(email, name="Marker Personsson")
    await office.ended(invitation_id)
    history = await _text(office.handle(invitation_id))
    for marker in (
        email,
        link,
        "Marker",
        "Personsson",
        clinic.name,
        clinic.tin,
        PASSWORD,
        colleague.secret,
        inviter.email,
    ):
        assert marker.encode() not in history
    mail = await office.house.mail(to=email, subject="You are invited")
    assert clinic.name not in mail.subject
    assert "Example" not in mail.subject


async def test_I19_histories_replay(office: Office, keyring: Keyring):
    inviter, email = await office.administrator(), new_address()
    invitation_id = await office.invited(inviter, email)
    await office.link(email)
    await skip_to(office, invitation_id, before_deadline=3 * DAY - SECOND)
    colleague = await office.joined(email)
    await office.ended(invitation_id)
    expiring = await office.invited(inviter, new_address())
    await skip_to(office, expiring, before_deadline=timedelta(0))
    await office.ended(expiring)
    [access] = await office.access(colleague)
    again = key()
    assert (await colleagues.remove(office.gate, inviter.principal, access.id, key=again)).accepted
    change_id = UUID(hex=office.house.vault.digest("colleague-change", f"{inviter.account_id}\0{again}")[:32])
    change = office.house.client.get_workflow_handle(f"colleague-change/{change_id}")
    await change.result()
    replayer = Replayer(
        workflows=list(WORKFLOWS), data_converter=data_converter(keyring), interceptors=[MessageGuard()]
    )
    for handle in (office.handle(invitation_id), office.handle(expiring), change):
        await replayer.replay_workflow(await handle.fetch_history())
