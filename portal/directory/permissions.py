"""The permissions that pages, endpoints and directories check."""

from enum import StrEnum


class Permission(StrEnum):
    """An action on a resource of the RBAC policy, `resource:action`, with Stytch's names."""

    SCIM_GET = "stytch.scim:get"
    SCIM_CREATE = "stytch.scim:create"
    SCIM_UPDATE = "stytch.scim:update"
    SCIM_DELETE = "stytch.scim:delete"
    ALLOWED_DOMAINS = "stytch.organization:update.settings.allowed-domains"
    IMPLICIT_ROLES = "stytch.organization:update.settings.implicit-roles"
    MEMBER_PASSWORD = "stytch.member:update.info.delete.password"  # noqa: S105 -- an action

    @property
    def label(self) -> str:
        """What the permission allows, to follow "permission to"."""
        return _LABELS[self]


_LABELS = {
    Permission.SCIM_GET: "see the SCIM connection and what it provisioned",
    Permission.SCIM_CREATE: "create a SCIM connection",
    Permission.SCIM_UPDATE: "change the SCIM connection and its token",
    Permission.SCIM_DELETE: "delete the SCIM connection",
    Permission.ALLOWED_DOMAINS: "change which email domains the organization vouches for",
    Permission.IMPLICIT_ROLES: "decide which groups grant which roles",
    Permission.MEMBER_PASSWORD: "reset a member's password",
}
