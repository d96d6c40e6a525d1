"""Times in emails. They are in UTC, because an email doesn't know its reader's zone."""

from datetime import datetime, timedelta

_UNITS = (("day", 24 * 60), ("hour", 60), ("minute", 1))


def timestamp(at: datetime) -> str:
    """Return a time such as "29 Nov 2026, 08:41 UTC"."""
    return f"{at:%-d %b %Y, %H:%M} UTC"


def duration(time: timedelta) -> str:
    """Return how long something takes, in the largest unit that it is a multiple of."""
    minutes = round(time / timedelta(minutes=1))
    for unit, length in _UNITS:
        if minutes >= length and minutes % length == 0:
            number = minutes // length
            return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    return "less than a minute"
