"""Times as pages write them, in the time zone of the reader."""

from datetime import UTC, datetime, timedelta, tzinfo

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

from portal.directory.preferences import zone

# The browser's own time zone, which static/js/portal.js stores. It isn't a secret, and anything else in it is ignored.
BROWSER_ZONE_COOKIE = "browser-time-zone"
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_IN_DAYS = timedelta(days=60)
_UNITS = (("day", 1440), ("hour", 60), ("minute", 1))


def browser_zone_name(request: HttpRequest) -> str:
    """Return the name of the browser's time zone, "" if it isn't known."""
    name = request.COOKIES.get(BROWSER_ZONE_COOKIE, "")
    return name if zone(name) else ""


def browser_zone(request: HttpRequest) -> tzinfo:
    """Return the browser's time zone, UTC if it isn't known."""
    return zone(browser_zone_name(request)) or UTC


def exact(timestamp: datetime, *, seconds: bool = False) -> str:
    """Return a timestamp as "29 Nov 2026, 08:58 UTC", in the reader's time zone."""
    local = localized(timestamp)
    return f"{local:%-d %b %Y, %H:%M}{f':{local:%S}' if seconds else ''} {zone_label(local)}"


def relative(timestamp: datetime) -> str:
    """Return a timestamp as "2 minutes ago" up to a day, then "yesterday at 16:05 UTC", then its date; "in 23 days" for the future."""
    now = timezone.now()
    distance = timestamp - now
    if abs(distance) < _MINUTE:
        return "just now" if distance <= timedelta() else "in less than a minute"
    if distance > timedelta():
        return _until(timestamp, distance)
    if -distance < _DAY:
        return f"{timesince(timestamp, now, depth=1)} ago"
    local = localized(timestamp)
    if local.date() == timezone.localdate() - _DAY:
        return f"yesterday at {local:%H:%M} {zone_label(local)}"
    return f"{local:%-d %b %Y}"


def _until(timestamp: datetime, distance: timedelta) -> str:
    """Return a future time. Rounded: what was created a moment ago, for seven days, ends in seven days."""
    if distance > _IN_DAYS:
        return f"in {timeuntil(timestamp, timestamp - distance, depth=1)}"
    unit = next((one for one in (_DAY, _HOUR) if distance > one), _MINUTE)
    return f"in {duration_text(round(distance / unit) * (unit // _MINUTE))}"


def duration_text(minutes: int) -> str:
    """Return a number of minutes in the largest unit that it is a multiple of: "7 days", "1 hour", "90 minutes"."""
    unit, size = next(one for one in _UNITS if minutes % one[1] == 0)
    number = minutes // size
    return f"{number} {unit}{'s' * (number != 1)}"


def short(timestamp: datetime) -> str:
    """Return a timestamp as few words: "48 min ago", "yesterday", "in 11 months"."""
    return relative(timestamp).partition(" at ")[0].replace("minutes", "min").replace("minute", "min")


def is_distant(timestamp: datetime) -> bool:
    """Say whether `relative()` says no more than `exact()`."""
    return timestamp <= timezone.now() - _DAY


def localized(timestamp: datetime) -> datetime:
    """Return a timestamp in the reader's time zone; as it is at the end of the calendar, which another zone leaves."""
    try:
        return timezone.localtime(timestamp)
    except OverflowError:
        return timestamp


def zone_label(local: datetime) -> str:
    """Return the abbreviation of a local time's zone, such as "CET", or its offset, such as "UTC+04", if it has none."""
    name = local.tzname() or settings.TIME_ZONE
    return f"UTC{name}" if name[0] in "+-" else name
