"""Member rows as values of the contract."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.db.models import QuerySet

from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.locales import known_locale
from portal.directory.members import (
    Member,
    MemberRole,
    MemberRoleSource,
    MemberStatus,
    RetiredEmail,
    RoleSourceType,
    ScimRegistration,
)
from portal.directory.policy import MEMBER_ROLE
from portal.directory.preferences import Preferences, Theme
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.members.roles import GroupGrant, email_roles, group_grants
from portal.embedded.scope import rows_of, rows_of_each

# By user: the ID and the name of each group.
GroupsByUser = Mapping[UUID, Sequence[tuple[str, str]]]


def member_id(row: models.MemberRow) -> str:
    """Return a member's public ID."""
    return public_id("member", row.pk)


def member_value(row: models.MemberRow, grants: Sequence[GroupGrant] | None = None) -> Member:
    """Return a member without their SCIM registration. `grants` are the roles from groups, if they were read already."""
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
        mfa_phone_number_verified=row.mfa_phone_number_verified,
        totp_registration_id=public_id("totp-registration", row.totp_id) if row.totp_id else "",
        default_mfa_method=row.default_mfa_method,
        passkeys=row.passkey_count,
        used_passkey_last=row.used_passkey_last,
        retired_email_addresses=tuple(
            RetiredEmail(public_id("email", UUID(one["id"])), one["email_address"])
            for one in row.retired_email_addresses or ()
        ),
        trusted_metadata=row.trusted_metadata or {},
        untrusted_metadata=row.untrusted_metadata or {},
        preferences=Preferences(row.time_zone, Theme(row.theme), known_locale(row.locale)),
        lock_created_at=row.lock_created_at,
        lock_expires_at=row.lock_expires_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def no_member() -> NotFound:
    """Return the error for a member who doesn't exist."""
    return NotFound("This member does not exist.", field="member_id", error_type="member_not_found")


def with_details(members: QuerySet[models.MemberRow]) -> QuerySet[models.MemberRow]:
    """Select with members everything that `member_values` reads."""
    return members.select_related("organization", "scim_user__connection").defer("scim_user__search")


def member_values(rows: Sequence[models.MemberRow]) -> tuple[Member, ...]:
    """Return members with their roles and SCIM registrations. This takes two queries for any number of members."""
    grants = group_grants(rows)
    groups = groups_of_users([user for user in map(_active_user, rows) if user is not None])
    return tuple(_with_registration(row, member_value(row, grants.get(row.pk, ())), groups) for row in rows)


def with_registration(member: Member) -> Member:
    """Return a member with their SCIM registration, if they have one."""
    users = rows_of(parse_id("organization", member.organization_id), models.ScimUserRow).defer("search")
    users = users.filter(member=parse_id("member", member.member_id), connection__status=ScimConnectionStatus.ACTIVE)
    user = users.first()
    return replace(member, scim_registration=_registration(user, groups_of_users([user]))) if user else member


def groups_of_users(users: Sequence[models.ScimUserRow]) -> GroupsByUser:
    """Return the groups that users are in directly, by name. Users without one are left out."""
    found: dict[UUID, list[tuple[str, str]]] = {}
    if not users:
        return found
    memberships = rows_of_each({user.organization_id for user in users}, models.ScimMembershipRow)
    rows = memberships.filter(user_id__in=[user.pk for user in users]).order_by("group__display_name_folded")
    for user_id, group_id, name in rows.values_list("user_id", "group_id", "group__display_name"):
        found.setdefault(user_id, []).append((public_id("scim-group", group_id), name))
    return found


def _roles(row: models.MemberRow, grants: Sequence[GroupGrant] | None) -> tuple[MemberRole, ...]:
    """Return the effective roles: `stytch_member`, those assigned manually, by email domain and by group."""
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
    return tuple(MemberRole(role_id, tuple(its_sources)) for role_id, its_sources in sources.items())


def _with_registration(row: models.MemberRow, value: Member, groups: GroupsByUser) -> Member:
    user = _active_user(row)
    return value if user is None else replace(value, scim_registration=_registration(user, groups))


def _registration(user: models.ScimUserRow, groups: GroupsByUser) -> ScimRegistration:
    return ScimRegistration(
        connection_id=public_id("scim-connection", user.connection_id),
        registration_id=public_id("scim-registration", user.pk),
        external_id=user.external_id,
        user_id=public_id("scim-user", user.pk),
        active=user.active,
        document=user.document,
        groups=tuple(groups.get(user.pk, ())),
    )


def _active_user(row: models.MemberRow) -> models.ScimUserRow | None:
    user: models.ScimUserRow | None = getattr(row, "scim_user", None)
    return user if user and user.connection.status == ScimConnectionStatus.ACTIVE else None
