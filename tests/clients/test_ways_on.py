"""What a billing service's pages say and offer when something stands in the way, in a real Chromium without scripts (B5, B6)."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from db.accounts import Message
from db.authorizations import AuthorizationRow, GrantRow
from domain.time_words import moment_in_words
from ops.mailbox import Fault
from tests.authorization.scenes import state_of
from tests.clients.biller import Desk, new_contact
from tests.clients.visitors import Visitors, fill_row
from tests.web.person import Person

pytestmark = pytest.mark.browser


async def asks(person: Person, tin: str, *, name: str = "Maple Street Clinic", npi: str = "") -> int:
    """Fill in the form for one provider and send it; returns the answer's status."""
    await person.go("/clients/request")
    await fill_row(person, 1, provider_name=name, tin=tin, npi=npi, contact=new_contact())
    return (await person.send("Send the request")).status


async def test_T5_T6_tax_id_access_leads_a_billing_service_to_its_clients(desk: Desk, visitors: Visitors):
    biller = await visitors.at(desk)
    await biller.go("/access")
    main = biller.page.locator("main")
    assert await biller.reads("You have asked no provider yet.")
    assert await main.locator(".button-primary").all_inner_texts() == ["Request access to a provider"]
    assert await main.locator(".button-primary").get_attribute("href") == "/clients/request"
    await desk.decided(await desk.asked())
    await desk.asked()
    await desk.asked()
    await biller.go("/access")
    assert await biller.reads("1 with access, 2 waiting for an answer.")
    await biller.judge()
    await biller.page.get_by_role("link", name="See your clients").click()
    assert biller.path == "/clients"


async def test_T6_a_provider_that_is_looked_for_in_tax_id_access_is_found_among_the_clients(
    desk: Desk, visitors: Visitors
):
    await desk.decided(await desk.asked(provider_name="Birch & Sons Clinic"))
    await desk.asked(provider_name="Aspen Clinic")
    biller = await visitors.at(desk)
    await biller.go("/access")
    assert await biller.page.locator("tbody tr").count() == 1
    assert await biller.page.locator("caption").inner_text() == "Your billing service, with the status at the right"
    assert not await biller.reads("the providers that it may see")
    lead = biller.page.locator(".lead").get_by_role("link", name="the list of your clients")
    assert await lead.get_attribute("href") == "/clients"
    await biller.page.fill("#q", "birch & s")
    await biller.page.get_by_role("button", name="Apply").click()
    assert await biller.reads("Nothing matches")
    await biller.judge()
    await biller.page.get_by_role("link", name="among your clients").click()
    assert await biller.heading() == "Clients"
    assert await biller.page.locator("tbody th a").all_inner_texts() == ["Birch & Sons Clinic"]
    assert await biller.page.locator("tbody .pill").all_inner_texts() == ["Access open"]


async def test_T6_a_message_leads_to_the_request_it_tells_of(desk: Desk, visitors: Visitors):
    asked = await desk.asked(provider_name="Aspen Clinic")
    async with desk.house.database.read() as session:
        message_id = await session.scalar(select(col(Message.id)).where(col(Message.account_id) == desk.me.subject_id))
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go(f"/messages/{message_id}")
    await biller.page.get_by_role("link", name="Look at the request").click()
    assert biller.path == f"/clients/{asked}"


async def test_T3_ones_own_tax_id_is_refused_at_the_field(desk: Desk, visitors: Visitors):
    biller = await visitors.at(desk, java_script_enabled=False)
    assert await asks(biller, desk.service.tin) == 422
    assert await biller.field_errors() == {
        "tin-1": "This is your own billing service's Tax ID. Enter the Tax ID of the provider."
    }


async def test_B6_the_limit_of_open_requests_is_named_with_what_is_left(desk: Desk, visitors: Visitors):
    limited = await Desk.open(desk.house, open_limit=2)
    first = await limited.asked()
    biller = await visitors.at(limited)
    for path in ("/clients/list", "/clients/request"):
        await biller.go(path)
        assert await biller.reads(f"{limited.service.name} can have 2 requests open at one time: 1 open now, 1 left.")
        assert await biller.reads("raise the limit")
    await limited.asked()
    assert await asks(biller, (await desk.house.new_clinic()).tin) == 409
    assert await biller.problem() == "Too many open requests"
    assert await biller.field_errors() == {}
    assert await biller.page.locator(".field-invalid").count() == 0
    assert await biller.reads("2 requests open at one time: 2 open now, 0 left.")
    assert await biller.reads("Call provider support; they can raise the limit.")
    await biller.judge()

    # Asking again for an earlier one says the same.
    async with desk.house.database.write() as session:
        row = await session.get_one(AuthorizationRow, first)
        row.state, row.ended_at, row.closing_code = "expired", row.requested_at, "expired"
    await limited.asked()
    await biller.go(f"/clients/{first}/again")
    await biller.send("Request again")
    assert await biller.problem() == "Too many open requests"
    assert await biller.reads("2 open now, 0 left.")


async def test_B6_a_cool_down_is_no_defect_of_a_field_and_says_when_it_is_over(desk: Desk, visitors: Visitors):
    clinic = await desk.house.new_clinic()
    asked = await desk.asked(clinic)
    await desk.decided(asked, choice="decline")
    biller = await visitors.at(desk)
    assert await asks(biller, clinic.tin) == 429
    assert await biller.problem() == "The provider said no a short while ago"
    assert await biller.field_errors() == {}
    again_at = (await desk.view(asked)).client.again_at
    assert again_at is not None
    shown = biller.page.locator("[data-error-summary] time")
    assert await shown.get_attribute("datetime") == f"{again_at:%Y-%m-%dT%H:%M:%SZ}"
    assert await biller.page.locator("[data-error-summary] a").get_attribute("href") == f"/clients/{asked}"
    await biller.judge()

    # Of several, each is named beside what is wrong with it; what can be asked for is.
    await biller.send("Ask for more providers")
    await fill_row(biller, 2, provider_name="Birch Clinic", tin="12", contact=new_contact())
    fine = await desk.house.new_clinic()
    await fill_row(biller, 3, provider_name="Cedar Clinic", tin=fine.tin, contact=new_contact())
    await biller.send("Send the requests")
    assert await biller.reads("Cedar Clinic: The e-mail is on its way")
    assert list(await biller.field_errors()) == ["tin-2"]
    assert await biller.reads("You can ask again from")
    await biller.judge()


async def test_T5_what_is_granted_already_is_said_to_be_open(desk: Desk, visitors: Visitors):
    clinic = await desk.house.new_clinic()
    granted = await desk.asked(clinic)
    await desk.decided(granted)
    biller = await visitors.at(desk, java_script_enabled=False)
    await asks(biller, clinic.tin, npi=clinic.npi)
    assert biller.path.startswith(f"/clients/{granted}")
    assert await biller.reads("Your billing service has this access already, so nothing was sent.")
    assert not await biller.reads("was asked already")


async def test_B5_T7_after_a_mail_came_back_it_is_corrected_or_sent_again(desk: Desk, visitors: Visitors):
    desk.house.sink.fault = Fault.PERMANENT
    contact = new_contact()
    asked = await desk.asked(contact=contact)
    await state_of(desk.house, desk.request(asked), wanted="undeliverable")
    desk.house.sink.fault = Fault.NONE
    biller = await visitors.at(desk)
    await biller.go("/clients")
    row = biller.page.locator("tbody tr")
    assert await row.get_by_role("link", name="Correct the contact").count() == 1
    assert await row.get_by_role("button", name="Send again").count() == 1
    await biller.judge()
    await biller.go(f"/clients/{asked}")
    await biller.judge()

    # The address that stands is no correction.
    await biller.page.get_by_role("link", name="Correct the contact").click()
    await biller.fill(contact=contact.upper())
    assert (await biller.send("Ask this contact instead")).status == 422
    told = (await biller.field_errors())["contact"]
    reference = (await desk.row(asked)).reference
    assert told == f"This is the address we have. Send the mail again instead: request {reference} has a button for it."
    assert (await desk.row(asked)).corrections == 0
    await biller.go(f"/clients/{asked}")
    await biller.send("Send again")
    assert await biller.reads("The e-mail is on its way again")
    await desk.house.mail(to=contact)


async def test_T7_the_contact_that_is_asked_already_is_told_with_when_the_mail_can_be_sent_again(
    desk: Desk, visitors: Visitors
):
    contact = new_contact()
    asked = await desk.asked(contact=contact)
    biller = await visitors.at(desk, java_script_enabled=False)

    async def told() -> str:
        await biller.go(f"/clients/{asked}/contact")
        await biller.fill(contact=contact)
        await biller.send("Ask this contact instead")
        return (await biller.field_errors())["contact"]

    resend_at = (await desk.view(asked)).client.resend_at
    assert resend_at is not None
    when = moment_in_words(resend_at, desk.house.gate.zone)
    assert await told() == f"This is the address we have. You can have the mail sent again from {when} on."
    async with desk.house.database.write() as session:
        used = desk.house.gate.limits.authorization_resends
        await session.execute(update(AuthorizationRow).where(col(AuthorizationRow.id) == asked).values(resends=used))
    assert "as often as you can ask for it" in await told()


async def test_B5_once_the_corrections_are_used_the_page_says_so_and_whom_to_call(desk: Desk, visitors: Visitors):
    desk.house.sink.fault = Fault.PERMANENT
    asked = await desk.asked()
    await state_of(desk.house, desk.request(asked), wanted="undeliverable")
    biller = await visitors.at(desk)
    await biller.go(f"/clients/{asked}")
    assert await biller.reads("Correct the contact; that can be done 3 more times.")
    await biller.go(f"/clients/{asked}/contact")
    assert await biller.reads("You can correct the contact 3 more times; after that, call us.")
    async with desk.house.database.write() as session:
        row = await session.get_one(AuthorizationRow, asked)
        row.corrections = 3
    await biller.go(f"/clients/{asked}")
    assert await biller.reads("The contact was corrected as often as you can. Call provider support")
    phone = desk.house.settings.payer.phone
    assert await biller.page.locator("main .column-main").get_by_role("link", name=phone).count() == 1
    assert await biller.page.get_by_role("link", name="Correct the contact").count() == 0
    assert not await biller.reads("Correct the address")
    await biller.judge()
    await biller.go(f"/clients/{asked}/contact")  # by a link of before
    assert await biller.reads("The contact was corrected often enough")
    assert await biller.reads("Call provider support: they can correct it.")
    assert await biller.page.locator("main form").count() == 0
    await biller.judge()


async def test_T7_the_reference_is_for_the_contact_only_once_there_is_a_mail(desk: Desk, visitors: Visitors):
    domain = desk.service.lead.email.partition("@")[2]
    reviewed = await desk.asked(contact=f"office@{domain}", review_reason="One health system, one domain.")
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go(f"/clients/{reviewed}?said=requested")
    assert await biller.reads("The request is made.")
    assert not await biller.reads("it stands in our e-mail")
    await biller.go(f"/clients/{await desk.asked()}?said=requested")
    assert await biller.reads("Tell it to your contact: it stands in our e-mail.")


async def test_T7_cancelling_asks_first_and_works_without_scripts(desk: Desk, visitors: Visitors):
    asked = await desk.asked()
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go(f"/clients/{asked}")
    await biller.page.get_by_role("link", name="Cancel the request").click()
    assert await biller.heading() == "Cancel the request"
    await biller.page.get_by_role("link", name="Keep it").click()
    assert (await desk.row(asked)).state == "sent"
    await biller.go(f"/clients/{asked}/cancel")
    await biller.send("Cancel the request")
    assert await biller.reads("The request is cancelled.")
    assert (await desk.row(asked)).state == "cancelled"
    await biller.go(f"/clients/{asked}/cancel")  # over by now: nothing is left to ask
    assert biller.path == f"/clients/{asked}"


async def test_T7_a_contact_that_staff_look_at_can_be_corrected_and_its_request_cancelled(
    desk: Desk, visitors: Visitors
):
    domain = desk.service.lead.email.partition("@")[2]
    asked = await desk.asked(contact=f"office@{domain}", review_reason="One health system, one domain.")
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go(f"/clients/{asked}")
    assert await biller.page.get_by_role("link", name="Correct the contact").count() == 1
    assert await biller.page.get_by_role("link", name="Cancel the request").count() == 1
    assert await biller.page.get_by_role("button", name="Send again").count() == 0


async def test_B7_an_open_access_shows_its_last_day(desk: Desk, visitors: Visitors):
    asked = await desk.asked(provider_name="Aspen Clinic")
    await desk.decided(asked)
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go("/clients")
    assert await biller.page.locator(".cell-status").inner_text() == "Access open"
    now = desk.house.gate.now().astimezone(desk.house.gate.zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=41)
    async with desk.house.database.write() as session:
        await session.execute(update(GrantRow).where(col(GrantRow.authorization_id) == asked).values(ends_at=midnight))
    day = midnight - timedelta(days=1)
    shown = f"until {day:%b} {day.day}, {day.year}"
    for path in ("/clients", f"/clients/{asked}"):
        await biller.go(path)
        assert await biller.reads(shown), path


async def test_P6_the_hint_at_inviting_fits_who_reads_it(desk: Desk, visitors: Visitors):
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go("/colleagues/invite")
    assert await biller.reads("Only for people who work for your billing service.")
    assert not await biller.reads("Not for billing services")


async def test_T5_the_headings_of_several_providers_are_larger_than_labels(desk: Desk, visitors: Visitors):
    biller = await visitors.at(desk)
    await biller.go("/clients/request")
    await biller.send("Ask for more providers")
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    heading = biller.page.get_by_role("heading", name="Provider 2")
    label = biller.page.locator("label[for=tin-2]")
    assert await heading.evaluate(size) > await label.evaluate(size) + 2
    await biller.judge()
