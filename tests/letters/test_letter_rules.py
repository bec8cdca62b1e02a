"""Where a letter may go, how long its PIN works and how often there is another one."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.directory import Address
from domain.letters import (
    AddressDefect,
    Letterhead,
    budget_needs_alert,
    is_contiguous_us,
    mailing_address,
    mailing_day,
    masked_address,
    masked_choices,
    next_letter_at,
    pin_deadline,
    pin_is_open,
    pin_life,
    reminder_times,
)
from tests.letters.samples import letter

DAY = timedelta(days=1)
CHICAGO = ZoneInfo("America/Chicago")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GOOD = {"line1": "100 Main St.", "city": "Springfield", "state": "il", "zip_code": "627011234"}


def test_P2_a_location_becomes_a_mailing_address():
    assert mailing_address(**GOOD) == Address("100 MAIN ST", "", "SPRINGFIELD", "IL", "62701-1234")
    assert mailing_address(**{**GOOD, "line1": "P.O. Box 1400"}) == Address(
        "P O BOX 1400", "", "SPRINGFIELD", "IL", "62701-1234"
    )


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        ({"line1": " . "}, AddressDefect.STREET_MISSING),
        ({"city": ""}, AddressDefect.CITY_MISSING),
        ({"state": "ON"}, AddressDefect.STATE_UNKNOWN),
        ({"state": ""}, AddressDefect.STATE_UNKNOWN),
        ({"zip_code": "6270"}, AddressDefect.ZIP_INVALID),
        ({"country": "CA"}, AddressDefect.FOREIGN),
        ({"line1": "1 " + "Long Street " * 7}, AddressDefect.TOO_LONG),
    ],
)
def test_P2_no_letter_to_an_unusable_location_and_staff_see_why(change, defect):
    assert mailing_address(**{**GOOD, **change}) is defect


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        (Address("100 MAIN ST", "", "SPRINGFIELD", "IL", "62701"), "1•• M••• St, Springfield, IL 627••"),
        (
            Address("100 MAIN ST", "STE 200", "SPRINGFIELD", "IL", "62701"),
            "1•• M••• St, Ste 2••, Springfield, IL 627••",
        ),
        (Address("PO BOX 1400", "", "PEORIA", "IL", "61601-1400"), "PO Box 1••, Peoria, IL 616••"),
        (Address("7 NE 12TH AVE", "", "PORTLAND", "OR", "97201"), "7•• NE 1•• Ave, Portland, OR 972••"),
    ],
)
def test_P2_addresses_are_offered_masked(address, masked):
    assert masked_address(address) == masked


def test_P2_choices_that_look_alike_are_numbered():
    one, two, other = (
        Address("100 MAIN ST", "", "SPRINGFIELD", "IL", "62701"),
        Address("150 MAPLE ST", "", "SPRINGFIELD", "IL", "62702"),
        Address("9 OAK ST", "", "PEORIA", "IL", "61601"),
    )
    assert masked_choices([one, other, two]) == (
        "1•• M••• St, Springfield, IL 627•• (1)",
        "9•• O••• St, Peoria, IL 616••",
        "1•• M••• St, Springfield, IL 627•• (2)",
    )


def test_P2_contiguous_is_48_states_and_the_district():
    assert all(is_contiguous_us(state) for state in ("IL", "DC", "FL", "WA", "ME"))
    assert not any(is_contiguous_us(state) for state in ("AK", "HI", "PR", "GU", "AE", "AP"))


def test_P2_strict_shortens_only_contiguous_addresses():
    def life(state, strict):
        return pin_life(state, life=30 * DAY, strict_life=21 * DAY, strict=strict)

    assert life("IL", strict=False) == 30 * DAY
    assert life("IL", strict=True) == 21 * DAY
    assert life("AK", strict=True) == 30 * DAY


def test_B3_clock_starts_at_mailing_and_ends_30_times_24_hours_later():
    # Mailed before clocks are set back in Chicago: the deadline is an hour earlier on the wall, not in time.
    mailed = datetime(2026, 10, 20, 16, 0, tzinfo=CHICAGO).astimezone(UTC)
    deadline = pin_deadline(mailed, 30 * DAY)
    assert deadline - mailed == timedelta(hours=720)
    assert deadline.astimezone(CHICAGO).hour == 15


@pytest.mark.parametrize(("seconds", "is_open"), [(-1, True), (0, False), (1, False)])
def test_P2_pin_one_second_around_the_deadline(seconds, is_open):
    deadline = pin_deadline(NOON, 30 * DAY)
    assert pin_is_open(deadline + timedelta(seconds=seconds), deadline) is is_open


def test_B3_the_last_day_on_the_letter_is_wholly_within_the_pins_life():
    sample = letter(dated=date(2026, 11, 24), pin_days=30)
    assert sample.use_by == date(2026, 12, 23)
    # Mailed at the first moment of its date, the PIN still works through the printed day.
    mailed = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
    assert pin_is_open(datetime(2026, 12, 23, 23, 59, 59, tzinfo=UTC), pin_deadline(mailed, 30 * DAY))


def test_P2_reminders_on_day_14_and_5_days_before_the_end():
    def times(life):
        return reminder_times(NOON, life=life, after=14 * DAY, before_end=5 * DAY)

    assert times(30 * DAY) == (NOON + 14 * DAY, NOON + 25 * DAY)
    assert times(21 * DAY) == (NOON + 14 * DAY, NOON + 16 * DAY)
    assert times(3 * DAY) == ()


def next_at(asked, now=NOON):
    return next_letter_at(asked, now=now, gap=DAY, most=4, window=30 * DAY)


def test_I11_letters_are_24_hours_apart():
    assert next_at([]) is None
    assert next_at([NOON - timedelta(hours=23, minutes=59)]) == NOON + timedelta(minutes=1)
    assert next_at([NOON - DAY]) is None


def test_I11_at_most_four_letters_in_30_days():
    asked = [NOON - days * DAY for days in (29, 20, 10, 2)]
    assert next_at(asked) == NOON + DAY
    assert next_at(list(reversed(asked))) == NOON + DAY
    assert next_at(asked, now=NOON + DAY) is None
    assert next_at([NOON - days * DAY for days in (31, 20, 10, 2)]) is None


def test_I11_the_later_of_gap_and_cap_counts():
    asked = [NOON - 30 * DAY + timedelta(hours=1), NOON - 9 * DAY, NOON - 5 * DAY, NOON - timedelta(hours=2)]
    assert next_at(asked) == NOON + timedelta(hours=22)


def at(month, day, hour, minute):
    return datetime(2026, month, day, hour, minute, tzinfo=CHICAGO)


def day_of(asked_at, planned=None, budget=2):
    return mailing_day(asked_at, cut_off=time(15), planned=planned or {}, daily_budget=budget)


def test_P2_letters_wait_for_business_days():
    assert day_of(at(11, 24, 14, 59)) == date(2026, 11, 24)
    assert day_of(at(11, 24, 15, 0)) == date(2026, 11, 25)
    # The evening before Thanksgiving, and a Saturday.
    assert day_of(at(11, 25, 18, 0)) == date(2026, 11, 27)
    assert day_of(at(11, 28, 9, 0)) == date(2026, 11, 30)


def test_P2_a_full_budget_moves_letters_to_the_next_business_day():
    planned = {date(2026, 11, 25): 2, date(2026, 11, 27): 1}
    assert day_of(at(11, 25, 9, 0), planned) == date(2026, 11, 27)
    planned[date(2026, 11, 27)] = 2
    assert day_of(at(11, 25, 9, 0), planned) == date(2026, 11, 30)
    with pytest.raises(ValueError, match="budget"):
        day_of(NOON, budget=0)


def test_P2_staff_are_alerted_before_the_budget_is_used_up():
    assert not budget_needs_alert(159, daily_budget=200, percent=80)
    assert budget_needs_alert(160, daily_budget=200, percent=80)


def test_P2_the_letterhead_is_read_from_the_payers_lines():
    head = Letterhead.of(
        name="Northwind", postal_lines=["Northwind", "Dept 7", "PO Box 9", "Springfield, IL 62701-0009"],
        phone="800-555-0142", hours="", colour="#0b4f6c",
    )  # fmt: skip
    assert head.lines == ("Dept 7", "PO Box 9", "Springfield, IL 62701-0009")
    assert head.address == Address("PO BOX 9", "", "SPRINGFIELD", "IL", "62701-0009")
    for lines in ([], ["Springfield, IL 62701"], ["PO Box 9", "Springfield"]):
        with pytest.raises(ValueError, match="postal address"):
            Letterhead.of(name="Northwind", postal_lines=lines, phone="", hours="", colour="#0b4f6c")
