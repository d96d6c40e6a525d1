"""The request and response fields that Stytch's searches have in common."""

from typing import Any

import msgspec

from portal.api.errors.responses import ApiError
from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.search import Found, Operand


class SearchOperand(msgspec.Struct):
    """One condition; the type of the value depends on the name."""

    filter_name: str = ""
    filter_value: Any = None


class SearchQuery(msgspec.Struct):
    """Conditions that must all hold."""

    operator: str | None = None
    operands: list[SearchOperand] | None = None


class SearchRequest(msgspec.Struct, kw_only=True):
    """A query and a page of its results. A limit of 0 means the default, as if it were left out."""

    cursor: str | None = None
    limit: int | None = None
    query: SearchQuery | None = None

    @property
    def page(self) -> dict[str, Any]:
        """The cursor and limit, as the directory takes them."""
        return {"cursor": self.cursor or "", "limit": self.limit or DEFAULT_LIMIT}

    @property
    def operands(self) -> list[Operand]:
        """The conditions. Raise ApiError for the operator OR, which Stytch no longer offers."""
        query = self.query or SearchQuery()
        if query.operator not in {None, "", "AND"}:
            raise ApiError("user_search_invalid_operator", "The operator must be AND.")
        return [Operand(one.filter_name, one.filter_value) for one in query.operands or ()]


class ResultsMetadata(msgspec.Struct):
    """The total (-1 if it's very large) and the cursor of the next page, None on the last one."""

    total: int
    next_cursor: str | None


def results_metadata(found: Found[Any]) -> ResultsMetadata:
    """Return the metadata of a page of results."""
    return ResultsMetadata(found.total, found.next_cursor)
