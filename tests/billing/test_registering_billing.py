"""A billing service registers with its own TIN, gets an account, and sees no provider (T3, T4)."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from db.accounts import Access
from db.billing import BillingService
from db.directory import Organization
from db.registrations import Draft, Evidence, RegistrationRow
from domain.identifiers import Tin
from domain.registration import Code, State
from portal import account, account_setup, adding, colleagues, departures, registering
from portal.refusals import Refusal
from portal.registration_view import view_registration
from tests.billing.conftest import Service, account_of, new_service, register_as, registered
from tests.by_mail.conftest import PostOffice
from tests.house import PASSWORD, House, key


async def test_T3_a_billing_service_registers_with_its_own_tin_and_sees_no_provider(
    house_on_both: House, service: Service
):
    house = house_on_both
    started = await house.confirmed(email=service.email)
    result = await register_as(house, started, service)
    assert (result.accepted, result.state) == (True, State.SETTING_UP_ACCOUNT)
    view = await view_registration(house.gate, started.registration_id)
    assert (view.organization, view.tin_masked, view.is_billing) == (service.name, Tin(service.tin).masked, True)
    await house.secured(started)
    person = await account_of(house, started)
    [row] = await account.list_access(house.gate, person)
    assert (row.organization, row.kind, row.via, row.npi) == (service.name, "billing", "billing", None)
    [office] = await colleagues.list_organizations(house.gate, person)
    assert (office.name, office.colleagues[0].role) == (service.name, "administrator")
    welcome = await house.mail(to=service.email, subject="billing service is registered")
    assert "It sees no provider yet" in (welcome.text or "")
    [message] = await account.list_messages(house.gate, person)
    assert message.kind == "billing_registered"
    async with house.database.read() as session:
        organization, made, evidence = (
            await session.execute(
                select(Organization, BillingService, Evidence)
                .join(BillingService, col(BillingService.organization_id) == col(Organization.id))
                .join(Evidence, col(Evidence.organization_id) == col(Organization.id))
                .where(col(Organization.name) == service.name)
            )
        ).one()
    assert organization.tin_digest == house.vault.digest("billing-tin", service.tin)
    assert organization.tin_digest != house.vault.digest("tin", service.tin)
    assert made.registration_id == started.registration_id
    assert (evidence.kind, evidence.source_id) == ("billing", started.registration_id)


async def test_T3_a_billing_services_tin_leads_no_provider_look_up_to_it(house: House, service: Service):
    _, person = await registered(house, service)
    started = await adding.start_addition(house.gate, person, key=key(), client="test")
    clinic = await house.new_clinic()
    assert (await house.prove(started, clinic, tin=service.tin)).code is Code.PAYMENT_NO_MATCH


async def test_T3_a_providers_tin_is_refused_with_what_to_do_instead(house: House, service: Service):
    clinic = await house.new_clinic()
    started = await house.confirmed(email=service.email)
    result = await register_as(house, started, service, tin=clinic.tin)
    assert (result.accepted, result.code, result.state) == (False, Code.TIN_IS_PROVIDER, State.PROVING)
    assert result.tries_left == 4
    answer = Refusal(result.code).answer
    assert "use the Tax ID of your billing organization" in answer.detail
    assert "You add the provider's Tax ID after creating your account" in answer.detail
    assert not (await view_registration(house.gate, started.registration_id)).is_billing


async def test_T3_a_hospital_that_also_bills_for_others_is_led_to_staff(house: House, service: Service):
    hospital = await house.new_clinic(name="Northfield Hospital")
    started = await house.confirmed(email=service.email)
    result = await register_as(house, started, service, tin=hospital.tin)
    steps = " ".join(Refusal(result.code).answer.next_steps)
    assert "a provider that also bills for others? Call provider support" in steps


@pytest.mark.parametrize("typed", ["{0}-{1}", " {0} {1} ", "{0}.{1}", "{0}\u2013{1}"])
async def test_T3_dashes_and_spaces_in_the_tin_are_forgiven(house: House, typed: str):
    service = new_service()
    started = await house.confirmed(email=service.email)
    result = await register_as(house, started, service, tin=typed.format(service.tin[:2], service.tin[2:]))
    assert result.accepted
    view = await view_registration(house.gate, started.registration_id)
    assert view.tin_masked == Tin(service.tin).masked


async def test_T3_a_sole_proprietors_ssn_is_accepted_kept_sealed_and_shown_masked(house: House, service: Service):
    ssn = f"219{service.tin[-6:]}"
    started = await house.confirmed(email=service.email)
    assert (await register_as(house, started, service, tin=f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}")).accepted
    async with house.database.read() as session:
        row = await session.get_one(RegistrationRow, started.registration_id)
        draft = await session.get_one(Draft, started.registration_id)
    sealed = row.billing_tin_sealed
    assert sealed is not None
    assert house.vault.unseal("tin", sealed) == ssn
    for kept in (sealed, draft.values_sealed, (row.billing_tin_digest or "").encode()):
        assert ssn.encode() not in kept
    await house.secured(started)
    [access] = await account.list_access(house.gate, await account_of(house, started))
    assert access.tin_masked == f"•••••{ssn[-4:]}"


async def test_T3_what_cannot_be_meant_is_told_at_its_field_and_counts_nothing(house: House, service: Service):
    started = await house.confirmed(email=service.email)
    for _ in range(house.gate.limits.payment_tries + 1):
        with pytest.raises(Refusal, match="invalid_fields") as refused:
            await register_as(house, started, service, tin="12-345", name="www.harbor.example")
        assert {defect.field for defect in refused.value.fields} == {"tin", "name"}
    for name in ("", "=cmd|' /C calc'!A0", "Harbor\u202eBilling", "Harbor\x07", "x" * 201, "see harbor.example.com"):
        with pytest.raises(Refusal, match="invalid_fields") as refused:
            await register_as(house, started, service, name=name)
        assert [defect.field for defect in refused.value.fields] == ["name"]
    assert (await register_as(house, started, service)).accepted


async def test_P7_the_service_does_not_go_by_the_persons_own_name(house: House, service: Service):
    started = await house.confirmed(email=service.email, name="Jo Example")
    with pytest.raises(Refusal, match="invalid_fields") as refused:
        await register_as(house, started, service, name="JO  Example")
    assert [defect.code for defect in refused.value.fields] == ["billing_name_is_person"]
    assert (await register_as(house, started, service, name="Lee Harbor")).accepted
    set_up = await account_setup.set_up_account(
        house.gate, started.registration_id, name="Lee  HARBOR", password=PASSWORD, attests_own_name=True, key=key()
    )
    assert set_up.code is Code.NAME_IS_ORGANIZATION


async def test_T3_a_registered_billing_service_is_not_registered_again(house: House, service: Service):
    await registered(house, service)
    started = await house.confirmed(email=f"kim@{service.domain}")
    result = await register_as(house, started, service)
    assert (result.accepted, result.code) == (False, Code.BILLING_SERVICE_REGISTERED)
    assert result.tries_left == 4
    assert "Ask a colleague who has an account to invite you" in Refusal(result.code).answer.next_steps[0]


async def test_I13_providers_tins_cannot_be_tried_out(house: House, service: Service):
    started = await house.confirmed(email=service.email)
    left = []
    for _ in range(house.gate.limits.payment_tries):
        clinic = await house.new_clinic()
        left.append((await register_as(house, started, service, tin=clinic.tin)).tries_left)
    assert left == [4, 3, 2, 1, 0]
    # Also what would be right isn't looked up any more, and the answer is the same for a provider's.
    refused = [await register_as(house, started, service), await register_as(house, started, service, tin=clinic.tin)]
    assert [result.code for result in refused] == [Code.TOO_MANY_TRIES] * 2
    assert all(result.retry_at for result in refused)


async def test_I16_an_accepted_tin_uses_up_the_tries_of_its_caller_too(house: House):
    caller = key()
    for _ in range(house.gate.limits.payment_tries_per_caller):
        service = new_service()
        started = await house.confirmed(email=service.email)
        assert (await register_as(house, started, service, caller=caller)).accepted
    service = new_service()
    started = await house.confirmed(email=service.email)
    assert (await register_as(house, started, service, caller=caller)).code is Code.TOO_MANY_TRIES


async def test_T4_a_biller_who_was_on_a_providers_path_is_converted_and_types_nothing_twice(
    house: House, service: Service
):
    clinic = await house.new_clinic()
    started = await house.proved(clinic, email=service.email)
    rid = started.registration_id
    result = await registering.reconsider(house.gate, rid, key=key())
    assert (result.accepted, result.state) == (True, State.PROVING)
    view = await view_registration(house.gate, rid)
    assert (view.name, view.email, view.organization) == ("Jo Example", service.email, None)
    assert (await register_as(house, started, service)).accepted
    await house.secured(started)
    [access] = await account.list_access(house.gate, await account_of(house, started))
    assert access.organization == service.name
    # The check was let go: it proves somebody of the clinic.
    await house.proved(clinic, email=f"lee@{service.domain}")


async def test_T4_somebody_of_a_provider_who_was_on_the_billing_path_is_converted(house: House, service: Service):
    clinic = await house.new_clinic()
    started = await house.confirmed(email=f"jo@clinic-{service.domain}")
    assert (await register_as(house, started, service)).accepted
    set_up = await account_setup.set_up_account(
        house.gate, started.registration_id, name="Jo Example", password=PASSWORD, attests_own_name=False, key=key()
    )
    assert set_up.state is State.SECURING_ACCOUNT
    assert (await registering.reconsider(house.gate, started.registration_id, key=key())).state is State.PROVING
    assert not (await view_registration(house.gate, started.registration_id)).is_billing
    kept = await registering.kept_organization(house.gate, started.registration_id)
    assert (kept.billing_name, kept.billing_tin) == (service.name, service.tin)
    assert (await house.prove(started, clinic)).accepted
    await house.secured(started)
    [access] = await account.list_access(house.gate, await account_of(house, started))
    assert (access.organization, access.kind) == (clinic.name, "provider")
    async with house.database.read() as session:
        made = await session.scalar(select(func.count()).where(col(Organization.name) == service.name))
    assert made == 0


async def test_T4_a_letter_on_its_way_is_void_once_the_billing_path_is_taken(house: House, service: Service):
    clinic, post = await house.new_clinic(), PostOffice(house)
    started = await house.confirmed(email=service.email)
    assert (await post.ask(started, clinic)).state is State.AWAITING_PIN
    _, pin = await post.letter(started)
    assert (await register_as(house, started, service)).state is State.SETTING_UP_ACCOUNT
    await registering.reconsider(house.gate, started.registration_id, key=key())
    with pytest.raises(Refusal, match="wrong_state"):
        await post.enter(started, pin)


async def test_T4_reconsidering_is_open_at_account_set_up_only(house: House, service: Service):
    started = await house.confirmed(email=service.email)
    with pytest.raises(Refusal, match="wrong_state"):
        await registering.reconsider(house.gate, started.registration_id, key=key())


async def test_P9_what_was_said_of_one_organizations_accounts_is_not_taken_for_anothers(house: House, service: Service):
    first, second = await house.new_clinic(), await house.new_clinic()
    await house.registered(first)
    await house.registered(second)
    started = await house.confirmed(email=f"new@clinic-{service.domain}")
    await house.prove_notice(started, first)
    words = [departures.ColleagueWord(reason="left")]
    await departures.answer_for_colleagues(house.gate, started.registration_id, words=words, key=key())
    await registering.reconsider(house.gate, started.registration_id, key=key())
    await house.prove_notice(started, second)
    set_up = await account_setup.set_up_account(
        house.gate, started.registration_id, name="Jo Example", password=PASSWORD, attests_own_name=False, key=key()
    )
    assert set_up.code is Code.COLLEAGUES_UNANSWERED


async def test_T3_two_people_register_one_billing_service_at_the_same_moment(house_on_both: House, service: Service):
    house = house_on_both
    people = [await house.confirmed(email=f"{name}@{service.domain}") for name in ("jo", "kim")]
    for started in people:
        assert (await register_as(house, started, service)).accepted
    results = await asyncio.gather(*(house.try_to_secure(started) for started in people))
    assert sorted(result.code for result in results) == [Code.BILLING_SERVICE_REGISTERED, Code.OK]
    [late] = [started for started, result in zip(people, results, strict=True) if not result.accepted]
    view = await view_registration(house.gate, late.registration_id)
    assert (view.state, view.is_billing) == (State.PROVING, False)
    kept = await registering.kept_organization(house.gate, late.registration_id)
    assert kept.billing_name == service.name


async def test_T3_a_tin_that_is_listed_as_a_providers_meanwhile_is_refused_at_the_end(
    house_on_both: House, service: Service
):
    house = house_on_both
    started = await house.confirmed(email=service.email)
    assert (await register_as(house, started, service)).accepted
    await house.new_clinic(tin=service.tin)
    result = await house.try_to_secure(started)
    assert (result.accepted, result.code, result.state) == (False, Code.TIN_IS_PROVIDER, State.PROVING)
    assert (await view_registration(house.gate, started.registration_id)).account_id is None


async def test_T4_one_person_with_both_kinds_of_role_adds_a_billing_service_to_their_account(
    house_on_both: House, service: Service
):
    house = house_on_both
    clinic = await house.new_clinic()
    started, _ = await house.registered(clinic, email=f"both@{service.domain}")
    person = await account_of(house, started)
    addition = await adding.start_addition(house.gate, person, key=key(), client="test")
    result = await register_as(house, addition, service)
    assert (result.accepted, result.state) == (True, State.COMPLETED)
    rows = await account.list_access(house.gate, person)
    assert {(row.organization, row.kind) for row in rows} == {(clinic.name, "provider"), (service.name, "billing")}
    assert (await account.list_messages(house.gate, person))[0].kind == "billing_added"
    await house.mail(to=f"both@{service.domain}", subject="billing service was added")
    again = await adding.start_addition(house.gate, person, key=key(), client="test")
    assert (await register_as(house, again, service)).code is Code.ACCESS_OPEN_ALREADY


async def test_T4_one_person_of_a_billing_service_adds_a_provider_they_also_work_for(house: House, service: Service):
    _, person = await registered(house, service)
    clinic = await house.new_clinic()
    addition = await adding.start_addition(house.gate, person, key=key(), client="test")
    assert (await house.prove(addition, clinic)).state is State.COMPLETED
    assert {row.kind for row in await account.list_access(house.gate, person)} == {"billing", "provider"}


async def test_I3_a_billing_service_opens_on_evidence_that_names_its_registration(house: House, service: Service):
    started, person = await registered(house, service)
    async with house.database.read() as session:
        access, evidence = (
            await session.execute(
                select(Access, Evidence).join(Evidence).where(col(Access.account_id) == person.subject_id)
            )
        ).one()
    assert (access.via, access.role, evidence.registration_id) == ("billing", "administrator", started.registration_id)


async def test_I2_the_same_request_again_gets_the_same_answer(house: House, service: Service):
    started = await house.confirmed(email=service.email)
    again = key()
    first = await register_as(house, started, service, key=again)
    assert await register_as(house, started, service, key=again) == first
    with pytest.raises(Refusal, match="key_reused"):
        await register_as(house, started, service, key=again, name="Another Billing")


async def test_B10_a_withdrawn_registration_keeps_no_tin(house: House, service: Service):
    started = await house.confirmed(email=service.email)
    await register_as(house, started, service)
    await registering.withdraw(house.gate, started.registration_id, key=key())
    async with house.database.read() as session:
        row = await session.get_one(RegistrationRow, started.registration_id)
    assert (row.billing_tin_digest, row.billing_tin_sealed, row.billing_name) == (None, None, None)


async def test_T3_naming_a_billing_service_moves_the_deadline_like_any_proof(house: House, service: Service):
    started = await house.confirmed(email=service.email)
    before = (await view_registration(house.gate, started.registration_id)).deadline
    await register_as(house, started, service)
    after = (await view_registration(house.gate, started.registration_id)).deadline
    assert timedelta(0) < after - before < timedelta(minutes=5)
