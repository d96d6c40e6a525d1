"""One list of people and groups together (RFC 7644, 3.4.2.1): what a kind does not have, it has no value for."""

from collections.abc import Mapping
from typing import Any

from portal.embedded.scim.protocol.client import FoundBy, ScimClient
from portal.embedded.scim.protocol.documents import Document
from portal.embedded.scim.protocol.listing import ListQuery, ResultPage, by_pk, merged_page
from portal.scim_server.rendering import Projection
from portal.scim_server.resources import KINDS, Kind


def find_everything(client: ScimClient, query: ListQuery, parameters: Mapping[str, str]) -> ResultPage[Document]:
    """Return a page of resources of every kind. Raises as a list of one kind does."""
    page = merged_page(
        [(kind.rows(client), kind.listable(client)) for kind in KINDS],
        query,
        client.connection.pk,
    )
    documents: dict[Any, Document] = {}
    for kind in KINDS:
        documents |= _documents(client, kind, [key for name, key in page.rows if name == kind.name], parameters)
    found = [documents[key] for _, key in page.rows if key in documents]
    return ResultPage(found, page.total_results, page.start_index, page.next_cursor)


def _documents(
    client: ScimClient, kind: Kind, keys: list[Any], parameters: Mapping[str, str]
) -> Mapping[Any, Document]:
    rows = by_pk(kind.rows(client, FoundBy.KEY), keys)
    projection = Projection(kind.schema(client), parameters)
    found = map(projection.apply, kind.documents(client, rows, projection))
    return dict(zip((row.pk for row in rows), found, strict=True))
