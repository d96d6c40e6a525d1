"""Reading documents of identity providers: tolerant of how they are written, exact in what is stored."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from portal.embedded.models.fields import fold_name
from portal.embedded.scim.filter.comparison import comparable, is_instant
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import InvalidSyntax, InvalidValue, TooLarge
from portal.embedded.scim.protocol.schemas import GROUP, Attribute, ResourceSchema
from portal.embedded.scim.protocol.strict import check_document

Document = dict[str, Any]

MAX_NAME_LENGTH = 256
_MAX_FOLDED_LENGTH = 512  # NFC makes up to three characters of one
_MEMBERS = GROUP.core["members"]
# The weight of an object beyond its characters: a list holds up to a thousand users with all their objects in memory.
_OBJECT_LENGTH = 100
_BOOLEANS = {"true": True, "false": False}
# The sub-attributes that identify an element of a list.
_KEY_PARTS = frozenset({"type", "value"})
# A plain text is not accepted for these: without a usable address, a user would silently not become a member.
_NEVER_PLAIN_TEXT = frozenset({"emails", "phoneNumbers", "ims"})


def read_payload(client: ScimClient, schema: ResourceSchema, payload: Document) -> Document:
    """Return the document to store for a resource, as read_document(). On a strict connection, check it first."""
    if client.connection.is_strict:
        require_schema(payload, schema.urn)
        check_document(schema, payload)
    return read_document(schema, payload)


def require_schema(body: Mapping[str, Any], *urns: str) -> None:
    """Raise InvalidSyntax unless `schemas` contains one of these URNs, in any case (RFC 7643, 2.1)."""
    schemas = get_field(body, "schemas")
    named = {str(one).lower() for one in schemas} if isinstance(schemas, list) else set()
    if named.isdisjoint(urn.lower() for urn in urns):
        raise InvalidSyntax(f'"schemas" must contain "{urns[0]}".')


def read_document(schema: ResourceSchema, payload: Mapping[str, Any]) -> Document:
    """Return the known attributes of a resource under their canonical names, with values of their types.

    Omit read-only and unknown attributes (RFC 7644, 3.3) and unassigned ones (RFC 7643, 2.5). Raise InvalidValue, with
    the name of the attribute, for a value of another type, and TooLarge for too many elements.
    """
    document: Document = {}
    for name, value in payload.items():
        attribute = schema.attribute(name)
        if attribute is _MEMBERS:
            continue  # stored in rows of their own (membership.py)
        if attribute:
            set_attribute(document, attribute, value)
        elif name.lower() == schema.urn.lower() and isinstance(value, dict):
            # Some clients put the core attributes below the URN of their schema, as if it were an extension.
            document |= read_document(schema, value)
    return document


def get_field(body: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field, whose name is given in lower case and can be sent in any case, or None."""
    return next((value for key, value in body.items() if key.lower() == name), None)


def set_attribute(document: Document, attribute: Attribute, value: Any) -> None:
    """Set an attribute, or remove it if the value is unassigned. Of an object, the parts that are not sent stay.

    Raise InvalidValue for a value of another type, TooLarge for too many elements.
    """
    if attribute.mutability == "readOnly":
        return
    if attribute.name in document and _is_merged(attribute, value):
        merge_parts(document, {attribute.name: read_parts(attribute, value)})
    elif (read := read_value(attribute, value)) is None:
        document.pop(attribute.name, None)
    else:
        document[attribute.name] = read


def _is_unassigned(attribute: Attribute, value: Any) -> bool:
    """Say whether a value is unassigned (RFC 7643, 2.5). Entra sends an empty text for a removed manager."""
    return value is None or value == [] or (value == "" and attribute.type == "complex")


def read_value(attribute: Attribute, value: Any) -> Any:
    """Return a value as the attribute's type, or None if it is unassigned. Raise InvalidValue for another type."""
    if not attribute.multi_valued:
        return read_element(attribute, unwrap_single(attribute, value) if isinstance(value, list) else value)
    elements: list[Any] = []
    add_elements(attribute, elements, value)
    return elements or None


def check_element_count(attribute: Attribute, elements: int) -> None:
    """Raise TooLarge if an attribute would have too many elements."""
    if elements > settings.SCIM_MAX_ELEMENTS:
        raise TooLarge(f'"{attribute.name}" has more than {settings.SCIM_MAX_ELEMENTS} elements.')


def unwrap_single(attribute: Attribute, value: Any) -> Any:
    """Return the element of a list with one element, as some IdPs send a single value, or any other value unchanged.

    Entra sends `[{"$ref": null, "value": "x"}]`.
    """
    if not isinstance(value, list) or len(value) != 1:
        return value
    (one,) = value
    return one["value"] if attribute.type != "complex" and isinstance(one, dict) and "value" in one else one


def add_elements(attribute: Attribute, elements: list[Any], value: Any) -> None:
    """Add elements to a list, without duplicates of type and value (RFC 7643, 2.4).

    Raise InvalidValue for an element of another type, TooLarge if the list would have too many elements.
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
            # RFC 7644, 3.5.2.1: adding an existing element changes only its other sub-attributes.
            stored |= {name: part for name, part in element.items() if name not in _KEY_PARTS}
        added.add(id(stored))
    if len(elements) > before:
        check_element_count(attribute, len(elements))
    keep_single_primary(sorted(elements, key=lambda element: id(element) in added))


def element_key(attribute: Attribute, element: Any) -> Any:
    """Return a hashable key that is the same for duplicate elements: type and value, or else all sub-attributes."""
    if not isinstance(element, dict):
        return comparable(attribute, element)
    if "value" in element:
        return _part_key(attribute, "type", element.get("type")), _part_key(attribute, "value", element["value"])
    return frozenset((name, _part_key(attribute, name, one)) for name, one in element.items())


def _part_key(attribute: Attribute, name: str, value: Any) -> Any:
    sub = attribute.sub_attribute(name)
    # Sub-attributes of some extensions are lists.
    return repr(value) if sub is None or isinstance(value, list) else comparable(sub, value)


def read_element(attribute: Attribute, value: Any) -> Any:
    """Return a single value, or an element of a list, as the attribute's type. Raise InvalidValue for another type."""
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
    """Keep only the last primary element as primary (RFC 7643, 2.4)."""
    primary = [element for element in elements if isinstance(element, dict) and element.get("primary") is True]
    for element in primary[:-1]:
        element["primary"] = False


def read_parts(attribute: Attribute, value: Any) -> Document:
    """Return the sub-attributes in the value of a complex attribute, with None for unassigned ones.

    Raise InvalidValue for a value of another type.
    """
    value = unwrap_single(attribute, value)
    if isinstance(value, str) and "value" in attribute.sub_attributes and attribute.name not in _NEVER_PLAIN_TEXT:
        # Entra sends a manager as a plain id; other clients do so with members and roles.
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
    """Say whether a value changes only the parts of an object that it contains."""
    return attribute.type == "complex" and not attribute.multi_valued and not _is_unassigned(attribute, value)


def merge_parts(document: Document, parts: Document) -> None:
    """Set the parts of an object, and remove those that are None or become empty."""
    before = document.get("value")
    for name, one in parts.items():
        if isinstance(one, dict):
            inner = dict(document.get(name, {}))
            merge_parts(inner, one)
            one = inner or None  # noqa: PLW2901 -- the merged part
        if one is None:
            document.pop(name, None)
        else:
            document[name] = one
    if document.get("value") != before and "$ref" not in parts:
        # It refers to the previous value.
        document.pop("$ref", None)


def _read_complex(attribute: Attribute, value: Any) -> Document | None:
    return _without_unassigned(read_parts(attribute, value)) or None


def _without_unassigned(parts: Document) -> Document:
    """Return the parts of a new object without those that are None or empty."""
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
    """Return the required name of a resource. Raise InvalidValue if it is missing or too long."""
    value = str(document.get(name, "")).strip()
    if not value:
        raise InvalidValue(f'"{name}" is required.')
    if len(value) > MAX_NAME_LENGTH or len(fold_name(value)) > _MAX_FOLDED_LENGTH:
        raise InvalidValue(f'"{name}" is longer than {MAX_NAME_LENGTH} characters.')
    return value


def read_optional_text(document: Document, name: str) -> str:
    """Return an optional text that is also stored in a column. Raise InvalidValue if it is too long."""
    value = str(document.get(name, ""))
    if len(value) > MAX_NAME_LENGTH:
        raise InvalidValue(f'"{name}" is longer than {MAX_NAME_LENGTH} characters.')
    return value


def check_resource_size(document: Document, before: Document) -> None:
    """Raise TooLarge if a document is too long, unless it already was at least as long."""
    length = _length(document)
    if length > settings.SCIM_MAX_RESOURCE_LENGTH and length > _length(before):
        raise TooLarge(f"The resource is longer than {settings.SCIM_MAX_RESOURCE_LENGTH} characters.")


def _length(value: Any) -> int:
    """Return about how many characters a value has as JSON. An object has an additional weight for its memory."""
    if isinstance(value, str):
        return len(value) + 3
    if isinstance(value, dict):
        return _OBJECT_LENGTH + sum(len(name) + 4 + _length(one) for name, one in value.items())
    return sum(map(_length, value)) if isinstance(value, list) else 6


def changed_attributes(before: Document, after: Document) -> tuple[Document, Document]:
    """Return the attributes that differ, before and after the change, for the activity log."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {n: before[n] for n in names if n in before}, {n: after[n] for n in names if n in after}
