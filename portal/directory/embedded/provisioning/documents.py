"""Reading what identity providers send: tolerant of how they spell it, strict about what is kept."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from django.conf import settings

from portal.directory.embedded.models.fields import fold
from portal.directory.embedded.provisioning.comparison import is_instant
from portal.directory.embedded.provisioning.errors import InvalidValue, TooLarge
from portal.directory.embedded.provisioning.schemas import GROUP, Attribute, ResourceSchema

Document = dict[str, Any]

LONGEST_NAME = 256
_LONGEST_FOLDED = 512  # one character can become eighteen
_MEMBERS = GROUP.core["members"]
_BOOLEANS = {"true": True, "false": False}


def read_document(schema: ResourceSchema, payload: Mapping[str, Any]) -> Document:
    """Return what is kept of a resource: known attributes under their canonical names, with values of their types.

    Read-only attributes and unknown ones are left out (RFC 7644, 3.3), unassigned ones as well (RFC 7643, 2.5).
    Raises InvalidValue that names the attribute.
    """
    document: Document = {}
    for name, value in payload.items():
        attribute = schema.attribute(name)
        if attribute is _MEMBERS:
            continue  # rows of their own (membership.py)
        if attribute:
            put(document, attribute, value)
        elif name.lower() == schema.urn.lower() and isinstance(value, dict):
            # Some put the core attributes below their schema's URN, as if it were an extension.
            document |= read_document(schema, value)
    return document


def put(document: Document, attribute: Attribute, value: Any) -> None:
    """Set an attribute, or take it out where the value is none."""
    if attribute.mutability == "readOnly":
        return
    read = read_value(attribute, value)
    if read is None:
        document.pop(attribute.name, None)
    else:
        document[attribute.name] = read


def read_value(attribute: Attribute, value: Any) -> Any:
    """Return the value as the attribute's type, or None for an unassigned one. Raises InvalidValue."""
    if not attribute.multi_valued:
        return read_one(attribute, value)
    values = value if isinstance(value, list) else [value]
    check_number(attribute, len(values))
    elements = _once(element for element in (read_one(attribute, one) for one in values) if element is not None)
    keep_one_primary(elements)
    return elements or None


def check_number(attribute: Attribute, elements: int) -> None:
    """Raise TooLarge where an attribute would have more elements than it may."""
    if elements > settings.SCIM_MAX_ELEMENTS:
        raise TooLarge(f'"{attribute.name}" has more than {settings.SCIM_MAX_ELEMENTS} elements.')


def _once(elements: Iterable[Any]) -> list[Any]:
    """Return the elements without repetitions, in their order (RFC 7643, 2.4)."""
    return list({whole_identity(one): one for one in elements}.values())


def whole_identity(element: Any) -> Hashable:
    """Return what is the same of equal elements, for finding one among many."""
    if isinstance(element, dict):
        return frozenset((name, whole_identity(one)) for name, one in element.items())
    return tuple(map(whole_identity, element)) if isinstance(element, list) else element


def read_one(attribute: Attribute, value: Any) -> Any:
    """Return a single value, or an element of several, as the attribute's type."""
    if value is None or value in ([], {}):
        return None
    match attribute.type:
        case "complex":
            return _read_complex(attribute, value)
        case "boolean":
            return _read_boolean(attribute, value)
        case "integer" | "decimal":
            return _read_number(attribute, value)
        case _:
            return _read_text(attribute, value)


def keep_one_primary(elements: list[Any]) -> None:
    """Let the last element that says so be the primary one (RFC 7643, 2.4)."""
    primary = [element for element in elements if isinstance(element, dict) and element.get("primary") is True]
    for element in primary[:-1]:
        element["primary"] = False


def _read_complex(attribute: Attribute, value: Any) -> Document | None:
    if isinstance(value, str) and "value" in attribute.sub_attributes:
        # Entra sends a manager, and others an e-mail address, as the bare value.
        value = {"value": value} if value else {}
    if not isinstance(value, dict):
        raise InvalidValue(f'"{attribute.name}" must be an object.')
    document: Document = {}
    for name, one in value.items():
        if sub := attribute.sub_attribute(name):
            put(document, sub, one)
    return document or None


def _read_boolean(attribute: Attribute, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        # Entra's "True" and "False".
        return _BOOLEANS[value.lower()]
    raise InvalidValue(f'"{attribute.name}" must be true or false.')


def _read_number(attribute: Attribute, value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise InvalidValue(f'"{attribute.name}" must be a number.')


def _read_text(attribute: Attribute, value: Any) -> str | None:
    if not isinstance(value, str):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        raise InvalidValue(f'"{attribute.name}" must be text.')
    if attribute.type == "dateTime" and not is_instant(value):
        raise InvalidValue(f'"{attribute.name}" must be a date and time such as 2026-01-31T08:00:00Z.')
    return value


def required_name(document: Document, name: str) -> str:
    """Return the name that a resource cannot be without. Raises InvalidValue."""
    value = str(document.get(name, "")).strip()
    if not value:
        raise InvalidValue(f'"{name}" is required.')
    if len(value) > LONGEST_NAME or len(fold(value)) > _LONGEST_FOLDED:
        raise InvalidValue(f'"{name}" is longer than {LONGEST_NAME} characters.')
    return value


def optional_text(document: Document, name: str) -> str:
    """Return a text that is kept in a column as well. Raises InvalidValue where it does not fit."""
    value = str(document.get(name, ""))
    if len(value) > LONGEST_NAME:
        raise InvalidValue(f'"{name}" is longer than {LONGEST_NAME} characters.')
    return value


def check_size(document: Document, before: Document) -> None:
    """Raise TooLarge where a document is longer than one may be, unless it was at least as long before."""
    length = _length(document)
    if length > settings.SCIM_MAX_RESOURCE_LENGTH and length > _length(before):
        raise TooLarge(f"The resource is longer than {settings.SCIM_MAX_RESOURCE_LENGTH} characters.")


def _length(value: Any) -> int:
    """Return about how many characters a value has as JSON, without making it."""
    if isinstance(value, str):
        return len(value) + 3
    if isinstance(value, dict):
        return sum(len(name) + 4 + _length(one) for name, one in value.items())
    return sum(map(_length, value)) if isinstance(value, list) else 6


def changed_attributes(before: Document, after: Document) -> tuple[Document, Document]:
    """Return what was and what is of the attributes that differ, for the activity log."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {n: before[n] for n in names if n in before}, {n: after[n] for n in names if n in after}
