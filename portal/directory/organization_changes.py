"""What of an organization is to be changed, and who may change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.directory.organization_settings import EmailImplicitRoleAssignment

RESOURCE = "stytch.organization"
# The action that each field needs of a member (Stytch: Update Organization). What has none is for the project alone.
FIELD_ACTIONS: Mapping[str, str] = {
    "organization_name": "update.info.name",
    "organization_slug": "update.info.slug",
    "organization_logo_url": "update.info.logo-url",
    "sso_default_connection_id": "update.settings.default-sso-connection",
    "sso_jit_provisioning": "update.settings.sso-jit-provisioning",
    "sso_jit_provisioning_allowed_connections": "update.settings.sso-jit-provisioning",
    "email_allowed_domains": "update.settings.allowed-domains",
    "email_jit_provisioning": "update.settings.email-jit-provisioning",
    "email_invites": "update.settings.email-invites",
    "auth_methods": "update.settings.allowed-auth-methods",
    "allowed_auth_methods": "update.settings.allowed-auth-methods",
    "mfa_policy": "update.settings.mfa-policy",
    "mfa_methods": "update.settings.allowed-mfa-methods",
    "allowed_mfa_methods": "update.settings.allowed-mfa-methods",
    "oauth_tenant_jit_provisioning": "update.settings.oauth-tenant-jit-provisioning",
    "allowed_oauth_tenants": "update.settings.allowed-oauth-tenants",
    "rbac_email_implicit_role_assignments": "update.settings.implicit-roles",
}
PROJECT_ONLY = (
    "trusted_metadata",
    "organization_external_id",
    "claimed_email_domains",
    "first_party_connected_apps_allowed_type",
    "allowed_first_party_connected_apps",
    "third_party_connected_apps_allowed_type",
    "allowed_third_party_connected_apps",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationChanges:
    """What is given, by Stytch's names; None leaves a thing as it is, or at its default.

    Of `trusted_metadata` the keys that are given are replaced, and those that are null taken away.
    """

    organization_name: str | None = None
    organization_slug: str | None = None
    organization_logo_url: str | None = None
    organization_external_id: str | None = None
    trusted_metadata: Mapping[str, Any] | None = None
    email_allowed_domains: Sequence[str] | None = None
    sso_jit_provisioning: str | None = None
    sso_jit_provisioning_allowed_connections: Sequence[str] | None = None
    sso_default_connection_id: str | None = None
    email_jit_provisioning: str | None = None
    email_invites: str | None = None
    auth_methods: str | None = None
    allowed_auth_methods: Sequence[str] | None = None
    mfa_policy: str | None = None
    mfa_methods: str | None = None
    allowed_mfa_methods: Sequence[str] | None = None
    oauth_tenant_jit_provisioning: str | None = None
    allowed_oauth_tenants: Mapping[str, Sequence[str]] | None = None
    claimed_email_domains: Sequence[str] | None = None
    first_party_connected_apps_allowed_type: str | None = None
    allowed_first_party_connected_apps: Sequence[str] | None = None
    third_party_connected_apps_allowed_type: str | None = None
    allowed_third_party_connected_apps: Sequence[str] | None = None
    rbac_email_implicit_role_assignments: Sequence[EmailImplicitRoleAssignment] | None = None
