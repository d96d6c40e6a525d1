"""SQL for filters and sort keys on attributes in the `search` column, for PostgreSQL and SQLite."""

from collections.abc import Sequence
from json import dumps
from typing import Any, ClassVar, Protocol

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, TextField
from django.db.models.sql.compiler import SQLCompiler

from portal.embedded.scim.filter.comparison import operand
from portal.embedded.scim.filter.parser import And, Comparison, ElementFilter, Node, Not, Or, element_attribute
from portal.embedded.scim.protocol.errors import InvalidFilter
from portal.embedded.scim.protocol.schemas import Attribute

_COLUMN = "search"
_ELEMENT = "one.value"  # of a list, see _Dialect.elements
_ORDERINGS = {"eq": "=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_INDEXED = ("emails",)  # the list that identity providers look people up by
Sql = tuple[str, list[Any]]


class _Dialect(Protocol):
    """The differences between the databases in JSON expressions."""

    find: str
    end: str

    def value(self, json: str, names: Sequence[str], kind: str) -> Sql:
        """Return a value in a JSON object as SQL of its own type, NULL if there is none."""

    def elements(self, json: str, names: Sequence[str]) -> Sql:
        """Return a table named `one` with the elements of a list in a JSON object."""

    def look_up(self, json: str, names: Sequence[str], value: str) -> Sql | None:
        """Return a condition that the index on a list serves, if it has one: an element has this value."""

    def in_order(self, primary: Sql) -> Sql:
        """Return the order of `one` with the primary element, or else the first, first."""


class _Postgres:
    find, end = "STRPOS", "RIGHT({}, {})"
    _CASTS: ClassVar = {"boolean": "boolean", "integer": "numeric", "decimal": "numeric"}

    def value(self, json: str, names: Sequence[str], kind: str) -> Sql:
        if kind == "complex":
            return f"({json} #> %s::text[])", [list(names)]
        cast = self._CASTS.get(kind)
        # Sort texts by code point, independent of the database's locale.
        form = f"({json} #> %s::text[])::{cast}" if cast else f'({json} #>> %s::text[]) COLLATE "C"'
        return form, [list(names)]

    def elements(self, json: str, names: Sequence[str]) -> Sql:
        return f"jsonb_array_elements({json} #> %s::text[]) WITH ORDINALITY AS one(value, key)", [list(names)]

    def look_up(self, json: str, names: Sequence[str], value: str) -> Sql | None:
        if (*names,) != _INDEXED:
            return None
        # The same expression as in the index scim_user_emails, or PostgreSQL does not use it.
        return f'jsonb_path_query_array({json}, \'$."emails"[*]."value"\') @> %s::jsonb', [dumps([value])]

    def in_order(self, primary: Sql) -> Sql:
        return f"COALESCE({primary[0]}, FALSE) DESC, one.key", primary[1]


class _Sqlite:
    find, end = "INSTR", "SUBSTR({}, -{})"

    def value(self, json: str, names: Sequence[str], kind: str) -> Sql:  # noqa: ARG002 -- SQLite's values know their type
        if not names:
            return json, []
        found = f"json_extract({json}, %s)"
        if json == _ELEMENT:
            # SQLite does not take a text in a list for JSON.
            found = f"CASE WHEN one.type = 'object' THEN {found} END"
        return f"({found})", [_json_path(names)]

    def elements(self, json: str, names: Sequence[str]) -> Sql:
        return f"json_each({json}, %s) AS one", [_json_path(names)]

    def look_up(self, json: str, names: Sequence[str], value: str) -> Sql | None:  # noqa: ARG002 -- SQLite has no index on lists
        return None

    def in_order(self, primary: Sql) -> Sql:
        return f"COALESCE({primary[0]}, 0) DESC, one.key", primary[1]


def _json_path(names: Sequence[str]) -> str:
    return "$" + "".join(f'."{name}"' for name in names)


def _dialect(connection: BaseDatabaseWrapper) -> _Dialect:
    return _Postgres() if connection.vendor == "postgresql" else _Sqlite()


class JsonCondition(Func):
    """A comparison, or a filter in brackets, on one attribute. It is never NULL, so `not` inverts it."""

    def __init__(self, attributes: Sequence[Attribute], node: Comparison | ElementFilter) -> None:
        super().__init__(F(_COLUMN), output_field=BooleanField())
        self._attributes, self._node = tuple(attributes), node
        # Raise InvalidFilter now, not when the statement is compiled.
        self._build(_Postgres(), "")

    def as_sql(  # type: ignore[override]  # -- Func's takes templates that are not used here
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition for the database."""
        column, _params = compiler.compile(self.get_source_expressions()[0])
        return self._build(_dialect(connection), column)

    def _build(self, dialect: _Dialect, column: str) -> Sql:
        names, attribute, inside = _split(self._attributes)
        if isinstance(self._node, ElementFilter):
            if not attribute.multi_valued or inside:
                raise InvalidFilter(
                    f'"{self._node.path[:200]}" has a single value, so it cannot have a filter in brackets.'
                )
            found = _exists_element(dialect, column, names, _element_filter(dialect, self._node.filter, attribute))
            return _with_index(dialect, column, names, _required_value(self._node.filter, attribute), found)
        if not attribute.multi_valued:
            return _comparison(dialect, column, names, attribute, self._node)
        return _list_comparison(dialect, column, self._attributes, self._node)


class JsonSortKey(Func):
    """The value to sort by: of a list, that of the primary element, or else of the first (RFC 7644, 3.4.2.3)."""

    def __init__(self, attributes: Sequence[Attribute]) -> None:
        super().__init__(F(_COLUMN), output_field=TextField())
        self._attributes = tuple(attributes)

    def as_sql(  # type: ignore[override]  # -- as above
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, list[Any]]:
        """Return the key for the database as text: false before true, numbers as they are written."""
        column, _params = compiler.compile(self.get_source_expressions()[0])
        dialect = _dialect(connection)
        names, attribute, inside = _split(self._attributes)
        if not attribute.multi_valued:
            key = dialect.value(column, names, "string")
            return f"CAST({key[0]} AS TEXT)", key[1]
        sub = inside[-1] if inside else attribute.sub_attribute("value")
        key = dialect.value(_ELEMENT, [sub.name] if sub else [], "string")
        primary = dialect.value(_ELEMENT, ["primary"], "boolean")
        table, order = dialect.elements(column, names), dialect.in_order(primary)
        return (
            f"(SELECT CAST({key[0]} AS TEXT) FROM {table[0]} ORDER BY {order[0]} LIMIT 1)",
            [*key[1], *table[1], *order[1]],
        )


def has_index(attributes: Sequence[Attribute], node: Node) -> bool:
    """Say whether an index serves a comparison, or a filter in brackets."""
    names, attribute, inside = _split(attributes)
    if isinstance(node, Comparison):
        node = Comparison(inside[-1].name if inside else "value", node.operator, node.value)
    elif isinstance(node, ElementFilter):
        node = node.filter
    is_list = attribute.multi_valued and bool(_required_value(node, attribute))
    return is_list and _dialect(connection).look_up("", names, "") is not None


def _split(attributes: Sequence[Attribute]) -> tuple[list[str], Attribute, tuple[Attribute, ...]]:
    """Return the names on the path to a value or list, its attribute, and the attributes inside its elements."""
    for at, attribute in enumerate(attributes):
        if attribute.multi_valued:
            return [one.name for one in attributes[: at + 1]], attribute, tuple(attributes[at + 1 :])
    return [one.name for one in attributes], attributes[-1], ()


def _list_comparison(dialect: _Dialect, column: str, attributes: Sequence[Attribute], compare: Comparison) -> Sql:
    """Return the condition that some element compares so or, with `ne`, that none has the value."""
    names, attribute, inside = _split(attributes)
    sub, operator, value = inside[-1].name if inside else "value", compare.operator, compare.value
    if operator == "pr" and not inside:
        sql, params = dialect.value(column, names, "complex")
        return f"{sql} IS NOT NULL", params
    some = Comparison(sub, "pr") if value is None else Comparison(sub, "eq" if operator == "ne" else operator, value)
    found = _exists_element(dialect, column, names, _element_filter(dialect, some, attribute))
    sql, params = _with_index(dialect, column, names, _required_value(some, attribute), found)
    is_none = operator == ("ne" if value is not None else "eq")
    return f"NOT {sql}" if is_none else sql, params


def _required_value(node: Node, attribute: Attribute) -> str:
    """Return the text that the `value` of a matching element must have, or "" if it can have several."""
    if isinstance(node, And):
        return next((text for part in node.parts if (text := _required_value(part, attribute))), "")
    if not isinstance(node, Comparison) or node.operator != "eq" or node.path.lower() != "value" or not node.value:
        return ""
    return str(operand(element_attribute(attribute, node.path), "eq", node.value))


def _with_index(dialect: _Dialect, column: str, names: Sequence[str], wanted: str, found: Sql) -> Sql:
    """Add the condition that an index serves to a condition on a list."""
    look_up = dialect.look_up(column, names, wanted) if wanted else None
    return (f"({look_up[0]} AND {found[0]})", [*look_up[1], *found[1]]) if look_up else found


def _exists_element(dialect: _Dialect, column: str, names: Sequence[str], condition: Sql) -> Sql:
    table, params = dialect.elements(column, names)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {condition[0]})", [*params, *condition[1]]


def _element_filter(dialect: _Dialect, node: Node, attribute: Attribute) -> Sql:
    """Return a filter on one element."""
    match node:
        case And(parts):
            return _joined(" AND ", [_element_filter(dialect, part, attribute) for part in parts])
        case Or(parts):
            return _joined(" OR ", [_element_filter(dialect, part, attribute) for part in parts])
        case Not(part):
            sql, params = _element_filter(dialect, part, attribute)
            return f"(NOT {sql})", params
        case Comparison(path):
            sub = element_attribute(attribute, path)
            return _comparison(dialect, _ELEMENT, [sub.name] if sub is not attribute else [], sub, node)
        case ElementFilter():
            raise InvalidFilter("A filter in brackets cannot contain another one.")


def _joined(word: str, parts: Sequence[Sql]) -> Sql:
    return f"({word.join(sql for sql, _ in parts)})", [one for _, params in parts for one in params]


def _comparison(dialect: _Dialect, json: str, names: Sequence[str], attribute: Attribute, node: Comparison) -> Sql:
    value = operand(attribute, node.operator, node.value) if node.operator != "pr" else None
    sql, params = dialect.value(json, names, attribute.type)
    if value is None:
        return f"({sql} IS {'' if node.operator == 'eq' else 'NOT '}NULL)", params
    test, compared = _test(dialect, sql, node.operator, value)
    return f"({test})", [*params, *compared]


def _test(dialect: _Dialect, sql: str, operator: str, value: Any) -> Sql:
    if value == "" and operator in {"co", "sw", "ew"}:
        return f"{sql} IS NOT NULL", []
    match operator:
        case "ne":
            return f"NOT COALESCE({sql} = %s, FALSE)", [value]
        case "co":
            return f"COALESCE({dialect.find}({sql}, %s) > 0, FALSE)", [value]
        case "sw":
            return f"COALESCE(SUBSTR({sql}, 1, {len(value)}) = %s, FALSE)", [value]
        case "ew":
            return f"COALESCE({dialect.end.format(sql, len(value))} = %s, FALSE)", [value]
        case _:
            return f"COALESCE({sql} {_ORDERINGS[operator]} %s, FALSE)", [value]
