"""Stytch's role objects."""

from collections.abc import Iterable

import msgspec

from portal.directory.policy import Role


class RolePermission(msgspec.Struct):
    """The actions that a role grants on a resource."""

    resource_id: str
    actions: list[str]


class CustomRole(msgspec.Struct):
    """A role of the project, or a custom role of an organization."""

    role_id: str
    description: str
    permissions: list[RolePermission]


def roles(values: Iterable[Role]) -> list[CustomRole]:
    """Return roles as Stytch's objects."""
    return [
        CustomRole(
            one.role_id,
            one.description,
            [RolePermission(resource_id, sorted(actions)) for resource_id, actions in one.permissions.items()],
        )
        for one in values
    ]
