"""The pages of a billing service's clients in a real Chromium: with axe, without scripts, at 320 px."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.browser import NARROW
from tests.clients.biller import Desk, new_contact
from tests.clients.visitors import Visitors, fill_row

pytestmark = pytest.mark.browser


async def test_T1_T7_a_biller_asks_and_keeps_track_in_the_browser(desk: Desk, visitors: Visitors):
    clinic, contact = await desk.house.new_clinic(), new_contact()
    biller = await visitors.at(desk)
    await biller.go("/access")
    await biller.page.get_by_role("link", name="Clients", exact=True).click()
    assert await biller.reads("No clients yet")
    await biller.judge()
    await biller.page.get_by_role("link", name="Request access").first.click()
    await biller.judge()

    # What is wrong is told, and what was typed stays.
    await fill_row(biller, 1, provider_name="Maple Street Clinic", tin="123", contact="office")
    response = await biller.send("Send the request")
    assert response.status == 422
    assert set(await biller.field_errors()) == {"tin-1", "contact-1"}
    assert await biller.page.input_value("#provider_name-1") == "Maple Street Clinic"
    await biller.judge()

    # Independence: one's own domain is refused, with the way to ask for a review.
    domain = desk.service.lead.email.partition("@")[2]
    await fill_row(biller, 1, tin=clinic.tin, contact=f"office@{domain}")
    await biller.send("Send the request")
    assert "one of your own" in (await biller.field_errors())["contact-1"]
    assert await biller.page.locator("#review_reason-1").is_visible()
    await fill_row(biller, 1, contact=contact)
    await biller.send("Send the request")
    assert await biller.reads("The request is made")
    assert await biller.heading() == "Maple Street Clinic"
    reference = await biller.page.locator(".reference-code").inner_text()
    assert reference in ((await desk.house.mail(to=contact)).text or "")
    await biller.judge()

    # Sent again a day later, corrected, cancelled, asked for again.
    asked = (await desk.page()).rows[0].id
    await desk.quiet(asked)
    async with desk.house.database.write() as session:
        row = await session.get_one(type(await desk.row(asked)), asked)
        row.requested_at -= timedelta(days=2)
    await biller.go("/clients")
    await biller.judge()
    await biller.send("Send again")
    assert await biller.reads("The e-mail is on its way again")
    await biller.page.get_by_role("link", name="Correct the contact").first.click()
    await biller.judge()
    await biller.fill(contact=desk.service.people[1].email)
    await biller.send("Ask this contact instead")
    assert "contact" in await biller.field_errors()
    await biller.judge()
    await biller.fill(contact=new_contact())
    await biller.send("Ask this contact instead")
    assert await biller.reads("The contact is corrected")
    await biller.page.get_by_role("link", name="Cancel the request").click()
    await biller.judge()
    assert (await desk.view(asked)).client.is_open  # asking changes nothing
    await biller.send("Cancel the request")
    assert await biller.reads("The request is cancelled. Its links")
    assert await biller.reads("Bo Biller")  # who did it, in the timeline
    await biller.page.get_by_role("link", name="Request again").click()
    await biller.judge()
    await biller.send("Request again")
    assert await biller.reads("The request is made")
    assert await biller.reads("Other requests for this provider")
    await biller.judge()

    # The co-worker who asks for the same is shown this one.
    colleague = await visitors.at(desk.colleague())
    await colleague.go("/clients/request")
    await fill_row(colleague, 1, provider_name="Maple", tin=clinic.tin, contact=new_contact())
    await colleague.send("Send the request")
    assert await colleague.reads("This provider was asked already")
    assert await colleague.heading() == "Maple Street Clinic"


async def test_T6_status_stands_at_the_right_and_the_list_is_filtered(desk: Desk, visitors: Visitors):
    waiting = await desk.asked(provider_name="Aspen Clinic")
    declined = await desk.asked(provider_name="Birch Clinic")
    approved = await desk.asked(provider_name="Cedar Clinic")
    await desk.decided(declined, choice="decline")
    await desk.decided(approved)
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go("/clients")
    last = biller.page.locator("tbody tr td:last-child .pill")
    assert sorted(await last.all_inner_texts()) == ["Access open", "Declined", "Waiting for the contact"]
    await biller.page.select_option("#status", "declined")
    await biller.page.get_by_role("button", name="Apply").click()
    assert await biller.page.locator("tbody tr").count() == 1
    assert await biller.reads("Request again from")
    await biller.go("/clients?q=aspen&sort=provider")
    assert await biller.page.locator("tbody th a").get_attribute("href") == f"/clients/{waiting}"
    await biller.go("/clients?q=1234")  # the last digits of a Tax ID, as the list shows it
    assert await biller.reads("Nothing matches")
    assert await biller.reads("Of a Tax ID type all nine digits")
    for address in ("/clients?status=x&sort=y&page=z", "/clients?page=999999"):
        assert (await biller.go(address)).status == 200
    assert (await biller.go(f"/clients/{declined}x")).status == 404
    stranger = await visitors.at(await Desk.open(desk.house))
    assert (await stranger.go(f"/clients/{waiting}")).status == 404


async def test_T5_several_in_one_form_without_scripts_on_a_narrow_screen(desk: Desk, visitors: Visitors):
    clinics = [await desk.house.new_clinic() for _ in range(3)]
    biller = await visitors.at(desk, java_script_enabled=False, viewport=NARROW)
    await biller.go("/clients/request")
    await fill_row(biller, 1, provider_name="Aspen Clinic", tin=clinics[0].tin, contact=new_contact())
    await biller.send("Ask for more providers")
    assert await biller.page.locator("fieldset").count() == 4
    assert await biller.page.input_value("#provider_name-1") == "Aspen Clinic"
    await fill_row(biller, 2, provider_name="Birch Clinic", tin="12", contact=new_contact())
    await fill_row(biller, 4, provider_name="Cedar Clinic", tin=clinics[2].tin, contact=new_contact())
    response = await biller.send("Send the requests")
    assert response.status == 422
    assert await biller.page.locator("fieldset").count() == 1  # what is done is out of the form
    assert await biller.page.input_value("#provider_name-1") == "Birch Clinic"
    assert list(await biller.field_errors()) == ["tin-1"]
    assert await biller.reads("Aspen Clinic: The e-mail is on its way")
    await fill_row(biller, 1, tin=clinics[1].tin)
    await biller.send("Send the request")
    assert (await desk.page()).total == 3


async def test_T5_a_file_shows_its_progress_and_gives_the_rejected_lines_back(
    desk: Desk, visitors: Visitors, tmp_path: Path
):
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go("/clients/list")
    await biller.send("Send the file")
    assert list(await biller.field_errors()) == ["file"]
    path = tmp_path / "clients.csv"
    rows = "".join(f"Clinic {number},00127{number:04},{new_contact()}\n" for number in range(30))
    path.write_text(f"Provider name,Tax ID,Contact e-mail\n{rows}Short,12,{new_contact()}\n")
    await biller.go("/clients/list")
    await biller.page.set_input_files("#file", path)
    await biller.send("Send the file")
    assert biller.path.startswith("/clients/lists/")
    await biller.page.get_by_text("All lines are done.").wait_for(timeout=40_000)  # it loads itself again
    assert await biller.reads("30 asked for, 0 asked for or granted before, 1 not asked for.")
    await biller.page.get_by_role("link", name="Show only the lines").click()
    assert await biller.page.locator("tbody tr").count() == 1
    async with biller.page.expect_download() as download:
        await biller.page.get_by_role("link", name="Download the lines to correct").click()
    saved = await asyncio.to_thread((await (await download.value).path()).read_text, "utf-8-sig")
    assert "Short" in saved
    judge = await visitors.at(desk)
    await judge.go(biller.path)
    await judge.judge()
    await judge.go("/clients/list")
    assert await judge.reads("31 lines, 30 asked for")
    await judge.judge()
    for width in (1280, 320):
        await judge.page.set_viewport_size({"width": width, "height": 900})
        button = await judge.page.get_by_role("button", name="Send the file").bounding_box()
        heading = await judge.page.get_by_role("heading", name="Files so far").bounding_box()
        assert button
        assert heading
        assert heading["y"] - button["y"] - button["height"] >= 24, width


async def test_T3_who_isnt_of_a_billing_service_is_told_so(desk: Desk, visitors: Visitors):
    clinic = await desk.house.new_clinic()
    person = await visitors.at(desk)
    await person.page.context.clear_cookies()
    await person.registered(clinic)
    await person.go("/access")
    assert await person.page.get_by_role("link", name="Clients").count() == 0
    assert (await person.go("/clients")).status == 409
    assert await person.reads("This is for billing services")


async def test_T7_a_cool_down_says_from_when_on_in_one_sentence_in_the_payers_zone(desk: Desk, visitors: Visitors):
    clinic = await desk.house.new_clinic()
    await desk.decided(await desk.asked(clinic), choice="decline")
    biller = await visitors.at(desk, java_script_enabled=False)
    await biller.go("/clients/request")
    await fill_row(biller, 1, provider_name="Maple Street Clinic", tin=clinic.tin, contact=new_contact())
    await biller.send("Send the request")
    told = await biller.page.locator("[data-error-summary]").inner_text()
    assert re.search(r"You can ask again from [A-Z][a-z]+ \d+, \d{4}, \d+:\d\d [AP]M C[SD]T on\.", told), told
    assert "at the time shown" not in told
