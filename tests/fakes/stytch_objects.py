"""Stytch's objects as JSON, with every field that Stytch's own Python SDK requires."""

from datetime import datetime
from typing import Any

from portal.directory.policy import Policy
from tests.fakes.stytch_project import Connection, Group, Member, Organization, Session, now


def rfc3339(timestamp: datetime) -> str:
    return timestamp.isoformat().replace("+00:00", "Z")


def organization_object(organization: Organization) -> dict[str, Any]:
    return {
        "organization_id": organization.id,
        "organization_name": organization.name,
        "organization_slug": organization.slug,
        "organization_logo_url": "",
        "sso_jit_provisioning": "ALL_ALLOWED",
        "sso_jit_provisioning_allowed_connections": [],
        "sso_active_connections": [],
        "email_allowed_domains": [organization.jit_domain] if organization.jit_domain else [],
        "email_jit_provisioning": "RESTRICTED" if organization.jit_domain else "NOT_ALLOWED",
        "email_invites": organization.email_invites,
        "auth_methods": "ALL_ALLOWED",
        "allowed_auth_methods": [],
        "mfa_policy": organization.mfa_policy,
        "rbac_email_implicit_role_assignments": [],
        "mfa_methods": "ALL_ALLOWED",
        "allowed_mfa_methods": [],
        "oauth_tenant_jit_provisioning": "NOT_ALLOWED",
        "claimed_email_domains": [],
        "first_party_connected_apps_allowed_type": "ALL_ALLOWED",
        "allowed_first_party_connected_apps": [],
        "third_party_connected_apps_allowed_type": "ALL_ALLOWED",
        "allowed_third_party_connected_apps": [],
        "custom_roles": organization.custom_roles,
        "trusted_metadata": None,
        **organization.changed,
    }


def member_object(member: Member) -> dict[str, Any]:
    return {
        "organization_id": member.organization.id,
        "member_id": member.id,
        "email_address": member.email_address,
        "status": member.status,
        "name": member.name,
        "sso_registrations": [],
        "is_breakglass": member.is_breakglass,
        "member_password_id": "",
        "oauth_registrations": [],
        "email_address_verified": True,
        "mfa_phone_number_verified": member.is_phone_verified,
        "is_admin": "stytch_admin" in member.roles,
        "totp_registration_id": member.totp.id if member.totp else "",
        "retired_email_addresses": member.retired,
        "is_locked": False,
        "untrusted_metadata": member.untrusted_metadata or None,
        "mfa_enrolled": member.needs_second_factor,
        "mfa_phone_number": member.phone_number,
        "default_mfa_method": member.default_mfa_method,
        "roles": [{"role_id": role, "sources": sources} for role, sources in member.role_sources.items()],
    }


def session_object(session: Session) -> dict[str, Any]:
    return {
        "member_session_id": session.id,
        "member_id": session.member.id,
        "started_at": rfc3339(session.started_at),
        "last_accessed_at": rfc3339(now()),
        "expires_at": rfc3339(session.expires_at),
        "authentication_factors": [
            {
                "type": factor_type,
                "delivery_method": delivery_method,
                "last_authenticated_at": rfc3339(at),
                "created_at": rfc3339(session.started_at),
                "updated_at": rfc3339(at),
                "sequence_order": "PRIMARY",
            }
            for factor_type, delivery_method, at in (
                ("password", "knowledge", session.password_at),
                ("email_otp", "email", session.code_at),
                ("totp", "authenticator_app", session.totp_at),
                ("otp", "sms", session.sms_at),
                ("recovery_codes", "recovery_code", session.recovered_at),
            )
            if at
        ],
        "organization_id": session.member.organization.id,
        "roles": session.member.roles,
        "organization_slug": session.member.organization.slug,
    }


def sign_in_object(
    member: Member, session: Session | None, waiting: str = "", initiated: str | None = None
) -> dict[str, Any]:
    """The response to a successful sign-in; without a session, a second factor is needed."""
    return {
        "member_id": member.id,
        "organization_id": member.organization.id,
        "member": member_object(member),
        "organization": organization_object(member.organization),
        "member_authenticated": session is not None,
        "session_token": session.token if session else "",
        "session_jwt": "",
        "member_session": session_object(session) if session else None,
        "intermediate_session_token": waiting,
        "mfa_required": None if session else {"member_options": None, "secondary_auth_initiated": initiated},
    }


def discovered_object(organization: Organization, member: Member | None) -> dict[str, Any]:
    return {
        "member_authenticated": True,
        "organization": organization_object(organization),
        "membership": {
            "type": "active_member" if member else "eligible_to_join_by_email_domain",
            "details": {},
            "member": member_object(member) if member else None,
        },
    }


def connection_object(connection: Connection, origin: str) -> dict[str, Any]:
    return {
        **_bare_connection_object(connection, origin),
        "bearer_token_last_four": connection.token.text[-4:],
        "next_bearer_token_last_four": connection.next_token.text[-4:] if connection.next_token else "",
        "next_bearer_token_expires_at": rfc3339(connection.next_token.expires_at) if connection.next_token else None,
    }


def connection_with_token_object(connection: Connection, origin: str) -> dict[str, Any]:
    """What create answers with (SCIMConnectionWithToken): the token itself, and not how it ends."""
    return {**_bare_connection_object(connection, origin), "bearer_token": connection.token.text}


def connection_with_next_token_object(connection: Connection, origin: str) -> dict[str, Any]:
    """What the start of a rotation answers with (SCIMConnectionWithNextToken): not how the next token ends."""
    assert connection.next_token
    return {
        **_bare_connection_object(connection, origin),
        "bearer_token_last_four": connection.token.text[-4:],
        "next_bearer_token": connection.next_token.text,
        "next_bearer_token_expires_at": rfc3339(connection.next_token.expires_at),
    }


def _bare_connection_object(connection: Connection, origin: str) -> dict[str, Any]:
    suffix = "?aadOptscim062020" if connection.identity_provider == "microsoft-entra" else ""
    return {
        "organization_id": connection.organization.id,
        "connection_id": connection.id,
        "status": "active",
        "display_name": connection.display_name,
        "identity_provider": connection.identity_provider,
        "base_url": f"{origin}/v1/b2b/scim/{connection.id}{suffix}",
        "scim_group_implicit_role_assignments": [
            {"role_id": role_id, "group_id": group.id, "group_name": group.name}
            for group, role_id in connection.role_assignments
        ],
        "bearer_token_expires_at": rfc3339(connection.token.expires_at),
    }


def group_object(group: Group) -> dict[str, Any]:
    return {
        "group_id": group.id,
        "group_name": group.name,
        "organization_id": group.connection.organization.id,
        "connection_id": group.connection.id,
    }


def policy_object(policy: Policy) -> dict[str, Any]:
    return {
        "roles": [
            {
                "role_id": role.role_id,
                "description": role.description,
                "permissions": [
                    {"resource_id": resource_id, "actions": sorted(actions)}
                    for resource_id, actions in role.permissions.items()
                ],
            }
            for role in policy.roles.values()
        ],
        "resources": [
            {"resource_id": one.resource_id, "description": one.description, "actions": list(one.actions)}
            for one in policy.resources.values()
        ],
        "scopes": [],
    }
