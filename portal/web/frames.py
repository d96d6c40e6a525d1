"""The portal in a frame of a product's page: its host, its cookies and what its pages say about themselves (docs/embed.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from portal.directory.frames import EmbedArea, Embedding
from portal.directory.sessions import SignedIn
from portal.web.request import PortalRequest
from portal.web.session_cookie import SLUG, delete_cookie

# Browsers accept this prefix only over https and on localhost, where frames are served.
_COOKIE = "__Host-embed-"
_COOKIE_OUTLIVES = timedelta(days=1)
# Of other organizations in one browser. Servers reject requests with more than about 8 KB of cookies.
_MAX_COOKIES = 40
_PLACE = re.compile(r"/o/([^/]+)/(?:([a-z-]+)/)?")
_CSRF_SECRET_LENGTH = 32  # Django's
AREA_LABELS: Final[Mapping[EmbedArea, str]] = {
    EmbedArea.HOME: "Home",
    EmbedArea.MEMBERS: "Members",
    EmbedArea.SCIM: "SCIM",
    EmbedArea.SETTINGS: "Settings",
    EmbedArea.ACTIVITY: "Activity",
}
# The page that each area starts with.
_START: dict[EmbedArea, str] = {
    EmbedArea.HOME: "home:home",
    EmbedArea.MEMBERS: "members:members",
    EmbedArea.SCIM: "scim:connection",
    EmbedArea.SETTINGS: "settings:general",
    EmbedArea.ACTIVITY: "activity:activity",
}
AREA_PARAMETER: Final = "area"


@dataclass(frozen=True, slots=True)
class Place:
    """The organization and the area of a page in a frame."""

    slug: str
    area: EmbedArea


@dataclass(frozen=True, slots=True)
class AreaTab:
    """A tab of a frame with several areas."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page in a frame says about itself, for the script that talks to the page around it (static/js/embedded.js)."""

    slug: str
    parent_origin: str
    area: EmbedArea
    areas: tuple[EmbedArea, ...]
    tabs: tuple[AreaTab, ...]
    root: str
    path: str
    # Seconds until the session ends, and until it ends if it isn't used.
    ends_in: int
    idle_seconds: int
    session_url: str
    # The portal itself, for links that leave the frame.
    portal_url: str
    read_only: bool
    color_scheme: str

    @property
    def label(self) -> str:
        """The name of the area."""
        return AREA_LABELS[self.area]

    @property
    def home_url(self) -> str:
        """The first page of the frame's first area."""
        return self.tabs[0].url


def is_frame_host(request: HttpRequest) -> bool:
    """Say whether a request is to the host that serves frames."""
    if not settings.EMBED_URL:
        return False
    # As ALLOWED_HOSTS compares them: in lower case, without the port and the dot at the end. "" if it isn't valid.
    host, _ = split_domain_port(str(request.META.get("HTTP_HOST", "")))
    return host == split_domain_port(urlsplit(settings.EMBED_URL).netloc)[0]


def place_of(request: HttpRequest) -> Place | None:
    """Return the organization and the area that a request's URL names. None for other URLs.

    The pages of an organization that belong to no area count as those of HOME; no frame opens them.
    """
    found = _PLACE.match(request.path_info)
    if found is None or not SLUG.fullmatch(found[1]):
        return None
    named = request.GET.get(AREA_PARAMETER, "") if found[2] == "embed" else found[2]
    return Place(found[1], EmbedArea(named) if named in set(EmbedArea) else EmbedArea.HOME)


def frame_token(request: HttpRequest, place: Place) -> str:
    """Return the token of the embed session for an area of an organization, or "".

    Without one for the area, the token of another area, which knows the page around the frame.
    """
    token = request.COOKIES.get(cookie_name(place.slug, place.area), "")
    others = (request.COOKIES.get(cookie_name(place.slug, area), "") for area in EmbedArea)
    return token or next(filter(None, others), "")


def cookie_name(slug: str, area: EmbedArea) -> str:
    """Return the name of the cookie that holds an embed session.

    Each area has its own, so that a frame of another area in another tab keeps the session that opened it.
    """
    return f"{_COOKIE}{slug}-{area}"


def keep_embed_session(response: HttpResponse, signed_in: SignedIn) -> None:
    """Set the cookies of an embed session. They outlive it, so that the frame can say that it ended."""
    embedding = embedding_of(signed_in)
    for area in embedding.areas:
        response.set_cookie(
            cookie_name(signed_in.organization.organization_slug, area),
            signed_in.session_token,
            expires=signed_in.session.expires_at + _COOKIE_OUTLIVES,
            path="/",
            secure=True,
            httponly=True,
            samesite="None",
        )


def forget_oldest_sessions(request: HttpRequest, response: HttpResponse) -> None:
    """Remove the oldest cookies of embed sessions if a browser has many, except those that the response sets."""
    # Browsers send the oldest first. Other applications on the host can set cookies with any name.
    names = [one for one in request.COOKIES if one.startswith(_COOKIE) and SLUG.fullmatch(one.removeprefix(_COOKIE))]
    kept = [one for one in names if one not in response.cookies]
    for name in kept[: max(0, len(kept) - _MAX_COOKIES)]:
        delete_cookie(response, name)


def forget_embed_session(response: HttpResponse, slug: str, areas: tuple[EmbedArea, ...]) -> None:
    """Remove the cookies of an embed session."""
    for area in areas:
        delete_cookie(response, cookie_name(slug, area))


def csrf_secret(session_token: str) -> str:
    """Return the CSRF secret of an embed session.

    It follows from the session, so frames need no CSRF cookie, for which two frames that load at once would compete.
    """
    return salted_hmac("portal.web.frames.csrf", session_token, algorithm="sha256").hexdigest()[:_CSRF_SECRET_LENGTH]


def embedding_of(signed_in: SignedIn) -> Embedding:
    """Return what the ticket of an embed session allows. Raise ValueError for any other session."""
    if signed_in.session.embedding is None:
        raise ValueError("The session isn't one of a frame.")
    return signed_in.session.embedding


def frame_of(request: PortalRequest, place: Place, idle_limit: timedelta) -> Frame:
    """Return what the page of a request in a frame says about itself."""
    signed_in, slug = request.signed_in, place.slug
    embedding, root = embedding_of(signed_in), f"/o/{slug}/"
    path = request.get_full_path()
    return Frame(
        slug=slug,
        parent_origin=embedding.parent_origin,
        area=place.area,
        areas=embedding.areas,
        tabs=tuple(AreaTab(AREA_LABELS[area], start_url(slug, area), area == place.area) for area in embedding.areas),
        root=root,
        path=path.removeprefix(root),
        ends_in=max(0, int((signed_in.session.expires_at - timezone.now()).total_seconds())),
        idle_seconds=int(idle_limit.total_seconds()),
        session_url=f"{reverse('embed:session', args=[slug])}?{urlencode({AREA_PARAMETER: place.area})}",
        portal_url=settings.PUBLIC_URL,
        read_only=embedding.read_only,
        color_scheme=embedding.color_scheme,
    )


def start_url(slug: str, area: EmbedArea) -> str:
    """Return the page that an area starts with."""
    return reverse(_START[area], args=[slug])


def first_url(signed_in: SignedIn) -> str:
    """Return the page that a ticket opens."""
    embedding, slug = embedding_of(signed_in), signed_in.organization.organization_slug
    return f"/o/{slug}/{embedding.path}" if embedding.path else start_url(slug, embedding.areas[0])
