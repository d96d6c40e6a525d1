"""SCIM groups (RFC 7643, 4.2)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

from django.db import IntegrityError
from django.db.models import CharField, OuterRef, TextField, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, Trim
from django.utils import timezone

from portal.directory.ids import parse_id, public_id
from portal.embedded import audit, models
from portal.embedded.database.writes import Writes
from portal.embedded.members.roles import count_active_users, grants_admin, grants_roles, has_admin, lock_admins
from portal.embedded.scim.filter.columns import (
    Column,
    Listable,
    Relation,
    exact,
    folded,
    folded_name,
    reference,
    resource_id,
    timestamp,
)
from portal.embedded.scim.filter.comparison import searchable
from portal.embedded.scim.protocol.client import IndexHint, ScimClient
from portal.embedded.scim.protocol.errors import Uniqueness
from portal.embedded.scim.protocol.etags import etag_timestamp
from portal.embedded.scim.protocol.index_paging import ListedRow
from portal.embedded.scim.protocol.lookups import LookupRow, Lookups
from portal.embedded.scim.protocol.member_sync import LastAdmin
from portal.embedded.scim.protocol.membership import (
    GROUP_MEMBER,
    MAX_LISTED_IDS,
    MEMBERS,
    MemberChange,
    MemberKey,
    apply_change,
    decrement_member_counts,
    get_members_field,
    groups_containing,
    lock_groups,
    member_change,
    public_member_id,
    read_members,
    replace_members,
)
from portal.embedded.scim.protocol.pagination import ListQuery, ResultPage, find_unique, query_page
from portal.embedded.scim.protocol.patch import Operation, apply_patch, expand, read_patch
from portal.embedded.scim.protocol.payload import (
    Document,
    changed_attributes,
    check_resource_size,
    read_optional_text,
    read_payload,
    read_required_name,
)
from portal.embedded.scim.protocol.schemas import GROUP, ResourceSchema
from portal.embedded.scim.safeguard import register_removal
from portal.embedded.scim.safeguard_limits import minimum
from portal.embedded.scope import rows_of

# A user's name as users._display_name() builds it, from case-folded values: databases fold some letters differently.
_NAME, _EMPTY = KeyTransform("name", "user__search"), Value("", TextField())
_GIVEN, _FAMILY = (Coalesce(KeyTextTransform(part, _NAME), _EMPTY) for part in ("givenName", "familyName"))
_LABEL = Coalesce(
    NullIf(KeyTextTransform("displayName", "user__search"), _EMPTY),
    NullIf(KeyTextTransform("formatted", _NAME), _EMPTY),
    NullIf(Trim(Concat(_GIVEN, Value(" ", TextField()), _FAMILY)), _EMPTY),
    Cast("user__user_name_folded", TextField()),
)
_USER_MEMBERS = (
    rows_of(OuterRef("organization_id"), models.ScimMembershipRow)
    .filter(group_id=OuterRef("pk"))
    .annotate(
        label=_LABEL,
        kind=Value("user", output_field=CharField()),
    )
)
_GROUP_MEMBERS = (
    rows_of(OuterRef("organization_id"), models.ScimNestingRow)
    .filter(group_id=OuterRef("pk"))
    .annotate(kind=Value("group", output_field=CharField()))
)
_LISTABLE = Listable(
    GROUP,
    {
        "id": Column("pk", resource_id("scim-group"), index_hint=IndexHint.VALUE),
        "displayName": Column("display_name_folded", folded_name, index_hint=IndexHint.VALUE),
        "externalId": Column("external_id", exact, is_ordered=False, index_hint=IndexHint.VALUE),
        "meta.created": Column("created_at", timestamp),
        "meta.lastModified": Column("updated_at", timestamp),
        "meta.location": Column("pk", reference("scim-group")),
        "meta.version": Column("updated_at", etag_timestamp),
    },
    {
        "members": (
            Relation(
                _USER_MEMBERS,
                {
                    "value": Column("user_id", resource_id("scim-user")),
                    "$ref": Column("user_id", reference("scim-user")),
                    "display": Column("label", folded, is_ordered=False),
                    "type": Column("kind", folded),
                },
            ),
            Relation(
                _GROUP_MEMBERS,
                {
                    "value": Column("member_id", resource_id("scim-group")),
                    "$ref": Column("member_id", reference("scim-group")),
                    "display": Column("member__display_name_folded", folded_name),
                    "type": Column("kind", folded),
                },
            ),
        )
    },
    unique="displayName",
)


# The columns that depend on the document.
_DOCUMENT_COLUMNS = ("display_name", "display_name_folded", "external_id", "document", "search")
_LOOKUPS = Lookups(models.ScimGroupRow, "Group", "scim-group", "display_name_folded")


def group_id(key: UUID) -> str:
    """Return the SCIM id of a group."""
    return public_id("scim-group", key)


def find_groups(
    client: ScimClient, query: ListQuery
) -> ResultPage[models.ScimGroupRow] | ResultPage[LookupRow] | ResultPage[ListedRow]:
    """Return a page of groups. Raise the errors of query_page()."""
    listable = listable_groups(client)
    found = find_unique(query, listable, _LOOKUPS.by_name(client)) or _LOOKUPS.in_order(client, query)
    return found or query_page(client.groups, query, listable, client.connection.pk)


def listable_groups(client: ScimClient) -> Listable:
    """Return how a client's groups are listed, with its own extensions."""
    schema = client.group_schema
    return _LISTABLE if schema is _LISTABLE.schema else replace(_LISTABLE, schema=schema)


def get_group(client: ScimClient, resource: str) -> LookupRow:
    """Return a group. Raise ResourceNotFound if the client has none with this id."""
    return _LOOKUPS.get(client, resource)


def create_group(client: ScimClient, payload: Document) -> models.ScimGroupRow:
    """Create a group with its members. Raise InvalidValue for an invalid document, Uniqueness if the displayName exists."""
    document = read_payload(client, client.group_schema, payload)
    change = MemberChange(list(read_members(client, get_members_field(payload))))
    row = models.ScimGroupRow(organization_id=client.organization_id, connection_id=client.connection.pk)
    _set_document(row, document, client.group_schema)
    row.updated_at = row.created_at
    row.member_count = len(change.joining)
    writes = Writes()
    writes.insert(row)
    apply_change(client, row, change, writes)
    audit.add(writes, _entry(client, row, "scim_group.create", {}, document, change))
    _send_unless_taken(row, writes)
    return row


def replace_group(client: ScimClient, resource: str, payload: Document, if_match: str = "") -> models.ScimGroupRow:
    """Replace a group's attributes and members.

    Raise the errors of create_group(), ResourceNotFound if the client has no such group, VersionMismatch if `if_match`
    excludes its state, LastAdmin if no admin would be left, and RemovalOnHold if the safeguard holds the removal.
    """
    document = read_payload(client, client.group_schema, payload)
    with client.transaction():
        row = _LOOKUPS.lock(client, resource, if_match)
        change = replace_members(row, read_members(client, get_members_field(payload)))
        _update(client, row, document, change)
    return row


def patch_group(client: ScimClient, resource: str, body: Document, if_match: str = "") -> models.ScimGroupRow:
    """Apply PATCH operations to a group, all or none. Raise the errors of apply_patch() and replace_group()."""
    schema = client.group_schema
    about_members: list[Operation] = []
    others: list[Operation] = []
    for one in (one for operation in read_patch(client, schema, body) for one in expand(schema, operation)):
        is_about_members = schema.resolve(one.path.partition("[")[0])[:1] == (MEMBERS,)
        (about_members if is_about_members else others).append(one)
    with client.transaction():
        row = _LOOKUPS.lock(client, resource, if_match)
        document = apply_patch(schema, row.document, others, client.budget)
        _update(client, row, document, member_change(client, row, about_members))
    return row


def delete_group(client: ScimClient, resource: str, if_match: str = "") -> None:
    """Delete a group and its memberships in other groups. Raise the errors of replace_group()."""
    key = parse_id("scim-group", resource)
    with client.transaction():
        # Lock in primary-key order, as everywhere else, to avoid deadlocks.
        lock_groups(client, [key, *groups_containing(client, (GROUP_MEMBER, key))])
        row = _LOOKUPS.lock(client, resource, if_match)
        with _keep_an_admin(client, row):
            writes = Writes()
            if row.member_count and grants_roles(row):
                register_removal(
                    client, row, client.taken_out[key] + count_active_users(client.organization_id, [key]), writes
                )
            audit.add(writes, _entry(client, row, "scim_group.delete", row.document, {}, MemberChange()))
            writes.send()
            # Re-read after locking: the group may have been added to another one.
            decrement_member_counts(client, groups_containing(client, (GROUP_MEMBER, key)))
            _delete(client, key)


def _delete(client: ScimClient, key: UUID) -> None:
    """Delete a group and its memberships. Its roles remain, without a group."""
    # Not row.delete(), which looks for them in all organizations.
    writes, of_organization = Writes(), {"organization_id": client.organization_id}
    writes.delete_keys(models.ScimMembershipRow, of_organization, "group_id", [key])
    writes.delete_keys(models.ScimNestingRow, of_organization, "group_id", [key])
    writes.delete_keys(models.ScimNestingRow, of_organization, "member_id", [key])
    writes.update_keys(models.ScimGroupRoleRow, ("group_id", None), of_organization, "group_id", [key])
    writes.delete_keys(models.ScimGroupRow, of_organization, "id", [key])
    writes.send()


def _set_document(row: models.ScimGroupRow, document: Document, schema: ResourceSchema) -> None:
    """Set the document and the columns that depend on it. Raise InvalidValue or TooLarge for an invalid document."""
    row.display_name = document["displayName"] = read_required_name(document, "displayName")
    row.external_id = read_optional_text(document, "externalId")
    check_resource_size(document, row.document)
    row.document, row.search = document, searchable(schema, document)


def _update(client: ScimClient, row: models.ScimGroupRow, document: Document, change: MemberChange) -> None:
    """Store a changed document and members. If nothing changes, keep lastModified (RFC 7644, 3.5.2.1)."""
    before = row.document
    _set_document(row, document, client.group_schema)
    if document == before and not change.joining and not change.leaving:
        return
    row.updated_at = timezone.now()
    row.member_count += len(change.joining) - len(change.leaving)
    has_new_document, writes = document != before, Writes()
    writes.update(row, *(_DOCUMENT_COLUMNS if has_new_document else ()), "member_count", "updated_at")
    apply_change(client, row, change, writes)
    audit.add(writes, _entry(client, row, "scim_group.update", *changed_attributes(before, document), change))
    with _keep_an_admin(client, row, is_needed=bool(change.leaving)):
        if change.leaving:
            subgroups = [key for kind, key in change.leaving if kind is GROUP_MEMBER]
            leaving = (
                len(change.leaving)
                - len(subgroups)
                + (count_active_users(client.organization_id, subgroups) if subgroups else 0)
            )
            removed = client.taken_out[row.pk] + leaving
            if removed > minimum(client.connection) and grants_roles(row):
                register_removal(client, row, removed, writes)
            else:
                client.taken_out[row.pk] = removed
        # Only a displayName can conflict, and then a savepoint is needed.
        _send_unless_taken(row, writes) if has_new_document else writes.send()


@contextmanager
def _keep_an_admin(client: ScimClient, row: models.ScimGroupRow, *, is_needed: bool = True) -> Iterator[None]:
    """Raise LastAdmin if the change takes the organization's last admin."""
    grants = is_needed and getattr(row, "groups_make_admins", True) and grants_admin(row)
    if grants:
        lock_admins(client.organization_id)
    had_admin = grants and has_admin(client.organization_id)
    yield
    if had_admin and not has_admin(client.organization_id):
        raise LastAdmin(
            client, f'All admins of the organization are admins only through the group "{row.display_name}".'
        )


def _send_unless_taken(row: models.ScimGroupRow, writes: Writes) -> None:
    """Send the writes. Raise Uniqueness if another group has the displayName."""
    try:
        writes.send_whole()
    except IntegrityError:
        raise Uniqueness(f'There is already a Group with the displayName "{row.display_name}".') from None


def _entry(  # noqa: PLR0913 -- as activity.entry()
    client: ScimClient, row: models.ScimGroupRow, action: str, before: Document, after: Document, change: MemberChange
) -> audit.Entry:
    members = {"members"} if change.joining or change.leaving else set()
    client.changed.update(before, after, members)
    return audit.entry(
        client.caller,
        action,
        organization_id=client.organization_id,
        target_id=group_id(row.pk),
        target_name=row.display_name,
        before=before | _member_summary("members_left", change.leaving),
        after=after | _member_summary("members_joined", change.joining),
    )


def _member_summary(name: str, keys: Sequence[MemberKey]) -> Document:
    """Return the members who joined or left, for the activity log: their number, and the ids of the first."""
    if not keys:
        return {}
    return {name: {"number": len(keys), "ids": [public_member_id(key) for key in keys[:MAX_LISTED_IDS]]}}
