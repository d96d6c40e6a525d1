"""Responses: a page, a fragment of it for HTMX, or a redirect."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from portal.directory.directory import Directory
from portal.directory.members import Member
from portal.directory.organizations import Organization
from portal.directory.permissions import Permission
from portal.web.preferences import preferences_of
from portal.web.request import PortalRequest
from portal.web.rights import lacking
from portal.web.scim.attention import attention_count


@dataclass(frozen=True, slots=True)
class Area:
    """An entry of the navigation."""

    name: str
    label: str
    icon: str
    url: str
    is_current: bool
    # Why the member may not open it, "" if they may.
    locked_because: str
    # How many items there need attention.
    attention: int = 0


@dataclass(frozen=True, slots=True)
class Portal:
    """The contents of the frame around every page."""

    organization: Organization
    member: Member
    areas: tuple[Area, ...]
    sign_out_url: str
    organizations_url: str
    account_url: str
    is_account: bool
    # "light" or "dark", or "" for that of the system.
    theme: str


# URL name, label, icon, the permission without which the entry is shown with a lock, and what the directory must have for
# the entry to be shown.
_AREAS: tuple[tuple[str, str, str, Permission | None, Callable[[Directory], object | None]], ...] = (
    ("home:home", "Home", "house", None, lambda directory: directory.organization),
    ("members:members", "Members", "users", Permission.MEMBER_SEARCH, lambda directory: directory.members),
    ("scim:connection", "SCIM", "folder-sync", Permission.SCIM_GET, lambda directory: directory.scim),
    ("settings:general", "Settings", "settings", None, lambda directory: directory.organization),
    ("activity:activity", "Activity", "activity", Permission.ACTIVITY_GET, lambda directory: directory.activity),
)


def render_page(
    request: PortalRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    fragments: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """Return the fragment that `HX-Target` names if it's one of `fragments`, else the whole page."""
    fragment = _wanted_fragment(request, fragments)
    data = {"portal": portal_frame(request, context), **(context or {})} if fragment is None else dict(context or {})
    name = template if fragment is None else f"{template}#{fragment}"
    return private(render(request, name, data, status=status))


Response = TypeVar("Response", bound=HttpResponseBase)


def private(response: Response) -> Response:
    """Prevent caching of a response, and vary it by the headers that select a fragment."""
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    add_never_cache_headers(response)
    return response


def see_other(url: str) -> HttpResponse:
    """Redirect to a page after a form succeeded (303)."""
    return private(HttpResponse(status=303, headers={"Location": url}))


def portal_frame(request: HttpRequest, context: Mapping[str, Any] | None = None) -> Portal | None:
    """Return the contents of the frame, or None if no one is signed in."""
    return _frame(cast("PortalRequest", request), context or {}) if hasattr(request, "signed_in") else None


def _frame(request: PortalRequest, context: Mapping[str, Any]) -> Portal:
    slug = request.signed_in.organization.organization_slug
    current = request.resolver_match.namespace if request.resolver_match else ""
    return Portal(
        organization=request.signed_in.organization,
        member=request.signed_in.member,
        areas=tuple(
            Area(
                name=name,
                label=label,
                icon=icon,
                url=reverse(name, args=[slug]),
                is_current=name.partition(":")[0] == current,
                locked_because=lacking(permission) if permission and not request.allows(permission) else "",
                attention=_attention(request, context) if name == "scim:connection" else 0,
            )
            for name, label, icon, permission, gateway in _AREAS
            # In a frame, the page around it has the navigation.
            if gateway(request.directory) is not None and request.frame is None
        ),
        sign_out_url=reverse("session:sign-out", args=[slug]),
        organizations_url=reverse("session:organizations"),
        account_url=reverse("account:account", args=[slug]),
        is_account=current == "account",
        theme=str(preferences_of(request).theme),
    )


def _attention(request: PortalRequest, context: Mapping[str, Any]) -> int:
    """Return how many items need attention. A page that hasn't loaded the connection costs one query more."""
    scim = request.directory.scim
    if "attention_count" in context or "connection" in context:
        return attention_count(context)
    if not request.allows(Permission.SCIM_GET) or not (scim.safeguard or scim.conflicts):
        return 0
    return attention_count({"connection": scim.connection.get()})


def _wanted_fragment(request: PortalRequest, fragments: Sequence[str]) -> str | None:
    htmx = request.htmx
    if not htmx or htmx.boosted or htmx.history_restore_request:
        return None
    return htmx.target if htmx.target in fragments else None
