"""Stytch's member object."""

from datetime import datetime
from typing import Any

import msgspec

from portal.api.wire.scim_attributes import ScimAttributes, scim_attributes
from portal.directory import members


class SsoRegistration(msgspec.Struct):
    """Stytch's SSORegistration; not used yet."""

    connection_id: str
    external_id: str
    registration_id: str


class OAuthRegistration(msgspec.Struct):
    """Stytch's OAuthRegistration; not used yet."""

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
    lock_created_at: datetime | None
    lock_expires_at: datetime | None
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


def member(value: members.Member) -> Member:
    """Return a member as Stytch's object."""
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
        is_locked=value.is_locked,
        lock_created_at=value.lock_created_at if value.is_locked else None,
        lock_expires_at=value.lock_expires_at if value.is_locked else None,
        member_password_id=value.member_password_id,
        totp_registration_id=value.totp_registration_id,
        mfa_enrolled=value.mfa_enrolled,
        mfa_phone_number=value.mfa_phone_number,
        mfa_phone_number_verified=value.mfa_phone_number_verified,
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


def _scim_registration(value: members.ScimRegistration | None) -> ScimRegistration | None:
    if value is None:
        return None
    return ScimRegistration(value.connection_id, value.registration_id, value.external_id, scim_attributes(value))
