"""Error pages: what happened, what to do, and the request ID that support can look up."""

from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.dateformat import format as date_format

from portal.directory.errors import DirectoryError
from portal.directory.members import Helper
from portal.directory.organizations import Organization
from portal.directory.permissions import Permission
from portal.directory.sessions import SessionEnd, SessionEndCause
from portal.serving.bodies import BodyProblem, body_problem
from portal.serving.threads import RETRY_SECONDS
from portal.web.availability import NotAvailable
from portal.web.kept_form import sent_form
from portal.web.pages import Portal, portal_frame, private
from portal.web.policy_words import to_do
from portal.web.request import PortalRequest
from portal.web.rights import helpers_of, is_kept_by_frame, kept_by_frame
from portal.web.session_cookie import forget_session, page_at_hand, sign_in_url
from portal.web.times import duration_text


@dataclass(frozen=True, slots=True)
class Problem:
    """The contents of an error page."""

    status: int
    title: str
    detail: str
    fix: str = ""
    who_can_help: tuple[str, ...] = ()
    # Members who can help. Without them, the page names the roles of `who_can_help`.
    helpers: tuple[Helper, ...] = ()
    can_retry: bool = False
    sign_in_url: str = ""


_TITLES = {
    400: "Invalid request",
    401: "You were signed out",
    403: "You don’t have access",
    404: "Page not found",
    405: "This page can’t do that",
    408: "Your request took too long",
    410: "This link no longer works",
    409: "Something changed in the meantime",
    422: "Check your input",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Not available right now",
}


_ICONS = {
    401: "log-out",
    403: "lock",
    404: "search-x",
    405: "circle-slash",
    410: "unlink",
    409: "git-compare",
    429: "timer",
    503: "hourglass",
}

# The lists of which a page can be missing an item, by the names of their URLs, and the words of a link to each.
_LISTS = {
    "scim:groups": "View groups",
    "scim:people": "View people",
    "scim:log": "View log",
    "members:members": "View members",
    "activity:activity": "View activity",
}
# Parts of a path up to such a list: "/o/acme/scim/groups", "/o/acme/members".
_LIST_DEPTHS = (5, 4)


@dataclass(frozen=True, slots=True)
class Link:
    """A link of an error page."""

    label: str
    url: str


def error_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return an error page, or only its notice if HTMX requested a fragment."""
    portal = portal_frame(request) if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR else None
    frame = getattr(request, "frame", None)
    context = {
        "portal": portal,
        "status": problem.status,
        "icon": _ICONS.get(problem.status, "circle-alert"),
        "title": problem.title,
        "detail": problem.detail,
        "fix": problem.fix,
        "who_can_help": problem.who_can_help,
        "helpers": problem.helpers,
        "at": timezone.now(),
        "above": _place_above(request, portal) if portal else None,
        "request_id": getattr(request, "request_id", ""),
        "retry_url": request.get_full_path() if problem.can_retry and request.method == "GET" else "",
        "sign_in_url": problem.sign_in_url,
        "home_url": frame.home_url if frame else "/",
        "home_label": frame.tabs[0].label if frame else "Home",
    }
    template = "error.html#error-notice" if _is_fragment(request) else "error.html"
    return private(render(request, template, context, status=problem.status))


def _place_above(request: HttpRequest, portal: Portal) -> Link | None:
    """Return a link to the list that the page would have been an item of, or else to its area."""
    parts = request.path.split("/")
    for depth in _LIST_DEPTHS:
        url = "/".join(parts[:depth]) + "/"
        try:
            name = resolve(url).view_name
        except Resolver404:
            continue
        if name in _LISTS and url != request.path:
            return Link(_LISTS[name], url)
    return next((Link(f"Go to {area.label}", area.url) for area in portal.areas if area.is_current), None)


def directory_error_page(request: HttpRequest, error: DirectoryError) -> HttpResponse:
    """Return the page for a directory's error, with a link to sign in where that helps."""
    if isinstance(error, NotAvailable):
        return _not_available(request, error)
    can_retry = error.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
    sign_in = reverse("session:discover") if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.GONE} else ""
    title = _TITLES[error.status]
    return error_page(request, Problem(error.status, title, error.detail, can_retry=can_retry, sign_in_url=sign_in))


def _not_available(request: HttpRequest, error: NotAvailable) -> HttpResponse:
    """Return the page that explains what the directory lacks: 200 for a page, 501 for a submitted form."""
    template = "not_available.html#not-available" if _is_fragment(request) else "not_available.html"
    status = HTTPStatus.OK if request.method in {"GET", "HEAD"} else HTTPStatus.NOT_IMPLEMENTED
    context = {"portal": portal_frame(request), "capability": error.capability}
    return private(render(request, template, context, status=status))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """Django's handler400."""
    return error_page(
        request,
        Problem(400, _TITLES[400], "We couldn’t read the request. Check the address, or go back and try again."),
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """Django's handler403."""
    return error_page(request, Problem(403, _TITLES[403], "You can’t open this page."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 -- as above
    """Django's handler404, also for objects of other organizations."""
    return error_page(
        request,
        Problem(404, _TITLES[404], "This page doesn't exist, or it belongs to another organization."),
    )


def other_organization(request: HttpRequest, sign_in: str) -> HttpResponse:
    """Return 404 to someone who is signed in to another organization only."""
    return error_page(
        request,
        Problem(
            404,
            _TITLES[404],
            "This page doesn't exist, or it belongs to an organization that you aren't signed in to.",
            sign_in_url=sign_in,
        ),
    )


def method_not_allowed(request: HttpRequest, methods: frozenset[str]) -> HttpResponse:
    """Return 405 with the methods that the URL accepts."""
    response = error_page(
        request,
        Problem(405, _TITLES[405], f"It doesn’t accept {request.method} requests. Go back, and try again from there."),
    )
    response["Allow"] = ", ".join(sorted(methods))
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    detail = "It’s on our side, and the error was recorded. No changes were saved, so you can try again."
    return error_page(request, Problem(500, _TITLES[500], detail, can_retry=True))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """Handle a form whose CSRF token is missing, stale or unreadable (Django's CSRF_FAILURE_VIEW)."""
    if problem := body_problem(request):
        return body_not_read(request, problem)
    return error_page(
        request,
        Problem(
            403,
            "This form is no longer valid",
            "The form was opened too long ago, or in another browser.",
            fix="Go back, reload the page, and send the form again. Cookies must be allowed for this site.",
        ),
    )


def no_right(request: PortalRequest, permission: Permission, who_can_help: tuple[str, ...]) -> HttpResponse:
    """Return 403 with what the member's roles don't include, and the members who can help; without those, the roles."""
    if is_kept_by_frame(request, permission):
        return error_page(request, Problem(403, _TITLES[403], kept_by_frame(permission)))
    frame = portal_frame(request)
    area = next((area.label for area in frame.areas if area.is_current and area.locked_because), "") if frame else ""
    title = f"You don’t have access to {area}" if area else _TITLES[403]
    name = request.signed_in.organization.organization_name
    detail = f"Your roles in {name} don’t let you {to_do(permission)}."
    helpers = helpers_of(request, who_can_help)
    return error_page(request, Problem(403, title, detail, who_can_help=who_can_help, helpers=helpers))


def maintenance(request: HttpRequest) -> HttpResponse:
    """Return 503 for every page during maintenance."""
    response = error_page(
        request,
        Problem(
            503,
            "Back in a moment",
            "The portal is down for maintenance. Your data and your identity provider's settings are safe.",
            can_retry=True,
        ),
    )
    response["Retry-After"] = "120"
    return response


def too_large(request: HttpRequest) -> HttpResponse:
    """Return 413 for a request whose body is too large, which isn't read."""
    megabytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1_048_576
    detail = f"What you sent is larger than {megabytes} MB. No changes were saved. Send a smaller file."
    return error_page(request, Problem(413, "Too large", detail))


def busy(request: HttpRequest) -> HttpResponse:
    """Return 503 if no worker slot is free."""
    return _retry_later(request, Problem(503, "The portal is busy", "Try again in a few seconds.", can_retry=True))


def unavailable(request: HttpRequest) -> HttpResponse:
    """Return 503 if the database doesn't respond or is read-only."""
    detail = "The portal can't reach its database. No changes were saved. Try again in a moment."
    return _retry_later(request, Problem(503, _TITLES[503], detail, can_retry=True))


def too_many_at_once(request: HttpRequest) -> HttpResponse:
    """Return 429 if a visitor or an organization has too many requests in progress."""
    detail = "Too many requests are in progress from your network or organization. Try again in a few seconds."
    return _retry_later(request, Problem(429, "Too many requests at once", detail, can_retry=True))


def body_not_read(request: HttpRequest, problem: BodyProblem) -> HttpResponse:
    """Return an error for a request whose body didn't arrive in time, or that no thread could wait for."""
    if problem is BodyProblem.BUSY:
        return busy(request)
    detail = "What you sent didn't arrive in time. No changes were saved. Check your connection, then send it again."
    return error_page(request, Problem(problem.value, _TITLES[408], detail))


def _retry_later(request: HttpRequest, problem: Problem) -> HttpResponse:
    response = error_page(request, problem)
    response["Retry-After"] = RETRY_SECONDS
    return response


def sign_in_first(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Send a visitor to sign in: a page by 302, a fragment by 401 with HX-Redirect, a form by a page that keeps its values."""
    url = sign_in_url(request, organization_slug)
    if _is_fragment(request):
        return _redirect_fragment(request, url)
    if sent_form(request):
        return _session_ended_page(request, organization_slug, url)
    return private(HttpResponse(status=302, headers={"Location": url}))


def session_ended(request: HttpRequest, organization: Organization, end: SessionEnd | None) -> HttpResponse:
    """Return the page that says why a session ended, with status 401, and delete the session's cookie.

    It leads back to the page, and keeps the values of a form. A fragment loads its page again, which then says so.
    """
    slug = organization.organization_slug
    page = page_at_hand(request, slug)
    if _is_fragment(request) and page:
        # The cookie stays: the page that is loaded next needs it to say why.
        return _redirect_fragment(request, page)
    url = sign_in_url(request, slug)
    context = {"organization": organization, "sentence": end_sentence(end)}
    response = (
        _redirect_fragment(request, url)
        if _is_fragment(request)
        else _session_ended_page(request, slug, url, **context)
    )
    forget_session(response, slug)
    return response


def end_sentence(end: SessionEnd | None) -> str:
    """Return when and why a session ended, for the browser that had it; a neutral sentence if that isn't known."""
    if end is None:
        return "Your session has ended."
    at = date_format(timezone.localtime(end.at), "j M Y, H:i T")
    duration = duration_text(end.minutes)
    sentences = {
        SessionEndCause.IDLE: f"Your session ended on {at}, after {duration} without activity.",
        SessionEndCause.DURATION: f"Your session ended on {at}, {duration} after you signed in.",
        SessionEndCause.MEMBER: f"You ended this session on {at}.",
        SessionEndCause.ADMIN: f"An admin ended your session on {at}.",
        SessionEndCause.PASSWORD: f"Your password was changed on {at}. That ended your other sessions.",
        SessionEndCause.ADDRESS: f"Your email address was changed on {at}. That ended this session.",
        SessionEndCause.METHODS: f"Your organization changed how its members sign in on {at}. That ended this session.",
        SessionEndCause.LIMITS: f"Your organization has shorter limits for sessions since {at}. That ended your session.",
        SessionEndCause.MFA: f"Your organization requires a second factor since {at}. That ended your session.",
    }
    return sentences[end.cause]


def _is_fragment(request: HttpRequest) -> bool:
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted)


def _redirect_fragment(request: HttpRequest, url: str) -> HttpResponse:
    response = error_page(request, Problem(401, _TITLES[401], "Your session ended. Sign in to continue."))
    response["HX-Redirect"] = url
    return response


def _session_ended_page(request: HttpRequest, organization_slug: str, url: str, **more: object) -> HttpResponse:
    context = {
        "kept": sent_form(request),
        "next": page_at_hand(request, organization_slug),
        "sign_in_url": url,
        "sign_in_path": reverse("session:sign-in", args=[organization_slug]),
        **more,
    }
    return private(render(request, "session/session_ended.html", context, status=401))
