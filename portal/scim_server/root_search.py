"""One list of people and groups together (RFC 7644, 3.4.2.1): what a kind does not have, it has no value for."""

from collections.abc import Mapping
from typing import Any

from portal.embedded.scim.protocol.attribute_values import Document
from portal.embedded.scim.protocol.client import IndexHint, ScimClient
from portal.embedded.scim.protocol.pagination import ListQuery, ResultPage, query_merged_page, rows_by_key
from portal.scim_server.rendering import Projection
from portal.scim_server.resources import RESOURCE_TYPES, ResourceType


def find_everything(client: ScimClient, query: ListQuery, parameters: Mapping[str, str]) -> ResultPage[Document]:
    """Return a page of resources of every kind. Raises as a list of one kind does."""
    page = query_merged_page(
        [(kind.rows(client), kind.listable(client)) for kind in RESOURCE_TYPES],
        query,
        client.connection.pk,
    )
    documents: dict[Any, Document] = {}
    for kind in RESOURCE_TYPES:
        documents |= _documents(client, kind, [key for name, key in page.rows if name == kind.name], parameters)
    found = [documents[key] for _, key in page.rows if key in documents]
    return ResultPage(found, page.total_results, page.start_index, page.next_cursor)


def _documents(
    client: ScimClient, kind: ResourceType, keys: list[Any], parameters: Mapping[str, str]
) -> Mapping[Any, Document]:
    rows = rows_by_key(kind.rows(client, IndexHint.KEY), keys)
    projection = Projection(kind.schema(client), parameters)
    found = map(projection.apply, kind.documents(client, rows, projection))
    return dict(zip((row.pk for row in rows), found, strict=True))
