"""Entry into a frame by a ticket, renewal of its session, and the way to the portal itself (docs/embed.md)."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from portal.directory.embedding import TicketRejected
from portal.directory.errors import NotFound
from portal.directory.frames import EmbedArea
from portal.directory.sessions import SessionEnded, SignedIn
from portal.web.frame_gate import embedding
from portal.web.frames import (
    AREA_PARAMETER,
    cookie_name,
    embedding_of,
    first_url,
    forget_embed_session,
    forget_oldest_sessions,
    frame_token,
    keep_embed_session,
)
from portal.web.pages import private, render_page, see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import is_page_of

_NO_FRAME = "This page opens only in a frame of your product’s page."
_MAX_WAIT = timedelta(hours=1)  # for which a frame looks whether the member has finished at the portal itself


@csrf_exempt  # sent by the product's page, whose origin the ticket names
def enter(request: PortalRequest) -> HttpResponse:
    """Start the session of a ticket that the page around the frame submitted, and check that the browser keeps its cookies."""
    if request.method != "POST":
        # A ticket in a URL would be in histories and logs, so it isn't even read.
        return _rejected(request, "Tickets are submitted as a form, not in a link. Open this page from your product.")
    if not _is_into_frame(request):
        return _rejected(request, _NO_FRAME)
    origin = request.headers.get("Origin", "")
    try:
        signed_in = _entered(request, origin)
    except (TicketRejected, NotFound) as error:
        return _rejected(request, _reason(origin) or error.detail, origin)
    request.frame_origins = embedding(request).origins().all
    # 307 keeps the ticket in the form, for the tab that is offered if the cookies don't come back.
    url, query = reverse("embed:opened", args=[_slug(request)]), {AREA_PARAMETER: embedding_of(signed_in).areas[0]}
    response = HttpResponse(status=307, headers={"Location": f"{url}?{urlencode(query)}"})
    keep_embed_session(response, signed_in)
    forget_embed_session(response, _slug(request), _areas_of_others(request, signed_in))
    forget_oldest_sessions(request, response)
    return private(response)


@csrf_exempt  # the second step of the same
def opened(request: PortalRequest) -> HttpResponse:
    """Go to the first page of the frame. If the browser blocks the cookies, offer a tab of its own."""
    signed_in = _session_of_cookie(request)
    if signed_in is not None:
        request.frame_origins = embedding(request).origins().all
        return see_other(first_url(signed_in))
    origin, slug = request.headers.get("Origin", ""), _slug(request)
    request.frame_origins = _own_origin(request, origin)
    if not (request.frame_origins and _is_into_frame(request)):
        # Who sent the ticket here would choose in which account the other person works.
        return _rejected(request, _NO_FRAME)
    context = {
        "ticket": _ticket(request),
        "tab_url": reverse("embed:tab", args=[slug]),
        "problem": "cookies-blocked",
        "parent_origin": origin,
    }
    return render_page(request, "embed/cookies_blocked.html", context)


@csrf_exempt  # the ticket is the proof, because the browser kept no cookie
def enter_in_tab(request: PortalRequest) -> HttpResponse:
    """Open the frame's page in a tab of its own, for a browser that blocks the cookies of the frame."""
    if request.headers.get("Origin", "") != settings.EMBED_URL:
        return _rejected(request, "This page opens only from a frame.")
    try:
        signed_in = embedding(request).enter_in_tab(_ticket(request))
    except (TicketRejected, NotFound) as error:
        return _rejected(request, error.detail)
    response = see_other(first_url(signed_in))
    keep_embed_session(response, signed_in)
    return response


@csrf_exempt  # as in `enter`
def renew(request: PortalRequest) -> HttpResponse:
    """Prolong a session of a frame by another ticket.

    204, so that the frame into which the form was submitted keeps its page. The frame then asks for its session.
    """
    if not _is_into_frame(request):
        return _rejected(request, _NO_FRAME)
    origin, reason = request.headers.get("Origin", ""), "This frame has no session to renew."
    for token in _tokens(request):
        try:
            signed_in = embedding(request).renew(_ticket(request), parent_origin=origin, session_token=token)
        except (TicketRejected, SessionEnded, NotFound) as error:
            reason = error.detail
            continue
        response = private(HttpResponse(status=HTTPStatus.NO_CONTENT))
        keep_embed_session(response, signed_in)
        return response
    return _rejected(request, reason, origin)


def session(request: PortalRequest) -> HttpResponse:
    """Return for how many seconds the session is valid, and for how many if it isn't used."""
    frame = request.frame
    return private(JsonResponse({"ends_in": frame.ends_in, "idle_ends_in": frame.idle_seconds} if frame else {}))


def at_portal(request: PortalRequest) -> HttpResponse:
    """Lead to a page of the portal itself, in a new tab, and continue in the frame when the member did something there."""
    slug = request.signed_in.organization.organization_slug
    onward, back = (_page_of(request.GET.get(name, ""), slug) for name in ("next", "back"))
    home = request.frame.home_url if request.frame else ""
    since = _since(request.GET.get("since", ""))
    is_done = since is not None and embedding(request).has_acted_since(since)
    waited = since is not None and timezone.now() - since > _MAX_WAIT
    query = {**request.GET.dict(), "since": f"{(since or timezone.now()).timestamp():.3f}"}
    context = {
        "portal_url": settings.PUBLIC_URL + (onward or home),
        "back_url": back or home,
        "poll_url": "" if is_done or waited else f"{request.path}?{urlencode(query)}",
        "is_done": is_done,
        "step_up_path": onward.removeprefix(f"/o/{slug}/"),
    }
    return render_page(request, "embed/continue.html", context, fragments=["continue-state"])


def _entered(request: PortalRequest, origin: str) -> SignedIn:
    """Use the ticket. A second tab of the same page continues the session of the first, so that the forms of both work."""
    return embedding(request).enter(_ticket(request), parent_origin=origin, session_tokens=_tokens(request))


def _areas_of_others(request: PortalRequest, signed_in: SignedIn) -> tuple[EmbedArea, ...]:
    """Return the areas in which the browser has a session of another member, so that a frame never shows both."""
    found = []
    for area in set(EmbedArea) - set(embedding_of(signed_in).areas):
        token = request.COOKIES.get(cookie_name(_slug(request), area), "")
        if not token or token == signed_in.session_token:
            continue
        try:
            other = embedding(request).authenticate(token)
        except SessionEnded:
            continue
        if other.member.member_id != signed_in.member.member_id:
            found.append(area)
    return tuple(found)


def _tokens(request: PortalRequest) -> tuple[str, ...]:
    """Return the tokens of the embed sessions that the browser has in this organization."""
    cookies = (request.COOKIES.get(cookie_name(_slug(request), area), "") for area in EmbedArea)
    return tuple(dict.fromkeys(filter(None, cookies)))


def _rejected(request: PortalRequest, detail: str, origin: str = "") -> HttpResponse:
    """Return 401. Only a page that may embed the portal sees the reason in its frame."""
    request.frame_origins = _own_origin(request, origin)
    context = {
        "title": "This page didn’t open",
        "detail": detail,
        "status": int(HTTPStatus.UNAUTHORIZED),
        "problem": "ticket-rejected",
        "parent_origin": origin if request.frame_origins else "",
    }
    return render_page(request, "embed/stopped.html", context, status=HTTPStatus.UNAUTHORIZED)


def _reason(origin: str) -> str:
    if origin in {"", "null"}:
        return (
            "Your browser didn’t say which page this frame is in. That page needs another Referrer-Policy than "
            "“no-referrer”, and no sandbox that hides its origin."
        )
    return ""


def _own_origin(request: PortalRequest, origin: str) -> tuple[str, ...]:
    """Return the origin of the page around the frame if it's registered, and no other, because no one is signed in."""
    try:
        registered = embedding(request).origins().all
    except NotFound:
        return ()
    return (origin,) if origin in registered else ()


def _session_of_cookie(request: PortalRequest) -> SignedIn | None:
    token = frame_token(request, request.place) if request.place else ""
    try:
        return embedding(request).authenticate(token) if token else None
    except SessionEnded:
        return None


def _is_into_frame(request: PortalRequest) -> bool:
    """Say whether the response goes into a frame. Browsers older than the header don't say."""
    return request.headers.get("Sec-Fetch-Dest", "iframe") == "iframe"


def _ticket(request: PortalRequest) -> str:
    return request.POST.get("ticket", "")[:512]


def _slug(request: PortalRequest) -> str:
    return request.path_info.split("/")[2]


def _page_of(url: str, slug: str) -> str:
    return url if is_page_of(url, slug) else ""


def _since(text: str) -> datetime | None:
    """Return when the frame began to wait, None if it didn't. Never later than now: it waits for _MAX_WAIT at most."""
    try:
        seconds = float(text)
        return min(datetime.fromtimestamp(seconds, UTC), timezone.now()) if seconds >= 0 else None
    except (ValueError, OverflowError, OSError):
        return None
