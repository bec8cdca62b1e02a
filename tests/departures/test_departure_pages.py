"""The pages of departures in a real browser: with and without scripts, at 320 px, and nothing done by looking (P9, I14)."""

import httpx2
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from db.departures import NewcomerAnswer
from domain.departure import State
from portal.departures import ColleagueWord
from portal.registration_view import view_registration
from tests.colleagues.office import new_address
from tests.departures.conftest import Practice
from tests.house import House, code_in
from tests.web.conftest import NewPerson, client, new_person, people, person, site
from tests.web.person import WRONG_CODE, Person

pytestmark = pytest.mark.browser
__all__ = ["client", "new_person", "people", "person", "site"]  # fixtures


async def test_P9_the_account_page_asks_why_colleagues_cannot_help(practice: Practice, person: Person):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    started = await practice.house.confirmed(email=person.email)
    await practice.house.prove_notice(started, clinic)
    await person.goes_on_with(started)
    await person.go("/register/account")
    assert await person.reads("Your organization has an account")
    assert not await person.reads(departed.email)
    await person.judge()
    response = await person.set_up_account()
    assert response.status == 422
    assert list(await person.field_errors()) == ["colleague", "reason"]
    await person.judge()
    await person.page.get_by_label("J••• E•••").check()
    await person.page.get_by_label("Another reason").check()
    await person.set_up_account()
    assert await person.field_errors() == {"reason_text": "Write why your colleagues can’t help you."}
    assert await person.page.get_by_label("Another reason").is_checked()
    assert not await person.page.get_by_label("of them").count()  # there is one account only
    assert await person.page.get_by_label("I don’t know who registered").count() == 1
    await person.page.get_by_label("They have left").check()
    await person.set_up_account()
    assert person.path == "/register/second-factor"
    await person.finish()
    view = await view_registration(practice.gate, started.registration_id)
    assert view.account_id is not None
    assert (await practice.review(departed)).state == State.OPEN
    await person.go("/newcomers")
    assert await person.reads("Colleagues who, you told us, have left")
    await person.judge()
    await person.send("It was a mistake")
    assert await person.reads("Taken back")
    await person.judge()


@pytest.mark.parametrize("scripts", [True, False], ids=["with_scripts", "without"])
async def test_P9_the_departed_person_objects_on_the_notices_page(
    practice: Practice, new_person: NewPerson, scripts: bool
):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    link = await practice.notice_link(departed)
    reader = await new_person(email=departed.email, java_script_enabled=scripts)
    assert (await reader.go(f"/newcomer/{link}")).status == 200
    assert await reader.heading() == "Someone says that you have left"
    assert await reader.page.locator("input[type=radio]:checked").count() == 0
    if scripts:
        await reader.judge()
    await reader.send("Send me a code")
    code = await practice.house.mail(to=departed.email, subject="Your code to answer")
    assert (await reader.send("Send my answer")).status == 422
    assert list(await reader.field_errors()) == ["choice", "code"]
    if scripts:
        await reader.judge()
    await reader.page.get_by_label("I object").check()
    digits = code_in(code)
    await reader.send_code(f"{(int(digits) + 1) % 1_000_000:06}", button="Send my answer")
    assert await reader.field_errors() == {"code": WRONG_CODE}
    assert await reader.page.get_by_label("I object").is_checked()
    await reader.send_code(digits, button="Send my answer")
    assert await reader.reads("We have your objection")
    if scripts:
        await reader.judge()
    await practice.stands(review.id, State.CONTESTED)


async def test_P9_with_the_last_try_only_a_new_code_is_offered(practice: Practice, new_person: NewPerson):
    clinic = await practice.house.new_clinic()
    told = await practice.administrator(clinic)
    await practice.successor(clinic)
    reader = await new_person(email=told.email)
    await reader.go(f"/newcomer/{await practice.notice_link(told)}")
    await reader.send("Send me a code")
    digits = code_in(await practice.house.mail(to=told.email, subject="Your code to answer"))
    await reader.page.get_by_role("radio").first.check()
    for _ in range(5):
        await reader.send_code(f"{(int(digits) + 1) % 1_000_000:06}", button="Send my answer")
    assert await reader.problem() == "This code was tried too often"
    assert await reader.page.locator("#code").count() == 0
    assert await reader.page.get_by_role("button", name="Send me a new code").count() == 1
    assert not await reader.reads("tries left")


async def test_P9_who_is_signed_in_answers_without_a_code(practice: Practice, person: Person, house: House):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    await person.page.context.add_cookies(
        [{"name": "gatehouse_session", "value": departed.token, "url": person.site.address}]
    )
    await person.go(f"/newcomer/{await practice.notice_link(departed)}")
    assert person.path.startswith("/newcomers/")
    assert await person.page.locator("#code").count() == 0
    await person.judge()
    await person.send("Send my answer")
    assert list(await person.field_errors()) == ["choice"]
    await person.page.get_by_label("I object").check()
    await person.send("Send my answer")
    assert await person.reads("We have your objection")
    await practice.stands(review.id, State.CONTESTED)
    await person.go("/newcomers")
    assert await person.reads("With our staff")
    await person.judge()
    await practice.decide(review.id, "keep")
    notice = await practice.notice(departed)
    await person.go(f"/newcomers/{notice.id}")
    assert await person.reads("Your access to this organization stays as it is.")
    assert await person.reads(f"the end of {notice.last_day}")
    assert not await person.reads("Our staff look at it")
    await person.judge()
    foreign = await practice.administrator(await practice.house.new_clinic())
    await person.page.context.add_cookies(
        [{"name": "gatehouse_session", "value": foreign.token, "url": person.site.address}]
    )
    notice = await practice.notice(departed)
    assert (await person.go(f"/newcomers/{notice.id}")).status == 404  # I15


async def test_P9_after_an_answer_the_page_asks_no_more(practice: Practice, person: Person):
    clinic = await practice.house.new_clinic()
    colleague = await practice.administrator(clinic)
    await practice.successor(clinic, words=[ColleagueWord(reason="unknown")])
    notice = await practice.says(colleague, "right")
    await person.page.context.add_cookies(
        [{"name": "gatehouse_session", "value": colleague.token, "url": person.site.address}]
    )
    await person.go(f"/newcomers/{notice.id}")
    assert await person.reads("Jo Example")
    assert await person.reads("Thank you for your answer")
    assert await person.page.locator("input[type=radio]").count() == 0
    await practice.says(colleague, "object")
    await person.go(f"/newcomers/{notice.id}")
    assert await person.reads("decide whether Jo Example keeps the access")
    assert not await person.reads("Your access")


async def test_I14_a_mail_scanner_changes_nothing(practice: Practice, client: httpx2.AsyncClient):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    link = await practice.notice_link(departed)
    for method in ("GET", "HEAD", "GET"):
        assert (await client.request(method, f"/newcomer/{link}")).status_code == 200
    form = {"token": link, "idempotency_key": "x" * 32}
    headers = {"Origin": str(client.base_url).rstrip("/")}
    assert (await client.post("/newcomer/answer", data=form, headers=headers)).status_code == 422
    assert (await client.get("/newcomer/answer")).status_code == 410
    async with practice.house.database.read() as session:
        notice = await practice.notice(departed)
        count = await session.scalar(
            select(func.count()).select_from(NewcomerAnswer).where(col(NewcomerAnswer.notice_id) == notice.id)
        )
    assert count == 0
    assert (await practice.review(departed)).revision == review.revision


async def test_P9_a_late_reader_gets_a_page_that_says_so(practice: Practice, person: Person):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    link = await practice.notice_link(departed)
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)
    assert (await person.go(f"/newcomer/{link}")).status == 410
    assert await person.reads("Your access to this organization has ended.")
    await person.judge()
    assert (await person.go("/newcomer/nothing-of-ours")).status == 410
    await person.judge()


async def test_P9_a_newcomers_page_of_colleagues_masks_and_offers_nothing_of_those_before(
    practice: Practice, person: Person
):
    clinic = await practice.house.new_clinic()
    older = (await practice.successor(clinic, words=())).person
    invitation_id = await practice.invited(older, email := new_address())
    newcomer = await practice.successor(clinic, notice=False)
    await person.page.context.add_cookies(
        [{"name": "gatehouse_session", "value": newcomer.person.token, "url": person.site.address}]
    )
    await person.go("/colleagues")
    assert await person.reads("J••• E•••")
    assert await person.reads("You are new here.")
    assert await person.page.get_by_text("Jo Example (you)").count() == 1
    assert not await person.reads(email)
    for offer in ("Send again", "Cancel", "Correct the address", "Change or remove"):
        assert not await person.page.get_by_text(offer).count()
    await person.judge()
    await person.go(f"/colleagues/invitations/{invitation_id}/address")
    assert await person.problem() == "This isn't possible yet"
    assert not await person.reads(email)
    assert await person.page.locator("[data-error-summary]").get_by_text("You can try again on").count() == 1
    [access] = await practice.access(older)
    await person.go(f"/colleagues/{access.id}")
    assert await person.problem() == "This isn't possible yet"
    assert not await person.page.get_by_role("button", name="End the access").count()


@pytest.mark.parametrize("has_colleagues", [True, False])
async def test_P9_the_last_page_says_that_colleagues_were_told_only_where_there_are_some(
    practice: Practice, person: Person, has_colleagues: bool
):
    clinic = await practice.house.new_clinic()
    if has_colleagues:
        await practice.administrator(clinic)
    started = await practice.house.confirmed(email=person.email)
    await practice.house.prove_notice(started, clinic)
    await person.goes_on_with(started)
    await person.go("/register/account")
    if has_colleagues:
        await person.page.get_by_label("I don’t know who registered").check()
        await person.page.get_by_label("They are on leave").check()
    await person.set_up_account()
    await person.finish()
    await person.go("/register/done")
    assert await person.reads("An e-mail confirms that your account is ready.")
    assert await person.reads("were told that you registered") is has_colleagues
