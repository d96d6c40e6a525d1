"""The pages of the SCIM area side by side, and the frame that they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from portal.access.permissions import Permission
from portal.web import listing
from portal.web.pages import render_page
from portal.web.request import PortalRequest
from portal.web.rights import right_to


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the sub-navigation."""

    label: str
    url: str
    is_current: bool
    # How much waits there for somebody.
    waiting: int = 0


# Label and URL name, in the order in which they are shown. A page below one of them belongs to it.
_SECTIONS: tuple[tuple[str, str], ...] = (
    ("Overview", "scim:connection"),
    ("Set-up", "scim:set-up"),
    ("Token", "scim:token"),
    ("People", "scim:people"),
    ("Groups", "scim:groups"),
    ("Group roles", "scim:role-assignments"),
    ("Log", "scim:log"),
    ("Conflicts", "scim:conflicts"),
    ("Safeguard", "scim:safeguard"),
    ("Drift", "scim:drift"),
)


def render_section(
    request: PortalRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    fragments: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """Answer as `render_page()` does, with what frames the area (scim_admin/layout.html)."""
    frame = {"sections": _sections(request, context or {}), "may_resume": right_to(request, Permission.SCIM_UPDATE)}
    return render_page(
        request,
        template,
        {**frame, **(context or {})},
        fragments=fragments,
        status=status,
    )


def render_list(request: PortalRequest, template: str, context: Mapping[str, Any], fragment: str) -> HttpResponse:
    """Answer with a list (portal.web.listing) named `fragment`, or with a page to append to it.

    Where the place in the list was not good, the list is put anew.
    """
    more = f"{fragment}-more"
    if context[fragment].has_restarted and request.htmx.target == more:
        return listing.start_again(render_section(request, template, context), fragment)
    return render_section(request, template, context, fragments=[fragment, more])


def _sections(request: PortalRequest, context: Mapping[str, Any]) -> tuple[Section, ...]:
    connection = context.get("connection")
    waiting = {"scim:conflicts": connection.waiting_conflicts} if connection else {}
    slug = request.signed_in.organization.organization_slug
    urls = {name: reverse(name, args=[slug]) for _, name in _SECTIONS}
    current = max((url for url in urls.values() if request.path.startswith(url)), key=len, default="")
    return tuple(Section(label, urls[name], urls[name] == current, waiting.get(name, 0)) for label, name in _SECTIONS)
