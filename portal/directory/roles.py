"""The roles of an organization: who has them, the organization's own, and the email domains that grant them."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from portal.directory.organizations import EmailImplicitRoleAssignment
from portal.directory.policy import WILDCARD, Policy, Role

# How many rules by email domain one change can add or remove.
MAX_RULES_AT_ONCE = 50


def role_version(role: Role) -> str:
    """Return the version of a role. A change names the version that it is based on."""
    permissions = {resource_id: sorted(actions) for resource_id, actions in sorted(role.permissions.items())}
    return _digest([role.role_id, role.description, permissions])


def assignments_version(assignments: Iterable[EmailImplicitRoleAssignment]) -> str:
    """Return the version of the roles by email domain."""
    return _digest(sorted([one.domain, one.role_id] for one in assignments))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def granted(role: Role | None, policy: Policy) -> frozenset[tuple[str, str]]:
    """Return what a role grants, as (resource, action). `*` means the actions that the resource has now."""
    found: set[tuple[str, str]] = set()
    for resource_id, actions in role.permissions.items() if role else ():
        resource = policy.resources.get(resource_id)
        known = resource.actions if resource and WILDCARD in actions else ()
        found |= {(resource_id, action) for action in (*actions, *known) if action != WILDCARD}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class RoleNumbers:
    """How many members have a role, how many of them manually, and how many groups grant it."""

    members: int = 0
    manual: int = 0
    groups: int = 0


@dataclass(frozen=True, slots=True)
class NumbersOfRoles:
    """The numbers of each role that someone has. `counted_at` is None if they were counted just now.

    `roles` is None for an organization that is too large to count on a page, until it is counted.
    """

    roles: Mapping[str, RoleNumbers] | None
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AffectedMember:
    """A member that a change affects."""

    member_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Affected:
    """Members that a change affects. The first of them are named, the caller before all others."""

    number: int = 0
    first: tuple[AffectedMember, ...] = ()
    includes_caller: bool = False

    @property
    def more(self) -> int:
        """How many there are in addition to the first."""
        return self.number - len(self.first)


@dataclass(frozen=True, slots=True)
class PermissionEffect:
    """Permissions that the same members gain, or lose because no other role grants them to these members."""

    permissions: tuple[tuple[str, str], ...]
    is_gained: bool
    affected: Affected


@dataclass(frozen=True, slots=True)
class RolePreview:
    """Who a change of a role affects: everyone who has it and what gives it to them, and who gains and loses what."""

    holders: Affected
    manual: int
    groups: int
    domains: tuple[str, ...]
    effects: tuple[PermissionEffect, ...] = ()


@dataclass(frozen=True, slots=True)
class EmailRuleEffect:
    """Who gains a role by a new rule for an email domain, or loses one that nothing else gives them."""

    assignment: EmailImplicitRoleAssignment
    is_gained: bool
    # Everyone with an address in the domain, and those of them who gain or lose the role.
    members: int
    affected: Affected = field(default_factory=Affected)


class RoleGateway(Protocol):
    """The organization's own roles, in addition to those of the project, and the roles by email domain.

    Raise Forbidden if a role would grant a permission that the acting member doesn't have, unless they are an admin.
    """

    def own(self) -> tuple[Role, ...]:
        """Return the organization's own roles. Needs `stytch.custom-org-roles:get`."""
        ...

    def create(self, role: Role) -> Role:
        """Create a role. Needs `stytch.custom-org-roles:create`. Raise Invalid, Forbidden, StepUpRequired, Conflict if the ID is taken."""
        ...

    def update(self, role: Role, *, version: str) -> Role:
        """Change the description and the permissions of a role. Needs `stytch.custom-org-roles:update`.

        Raise NotFound, Invalid, Forbidden, StepUpRequired, and Conflict (field "version") if it is no longer `role_version()`.
        """
        ...

    def delete(self, role_id: str, *, version: str) -> None:
        """Delete a role. Needs `stytch.custom-org-roles:delete`. Raise NotFound, Forbidden, StepUpRequired, Conflict (field "version").

        Members who have it keep its name, which grants nothing.
        """
        ...

    def email_assignments(self) -> tuple[EmailImplicitRoleAssignment, ...]:
        """Return the roles by email domain."""
        ...

    def change_email_assignments(
        self,
        *,
        add: Collection[EmailImplicitRoleAssignment] = (),
        remove: Collection[EmailImplicitRoleAssignment] = (),
        version: str,
    ) -> tuple[EmailImplicitRoleAssignment, ...]:
        """Make all changes or none. Needs `stytch.organization:update.settings.implicit-roles`.

        Raise Invalid for a domain or a role, Forbidden, StepUpRequired, and Conflict: field "version" if they are no longer those of
        `assignments_version()`, or if the organization would have no admin left.
        """
        ...


class RoleReviewGateway(Protocol):
    """Numbers of the roles, and what a change of them does."""

    def numbers(self) -> NumbersOfRoles:
        """Count who has each role. Needs `stytch.custom-org-roles:get`. Two queries more than the organization's members."""
        ...

    def group_names(self, group_ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of groups by ID. Needs `stytch.member:search`."""
        ...

    def groups_granting(self, role_id: str, *, limit: int) -> Mapping[str, str]:
        """Return the names of the first groups that grant a role, by ID. Needs `stytch.custom-org-roles:get`."""
        ...

    def preview(self, before: Role | None, after: Role | None) -> RolePreview:
        """Return who is affected if a role is created (no `before`), changed, or deleted (no `after`).

        Needs `stytch.custom-org-roles:get`. The time grows with the number of members.
        """
        ...

    def preview_email_assignments(
        self,
        *,
        add: Collection[EmailImplicitRoleAssignment] = (),
        remove: Collection[EmailImplicitRoleAssignment] = (),
    ) -> tuple[EmailRuleEffect, ...]:
        """Return what new rules and removed ones do. Needs `stytch.organization:update.settings.implicit-roles`.

        Raise Invalid for a domain. The time grows with the number of members.
        """
        ...
