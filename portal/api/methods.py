"""All methods of the API: importing this declares them."""

from portal.api import admin_portal, browser_start, members, organizations, passwords, rbac, scim, sessions
from portal.api.endpoints import ENDPOINTS

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
