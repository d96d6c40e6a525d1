"""What a list or a search is asked for: in the query of a GET, or in a SearchRequest (RFC 7644, 3.4.2 and 3.4.3)."""

from collections.abc import Mapping
from typing import Any

from portal.embedded.scim.filter.parser import parse_filter
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import InvalidCount, InvalidSyntax, InvalidValue
from portal.embedded.scim.protocol.pagination import DEFAULT_RESULTS, ListQuery
from portal.embedded.scim.protocol.payload import require_schema
from portal.scim_server.rendering import LIST_RESPONSE

SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_NAMES = ("attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor")
_LARGEST_NUMBER = 10**9


def search_parameters(client: ScimClient, body: Mapping[str, Any]) -> dict[str, str]:
    """Return a SearchRequest as the parameters of a GET. Raises InvalidSyntax."""
    # Some clients name the schema of the response.
    require_schema(body, SEARCH_REQUEST, *(() if client.connection.is_strict else (LIST_RESPONSE,)))
    given = {str(name).lower(): value for name, value in body.items()}
    return {name: _text(name, given[name.lower()]) for name in _NAMES if given.get(name.lower()) is not None}


def list_query(client: ScimClient, parameters: Mapping[str, str]) -> ListQuery:
    """Return what a list is asked for; Microsoft's own collection of calls leaves out the quotes in filters. Raises InvalidFilter, InvalidValue, InvalidCount."""
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


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidSyntax(f'"{name}" must be text or a number.')
    return str(value)


def _number(parameters: Mapping[str, str], name: str, default: int, refusal: type[InvalidValue | InvalidCount]) -> int:
    text = parameters.get(name, "")
    if not text:
        return default
    try:
        return max(-_LARGEST_NUMBER, min(int(text[:12]), _LARGEST_NUMBER))
    except ValueError:
        raise refusal(f'"{name}" must be a whole number.') from None
