"""Business days: Monday to Friday without the federal holidays of the United States, computed for any year.

Letters are mailed and objection windows are counted on these days. The rules are 5 U.S.C. 6103 with the
observance of Executive Order 11582: a holiday on a Saturday is kept on the Friday before, one on a Sunday
on the Monday after. Inauguration Day is not among them: it frees federal offices of one region only, and
mail is delivered elsewhere.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

_MONDAY: Final = 0
_THURSDAY: Final = 3
_SATURDAY: Final = 5

_DAY: Final = timedelta(days=1)


def federal_holidays(year: int) -> Mapping[date, str]:
    """The days kept as federal holidays whose holiday belongs to this year, with their names.

    New Year's Day that falls on a Saturday is kept on December 31 of the year before and appears with that
    date under the year it begins.
    """
    fixed = [
        (date(year, 1, 1), "New Year's Day"),
        (date(year, 7, 4), "Independence Day"),
        (date(year, 11, 11), "Veterans Day"),
        (date(year, 12, 25), "Christmas Day"),
    ]
    if year >= 2021:
        fixed.append((date(year, 6, 19), "Juneteenth National Independence Day"))
    days = {_observed(day): name for day, name in fixed}
    days[_nth(year, 1, _MONDAY, 3)] = "Birthday of Martin Luther King, Jr."
    days[_nth(year, 2, _MONDAY, 3)] = "Washington's Birthday"
    days[_last_monday_of_may(year)] = "Memorial Day"
    days[_nth(year, 9, _MONDAY, 1)] = "Labor Day"
    days[_nth(year, 10, _MONDAY, 2)] = "Columbus Day"
    days[_nth(year, 11, _THURSDAY, 4)] = "Thanksgiving Day"
    return dict(sorted(days.items()))


def is_federal_holiday(day: date) -> bool:
    """Whether a federal holiday is kept on this day."""
    # December 31 may keep the New Year's Day of the year after.
    return day in federal_holidays(day.year) or (
        (day.month, day.day) == (12, 31) and day in federal_holidays(day.year + 1)
    )


def is_business_day(day: date) -> bool:
    """Whether this is a Monday to Friday on which no federal holiday is kept."""
    return day.weekday() < _SATURDAY and not is_federal_holiday(day)


def next_business_day(day: date) -> date:
    """The day itself if it is a business day, otherwise the first one after it."""
    while not is_business_day(day):
        day += _DAY
    return day


def add_business_days(day: date, count: int) -> date:
    """The business day that comes `count` business days after `day`, which itself is never counted.

    With 0 it is `next_business_day(day)`. Raises ValueError for a negative count.
    """
    if count < 0:
        raise ValueError("business days are counted forwards")
    if count == 0:
        return next_business_day(day)
    for _ in range(count):
        day = next_business_day(day + _DAY)
    return day


def _observed(day: date) -> date:
    match day.weekday():
        case 5:
            return day - _DAY
        case 6:
            return day + _DAY
        case _:
            return day


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())
