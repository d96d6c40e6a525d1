"""Old addresses: after an organization's slug was changed, its pages are also found by the old one for a while."""

from typing import cast
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from portal.directory.errors import DirectoryError
from portal.web.pages import private
from portal.web.request import PortalRequest
from portal.web.session_cookie import SLUG, cookie_name, forget_session, keep_session, session_token


def redirect_if_moved(request: HttpRequest) -> HttpResponse | None:
    """Redirect a request for an unknown organization to the present address of the one that had the slug, if there is one.

    It keeps method and form (307). A live session of the organization moves to the cookie of the new slug; any other stays
    where it is.
    """
    parts = request.path.split("/", 3)
    is_page = len(parts) == 4 and parts[1] == "o" and SLUG.fullmatch(parts[2]) is not None  # noqa: PLR2004 -- "", o, slug, rest
    if not is_page or not hasattr(request, "directories"):
        return None
    portal_request, former = cast("PortalRequest", request), parts[2]
    slug = portal_request.directories.moved_to(former)
    if not slug:
        return None
    query = _moved_query(request, former, slug)
    url = f"/o/{slug}/{quote(parts[3])}" + (f"?{query}" if query else "")
    response = private(HttpResponse(status=307, headers={"Location": url}))
    _move_session(portal_request, response, former, slug)
    return response


def _moved_query(request: HttpRequest, former: str, slug: str) -> str:
    """Return the query string, with the page to open afterwards at the new slug, too."""
    onward, old = request.GET.get("next", ""), f"/o/{former}/"
    if not onward.startswith(old):
        return str(request.META.get("QUERY_STRING", ""))
    query = request.GET.copy()
    query["next"] = f"/o/{slug}/{onward.removeprefix(old)}"
    return query.urlencode(safe="/")


def _move_session(request: PortalRequest, response: HttpResponse, former: str, slug: str) -> None:
    token = session_token(request, former)
    if not token or cookie_name(slug) in request.COOKIES:
        return
    try:
        signed_in = request.directories.open(slug, request.origin).sessions.authenticate(token)
    except DirectoryError:
        return
    keep_session(response, signed_in)
    forget_session(response, former)
