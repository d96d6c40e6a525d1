"""The roles that groups give, as Stytch keeps them: one list in the connection, which a change replaces as a whole."""

from collections.abc import Collection, Iterable, Mapping
from typing import NoReturn

from portal.directory.errors import Conflict, Invalid, InvalidCursor, NotFound, NotOffered
from portal.directory.pages import DEFAULT_LIMIT, MAX_LIMIT, Page
from portal.directory.scim.group_roles import ScimGroupRoles, ScimRoleEffect
from portal.directory.scim.users import ScimGroupLink
from portal.stytch.documents import Document
from portal.stytch.errors import Meanings
from portal.stytch.scim.scoped import CONNECTION_MEANINGS, NO_CONNECTION, Scoped
from portal.stytch.values import scim_group_value

_NO_GROUP = "There is no such group; the identity provider may have deleted it."
_MEANINGS: Meanings = {
    **CONNECTION_MEANINGS,
    "invalid_id": NO_CONNECTION,
    "scim_group_role_assignment_group_does_not_exist": (NotFound, _NO_GROUP),
    "scim_group_role_assignment_does_not_contain_group_id": (NotFound, _NO_GROUP),
}
# Stytch finds no group by its id: to learn the name of one without roles, so many pages are read at most.
_MOST_PAGES = 20
_ASSIGNMENTS = "scim_group_implicit_role_assignments"


class StytchScimGroupRoles(Scoped):
    """Implements portal.directory.scim.group_roles.ScimGroupRoleGateway."""

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupRoles]:
        """Return a page of the groups that give roles, in the order of their ids; the cursor is the last one's id."""
        if not 1 <= limit <= MAX_LIMIT:
            raise Invalid(f"limit must be from 1 to {MAX_LIMIT}.", field="limit")
        if cursor and not cursor.startswith("scim-group-"):
            raise InvalidCursor("This place in the list is not valid.")
        connection = self._connection()
        if connection.text("connection_id") != connection_id:
            raise NotFound(NO_CONNECTION[1])
        found = sorted(_by_group(connection).values(), key=lambda one: one.group.group_id)
        rest = [one for one in found if one.group.group_id > cursor]
        more = len(rest) > limit
        return Page(tuple(rest[:limit]), rest[limit - 1].group.group_id if more else None)

    def get(self, group_id: str) -> ScimGroupRoles:
        """Return the roles that a group gives. Raises NotFound, also for a group behind the first 20,000 without roles."""
        connection = self._connection()
        known = _by_group(connection).get(group_id)
        if known:
            return known
        name = self._name_of(connection.text("connection_id"), group_id)
        return ScimGroupRoles(ScimGroupLink(group_id, name), (), name)

    def preview(
        self,
        group_id: str,  # noqa: ARG002 -- the gateway's signature
        *,
        add: Collection[str],  # noqa: ARG002 -- as above
        remove: Collection[str],  # noqa: ARG002 -- as above
    ) -> tuple[ScimRoleEffect, ...]:
        """Raise NotOffered: Stytch does not tell who is in a group."""
        _not_offered("Stytch does not tell who is in a group, so nobody can say beforehand who gains or loses a role.")

    def change(self, group_id: str, *, add: Collection[str], remove: Collection[str], version: str) -> ScimGroupRoles:
        """Give and take roles (PUT /v1/b2b/scim/{organization_id}/connection/{connection_id}).

        All assignments are read right before and sent back with the difference: Stytch has no condition for a change,
        so only what happens between these two calls can be lost. Raises NotFound, Invalid, Conflict, Refused.
        """
        connection = self._connection()
        known = _by_group(connection).get(group_id)
        held = known.role_ids if known else ()
        if version != ScimGroupRoles(ScimGroupLink(group_id, ""), held, "").version:
            raise Conflict("Somebody else changed the roles of this group in the meantime.", field="version")
        wanted = sorted({*held, *add} - set(remove))
        others = [
            {"role_id": one.text("role_id"), "group_id": one.text("group_id")}
            for one in connection.parts(_ASSIGNMENTS)
            if one.text("group_id") != group_id
        ]
        answer = self._scope.api.put(
            self._path(connection.text("connection_id")),
            {_ASSIGNMENTS: [*others, *({"role_id": role_id, "group_id": group_id} for role_id in wanted)]},
            session_token=self._caller().session_token,
            meanings=_MEANINGS,
        )
        after = _by_group(answer.part("connection")).get(group_id)
        name = known.group.group_name if known else ""
        return after or ScimGroupRoles(ScimGroupLink(group_id, name), (), name)

    def confirm(self, group_id: str, *, version: str) -> ScimGroupRoles:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch does not keep what a group was called."""
        _not_offered("Stytch does not keep what a group was called when its roles were given.")

    def move(self, group_id: str, *, to_group_id: str, version: str) -> ScimGroupRoles:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch forgets the roles of a deleted group."""
        _not_offered("Stytch forgets the roles of a group that the identity provider deletes.")

    def _connection(self) -> Document:
        answer = self._scope.api.get(
            self._path(), session_token=self._caller().session_token, meanings=CONNECTION_MEANINGS
        )
        document = answer.optional_part("connection")
        if document is None:
            raise NotFound(NO_CONNECTION[1])
        return document

    def _name_of(self, connection_id: str, group_id: str) -> str:
        cursor = ""
        for _ in range(_MOST_PAGES):
            query: dict[str, str | int] = {"limit": MAX_LIMIT, **({"cursor": cursor} if cursor else {})}
            answer = self._scope.api.get(
                self._path(connection_id), query, session_token=self._caller().session_token, meanings=_MEANINGS
            )
            for group in map(scim_group_value, answer.parts("scim_groups")):
                if group.group_id == group_id:
                    return group.group_name
            if not answer.fields.get("next_cursor"):
                break
            cursor = answer.text("next_cursor")
        raise NotFound(_NO_GROUP)


def _by_group(connection: Document) -> Mapping[str, ScimGroupRoles]:
    roles: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for one in connection.parts(_ASSIGNMENTS):
        roles.setdefault(one.text("group_id"), []).append(one.text("role_id"))
        names[one.text("group_id")] = one.text("group_name")
    return {group_id: _value(group_id, names[group_id], held) for group_id, held in roles.items()}


def _value(group_id: str, name: str, role_ids: Iterable[str]) -> ScimGroupRoles:
    return ScimGroupRoles(ScimGroupLink(group_id, name), tuple(sorted(role_ids)), name)


def _not_offered(why: str) -> NoReturn:
    raise NotOffered(why)
