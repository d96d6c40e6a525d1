"""The permissions that pages, endpoints and directories check."""

from enum import StrEnum


class Permission(StrEnum):
    """An action on a resource of the RBAC policy, `resource:action`, with Stytch's names."""

    SCIM_GET = "stytch.scim:get"
    SCIM_CREATE = "stytch.scim:create"
    SCIM_UPDATE = "stytch.scim:update"
    SCIM_DELETE = "stytch.scim:delete"
    ORGANIZATION_NAME = "stytch.organization:update.info.name"
    ORGANIZATION_SLUG = "stytch.organization:update.info.slug"
    ORGANIZATION_LOGO = "stytch.organization:update.info.logo-url"
    ORGANIZATION_DELETE = "stytch.organization:delete"
    AUTH_METHODS = "stytch.organization:update.settings.allowed-auth-methods"
    MFA_METHODS = "stytch.organization:update.settings.allowed-mfa-methods"
    MFA_POLICY = "stytch.organization:update.settings.mfa-policy"
    EMAIL_INVITES = "stytch.organization:update.settings.email-invites"
    EMAIL_JIT = "stytch.organization:update.settings.email-jit-provisioning"
    SSO_JIT = "stytch.organization:update.settings.sso-jit-provisioning"
    DEFAULT_SSO = "stytch.organization:update.settings.default-sso-connection"
    OAUTH_JIT = "stytch.organization:update.settings.oauth-tenant-jit-provisioning"
    OAUTH_TENANTS = "stytch.organization:update.settings.allowed-oauth-tenants"
    ALLOWED_DOMAINS = "stytch.organization:update.settings.allowed-domains"
    IMPLICIT_ROLES = "stytch.organization:update.settings.implicit-roles"
    ROLES_GET = "stytch.custom-org-roles:get"
    ROLES_CREATE = "stytch.custom-org-roles:create"
    ROLES_UPDATE = "stytch.custom-org-roles:update"
    ROLES_DELETE = "stytch.custom-org-roles:delete"
    ACTIVITY_GET = "gatehouse.activity:get"
    MEMBER_SEARCH = "stytch.member:search"
    MEMBER_CREATE = "stytch.member:create"
    MEMBER_DELETE = "stytch.member:delete"
    MEMBER_SESSIONS = "stytch.member:revoke-sessions"
    MEMBER_PASSWORD = "stytch.member:update.info.delete.password"  # noqa: S105 -- an action

    MEMBER_BREAKGLASS = "stytch.member:update.settings.is-breakglass"
    MEMBER_TOTP = "stytch.member:update.info.delete.mfa-totp"
    MEMBER_PHONE = "stytch.member:update.info.delete.mfa-phone"
    MEMBER_NAME = "stytch.member:update.info.name"
    MEMBER_EMAIL = "stytch.member:update.info.email"
    MEMBER_METADATA = "stytch.member:update.info.untrusted-metadata"
    MEMBER_RETIRED_EMAIL = "stytch.member:update.info.unlink.retired-email"
    MEMBER_MFA = "stytch.member:update.settings.mfa-enrolled"
    MEMBER_DEFAULT_MFA = "stytch.member:update.settings.default-mfa-method"
    MEMBER_ROLES = "stytch.member:update.settings.roles"

    @property
    def label(self) -> str:
        """What the permission allows, to follow "permission to"."""
        return _LABELS[self]


_LABELS = {
    Permission.SCIM_GET: "see the SCIM connection and what it provisioned",
    Permission.SCIM_CREATE: "create a SCIM connection",
    Permission.SCIM_UPDATE: "change the SCIM connection and its token",
    Permission.SCIM_DELETE: "delete the SCIM connection",
    Permission.ORGANIZATION_NAME: "rename the organization",
    Permission.ORGANIZATION_SLUG: "change the organization’s slug",
    Permission.ORGANIZATION_LOGO: "change the organization’s logo",
    Permission.ORGANIZATION_DELETE: "delete the organization",
    Permission.AUTH_METHODS: "choose how members sign in",
    Permission.MFA_METHODS: "choose which second factors members can use",
    Permission.MFA_POLICY: "choose who needs a second factor",
    Permission.EMAIL_INVITES: "choose who can be invited",
    Permission.EMAIL_JIT: "choose who can join by email domain",
    Permission.SSO_JIT: "choose who can join by single sign-on",
    Permission.DEFAULT_SSO: "choose the default SSO connection",
    Permission.OAUTH_JIT: "choose who can join by OAuth tenant",
    Permission.OAUTH_TENANTS: "choose which OAuth tenants the organization trusts",
    Permission.ALLOWED_DOMAINS: "choose which email domains the organization trusts",
    Permission.IMPLICIT_ROLES: "assign roles to groups and email domains",
    Permission.ROLES_GET: "see the organization's roles",
    Permission.ROLES_CREATE: "create roles",
    Permission.ROLES_UPDATE: "change the organization's roles",
    Permission.ROLES_DELETE: "delete the organization's roles",
    Permission.ACTIVITY_GET: "see the activity log",
    Permission.MEMBER_SEARCH: "see the organization's members",
    Permission.MEMBER_CREATE: "invite and reactivate people",
    Permission.MEMBER_DELETE: "revoke invitations or deactivate members",
    Permission.MEMBER_PASSWORD: "reset a member's password",
    Permission.MEMBER_BREAKGLASS: "make members emergency admins",
    Permission.MEMBER_TOTP: "remove a member's authenticator app",
    Permission.MEMBER_PHONE: "remove a member's phone number",
    Permission.MEMBER_NAME: "change a member's name",
    Permission.MEMBER_EMAIL: "change a member's email address",
    Permission.MEMBER_METADATA: "change a member's metadata",
    Permission.MEMBER_RETIRED_EMAIL: "release a member's former addresses",
    Permission.MEMBER_MFA: "require a second factor of a member",
    Permission.MEMBER_DEFAULT_MFA: "choose a member's default second factor",
    Permission.MEMBER_ROLES: "change a member's roles",
    Permission.MEMBER_SESSIONS: "end the sessions of members",
}
