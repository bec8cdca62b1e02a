"""Accepting: what a link can and can't do, whose account it becomes, and that it happens once."""

import asyncio
from uuid import uuid4

import pyotp
import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from db.accounts import Access, SessionRow
from db.registrations import Credential, Evidence
from domain.invitation import AcceptInvitation, Code, InvitationResult, State
from portal import accepting, inviting, registering, sessions
from portal.refusals import Refusal
from portal.sessions import SessionKind
from tests.colleagues.office import Office, new_address
from tests.house import PASSWORD, key


async def test_B2_following_a_link_opens_nothing_and_works_until_the_end(office: Office):
    inviter, email = await office.administrator(), new_address()
    invitation_id = await office.invited(inviter, email)
    link = await office.link(email)
    before = await office.quiet(invitation_id)
    for _ in range(3):
        followed, _ = await accepting.follow_link(office.gate, link_token=link, client="test")
        assert followed == invitation_id
    assert await office.quiet(invitation_id) == before
    assert await office.account(email) is None
    assert (await office.row(invitation_id)).state == State.SENT


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "ü" * 300])
async def test_I15_an_unknown_link_leads_nowhere(office: Office, token: str):
    with pytest.raises(Refusal, match="invitation_link_dead"):
        await accepting.follow_link(office.gate, link_token=token, client="test")


async def test_I7_an_invitation_is_accepted_once_and_its_links_are_dead_afterwards(office_on_both: Office):
    office = office_on_both
    inviter, email = await office.administrator(), new_address()
    await office.invited(inviter, email)
    invitation_id, principal, secret, _ = await office.prepared(email)
    _, other = await office.followed(email)
    code, again = pyotp.TOTP(secret).now(), key()
    results = await asyncio.gather(
        *(
            accepting.confirm_second_factor(
                office.gate, invitation_id, code=code, session_id=principal.session_id, key=again if i else key()
            )
            for i in range(4)
        ),
        return_exceptions=True,
    )
    assert any(isinstance(result, InvitationResult) and result.accepted for result in results)
    for result in results:
        assert isinstance(result, InvitationResult) or str(result) == "invitation_accepted"
    async with office.house.database.read() as session:
        found = await session.scalar(select(func.count()).where(col(Evidence.source_id) == invitation_id))
    assert found == 1
    with pytest.raises(Refusal, match="invitation_accepted"):
        await accepting.follow_link(office.gate, link_token=await office.link(email), client="test")
    assert (await _session(office, principal.session_id)) is None  # the accepting one goes on, to its recovery codes
    assert (await _session(office, other.session_id)) is not None


async def _session(office: Office, session_id):
    async with office.house.database.read() as session:
        return (await session.get_one(SessionRow, session_id)).revoked_at


async def test_P7_an_invited_colleague_cant_take_the_organizations_name(office: Office):
    clinic = await office.house.new_clinic(name="Harbour View Pediatrics", practitioner="Ada Example")
    inviter, email = await office.administrator(clinic), new_address()
    await office.invited(inviter, email)
    invitation_id, _ = await office.followed(email)
    organization = await accepting.set_up_account(
        office.gate, invitation_id, name="Harbour View Pediatrics", password=PASSWORD, attested=True, key=key()
    )
    assert (organization.accepted, organization.code) == (False, Code.NAME_IS_ORGANIZATION)
    with pytest.raises(Refusal) as wrong:
        await accepting.set_up_account(
            office.gate, invitation_id, name="Front Desk", password=PASSWORD, attested=True, key=key()
        )
    assert [defect.code for defect in wrong.value.fields] == ["name_not_personal"]
    doctor = await accepting.set_up_account(
        office.gate, invitation_id, name="Dr. Ada Example", password=PASSWORD, attested=True, key=key()
    )
    assert (doctor.accepted, doctor.code) == (False, Code.NAME_NEEDS_ATTESTATION)
    attested = await accepting.set_up_account(
        office.gate,
        invitation_id,
        name="Dr. Ada Example",
        password=PASSWORD,
        attested=True,
        attests_own_name=True,
        key=key(),
    )
    assert attested.accepted


async def test_P6_the_attestation_is_asked_for(office: Office):
    inviter, email = await office.administrator(), new_address()
    await office.invited(inviter, email)
    invitation_id, _ = await office.followed(email)
    with pytest.raises(Refusal) as refused:
        await accepting.set_up_account(
            office.gate, invitation_id, name="Kim Colleague", password="short", attested=False, key=key()
        )
    assert [defect.field for defect in refused.value.fields] == ["password", "attested"]


async def test_I3_nothing_opens_without_a_confirmed_second_factor(office: Office):
    """The workflow's message names a row; the row is what counts."""
    inviter, email = await office.administrator(), new_address()
    await office.invited(inviter, email)
    invitation_id, _, _, _ = await office.prepared(email)
    async with office.house.database.read() as session:
        credential = await session.scalar(select(Credential).where(col(Credential.registration_id) == invitation_id))
    assert credential is not None
    for forged in (str(credential.id), str(uuid4())):
        result = await inviting.send_invitation_step(
            office.gate, invitation_id, "accept", AcceptInvitation(credential_id=forged), key=key(), body=""
        )
        assert (result.accepted, result.code) == (False, Code.SECOND_FACTOR_UNCONFIRMED)
    forged_consent = await inviting.send_invitation_step(
        office.gate, invitation_id, "accept", AcceptInvitation(consent_id=str(uuid4())), key=key(), body=""
    )
    assert (forged_consent.accepted, forged_consent.code) == (False, Code.OTHER_ADDRESS)
    assert await office.account(email) is None


async def test_I3_another_invitations_credential_opens_nothing(office: Office):
    inviter = await office.administrator()
    emails = new_address(), new_address()
    for email in emails:
        await office.invited(inviter, email)
    one, _, secret, _ = await office.prepared(emails[0])
    other, _, _, _ = await office.prepared(emails[1])
    async with office.house.database.write() as session:
        await session.execute(
            update(Credential).where(col(Credential.registration_id) == one).values(second_factor_step=1)
        )
        credential = await session.scalar(select(Credential).where(col(Credential.registration_id) == one))
    assert credential is not None
    result = await inviting.send_invitation_step(
        office.gate, other, "accept", AcceptInvitation(credential_id=str(credential.id)), key=key(), body=""
    )
    assert (result.accepted, result.code) == (False, Code.SECOND_FACTOR_UNCONFIRMED)
    assert secret


async def test_I13_second_factor_tries_are_counted(office: Office):
    inviter, email = await office.administrator(), new_address()
    await office.invited(inviter, email)
    invitation_id, principal, secret, _ = await office.prepared(email)
    wrong = str((int(pyotp.TOTP(secret).now()) + 500_000) % 10**6).zfill(6)
    codes = []
    for _ in range(6):
        with pytest.raises(Refusal) as refused:
            await accepting.confirm_second_factor(
                office.gate, invitation_id, code=wrong, session_id=principal.session_id, key=key()
            )
        codes.append(refused.value.code)
    assert codes == ["second_factor_wrong"] * 5 + ["too_many_tries"]


async def test_P6_one_person_at_two_organizations_has_one_account(office_on_both: Office):
    office = office_on_both
    here, there = await office.administrator(), await office.administrator()
    person = await office.colleague(here)
    await office.invited(there, person.email, role="administrator")
    invitation_id, _ = await office.followed(person.email, after=1)
    view = await accepting.view_as_invitee(office.gate, invitation_id)
    assert view.has_account
    second_account = await accepting.set_up_account(
        office.gate, invitation_id, name="Kim Colleague", password=PASSWORD, attested=True, key=key()
    )
    assert (second_account.accepted, second_account.code) == (False, Code.EMAIL_TAKEN)
    again = key()
    for _ in range(2):
        result = await accepting.accept_with_account(
            office.gate, person.principal, invitation_id, attested=True, key=again
        )
        assert result.accepted, result
    assert [(access.role, access.via) for access in await office.access(person)] == [
        ("member", "invitation"),
        ("administrator", "invitation"),
    ]
    assert (await office.messages(person)).count("invitation_joined") == 2
    assert (await office.messages(there)).count("invitation_accepted") == 1


async def test_I6_only_the_invited_mailbox_can_accept(office: Office):
    """A forwarded link is of no use to somebody else's account."""
    inviter, somebody, email = await office.administrator(), await office.administrator(), new_address()
    await office.invited(inviter, email)
    invitation_id, _ = await office.followed(email)
    result = await accepting.accept_with_account(
        office.gate, somebody.principal, invitation_id, attested=True, key=key()
    )
    assert (result.accepted, result.code) == (False, Code.OTHER_ADDRESS)
    assert len(await office.access(somebody)) == 1


async def test_I6_an_account_made_meanwhile_by_registering_accepts_instead(office_on_both: Office):
    office = office_on_both
    inviter, email = await office.administrator(), new_address()
    await office.invited(inviter, email)
    invitation_id, principal, secret, _ = await office.prepared(email)
    person = await office.administrator(email=email)
    refused = await office.confirm(invitation_id, principal, secret)
    assert (refused.accepted, refused.code, refused.state) == (False, Code.EMAIL_TAKEN, State.SENT)
    assert (await office.accepted(person)).accepted
    assert [access.via for access in await office.access(person)] == ["payment", "invitation"]


async def test_I6_accepting_and_registering_at_the_same_moment_make_one_account(office_on_both: Office):
    office = office_on_both
    inviter, email = await office.administrator(), new_address()
    await office.invited(inviter, email)
    invitation_id, principal, secret, _ = await office.prepared(email)
    started = await office.house.proved(await office.house.new_clinic(), email=email)
    await asyncio.gather(
        office.confirm(invitation_id, principal, secret), office.house.try_to_secure(started), return_exceptions=True
    )
    account = await office.account(email)
    assert account is not None
    async with office.house.database.read() as session:
        opened = await session.scalar(
            select(func.count()).where(col(Access.account_id) == account.id, col(Access.status) == "open")
        )
    assert opened == 1


async def test_P6_whoever_proved_the_organization_meanwhile_keeps_one_row(office: Office):
    clinic = await office.house.new_clinic()
    inviter, email = await office.administrator(clinic), new_address()
    await office.invited(inviter, email, role="administrator")
    started = await office.house.confirmed(email=email)
    assert (await office.house.prove_notice(started, clinic)).accepted
    await office.house.try_to_secure(started)
    person = await office.account(email)
    assert person is not None
    signed_in = await office.signed_in(person.id, email=email, secret="")
    async with office.house.database.write() as session:  # a notice opens one NPI; this one is for all of it
        await session.execute(update(Access).where(col(Access.account_id) == person.id).values(npi=None, role="member"))
    assert (await office.accepted(signed_in)).accepted
    assert [(access.role, access.via) for access in await office.access(signed_in)] == [("administrator", "notice")]


async def test_I20_cancelling_ends_the_sessions_of_an_invitation(office: Office):
    inviter, email = await office.administrator(), new_address()
    invitation_id = await office.invited(inviter, email)
    link = await office.link(email)
    _, token = await accepting.follow_link(office.gate, link_token=link, client="test")
    assert (await inviting.cancel(office.gate, inviter.principal, invitation_id, key=key())).accepted
    with pytest.raises(Refusal, match="signed_out"):
        await sessions.authenticate(office.gate, token, SessionKind.INVITATION)
    for act in (
        accepting.follow_link(office.gate, link_token=link, client="test"),
        accepting.set_up_account(
            office.gate, invitation_id, name="Kim Colleague", password=PASSWORD, attested=True, key=key()
        ),
        accepting.second_factor(office.gate, invitation_id),
    ):
        with pytest.raises(Refusal, match="invitation_cancelled"):
            await act


async def test_P6_somebody_who_began_to_register_goes_on_with_the_invitation(office: Office):
    """The wrong path isn't a dead end: the invitation opens access, the registration is simply left."""
    inviter, email = await office.administrator(), new_address()
    started = await office.house.confirmed(email=email)
    await office.invited(inviter, email)
    colleague = await office.joined(email)
    assert len(await office.access(colleague)) == 1
    result = await registering.withdraw(office.gate, started.registration_id, key=key())
    assert result.accepted
