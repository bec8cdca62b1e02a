"""When it's too late to object, and which states may follow which (P9, I1)."""

from datetime import datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from domain.departure import LEGAL, IllegalTransition, State, last_day, objection_deadline, require_legal

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("told", "last"),
    [
        ("2026-11-23T15:00-06:00", "December 1, 2026"),  # Thanksgiving is no business day
        ("2026-06-12T09:00-05:00", "June 22, 2026"),  # Juneteenth, and two weekends
        ("2026-12-24T09:00-06:00", "January 4, 2027"),  # Christmas and New Year
        ("2026-08-01T12:00-05:00", "August 7, 2026"),  # told on a Saturday
        ("2026-08-03T23:59:59-05:00", "August 10, 2026"),
        ("2026-08-04T00:00-05:00", "August 11, 2026"),
        ("2026-03-02T09:00-06:00", "March 9, 2026"),  # the clocks change on March 8
    ],
)
def test_P9_five_business_days_to_object_with_holidays(told: str, last: str):
    deadline = objection_deadline(datetime.fromisoformat(told).astimezone(CHICAGO), business_days=5)
    assert last_day(deadline) == last
    assert (deadline.hour, deadline.minute, deadline.second) == (0, 0, 0)


def test_P9_the_day_of_the_notice_does_not_count():
    monday = datetime(2026, 8, 3, 8, tzinfo=CHICAGO)
    whole = [objection_deadline(monday + timedelta(hours=hours), business_days=1) for hours in (0, 8, 15)]
    assert len(set(whole)) == 1
    assert whole[0] - monday >= timedelta(days=1)


def test_I1_a_final_state_never_changes():
    finals = {State.CONFIRMED, State.KEPT, State.WITHDRAWN}
    assert {state for state in State if state.is_final} == finals
    for before, after in product(State, State):
        if after is before or after in LEGAL[before]:
            require_legal(before, after)
        else:
            with pytest.raises(IllegalTransition):
                require_legal(before, after)
    assert State.KEPT not in LEGAL[State.OPEN]  # only staff keep, and only what was contested
