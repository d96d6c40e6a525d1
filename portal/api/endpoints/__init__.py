"""All methods of the API. Importing this package declares them."""

from portal.api.declaration import ENDPOINTS
from portal.api.endpoints import (
    admin_portal,
    browser_sdk,
    connected_apps,
    discovery,
    email_otps,
    magic_links,
    member_email_addresses,
    members,
    organizations,
    passwords,
    rbac,
    recovery_codes,
    scim,
    sessions,
    sms_otps,
    sso,
    totps,
)

__all__ = [
    "ENDPOINTS",
    "admin_portal",
    "browser_sdk",
    "connected_apps",
    "discovery",
    "email_otps",
    "magic_links",
    "member_email_addresses",
    "members",
    "organizations",
    "passwords",
    "rbac",
    "recovery_codes",
    "scim",
    "sessions",
    "sms_otps",
    "sso",
    "totps",
]
