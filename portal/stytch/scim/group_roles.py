"""The roles that groups grant. Stytch stores them as one list of the connection, which a change replaces."""

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from portal.directory.errors import Conflict, InvalidCursor, NotFound
from portal.directory.members import MemberRoleSource, RoleSourceType
from portal.directory.pages import DEFAULT_LIMIT, MAX_LIMIT, Page, check_limit
from portal.directory.policy import ADMIN_ROLE
from portal.directory.scim.group_roles import ScimGroupRoles, ScimGroupRolesChange, check_number_of_groups
from portal.directory.scim.users import ScimGroupLink
from portal.directory.step_up import require_recent_proof
from portal.stytch.admins import require_admin_without
from portal.stytch.documents import Document
from portal.stytch.errors import Meanings
from portal.stytch.rbac import StytchOrganizationRbac
from portal.stytch.scim.scoped import CONNECTION_MEANINGS, NO_CONNECTION, Scoped
from portal.stytch.scope import Scope
from portal.stytch.values import scim_group_value

_NO_GROUP = "This group does not exist. The identity provider may have deleted it."
_MEANINGS: Meanings = {
    **CONNECTION_MEANINGS,
    "invalid_id": NO_CONNECTION,
    "scim_group_role_assignment_group_does_not_exist": (NotFound, _NO_GROUP),
    "scim_group_role_assignment_does_not_contain_group_id": (NotFound, _NO_GROUP),
}
# Stytch can't look up a group by ID, so the name of a group without roles is searched in this many pages.
_MAX_PAGES = 20
_NO_ADMIN = (
    "All admins are admins only through these groups. Without the role, no one could administer the organization. Make "
    "someone else an admin first."
)
_ASSIGNMENTS = "scim_group_implicit_role_assignments"


class StytchScimGroupRoles(Scoped):
    """Implements portal.directory.scim.group_roles.ScimGroupRoleGateway."""

    def __init__(self, scope: Scope, rbac: StytchOrganizationRbac) -> None:
        super().__init__(scope)
        self._rbac = rbac

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupRoles]:
        """Return a page of the groups that grant roles, by ID. The cursor is the last ID. Raise NotFound, InvalidCursor."""
        check_limit(limit)
        if cursor and not cursor.startswith("scim-group-"):
            raise InvalidCursor("The cursor is not valid for this list.")
        connection = self._connection()
        if connection.text("connection_id") != connection_id:
            raise NotFound(NO_CONNECTION[1])
        found = sorted(_by_group(connection).values(), key=lambda one: one.group.group_id)
        rest = [one for one in found if one.group.group_id > cursor]
        more = len(rest) > limit
        return Page(tuple(rest[:limit]), rest[limit - 1].group.group_id if more else None)

    def get(self, group_id: str) -> ScimGroupRoles:
        """Return the roles of a group. Raise NotFound, including for a group without roles after the first 20,000."""
        connection = self._connection()
        known = _by_group(connection).get(group_id)
        if known:
            return known
        name = self._names_of(connection.text("connection_id"), [group_id])[group_id]
        return ScimGroupRoles(ScimGroupLink(group_id, name), (), name)

    def get_several(self, group_ids: Collection[str]) -> tuple[ScimGroupRoles, ...]:
        """Return the roles of several groups, by name. Raise Invalid, NotFound."""
        check_number_of_groups(group_ids)
        connection = self._connection()
        known = _by_group(connection)
        unknown = set(group_ids) - set(known)
        names = self._names_of(connection.text("connection_id"), unknown) if unknown else {}
        return _by_name(
            known[one] if one in known else ScimGroupRoles(ScimGroupLink(one, names[one]), (), names[one])
            for one in dict.fromkeys(group_ids)
        )

    def change(self, group_id: str, *, add: Collection[str], remove: Collection[str], version: str) -> ScimGroupRoles:
        """Assign roles and remove others. Raise NotFound, Invalid, Conflict, Forbidden."""
        [after] = self.change_several([ScimGroupRolesChange(group_id, tuple(add), tuple(remove), version)])
        return after

    def change_several(self, changes: Collection[ScimGroupRolesChange]) -> tuple[ScimGroupRoles, ...]:
        """Change the roles of groups (PUT /v1/b2b/scim/{organization_id}/connection/{connection_id}).

        Stytch has no conditional update. All assignments are read, changed and sent back, so a change by someone else
        between these two requests is lost. Raise NotFound, Invalid, Conflict, Forbidden.
        """
        require_recent_proof(self._caller())
        check_number_of_groups(changes)
        connection = self._connection()
        self._rbac.require_grantable([role_id for one in changes for role_id in one.add])
        known, wanted = _by_group(connection), {one.group_id: one for one in changes}
        for group_id, change in wanted.items():
            group = known.get(group_id) or ScimGroupRoles(ScimGroupLink(group_id, ""), (), "")
            if change.version != group.version:
                name = f"“{group.group.group_name}”" if group_id in known else "a group"
                raise Conflict(f"Someone else changed the roles of {name} in the meantime.", field="version")
        others = [
            {"role_id": one.text("role_id"), "group_id": one.text("group_id")}
            for one in connection.parts(_ASSIGNMENTS)
            if one.text("group_id") not in wanted
        ]
        assigned = [
            {"role_id": role_id, "group_id": group_id}
            for group_id, change in wanted.items()
            for role_id in _roles_after(change, known.get(group_id))
        ]
        granting = {one["group_id"] for one in (*others, *assigned) if one["role_id"] == ADMIN_ROLE}
        if any(ADMIN_ROLE in known[group_id].role_ids for group_id in wanted if group_id in known.keys() - granting):
            require_admin_without(self._scope, partial(_is_lost, granting), _NO_ADMIN)
        answer = self._scope.api.put(
            self._path(connection.text("connection_id")),
            {_ASSIGNMENTS: [*others, *assigned]},
            session_token=self._caller().session_token,
            meanings=_MEANINGS,
        )
        after = _by_group(answer.part("connection"))
        return _by_name(after.get(group_id) or _without_roles(group_id, known.get(group_id)) for group_id in wanted)

    def _connection(self) -> Document:
        answer = self._scope.api.get(
            self._path(), session_token=self._caller().session_token, meanings=CONNECTION_MEANINGS
        )
        document = answer.optional_part("connection")
        if document is None:
            raise NotFound(NO_CONNECTION[1])
        return document

    def _names_of(self, connection_id: str, group_ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of groups. Raise NotFound if one isn't among the first 20,000."""
        names: dict[str, str] = {}
        cursor = ""
        for _ in range(_MAX_PAGES):
            query: dict[str, str | int] = {"limit": MAX_LIMIT, **({"cursor": cursor} if cursor else {})}
            answer = self._scope.api.get(
                self._path(connection_id), query, session_token=self._caller().session_token, meanings=_MEANINGS
            )
            for group in map(scim_group_value, answer.parts("scim_groups")):
                if group.group_id in group_ids:
                    names[group.group_id] = group.group_name
            if len(names) == len(group_ids):
                return names
            if not answer.fields.get("next_cursor"):
                break
            cursor = answer.text("next_cursor")
        raise NotFound(_NO_GROUP)


def _is_lost(granting: Collection[str], source: MemberRoleSource) -> bool:
    """Say whether a source is a group that no longer gives the role."""
    return source.type is RoleSourceType.SCIM_CONNECTION_GROUP and source.details.get("group_id") not in granting


def _roles_after(change: ScimGroupRolesChange, before: ScimGroupRoles | None) -> Iterable[str]:
    return sorted({*(before.role_ids if before else ()), *change.add} - set(change.remove))


def _without_roles(group_id: str, before: ScimGroupRoles | None) -> ScimGroupRoles:
    name = before.group.group_name if before else ""
    return ScimGroupRoles(ScimGroupLink(group_id, name), (), name)


def _by_name(found: Iterable[ScimGroupRoles]) -> tuple[ScimGroupRoles, ...]:
    return tuple(sorted(found, key=lambda one: (one.group.group_name.lower(), one.group.group_id)))


def _by_group(connection: Document) -> Mapping[str, ScimGroupRoles]:
    roles: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for one in connection.parts(_ASSIGNMENTS):
        roles.setdefault(one.text("group_id"), []).append(one.text("role_id"))
        names[one.text("group_id")] = one.text("group_name")
    return {group_id: _value(group_id, names[group_id], role_ids) for group_id, role_ids in roles.items()}


def _value(group_id: str, name: str, role_ids: Iterable[str]) -> ScimGroupRoles:
    return ScimGroupRoles(ScimGroupLink(group_id, name), tuple(sorted(role_ids)), name)
