"""Stytch's methods of connected apps: the apps that members gave access to their accounts.

Gatehouse isn't an identity provider for apps yet, so no app has been connected: lists are empty, and no ID exists.
"""

from typing import NoReturn

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.endpoints.members import BROWSER_PATH, MEMBER_PATH, MemberRequest, member_id_of, rights_or_self
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.directory.members import RESOURCE

_ORGANIZATION_PATH = "organizations/{organization_id}/connected_apps"
_ORGANIZATION_BROWSER_PATH = "b2b/organizations/connected_apps"
# Stytch documents no permission for the organization's list. It says what members connected, so it needs that one.
_OF_ORGANIZATION = Rights(RESOURCE, "get.connected-apps")


class ConnectedAppRequest(msgspec.Struct):
    """A connected app by ID."""

    connected_app_id: str


class RevokeConnectedAppRequest(MemberRequest, kw_only=True):
    """A connected app of a member; in browsers of the signed-in member if `member_id` is left out."""

    connected_app_id: str


class ConnectedApp(msgspec.Struct, kw_only=True):
    """Stytch's OrganizationConnectedApp."""

    connected_app_id: str
    name: str
    description: str
    client_type: str
    logo_url: str | None = None


class MemberConnectedApp(ConnectedApp, kw_only=True):
    """Stytch's MemberConnectedApp."""

    scopes_granted: str


class ActiveMember(msgspec.Struct):
    """Stytch's OrganizationConnectedAppActiveMember."""

    member_id: str
    granted_scopes: list[str]


class ConnectedAppResponse(ConnectedApp, kw_only=True):
    """A connected app, and the members who gave it access."""

    active_members: list[ActiveMember]


class ConnectedAppsResponse(msgspec.Struct):
    """The connected apps of an organization."""

    connected_apps: list[ConnectedApp]


class MemberConnectedAppsResponse(msgspec.Struct):
    """The connected apps of a member."""

    connected_apps: list[MemberConnectedApp]


@endpoint(
    "organizations.connected_apps",
    f"GET {_ORGANIZATION_PATH}",
    browser=[BrowserRoute("GET", _ORGANIZATION_BROWSER_PATH)],
    rights=_OF_ORGANIZATION,
)
def of_organization(caller: Caller, _request: wire.Empty) -> ConnectedAppsResponse:
    """Return the apps that members of the organization connected. No app can be connected yet, so the list is empty."""
    caller.directory.organization.get()
    return ConnectedAppsResponse([])


@endpoint(
    "organizations.get_connected_app",
    f"GET {_ORGANIZATION_PATH}/{{connected_app_id}}",
    browser=[BrowserRoute("GET", f"{_ORGANIZATION_BROWSER_PATH}/{{connected_app_id}}")],
    rights=_OF_ORGANIZATION,
)
def get(caller: Caller, request: ConnectedAppRequest) -> ConnectedAppResponse:
    """Return an app with the members who connected it. No app can be connected yet."""
    caller.directory.organization.get()
    _not_found(request.connected_app_id)


@endpoint(
    "organizations.members.get_connected_apps",
    f"GET {MEMBER_PATH}/connected_apps",
    browser=[
        BrowserRoute("GET", f"{BROWSER_PATH}/{{member_id}}/connected_apps"),
        BrowserRoute("GET", f"{BROWSER_PATH}/connected_apps"),
    ],
    rights=rights_or_self("get.connected-apps"),
)
def of_member(caller: Caller, request: MemberRequest) -> MemberConnectedAppsResponse:
    """Return the apps that a member connected. No app can be connected yet, so the list is empty."""
    caller.directory.members.get(member_id_of(caller, request.member_id))
    return MemberConnectedAppsResponse([])


@endpoint(
    "organizations.members.connected_apps.revoke",
    f"POST {MEMBER_PATH}/connected_apps/{{connected_app_id}}/revoke",
    browser=[
        BrowserRoute("POST", f"{BROWSER_PATH}/{{member_id}}/connected_apps/{{connected_app_id}}/revoke"),
        BrowserRoute("POST", f"{BROWSER_PATH}/connected_apps/{{connected_app_id}}/revoke"),
    ],
    rights=rights_or_self("revoke.connected-app"),
)
def revoke(caller: Caller, request: RevokeConnectedAppRequest) -> wire.Empty:
    """End an app's access to a member's account. No app can be connected yet."""
    caller.directory.members.get(member_id_of(caller, request.member_id))
    _not_found(request.connected_app_id)


def _not_found(connected_app_id: str) -> NoReturn:
    raise ApiError("connected_app_not_found", f"No app with the ID {connected_app_id} is connected.")
