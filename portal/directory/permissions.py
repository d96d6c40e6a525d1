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
    ACTIVITY_GET = "gatehouse.activity:get"
    MEMBER_SEARCH = "stytch.member:search"
    MEMBER_PASSWORD = "stytch.member:update.info.delete.password"  # noqa: S105 -- an action

    MEMBER_TOTP = "stytch.member:update.info.delete.mfa-totp"
    MEMBER_PHONE = "stytch.member:update.info.delete.mfa-phone"

    @property
    def label(self) -> str:
        """What the permission allows, to follow "permission to"."""
        return _LABELS[self]


_LABELS = {
    Permission.SCIM_GET: "see the SCIM connection and what it provisioned",
    Permission.SCIM_CREATE: "create a SCIM connection",
    Permission.SCIM_UPDATE: "change the SCIM connection and its token",
    Permission.SCIM_DELETE: "delete the SCIM connection",
    Permission.ALLOWED_DOMAINS: "choose which email domains the organization trusts",
    Permission.IMPLICIT_ROLES: "assign roles to groups",
    Permission.ACTIVITY_GET: "see the activity log",
    Permission.MEMBER_SEARCH: "see the organization's members",
    Permission.MEMBER_PASSWORD: "reset a member's password",
    Permission.MEMBER_TOTP: "remove a member's authenticator app",
    Permission.MEMBER_PHONE: "remove a member's phone number",
}
