"""SCIM users (RFC 7643, 4.1 and 4.3)."""

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
from portal.embedded.scim.protocol.patch import apply_patch, read_patch
from portal.embedded.scim.protocol.payload import (
    MAX_NAME_LENGTH,
    Document,
    changed_attributes,
    check_resource_size,
    read_optional_text,
    read_payload,
    read_required_name,
)
from portal.embedded.scim.protocol.schemas import USER, ResourceSchema
from portal.embedded.scim.protocol.user_groups import GroupPairs
from portal.embedded.scope import rows_of

_DIRECT_GROUPS = (
    rows_of(OuterRef("organization_id"), models.ScimMembershipRow)
    .filter(user_id=OuterRef("pk"))
    .annotate(kind=Value("direct", output_field=CharField()))
)
_LISTABLE = Listable(
    USER,
    {
        "id": Column("pk", resource_id("scim-user"), index_hint=IndexHint.VALUE),
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


# The columns that depend on the document.
_UPDATED_COLUMNS = (
    *("user_name", "user_name_folded", "external_id", "display_name", "display_name_folded", "active"),
    *("document", "search", "updated_at"),
    *ACCESS_COLUMNS,
)
# How often to try again if other requests take and free the address at the same time.
_MAX_TRIES = 3
_LOOKUPS = Lookups(models.ScimUserRow, "User", "scim-user", "user_name_folded", group_pairs=GroupPairs())


def user_id(key: UUID) -> str:
    """Return the SCIM id of a user."""
    return public_id("scim-user", key)


def find_users(
    client: ScimClient, query: ListQuery
) -> ResultPage[models.ScimUserRow] | ResultPage[LookupRow] | ResultPage[ListedRow]:
    """Return a page of users. Raise the errors of query_page()."""
    listable = listable_users(client)
    found = find_unique(query, listable, _LOOKUPS.by_name(client)) or _LOOKUPS.in_order(client, query)
    return found or query_page(client.users, query, listable, client.connection.pk)


def listable_users(client: ScimClient) -> Listable:
    """Return how a client's users are listed, with its own extensions, and with indirect groups if it nests groups."""
    schema, relations = client.user_schema, _LISTABLE.relations
    if client.connection.has_nested_groups:
        relations = {"groups": (*relations["groups"], indirect_groups(client))}
    elif schema is _LISTABLE.schema:
        return _LISTABLE
    return replace(_LISTABLE, schema=schema, relations=relations)


def get_user(client: ScimClient, resource: str) -> LookupRow:
    """Return a user. Raise ResourceNotFound if the client has none with this id."""
    return _LOOKUPS.get(client, resource)


def create_user(client: ScimClient, payload: Document) -> models.ScimUserRow:
    """Create a user, active unless the document says otherwise.

    Raise InvalidValue for an invalid document, Uniqueness if the userName exists, and MemberConflict if an existing member
    has the email address.
    """
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
    """Create several users with few statements, each independently. Return the row or the error of each."""
    built = [_result_or_error(_build_user, client, payload) for payload in payloads]
    rows = [one for one in built if isinstance(one, models.ScimUserRow)]
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
        # One of them conflicts: create them one by one, so that each gets its own result.
        return [_result_or_error(create_user, client, payload) for payload in payloads]
    return built


def _insert(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> None:
    writes.insert(row)
    audit.add(writes, _entry(client, row, "scim_user.create", {}, row.document))


def _write_new(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> None:
    update_access(row)
    _insert(client, row, writes)
    writes.send()


def _check_user_name(client: ScimClient, row: models.ScimUserRow) -> None:
    """Raise Uniqueness if another user has the userName."""
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
    """Replace a user's attributes; `active` stays if it is omitted.

    Raise the errors of create_user(), ResourceNotFound if the client has no such user, VersionMismatch if `if_match`
    excludes its state, and LastAdmin or DeactivationOnHold if the member cannot be deactivated.
    """
    with client.transaction():
        row = _LOOKUPS.lock(client, resource, if_match)
        _update(client, row, {"active": row.active, **read_payload(client, client.user_schema, payload)})
    return row


def patch_user(client: ScimClient, resource: str, body: Document, if_match: str = "") -> models.ScimUserRow:
    """Apply PATCH operations to a user, all or none. Raise the errors of apply_patch() and replace_user()."""
    operations = read_patch(client, client.user_schema, body)
    with client.transaction():
        row = _LOOKUPS.lock(client, resource, if_match)
        _update(client, row, apply_patch(client.user_schema, row.document, operations, client.budget))
    return row


def delete_user(client: ScimClient, resource: str, if_match: str = "") -> None:
    """Delete a user and their memberships in groups. Raise the errors of replace_user()."""
    key = parse_id("scim-user", resource)
    with client.transaction():
        # Lock groups before the user and in primary-key order, as everywhere else, to avoid deadlocks.
        lock_groups(client, groups_containing(client, (USER_MEMBER, key)))
        row = _LOOKUPS.lock(client, resource, if_match)
        writes = Writes()
        freed = deactivate_member(client, row, row.member, writes) if row.member else ""
        # Re-read after locking: group membership may have changed.
        decrement_member_counts(client, groups_containing(client, (USER_MEMBER, key)))
        audit.add(writes, _entry(client, row, "scim_user.delete", row.document, {}))
        writes.send()
        # Not row.delete(), which looks for memberships in all organizations.
        deletes, of_organization = Writes(), {"organization_id": client.organization_id}
        deletes.delete_keys(models.ScimMembershipRow, of_organization, "user_id", [key])
        deletes.delete_keys(models.ScimUserRow, of_organization, "id", [key])
        deletes.send()
        if freed and getattr(row, "is_awaited", True):
            hand_over_address(client.organization_id, freed, client.caller)


def _set_document(row: models.ScimUserRow, document: Document, schema: ResourceSchema) -> None:
    """Set the document and the columns that depend on it. Raise InvalidValue or TooLarge for an invalid document."""
    row.user_name = document["userName"] = read_required_name(document, "userName")
    row.external_id = read_optional_text(document, "externalId")
    row.display_name = _display_name(document)
    # Removing the attribute does not change the state.
    row.active = document.get("active", row.active)
    check_resource_size(document, row.document)
    row.document, row.search = document, searchable(schema, document)


def _display_name(document: Document) -> str:
    name: dict[str, Any] = document.get("name", {})
    parts = (str(name.get("givenName", "")), str(name.get("familyName", "")))
    whole = document.get("displayName") or name.get("formatted") or " ".join(part for part in parts if part)
    return str(whole)[:MAX_NAME_LENGTH]


def _update(client: ScimClient, row: models.ScimUserRow, document: Document) -> None:
    """Store a changed document. An unchanged one keeps lastModified, and only retries to give the user a member."""
    before = row.document
    _set_document(row, document, client.user_schema)
    if row.document == before:
        if row.cannot_sign_in and (row.awaited_address or row.member is None):
            _write_with_member(client, row, partial(_write_update, row, ACCESS_COLUMNS, ()))
        return
    row.updated_at = timezone.now()
    entry = _entry(client, row, "scim_user.update", *changed_attributes(before, row.document))
    # Only a userName or an address can conflict, and then a savepoint is needed.
    may_conflict = row.member is None or row.active or before.get("userName") != row.user_name
    _write_with_member(client, row, partial(_write_update, row, _UPDATED_COLUMNS, (entry,)), may_conflict=may_conflict)


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
    client: ScimClient, row: models.ScimUserRow, write: Callable[..., None], *, may_conflict: bool = True
) -> None:
    """Write a locked user and their member. If that frees an address, hand it over to the next user."""
    member, writes, is_awaited = row.member, Writes(), bool(getattr(row, "is_awaited", True))
    row.awaited_address = ""
    try:
        with transaction.atomic() if may_conflict else nullcontext():
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
    """Write a user whose address another member has. Return the address that this frees, or "".

    `member` is the user's present member. Raise the errors of link_member(), and IntegrityError if other requests keep
    taking and freeing the address.
    """
    was_linked = row.is_adopted
    members = rows_of(client.organization_id, models.MemberRow)
    for write_member in (link_member, sync_member) * _MAX_TRIES:
        row.member = members.filter(pk=member).first() if member else None
        row.is_adopted, row.awaited_address, writes = was_linked, "", Writes()
        with suppress(IntegrityError), transaction.atomic():
            freed = write_member(client, row, writes)
            write(writes)
            recheck_after_commit(client, row)
            return freed
    raise IntegrityError("Other requests take and free the address at the same time.")


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
