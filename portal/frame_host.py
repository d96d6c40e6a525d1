"""The middleware of the host that serves frames: cookies that browsers accept there, and the pages that may frame it."""

from collections.abc import Callable, Container
from http import HTTPStatus
from http.cookies import Morsel
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.directories import directories
from portal.directory.configuration import ProjectConfiguration
from portal.directory.errors import DirectoryError
from portal.outages import UNAVAILABLE
from portal.serving.threads import is_admitted
from portal.web import errors
from portal.web.frame_gate import admit_frame
from portal.web.frames import csrf_secret, frame_token, is_frame_host, place_of
from portal.web.request import PortalRequest

_NOBODY = "frame-ancestors 'none'"


class _Partitioned(Morsel[str]):
    """A cookie that a browser keeps apart for each site around the frame (CHIPS), and therefore accepts.

    Django's set_cookie() has no such argument yet, and Python's cookies know the attribute only from 3.14 on.
    """

    def OutputString(self, attrs: Container[str] | None = None) -> str:  # noqa: N802 -- Python's name
        text = super().OutputString(attrs)
        return text if "; Partitioned" in text else f"{text}; Partitioned"


class FrameHost:
    """Give requests to the host of frames their place, and their responses the headers of a frame."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, and let exactly `frame_origins` frame its response."""
        if not is_frame_host(request):
            return self.get_response(request)
        portal_request = cast("PortalRequest", request)
        portal_request.place = place_of(request)
        # No cookie of another kind counts here, and the CSRF secret comes from the session.
        request.COOKIES.pop(settings.CSRF_COOKIE_NAME, None)
        token = frame_token(request, portal_request.place) if portal_request.place else ""
        if token:
            request.COOKIES[settings.CSRF_COOKIE_NAME] = csrf_secret(token)
        response = self.get_response(request)
        _partition_cookies(response)
        _allow_frames(response, portal_request.frame_origins or _origins_of(portal_request, token, response))
        return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Django's handler404. In a frame, it says so as a page of the frame, which the page around it hears of."""
    portal_request = cast("PortalRequest", request)
    if portal_request.place is None or not _may_query(request):
        return errors.not_found(request, exception)
    portal_request.directories = directories()
    portal_request.directory = portal_request.directories.open(portal_request.place.slug, portal_request.origin)
    try:
        return admit_frame(portal_request) or errors.not_found(request, exception)
    except (DirectoryError, *UNAVAILABLE):  # type: ignore[misc]  # -- as below
        return errors.not_found(request, exception)


def _may_query(request: HttpRequest) -> bool:
    """Say whether the database may be asked. Not during maintenance, and not without a slot, whose connection it would use."""
    return is_admitted(request) and not settings.MAINTENANCE


def _origins_of(request: PortalRequest, token: str, response: HttpResponseBase) -> tuple[str, ...]:
    """Return who may frame an error that came before the gate: a form without its token, or too many requests."""
    if not (token and request.place and response.status_code >= HTTPStatus.BAD_REQUEST):
        return ()
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE or not _may_query(request):
        # The page says nothing about anyone, and these origins hold for every organization.
        project: ProjectConfiguration = settings.PROJECT
        return project.embed.origins
    try:
        embedding = directories().open(request.place.slug, request.origin).embedding
        if embedding is None:
            return ()
        embedding.authenticate(token)
        return embedding.origins().all
    except (DirectoryError, *UNAVAILABLE):  # type: ignore[misc]  # -- mypy does not unpack the tuple
        return ()


def _partition_cookies(response: HttpResponseBase) -> None:
    response.cookies.pop(settings.CSRF_COOKIE_NAME, None)
    for name, cookie in list(response.cookies.items()):
        partitioned = _Partitioned()
        partitioned.set(name, cookie.value, cookie.coded_value)
        partitioned.update({**cookie, "secure": True, "samesite": "None"})
        response.cookies[name] = partitioned


def _allow_frames(response: HttpResponseBase, origins: tuple[str, ...]) -> None:
    policy = response.headers.get("Content-Security-Policy", "")
    if not origins or _NOBODY not in policy:
        return
    # Every page around the frame must have one of these origins, not only the next one.
    response.headers["Content-Security-Policy"] = policy.replace(_NOBODY, f"frame-ancestors {' '.join(origins)}")
    del response.headers["X-Frame-Options"]
