"""What Stytch's pre-built screens ask before they show anything."""

import msgspec

from portal.api.caller import Call
from portal.api.declaration import Twin, endpoint
from portal.api.wire import Nothing


class SsoConfig(msgspec.Struct):
    """Whether SSO connections can be made: not yet."""

    sso_enabled: bool = False
    can_create_saml_connection: bool = False
    can_create_oidc_connection: bool = False


class OrganizationConfig(msgspec.Struct):
    """Whether settings of MFA are shown: they are kept, but nobody is asked for a second factor yet."""

    mfa_controls_enabled: bool = False


class ScimConfig(msgspec.Struct):
    """Whether a SCIM connection can be made."""

    scim_enabled: bool = True


class AdminPortalConfig(msgspec.Struct):
    """What the screens show."""

    sso_config: SsoConfig
    organization_config: OrganizationConfig
    scim_config: ScimConfig


@endpoint("admin_portal_config", sdk=[Twin("GET", "b2b/admin_portal_config")], rights=None)
def admin_portal_config(call: Call, request: Nothing) -> AdminPortalConfig:  # noqa: ARG001 -- every method has both
    """Return which of Stytch's pre-built screens have something to show."""
    return AdminPortalConfig(SsoConfig(), OrganizationConfig(), ScimConfig())
