"""SCIM conflicts: existing members that the identity provider also sends, and the admins' decisions."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.directory.email_addresses import domain_of, fold_domain
from portal.directory.errors import Conflict, Invalid
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.pages import DEFAULT_LIMIT, MAX_COUNTED, MAX_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.scim.conflicts import ScimConflict, ScimConflictState, ScimLinkingRule
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import audit, models
from portal.embedded.database.keyset import Keyset
from portal.embedded.members.roles import roles_without_groups
from portal.embedded.members.values import member_id
from portal.embedded.organizations import email_domains
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope, rows_of

IN_STATE = {
    ScimConflictState.WAITING: Q(approved_at=None, dismissed_at=None),
    ScimConflictState.APPROVED: Q(approved_at__isnull=False),
    ScimConflictState.DISMISSED: Q(dismissed_at__isnull=False),
}


class EmbeddedScimConflicts:
    """Implements portal.directory.scim.conflicts.ScimConflictGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(
        self, connection_id: str, *, state: ScimConflictState, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimConflict]:
        """Return a page of conflicts: those that wait oldest first, others newest first. Raise Invalid, InvalidCursor, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = parse_id("scim-connection", connection_id)
        # The indexes of a state serve both orders.
        order = "pk" if state is ScimConflictState.WAITING else "-pk"
        keyset = Keyset("scim-conflicts", self._scope.organization_id, connection, state, order)
        rows = open_conflicts(self._scope.organization_id, connection)
        rows = rows.filter(IN_STATE[state], connection__status=ScimConnectionStatus.ACTIVE)
        found = list(keyset.after(cursor, rows.select_related("member__organization"), order)[: limit + 1])
        if not found:
            active_connection(self._scope.organization_id, connection_id)
        return keyset.page(found, limit=limit, key=lambda row: row.pk).map(_value)

    def decide(self, connection_id: str, chosen: Mapping[str, str], *, approve: bool) -> int:
        """Approve or dismiss conflicts, all or none. Raise Invalid, NotFound, Conflict."""
        self._scope.require(Permission.SCIM_UPDATE)
        if not 1 <= len(chosen) <= MAX_LIMIT:
            raise Invalid(f"Choose 1 to {MAX_LIMIT} people.", field="chosen")
        keys = {parse_id("scim-conflict", conflict_id): version for conflict_id, version in chosen.items()}
        with transaction.atomic():
            connection = active_connection(self._scope.organization_id, connection_id)
            rows = open_conflicts(connection.organization_id, connection.pk).filter(pk__in=keys)
            found = list(rows.select_related("member").select_for_update(of=("self",)).order_by("pk"))
            if {row.pk: conflict_version(row) for row in found} != keys:
                raise Conflict(
                    "Someone else decided in the meantime, or the identity provider sent another person for one of these "
                    "members. Nothing was changed."
                )
            self._decide(found, approve=approve)
        return len(found)

    def linking_rule(self, connection_id: str, *, domain: str = "") -> ScimLinkingRule:
        """Return the domains that are always linked, and how many wait of one domain. Raise Invalid, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        connection = active_connection(self._scope.organization_id, connection_id)
        known = email_domains.read_domain(domain) if domain else ""
        waiting = open_conflicts(connection.organization_id, connection.pk).filter(IN_STATE[ScimConflictState.WAITING])
        addresses = waiting.values_list("member__email_address", flat=True)[:MAX_COUNTED] if known else ()
        number = sum(domain_of(address) == known for address in addresses)
        return ScimLinkingRule(tuple(connection.organization.email_allowed_domains), known, number)

    def always_link(self, connection_id: str, *, domain: str) -> str:
        """Allow a domain, and approve the conflicts that wait with it. Raise Invalid, NotFound, StepUpRequired."""
        self._require_domains()
        known = email_domains.read_domain(domain)
        with transaction.atomic():
            connection = active_connection(self._scope.organization_id, connection_id)
            email_domains.allow(connection.organization_id, known, self._scope.caller)
            waiting = open_conflicts(connection.organization_id, connection.pk)
            waiting = waiting.filter(IN_STATE[ScimConflictState.WAITING])
            approved = waiting.filter(member__email_address_folded__endswith=f"@{known}").values("pk")
            conflicts = rows_of(connection.organization_id, models.ScimConflictRow).filter(pk__in=approved)
            conflicts.update(approved_at=timezone.now())
            count_waiting(connection.organization_id, connection.pk)
        return known

    def stop_linking(self, connection_id: str, *, domain: str) -> str:
        """Disallow a domain, so that its members wait for a decision again. Raise NotFound, StepUpRequired."""
        self._require_domains()
        # Not read_domain(): the operator may have allowed a domain that an admin can't allow.
        known = fold_domain(domain.strip())
        with transaction.atomic():
            connection = active_connection(self._scope.organization_id, connection_id)
            email_domains.disallow(connection.organization_id, known, self._scope.caller)
        return known

    def _require_domains(self) -> None:
        self._scope.require(Permission.SCIM_UPDATE)
        self._scope.require(Permission.ALLOWED_DOMAINS)
        # As in the settings: the list decides who can join, too.
        self._scope.require_recent_proof()

    def _decide(self, conflicts: Sequence[models.ScimConflictRow], *, approve: bool) -> None:
        """Approve or dismiss locked conflicts of one connection."""
        now = timezone.now()
        changed = [row for row in conflicts if not (row.approved_at if approve else row.dismissed_at)]
        rows = self._scope.of(models.ScimConflictRow).filter(pk__in=[row.pk for row in changed])
        rows.update(approved_at=now if approve else None, dismissed_at=None if approve else now)
        audit.record_all(
            [
                audit.entry(
                    self._scope.caller,
                    "member.approve_scim_link" if approve else "member.dismiss_scim_link",
                    organization_id=row.organization_id,
                    target_id=member_id(row.member),
                    target_name=row.member.email_address,
                    after={"user_name": row.user_name},
                )
                for row in changed
            ]
        )
        for row in changed[:1]:
            count_waiting(row.organization_id, row.connection_id)


def open_conflicts(organization_id: UUID, connection: UUID) -> QuerySet[models.ScimConflictRow]:
    """Return a connection's conflicts, except with members who were deleted in the meantime."""
    rows = rows_of(organization_id, models.ScimConflictRow).filter(connection_id=connection)
    return rows.exclude(member__status=MemberStatus.DELETED)


def record_conflict(user: models.ScimUserRow, member: models.MemberRow) -> None:
    """Store that a user needs a member who wasn't provisioned. A decision about another user doesn't apply to this one."""
    rows = rows_of(user.organization_id, models.ScimConflictRow)
    conflict, is_new = rows.get_or_create(
        organization_id=user.organization_id,
        connection_id=user.connection_id,
        member=member,
        defaults={"user_name": user.user_name, "display_name": user.display_name},
    )
    same = rows.filter(pk=conflict.pk)
    same.update(last_at=timezone.now(), display_name=user.display_name)
    others = same.exclude(user_name=user.user_name)
    if others.update(user_name=user.user_name, approved_at=None, dismissed_at=None) or is_new:
        count_waiting(user.organization_id, user.connection_id)


def delete_conflicts(member: models.MemberRow) -> None:
    """Delete the conflicts of a member who was linked or has another email address now."""
    rows = rows_of(member.organization_id, models.ScimConflictRow).filter(member=member)
    connections = list(rows.values_list("connection_id", flat=True))
    rows.delete()
    for connection in connections:
        count_waiting(member.organization_id, connection)


def recount_waiting(member: models.MemberRow) -> None:
    """Count the waiting conflicts again after a member was deleted or reactivated."""
    rows = rows_of(member.organization_id, models.ScimConflictRow).filter(member=member)
    for connection in rows.values_list("connection_id", flat=True):
        count_waiting(member.organization_id, connection)


def count_waiting(organization_id: UUID, connection: UUID) -> None:
    """Store the number of waiting conflicts with the connection, so that no page counts them."""
    waiting = open_conflicts(organization_id, connection).filter(IN_STATE[ScimConflictState.WAITING])[:MAX_COUNTED]
    connections = rows_of(organization_id, models.ScimConnectionRow).filter(pk=connection)
    connections.update(waiting_conflicts=waiting.count())


def _state(row: models.ScimConflictRow) -> ScimConflictState:
    if row.approved_at:
        return ScimConflictState.APPROVED
    return ScimConflictState.DISMISSED if row.dismissed_at else ScimConflictState.WAITING


def conflict_version(row: models.ScimConflictRow) -> str:
    """Return a hash of what an admin's decision is based on."""
    return sha256(f"{_state(row)} {row.user_name}".encode()).hexdigest()[:16]


def _value(row: models.ScimConflictRow) -> ScimConflict:
    return ScimConflict(
        conflict_id=public_id("scim-conflict", row.pk),
        version=conflict_version(row),
        state=_state(row),
        member_id=member_id(row.member),
        email_address=row.member.email_address,
        name=row.member.name,
        # Groups grant them no roles, because groups contain provisioned users only.
        roles=tuple(roles_without_groups(row.member)),
        member_since=row.member.created_at,
        user_name=row.user_name,
        display_name=row.display_name,
        first_at=row.first_at,
        last_at=row.last_at,
        decided_at=row.approved_at or row.dismissed_at,
    )
