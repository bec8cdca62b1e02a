"""Asking for access: one request of a pair whoever asks, the second asker is shown the first one's, nothing leaks."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from db.authorizations import AuthorizationRow
from domain.client_words import ClientStatus, NextStep
from portal import authorizing
from portal.clients import ClientOrder
from portal.refusals import Refusal
from tests.authorization.scenes import decided, state_of
from tests.clients.biller import Desk, new_contact
from tests.house import key
from web.clients import client


async def test_T1_a_request_mails_the_contact_and_is_listed(desk: Desk):
    contact = new_contact()
    clinic = await desk.house.new_clinic()
    requested = await desk.ask(clinic, contact=contact, npi=clinic.npi, provider_name="Maple  Street Élan Clinic")
    assert requested.result.accepted
    mail = await desk.house.mail(to=contact)
    assert requested.reference in (mail.text or "")
    await desk.quiet(requested.authorization_id)
    [row] = (await desk.page()).rows
    assert (row.id, row.reference, row.status) == (requested.authorization_id, requested.reference, ClientStatus.SENT)
    assert (row.provider_name, row.npi) == ("Maple Street Élan Clinic", clinic.npi)
    assert row.tin_masked == f"•••••{clinic.tin[-4:]}"
    assert row.contact_masked == f"o•••@{contact.partition('@')[2]}"
    assert (row.delivery, row.days_left, row.next_step) == ("sent", 30, NextStep.REMIND)
    assert row.deadline - row.requested_at == timedelta(days=30)
    details = await desk.view(row.id)
    assert [line.words for line in details.timeline] == ["Access was asked for.", "The mail has left for the contact."]
    assert details.timeline[0].who == "Bo Biller"


async def test_T5_the_second_coworker_is_shown_the_first_ones_request(desk_on_both: Desk):
    desk, clinic = desk_on_both, await desk_on_both.house.new_clinic()
    first = await desk.asked(clinic)
    second = await desk.colleague().ask(clinic, contact=new_contact())
    assert (second.result.accepted, second.result.code) == (False, "authorization_open")
    assert second.result.standing_id == str(first)
    [row] = (await desk.colleague().page()).rows
    assert (row.id, row.is_own) == (first, False)


async def test_T5_I6_many_at_the_same_moment_are_one_request(desk_on_both: Desk):
    desk, clinic = desk_on_both, await desk_on_both.house.new_clinic()
    askers = [desk, desk.colleague()] * 3
    requested = await asyncio.gather(*(one.ask(clinic) for one in askers))
    made = [one for one in requested if one.result.accepted]
    assert len(made) == 1
    others = [one.result for one in requested if not one.result.accepted]
    assert {result.standing_id for result in others} == {str(made[0].authorization_id)}
    assert (await desk.page()).total == 1


async def test_T5_one_npi_and_all_of_the_tax_id_are_two_requests(desk: Desk):
    clinic = await desk.house.new_clinic()
    await desk.asked(clinic, npi=clinic.npi)
    await desk.asked(clinic, npi=clinic.other_npi)
    await desk.asked(clinic)
    assert (await desk.page()).total == 3


async def test_T5_what_is_granted_already_isnt_asked_for_again(desk: Desk):
    clinic = await desk.house.new_clinic()
    granted = await desk.asked(clinic)
    await desk.decided(granted)
    for npi in ("", clinic.npi):  # who sees all of a Tax ID sees each NPI of it
        again = await desk.ask(clinic, npi=npi)
        assert (again.result.code, again.result.standing_id) == ("authorization_granted", str(granted))
    [row] = (await desk.page()).rows
    assert (row.status, row.next_step) == (ClientStatus.ACCESS, NextStep.NONE)
    assert row.access_since is not None


async def test_T3_ones_own_tax_id_is_no_providers(desk: Desk):
    contact, tin = new_contact(), desk.service.tin
    for typed in (tin, f"{tin[:2]}-{tin[2:]}"):
        refused = await desk.ask(tin=typed, contact=contact)
        assert (refused.result.accepted, refused.result.code) == (False, "authorization_own_tin")
    assert (await desk.page()).total == 0
    assert desk.house.mails(to=contact) == []
    assert await desk.messages() == []
    stranger = await Desk.open(desk.house)  # to whom it's a Tax ID like any other
    assert (await stranger.ask(tin=tin)).result.accepted


async def test_T5_twenty_open_requests_unless_staff_raise_it(desk: Desk):
    limited = await Desk.open(desk.house, open_limit=1)
    await limited.asked()
    refused = await limited.ask()
    assert refused.result.code == "authorizations_open_limit"
    assert (await limited.page()).total == 1


async def test_I2_the_same_key_and_body_ask_once(desk: Desk):
    clinic, contact, again = await desk.house.new_clinic(), new_contact(), key()
    first = await desk.ask(clinic, contact=contact, key=again)
    second = await desk.ask(clinic, contact=contact, key=again)
    assert first == second
    with pytest.raises(Refusal, match="key_reused"):
        await desk.ask(clinic, contact=new_contact(), key=again)
    await desk.quiet(first.authorization_id)
    assert len(desk.house.mails(to=contact)) == 1
    assert await desk.messages() == ["authorization_requested"]


async def test_I16_nothing_tells_whether_the_directory_knows_the_provider(desk: Desk):
    known = await desk.house.new_clinic()
    unknown = await desk.asked(tin="001230001", provider_name="Nowhere Clinic")
    listed = await desk.asked(known, provider_name="Nowhere Clinic")
    one, other = (await desk.view(unknown)), (await desk.view(listed))
    assert one.client.provider_name == other.client.provider_name == "Nowhere Clinic"  # never the directory's name
    assert [line.words for line in one.timeline][:1] == [line.words for line in other.timeline][:1]
    assert (one.client.status, one.client.next_step) == (other.client.status, other.client.next_step)
    row = await desk.row(listed)
    assert row.organization_id is None


async def test_T1_an_unknown_provider_shows_only_once_the_contact_agreed(desk: Desk):
    asked = await desk.asked(tin="001230002", provider_name="Nowhere Clinic")
    request = desk.request(asked)
    await decided(desk.house, request)
    await state_of(desk.house, request, wanted="cancelled")
    view = (await desk.view(asked)).client
    assert (view.status, view.closing_code) == (ClientStatus.STOPPED, "authorization_provider_unknown")
    assert view.next_step is NextStep.AGAIN


async def test_I15_a_foreign_request_looks_unknown(desk: Desk):
    asked, stranger = await desk.asked(), await Desk.open(desk.house)
    gate = desk.house.gate
    for wanted in (asked, uuid4()):
        with pytest.raises(Refusal, match="not_found"):
            await stranger.view(wanted)
        with pytest.raises(Refusal, match="not_found"):
            await authorizing.resend(gate, stranger.me, wanted, key=key())
        with pytest.raises(Refusal, match="not_found"):
            await authorizing.cancel(gate, stranger.me, wanted, key=key())
        with pytest.raises(Refusal, match="not_found"):
            await authorizing.request_again(gate, stranger.me, wanted, key=key())
        with pytest.raises(Refusal, match="not_found"):
            await authorizing.correct_contact(
                gate, stranger.me, wanted, contact=new_contact(), review_reason="", key=key()
            )
    assert (await stranger.page()).total == 0
    with pytest.raises(Refusal, match="not_found"):  # somebody else's billing service
        await stranger.ask(billing_id=desk.service.id)


async def test_T2_own_people_and_own_domain_are_refused_with_a_way_on(desk: Desk):
    colleague = desk.service.people[1].email
    local, _, domain = colleague.partition("@")
    for contact, code in ((colleague, "contact_own_person"), (f"{local}x@{domain}", "contact_own_domain")):
        refused = await desk.ask(contact=contact)
        assert refused.result.code == code
    assert (await desk.page()).total == 0
    reviewed = await desk.asked(contact=f"office@{domain}", review_reason="One health system, one domain.")
    view = (await desk.view(reviewed)).client
    assert (view.status, view.delivery, view.next_step) == (ClientStatus.IN_REVIEW, "none", NextStep.WAIT)
    assert client(view)["mail"] == "Not mailed yet"
    assert client(replace(view, status=ClientStatus.EXPIRED))["mail"] == "Not mailed"


async def test_T5_the_list_is_searched_filtered_sorted_and_paged(desk: Desk):
    house, contact = desk.house, new_contact()
    clinics = [await house.new_clinic() for _ in range(3)]
    names = ["Élan Cardiology", "Birch 100% Care", "Aspen Clinic"]
    asked = [
        await desk.asked(clinic, provider_name=name, contact=contact if name == "Aspen Clinic" else new_contact())
        for clinic, name in zip(clinics, names, strict=True)
    ]
    npi = await desk.asked(clinics[2], npi=clinics[2].npi, provider_name="Aspen Clinic")
    await desk.decided(asked[0], choice="decline")

    async def found(**options: object) -> list[object]:
        return [row.id for row in (await desk.page(**options)).rows]

    assert await found(search="elan") == [asked[0]]
    assert await found(search="100%") == [asked[1]]
    assert await found(search="%") == [asked[1]]
    assert await found(search=f"{clinics[1].tin[:2]}-{clinics[1].tin[2:]}") == [asked[1]]
    assert await found(search=clinics[2].npi) == [npi]
    assert await found(search=contact.upper()) == [asked[2]]
    assert await found(search=(await desk.row(asked[1])).reference.lower()) == [asked[1]]
    assert await found(search="nobody at all") == []
    async with house.database.write() as session:
        row = await session.get_one(AuthorizationRow, asked[1])
        row.reference = f"A-{row.reference[2:6]}-01{row.reference[9:]}"
        typed = row.reference[2:]
    for search in (
        typed,
        typed.replace("-", ""),
        f"a {typed.replace('-', ' ').lower()}",
        f"A-{typed[:5]}Oi{typed[7:]}",
    ):
        assert await found(search=search) == [asked[1]], search
    assert await found(status=ClientStatus.DECLINED) == [asked[0]]
    page = await desk.page()
    assert page.counts == {ClientStatus.SENT: 3, ClientStatus.DECLINED: 1}
    assert await found(order=ClientOrder.REQUESTED, descending=True) == [npi, *reversed(asked)]
    by_name = await found(order=ClientOrder.PROVIDER)
    assert (set(by_name[:2]), by_name[2:]) == ({npi, asked[2]}, [asked[1], asked[0]])
    assert (await found(order=ClientOrder.STATUS))[0] == asked[0]
    assert (await found(order=ClientOrder.DEADLINE))[-1] == asked[0]  # what is over has no deadline
    named = await desk.asked(provider_name="Cedars Clinic")  # twelve letters that could be a reference's
    assert await found(search="Cedars Clinic") == [named]


async def test_T3_only_people_of_a_billing_service_ask(desk: Desk):
    somebody = replace(desk.me, subject_id=uuid4())
    with pytest.raises(Refusal, match="not_billing_service"):
        await replace(desk, me=somebody).ask()
    with pytest.raises(Refusal, match="not_billing_service"):
        await replace(desk, me=somebody).page()


async def test_B6_all_defects_are_told_at_once(desk: Desk):
    with pytest.raises(Refusal) as refused:
        await desk.ask(tin="123", npi="1234567890", provider_name="", contact="office", review_reason="x" * 501)
    assert [(defect.field, defect.code) for defect in refused.value.fields] == [
        ("provider_name", "organization_name_missing"),
        ("tin", "tin_length"),
        ("npi", "npi_check_digit"),
        ("contact", "email_invalid"),
        ("review_reason", "too_long"),
    ]
