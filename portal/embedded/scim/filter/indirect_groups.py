"""SQL for filters on the groups that a user is in through other groups (RFC 7643, 4.1.2)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, CharField, F, Func, Q, QuerySet, Subquery, UUIDField, Value
from django.db.models.sql.compiler import SQLCompiler

from portal.embedded import models
from portal.embedded.scim.filter.columns import Column, Relation, folded, folded_name, reference, resource_id
from portal.embedded.scim.protocol.client import ScimClient

# From the wanted groups down to the users, once for the whole list and not for each user. UNION drops duplicates, so the
# recursion ends even if groups form a cycle. Direct members of a wanted group are excluded.
_WITHIN = """{user} IN (
    WITH RECURSIVE within(organization_id, wanted_id, group_id) AS (
        SELECT n.organization_id, n.group_id, n.member_id FROM {nesting} n
        WHERE n.organization_id = {organization} AND n.group_id IN {wanted}
        UNION SELECT n.organization_id, w.wanted_id, n.member_id FROM within w
        JOIN {nesting} n ON n.group_id = w.group_id AND n.organization_id = w.organization_id
        WHERE n.organization_id = {organization}
    )
    SELECT m.user_id FROM within w
    JOIN {membership} m ON m.group_id = w.group_id AND m.organization_id = w.organization_id
    WHERE m.organization_id = {organization} AND NOT EXISTS (
        SELECT 1 FROM {membership} d
        WHERE d.organization_id = m.organization_id AND d.group_id = w.wanted_id AND d.user_id = m.user_id
    )
)"""
_TABLES = {"nesting": models.ScimNestingRow, "membership": models.ScimMembershipRow}


@dataclass(frozen=True, slots=True)
class IndirectGroups(Relation):
    """The indirect elements of a user's `groups`. `rows` are the connection's groups."""

    organization: UUID

    def has(self, wanted: Q) -> Q:
        """Return the condition that a user is in such a group, but not directly."""
        return Q(_IsWithin(self.rows.filter(wanted), self.organization))


def indirect_groups(client: ScimClient) -> IndirectGroups:
    """Return the relation between a client's users and their indirect groups."""
    return IndirectGroups(
        client.groups().annotate(kind=Value("indirect", output_field=CharField())),
        {
            "value": Column("pk", resource_id("scim-group")),
            "$ref": Column("pk", reference("scim-group")),
            "display": Column("display_name_folded", folded_name),
            "type": Column("kind", folded),
        },
        client.organization_id,
    )


class _IsWithin(Func):
    """Whether a user is in a group that is, directly or not, in one of these."""

    def __init__(self, groups: QuerySet[models.ScimGroupRow], organization: UUID) -> None:
        of_organization = Value(organization, output_field=UUIDField())
        super().__init__(F("pk"), of_organization, Subquery(groups.values("pk")), output_field=BooleanField())

    def as_sql(  # type: ignore[override]  # -- Func's takes templates that are not used here
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition with the parameters of the groups' subquery."""
        (user, _none), (organization, own), (wanted, params) = map(compiler.compile, self.get_source_expressions())
        tables = {name: connection.ops.quote_name(model._meta.db_table) for name, model in _TABLES.items()}
        sql = _WITHIN.format(user=user, organization=organization, wanted=wanted, **tables)
        return sql, [*own, *params, *own, *own]
