"""The sub-navigation of the SCIM area, and the frame that its pages share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from portal.directory.directory import ScimGateway
from portal.directory.permissions import Permission
from portal.web import listing
from portal.web.pages import render_page
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.scim.attention import attention_count


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the sub-navigation."""

    label: str
    url: str
    is_current: bool
    # How many items wait for a decision there.
    waiting: int = 0


# Label, URL name and gateway, in the order shown. A section is hidden if the directory lacks its gateway.
_SECTIONS: tuple[tuple[str, str, Callable[[ScimGateway], object | None]], ...] = (
    ("Overview", "scim:connection", lambda scim: scim.connection),
    ("Groups", "scim:groups", lambda scim: scim.groups),
    ("People", "scim:people", lambda scim: scim.users),
    ("Log", "scim:log", lambda scim: scim.log),
    ("Needs attention", "scim:attention", lambda scim: scim.safeguard or scim.conflicts or scim.drift),
    ("Settings", "scim:settings", lambda scim: scim.connection),
)


def render_section(
    request: PortalRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    fragments: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """Answer as `render_page()` does, inside the frame of the area (scim_admin/layout.html)."""
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

    If the cursor was not valid, the list starts again.
    """
    more = f"{fragment}-more"
    if context[fragment].has_restarted and request.htmx.target == more:
        return listing.start_again(render_section(request, template, context), fragment)
    return render_section(request, template, context, fragments=[fragment, more])


def _sections(request: PortalRequest, context: Mapping[str, Any]) -> tuple[Section, ...]:
    waiting = {"scim:attention": attention_count(context)}
    slug, scim = request.signed_in.organization.organization_slug, request.directory.scim
    shown = {name: label for label, name, gateway in _SECTIONS if gateway(scim) is not None}
    urls = {name: reverse(name, args=[slug]) for name in shown}
    # A page below a section belongs to it.
    current = max((url for url in urls.values() if request.path.startswith(url)), key=len, default="")
    return tuple(
        Section(label, urls[name], urls[name] == current, waiting.get(name, 0)) for name, label in shown.items()
    )
