"""Filters and sort keys as SQL: over columns where there are some, over other tables, and else over the document."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, Q, QuerySet, TextField, Value

from portal.directory.ids import parse_id
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.filter.json_sql import JsonCondition, JsonSortKey, has_index
from portal.embedded.scim.filter.parser import (
    And,
    Comparison,
    ElementFilter,
    Node,
    Not,
    Or,
    count_comparisons,
    element_attribute,
)
from portal.embedded.scim.protocol.client import IndexHint
from portal.embedded.scim.protocol.errors import InvalidFilter, InvalidPath, TooMany
from portal.embedded.scim.protocol.schemas import Attribute, ResourceSchema

_LAST_CODE_POINT = "\U0010ffff"
_LOOKUPS = {
    "eq": "exact",
    "sw": "startswith",
    "co": "contains",
    "ew": "endswith",
    "gt": "gt",
    "ge": "gte",
    "lt": "lt",
    "le": "lte",
}


@dataclass(frozen=True, slots=True)
class Column:
    """Where an attribute is stored for searching, and how a value is brought into the stored form."""

    name: str
    convert: Callable[[Any], Any]
    # Whether the column's own order is the attribute's; for any other comparison than equality the document serves.
    is_ordered: bool = True
    # Which indexes know the rows of a value.
    index_hint: IndexHint = IndexHint.CONNECTION


@dataclass(frozen=True, slots=True)
class Relation:
    """A list whose elements are rows of another table; `rows` refers to the resource as OuterRef("pk")."""

    rows: QuerySet[Any]
    columns: Mapping[str, Column]

    def has(self, wanted: Q) -> Q:
        """Say that a row is as wanted."""
        return Q(Exists(self.rows.filter(wanted)))


@dataclass(frozen=True, slots=True)
class Listable:
    """How resources of one kind are found."""

    schema: ResourceSchema
    columns: Mapping[str, Column]
    # By attribute; several where the elements are of several kinds.
    relations: Mapping[str, Sequence[Relation]]
    # The attribute by which identity providers look resources up: each connection has one resource of a value at most.
    unique: str = ""
    # In a list of several kinds, an attribute of another kind is one that has no value here.
    is_one_of_several: bool = False


def folded(value: Any) -> str:
    """Return a text as it is stored for comparing without case. Raises InvalidFilter."""
    return fold_name(exact(value))


def folded_name(value: Any) -> str:
    """Return a name as it is stored for comparing: without case, and without blanks at its ends. Raises InvalidFilter."""
    text = exact(value)
    return fold_name(text.strip() or text)


def exact(value: Any) -> str:
    """Return a text as it is. Raises InvalidFilter."""
    if not isinstance(value, str):
        raise InvalidFilter("This attribute is compared with a text in double quotes.")
    return value


def boolean(value: Any) -> bool:
    """Return true or false, also from Entra's "True" and "False". Raises InvalidFilter."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise InvalidFilter("This attribute is compared with true or false.")
    return value


def timestamp(value: Any) -> datetime:
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


def reference(noun: str) -> Callable[[Any], Any]:
    """Return what turns a resource's address into a key; a foreign one matches nothing."""
    return lambda value: parse_id(noun, exact(value).rpartition("/")[2])


def unique_value(node: Node | None, listable: Listable) -> Any:
    """Return the stored form of the value in `userName eq "x"`, and None for any other filter. Raises InvalidFilter."""
    if not isinstance(node, Comparison) or node.operator != "eq" or node.value is None:
        return None
    name = _name(listable.schema.resolve(node.path))
    return listable.columns[name].convert(node.value) if name == listable.unique else None


def index_hint(node: Node | None, listable: Listable) -> IndexHint:
    """Return which indexes know all that a filter can find."""
    necessary = node.parts if isinstance(node, And) else (node,)
    ways = {_term_hint(part, listable) for part in necessary if isinstance(part, Comparison | ElementFilter)}
    return next((way for way in (IndexHint.KEY, IndexHint.VALUE) if way in ways), IndexHint.CONNECTION)


def _term_hint(node: Comparison | ElementFilter, listable: Listable) -> IndexHint:
    attributes = listable.schema.resolve(node.path)
    column = listable.columns.get(_name(attributes))
    if column is None:
        return IndexHint.KEY if attributes and has_index(attributes, node) else IndexHint.CONNECTION
    is_equal = isinstance(node, Comparison) and node.operator == "eq" and node.value is not None
    return column.index_hint if is_equal else IndexHint.CONNECTION


def sort_key(path: str, listable: Listable) -> F | JsonSortKey | Value:
    """Return what resources are sorted by. Raises InvalidPath for what has no order."""
    attributes = listable.schema.resolve(path)
    column = listable.columns.get(_name(attributes))
    if column and column.is_ordered:
        return F(column.name)
    if not attributes and listable.is_one_of_several:
        return Value(None, output_field=TextField())
    if not attributes or attributes[0].name in listable.relations or not _has_order(attributes[-1]):
        raise InvalidPath(f'Lists cannot be sorted by "{path[:200]}".')
    return JsonSortKey(attributes)


def _has_order(attribute: Attribute) -> bool:
    return attribute.type != "complex" or (attribute.multi_valued and attribute.sub_attribute("value") is not None)


def condition(node: Node, listable: Listable) -> Q:
    """Return a filter as SQL. Raises InvalidFilter for an unknown attribute, TooMany for a filter that costs too much."""
    if _list_comparisons(node, listable) > (limit := settings.SCIM_MAX_FILTER_LIST_TERMS):
        raise TooMany(
            f"The filter has more than {limit} comparisons of multi-valued attributes, such as emails or groups. Use fewer."
        )
    return _condition(node, listable)


def _list_comparisons(node: Node, listable: Listable) -> int:
    """Return how many comparisons open a list of each resource: they cost many times what the others do."""
    match node:
        case And(parts) | Or(parts):
            return sum(_list_comparisons(part, listable) for part in parts)
        case Not(part):
            return _list_comparisons(part, listable)
        case ElementFilter():
            return count_comparisons(node)
        case Comparison(path):
            return any(attribute.multi_valued for attribute in listable.schema.resolve(path))


def _condition(node: Node, listable: Listable) -> Q:
    match node:
        case And(parts):
            return reduce(and_, (_condition(part, listable) for part in parts))
        case Or(parts):
            return reduce(or_, (_condition(part, listable) for part in parts))
        case Not(part):
            return ~_condition(part, listable)
        case ElementFilter(path) | Comparison(path):
            return _attribute_condition(node, listable, listable.schema.resolve_compared(path))


def _attribute_condition(node: Comparison | ElementFilter, listable: Listable, attributes: Sequence[Attribute]) -> Q:
    if not attributes and listable.is_one_of_several:
        is_absence = isinstance(node, Comparison) and node.operator == ("eq" if node.value is None else "ne")
        return ~Q(pk__in=[]) if is_absence else Q(pk__in=[])
    if not attributes:
        raise InvalidFilter(f'A {listable.schema.name} has no attribute "{node.path[:200]}".')
    if relations := listable.relations.get(attributes[0].name):
        return _relation_condition(node, relations, attributes)
    column = listable.columns.get(_name(attributes))
    if column and isinstance(node, Comparison) and (column.is_ordered or node.operator == "eq"):
        return _comparison(column, node.operator, node.value)
    return Q(JsonCondition(attributes, node))


def _relation_condition(
    node: Comparison | ElementFilter, relations: Sequence[Relation], attributes: Sequence[Attribute]
) -> Q:
    """Return a filter on a list: some element compares so; with `ne`, none has the value."""
    if isinstance(node, ElementFilter):
        return reduce(or_, (one.has(_element_condition(node.filter, one, attributes[0])) for one in relations))
    name = attributes[1].name if len(attributes) > 1 else "value"
    if node.operator == "pr" or node.value is None:
        found, is_none = reduce(or_, (one.has(Q()) for one in relations)), node.operator == "eq"
    else:
        operator, is_none = "eq" if node.operator == "ne" else node.operator, node.operator == "ne"
        found = reduce(or_, (one.has(_comparison(one.columns[name], operator, node.value)) for one in relations))
    return ~found if is_none else found


def _element_condition(node: Node, relation: Relation, attribute: Attribute) -> Q:
    match node:
        case And(parts):
            return reduce(and_, (_element_condition(part, relation, attribute) for part in parts))
        case Or(parts):
            return reduce(or_, (_element_condition(part, relation, attribute) for part in parts))
        case Not(part):
            return ~_element_condition(part, relation, attribute)
        case Comparison(path, operator, value):
            return _comparison(relation.columns[element_attribute(attribute, path).name], operator, value)
        case ElementFilter():
            raise InvalidFilter("A filter in brackets cannot contain another one.")


def _name(attributes: Sequence[Attribute]) -> str:
    return ".".join(attribute.name for attribute in attributes)


def _timestamp_comparison(name: str, operator: str, value: datetime) -> Q:
    """Compare a point in time as it is answered: in whole milliseconds. Raises InvalidFilter."""
    shown = value.replace(microsecond=value.microsecond // 1000 * 1000)
    try:
        after = shown + timedelta(milliseconds=1)
    except OverflowError:
        raise InvalidFilter("There is no point in time after this one.") from None
    begins, ends = Q(**{f"{name}__gte": shown if shown == value else after}), Q(**{f"{name}__lt": after})
    match operator:
        case "eq":
            return begins & ends
        case "ne":
            return ~(begins & ends)
        case "ge":
            return begins
        case "lt":
            return ~begins
        case "gt":
            return ~ends
        case "le":
            return ends
    raise InvalidFilter(f'This attribute cannot be compared with "{operator}".')


def _comparison(column: Column, operator: str, value: Any) -> Q:
    if operator == "pr" or value is None:
        # What has a column of its own always has a value, or "" for none.
        absent = Q(**{column.name: ""}) if column.convert in {folded, folded_name, exact} else Q(pk__in=[])
        return absent if operator == "eq" else ~absent
    converted = column.convert(value)
    if column.convert is timestamp:
        return _timestamp_comparison(column.name, operator, converted)
    if operator == "ne":
        return ~Q(**{column.name: converted})
    if operator == "sw" and isinstance(converted, str) and column.is_ordered:
        # A range, not LIKE: it uses the index on every database.
        return Q(**{f"{column.name}__gte": converted, f"{column.name}__lt": converted + _LAST_CODE_POINT})
    lookup = _LOOKUPS.get(operator, "")
    if (
        not lookup
        or (operator in {"co", "sw", "ew"} and not isinstance(converted, str))
        or (isinstance(converted, bool) and operator != "eq")
    ):
        raise InvalidFilter(f'This attribute cannot be compared with "{operator}".')
    return Q(**{f"{column.name}__{lookup}": converted})
