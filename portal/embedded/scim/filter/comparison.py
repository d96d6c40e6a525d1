"""How values are compared (RFC 7643, 2.2 and 2.3; RFC 7644, 3.4.2.2): by the attribute's type, and in any case of letters."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from portal.embedded.models.fields import fold_name
from portal.embedded.scim.protocol.errors import InvalidFilter
from portal.embedded.scim.protocol.schemas import Attribute, ResourceSchema

_EQUALITY = frozenset({"eq", "ne"})
_TEXT_ONLY = frozenset({"co", "sw", "ew"})
_NUMBERS = frozenset({"integer", "decimal"})
_TRUTH = {"true": True, "false": False}
_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda stored, value: stored == value,
    "ne": lambda stored, value: stored != value,
    "pr": lambda _stored, _value: True,
    "co": lambda stored, value: value in stored,
    "sw": lambda stored, value: stored.startswith(value),
    "ew": lambda stored, value: stored.endswith(value),
    "gt": lambda stored, value: stored > value,
    "ge": lambda stored, value: stored >= value,
    "lt": lambda stored, value: stored < value,
    "le": lambda stored, value: stored <= value,
}


def comparable(attribute: Attribute, value: Any) -> Any:
    """Return the form of a stored value in which equal values are the same, and texts and instants are in order."""
    if attribute.type == "boolean" and isinstance(value, str):
        # Entra's "True" and "False".
        return _TRUTH.get(value.lower(), value)
    if not isinstance(value, str):
        return value
    if attribute.type == "dateTime":
        return instant_text(value)
    return value if attribute.case_exact else fold_name(value)


def is_instant(text: str) -> bool:
    """Say whether a text is a date with a time (RFC 7643, 2.3.5)."""
    try:
        return bool(instant_text(text)) and "T" in text
    except (ValueError, OverflowError):
        return False


def instant_text(value: str) -> str:
    """Return an instant in UTC with microseconds, so that texts are in the order of time. Raises ValueError."""
    read = datetime.fromisoformat(value)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")


def operand(attribute: Attribute, operator: str, value: Any) -> Any:
    """Return what a filter compares with, in comparable form. Raises InvalidFilter where the type does not allow it."""
    if attribute.type == "complex":
        raise InvalidFilter(f'"{attribute.name}" has several parts: compare one of them.')
    if value is None and operator in _EQUALITY:
        return None
    if operator not in _EQUALITY and attribute.type in {"boolean", "binary"}:
        raise InvalidFilter(f'"{attribute.name}" cannot be compared with "{operator}", only with eq, ne and pr.')
    if operator in _TEXT_ONLY and attribute.type in _NUMBERS | {"dateTime"}:
        raise InvalidFilter(f'"{attribute.name}" is no text, so "{operator}" says nothing about it.')
    try:
        found = comparable(attribute, value)
    except (ValueError, OverflowError):
        found = None
    if not _is_of_type(attribute.type, found):
        raise InvalidFilter(f'"{attribute.name}" is compared with {_example(attribute.type)}.')
    return found


def _is_of_type(kind: str, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _example(kind: str) -> str:
    if kind == "boolean":
        return "true or false"
    if kind in _NUMBERS:
        return "a number"
    return "a date and time such as 2026-01-31T08:00:00Z" if kind == "dateTime" else "a text in double quotes"


def holds(operator: str, stored: Any, value: Any) -> bool:
    """Say whether a stored value, in comparable form, stands in this relation to an operand."""
    if stored is None:
        return (value is None and operator == "eq") or (value is not None and operator == "ne")
    return bool(_RELATIONS[operator](stored, value))


def searchable(schema: ResourceSchema, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with every value in comparable form: what filters and sorting look at in SQL."""
    extensions = [extension.name for extension in schema.extensions.values() if extension.name in document]
    found = {
        name: _searchable(attribute, value)
        for name, value in document.items()
        if (attribute := schema.attribute(name)) is not None
    }
    return found | {"schemas": [schema.urn, *extensions], "meta": {"resourceType": schema.name}}


def _searchable(attribute: Attribute, value: Any) -> Any:
    if isinstance(value, list):
        return [_searchable(attribute, one) for one in value]
    if isinstance(value, dict):
        return {
            name: _searchable(sub, one)
            for name, one in value.items()
            if (sub := attribute.sub_attribute(name)) is not None
        }
    return comparable(attribute, value)
