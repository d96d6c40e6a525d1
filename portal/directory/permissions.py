"""The permissions that pages, endpoints and directories check."""

from enum import StrEnum
from typing import Final

# How the names of actions begin that change nothing.
READ_ACTIONS: Final = ("get", "search")


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
    EMBEDDING_GET = "gatehouse.embedding:get"
    EMBEDDING_UPDATE = "gatehouse.embedding:update"
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
