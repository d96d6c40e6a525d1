"""Comparison of values by the attribute's type, mostly without case (RFC 7643, 2.2 and 2.3; RFC 7644, 3.4.2.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from portal.embedded.models.fields import fold_name
from portal.embedded.scim.protocol.errors import InvalidFilter, TooLarge
from portal.embedded.scim.protocol.schemas import Attribute, ResourceSchema

# Parsing so many characters of a path costs about as much as one comparison.
_CHARACTERS_PER_COMPARISON = 8
_EQUALITY = frozenset({"eq", "ne"})
_TEXT_ONLY = frozenset({"co", "sw", "ew"})
_NUMBERS = frozenset({"integer", "decimal"})
_BOOLEANS = {"true": True, "false": False}
_COMPARATORS: dict[str, Callable[[Any, Any], Any]] = {
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
    """Return a stored value in the form in which it is compared and sorted."""
    if attribute.type == "boolean" and isinstance(value, str):
        # Entra's "True" and "False".
        return _BOOLEANS.get(value.lower(), value)
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
    """Return a timestamp in UTC with microseconds, so that texts sort by time. Raise ValueError for an invalid one."""
    read = datetime.fromisoformat(value)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")


def operand(attribute: Attribute, operator: str, value: Any) -> Any:
    """Return the operand of a comparison in comparable form. Raise InvalidFilter if the attribute does not support it."""
    if attribute.type == "complex":
        raise InvalidFilter(f'"{attribute.name}" is a complex attribute. Compare one of its sub-attributes instead.')
    if value is None and operator in _EQUALITY:
        return None
    if operator not in _EQUALITY and attribute.type in {"boolean", "binary"}:
        raise InvalidFilter(f'"{attribute.name}" cannot be compared with "{operator}", only with eq, ne and pr.')
    if operator in _TEXT_ONLY and attribute.type in _NUMBERS | {"dateTime"}:
        raise InvalidFilter(f'"{attribute.name}" is not a text, so it cannot be compared with "{operator}".')
    try:
        found = comparable(attribute, value)
    except (ValueError, OverflowError):
        found = None
    if not _is_of_type(attribute.type, found):
        raise InvalidFilter(f'"{attribute.name}" must be compared with {_example(attribute.type)}.')
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


def compare(operator: str, stored: Any, value: Any) -> bool:
    """Say whether a stored value, in comparable form, compares so with an operand."""
    if stored is None:
        return (value is None and operator == "eq") or (value is not None and operator == "ne")
    return bool(_COMPARATORS[operator](stored, value))


def searchable(schema: ResourceSchema, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with every value in comparable form, which filters and sorting use in SQL."""
    extensions = [extension.name for extension in schema.extensions.values() if extension.name in document]
    found = {
        name: _search_value(attribute, value)
        for name, value in document.items()
        if (attribute := schema.attribute(name)) is not None
    }
    return found | {"schemas": [schema.urn, *extensions], "meta": {"resourceType": schema.name}}


def _search_value(attribute: Attribute, value: Any) -> Any:
    if isinstance(value, list):
        return [_search_value(attribute, one) for one in value]
    if isinstance(value, dict):
        return {
            name: _search_value(sub, one)
            for name, one in value.items()
            if (sub := attribute.sub_attribute(name)) is not None
        }
    return comparable(attribute, value)


def _max_comparisons() -> int:
    return int(settings.SCIM_MAX_COMPARISONS)


@dataclass(slots=True)
class ComparisonBudget:
    """How many more values a request may compare: operations × terms of their filters × elements.

    A small body can ask for a lot of work, so the size of the body alone is not a limit.
    """

    left: int = field(default_factory=_max_comparisons)

    def spend(self, comparisons: int) -> None:
        """Deduct comparisons in advance. Raise TooLarge if too few are left."""
        self.left -= comparisons
        if self.left < 0:
            raise TooLarge(
                f"The operations need more than {settings.SCIM_MAX_COMPARISONS} comparisons of values. "
                "Send them in several requests."
            )

    def spend_on_path(self, path: str) -> None:
        """Deduct what parsing a path costs. Raise TooLarge if too little is left."""
        self.spend(1 + len(path) // _CHARACTERS_PER_COMPARISON)
