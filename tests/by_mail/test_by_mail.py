"""Registering by US Mail (P2, B3, B5): a letter to an address of the directory, and its PIN."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import TimeSkipper

from db.accounts import Access
from db.directory import Location
from db.letters import LetterRow
from db.registrations import Counter, Evidence
from domain.cases import CaseKind
from domain.print_shop import DeliveryKind
from domain.registration import Code, State
from domain.time_words import moment_in_words
from ops.mailbox import Mail
from portal import cases, letters
from portal.letter_plans import failed_addresses
from portal.letter_support import ask_about_letters
from portal.registering import keep_organization, kept_organization
from portal.registration_view import view_registration
from tests.by_mail.conftest import DAY, PostOffice, wrong
from tests.house import Clinic, House, key


async def add_location(house: House, clinic: Clinic, *, line1: str, later: timedelta) -> None:
    """Another address of the clinic, first seen `later` than its first one."""
    async with house.database.write() as session:
        first = (await session.scalars(select(Location).where(col(Location.organization_id) == clinic.id))).one()
        session.add(
            Location(
                organization_id=clinic.id, line1=line1, city=first.city, state=first.state, zip=first.zip,
                first_seen_at=first.first_seen_at + later,
            )
        )  # fmt: skip


async def test_P2_a_letter_with_a_pin_opens_the_access(post_on_both: PostOffice):
    post = post_on_both
    house = post.house
    clinic = await house.new_clinic()
    started = await house.confirmed()
    result = await post.ask(started, clinic)
    assert (result.accepted, result.state) == (True, State.AWAITING_PIN)
    view, pin = await post.letter(started)
    view = await post.mailed(started, view)
    assert view.expires_at is not None
    assert view.mailed_at is not None
    assert view.expires_at - view.mailed_at == 30 * DAY
    result = await post.enter(started, pin)
    assert (result.accepted, result.state) == (True, State.SETTING_UP_ACCOUNT)
    await house.secured(started)
    async with house.database.read() as session:
        row = (
            await session.execute(
                select(Access, Evidence).join(Evidence).where(col(Access.organization_id) == clinic.id)
            )
        ).one()
    assert (row[0].via, row[1].kind, row[1].source_id) == ("letter", "letter", view.id)


async def test_P2_only_addresses_of_the_directory_are_offered_and_masked(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    listed = await post.identify(started, clinic)
    assert [choice.masked for choice in listed.locations] == ["1•• M••• St, Springfield, IL 627••"]
    other = await post.house.new_clinic()
    foreign = (await post.identify(await post.house.confirmed(), other)).locations[0].location_id
    refused = await letters.request_letter(post.house.gate, started.registration_id, location_id=foreign, key=key())
    assert (refused.accepted, refused.code) == (False, Code.NO_USABLE_ADDRESS)
    assert await letters.list_letters(post.house.gate, started.registration_id) == []


async def test_P2_identifiers_that_do_not_belong_together_list_nothing_and_count(post: PostOffice):
    clinic, other = await post.house.new_clinic(), await post.house.new_clinic()
    started = await post.house.confirmed()
    for changes in ({"vendor": other.vendor}, {"tin": "009999999"}, {"vendor": "", "npi": other.npi}):
        refused = await post.identify(started, clinic, **changes)
        assert (refused.code, refused.locations) == (Code.ORGANIZATION_NO_MATCH, ())
    assert refused.tries_left == 2


async def test_P2_several_locations_are_told_apart(post: PostOffice):
    clinic = await post.house.new_clinic()
    await add_location(post.house, clinic, line1="22 OAK AVE", later=timedelta(0))
    listed = await post.identify(await post.house.confirmed(), clinic)
    assert sorted(choice.masked for choice in listed.locations) == [
        "1•• M••• St, Springfield, IL 627••",
        "2•• O••• Ave, Springfield, IL 627••",
    ]


async def test_P2_an_address_added_lately_gets_no_letter(post: PostOffice):
    clinic = await post.house.new_clinic()
    await add_location(post.house, clinic, line1="9 NEW RD", later=DAY)
    listed = await post.identify(await post.house.confirmed(), clinic)
    assert [choice.masked for choice in listed.locations] == ["1•• M••• St, Springfield, IL 627••"]


async def test_P2_no_usable_address_is_told(post: PostOffice):
    clinic = await post.house.new_clinic()
    async with post.house.database.write() as session:
        for location in await session.scalars(select(Location).where(col(Location.organization_id) == clinic.id)):
            location.zip = "0"
    refused = await post.identify(await post.house.confirmed(), clinic)
    assert (refused.accepted, refused.code) == (False, Code.NO_USABLE_ADDRESS)


async def test_P2_nothing_opens_before_the_pin(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    view = await view_registration(post.house.gate, started.registration_id)
    assert (view.state, view.organization) == (State.AWAITING_PIN, None)
    async with post.house.database.read() as session:
        assert (
            await session.scalars(select(Evidence).where(col(Evidence.registration_id) == started.registration_id))
        ).all() == []


async def test_P2_the_pin_is_forgiving_of_typing(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    _, pin = await post.letter(started)
    typed = pin.replace("-", " ").lower().replace("0", "o").replace("1", "l")
    assert (await post.enter(started, f"  {typed} ")).accepted


async def test_P2_an_earlier_letter_that_arrives_after_a_newer_one_still_works(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    first, pin = await post.letter(started)
    await post.mailed(started, first)
    await TimeSkipper(post.house.client).fast_forward(
        post.house.handle(started.registration_id), 25 * timedelta(hours=1)
    )
    assert (await post.ask(started, clinic)).accepted
    await post.letter(started, generation=2)
    assert (await post.enter(started, pin)).accepted


async def test_P2_letters_are_a_day_apart_and_four_in_thirty_days(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    handle, skip = post.house.handle(started.registration_id), TimeSkipper(post.house.client)
    assert (await post.ask(started, clinic)).accepted
    refused = await post.ask(started, clinic)
    assert refused.code is Code.LETTERS_LIMIT
    assert refused.retry_at is not None
    for _ in range(3):
        await skip.fast_forward(handle, 25 * timedelta(hours=1))
        assert (await post.ask(started, clinic)).accepted
    await skip.fast_forward(handle, 25 * timedelta(hours=1))
    assert (await post.ask(started, clinic)).code is Code.LETTERS_LIMIT


async def test_P2_letters_are_capped_per_tin_whoever_asks(post_on_both: PostOffice):
    post = post_on_both
    clinic = await post.house.new_clinic()
    people = [await post.house.confirmed() for _ in range(3)]
    results = await asyncio.gather(*(post.ask(person, clinic) for person in people))
    assert sorted(result.code for result in results) == [Code.LETTERS_LIMIT, Code.LETTERS_LIMIT, Code.OK]


async def test_P2_a_check_that_turns_up_voids_the_pin(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    view, _ = await post.letter(started)
    proved = await post.house.prove(started, clinic)
    assert (proved.accepted, proved.state) == (True, State.SETTING_UP_ACCOUNT)
    async with post.house.database.read() as session:
        letter = await session.get_one(LetterRow, view.id)
    assert letter.state == "void"


async def test_P2_wrong_pins_are_counted_per_letter_and_pause(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    _, pin = await post.letter(started)
    answers = [await post.enter(started, wrong(pin)) for _ in range(5)]
    assert [answer.tries_left for answer in answers] == [4, 3, 2, 1, 0]
    paused = await post.enter(started, pin)
    assert (paused.accepted, paused.code) == (False, Code.PIN_PAUSED)
    await TimeSkipper(post.house.client).fast_forward(post.house.handle(started.registration_id), timedelta(minutes=10))
    assert (await post.enter(started, pin)).accepted


async def test_P2_twenty_wrong_pins_lock_the_letters_and_not_the_person(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    _, pin = await post.letter(started)
    handle, skip = post.house.handle(started.registration_id), TimeSkipper(post.house.client)
    answers = []
    for round_ in range(4):
        if round_:
            await skip.fast_forward(handle, timedelta(minutes=10))
        answers += [await post.enter(started, wrong(pin)) for _ in range(5)]
    assert {answer.code for answer in answers[:-1]} == {Code.PIN_WRONG}
    assert (answers[-1].code, answers[-1].state) == (Code.PIN_TRIES_USED, State.PROVING)
    # No letter could ever work here: none is listed an address for, and none is mailed.
    await skip.fast_forward(handle, 25 * timedelta(hours=1))
    async with post.house.database.read() as session:
        place = (await session.scalars(select(Location).where(col(Location.organization_id) == clinic.id))).one()
    for refused in (
        await post.identify(started, clinic),
        await letters.request_letter(post.house.gate, started.registration_id, location_id=str(place.id), key=key()),
    ):
        assert (refused.accepted, refused.code, refused.locations) == (False, Code.PIN_TRIES_USED, ())
    assert [view.state for view in await letters.list_letters(post.house.gate, started.registration_id)] == ["void"]
    assert (await view_registration(post.house.gate, started.registration_id)).letters_over
    assert (await post.house.prove(started, clinic)).accepted


async def test_I13_fifty_parallel_pins_are_counted_exactly(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    _, pin = await post.letter(started)
    limit = asyncio.Semaphore(9)

    async def guess() -> Code:
        async with limit:
            return (await post.enter(started, wrong(pin))).code

    codes = await asyncio.gather(*(guess() for _ in range(19)))
    assert sorted(codes).count(Code.PIN_WRONG) == 5
    assert sorted(codes).count(Code.PIN_PAUSED) == 14


async def test_B3_the_pin_ends_thirty_days_after_mailing_to_the_second(post: PostOffice):
    """One second before the deadline the PIN works, at the deadline and after it doesn't."""
    clinic = await post.house.new_clinic()
    skip = TimeSkipper(post.house.client)
    for offset, code in ((-30, Code.OK), (1, Code.PIN_EXPIRED)):
        started = await post.house.confirmed()
        handle = post.house.handle(started.registration_id)
        await post.ask(started, clinic if code is Code.OK else await post.house.new_clinic())
        view, pin = await post.letter(started)
        view = await post.mailed(started, view)
        await skip.fast_forward(handle, 30 * DAY + timedelta(seconds=offset))
        assert (await post.enter(started, pin)).code is code


async def test_B3_the_clock_starts_at_mailing_and_not_when_it_is_asked_for(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    view, pin = await post.letter(started)
    assert view.expires_at is None
    handle, skip = post.house.handle(started.registration_id), TimeSkipper(post.house.client)
    await skip.fast_forward(handle, 10 * DAY)
    await post.tell(view, DeliveryKind.MAILED, at=datetime.now(UTC) + 10 * DAY)
    await post.house.mail(
        to=(await view_registration(post.house.gate, started.registration_id)).email, subject="on its way"
    )
    await post.house.quiet(started.registration_id)  # the mail leaves before the workflow's turn has ended
    await skip.fast_forward(handle, 25 * DAY)
    assert (await post.enter(started, pin)).accepted


async def test_B4_two_reminders_of_a_letter_each_once(post: PostOffice):
    clinic, email = await post.house.new_clinic(), f"jo-{key()}@clinic.example.org"
    started = await post.house.confirmed(email=email)
    await post.ask(started, clinic)
    view, _ = await post.letter(started)
    await post.mailed(started, view)
    handle, skip = post.house.handle(started.registration_id), TimeSkipper(post.house.client)

    def reminders() -> list[Mail]:
        return [mail for mail in post.house.sink.mails() if email in mail.recipients and "reminder" in mail.subject]

    await skip.fast_forward(handle, 13 * DAY)
    assert reminders() == []
    await skip.fast_forward(handle, 2 * DAY)
    await post.house.mail(to=email, subject="reminder")
    await skip.fast_forward(handle, 11 * DAY)
    await post.house.mail(to=email, subject="reminder", after=1)
    await skip.fast_forward(handle, 3 * DAY)
    assert len(reminders()) == 2
    [sent] = await letters.list_letters(post.house.gate, started.registration_id)
    assert sent.expires_at is not None
    until = moment_in_words(sent.expires_at, post.house.gate.zone)
    for mail in (*reminders(), await post.house.mail(to=email, subject="on its way")):
        assert until in " ".join((mail.text or "").split()), "a mail about a PIN names its end"
        assert "30 days" not in (mail.text or "")


async def test_B5_a_returned_letter_is_told_and_has_a_way_on(post: PostOffice):
    clinic, email = await post.house.new_clinic(), f"jo-{key()}@clinic.example.org"
    started = await post.house.confirmed(email=email)
    await post.ask(started, clinic)
    view, pin = await post.letter(started)
    await post.mailed(started, view)
    await post.tell(view, DeliveryKind.RETURNED)
    await post.house.mail(to=email, subject="came back")
    refused = await post.enter(started, pin)
    assert refused.code is Code.PIN_LETTERS_LOCKED
    assert (await post.house.prove(started, clinic)).accepted


async def test_B5_no_other_letter_goes_to_an_address_where_one_came_back(post: PostOffice):
    clinic = await post.house.new_clinic()
    await add_location(post.house, clinic, line1="22 OAK AVE", later=timedelta(0))
    started = await post.house.confirmed()
    asked = (await post.identify(started, clinic)).locations[0]
    await letters.request_letter(post.house.gate, started.registration_id, location_id=asked.location_id, key=key())
    view, pin = await post.letter(started)
    await post.mailed(started, view)
    await post.tell(view, DeliveryKind.RETURNED)
    await post.house.quiet(started.registration_id)
    assert (await post.enter(started, pin)).code is Code.PIN_LETTERS_LOCKED, "and it stays an address that failed"
    listed = await post.identify(started, clinic)
    assert asked.location_id not in {choice.location_id for choice in listed.locations}
    assert len(listed.locations) == 1
    refused = await letters.request_letter(
        post.house.gate, started.registration_id, location_id=asked.location_id, key=key()
    )
    assert refused.code is Code.NO_USABLE_ADDRESS
    failed = await failed_addresses(post.house.gate, started.registration_id)
    assert [(one.masked, one.at is not None) for one in failed] == [(asked.masked, True)]


async def test_P2_without_an_address_left_support_can_be_asked_in_one_step(post: PostOffice):
    """The letter came back, and there is no other address: nothing is waited for any more."""
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    rid = started.registration_id
    await keep_organization(post.house.gate, rid, tin=clinic.tin, vendor=clinic.vendor, npi="")
    await post.ask(started, clinic)
    view, _ = await post.letter(started)
    await post.mailed(started, view)
    await post.tell(view, DeliveryKind.RETURNED)
    await post.house.quiet(rid)
    refused = await post.identify(started, clinic)
    assert (refused.code, refused.state) == (Code.NO_USABLE_ADDRESS, State.PROVING)
    opened = await ask_about_letters(post.house.gate, rid, telephone="217-555-0142", key=key())
    case = await cases.view_case(post.house.gate, cases.CaseParty(registration_id=rid), opened.case_id)
    assert (case.kind, case.tin_masked) == (CaseKind.HELP, f"•••••{clinic.tin[-4:]}")
    assert (await kept_organization(post.house.gate, rid)).vendor == clinic.vendor, "a payment needs no retyping"
    assert (await post.house.prove(started, clinic)).accepted


async def test_P2_looking_addresses_up_uses_up_no_tries(post: PostOffice):
    clinic = await post.house.new_clinic()
    started, caller = await post.house.confirmed(), key()
    for _ in range(12):
        assert (await post.identify(started, clinic, caller=caller)).locations
    assert (await view_registration(post.house.gate, started.registration_id)).paused_until is None
    refused = await post.house.prove(started, clinic, amount="1.00", caller=caller)
    assert (refused.code, refused.tries_left) == (Code.PAYMENT_NO_MATCH, 4)


async def test_P2_when_payments_are_paused_the_letter_can_be_had(post_on_both: PostOffice):
    house = post_on_both.house
    clinic, started, caller = await house.new_clinic(), await house.confirmed(), key()
    for _ in range(6):
        paused = await house.prove(started, clinic, amount="1.00", caller=caller)
    assert (paused.code, paused.tries_left) == (Code.PAYMENT_PAUSED, 0)
    listed = await post_on_both.identify(started, clinic, caller=caller)
    assert listed.locations
    asked = await letters.request_letter(
        house.gate, started.registration_id, location_id=listed.locations[0].location_id, key=key()
    )
    assert asked.accepted


async def test_P2_a_tax_id_that_only_letters_prove_gets_one(post: PostOffice):
    clinic = await post.house.new_clinic()
    for _ in range(3):
        started = await post.house.confirmed()
        for _ in range(4):
            refused = await post.house.prove(started, clinic, amount="1.00")
    assert refused.code is Code.PAYMENT_LETTER_ONLY
    assert (await post.identify(started, clinic)).locations


async def test_P2_look_ups_have_tries_of_their_own_and_leave_payments_theirs(post: PostOffice):
    clinic, other = await post.house.new_clinic(), await post.house.new_clinic()
    started, caller = await post.house.confirmed(), key()
    wrong_ones = [await post.identify(started, clinic, vendor=other.vendor, caller=caller) for _ in range(6)]
    assert [one.code for one in wrong_ones] == [Code.ORGANIZATION_NO_MATCH] * 5 + [Code.LOOK_UP_PAUSED]
    assert [one.tries_left for one in wrong_ones] == [4, 3, 2, 1, 0, 0]
    assert wrong_ones[4].retry_at == wrong_ones[5].retry_at != None  # noqa: E711 - a chain, the last of which tells it from two missing ones
    assert (await post.identify(started, clinic)).code is Code.LOOK_UP_PAUSED, "a right one as well, until it's over"
    assert (await view_registration(post.house.gate, started.registration_id)).paused_until is None
    assert (await post.house.prove(started, clinic, caller=caller)).accepted
    # Ten a day from one network address; another registration from elsewhere isn't concerned.
    second, third = await post.house.confirmed(), await post.house.confirmed()
    for _ in range(5):
        assert (await post.identify(second, clinic, vendor=other.vendor, caller=caller)).code is not Code.OK
    assert (await post.identify(third, clinic, caller=caller)).code is Code.LOOK_UP_PAUSED
    assert (await post.identify(third, clinic)).locations


async def test_P2_wrong_look_ups_count_in_the_life_of_a_registration(post: PostOffice):
    clinic, other = await post.house.new_clinic(), await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.identify(started, clinic, vendor=other.vendor)
    await post.identify(started, clinic)
    async with post.house.database.read() as session:
        before = await session.get_one(Counter, ("registration", str(started.registration_id)))
        of_codes = await session.get(Counter, ("look-up", str(started.registration_id)))
    assert of_codes is not None
    assert (before.count, of_codes.count) == (2, 1), "the right code of the address, and the wrong look-up"


async def test_I13_parallel_wrong_look_ups_count_exactly(post_on_both: PostOffice):
    house = post_on_both.house
    clinic, other, started = await house.new_clinic(), await house.new_clinic(), await house.confirmed()
    answers = await asyncio.gather(*(post_on_both.identify(started, clinic, vendor=other.vendor) for _ in range(12)))
    codes = [answer.code for answer in answers]
    assert (codes.count(Code.ORGANIZATION_NO_MATCH), codes.count(Code.LOOK_UP_PAUSED)) == (5, 7)


async def test_B10_the_pin_is_nowhere_but_on_the_letter(post: PostOffice):
    clinic = await post.house.new_clinic()
    started = await post.house.confirmed()
    await post.ask(started, clinic)
    view, pin = await post.letter(started)
    async with post.house.database.read() as session:
        letter = await session.get_one(LetterRow, view.id)
    assert letter.pin_sealed is None
    assert letter.pin_digest != pin


async def test_P2_pins_for_the_contiguous_states_say_their_shorter_end(post: PostOffice):
    """Told by the mail as by the letter; and no reminder comes after it."""
    clinic, email = await post.house.new_clinic(), f"jo-{key()}@clinic.example.org"
    started = await post.house.confirmed(email=email)
    await post.ask(started, clinic)
    view, _ = await post.letter(started)
    async with post.house.database.write() as session:
        (await session.get_one(LetterRow, view.id)).pin_days = 21
    view = await post.mailed(started, view)
    assert view.expires_at is not None
    mail = await post.house.mail(to=email, subject="on its way")
    assert moment_in_words(view.expires_at, post.house.gate.zone) in " ".join((mail.text or "").split())
    handle, skip = post.house.handle(started.registration_id), TimeSkipper(post.house.client)
    await skip.fast_forward(handle, 15 * DAY)
    await post.house.mail(to=email, subject="reminder")
    await skip.fast_forward(handle, 11 * DAY)
    await post.house.quiet(started.registration_id)
    assert len(post.house.mails(to=email, subject="reminder")) == 1
