"""What stands in answers more than once: Stytch's objects, field by field as its SDKs require them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from portal.api.endpoints.scim_attributes import ScimAttributes, scim_attributes
from portal.directory.members import Member as MemberValue
from portal.directory.members import ScimRegistration as ScimRegistrationValue
from portal.directory.organizations import ActiveScimConnection as ActiveScimConnectionValue
from portal.directory.organizations import EmailImplicitRoleAssignment
from portal.directory.organizations import Organization as OrganizationValue
from portal.directory.policy import Role


class Nothing(msgspec.Struct):
    """No fields: of a request that says nothing, or an answer that is only its status."""


class ScimGroupRoleAssignment(msgspec.Struct):
    """A role that a SCIM group gives to everybody in it (Stytch: SCIMGroupImplicitRoleAssignments)."""

    role_id: str
    group_id: str
    group_name: str = ""


class ScimConnection(msgspec.Struct):
    """Stytch's SCIMConnection; with a token that was just made, that is shown this once."""

    organization_id: str
    connection_id: str
    status: str
    display_name: str
    identity_provider: str
    base_url: str
    bearer_token_last_four: str
    bearer_token_expires_at: datetime | None
    scim_group_implicit_role_assignments: list[ScimGroupRoleAssignment]
    next_bearer_token_last_four: str
    next_bearer_token_expires_at: datetime | None
    bearer_token: str | msgspec.UnsetType = msgspec.UNSET
    next_bearer_token: str | msgspec.UnsetType = msgspec.UNSET


class ScimGroup(msgspec.Struct):
    """Stytch's SCIMGroup."""

    group_id: str
    group_name: str
    organization_id: str
    connection_id: str


class ActiveSsoConnection(msgspec.Struct):
    """Stytch's ActiveSSOConnection; no organization has one yet."""

    connection_id: str
    display_name: str
    identity_provider: str


class ActiveScimConnection(msgspec.Struct):
    """Stytch's ActiveSCIMConnection."""

    connection_id: str
    display_name: str
    bearer_token_last_four: str
    bearer_token_expires_at: datetime | None


class RolePermission(msgspec.Struct):
    """The actions that a role grants on a resource."""

    resource_id: str
    actions: list[str]


class CustomRole(msgspec.Struct):
    """A role, of the project or of an organization's own."""

    role_id: str
    description: str
    permissions: list[RolePermission]


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


class SsoRegistration(msgspec.Struct):
    """Stytch's SSORegistration; no member has one yet."""

    connection_id: str
    external_id: str
    registration_id: str


class OAuthRegistration(msgspec.Struct):
    """Stytch's OAuthRegistration; no member has one yet."""

    provider_type: str
    provider_subject: str
    member_oauth_registration_id: str


class ScimRegistration(msgspec.Struct):
    """Stytch's SCIMRegistration."""

    connection_id: str
    registration_id: str
    external_id: str
    scim_attributes: ScimAttributes


class RetiredEmail(msgspec.Struct):
    """Stytch's RetiredEmail."""

    email_id: str
    email_address: str


class MemberRoleSource(msgspec.Struct):
    """Stytch's MemberRoleSource."""

    type: str
    details: dict[str, str]


class MemberRole(msgspec.Struct):
    """Stytch's MemberRole."""

    role_id: str
    sources: list[MemberRoleSource]


class Member(msgspec.Struct):
    """Stytch's Member."""

    organization_id: str
    member_id: str
    external_id: str | None
    email_address: str
    email_address_verified: bool
    retired_email_addresses: list[RetiredEmail]
    status: str
    name: str
    is_admin: bool
    is_breakglass: bool
    is_locked: bool
    member_password_id: str
    totp_registration_id: str
    mfa_enrolled: bool
    mfa_phone_number: str
    mfa_phone_number_verified: bool
    default_mfa_method: str
    roles: list[MemberRole]
    sso_registrations: list[SsoRegistration]
    oauth_registrations: list[OAuthRegistration]
    scim_registration: ScimRegistration | None
    trusted_metadata: dict[str, Any]
    untrusted_metadata: dict[str, Any]
    created_at: datetime | None
    updated_at: datetime | None


def organization(value: OrganizationValue) -> Organization:
    """Return an organization as the SDKs read it."""
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


def member(value: MemberValue) -> Member:
    """Return a member as the SDKs read it."""
    return Member(
        organization_id=value.organization_id,
        member_id=value.member_id,
        external_id=value.external_id or None,
        email_address=value.email_address,
        email_address_verified=value.email_address_verified,
        retired_email_addresses=[
            RetiredEmail(one.email_id, one.email_address) for one in value.retired_email_addresses
        ],
        status=value.status,
        name=value.name,
        is_admin=value.is_admin,
        is_breakglass=value.is_breakglass,
        is_locked=False,
        member_password_id=value.member_password_id,
        totp_registration_id="",
        mfa_enrolled=value.mfa_enrolled,
        mfa_phone_number=value.mfa_phone_number,
        mfa_phone_number_verified=False,
        default_mfa_method=value.default_mfa_method,
        roles=[
            MemberRole(role.role_id, [MemberRoleSource(source.type, dict(source.details)) for source in role.sources])
            for role in value.roles
        ],
        sso_registrations=[],
        oauth_registrations=[],
        scim_registration=_scim_registration(value.scim_registration),
        trusted_metadata=dict(value.trusted_metadata),
        untrusted_metadata=dict(value.untrusted_metadata),
        created_at=value.created_at,
        updated_at=value.updated_at,
    )


def roles(values: Iterable[Role]) -> list[CustomRole]:
    """Return roles as the SDKs read them."""
    return [
        CustomRole(
            one.role_id,
            one.description,
            [RolePermission(resource_id, sorted(actions)) for resource_id, actions in one.permissions.items()],
        )
        for one in values
    ]


def _active_scim_connection(value: ActiveScimConnectionValue | None) -> ActiveScimConnection | None:
    if value is None:
        return None
    return ActiveScimConnection(
        value.connection_id, value.display_name, value.bearer_token_last_four, value.bearer_token_expires_at
    )


def _scim_registration(value: ScimRegistrationValue | None) -> ScimRegistration | None:
    if value is None:
        return None
    return ScimRegistration(value.connection_id, value.registration_id, value.external_id, scim_attributes(value))
