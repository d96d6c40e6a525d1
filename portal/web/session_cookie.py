"""Session cookies: one per organization, so that two organizations can be open in two tabs."""

import re
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal.access.routing import READ_METHODS
from portal.directory.sessions import SignedIn

_PREFIX = "session-"
# Our own URLs are escaped (RFC 3986). A line break or a NUL would be an error in a header.
_ADDRESS = re.compile(r"[!-~]+")
_COOKIE_OUTLIVES = timedelta(days=1)
# The slugs that URLs and cookie names accept.
SLUG: Final = re.compile(r"[A-Za-z0-9._~-]{2,128}")


def cookie_name(organization_slug: str) -> str:
    """Return the name of the cookie that holds a session of this organization."""
    return f"{settings.COOKIE_PREFIX}{_PREFIX}{organization_slug}"


def session_token(request: HttpRequest, organization_slug: str) -> str:
    """Return the browser's session token for this organization, or ""."""
    token = request.COOKIES.get(cookie_name(organization_slug), "")
    if not token and settings.DIRECTORY == "stytch":
        # A product that signs in its members with Stytch itself stores their session here.
        token = request.COOKIES.get(settings.STYTCH_SESSION_COOKIE, "")
    return token


def open_organizations(request: HttpRequest) -> tuple[str, ...]:
    """Return the slugs of the organizations that this browser has a session cookie for, valid or not."""
    prefix = f"{settings.COOKIE_PREFIX}{_PREFIX}"
    # Other applications on the host can set cookies with any name.
    slugs = (name.removeprefix(prefix) for name in request.COOKIES if name.startswith(prefix))
    return tuple(sorted(slug for slug in slugs if SLUG.fullmatch(slug)))


def keep_session(response: HttpResponse, signed_in: SignedIn) -> None:
    """Set the session cookie. It outlives the session, so that the portal can say that the session ended."""
    response.set_cookie(
        cookie_name(signed_in.organization.organization_slug),
        signed_in.session_token,
        expires=signed_in.session.expires_at + _COOKIE_OUTLIVES,
        path="/",
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def forget_session(response: HttpResponse, organization_slug: str) -> None:
    """Remove the session's cookie."""
    delete_cookie(response, cookie_name(organization_slug))


def delete_cookie(response: HttpResponse, name: str) -> None:
    """Delete one of our cookies from the browser."""
    response.delete_cookie(name, path="/", samesite="Lax")
    if settings.IS_HTTPS:
        # A browser ignores a `__Host-` cookie without Secure, even to delete it.
        response.cookies[name]["secure"] = True


def sign_in_url(request: HttpRequest, organization_slug: str) -> str:
    """Return the URL to sign in to this organization and return to the current page."""
    page = page_at_hand(request, organization_slug)
    url = reverse("session:sign-in", args=[organization_slug])
    return f"{url}?{urlencode({'next': page})}" if page else url


def page_at_hand(request: HttpRequest, organization_slug: str) -> str:
    """Return the path of the organization's page that the request came from; for a form or fragment, the page it's on."""
    if request.headers.get("HX-Request"):
        page = _path_of(request.headers.get("HX-Current-URL", ""))
    elif request.method in READ_METHODS:
        page = request.get_full_path()
    else:
        return referring_page(request, organization_slug)
    return page if is_page_of(page, organization_slug) else ""


def referring_page(request: HttpRequest, organization_slug: str) -> str:
    """Return the path of the organization's page with the link or form that led here, "" for other pages."""
    page = _path_of(request.headers.get("Referer", ""), host=request.get_host())
    return page if is_page_of(page, organization_slug) else ""


def _path_of(url: str, *, host: str = "") -> str:
    """Return the path and query of a URL sent by the browser, or "" if it's invalid or of another host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if host and parts.netloc != host:
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


def is_page_of(url: str, organization_slug: str) -> bool:
    """Say whether an untrusted path is a page of this organization."""
    is_address = _ADDRESS.fullmatch(url) is not None
    is_of_organization = url.startswith(f"/o/{organization_slug}/")
    return is_address and is_of_organization and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
