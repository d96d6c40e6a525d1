"""RBAC: the policy, permission checks for a session, and an organization's custom roles."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from portal.directory.errors import Forbidden, Invalid
from portal.directory.policy import WILDCARD, Policy, Role, read_roles
from portal.directory.rbac import MAX_CUSTOM_ROLES
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.database.integrity import is_text
from portal.embedded.scope import Scope
from portal.embedded.sessions.lifecycle import session_not_found

_MAX_ID, _MAX_DESCRIPTION = 128, 512
_RESERVED = "stytch"


class EmbeddedRbac:
    """Implements portal.directory.rbac.ProjectRbacGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def policy(self) -> Policy:
        """Return the default policy, extended by the policy file and the organization's custom roles."""
        return self._scope.policy

    def authorize(self, organization_id: str, resource_id: str, action: str) -> tuple[str, ...]:
        """Return which of the acting session's roles grant an action. Raise Forbidden, Unauthenticated."""
        holder = self._scope.signed_in
        if holder is None:
            raise session_not_found()
        own = holder.organization
        if organization_id not in {own.organization_id, own.organization_slug, own.organization_external_id} - {""}:
            raise Forbidden(
                "The session belongs to another organization.",
                error_type="session_authorization_tenancy_error",
            )
        roles = self._scope.policy.roles.values()
        held = tuple(
            sorted(
                role.role_id
                for role in roles
                if role.role_id in holder.session.roles and role.grants(resource_id, action)
            )
        )
        if not held:
            raise Forbidden(
                f"The member's roles do not grant {resource_id}:{action}.",
                error_type="session_authorization_error",
            )
        return held

    def organization_roles(self) -> tuple[Role, ...]:
        """Return the organization's custom roles."""
        return self._scope.organization.custom_roles

    def set_organization_roles(self, roles: Iterable[Role]) -> tuple[Role, ...]:
        """Replace the organization's custom roles. Raise Invalid, Forbidden."""
        self._scope.require("stytch.custom-org-roles:update")
        chosen = tuple(roles)
        check_own_roles(chosen, settings.RBAC_POLICY)
        with transaction.atomic():
            row = models.OrganizationRow.objects.select_for_update().get(pk=self._scope.organization_id)
            before = row.custom_roles or []
            require_permissions_of(self._scope, chosen, read_roles({"roles": before}))
            row.custom_roles = [role_document(role) for role in chosen] or None
            row.save(update_fields=["custom_roles", "updated_at"])
            record(
                self._scope.caller,
                "organization.set_roles",
                organization_id=row.pk,
                target_id=self._scope.organization.organization_id,
                target_name=row.name,
                before={"custom_roles": before},
                after={"custom_roles": row.custom_roles or []},
            )
        return chosen


def require_permissions_of(scope: Scope, roles: Iterable[Role], before: Iterable[Role]) -> None:
    """Raise Forbidden if a role would gain a permission that the acting member doesn't have, unless they are an admin.

    In a frame it's the same for admins: no role gains more than the ticket allows.
    """
    existing = {role.role_id: role for role in before}
    if scope.signed_in is None:
        return
    for role in roles:
        former = existing.get(role.role_id)
        for resource_id, actions in role.permissions.items():
            for action in actions:
                had = former is not None and former.grants(resource_id, action)
                if not (had or scope.may_put_into_role(resource_id, action)):
                    raise Forbidden(
                        f"You can’t put {resource_id}:{action} into a role: your own roles don’t allow it.",
                        field="permissions",
                        error_type="session_authorization_error",
                    )


def role_document(role: Role) -> dict[str, Any]:
    """Return a role as it is stored, in Stytch's form."""
    return {
        "role_id": role.role_id,
        "description": role.description,
        "permissions": [
            {"resource_id": resource_id, "actions": sorted(actions)}
            for resource_id, actions in role.permissions.items()
        ],
    }


def check_own_roles(roles: Sequence[Role], policy: Policy, *, number: int = 0) -> None:
    """Raise Invalid for roles that Stytch wouldn't accept. `number` is that of all roles, if these are only some."""
    if max(len(roles), number) > MAX_CUSTOM_ROLES:
        raise _invalid(f"An organization can have at most {MAX_CUSTOM_ROLES} custom roles.", "too_many_roles")
    if len({role.role_id for role in roles}) < len(roles):
        raise _invalid("Two of the roles have the same role_id.", "rbac_role_duplicate")
    for role in roles:
        _check_name(role, policy)
        _check_permissions(role, policy)


def _check_name(role: Role, policy: Policy) -> None:
    if not role.role_id.strip():
        raise _invalid("A role has no role_id.", "empty_rbac_role_id")
    if not (is_text(role.role_id) and is_text(role.description)):
        raise _invalid("Null characters and halves of characters are not allowed.", "invalid_rbac_role_id")
    if len(role.role_id) > _MAX_ID:
        raise _invalid(f"A role_id can have at most {_MAX_ID} characters.", "rbac_role_id_too_long")
    if len(role.description) > _MAX_DESCRIPTION:
        raise _invalid(f"A description can have at most {_MAX_DESCRIPTION} characters.", "rbac_description_too_long")
    if role.role_id in policy.roles or role.role_id.startswith(_RESERVED):
        raise _invalid(f'"{role.role_id}" is reserved or a role of the project.', "rbac_org_custom_roles_only")


def _check_permissions(role: Role, policy: Policy) -> None:
    if not role.permissions:
        raise _invalid(f'"{role.role_id}" has no permissions.', "rbac_role_missing_permissions")
    for resource_id, actions in role.permissions.items():
        resource = policy.resources.get(resource_id)
        if resource is None:
            raise _invalid(f'Unknown resource "{resource_id}".', "invalid_rbac_custom_role")
        if not actions:
            raise _invalid(f'"{role.role_id}" grants no action on "{resource_id}".', "rbac_permission_missing_actions")
        if WILDCARD in actions and len(actions) > 1:
            raise _invalid(
                f'"{WILDCARD}" means every action, so it must be the only one.',
                "cannot_specify_wildcard_with_other_actions",
            )
        unknown = sorted(actions - {WILDCARD, *resource.actions})
        if unknown:
            raise _invalid(f'"{resource_id}" has no action "{unknown[0]}".', "invalid_rbac_custom_role")


def _invalid(detail: str, error_type: str) -> Invalid:
    return Invalid(detail, field="org_policy", error_type=error_type)
