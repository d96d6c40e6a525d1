"""Lists: filters turned into SQL over the stored columns, and pages by index (RFC 7644, 3.4.2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_, or_
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from portal.directory.embedded.models.fields import fold
from portal.directory.embedded.provisioning.errors import InvalidFilter
from portal.directory.embedded.provisioning.filters import Compare, Element, Every, Negation, Node, Some
from portal.directory.embedded.provisioning.schemas import ResourceSchema
from portal.directory.ids import parse_id

Row = TypeVar("Row", bound=Model)
MOST_RESULTS = 1000
DEFAULT_RESULTS = 100
_LAST_CODE_POINT = "\U0010ffff"
_LOOKUPS = {"eq": "exact", "co": "contains", "ew": "endswith", "gt": "gt", "ge": "gte", "lt": "lt", "le": "lte"}


@dataclass(frozen=True, slots=True)
class Column:
    """Where an attribute is stored for searching, and how a value is brought into the stored form."""

    name: str
    convert: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list is asked for; `start_index` counts from 1."""

    filter: Node | None
    start_index: int
    count: int


@dataclass(frozen=True, slots=True)
class ResultPage(Generic[Row]):
    """A page of rows, with the number of all that match."""

    rows: Sequence[Row]
    total_results: int
    start_index: int


def folded(value: Any) -> str:
    """Return a text as it is stored for comparing without case. Raises InvalidFilter."""
    return fold(exact(value))


def exact(value: Any) -> str:
    """Return a text as it is. Raises InvalidFilter."""
    if not isinstance(value, str):
        raise InvalidFilter("This attribute is compared with a text in double quotes.")
    return value


def truth(value: Any) -> bool:
    """Return true or false, also from Entra's "True" and "False". Raises InvalidFilter."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise InvalidFilter("This attribute is compared with true or false.")
    return value


def moment(value: Any) -> datetime:
    """Return a point in time. Raises InvalidFilter."""
    try:
        read = datetime.fromisoformat(exact(value))
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise InvalidFilter("This attribute is compared with a date and time such as 2026-01-31T08:00:00Z.")
    return read


def resource_id(noun: str) -> Callable[[Any], Any]:
    """Return what turns a public id into a key; a foreign one matches nothing."""
    return lambda value: parse_id(noun, exact(value))


def page(
    rows: "QuerySet[Row]", query: ListQuery, schema: ResourceSchema, columns: Mapping[str, Column]
) -> ResultPage[Row]:
    """Return the page that is asked for, in the order of creation. Raises InvalidFilter."""
    if query.filter is not None:
        rows = rows.filter(condition(query.filter, schema, columns))
    start, count = max(query.start_index, 1), min(max(query.count, 0), MOST_RESULTS)
    found = list(rows.order_by("pk")[start - 1 : start - 1 + count]) if count else []
    # A page that is not full tells the total by itself, which spares counting: IdPs look up one name at a time.
    total = start - 1 + len(found) if 0 < len(found) < count else rows.count()
    return ResultPage(found, total, start)


def condition(node: Node, schema: ResourceSchema, columns: Mapping[str, Column]) -> Q:
    """Return a filter as SQL. Raises InvalidFilter for an attribute that cannot be searched."""
    match node:
        case Every(parts):
            return reduce(and_, (condition(part, schema, columns) for part in parts))
        case Some(parts):
            return reduce(or_, (condition(part, schema, columns) for part in parts))
        case Negation(part):
            return ~condition(part, schema, columns)
        case Compare(path, operator, value):
            return _comparison(_column(path, schema, columns), operator, value)
        case Element(path, _):
            raise InvalidFilter(f'Lists cannot be filtered by "{path[:200]}".')


def _column(path: str, schema: ResourceSchema, columns: Mapping[str, Column]) -> Column:
    name = ".".join(attribute.name for attribute in schema.resolve(path))
    if name not in columns:
        raise InvalidFilter(f'Lists cannot be filtered by "{path[:200]}". These can be used: {", ".join(columns)}.')
    return columns[name]


def _comparison(column: Column, operator: str, value: Any) -> Q:
    if operator == "pr":
        return ~Q(**{column.name: ""}) if column.convert in {folded, exact} else ~Q(pk=None)
    converted = column.convert(value)
    if operator == "ne":
        return ~Q(**{column.name: converted})
    if operator == "sw" and isinstance(converted, str):
        # A range, not LIKE: it uses the index on every database.
        return Q(**{f"{column.name}__gte": converted, f"{column.name}__lt": converted + _LAST_CODE_POINT})
    lookup = _LOOKUPS.get(operator, "")
    if (
        not lookup
        or (operator in {"co", "ew"} and not isinstance(converted, str))
        or (isinstance(converted, bool) and operator != "eq")
    ):
        raise InvalidFilter(f'This attribute cannot be compared with "{operator}".')
    return Q(**{f"{column.name}__{lookup}": converted})
