"""All methods of the API: importing this declares them."""

from portal.api import admin_portal, members, organizations, scim
from portal.api.endpoints import ENDPOINTS

__all__ = ["ENDPOINTS", "admin_portal", "members", "organizations", "scim"]
