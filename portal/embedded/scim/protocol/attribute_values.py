"""Reading what identity providers send: tolerant of how they spell it, strict about what is kept."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from portal.embedded.models.fields import fold_name
from portal.embedded.scim.filter.comparison import comparable, is_instant
from portal.embedded.scim.protocol.errors import InvalidValue, TooLarge
from portal.embedded.scim.protocol.schemas import GROUP, Attribute, ResourceSchema

Document = dict[str, Any]

MAX_NAME_LENGTH = 256
_MAX_FOLDED_LENGTH = 512  # NFC makes up to three characters of one
_MEMBERS = GROUP.core["members"]
# Of an object, beyond its characters: a list has up to a thousand people in memory at once, with all their objects.
_OBJECT_LENGTH = 100
_BOOLEANS = {"true": True, "false": False}
# What tells the elements of a list apart.
_KEY_PARTS = frozenset({"type", "value"})
# A bare text isn't read as one of these: without a usable address, a person would silently not become a member.
_NEVER_PLAIN_TEXT = frozenset({"emails", "phoneNumbers", "ims"})


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
            set_attribute(document, attribute, value)
        elif name.lower() == schema.urn.lower() and isinstance(value, dict):
            # Some put the core attributes below their schema's URN, as if it were an extension.
            document |= read_document(schema, value)
    return document


def get_field(body: Mapping[str, Any], name: str) -> Any:
    """Return what a body has under a name in lower case, sent in any case; None for nothing."""
    return next((value for key, value in body.items() if key.lower() == name), None)


def set_attribute(document: Document, attribute: Attribute, value: Any) -> None:
    """Set an attribute, or take it out where the value is none; of an object, what is not named stays. Raises InvalidValue."""
    if attribute.mutability == "readOnly":
        return
    if attribute.name in document and _is_merged(attribute, value):
        merge_parts(document, {attribute.name: read_parts(attribute, value)})
    elif (read := read_value(attribute, value)) is None:
        document.pop(attribute.name, None)
    else:
        document[attribute.name] = read


def _is_unassigned(attribute: Attribute, value: Any) -> bool:
    """Say whether a value is none (RFC 7643, 2.5); Entra sends an empty text for a manager that was taken away."""
    return value is None or value == [] or (value == "" and attribute.type == "complex")


def read_value(attribute: Attribute, value: Any) -> Any:
    """Return the value as the attribute's type, or None for an unassigned one. Raises InvalidValue."""
    if not attribute.multi_valued:
        return read_element(attribute, unwrap_single(attribute, value) if isinstance(value, list) else value)
    elements: list[Any] = []
    add_elements(attribute, elements, value)
    return elements or None


def check_element_count(attribute: Attribute, elements: int) -> None:
    """Raise TooLarge where an attribute would have more elements than it may."""
    if elements > settings.SCIM_MAX_ELEMENTS:
        raise TooLarge(f'"{attribute.name}" has more than {settings.SCIM_MAX_ELEMENTS} elements.')


def unwrap_single(attribute: Attribute, value: Any) -> Any:
    """Return what a list of one value holds, as some IdPs send a single one; `[{"$ref": null, "value": "x"}]` is Entra's."""
    if not isinstance(value, list) or len(value) != 1:
        return value
    (one,) = value
    return one["value"] if attribute.type != "complex" and isinstance(one, dict) and "value" in one else one


def add_elements(attribute: Attribute, elements: list[Any], value: Any) -> None:
    """Add elements to a list, in which a pair of type and value is there once (RFC 7643, 2.4).

    Raises InvalidValue, and TooLarge where the list would have more than it may.
    """
    values = value if isinstance(value, list) else [value]
    check_element_count(attribute, len(values))
    read = [element for element in (read_element(attribute, one) for one in values) if element is not None]
    if not elements and len(read) <= 1:
        elements += read
        return
    before, known = len(elements), {element_key(attribute, element): element for element in elements}
    added = set()
    for element in read:
        stored = known.setdefault(element_key(attribute, element), element)
        if stored is element:
            elements.append(element)
        elif isinstance(stored, dict):
            # RFC 7644, 3.5.2.1: adding what is there changes nothing; only what else is said of it is new.
            stored |= {name: part for name, part in element.items() if name not in _KEY_PARTS}
        added.add(id(stored))
    if len(elements) > before:
        check_element_count(attribute, len(elements))
    keep_single_primary(sorted(elements, key=lambda element: id(element) in added))


def element_key(attribute: Attribute, element: Any) -> Any:
    """Return, hashable, what two elements of a list that are the same have in common: type and value, or else all parts."""
    if not isinstance(element, dict):
        return comparable(attribute, element)
    if "value" in element:
        return _part_key(attribute, "type", element.get("type")), _part_key(attribute, "value", element["value"])
    return frozenset((name, _part_key(attribute, name, one)) for name, one in element.items())


def _part_key(attribute: Attribute, name: str, value: Any) -> Any:
    sub = attribute.sub_attribute(name)
    # Some extensions have lists as parts.
    return repr(value) if sub is None or isinstance(value, list) else comparable(sub, value)


def read_element(attribute: Attribute, value: Any) -> Any:
    """Return a single value, or an element of several, as the attribute's type."""
    if not value and (value == {} or _is_unassigned(attribute, value)):
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


def keep_single_primary(elements: list[Any]) -> None:
    """Let the last element that says so be the primary one (RFC 7643, 2.4)."""
    primary = [element for element in elements if isinstance(element, dict) and element.get("primary") is True]
    for element in primary[:-1]:
        element["primary"] = False


def read_parts(attribute: Attribute, value: Any) -> Document:
    """Return what an object names of a complex attribute, with None for what it says is null. Raises InvalidValue."""
    value = unwrap_single(attribute, value)
    if isinstance(value, str) and "value" in attribute.sub_attributes and attribute.name not in _NEVER_PLAIN_TEXT:
        # Entra sends a manager as the bare id, and others members and roles.
        value = {"value": value} if value else {}
    if not isinstance(value, dict):
        raise InvalidValue(f'"{attribute.name}" must be an object.')
    parts: Document = {}
    for name, one in value.items():
        sub = attribute.sub_attribute(name)
        if sub is not None and sub.mutability != "readOnly":
            parts[sub.name] = read_parts(sub, one) if _is_merged(sub, one) else read_value(sub, one)
    return parts


def _is_merged(attribute: Attribute, value: Any) -> bool:
    """Say whether a value changes an object in part, as what it does not name stays."""
    return attribute.type == "complex" and not attribute.multi_valued and not _is_unassigned(attribute, value)


def merge_parts(document: Document, parts: Document) -> None:
    """Set the parts of an object, and take out those that are None or come to nothing."""
    before = document.get("value")
    for name, one in parts.items():
        if isinstance(one, dict):
            inner = dict(document.get(name, {}))
            merge_parts(inner, one)
            one = inner or None  # noqa: PLW2901 -- what the part comes to
        if one is None:
            document.pop(name, None)
        else:
            document[name] = one
    if document.get("value") != before and "$ref" not in parts:
        # It would lead to the value before.
        document.pop("$ref", None)


def _read_complex(attribute: Attribute, value: Any) -> Document | None:
    return _without_unassigned(read_parts(attribute, value)) or None


def _without_unassigned(parts: Document) -> Document:
    """Return the parts of a new object without those that are None or come to nothing."""
    found: Document = {}
    for name, part in parts.items():
        one = _without_unassigned(part) if isinstance(part, dict) else part
        if one is not None and one != {}:
            found[name] = one
    return found


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
        raise InvalidValue(f'"{attribute.name}" must be a string.')
    if attribute.type == "dateTime" and not is_instant(value):
        raise InvalidValue(f'"{attribute.name}" must be a date and time such as 2026-01-31T08:00:00Z.')
    return value


def read_required_name(document: Document, name: str) -> str:
    """Return the name that a resource cannot be without. Raises InvalidValue."""
    value = str(document.get(name, "")).strip()
    if not value:
        raise InvalidValue(f'"{name}" is required.')
    if len(value) > MAX_NAME_LENGTH or len(fold_name(value)) > _MAX_FOLDED_LENGTH:
        raise InvalidValue(f'"{name}" is longer than {MAX_NAME_LENGTH} characters.')
    return value


def read_optional_text(document: Document, name: str) -> str:
    """Return a text that is kept in a column as well. Raises InvalidValue where it does not fit."""
    value = str(document.get(name, ""))
    if len(value) > MAX_NAME_LENGTH:
        raise InvalidValue(f'"{name}" is longer than {MAX_NAME_LENGTH} characters.')
    return value


def check_resource_size(document: Document, before: Document) -> None:
    """Raise TooLarge where a document is longer than one may be, unless it was at least as long before."""
    length = _length(document)
    if length > settings.SCIM_MAX_RESOURCE_LENGTH and length > _length(before):
        raise TooLarge(f"The resource is longer than {settings.SCIM_MAX_RESOURCE_LENGTH} characters.")


def _length(value: Any) -> int:
    """Return about how many characters a value has as JSON, without making it; an object counts for its memory as well."""
    if isinstance(value, str):
        return len(value) + 3
    if isinstance(value, dict):
        return _OBJECT_LENGTH + sum(len(name) + 4 + _length(one) for name, one in value.items())
    return sum(map(_length, value)) if isinstance(value, list) else 6


def changed_attributes(before: Document, after: Document) -> tuple[Document, Document]:
    """Return what was and what is of the attributes that differ, for the activity log."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {n: before[n] for n in names if n in before}, {n: after[n] for n in names if n in after}
