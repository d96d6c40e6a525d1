"""The operations on users and groups, in one form for endpoints, searches and bulk requests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

from portal.embedded import models
from portal.embedded.scim.filter.columns import Listable
from portal.embedded.scim.protocol import groups, membership, user_groups, users
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import ResourceNotFound
from portal.embedded.scim.protocol.pagination import ListQuery, ResultPage
from portal.embedded.scim.protocol.payload import Document
from portal.embedded.scim.protocol.schemas import GROUP, USER, ResourceSchema
from portal.scim_server.rendering import Projection, group_document, user_document

Row = Any  # ScimUserRow or ScimGroupRow


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type with its operations."""

    base: ResourceSchema
    listable: Callable[[ScimClient], Listable]
    # With the client's own extensions.
    schema: Callable[[ScimClient], ResourceSchema]
    public_id: Callable[[UUID], str]
    rows: Callable[..., Any]
    find: Callable[[ScimClient, ListQuery], ResultPage[Any]]
    get: Callable[[ScimClient, str], Row]
    create: Callable[[ScimClient, Document], Row]
    replace: Callable[[ScimClient, str, Document, str], Row]
    patch: Callable[[ScimClient, str, Document, str], Row]
    delete: Callable[[ScimClient, str, str], None]
    # Complete, except for values that need a query and that the projection drops.
    documents: Callable[[ScimClient, Sequence[Row], Projection], list[Document]]
    # The document of a new row.
    new_document: Callable[[ScimClient, Row, Projection], Document]
    # Whether the response has values of other rows, so that its entity tag depends on the whole response.
    shows_others: Callable[[Projection], bool]

    @property
    def name(self) -> str:
        """The name of the resource type."""
        return self.base.name

    @property
    def endpoint(self) -> str:
        """The endpoint below the base URL."""
        return self.base.endpoint

    def location(self, client: ScimClient, row: Row) -> str:
        """Return the URL of a resource."""
        return f"{client.base_url}{self.endpoint}/{self.public_id(row.pk)}"


def _user_documents(client: ScimClient, rows: Sequence[models.ScimUserRow], projection: Projection) -> list[Document]:
    groups_of = user_groups.groups_of(client, rows) if rows and projection.holds("groups") else {}
    return [user_document(client, row, groups_of.get(row.pk, ())) for row in rows]


def _new_user_document(client: ScimClient, row: models.ScimUserRow, _: Projection) -> Document:
    return user_document(client, row, ())


def _new_group_document(client: ScimClient, row: models.ScimGroupRow, projection: Projection) -> Document:
    return _group_documents(client, [row], projection)[0]


def _group_documents(client: ScimClient, rows: Sequence[models.ScimGroupRow], projection: Projection) -> list[Document]:
    asks = projection.names("members", "display")
    holds = rows and projection.holds("members")
    members_of = membership.members_of(client, rows, with_names=asks) if holds else {}
    return [group_document(client, row, members_of.get(row.pk, ()), names_members=asks) for row in rows]


USERS = ResourceType(
    USER,
    users.listable_users,
    attrgetter("user_schema"),
    users.user_id,
    ScimClient.users,
    users.find_users,
    users.get_user,
    users.create_user,
    users.replace_user,
    users.patch_user,
    users.delete_user,
    _user_documents,
    _new_user_document,
    lambda projection: projection.holds("groups"),
)
GROUPS = ResourceType(
    GROUP,
    groups.listable_groups,
    attrgetter("group_schema"),
    groups.group_id,
    ScimClient.groups,
    groups.find_groups,
    groups.get_group,
    groups.create_group,
    groups.replace_group,
    groups.patch_group,
    groups.delete_group,
    _group_documents,
    _new_group_document,
    lambda projection: projection.names("members", "display"),
)
RESOURCE_TYPES = (USERS, GROUPS)


def resource_type_at(endpoint: str) -> ResourceType:
    """Return the resource type of an endpoint such as "/Users". Raise ResourceNotFound for any other endpoint."""
    for one in RESOURCE_TYPES:
        if one.endpoint.lower() == endpoint.lower():
            return one
    raise ResourceNotFound(f'There is no endpoint "{endpoint[:200]}". Users are at /Users, groups at /Groups.')
