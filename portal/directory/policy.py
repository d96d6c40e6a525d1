"""Role-based access control in Stytch's model: roles grant actions on resources."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

MEMBER_ROLE = "stytch_member"
ADMIN_ROLE = "stytch_admin"
WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource and its actions."""

    resource_id: str
    actions: tuple[str, ...]
    description: str = ""


def role_name(role_id: str) -> str:
    """Return a role as people read it: "stytch_admin" is "Admin", "it_admin" is "It admin"."""
    words = role_id.removeprefix("stytch_").replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] if words else role_id


@dataclass(frozen=True, slots=True)
class Role:
    """A role: the actions it grants on each resource, or `*`."""

    role_id: str
    permissions: Mapping[str, frozenset[str]]
    description: str = ""

    def grants(self, resource_id: str, action: str) -> bool:
        """Say whether this role grants the action."""
        actions = self.permissions.get(resource_id, frozenset())
        return action in actions or WILDCARD in actions


@dataclass(frozen=True, slots=True)
class Policy:
    """All roles and resources of a project."""

    roles: Mapping[str, Role]
    resources: Mapping[str, Resource]

    def allows(self, role_ids: Iterable[str], permission: str) -> bool:
        """Say whether one of the roles grants `resource:action`. Unknown roles grant nothing."""
        resource_id, _, action = permission.partition(":")
        return any(self.roles[role_id].grants(resource_id, action) for role_id in role_ids if role_id in self.roles)

    def covers(self, role_ids: Collection[str], others: Iterable[str]) -> bool:
        """Say whether the roles grant every permission that the other roles grant."""
        return all(
            self.allows(role_ids, f"{resource_id}:{action}")
            for other in others
            if other in self.roles
            for resource_id, actions in self.roles[other].permissions.items()
            for action in actions
        )

    def may_grant(self, role_ids: Collection[str], others: Iterable[str]) -> bool:
        """Say whether someone with the roles may give the other roles to members.

        Admins may grant every role: theirs is the highest of an organization. Anyone else grants no more than they have.
        """
        return ADMIN_ROLE in role_ids or self.covers(role_ids, others)

    def rights(self, role_ids: Iterable[str]) -> frozenset[tuple[str, str]]:
        """Return every resource and action that the roles grant. Unknown roles grant nothing."""
        found = set()
        for role_id in role_ids:
            for resource_id, actions in self.roles[role_id].permissions.items() if role_id in self.roles else ():
                known = self.resources[resource_id].actions if resource_id in self.resources else ()
                found |= {(resource_id, action) for action in (known if WILDCARD in actions else actions)}
        return frozenset(found)

    def roles_granting(self, permission: str) -> tuple[Role, ...]:
        """Return the roles that grant `resource:action`, to tell who can help."""
        return tuple(role for role in self.roles.values() if self.allows([role.role_id], permission))

    def with_roles(self, roles: Iterable[Role]) -> "Policy":
        """Return the policy with further roles, such as custom roles. Existing roles can't be replaced."""
        more = {role.role_id: role for role in roles}
        return Policy({**more, **self.roles}, self.resources) if more else self

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Policy":
        """Read a policy in the form of Stytch's `GET /v1/b2b/rbac/policy`. Raise ValueError with the cause."""
        return cls(
            roles={role.role_id: role for role in read_roles(document)},
            resources={r.resource_id: r for r in map(_read_resource, _read_list(document, "resources"))},
        )

    def extended_by(self, other: "Policy") -> "Policy":
        """Return both policies as one. Raise ValueError if `other` removes a permission of a built-in role."""
        roles = {role_id: _with_ours(role, self.roles.get(role_id)) for role_id, role in other.roles.items()}
        for role_id in self.roles.keys() & roles.keys():
            for resource_id, actions in self.roles[role_id].permissions.items():
                if not actions <= roles[role_id].permissions.get(resource_id, frozenset()):
                    raise ValueError(f'role "{role_id}" must keep its built-in permissions on "{resource_id}"')
        for resource_id in other.resources:
            if reserved := next((name for name in _RESERVED if resource_id.startswith(name)), ""):
                raise ValueError(f'resource "{resource_id}": names that start with "{reserved}" are reserved')
        return Policy(roles={**self.roles, **roles}, resources={**self.resources, **other.resources})


def load_policy(path: Path | None) -> Policy:
    """Return the default policy, extended by a JSON file in Stytch's form. Raise ValueError with the file and the cause."""
    if path is None:
        return DEFAULT_POLICY
    try:
        return DEFAULT_POLICY.extended_by(Policy.from_json(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError) as error:
        raise ValueError(f"policy file {path}: {error}") from error


def read_roles(document: Mapping[str, Any]) -> tuple[Role, ...]:
    """Read the roles of a policy in Stytch's form. Raise ValueError with the cause."""
    return tuple(map(_read_role, _read_list(document, "roles")))


def _read_list(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    values = document.get(key, []) if isinstance(document, Mapping) else None
    if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
        raise ValueError(f'"{key}" must be a list of objects')
    return values


def _read_text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f'"{key}" is missing or is not text')
    return value


def _read_actions(document: Mapping[str, Any]) -> tuple[str, ...]:
    actions = document.get("actions")
    if not isinstance(actions, list) or not all(isinstance(action, str) and action for action in actions):
        raise ValueError('"actions" must be a list of texts')
    return tuple(actions)


def _read_role(document: Mapping[str, Any]) -> Role:
    return Role(
        role_id=_read_text(document, "role_id"),
        description=str(document.get("description", "")),
        permissions={
            _read_text(entry, "resource_id"): frozenset(_read_actions(entry))
            for entry in _read_list(document, "permissions")
        },
    )


def _read_resource(document: Mapping[str, Any]) -> Resource:
    return Resource(
        resource_id=_read_text(document, "resource_id"),
        description=str(document.get("description", "")),
        actions=_read_actions(document),
    )


def _with_ours(role: Role, built_in: Role | None) -> Role:
    """Return a built-in role with what it grants on our own resources, which a policy of Stytch's doesn't mention."""
    granted = built_in.permissions if built_in else {}
    ours = {name: actions for name, actions in granted.items() if name.startswith("gatehouse.")}
    return replace(role, permissions={**ours, **role.permissions})


_RESERVED = ("stytch", "gatehouse.")
_CRUD = ("create", "get", "update", "delete")
_MEMBER_INFO = (
    "update.info.name",
    "update.info.email",
    "update.info.untrusted-metadata",
    "update.info.mfa-phone",
    "update.info.delete.mfa-phone",
    "update.info.delete.mfa-totp",
    "update.info.delete.password",
    "update.info.unlink.retired-email",
    "update.settings.mfa-enrolled",
    "update.settings.default-mfa-method",
    "get.connected-apps",
    "revoke.connected-app",
    "revoke-sessions",
    "delete",
)

# Stytch's default resources and actions: reference/stytch-api.md 9.1 and 9.2.
_DEFAULT_RESOURCES = (
    Resource(
        "stytch.organization",
        (
            "update.info.name",
            "update.info.slug",
            "update.info.logo-url",
            "update.settings.allowed-auth-methods",
            "update.settings.allowed-mfa-methods",
            "update.settings.email-jit-provisioning",
            "update.settings.email-invites",
            "update.settings.allowed-domains",
            "update.settings.default-sso-connection",
            "update.settings.sso-jit-provisioning",
            "update.settings.mfa-policy",
            "update.settings.implicit-roles",
            "update.settings.oauth-tenant-jit-provisioning",
            "update.settings.allowed-oauth-tenants",
            "delete",
        ),
        "The organization and its settings",
    ),
    Resource(
        "stytch.member",
        ("create", "search", *_MEMBER_INFO, "update.settings.is-breakglass", "update.settings.roles"),
        "The organization's members",
    ),
    Resource("stytch.self", _MEMBER_INFO, "The member's own account"),
    Resource("stytch.sso", _CRUD, "Single sign-on connections"),
    Resource("stytch.scim", _CRUD, "The SCIM connection and what it provisioned"),
    Resource("stytch.custom-org-roles", _CRUD, "Custom roles of the organization"),
    # Ours: Stytch has no such resource (docs/decisions/0033).
    Resource("gatehouse.activity", ("get",), "The organization's activity log"),
    Resource("gatehouse.embedding", ("get", "update"), "The portal in frames of the product's pages"),
)
_EVERYTHING = frozenset({WILDCARD})
_DEFAULT_ROLES = (
    Role(MEMBER_ROLE, {"stytch.self": _EVERYTHING}, "Every member; manages their own account"),
    Role(
        ADMIN_ROLE,
        dict.fromkeys(
            (
                "stytch.organization",
                "stytch.member",
                "stytch.sso",
                "stytch.scim",
                "stytch.custom-org-roles",
                "gatehouse.activity",
                "gatehouse.embedding",
            ),
            _EVERYTHING,
        ),
        "Manages the organization, its members and its connections",
    ),
)
DEFAULT_POLICY = Policy(
    roles={role.role_id: role for role in _DEFAULT_ROLES},
    resources={resource.resource_id: resource for resource in _DEFAULT_RESOURCES},
)
