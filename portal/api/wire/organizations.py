"""Stytch's organization object."""

from datetime import datetime
from typing import Any

import msgspec

from portal.api.wire.roles import CustomRole, roles
from portal.directory import organizations
from portal.directory.organizations import EmailImplicitRoleAssignment


class ActiveSsoConnection(msgspec.Struct):
    """Stytch's ActiveSSOConnection; not used yet."""

    connection_id: str
    display_name: str
    identity_provider: str


class ActiveScimConnection(msgspec.Struct):
    """Stytch's ActiveSCIMConnection."""

    connection_id: str
    display_name: str
    bearer_token_last_four: str
    bearer_token_expires_at: datetime | None


class Organization(msgspec.Struct):
    """Stytch's Organization."""

    organization_id: str
    organization_name: str
    organization_logo_url: str
    organization_slug: str
    organization_external_id: str | None
    sso_jit_provisioning: str
    sso_jit_provisioning_allowed_connections: list[str]
    sso_active_connections: list[ActiveSsoConnection]
    sso_default_connection_id: str | None
    scim_active_connection: ActiveScimConnection | None
    email_allowed_domains: list[str]
    email_jit_provisioning: str
    email_invites: str
    auth_methods: str
    allowed_auth_methods: list[str]
    mfa_policy: str
    mfa_methods: str
    allowed_mfa_methods: list[str]
    oauth_tenant_jit_provisioning: str
    allowed_oauth_tenants: dict[str, list[str]]
    claimed_email_domains: list[str]
    first_party_connected_apps_allowed_type: str
    allowed_first_party_connected_apps: list[str]
    third_party_connected_apps_allowed_type: str
    allowed_third_party_connected_apps: list[str]
    rbac_email_implicit_role_assignments: list[EmailImplicitRoleAssignment]
    custom_roles: list[CustomRole]
    trusted_metadata: dict[str, Any]
    created_at: datetime | None
    updated_at: datetime | None


def organization(value: organizations.Organization) -> Organization:
    """Return an organization as Stytch's object."""
    settings = value.settings
    return Organization(
        organization_id=value.organization_id,
        organization_name=value.organization_name,
        organization_logo_url=value.organization_logo_url,
        organization_slug=value.organization_slug,
        organization_external_id=value.organization_external_id or None,
        sso_jit_provisioning=settings.sso_jit_provisioning,
        sso_jit_provisioning_allowed_connections=list(settings.sso_jit_provisioning_allowed_connections),
        sso_active_connections=[],
        sso_default_connection_id=settings.sso_default_connection_id or None,
        scim_active_connection=_active_scim_connection(value.scim_active_connection),
        email_allowed_domains=list(value.email_allowed_domains),
        email_jit_provisioning=settings.email_jit_provisioning,
        email_invites=settings.email_invites,
        auth_methods=settings.auth_methods,
        allowed_auth_methods=list(settings.allowed_auth_methods),
        mfa_policy=settings.mfa_policy,
        mfa_methods=settings.mfa_methods,
        allowed_mfa_methods=list(settings.allowed_mfa_methods),
        oauth_tenant_jit_provisioning=settings.oauth_tenant_jit_provisioning,
        allowed_oauth_tenants={name: list(tenants) for name, tenants in settings.allowed_oauth_tenants.items()},
        claimed_email_domains=list(settings.claimed_email_domains),
        first_party_connected_apps_allowed_type=settings.first_party_connected_apps_allowed_type,
        allowed_first_party_connected_apps=list(settings.allowed_first_party_connected_apps),
        third_party_connected_apps_allowed_type=settings.third_party_connected_apps_allowed_type,
        allowed_third_party_connected_apps=list(settings.allowed_third_party_connected_apps),
        rbac_email_implicit_role_assignments=list(settings.rbac_email_implicit_role_assignments),
        custom_roles=roles(value.custom_roles),
        trusted_metadata=dict(value.trusted_metadata),
        created_at=value.created_at,
        updated_at=value.updated_at,
    )


def _active_scim_connection(value: organizations.ActiveScimConnection | None) -> ActiveScimConnection | None:
    if value is None:
        return None
    return ActiveScimConnection(
        value.connection_id, value.display_name, value.bearer_token_last_four, value.bearer_token_expires_at
    )
