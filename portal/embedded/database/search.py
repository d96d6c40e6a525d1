"""Searches of the JSON API: operands as conditions on rows, and a page of results (Stytch: search members)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.models import BooleanField, Func, Model, Q, QuerySet

from portal.directory.errors import Invalid
from portal.directory.pages import check_limit
from portal.directory.search import MAX_TOTAL, Operand
from portal.embedded.database.integrity import is_text
from portal.embedded.database.keyset import Keyset

# Stytch's limits for the text of a fuzzy search.
_MIN_LENGTH, _MAX_LENGTH = 3, 256
_MAX_VALUES = 1000
# Each value is a condition of its own, and SQLite's expressions have a maximum depth of 1000.
MAX_CONDITIONS = 500
_MAX_OPERANDS = 50
# The values of all operands together. Each can be a condition on each row.
_MAX_VALUES_IN_TOTAL = 2000

Row = TypeVar("Row", bound=Model)
Conditions = Mapping[str, Callable[[Operand], Q]]


class HoldsText(Func):
    """Whether a JSON list contains a text."""

    function = "jsonb_exists"
    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:  # noqa: ARG002 -- Django's signature
        """Compile the operator that a GIN index serves. It doesn't serve the function."""
        values, with_values = compiler.compile(self.source_expressions[0])
        text, with_text = compiler.compile(self.source_expressions[1])
        return f"({values} ? {text})", [*with_values, *with_text]

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:  # noqa: ARG002 -- Django's signature
        """Compile the function for SQLite, which has no jsonb_exists."""
        values, with_values = compiler.compile(self.source_expressions[0])
        text, with_text = compiler.compile(self.source_expressions[1])
        return f"EXISTS (SELECT 1 FROM json_each({values}) WHERE value = {text})", [*with_values, *with_text]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads operands. Errors have Stytch's names, which begin with the noun."""

    noun: str

    def condition(self, operands: Sequence[Operand], known: Conditions) -> Q:
        """Return the condition that all operands have in common. Raise Invalid."""
        if len(operands) > _MAX_OPERANDS:
            raise Invalid(f"A query has {_MAX_OPERANDS} operands at most.", field="query")
        if sum(len(one.filter_value) for one in operands if isinstance(one.filter_value, list)) > _MAX_VALUES_IN_TOTAL:
            raise Invalid(f"The operands of a query have {_MAX_VALUES_IN_TOTAL} values at most.", field="query")
        both = Q()
        for operand in operands:
            name, value = operand.filter_name, operand.filter_value
            if not name or value is None:
                raise self._invalid(
                    operand, f"missing_filter_{'value' if name else 'name'}", "An operand has no name or value."
                )
            if name not in known:
                raise self._invalid(operand, "filter_name_not_recognized", f"{name[:100]} is not a known filter.")
            both &= known[name](operand)
        return both

    def texts(self, operand: Operand, *, maximum: int = _MAX_VALUES) -> list[str]:
        """Return a list of texts. Raise Invalid."""
        value = operand.filter_value
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise self._invalid(operand, "expected_array_of_strings", "It takes a list of texts.")
        if len(value) > maximum:
            raise Invalid(f"{operand.filter_name} takes {maximum} values at most.", field="query")
        return [one for one in value if is_text(one)]

    def text(self, operand: Operand) -> str:
        """Return a text. Raise Invalid."""
        if not isinstance(operand.filter_value, str):
            raise self._invalid(operand, "expected_string", "It takes a text.")
        return operand.filter_value if is_text(operand.filter_value) else ""

    def part(self, operand: Operand) -> str:
        """Return the text of a fuzzy search, at least three characters. Raise Invalid."""
        text = self.text(operand)
        if not _MIN_LENGTH <= len(text) <= _MAX_LENGTH:
            raise self._invalid(
                operand, f"{operand.filter_name}_too_short", f"It takes {_MIN_LENGTH} to {_MAX_LENGTH} characters."
            )
        return text

    def flag(self, operand: Operand) -> bool:
        """Return a boolean. Raise Invalid."""
        if not isinstance(operand.filter_value, bool):
            raise self._invalid(operand, "expected_boolean", "It takes true or false.")
        return operand.filter_value

    def _invalid(self, operand: Operand, kind: str, message: str) -> Invalid:
        text = f"{operand.filter_name[:100]}: {message}" if operand.filter_name else message
        return Invalid(text, field="query", error_type=f"{self.noun}_search_{kind}")


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of rows, with the other values of `Found`."""

    rows: list[Any] = field(default_factory=list)
    next_cursor: str | None = None
    total: int = 0


def page(rows: QuerySet[Row], operands: Sequence[Operand], *list_key: object, cursor: str, limit: int) -> Hits:
    """Return a page of rows by organization and primary key. Raise Invalid, InvalidCursor.

    The first page counts all rows, up to a maximum. The cursor contains the number for the next pages.
    """
    check_limit(limit)
    keyset = Keyset(*list_key, _digest(operands))
    key = keyset.key(cursor)
    after, total = (_after(*key[1:]), key[0]) if key else (Q(), None)
    in_order = rows.order_by("organization_id", "pk") if _has_organization(rows) else rows.order_by("pk")
    found = list(in_order.filter(after)[: limit + 1])
    if total is None:
        total = _total(rows) if len(found) > limit else len(found)
    result = keyset.page(found, limit=limit, key=lambda row: [total, *_key(row)])
    return Hits(list(result.items), result.next_cursor, total)


def _after(organization: str, pk: str) -> Q:
    """Return the condition of the rows after a key."""
    if not organization:
        return Q(pk__gt=pk)
    # The first condition is redundant, but it lets the planner use the index.
    return Q(organization_id__gte=organization) & (
        Q(organization_id__gt=organization) | Q(organization_id=organization, pk__gt=pk)
    )


def _key(row: Any) -> tuple[str, str]:
    return str(getattr(row, "organization_id", "")), str(row.pk)


def _has_organization(rows: QuerySet[Row]) -> bool:
    return any(one.name == "organization" for one in rows.model._meta.concrete_fields)


def _total(rows: QuerySet[Row]) -> int:
    number = rows.order_by()[: MAX_TOTAL + 1].count()
    return number if number <= MAX_TOTAL else -1


def _digest(operands: Sequence[Operand]) -> str:
    said = repr([(one.filter_name, one.filter_value) for one in operands])
    return hashlib.sha256(said.encode()).hexdigest()
