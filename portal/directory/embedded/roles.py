"""Roles that members have by the groups they were provisioned into, computed when asked for: none can go stale."""

from collections.abc import Sequence
from uuid import UUID

from portal.directory.embedded import models
from portal.directory.embedded.recursion import rows
from portal.directory.policy import ADMIN_ROLE
from portal.directory.types import MemberStatus, ScimConnectionStatus

# From a member up to the groups above; UNION forgets what it has seen, so that a circle of groups ends.
_ROLES_OF_MEMBER = """
    WITH RECURSIVE held(group_id) AS (
        SELECT m.group_id FROM {membership} m
        JOIN {user} u ON u.id = m.user_id JOIN {connection} c ON c.id = u.connection_id
        WHERE u.member_id = %s AND u.active AND c.status = %s
        UNION SELECT n.group_id FROM {nesting} n JOIN held ON n.member_id = held.group_id
    )
    SELECT DISTINCT r.role_id FROM {role} r JOIN held ON r.group_id = held.group_id ORDER BY r.role_id
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
_GROUPS_ABOVE = """
    WITH RECURSIVE above(group_id) AS (
        SELECT id FROM {group} WHERE id = %s
        UNION SELECT n.group_id FROM {nesting} n JOIN above ON n.member_id = above.group_id
    )
    SELECT 1 FROM {role} r JOIN above ON r.group_id = above.group_id WHERE r.role_id = %s LIMIT 1
"""
_NOBODY = UUID(int=0)


def group_roles(member: models.Member) -> Sequence[str]:
    """Return the roles that a member has by groups, direct and indirect; none for who was not provisioned."""
    if not hasattr(member, "scim_user"):
        return ()
    return [role for (role,) in rows(_ROLES_OF_MEMBER, member.pk, ScimConnectionStatus.ACTIVE)]


def hold_admins(organization_id: UUID) -> None:
    """Let nobody else take away an admin of the organization until the transaction ends: two could take the last two."""
    # Not its key: whoever writes a row of the organization meanwhile need not wait.
    list(models.Organization.objects.select_for_update(no_key=True).filter(pk=organization_id).values_list("pk"))


def has_admin(organization_id: UUID, *, besides: UUID = _NOBODY) -> bool:
    """Say whether an active member is admin, by hand or by group, besides one of them."""
    active = models.Member.objects.filter(organization_id=organization_id, status=MemberStatus.ACTIVE)
    by_hand = active.exclude(pk=besides).exclude(direct_roles=[]).values_list("direct_roles", flat=True)
    if any(ADMIN_ROLE in roles for roles in by_hand):
        return True
    statuses = (MemberStatus.ACTIVE, ScimConnectionStatus.ACTIVE)
    return bool(rows(_SOMEBODY_WITH_ROLE, organization_id, ADMIN_ROLE, *statuses, besides))


def makes_admins(group: models.ScimGroup) -> bool:
    """Say whether being in the group, or in one that it is in, makes an admin."""
    return bool(rows(_GROUPS_ABOVE, group.pk, ADMIN_ROLE))
