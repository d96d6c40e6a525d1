"""The organization's own roles one by one, and roles by email domain, as the pages change them."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import transaction

from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.organizations import EmailImplicitRoleAssignment, OrganizationChanges
from portal.directory.permissions import Permission
from portal.directory.policy import Role, read_roles, role_name
from portal.directory.roles import MAX_RULES_AT_ONCE, assignments_version, role_version
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.organizations.organizations import EmbeddedOrganization, no_organization
from portal.embedded.rbac import check_own_roles, require_permissions_of, role_document
from portal.embedded.scope import Scope, lock_organization, settings_value

_STALE = "Someone else changed this role in the meantime."


@dataclass(slots=True)
class _Change:
    """The locked organization, and its own roles by ID, which the change replaces."""

    row: models.OrganizationRow
    roles: dict[str, Role]


class EmbeddedRoles:
    """Implements portal.directory.roles.RoleGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def own(self) -> tuple[Role, ...]:
        """Return the organization's own roles. Raise Forbidden."""
        self._scope.require(Permission.ROLES_GET)
        return self._scope.organization.custom_roles

    def create(self, role: Role) -> Role:
        """Create a role. Raise Invalid, Forbidden, StepUpRequired, Conflict."""
        self._scope.require(Permission.ROLES_CREATE)
        self._scope.require_recent_proof()
        with self._changing() as change:
            if role.role_id in change.roles or role.role_id in settings.RBAC_POLICY.roles:
                raise Conflict(f"There already is a role “{role_name(role.role_id)}”.", field="name")
            self._store(change, role)
            self._record("role.create", role.role_id, {}, _described(role))
        return role

    def update(self, role: Role, *, version: str) -> Role:
        """Change the description and the permissions of a role. Raise NotFound, Invalid, Forbidden, StepUpRequired, Conflict."""
        self._scope.require(Permission.ROLES_UPDATE)
        self._scope.require_recent_proof()
        with self._changing() as change:
            before = _current(change, role.role_id, version)
            self._store(change, role)
            was, now = _described(before), _described(role)
            changed = [name for name in now if now[name] != was[name]]
            if changed:
                values = ({name: one[name] for name in changed} for one in (was, now))
                self._record("role.update", role.role_id, *values)
        return role

    def delete(self, role_id: str, *, version: str) -> None:
        """Delete a role. Raise NotFound, Forbidden, StepUpRequired, Conflict."""
        self._scope.require(Permission.ROLES_DELETE)
        self._scope.require_recent_proof()
        with self._changing() as change:
            before = _current(change, role_id, version)
            del change.roles[role_id]
            self._record("role.delete", role_id, _described(before), {})

    def email_assignments(self) -> tuple[EmailImplicitRoleAssignment, ...]:
        """Return the roles by email domain."""
        return self._scope.organization.settings.rbac_email_implicit_role_assignments

    def change_email_assignments(
        self,
        *,
        add: Collection[EmailImplicitRoleAssignment] = (),
        remove: Collection[EmailImplicitRoleAssignment] = (),
        version: str,
    ) -> tuple[EmailImplicitRoleAssignment, ...]:
        """Make all changes or none. Raise Invalid, Forbidden, StepUpRequired, Conflict."""
        self._scope.require(Permission.IMPLICIT_ROLES)
        self._scope.require_recent_proof()
        if not 1 <= len(add) + len(remove) <= MAX_RULES_AT_ONCE:
            raise Invalid(f"Change from 1 to {MAX_RULES_AT_ONCE} rules at once.", field="domain")
        with transaction.atomic():
            lock_organization(self._scope.organization_id)
            row = models.OrganizationRow.objects.get(pk=self._scope.organization_id)
            before = settings_value(row).rbac_email_implicit_role_assignments
            if assignments_version(before) != version:
                raise Conflict("Someone else changed these rules in the meantime.", field="version")
            after = [*(one for one in before if one not in remove), *add]
            changes = OrganizationChanges(rbac_email_implicit_role_assignments=after)
            changed = EmbeddedOrganization(self._scope).update(changes)
        return changed.settings.rbac_email_implicit_role_assignments

    @contextmanager
    def _changing(self) -> Iterator[_Change]:
        """Lock the organization, and store its roles as the block leaves them."""
        with transaction.atomic():
            rows = models.OrganizationRow.objects.select_for_update(no_key=True)
            row = rows.filter(pk=self._scope.organization_id, deleted_at=None).first()
            if row is None:
                raise no_organization()
            change = _Change(row, {role.role_id: role for role in read_roles({"roles": row.custom_roles or []})})
            yield change
            row.custom_roles = [role_document(role) for role in change.roles.values()] or None
            row.save(update_fields=["custom_roles", "updated_at"])

    def _store(self, change: _Change, role: Role) -> None:
        """Check a role and put it among the others. Raise Invalid, Forbidden."""
        before = list(change.roles.values())
        change.roles[role.role_id] = role
        policy = settings.RBAC_POLICY
        others = [one for one in before if one.role_id != role.role_id]
        # Roles that became invalid with a smaller policy stay as they are.
        check_own_roles([role], policy, number=len(others) + 1)
        require_permissions_of(self._scope, [role], before)

    def _record(self, action: str, role_id: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        record(
            self._scope.caller,
            action,
            organization_id=self._scope.organization_id,
            target_id=role_id,
            target_name=role_name(role_id),
            before=before,
            after=after,
        )


def _current(change: _Change, role_id: str, version: str) -> Role:
    """Return one of the organization's roles. Raise NotFound, Conflict."""
    role = change.roles.get(role_id)
    if role is None:
        raise NotFound("This role doesn't exist, or the organization didn't define it.")
    if role_version(role) != version:
        raise Conflict(_STALE, field="version")
    return role


def _described(role: Role) -> dict[str, Any]:
    """Return what the activity log keeps of a role."""
    document = role_document(replace(role, permissions=dict(sorted(role.permissions.items()))))
    granted = [f"{one['resource_id']}:{action}" for one in document["permissions"] for action in one["actions"]]
    return {"description": role.description, "permissions": granted}
