"""Roles that members have by their e-mail domain and by the groups they were provisioned into.

They are computed when asked for: none can go stale.
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
from portal.embedded.database.raw_sql import among, key, rows, subquery

# From members up to the groups above; UNION forgets what it has seen, so that a circle of groups ends.
_ROLES_OF_MEMBERS = """
    WITH RECURSIVE held(holder_id, group_id) AS (
        SELECT u.member_id, m.group_id FROM {membership} m
        JOIN {user} u ON u.id = m.user_id JOIN {connection} c ON c.id = u.connection_id
        WHERE AMONG AND u.active AND c.status = %s
        UNION SELECT held.holder_id, n.group_id FROM {nesting} n JOIN held ON n.member_id = held.group_id
    )
    SELECT DISTINCT held.holder_id, r.role_id, r.connection_id, r.group_id
    FROM {role} r JOIN held ON r.group_id = held.group_id ORDER BY r.role_id, r.group_id
"""
# From the groups with a role down to the members.
_SOMEBODY_WITH_ROLE = """
    WITH RECURSIVE granting(group_id) AS (
        SELECT r.group_id FROM {role} r WHERE r.organization_id = %s AND r.role_id = %s
        UNION SELECT n.member_id FROM {nesting} n JOIN granting ON n.group_id = granting.group_id
    )
    SELECT 1 FROM granting
    JOIN {membership} m ON m.group_id = granting.group_id
    JOIN {user} u ON u.id = m.user_id
    JOIN {member} p ON p.id = u.member_id
    JOIN {connection} c ON c.id = u.connection_id
    WHERE u.active AND p.status = %s AND c.status = %s AND p.id <> %s LIMIT 1
"""
# The same of several organizations and roles, all of them.
_EVERYBODY_WITH_ROLES = """
    WITH RECURSIVE granting(group_id) AS (
        SELECT r.group_id FROM {role} r JOIN {connection} c ON c.id = r.connection_id
        WHERE ORGANIZATIONS AND ROLES AND r.group_id IS NOT NULL AND c.status = %s
        UNION SELECT n.member_id FROM {nesting} n JOIN granting ON n.group_id = granting.group_id
    )
    SELECT u.member_id FROM granting
    JOIN {membership} m ON m.group_id = granting.group_id
    JOIN {user} u ON u.id = m.user_id
    WHERE u.active AND u.member_id IS NOT NULL
"""
_GROUPS_ABOVE = """
    WITH RECURSIVE above(group_id) AS (
        SELECT id FROM {group} WHERE id = %s
        UNION SELECT n.group_id FROM {nesting} n JOIN above ON n.member_id = above.group_id
    )
    SELECT 1 FROM {role} r JOIN above ON r.group_id = above.group_id WHERE r.role_id = %s LIMIT 1
"""
# Whether a member `p` has the role `g.role_id` by hand, or by the domain of their address.
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
_GIVES_ROLES = _GROUPS_ABOVE.replace("WHERE r.role_id = %s ", "")
# How many active people are in groups, and in the groups within them.
_PEOPLE_WITHIN = """
    WITH RECURSIVE within(group_id) AS (
        SELECT id FROM {group} WHERE AMONG
        UNION SELECT n.member_id FROM {nesting} n JOIN within ON n.group_id = within.group_id
    )
    SELECT COUNT(DISTINCT m.user_id) FROM within
    JOIN {membership} m ON m.group_id = within.group_id
    JOIN {user} u ON u.id = m.user_id
    WHERE u.active
"""
_NOBODY = UUID(int=0)
# Whether some group of an organization makes admins, read with a person or a group of it: mostly none does.
GROUPS_MAKE_ADMINS = Func(
    F("organization_id"),
    template=(
        f"EXISTS (SELECT 1 FROM {models.ScimGroupRoleRow._meta.db_table} r "  # noqa: S608 -- our own names
        f"WHERE r.organization_id = %(expressions)s AND r.role_id = '{ADMIN_ROLE}')"
    ),
    output_field=BooleanField(),
)


class GroupGrant(NamedTuple):
    """A role that a member has, and the group of a connection that gives it."""

    role_id: str
    connection: UUID
    group: UUID


def group_grants(members: Iterable[models.MemberRow]) -> Mapping[UUID, Sequence[GroupGrant]]:
    """Return by member what groups give, direct and indirect, with one statement; none is there for who has nothing."""
    found: dict[UUID, list[GroupGrant]] = {}
    provisioned = [member.pk for member in members if hasattr(member, "scim_user")]
    if not provisioned:
        return found
    sql = _ROLES_OF_MEMBERS.replace("AMONG", among("u.member_id"))
    for holder, role_id, connection, group in rows(sql, provisioned, ScimConnectionStatus.ACTIVE):
        found.setdefault(key(holder), []).append(GroupGrant(role_id, key(connection), key(group)))
    return found


def group_roles(member: models.MemberRow) -> Sequence[str]:
    """Return the roles that a member has by groups, direct and indirect; none for who was not provisioned."""
    return list(dict.fromkeys(grant.role_id for grant in group_grants([member]).get(member.pk, ())))


def of_groups_with(role_ids: Sequence[str], organizations: Sequence[UUID]) -> Q:
    """Say that a member has one of the roles by a group of one of the organizations."""
    sql = _EVERYBODY_WITH_ROLES.replace("ORGANIZATIONS", among("r.organization_id")).replace(
        "ROLES", among("r.role_id")
    )
    return Q(pk__in=subquery(sql, list(organizations), list(role_ids), ScimConnectionStatus.ACTIVE))


def email_domains_of(organization: models.OrganizationRow, role_id: str) -> Sequence[str]:
    """Return the e-mail domains whose members have a role by them."""
    return [domain for domain, given in _email_assignments(organization) if given == role_id]


def email_roles(organization: models.OrganizationRow, email_address: str) -> Sequence[str]:
    """Return the roles that somebody with this address has by its domain."""
    given = _email_assignments(organization)
    if not given:
        return ()
    domain_of_address = domain_of(email_address)
    return list(dict.fromkeys(role_id for domain, role_id in given if domain == domain_of_address))


def of_domains(domains: Iterable[str]) -> Q:
    """Say that a member's address is of one of the domains."""
    found = Q(pk__in=())
    for domain in domains:
        found |= Q(email_address_folded__endswith=f"@{domain}")
    return found


def roles_without_groups(member: models.MemberRow) -> Sequence[str]:
    """Return the roles that a member has as such, by hand, and by the domain of their address."""
    by_domain = email_roles(member.organization, member.email_address)
    return list(dict.fromkeys([MEMBER_ROLE, *member.direct_roles, *by_domain]))


def is_admin(member: models.MemberRow) -> bool:
    """Say whether a member is admin, by whatever."""
    return ADMIN_ROLE in roles_without_groups(member) or ADMIN_ROLE in group_roles(member)


def _email_assignments(organization: models.OrganizationRow) -> Sequence[tuple[str, str]]:
    given = (organization.settings or {}).get("rbac_email_implicit_role_assignments", ())
    return [(one["domain"], one["role_id"]) for one in given]


def check_roles(
    role_ids: Iterable[str], *, of: UUID | None = None, field: str = "roles", error_type: str = "invalid_role"
) -> list[str]:
    """Return roles, each once; `of` names the organization whose own roles count too. Raises Invalid for one that there is not."""
    chosen, known = list(dict.fromkeys(role_ids)), [*settings.RBAC_POLICY.roles]
    if of is not None and not set(chosen) <= set(known):
        own = models.OrganizationRow.objects.values_list("custom_roles", flat=True).get(pk=of)
        known += [role["role_id"] for role in own or ()]
    for role_id in chosen:
        if role_id not in known:
            there = ", ".join(known)
            raise Invalid(f'There is no role "{role_id}". These exist: {there}.', field=field, error_type=error_type)
    return chosen


def hold_admins(organization_id: UUID) -> None:
    """Let nobody else take away an admin of the organization until the transaction ends: two could take the last two."""
    # Not its key: whoever writes a row of the organization meanwhile need not wait.
    list(models.OrganizationRow.objects.select_for_update(no_key=True).filter(pk=organization_id).values_list("pk"))


def has_admin(organization_id: UUID, *, besides: UUID = _NOBODY) -> bool:
    """Say whether an active member is admin, by hand, by the domain of their address or by group, besides one of them."""
    active = models.MemberRow.objects.filter(organization_id=organization_id, status=MemberStatus.ACTIVE)
    by_hand = active.exclude(pk=besides).exclude(direct_roles=[]).values_list("direct_roles", flat=True)
    if any(ADMIN_ROLE in roles for roles in by_hand):
        return True
    organization = models.OrganizationRow.objects.only("settings").get(pk=organization_id)
    domains = email_domains_of(organization, ADMIN_ROLE)
    if domains and active.exclude(pk=besides).filter(of_domains(domains)).exists():
        return True
    statuses = (MemberStatus.ACTIVE, ScimConnectionStatus.ACTIVE)
    return bool(rows(_SOMEBODY_WITH_ROLE, organization_id, ADMIN_ROLE, *statuses, besides))


def gives_roles(group: models.ScimGroupRow) -> bool:
    """Say whether being in the group, or in one that it is in, gives a role."""
    return bool(rows(_GIVES_ROLES, group.pk))


def people_within(groups: Sequence[UUID]) -> int:
    """Return how many active people are in these groups, and in the groups within them."""
    ((number,),) = rows(_PEOPLE_WITHIN.replace("AMONG", among("id")), list(groups))
    return int(number)


def makes_admins(group: models.ScimGroupRow) -> bool:
    """Say whether being in the group, or in one that it is in, makes an admin."""
    return bool(rows(_GROUPS_ABOVE, group.pk, ADMIN_ROLE))
