"""Changing the connection and the roles of its groups in one request, for the JSON API."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from uuid import UUID

from django.db import transaction

from portal.directory.errors import Invalid, NotFound
from portal.directory.ids import parse_id
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider, connection_version
from portal.embedded import models
from portal.embedded.members.roles import lock_admins
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.group_roles import change_group_roles
from portal.embedded.scim.scim import EmbeddedScim

_Roles = Mapping[UUID, set[str]]


class EmbeddedProjectScim(EmbeddedScim):
    """Implements portal.directory.project.ProjectScimGateway."""

    def update_connection(
        self,
        connection_id: str,
        *,
        display_name: str | None,
        identity_provider: ScimIdentityProvider | None,
        group_roles: Collection[tuple[str, str]] | None,
    ) -> ScimConnection:
        """Change what isn't None, all of it or nothing. Raise NotFound, Invalid, Conflict."""
        self._scope.require(Permission.SCIM_UPDATE)
        if group_roles is not None:
            self._scope.require(Permission.IMPLICIT_ROLES)
        with transaction.atomic():
            # Admins before the connection, as everywhere else, to avoid deadlocks.
            lock_admins(self._scope.organization_id)
            row = active_connection(self._scope.organization_id, connection_id, lock=True)
            if group_roles is not None:
                self._replace(row, _by_group(group_roles))
            return self.connection.update(
                connection_id,
                display_name=row.display_name if display_name is None else display_name,
                identity_provider=identity_provider or ScimIdentityProvider(row.identity_provider),
                version=connection_version(row.display_name, row.identity_provider),
            )

    def _replace(self, connection: models.ScimConnectionRow, wanted: _Roles) -> None:
        held: dict[UUID, set[str]] = defaultdict(set)
        for group, role_id in connection.group_roles.values_list("group_key", "role_id"):
            held[group].add(role_id)
        self._scope.require_grantable({one for group, role_ids in wanted.items() for one in role_ids - held[group]})
        # Assign first, because the role of the last admin may move from one group to another.
        for group, role_ids in wanted.items():
            self._change(group, add=role_ids - held[group])
        for group, role_ids in held.items():
            self._change(group, remove=role_ids - wanted.get(group, set()))

    def _change(self, group: UUID, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        if not add and not remove:
            return
        try:
            change_group_roles(
                self._scope.organization_id, group, add=sorted(add), remove=remove, caller=self._scope.caller
            )
        except NotFound as error:
            raise Invalid(
                "The connection has no group with this ID.",
                field="group_id",
                error_type="scim_group_role_assignment_group_does_not_exist",
            ) from error


def _by_group(assignments: Collection[tuple[str, str]]) -> _Roles:
    roles: dict[UUID, set[str]] = defaultdict(set)
    for group_id, role_id in assignments:
        roles[parse_id("scim-group", group_id)].add(role_id)
    return roles
