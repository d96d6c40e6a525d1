"""Decide whether a request from a frame may reach its view."""

from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.access.audiences import MACHINES, Audience
from portal.access.routing import READ_METHODS, Access, access_of
from portal.directory.embedding import EmbeddingGateway
from portal.directory.errors import NotFound
from portal.directory.frames import EmbedArea
from portal.directory.sessions import SessionEnded
from portal.web import errors
from portal.web.availability import available
from portal.web.frames import (
    AREA_PARAMETER,
    Place,
    embedding_of,
    forget_embed_session,
    frame_of,
    frame_token,
    is_frame_host,
    start_url,
)
from portal.web.pages import private, render_page, see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import referring_page

# Served on the host of frames to anyone: entry, logos and themes.
_PUBLIC = frozenset({"embed", "logos", "themes"})
_EMBED = "embed"


def embedding(request: PortalRequest) -> EmbeddingGateway:
    """Return the embedding of the organization. Raise NotAvailable if the directory has none."""
    return available(request.directory.embedding, "embedding")


def is_served_here(request: HttpRequest, access: Access) -> bool:
    """Say whether the URL belongs to the host that the request is for: that of the portal, or that of its frames."""
    namespace = request.resolver_match.namespace if request.resolver_match else ""
    if not is_frame_host(request):
        return namespace != _EMBED
    return access.allow not in MACHINES and (access.allow is not Audience.ANYONE or namespace in _PUBLIC)


def admit_frame(request: PortalRequest) -> HttpResponse | None:
    """Sign in by the embed session of the request. Return None to continue, or the page to show in the frame instead."""
    place = request.place
    namespace = request.resolver_match.namespace if request.resolver_match else ""
    if place is None:
        return errors.not_found(request)
    try:
        request.signed_in = embedding(request).authenticate(frame_token(request, place))
    except SessionEnded as ended:
        return _ended(request, place, ended)
    allowed = embedding_of(request.signed_in)
    request.frame_origins = embedding(request).origins().all
    request.frame = frame_of(request, place, embedding(request).idle_limit())
    if place.area not in allowed.areas or namespace not in {_EMBED, *EmbedArea}:
        return _outside(request)
    if request.method not in READ_METHODS and allowed.read_only and not _hands_out(request):
        return read_only(request)
    return None


def leave_frame(request: PortalRequest, access: Access) -> HttpResponse | None:
    """Lead to the portal itself for what isn't done in a frame (`route`). None at the portal, and for everything else."""
    if not (request.frame and access.top_level):
        return None
    is_page = "GET" in access.methods
    return at_top_level(
        request, request.path if is_page else referring_page(request, request.frame.slug) or request.path
    )


def at_top_level(request: PortalRequest, url: str) -> HttpResponse:
    """Redirect the frame to the page that leads to a page of the portal itself, for what isn't done in a frame."""
    place = request.place
    if place is None:
        raise ValueError("The request isn't one of a frame.")
    before = referring_page(request, place.slug)
    # A link on the page that isn't shown here would lead back to it forever.
    is_before = urlsplit(before).path not in {
        "",
        urlsplit(url).path,
        request.path,
        reverse("embed:continue", args=[place.slug]),
    }
    back = before if is_before else start_url(place.slug, place.area)
    query = urlencode({AREA_PARAMETER: place.area, "next": url, "back": back})
    target = f"{reverse('embed:continue', args=[place.slug])}?{query}"
    if request.htmx:
        return private(HttpResponse(status=204, headers={"HX-Redirect": target}))
    return see_other(target)


def read_only(request: PortalRequest) -> HttpResponse:
    """Return 403 for a change in a frame that only shows."""
    return _page_in_frame(
        request,
        title="You can only read here",
        detail="The page around this frame lets you see the portal, but not change anything.",
        status=HTTPStatus.FORBIDDEN,
    )


def _hands_out(request: PortalRequest) -> bool:
    """Say whether the form only returns data, as exports do."""
    access = access_of(request.resolver_match.func) if request.resolver_match else None
    return access is not None and access.hands_out


def _outside(request: PortalRequest) -> HttpResponse:
    """Return a page that leads to one that this frame doesn't open."""
    if request.method not in READ_METHODS:
        return errors.not_found(request)
    return _page_in_frame(
        request,
        title="This page isn’t part of this frame",
        detail="Open it in the portal itself. You may have to sign in there.",
        status=HTTPStatus.NOT_FOUND,
        link=settings.PUBLIC_URL + request.get_full_path(),
    )


def _ended(request: PortalRequest, place: Place, ended: SessionEnded) -> HttpResponse:
    if ended.parent_origin:
        request.frame_origins = _origins_after(request, ended.parent_origin)
    response = _page_in_frame(
        request,
        title="Your session has ended",
        detail="Reload the page around this frame to continue.",
        status=HTTPStatus.UNAUTHORIZED,
        parent_origin=ended.parent_origin,
    )
    if not request.htmx:
        # A fragment loads its page next, which needs the cookie to tell the page around it.
        forget_embed_session(response, place.slug, (place.area,))
    return response


def _origins_after(request: PortalRequest, parent_origin: str) -> tuple[str, ...]:
    """Return who may frame the page of an ended session, even if its organization was deleted or has another slug by now."""
    try:
        return embedding(request).origins().all
    except NotFound:
        return (parent_origin,)


def _page_in_frame(  # noqa: PLR0913 -- the parts of a page
    request: PortalRequest, *, title: str, detail: str, status: HTTPStatus, link: str = "", parent_origin: str = ""
) -> HttpResponse:
    context = {"title": title, "detail": detail, "status": int(status), "link": link, "parent_origin": parent_origin}
    return render_page(request, "embed/stopped.html", context, fragments=["notice"], status=status)
