"""Error pages: what happened, what to do, and the request ID that support can look up."""

from dataclasses import dataclass
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from portal.directory.errors import DirectoryError
from portal.directory.permissions import Permission
from portal.serving.bodies import BodyProblem, body_problem
from portal.serving.threads import RETRY_SECONDS
from portal.web.availability import NotAvailable
from portal.web.kept_form import sent_form
from portal.web.pages import portal_frame, private
from portal.web.rights import lacking
from portal.web.session_cookie import page_at_hand, sign_in_url


@dataclass(frozen=True, slots=True)
class Problem:
    """The contents of an error page."""

    status: int
    title: str
    detail: str
    fix: str = ""
    who_can_help: tuple[str, ...] = ()
    can_retry: bool = False
    sign_in_url: str = ""


_TITLES = {
    400: "That address is not right",
    401: "You are signed out",
    403: "You do not have access",
    404: "Page not found",
    405: "That does not work here",
    408: "Your request took too long",
    410: "This link no longer works",
    409: "Something changed in the meantime",
    422: "That value is not right",
    429: "Too many attempts",
    500: "Something went wrong on our side",
    503: "Not available right now",
}


def error_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return an error page, or only its notice if HTMX requested a fragment."""
    htmx = getattr(request, "htmx", None)
    context = {
        "portal": portal_frame(request) if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR else None,
        "status": problem.status,
        "title": problem.title,
        "detail": problem.detail,
        "fix": problem.fix,
        "who_can_help": problem.who_can_help,
        "request_id": getattr(request, "request_id", ""),
        "retry_url": request.get_full_path() if problem.can_retry and request.method == "GET" else "",
        "sign_in_url": problem.sign_in_url,
        "home_url": "/",
    }
    template = "error.html#error-notice" if htmx and not htmx.boosted else "error.html"
    return private(render(request, template, context, status=problem.status))


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
    htmx = getattr(request, "htmx", None)
    template = "not_available.html#not-available" if htmx and not htmx.boosted else "not_available.html"
    status = HTTPStatus.OK if request.method in {"GET", "HEAD"} else HTTPStatus.NOT_IMPLEMENTED
    context = {"portal": portal_frame(request), "capability": error.capability}
    return private(render(request, template, context, status=status))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """Django's handler400."""
    return error_page(request, Problem(400, _TITLES[400], "The request could not be understood."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """Django's handler403."""
    return error_page(request, Problem(403, _TITLES[403], "This is not open to you."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 -- as above
    """Django's handler404, also for objects of other organizations."""
    return error_page(
        request,
        Problem(404, _TITLES[404], "There is nothing at this address, or it belongs to another organization."),
    )


def other_organization(request: HttpRequest, sign_in: str) -> HttpResponse:
    """Return 404 to someone who is signed in to another organization only."""
    return error_page(
        request,
        Problem(
            404,
            _TITLES[404],
            "There is nothing at this address, or it belongs to an organization that you are not signed in to.",
            sign_in_url=sign_in,
        ),
    )


def method_not_allowed(request: HttpRequest, methods: frozenset[str]) -> HttpResponse:
    """Return 405 with the methods that the URL accepts."""
    response = error_page(request, Problem(405, _TITLES[405], f"This address does not take {request.method} requests."))
    response["Allow"] = ", ".join(sorted(methods))
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    detail = "The error was recorded. No changes were saved."
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


def no_right(request: HttpRequest, permission: Permission, who_can_help: tuple[str, ...]) -> HttpResponse:
    """Return 403 with the missing permission and the roles that grant it."""
    return error_page(request, Problem(403, _TITLES[403], lacking(permission), who_can_help=who_can_help))


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


def sign_in_again(request: HttpRequest, organization_slug: str, *, has_ended: bool) -> HttpResponse:
    """Redirect to sign-in: a page by 302, a fragment by 401 with HX-Redirect, a form by a page that keeps its values."""
    url = sign_in_url(request, organization_slug, has_ended=has_ended)
    htmx = getattr(request, "htmx", None)
    if htmx and not htmx.boosted:
        response = error_page(request, Problem(401, _TITLES[401], "Your session ended. Sign in to continue."))
        response["HX-Redirect"] = url
        return response
    if kept := sent_form(request):
        context = {
            "kept": kept,
            "next": page_at_hand(request, organization_slug),
            "sign_in_url": url,
            "sign_in_path": reverse("session:sign-in", args=[organization_slug]),
        }
        return private(render(request, "session_ended.html", context, status=401))
    return private(HttpResponse(status=302, headers={"Location": url}))
