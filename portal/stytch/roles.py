"""The organization's own roles (organization policy) and roles by email domain."""

from collections.abc import Collection, Iterable
from functools import partial

from portal.directory.errors import Conflict, Forbidden, NotFound
from portal.directory.members import MemberRoleSource, RoleSourceType
from portal.directory.organizations import EmailImplicitRoleAssignment
from portal.directory.permissions import Permission
from portal.directory.policy import ADMIN_ROLE, Policy, Role, read_roles, role_name
from portal.directory.roles import assignments_version, granted, role_version
from portal.directory.step_up import require_recent_proof
from portal.stytch.admins import require_admin_without
from portal.stytch.documents import Document, misread
from portal.stytch.http import path_of
from portal.stytch.rbac import StytchRbac
from portal.stytch.scope import Scope

_ASSIGNMENTS = "rbac_email_implicit_role_assignments"
_NO_ADMIN = (
    "All admins have the role by email domain, so the organization would have no admin. Make a member an admin first."
)


class StytchRoles:
    """Implements portal.directory.roles.RoleGateway.

    Stytch replaces all roles at once and has no versions, so a change by someone else between reading and writing is lost.
    It checks no member's permissions for organization policies, so they are checked here.
    """

    def __init__(self, scope: Scope, rbac: StytchRbac) -> None:
        self._scope, self._rbac = scope, rbac

    def own(self) -> tuple[Role, ...]:
        """Return the organization's own roles (GET /v1/b2b/rbac/organizations/{organization_id}). Raise Forbidden."""
        self._require(Permission.ROLES_GET)
        return self._read()

    def create(self, role: Role) -> Role:
        """Create a role. Raise Invalid, Forbidden, StepUpRequired, Conflict."""
        self._require(Permission.ROLES_CREATE)
        require_recent_proof(self._scope.signed_in)
        roles = self._read()
        if role.role_id in {one.role_id for one in roles} or role.role_id in self._rbac.policy().roles:
            raise Conflict(f"There already is a role “{role_name(role.role_id)}”.", field="name")
        self._require_permissions(None, role, roles)
        return _named(self._write([*roles, role]), role.role_id)

    def update(self, role: Role, *, version: str) -> Role:
        """Change a role. Raise NotFound, Invalid, Forbidden, StepUpRequired, Conflict."""
        self._require(Permission.ROLES_UPDATE)
        require_recent_proof(self._scope.signed_in)
        roles = self._read()
        before = _current(roles, role.role_id, version)
        self._require_permissions(before, role, roles)
        written = self._write([role if one.role_id == role.role_id else one for one in roles])
        return _named(written, role.role_id)

    def delete(self, role_id: str, *, version: str) -> None:
        """Delete a role. Raise NotFound, Forbidden, StepUpRequired, Conflict."""
        self._require(Permission.ROLES_DELETE)
        require_recent_proof(self._scope.signed_in)
        roles = self._read()
        _current(roles, role_id, version)
        self._write([one for one in roles if one.role_id != role_id])

    def email_assignments(self) -> tuple[EmailImplicitRoleAssignment, ...]:
        """Return the roles by email domain (GET /v1/b2b/organizations/{organization_id})."""
        answer = self._scope.api.get(path_of("organizations", self._scope.organization))
        return _assignments(answer.part("organization"))

    def change_email_assignments(
        self,
        *,
        add: Collection[EmailImplicitRoleAssignment] = (),
        remove: Collection[EmailImplicitRoleAssignment] = (),
        version: str,
    ) -> tuple[EmailImplicitRoleAssignment, ...]:
        """Make all changes or none (PUT /v1/b2b/organizations/{organization_id}). Raise as the contract."""
        require_recent_proof(self._scope.signed_in)
        before = self.email_assignments()
        if assignments_version(before) != version:
            raise Conflict("Someone else changed these rules in the meantime.", field="version")
        signed_in = self._scope.signed_in
        gained = [one.role_id for one in add if one not in before]
        if signed_in and not self._policy(signed_in.organization.custom_roles).may_grant(
            signed_in.session.roles, gained
        ):
            raise Forbidden("The role grants permissions that you don’t have, so you can’t give it to anyone.")
        after = dict.fromkeys([*(one for one in before if one not in remove), *add])
        if any(one.role_id == ADMIN_ROLE for one in before if one not in after):
            kept = {one.domain for one in after if one.role_id == ADMIN_ROLE}
            require_admin_without(self._scope, partial(_is_lost, kept), _NO_ADMIN)
        body = {_ASSIGNMENTS: [{"domain": one.domain, "role_id": one.role_id} for one in after]}
        answer = self._scope.api.put(
            path_of("organizations", self._scope.organization), body, session_token=self._token
        )
        return _assignments(answer.part("organization"))

    @property
    def _token(self) -> str:
        return self._scope.signed_in.session_token if self._scope.signed_in else ""

    def _policy(self, own: Iterable[Role]) -> Policy:
        return self._rbac.policy().with_roles(own)

    def _require(self, permission: Permission) -> None:
        signed_in = self._scope.signed_in
        own = signed_in.organization.custom_roles if signed_in else ()
        if signed_in is None or not self._policy(own).allows(signed_in.session.roles, permission):
            raise Forbidden("Your roles do not allow this.")

    def _require_permissions(self, before: Role | None, after: Role, own: Iterable[Role]) -> None:
        """Raise Forbidden if a role would gain a permission that the acting member doesn't have, unless they are an admin."""
        signed_in, policy = self._scope.signed_in, self._policy(own)
        roles = signed_in.session.roles if signed_in else frozenset()
        for resource_id, action in granted(after, policy) - granted(before, policy):
            if ADMIN_ROLE not in roles and not policy.allows(roles, f"{resource_id}:{action}"):
                raise Forbidden(
                    f"You can’t put {resource_id}:{action} into a role: your own roles don’t allow it.",
                    field="permissions",
                )

    def _read(self) -> tuple[Role, ...]:
        return _roles(self._scope.api.get(path_of("rbac", "organizations", self._scope.organization)))

    def _write(self, roles: Iterable[Role]) -> tuple[Role, ...]:
        documents = [
            {
                "role_id": role.role_id,
                "description": role.description,
                "permissions": [
                    {"resource_id": resource_id, "actions": sorted(actions)}
                    for resource_id, actions in role.permissions.items()
                ],
            }
            for role in roles
        ]
        path = path_of("rbac", "organizations", self._scope.organization)
        return _roles(self._scope.api.put(path, {"org_policy": {"roles": documents}}, session_token=""))


def _roles(answer: Document) -> tuple[Role, ...]:
    try:
        return read_roles(answer.part("org_policy").fields)
    except ValueError as error:
        raise misread(f"org_policy: {error}", answer.request_id) from None


def _assignments(organization: Document) -> tuple[EmailImplicitRoleAssignment, ...]:
    found = organization.parts(_ASSIGNMENTS)
    return tuple(EmailImplicitRoleAssignment(one.text("domain"), one.text("role_id")) for one in found)


def _is_lost(kept: Collection[str], source: MemberRoleSource) -> bool:
    """Say whether a source is an email domain that no longer gives the role."""
    return source.type is RoleSourceType.EMAIL_ASSIGNMENT and source.details.get("email_domain") not in kept


def _named(roles: Iterable[Role], role_id: str) -> Role:
    """Return a role by ID. Raise NotFound."""
    for role in roles:
        if role.role_id == role_id:
            return role
    raise NotFound("This role doesn't exist, or the organization didn't define it.")


def _current(roles: Iterable[Role], role_id: str, version: str) -> Role:
    """Return one of the organization's roles. Raise NotFound, Conflict."""
    role = _named(roles, role_id)
    if role_version(role) != version:
        raise Conflict("Someone else changed this role in the meantime.", field="version")
    return role
