"""SQL for filters and sort keys: on columns and other tables if they have the attribute, or else on the document."""

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
    """The column of an attribute, and how an operand is converted to the stored form."""

    name: str
    convert: Callable[[Any], Any]
    # Whether the column has the order of the attribute. If not, only `eq` uses the column.
    is_ordered: bool = True
    # The indexes that find a value in the column.
    index_hint: IndexHint = IndexHint.CONNECTION


@dataclass(frozen=True, slots=True)
class Relation:
    """A list whose elements are rows of another table. `rows` refers to the resource by OuterRef("pk")."""

    rows: QuerySet[Any]
    columns: Mapping[str, Column]

    def has(self, wanted: Q) -> Q:
        """Return the condition that the list has such an element."""
        return Q(Exists(self.rows.filter(wanted)))


@dataclass(frozen=True, slots=True)
class Listable:
    """How resources of one type are filtered and sorted."""

    schema: ResourceSchema
    columns: Mapping[str, Column]
    # By attribute; several if the elements have several types.
    relations: Mapping[str, Sequence[Relation]]
    # The attribute for lookups, which is unique within a connection.
    unique: str = ""
    # In a list of several types, an attribute of another type has no value.
    is_one_of_several: bool = False


class UnfitOperand(ValueError):
    """The operand of a comparison has the wrong type. The message says which type it needs."""


def folded(value: Any) -> str:
    """Return a case-folded text. Raise UnfitOperand for another type."""
    return fold_name(exact(value))


def folded_name(value: Any) -> str:
    """Return a case-folded name without surrounding blanks. Raise UnfitOperand for another type."""
    text = exact(value)
    return fold_name(text.strip() or text)


def exact(value: Any) -> str:
    """Return a text unchanged. Raise UnfitOperand for another type."""
    if not isinstance(value, str):
        raise UnfitOperand("a text in double quotes")
    return value


def boolean(value: Any) -> bool:
    """Return a boolean, accepting Entra's "True" and "False". Raise UnfitOperand for another value."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise UnfitOperand("true or false")
    return value


def timestamp(value: Any) -> datetime:
    """Return a timestamp. Raise UnfitOperand for another value."""
    try:
        read = datetime.fromisoformat(exact(value))
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise UnfitOperand("a date and time such as 2026-01-31T08:00:00Z")
    return read


def resource_id(noun: str) -> Callable[[Any], Any]:
    """Return a converter from a SCIM id to a primary key. Other ids become the nil UUID, which matches nothing."""
    return lambda value: parse_id(noun, exact(value))


def reference(noun: str) -> Callable[[Any], Any]:
    """Return a converter from the URL of a resource to a primary key, as resource_id()."""
    return lambda value: parse_id(noun, exact(value).rpartition("/")[2])


def unique_value(node: Node | None, listable: Listable) -> Any:
    """Return the operand of a lookup such as `userName eq "x"` in stored form, or None for any other filter.

    Raise InvalidFilter for an operand of another type.
    """
    if not isinstance(node, Comparison) or node.operator != "eq" or node.value is None:
        return None
    name = _name(listable.schema.resolve(node.path))
    return _converted(listable.columns[name], name, node.value) if name == listable.unique else None


def index_hint(node: Node | None, listable: Listable) -> IndexHint:
    """Return the indexes that can find all results of a filter."""
    necessary = node.parts if isinstance(node, And) else (node,)
    hints = {_term_hint(part, listable) for part in necessary if isinstance(part, Comparison | ElementFilter)}
    return IndexHint.VALUE if IndexHint.VALUE in hints else IndexHint.CONNECTION


def _term_hint(node: Comparison | ElementFilter, listable: Listable) -> IndexHint:
    attributes = listable.schema.resolve(node.path)
    column = listable.columns.get(_name(attributes))
    if column is None:
        return IndexHint.VALUE if attributes and has_index(attributes, node) else IndexHint.CONNECTION
    is_equal = isinstance(node, Comparison) and node.operator == "eq" and node.value is not None
    return column.index_hint if is_equal else IndexHint.CONNECTION


def sort_key(path: str, listable: Listable) -> F | JsonSortKey | Value:
    """Return the expression to sort by. Raise InvalidPath for an attribute without an order."""
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
    """Return a filter as SQL. Raise InvalidFilter for an invalid comparison, TooMany for a filter that costs too much."""
    if _list_comparisons(node, listable) > (limit := settings.SCIM_MAX_FILTER_LIST_TERMS):
        raise TooMany(
            f"The filter has more than {limit} comparisons of multi-valued attributes, such as emails or groups. Use fewer."
        )
    return _condition(node, listable)


def _list_comparisons(node: Node, listable: Listable) -> int:
    """Return the number of comparisons that read a list of each resource, which cost many times more than others."""
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
        return _comparison(column, node.path, node.operator, node.value)
    return Q(JsonCondition(attributes, node))


def _relation_condition(
    node: Comparison | ElementFilter, relations: Sequence[Relation], attributes: Sequence[Attribute]
) -> Q:
    """Return the condition that some element compares so or, with `ne`, that none has the value."""
    if isinstance(node, ElementFilter):
        return reduce(or_, (one.has(_element_condition(node.filter, one, attributes[0])) for one in relations))
    name = attributes[1].name if len(attributes) > 1 else "value"
    if node.operator == "pr" or node.value is None:
        found, is_none = reduce(or_, (one.has(Q()) for one in relations)), node.operator == "eq"
    else:
        operator, is_none = "eq" if node.operator == "ne" else node.operator, node.operator == "ne"
        found = reduce(
            or_, (one.has(_comparison(one.columns[name], node.path, operator, node.value)) for one in relations)
        )
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
            return _comparison(relation.columns[element_attribute(attribute, path).name], path, operator, value)
        case ElementFilter():
            raise InvalidFilter("A filter in brackets cannot contain another one.")


def _name(attributes: Sequence[Attribute]) -> str:
    return ".".join(attribute.name for attribute in attributes)


def _timestamp_comparison(name: str, path: str, operator: str, value: datetime) -> Q:
    """Compare a timestamp in whole milliseconds, as responses show it. Raise InvalidFilter if that is impossible."""
    shown = value.replace(microsecond=value.microsecond // 1000 * 1000)
    try:
        after = shown + timedelta(milliseconds=1)
    except OverflowError:
        raise InvalidFilter(f'"{path[:200]}" is compared with a time that is out of range.') from None
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
    raise InvalidFilter(f'"{path[:200]}" cannot be compared with "{operator}".')


def _converted(column: Column, path: str, value: Any) -> Any:
    try:
        return column.convert(value)
    except UnfitOperand as error:
        raise InvalidFilter(f'"{path[:200]}" must be compared with {error}.') from None


def _comparison(column: Column, path: str, operator: str, value: Any) -> Q:
    if operator == "pr" or value is None:
        # A column always has a value, with "" for none.
        absent = Q(**{column.name: ""}) if column.convert in {folded, folded_name, exact} else Q(pk__in=[])
        return absent if operator == "eq" else ~absent
    converted = _converted(column, path, value)
    if column.convert is timestamp:
        return _timestamp_comparison(column.name, path, operator, converted)
    if operator == "ne":
        return ~Q(**{column.name: converted})
    if operator == "sw" and isinstance(converted, str) and column.is_ordered:
        # A range instead of LIKE, which would not use the index on every database.
        return Q(**{f"{column.name}__gte": converted, f"{column.name}__lt": converted + _LAST_CODE_POINT})
    lookup = _LOOKUPS.get(operator, "")
    if (
        not lookup
        or (operator in {"co", "sw", "ew"} and not isinstance(converted, str))
        or (isinstance(converted, bool) and operator != "eq")
    ):
        raise InvalidFilter(f'"{path[:200]}" cannot be compared with "{operator}".')
    return Q(**{f"{column.name}__{lookup}": converted})
