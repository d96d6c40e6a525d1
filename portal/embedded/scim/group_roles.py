"""The roles that groups give."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.group_roles import ScimGroupRoles, ScimRoleEffect
from portal.directory.scim.users import ScimGroupLink
from portal.embedded import models
from portal.embedded.database.keyset import Keyset, check_limit
from portal.embedded.models.fields import fold_name
from portal.embedded.scim import group_role_rules
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.groups import active_groups
from portal.embedded.scope import Scope


class EmbeddedScimGroupRoles:
    """Implements portal.directory.scim.group_roles.ScimGroupRoleGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupRoles]:
        """Return a page of the groups that give roles, in the order in which they were pushed."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = parse_id("scim-connection", connection_id)
        keyset = Keyset("scim-group-roles", self._scope.organization_id, connection)
        given = models.ScimGroupRoleRow.objects.filter(
            organization_id=self._scope.organization_id,
            connection_id=connection,
            connection__status=ScimConnectionStatus.ACTIVE,
        )
        wanted = keyset.after(cursor, given, "group_key")
        keys = list(wanted.values_list("group_key", flat=True).distinct()[: limit + 1])
        if not keys:
            active_connection(self._scope.organization_id, connection_id)
        rows = given.filter(group_key__in=keys).select_related("group").order_by("role_id")
        values = self._values(list(rows))
        return keyset.page(keys, limit=limit, key=lambda group: group).map(lambda group: values[group])

    def get(self, group_id: str) -> ScimGroupRoles:
        """Return the roles that one group gives, also one that is gone. Raises NotFound."""
        self._scope.require(Permission.SCIM_GET)
        group = parse_id("scim-group", group_id)
        row = active_groups(self._scope.organization_id).filter(pk=group).first()
        held = group_role_rules.roles_of(self._scope.organization_id, group)
        if held:
            for one in held:
                one.group = row
            return self._values(held)[group]
        if row is None:
            raise NotFound("There is no such group; the identity provider may have deleted it.")
        return ScimGroupRoles(_link(group, row.display_name), (), row.display_name)

    def preview(self, group_id: str, *, add: Collection[str], remove: Collection[str]) -> tuple[ScimRoleEffect, ...]:
        """Return who gains and who loses which role by a change. Raises NotFound."""
        held = set(self.get(group_id).role_ids)
        changes = [(one, True) for one in sorted(set(add) - held)] + [
            (one, False) for one in sorted(held & set(remove))
        ]
        group, caller = parse_id("scim-group", group_id), parse_id("member", self._scope.caller.actor.id)
        organization_id = self._scope.organization_id
        return tuple(
            group_role_rules.effect(organization_id, group, role_id, is_gained=is_gained, caller=caller)
            for role_id, is_gained in changes
        )

    def change(self, group_id: str, *, add: Collection[str], remove: Collection[str], version: str) -> ScimGroupRoles:
        """Give and take roles. Raises NotFound, Invalid, Conflict, Refused."""
        self._require_change()
        group_role_rules.change(
            self._scope.organization_id,
            parse_id("scim-group", group_id),
            add=add,
            remove=remove,
            version=version,
            caller=self._scope.caller,
        )
        return self._now(group_id)

    def confirm(self, group_id: str, *, version: str) -> ScimGroupRoles:
        """Take a renamed group's name for the right one. Raises NotFound, Conflict, Refused."""
        self._require_change()
        group_role_rules.confirm(
            self._scope.organization_id,
            parse_id("scim-group", group_id),
            version=version,
            caller=self._scope.caller,
        )
        return self._now(group_id)

    def move(self, group_id: str, *, to_group_id: str, version: str) -> ScimGroupRoles:
        """Give the roles of a group that is gone to another. Raises NotFound, Invalid, Conflict, Refused."""
        self._require_change()
        group_role_rules.move(
            self._scope.organization_id,
            parse_id("scim-group", group_id),
            to=parse_id("scim-group", to_group_id),
            version=version,
            caller=self._scope.caller,
        )
        return self._now(to_group_id)

    def _require_change(self) -> None:
        self._scope.require(Permission.SCIM_UPDATE)
        self._scope.require(Permission.IMPLICIT_ROLES)

    def _now(self, group_id: str) -> ScimGroupRoles:
        """Return a group's roles after a change; of one that is gone nothing may be left to read."""
        group = parse_id("scim-group", group_id)
        try:
            return self.get(group_id)
        except NotFound:
            return ScimGroupRoles(_link(group, ""), (), "", is_gone=True)

    def _values(self, rows: Sequence[models.ScimGroupRoleRow]) -> Mapping[UUID, ScimGroupRoles]:
        by_group: dict[UUID, list[models.ScimGroupRoleRow]] = {}
        for row in rows:
            by_group.setdefault(row.group_key, []).append(row)
        replacements = self._named(row for row in rows if row.group is None)
        return {
            group: ScimGroupRoles(
                group=_link(group, held[0].group.display_name if held[0].group else held[0].group_name),
                role_ids=tuple(row.role_id for row in held),
                mapped_name=held[0].group_name,
                is_gone=held[0].group is None,
                replacement=None if held[0].group else replacements.get(fold_name(held[0].group_name)),
            )
            for group, held in by_group.items()
        }

    def _named(self, gone: Iterable[models.ScimGroupRoleRow]) -> Mapping[str, ScimGroupLink]:
        """Return the groups that have the names of those that are gone, by their folded names."""
        names = {fold_name(row.group_name) for row in gone}
        if not names:
            return {}
        found = active_groups(self._scope.organization_id).filter(display_name_folded__in=names)
        return {
            folded: _link(group, name)
            for group, name, folded in found.values_list("pk", "display_name", "display_name_folded")
        }


def _link(group: UUID, name: str) -> ScimGroupLink:
    return ScimGroupLink(public_id("scim-group", group), name)
