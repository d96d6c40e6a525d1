"""Numbers of an organization's roles, and who a change of a role or of a rule for an email domain affects."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count as CountOf
from django.db.models import QuerySet

from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.organizations import EmailImplicitRoleAssignment
from portal.directory.pages import MAX_COUNTED
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE, Role
from portal.directory.roles import (
    Affected,
    AffectedMember,
    EmailRuleEffect,
    NumbersOfRoles,
    PermissionEffect,
    RoleNumbers,
    RolePreview,
    granted,
)
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.database.raw_sql import key, rows
from portal.embedded.organizations.email_domains import read_domain
from portal.embedded.scope import Scope, rows_of

_MAX_NAMED = 10
_DIRECT = {
    "postgresql": "jsonb_array_elements_text(p.direct_roles) r(value)",
    "sqlite": "json_each(p.direct_roles) r",
}
_RULES = {
    "postgresql": "SELECT a ->> 0 AS domain, a ->> 1 AS role_id FROM jsonb_array_elements(CAST(%s AS jsonb)) a",
    "sqlite": "SELECT json_extract(a.value, '$[0]') AS domain, json_extract(a.value, '$[1]') AS role_id FROM json_each(%s) a",
}
# Who has which role, and from which kind of source. `rules` are roles by email domain.
_HELD = """
    WITH RECURSIVE granting(organization_id, group_id, role_id) AS (
        SELECT r.organization_id, r.group_id, r.role_id FROM {role} r
        JOIN {connection} c ON c.id = r.connection_id AND c.organization_id = r.organization_id
        WHERE r.organization_id = %s AND r.group_id IS NOT NULL AND c.status = %s
        UNION SELECT n.organization_id, n.member_id, granting.role_id FROM {nesting} n
        JOIN granting ON n.group_id = granting.group_id AND n.organization_id = granting.organization_id
        WHERE n.organization_id = %s
    ), people AS (
        SELECT id, name, email_address, email_address_folded, direct_roles FROM {member}
        WHERE organization_id = %s AND status <> %s
    ), rules AS (RULES), held(member_id, role_id, source) AS (
        SELECT p.id, r.value, 'manual' FROM people p CROSS JOIN DIRECT
        UNION ALL SELECT p.id, a.role_id, 'domain' FROM people p
        JOIN rules a ON p.email_address_folded LIKE '%%@' || a.domain
        UNION ALL SELECT p.id, g.role_id, 'group' FROM granting g
        JOIN {membership} m ON m.group_id = g.group_id AND m.organization_id = g.organization_id
        JOIN {user} u ON u.id = m.user_id AND u.organization_id = m.organization_id
        JOIN people p ON p.id = u.member_id
        WHERE m.organization_id = %s AND u.organization_id = %s AND u.active
    )
"""
_NUMBERS = """
    SELECT role_id, COUNT(DISTINCT member_id), COUNT(DISTINCT CASE WHEN source = 'manual' THEN member_id END)
    FROM held GROUP BY role_id
"""
_SOURCES = """
    SELECT COUNT(DISTINCT CASE WHEN source = 'manual' THEN member_id END),
    COUNT(DISTINCT CASE WHEN source = 'group' THEN member_id END) FROM held WHERE role_id = %s
"""
# Some of the people, the caller first, and how many there are.
_SOME = """
    SELECT * FROM (
        SELECT p.id, p.name, p.email_address, COUNT(*) OVER () AS number,
        ROW_NUMBER() OVER (ORDER BY CASE WHEN p.id = %s THEN 0 ELSE 1 END, p.email_address_folded) AS place
        FROM people p WHERE CONDITION
    ) q WHERE place <= %s
"""
_HOLDERS = "p.id IN (SELECT member_id FROM held WHERE role_id = %s)"
_WITHOUT = "p.id NOT IN (SELECT member_id FROM held WHERE role_id {one_of})"
_IN_DOMAIN = "p.email_address_folded LIKE '%%@' || %s"

Rules = Collection[EmailImplicitRoleAssignment]


class EmbeddedRoleReview:
    """Implements portal.directory.roles.RoleReviewGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def numbers(self) -> NumbersOfRoles:
        """Count who has each role: now, or for a large organization as it was counted last. Raise Forbidden."""
        self._scope.require(Permission.ROLES_GET)
        organization_id = self._scope.organization_id
        members = self._scope.of(models.MemberRow).exclude(status=MemberStatus.DELETED).order_by()
        assigned = _assigned(organization_id).order_by()
        if all(found[: MAX_COUNTED + 1].count() <= MAX_COUNTED for found in (members, assigned)):
            return NumbersOfRoles({role_id: RoleNumbers(*one) for role_id, one in count_roles(organization_id).items()})
        days = self._scope.of(models.DailyCountRow).exclude(role_members=None).order_by("-day")
        kept = days.first()
        if kept is None:
            return NumbersOfRoles(None)
        counted = {role_id: RoleNumbers(*one) for role_id, one in (kept.role_members or {}).items()}
        return NumbersOfRoles(counted, kept.counted_at)

    def group_names(self, group_ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of groups by ID. Raise Forbidden."""
        self._scope.require(Permission.MEMBER_SEARCH)
        if not group_ids:
            return {}
        groups = self._scope.of(models.ScimGroupRow).filter(pk__in=[parse_id("scim-group", one) for one in group_ids])
        return {public_id("scim-group", pk): name for pk, name in groups.values_list("pk", "display_name")}

    def groups_granting(self, role_id: str, *, limit: int) -> Mapping[str, str]:
        """Return the names of the first groups that grant a role, by ID. Raise Forbidden."""
        self._scope.require(Permission.ROLES_GET)
        found = _assigned(self._scope.organization_id).filter(role_id=role_id).order_by("group_key")
        named = found.values_list("group_key", "group__display_name")[:limit]
        return {public_id("scim-group", pk): name for pk, name in named}

    def preview(self, before: Role | None, after: Role | None) -> RolePreview:
        """Return who is affected if a role is created, changed or deleted. Raise Forbidden."""
        self._scope.require(Permission.ROLES_GET)
        role = after or before
        if role is None:
            return RolePreview(Affected(), 0, 0, ())
        rules = self._scope.organization.settings.rbac_email_implicit_role_assignments
        held = _held(self._scope.organization_id, rules)
        ((manual, by_group),) = rows(held.sql + _SOURCES, *held.values, role.role_id)
        holders = self._some(held, _HOLDERS, role.role_id)
        domains = tuple(one.domain for one in rules if one.role_id == role.role_id)
        effects: list[PermissionEffect] = []
        was, now = (granted(one, self._scope.policy) for one in (before, after))
        for is_gained, changed in ((True, now - was), (False, was - now)) if holders.number else ():
            for others, permissions in self._by_others(role.role_id, changed).items():
                if MEMBER_ROLE in others:
                    continue
                both = f"{_HOLDERS} AND {_WITHOUT}"
                affected = self._some(held, both, role.role_id, others) if others else holders
                if affected.number:
                    effects.append(PermissionEffect(permissions, is_gained, affected))
        return RolePreview(holders, int(manual), int(by_group), domains, tuple(effects))

    def preview_email_assignments(self, *, add: Rules = (), remove: Rules = ()) -> tuple[EmailRuleEffect, ...]:
        """Return what new rules and removed ones do. Raise Invalid, Forbidden."""
        self._scope.require(Permission.IMPLICIT_ROLES)
        now = self._scope.organization.settings.rbac_email_implicit_role_assignments
        held = _held(self._scope.organization_id, [one for one in now if one not in remove])
        effects = []
        for rules, is_gained in ((add, True), (remove, False)):
            for rule in rules:
                domain = read_domain(rule.domain) if is_gained else rule.domain
                everyone = self._some(held, _IN_DOMAIN, domain)
                affected = self._some(held, f"{_IN_DOMAIN} AND {_WITHOUT}", domain, [rule.role_id])
                read = EmailImplicitRoleAssignment(domain, rule.role_id)
                effects.append(EmailRuleEffect(read, is_gained, everyone.number, affected))
        return tuple(effects)

    def _by_others(
        self, role_id: str, permissions: Collection[tuple[str, str]]
    ) -> Mapping[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """Return permissions by the other roles that grant them, too."""
        found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        others = [one for one in self._scope.policy.roles.values() if one.role_id != role_id]
        for resource_id, action in sorted(permissions):
            granting = tuple(one.role_id for one in others if one.grants(resource_id, action))
            found.setdefault(granting, []).append((resource_id, action))
        return {granting: tuple(ones) for granting, ones in found.items()}

    def _some(self, held: "_Held", condition: str, *values: object) -> Affected:
        """Return some of the members who meet a condition, and how many do."""
        caller = parse_id("member", self._scope.caller.actor.id)
        sql = held.sql + _SOME.replace("CONDITION", condition)
        found = sorted(rows(sql, *held.values, caller, *values, _MAX_NAMED), key=lambda row: int(row[4]))
        return Affected(
            number=int(found[0][3]) if found else 0,
            first=tuple(AffectedMember(public_id("member", key(one[0])), one[1] or one[2]) for one in found),
            includes_caller=bool(found) and key(found[0][0]) == caller,
        )


def count_roles(organization_id: UUID) -> dict[str, tuple[int, int, int]]:
    """Return how many members have each role, how many of them manually, and how many groups grant it.

    The time grows with the number of members.
    """
    row = models.OrganizationRow.objects.only("settings").get(pk=organization_id)
    assignments = (row.settings or {}).get("rbac_email_implicit_role_assignments", ())
    held = _held(organization_id, [EmailImplicitRoleAssignment(one["domain"], one["role_id"]) for one in assignments])
    groups = dict(
        _assigned(organization_id).order_by().values_list("role_id").annotate(CountOf("group_key", distinct=True))
    )
    members = {
        role_id: (int(number), int(manual)) for role_id, number, manual in rows(held.sql + _NUMBERS, *held.values)
    }
    return {
        role_id: (*members.get(role_id, (0, 0)), groups.get(role_id, 0)) for role_id in members.keys() | groups.keys()
    }


class _Held:
    """The beginning of a statement on who has which role, with its values."""

    def __init__(self, sql: str, values: Sequence[Any]) -> None:
        self.sql, self.values = sql, values


def _held(organization_id: UUID, rules: Rules) -> _Held:
    vendor = connection.vendor
    sql = _HELD.replace("RULES", _RULES[vendor]).replace("DIRECT", _DIRECT[vendor])
    listed = json.dumps([[one.domain, one.role_id] for one in rules])
    granting = (organization_id, ScimConnectionStatus.ACTIVE, organization_id)
    return _Held(sql, (*granting, organization_id, MemberStatus.DELETED, listed, organization_id, organization_id))


def _assigned(organization_id: UUID) -> QuerySet[models.ScimGroupRoleRow]:
    """Return the roles that existing groups of the active connection grant."""
    found = rows_of(organization_id, models.ScimGroupRoleRow)
    return found.filter(connection__status=ScimConnectionStatus.ACTIVE, group__isnull=False)
