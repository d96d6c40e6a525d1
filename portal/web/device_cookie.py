"""Cookies of remembered devices: one per organization, named by its ID, which a new slug doesn't change."""

import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.directory.remembered_devices import NewDevice
from portal.web.session_cookie import delete_cookie

_PREFIX = "device-"
_ORGANIZATION = re.compile(r"organization-[a-z]+-[0-9a-f-]{36}")
# A browser that is remembered by more organizations than this forgets the others. Servers limit the size of headers.
MAX_COOKIES = 20
_MAX_TOKEN = 100


def device_tokens(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """Return the tokens of remembered devices that the browser sent, with their organizations' IDs."""
    found = ((name.removeprefix(_prefix()), request.COOKIES[name]) for name in _names(request))
    return tuple((of, token) for of, token in found if len(token) <= _MAX_TOKEN)


def keep_device(request: HttpRequest, response: HttpResponse, organization_id: str, device: NewDevice) -> None:
    """Set the cookie. It lasts as long as the device is remembered."""
    name = f"{_prefix()}{organization_id}"
    response.set_cookie(
        name,
        device.token,
        expires=device.expires_at,
        path="/",
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    others = [one for one in _names(request, maximum=None) if one != name]
    for surplus in others[MAX_COOKIES - 1 :]:
        delete_cookie(response, surplus)


def _prefix() -> str:
    return f"{settings.COOKIE_PREFIX}{_PREFIX}"


def _names(request: HttpRequest, *, maximum: int | None = MAX_COOKIES) -> list[str]:
    prefix = _prefix()
    # Other applications on the host can set cookies with any name.
    names = [one for one in request.COOKIES if one.startswith(prefix)]
    return sorted(one for one in names if _ORGANIZATION.fullmatch(one.removeprefix(prefix)))[:maximum]
