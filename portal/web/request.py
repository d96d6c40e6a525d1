"""The request that views get, after the access gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from portal.directory.actor import Origin
from portal.directory.authority import Authority
from portal.directory.directory import Directory, DirectoryProvider
from portal.directory.policy import Policy
from portal.directory.sessions import SignedIn

if TYPE_CHECKING:
    from portal.web.frames import Frame, Place


class PortalRequest(HttpRequest):
    """A request that passed the access gate."""

    htmx: HtmxDetails
    request_id: str
    origin: Origin
    directories: DirectoryProvider
    # Below: only if the URL names an organization.
    directory: Directory
    # Below: only if someone is signed in.
    signed_in: SignedIn
    policy: Policy
    authority: Authority
    # Returns whether the member may use `resource:action`: `authority.allows`.
    allows: Callable[[str], bool]
    # Below: None and empty, except in frames of products' pages (portal.web.frames).
    place: Place | None
    frame: Frame | None
    # The origins that may frame the response.
    frame_origins: tuple[str, ...]
