"""Operands of a search as conditions on rows, and the page that they find (Stytch: search organizations, search members)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.models import BooleanField, Func, Model, Q, QuerySet

from portal.directory.errors import Invalid
from portal.directory.search import MAX_TOTAL, Operand
from portal.embedded.database.integrity import is_text
from portal.embedded.database.keyset import Keyset, check_limit

_SHORTEST = 3  # Stytch: of what is looked for inside a text
_LONGEST = 256
_MOST_VALUES = 1000
# Each is a condition of its own, and SQLite takes no thousand of them.
MOST_CONDITIONS = 500
_MOST_OPERANDS = 50
# Of all operands together: each may be a condition on each row.
_MOST_IN_ALL = 2000

Row = TypeVar("Row", bound=Model)
Conditions = Mapping[str, Callable[[Operand], Q]]


class HoldsText(Func):
    """Whether a list, which is JSON, has a text."""

    function = "jsonb_exists"
    output_field = BooleanField()

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:  # noqa: ARG002 -- Django's signature
        """Ask SQLite, which has another function for it."""
        values, with_values = compiler.compile(self.source_expressions[0])
        text, with_text = compiler.compile(self.source_expressions[1])
        return f"EXISTS (SELECT 1 FROM json_each({values}) WHERE value = {text})", [*with_values, *with_text]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads operands; what is wrong with one is said by Stytch's names, which begin with the noun."""

    noun: str

    def condition(self, operands: Sequence[Operand], known: Conditions) -> Q:
        """Return the condition that all operands make together. Raises Invalid."""
        if len(operands) > _MOST_OPERANDS:
            raise Invalid(f"A query has {_MOST_OPERANDS} operands at most.", field="query")
        if sum(len(one.filter_value) for one in operands if isinstance(one.filter_value, list)) > _MOST_IN_ALL:
            raise Invalid(f"The operands of a query have {_MOST_IN_ALL} values at most.", field="query")
        both = Q()
        for operand in operands:
            name, value = operand.filter_name, operand.filter_value
            if not name or value is None:
                raise self._invalid(operand, f"missing_filter_{'value' if name else 'name'}", "An operand lacks it.")
            if name not in known:
                raise self._invalid(operand, "filter_name_not_recognized", f"{name[:100]} is not known.")
            both &= known[name](operand)
        return both

    def texts(self, operand: Operand, *, most: int = _MOST_VALUES) -> list[str]:
        """Return a list of texts. Raises Invalid."""
        value = operand.filter_value
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise self._invalid(operand, "expected_array_of_strings", "It takes a list of texts.")
        if len(value) > most:
            raise Invalid(f"{operand.filter_name} takes {most} values at most.", field="query")
        return [one for one in value if is_text(one)]

    def text(self, operand: Operand) -> str:
        """Return a text. Raises Invalid."""
        if not isinstance(operand.filter_value, str):
            raise self._invalid(operand, "expected_string", "It takes a text.")
        return operand.filter_value if is_text(operand.filter_value) else ""

    def part(self, operand: Operand) -> str:
        """Return what is looked for inside a text, at least three characters. Raises Invalid."""
        text = self.text(operand)
        if not _SHORTEST <= len(text) <= _LONGEST:
            raise self._invalid(
                operand, f"{operand.filter_name}_too_short", f"It takes {_SHORTEST} to {_LONGEST} characters."
            )
        return text

    def flag(self, operand: Operand) -> bool:
        """Return yes or no. Raises Invalid."""
        if not isinstance(operand.filter_value, bool):
            raise self._invalid(operand, "expected_boolean", "It takes true or false.")
        return operand.filter_value

    def _invalid(self, operand: Operand, kind: str, message: str) -> Invalid:
        text = f"{operand.filter_name[:100]}: {message}" if operand.filter_name else message
        return Invalid(text, field="query", error_type=f"{self.noun}_search_{kind}")


@dataclass(frozen=True, slots=True)
class Hits:
    """The rows of a page, with what `Found` says beside them."""

    rows: list[Any] = field(default_factory=list)
    next_cursor: str | None = None
    total: int = 0


def page(rows: QuerySet[Row], operands: Sequence[Operand], *list_key: object, cursor: str, limit: int) -> Hits:
    """Return a page of rows in the order of organization and key. Raises Invalid, InvalidCursor.

    All are counted for the first page, up to a bound; the cursor carries the number on.
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
