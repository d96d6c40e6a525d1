"""Provisioned people (RFC 7643, 4.1 and 4.3)."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import CharField, OuterRef, Value
from django.utils import timezone

from portal.directory.ids import parse_id, public_id
from portal.embedded import audit, models
from portal.embedded.database.writes import Writes
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.filter.columns import (
    Column,
    Listable,
    Relation,
    boolean,
    exact,
    folded,
    folded_name,
    reference,
    resource_id,
    timestamp,
)
from portal.embedded.scim.filter.comparison import searchable
from portal.embedded.scim.filter.indirect_groups import indirect_groups
from portal.embedded.scim.protocol.address_handover import hand_over_address, recheck_after_commit
from portal.embedded.scim.protocol.attribute_values import (
    MAX_NAME_LENGTH,
    Document,
    changed_attributes,
    check_resource_size,
    read_optional_text,
    read_required_name,
)
from portal.embedded.scim.protocol.client import IndexHint, ScimClient
from portal.embedded.scim.protocol.errors import ScimError, Uniqueness
from portal.embedded.scim.protocol.etags import etag_timestamp
from portal.embedded.scim.protocol.index_paging import ListedRow
from portal.embedded.scim.protocol.lookups import LookupRow, Lookups
from portal.embedded.scim.protocol.member_sync import (
    ACCESS_COLUMNS,
    build_member,
    create_member,
    creation_entry,
    deactivate_member,
    link_member,
    sync_member,
    update_access,
)
from portal.embedded.scim.protocol.membership import (
    USER_MEMBER,
    decrement_member_counts,
    groups_containing,
    lock_groups,
)
from portal.embedded.scim.protocol.pagination import ListQuery, ResultPage, find_unique, query_page
from portal.embedded.scim.protocol.patch import apply_patch
from portal.embedded.scim.protocol.payload import read_patch, read_payload
from portal.embedded.scim.protocol.schemas import USER, ResourceSchema
from portal.embedded.scim.protocol.user_groups import GroupPairs

_DIRECT_GROUPS = models.ScimMembershipRow.objects.filter(user_id=OuterRef("pk")).annotate(
    kind=Value("direct", output_field=CharField())
)
_LISTABLE = Listable(
    USER,
    {
        "id": Column("pk", resource_id("scim-user"), index_hint=IndexHint.KEY),
        "userName": Column("user_name_folded", folded_name, index_hint=IndexHint.VALUE),
        "externalId": Column("external_id", exact, is_ordered=False, index_hint=IndexHint.VALUE),
        "active": Column("active", boolean),
        "meta.created": Column("created_at", timestamp),
        "meta.lastModified": Column("updated_at", timestamp),
        "meta.location": Column("pk", reference("scim-user")),
        "meta.version": Column("updated_at", etag_timestamp),
    },
    {
        "groups": (
            Relation(
                _DIRECT_GROUPS,
                {
                    "value": Column("group_id", resource_id("scim-group")),
                    "$ref": Column("group_id", reference("scim-group")),
                    "display": Column("group__display_name_folded", folded_name),
                    "type": Column("kind", folded),
                },
            ),
        )
    },
    unique="userName",
)


# What a change of the document may change of a row.
_UPDATED_COLUMNS = (
    *("user_name", "user_name_folded", "external_id", "display_name", "display_name_folded", "active"),
    *("document", "search", "updated_at"),
    *ACCESS_COLUMNS,
)
# How often a person is brought in line where others take and free their address at the same time.
_MAX_TRIES = 3
_LOOKUPS = Lookups(models.ScimUserRow, "User", "scim-user", "user_name_folded", group_pairs=GroupPairs())


def user_id(key: UUID) -> str:
    """Return the id that the identity provider sees."""
    return public_id("scim-user", key)


def find_users(
    client: ScimClient, query: ListQuery
) -> ResultPage[models.ScimUserRow] | ResultPage[LookupRow] | ResultPage[ListedRow]:
    """Return a page of people. Raises InvalidFilter, InvalidPath, InvalidCursor, ExpiredCursor."""
    listable = listable_users(client)
    found = find_unique(query, listable, _LOOKUPS.by_name(client)) or _LOOKUPS.in_order(client, query)
    return found or query_page(client.users, query, listable, client.connection.pk)


def listable_users(client: ScimClient) -> Listable:
    """Return how a client's people are found: with its own extensions, and by groups within groups if it has such."""
    schema, relations = client.user_schema, _LISTABLE.relations
    if client.connection.has_nested_groups:
        relations = {"groups": (*relations["groups"], indirect_groups(client))}
    elif schema is _LISTABLE.schema:
        return _LISTABLE
    return replace(_LISTABLE, schema=schema, relations=relations)


def get_user(client: ScimClient, resource: str) -> LookupRow:
    """Return a person. Raises ResourceNotFound."""
    return _LOOKUPS.get(client, resource)


def create_user(client: ScimClient, payload: Document) -> models.ScimUserRow:
    """Provision a person, active unless the document says otherwise. Raises InvalidValue, Uniqueness, MemberConflict."""
    row, writes = _build_user(client, payload), Writes()
    create_member(client, row, writes)
    _insert(client, row, writes)
    try:
        writes.send_whole()
    except IntegrityError:
        _check_user_name(client, row)
        with client.transaction():
            _resolve_address_conflict(client, row, None, partial(_write_new, client, row))
    return row


def create_users(client: ScimClient, payloads: Sequence[Document]) -> list[models.ScimUserRow | ScimError]:
    """Provision several people, each by itself: those who can be, with few statements, and a refusal for the others."""
    made = [_result_or_error(_build_user, client, payload) for payload in payloads]
    rows = [one for one in made if isinstance(one, models.ScimUserRow)]
    for row in rows:
        row.member = build_member(client, row)
        update_access(row)
    members, writes = [row.member for row in rows if row.member], Writes()
    writes.insert(*members, *rows)
    audit.add(writes, *(creation_entry(client, member) for member in members))
    audit.add(writes, *(_entry(client, row, "scim_user.create", {}, row.document) for row in rows))
    try:
        writes.send_whole()
    except IntegrityError:
        # One of them is there already: one by one, each gets an answer of its own.
        return [_result_or_error(create_user, client, payload) for payload in payloads]
    return made


def _insert(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> None:
    writes.insert(row)
    audit.add(writes, _entry(client, row, "scim_user.create", {}, row.document))


def _write_new(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> None:
    update_access(row)
    _insert(client, row, writes)
    writes.send()


def _check_user_name(client: ScimClient, row: models.ScimUserRow) -> None:
    """Raise Uniqueness where another person has the userName."""
    found = _LOOKUPS.by_name(client)(fold_name(row.user_name))
    if found is not None and found.pk != row.pk:
        raise Uniqueness(f'There is already a User with the userName "{row.user_name}".')


def _result_or_error(
    make: Callable[[ScimClient, Document], models.ScimUserRow], client: ScimClient, payload: Document
) -> models.ScimUserRow | ScimError:
    try:
        return make(client, payload)
    except ScimError as error:
        return error


def _build_user(client: ScimClient, payload: Document) -> models.ScimUserRow:
    row = models.ScimUserRow(organization_id=client.organization_id, connection_id=client.connection.pk)
    _set_document(row, {"active": True, **read_payload(client, client.user_schema, payload)}, client.user_schema)
    row.updated_at = row.created_at
    return row


def replace_user(client: ScimClient, resource: str, payload: Document, if_match: str = "") -> models.ScimUserRow:
    """Replace a person's attributes; `active` stays where it is left out.

    Raises as create_user, and ResourceNotFound, VersionMismatch.
    """
    with client.transaction():
        row = _LOOKUPS.lock(client, resource, if_match)
        _update(client, row, {"active": row.active, **read_payload(client, client.user_schema, payload)})
    return row


def patch_user(client: ScimClient, resource: str, body: Document, if_match: str = "") -> models.ScimUserRow:
    """Change a person step by step, as a whole or not at all. Raises what `patched` raises, and as replace_user."""
    operations = read_patch(client, client.user_schema, body)
    with client.transaction():
        row = _LOOKUPS.lock(client, resource, if_match)
        _update(client, row, apply_patch(client.user_schema, row.document, operations, client.budget))
    return row


def delete_user(client: ScimClient, resource: str, if_match: str = "") -> None:
    """Forget a person, who leaves every group. Raises ResourceNotFound, VersionMismatch."""
    key = parse_id("scim-user", resource)
    with client.transaction():
        # Groups before the person, in the order of their keys, as everybody locks: so nobody waits in a circle.
        lock_groups(client, groups_containing((USER_MEMBER, key)))
        row = _LOOKUPS.lock(client, resource, if_match)
        writes = Writes()
        freed = deactivate_member(client, row, row.member, writes) if row.member else ""
        # Asked anew: somebody may have been put into another group until the person was locked.
        decrement_member_counts(client, groups_containing((USER_MEMBER, key)))
        audit.add(writes, _entry(client, row, "scim_user.delete", row.document, {}))
        writes.send()
        row.delete()
        if freed and getattr(row, "is_awaited", True):
            hand_over_address(client.organization_id, freed, client.caller)


def _set_document(row: models.ScimUserRow, document: Document, schema: ResourceSchema) -> None:
    """Take the document over, and into the columns what is searched. Raises InvalidValue."""
    row.user_name = document["userName"] = read_required_name(document, "userName")
    row.external_id = read_optional_text(document, "externalId")
    row.display_name = _display_name(document)
    # Whoever takes the attribute away says nothing of the person's state.
    row.active = document.get("active", row.active)
    check_resource_size(document, row.document)
    row.document, row.search = document, searchable(schema, document)


def _display_name(document: Document) -> str:
    name: dict[str, Any] = document.get("name", {})
    parts = (str(name.get("givenName", "")), str(name.get("familyName", "")))
    whole = document.get("displayName") or name.get("formatted") or " ".join(part for part in parts if part)
    return str(whole)[:MAX_NAME_LENGTH]


def _update(client: ScimClient, row: models.ScimUserRow, document: Document) -> None:
    """Store what differs; where nothing does, lastModified stays, and who has no member is tried again."""
    before = row.document
    _set_document(row, document, client.user_schema)
    if row.document == before:
        if row.cannot_sign_in and (row.awaited_address or row.member is None):
            _write_with_member(client, row, partial(_write_update, row, ACCESS_COLUMNS, ()))
        return
    row.updated_at = timezone.now()
    entry = _entry(client, row, "scim_user.update", *changed_attributes(before, row.document))
    # Only who takes a name or an address may find it taken, and needs a way back to before the attempt.
    takes = row.member is None or row.active or before.get("userName") != row.user_name
    _write_with_member(client, row, partial(_write_update, row, _UPDATED_COLUMNS, (entry,)), takes=takes)


def _write_update(
    row: models.ScimUserRow,
    columns: Sequence[str],
    entries: Sequence[audit.Entry],
    writes: Writes,
) -> None:
    update_access(row)
    writes.update(row, *columns)
    audit.add(writes, *entries)
    writes.send()


def _write_with_member(
    client: ScimClient, row: models.ScimUserRow, write: Callable[..., None], *, takes: bool = True
) -> None:
    """Write a locked person and their member; the next one becomes a member with the address that this frees."""
    member, writes, is_awaited = row.member, Writes(), bool(getattr(row, "is_awaited", True))
    row.awaited_address = ""
    try:
        with transaction.atomic() if takes else nullcontext():
            freed = sync_member(client, row, writes)
            write(writes)
    except IntegrityError:
        _check_user_name(client, row)
        freed = _resolve_address_conflict(client, row, member.pk if member else None, write)
    if freed and is_awaited:
        hand_over_address(client.organization_id, freed, client.caller)


def _resolve_address_conflict(
    client: ScimClient, row: models.ScimUserRow, member: UUID | None, write: Callable[..., None]
) -> str:
    """Bring a person in line whose address is taken, and return the one that this frees. Raises as adopt_member.

    `member` is who they were. Raises IntegrityError where others take and free the address again and again.
    """
    is_adopted = row.is_adopted
    for bring_in_line in (link_member, sync_member) * _MAX_TRIES:
        row.member = models.MemberRow.objects.filter(pk=member).first() if member else None
        row.is_adopted, row.awaited_address, writes = is_adopted, "", Writes()
        with suppress(IntegrityError), transaction.atomic():
            freed = bring_in_line(client, row, writes)
            write(writes)
            recheck_after_commit(client, row)
            return freed
    raise IntegrityError("Others take and free the address at the same time.")


def _entry(client: ScimClient, row: models.ScimUserRow, action: str, before: Document, after: Document) -> audit.Entry:
    client.changed.update(before, after)
    return audit.entry(
        client.caller,
        action,
        organization_id=client.organization_id,
        target_id=user_id(row.pk),
        target_name=row.user_name,
        before=before,
        after=after,
    )
