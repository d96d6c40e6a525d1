"""Pushed groups and who is in them (RFC 7643, 4.2); the members are rows, changed one by one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.directory.embedded import activity, models
from portal.directory.embedded.provisioning.clients import ScimClient
from portal.directory.embedded.provisioning.documents import (
    Document,
    changed_attributes,
    optional_text,
    read_document,
    read_value,
    required_name,
)
from portal.directory.embedded.provisioning.errors import InvalidValue, ResourceNotFound, Uniqueness
from portal.directory.embedded.provisioning.filters import matches
from portal.directory.embedded.provisioning.listing import (
    Column,
    ListQuery,
    ResultPage,
    exact,
    folded,
    moment,
    page,
    resource_id,
)
from portal.directory.embedded.provisioning.patch import Operation, expand, patched, read_target
from portal.directory.embedded.provisioning.schemas import GROUP
from portal.directory.embedded.provisioning.users import user_id
from portal.directory.ids import parse_id, public_id

_COLUMNS = {
    "id": Column("pk", resource_id("scim-group")),
    "displayName": Column("display_name_folded", folded),
    "externalId": Column("external_id", exact),
    "meta.created": Column("created_at", moment),
    "meta.lastModified": Column("updated_at", moment),
}
_MEMBERS = GROUP.core["members"]
_BATCH = 1000  # rows in one statement
_MOST_NAMED = 100  # ids in an entry of the activity log, and in an error


@dataclass(frozen=True, slots=True)
class MemberChange:
    """Who joins and who leaves a group."""

    joining: Sequence[UUID]
    leaving: Sequence[UUID]


def group_id(key: UUID) -> str:
    """Return the id that the identity provider sees."""
    return public_id("scim-group", key)


def find_groups(client: ScimClient, query: ListQuery) -> ResultPage[models.ScimGroup]:
    """Return a page of groups. Raises InvalidFilter."""
    return page(client.groups(), query, GROUP, _COLUMNS)


def get_group(client: ScimClient, resource: str) -> models.ScimGroup:
    """Return a group. Raises ResourceNotFound."""
    row = client.groups().filter(pk=parse_id("scim-group", resource)).first()
    if row is None:
        raise ResourceNotFound(f'There is no Group "{resource[:200]}".')
    return row


def create_group(client: ScimClient, payload: Document) -> models.ScimGroup:
    """Push a group with its members. Raises InvalidValue, Uniqueness."""
    document = read_document(GROUP, payload)
    members = _known(client, _ids(document.pop("members", [])))
    row = models.ScimGroup(organization_id=client.organization_id, connection_id=client.connection.pk)
    _describe(row, document)
    row.updated_at = timezone.now()
    change = MemberChange(members, ())
    row.member_count = len(members)
    with _unless_taken(row):
        row.save(force_insert=True)
        _join(row, members)
        _record(client, row, "scim_group.create", {}, document, change)
    return row


def replace_group(client: ScimClient, resource: str, payload: Document) -> models.ScimGroup:
    """Replace a group's attributes and its members. Raises as create_group, and ResourceNotFound."""
    document = read_document(GROUP, payload)
    with transaction.atomic():
        row = _locked(client, resource)
        wanted = set(_known(client, _ids(document.pop("members", []))))
        present = set(_present(row))
        _change(client, row, document, MemberChange(sorted(wanted - present), sorted(present - wanted)))
    return row


def patch_group(client: ScimClient, resource: str, operations: list[Operation]) -> models.ScimGroup:
    """Change a group step by step, as a whole or not at all. Raises what `patched` raises, and as replace_group."""
    single = [one for operation in operations for one in expand(GROUP, operation)]
    about_members = [one for one in single if GROUP.resolve(one.path.partition("[")[0])[:1] == (_MEMBERS,)]
    with transaction.atomic():
        row = _locked(client, resource)
        document = patched(GROUP, row.document, [one for one in single if one not in about_members])
        change = _member_change(client, row, about_members)
        _change(client, row, document, change)
    return row


def delete_group(client: ScimClient, resource: str) -> None:
    """Forget a group. Raises ResourceNotFound."""
    with transaction.atomic():
        row = _locked(client, resource)
        _record(client, row, "scim_group.delete", row.document, {}, MemberChange((), ()))
        row.memberships.all().delete()
        row.delete()


def members_of(groups: Iterable[models.ScimGroup]) -> Mapping[UUID, list[models.ScimUser]]:
    """Return the people of each group, by the group's key, with one query for all."""
    found: dict[UUID, list[models.ScimUser]] = {group.pk: [] for group in groups}
    memberships = models.ScimMembership.objects.filter(group_id__in=list(found)).order_by("user_id")
    rows = memberships.values_list("group_id", "user_id", "user__user_name", "user__display_name")
    for group, key, user_name, display_name in rows.iterator(_BATCH):
        found[group].append(models.ScimUser(pk=key, user_name=user_name, display_name=display_name))
    return found


def groups_of(users: Iterable[models.ScimUser]) -> Mapping[UUID, list[models.ScimGroup]]:
    """Return the groups of each person, by the person's key, with one query for all."""
    found: dict[UUID, list[models.ScimGroup]] = {user.pk: [] for user in users}
    memberships = models.ScimMembership.objects.filter(user_id__in=list(found)).order_by("group_id")
    for user, key, display_name in memberships.values_list("user_id", "group_id", "group__display_name"):
        found[user].append(models.ScimGroup(pk=key, display_name=display_name))
    return found


def _locked(client: ScimClient, resource: str) -> models.ScimGroup:
    row = client.groups().select_for_update().filter(pk=parse_id("scim-group", resource)).first()
    if row is None:
        raise ResourceNotFound(f'There is no Group "{resource[:200]}".')
    return row


def _describe(row: models.ScimGroup, document: Document) -> None:
    """Take the document over, and into the columns what is searched. Raises InvalidValue."""
    row.display_name = document["displayName"] = required_name(document, "displayName")
    row.external_id = optional_text(document, "externalId")
    row.document = document


def _change(client: ScimClient, row: models.ScimGroup, document: Document, change: MemberChange) -> None:
    """Store what differs; where nothing does, lastModified stays as well (RFC 7644, 3.5.2.1)."""
    before = row.document
    _describe(row, document)
    if document == before and not change.joining and not change.leaving:
        return
    row.updated_at = timezone.now()
    row.member_count += len(change.joining) - len(change.leaving)
    with _unless_taken(row):
        row.save()
        _leave(row, change.leaving)
        _join(row, change.joining)
        _record(client, row, "scim_group.update", *changed_attributes(before, document), change)


def _member_change(client: ScimClient, row: models.ScimGroup, operations: list[Operation]) -> MemberChange:
    """Return what the operations on members come to, asking only for the rows that they concern."""
    joining: dict[UUID, None] = {}
    leaving: dict[UUID, None] = {}
    for operation in operations:
        added, removed = _one_change(client, row, operation, joining)
        for key in removed:
            joining.pop(key, None)
            leaving[key] = None
        for key in added:
            leaving.pop(key, None)
            joining[key] = None
    concerned = set(_present(row, [*joining, *leaving]))
    return MemberChange([k for k in joining if k not in concerned], [k for k in leaving if k in concerned])


def _one_change(
    client: ScimClient, row: models.ScimGroup, operation: Operation, joining: Iterable[UUID]
) -> tuple[Sequence[UUID], Sequence[UUID]]:
    """Return whom one operation adds and whom it removes."""
    target = read_target(GROUP, operation.path)
    if target.filter is not None:
        if operation.kind != "remove":
            raise InvalidValue('A member cannot be changed, only added and removed: use the path "members".')
        candidates = ({"value": user_id(key), "type": "User"} for key in [*_present(row), *joining])
        return (), [parse_id("scim-user", one["value"]) for one in candidates if matches(target.filter, one, _MEMBERS)]
    if operation.kind == "remove":
        if operation.value in (None, [], ""):
            return (), [*_present(row), *joining]
        return (), [parse_id("scim-user", value) for value in _ids(operation.value)]
    added = _known(client, _ids(operation.value))
    if operation.kind == "add":
        return added, ()
    return added, [key for key in (*_present(row), *joining) if key not in set(added)]


def _ids(value: Any) -> list[str]:
    """Return the ids in a value of `members`. Raises InvalidValue for an element without one."""
    elements = read_value(_MEMBERS, value) or []
    ids = [str(element.get("value", "")) for element in elements]
    if not all(ids):
        raise InvalidValue('Each of the "members" needs a "value", the id of a User.')
    return list(dict.fromkeys(ids))


def _known(client: ScimClient, ids: Sequence[str]) -> list[UUID]:
    """Return the keys of the connection's people. Raises InvalidValue that names those who are none."""
    keys = {parse_id("scim-user", one): one for one in ids}
    for batch in _batches(list(keys)):
        # By key alone: with the connection as well, PostgreSQL reads all of its people while it has no statistics yet.
        found = models.ScimUser.objects.filter(pk__in=batch).values_list("pk", "connection_id")
        keys |= {key: "" for key, connection in found if connection == client.connection.pk}
    unknown = [one for one in keys.values() if one]
    if unknown:
        raise InvalidValue(f"There is no such User: {', '.join(one[:100] for one in unknown[:_MOST_NAMED])}.")
    return list(keys)


def _present(row: models.ScimGroup, among: Sequence[UUID] | None = None) -> list[UUID]:
    """Return who is in the group, all or of those asked about."""
    if among is None:
        return list(row.memberships.order_by("user_id").values_list("user_id", flat=True))
    return [
        key
        for batch in _batches(among)
        for key in row.memberships.filter(user_id__in=batch).values_list("user_id", flat=True)
    ]


def _join(row: models.ScimGroup, keys: Sequence[UUID]) -> None:
    models.ScimMembership.objects.bulk_create(
        (models.ScimMembership(organization_id=row.organization_id, group=row, user_id=key) for key in keys),
        batch_size=_BATCH,
    )


def _leave(row: models.ScimGroup, keys: Sequence[UUID]) -> None:
    for batch in _batches(keys):
        row.memberships.filter(user_id__in=batch).delete()


def _batches(keys: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


@contextmanager
def _unless_taken(row: models.ScimGroup) -> Iterator[None]:
    """Write in one go, or raise Uniqueness where another group has the name."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise Uniqueness(f'There is a Group with the displayName "{row.display_name}" already.') from None


def _record(  # noqa: PLR0913 -- as activity.record()
    client: ScimClient, row: models.ScimGroup, action: str, before: Document, after: Document, change: MemberChange
) -> None:
    activity.record(
        client.caller,
        action,
        organization_id=client.organization_id,
        target_id=group_id(row.pk),
        target_name=row.display_name,
        before=before | _named("members_left", change.leaving),
        after=after | _named("members_joined", change.joining),
    )


def _named(name: str, keys: Sequence[UUID]) -> Document:
    """Return who joined or left, for the log: how many, and the first of them by id."""
    if not keys:
        return {}
    return {name: {"number": len(keys), "ids": [user_id(key) for key in keys[:_MOST_NAMED]]}}
