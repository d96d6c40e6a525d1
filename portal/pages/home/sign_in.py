"""What needs attention of how members sign in, on the home page."""

from collections.abc import Mapping
from typing import Any

from portal.directory.permissions import Permission
from portal.web.request import PortalRequest
from portal.web.sign_in_methods import METHOD_NAMES


def sign_in_attention(request: PortalRequest) -> Mapping[str, Any]:
    """Return what the section shows; nothing for members who can't do anything about it, or if all is fine."""
    gateway = request.directory.sign_in_settings
    needed = (Permission.MEMBER_SEARCH, Permission.AUTH_METHODS)
    if gateway is None or not all(request.allows(one) for one in needed):
        return {}
    found = gateway.attention()
    unusable = [METHOD_NAMES.get(one, one) for one in found.unusable_methods]
    return {"sign_in": found, "unusable_methods": unusable} if found.without_required_factor or unusable else {}
