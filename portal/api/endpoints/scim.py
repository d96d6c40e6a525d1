"""Stytch's methods of SCIM: the connection, its tokens, its groups and their roles."""

from collections.abc import Iterator

import msgspec

from portal.api.caller import Call
from portal.api.declaration import Twin, endpoint
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.api.wire import Nothing, ScimConnection, ScimGroup, ScimGroupRoleAssignment
from portal.directory.pages import DEFAULT_LIMIT, MAX_LIMIT
from portal.directory.scim.connection import ScimConnection as ScimConnectionValue
from portal.directory.scim.connection import ScimIdentityProvider

_PATH = "scim/{organization_id}/connection"
_ONE = f"{_PATH}/{{connection_id}}"


def _may(action: str) -> Rights:
    return Rights("stytch.scim", action)


def _may_and_see(action: str) -> Rights:
    """Return the rights of a method that answers with the connection: also those to read it."""
    return Rights("stytch.scim", action, answer="get")


class Connection(msgspec.Struct):
    """An answer with a connection, null where there is none."""

    connection: ScimConnection | None


class NamedConnection(msgspec.Struct):
    """A request about one connection; browsers need not name it, as there is one at most."""

    connection_id: str = ""


class DeletedConnection(msgspec.Struct):
    """The answer of a deletion."""

    connection_id: str


class NewConnection(msgspec.Struct):
    """What a connection is made of."""

    display_name: str = ""
    identity_provider: ScimIdentityProvider = ScimIdentityProvider.GENERIC


class ChangedConnection(NamedConnection):
    """What is to be changed; what is left out stays."""

    display_name: str | None = None
    identity_provider: ScimIdentityProvider | None = None
    scim_group_implicit_role_assignments: list[ScimGroupRoleAssignment] | None = None


class WantedGroups(NamedConnection):
    """Which page of the groups."""

    cursor: str | None = None
    limit: int | None = None


class Groups(msgspec.Struct):
    """A page of groups; no next_cursor on the last one."""

    scim_groups: list[ScimGroup]
    next_cursor: str | None


@endpoint("scim.connection.get", f"GET {_PATH}", sdk=[Twin("GET", "b2b/scim")], rights=_may("get"))
def get(call: Call, request: Nothing) -> Connection:  # noqa: ARG001 -- every method has both
    """Return the organization's connection."""
    connection = call.directory.scim.connection.get()
    return Connection(_wire(call, connection) if connection else None)


@endpoint("scim.connection.create", f"POST {_PATH}", sdk=[Twin("POST", "b2b/scim")], rights=_may_and_see("create"))
def create(call: Call, request: NewConnection) -> Connection:
    """Make the organization's connection; its token is shown this once."""
    name = request.display_name.strip() or request.identity_provider.label
    made = call.directory.scim.connection.create(display_name=name, identity_provider=request.identity_provider)
    connection = _wire(call, made.connection)
    connection.bearer_token = made.bearer_token
    return Connection(connection)


@endpoint(
    "scim.connection.update",
    f"PUT {_ONE}",
    sdk=[Twin("PUT", "b2b/scim/{connection_id}")],
    rights=_may_and_see("update"),
)
def update(call: Call, request: ChangedConnection) -> Connection:
    """Change the connection; the roles of groups are replaced as a whole where they are given."""
    assignments = request.scim_group_implicit_role_assignments
    changed = call.directory.scim.update_in_part(
        _connection_id(call, request),
        display_name=request.display_name,
        identity_provider=request.identity_provider,
        group_roles=None if assignments is None else [(one.group_id, one.role_id) for one in assignments],
    )
    return Connection(_wire(call, changed))


@endpoint(
    "scim.connection.delete", f"DELETE {_ONE}", sdk=[Twin("DELETE", "b2b/scim/{connection_id}")], rights=_may("delete")
)
def delete(call: Call, request: NamedConnection) -> DeletedConnection:
    """Delete the connection; its people stay members, and it can be restored in the portal for a while."""
    scim, connection_id = call.directory.scim, _connection_id(call, request)
    version = scim.deletion.preview(connection_id).version
    scim.deletion.delete(connection_id, version=version)
    return DeletedConnection(connection_id)


@endpoint("scim.connection.get_groups", f"GET {_ONE}", sdk=[Twin("POST", "b2b/scim/groups")], rights=_may("get"))
def get_groups(call: Call, request: WantedGroups) -> Groups:
    """Return a page of the groups that the identity provider pushed, by name."""
    page = call.directory.scim.groups.page(
        _connection_id(call, request), cursor=request.cursor or "", limit=request.limit or DEFAULT_LIMIT
    )
    groups = [ScimGroup(one.group_id, one.group_name, one.organization_id, one.connection_id) for one in page.items]
    return Groups(groups, page.next_cursor)


@endpoint(
    "scim.connection.rotate_start",
    f"POST {_ONE}/rotate/start",
    sdk=[Twin("POST", "b2b/scim/rotate/start")],
    rights=_may_and_see("update"),
)
def rotate_start(call: Call, request: NamedConnection) -> Connection:
    """Make the next token, which is shown this once; both are good until the rotation is completed or cancelled."""
    made = call.directory.scim.tokens.rotate_start(_connection_id(call, request))
    connection = _wire(call, made.connection)
    connection.next_bearer_token = made.bearer_token
    return Connection(connection)


@endpoint(
    "scim.connection.rotate_complete",
    f"POST {_ONE}/rotate/complete",
    sdk=[Twin("POST", "b2b/scim/rotate/complete")],
    rights=_may_and_see("update"),
)
def rotate_complete(call: Call, request: NamedConnection) -> Connection:
    """Revoke the current token and put the next one in its place."""
    scim, connection_id = call.directory.scim, _connection_id(call, request)
    version = scim.tokens.get(connection_id).version
    return Connection(_wire(call, scim.tokens.rotate_complete(connection_id, version=version)))


@endpoint(
    "scim.connection.rotate_cancel",
    f"POST {_ONE}/rotate/cancel",
    sdk=[Twin("POST", "b2b/scim/rotate/cancel")],
    rights=_may_and_see("update"),
)
def rotate_cancel(call: Call, request: NamedConnection) -> Connection:
    """Revoke the next token; the current one stays."""
    scim, connection_id = call.directory.scim, _connection_id(call, request)
    version = scim.tokens.get(connection_id).version
    return Connection(_wire(call, scim.tokens.rotate_cancel(connection_id, version=version)))


def _connection_id(call: Call, request: NamedConnection) -> str:
    if request.connection_id:
        return request.connection_id
    connection = call.directory.scim.connection.get()
    if connection is None:
        raise ApiError("no_active_scim_connection", "The organization has no active SCIM connection.")
    return connection.connection_id


def _wire(call: Call, connection: ScimConnectionValue) -> ScimConnection:
    tokens = call.directory.scim.tokens.get(connection.connection_id)
    following = tokens.following
    return ScimConnection(
        organization_id=connection.organization_id,
        connection_id=connection.connection_id,
        status=connection.status,
        display_name=connection.display_name,
        identity_provider=connection.identity_provider,
        base_url=connection.base_url,
        bearer_token_last_four=tokens.current.last_four,
        bearer_token_expires_at=tokens.current.expires_at,
        scim_group_implicit_role_assignments=list(_assignments(call, connection.connection_id)),
        next_bearer_token_last_four=following.last_four if following else "",
        next_bearer_token_expires_at=following.expires_at if following else None,
    )


def _assignments(call: Call, connection_id: str) -> Iterator[ScimGroupRoleAssignment]:
    cursor: str | None = ""
    while cursor is not None:
        page = call.directory.scim.group_roles.page(connection_id, cursor=cursor, limit=MAX_LIMIT)
        for one in page.items:
            for role_id in one.role_ids:
                yield ScimGroupRoleAssignment(role_id, one.group.group_id, one.group.group_name)
        cursor = page.next_cursor
