"""The configuration of Stytch's prebuilt admin portal components."""

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint


class SsoConfig(msgspec.Struct):
    """Whether SSO connections can be created: not yet."""

    sso_enabled: bool = False
    can_create_saml_connection: bool = False
    can_create_oidc_connection: bool = False


class OrganizationConfig(msgspec.Struct):
    """Whether MFA settings are shown."""

    mfa_controls_enabled: bool = True


class ScimConfig(msgspec.Struct):
    """Whether a SCIM connection can be created."""

    scim_enabled: bool = True


class AdminPortalConfig(msgspec.Struct):
    """What the components show."""

    sso_config: SsoConfig
    organization_config: OrganizationConfig
    scim_config: ScimConfig


@endpoint("admin_portal_config", browser=[BrowserRoute("GET", "b2b/admin_portal_config")], rights=None)
def admin_portal_config(_caller: Caller, _request: wire.Empty) -> AdminPortalConfig:
    """Return which of Stytch's prebuilt admin portal components have something to show."""
    return AdminPortalConfig(SsoConfig(), OrganizationConfig(), ScimConfig())
