"""Stytch's objects as values of the contract (reference: Stytch's Organization, Member, MemberSession, SCIM)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from portal.directory.members import Member, MemberRole, MemberRoleSource, MemberStatus, RetiredEmail, RoleSourceType
from portal.directory.organizations import EmailImplicitRoleAssignment, Organization, OrganizationSettings
from portal.directory.policy import Role, read_roles
from portal.directory.scim.connection import ScimConnection, ScimConnectionStatus, ScimIdentityProvider
from portal.directory.scim.groups import ScimGroup
from portal.directory.second_factors import SMS_OTP, TOTP, MfaRequired, PendingSignIn
from portal.directory.sessions import (
    Authentication,
    AuthenticationFactor,
    MemberSession,
    SignedIn,
    second_factor_required,
)
from portal.stytch.documents import Document, misread

# How the factors that step-up accepts are delivered.
_DELIVERY = {
    "email_otp": "email",
    "magic_link": "email",
    "totp": "authenticator_app",
    "otp": "sms",
    "recovery_codes": "recovery_code",
}
Choice = TypeVar("Choice", bound=StrEnum)


def organization_value(document: Document) -> Organization:
    """Return an organization."""
    return Organization(
        document.text("organization_id"),
        document.text("organization_name"),
        document.text("organization_slug"),
        organization_logo_url=document.text("organization_logo_url"),
        organization_external_id=_optional_text(document, "organization_external_id"),
        email_allowed_domains=tuple(document.texts("email_allowed_domains")),
        settings=OrganizationSettings(
            sso_jit_provisioning=document.text("sso_jit_provisioning"),
            sso_jit_provisioning_allowed_connections=tuple(document.texts("sso_jit_provisioning_allowed_connections")),
            sso_default_connection_id=_optional_text(document, "sso_default_connection_id"),
            email_jit_provisioning=document.text("email_jit_provisioning"),
            email_invites=document.text("email_invites"),
            auth_methods=document.text("auth_methods"),
            allowed_auth_methods=tuple(document.texts("allowed_auth_methods")),
            mfa_policy=document.text("mfa_policy"),
            mfa_methods=document.text("mfa_methods"),
            allowed_mfa_methods=tuple(document.texts("allowed_mfa_methods")),
            oauth_tenant_jit_provisioning=document.text("oauth_tenant_jit_provisioning"),
            allowed_oauth_tenants=_tenants(document),
            claimed_email_domains=tuple(document.texts("claimed_email_domains")),
            rbac_email_implicit_role_assignments=tuple(
                EmailImplicitRoleAssignment(one.text("domain"), one.text("role_id"))
                for one in document.parts("rbac_email_implicit_role_assignments")
            ),
        ),
        trusted_metadata=_object(document, "trusted_metadata"),
        custom_roles=_own_roles(document),
    )


def _own_roles(document: Document) -> tuple[Role, ...]:
    """Return the organization's own roles. An organization without any may have no such field."""
    try:
        return read_roles({"roles": document.fields.get("custom_roles") or []})
    except ValueError as error:
        raise misread(f"custom_roles: {error}", document.request_id) from None


def _optional_text(document: Document, name: str) -> str:
    return document.text(name) if document.fields.get(name) is not None else ""


def _object(document: Document, name: str) -> Mapping[str, Any]:
    part = document.optional_part(name)
    return part.fields if part else {}


def _tenants(document: Document) -> Mapping[str, tuple[str, ...]]:
    part = document.optional_part("allowed_oauth_tenants")
    return {name: tuple(part.texts(name)) for name in part.fields} if part else {}


def member_value(document: Document) -> Member:
    """Return a member with effective roles and their sources."""
    return Member(
        member_id=document.text("member_id"),
        organization_id=document.text("organization_id"),
        email_address=document.text("email_address"),
        name=document.text("name"),
        status=_choice(document, "status", MemberStatus),
        roles=tuple(_role(role) for role in document.parts("roles")),
        lock_created_at=document.optional_timestamp("lock_created_at"),
        lock_expires_at=document.optional_timestamp("lock_expires_at"),
        mfa_enrolled=document.flag("mfa_enrolled"),
        mfa_phone_number=document.text("mfa_phone_number"),
        mfa_phone_number_verified=document.flag("mfa_phone_number_verified"),
        totp_registration_id=document.text("totp_registration_id"),
        default_mfa_method=document.text("default_mfa_method"),
        email_address_verified=document.flag("email_address_verified"),
        is_breakglass=document.flag("is_breakglass"),
        external_id=_optional_text(document, "external_id"),
        member_password_id=document.text("member_password_id"),
        retired_email_addresses=tuple(
            RetiredEmail(one.text("email_id"), one.text("email_address"))
            for one in document.parts("retired_email_addresses")
        ),
        trusted_metadata=_object(document, "trusted_metadata"),
        untrusted_metadata=_object(document, "untrusted_metadata"),
        created_at=document.optional_timestamp("created_at"),
        updated_at=document.optional_timestamp("updated_at"),
    )


def mfa_required_value(answer: Document) -> MfaRequired | None:
    """Return the second factors that a member can add, None if the answer asks for none."""
    required = answer.optional_part("mfa_required")
    if required is None:
        return None
    allowed = organization_value(answer.part("organization")).settings.second_factors
    member = member_value(answer.part("member"))
    return MfaRequired(
        phone_number=member.mfa_phone_number if SMS_OTP in allowed and member.has_phone else "",
        totp_registration_id=member.totp_registration_id if TOTP in allowed else "",
        initiated=required.text("secondary_auth_initiated") if required.fields.get("secondary_auth_initiated") else "",
    )


def pending_sign_in_value(answer: Document) -> PendingSignIn:
    """Return a sign-in that waits for a second factor."""
    outcome = Authentication(
        member_value(answer.part("member")),
        organization_value(answer.part("organization")),
        None,
        intermediate_session_token=answer.text("intermediate_session_token"),
    )
    return second_factor_required(outcome, mfa_required_value(answer) or MfaRequired()).pending


def signed_in_value(answer: Document) -> SignedIn:
    """Return the session, member and organization of a response that starts or checks a session."""
    session = answer.part("member_session")
    return SignedIn(
        session=MemberSession(
            member_session_id=session.text("member_session_id"),
            member_id=session.text("member_id"),
            organization_id=session.text("organization_id"),
            organization_slug=session.text("organization_slug"),
            roles=frozenset(session.texts("roles")),
            started_at=session.timestamp("started_at"),
            last_accessed_at=session.timestamp("last_accessed_at"),
            expires_at=session.timestamp("expires_at"),
            password_entered_at=_last_proved_by("password", session),
            other_factors=_other_factors(session),
        ),
        member=member_value(answer.part("member")),
        organization=organization_value(answer.part("organization")),
        session_token=answer.text("session_token"),
    )


def _last_proved_by(factor_type: str, session: Document) -> datetime | None:
    factors = session.parts("authentication_factors")
    timestamps = [one.optional_timestamp("last_authenticated_at") for one in factors if one.text("type") == factor_type]
    return max((one for one in timestamps if one), default=None)


def _other_factors(session: Document) -> tuple[AuthenticationFactor, ...]:
    """Return the factors that step-up accepts besides a password, with when they were last used."""
    found = {name: _last_proved_by(name, session) for name in _DELIVERY}
    return tuple(AuthenticationFactor(name, _DELIVERY[name], at, at) for name, at in found.items() if at)


def scim_connection_value(document: Document) -> ScimConnection:
    """Return a SCIM connection; one without a named identity provider is a generic one."""
    provider = document.text("identity_provider")
    return ScimConnection(
        connection_id=document.text("connection_id"),
        organization_id=document.text("organization_id"),
        status=_choice(document, "status", ScimConnectionStatus),
        display_name=document.text("display_name"),
        identity_provider=_choice(document, "identity_provider", ScimIdentityProvider)
        if provider
        else ScimIdentityProvider.GENERIC,
        # Stytch adds what an admin enters for Entra (`entered_url`).
        base_url=document.text("base_url").partition("?")[0],
        bearer_token_last_four=document.text("bearer_token_last_four"),
        bearer_token_expires_at=document.optional_timestamp("bearer_token_expires_at"),
    )


def scim_group_value(document: Document) -> ScimGroup:
    """Return a group; Stytch does not tell how many people are in it."""
    return ScimGroup(
        group_id=document.text("group_id"),
        group_name=document.text("group_name"),
        organization_id=document.text("organization_id"),
        connection_id=document.text("connection_id"),
    )


def _role(document: Document) -> MemberRole:
    types = [source.text("type") for source in document.parts("sources")]
    # Ignore unknown sources: the role is effective anyway.
    known = (MemberRoleSource(RoleSourceType(type_)) for type_ in types if type_ in _SOURCES)
    return MemberRole(document.text("role_id"), tuple(known))


_SOURCES = frozenset(RoleSourceType)


def _choice(document: Document, name: str, choices: type[Choice]) -> Choice:
    try:
        return choices(document.text(name))
    except ValueError:
        raise misread(name, document.request_id) from None
