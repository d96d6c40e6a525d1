"""From rows to the gateway's values."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from django.conf import settings

from portal.directory.ids import public_id
from portal.directory.members import Member, MemberRole, MemberRoleSource, MemberStatus, RetiredEmail, RoleSourceType
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.connection import ScimConnection, ScimConnectionStatus, ScimIdentityProvider
from portal.directory.sessions import AuthenticationFactor, MemberSession
from portal.embedded import models
from portal.embedded.members.roles import GroupGrant, email_roles, group_grants


def member_id(row: models.MemberRow) -> str:
    """Return the member's public id."""
    return public_id("member", row.pk)


def member_value(row: models.MemberRow, grants: Sequence[GroupGrant] | None = None) -> Member:
    """Return the member, without who they are to the IdP; `grants` is what groups give them, where it was read already."""
    return Member(
        member_id=member_id(row),
        organization_id=public_id("organization", row.organization_id),
        email_address=row.email_address,
        name=row.name,
        status=MemberStatus(row.status),
        roles=_roles(row, grants),
        email_address_verified=row.email_address_verified,
        is_breakglass=row.is_breakglass,
        external_id=row.external_id,
        member_password_id=public_id("member-password", row.pk) if row.password else "",
        mfa_enrolled=row.mfa_enrolled,
        mfa_phone_number=row.mfa_phone_number,
        default_mfa_method=row.default_mfa_method,
        retired_email_addresses=tuple(
            RetiredEmail(public_id("email", UUID(one["id"])), one["email_address"])
            for one in row.retired_email_addresses or ()
        ),
        trusted_metadata=row.trusted_metadata or {},
        untrusted_metadata=row.untrusted_metadata or {},
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _roles(row: models.MemberRow, grants: Sequence[GroupGrant] | None) -> tuple[MemberRole, ...]:
    """Return the effective roles: `stytch_member`, which everybody has, by hand, by domain, and by group."""
    if row.status == MemberStatus.DELETED:
        return ()
    sources: dict[str, list[MemberRoleSource]] = {}
    for role_id in dict.fromkeys([MEMBER_ROLE, *row.direct_roles]):
        sources[role_id] = [MemberRoleSource(RoleSourceType.DIRECT_ASSIGNMENT)]
    for role_id in email_roles(row.organization, row.email_address):
        by_domain = {"email_domain": row.email_address_folded.rpartition("@")[2]}
        sources.setdefault(role_id, []).append(MemberRoleSource(RoleSourceType.EMAIL_ASSIGNMENT, by_domain))
    for grant in group_grants([row]).get(row.pk, ()) if grants is None else grants:
        by_group = {
            "connection_id": public_id("scim-connection", grant.connection),
            "group_id": public_id("scim-group", grant.group),
        }
        sources.setdefault(grant.role_id, []).append(MemberRoleSource(RoleSourceType.SCIM_CONNECTION_GROUP, by_group))
    return tuple(MemberRole(role_id, tuple(from_where)) for role_id, from_where in sources.items())


def session_value(row: models.MemberSessionRow, member: Member) -> MemberSession:
    """Return the session with the roles that hold in it."""
    return MemberSession(
        member_session_id=public_id("member-session", row.pk),
        member_id=member.member_id,
        organization_id=member.organization_id,
        organization_slug=row.member.organization.slug,
        roles=member.role_ids,
        started_at=row.started_at,
        last_accessed_at=row.last_accessed_at,
        expires_at=row.expires_at,
        password_entered_at=row.password_entered_at,
        exchanged_factors=tuple(msgspec.convert(row.exchanged_factors, list[AuthenticationFactor])),
        custom_claims=row.custom_claims,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
    )


def scim_connection_value(token: models.ScimTokenRow) -> ScimConnection:
    """Return the connection of its current token, with the address that the IdP is given."""
    row = token.connection
    connection_id = public_id("scim-connection", row.pk)
    return ScimConnection(
        connection_id=connection_id,
        organization_id=public_id("organization", row.organization_id),
        status=ScimConnectionStatus(row.status),
        display_name=row.display_name,
        identity_provider=ScimIdentityProvider(row.identity_provider),
        base_url=f"{settings.PUBLIC_URL}/v1/b2b/scim/{connection_id}",
        bearer_token_last_four=token.last_four,
        bearer_token_expires_at=token.expires_at,
        attention=row.attention,
        attention_at=row.attention_at,
        hold_started_at=row.hold_started_at,
        hold_approved_until=row.hold_approved_until,
        waiting_conflicts=row.waiting_conflicts,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
    )
