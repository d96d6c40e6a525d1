"""RBAC as products use it: checks for a session, and an organization's own roles."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction

from portal.directory.errors import Invalid, Refused, Unauthenticated
from portal.directory.members import FIELD_ACTIONS, RESOURCE
from portal.directory.policy import WILDCARD, Policy, Role, read_roles
from portal.directory.rbac import MOST_ROLES
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.directory import EmbeddedRbac

_LONGEST_ID, _LONGEST_DESCRIPTION = 128, 512
_RESERVED = "stytch"
_GIVE_ROLES = f"{RESOURCE}:{FIELD_ACTIONS['roles']}"


class EmbeddedProjectRbac(EmbeddedRbac):
    """Implements portal.directory.rbac.ProjectRbacGateway."""

    def authorize(self, organization_id: str, resource_id: str, action: str) -> tuple[str, ...]:
        """Return which of the acting session's roles grant an action. Raises Refused, Unauthenticated."""
        holder = self._scope.signed_in
        if holder is None:
            raise Unauthenticated("The session has ended, or never was.", error_type="session_not_found")
        own = holder.organization
        if organization_id not in {own.organization_id, own.organization_slug, own.organization_external_id} - {""}:
            raise Refused(
                "The session belongs to another organization than the one that is asked about.",
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
            raise Refused(
                f"The member's roles do not grant the action {action} on {resource_id}.",
                error_type="session_authorization_error",
            )
        return held

    def organization_roles(self) -> tuple[Role, ...]:
        """Return the organization's own roles."""
        return self._scope.organization.custom_roles

    def set_organization_roles(self, roles: Iterable[Role]) -> tuple[Role, ...]:
        """Put these in the place of the organization's own. Raises Invalid, Refused."""
        self._scope.require("stytch.custom-org-roles:update")
        chosen = tuple(roles)
        _check(chosen, settings.RBAC_POLICY)
        with transaction.atomic():
            row = models.OrganizationRow.objects.select_for_update().get(pk=self._scope.organization_id)
            before = row.custom_roles or []
            self._require_what_they_grant(chosen, read_roles({"roles": before}))
            row.custom_roles = [_document(role) for role in chosen] or None
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

    def _require_what_they_grant(self, roles: Iterable[Role], before: Iterable[Role]) -> None:
        """Raise Refused where a role would grant what it did not, and what the acting member may not do either.

        Whoever may give roles may give themselves any of the project's: they are not asked.
        """
        scope, known = self._scope, {role.role_id: role for role in before}
        held = scope.signed_in.session.roles if scope.signed_in else ()
        if scope.signed_in is None or scope.policy.allows(held, _GIVE_ROLES):
            return
        for role in roles:
            former = known.get(role.role_id)
            for resource_id, actions in role.permissions.items():
                for action in actions:
                    if not (former and former.grants(resource_id, action)):
                        scope.require(f"{resource_id}:{action}")


def _document(role: Role) -> dict[str, Any]:
    return {
        "role_id": role.role_id,
        "description": role.description,
        "permissions": [
            {"resource_id": resource_id, "actions": sorted(actions)}
            for resource_id, actions in role.permissions.items()
        ],
    }


def _check(roles: tuple[Role, ...], policy: Policy) -> None:
    """Raise Invalid for roles that Stytch would not take."""
    if len(roles) > MOST_ROLES:
        raise _invalid(f"An organization has at most {MOST_ROLES} roles of its own.", "too_many_roles")
    if len({role.role_id for role in roles}) < len(roles):
        raise _invalid("Two of the roles have the same role_id.", "rbac_role_duplicate")
    for role in roles:
        _check_name(role, policy)
        _check_permissions(role, policy)


def _check_name(role: Role, policy: Policy) -> None:
    if not role.role_id.strip():
        raise _invalid("A role has no role_id.", "empty_rbac_role_id")
    if len(role.role_id) > _LONGEST_ID:
        raise _invalid(f"A role_id has at most {_LONGEST_ID} characters.", "rbac_role_id_too_long")
    if len(role.description) > _LONGEST_DESCRIPTION:
        raise _invalid(f"A description has at most {_LONGEST_DESCRIPTION} characters.", "rbac_description_too_long")
    if role.role_id in policy.roles or role.role_id.startswith(_RESERVED):
        raise _invalid(f'"{role.role_id}" is a role of the project, or reserved.', "rbac_org_custom_roles_only")


def _check_permissions(role: Role, policy: Policy) -> None:
    if not role.permissions:
        raise _invalid(f'"{role.role_id}" has no permissions.', "rbac_role_missing_permissions")
    for resource_id, actions in role.permissions.items():
        resource = policy.resources.get(resource_id)
        if resource is None:
            raise _invalid(f'There is no resource "{resource_id}".', "invalid_rbac_custom_role")
        if not actions:
            raise _invalid(f'"{role.role_id}" grants no action on "{resource_id}".', "rbac_permission_missing_actions")
        if WILDCARD in actions and len(actions) > 1:
            raise _invalid(
                f'"{WILDCARD}" stands alone: it is every action.', "cannot_specify_wildcard_with_other_actions"
            )
        unknown = sorted(actions - {WILDCARD, *resource.actions})
        if unknown:
            raise _invalid(f'"{resource_id}" has no action "{unknown[0]}".', "invalid_rbac_custom_role")


def _invalid(detail: str, error_type: str) -> Invalid:
    return Invalid(detail, field="org_policy", error_type=error_type)
