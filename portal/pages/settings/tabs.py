"""The tabs of the settings, and the frame that their pages share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from portal.directory.directory import Directory
from portal.web.pages import render_page
from portal.web.request import PortalRequest


@dataclass(frozen=True, slots=True)
class Tab:
    """An entry of the sub-navigation."""

    label: str
    url: str
    is_current: bool


# Label, URL name, and what the directory must have for the tab to be shown, in the order shown.
_TABS: tuple[tuple[str, str, Callable[[Directory], object | None]], ...] = (
    ("General", "settings:general", lambda directory: directory.organization),
    ("Appearance", "settings:appearance", lambda directory: directory.theme),
    ("Sign-in", "settings:sign-in", lambda directory: directory.organization),
    ("Joining", "settings:joining", lambda directory: directory.organization),
    ("Domains", "settings:domains", lambda directory: directory.organization),
    ("Roles", "settings:roles", lambda directory: directory.roles),
    ("Embedding", "settings:embedding", lambda directory: directory.embedding),
)


def render_tab(
    request: PortalRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    fragments: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """Answer as `render_page()` does, inside the frame of the area (settings/layout.html)."""
    return render_page(
        request, template, {"tabs": _tabs(request), **(context or {})}, fragments=fragments, status=status
    )


def _tabs(request: PortalRequest) -> tuple[Tab, ...]:
    slug, directory = request.signed_in.organization.organization_slug, request.directory
    urls = {label: reverse(name, args=[slug]) for label, name, gateway in _TABS if gateway(directory) is not None}
    # A page below a tab belongs to it.
    current = max((url for url in urls.values() if request.path.startswith(url)), key=len, default="")
    return tuple(Tab(label, url, url == current) for label, url in urls.items())
