"""The checks of a strict connection: documents and PATCH operations must follow the RFCs to the letter."""

import re
from collections.abc import Mapping
from typing import Any

from portal.embedded.scim.filter.comparison import ComparisonBudget
from portal.embedded.scim.filter.parser import parse_path
from portal.embedded.scim.protocol.errors import InvalidPath, InvalidSyntax, InvalidValue
from portal.embedded.scim.protocol.schemas import Attribute, ResourceSchema

_ATTRIBUTE_NAME = re.compile(r"[A-Za-z$][\w$-]*")
_JSON_TYPES: Mapping[str, type] = {"boolean": bool, "complex": dict, "integer": int, "decimal": float}


def check_document(schema: ResourceSchema, document: Mapping[str, Any]) -> None:
    """Raise InvalidPath for an unknown attribute, InvalidValue for a value of another type."""
    for name, value in document.items():
        if name.lower() in schema.never_kept:
            continue
        attribute = schema.attribute(name)
        if attribute is None or not (_ATTRIBUTE_NAME.fullmatch(name) or name.lower() in schema.extensions):
            raise InvalidPath(f'A {schema.name} has no attribute "{name[:200]}".')
        if attribute.mutability != "readOnly":
            _check_value(attribute, value)


def check_operation(schema: ResourceSchema, operation: Mapping[str, Any], budget: ComparisonBudget) -> None:
    """Check an operation of a PATCH, given with lower-case names, whose structure is known to be valid.

    Raise InvalidSyntax, InvalidPath or InvalidValue where it deviates from the RFC, TooLarge if it takes too much work.
    """
    op, path, value = operation["op"], (operation.get("path") or "").strip(), operation.get("value")
    if op != op.lower():
        raise InvalidSyntax('"op" must be add, replace or remove in lower case.')
    if op == "remove" and value is not None:
        raise InvalidSyntax('The operation "remove" takes no "value". Select the elements with a filter in the path.')
    if not path and isinstance(value, Mapping):
        check_document(schema, value)
    elif path and op != "remove" and path.lower() not in schema.never_kept:
        budget.spend_on_path(path)
        target = parse_path(schema, path)
        attribute = target.sub_attribute or target.attributes[-1]
        if target.filter is not None and not target.sub_attribute:
            _check_element(attribute, value)
        else:
            _check_value(attribute, value)


def _check_value(attribute: Attribute, value: Any) -> None:
    if not attribute.multi_valued or value is None:
        _check_element(attribute, value)
    elif isinstance(value, list):
        for element in value:
            _check_element(attribute, element)
        if sum(isinstance(one, dict) and one.get("primary") is True for one in value) > 1:
            raise InvalidValue(f'"{attribute.name}" must have at most one primary value.')
    else:
        raise InvalidValue(f'"{attribute.name}" must be a list.')


def _check_element(attribute: Attribute, value: Any) -> None:
    if value is None:
        return
    is_number = attribute.type in {"integer", "decimal"} and isinstance(value, int) and not isinstance(value, bool)
    if not is_number and type(value) is not _JSON_TYPES.get(attribute.type, str):
        raise InvalidValue(f'"{attribute.name}" must be of the type {attribute.type}.')
    if isinstance(value, dict):
        _check_parts(attribute, value)


def _check_parts(attribute: Attribute, value: Mapping[str, Any]) -> None:
    for name, one in value.items():
        sub = attribute.sub_attribute(name)
        # The object of an extension may contain "schemas".
        if sub is None and not (name.lower() == "schemas" and attribute.name.lower().startswith("urn:")):
            raise InvalidPath(f'"{attribute.name}" has no sub-attribute "{name[:200]}".')
        if sub is not None:
            _check_value(sub, one)
