"""Find and lock single resources of a connection, with statements that are compiled once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import BooleanField, Expression, F, Func, Model, QuerySet

from portal.directory.ids import parse_id
from portal.embedded import models
from portal.embedded.database.keys import count_rows, key_at
from portal.embedded.database.statements import Statement, columns_of
from portal.embedded.members.roles import GROUPS_GRANT_ADMIN
from portal.embedded.scim.protocol.client import IndexHint, ScimClient
from portal.embedded.scim.protocol.errors import ResourceNotFound
from portal.embedded.scim.protocol.etags import check_if_match
from portal.embedded.scim.protocol.index_paging import ListedRow, UnfilteredList, page_in_order
from portal.embedded.scim.protocol.pagination import ListQuery, ResultPage, list_keyset

Row = TypeVar("Row", models.ScimUserRow, models.ScimGroupRow)


# Columns that no change needs. Reading a column takes time, and timestamps take the most.
_DEFERRED: Mapping[type[Model], Sequence[str]] = {
    models.ScimUserRow: (
        *("search", "user_name_folded", "display_name_folded"),
        *("deactivation_held_at", "deactivated_with_connection_at"),
    ),
    models.MemberRow: ("password", "created_at", "updated_at"),
    models.ScimGroupRow: ("search", "display_name_folded", "removal_held_at", "removal_held_count"),
}


_LISTED_COLUMNS = ("pk", "document", "created_at", "updated_at")
# Whether a user waits for the email address of the member, which is rare. Not EXISTS: without statistics, PostgreSQL may
# hash all users for it.
_IS_AWAITED = Func(
    F("member__email_address_folded"),
    F("organization_id"),
    arg_joiner=" AND w.organization_id = ",
    template=(
        f"(SELECT 1 FROM {models.ScimUserRow._meta.db_table} w "  # noqa: S608 -- our own names
        "WHERE w.awaited_address <> '' AND w.awaited_address = %(expressions)s LIMIT 1) IS NOT NULL"
    ),
    output_field=BooleanField(),
)


class LookupRow(NamedTuple):
    """The columns that the response with a single resource needs, including the groups of a user."""

    pk: UUID
    document: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    group_pairs: Sequence[Sequence[str]] | None = None


class Lookups(Generic[Row]):
    """The lookups of one resource type. `name_field` is unique within a connection, and `noun` begins the ids.

    Each single resource has the attributes of `read_with`. A locked one also has `groups_make_admins`, and a locked user
    `is_awaited`.
    """

    def __init__(self, model: type[Row], kind: str, noun: str, name_field: str, **read_with: Expression) -> None:
        self._model: type[Row] = model
        self._kind, self._noun, self._read_with = kind, noun, read_with
        meta = model._meta
        self._key, name = (meta.pk, UUID(int=3)), (meta.get_field(name_field), "example")
        columns = (*_LISTED_COLUMNS, *read_with)
        self._by_name: Statement[Row] = self._statement(
            IndexHint.VALUE, columns, name, lambda rows, value: rows.filter(**{name_field: value})
        )
        self._by_id: Statement[Row] = self._statement(
            IndexHint.VALUE, columns, self._key, lambda rows, value: rows.filter(pk=value)
        )
        self._locked: Statement[Row] = self._locking()
        self._behind: Callable[[int], Statement[Row]] = cache(self._listing)

    def _statement(
        self,
        index_hint: IndexHint,
        columns: Sequence[str],
        sought: tuple[Any, Any],
        find: "Callable[[QuerySet[Row], Any], QuerySet[Row]]",
    ) -> Statement[Row]:
        """Return a statement whose parameters are the organization, the connection and the value to find."""
        meta = self._model._meta
        place = ((meta.get_field("organization"), UUID(int=1)), (meta.get_field("connection"), UUID(int=2)))

        def build(organization: UUID, connection: UUID, value: Any) -> "QuerySet[Row]":
            return find(index_hint.rows(self._model, organization, connection).annotate(**self._read_with), value)

        return Statement(build, columns, *place, sought)

    def _listing(self, limit: int) -> Statement[Row]:
        return self._statement(
            IndexHint.CONNECTION,
            _LISTED_COLUMNS,
            self._key,
            lambda rows, after: rows.filter(pk__gt=after).order_by("pk")[:limit],
        )

    def _locking(self) -> Statement[Row]:
        columns: tuple[str, ...] = columns_of(self._model, without=_DEFERRED[self._model])
        more: dict[str, Expression] = {"groups_make_admins": GROUPS_GRANT_ADMIN}
        if self._model is models.ScimUserRow:
            columns += columns_of(models.MemberRow, "member__", without=_DEFERRED[models.MemberRow])
            more["is_awaited"] = _IS_AWAITED

        def find(rows: "QuerySet[Row]", key: UUID) -> "QuerySet[Row]":
            return rows.filter(pk=key).annotate(**more).select_for_update(of=("self",))

        return self._statement(IndexHint.VALUE, (*columns, *self._read_with, *more), self._key, find)

    def by_name(self, client: ScimClient) -> Callable[[str], LookupRow | None]:
        """Return a function that finds a client's resource by its case-folded name."""
        return lambda name: _found(self._by_name, client, name)

    def in_order(self, client: ScimClient, query: ListQuery) -> ResultPage[ListedRow] | None:
        """Return a page of an unfiltered list, or None if the query has a filter or sort order."""
        scope = {"organization_id": client.organization_id, "connection_id": client.connection.pk}

        def rows_after(key: UUID, limit: int) -> list[ListedRow]:
            return [ListedRow(*row) for row in self._behind(limit).rows(*scope.values(), key)]

        whole = UnfilteredList(
            (self._kind, client.connection.pk),
            rows_after,
            partial(key_at, self._model, scope),
            partial(count_rows, self._model, scope),
        )
        return page_in_order(whole, query, list_keyset(query, client.connection.pk, self._kind))

    def get(self, client: ScimClient, resource: str) -> LookupRow:
        """Return a resource. Raise ResourceNotFound if the client has none with this id."""
        row = _found(self._by_id, client, parse_id(self._noun, resource))
        if row is None:
            raise self._not_found(resource)
        return row

    def lock(self, client: ScimClient, resource: str, if_match: str) -> Row:
        """Return a resource, locked until the transaction ends.

        Raise ResourceNotFound if the client has none with this id, VersionMismatch if `if_match` excludes its state.
        """
        row = self._locked.first_object(client.organization_id, client.connection.pk, parse_id(self._noun, resource))
        if row is None:
            raise self._not_found(resource)
        check_if_match(if_match, row)
        return row

    def _not_found(self, resource: str) -> ResourceNotFound:
        return ResourceNotFound(f'There is no {self._kind} "{resource[:200]}".')


def _found(statement: Statement[Row], client: ScimClient, *sought: UUID | str) -> LookupRow | None:
    found = statement.first(client.organization_id, client.connection.pk, *sought)
    return LookupRow(*found) if found else None
