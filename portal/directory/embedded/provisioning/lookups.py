"""How one resource of a connection is found and locked, by statements made once."""

from collections.abc import Callable
from functools import cache, partial
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Expression, QuerySet

from portal.directory.embedded import models
from portal.directory.embedded.provisioning.clients import ScimClient
from portal.directory.embedded.provisioning.errors import ResourceNotFound
from portal.directory.embedded.provisioning.listing import ListQuery, ResultPage, list_key
from portal.directory.embedded.provisioning.versions import check_version
from portal.directory.embedded.provisioning.walks import ListedRow, WholeList, page_in_order
from portal.directory.embedded.statements import Statement, count_rows, key_at
from portal.directory.ids import parse_id

Row = TypeVar("Row", models.ScimUser, models.ScimGroup)


class Lookups(Generic[Row]):
    """The look-ups of one kind; `name_field` is unique within a connection, `noun` that of the ids.

    What is read with each single resource is an attribute of it (`read_with`).
    """

    def __init__(self, model: type[Row], kind: str, noun: str, name_field: str, **read_with: Expression) -> None:
        meta = model._meta  # noqa: SLF001 -- Django's documented model API
        scope = ((meta.get_field("organization"), UUID(int=1)), (meta.get_field("connection"), UUID(int=2)))
        key = (meta.pk, UUID(int=3))

        def rows(organization: UUID, connection: UUID) -> "QuerySet[Row]":
            found: QuerySet[Row] = model._default_manager.defer("search").annotate(**read_with)  # noqa: SLF001 -- as above
            return found.filter(organization_id=organization).filter(connection_id=connection)

        self._model: type[Row] = model
        self._kind, self._noun = kind, noun

        @cache
        def behind(limit: int) -> Statement[Row]:
            return Statement(
                lambda organization, connection, after: (
                    rows(organization, connection)
                    .filter(pk__gt=after)
                    .order_by("pk")
                    .values_list("pk", "document", "created_at", "updated_at")[:limit]
                ),
                *scope,
                key,
            )

        self._behind: Callable[[int], Statement[Row]] = behind
        self._by_name: Statement[Row] = Statement(
            lambda organization, connection, name: rows(organization, connection).filter(**{name_field: name}),
            *scope,
            (meta.get_field(name_field), "example"),
        )
        self._by_id: Statement[Row] = Statement(
            lambda organization, connection, pk: rows(organization, connection).filter(pk=pk), *scope, key
        )
        related = "member" if model is models.ScimUser else None
        self._locked: Statement[Row] = Statement(
            lambda organization, connection, pk: (
                rows(organization, connection).select_related(related).filter(pk=pk).select_for_update(of=("self",))
            ),
            *scope,
            key,
        )

    def by_name(self, client: ScimClient) -> Callable[[str], Row | None]:
        """Return what finds a client's resource by its folded name."""
        return partial(self._by_name.first, client.organization_id, client.connection.pk)

    def in_order(self, client: ScimClient, query: ListQuery) -> ResultPage[ListedRow] | None:
        """Return a page of all of a client's resources, or None where another list is wanted."""
        scope = {"organization_id": client.organization_id, "connection_id": client.connection.pk}

        def rows_after(key: UUID, limit: int) -> list[ListedRow]:
            return [ListedRow(*row) for row in self._behind(limit).rows(*scope.values(), key)]

        whole = WholeList(
            (self._kind, client.connection.pk),
            rows_after,
            partial(key_at, self._model, scope),
            partial(count_rows, self._model, scope),
        )
        return page_in_order(whole, query, list_key(query, client.connection.pk, self._kind))

    def get(self, client: ScimClient, resource: str) -> Row:
        """Return a resource. Raises ResourceNotFound."""
        return self._found(self._by_id, client, resource)

    def lock(self, client: ScimClient, resource: str, if_match: str) -> Row:
        """Return a resource, locked to the end of the transaction. Raises ResourceNotFound, VersionMismatch."""
        row = self._found(self._locked, client, resource)
        check_version(if_match, row)
        return row

    def _found(self, statement: Statement[Row], client: ScimClient, resource: str) -> Row:
        row = statement.first(client.organization_id, client.connection.pk, parse_id(self._noun, resource))
        if row is None:
            raise ResourceNotFound(f'There is no {self._kind} "{resource[:200]}".')
        return row
