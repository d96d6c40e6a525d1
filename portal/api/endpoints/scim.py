"""Stytch's SCIM methods: the connection, its tokens, its groups and their roles."""

from collections.abc import Iterator

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.directory.pages import DEFAULT_LIMIT, MAX_LIMIT
from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider

_PATH = "scim/{organization_id}/connection"
_ONE = f"{_PATH}/{{connection_id}}"


def _rights(action: str) -> Rights:
    return Rights("stytch.scim", action)


def _rights_with_response(action: str) -> Rights:
    """Return the rights of a method that returns the connection, which needs permission to read it as well."""
    return Rights("stytch.scim", action, response="get")


class ConnectionResponse(msgspec.Struct):
    """The connection, or null if there is none."""

    connection: wire.ScimConnection | None


class ConnectionRequest(msgspec.Struct):
    """A request about a connection. Browsers may leave out the ID, because there is at most one."""

    connection_id: str = ""


class DeleteConnectionResponse(msgspec.Struct):
    """The connection that was deleted."""

    connection_id: str


class CreateConnectionRequest(msgspec.Struct):
    """The name and identity provider of a new connection."""

    display_name: str = ""
    identity_provider: ScimIdentityProvider = ScimIdentityProvider.GENERIC


class UpdateConnectionRequest(ConnectionRequest):
    """Changes to a connection. Fields that are left out don't change."""

    display_name: str | None = None
    identity_provider: ScimIdentityProvider | None = None
    scim_group_implicit_role_assignments: list[wire.ScimGroupRoleAssignment] | None = None


class GetGroupsRequest(ConnectionRequest):
    """A page of the groups."""

    cursor: str | None = None
    limit: int | None = None


class GetGroupsResponse(msgspec.Struct):
    """A page of groups; `next_cursor` is null on the last one."""

    scim_groups: list[wire.ScimGroup]
    next_cursor: str | None


@endpoint("scim.connection.get", f"GET {_PATH}", browser=[BrowserRoute("GET", "b2b/scim")], rights=_rights("get"))
def get(caller: Caller, _request: wire.Empty) -> ConnectionResponse:
    """Return the organization's connection."""
    connection = caller.directory.scim.connection.get()
    return ConnectionResponse(_connection(caller, connection) if connection else None)


@endpoint(
    "scim.connection.create",
    f"POST {_PATH}",
    browser=[BrowserRoute("POST", "b2b/scim")],
    rights=_rights_with_response("create"),
)
def create(caller: Caller, request: CreateConnectionRequest) -> ConnectionResponse:
    """Create the organization's connection. Its token is returned only in this response."""
    name = request.display_name.strip() or request.identity_provider.label
    created = caller.directory.scim.connection.create(display_name=name, identity_provider=request.identity_provider)
    connection = _connection(caller, created.connection)
    connection.bearer_token = created.bearer_token
    return ConnectionResponse(connection)


@endpoint(
    "scim.connection.update",
    f"PUT {_ONE}",
    browser=[BrowserRoute("PUT", "b2b/scim/{connection_id}")],
    rights=_rights_with_response("update"),
)
def update(caller: Caller, request: UpdateConnectionRequest) -> ConnectionResponse:
    """Change the connection. If role assignments of groups are sent, they replace all existing ones."""
    assignments = request.scim_group_implicit_role_assignments
    changed = caller.directory.scim.update_connection(
        _connection_id(caller, request),
        display_name=request.display_name,
        identity_provider=request.identity_provider,
        group_roles=None if assignments is None else [(one.group_id, one.role_id) for one in assignments],
    )
    return ConnectionResponse(_connection(caller, changed))


@endpoint(
    "scim.connection.delete",
    f"DELETE {_ONE}",
    browser=[BrowserRoute("DELETE", "b2b/scim/{connection_id}")],
    rights=_rights("delete"),
)
def delete(caller: Caller, request: ConnectionRequest) -> DeleteConnectionResponse:
    """Delete the connection. Its users stay members, and it can be restored in the portal for a limited time."""
    scim, connection_id = caller.directory.scim, _connection_id(caller, request)
    version = scim.deletion.preview(connection_id).version
    scim.deletion.delete(connection_id, version=version)
    return DeleteConnectionResponse(connection_id)


@endpoint(
    "scim.connection.get_groups",
    f"GET {_ONE}",
    browser=[BrowserRoute("POST", "b2b/scim/groups")],
    rights=_rights("get"),
)
def get_groups(caller: Caller, request: GetGroupsRequest) -> GetGroupsResponse:
    """Return a page of the groups that the identity provider sent, ordered by name."""
    # Stytch's settings screen asks again and again after an error, and closes its dialogs each time.
    if not request.connection_id and caller.directory.scim.connection.get() is None:
        return GetGroupsResponse([], None)
    page = caller.directory.scim.groups.page(
        _connection_id(caller, request), cursor=request.cursor or "", limit=request.limit or DEFAULT_LIMIT
    )
    groups = [
        wire.ScimGroup(one.group_id, one.group_name, one.organization_id, one.connection_id) for one in page.items
    ]
    return GetGroupsResponse(groups, page.next_cursor)


@endpoint(
    "scim.connection.rotate_start",
    f"POST {_ONE}/rotate/start",
    browser=[BrowserRoute("POST", "b2b/scim/rotate/start")],
    rights=_rights_with_response("update"),
)
def rotate_start(caller: Caller, request: ConnectionRequest) -> ConnectionResponse:
    """Create the next token, returned only in this response. Both are valid until the rotation is completed or canceled."""
    created = caller.directory.scim.tokens.rotate_start(_connection_id(caller, request))
    connection = _connection(caller, created.connection)
    connection.next_bearer_token = created.bearer_token
    return ConnectionResponse(connection)


@endpoint(
    "scim.connection.rotate_complete",
    f"POST {_ONE}/rotate/complete",
    browser=[BrowserRoute("POST", "b2b/scim/rotate/complete")],
    rights=_rights_with_response("update"),
)
def rotate_complete(caller: Caller, request: ConnectionRequest) -> ConnectionResponse:
    """Complete the rotation: revoke the current token and replace it with the next one."""
    scim, connection_id = caller.directory.scim, _connection_id(caller, request)
    version = scim.tokens.get(connection_id).version
    return ConnectionResponse(_connection(caller, scim.tokens.rotate_complete(connection_id, version=version)))


@endpoint(
    "scim.connection.rotate_cancel",
    f"POST {_ONE}/rotate/cancel",
    browser=[BrowserRoute("POST", "b2b/scim/rotate/cancel")],
    rights=_rights_with_response("update"),
)
def rotate_cancel(caller: Caller, request: ConnectionRequest) -> ConnectionResponse:
    """Cancel the rotation: revoke the next token and keep the current one."""
    scim, connection_id = caller.directory.scim, _connection_id(caller, request)
    version = scim.tokens.get(connection_id).version
    return ConnectionResponse(_connection(caller, scim.tokens.rotate_cancel(connection_id, version=version)))


def _connection_id(caller: Caller, request: ConnectionRequest) -> str:
    if request.connection_id:
        return request.connection_id
    connection = caller.directory.scim.connection.get()
    if connection is None:
        raise ApiError("no_active_scim_connection", "The organization has no active SCIM connection.")
    return connection.connection_id


def _connection(caller: Caller, connection: ScimConnection) -> wire.ScimConnection:
    tokens = caller.directory.scim.tokens.get(connection.connection_id)
    next_token = tokens.following
    return wire.ScimConnection(
        organization_id=connection.organization_id,
        connection_id=connection.connection_id,
        status=connection.status,
        display_name=connection.display_name,
        identity_provider=connection.identity_provider,
        base_url=connection.base_url,
        bearer_token_last_four=tokens.current.last_four,
        bearer_token_expires_at=tokens.current.expires_at,
        scim_group_implicit_role_assignments=list(_assignments(caller, connection.connection_id)),
        next_bearer_token_last_four=next_token.last_four if next_token else "",
        next_bearer_token_expires_at=next_token.expires_at if next_token else None,
    )


def _assignments(caller: Caller, connection_id: str) -> Iterator[wire.ScimGroupRoleAssignment]:
    cursor: str | None = ""
    while cursor is not None:
        page = caller.directory.scim.group_roles.page(connection_id, cursor=cursor, limit=MAX_LIMIT)
        for one in page.items:
            for role_id in one.role_ids:
                yield wire.ScimGroupRoleAssignment(role_id, one.group.group_id, one.group.group_name)
        cursor = page.next_cursor
