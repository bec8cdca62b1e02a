"""From an invitation to access, on both databases."""

from sqlalchemy import select
from sqlmodel import col

from db.accounts import RecoveryCode
from db.registrations import Evidence
from domain.invitation import State
from portal import accepting, colleagues
from tests.colleagues.office import Office, new_address


async def test_P6_an_invited_colleague_gets_an_account_of_their_own(office_on_both: Office):
    office = office_on_both
    clinic = await office.house.new_clinic()
    inviter = await office.administrator(clinic)
    email = new_address()
    invitation_id = await office.invited(inviter, email)
    colleague = await office.joined(email)
    row = await office.ended(invitation_id)
    assert (row.state, row.account_id) == (State.ACCEPTED, colleague.account_id)
    [access] = await office.access(colleague)
    assert (access.organization_id, access.npi, access.role, access.via) == (clinic.id, None, "member", "invitation")
    async with office.house.database.read() as session:
        evidence = await session.get_one(Evidence, access.evidence_id)
        codes = (
            await session.scalars(select(RecoveryCode).where(col(RecoveryCode.account_id) == colleague.account_id))
        ).all()
    assert (evidence.kind, evidence.source_id, evidence.registration_id) == ("invitation", invitation_id, None)
    assert len(codes) == len(await accepting.recovery_codes(office.gate, invitation_id)) == 10
    account = await office.account(email)
    assert account is not None
    assert (account.attestation_version, account.attested_at) == (row.attestation_version, row.attested_at)


async def test_B4_both_sides_are_told_of_an_acceptance_exactly_once(office_on_both: Office):
    office = office_on_both
    inviter = await office.administrator()
    colleague = await office.colleague(inviter)
    await office.house.mail(to=colleague.email, subject="access to the provider portal is open")
    told = await office.house.mail(to=inviter.email, subject="was accepted")
    assert colleague.email not in (told.text or "")
    assert await office.messages(colleague) == ["invitation_joined"]
    assert await office.messages(inviter) == ["access_opened", "invitation_accepted"]


async def test_P6_the_administrator_sees_the_colleague_with_a_masked_address(office: Office):
    inviter = await office.administrator()
    colleague = await office.colleague(inviter)
    [organization] = await colleagues.list_organizations(office.gate, inviter.principal)
    own, other = organization.colleagues
    assert (own.is_self, own.role, own.via) == (True, "administrator", "payment")
    assert (other.name, other.role, other.via, other.is_self) == ("Kim Colleague", "member", "invitation", False)
    assert other.email_masked == "c•••@clinic.example.org"
    [of_member] = await colleagues.list_organizations(office.gate, colleague.principal)
    assert [one.is_self for one in of_member.colleagues] == [True]
    assert of_member.inviting == ()
