"""The preferences of the member who is signed in: from the directory, or from a cookie if it can't store them."""

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone

from portal.directory.errors import Invalid
from portal.directory.preferences import Preferences, Theme, zone
from portal.web.request import PortalRequest
from portal.web.times import browser_zone

_SECONDS = 60 * 60 * 24 * 365


def preferences_of(request: PortalRequest) -> Preferences:
    """Return the preferences of the member who is signed in."""
    if request.directory.preferences is not None:
        return request.signed_in.member.preferences
    theme, _, time_zone = request.COOKIES.get(_cookie(), "").partition("|")
    return Preferences(time_zone if zone(time_zone) else "", Theme(theme) if theme in set(Theme) else Theme.SYSTEM)


def store_preferences(request: PortalRequest, preferences: Preferences, response: HttpResponse) -> None:
    """Store the preferences in the directory, or in a cookie of the response. Raise Invalid for an unknown time zone."""
    if request.directory.preferences is not None:
        request.directory.preferences.change(preferences)
        return
    if preferences.time_zone and zone(preferences.time_zone) is None:
        raise Invalid("Choose a time zone from the list.", field="time_zone")
    response.set_cookie(
        _cookie(),
        f"{preferences.theme}|{preferences.time_zone}",
        max_age=_SECONDS,
        path="/",
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def activate_time_zone(request: PortalRequest) -> None:
    """Show times in the member's zone from now on. The middleware ReaderTimeZone ends that with the request."""
    timezone.activate(zone(preferences_of(request).time_zone) or browser_zone(request))


def _cookie() -> str:
    return f"{settings.COOKIE_PREFIX}preferences"
