"""What Stytch's searches take and answer alike."""

from typing import Any

import msgspec

from portal.api.errors.responses import ApiError
from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.search import Found, Operand


class SearchOperand(msgspec.Struct):
    """One condition: its name says of what type the value is."""

    filter_name: str = ""
    filter_value: Any = None


class SearchQuery(msgspec.Struct):
    """Conditions that must all hold."""

    operator: str | None = None
    operands: list[SearchOperand] | None = None


class Search(msgspec.Struct, kw_only=True):
    """Which page of what is found; a limit of 0 is the default, as none is."""

    cursor: str | None = None
    limit: int | None = None
    query: SearchQuery | None = None

    @property
    def page(self) -> dict[str, Any]:
        """The page in the directory's words."""
        return {"cursor": self.cursor or "", "limit": self.limit or DEFAULT_LIMIT}


class ResultsMetadata(msgspec.Struct):
    """How many there are, -1 for very many, and how to go on; no next_cursor on the last page."""

    total: int
    next_cursor: str | None


def operands(request: Search) -> list[Operand]:
    """Return the conditions. Raises ApiError where one of them would be enough, which Stytch does not offer any more."""
    query = request.query or SearchQuery()
    if query.operator not in {None, "", "AND"}:
        raise ApiError("user_search_invalid_operator", "The operator is AND.")
    return [Operand(one.filter_name, one.filter_value) for one in query.operands or ()]


def results_metadata(found: Found[Any]) -> ResultsMetadata:
    """Return what stands beside a page."""
    return ResultsMetadata(found.total, found.next_cursor)
