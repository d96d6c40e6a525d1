"""All methods of the API: importing this declares them."""

from portal.api.declaration import ENDPOINTS
from portal.api.endpoints import admin_portal, browser_start, members, organizations, passwords, rbac, scim, sessions

__all__ = [
    "ENDPOINTS",
    "admin_portal",
    "browser_start",
    "members",
    "organizations",
    "passwords",
    "rbac",
    "scim",
    "sessions",
]
