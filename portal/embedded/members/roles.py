"""The roles of members: assigned manually, by email domain, and by the groups that they were provisioned into.

They are computed on each read, so they can't go stale.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, F, Func, Q

from portal.directory.email_addresses import domain_of
from portal.directory.errors import Invalid
from portal.directory.members import MemberStatus
from portal.directory.policy import ADMIN_ROLE, MEMBER_ROLE
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.database.raw_sql import key, rows, subquery
from portal.embedded.scope import rows_of

# These statements follow groups within groups. UNION drops repeated rows, so cycles of groups end. Each table is also asked
# for the organization's rows with a value of its own: PostgreSQL chooses the partition by that, and not by the recursive table.

# From members up to the groups above.
_ROLES_OF_MEMBERS = """
    WITH RECURSIVE reached(organization_id, member_id, group_id) AS (
        SELECT m.organization_id, u.member_id, m.group_id FROM {membership} m
        JOIN {user} u ON u.id = m.user_id AND u.organization_id = m.organization_id
        JOIN {connection} c ON c.id = u.connection_id AND c.organization_id = u.organization_id
        WHERE m.organization_id {one_of} AND u.organization_id {one_of} AND u.member_id {one_of} AND u.active AND c.status = %s
        UNION SELECT n.organization_id, reached.member_id, n.group_id FROM {nesting} n
        JOIN reached ON n.member_id = reached.group_id AND n.organization_id = reached.organization_id
        WHERE n.organization_id {one_of}
    )
    SELECT DISTINCT reached.member_id, r.role_id, r.connection_id, r.group_id FROM {role} r
    JOIN reached ON r.group_id = reached.group_id AND r.organization_id = reached.organization_id
    ORDER BY r.role_id, r.group_id
"""
# From the groups that grant a role down to the members.
_MEMBER_WITH_ROLE = """
    WITH RECURSIVE granting(organization_id, group_id) AS (
        SELECT r.organization_id, r.group_id FROM {role} r WHERE r.organization_id = %s AND r.role_id = %s
        UNION SELECT n.organization_id, n.member_id FROM {nesting} n
        JOIN granting ON n.group_id = granting.group_id AND n.organization_id = granting.organization_id
        WHERE n.organization_id = %s
    )
    SELECT 1 FROM granting
    JOIN {membership} m ON m.group_id = granting.group_id AND m.organization_id = granting.organization_id
    JOIN {user} u ON u.id = m.user_id AND u.organization_id = m.organization_id
    JOIN {member} p ON p.id = u.member_id AND p.organization_id = u.organization_id
    JOIN {connection} c ON c.id = u.connection_id AND c.organization_id = u.organization_id
    WHERE m.organization_id = %s AND u.active AND p.status = %s AND c.status = %s AND p.id <> %s LIMIT 1
"""
# The same for several organizations and roles, all members.
_MEMBERS_WITH_ROLES = """
    WITH RECURSIVE granting(organization_id, group_id) AS (
        SELECT r.organization_id, r.group_id FROM {role} r
        JOIN {connection} c ON c.id = r.connection_id AND c.organization_id = r.organization_id
        WHERE r.organization_id {one_of} AND r.role_id {one_of} AND r.group_id IS NOT NULL AND c.status = %s
        UNION SELECT n.organization_id, n.member_id FROM {nesting} n
        JOIN granting ON n.group_id = granting.group_id AND n.organization_id = granting.organization_id
        WHERE n.organization_id {one_of}
    )
    SELECT u.member_id FROM granting
    JOIN {membership} m ON m.group_id = granting.group_id AND m.organization_id = granting.organization_id
    JOIN {user} u ON u.id = m.user_id AND u.organization_id = m.organization_id
    WHERE m.organization_id {one_of} AND u.organization_id {one_of} AND u.active AND u.member_id IS NOT NULL
"""
_GROUPS_ABOVE = """
    WITH RECURSIVE above(organization_id, group_id) AS (
        SELECT organization_id, id FROM {group} WHERE organization_id = %s AND id = %s
        UNION SELECT n.organization_id, n.group_id FROM {nesting} n
        JOIN above ON n.member_id = above.group_id AND n.organization_id = above.organization_id
        WHERE n.organization_id = %s
    )
    SELECT 1 FROM {role} r JOIN above ON r.group_id = above.group_id AND r.organization_id = above.organization_id
    WHERE r.role_id = %s LIMIT 1
"""
# Whether the member `p` has the role `g.role_id` manually or by email domain.
WITHOUT_GROUPS = {
    "postgresql": """(jsonb_exists(p.direct_roles, g.role_id) OR EXISTS (
        SELECT 1 FROM {organization} o, jsonb_array_elements(o.settings -> 'rbac_email_implicit_role_assignments') a
        WHERE o.id = p.organization_id AND a ->> 'role_id' = g.role_id
        AND p.email_address_folded LIKE '%%@' || (a ->> 'domain')))""",
    "sqlite": """(EXISTS (SELECT 1 FROM json_each(p.direct_roles) WHERE value = g.role_id) OR EXISTS (
        SELECT 1 FROM {organization} o, json_each(o.settings, '$.rbac_email_implicit_role_assignments') a
        WHERE o.id = p.organization_id AND json_extract(a.value, '$.role_id') = g.role_id
        AND p.email_address_folded LIKE '%%@' || json_extract(a.value, '$.domain')))""",
}
_GRANTS_ROLES = _GROUPS_ABOVE.replace("WHERE r.role_id = %s ", "")
# How many active users are in groups, including nested groups.
_COUNT_USERS = """
    WITH RECURSIVE within(organization_id, group_id) AS (
        SELECT organization_id, id FROM {group} WHERE organization_id = %s AND id {one_of}
        UNION SELECT n.organization_id, n.member_id FROM {nesting} n
        JOIN within ON n.group_id = within.group_id AND n.organization_id = within.organization_id
        WHERE n.organization_id = %s
    )
    SELECT COUNT(DISTINCT m.user_id) FROM within
    JOIN {membership} m ON m.group_id = within.group_id AND m.organization_id = within.organization_id
    JOIN {user} u ON u.id = m.user_id AND u.organization_id = m.organization_id
    WHERE m.organization_id = %s AND u.active
"""
_NO_MEMBER = UUID(int=0)
# Whether any group of the organization of a user or a group grants the admin role. Usually none does.
GROUPS_GRANT_ADMIN = Func(
    F("organization_id"),
    template=(
        f"EXISTS (SELECT 1 FROM {models.ScimGroupRoleRow._meta.db_table} r "  # noqa: S608 -- our own names
        f"WHERE r.organization_id = %(expressions)s AND r.role_id = '{ADMIN_ROLE}')"
    ),
    output_field=BooleanField(),
)


class GroupGrant(NamedTuple):
    """A role that a member has, and the group that grants it."""

    role_id: str
    connection: UUID
    group: UUID


def group_grants(members: Iterable[models.MemberRow]) -> Mapping[UUID, Sequence[GroupGrant]]:
    """Return the roles that members have through groups, by member. Members without one are left out."""
    found: dict[UUID, list[GroupGrant]] = {}
    provisioned = [member for member in members if hasattr(member, "scim_user")]
    if not provisioned:
        return found
    organizations = list({member.organization_id for member in provisioned})
    values = (organizations, organizations, [member.pk for member in provisioned], ScimConnectionStatus.ACTIVE)
    for member, role_id, connection, group in rows(_ROLES_OF_MEMBERS, *values, organizations):
        found.setdefault(key(member), []).append(GroupGrant(role_id, key(connection), key(group)))
    return found


def roles_through_groups(member: models.MemberRow) -> Sequence[str]:
    """Return the roles that a member has through groups, including nested ones."""
    return list(dict.fromkeys(grant.role_id for grant in group_grants([member]).get(member.pk, ())))


def has_role_through_group(role_ids: Sequence[str], organizations: Sequence[UUID]) -> Q:
    """Match the members who have one of the roles through a group of one of the organizations."""
    keys = list(organizations)
    values = (keys, list(role_ids), ScimConnectionStatus.ACTIVE, keys, keys, keys)
    return Q(pk__in=subquery(_MEMBERS_WITH_ROLES, *values))


def email_domains_granting(organization: models.OrganizationRow, role_id: str) -> Sequence[str]:
    """Return the email domains whose members have a role."""
    return [domain for domain, granted in _email_assignments(organization) if granted == role_id]


def email_roles(organization: models.OrganizationRow, email_address: str) -> Sequence[str]:
    """Return the roles that an email address has by its domain."""
    assignments = _email_assignments(organization)
    if not assignments:
        return ()
    domain = domain_of(email_address)
    return list(dict.fromkeys(role_id for granting, role_id in assignments if granting == domain))


def has_email_domain(domains: Iterable[str]) -> Q:
    """Match the members whose email addresses have one of the domains."""
    found = Q(pk__in=())
    for domain in domains:
        found |= Q(email_address_folded__endswith=f"@{domain}")
    return found


def roles_without_groups(member: models.MemberRow) -> Sequence[str]:
    """Return the roles that a member has by being a member, manually, and by email domain."""
    by_domain = email_roles(member.organization, member.email_address)
    return list(dict.fromkeys([MEMBER_ROLE, *member.direct_roles, *by_domain]))


def is_admin(member: models.MemberRow) -> bool:
    """Return whether a member is an admin from any source."""
    return ADMIN_ROLE in roles_without_groups(member) or ADMIN_ROLE in roles_through_groups(member)


def admins_among(organization: models.OrganizationRow, members: Iterable[models.MemberRow]) -> frozenset[UUID]:
    """Return the keys of those of the organization's members who are admins, with two queries at most.

    Select `scim_user` with them.
    """
    found = list(members)
    granted = group_grants(found)
    admins = set()
    for member in found:
        through_groups = [grant.role_id for grant in granted.get(member.pk, ())]
        if ADMIN_ROLE in (*member.direct_roles, *email_roles(organization, member.email_address), *through_groups):
            admins.add(member.pk)
    return frozenset(admins)


def _email_assignments(organization: models.OrganizationRow) -> Sequence[tuple[str, str]]:
    assignments = (organization.settings or {}).get("rbac_email_implicit_role_assignments", ())
    return [(one["domain"], one["role_id"]) for one in assignments]


def check_roles(
    role_ids: Iterable[str], *, of: UUID | None = None, field: str = "roles", error_type: str = "invalid_role"
) -> list[str]:
    """Return roles without duplicates. Raise Invalid for a role that doesn't exist.

    Custom roles exist only in their organization, which `of` names.
    """
    chosen, known = list(dict.fromkeys(role_ids)), [*settings.RBAC_POLICY.roles]
    if of is not None and not set(chosen) <= set(known):
        own = models.OrganizationRow.objects.values_list("custom_roles", flat=True).get(pk=of)
        known += [role["role_id"] for role in own or ()]
    for role_id in chosen:
        if role_id not in known:
            existing = ", ".join(known)
            raise Invalid(
                f'The role "{role_id}" does not exist. Use one of these: {existing}.',
                field=field,
                error_type=error_type,
            )
    return chosen


def lock_admins(organization_id: UUID) -> None:
    """Lock the organization's row until the transaction ends, so that two changes can't remove the last two admins."""
    # The primary key isn't locked, so other writes to the organization's tables don't wait.
    list(models.OrganizationRow.objects.select_for_update(no_key=True).filter(pk=organization_id).values_list("pk"))


def has_admin(organization_id: UUID, *, besides: UUID = _NO_MEMBER) -> bool:
    """Return whether an active member other than `besides` is an admin, from any source."""
    active = rows_of(organization_id, models.MemberRow).filter(status=MemberStatus.ACTIVE)
    assigned = active.exclude(pk=besides).exclude(direct_roles=[]).values_list("direct_roles", flat=True)
    if any(ADMIN_ROLE in roles for roles in assigned):
        return True
    organization = models.OrganizationRow.objects.only("settings").get(pk=organization_id)
    domains = email_domains_granting(organization, ADMIN_ROLE)
    if domains and active.exclude(pk=besides).filter(has_email_domain(domains)).exists():
        return True
    statuses = (MemberStatus.ACTIVE, ScimConnectionStatus.ACTIVE)
    values = (organization_id, ADMIN_ROLE, organization_id, organization_id)
    return bool(rows(_MEMBER_WITH_ROLE, *values, *statuses, besides))


def grants_roles(group: models.ScimGroupRow) -> bool:
    """Return whether a group, or one that it is nested in, grants a role."""
    return bool(rows(_GRANTS_ROLES, group.organization_id, group.pk, group.organization_id))


def count_active_users(organization_id: UUID, groups: Sequence[UUID]) -> int:
    """Return how many active users are in groups, including nested groups."""
    ((number,),) = rows(_COUNT_USERS, organization_id, list(groups), organization_id, organization_id)
    return int(number)


def grants_admin(group: models.ScimGroupRow) -> bool:
    """Return whether a group, or one that it is nested in, grants the admin role."""
    return bool(rows(_GROUPS_ABOVE, group.organization_id, group.pk, group.organization_id, ADMIN_ROLE))
