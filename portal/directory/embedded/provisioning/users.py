"""Provisioned people (RFC 7643, 4.1 and 4.3)."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import CharField, F, OuterRef, Value
from django.utils import timezone

from portal.directory.embedded import activity, models
from portal.directory.embedded.provisioning.clients import ScimClient
from portal.directory.embedded.provisioning.comparison import searchable
from portal.directory.embedded.provisioning.conditions import (
    Column,
    Listable,
    Relation,
    exact,
    folded,
    moment,
    reference,
    resource_id,
    truth,
)
from portal.directory.embedded.provisioning.documents import (
    LONGEST_NAME,
    Document,
    changed_attributes,
    optional_text,
    read_document,
    required_name,
)
from portal.directory.embedded.provisioning.errors import ResourceNotFound, ScimError, Uniqueness
from portal.directory.embedded.provisioning.listing import ListQuery, ResultPage, page
from portal.directory.embedded.provisioning.patch import Operation, patched
from portal.directory.embedded.provisioning.schemas import USER
from portal.directory.embedded.provisioning.versions import check_version, version_moment
from portal.directory.ids import parse_id, public_id

_GROUPS = models.ScimMembership.objects.filter(user_id=OuterRef("pk")).annotate(
    kind=Value("direct", output_field=CharField())
)
LISTABLE = Listable(
    USER,
    {
        "id": Column("pk", resource_id("scim-user")),
        "userName": Column("user_name_folded", folded),
        "externalId": Column("external_id", exact, is_ordered=False),
        "active": Column("active", truth),
        "meta.created": Column("created_at", moment),
        "meta.lastModified": Column("updated_at", moment),
        "meta.location": Column("pk", reference("scim-user")),
        "meta.version": Column("updated_at", version_moment),
    },
    {
        "groups": (
            Relation(
                _GROUPS,
                {
                    "value": Column("group_id", resource_id("scim-group")),
                    "$ref": Column("group_id", reference("scim-group")),
                    "display": Column("group__display_name_folded", folded),
                    "type": Column("kind", folded),
                },
            ),
        )
    },
)


def user_id(key: UUID) -> str:
    """Return the id that the identity provider sees."""
    return public_id("scim-user", key)


def find_users(client: ScimClient, query: ListQuery) -> ResultPage[models.ScimUser]:
    """Return a page of people. Raises InvalidFilter, InvalidPath, InvalidCursor, ExpiredCursor."""
    return page(client.users(), query, LISTABLE, client.connection.pk)


def get_user(client: ScimClient, resource: str) -> models.ScimUser:
    """Return a person. Raises ResourceNotFound."""
    row = client.users().filter(pk=parse_id("scim-user", resource)).first()
    if row is None:
        raise ResourceNotFound(f'There is no User "{resource[:200]}".')
    return row


def create_user(client: ScimClient, payload: Document) -> models.ScimUser:
    """Provision a person, active unless the document says otherwise. Raises InvalidValue, Uniqueness."""
    row = _new(client, payload)
    _save(client, row, "scim_user.create", {}, row.document, is_new=True)
    return row


def create_users(client: ScimClient, payloads: Sequence[Document]) -> list[models.ScimUser | ScimError]:
    """Provision several people, each by itself: those who can be, with few statements, and a refusal for the others."""
    made = [_attempt(_new, client, payload) for payload in payloads]
    rows = [one for one in made if isinstance(one, models.ScimUser)]
    try:
        with transaction.atomic():
            models.ScimUser.objects.bulk_create(rows)
            activity.record_all([_entry(client, row, "scim_user.create", {}, row.document) for row in rows])
    except IntegrityError:
        # One of them is there already: one by one, each gets an answer of its own.
        return [_attempt(create_user, client, payload) for payload in payloads]
    return made


def _attempt(
    make: Callable[[ScimClient, Document], models.ScimUser], client: ScimClient, payload: Document
) -> models.ScimUser | ScimError:
    try:
        return make(client, payload)
    except ScimError as error:
        return error


def _new(client: ScimClient, payload: Document) -> models.ScimUser:
    row = models.ScimUser(organization_id=client.organization_id, connection_id=client.connection.pk)
    _describe(row, {"active": True, **read_document(USER, payload)})
    row.updated_at = timezone.now()
    return row


def replace_user(client: ScimClient, resource: str, payload: Document, if_match: str = "") -> models.ScimUser:
    """Replace a person's attributes; `active` stays where it is left out.

    Raises as create_user, and ResourceNotFound, VersionMismatch.
    """
    with transaction.atomic():
        row = _locked(client, resource, if_match)
        _change(client, row, {"active": row.active, **read_document(USER, payload)})
    return row


def patch_user(
    client: ScimClient, resource: str, operations: Sequence[Operation], if_match: str = ""
) -> models.ScimUser:
    """Change a person step by step, as a whole or not at all. Raises what `patched` raises, and as replace_user."""
    with transaction.atomic():
        row = _locked(client, resource, if_match)
        _change(client, row, patched(USER, row.document, operations))
    return row


def delete_user(client: ScimClient, resource: str, if_match: str = "") -> None:
    """Forget a person, who leaves every group. Raises ResourceNotFound, VersionMismatch."""
    key = parse_id("scim-user", resource)
    with transaction.atomic():
        # Groups before the person, in the order of their keys, as everybody locks: so nobody waits in a circle.
        groups = client.groups().filter(memberships__user_id=key)
        list(groups.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
        row = _locked(client, resource, if_match)
        groups.update(member_count=F("member_count") - 1, updated_at=timezone.now())
        _record(client, row, "scim_user.delete", row.document, {})
        row.delete()


def _locked(client: ScimClient, resource: str, if_match: str) -> models.ScimUser:
    row = client.users().select_for_update().filter(pk=parse_id("scim-user", resource)).first()
    if row is None:
        raise ResourceNotFound(f'There is no User "{resource[:200]}".')
    check_version(if_match, row)
    return row


def _describe(row: models.ScimUser, document: Document) -> None:
    """Take the document over, and into the columns what is searched. Raises InvalidValue."""
    row.user_name = document["userName"] = required_name(document, "userName")
    row.external_id = optional_text(document, "externalId")
    row.display_name = _display_name(document)
    # Whoever takes the attribute away says nothing of the person's state.
    row.active = document.get("active", row.active)
    row.document, row.search = document, searchable(USER, document)


def _display_name(document: Document) -> str:
    name: dict[str, Any] = document.get("name", {})
    parts = (str(name.get("givenName", "")), str(name.get("familyName", "")))
    whole = document.get("displayName") or name.get("formatted") or " ".join(part for part in parts if part)
    return str(whole)[:LONGEST_NAME]


def _change(client: ScimClient, row: models.ScimUser, document: Document) -> None:
    before = row.document
    _describe(row, document)
    if row.document != before:
        row.updated_at = timezone.now()
        _save(client, row, "scim_user.update", *changed_attributes(before, row.document), is_new=False)


def _save(  # noqa: PLR0913 -- a row and its entry
    client: ScimClient, row: models.ScimUser, action: str, before: Document, after: Document, *, is_new: bool
) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=is_new)
            _record(client, row, action, before, after)
    except IntegrityError:
        raise Uniqueness(f'There is a User with the userName "{row.user_name}" already.') from None


def _record(client: ScimClient, row: models.ScimUser, action: str, before: Document, after: Document) -> None:
    activity.record_all([_entry(client, row, action, before, after)])


def _entry(
    client: ScimClient, row: models.ScimUser, action: str, before: Document, after: Document
) -> models.ActivityEntry:
    client.changed.update(before, after)
    return activity.entry(
        client.caller,
        action,
        organization_id=client.organization_id,
        target_id=user_id(row.pk),
        target_name=row.user_name,
        before=before,
        after=after,
    )
