"""Moments and days in words, the same on pages, in mails and in messages: the American way, in the payer's time zone."""

from datetime import date, datetime, tzinfo


def moment_in_words(moment: datetime, zone: tzinfo) -> str:
    """“November 23, 2026, 3:45 PM CST”. `moment` must carry a time zone."""
    local = moment.astimezone(zone)
    return f"{day_in_words(local)}, {clock_in_words(local)}"


def clock_in_words(local: datetime) -> str:
    """“3:45 PM CST”, in the zone that `local` carries."""
    return f"{local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'} {local.tzname()}"


def day_in_words(day: date) -> str:
    """“November 23, 2026”."""
    return f"{day:%B} {day.day}, {day.year}"
