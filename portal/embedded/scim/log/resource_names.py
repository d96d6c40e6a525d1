"""Current names of the users and groups that logged requests are about."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from uuid import UUID

from portal.directory.ids import parse_id, public_id
from portal.embedded import models
from portal.embedded.models.fields import fold_name
from portal.embedded.scope import Scope

# Connection, "User" or "Group", and case-folded name.
_NameKey = tuple[UUID, str, str]


class ResourceNames:
    """The names for a page of requests: at most two queries for users and two for groups, however many requests."""

    def __init__(self, scope: Scope, rows: Collection[models.ScimRequestRow]) -> None:
        self._names = {**_names(scope, "User", rows), **_names(scope, "Group", rows)}
        self._holders = {**_holders(scope, "User", rows), **_holders(scope, "Group", rows)}

    def current_name(self, row: models.ScimRequestRow) -> str:
        """Return the name of the user or group with the request's resource id; "" if it doesn't exist."""
        return self._names.get(row.resource_id, "")

    def holder(self, row: models.ScimRequestRow) -> tuple[str, str]:
        """Return id and name of the user or group that has the name in the request now; empty if none."""
        return self._holders.get(_name_key(row), ("", "")) if row.subject else ("", "")


def _names(scope: Scope, resource_type: str, rows: Iterable[models.ScimRequestRow]) -> Mapping[str, str]:
    noun = f"scim-{resource_type.lower()}"
    ids = {row.resource_id for row in rows if row.resource_id and row.resource_type == resource_type}
    keys = [parse_id(noun, resource_id) for resource_id in ids]
    if not keys:
        return {}
    if resource_type == "Group":
        groups = scope.of(models.ScimGroupRow).filter(pk__in=keys)
        return {public_id(noun, key): name for key, name in groups.values_list("pk", "display_name")}
    users = scope.of(models.ScimUserRow).filter(pk__in=keys)
    names = users.values_list("pk", "display_name", "user_name")
    return {public_id(noun, key): display_name or user_name for key, display_name, user_name in names}


def _holders(
    scope: Scope, resource_type: str, rows: Iterable[models.ScimRequestRow]
) -> Mapping[_NameKey, tuple[str, str]]:
    wanted = {_name_key(row) for row in rows if row.subject and row.resource_type == resource_type}
    if not wanted:
        return {}
    connections, folded_names = {key[0] for key in wanted}, {key[2] for key in wanted}
    noun = f"scim-{resource_type.lower()}"
    return {
        (connection, resource_type, folded_name): (public_id(noun, key), name)
        for connection, folded_name, key, name in _named(scope, resource_type, connections, folded_names)
    }


def _named(
    scope: Scope, resource_type: str, connections: Collection[UUID], folded_names: Collection[str]
) -> Iterator[tuple[UUID, str, UUID, str]]:
    """Yield connection, folded name, key and name of the users or groups that have one of the folded names."""
    if resource_type == "Group":
        groups = scope.of(models.ScimGroupRow).filter(
            connection_id__in=connections, display_name_folded__in=folded_names
        )
        yield from groups.values_list("connection_id", "display_name_folded", "pk", "display_name")
        return
    users = scope.of(models.ScimUserRow).filter(connection_id__in=connections, user_name_folded__in=folded_names)
    for row in users.only("connection_id", "user_name_folded", "display_name", "user_name"):
        yield row.connection_id, row.user_name_folded, row.pk, row.display_name or row.user_name


def _name_key(row: models.ScimRequestRow) -> _NameKey:
    return row.connection_id, row.resource_type, fold_name(row.subject)
