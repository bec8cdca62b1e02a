"""Business days against the federal holidays that the Office of Personnel Management has published."""

from datetime import date, timedelta

import pytest

from domain.calendar import (
    add_business_days,
    federal_holidays,
    is_business_day,
    is_federal_holiday,
    next_business_day,
)

PUBLISHED = {
    2025: "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25",
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24",
    2028: "2027-12-31 01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
}


@pytest.mark.parametrize("year", PUBLISHED)
def test_P9_holidays_are_the_published_ones(year):
    published = [date.fromisoformat(day if len(day) == 10 else f"{year}-{day}") for day in PUBLISHED[year].split()]
    assert list(federal_holidays(year)) == published
    assert all(is_federal_holiday(day) for day in published)


def test_P9_no_other_weekday_of_the_years_is_a_holiday():
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(4 * 365 + 1)]
    assert days[-1] == date(2028, 12, 31)
    kept = {day for year in PUBLISHED for day in federal_holidays(year)}
    assert {day for day in days if day.weekday() < 5 and not is_business_day(day)} == kept


def test_P9_new_year_of_a_saturday_is_kept_in_the_year_before():
    assert not is_business_day(date(2027, 12, 31))
    assert next_business_day(date(2027, 12, 31)) == date(2028, 1, 3)
    assert is_business_day(date(2026, 12, 31))


def test_P9_inauguration_day_is_a_business_day_and_juneteenth_is_not():
    # January 20, 2025 was both Inauguration Day and Martin Luther King's; in 2037 they differ.
    assert is_business_day(date(2037, 1, 20))
    assert not is_business_day(date(2026, 6, 19))
    assert is_business_day(date(2020, 6, 19))


def test_P9_five_business_days_over_thanksgiving():
    assert add_business_days(date(2026, 11, 23), 5) == date(2026, 12, 1)
    assert add_business_days(date(2026, 11, 28), 1) == date(2026, 11, 30)
    assert add_business_days(date(2026, 11, 28), 0) == date(2026, 11, 30)
    assert add_business_days(date(2026, 11, 30), 0) == date(2026, 11, 30)


def test_P9_business_days_are_not_counted_backwards():
    with pytest.raises(ValueError, match="forwards"):
        add_business_days(date(2026, 11, 23), -1)
