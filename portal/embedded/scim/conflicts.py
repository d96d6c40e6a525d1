"""Members whom provisioning would take over, as the portal lists and decides them."""

from collections.abc import Mapping
from hashlib import sha256

from django.db import transaction

from portal.directory.email_addresses import domain_of, fold_domain
from portal.directory.errors import Conflict, Invalid
from portal.directory.ids import parse_id, public_id
from portal.directory.pages import DEFAULT_LIMIT, MAX_COUNTED, MAX_LIMIT, Page
from portal.directory.permissions import Permission
from portal.directory.scim.conflicts import ScimConflict, ScimConflictState, ScimLinkingRule
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.database.keyset import Keyset, check_limit
from portal.embedded.members.roles import roles_without_groups
from portal.embedded.members.values import member_id
from portal.embedded.organizations import email_domains
from portal.embedded.scim import conflict_rules
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope


class EmbeddedScimConflicts:
    """Implements portal.directory.scim.conflicts.ScimConflictGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(
        self, connection_id: str, *, state: ScimConflictState, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimConflict]:
        """Return a page of conflicts, the newest first. Raises Invalid, InvalidCursor, NotFound, Refused."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = parse_id("scim-connection", connection_id)
        keyset = Keyset("scim-conflicts", self._scope.organization_id, connection, state)
        rows = conflict_rules.conflicts_of(connection, self._scope.organization_id)
        rows = rows.filter(conflict_rules.IN_STATE[state], connection__status=ScimConnectionStatus.ACTIVE)
        found = list(keyset.after(cursor, rows.select_related("member__organization"), "-pk")[: limit + 1])
        if not found:
            active_connection(self._scope.organization_id, connection_id)
        return keyset.page(found, limit=limit, key=lambda row: row.pk).map(_value)

    def decide(self, connection_id: str, chosen: Mapping[str, str], *, approve: bool) -> int:
        """Approve or dismiss all of them, or none. Raises Invalid, NotFound, Conflict, Refused."""
        self._scope.require(Permission.SCIM_UPDATE)
        if not 1 <= len(chosen) <= MAX_LIMIT:
            raise Invalid(f"Choose 1 to {MAX_LIMIT} people.", field="chosen")
        keys = {parse_id("scim-conflict", conflict_id): version for conflict_id, version in chosen.items()}
        with transaction.atomic():
            connection = active_connection(self._scope.organization_id, connection_id)
            rows = conflict_rules.conflicts_of(connection.pk, connection.organization_id).filter(pk__in=keys)
            found = list(rows.select_related("member").select_for_update(of=("self",)).order_by("pk"))
            if {row.pk: _version(row) for row in found} != keys:
                raise Conflict(
                    "Somebody else has decided meanwhile, or another person wants one of these members. Nothing was changed."
                )
            conflict_rules.decide(found, approve=approve, caller=self._scope.caller)
        return len(found)

    def linking_rule(self, connection_id: str, *, domain: str = "") -> ScimLinkingRule:
        """Return which domains are linked always, and how many wait of one domain. Raises Invalid, NotFound, Refused."""
        self._scope.require(Permission.SCIM_GET)
        connection = active_connection(self._scope.organization_id, connection_id)
        allowed = models.OrganizationRow.objects.filter(pk=connection.organization_id).values_list(
            "email_allowed_domains", flat=True
        )
        known = email_domains.read_domain(domain) if domain else ""
        waiting = conflict_rules.conflicts_of(connection.pk, connection.organization_id).filter(
            conflict_rules.IN_STATE[ScimConflictState.WAITING]
        )
        addresses = waiting.values_list("member__email_address", flat=True)[:MAX_COUNTED] if known else ()
        number = sum(domain_of(address) == known for address in addresses)
        return ScimLinkingRule(tuple(allowed.get()), known, number)

    def always_link(self, connection_id: str, *, domain: str) -> str:
        """Link every member of the domain from now on, also who waits. Raises Invalid, NotFound, Refused."""
        self._scope.require(Permission.SCIM_UPDATE)
        self._scope.require(Permission.ALLOWED_DOMAINS)
        known = email_domains.read_domain(domain)
        with transaction.atomic():
            connection = active_connection(self._scope.organization_id, connection_id)
            email_domains.allow(connection.organization_id, known, self._scope.caller)
            conflict_rules.approve_domain(connection, known)
        return known

    def stop_linking(self, connection_id: str, *, domain: str) -> str:
        """Ask of everybody of the domain again from now on. Raises NotFound, Refused."""
        self._scope.require(Permission.SCIM_UPDATE)
        self._scope.require(Permission.ALLOWED_DOMAINS)
        # Not read_domain: the operator can have allowed one that an admin could not.
        known = fold_domain(domain.strip())
        with transaction.atomic():
            connection = active_connection(self._scope.organization_id, connection_id)
            email_domains.disallow(connection.organization_id, known, self._scope.caller)
        return known


def _version(row: models.ScimConflictRow) -> str:
    """Return what stands for all that an admin decides by."""
    return sha256(f"{conflict_rules.state_of(row)} {row.user_name}".encode()).hexdigest()[:16]


def _value(row: models.ScimConflictRow) -> ScimConflict:
    return ScimConflict(
        conflict_id=public_id("scim-conflict", row.pk),
        version=_version(row),
        state=conflict_rules.state_of(row),
        member_id=member_id(row.member),
        email_address=row.member.email_address,
        name=row.member.name,
        # No group gives them any: groups hold provisioned people alone.
        roles=tuple(roles_without_groups(row.member)),
        member_since=row.member.created_at,
        user_name=row.user_name,
        display_name=row.display_name,
        first_at=row.first_at,
        last_at=row.last_at,
        decided_at=row.approved_at or row.dismissed_at,
    )
