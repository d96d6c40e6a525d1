"""Responses: a page, a fragment of it for HTMX, or a redirect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from portal.directory.members import Member
from portal.directory.organizations import Organization
from portal.directory.permissions import Permission
from portal.web.request import PortalRequest


@dataclass(frozen=True, slots=True)
class Area:
    """An entry of the navigation."""

    name: str
    label: str
    icon: str
    url: str
    is_current: bool
    is_locked: bool


@dataclass(frozen=True, slots=True)
class Portal:
    """The contents of the frame around every page."""

    organization: Organization
    member: Member
    areas: tuple[Area, ...]
    sign_out_url: str
    organizations_url: str


# URL name, label, icon, and the permission without which the entry is shown with a lock.
_AREAS: tuple[tuple[str, str, str, Permission | None], ...] = (
    ("home:home", "Home", "house", None),
    ("scim:connection", "SCIM", "folder-sync", Permission.SCIM_GET),
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
    data = {"portal": portal_frame(request), **(context or {})} if fragment is None else dict(context or {})
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


def portal_frame(request: HttpRequest) -> Portal | None:
    """Return the contents of the frame, or None if no one is signed in."""
    return _frame(cast("PortalRequest", request)) if hasattr(request, "signed_in") else None


def _frame(request: PortalRequest) -> Portal:
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
                is_locked=permission is not None and not request.allows(permission),
            )
            for name, label, icon, permission in _AREAS
        ),
        sign_out_url=reverse("session:sign-out", args=[slug]),
        organizations_url=reverse("session:organizations"),
    )


def _wanted_fragment(request: PortalRequest, fragments: Sequence[str]) -> str | None:
    htmx = request.htmx
    if not htmx or htmx.boosted or htmx.history_restore_request:
        return None
    return htmx.target if htmx.target in fragments else None
