"""Stytch's SSO methods. Only the list is available, because Stytch's Organization Settings screen needs it."""

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.rights import Rights


class SsoConnection(msgspec.Struct):
    """What Stytch's SAML, OIDC and external connections have in common."""

    organization_id: str
    connection_id: str
    status: str
    display_name: str


class SsoConnectionsResponse(msgspec.Struct):
    """The connections by kind."""

    saml_connections: list[SsoConnection]
    oidc_connections: list[SsoConnection]
    external_connections: list[SsoConnection]


@endpoint(
    "sso.get_connections",
    "GET sso/{organization_id}",
    browser=[BrowserRoute("GET", "b2b/sso")],
    rights=Rights("stytch.sso", "get"),
)
def get_connections(caller: Caller, _request: wire.Empty) -> SsoConnectionsResponse:
    """Return the organization's SSO connections. None can be created yet, so the lists are empty."""
    caller.directory.organization.get()
    return SsoConnectionsResponse([], [], [])
