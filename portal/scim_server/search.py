"""Lists and searches: the parameters of a GET or a SearchRequest (RFC 7644, 3.4.2 and 3.4.3), and the search at the root."""

from collections.abc import Mapping
from typing import Any

from portal.embedded.scim.filter.parser import parse_filter
from portal.embedded.scim.protocol.client import IndexHint, ScimClient
from portal.embedded.scim.protocol.errors import InvalidCount, InvalidSyntax, InvalidValue
from portal.embedded.scim.protocol.pagination import (
    DEFAULT_RESULTS,
    ListQuery,
    ResultPage,
    query_merged_page,
    rows_by_key,
)
from portal.embedded.scim.protocol.payload import Document, require_schema
from portal.scim_server.rendering import LIST_RESPONSE, Projection
from portal.scim_server.resources import RESOURCE_TYPES, ResourceType

SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_PARAMETERS = ("attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor")
_MAX_NUMBER = 10**9


def search_parameters(client: ScimClient, body: Mapping[str, Any]) -> dict[str, str]:
    """Return a SearchRequest as the parameters of a GET. Raise InvalidSyntax for another body."""
    # Some clients send the schema of the response.
    require_schema(body, SEARCH_REQUEST, *(() if client.connection.is_strict else (LIST_RESPONSE,)))
    given = {str(name).lower(): value for name, value in body.items()}
    return {name: _text(name, given[name.lower()]) for name in _PARAMETERS if given.get(name.lower()) is not None}


def list_query(client: ScimClient, parameters: Mapping[str, str]) -> ListQuery:
    """Return the query of a list. Raise InvalidFilter, InvalidValue or InvalidCount for an invalid parameter.

    For Entra, texts in a filter need no quotes: Microsoft's own collection of requests leaves them out.
    """
    text = parameters.get("filter", "").strip()
    order = parameters.get("sortOrder", "ascending").lower()
    if order not in {"ascending", "descending"}:
        raise InvalidValue('"sortOrder" must be ascending or descending.')
    return ListQuery(
        filter=parse_filter(text, takes_bare_texts=client.reads_as_entra) if text else None,
        filter_text=text,
        start_index=_number(parameters, "startIndex", 1, InvalidValue),
        count=_number(parameters, "count", DEFAULT_RESULTS, InvalidCount if "cursor" in parameters else InvalidValue),
        cursor=parameters.get("cursor"),
        sort_by=parameters.get("sortBy", "").strip(),
        is_descending=order == "descending",
    )


def find_everything(client: ScimClient, query: ListQuery, parameters: Mapping[str, str]) -> ResultPage[Document]:
    """Return a page of users and groups in one order (RFC 7644, 3.4.2.1). Raise the errors of a list of one type.

    An attribute that only the other type has is unassigned.
    """
    page = query_merged_page(
        [(one.rows(client), one.listable(client)) for one in RESOURCE_TYPES], query, client.connection.pk
    )
    documents: dict[Any, Document] = {}
    for one in RESOURCE_TYPES:
        documents |= _documents(client, one, [key for name, key in page.rows if name == one.name], parameters)
    found = [documents[key] for _, key in page.rows if key in documents]
    return ResultPage(found, page.total_results, page.start_index, page.next_cursor)


def _documents(
    client: ScimClient, resource_type: ResourceType, keys: list[Any], parameters: Mapping[str, str]
) -> Mapping[Any, Document]:
    rows = rows_by_key(resource_type.rows(client, IndexHint.VALUE), keys)
    projection = Projection(resource_type.schema(client), parameters)
    found = map(projection.apply, resource_type.documents(client, rows, projection))
    return dict(zip((row.pk for row in rows), found, strict=True))


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidSyntax(f'"{name}" must be a text or a number.')
    return str(value)


def _number(parameters: Mapping[str, str], name: str, default: int, error: type[InvalidValue | InvalidCount]) -> int:
    text = parameters.get(name, "")
    if not text:
        return default
    try:
        return max(-_MAX_NUMBER, min(int(text[:12]), _MAX_NUMBER))
    except ValueError:
        raise error(f'"{name}" must be a whole number.') from None
